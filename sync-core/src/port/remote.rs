//! A replica: a calendar or mail folder on a server, or in the local store.

use crate::ids::{Cursor, Field, FolderId, IntentKey, LinkId, RemoteId, Version};
use crate::value::Rendition;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// What an adapter can do with one replica's items. Reads and writes are batched, and results
/// stand at the position of what was asked.
#[async_trait]
pub trait Remote: Send + Sync {
    /// What this replica can hold and promise.
    fn capabilities(&self) -> Capabilities;

    /// Lists the folders that could be synchronised.
    async fn folders(&self) -> Result<Vec<Folder>, Failure>;

    /// Reads the next page of changes after `cursor`; without one, enumerates the whole folder.
    async fn pull(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page, Failure>;

    /// Reads items whole, as they stand now in `folder`.
    async fn fetch(&self, folder: &FolderId, ids: &[RemoteId]) -> Result<Vec<Fetched>, Failure>;

    /// Performs writes, each with its stamp in the same request; one result per write.
    async fn write(&self, writes: &[Write]) -> Vec<Result<Written, Failure>>;

    /// Finds out by stamp whether writes happened, Deleted Items included; one answer per probe.
    async fn probe(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure>;
}

/// What a replica can hold and promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The fields it can hold; others are absent there, never empty.
    pub fields: BTreeSet<Field>,
    /// Sets whose elements take requests of their own, one after the other: they are written after
    /// the rest of the item and in no write with it, and its stamp is renewed only when all of them
    /// arrived. Such a write that failed after its first request is in doubt or stale, whatever the
    /// reason: any other failure says that nothing happened. Where an element couldn't be written,
    /// the answer has no version. To each, the fields whose writing leaves it empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub late: BTreeMap<Field, BTreeSet<Field>>,
    /// Whether a create sent twice with one key makes one item (Graph's `transactionId`).
    pub dedupes_creates: bool,
    /// How long after a create no copy of the request can still arrive, in milliseconds.
    pub create_grace_ms: i64,
    /// The same for updates and deletes.
    pub write_grace_ms: i64,
}

/// A folder or calendar on a replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// Its display name, as the replica shows it.
    pub name: String,
    /// What it holds.
    pub kind: FolderKind,
    /// Whether it is the mailbox's default of its kind, under whichever localised name.
    pub is_default: bool,
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderKind {
    /// Events.
    Calendar,
    /// Messages.
    Mail,
    /// Anything else.
    Other,
}

/// A page of a folder's stream of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The changes; the same item may occur more than once, the last counts.
    pub changes: Vec<Change>,
    /// Where the next page begins. To be kept only together with what this page said.
    pub cursor: Cursor,
    /// Whether another page is waiting.
    pub more: bool,
}

/// One entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The item.
    pub id: RemoteId,
    /// What the stream says of it.
    pub hint: Hint,
}

/// What a stream of changes says of an item. A hint: deletions are confirmed by a read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// It is there, in this version if known; whole if the page carried it whole.
    Changed {
        /// The version, where the stream tells it.
        version: Option<Version>,
        /// The item, where the stream carries it whole.
        item: Option<Box<Sighted>>,
    },
    /// It is no longer in the folder.
    Gone,
}

/// An item as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighted {
    /// What it holds, as digests; `rendition.content` names `content`.
    pub rendition: Rendition,
    /// Its canonical content, sealed: the core carries it and never looks inside.
    pub content: Vec<u8>,
    /// Our stamp on it, if it carries one of this state file.
    pub stamp: Option<Stamp>,
}

/// The result of reading one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// It stands in the folder.
    Found(Box<Sighted>),
    /// It exists, but outside what is configured to be synchronised (a window).
    Outside,
    /// It is not in the folder (any more).
    Missing,
    /// The server has it and can't deliver it: corrupt, inaccessible.
    Unreadable(Trouble),
}

/// Marks a copy as ours: which link it belongs to, and which intent wrote it last. Kept in a named
/// property whose name contains the state's id. Copies that people make carry it along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    /// The link.
    pub link: LinkId,
    /// The intent that wrote the copy last.
    pub key: IntentKey,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.link, self.key)
    }
}

impl FromStr for Stamp {
    type Err = crate::ids::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || crate::ids::ParseError("a stamp", text.to_owned());
        let (link, key) = text.split_once(' ').ok_or_else(error)?;
        Ok(Self { link: link.parse()?, key: IntentKey(key.to_owned()) })
    }
}

/// A write to perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The folder of the item.
    pub folder: FolderId,
    /// What the copy is to be stamped with, in the same request; `stamp.key` is the intent's key.
    pub stamp: Stamp,
    /// What to do.
    pub op: WriteOp,
}

/// What to do with an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOp {
    /// Make a new item with this sealed content.
    Create {
        /// Canonical content, whole.
        content: Vec<u8>,
    },
    /// Change the fields that the sealed patch holds, and no others.
    Update {
        /// The item.
        id: RemoteId,
        /// The version that must still stand.
        if_match: Option<Version>,
        /// Canonical content with only the changed fields present.
        patch: Vec<u8>,
    },
    /// Move the item to the trash.
    Delete {
        /// The item.
        id: RemoteId,
        /// The version that must still stand.
        if_match: Option<Version>,
    },
}

/// A write that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The item; for a create, its new id.
    pub id: RemoteId,
    /// The version right after the write, where the server tells it.
    pub version: Option<Version>,
}

/// Asks whether a write happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The folder it was meant for.
    pub folder: FolderId,
    /// The stamp that it carried.
    pub stamp: Stamp,
    /// What it was to do.
    pub target: Target,
}

/// What a write in doubt was to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Make an item.
    Create,
    /// Change this item.
    Update(RemoteId),
    /// Move this item to the trash.
    Delete(RemoteId),
}

/// The answer to a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// It happened: an item with this very stamp was found, or the item to delete is gone.
    Applied {
        /// The item.
        id: RemoteId,
        /// Where it lies now.
        place: Place,
    },
    /// It did not happen.
    NotApplied,
}

/// Where a probed item lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In its folder.
    Folder,
    /// In the trash, or gone altogether.
    Trash,
}

/// What is known of a failure: a code that is safe to keep, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The server's error code, or one of ours; without content, kept in the journal.
    pub code: String,
    /// What to tell people; may name the mailbox; never kept.
    pub detail: String,
}

impl Trouble {
    /// A failure known by `code`, told as `detail`.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.detail, self.code)
    }
}

/// Why something did not succeed, named by what to do next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing happened; the server asks to wait this long, in milliseconds, if it says so.
    #[error("throttled: {trouble}")]
    Throttled {
        /// The wait that the server asks for.
        after_ms: Option<u64>,
        /// What it said.
        trouble: Trouble,
    },
    /// Nothing happened; try again.
    #[error("for the moment: {0}")]
    Transient(Trouble),
    /// It may have happened: probe.
    #[error("in doubt: {0}")]
    InDoubt(Trouble),
    /// The cursor is no longer known: enumerate anew.
    #[error("cursor expired: {0}")]
    CursorExpired(Trouble),
    /// Nothing happened: sign in, or grant the permission.
    #[error("not authorised: {0}")]
    Unauthorized(Trouble),
    /// Nothing happened: the item is no longer in the version expected. Read it again.
    #[error("stale: {0}")]
    Stale(Trouble),
    /// Nothing happened: the item is gone.
    #[error("missing: {0}")]
    Missing(Trouble),
    /// Nothing happened, and never will: set aside.
    #[error("refused: {0}")]
    Permanent(Trouble),
}

impl Failure {
    /// What it comes to in a write of several requests, once one of them happened: that nothing
    /// happened can't be said any more. What was refused is refused again as the first request of the
    /// next attempt.
    #[must_use]
    pub fn after_the_first(self) -> Self {
        match self {
            Self::Throttled { trouble, .. }
            | Self::Transient(trouble)
            | Self::InDoubt(trouble)
            | Self::CursorExpired(trouble)
            | Self::Unauthorized(trouble) => Self::InDoubt(trouble),
            Self::Stale(trouble) | Self::Missing(trouble) | Self::Permanent(trouble) => {
                Self::Stale(trouble)
            }
        }
    }

    /// What is known of it.
    pub fn trouble(&self) -> &Trouble {
        match self {
            Self::Throttled { trouble, .. }
            | Self::Transient(trouble)
            | Self::InDoubt(trouble)
            | Self::CursorExpired(trouble)
            | Self::Unauthorized(trouble)
            | Self::Stale(trouble)
            | Self::Missing(trouble)
            | Self::Permanent(trouble) => trouble,
        }
    }
}
