//! Entra: tokens for an application and for users, and how a client proves who it is.

mod assertion;
mod call;
pub mod certificate;
mod code;
pub(crate) mod device;
pub(crate) mod discovery;
mod issue;
mod kept;
mod password;
mod refusal;
mod scope;

pub use certificate::Certificate;

use crate::fault::{self, Refusal as Fault, Service};
use crate::store::World;
use crate::{Reply, Request, Response, respond, respond_json};
use call::Call;
use jiff::{SignedDuration, Timestamp};
use kept::Kept;
use refusal::Refusal;
use serde_json::{Value, json};

/// The one application permission of EWS.
pub const EWS_ROLE: &str = "full_access_as_app";
/// The one delegated permission of EWS.
pub const EWS_SCOPE: &str = "EWS.AccessAsUser.All";

/// Whom a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Microsoft Graph.
    Graph,
    /// Exchange Web Services.
    Ews,
}

/// What a token allows.
#[derive(Debug, Clone)]
pub struct Grant {
    /// Whom it is for.
    pub audience: Audience,
    /// The user it acts for, by address; `None` where the application acts for itself.
    pub user: Option<String>,
    /// Application permissions.
    pub roles: Vec<String>,
    /// Delegated permissions.
    pub scopes: Vec<String>,
    expires: Timestamp,
    revoked: bool,
}

/// Why a bearer token isn't taken.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not issued here, or no JWT at all.
    #[error("IDX14100: JWT is not well formed.")]
    Malformed,
    /// Older than its lifetime.
    #[error("Lifetime validation failed, the token is expired.")]
    Expired,
    /// Revoked before its time.
    #[error("Continuous access evaluation resulted in challenge with result: InteractionRequired")]
    Revoked,
    /// For another resource.
    #[error("Access token validation failure. Invalid audience.")]
    Audience,
}

/// What was given out, and what was used up.
#[derive(Debug, Default)]
pub struct Tokens {
    grants: Kept<Grant>,
    refresh: Kept<issue::Refresh>,
    devices: Kept<device::DeviceCode>,
    codes: Kept<code::Code>,
    /// Identifiers of client assertions, with the end of their time.
    assertions: Kept<Timestamp>,
}

impl Tokens {
    /// Checks a bearer token for one audience.
    pub fn check(&self, token: &str, audience: Audience, now: Timestamp) -> Result<&Grant, Error> {
        let grant = self.grants.get(token).ok_or(Error::Malformed)?;
        if grant.audience != audience {
            Err(Error::Audience)
        } else if grant.revoked {
            Err(Error::Revoked)
        } else if grant.expires <= now {
            Err(Error::Expired)
        } else {
            Ok(grant)
        }
    }

    /// Revokes every access token given out so far.
    pub fn revoke_all(&mut self) {
        for grant in self.grants.values_mut() {
            grant.revoked = true;
        }
    }
}

/// Answers a request to `/{tenant}/oauth2/v2.0/{endpoint}`.
pub(crate) fn handle(world: &mut World, request: &Request, tenant: &str, endpoint: &str) -> Reply {
    let work: fn(&mut World, &Call) -> Result<Value, Refusal> = match endpoint {
        "token" => token,
        "devicecode" => device::begin,
        "authorize" => {
            return Reply::respond(code::authorize(world, &Call::of_query(request, tenant)));
        }
        _ => return Reply::respond(respond(404, "text/plain", "Not Found")),
    };
    if request.method() != http::Method::POST {
        return Reply::respond(respond(405, "text/plain", "Method Not Allowed"));
    }
    let action = world.faults.take(Service::Token, endpoint, None);
    let refuse = |_: &mut World, refusal| refused(refusal);
    fault::perform(world, action, None, request, refuse, |world| {
        let call = Call::read(request, tenant);
        match call.check_tenant(world).and_then(|()| work(world, &call)) {
            Ok(answer) => respond_json(200, &answer),
            Err(refusal) => refusal.render(world),
        }
    })
}

fn token(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    let grant_type = call.required("grant_type")?;
    let work: fn(&mut World, &Call) -> Result<Value, Refusal> = match grant_type {
        "client_credentials" => client_credentials,
        "urn:ietf:params:oauth:grant-type:device_code" => device::redeem,
        "refresh_token" => issue::refresh,
        "authorization_code" => code::redeem,
        "password" => password::redeem,
        _ => {
            let text = format!("The app requested an unsupported grant type '{grant_type}'.");
            return Err(Refusal::new("unsupported_grant_type", 70_003, text));
        }
    };
    call.check_client(world)?;
    work(world, call)
}

fn client_credentials(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    if call.is_shared_tenant() {
        let text = "No tenant-identifying information found in either the request or implied by \
                    any provided credentials.";
        return Err(Refusal::new("invalid_request", 50_059, text));
    }
    call.check_credential(world)?;
    let (audience, resource) = scope::application(call.field("scope"), &call.tenant)?;
    Ok(issue::application(world, audience, &resource))
}

/// So many seconds later, or the end of time.
fn later(now: Timestamp, seconds: i64) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX)
}

fn refused(refusal: Fault) -> Response {
    let (status, seconds) = match refusal {
        Fault::Throttled(seconds) => (429, seconds),
        Fault::Busy(seconds) | Fault::Unavailable(seconds) => (503, seconds),
        Fault::Unauthorized => (401, None),
    };
    let body = json!({"error": "temporarily_unavailable", "error_codes": [90055],
        "error_description": "AADSTS90055: The server is too busy to handle the request."});
    crate::with_retry_after(respond_json(status, &body), seconds)
}
