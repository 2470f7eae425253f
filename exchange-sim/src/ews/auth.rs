//! Who calls, and for which mailbox.

use super::fault::Fault;
use super::xml::Element;
use crate::Request;
use crate::Response;
use crate::respond;
use crate::store::Mailbox;
use crate::store::World;
use crate::token::Audience;
use crate::token::EWS_ROLE;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How Exchange Online asks for a token.
const BEARER: &str = "Bearer client_id=\"00000002-0000-0ff1-ce00-000000000000\", \
    trusted_issuers=\"00000001-0000-0000-c000-000000000000@*\", \
    token_types=\"app_asserted_user_v1 service_asserted_app_v1\", \
    authorization_uri=\"https://login.windows.net/common/oauth2/authorize\"";
/// What Exchange Online says to a token without the permission for EWS.
const NO_PERMISSIONS: &str = "2000008;reason=\"The token contains no permissions, or permissions \
    can not be understood.\";error_category=\"invalid_grant\"";

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The owner of a mailbox, by address.
    User(String),
    /// An application with a token for every mailbox.
    App,
}

/// Why nobody is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Denied {
    /// No credentials, or wrong ones.
    Credentials,
    /// A token without the permission that EWS needs.
    Permission,
}

/// Reads the `Authorization` header.
pub(crate) fn caller(world: &World, request: &Request) -> Result<Caller, Denied> {
    let header = request.headers().get(http::header::AUTHORIZATION);
    let header = header.and_then(|value| value.to_str().ok()).ok_or(Denied::Credentials)?;
    let (scheme, rest) = header.trim().split_once(' ').ok_or(Denied::Credentials)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("Basic") {
        let decoded = STANDARD.decode(rest).map_err(|_| Denied::Credentials)?;
        let text = String::from_utf8(decoded).map_err(|_| Denied::Credentials)?;
        let (user, password) = text.split_once(':').ok_or(Denied::Credentials)?;
        let address = world.sign_in(user, password).ok_or(Denied::Credentials)?;
        return Ok(Caller::User(address.to_owned()));
    }
    if scheme.eq_ignore_ascii_case("Bearer") {
        let grant = world.tokens.check(rest, Audience::Ews, world.now());
        let grant = grant.map_err(|_| Denied::Credentials)?;
        let allowed = grant.roles.iter().any(|role| role == EWS_ROLE);
        return if allowed { Ok(Caller::App) } else { Err(Denied::Permission) };
    }
    Err(Denied::Credentials)
}

/// The answer to a caller who isn't signed in.
pub(crate) fn unauthorized(denied: &Denied) -> Response {
    let mut response = respond(401, "text/plain", "");
    let headers = response.headers_mut();
    for challenge in [BEARER, "Basic realm=\"\""] {
        headers.append(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge));
    }
    if *denied == Denied::Permission {
        headers.insert("x-ms-diagnostics", http::HeaderValue::from_static(NO_PERMISSIONS));
    }
    response
}

/// The mailbox a request is for, by address: the caller's own, or that of the user it acts as.
pub(crate) fn mailbox(
    world: &World,
    caller: &Caller,
    header: Option<&Element>,
) -> Result<String, Fault> {
    let impersonation = header.and_then(|header| header.child("ExchangeImpersonation"));
    let Some(impersonation) = impersonation else {
        return match caller {
            Caller::User(address) => Ok(address.clone()),
            Caller::App => Err(Fault::new(
                "ErrorInvalidExchangeImpersonationHeaderData",
                "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
            )),
        };
    };
    let may = match caller {
        Caller::App => true,
        Caller::User(address) => {
            let user = world.mailbox(address).map(|mailbox| mailbox.user.to_lowercase());
            let listed = &world.config.impersonators;
            listed.iter().any(|name| name == address || Some(name) == user.as_ref())
        }
    };
    if !may {
        return Err(Fault::new(
            "ErrorImpersonateUserDenied",
            "The account does not have permission to impersonate the requested user.",
        ));
    }
    named(world, impersonation).map(|mailbox| mailbox.address.clone())
}

/// The user that `ConnectingSID` names (MS docs: ConnectingSID).
fn named<'a>(world: &'a World, impersonation: &Element) -> Result<&'a Mailbox, Fault> {
    let id = impersonation.child("ConnectingSID").and_then(|sid| sid.children.first());
    let Some(id) = id else {
        return Err(Fault::new(
            "ErrorInvalidExchangeImpersonationHeaderData",
            "The ExchangeImpersonation SOAP header is invalid.",
        ));
    };
    let text = id.text.trim();
    match id.name.as_str() {
        "SID" => Err(Fault::new("ErrorInvalidUserSid", "The SID is invalid.")),
        "PrincipalName" => world
            .mailboxes
            .values()
            .find(|mailbox| {
                mailbox.user.eq_ignore_ascii_case(text)
                    || mailbox.address.eq_ignore_ascii_case(text)
            })
            .ok_or_else(|| {
                Fault::new("ErrorInvalidUserPrincipalName", "The user principal name is invalid.")
            }),
        _ => world.mailbox(text).ok_or_else(|| {
            Fault::new(
                "ErrorNonExistentMailbox",
                "The SMTP address has no mailbox associated with it.",
            )
        }),
    }
}
