//! One request to the token endpoint.

use super::assertion;
use super::refusal::Refusal;
use crate::Request;
use crate::store::World;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;

/// Tenants that stand for more than one.
const SHARED_TENANTS: [&str; 3] = ["common", "organizations", "consumers"];

/// A request with its parameters.
#[derive(Debug)]
pub(super) struct Call {
    /// The tenant as the path names it.
    pub(super) tenant: String,
    /// Host and port that the request came to.
    pub(super) host: String,
    form: BTreeMap<String, String>,
}

impl Call {
    /// Reads a form; a client may also give id and secret as Basic credentials (RFC 6749 2.3.1).
    pub(super) fn read(request: &Request, tenant: &str) -> Self {
        let mut form: BTreeMap<String, String> =
            url::form_urlencoded::parse(request.body()).into_owned().collect();
        if let Some((client, secret)) = basic(request) {
            form.entry("client_id".to_owned()).or_insert(client);
            form.entry("client_secret".to_owned()).or_insert(secret);
        }
        Self { tenant: tenant.to_owned(), host: host(request), form }
    }

    /// Reads a query in place of a form.
    pub(super) fn of_query(request: &Request, tenant: &str) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let form = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Self { tenant: tenant.to_owned(), host: host(request), form }
    }

    /// A parameter; empty where it is missing.
    pub(super) fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    /// A parameter that must be there.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        match self.field(name) {
            "" => Err(Refusal::missing(name)),
            value => Ok(value),
        }
    }

    /// Checks that the tenant exists: by id, by one of its domains, or any that the user is in.
    pub(super) fn check_tenant(&self, world: &World) -> Result<(), Refusal> {
        let tenant = self.tenant.to_ascii_lowercase();
        let domain = || {
            let mut addresses = world.mailboxes.keys();
            addresses.any(|address| address.rsplit('@').next() == Some(tenant.as_str()))
        };
        if SHARED_TENANTS.contains(&tenant.as_str())
            || self.tenant.eq_ignore_ascii_case(&world.config.tenant)
            || domain()
        {
            return Ok(());
        }
        let text = format!(
            "Tenant '{}' not found. Check to make sure you have the correct tenant ID and are \
             signing into the correct cloud. Check with your subscription administrator, this may \
             happen if there are no active subscriptions for the tenant.",
            self.tenant
        );
        Err(Refusal::new("invalid_request", 90_002, text))
    }

    /// Whether the path names no tenant of its own.
    pub(super) fn is_shared_tenant(&self) -> bool {
        SHARED_TENANTS.iter().any(|shared| self.tenant.eq_ignore_ascii_case(shared))
    }

    /// Checks that the application is registered.
    pub(super) fn check_client(&self, world: &World) -> Result<(), Refusal> {
        let client = self.required("client_id")?;
        if client.eq_ignore_ascii_case(&world.config.client) {
            return Ok(());
        }
        let text = format!(
            "Application with identifier '{client}' was not found in the directory '{}'. This can \
             happen if the application has not been installed by the administrator of the tenant \
             or consented to by any user in the tenant. You may have sent your authentication \
             request to the wrong tenant.",
            self.tenant
        );
        Err(Refusal::new("unauthorized_client", 700_016, text))
    }

    /// Whether the request carries a secret or an assertion.
    pub(super) fn has_credential(&self) -> bool {
        ["client_secret", "client_assertion"].iter().any(|name| !self.field(name).is_empty())
    }

    /// Checks that the application is who it says.
    pub(super) fn check_credential(&self, world: &mut World) -> Result<(), Refusal> {
        if !self.has_credential() {
            let text = "The request body must contain the following parameter: \
                        'client_assertion' or 'client_secret'.";
            return Err(Refusal::client(7_000_218, text));
        }
        if !self.field("client_assertion").is_empty() {
            return assertion::check(world, self);
        }
        let config = &world.config;
        if self.field("client_secret") != config.secret {
            let text = format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is \
                 the client secret value, not the client secret ID, for a secret added to app \
                 '{}'.",
                config.client
            );
            return Err(Refusal::client(7_000_215, text));
        }
        if config.secret_expires.is_some_and(|expires| expires <= world.now()) {
            let text = format!(
                "The provided client secret keys for app '{}' are expired. Visit the Azure portal \
                 to create new keys for your app: https://aka.ms/NewClientSecret, or consider \
                 using certificate credentials for added security.",
                config.client
            );
            return Err(Refusal::client(7_000_222, text));
        }
        Ok(())
    }

    /// Checks a client that acts for a user: without a credential it must be a public one.
    pub(super) fn check_public_client(&self, world: &mut World) -> Result<(), Refusal> {
        if !self.has_credential() && world.config.public_client {
            return Ok(());
        }
        self.check_credential(world)
    }
}

fn host(request: &Request) -> String {
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| {
        request.headers().get(http::header::HOST).and_then(|value| value.to_str().ok())
    });
    host.unwrap_or_default().to_owned()
}

fn basic(request: &Request) -> Option<(String, String)> {
    let header = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    let (client, secret) = text.split_once(':')?;
    let decoded = |text: &str| -> String {
        url::form_urlencoded::parse(format!("x={text}").as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    Some((decoded(client), decoded(secret)))
}
