//! Sets whose elements take requests of their own, and what a write takes away with them.

use super::carried_out::step;
use super::case::{Case, Edit, FREE, History, LINK, Leg, Past, Tags, Whole, policy};
use std::collections::BTreeSet;
use sync_core::ids::{Digest, Field, ReplicaId};
use sync_core::journal::{Applied, Carry, ConflictKind, Conflicted, Entry, Intent, Outcome, Proof};
use sync_core::plan::{Decision, Verdict, decide};
use sync_core::policy::{Direction, Policy, Rule};
use sync_core::state::Seen;
use sync_core::value::{Rendition, Value};

const A: ReplicaId = ReplicaId::A;
const B: ReplicaId = ReplicaId::B;

#[test]
fn a_write_that_would_empty_a_fixed_set_is_held_back() {
    let subject = Leg::Holds(Edit { subject: Whole::Own, ..Edit::NONE });
    let policy = late(Direction::TwoWay, Rule::Prefer(A));
    let mut history = with_fixed_tags(case([subject, Leg::Holds(Edit::NONE)]), &policy);
    assert_eq!(decided(&history, &policy).plans, []);
    step(&mut history, LINK, &policy);
    let reason = history.state.links[&LINK].held.clone();
    assert_eq!(reason, Some(sync_core::journal::Reason::Fixed { replica: B }));

    let both = Leg::Holds(Edit { subject: Whole::Own, body: Whole::Own, ..Edit::NONE });
    let history = with_fixed_tags(case([both, Leg::Holds(Edit::NONE)]), &policy);
    let plans = decided(&history, &policy).plans;
    assert_eq!(plans.len(), 1, "{plans:?}");
    assert!(plans[0].carries.keys().eq([&Field::from("body")]), "{plans:?}");
}

#[test]
fn what_the_source_takes_away_from_the_target_is_on_record() {
    let subject = Leg::Holds(Edit { subject: Whole::Own, ..Edit::NONE });
    let added = Leg::Holds(Edit { tags: Tags::Added, ..Edit::NONE });
    let policy = late(Direction::From(A), Rule::Prefer(A));
    let history = History::of(case([subject, added]).state(&policy));
    let decision = decided(&history, &policy);
    assert_eq!(decision.plans[0].carries[&"tags".into()], Carry::Emptied);
    let conflict = recorded(&decision);
    assert_eq!((conflict.kind, conflict.winner), (ConflictKind::Edit, Some(A)));
    assert_eq!(named(conflict, B), ["new in b"]);
    assert!(named(conflict, A).is_empty());
}

#[test]
fn what_the_target_never_changed_goes_without_a_record() {
    let subject = Leg::Holds(Edit { subject: Whole::Own, ..Edit::NONE });
    let policy = late(Direction::From(A), Rule::Prefer(A));
    let history = History::of(case([subject, Leg::Holds(Edit::NONE)]).state(&policy));
    let decision = decided(&history, &policy);
    assert_eq!(decision.plans[0].carries[&"tags".into()], Carry::Emptied);
    assert_eq!(decision.verdicts, []);
}

#[test]
fn what_was_put_and_not_taken_is_on_record() {
    let added = Leg::Holds(Edit { tags: Tags::Added, ..Edit::NONE });
    let policy = late(Direction::TwoWay, Rule::Prefer(B));
    let mut history = History::of(case([Leg::Holds(Edit::NONE), added]).state(&policy));
    let before = held(&history, A);
    put_without_version(&mut history, &policy);
    // Nothing follows from it before it is read.
    assert_eq!(history.state.links[&LINK].legs[&A].seen, Seen::Unread);
    assert!(decided(&history, &policy).is_empty());

    history.present(LINK, A, Rendition { version: Some("after".into()), ..before });
    let decision = decided(&history, &policy);
    let conflict = recorded(&decision);
    assert_eq!((conflict.kind, conflict.winner), (ConflictKind::Edit, Some(A)));
    assert_eq!(named(conflict, B), ["new in b"]);
    assert_eq!(decision.plans[0].replica, B);
    assert_eq!(patch(&decision), (vec![], vec!["new in b"]));

    // It is told once.
    history.apply(Entry::Conflicted(conflict.clone()));
    assert_eq!(decided(&history, &policy).verdicts, []);
}

#[test]
fn at_first_contact_too_what_was_not_taken_is_not_put_again() {
    let added = Leg::Holds(Edit { tags: Tags::Added, ..Edit::NONE });
    let policy = late(Direction::TwoWay, Rule::Prefer(B));
    let met = Case { past: Past::FirstContact, legs: [added, added], fixed: FREE };
    let mut history = History::of(met.state(&policy));
    let before = held(&history, A);
    put_without_version(&mut history, &policy);
    history.present(LINK, A, Rendition { version: Some("after".into()), ..before });
    let decision = decided(&history, &policy);
    assert_eq!(named(recorded(&decision), B), ["new in b"]);
    assert_eq!(decision.plans.len(), 1, "{decision:?}");
    assert_eq!(patch(&decision), (vec!["new in a"], vec!["new in b"]));
}

/// Puts what is planned for the first copy; the answer doesn't say what it came to.
fn put_without_version(history: &mut History, policy: &Policy) {
    let plan = decided(history, policy).plans[0].clone();
    assert_eq!(plan.replica, A);
    history.apply(Entry::Intended(Intent { key: "put".into(), plan }));
    let proof = Proof::Answered { version: None, content: Some(Digest::from_number(7)) };
    let id = history.state.links[&LINK].legs[&A].id.clone();
    let outcome = Outcome::Applied(Applied { id, proof });
    history.apply(Entry::Settled { link: LINK, key: "put".into(), outcome });
}

/// The elements that the first plan puts, and those that it drops.
fn patch(decision: &Decision) -> (Vec<&str>, Vec<&str>) {
    match &decision.plans[0].carries[&"tags".into()] {
        Carry::Elements { put, drop, .. } => (
            put.keys().map(|key| key.as_str()).collect(),
            drop.iter().map(|key| key.as_str()).collect(),
        ),
        other @ (Carry::Whole { .. } | Carry::Emptied) => panic!("no elements: {other:?}"),
    }
}

/// The rules of a pair whose copies take tags one by one, and lose them with a new subject.
fn late(direction: Direction, rule: Rule) -> Policy {
    let mut policy = policy(direction, rule);
    for capabilities in policy.replicas.values_mut() {
        capabilities.late = [("tags".into(), BTreeSet::from(["subject".into()]))].into();
    }
    policy
}

fn case(legs: [Leg; 2]) -> Case {
    Case { past: Past::Common, legs, fixed: FREE }
}

/// The case, where the tags of the second copy are fixed.
fn with_fixed_tags(case: Case, policy: &Policy) -> History {
    let mut history = History::of(case.state(policy));
    let fixed = held(&history, B).fixing(["tags".into()]);
    history.present(LINK, B, fixed);
    history
}

fn held(history: &History, replica: ReplicaId) -> Rendition {
    let rendition = history.state.links[&LINK].legs[&replica].rendition();
    rendition.expect("the copy is there").clone()
}

fn decided(history: &History, policy: &Policy) -> Decision {
    decide(&history.state.links[&LINK], policy)
}

fn recorded(decision: &Decision) -> &Conflicted {
    let conflicts = decision.verdicts.iter().filter(|v| matches!(v, Verdict::Conflict(_)));
    match conflicts.collect::<Vec<_>>().as_slice() {
        [Verdict::Conflict(conflict)] => conflict,
        other => panic!("not one conflict: {other:?}"),
    }
}

/// The elements that a conflict names of a copy.
fn named(conflict: &Conflicted, replica: ReplicaId) -> Vec<&str> {
    match conflict.sides[&replica].as_ref().and_then(|side| side.value.as_ref()) {
        Some(Value::Set(elements)) => elements.keys().map(|key| key.as_str()).collect(),
        other => panic!("no set: {other:?}"),
    }
}
