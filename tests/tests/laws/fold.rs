//! The fold is total: whatever a journal says, it gives a state or an error, and so does everything
//! that looks at the state.

use super::choices::Choices;
use super::config;
use proptest::prelude::*;
use std::collections::BTreeMap;
use sync_core::explain;
use sync_core::identify::identify;
use sync_core::ids::{
    CollectionId, Digest, ElementKey, Field, IntentKey, LinkId, PairId, RemoteId, ReplicaId,
    Version,
};
use sync_core::journal::{
    Advance, Applied, BrakeReason, Carry, Configured, ConflictKind, Conflicted, Counted, Entry,
    Intent, NotApplied, Observed, Op, Outcome, Plan, Proof, Purpose, PutElement, Reason, Record,
    Removal, Seq, SideValue, Sight, Sighting, Stage, Tally,
};
use sync_core::plan::{decide, wants_attention};
use sync_core::policy::{Brake, Conflicts, Direction, Policy, Rule};
use sync_core::port::{Capabilities, Stamp};
use sync_core::replay::Replay;
use sync_core::state::{Link, State};
use sync_core::value::{Fields, IdentityKey, Print, Rendition, Value};

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_fold_is_total(mut choices in Choices::strategy(600)) {
        let records = journal(&mut choices);
        let mut state = State::new(pair());
        let mut replay = Replay::new(pair());
        for record in &records {
            // Either answer is fine; only a panic is not.
            let _ = replay.feed(record);
            let _ = state.apply(record);
            for link in record.entry.touches() {
                prop_assert!(!explain::sentence(link, record).is_empty(), "{:?}", record);
            }
        }
        let links: Vec<Link> = state.links.values().cloned().collect();
        for link in &links {
            let _ = identify(link, &links);
            explain::standings(link, (0..4).map(ReplicaId));
            if let Some(policy) = &state.head.policy {
                prop_assert_eq!(decide(link, policy), decide(link, policy));
                prop_assert!(!wants_attention(link, Some(policy)) || !link.buried);
            }
        }
        state.counts();
    }

    #[test]
    fn the_fold_is_a_function(mut choices in Choices::strategy(400)) {
        let records = journal(&mut choices);
        let fold = || {
            let mut state = State::new(pair());
            let answers: Vec<bool> = records.iter().map(|r| state.apply(r).is_ok()).collect();
            (state, answers)
        };
        prop_assert_eq!(fold(), fold());
    }

    #[test]
    fn entries_and_links_are_read_as_they_were_written(mut choices in Choices::strategy(400)) {
        let mut state = State::new(pair());
        for record in journal(&mut choices) {
            let entry = &record.entry;
            let read = Entry::decode(entry.kind(), entry.version(), &entry.encode());
            prop_assert_eq!(read.as_ref(), Ok(entry));
            let _ = state.apply(&record);
        }
        for link in state.links.values() {
            let text = serde_json::to_string(link).expect("a link is JSON");
            prop_assert_eq!(&serde_json::from_str::<Link>(&text).expect("and is read"), link);
        }
    }
}

fn pair() -> PairId {
    PairId::from("pair")
}

/// Entries that begin with a configuration, until the choices run out.
fn journal(choices: &mut Choices) -> Vec<Record> {
    let mut entries = vec![configured(choices)];
    while !choices.are_over() {
        entries.push(entry(choices));
    }
    (1..)
        .zip(entries)
        .map(|(seq, entry)| Record {
            seq: Seq(seq),
            at_ms: 1_000,
            pair: pair(),
            run: "run".into(),
            entry,
        })
        .collect()
}

fn entry(choices: &mut Choices) -> Entry {
    let link = link(choices);
    match choices.below(24) {
        0..=5 => Entry::Observed(observed(choices)),
        6 | 7 => Entry::Agreed { link, fields: choices.some(3, field).into_iter().collect() },
        8..=10 => Entry::Intended(intent(choices)),
        11..=13 => Entry::Settled { link, key: key(choices), outcome: outcome(choices) },
        14 | 15 => Entry::Conflicted(conflicted(choices)),
        16 => Entry::Resolved { link, field: choices.maybe(field), winner: replica(choices) },
        17 => Entry::Matched { link, absorbed: self::link(choices), by: identity(choices) },
        18 => {
            let origin = Box::new(rendition(choices));
            Entry::Forked { link, from: self::link(choices), origin }
        }
        19 => {
            let original = self::link(choices);
            Entry::Twinned { link, replica: replica(choices), original }
        }
        20 => Entry::Held { link, reason: reason(choices) },
        21 => Entry::Released { link },
        22 => configured(choices),
        _ => of_the_run(choices),
    }
}

fn of_the_run(choices: &mut Choices) -> Entry {
    let fingerprint = choices.pick(&["one", "two"]).to_owned();
    match choices.below(5) {
        0 => {
            let purposes = [Purpose::Sync, Purpose::DryRun, Purpose::Apply, Purpose::Resolve];
            Entry::Opened {
                nonce: 1,
                build: "build".to_owned(),
                purpose: choices.pick(&purposes),
                allowed: None,
            }
        }
        1 => Entry::CursorLost { collection: collection(choices), replica: replica(choices) },
        2 => {
            let big = choices.pick(&[0, 1, u64::from(u32::MAX)]);
            let counted = Counted { creates: big, updates: 1, deletes: big };
            let tally = Tally { replicas: [(replica(choices), counted)].into() };
            let brakes = [
                BrakeReason::TooMany { limit: big },
                BrakeReason::Emptied { replica: replica(choices) },
                BrakeReason::Reconfigured,
            ];
            Entry::Braked { tally, brake: choices.pick(&brakes) }
        }
        3 => Entry::Accepted { fingerprint },
        _ => Entry::Closed { exit: choices.pick(&[0, 1, 3, 255]) },
    }
}

fn configured(choices: &mut Choices) -> Entry {
    let count = 1 + choices.below(3);
    let replicas: BTreeMap<ReplicaId, Capabilities> =
        (0..count).map(|_| (replica(choices), capabilities(choices))).collect();
    let direction = choices.maybe(replica).map_or(Direction::TwoWay, Direction::From);
    let folders = replicas.keys().map(|r| (*r, choices.pick(&["f", "g"]).into())).collect();
    let fields = choices.some(2, |c| (field(c), rule(c))).into_iter().collect();
    Entry::Configured(Configured {
        collections: [(collection(choices), folders)].into(),
        policy: Policy {
            replicas,
            direction,
            conflicts: Conflicts { default: rule(choices), fields },
            brake: Brake {
                percent: choices.pick(&[0, 10, u32::MAX]),
                floor: 10,
                deletes_only: choices.yes(),
            },
        },
        fingerprint: choices.pick(&["one", "two"]).to_owned(),
    })
}

fn capabilities(choices: &mut Choices) -> Capabilities {
    let fields =
        if choices.yes() { choices.some(3, field) } else { FIELDS.map(Field::from).into() };
    Capabilities {
        fields: fields.into_iter().collect(),
        late: BTreeMap::new(),
        dedupes_creates: choices.yes(),
        create_grace_ms: 0,
        write_grace_ms: i64::MAX,
    }
}

const FIELDS: [&str; 3] = ["subject", "body", "tags"];

fn field(choices: &mut Choices) -> Field {
    choices.pick(&FIELDS).into()
}

fn rule(choices: &mut Choices) -> Rule {
    match choices.below(4) {
        0 => Rule::Prefer(replica(choices)),
        1 => Rule::Newest,
        2 => Rule::KeepBoth,
        _ => Rule::Hold,
    }
}

fn link(choices: &mut Choices) -> LinkId {
    LinkId(u64::from(choices.below(3)))
}

fn replica(choices: &mut Choices) -> ReplicaId {
    ReplicaId(u8::try_from(choices.below(3)).expect("few"))
}

fn collection(choices: &mut Choices) -> CollectionId {
    choices.pick(&["c", "c", "d"]).into()
}

fn key(choices: &mut Choices) -> IntentKey {
    choices.pick(&["k1", "k1", "k2"]).into()
}

fn remote_id(choices: &mut Choices) -> RemoteId {
    choices.pick(&["id", "ID", ""]).into()
}

fn version(choices: &mut Choices) -> Option<Version> {
    choices.maybe(|c| c.pick(&["v1", "v2"]).into())
}

fn digest(choices: &mut Choices) -> Digest {
    Digest::from_number(u64::from(choices.below(3)))
}

fn print(choices: &mut Choices) -> Print {
    Print { own: choices.maybe(digest), meaning: digest(choices) }
}

fn element(choices: &mut Choices) -> ElementKey {
    choices.pick(&["x", "y", "z"]).into()
}

/// Of any kind: nothing but habit ties a field to a kind of value.
fn value(choices: &mut Choices) -> Value {
    if choices.yes() {
        Value::Scalar(print(choices))
    } else {
        Value::Set(choices.some(3, |c| (element(c), print(c))).into_iter().collect())
    }
}

fn identity(choices: &mut Choices) -> IdentityKey {
    let digest = digest(choices);
    if choices.yes() { IdentityKey::Strong(digest) } else { IdentityKey::Likeness(digest) }
}

fn rendition(choices: &mut Choices) -> Rendition {
    let fields: Fields = choices.some(3, |c| (field(c), value(c))).into_iter().collect();
    Rendition {
        version: version(choices),
        normaliser: choices.pick(&[1, 2, u16::MAX]),
        fields,
        content: choices.maybe(digest),
        identity: choices.some(2, identity),
        edited_ms: choices.maybe(|c| c.pick(&[0, i64::MIN, i64::MAX])),
        fixed: choices.some(2, field).into_iter().collect(),
    }
}

fn stamp(choices: &mut Choices) -> Stamp {
    Stamp { link: link(choices), key: key(choices) }
}

fn observed(choices: &mut Choices) -> Observed {
    let stages = [Stage::Enumerating, Stage::Reconciling, Stage::Following];
    Observed {
        collection: collection(choices),
        replica: replica(choices),
        epoch: u64::from(choices.below(3)),
        sightings: choices.some(3, sighting),
        advance: choices.maybe(|c| Advance { cursor: "cursor".into(), stage: c.pick(&stages) }),
    }
}

fn sighting(choices: &mut Choices) -> Sighting {
    let sight = match choices.below(8) {
        0 => Sight::Still,
        1 => Sight::Gone,
        2 => Sight::Outside,
        3 => Sight::Unreadable { code: "code".to_owned() },
        _ => Sight::Present { rendition: rendition(choices), stamped: choices.maybe(stamp) },
    };
    Sighting { link: link(choices), id: remote_id(choices), sight }
}

fn intent(choices: &mut Choices) -> Intent {
    let op = match choices.below(3) {
        0 => Op::Create { like: digest(choices) },
        1 => {
            let onto = digest(choices);
            Op::Update { id: remote_id(choices), if_match: version(choices), onto }
        }
        _ => {
            let why = choices.pick(&[Removal::Deleted, Removal::Yields]);
            Op::Delete { id: remote_id(choices), if_match: version(choices), why }
        }
    };
    let carries = choices.some(3, |c| (field(c), carry(c))).into_iter().collect();
    let plan = Plan { link: link(choices), replica: replica(choices), op, carries };
    Intent { key: key(choices), plan }
}

fn carry(choices: &mut Choices) -> Carry {
    if choices.below(6) == 0 {
        Carry::Emptied
    } else if choices.yes() {
        let from = choices.maybe(replica);
        Carry::Whole { from, content: digest(choices), value: value(choices) }
    } else {
        let put =
            |c: &mut Choices| (element(c), PutElement { content: digest(c), print: print(c) });
        let put = choices.some(2, put).into_iter().collect();
        let drop = choices.some(2, element).into_iter().collect();
        Carry::Elements { put, drop, late: choices.yes() }
    }
}

fn outcome(choices: &mut Choices) -> Outcome {
    let proof = match choices.below(8) {
        0 => return Outcome::NotApplied(NotApplied::Stale),
        1 => return Outcome::NotApplied(NotApplied::Missing),
        2 => return Outcome::NotApplied(NotApplied::Refused { code: "code".to_owned() }),
        3 => return Outcome::NotApplied(NotApplied::Lost),
        4 => Proof::Stamp,
        5 => Proof::StampInTrash,
        _ => Proof::Answered { version: version(choices), content: choices.maybe(digest) },
    };
    Outcome::Applied(Applied { id: remote_id(choices), proof })
}

fn conflicted(choices: &mut Choices) -> Conflicted {
    let kinds = [ConflictKind::Edit, ConflictKind::FirstContact, ConflictKind::EditDelete];
    let side = |c: &mut Choices| SideValue { content: digest(c), value: c.maybe(value) };
    Conflicted {
        link: link(choices),
        kind: choices.pick(&kinds),
        field: choices.maybe(field),
        sides: choices.some(3, |c| (replica(c), c.maybe(side))).into_iter().collect(),
        base: choices.maybe(digest),
        winner: choices.maybe(replica),
        rule: rule(choices),
    }
}

fn reason(choices: &mut Choices) -> Reason {
    let code = "code".to_owned();
    match choices.below(6) {
        0 => Reason::Refused { replica: replica(choices), code },
        1 => Reason::Unreadable { replica: replica(choices), code },
        2 => Reason::Ambiguous,
        3 => Reason::Twin { of: link(choices) },
        4 => Reason::OneWay { replica: replica(choices) },
        _ => Reason::Fixed { replica: replica(choices) },
    }
}
