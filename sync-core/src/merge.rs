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
    /// The same element was changed differently; the rest of the set waits for who wins it.
    Disputed {
        /// The copies that changed one, and none of which follows from another.
        between: BTreeSet<ReplicaId>,
        /// Which.
        keys: BTreeSet<ElementKey>,
    },
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
    merge_as(copies, carrying, Dispute::Report)
}

/// Merges a set where the same element was changed differently: `winner`'s elements win, and without
/// a winner they stay as they are.
pub fn merge_disputed(copies: &[Copy<'_>], winner: Option<ReplicaId>) -> Merged {
    merge_as(copies, None, Dispute::Settled(winner))
}

/// What to do about an element that was changed differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dispute {
    Report,
    Settled(Option<ReplicaId>),
}

fn merge_as(copies: &[Copy<'_>], carrying: Option<ReplicaId>, dispute: Dispute) -> Merged {
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
    merge_sets(&sets, carrying, dispute)
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

fn merge_sets(copies: &[SetCopy<'_>], carrying: Option<ReplicaId>, dispute: Dispute) -> Merged {
    let first_contact = copies.iter().any(|(_, base, _)| base.is_none());
    let keys: BTreeSet<&ElementKey> = copies
        .iter()
        .flat_map(|(_, base, now)| base.iter().flat_map(|b| b.keys()).chain(now.keys()))
        .collect();
    let mut patches: BTreeMap<ReplicaId, ElementPatch> = BTreeMap::new();
    let mut changed = first_contact;
    let (mut between, mut disputed) = (BTreeSet::new(), BTreeSet::new());
    for key in keys {
        let copies: Vec<ElementCopy> = copies
            .iter()
            .map(|(replica, base, now)| ElementCopy {
                replica: *replica,
                base: base.map(|base| base.get(key).copied()),
                now: now.get(key).copied(),
            })
            // One copy without a past leaves none that all have in common.
            .map(|copy| if first_contact { copy.without_past() } else { copy })
            .collect();
        changed |= copies.iter().any(ElementCopy::is_changed);
        let heads = element_heads(&copies);
        let winner = match dispute {
            _ if !is_disputed(&heads) => element_winner(&copies, &heads, carrying),
            Dispute::Report => {
                between.extend(heads.iter().map(|head| head.replica));
                disputed.insert(key.clone());
                continue;
            }
            Dispute::Settled(None) => continue,
            Dispute::Settled(Some(winner)) => {
                let named = heads.iter().find(|head| head.replica == winner).copied();
                named.or_else(|| element_winner(&copies, &heads, carrying))
            }
        };
        let Some(winner) = winner else { continue };
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
    if !between.is_empty() {
        return Merged::Disputed { between, keys: disputed };
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
    /// The same at first contact. What was put here and not found again is gone all the same.
    fn without_past(self) -> Self {
        let is_untaken = self.now.is_none() && self.base.flatten().is_some_and(|b| b.own.is_none());
        Self { base: self.base.filter(|_| is_untaken), ..self }
    }

    fn is_changed(&self) -> bool {
        match (self.base, self.now) {
            (Some(Some(base)), Some(now)) => !base.unchanged(&now),
            (Some(base), now) => base.is_some() != now.is_some(),
            // Without a past, what isn't there says nothing.
            (None, now) => now.is_some(),
        }
    }
}

/// The copies that changed an element and whose change nobody followed.
fn element_heads(copies: &[ElementCopy]) -> Vec<&ElementCopy> {
    let changed: Vec<&ElementCopy> = copies.iter().filter(|c| c.is_changed()).collect();
    let meaning = |print: Option<Print>| print.map(|p| p.meaning);
    let followed = |c: &ElementCopy| {
        changed.iter().any(|other| {
            other.base.is_some_and(|base| meaning(base) == meaning(c.now))
                && meaning(other.now) != meaning(c.now)
        })
    };
    let heads: Vec<&ElementCopy> = changed.iter().filter(|c| !followed(c)).copied().collect();
    if heads.is_empty() { changed } else { heads }
}

/// Whether an element was changed differently: to two meanings, or to a new one here while it was
/// removed there. Where it only came and went, the addition wins.
fn is_disputed(heads: &[&ElementCopy]) -> bool {
    let changes_meaning = |c: &&&ElementCopy| match (c.base, c.now) {
        (Some(Some(base)), Some(now)) => base.meaning != now.meaning,
        (Some(None) | None, Some(_)) | (_, None) => false,
    };
    let mut present = heads.iter().filter_map(|c| c.now).map(|print| print.meaning);
    let first = present.next();
    present.any(|meaning| Some(meaning) != first)
        || (heads.iter().any(|c| c.now.is_none()) && heads.iter().any(|c| changes_meaning(&c)))
}

/// The copy whose element wins: an addition or edit beats a removal, the first replica the others.
fn element_winner<'a>(
    copies: &'a [ElementCopy],
    heads: &[&'a ElementCopy],
    carrying: Option<ReplicaId>,
) -> Option<&'a ElementCopy> {
    if heads.is_empty() {
        return copies.iter().find(|c| Some(c.replica) == carrying);
    }
    let present = |copy: &&&ElementCopy| copy.now.is_some();
    let first = |copy: &&&ElementCopy| copy.replica;
    let added = heads.iter().filter(present).min_by_key(first);
    added.or_else(|| heads.iter().min_by_key(first)).copied()
}
