//! The merge of one field: any number of copies, each compared with its own past.
//!
//! The laws, tested with two to four copies: the order of the copies doesn't matter; merging what
//! is merged changes nothing; edits to different copies of different elements all survive.

use crate::ids::{ElementKey, ReplicaId};
use crate::value::{Print, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One copy's value of a field.
#[derive(Debug, Clone, Copy)]
pub struct Copy<'a> {
    /// Where.
    pub replica: ReplicaId,
    /// What it was when all were the same; `None` at first contact.
    pub base: Option<&'a Value>,
    /// What it is.
    pub now: &'a Value,
}

/// What is to be done about a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Merged {
    /// Nothing changed.
    Quiet,
    /// It is the same everywhere; the bases are to follow.
    Agree,
    /// One value goes to the copies that don't have it.
    Carry {
        /// Where it comes from.
        from: ReplicaId,
        /// Where it goes.
        to: BTreeSet<ReplicaId>,
    },
    /// Elements go to the copies that don't have them.
    Elements(BTreeMap<ReplicaId, ElementPatch>),
    /// Copies were changed differently.
    Conflict {
        /// The copies that were changed, and none of which follows from another.
        between: BTreeSet<ReplicaId>,
    },
}

/// What is to be done to one copy of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ElementPatch {
    /// Elements to put, and where they come from.
    pub put: BTreeMap<ElementKey, ReplicaId>,
    /// Elements to drop.
    pub drop: BTreeSet<ElementKey>,
}

/// Merges one field. `carrying` names the copy whose value was on its way to the others.
pub fn merge(copies: &[Copy<'_>], carrying: Option<ReplicaId>) -> Merged {
    let mut sets = Vec::with_capacity(copies.len());
    for copy in copies {
        let Value::Set(now) = copy.now else { return merge_whole(copies, carrying) };
        let base = match copy.base {
            Some(Value::Set(base)) => Some(base),
            Some(Value::Scalar(_)) => return merge_whole(copies, carrying),
            None => None,
        };
        sets.push((copy.replica, base, now));
    }
    merge_sets(&sets, carrying)
}

/// Sends `from`'s value to every copy that means something else.
pub fn spread(copies: &[Copy<'_>], from: ReplicaId) -> Merged {
    let Some(source) = copies.iter().find(|c| c.replica == from) else { return Merged::Quiet };
    let to: BTreeSet<ReplicaId> =
        copies.iter().filter(|c| !c.now.same_meaning(source.now)).map(|c| c.replica).collect();
    if to.is_empty() { Merged::Agree } else { Merged::Carry { from, to } }
}

/// Whether the copy was changed since all were the same.
pub fn is_changed(copy: &Copy<'_>) -> bool {
    copy.base.is_none_or(|base| !base.unchanged(copy.now))
}

fn merge_whole(copies: &[Copy<'_>], carrying: Option<ReplicaId>) -> Merged {
    let first_contact = copies.iter().any(|c| c.base.is_none());
    let changed: Vec<&Copy<'_>> =
        copies.iter().filter(|c| first_contact || is_changed(c)).collect();
    if changed.is_empty() {
        return match carrying {
            Some(from) if spread(copies, from) != Merged::Agree => spread(copies, from),
            Some(_) | None => Merged::Quiet,
        };
    }
    let heads: Vec<&Copy<'_>> =
        changed.iter().filter(|c| first_contact || !is_followed(c, &changed)).copied().collect();
    let heads = if heads.is_empty() { changed } else { heads };
    match heads.split_first() {
        Some((first, rest)) if rest.iter().all(|c| c.now.same_meaning(first.now)) => {
            spread(copies, first.replica)
        }
        Some(_) | None => Merged::Conflict { between: heads.iter().map(|c| c.replica).collect() },
    }
}

/// Whether another change was made by someone who had this value before them.
fn is_followed(copy: &Copy<'_>, changed: &[&Copy<'_>]) -> bool {
    changed.iter().any(|other| {
        other.replica != copy.replica
            && other.base.is_some_and(|base| base.same_meaning(copy.now))
            && !other.now.same_meaning(copy.now)
    })
}

type SetCopy<'a> =
    (ReplicaId, Option<&'a BTreeMap<ElementKey, Print>>, &'a BTreeMap<ElementKey, Print>);

fn merge_sets(copies: &[SetCopy<'_>], carrying: Option<ReplicaId>) -> Merged {
    let first_contact = copies.iter().any(|(_, base, _)| base.is_none());
    let keys: BTreeSet<&ElementKey> = copies
        .iter()
        .flat_map(|(_, base, now)| base.iter().flat_map(|b| b.keys()).chain(now.keys()))
        .collect();
    let mut patches: BTreeMap<ReplicaId, ElementPatch> = BTreeMap::new();
    let mut changed = first_contact;
    for key in keys {
        let copies: Vec<ElementCopy> = copies
            .iter()
            .map(|(replica, base, now)| ElementCopy {
                replica: *replica,
                // One copy without a past leaves none that all have in common.
                base: base.filter(|_| !first_contact).map(|base| base.get(key).copied()),
                now: now.get(key).copied(),
            })
            .collect();
        changed |= copies.iter().any(ElementCopy::is_changed);
        let Some(winner) = element_winner(&copies, carrying) else { continue };
        for copy in &copies {
            if copy.now.map(|p| p.meaning) == winner.now.map(|p| p.meaning) {
                continue;
            }
            let patch = patches.entry(copy.replica).or_default();
            match winner.now {
                Some(_) => drop(patch.put.insert(key.clone(), winner.replica)),
                None => drop(patch.drop.insert(key.clone())),
            }
        }
    }
    match (patches.is_empty(), changed) {
        (false, _) => Merged::Elements(patches),
        (true, true) => Merged::Agree,
        (true, false) => Merged::Quiet,
    }
}

struct ElementCopy {
    replica: ReplicaId,
    /// `None` at first contact; `Some(None)` where the element was absent.
    base: Option<Option<Print>>,
    now: Option<Print>,
}

impl ElementCopy {
    fn is_changed(&self) -> bool {
        match (self.base, self.now) {
            (Some(Some(base)), Some(now)) => !base.unchanged(&now),
            (Some(base), now) => base.is_some() != now.is_some(),
            // Without a past, what isn't there says nothing.
            (None, now) => now.is_some(),
        }
    }
}

/// The copy whose element wins: an addition or edit beats a removal, the first replica the others.
fn element_winner(copies: &[ElementCopy], carrying: Option<ReplicaId>) -> Option<&ElementCopy> {
    let changed: Vec<&ElementCopy> = copies.iter().filter(|c| c.is_changed()).collect();
    if changed.is_empty() {
        return copies.iter().find(|c| Some(c.replica) == carrying);
    }
    let meaning = |print: Option<Print>| print.map(|p| p.meaning);
    let followed = |c: &ElementCopy| {
        changed.iter().any(|other| {
            other.base.is_some_and(|base| meaning(base) == meaning(c.now))
                && meaning(other.now) != meaning(c.now)
        })
    };
    let heads: Vec<&ElementCopy> = changed.iter().filter(|c| !followed(c)).copied().collect();
    let heads = if heads.is_empty() { changed } else { heads };
    let present = |copy: &&&ElementCopy| copy.now.is_some();
    let first = |copy: &&&ElementCopy| copy.replica;
    let added = heads.iter().filter(present).min_by_key(first);
    added.or_else(|| heads.iter().min_by_key(first)).copied()
}
