//! The decision: what is to be done about one link. A pure function of the link and the rules.

mod fields;
mod lane;
mod loss;

use crate::ids::{ElementKey, Field, ReplicaId};
use crate::journal::{Carry, ConflictKind, Conflicted, Op, Plan, Reason, Removal, SideValue};
use crate::policy::{Direction, Policy};
use crate::state::{Leg, Link, Seen};
use crate::value::{Fields, Rendition, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be done about one link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// What is to be recorded.
    pub verdicts: Vec<Verdict>,
    /// The writes, in the order in which they are to be sent, one at a time.
    pub plans: Vec<Plan>,
}

impl Decision {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.verdicts.is_empty() && self.plans.is_empty()
    }
}

/// A decision that writes nothing to a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// These fields are the same everywhere.
    Agree(BTreeSet<Field>),
    /// Copies differ.
    Conflict(Box<Conflicted>),
    /// The losing copy is to live on as an item of its own.
    Fork(Box<Rendition>),
    /// Set aside.
    Hold(Reason),
}

/// How a copy stands to its own past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// There never was one.
    Never,
    /// As it was.
    Same,
    /// Changed.
    Changed,
    /// Gone.
    Deleted,
}

/// How the link's copy in `replica` stands to its own past; `None` where that can't be told yet.
pub fn standing(link: &Link, replica: ReplicaId) -> Option<Standing> {
    let Some(leg) = link.legs.get(&replica) else { return Some(Standing::Never) };
    match &leg.seen {
        Seen::Gone => Some(Standing::Deleted),
        Seen::Present(_) if changed_fields(leg).next().is_some() => Some(Standing::Changed),
        Seen::Present(_) => Some(Standing::Same),
        Seen::Outside | Seen::Unreadable { .. } | Seen::Unread => None,
    }
}

/// The fields in which a copy differs from what it was when all were the same.
pub fn changed_fields(leg: &Leg) -> impl Iterator<Item = &Field> {
    let base = leg.base.as_ref().map(|b| &b.fields);
    leg.rendition().into_iter().flat_map(|r| &r.fields).filter_map(move |(field, now)| {
        let then = base.and_then(|b| b.get(field));
        let same = then.is_some_and(|then| then.unchanged(now) || is_owed(leg, field, then, now));
        (!same).then_some(field)
    })
}

/// Whether a set differs from its past only by elements that are on their way to an emptied copy.
fn is_owed(leg: &Leg, field: &Field, then: &Value, now: &Value) -> bool {
    let (Value::Set(then), Value::Set(now), Some(owed)) = (then, now, leg.owed.get(field)) else {
        return false;
    };
    then.keys().all(|key| now.contains_key(key))
        && now.iter().all(|(key, print)| {
            [then.get(key), owed.get(key)].into_iter().flatten().any(|old| old.unchanged(print))
        })
}

/// Whether `plan` does no more than put what its copy had to be made, or left, without: elements that
/// other copies owe it since. It takes nothing from anybody.
pub fn completes(link: &Link, plan: &Plan) -> bool {
    let is_owed = |field: &Field, key: &ElementKey| {
        let others = link.legs.iter().filter(|(replica, _)| **replica != plan.replica);
        others.filter_map(|(_, leg)| leg.owed.get(field)).any(|owed| owed.contains_key(key))
    };
    let adds = |(field, carry): (&Field, &Carry)| match carry {
        Carry::Elements { put, drop, late: true } => {
            drop.is_empty() && put.keys().all(|key| is_owed(field, key))
        }
        Carry::Elements { .. } | Carry::Whole { .. } | Carry::Emptied => false,
    };
    matches!(plan.op, Op::Update { .. }) && plan.carries.iter().all(adds)
}

/// Whether the planner has something to look at.
pub fn wants_attention(link: &Link, policy: Option<&Policy>) -> bool {
    if link.buried || link.open.is_some() {
        return false;
    }
    // What waits for another link, or could be one of several, is recognised anew each time.
    let waits = matches!(link.held, Some(Reason::Twin { .. } | Reason::Ambiguous));
    if waits || link.legs.values().any(|leg| leg.is_unread() || leg.is_unechoed()) {
        return true;
    }
    policy.is_none_or(|policy| !decide(link, policy).is_empty())
}

/// Decides about one link. Needs no other link: what belongs together was joined before.
pub fn decide(link: &Link, policy: &Policy) -> Decision {
    let mut decision = Decision::default();
    if link.buried || link.open.is_some() || link.held.is_some() {
        return decision;
    }
    let standings: Option<BTreeMap<ReplicaId, Standing>> =
        policy.replicas.keys().map(|r| Some((*r, standing(link, *r)?))).collect();
    // A copy that can't be judged leaves the whole item alone.
    let Some(standings) = standings else { return decision };
    let in_state = |wanted: &[Standing]| -> BTreeSet<ReplicaId> {
        standings.iter().filter(|(_, s)| wanted.contains(s)).map(|(r, _)| *r).collect()
    };
    let present = in_state(&[Standing::Same, Standing::Changed]);
    let changed = in_state(&[Standing::Changed]);
    let deleted = in_state(&[Standing::Deleted]);
    let never = in_state(&[Standing::Never]);

    if link.legs.is_empty() {
        if let Some(origin) = &link.origin {
            create(&mut decision, link, policy, &never, None, origin);
        }
        return decision;
    }
    if present.is_empty() {
        return decision;
    }
    if !deleted.is_empty() {
        if changed.is_empty() {
            delete(&mut decision, link, policy, &present, &deleted);
            return decision;
        }
        // The fields wait: agreeing on the edit that beat the delete would leave nothing to beat it
        // with, should the write fail.
        revive(&mut decision, link, policy, &changed, &deleted);
        return decision;
    }
    if present.len() > 1 {
        fields::merge_fields(&mut decision, link, policy);
    }
    if let (Some(source), false) = (present.first(), never.is_empty())
        && let Some(rendition) = link.legs.get(source).and_then(Leg::rendition)
    {
        create(&mut decision, link, policy, &never, Some(*source), rendition);
    }
    yield_to_twin(&mut decision, link, &standings);
    if decision.is_empty() {
        lane::leave_fixed(&mut decision, link, policy);
    }
    if decision.is_empty() {
        leave_one_way(&mut decision, policy, &standings);
    }
    decision
}

fn create(
    decision: &mut Decision,
    link: &Link,
    policy: &Policy,
    targets: &BTreeSet<ReplicaId>,
    from: Option<ReplicaId>,
    rendition: &Rendition,
) {
    let Some(content) = rendition.content else { return };
    for target in targets.iter().filter(|t| policy.writes_to(**t)) {
        if let Direction::From(source) = policy.direction
            && from.is_some_and(|from| from != source)
        {
            continue;
        }
        let carries = rendition
            .fields
            .iter()
            .filter(|(field, _)| policy.can_hold(*target, field))
            .map(|(field, value)| {
                let carry = match policy.is_late(*target, field) {
                    true => Carry::Emptied,
                    false => Carry::Whole { from, content, value: value.clone() },
                };
                (field.clone(), carry)
            })
            .collect();
        decision.plans.push(Plan {
            link: link.id,
            replica: *target,
            op: Op::Create { like: content },
            carries,
        });
    }
}

fn delete(
    decision: &mut Decision,
    link: &Link,
    policy: &Policy,
    present: &BTreeSet<ReplicaId>,
    deleted: &BTreeSet<ReplicaId>,
) {
    if let Direction::From(source) = policy.direction
        && !deleted.contains(&source)
    {
        let replica = deleted.first().copied().unwrap_or(source);
        decision.verdicts.push(Verdict::Hold(Reason::OneWay { replica }));
        return;
    }
    for replica in present.iter().filter(|r| policy.writes_to(**r)) {
        if let Some(leg) = link.legs.get(replica) {
            decision.plans.push(removal(link, *replica, leg, Removal::Deleted));
        }
    }
}

fn removal(link: &Link, replica: ReplicaId, leg: &Leg, why: Removal) -> Plan {
    let op = Op::Delete { id: leg.id.clone(), if_match: leg.version.clone(), why };
    Plan { link: link.id, replica, op, carries: BTreeMap::new() }
}

/// An edit beats a delete: the edited copy comes back where it was deleted.
fn revive(
    decision: &mut Decision,
    link: &Link,
    policy: &Policy,
    changed: &BTreeSet<ReplicaId>,
    deleted: &BTreeSet<ReplicaId>,
) {
    if let Direction::From(source) = policy.direction {
        // What the target deletes stays deleted, and what it edited stays as it is.
        let replica = if deleted.contains(&source) { changed.first() } else { deleted.first() };
        let replica = replica.copied().unwrap_or(source);
        decision.verdicts.push(Verdict::Hold(Reason::OneWay { replica }));
        return;
    }
    let Some(winner) = changed.first() else { return };
    let Some(rendition) = link.legs.get(winner).and_then(Leg::rendition) else { return };
    if link.dispute(None).is_none() {
        let mut sides: BTreeMap<_, _> = deleted.iter().map(|r| (*r, None)).collect();
        for replica in changed {
            let content = link.legs.get(replica).and_then(|l| l.rendition()?.content);
            sides.insert(*replica, content.map(|content| SideValue { content, value: None }));
        }
        decision.verdicts.push(Verdict::Conflict(Box::new(Conflicted {
            link: link.id,
            kind: ConflictKind::EditDelete,
            field: None,
            sides,
            base: link.legs.get(winner).and_then(|l| l.base.as_ref()?.content),
            winner: Some(*winner),
            rule: policy.conflicts.default,
        })));
    }
    create(decision, link, policy, deleted, Some(*winner), rendition);
}

/// Our copy yields to the original that arrived by itself, once it holds no unsynced edit.
fn yield_to_twin(decision: &mut Decision, link: &Link, standings: &BTreeMap<ReplicaId, Standing>) {
    let Some(twin) = link.twin.filter(|_| decision.plans.is_empty()) else { return };
    if standings.get(&twin.replica) == Some(&Standing::Same)
        && let Some(leg) = link.legs.get(&twin.replica)
    {
        decision.plans.push(removal(link, twin.replica, leg, Removal::Yields));
    }
}

/// Says so where the only thing left to do would go against the pair's direction.
fn leave_one_way(
    decision: &mut Decision,
    policy: &Policy,
    standings: &BTreeMap<ReplicaId, Standing>,
) {
    let Direction::From(source) = policy.direction else { return };
    let left = standings
        .iter()
        .find(|(replica, standing)| **replica != source && **standing == Standing::Changed);
    if let Some((replica, _)) = left {
        decision.verdicts.push(Verdict::Hold(Reason::OneWay { replica: *replica }));
    }
}

/// The values of a link's present copies for one field, without those of replicas that can't hold
/// it.
fn holders<'a>(
    link: &'a Link,
    policy: &Policy,
    field: &Field,
) -> Vec<(ReplicaId, &'a Leg, &'a Rendition, &'a Value)> {
    link.legs
        .iter()
        .filter(|(replica, _)| policy.can_hold(**replica, field))
        .filter_map(|(replica, leg)| {
            let rendition = leg.rendition()?;
            Some((*replica, leg, rendition, rendition.fields.get(field)?))
        })
        .collect()
}

fn all_fields(link: &Link) -> BTreeSet<&Field> {
    link.legs
        .values()
        .filter_map(Leg::rendition)
        .flat_map(|r: &Rendition| keys(&r.fields))
        .collect()
}

fn keys(fields: &Fields) -> impl Iterator<Item = &Field> {
    fields.keys()
}
