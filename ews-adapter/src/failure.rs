//! What an error of Exchange means: one table from its codes to what to do next.
//!
//! Only codes count; texts are localised (MS docs: ResponseCode).

use crate::soap::Complaint;
use sync_core::port::{Failure, Trouble};

/// What a request does to the mailbox: whether a lost answer leaves a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing: it can be sent again.
    Read,
    /// It changes something.
    Write,
}

impl Effect {
    /// The failure of a request that may have been carried out.
    pub(crate) fn doubt(self, trouble: Trouble) -> Failure {
        match self {
            Self::Read => Failure::Transient(trouble),
            Self::Write => Failure::InDoubt(trouble),
        }
    }
}

/// The failure that a fault or a response message tells of.
pub(crate) fn of(complaint: Complaint, effect: Effect) -> Failure {
    let Complaint { code, text, back_off_ms } = complaint;
    let kind = kind_of(&code);
    let detail = if text.is_empty() { "the server gives no reason".to_owned() } else { text };
    let code = if code.is_empty() { "no-response-code".to_owned() } else { code };
    let trouble = Trouble::new(code, words(kind, detail));
    match kind {
        Kind::Busy => Failure::Throttled { after_ms: back_off_ms, trouble },
        Kind::Passing => Failure::Transient(trouble),
        Kind::Doubtful => effect.doubt(trouble),
        Kind::Denied => Failure::Unauthorized(trouble),
        Kind::Stale => Failure::Stale(trouble),
        Kind::Missing => Failure::Missing(trouble),
        Kind::Cursor => Failure::CursorExpired(trouble),
        Kind::FolderGone | Kind::Refused => Failure::Permanent(trouble),
    }
}

/// Whether the failure concerns the mailbox rather than one item: what follows would fail, too,
/// and asking on prolongs a back-off.
pub(crate) fn stops_all(failure: &Failure) -> bool {
    match failure {
        Failure::Throttled { .. } | Failure::Unauthorized(_) => true,
        Failure::Transient(_)
        | Failure::InDoubt(_)
        | Failure::CursorExpired(_)
        | Failure::Stale(_)
        | Failure::Missing(_)
        | Failure::Permanent(_) => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The server asks for a pause.
    Busy,
    /// Not now; nothing happened.
    Passing,
    /// An error that was seen after the work had been done (exchangelib#623).
    Doubtful,
    Denied,
    Stale,
    Missing,
    Cursor,
    FolderGone,
    Refused,
}

/// The codes that mean something here; all others refuse a request for good.
const CODES: [(Kind, &[&str]); 8] = [
    (
        Kind::Busy,
        &[
            "ErrorServerBusy",
            "ErrorExceededConnectionCount",
            "ErrorTooManyObjectsOpened",
            "ErrorInsufficientResources",
        ],
    ),
    (
        Kind::Passing,
        &[
            "ErrorBatchProcessingStopped",
            "ErrorMailboxStoreUnavailable",
            "ErrorMailboxMoveInProgress",
            "ErrorMailboxFailover",
            "ErrorServiceUnavailable",
            "ErrorADUnavailable",
            "ErrorNoRespondingCASInDestinationSite",
            "ErrorProxyRequestNotAllowed",
            "ErrorProxyServiceDiscoveryFailed",
        ],
    ),
    (
        Kind::Doubtful,
        &[
            "ErrorTimeoutExpired",
            "ErrorInternalServerError",
            "ErrorInternalServerTransientError",
            "ErrorConnectionFailed",
            "ErrorProxyCallFailed",
            "ErrorProxyRequestProcessingFailed",
            "ErrorProxySoapException",
        ],
    ),
    (
        Kind::Denied,
        &[
            "ErrorAccessDenied",
            "ErrorCreateItemAccessDenied",
            "ErrorImpersonateUserDenied",
            "ErrorImpersonationDenied",
            "ErrorImpersonationFailed",
            "ErrorOrganizationAccessBlocked",
            "ErrorAccountDisabled",
            "ErrorAccountSuspend",
            "ErrorPasswordChangeRequired",
            "ErrorPasswordExpired",
        ],
    ),
    (
        Kind::Stale,
        &[
            "ErrorIrresolvableConflict",
            "ErrorStaleObject",
            "ErrorChangeKeyRequired",
            "ErrorChangeKeyRequiredForWriteOperations",
            "ErrorInvalidChangeKey",
        ],
    ),
    (Kind::Missing, &["ErrorItemNotFound"]),
    (Kind::Cursor, &["ErrorInvalidSyncStateData"]),
    (
        Kind::FolderGone,
        &[
            "ErrorSyncFolderNotFound",
            "ErrorFolderNotFound",
            "ErrorParentFolderNotFound",
            "ErrorNonExistentMailbox",
        ],
    ),
];

/// An answer without a code is not understood, which says nothing about what was done.
fn kind_of(code: &str) -> Kind {
    if code.is_empty() {
        return Kind::Doubtful;
    }
    let listed = CODES.iter().find(|(_, codes)| codes.contains(&code));
    listed.map_or(Kind::Refused, |(kind, _)| *kind)
}

/// The server's words, and before them ours where its own don't say what to do.
fn words(kind: Kind, text: String) -> String {
    match kind {
        Kind::FolderGone => {
            format!("the folder or mailbox is not there (any more); was it deleted? {text}")
        }
        Kind::Cursor => format!("the server no longer knows this sync state: {text}"),
        Kind::Denied => format!("this account may not do that: {text}"),
        Kind::Busy
        | Kind::Passing
        | Kind::Doubtful
        | Kind::Stale
        | Kind::Missing
        | Kind::Refused => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, effect: Effect, expected: &str) {
        let complaint = Complaint { code: code.into(), text: "x".into(), back_off_ms: None };
        let failure = format!("{:?}", of(complaint, effect));
        assert!(failure.starts_with(expected), "{code}: {failure}");
    }

    #[test]
    fn codes_say_what_to_do_next() {
        for (code, read, write) in [
            ("ErrorServerBusy", "Throttled", "Throttled"),
            ("ErrorBatchProcessingStopped", "Transient", "Transient"),
            ("ErrorTimeoutExpired", "Transient", "InDoubt"),
            ("ErrorInternalServerError", "Transient", "InDoubt"),
            ("", "Transient", "InDoubt"),
            ("ErrorAccessDenied", "Unauthorized", "Unauthorized"),
            ("ErrorIrresolvableConflict", "Stale", "Stale"),
            ("ErrorItemNotFound", "Missing", "Missing"),
            ("ErrorInvalidSyncStateData", "CursorExpired", "CursorExpired"),
            ("ErrorSyncFolderNotFound", "Permanent", "Permanent"),
            ("ErrorCorruptData", "Permanent", "Permanent"),
            ("ErrorOfNextYear", "Permanent", "Permanent"),
        ] {
            check(code, Effect::Read, read);
            check(code, Effect::Write, write);
        }
    }

    #[test]
    fn the_schema_knows_the_codes() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../shared/exchange/ews/schema/onprem-se-15.2.2562.17/messages.xsd"
        );
        let Ok(schema) = std::fs::read_to_string(path) else {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{path} is missing");
            println!("skipped: {path} is not there");
            return;
        };
        for code in CODES.iter().flat_map(|(_, codes)| codes.iter()) {
            assert!(schema.contains(&format!("value=\"{code}\"")), "{code}");
        }
    }
}
