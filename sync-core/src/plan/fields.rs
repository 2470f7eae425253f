//! The decision about a link whose copies are there: field by field.

use super::lane::{Holder, Lane};
use super::loss;
use super::{Decision, Verdict, all_fields};
use crate::ids::{Digest, ElementKey, Field, ReplicaId};
use crate::journal::{Carry, Conflicted, Op, Plan, PutElement, SideValue};
use crate::merge::{self, ElementPatch, Merged};
use crate::policy::{Policy, Rule};
use crate::state::{Leg, Link};
use crate::value::{Print, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What one replica is to get, by field.
type Carries = BTreeMap<Field, Carry>;

/// What the fields come to, before it is made into one write per copy.
#[derive(Default)]
struct Outcome {
    agreed: BTreeSet<Field>,
    carries: BTreeMap<ReplicaId, BTreeMap<Field, Carry>>,
    conflicts: Vec<Conflicted>,
    /// Copies that lose a conflict and are to live on.
    forks: BTreeSet<ReplicaId>,
    /// Fields with a conflict that a person is to decide.
    waiting: BTreeSet<Field>,
}

/// Merges all fields of a link with at least two present copies.
pub(super) fn merge_fields(decision: &mut Decision, link: &Link, policy: &Policy) {
    let mut outcome = Outcome::default();
    for field in all_fields(link) {
        let lane = Lane::of(link, policy, field);
        if outcome.belated(&lane) {
            continue;
        }
        match lane.merge() {
            Merged::Quiet => {}
            Merged::Agree => drop(outcome.agreed.insert(field.clone())),
            Merged::Carry { from, to } => outcome.carry(&lane, from, &to),
            Merged::Elements(patches) => outcome.elements(&lane, &patches),
            Merged::Conflict { between } => {
                let winner = outcome.conflict(&lane, &between, None);
                let settled = winner.map(|winner| merge::spread(&lane.copies(), winner));
                outcome.settled(&lane, settled);
            }
            Merged::Disputed { between, keys } => {
                let winner = outcome.conflict(&lane, &between, Some(&keys));
                let settled = merge::merge_disputed(&lane.copies(), winner);
                outcome.settled(&lane, Some(settled));
            }
        }
    }
    outcome.into_decision(decision, link, policy);
}

impl Outcome {
    fn carry(&mut self, lane: &Lane<'_>, from: ReplicaId, to: &BTreeSet<ReplicaId>) {
        let Lane { holders, .. } = lane;
        let Some((_, _, rendition, value)) = holders.iter().find(|h| h.0 == from) else { return };
        let Some(content) = rendition.content else { return };
        for target in to {
            let held = holders.iter().find(|h| h.0 == *target).map(|h| h.3);
            let carry = match (value, held) {
                (Value::Set(wanted), Some(Value::Set(held))) => replacing(wanted, held, content),
                (_, _) => Carry::Whole { from: Some(from), content, value: (*value).clone() },
            };
            self.write(lane, *target, carry);
        }
    }

    fn elements(&mut self, lane: &Lane<'_>, patches: &BTreeMap<ReplicaId, ElementPatch>) {
        let Lane { holders, .. } = lane;
        for (target, patch) in patches {
            let put = patch
                .put
                .iter()
                .filter_map(|(key, from)| {
                    let (_, _, rendition, value) = holders.iter().find(|h| h.0 == *from)?;
                    let Value::Set(elements) = value else { return None };
                    let content = rendition.content?;
                    Some((key.clone(), PutElement { content, print: *elements.get(key)? }))
                })
                .collect();
            let carry = Carry::Elements { put, drop: patch.drop.clone(), late: false };
            self.write(lane, *target, carry);
        }
    }

    fn write(&mut self, lane: &Lane<'_>, target: ReplicaId, carry: Carry) {
        self.conflicts.extend(loss::untaken(lane, target, &carry, &self.conflicts));
        self.carries.entry(target).or_default().insert(lane.field.clone(), carry);
    }

    /// Who wins a conflict about the field, or about some elements of it; on record if it is new.
    fn conflict(
        &mut self,
        lane: &Lane<'_>,
        between: &BTreeSet<ReplicaId>,
        keys: Option<&BTreeSet<ElementKey>>,
    ) -> Option<ReplicaId> {
        let sides = lane.sides(|replica| between.contains(&replica), keys);
        let known = lane.known(&sides);
        let winner = match known.filter(|dispute| lane.may_win(dispute.winner)) {
            Some(dispute) => dispute.winner,
            None => self.judge(lane, sides),
        };
        if winner.is_none() {
            self.waiting.insert(lane.field.clone());
        }
        winner
    }

    /// What a conflict with a winner comes to.
    fn settled(&mut self, lane: &Lane<'_>, settled: Option<Merged>) {
        match settled {
            Some(Merged::Carry { from, to }) => self.carry(lane, from, &to),
            Some(Merged::Elements(patches)) => self.elements(lane, &patches),
            Some(Merged::Quiet | Merged::Agree) | None => {}
            Some(Merged::Disputed { .. } | Merged::Conflict { .. }) => {}
        }
    }

    /// Puts the elements of a fork's origin where it was made without them; whether any were.
    fn belated(&mut self, lane: &Lane<'_>) -> bool {
        let Lane { link, holders, field, .. } = lane;
        let Some(origin) = &link.origin else { return false };
        let (Some(Value::Set(wanted)), Some(content)) = (origin.fields.get(*field), origin.content)
        else {
            return false;
        };
        let mut is_any = false;
        for (replica, leg, _, held) in holders {
            let Value::Set(held) = held else { continue };
            if leg.has_base(field) || lane.is_fixed_in(*replica) {
                continue;
            }
            let missing = wanted.iter().filter(|(key, _)| !held.contains_key(*key));
            let put: BTreeMap<_, _> = missing
                .map(|(key, print)| (key.clone(), PutElement { content, print: *print }))
                .collect();
            if !put.is_empty() {
                is_any = true;
                let carry = Carry::Elements { put, drop: BTreeSet::new(), late: false };
                self.write(lane, *replica, carry);
            }
        }
        is_any
    }

    /// Records a conflict that is new, and says who wins it.
    fn judge(
        &mut self,
        lane: &Lane<'_>,
        sides: BTreeMap<ReplicaId, Option<SideValue>>,
    ) -> Option<ReplicaId> {
        let rule = lane.rule();
        let first = sides.keys().next().copied();
        let winner = match rule {
            Rule::Prefer(replica) if sides.contains_key(&replica) => Some(replica),
            Rule::Prefer(_) | Rule::KeepBoth => first,
            Rule::Newest => newest(&lane.holders, &sides).or(first),
            Rule::Hold => None,
        };
        if rule == Rule::KeepBoth {
            self.forks.extend(sides.keys().filter(|r| Some(**r) != winner));
        }
        self.conflicts.push(lane.conflict(sides, winner, rule));
        winner
    }

    fn into_decision(mut self, decision: &mut Decision, link: &Link, policy: &Policy) {
        let mut plans = vec![];
        for (replica, carries) in writes(std::mem::take(&mut self.carries), &self.waiting, policy) {
            let Some(leg) = link.legs.get(&replica) else { continue };
            let Some(onto) = leg.rendition().and_then(|r| r.content) else { continue };
            let op = Op::Update { id: leg.id.clone(), if_match: leg.version.clone(), onto };
            plans.push(Plan { link: link.id, replica, op, carries });
        }
        // What a write takes away is carried elsewhere first.
        plans.sort_by_key(|plan| emptied(plan).next().is_some());
        if let Some(plan) = plans.first() {
            for field in emptied(plan) {
                let lane = Lane::of(link, policy, field);
                self.conflicts.extend(loss::emptied(&lane, plan.replica, &self.conflicts));
            }
        }
        // A conflict that is on record forks nothing any more, so forks come first; and its base is
        // told as it was before the rest agrees.
        for loser in self.forks {
            if let Some(rendition) = link.legs.get(&loser).and_then(Leg::rendition) {
                decision.verdicts.push(Verdict::Fork(Box::new(rendition.clone())));
            }
        }
        for conflict in self.conflicts {
            decision.verdicts.push(Verdict::Conflict(Box::new(conflict)));
        }
        if !self.agreed.is_empty() {
            decision.verdicts.push(Verdict::Agree(self.agreed));
        }
        decision.plans.extend(plans);
    }
}

/// The sets that a write leaves empty.
fn emptied(plan: &Plan) -> impl Iterator<Item = &Field> {
    let carries = plan.carries.iter();
    carries.filter(|(_, carry)| **carry == Carry::Emptied).map(|(field, _)| field)
}

/// What makes a set that holds `held` mean what `wanted` does.
fn replacing(
    wanted: &BTreeMap<ElementKey, Print>,
    held: &BTreeMap<ElementKey, Print>,
    content: Digest,
) -> Carry {
    let lacks = |(key, print): &(&ElementKey, &Print)| {
        held.get(*key).is_none_or(|held| held.meaning != print.meaning)
    };
    let put = wanted.iter().filter(lacks);
    let put = put.map(|(key, print)| (key.clone(), PutElement { content, print: *print }));
    let drop = held.keys().filter(|key| !wanted.contains_key(*key)).cloned().collect();
    Carry::Elements { put: put.collect(), drop, late: false }
}

/// Of what each replica is to get, what goes into its next write. Sets that come late are alone in
/// theirs; a write that leaves some of them empty says so.
fn writes(
    carries: BTreeMap<ReplicaId, Carries>,
    waiting: &BTreeSet<Field>,
    policy: &Policy,
) -> Vec<(ReplicaId, Carries)> {
    let mut parts: Vec<(ReplicaId, Carries, Carries)> = vec![];
    for (replica, carries) in carries.into_iter().filter(|(r, _)| policy.writes_to(*r)) {
        let (late, mut now): (Carries, Carries) =
            carries.into_iter().partition(|(field, _)| policy.is_late(replica, field));
        // What waits for a person isn't taken away.
        now.retain(|field, _| {
            policy.emptied_by(replica, |by| by == field).all(|set| !waiting.contains(set))
        });
        parts.push((
            replica,
            now,
            late.into_iter().map(|(field, carry)| (field, carry.late())).collect(),
        ));
    }
    let emptied: Vec<(ReplicaId, Vec<Field>)> = parts
        .iter()
        .map(|(replica, now, _)| {
            (*replica, policy.emptied_by(*replica, |by| now.contains_key(by)).cloned().collect())
        })
        .collect();
    let is_taken_elsewhere = |replica: ReplicaId, field: &Field| {
        emptied.iter().any(|(other, sets)| *other != replica && sets.contains(field))
    };
    let mut writes = vec![];
    for (at, (replica, mut now, late)) in parts.into_iter().enumerate() {
        if now.is_empty()
            || late.keys().any(|field| is_taken_elsewhere(replica, field))
                && !emptied[at].1.is_empty()
        {
            if !late.is_empty() {
                writes.push((replica, late));
            }
            continue;
        }
        now.extend(emptied[at].1.iter().map(|field| (field.clone(), Carry::Emptied)));
        writes.push((replica, now));
    }
    writes
}

/// The replica whose copy was edited last, where all say when.
fn newest(
    holders: &[Holder<'_>],
    sides: &BTreeMap<ReplicaId, Option<SideValue>>,
) -> Option<ReplicaId> {
    let edited: Option<Vec<(i64, ReplicaId)>> = holders
        .iter()
        .filter(|(replica, ..)| sides.contains_key(replica))
        .map(|(replica, _, rendition, _)| Some((rendition.edited_ms?, *replica)))
        .collect();
    // On a tie the first replica, as everywhere.
    edited?.into_iter().max_by_key(|(at, replica)| (*at, std::cmp::Reverse(*replica))).map(|e| e.1)
}
