//! What clients read before they ask for a token (OpenID Connect Discovery; MS docs: OpenID Connect
//! on the Microsoft identity platform).

use super::call::Call;
use super::refusal::Refusal;
use crate::connection::Connection;
use crate::store::World;
use crate::{Request, Response, respond_json};
use serde_json::json;

/// Answers `GET /{tenant}/v2.0/.well-known/openid-configuration`.
pub(crate) fn handle(world: &mut World, request: &Request, tenant: &str) -> Response {
    let call = Call::read(request, tenant);
    if let Err(refusal) = call.check_tenant(world) {
        return Refusal::render(&refusal, world);
    }
    let scheme = match Connection::of(request).tls_endpoint {
        Some(_) => "https",
        None => request.uri().scheme_str().unwrap_or("http"),
    };
    // Domains stand for the tenant that they belong to.
    let tenant = if call.is_shared_tenant() { tenant } else { world.config.tenant.as_str() };
    let base = format!("{scheme}://{}/{tenant}", call.host);
    respond_json(
        200,
        &json!({
            "token_endpoint": format!("{base}/oauth2/v2.0/token"),
            "token_endpoint_auth_methods_supported":
                ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_modes_supported": ["query"],
            "subject_types_supported": ["pairwise"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": format!("https://login.microsoftonline.com/{tenant}/v2.0"),
            "authorization_endpoint": format!("{base}/oauth2/v2.0/authorize"),
            "device_authorization_endpoint": format!("{base}/oauth2/v2.0/devicecode"),
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nbf", "name",
                "preferred_username", "oid", "tid", "ver"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": "graph.microsoft.com",
        }),
    )
}
