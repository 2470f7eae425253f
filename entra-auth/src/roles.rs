//! What a token permits.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

/// The application permissions that a token carries, as its `roles` claim lists them.
///
/// Without the administrator's consent Entra issues a token all the same, only without roles, and
/// every request is then refused: so this is read to name what is missing. The signature is not
/// verified (the server does that), and a token that is no JWT has no roles.
pub fn roles(token: &SecretString) -> Vec<String> {
    #[derive(Deserialize)]
    struct Claims {
        #[serde(default)]
        roles: Vec<String>,
    }
    token
        .expose_secret()
        .split('.')
        .nth(1)
        .and_then(|payload| URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok())
        .and_then(|payload| serde_json::from_slice::<Claims>(&payload).ok())
        .map_or_else(Vec::new, |claims| claims.roles)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(payload: &str) -> SecretString {
        format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(payload)).into()
    }

    #[test]
    fn roles_are_read_without_verification() {
        let with = token(r#"{"aud":"x","roles":["Calendars.ReadWrite","Mail.Read"]}"#);
        assert_eq!(roles(&with), ["Calendars.ReadWrite", "Mail.Read"]);
        assert!(roles(&token(r#"{"aud":"x"}"#)).is_empty());
    }

    #[test]
    fn what_is_no_jwt_has_no_roles() {
        for text in ["", "opaque", "a.!!.c", "a.e30", "..", "a.W10.c"] {
            assert!(roles(&text.to_owned().into()).is_empty(), "{text}");
        }
    }
}
