//! What Graph answers instead of success, and what is to be done about it.

use crate::json;
use http::HeaderMap;
use serde_json::Value;
use std::fmt;
use sync_core::port::{Failure, Trouble};

/// Longest wait taken from a Retry-After, in milliseconds: a day.
const WAIT_MS_MAX: f64 = 86_400_000.0;

/// What a request does, on which depends what its failure means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It changes nothing.
    Read,
    /// It makes an item.
    Create,
    /// It changes or deletes an item.
    Change,
}

/// Why a request, or a step of a batch, gave nothing that can be used.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// It never left.
    NotSent(String),
    /// It left, and no answer came.
    NoAnswer(String),
    /// There was no token to send it with.
    Token(entra_auth::Error),
    /// The service refused it.
    Refused(Refusal),
    /// The service said yes in a way that is not understood: HTML, half a body, a missing step.
    Garbled(String),
}

/// A refusal: a status other than 2xx.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// Graph's code, or `http-…` where the body had none.
    pub code: String,
    /// Graph's words.
    pub message: String,
    /// The wait asked for, in milliseconds.
    pub after_ms: Option<u64>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(reason) | Self::NoAnswer(reason) | Self::Garbled(reason) => {
                f.write_str(reason)
            }
            Self::Token(error) => error.fmt(f),
            Self::Refused(refusal) => write!(f, "{} {}", refusal.status, refusal.code),
        }
    }
}

impl From<wire::Error> for Fault {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::NotSent(reason) => Self::NotSent(reason),
            wire::Error::InDoubt(reason) => Self::NoAnswer(reason),
        }
    }
}

impl Fault {
    /// What is to be done, given what the request was to do.
    pub(crate) fn failure(self, effect: Effect) -> Failure {
        match self {
            Self::NotSent(reason) => Failure::Transient(Trouble::new("not-sent", reason)),
            Self::NoAnswer(reason) => unknown(effect, Trouble::new("no-answer", reason)),
            Self::Garbled(reason) => unknown(effect, Trouble::new("garbled-answer", reason)),
            Self::Token(error) => token_failure(error),
            Self::Refused(refusal) => refusal.failure(effect),
        }
    }

    /// Whether the application isn't let in (any more): that concerns no single item.
    pub(crate) fn is_of_sign_in(&self) -> bool {
        match self {
            Self::Token(_) => true,
            Self::Refused(refusal) => refusal.status == 401,
            Self::NotSent(_) | Self::NoAnswer(_) | Self::Garbled(_) => false,
        }
    }

    /// The same, except that a sign-in which ended between requests, others of which were served,
    /// is no denial of what this one asked for.
    pub(crate) fn where_others_are_served(self, others_are: bool) -> Self {
        match others_are && self.is_of_sign_in() {
            true => Self::NotSent(format!("the sign-in ended: {self}")),
            false => self,
        }
    }

    /// The refusal, if it is one.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::NotSent(_) | Self::NoAnswer(_) | Self::Token(_) | Self::Garbled(_) => None,
        }
    }
}

/// Without an answer a write may have happened; a read is simply done again.
fn unknown(effect: Effect, trouble: Trouble) -> Failure {
    match effect {
        Effect::Read => Failure::Transient(trouble),
        Effect::Create | Effect::Change => Failure::InDoubt(trouble),
    }
}

fn token_failure(error: entra_auth::Error) -> Failure {
    let sentence = error.to_string();
    match error {
        entra_auth::Error::BadCredentials { code, .. } => {
            Failure::Unauthorized(Trouble::new(code, sentence))
        }
        entra_auth::Error::Misconfigured(_) => {
            Failure::Unauthorized(Trouble::new("misconfigured", sentence))
        }
        entra_auth::Error::Unreachable(_) => {
            Failure::Transient(Trouble::new("entra-unreachable", sentence))
        }
        entra_auth::Error::Malformed(_) => {
            Failure::Transient(Trouble::new("entra-malformed", sentence))
        }
    }
}

impl Refusal {
    /// Reads a refusal from a whole response.
    pub(crate) fn of(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let after_ms = retry_after_ms(header("retry-after"), header("date"));
        // A gateway's error page is HTML, whatever its Content-Type says.
        Self::with_body(status, after_ms, &json::parse(body).unwrap_or(Value::Null))
    }

    /// Reads a refusal from its status and its JSON body (`Null` for none).
    pub(crate) fn with_body(status: u16, after_ms: Option<u64>, body: &Value) -> Self {
        let error = &body["error"];
        let code = error["code"].as_str().filter(|code| is_code(code));
        let message = error["message"].as_str().filter(|message| !message.trim().is_empty());
        Self {
            status,
            code: code.map_or_else(|| format!("http-{status}"), str::to_owned),
            message: message
                .map_or_else(|| format!("Graph answers {status} without a word"), str::to_owned),
            after_ms,
        }
    }

    /// Whether the code is one of these, whatever its case: Graph writes it both ways.
    pub(crate) fn is_any(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.code.eq_ignore_ascii_case(code))
    }

    /// Whether the service says that the thing asked for does not exist, in its own words: a 404
    /// of a proxy, or one that speaks of the mailbox, says nothing about an item.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status == 404
            && self.is_any(&[
                "ErrorItemNotFound",
                "itemNotFound",
                "ErrorFolderNotFound",
                "ErrorCalendarNotFound",
                "ErrorObjectNotFound",
            ])
    }

    /// Whether the service asks for patience.
    pub(crate) fn is_throttle(&self) -> bool {
        self.status == 429 || (self.status == 503 && self.after_ms.is_some())
    }

    /// Whether the mailbox, not the request, is at fault.
    fn is_mailbox(&self) -> bool {
        self.is_any(&[
            "ErrorInvalidUser",
            "ResourceNotFound",
            "Request_ResourceNotFound",
            "MailboxNotEnabledForRESTAPI",
            "ErrorNonExistentMailbox",
            "MailboxNotFound",
        ])
    }

    fn is_sync_state(&self) -> bool {
        self.is_any(&["SyncStateNotFound", "resyncRequired", "SyncStateInvalid"])
    }

    fn failure(self, effect: Effect) -> Failure {
        let reads = effect == Effect::Read;
        let trouble = Trouble::new(self.code.clone(), self.message.clone());
        if self.is_throttle() {
            return Failure::Throttled { after_ms: self.after_ms, trouble };
        }
        if reads && (self.status == 410 || self.is_sync_state()) {
            return Failure::CursorExpired(trouble);
        }
        match self.status {
            401 => Failure::Unauthorized(trouble),
            403 => Failure::Unauthorized(self.forbidden(effect)),
            404 if self.is_mailbox() => Failure::Unauthorized(Trouble::new(
                self.code,
                format!(
                    "there is no such mailbox in Exchange Online (yet), or it has no licence: {}",
                    self.message
                ),
            )),
            404 if self.is_not_found() => Failure::Missing(trouble),
            // Not Graph's words: another server, a wrong base address.
            404 => Failure::Transient(trouble),
            412 => Failure::Stale(trouble),
            409 => match effect {
                Effect::Change => Failure::Stale(trouble),
                // It may stand against an earlier copy of this very request.
                Effect::Create => Failure::InDoubt(trouble),
                Effect::Read => Failure::Transient(trouble),
            },
            // Refused before anything was done: locked, mailbox full, moved by a proxy.
            423 | 507 | 300..=399 => Failure::Transient(trouble),
            // A create that answered 5xx was seen to have made the event all the same.
            408 | 500.. => unknown(effect, trouble),
            _ => Failure::Permanent(trouble),
        }
    }

    fn forbidden(&self, effect: Effect) -> Trouble {
        let permission = match effect {
            Effect::Read => "Calendars.Read",
            Effect::Create | Effect::Change => "Calendars.ReadWrite",
        };
        let detail = if self.message.contains("OData is disabled") {
            "an application access policy of Exchange keeps this application out of this mailbox; \
             changes to it take more than an hour to work"
                .to_owned()
        } else {
            format!(
                "the application lacks the application permission {permission}, or an \
                 administrator's consent to it, or access to this mailbox: {}",
                self.message
            )
        };
        Trouble::new(self.code.clone(), detail)
    }
}

/// Whether a code is one: it is kept, so it must not carry content.
fn is_code(code: &str) -> bool {
    (1..=80).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.:".contains(&b))
}

/// The wait that a Retry-After asks for, in milliseconds: seconds, which may have a fraction, or a
/// date to be taken against the answer's own. Nothing where it says nothing, or "now".
pub(crate) fn retry_after_ms(value: Option<&str>, date: Option<&str>) -> Option<u64> {
    let value = value?.trim();
    let ms = match value.parse::<f64>() {
        Ok(seconds) => seconds * 1000.0,
        Err(_) => {
            let until = chrono::DateTime::parse_from_rfc2822(value).ok()?;
            let from = chrono::DateTime::parse_from_rfc2822(date?.trim()).ok()?;
            (until - from).num_milliseconds() as f64
        }
    };
    (ms > 0.0).then(|| ms.ceil().min(WAIT_MS_MAX) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(status: u16, code: &str) -> Refusal {
        let body = json!({"error": {"code": code, "message": "words"}});
        Refusal::with_body(status, None, &body)
    }

    fn name(failure: &Failure) -> &'static str {
        match failure {
            Failure::Throttled { .. } => "throttled",
            Failure::Transient(_) => "transient",
            Failure::InDoubt(_) => "in-doubt",
            Failure::CursorExpired(_) => "cursor-expired",
            Failure::Unauthorized(_) => "unauthorized",
            Failure::Stale(_) => "stale",
            Failure::Missing(_) => "missing",
            Failure::Permanent(_) => "permanent",
        }
    }

    #[test]
    fn refusals_are_named_by_what_to_do() {
        let cases = [
            (401, "InvalidAuthenticationToken", "unauthorized", "unauthorized"),
            (403, "ErrorAccessDenied", "unauthorized", "unauthorized"),
            (404, "ErrorItemNotFound", "missing", "missing"),
            (404, "ErrorNonExistentMailbox", "unauthorized", "unauthorized"),
            (404, "", "transient", "transient"),
            (409, "ErrorFolderExists", "transient", "in-doubt"),
            (410, "SyncStateNotFound", "cursor-expired", "permanent"),
            (400, "syncstateinvalid", "cursor-expired", "permanent"),
            (412, "ErrorIrresolvableConflict", "stale", "stale"),
            (413, "ErrorMessageSizeExceeded", "permanent", "permanent"),
            (429, "ApplicationThrottled", "throttled", "throttled"),
            (302, "", "transient", "transient"),
            (500, "ErrorInternalServerError", "transient", "in-doubt"),
            (503, "", "transient", "in-doubt"),
            (504, "UnknownError", "transient", "in-doubt"),
            (507, "ErrorQuotaExceeded", "transient", "transient"),
        ];
        for (status, code, read, create) in cases {
            assert_eq!(name(&refusal(status, code).failure(Effect::Read)), read, "{status} {code}");
            let created = refusal(status, code).failure(Effect::Create);
            assert_eq!(name(&created), create, "{status} {code}");
        }
        assert_eq!(name(&refusal(409, "x").failure(Effect::Change)), "stale");
    }

    #[test]
    fn a_refusal_names_the_missing_permission() {
        let failure = refusal(403, "ErrorAccessDenied").failure(Effect::Change);
        assert!(failure.trouble().detail.contains("Calendars.ReadWrite"));
        let failure = refusal(403, "ErrorAccessDenied").failure(Effect::Read);
        assert!(failure.trouble().detail.contains("Calendars.Read,"));
    }

    #[test]
    fn a_wait_is_read_in_all_its_forms() {
        let date = Some("Wed, 25 Nov 2026 10:00:00 GMT");
        for (value, expected) in [
            ("10", Some(10_000)),
            ("2.128", Some(2_128)),
            (" 0.0001 ", Some(1)),
            ("0", None),
            ("-3", None),
            ("soon", None),
            ("NaN", None),
            ("inf", Some(86_400_000)),
            ("Wed, 25 Nov 2026 10:00:30 GMT", Some(30_000)),
            ("Wed, 25 Nov 2026 09:00:00 GMT", None),
        ] {
            assert_eq!(retry_after_ms(Some(value), date), expected, "{value}");
        }
        assert_eq!(retry_after_ms(None, date), None);
    }

    #[test]
    fn codes_carry_no_content() {
        let body = json!({"error": {"code": "Meeting with Anna", "message": " "}});
        let refusal = Refusal::with_body(400, None, &body);
        assert_eq!(refusal.code, "http-400");
        assert_eq!(refusal.message, "Graph answers 400 without a word");
    }
}
