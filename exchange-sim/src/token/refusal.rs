//! Why no token is given, as Entra words it.
//!
//! Numbers and OAuth errors are those of "Microsoft Entra authentication and authorization error
//! codes"; texts follow messages quoted in issue threads of Microsoft's client libraries. Clients
//! must not depend on the texts.

use crate::store::World;
use crate::{Response, respond_json};
use serde_json::json;

/// A refusal: status, OAuth error, AADSTS number and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) code: u32,
    pub(super) text: String,
}

impl Refusal {
    /// A request that the client has to change.
    pub(super) fn new(error: &'static str, code: u32, text: impl Into<String>) -> Self {
        Self { status: 400, error, code, text: text.into() }
    }

    /// A client that didn't prove who it is.
    pub(super) fn client(code: u32, text: impl Into<String>) -> Self {
        Self { status: 401, ..Self::new("invalid_client", code, text) }
    }

    pub(super) fn missing(parameter: &str) -> Self {
        let text = format!("The request body must contain the following parameter: '{parameter}'.");
        Self::new("invalid_request", 900_144, text)
    }

    pub(super) fn malformed() -> Self {
        let text = "Invalid request. Request is malformed or invalid.";
        Self::new("invalid_request", 9_002_313, text)
    }

    pub(super) fn scope(scope: &str) -> Self {
        let text = format!(
            "The provided request must include a 'scope' input parameter. The provided value for \
             the input parameter 'scope' is not valid. The scope {scope} is not valid."
        );
        Self::new("invalid_scope", 70_011, text)
    }

    /// The answer that says so.
    pub(super) fn render(&self, world: &mut World) -> Response {
        let trace = world.rng.guid();
        let correlation = world.rng.guid();
        let at = world.now().strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let description = format!(
            "AADSTS{}: {}\r\nTrace ID: {trace}\r\nCorrelation ID: {correlation}\r\nTimestamp: {at}",
            self.code, self.text
        );
        respond_json(
            self.status,
            &json!({
                "error": self.error,
                "error_description": description,
                "error_codes": [self.code],
                "timestamp": at,
                "trace_id": trace,
                "correlation_id": correlation,
                "error_uri": format!("https://login.microsoftonline.com/error?code={}", self.code),
            }),
        )
    }
}
