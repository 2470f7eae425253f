//! An endpoint that a run can use.

use super::raw::{Auth, AuthKind, Endpoint, EndpointKind};
use super::{Config, SecretRef};
use std::path::PathBuf;
use url::{Host, Url};

/// Where a mailbox is, and how to sign in. Secrets are still references.
#[derive(Debug, Clone)]
pub enum Place {
    /// Exchange Web Services, with Basic authentication.
    Ews {
        /// The service.
        url: Url,
        /// The user.
        user: String,
        /// Where the password is.
        password: SecretRef,
        /// Whether to act for the mailbox by ExchangeImpersonation.
        impersonate: bool,
    },
    /// Microsoft Graph, with a client secret.
    Graph {
        /// The service with its version.
        base: String,
        /// Where tokens are issued.
        authority: String,
        /// The tenant.
        tenant: String,
        /// The application.
        client: String,
        /// Where the secret is.
        secret: SecretRef,
    },
    /// A file on this machine.
    Local {
        /// Which.
        path: PathBuf,
        /// Its path as it is written, wherever the configuration lies.
        written: PathBuf,
    },
}

impl Place {
    /// The endpoint called `name`, or all that is wrong with it.
    pub fn of(config: &Config, name: &str, endpoint: &Endpoint) -> Result<Self, Vec<String>> {
        let mut findings = Findings { place: format!("endpoint.{name}"), problems: vec![] };
        findings.foreign_keys(endpoint);
        let place = match endpoint.kind {
            EndpointKind::Ews => findings.ews(endpoint),
            EndpointKind::Graph => findings.graph(endpoint),
            EndpointKind::Local => findings.local(config, endpoint),
        };
        match place {
            Some(place) if findings.problems.is_empty() => Ok(place),
            Some(_) | None => Err(findings.problems),
        }
    }

    /// What kind it is, as the configuration writes it.
    pub fn kind(&self) -> EndpointKind {
        match self {
            Self::Ews { .. } => EndpointKind::Ews,
            Self::Graph { .. } => EndpointKind::Graph,
            Self::Local { .. } => EndpointKind::Local,
        }
    }

    /// What is reached: a host, or a file.
    pub fn target(&self) -> String {
        let host = |url: &Url| url.host_str().unwrap_or_default().to_owned();
        match self {
            Self::Ews { url, .. } => host(url),
            Self::Graph { base, .. } => {
                Url::parse(base).as_ref().map_or_else(|_| base.clone(), host)
            }
            Self::Local { path, .. } => path.display().to_string(),
        }
    }

    /// Its address, as far as it says which items are meant.
    pub fn address(&self) -> String {
        match self {
            Self::Ews { url, .. } => url.to_string(),
            Self::Graph { base, .. } => base.clone(),
            Self::Local { written, .. } => written.display().to_string(),
        }
    }
}

/// What is wrong with an endpoint.
struct Findings {
    place: String,
    problems: Vec<String>,
}

impl Findings {
    fn add(&mut self, key: &str, sentence: impl AsRef<str>) {
        let dot = if key.is_empty() { "" } else { "." };
        self.problems.push(format!("{}{dot}{key}: {}", self.place, sentence.as_ref()));
    }

    /// A value that must be there.
    fn required<T: Clone>(&mut self, key: &str, value: &Option<T>, what: &str) -> Option<T> {
        if value.is_none() {
            self.add(key, format!("is missing; write {what}"));
        }
        value.clone()
    }

    /// Keys that other kinds of endpoints have.
    fn foreign_keys(&mut self, endpoint: &Endpoint) {
        use EndpointKind::{Ews, Graph, Local};
        let own = |kinds: &[EndpointKind]| kinds.contains(&endpoint.kind);
        let keys = [
            ("url", endpoint.url.is_some(), own(&[Ews, Graph])),
            ("autodiscover", endpoint.autodiscover.is_some(), own(&[Ews])),
            ("auth", endpoint.auth.is_some(), own(&[Ews, Graph])),
            ("authority", endpoint.authority.is_some(), own(&[Ews, Graph])),
            ("impersonate", endpoint.impersonate.is_some(), own(&[Ews])),
            ("path", endpoint.path.is_some(), own(&[Local])),
        ];
        for (key, present, allowed) in keys {
            if present && !allowed {
                let kind = endpoint.kind.as_str();
                self.add(key, format!("means nothing for kind = \"{kind}\"; remove it"));
            }
        }
    }

    fn ews(&mut self, endpoint: &Endpoint) -> Option<Place> {
        if endpoint.autodiscover == Some(true) {
            self.add("autodiscover", "this version can't find the address by itself; write url = \"https://HOST/EWS/Exchange.asmx\"");
        }
        let url = match (&endpoint.url, endpoint.autodiscover) {
            (None, Some(true)) => None,
            (url, _) => self.required("url", url, "url = \"https://HOST/EWS/Exchange.asmx\""),
        };
        let url = url.and_then(|url| self.url("url", &url));
        let auth = self.required("auth", &endpoint.auth, BASIC);
        let signed = auth.and_then(|auth| match auth.kind {
            AuthKind::Basic => {
                self.only(&auth, &["user", "password"]);
                let user = self.required("auth.user", &auth.user, "the user's name");
                let password = self.required("auth.password", &auth.password, ENV);
                self.readable("auth.password", password.as_ref());
                user.zip(password)
            }
            AuthKind::Ntlm
            | AuthKind::ClientSecret
            | AuthKind::ClientCertificate
            | AuthKind::DeviceCode => {
                let kind = auth.kind.as_str();
                self.add(
                    "auth.kind",
                    format!(
                        "this version signs in to EWS with \"basic\" only, not yet with \"{kind}\""
                    ),
                );
                None
            }
        });
        let (url, (user, password)) = url.zip(signed)?;
        let impersonate = endpoint.impersonate.unwrap_or_default();
        Some(Place::Ews { url, user, password, impersonate })
    }

    fn graph(&mut self, endpoint: &Endpoint) -> Option<Place> {
        let base = endpoint.url.as_deref().unwrap_or(graph_adapter::DEFAULT_BASE);
        let base = self.url("url", base).map(|_| base.to_owned());
        let authority = endpoint.authority.as_deref().unwrap_or(entra_auth::DEFAULT_AUTHORITY);
        let authority = self.url("authority", authority).map(|_| authority.to_owned());
        let auth = self.required("auth", &endpoint.auth, CLIENT_SECRET);
        let signed = auth.and_then(|auth| match auth.kind {
            AuthKind::ClientSecret => {
                self.only(&auth, &["tenant", "client", "secret"]);
                let tenant = self.required("auth.tenant", &auth.tenant, "the tenant's id or domain");
                let client =
                    self.required("auth.client", &auth.client, "the application (client) id");
                let secret = self.required("auth.secret", &auth.secret, ENV);
                self.readable("auth.secret", secret.as_ref());
                Some((tenant?, client?)).zip(secret)
            }
            AuthKind::Basic | AuthKind::Ntlm => {
                let kind = auth.kind.as_str();
                self.add("auth.kind", format!("Graph knows no \"{kind}\"; write {CLIENT_SECRET}"));
                None
            }
            AuthKind::ClientCertificate | AuthKind::DeviceCode => {
                let kind = auth.kind.as_str();
                self.add("auth.kind", format!("this version signs in to Graph with \"client-secret\" only, not yet with \"{kind}\""));
                None
            }
        });
        let ((tenant, client), secret) = signed?;
        Some(Place::Graph { base: base?, authority: authority?, tenant, client, secret })
    }

    fn local(&mut self, config: &Config, endpoint: &Endpoint) -> Option<Place> {
        let path = self.required("path", &endpoint.path, "path = \"here.db\"")?;
        Some(Place::Local { path: config.directory().join(&path), written: path })
    }

    /// Keys that other ways of signing in have.
    fn only(&mut self, auth: &Auth, own: &[&str]) {
        let keys = [
            ("user", auth.user.is_some()),
            ("password", auth.password.is_some()),
            ("tenant", auth.tenant.is_some()),
            ("client", auth.client.is_some()),
            ("secret", auth.secret.is_some()),
        ];
        for (key, present) in keys {
            if present && !own.contains(&key) {
                let kind = auth.kind.as_str();
                self.add(
                    &format!("auth.{key}"),
                    format!("means nothing for kind = \"{kind}\"; remove it"),
                );
            }
        }
    }

    fn readable(&mut self, key: &str, secret: Option<&SecretRef>) {
        if secret.is_some_and(SecretRef::is_keyring) {
            self.add(
                key,
                "this version can't read the keyring; use env, file, command or systemd-credential",
            );
        }
    }

    /// An address that credentials may be sent to: encrypted, or without leaving this machine.
    fn url(&mut self, key: &str, text: &str) -> Option<Url> {
        let Ok(url) = Url::parse(text) else {
            self.add(key, "is no URL; write https://HOST/…");
            return None;
        };
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" if url.host().is_some() => Some(url),
            "http" if loopback => Some(url),
            "http" => {
                self.add(key, "http:// would send secrets and calendars in the clear; write https:// (http:// is for this machine's own address only)");
                None
            }
            _ => {
                self.add(key, "is no https:// URL; write https://HOST/…");
                None
            }
        }
    }
}

const ENV: &str = "{ env = \"NAME\" }";
const BASIC: &str = "auth = { kind = \"basic\", user = \"…\", password = { env = \"NAME\" } }";
const CLIENT_SECRET: &str = "auth = { kind = \"client-secret\", tenant = \"…\", client = \"…\", secret = { env = \"NAME\" } }";
