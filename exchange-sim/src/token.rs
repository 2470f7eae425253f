//! The Entra token endpoint: client credentials.

use crate::fault::{self, Refusal, Service};
use crate::store::World;
use crate::{Reply, Request, Response, respond_json};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::collections::BTreeMap;

const LIFETIME_SECONDS: i64 = 3599;
/// Resources that an application may ask a token for, with and without a slash at the end.
const GRAPH_RESOURCES: [&str; 3] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.us",
    "https://microsoftgraph.chinacloudapi.cn",
];
const EWS_RESOURCES: [&str; 4] = [
    "https://outlook.office365.com",
    "https://outlook.office.com",
    "https://outlook.office365.us",
    "https://partner.outlook.cn",
];
/// The one application permission of EWS.
pub const EWS_ROLE: &str = "full_access_as_app";

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
    /// Application permissions.
    pub roles: Vec<String>,
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

/// Tokens given out.
#[derive(Debug, Default)]
pub struct Tokens(BTreeMap<String, Grant>);

impl Tokens {
    /// Checks a bearer token for one audience.
    pub fn check(&self, token: &str, audience: Audience, now: Timestamp) -> Result<&Grant, Error> {
        let grant = self.0.get(token).ok_or(Error::Malformed)?;
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

    /// Revokes every token given out so far.
    pub fn revoke_all(&mut self) {
        for grant in self.0.values_mut() {
            grant.revoked = true;
        }
    }
}

/// Why no token is given.
struct Denied {
    status: u16,
    error: &'static str,
    code: u32,
    text: String,
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`.
pub(crate) fn handle(world: &mut World, request: &Request, tenant: &str) -> Reply {
    let action = world.faults.take(Service::Token, "token", None);
    let refuse = |_: &mut World, refusal| refused(refusal);
    fault::perform(world, action, None, request, refuse, |world| {
        let form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        match grant(world, tenant, &form) {
            Ok(token) => respond_json(
                200,
                &json!({
                    "token_type": "Bearer",
                    "expires_in": LIFETIME_SECONDS,
                    "ext_expires_in": LIFETIME_SECONDS,
                    "access_token": token,
                }),
            ),
            Err(denied) => deny(world, &denied),
        }
    })
}

fn grant(
    world: &mut World,
    tenant: &str,
    form: &BTreeMap<String, String>,
) -> Result<String, Denied> {
    let denied = |status, error, code, text: String| Denied { status, error, code, text };
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    if !tenant.eq_ignore_ascii_case(&world.config.tenant) {
        let text = format!(
            "Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are \
             signing into the correct cloud."
        );
        return Err(denied(400, "invalid_request", 90002, text));
    }
    let grant_type = field("grant_type");
    if grant_type != "client_credentials" {
        let text = format!("The app requested an unsupported grant type '{grant_type}'.");
        return Err(denied(400, "unsupported_grant_type", 70003, text));
    }
    let client = field("client_id");
    if client != world.config.client {
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{tenant}'."
        );
        return Err(denied(400, "unauthorized_client", 700_016, text));
    }
    if form.contains_key("client_assertion") {
        let text = "The certificate with identifier used to sign the client assertion is not \
                    registered on application.";
        return Err(denied(401, "invalid_client", 700_027, text.to_owned()));
    }
    if !form.contains_key("client_secret") {
        let text = "The request body must contain the following parameter: 'client_assertion' or \
                    'client_secret'.";
        return Err(denied(401, "invalid_client", 7_000_218, text.to_owned()));
    }
    if field("client_secret") != world.config.secret {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the \
             client secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        return Err(denied(401, "invalid_client", 7_000_215, text));
    }
    let Some(resource) = field("scope").strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {} is not valid. Client credential flows must have a \
             scope value with /.default suffixed to the resource identifier (application ID URI).",
            field("scope")
        );
        return Err(denied(400, "invalid_scope", 1_002_012, text));
    };
    let resource = resource.trim_end_matches('/').to_owned();
    match audience(&resource) {
        Some(audience) => Ok(issue(world, audience, &resource)),
        None => {
            let text = format!(
                "The resource principal named {resource} was not found in the tenant named {tenant}."
            );
            Err(denied(400, "invalid_resource", 500_011, text))
        }
    }
}

fn audience(resource: &str) -> Option<Audience> {
    if GRAPH_RESOURCES.contains(&resource) {
        Some(Audience::Graph)
    } else if EWS_RESOURCES.contains(&resource) {
        Some(Audience::Ews)
    } else {
        None
    }
}

/// Makes a token that looks like a JWT and says in `roles` what it allows.
fn issue(world: &mut World, audience: Audience, resource: &str) -> String {
    let now = world.now();
    let expires = now + SignedDuration::from_secs(LIFETIME_SECONDS);
    let roles: Vec<String> = world
        .config
        .roles
        .iter()
        .filter(|role| (*role == EWS_ROLE) == (audience == Audience::Ews))
        .cloned()
        .collect();
    let tenant = &world.config.tenant;
    let mut claims = json!({
        "aud": resource,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": expires.as_second(),
        "appid": world.config.client,
        "idtyp": "app",
        "tid": tenant,
        "ver": "1.0",
    });
    // Without any granted permission the claim is missing, not empty.
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    claims["uti"] = json!(URL_SAFE_NO_PAD.encode(world.rng.bytes16()));
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256","kid":"built-in"}"#);
    let signature = URL_SAFE_NO_PAD.encode(world.rng.bytes16());
    let token = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()));
    world.tokens.0.insert(token.clone(), Grant { audience, roles, expires, revoked: false });
    token
}

fn deny(world: &mut World, denied: &Denied) -> Response {
    let trace = world.rng.guid();
    let correlation = world.rng.guid();
    let at = world.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let description = format!(
        "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}",
        denied.code, denied.text
    );
    respond_json(
        denied.status,
        &json!({
            "error": denied.error,
            "error_description": description,
            "error_codes": [denied.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={}", denied.code),
        }),
    )
}

fn refused(refusal: Refusal) -> Response {
    let (status, seconds) = match refusal {
        Refusal::Throttled(seconds) => (429, seconds),
        Refusal::Busy(seconds) | Refusal::Unavailable(seconds) => (503, seconds),
        Refusal::Unauthorized => (401, None),
    };
    let body = json!({"error": "temporarily_unavailable", "error_codes": [90055],
        "error_description": "AADSTS90055: The server is too busy to handle the request."});
    crate::with_retry_after(respond_json(status, &body), seconds)
}
