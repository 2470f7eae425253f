//! Authorization codes with PKCE, for a client that has a browser at hand (RFC 7636; MS docs: OAuth
//! 2.0 authorization code flow). The user whom `login_hint` names counts as signed in and consents.

use super::call::Call;
use super::issue;
use super::later;
use super::refusal::Refusal;
use super::scope::Scope;
use crate::store::World;
use crate::{Response, respond};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;
use url::Url;

/// How long a code is good.
const LIFETIME_SECONDS: i64 = 600;

/// A code that was given out.
#[derive(Debug)]
pub(super) struct Code {
    user: String,
    scope: Scope,
    redirect: String,
    /// SHA-256 of the verifier in base64url; `None` where the client sent no challenge.
    challenge: Option<String>,
    /// Comes back in the id token (OpenID Connect Core section 3.1.2.1).
    nonce: Option<String>,
    expires: Timestamp,
    redeemed: bool,
}

/// Answers `GET /{tenant}/oauth2/v2.0/authorize` with a redirect to the client.
///
/// Where application or address of the client are unknown there is nowhere to redirect to, and the
/// person would see a page.
pub(super) fn authorize(world: &mut World, call: &Call) -> Response {
    let checked = call
        .check_tenant(world)
        .and_then(|()| call.check_client(world))
        .and_then(|()| destination(world, call));
    let mut target = match checked {
        Ok(target) => target,
        Err(refusal) => {
            let page = format!("AADSTS{}: {}", refusal.code, refusal.text);
            return respond(refusal.status, "text/plain; charset=utf-8", page);
        }
    };
    match begin(world, call) {
        Ok(code) => {
            target.query_pairs_mut().append_pair("code", &code);
        }
        Err(refusal) => {
            let description = format!("AADSTS{}: {}", refusal.code, refusal.text);
            let mut query = target.query_pairs_mut();
            query.append_pair("error", refusal.error);
            query.append_pair("error_description", &description);
        }
    }
    if !call.field("state").is_empty() {
        target.query_pairs_mut().append_pair("state", call.field("state"));
    }
    let mut response = respond(302, "text/html; charset=utf-8", "");
    if let Ok(value) = http::HeaderValue::from_str(target.as_str()) {
        response.headers_mut().insert(http::header::LOCATION, value);
    }
    response
}

/// Where the client waits: a public client on this machine, on any port (RFC 8252 section 7.3).
fn destination(world: &World, call: &Call) -> Result<Url, Refusal> {
    let given = call.required("redirect_uri")?;
    let url = Url::parse(given).ok().filter(|url| {
        url.scheme() == "http"
            && matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"))
            && url.fragment().is_none()
    });
    url.ok_or_else(|| {
        let text = format!(
            "The redirect URI '{given}' specified in the request does not match the redirect URIs \
             configured for the application '{}'.",
            world.config.client
        );
        Refusal::new("invalid_request", 50_011, text)
    })
}

fn begin(world: &mut World, call: &Call) -> Result<String, Refusal> {
    if call.required("response_type")? != "code" {
        let text = "The response_type is not enabled for the application.";
        return Err(Refusal::new("unsupported_response_type", 700_051, text));
    }
    if !matches!(call.field("response_mode"), "" | "query") {
        let text = "The returned value of response_mode is not supported.";
        return Err(Refusal::new("unsupported_response_mode", 70_007, text));
    }
    let challenge = match (call.field("code_challenge"), call.field("code_challenge_method")) {
        ("", _) => None,
        (challenge, "S256") => Some(challenge.to_owned()),
        (challenge, "" | "plain") => Some(hashed(challenge)),
        (_, _) => return Err(Refusal::malformed()),
    };
    let scope = Scope::read(call.required("scope")?, &call.tenant)?.consented(&world.config)?;
    let Some(mailbox) = world.find_user("", call.field("login_hint")) else {
        let text = "Session information is not sufficient for single-sign-on.";
        return Err(Refusal::new("login_required", 50_058, text));
    };
    let user = mailbox.address.clone();
    let (first, second) = (world.rng.bytes16(), world.rng.bytes16());
    let code = format!("1.{}", URL_SAFE_NO_PAD.encode([first, second].concat()));
    let expires = later(world.now(), LIFETIME_SECONDS);
    let redirect = call.field("redirect_uri").to_owned();
    let nonce = Some(call.field("nonce").to_owned()).filter(|nonce| !nonce.is_empty());
    let entry = Code { user, scope, redirect, challenge, nonce, expires, redeemed: false };
    world.tokens.codes.insert(code.clone(), entry);
    Ok(code)
}

/// Redeems a code.
pub(super) fn redeem(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    call.check_public_client(world)?;
    let now = world.now();
    let given = call.required("code")?;
    let redirect = call.required("redirect_uri")?;
    let Some(code) = world.tokens.codes.get_mut(given) else {
        return Err(Refusal { error: "invalid_grant", ..Refusal::malformed() });
    };
    if code.redeemed {
        let text = "OAuth2 Authorization code was already redeemed, please retry with a new valid \
                    code or use an existing refresh token.";
        return Err(Refusal::new("invalid_grant", 54_005, text));
    }
    if code.expires <= now {
        let text = "The provided authorization code or refresh token has expired due to \
                    inactivity. Send a new interactive authorization request for this user and \
                    resource.";
        return Err(Refusal::new("invalid_grant", 70_008, text));
    }
    if code.redirect != redirect {
        let text = "The reply address does not match the reply address provided when requesting \
                    Authorization code.";
        return Err(Refusal::new("invalid_client", 500_112, text));
    }
    if let Some(challenge) = &code.challenge
        && hashed(call.required("code_verifier")?) != *challenge
    {
        let text = "The Code_Verifier does not match the code_challenge supplied in the \
                    authorization request.";
        return Err(Refusal::new("invalid_grant", 501_481, text));
    }
    code.redeemed = true;
    let (user, scope, nonce) = (code.user.clone(), code.scope.clone(), code.nonce.clone());
    Ok(issue::delegated(world, &user, &scope, nonce.as_deref()))
}

fn hashed(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}
