//! Where the journal lies, and what is derived from it.

use crate::ids::{CollectionId, Digest, LinkId, PairId, RemoteId, ReplicaId, RunId};
use crate::journal::{Entry, Record, Seq};
use crate::state::{Conflict, Head, Link};
use crate::value::IdentityKey;
use std::collections::BTreeMap;

/// Keeps the journal and answers questions about its fold. Whatever implements it passes the suite
/// in [`crate::conformance`].
pub trait Store: Send {
    /// Appends entries and keeps blobs, all or nothing, durable before it returns. Gives the
    /// position of the last entry.
    fn commit(&mut self, commit: &Commit) -> Result<Seq, Error>;

    /// Answers a question about the fold of the journal so far.
    fn load(&self, query: &Query) -> Result<Loaded, Error>;

    /// The content behind a digest, if it is still kept.
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error>;

    /// At most `limit` records after `after`, oldest first; of one pair if asked.
    fn journal(
        &self,
        pair: Option<&PairId>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, Error>;

    /// All records that touch `link`, oldest first.
    fn history(&self, link: LinkId) -> Result<Vec<Record>, Error>;
}

/// What is appended in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The pair.
    pub pair: PairId,
    /// The run.
    pub run: RunId,
    /// The time, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Content that the entries speak of.
    pub blobs: Vec<Blob>,
}

/// Content by its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// The keyed digest of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// A question about the fold of a pair's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// What is known of the pair as a whole. Answer: [`Loaded::Head`].
    Head(PairId),
    /// The links with a leg of one of these ids on a replica, in any order. Tombstones included.
    /// Answer: [`Loaded::Links`], as for all that follow but the last two.
    Legs {
        /// The pair.
        pair: PairId,
        /// The collection.
        collection: CollectionId,
        /// The replica.
        replica: ReplicaId,
        /// The ids there.
        ids: Vec<RemoteId>,
    },
    /// These links, in any order; those that don't exist are left out.
    Links(Vec<LinkId>),
    /// Links that want attention, in the order of their ids, after `after`.
    Attention {
        /// The pair.
        pair: PairId,
        /// Where to go on.
        after: Option<LinkId>,
        /// How many at most.
        limit: usize,
    },
    /// Links with an open intent, in the order of their ids.
    Open(PairId),
    /// Living links of a collection that carry one of these keys, in any order.
    Identity {
        /// The pair.
        pair: PairId,
        /// The collection.
        collection: CollectionId,
        /// The keys.
        keys: Vec<IdentityKey>,
    },
    /// Links whose leg on a replica is taken for present but wasn't seen since an enumeration
    /// began, in the order of their ids, after `after`.
    Unseen {
        /// The pair.
        pair: PairId,
        /// The collection.
        collection: CollectionId,
        /// The replica.
        replica: ReplicaId,
        /// The enumeration: legs of an earlier one are meant.
        epoch: u64,
        /// Where to go on.
        after: Option<LinkId>,
        /// How many at most.
        limit: usize,
    },
    /// All links, in the order of their ids, after `after`. Tombstones included.
    All {
        /// The pair.
        pair: PairId,
        /// Where to go on.
        after: Option<LinkId>,
        /// How many at most.
        limit: usize,
    },
    /// Links that are set aside, in the order of their ids.
    Held(PairId),
    /// Conflicts, oldest first; of every pair where none is named. Answer: [`Loaded::Conflicts`].
    Conflicts(Option<PairId>),
    /// How many links there are. Answer: [`Loaded::Counts`].
    Counts(PairId),
}

/// The answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// The pair as a whole.
    Head(Box<Head>),
    /// Links.
    Links(Vec<Link>),
    /// Conflicts.
    Conflicts(Vec<Conflict>),
    /// Counts.
    Counts(Counts),
}

/// How many links a pair has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Links that are not tombstones.
    pub links: u64,
    /// Links that met: at least two copies have been the same once, and the link is no tombstone.
    pub met: u64,
    /// Of those that met: legs taken for present, by replica.
    pub present: BTreeMap<ReplicaId, u64>,
}

/// Why a store can't answer, named by what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Someone else is writing: try later.
    #[error("{0}")]
    Locked(String),
    /// The file is not readable as what it should be.
    #[error("{0}")]
    Corrupt(String),
    /// Written by a newer evensync.
    #[error("{0}")]
    Newer(String),
    /// The disk is full, or the file can't be reached: nothing was written.
    #[error("{0}")]
    Unavailable(String),
}
