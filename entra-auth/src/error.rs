//! Why no token was issued, in words that name the fix.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why there is no token, named by what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Entra refused the credentials: somebody has to change something.
    #[error("{sentence}")]
    BadCredentials {
        /// `AADSTS…`, or the OAuth error where Entra gave no number.
        code: String,
        /// What is wrong and how it is put right.
        sentence: String,
    },
    /// The configuration can't be used: nothing was sent.
    #[error("{0}")]
    Misconfigured(String),
    /// No answer, or none for the moment: try again later.
    #[error("Entra can't be reached: {0}")]
    Unreachable(String),
    /// An answer that is no token: something else than Entra answers at the authority.
    #[error("the authority's answer is not understood: {0}")]
    Malformed(String),
}

/// The body of a refusal: RFC 6749 section 5.2, with Entra's numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Refusal {
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.error, self.error_codes)
    }
}

impl oauth2::ErrorResponse for Refusal {}

impl Refusal {
    /// The refusal as one sentence for people.
    ///
    /// Keyed on `error_codes` alone: Microsoft may change the texts at any time.
    pub(crate) fn into_error(self) -> Error {
        let known = self.error_codes.iter().find_map(|&code| Some((code, fix(code)?)));
        if let Some((code, sentence)) = known {
            return Error::BadCredentials {
                code: format!("AADSTS{code}"),
                sentence: sentence.to_owned(),
            };
        }
        if self.error == "temporarily_unavailable" || self.error == "server_error" {
            return Error::Unreachable(self.error);
        }
        let code = match self.error_codes.first() {
            Some(code) => format!("AADSTS{code}"),
            None => self.error,
        };
        // The first line alone: the rest are trace ids.
        let said = self.error_description.lines().next().unwrap_or_default();
        Error::BadCredentials { sentence: format!("Entra refuses the sign-in: {said}"), code }
    }
}

/// What to do about a number (MS docs: Microsoft Entra authentication and authorization error
/// codes).
fn fix(code: u64) -> Option<&'static str> {
    Some(match code {
        7_000_215 => {
            "The client secret is wrong: take the secret's value, not its id, from the \
             application's \"Certificates & secrets\" page in Entra."
        }
        7_000_222 => {
            "The client secret has expired: create a new one on the application's \
             \"Certificates & secrets\" page in Entra and put it in place of the old."
        }
        7_000_218 => {
            "The request carried no credential: configure a client secret for this application."
        }
        700_016 => {
            "The application is not known in this tenant: compare `client` with the Application \
             (client) ID in Entra, and check that `tenant` is the tenant it is registered in."
        }
        90_002 => {
            "The tenant does not exist: `tenant` must be the tenant's id or one of its domains, \
             in the cloud that `authority` names."
        }
        700_027 => {
            "The certificate is not registered for this application: upload it on the \
             application's \"Certificates & secrets\" page in Entra."
        }
        700_024 | 500_133 => {
            "The signed request lies outside its time of validity: set this machine's clock \
             right."
        }
        65_001 => {
            "Nobody has consented to the application's permissions: an administrator has to \
             grant them on the application's \"API permissions\" page in Entra."
        }
        53_003 => {
            "A Conditional Access policy blocks the sign-in: have the policy exclude this \
             application or this machine's network."
        }
        50_076 => {
            "The sign-in asks for a second factor, which an unattended run can't give: use an \
             application credential instead."
        }
        700_082 => "The sign-in has lapsed because it was not used: sign in again.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_number_keeps_its_first_line() {
        let refusal: Refusal = serde_json::from_str(
            r#"{"error":"invalid_request","error_description":"AADSTS1: no.\r\nTrace ID: x",
                "error_codes":[1]}"#,
        )
        .unwrap();
        assert_eq!(
            refusal.into_error(),
            Error::BadCredentials {
                code: "AADSTS1".into(),
                sentence: "Entra refuses the sign-in: AADSTS1: no.".into()
            }
        );
    }

    #[test]
    fn a_plain_oauth_error_keeps_its_name() {
        let refusal: Refusal = serde_json::from_str(r#"{"error":"invalid_client"}"#).unwrap();
        let Error::BadCredentials { code, .. } = refusal.into_error() else { panic!() };
        assert_eq!(code, "invalid_client");
    }
}
