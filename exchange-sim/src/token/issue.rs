//! Makes tokens: access tokens look like JWTs and say what they allow, but are known by heart.

use super::call::Call;
use super::refusal::Refusal;
use super::scope::Scope;
use super::{Audience, EWS_ROLE, Grant, later};
use crate::store::World;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

const LIFETIME_SECONDS: i64 = 3599;
/// How long a refresh token is good without use: 90 days.
const INACTIVITY_SECONDS: i64 = 90 * 24 * 3600;

/// What a refresh token stands for.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    user: String,
    scope: Scope,
    issued: Timestamp,
}

/// The answer with a token for the application itself.
pub(super) fn application(world: &mut World, audience: Audience, resource: &str) -> Value {
    let roles: Vec<String> = world
        .config
        .roles
        .iter()
        .filter(|role| (*role == EWS_ROLE) == (audience == Audience::Ews))
        .cloned()
        .collect();
    let mut claims = claims(world, resource);
    claims["idtyp"] = json!("app");
    // Without any granted permission the claim is missing, not empty.
    if !roles.is_empty() {
        claims["roles"] = json!(roles);
    }
    let grant = Grant { roles, ..grant(world, audience) };
    let token = access_token(world, claims, grant);
    json!({
        "token_type": "Bearer",
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": token,
    })
}

/// The answer with tokens for a user, named by the mailbox's address; `nonce` comes back to whom
/// asked for an id token.
pub(super) fn delegated(
    world: &mut World,
    user: &str,
    scope: &Scope,
    nonce: Option<&str>,
) -> Value {
    let mut claims = claims(world, &scope.resource);
    claims["idtyp"] = json!("user");
    claims["scp"] = json!(scope.names.join(" "));
    let person = person(world, user);
    claims["upn"] = person["preferred_username"].clone();
    claims["name"] = person["name"].clone();
    claims["oid"] = person["oid"].clone();
    let grant = Grant {
        user: Some(user.to_owned()),
        scopes: scope.names.clone(),
        ..grant(world, scope.audience)
    };
    let mut answer = json!({
        "token_type": "Bearer",
        "scope": listed(scope),
        "expires_in": LIFETIME_SECONDS,
        "ext_expires_in": LIFETIME_SECONDS,
        "access_token": access_token(world, claims, grant),
    });
    if scope.offline {
        let (first, second) = (world.rng.bytes16(), world.rng.bytes16());
        let token = format!("1.{}", URL_SAFE_NO_PAD.encode([first, second].concat()));
        let (scope, issued) = (scope.clone(), world.now());
        let refresh = Refresh { user: user.to_owned(), scope, issued };
        world.tokens.refresh.insert(token.clone(), refresh);
        answer["refresh_token"] = json!(token);
    }
    if scope.openid {
        let mut claims = person;
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        answer["id_token"] = json!(id_token(world, claims));
    }
    answer
}

/// Redeems a refresh token, which stays good (MS docs: refresh tokens).
pub(super) fn refresh(world: &mut World, call: &Call) -> Result<Value, Refusal> {
    call.check_public_client(world)?;
    let token = call.required("refresh_token")?;
    let Some(held) = world.tokens.refresh.get(token).cloned() else {
        return Err(Refusal { error: "invalid_grant", ..Refusal::malformed() });
    };
    if later(held.issued, INACTIVITY_SECONDS) <= world.now() {
        let text = format!(
            "The refresh token has expired due to inactivity. The token was issued on {} and was \
             inactive for 90.00:00:00.",
            held.issued.strftime("%Y-%m-%dT%H:%M:%S.0000000Z")
        );
        return Err(Refusal::new("invalid_grant", 700_082, text));
    }
    let scope = match call.field("scope") {
        "" => held.scope,
        asked => Scope::read(asked, &call.tenant)?,
    };
    let scope = Scope { offline: true, ..scope.consented(&world.config)? };
    Ok(delegated(world, &held.user, &scope, None))
}

/// Scopes as the answer lists them: in full where they aren't Graph's.
fn listed(scope: &Scope) -> String {
    let mut listed: Vec<String> = match scope.audience {
        Audience::Graph => scope.names.clone(),
        Audience::Ews => {
            scope.names.iter().map(|name| format!("{}/{name}", scope.resource)).collect()
        }
    };
    if scope.openid {
        listed.extend(["openid", "profile", "email"].map(str::to_owned));
    }
    listed.join(" ")
}

fn grant(world: &World, audience: Audience) -> Grant {
    let expires = later(world.now(), LIFETIME_SECONDS);
    Grant { audience, user: None, roles: Vec::new(), scopes: Vec::new(), expires, revoked: false }
}

/// The claims that every access token has.
fn claims(world: &mut World, resource: &str) -> Value {
    let now = world.now().as_second();
    let tenant = &world.config.tenant;
    json!({
        "aud": resource,
        "iss": format!("https://sts.windows.net/{tenant}/"),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME_SECONDS,
        "appid": world.config.client,
        "tid": tenant,
        "ver": "1.0",
        "uti": URL_SAFE_NO_PAD.encode(world.rng.bytes16()),
    })
}

/// What tokens say of a user.
fn person(world: &World, user: &str) -> Value {
    let mailbox = world.mailbox(user);
    json!({
        "name": mailbox.map(|mailbox| mailbox.name.as_str()),
        "preferred_username": mailbox.map_or(user, |mailbox| mailbox.user.as_str()),
        "oid": mailbox.map(|mailbox| crate::store::rng::guid_text(&mailbox.guid)),
    })
}

fn id_token(world: &mut World, mut claims: Value) -> String {
    let now = world.now().as_second();
    let config = &world.config;
    claims["aud"] = json!(config.client);
    claims["iss"] = json!(format!("https://login.microsoftonline.com/{}/v2.0", config.tenant));
    claims["iat"] = json!(now);
    claims["nbf"] = json!(now);
    claims["exp"] = json!(now + LIFETIME_SECONDS);
    claims["sub"] = claims["oid"].clone();
    claims["tid"] = json!(config.tenant);
    claims["ver"] = json!("2.0");
    encode(world, &claims)
}

fn access_token(world: &mut World, claims: Value, grant: Grant) -> String {
    let token = encode(world, &claims);
    world.tokens.grants.insert(token.clone(), grant);
    token
}

/// Writes claims as a JWT; nobody can verify its signature, and clients must not try.
fn encode(world: &mut World, claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"RS256","kid":"built-in"}"#);
    let signature = URL_SAFE_NO_PAD.encode(world.rng.bytes16());
    format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(claims.to_string()))
}
