//! What left a mailbox: tests ask whether anybody was mailed.

use super::log::Weight;
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// Something mailed.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Sent {
    /// When, by the virtual clock.
    #[serde(serialize_with = "text")]
    pub at: Timestamp,
    /// The mailbox it left.
    pub from: String,
    /// Who gets it.
    pub to: Vec<String>,
    /// What it is.
    pub kind: SentKind,
    /// Its subject; of what is about an event the event's.
    pub subject: String,
    /// The event's UID, where it is about one.
    pub uid: Option<String>,
}

impl Weight for Sent {
    fn weight(&self) -> usize {
        let to: usize = self.to.iter().map(|to| size_of::<String>() + to.len()).sum();
        let uid = self.uid.as_ref().map_or(0, String::len);
        size_of::<Self>() + self.from.len() + to + self.subject.len() + uid
    }
}

/// Kinds of mail.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum SentKind {
    /// A message.
    Mail,
    /// A meeting request.
    Invitation,
    /// A changed meeting request.
    Update,
    /// A meeting cancellation.
    Cancellation,
    /// An answer to a meeting request.
    Response,
    /// A read receipt.
    Receipt,
}

fn text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}
