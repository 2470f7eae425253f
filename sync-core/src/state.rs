//! All that the engine knows: the fold of a pair's journal.

mod fold;
mod leg;
mod link;

use crate::ids::{
    CollectionId, Cursor, Digest, ElementKey, Field, FolderId, IntentKey, LinkId, PairId, RemoteId,
    ReplicaId, RunId, Version,
};
use crate::journal::{Carry, Conflicted, Intent, Reason, Seq, Stage};
use crate::policy::Policy;
use crate::port::{Counts, Stamp};
use crate::value::{Fields, IdentityKey, Print, Rendition, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

pub use fold::Error;

/// The fold of a pair's journal, or the part of it that the entries at hand touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The pair as a whole.
    pub head: Head,
    /// The links.
    pub links: BTreeMap<LinkId, Link>,
    /// The conflicts, by the position of the entry that recorded them.
    pub conflicts: BTreeMap<Seq, Conflict>,
}

impl State {
    /// The state before the first entry.
    pub fn new(pair: PairId) -> Self {
        Self { head: Head::new(pair), links: BTreeMap::new(), conflicts: BTreeMap::new() }
    }

    /// How many links there are.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for link in self.links.values().filter(|link| !link.buried) {
            counts.links += 1;
            if !link.met {
                continue;
            }
            counts.met += 1;
            for (replica, _) in link.legs.iter().filter(|(_, leg)| leg.is_taken_for_present()) {
                *counts.present.entry(*replica).or_default() += 1;
            }
        }
        counts
    }
}

/// What is known of a pair as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The pair.
    pub pair: PairId,
    /// The last entry folded in.
    pub seq: Seq,
    /// The last run.
    pub run: Option<RunId>,
    /// The rules.
    pub policy: Option<Policy>,
    /// The folders of each collection.
    pub collections: BTreeMap<CollectionId, BTreeMap<ReplicaId, FolderId>>,
    /// The fingerprint of the present configuration.
    pub fingerprint: String,
    /// The fingerprint that last went through the brakes.
    pub accepted: Option<String>,
    /// Where each stream of changes stands.
    pub tracks: BTreeMap<CollectionId, BTreeMap<ReplicaId, Track>>,
}

impl Head {
    /// A pair of which nothing is known.
    pub fn new(pair: PairId) -> Self {
        Self {
            pair,
            seq: Seq(0),
            run: None,
            policy: None,
            collections: BTreeMap::new(),
            fingerprint: String::new(),
            accepted: None,
            tracks: BTreeMap::new(),
        }
    }

    /// Where a stream of changes stands.
    pub fn track(&self, collection: &CollectionId, replica: ReplicaId) -> Track {
        self.tracks
            .get(collection)
            .and_then(|tracks| tracks.get(&replica))
            .cloned()
            .unwrap_or_default()
    }
}

/// Where a stream of changes stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// The folder that it is a stream of. Kept while the collection is not configured, so that
    /// another folder is noticed when it is again.
    pub folder: Option<FolderId>,
    /// Where to go on; `None` to enumerate.
    pub cursor: Option<Cursor>,
    /// Counts the enumerations begun.
    pub epoch: u64,
    /// What it is doing.
    pub stage: Stage,
}

impl Default for Track {
    fn default() -> Self {
        Self { folder: None, cursor: None, epoch: 0, stage: Stage::Following }
    }
}

/// A link joins the copies of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// The collection it belongs to.
    pub collection: CollectionId,
    /// The copies, at most one per replica.
    pub legs: BTreeMap<ReplicaId, Leg>,
    /// The content of a link that has no copy yet: a losing copy that is to live on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin: Option<Rendition>,
    /// Whether at least two copies have been the same once. Such links never match by likeness.
    pub met: bool,
    /// The write on its way.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub open: Option<OpenIntent>,
    /// Why it is set aside.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub held: Option<Reason>,
    /// Whether it is a tombstone: all its copies are gone.
    pub buried: bool,
    /// The link of the original that arrived by itself where we had made a copy, and where.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub twin: Option<Twin>,
    /// Fields on their way to several replicas, and where they come from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub carrying: BTreeMap<Field, ReplicaId>,
    /// Conflicts recorded and not overtaken by events.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub disputes: Vec<Dispute>,
    /// Whether the planner has something to look at.
    pub attention: bool,
}

impl Link {
    /// A link without copies.
    pub fn new(id: LinkId, collection: CollectionId) -> Self {
        Self {
            id,
            collection,
            legs: BTreeMap::new(),
            origin: None,
            met: false,
            open: None,
            held: None,
            buried: false,
            twin: None,
            carrying: BTreeMap::new(),
            disputes: Vec::new(),
            attention: false,
        }
    }

    /// The keys by which its present copies can be recognised, each once.
    pub fn identity(&self) -> Vec<&IdentityKey> {
        let mut keys: Vec<&IdentityKey> = self
            .legs
            .values()
            .filter_map(|leg| leg.rendition())
            .flat_map(|rendition| &rendition.identity)
            .collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// The dispute over `field` (`None`: an edit against a delete); of several about elements of one
    /// set the oldest that waits for a person.
    pub fn dispute(&self, field: Option<&Field>) -> Option<&Dispute> {
        let of_field = self.disputes.iter().filter(|d| d.field.as_ref() == field);
        of_field.min_by_key(|d| (d.winner.is_some(), d.conflict))
    }

    /// Content that shows what the link is about, newest knowledge first.
    pub fn content(&self) -> Option<Digest> {
        let present = self.legs.values().filter_map(|leg| leg.rendition()?.content).next();
        let based = || {
            self.legs.values().filter_map(|leg| leg.base.as_ref().and_then(|b| b.content)).next()
        };
        present.or_else(based).or_else(|| self.origin.as_ref().and_then(|o| o.content))
    }
}

/// An original that arrived by itself where we had made a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Twin {
    /// Where.
    pub replica: ReplicaId,
    /// Its link.
    pub original: LinkId,
}

/// A write on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// The write.
    pub intent: Intent,
    /// When it was committed, in milliseconds since 1970 UTC.
    pub at_ms: i64,
}

/// One copy of an item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Its id on the replica.
    pub id: RemoteId,
    /// The newest version known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<Version>,
    /// The version that our last write made: a copy seen in it holds exactly what we wrote.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wrote: Option<Version>,
    /// What it held when it was last the same as the others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base: Option<Base>,
    /// What it was last seen to hold.
    pub seen: Seen,
    /// The enumeration in which, or after which, it was last seen.
    pub epoch: u64,
    /// Whether we made it.
    pub ours: bool,
    /// The stamp that it carried when it was first seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stamped: Option<Stamp>,
    /// The intents that made it and that wrote it last. A copy that someone makes of it carries one
    /// of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub keys: Vec<IntentKey>,
    /// Elements that our writes put or dropped, as far as they came: a write that takes a request for
    /// each can come to a part. What is found of them is no edit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub partly: BTreeMap<Field, Elements>,
    /// Elements that are to go to copies whose set was emptied: until they arrived there, they look
    /// like additions here and are no edits.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub owed: BTreeMap<Field, BTreeMap<ElementKey, Print>>,
    /// Late sets of the last write. What is found of them otherwise than it was written was not
    /// rewritten by the server: it couldn't be written.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub unproven: BTreeSet<Field>,
}

/// Elements as a write puts them; `None` for those that it drops.
pub type Elements = BTreeMap<ElementKey, Option<Print>>;

impl Leg {
    /// Whether it is taken for present: it was seen in its folder, and nobody said since that it
    /// left, even if its content isn't known at the moment.
    pub fn is_taken_for_present(&self) -> bool {
        match self.seen {
            Seen::Present(_) | Seen::Unread | Seen::Unreadable { .. } => true,
            Seen::Gone | Seen::Outside => false,
        }
    }

    /// Whether it must be read before anything is decided.
    pub fn is_unread(&self) -> bool {
        matches!(self.seen, Seen::Unread)
    }

    /// Whether we wrote it and it was not seen since. A copy that someone deletes before its stream
    /// has shown it is never reported as deleted.
    pub fn is_unechoed(&self) -> bool {
        self.wrote.is_some() && self.rendition().is_some()
    }

    /// Whether it was the same as the others in `field` once.
    pub(crate) fn has_base(&self, field: &Field) -> bool {
        self.base.as_ref().is_some_and(|base| base.fields.contains_key(field))
    }

    /// What it holds, if that is known.
    pub fn rendition(&self) -> Option<&Rendition> {
        match &self.seen {
            Seen::Present(rendition) => Some(rendition),
            Seen::Gone | Seen::Outside | Seen::Unreadable { .. } | Seen::Unread => None,
        }
    }
}

/// What a copy held when it was last the same as the others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The values, by field.
    pub fields: Fields,
    /// The content, for people who ask what it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Digest>,
}

/// What a copy was last seen to hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Seen {
    /// This.
    Present(Rendition),
    /// It is gone.
    Gone,
    /// It lies outside what is configured.
    Outside,
    /// Its server can't deliver it.
    Unreadable {
        /// The server's error code.
        code: String,
    },
    /// It must be read before anything is decided.
    Unread,
}

/// A conflict that was recorded for a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// The entry that recorded it.
    pub conflict: Seq,
    /// The field; `None` for an edit against a delete.
    pub field: Option<Field>,
    /// What each replica held then.
    pub sides: BTreeMap<ReplicaId, Option<Value>>,
    /// Whose value wins; `None` while a person is to decide.
    pub winner: Option<ReplicaId>,
}

impl Dispute {
    /// Whether `carry` brings what it is about: of a set only the elements that were changed
    /// differently.
    pub(crate) fn concerns(&self, carry: &Carry) -> bool {
        let Carry::Elements { put, drop, .. } = carry else { return true };
        self.keys().any(|key| put.contains_key(key) || drop.contains(key))
    }

    /// Whether both are about the same: of a set, about an element that both name. Of a field that
    /// waits for a person only the newest does.
    pub(crate) fn is_about(&self, other: &Self) -> bool {
        let wait = self.winner.is_none() && other.winner.is_none();
        let named: BTreeSet<&ElementKey> = self.keys().collect();
        let is_whole = named.is_empty() || other.keys().next().is_none();
        self.field == other.field
            && (wait || is_whole || other.keys().any(|key| named.contains(key)))
    }

    /// The elements that it names, if it is about a set.
    fn keys(&self) -> impl Iterator<Item = &ElementKey> {
        self.sides.values().flatten().flat_map(|side| match side {
            Value::Set(elements) => elements.keys().collect(),
            Value::Scalar(_) => Vec::new(),
        })
    }
}

/// A conflict, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The entry that recorded it.
    pub seq: Seq,
    /// When, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// The pair.
    pub pair: PairId,
    /// What it is about.
    pub what: Conflicted,
    /// Whether a person still has to decide.
    pub open: bool,
}
