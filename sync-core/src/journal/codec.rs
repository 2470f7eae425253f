//! How entries are kept: a kind, a version and a JSON payload. Every kind has a golden file.

use super::Entry;
use crate::ids::LinkId;

/// The version in which every kind is written today.
const VERSION: u16 = 1;

/// A journal row that this build can't read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer evensync.
    #[error("journal entry `{kind}` has version {version}, and this build knows up to {known}")]
    Newer {
        /// The row's kind.
        kind: String,
        /// The row's version.
        version: u16,
        /// The newest version that this build knows.
        known: u16,
    },
    /// Not what any evensync writes.
    #[error("journal entry `{kind}` can't be read: {detail}")]
    Malformed {
        /// The row's kind.
        kind: String,
        /// What the decoder says.
        detail: String,
    },
}

impl Entry {
    /// The name of the kind, as kept in the journal.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Opened { .. } => "opened",
            Self::Configured(_) => "configured",
            Self::Observed(_) => "observed",
            Self::CursorLost { .. } => "cursor-lost",
            Self::Matched { .. } => "matched",
            Self::Agreed { .. } => "agreed",
            Self::Intended(_) => "intended",
            Self::Settled { .. } => "settled",
            Self::Conflicted(_) => "conflicted",
            Self::Resolved { .. } => "resolved",
            Self::Forked { .. } => "forked",
            Self::Twinned { .. } => "twinned",
            Self::Held { .. } => "held",
            Self::Released { .. } => "released",
            Self::Braked { .. } => "braked",
            Self::Accepted { .. } => "accepted",
            Self::Closed { .. } => "closed",
        }
    }

    /// The links that the entry changes, each once; a store indexes a link's history by them.
    pub fn touches(&self) -> Vec<LinkId> {
        let mut links = match self {
            Self::Opened { .. }
            | Self::Configured(_)
            | Self::CursorLost { .. }
            | Self::Braked { .. }
            | Self::Accepted { .. }
            | Self::Closed { .. } => vec![],
            Self::Observed(observed) => observed.sightings.iter().map(|s| s.link).collect(),
            Self::Matched { link, absorbed, .. } => vec![*link, *absorbed],
            Self::Forked { link, from, .. } => vec![*link, *from],
            Self::Twinned { link, original, .. } => vec![*link, *original],
            Self::Intended(intent) => vec![intent.plan.link],
            Self::Conflicted(conflicted) => vec![conflicted.link],
            Self::Agreed { link, .. }
            | Self::Settled { link, .. }
            | Self::Resolved { link, .. }
            | Self::Held { link, .. }
            | Self::Released { link } => vec![*link],
        };
        links.sort_unstable();
        links.dedup();
        links
    }

    /// The version in which this entry is written.
    pub fn version(&self) -> u16 {
        VERSION
    }

    /// The payload, as kept in the journal.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("entries are maps with text keys")
    }

    /// Reads a journal row.
    pub fn decode(kind: &str, version: u16, payload: &str) -> Result<Self, DecodeError> {
        if version > VERSION {
            return Err(DecodeError::Newer { kind: kind.to_owned(), version, known: VERSION });
        }
        let malformed = |detail: String| DecodeError::Malformed { kind: kind.to_owned(), detail };
        let entry: Self = serde_json::from_str(payload).map_err(|e| malformed(e.to_string()))?;
        if entry.kind() != kind {
            return Err(malformed(format!("the payload is of kind `{}`", entry.kind())));
        }
        Ok(entry)
    }
}
