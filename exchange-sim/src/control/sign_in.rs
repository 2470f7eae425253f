//! Control of signing in: what is set up in Entra and Exchange, and persons at device codes.

use super::refuse;
use crate::config::{Config, ExtendedProtection};
use crate::store::World;
use crate::token::{Certificate, device};
use crate::{Request, Response, respond_json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// What an administrator sets; what is left out stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    secret: Option<String>,
    /// When the secret stops to work, by the virtual clock (RFC 3339).
    secret_expires: Option<String>,
    /// Certificates in PEM.
    certificates: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    scopes: Option<Vec<String>>,
    public_client: Option<bool>,
    extended_protection: Option<Protection>,
    /// Users who may act for any mailbox, by user name or address.
    impersonators: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Protection {
    Off,
    Allow,
    Require,
}

/// A person's answer at the page where user codes are entered.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Device {
    user_code: String,
    /// Who signs in, by user name or address; not needed to decline.
    #[serde(default)]
    user: String,
    #[serde(default = "yes")]
    approve: bool,
}

fn yes() -> bool {
    true
}

/// Answers `POST /sim/sign-in`: all settings given are taken, or none.
pub(super) fn set(world: &mut World, request: &Request) -> Response {
    let settings: Settings = match serde_json::from_slice(request.body()) {
        Ok(settings) => settings,
        Err(error) => return refuse(error),
    };
    match applied(world, settings) {
        Ok(config) => {
            world.config = config;
            respond_json(200, &shown(&world.config))
        }
        Err(error) => respond_json(400, &json!({"error": error})),
    }
}

fn applied(world: &World, settings: Settings) -> Result<Config, String> {
    let mut config = world.config.clone();
    if let Some(pems) = settings.certificates {
        let read: Result<Vec<Certificate>, _> = pems.iter().map(|pem| pem.parse()).collect();
        config.certificates =
            read.map_err(|error: crate::token::certificate::Error| error.to_string())?;
    }
    if let Some(users) = settings.impersonators {
        let address = |user: String| match world.find_user("", &user) {
            Some(mailbox) => Ok(mailbox.address.clone()),
            None => Err(format!("no mailbox '{user}'")),
        };
        config.impersonators = users.into_iter().map(address).collect::<Result<_, _>>()?;
    }
    config.secret = settings.secret.unwrap_or(config.secret);
    if let Some(text) = settings.secret_expires {
        let at: Result<Timestamp, _> = text.parse();
        config.secret_expires = Some(at.map_err(|_| format!("no time: '{text}'"))?);
    }
    config.roles = settings.roles.unwrap_or(config.roles);
    config.scopes = settings.scopes.unwrap_or(config.scopes);
    config.public_client = settings.public_client.unwrap_or(config.public_client);
    if let Some(protection) = settings.extended_protection {
        config.extended_protection = match protection {
            Protection::Off => ExtendedProtection::Off,
            Protection::Allow => ExtendedProtection::Allow,
            Protection::Require => ExtendedProtection::Require,
        };
    }
    Ok(config)
}

fn shown(config: &Config) -> serde_json::Value {
    let protection = match config.extended_protection {
        ExtendedProtection::Off => "off",
        ExtendedProtection::Allow => "allow",
        ExtendedProtection::Require => "require",
    };
    let prints: Vec<String> = config.certificates.iter().map(Certificate::thumbprint).collect();
    json!({
        "secret": config.secret,
        "secret_expires": config.secret_expires.map(|at| at.to_string()),
        "certificates": prints,
        "roles": config.roles,
        "scopes": config.scopes,
        "public_client": config.public_client,
        "extended_protection": protection,
        "impersonators": config.impersonators,
    })
}

/// Answers `POST /sim/devicecode`: a user signs in for a device, or declines.
pub(super) fn device(world: &mut World, request: &Request) -> Response {
    let device: Device = match serde_json::from_slice(request.body()) {
        Ok(device) => device,
        Err(error) => return refuse(error),
    };
    let user = device.approve.then_some(device.user.as_str());
    match device::complete(world, &device.user_code, user) {
        Ok(()) => respond_json(200, &json!({"approved": device.approve})),
        Err(error) => respond_json(404, &json!({"error": error.to_string()})),
    }
}
