//! A user's name and password in the request itself (MS docs: OAuth 2.0 Resource Owner Password
//! Credentials): Microsoft advises against it, and clients of old still do it.

use super::call::Call;
use super::issue;
use super::refusal::Refusal;
use super::scope::Scope;
use crate::store::World;
use serde_json::Value;

/// Gives a user's tokens for the user's password.
pub(super) fn redeem(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    if ["common", "consumers"].iter().any(|shared| call.tenant.eq_ignore_ascii_case(shared)) {
        let text = "The grant type is not supported over the /common or /consumers endpoints. \
                    Please use the /organizations or tenant-specific endpoint.";
        return Err(Refusal::new("invalid_request", 9_001_023, text));
    }
    call.check_public_client(world)?;
    let name = call.required("username")?;
    let password = call.required("password")?;
    let scope = Scope::read(call.required("scope")?, &call.tenant)?;
    let Some(mailbox) = world.find_user("", name) else {
        let text = format!(
            "The user account {name} does not exist in the {} directory. To sign into this \
             application, the account must be added to the directory.",
            call.tenant
        );
        return Err(Refusal::new("invalid_grant", 50_034, text));
    };
    if mailbox.password != password {
        let text = "Error validating credentials due to invalid username or password.";
        return Err(Refusal::new("invalid_grant", 50_126, text));
    }
    let user = mailbox.address.clone();
    let scope = scope.consented(&world.config)?;
    Ok(issue::delegated(world, &user, &scope, None))
}
