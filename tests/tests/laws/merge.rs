//! What holds of every merge, whichever replicas take part.

use super::choices::Choices;
use super::config;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Digest, ElementKey, ReplicaId};
use sync_core::merge::{Copy, ElementPatch, Merged, is_changed, merge, merge_disputed, spread};
use sync_core::value::{Print, Value};

/// One copy that owns its values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owned {
    replica: ReplicaId,
    base: Option<Value>,
    now: Value,
}

fn borrowed(copies: &[Owned]) -> Vec<Copy<'_>> {
    copies.iter().map(|c| Copy { replica: c.replica, base: c.base.as_ref(), now: &c.now }).collect()
}

fn merged(copies: &[Owned], carrying: Option<ReplicaId>) -> Merged {
    let copies = borrowed(copies);
    let settled = merge(&copies, carrying);
    // As the planner does where a rule names a winner.
    if let Merged::Disputed { between, .. } = &settled {
        return merge_disputed(&copies, between.first().copied());
    }
    settled
}

/// The values once `merged` has been carried out; the bases stay.
fn carried_out(copies: &[Owned], merged: &Merged) -> Vec<Owned> {
    let value = |replica| {
        copies.iter().find(|c| c.replica == replica).map(|c| c.now.clone()).expect("a copy")
    };
    let mut after = copies.to_vec();
    for copy in &mut after {
        match merged {
            Merged::Quiet | Merged::Agree | Merged::Conflict { .. } | Merged::Disputed { .. } => {}
            Merged::Carry { from, to } => {
                if to.contains(&copy.replica) {
                    copy.now = value(*from).elsewhere();
                }
            }
            Merged::Elements(patches) => {
                let (Some(patch), Value::Set(set)) = (patches.get(&copy.replica), &mut copy.now)
                else {
                    continue;
                };
                for (key, from) in &patch.put {
                    let Value::Set(source) = value(*from) else { panic!("a set") };
                    set.insert(key.clone(), source[key].elsewhere());
                }
                set.retain(|key, _| !patch.drop.contains(key));
            }
        }
    }
    after
}

/// The bases follow the values, as once all is agreed.
fn agreed(copies: Vec<Owned>) -> Vec<Owned> {
    copies.into_iter().map(|c| Owned { base: Some(c.now.clone()), ..c }).collect()
}

/// What each replica means in the end, and between whom there is a conflict.
fn result(
    copies: &[Owned],
    merged: &Merged,
) -> (BTreeMap<ReplicaId, String>, Option<BTreeSet<ReplicaId>>) {
    let values = carried_out(copies, merged);
    let meanings = values.iter().map(|c| (c.replica, format!("{:?}", c.now.elsewhere()))).collect();
    let between = match merged {
        Merged::Conflict { between } | Merged::Disputed { between, .. } => Some(between.clone()),
        Merged::Quiet | Merged::Agree | Merged::Carry { .. } | Merged::Elements(_) => None,
    };
    (meanings, between)
}

/// A value as `replica` holds it: its own form of a few meanings, or what we wrote and haven't read.
fn print(choices: &mut Choices, replica: ReplicaId) -> Print {
    let meaning = u64::from(choices.below(4));
    let own = match choices.below(4) {
        0 => None,
        // A form that means the same, written another way.
        1 => Some(Digest::from_number(1_000 * (1 + u64::from(replica.0)) + meaning + 500)),
        _ => Some(Digest::from_number(1_000 * (1 + u64::from(replica.0)) + meaning)),
    };
    Print { own, meaning: Digest::from_number(meaning) }
}

fn value(choices: &mut Choices, replica: ReplicaId, set: bool) -> Value {
    if !set {
        return Value::Scalar(print(choices, replica));
    }
    let mut elements = BTreeMap::new();
    for key in ["x", "y", "z"] {
        if choices.yes() {
            elements.insert(ElementKey::from(key), print(choices, replica));
        }
    }
    Value::Set(elements)
}

/// Two to four copies in any state that can come about: they were the same once, or never; since
/// then people edited some of them; and perhaps the edit of one has reached some of the others.
fn anything(choices: &mut Choices) -> (Vec<Owned>, Option<ReplicaId>) {
    let mut copies = untouched(choices);
    let set = matches!(copies[0].now, Value::Set(_));
    let first_contact = choices.below(4) == 0;
    for copy in &mut copies {
        if choices.yes() {
            copy.now = value(choices, copy.replica, set);
        }
        if first_contact && choices.yes() {
            copy.base = None;
        }
    }
    let on_its_way = choices.below(4) == 0;
    let (source, others) = copies.split_first_mut().expect("at least two");
    if on_its_way {
        for copy in others {
            if choices.yes() {
                copy.now = source.now.elsewhere();
                copy.base = Some(copy.now.clone());
            }
        }
    }
    (copies, on_its_way.then_some(ReplicaId(0)))
}

/// Two to four copies that were the same and haven't been touched since.
fn untouched(choices: &mut Choices) -> Vec<Owned> {
    let count = u8::try_from(2 + choices.below(3)).expect("few");
    let set = choices.yes();
    let common = value(choices, ReplicaId(0), set).elsewhere();
    let own = |print: &Print, replica: ReplicaId| Print {
        own: Some(Digest::from_number(77 + u64::from(replica.0))),
        meaning: print.meaning,
    };
    (0..count)
        .map(ReplicaId)
        .map(|replica| {
            let now = match &common {
                Value::Scalar(print) => Value::Scalar(own(print, replica)),
                Value::Set(elements) => {
                    Value::Set(elements.iter().map(|(k, p)| (k.clone(), own(p, replica))).collect())
                }
            };
            Owned { replica, base: Some(now.clone()), now }
        })
        .collect()
}

fn shuffled(copies: &[Owned], choices: &mut Choices) -> Vec<Owned> {
    let mut copies = copies.to_vec();
    for end in (1..copies.len()).rev() {
        let limit = u32::try_from(end + 1).expect("few");
        copies.swap(end, usize::try_from(choices.below(limit)).expect("few"));
    }
    copies
}

/// Gives each copy edits of its own: element `n` belongs to copy `n` modulo their number. Returns
/// what all must hold in the end, by meaning.
fn edit_apart(copies: &mut [Owned], choices: &mut Choices) -> Value {
    const KEYS: [&str; 8] = ["p", "q", "r", "s", "t", "u", "v", "w"];
    let mut common: BTreeMap<ElementKey, Print> = BTreeMap::new();
    for key in KEYS {
        if choices.yes() {
            common.insert(key.into(), Print { own: None, meaning: Digest::from_number(1) });
        }
    }
    for copy in copies.iter_mut() {
        copy.base = Some(Value::Set(common.clone()));
        copy.now = Value::Set(common.clone());
    }
    let mut all = common;
    let count = copies.len();
    for (number, key) in KEYS.into_iter().enumerate() {
        let Value::Set(now) = &mut copies[number % count].now else { panic!("a set") };
        let edited = Print {
            own: Some(Digest::from_number(90)),
            meaning: Digest::from_number(2 + u64::from(choices.below(2))),
        };
        match choices.below(3) {
            0 => {}
            1 => {
                now.insert(key.into(), edited);
                all.insert(key.into(), edited);
            }
            _ => {
                now.remove(&ElementKey::from(key));
                all.remove(&ElementKey::from(key));
            }
        }
    }
    Value::Set(all).elsewhere()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_order_of_the_copies_does_not_matter(mut choices in Choices::strategy(64)) {
        let (copies, carrying) = anything(&mut choices);
        let shuffled = shuffled(&copies, &mut choices);
        let one = merged(&copies, carrying);
        let other = merged(&shuffled, carrying);
        prop_assert_eq!(
            result(&copies, &one), result(&shuffled, &other),
            "{:?} and {:?} of {:#?}", one, other, copies
        );
    }

    #[test]
    fn where_nothing_changed_nothing_happens(mut choices in Choices::strategy(32)) {
        let copies = untouched(&mut choices);
        prop_assert_eq!(merged(&copies, None), Merged::Quiet);
        // A value that was on its way has arrived.
        prop_assert_eq!(merged(&copies, Some(ReplicaId(0))), Merged::Quiet);
    }

    #[test]
    fn what_is_merged_stays_as_it_is(mut choices in Choices::strategy(64)) {
        let (copies, carrying) = anything(&mut choices);
        let mut first = merged(&copies, carrying);
        if let Merged::Conflict { between } = &first {
            let winner = between.first().copied().expect("a conflict is between replicas");
            first = spread(&borrowed(&copies), winner);
        }
        let after = carried_out(&copies, &first);
        if first != Merged::Quiet {
            for copy in &after[1..] {
                prop_assert!(copy.now.same_meaning(&after[0].now), "{:?} left {:#?}", first, after);
            }
        }
        // Seen again before the bases follow, there is nothing to write; and then nothing at all.
        let again = merged(&after, carrying);
        prop_assert!(matches!(again, Merged::Quiet | Merged::Agree), "{:?} then {:?}", first, again);
        if first != Merged::Quiet {
            prop_assert_eq!(merged(&agreed(after), carrying), Merged::Quiet);
        }
    }

    #[test]
    fn edits_of_different_elements_all_survive(mut choices in Choices::strategy(64)) {
        let mut copies = untouched(&mut choices);
        let expected = edit_apart(&mut copies, &mut choices);
        let together = carried_out(&copies, &merged(&copies, None));
        for copy in &together {
            prop_assert_eq!(copy.now.elsewhere(), expected.clone(), "all at once");
        }
        // Two at a time, in any order: the merged copy meets the next one.
        let mut waiting = shuffled(&copies, &mut choices);
        while waiting.len() > 1 {
            let pair = [waiting.remove(0), waiting.remove(0)];
            let both = carried_out(&pair, &merged(&pair, None));
            waiting.insert(0, both[0].clone());
        }
        prop_assert_eq!(waiting[0].now.elsewhere(), expected, "two at a time");
    }

    #[test]
    fn the_only_change_goes_everywhere(mut choices in Choices::strategy(64)) {
        let mut copies = untouched(&mut choices);
        let set = matches!(copies[0].now, Value::Set(_));
        let changed = choices.pick(&(0..copies.len()).collect::<Vec<_>>());
        copies[changed].now = value(&mut choices, copies[changed].replica, set);
        let source = copies[changed].clone();
        let outcome = merged(&copies, None);
        for copy in carried_out(&copies, &outcome) {
            prop_assert!(copy.now.same_meaning(&source.now), "{:?}: {:?}", copy.replica, copy.now);
        }
        let others: BTreeSet<ReplicaId> =
            copies.iter().map(|c| c.replica).filter(|r| *r != source.replica).collect();
        match outcome {
            Merged::Quiet => prop_assert!(!is_changed(&borrowed(&copies)[changed])),
            // Another form of the same meaning.
            Merged::Agree => prop_assert!(source.now.same_meaning(&copies[(changed + 1) % copies.len()].now)),
            Merged::Carry { from, to } => {
                prop_assert!(!set);
                prop_assert_eq!((from, to), (source.replica, others));
            }
            Merged::Elements(patches) => {
                prop_assert!(set);
                let put_from = |p: &ElementPatch| p.put.values().all(|r| *r == source.replica);
                prop_assert!(patches.values().all(put_from));
                prop_assert_eq!(patches.into_keys().collect::<BTreeSet<_>>(), others);
            }
            Merged::Conflict { .. } | Merged::Disputed { .. } => {
                prop_assert!(false, "a conflict with nobody");
            }
        }
    }
}
