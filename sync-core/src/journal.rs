//! The journal: facts and decisions, in the order they came. All that changes state is an entry.

use crate::ids::{
    CollectionId, Cursor, Digest, ElementKey, Field, FolderId, IntentKey, LinkId, PairId, RemoteId,
    ReplicaId, RunId, Version,
};
use crate::policy::{Brake, Policy, Rule};
use crate::port::Stamp;
use crate::value::{IdentityKey, Print, Rendition, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A position in the journal; the first entry is 1, and 0 is before it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry with its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its position.
    pub seq: Seq,
    /// When it was committed, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The pair it belongs to.
    pub pair: PairId,
    /// The run that wrote it.
    pub run: RunId,
    /// What it says.
    pub entry: Entry,
}

/// A fact or a decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entry {
    /// Fact: a run began. Its nonce makes the ids that it gives unique.
    Opened {
        /// 64 random bits.
        nonce: u64,
        /// The version of evensync.
        build: String,
        /// What it was for.
        purpose: Purpose,
        /// The number of deletes and rewrites that a person agreed to.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        allowed: Option<u64>,
    },
    /// Fact: what is to be kept the same, and how.
    Configured(Configured),
    /// Fact: what a replica was seen to hold.
    Observed(Observed),
    /// Fact: a replica no longer knows our cursor; enumerate.
    CursorLost {
        /// The collection.
        collection: CollectionId,
        /// The replica.
        replica: ReplicaId,
    },
    /// Decision: two links are one item.
    Matched {
        /// The link that stays.
        link: LinkId,
        /// The link whose copies join it.
        absorbed: LinkId,
        /// What they have in common.
        by: IdentityKey,
    },
    /// Decision: these fields are the same everywhere; nothing to write.
    Agreed {
        /// The link.
        link: LinkId,
        /// The fields.
        fields: BTreeSet<Field>,
    },
    /// Decision: a write, durable before its first byte leaves.
    Intended(Intent),
    /// Fact: what became of an intent.
    Settled {
        /// The link.
        link: LinkId,
        /// The intent.
        key: IntentKey,
        /// What became of it.
        outcome: Outcome,
    },
    /// Decision: replicas differ; who wins, by which rule.
    Conflicted(Conflicted),
    /// Fact: a person decided a conflict.
    Resolved {
        /// The link.
        link: LinkId,
        /// The field; `None` for an edit against a delete.
        field: Option<Field>,
        /// The replica whose value wins.
        winner: ReplicaId,
    },
    /// Decision: a losing copy lives on as an item of its own.
    Forked {
        /// The new link.
        link: LinkId,
        /// The link it comes from.
        from: LinkId,
        /// The losing copy, as it was.
        origin: Box<Rendition>,
    },
    /// Decision: an item arrived by itself where we had made its copy; our copy is to yield.
    Twinned {
        /// The link with our copy.
        link: LinkId,
        /// Where.
        replica: ReplicaId,
        /// The link of the original.
        original: LinkId,
    },
    /// Decision: set aside until something changes.
    Held {
        /// The link.
        link: LinkId,
        /// Why.
        reason: Reason,
    },
    /// Decision: the copy that was to yield to this original is no longer in its way.
    Released {
        /// The link of the original.
        link: LinkId,
    },
    /// Decision: a brake stopped the pair; nothing was sent.
    Braked {
        /// What the run would have done.
        tally: Tally,
        /// Which brake.
        brake: BrakeReason,
    },
    /// Decision: the pair's present configuration went through its brakes.
    Accepted {
        /// The configuration's fingerprint.
        fingerprint: String,
    },
    /// Fact: a run ended.
    Closed {
        /// How: the exit code that it stands for.
        exit: u8,
    },
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// To synchronise.
    Sync,
    /// To see what would be done.
    DryRun,
    /// To do what an earlier run has shown.
    Apply,
    /// To record what a person decided.
    Resolve,
}

/// What is to be kept the same, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configured {
    /// The folders of each collection, by replica.
    pub collections: BTreeMap<CollectionId, BTreeMap<ReplicaId, FolderId>>,
    /// The rules.
    pub policy: Policy,
    /// A digest of everything whose change means that deletes may not be meant: endpoints,
    /// mailboxes, filters.
    pub fingerprint: String,
}

/// What a replica was seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The collection.
    pub collection: CollectionId,
    /// The replica.
    pub replica: ReplicaId,
    /// The enumeration that this belongs to, or came after.
    pub epoch: u64,
    /// What was seen, at most once per copy.
    pub sightings: Vec<Sighting>,
    /// Where the stream goes on, if this was a page of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub advance: Option<Advance>,
}

/// Where a stream of changes goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advance {
    /// The next page's cursor.
    pub cursor: Cursor,
    /// What the stream is doing from there on.
    pub stage: Stage,
}

/// What a stream of changes is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Enumerating: what it hasn't shown at its end may be gone.
    Enumerating,
    /// All shown; copies that it hasn't shown are being read one by one.
    Reconciling,
    /// Reporting changes.
    Following,
}

/// One copy, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The link that it belongs to; a new one for a copy never seen.
    pub link: LinkId,
    /// Its id on the replica.
    pub id: RemoteId,
    /// What was seen.
    pub sight: Sight,
}

/// What was seen of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// It is there, and holds this.
    Present {
        /// What it holds.
        rendition: Rendition,
        /// Its stamp, if it carries one of this state file: a copy of ours, or a copy of a copy.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        stamped: Option<Stamp>,
    },
    /// It is there, in the version already known.
    Still,
    /// It is not in its folder any more; confirmed by a read.
    Gone,
    /// It is there, outside what is configured.
    Outside,
    /// It is there, and its server can't deliver it.
    Unreadable {
        /// The server's error code.
        code: String,
    },
}

/// A write to one copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its name, on the server too.
    pub key: IntentKey,
    /// What to do.
    #[serde(flatten)]
    pub plan: Plan,
}

/// A write as it was decided, before it got its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The link.
    pub link: LinkId,
    /// The replica to write to.
    pub replica: ReplicaId,
    /// What to do.
    pub op: Op,
    /// The fields that it carries over, and from where.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub carries: BTreeMap<Field, Carry>,
}

/// What a write does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Op {
    /// Makes a copy, with everything that is not a field taken from this content.
    Create {
        /// The content.
        like: Digest,
    },
    /// Changes the fields carried, and no others.
    Update {
        /// The copy.
        id: RemoteId,
        /// The version that must still stand.
        if_match: Option<Version>,
        /// The copy's content as it was read.
        onto: Digest,
    },
    /// Moves the copy to the trash.
    Delete {
        /// The copy.
        id: RemoteId,
        /// The version that must still stand.
        if_match: Option<Version>,
        /// Why.
        why: Removal,
    },
}

/// Why a copy is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Removal {
    /// It was deleted elsewhere.
    Deleted,
    /// It is our copy, and the original arrived by itself.
    Yields,
}

/// A field carried over, and from which content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Carry {
    /// As a whole.
    Whole {
        /// The replica it comes from; `None` for the origin of a fork.
        from: Option<ReplicaId>,
        /// The content that holds it.
        content: Digest,
        /// Its value there.
        value: Value,
    },
    /// Element by element, onto what the target holds.
    Elements {
        /// Elements to put.
        put: BTreeMap<ElementKey, PutElement>,
        /// Elements to drop.
        drop: BTreeSet<ElementKey>,
        /// Whether the set is a late one: the write can come to a part, and what is found of it
        /// otherwise is nothing that the server rewrote.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        late: bool,
    },
    /// Not at all: what is written besides leaves the set empty, and its elements come later.
    Emptied,
}

impl Carry {
    /// The same, of a late set.
    pub(crate) fn late(self) -> Self {
        match self {
            Self::Elements { put, drop, late: _ } => Self::Elements { put, drop, late: true },
            Self::Whole { .. } | Self::Emptied => self,
        }
    }
}

/// An element carried over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutElement {
    /// The content that holds it.
    pub content: Digest,
    /// Its value there.
    pub print: Print,
}

/// What became of an intent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It happened. The merge base becomes what was written, never what is found.
    Applied(Applied),
    /// It did not happen.
    NotApplied(NotApplied),
}

/// A write that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// The copy.
    pub id: RemoteId,
    /// How that is known.
    pub proof: Proof,
}

/// How a write is known to have happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// The server answered.
    Answered {
        /// The version right after the write.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        version: Option<Version>,
        /// The content that the copy holds since, as we composed it; none after a delete.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        content: Option<Digest>,
    },
    /// Its stamp was found later, on a copy in its folder; what that copy holds now is unread.
    Stamp,
    /// Its stamp was found later, in the trash: it happened, and the copy was deleted since.
    StampInTrash,
}

/// Why a write did not happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotApplied {
    /// The copy was no longer in the version expected; read it again.
    Stale,
    /// The copy is gone; read it again.
    Missing,
    /// The server refuses for good.
    Refused {
        /// Its error code.
        code: String,
    },
    /// It never arrived, or no trace of it was found; plan anew.
    Lost,
}

/// Replicas that differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicted {
    /// The link.
    pub link: LinkId,
    /// What kind.
    pub kind: ConflictKind,
    /// The field; `None` for an edit against a delete.
    pub field: Option<Field>,
    /// What each replica holds; `None` where it was deleted.
    pub sides: BTreeMap<ReplicaId, Option<SideValue>>,
    /// The content that was last the same, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<Digest>,
    /// The replica whose value wins; `None` while a person is to decide.
    pub winner: Option<ReplicaId>,
    /// The rule that decided.
    pub rule: Rule,
}

/// One side of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SideValue {
    /// The content that holds it.
    pub content: Digest,
    /// Its value; absent for an edit against a delete.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value: Option<Value>,
}

/// What kind of conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictKind {
    /// Both changed the field since they were the same.
    Edit,
    /// The same item stood on both sides before the first run, with differences.
    FirstContact,
    /// One side edited what the other deleted; the edit wins.
    EditDelete,
}

/// Why a link is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// A server refused a write for good.
    Refused {
        /// Which.
        replica: ReplicaId,
        /// Its error code.
        code: String,
    },
    /// A server can't deliver the copy.
    Unreadable {
        /// Which.
        replica: ReplicaId,
        /// Its error code.
        code: String,
    },
    /// Several items could be the same one; never guessed.
    Ambiguous,
    /// It is the original of a copy of ours, which has to yield first.
    Twin {
        /// The link of our copy.
        of: LinkId,
    },
    /// The pair goes one way, and this would have gone the other.
    OneWay {
        /// The replica whose change stays where it is.
        replica: ReplicaId,
    },
    /// What was changed elsewhere stays there: it is fixed in this copy.
    Fixed {
        /// The replica whose copy doesn't take it.
        replica: ReplicaId,
    },
}

/// What a run would do, counted before anything is sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// By replica.
    pub replicas: BTreeMap<ReplicaId, Counted>,
}

/// What a run would do to one replica.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Copies to make.
    pub creates: u64,
    /// Copies to rewrite.
    pub updates: u64,
    /// Copies to delete.
    pub deletes: u64,
}

impl Tally {
    /// What the brake counts: deletes, and rewrites unless it spares them.
    pub fn risky(&self, brake: Brake) -> u64 {
        self.replicas.values().map(|c| brake.risky(c.updates, c.deletes)).sum()
    }

    /// Everything.
    pub fn writes(&self) -> u64 {
        self.replicas.values().map(|c| c.creates + c.updates + c.deletes).sum()
    }

    /// Counts copies to make that no plan names yet.
    pub fn add_creates(&mut self, replica: ReplicaId, creates: u64) {
        if creates > 0 {
            self.replicas.entry(replica).or_default().creates += creates;
        }
    }

    /// Counts `plan`.
    pub fn count(&mut self, plan: &Plan) {
        let counted = self.replicas.entry(plan.replica).or_default();
        match plan.op {
            Op::Create { .. } => counted.creates += 1,
            Op::Update { .. } => counted.updates += 1,
            Op::Delete { .. } => counted.deletes += 1,
        }
    }
}

/// Which brake stopped a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BrakeReason {
    /// More deletes and rewrites than allowed.
    TooMany {
        /// How many are allowed.
        limit: u64,
    },
    /// All of a replica's items are gone.
    Emptied {
        /// Which.
        replica: ReplicaId,
    },
    /// Endpoints or filters changed.
    Reconfigured,
}

mod codec;
pub use codec::DecodeError;
