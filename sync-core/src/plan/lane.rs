//! One field of a link: who holds it, and which way it goes.

use super::{Decision, Verdict, all_fields, holders};
use crate::ids::{ElementKey, Field, ReplicaId};
use crate::journal::{ConflictKind, Conflicted, Reason, SideValue};
use crate::merge::{self, Copy, Merged};
use crate::policy::{Direction, Policy, Rule};
use crate::state::{Dispute, Leg, Link};
use crate::value::{Rendition, Value};
use std::collections::{BTreeMap, BTreeSet};

/// A copy that holds a field, and its value.
pub(super) type Holder<'a> = (ReplicaId, &'a Leg, &'a Rendition, &'a Value);

/// What each copy in a conflict holds.
pub(super) type Sides = BTreeMap<ReplicaId, Option<SideValue>>;

/// One field of a link, on its way between copies.
pub(super) struct Lane<'a> {
    pub(super) link: &'a Link,
    pub(super) policy: &'a Policy,
    pub(super) field: &'a Field,
    /// The copies that hold the field.
    pub(super) holders: Vec<Holder<'a>>,
    flow: Flow,
}

/// Which way a field goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    /// Between all copies.
    Both,
    /// From this copy, which doesn't take it from others.
    From(ReplicaId),
    /// Nowhere, since more than one copy doesn't take it.
    Nowhere,
}

impl<'a> Lane<'a> {
    pub(super) fn of(link: &'a Link, policy: &'a Policy, field: &'a Field) -> Self {
        let holders = holders(link, policy, field);
        let fixed = holders.iter().filter(|h| is_fixed(policy, h, field)).map(|h| h.0);
        let mut unwritable: BTreeSet<ReplicaId> = fixed.collect();
        if let Direction::From(source) = policy.direction {
            unwritable.insert(source);
        }
        let mut unwritable = unwritable.into_iter();
        let flow = match (unwritable.next(), unwritable.next()) {
            (None, _) => Flow::Both,
            (Some(source), None) => Flow::From(source),
            (Some(_), Some(_)) => Flow::Nowhere,
        };
        Self { link, policy, field, holders, flow }
    }

    /// The copies, as the merge wants them.
    pub(super) fn copies(&self) -> Vec<Copy<'a>> {
        self.holders
            .iter()
            .map(|(replica, leg, _, now)| Copy {
                replica: *replica,
                base: leg.base.as_ref().and_then(|b| b.fields.get(self.field)),
                now,
            })
            .collect()
    }

    /// What is to be done about the field.
    pub(super) fn merge(&self) -> Merged {
        let copies = self.copies();
        match self.flow {
            Flow::Both => merge::merge(&copies, self.link.carrying.get(self.field).copied()),
            Flow::From(source) => one_way(&copies, source),
            Flow::Nowhere => agree(&copies).unwrap_or(Merged::Quiet),
        }
    }

    /// The rule for conflicts: who takes nothing from others wins.
    pub(super) fn rule(&self) -> Rule {
        match self.flow {
            Flow::From(source) => Rule::Prefer(source),
            Flow::Both | Flow::Nowhere => self.policy.rule(self.field),
        }
    }

    /// What copies hold of the field, or of some elements of it, as a conflict keeps it.
    pub(super) fn sides(
        &self,
        of: impl Fn(ReplicaId) -> bool,
        keys: Option<&BTreeSet<ElementKey>>,
    ) -> Sides {
        let holders = self.holders.iter().filter(|h| of(h.0));
        holders.map(|h| (h.0, self.side(h.2, h.3, keys))).collect()
    }

    pub(super) fn side(
        &self,
        rendition: &Rendition,
        value: &Value,
        keys: Option<&BTreeSet<ElementKey>>,
    ) -> Option<SideValue> {
        let value = Some(part(value, keys));
        rendition.content.map(|content| SideValue { content, value })
    }

    /// The conflicts about the field that are on record.
    pub(super) fn disputes(&self) -> impl Iterator<Item = &'a Dispute> {
        let field = self.field;
        self.link.disputes.iter().filter(move |dispute| dispute.field.as_ref() == Some(field))
    }

    /// The conflict on record that these copies still are in.
    pub(super) fn known(&self, sides: &Sides) -> Option<&'a Dispute> {
        self.disputes().find(|dispute| covers(dispute, sides))
    }

    /// A conflict about the field.
    pub(super) fn conflict(
        &self,
        sides: Sides,
        winner: Option<ReplicaId>,
        rule: Rule,
    ) -> Conflicted {
        let first_contact = self.holders.iter().any(|(_, leg, ..)| !leg.has_base(self.field));
        Conflicted {
            link: self.link.id,
            kind: if first_contact { ConflictKind::FirstContact } else { ConflictKind::Edit },
            field: Some(self.field.clone()),
            sides,
            base: self.holders.iter().find_map(|(_, leg, ..)| leg.base.as_ref()?.content),
            winner,
            rule,
        }
    }

    /// Whether a conflict on record can end as it says.
    pub(super) fn may_win(&self, winner: Option<ReplicaId>) -> bool {
        match self.flow {
            Flow::From(source) => winner == Some(source),
            Flow::Both | Flow::Nowhere => true,
        }
    }

    /// Whether the copy in `replica` takes no write to the field.
    pub(super) fn is_fixed_in(&self, replica: ReplicaId) -> bool {
        self.holders.iter().any(|h| h.0 == replica && is_fixed(self.policy, h, self.field))
    }

    /// The copy that is fixed while another was changed that it could be written from otherwise.
    fn held_back_by(&self) -> Option<ReplicaId> {
        let copies = self.copies();
        let is_lacking = |fixed: &&Copy<'_>| {
            self.policy.writes_to(fixed.replica)
                && self.is_fixed_in(fixed.replica)
                && copies.iter().any(|other| {
                    merge::is_changed(other)
                        && !other.now.same_meaning(fixed.now)
                        && other.replica != fixed.replica
                })
        };
        copies.iter().find(is_lacking).map(|fixed| fixed.replica)
    }
}

/// Says so where the only thing left to do would change what is fixed in a copy. What waits for a
/// person comes first.
pub(super) fn leave_fixed(decision: &mut Decision, link: &Link, policy: &Policy) {
    if link.disputes.iter().any(|dispute| dispute.winner.is_none()) {
        return;
    }
    let held_back =
        all_fields(link).into_iter().find_map(|field| Lane::of(link, policy, field).held_back_by());
    if let Some(replica) = held_back {
        decision.verdicts.push(Verdict::Hold(Reason::Fixed { replica }));
    }
}

/// Whether a copy doesn't take `field`: it is fixed there, or writing it empties a set that is, which
/// nobody could fill again.
fn is_fixed(policy: &Policy, (replica, _, rendition, _): &Holder<'_>, field: &Field) -> bool {
    let mut emptied = policy.emptied_by(*replica, |by| by == field);
    rendition.fixed.contains(field) || emptied.any(|set| rendition.fixed.contains(set))
}

/// The part of a value that is about `keys`.
fn part(value: &Value, keys: Option<&BTreeSet<ElementKey>>) -> Value {
    match (value, keys) {
        (Value::Set(elements), Some(keys)) => {
            let of_keys = elements.iter().filter(|(key, _)| keys.contains(*key));
            Value::Set(of_keys.map(|(key, print)| (key.clone(), *print)).collect())
        }
        (Value::Set(_) | Value::Scalar(_), _) => value.clone(),
    }
}

/// Whether a conflict on record is still the one at hand: every copy holds what it held then, or
/// has the winner's value already.
fn covers(dispute: &Dispute, sides: &BTreeMap<ReplicaId, Option<SideValue>>) -> bool {
    let won = dispute.winner.and_then(|winner| dispute.sides.get(&winner)?.as_ref());
    sides.iter().all(|(replica, side)| {
        let now = side.as_ref().and_then(|s| s.value.as_ref());
        let then = dispute.sides.get(replica).and_then(Option::as_ref);
        now.is_some_and(|now| {
            then.is_some_and(|then| then.same_meaning(now))
                || won.is_some_and(|won| won.same_meaning(now))
        })
    })
}

/// The source's changes go out; where it changed nothing, the others keep what they have.
fn one_way(copies: &[Copy<'_>], source: ReplicaId) -> Merged {
    let Some(own) = copies.iter().find(|c| c.replica == source) else { return Merged::Quiet };
    // A set that a write left empty has no past, and is to be filled again.
    let is_emptied = |c: &Copy<'_>| {
        c.base.is_none() && matches!(c.now, Value::Set(elements) if elements.is_empty())
    };
    let others_changed = |c: &&Copy<'_>| {
        let differs = !c.now.same_meaning(own.now);
        c.replica != source && merge::is_changed(c) && differs && !is_emptied(c)
    };
    if let Some(agreed) = agree(copies) {
        return agreed;
    }
    if !merge::is_changed(own) && !copies.iter().any(is_emptied) {
        return Merged::Quiet;
    }
    let mut between: BTreeSet<ReplicaId> =
        copies.iter().filter(others_changed).map(|c| c.replica).collect();
    if between.is_empty() {
        return merge::spread(copies, source);
    }
    between.insert(source);
    Merged::Conflict { between }
}

/// What to do about copies that say the same already; `None` where they don't.
fn agree(copies: &[Copy<'_>]) -> Option<Merged> {
    let is_same = copies.windows(2).all(|pair| pair[0].now.same_meaning(pair[1].now));
    let is_changed = copies.iter().any(merge::is_changed);
    is_same.then_some(if is_changed { Merged::Agree } else { Merged::Quiet })
}
