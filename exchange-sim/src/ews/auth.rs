//! Who calls, and for which mailbox.

use super::fault::Fault;
use super::xml::Element;
use crate::Request;
use crate::Response;
use crate::connection::Connection;
use crate::connection::SignIn;
use crate::ntlm;
use crate::ntlm::spnego;
use crate::ntlm::spnego::Token;
use crate::respond;
use crate::store::Mailbox;
use crate::store::World;
use crate::token::Audience;
use crate::token::EWS_ROLE;
use crate::token::EWS_SCOPE;
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
    /// The next message of a handshake: scheme and base64.
    Challenge(String),
}

/// Reads the `Authorization` header; without one, the connection may be signed in already.
pub(crate) fn caller(world: &mut World, request: &Request) -> Result<Caller, Denied> {
    let connection = Connection::of(request);
    let Some(header) = request.headers().get(http::header::AUTHORIZATION) else {
        return match world.connections.sign_in(connection.id) {
            Some(SignIn::Done(address)) => Ok(Caller::User(address.clone())),
            Some(SignIn::Challenged(_)) | None => Err(Denied::Credentials),
        };
    };
    let header = header.to_str().map_err(|_| Denied::Credentials)?;
    let (scheme, rest) = header.trim().split_once(' ').ok_or(Denied::Credentials)?;
    let rest = rest.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "basic" => basic(world, rest),
        "bearer" => bearer(world, rest),
        "ntlm" | "negotiate" => {
            let message = STANDARD.decode(rest).map_err(|_| Denied::Credentials)?;
            handshake(world, connection, scheme, &message)
        }
        _ => Err(Denied::Credentials),
    }
}

fn basic(world: &World, credentials: &str) -> Result<Caller, Denied> {
    let decoded = STANDARD.decode(credentials).map_err(|_| Denied::Credentials)?;
    let text = String::from_utf8(decoded).map_err(|_| Denied::Credentials)?;
    let (user, password) = text.split_once(':').ok_or(Denied::Credentials)?;
    let (domain, user) = user.split_once('\\').unwrap_or(("", user));
    let mailbox = world.find_user(domain, user).filter(|mailbox| mailbox.password == password);
    mailbox.map(|mailbox| Caller::User(mailbox.address.clone())).ok_or(Denied::Credentials)
}

fn bearer(world: &World, token: &str) -> Result<Caller, Denied> {
    let grant = world.tokens.check(token, Audience::Ews, world.now());
    let grant = grant.map_err(|_| Denied::Credentials)?;
    let holds = |permissions: &[String], wanted: &str| permissions.iter().any(|p| p == wanted);
    match &grant.user {
        Some(address) if holds(&grant.scopes, EWS_SCOPE) => Ok(Caller::User(address.clone())),
        None if holds(&grant.roles, EWS_ROLE) => Ok(Caller::App),
        Some(_) | None => Err(Denied::Permission),
    }
}

/// One step of signing a connection in (MS-NTHT); `Negotiate` carries the same messages as `NTLM`,
/// as they are or in SPNEGO.
fn handshake(
    world: &mut World,
    connection: Connection,
    scheme: &str,
    token: &[u8],
) -> Result<Caller, Denied> {
    let challenge =
        |token: &[u8]| Denied::Challenge(format!("{scheme} {}", STANDARD.encode(token)));
    let (message, wrapped) = match Token::read(token).ok_or(Denied::Credentials)? {
        Token::Bare(message) => (message, false),
        Token::Wrapped(message) => (message, true),
        Token::Other => return Err(challenge(&spnego::answer(None))),
    };
    match ntlm::kind(message) {
        Some(1) => {
            let offer = offer(world, message);
            let answer = match wrapped {
                true => challenge(&spnego::answer(Some(offer.message()))),
                false => challenge(offer.message()),
            };
            world.connections.set(connection.id, SignIn::Challenged(offer));
            Err(answer)
        }
        Some(3) => prove(world, connection, message),
        Some(_) | None => Err(Denied::Credentials),
    }
}

fn offer(world: &mut World, negotiate: &[u8]) -> ntlm::Offer {
    let [challenge @ .., _, _, _, _, _, _, _, _] = world.rng.bytes16();
    ntlm::Offer::new(negotiate, challenge, &names(world), world.now())
}

/// Checks the answer to a challenge, which is good for one answer.
fn prove(world: &mut World, connection: Connection, message: &[u8]) -> Result<Caller, Denied> {
    let begun = world.connections.take(connection.id);
    let Some(SignIn::Challenged(offer)) = begun else { return Err(Denied::Credentials) };
    let answer = ntlm::Authenticate::read(message).ok_or(Denied::Credentials)?;
    let mailbox = world.find_user(&answer.domain, &answer.user).ok_or(Denied::Credentials)?;
    let (endpoint, protection) = (connection.tls_endpoint, world.config.extended_protection);
    offer
        .verify(&answer, &mailbox.password, endpoint.as_ref(), protection)
        .map_err(|_| Denied::Credentials)?;
    let address = mailbox.address.clone();
    world.connections.set(connection.id, SignIn::Done(address.clone()));
    Ok(Caller::User(address))
}

/// The server's domain: that of its first mailbox.
fn names(world: &World) -> ntlm::Names {
    let first = world.mailboxes.keys().next().and_then(|address| address.rsplit('@').next());
    let dns_domain = first.unwrap_or("contoso.example").to_owned();
    let domain: String =
        dns_domain.split('.').next().unwrap_or_default().chars().take(15).collect();
    ntlm::Names { domain: domain.to_uppercase(), dns_domain }
}

/// The answer to a caller who isn't signed in.
pub(crate) fn unauthorized(denied: &Denied) -> Response {
    let mut response = respond(401, "text/plain", "");
    let headers = response.headers_mut();
    match denied {
        Denied::Challenge(message) => {
            if let Ok(value) = http::HeaderValue::from_str(message) {
                headers.insert(http::header::WWW_AUTHENTICATE, value);
            }
            return response;
        }
        Denied::Permission => {
            let reason = http::HeaderValue::from_static(NO_PERMISSIONS);
            headers.insert("x-ms-diagnostics", reason);
        }
        Denied::Credentials => {}
    }
    for challenge in [BEARER, "Negotiate", "NTLM", "Basic realm=\"\""] {
        headers.append(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge));
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
