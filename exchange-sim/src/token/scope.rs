//! What a token is asked for.

use super::Audience;
use super::refusal::Refusal;
use crate::config::Config;

/// Resources that an application may ask a token for, without a slash at the end.
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
/// Everything that was consented to.
const DEFAULT: &str = ".default";

/// A resource, and what is wanted of it for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) audience: Audience,
    /// The resource as the client wrote it.
    pub(super) resource: String,
    /// Delegated permissions, without the resource.
    pub(super) names: Vec<String>,
    /// Whether an id token is wanted.
    pub(super) openid: bool,
    /// Whether a refresh token is wanted.
    pub(super) offline: bool,
}

/// Reads the scope of a client that acts for itself: all that was granted for one resource.
pub(super) fn application(scope: &str, tenant: &str) -> Result<(Audience, String), Refusal> {
    if scope.is_empty() {
        let text = "The required field 'scope' is missing from the credential. Ensure that you \
                    have all the necessary parameters for the login request.";
        return Err(Refusal::new("invalid_request", 90_014, text));
    }
    let Some(resource) = scope.strip_suffix("/.default") else {
        let text = format!(
            "The provided value for scope {scope} is not valid. Client credential flows must have \
             a scope value with /.default suffixed to the resource identifier (application ID URI)."
        );
        return Err(Refusal::new("invalid_scope", 1_002_012, text));
    };
    let resource = resource.trim_end_matches('/').to_owned();
    Ok((audience(&resource, tenant)?, resource))
}

impl Scope {
    /// Reads the scopes of a client that acts for a user; bare names are those of Graph.
    pub(super) fn read(scope: &str, tenant: &str) -> Result<Self, Refusal> {
        let (mut openid, mut offline) = (false, false);
        let mut resource: Option<String> = None;
        let mut names: Vec<String> = Vec::new();
        for asked in scope.split_ascii_whitespace() {
            match asked {
                "openid" => openid = true,
                "offline_access" => offline = true,
                "profile" | "email" => {}
                _ => {
                    let (of, name) = asked.rsplit_once('/').unwrap_or((GRAPH_RESOURCES[0], asked));
                    let of = of.trim_end_matches('/');
                    if resource.as_deref().is_some_and(|resource| resource != of) {
                        let text = format!(
                            "Provided value for the input parameter scope is not valid because it \
                             contains more than one resource. Scope {scope} is not valid."
                        );
                        return Err(Refusal::new("invalid_request", 28_000, text));
                    }
                    resource = Some(of.to_owned());
                    names.push(name.to_owned());
                }
            }
        }
        if names.len() > 1 && names.iter().any(|name| name == DEFAULT) {
            let text =
                format!("{scope} .default scope can't be combined with resource-specific scopes.");
            return Err(Refusal::new("invalid_scope", 70_011, text));
        }
        if names.is_empty() && !openid {
            return Err(Refusal::scope(scope));
        }
        let resource = resource.unwrap_or_else(|| GRAPH_RESOURCES[0].to_owned());
        let audience = audience(&resource, tenant)?;
        Ok(Self { audience, resource, names, openid, offline })
    }

    /// Puts the permissions consented to in place of `.default`, and refuses others.
    pub(super) fn consented(mut self, config: &Config) -> Result<Self, Refusal> {
        let of_resource =
            |name: &&String| (*name == super::EWS_SCOPE) == (self.audience == Audience::Ews);
        let consented: Vec<String> = config.scopes.iter().filter(of_resource).cloned().collect();
        if self.names == [DEFAULT] {
            self.names = consented;
            return Ok(self);
        }
        for name in &mut self.names {
            let found = consented.iter().find(|consented| consented.eq_ignore_ascii_case(name));
            let Some(found) = found else {
                let text = format!(
                    "The user or administrator has not consented to use the application with ID \
                     '{}'. Send an interactive authorization request for this user and resource.",
                    config.client
                );
                return Err(Refusal::new("invalid_grant", 65_001, text));
            };
            name.clone_from(found);
        }
        Ok(self)
    }
}

fn audience(resource: &str, tenant: &str) -> Result<Audience, Refusal> {
    if GRAPH_RESOURCES.contains(&resource) {
        return Ok(Audience::Graph);
    }
    if EWS_RESOURCES.contains(&resource) {
        return Ok(Audience::Ews);
    }
    let text = format!(
        "The resource principal named {resource} was not found in the tenant named {tenant}. This \
         can happen if the application has not been installed by the administrator of the tenant \
         or consented to by any user in the tenant."
    );
    Err(Refusal::new("invalid_resource", 500_011, text))
}
