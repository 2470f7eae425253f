//! Every kind of journal entry has a golden file: what was written once must stay readable, and is
//! written the same today.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use sync_core::ids::{CollectionId, Digest, Field, LinkId, ReplicaId};
use sync_core::journal::{
    Advance, Applied, BrakeReason, Carry, Configured, ConflictKind, Conflicted, Counted,
    DecodeError, Entry, Intent, NotApplied, Observed, Op, Outcome, Plan, Proof, Purpose,
    PutElement, Reason, Removal, SideValue, Sight, Sighting, Stage, Tally,
};
use sync_core::policy::{Brake, Conflicts, Direction, Policy, Rule};
use sync_core::port::{Capabilities, Stamp};
use sync_core::value::{Fields, IdentityKey, Print, Rendition, Value};

const VERSION: u16 = 1;

/// The golden file of the entry's kind. A kind without one doesn't compile.
fn golden(entry: &Entry) -> &'static str {
    match entry {
        Entry::Opened { .. } => include_str!("golden/opened.json"),
        Entry::Configured(_) => include_str!("golden/configured.json"),
        Entry::Observed(_) => include_str!("golden/observed.json"),
        Entry::CursorLost { .. } => include_str!("golden/cursor-lost.json"),
        Entry::Matched { .. } => include_str!("golden/matched.json"),
        Entry::Agreed { .. } => include_str!("golden/agreed.json"),
        Entry::Intended(_) => include_str!("golden/intended.json"),
        Entry::Settled { .. } => include_str!("golden/settled.json"),
        Entry::Conflicted(_) => include_str!("golden/conflicted.json"),
        Entry::Resolved { .. } => include_str!("golden/resolved.json"),
        Entry::Forked { .. } => include_str!("golden/forked.json"),
        Entry::Twinned { .. } => include_str!("golden/twinned.json"),
        Entry::Held { .. } => include_str!("golden/held.json"),
        Entry::Released { .. } => include_str!("golden/released.json"),
        Entry::Braked { .. } => include_str!("golden/braked.json"),
        Entry::Accepted { .. } => include_str!("golden/accepted.json"),
        Entry::Closed { .. } => include_str!("golden/closed.json"),
    }
}

#[test]
fn entries_are_written_as_ever() {
    for (kind, samples) in samples() {
        let written: String = samples.iter().map(|entry| entry.encode() + "\n").collect();
        assert_eq!(written, golden(&samples[0]), "the golden file of `{kind}`");
        for entry in &samples {
            assert_eq!((entry.kind(), entry.version()), (kind, VERSION), "{entry:?}");
        }
    }
}

#[test]
fn what_was_written_once_is_still_read() {
    for (kind, samples) in samples() {
        let read: Vec<Result<Entry, DecodeError>> =
            golden(&samples[0]).lines().map(|line| Entry::decode(kind, VERSION, line)).collect();
        let expected: Vec<Result<Entry, DecodeError>> = samples.into_iter().map(Ok).collect();
        assert_eq!(read, expected, "the golden file of `{kind}`");
    }
}

#[test]
fn every_golden_file_has_samples() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let files: BTreeSet<String> = std::fs::read_dir(directory)
        .expect("the golden files lie beside this test")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    let kinds: BTreeSet<String> = samples().keys().map(|kind| format!("{kind}.json")).collect();
    assert_eq!(files, kinds);
}

#[test]
fn a_newer_version_is_refused() {
    for (kind, samples) in samples() {
        let payload = samples[0].encode();
        for payload in [payload.as_str(), "", "not what this build could read"] {
            let error = Entry::decode(kind, VERSION + 1, payload);
            let newer =
                DecodeError::Newer { kind: kind.to_owned(), version: VERSION + 1, known: VERSION };
            assert_eq!(error, Err(newer), "{kind}");
        }
    }
}

#[test]
fn a_payload_of_another_kind_is_malformed() {
    let samples = samples();
    for (kind, entries) in &samples {
        for other in samples.keys().filter(|other| *other != kind) {
            let error = Entry::decode(other, VERSION, &entries[0].encode());
            let malformed =
                matches!(&error, Err(DecodeError::Malformed { kind, .. }) if kind == other);
            assert!(malformed, "a `{kind}` read as a `{other}`: {error:?}");
        }
    }
}

#[test]
fn a_payload_cut_short_is_malformed() {
    for (kind, samples) in samples() {
        for payload in samples.iter().map(Entry::encode) {
            for end in 0..payload.len() {
                let error = Entry::decode(kind, VERSION, &payload[..end]);
                assert!(matches!(error, Err(DecodeError::Malformed { .. })), "{kind}: {error:?}");
            }
        }
    }
}

/// Samples by kind; together they hold every variant that an entry can contain.
fn samples() -> BTreeMap<&'static str, Vec<Entry>> {
    let all = runs()
        .into_iter()
        .chain(observations())
        .chain(decisions())
        .chain(intents())
        .chain(outcomes())
        .chain(conflicts())
        .chain(set_asides());
    let mut samples: BTreeMap<&'static str, Vec<Entry>> = BTreeMap::new();
    for entry in all {
        samples.entry(entry.kind()).or_default().push(entry);
    }
    samples
}

fn digest(number: u64) -> Digest {
    Digest::from_number(number)
}

fn link() -> LinkId {
    LinkId(0x0123_4567_89ab_cdef)
}

/// One print of each form: unknown to the replica, the same as its meaning, rewritten.
fn fields() -> Fields {
    let scalar = |own: Option<u64>, meaning| {
        Value::Scalar(Print { own: own.map(digest), meaning: digest(meaning) })
    };
    let red = Print { own: Some(digest(7)), meaning: digest(7) };
    [
        ("body", scalar(Some(11), 1)),
        ("categories", Value::Set([("red".into(), red)].into())),
        ("location", scalar(None, 3)),
        ("subject", scalar(Some(2), 2)),
        ("attendees", Value::Set(BTreeMap::new())),
    ]
    .map(|(name, value)| (Field::from(name), value))
    .into()
}

fn rendition() -> Rendition {
    Rendition {
        version: Some("CQAAAA==".into()),
        normaliser: 1,
        fields: fields(),
        content: Some(digest(100)),
        identity: vec![IdentityKey::Strong(digest(50)), IdentityKey::Likeness(digest(51))],
        edited_ms: Some(1_790_000_000_000),
        fixed: BTreeSet::new(),
    }
}

fn configured(direction: Direction, default: Rule) -> Entry {
    let capabilities = |dedupes_creates, create_grace_ms| Capabilities {
        fields: ["subject", "body"].map(Field::from).into(),
        late: BTreeMap::new(),
        dedupes_creates,
        create_grace_ms,
        write_grace_ms: 90_000,
    };
    let folders = [(ReplicaId::A, "AAMkAD=".into()), (ReplicaId::B, "calendar".into())].into();
    let rules = [("body", Rule::Newest), ("subject", Rule::KeepBoth)];
    Entry::Configured(Configured {
        collections: [(CollectionId::from("calendar"), folders)].into(),
        policy: Policy {
            replicas: [
                (ReplicaId::A, capabilities(false, 90_000)),
                (ReplicaId::B, capabilities(true, 0)),
            ]
            .into(),
            direction,
            conflicts: Conflicts {
                default,
                fields: rules.map(|(field, rule)| (Field::from(field), rule)).into(),
            },
            brake: Brake { percent: 10, floor: 10, deletes_only: false },
        },
        fingerprint: "fingerprint".to_owned(),
    })
}

fn runs() -> Vec<Entry> {
    let opened = |purpose| Entry::Opened {
        nonce: u64::MAX,
        build: "0.1.0".to_owned(),
        purpose,
        allowed: (purpose == Purpose::Apply).then_some(2_000),
    };
    let tally = Tally {
        replicas: [(ReplicaId::B, Counted { creates: 3, updates: 20, deletes: 4 })].into(),
    };
    let braked = |brake| Entry::Braked { tally: tally.clone(), brake };
    let mut entries =
        [Purpose::Sync, Purpose::DryRun, Purpose::Apply, Purpose::Resolve].map(opened).to_vec();
    entries.extend([
        configured(Direction::TwoWay, Rule::Prefer(ReplicaId::A)),
        configured(Direction::From(ReplicaId::B), Rule::Hold),
        Entry::CursorLost { collection: "calendar".into(), replica: ReplicaId::B },
        braked(BrakeReason::TooMany { limit: 10 }),
        braked(BrakeReason::Emptied { replica: ReplicaId::A }),
        braked(BrakeReason::Reconfigured),
        Entry::Accepted { fingerprint: "fingerprint".to_owned() },
        Entry::Closed { exit: 2 },
    ]);
    entries
}

fn observations() -> Vec<Entry> {
    let stamp = Stamp { link: link(), key: "4f-1".into() };
    let bare = Rendition {
        version: None,
        normaliser: 2,
        fields: Fields::new(),
        content: None,
        identity: vec![],
        edited_ms: None,
        fixed: BTreeSet::new(),
    };
    let sights = [
        Sight::Present { rendition: rendition(), stamped: Some(stamp) },
        Sight::Present { rendition: bare, stamped: None },
        Sight::Still,
        Sight::Gone,
        Sight::Outside,
        Sight::Unreadable { code: "ErrorCorruptData".to_owned() },
    ];
    let sightings = (1..).zip(sights).map(|(number, sight)| Sighting {
        link: LinkId(number),
        id: format!("id {number}").into(),
        sight,
    });
    let rendition = rendition().fixing(["subject", "timing"].map(Field::from));
    let sight = Sight::Present { rendition, stamped: None };
    let fixed = Sighting { link: link(), id: "id".into(), sight };
    let observed = |sightings, stage: Option<Stage>| {
        Entry::Observed(Observed {
            collection: "calendar".into(),
            replica: ReplicaId::A,
            epoch: 3,
            sightings,
            advance: stage.map(|stage| Advance { cursor: "H4sIAA==".into(), stage }),
        })
    };
    vec![
        observed(sightings.collect(), None),
        observed(vec![], Some(Stage::Enumerating)),
        observed(vec![], Some(Stage::Reconciling)),
        observed(vec![], Some(Stage::Following)),
        observed(vec![fixed], None),
    ]
}

fn decisions() -> Vec<Entry> {
    vec![
        Entry::Matched { link: link(), absorbed: LinkId(2), by: IdentityKey::Strong(digest(50)) },
        Entry::Matched { link: link(), absorbed: LinkId(3), by: IdentityKey::Likeness(digest(51)) },
        Entry::Agreed { link: link(), fields: ["subject", "body"].map(Field::from).into() },
        Entry::Forked { link: LinkId(9), from: link(), origin: Box::new(rendition()) },
        Entry::Twinned { link: link(), replica: ReplicaId::B, original: LinkId(4) },
        Entry::Released { link: LinkId(4) },
    ]
}

fn intents() -> Vec<Entry> {
    let whole = |from, name: &str| {
        let value = fields()[&Field::from(name)].clone();
        (Field::from(name), Carry::Whole { from, content: digest(100), value })
    };
    let print = Print { own: None, meaning: digest(7) };
    let elements = Carry::Elements {
        put: [("red".into(), PutElement { content: digest(100), print })].into(),
        drop: ["blue".into()].into(),
        late: false,
    };
    let intended = |key: &str, op, carries: BTreeMap<Field, Carry>| {
        let plan = Plan { link: link(), replica: ReplicaId::B, op, carries };
        Entry::Intended(Intent { key: key.into(), plan })
    };
    let update = |if_match: Option<&str>| Op::Update {
        id: "id".into(),
        if_match: if_match.map(Into::into),
        onto: digest(101),
    };
    let delete = |if_match: Option<&str>, why| Op::Delete {
        id: "id".into(),
        if_match: if_match.map(Into::into),
        why,
    };
    vec![
        intended(
            "4f-1",
            Op::Create { like: digest(100) },
            [whole(Some(ReplicaId::A), "subject"), whole(None, "body")].into(),
        ),
        intended("4f-2", update(Some("W/\"1\"")), [("categories".into(), elements)].into()),
        intended("4f-3", update(None), [whole(Some(ReplicaId::A), "location")].into()),
        intended("4f-4", delete(Some("W/\"1\""), Removal::Deleted), BTreeMap::new()),
        intended("4f-5", delete(None, Removal::Yields), BTreeMap::new()),
    ]
}

fn outcomes() -> Vec<Entry> {
    let applied = |proof| Outcome::Applied(Applied { id: "id".into(), proof });
    let answered = |version: Option<&str>, content| {
        applied(Proof::Answered { version: version.map(Into::into), content })
    };
    [
        answered(Some("W/\"2\""), Some(digest(102))),
        answered(None, None),
        applied(Proof::Stamp),
        applied(Proof::StampInTrash),
        Outcome::NotApplied(NotApplied::Stale),
        Outcome::NotApplied(NotApplied::Missing),
        Outcome::NotApplied(NotApplied::Refused { code: "ErrorAccessDenied".to_owned() }),
        Outcome::NotApplied(NotApplied::Lost),
    ]
    .map(|outcome| Entry::Settled { link: link(), key: "4f-1".into(), outcome })
    .into()
}

fn conflicts() -> Vec<Entry> {
    let subject = Field::from("subject");
    let side = |content, value: Option<&Field>| {
        let value = value.map(|field| fields()[field].clone());
        Some(SideValue { content: digest(content), value })
    };
    let conflicted = |kind, field: Option<&Field>, b: Option<SideValue>, winner, rule| {
        Entry::Conflicted(Conflicted {
            link: link(),
            kind,
            field: field.cloned(),
            sides: [(ReplicaId::A, side(100, field)), (ReplicaId::B, b)].into(),
            base: (kind != ConflictKind::FirstContact).then(|| digest(99)),
            winner,
            rule,
        })
    };
    let (a, b) = (Some(ReplicaId::A), Some(ReplicaId::B));
    let (edit, first) = (ConflictKind::Edit, ConflictKind::FirstContact);
    let other = || side(101, Some(&subject));
    vec![
        conflicted(edit, Some(&subject), other(), b, Rule::Prefer(ReplicaId::B)),
        conflicted(edit, Some(&subject), other(), a, Rule::Newest),
        conflicted(first, Some(&subject), other(), a, Rule::KeepBoth),
        conflicted(first, Some(&subject), other(), None, Rule::Hold),
        conflicted(ConflictKind::EditDelete, None, None, a, Rule::Prefer(ReplicaId::A)),
        Entry::Resolved { link: link(), field: Some(subject), winner: ReplicaId::B },
        Entry::Resolved { link: link(), field: None, winner: ReplicaId::A },
    ]
}

fn set_asides() -> Vec<Entry> {
    [
        Reason::Refused { replica: ReplicaId::B, code: "ErrorAccessDenied".to_owned() },
        Reason::Unreadable { replica: ReplicaId::A, code: "ErrorCorruptData".to_owned() },
        Reason::Ambiguous,
        Reason::Twin { of: LinkId(2) },
        Reason::OneWay { replica: ReplicaId::B },
        Reason::Fixed { replica: ReplicaId::A },
    ]
    .map(|reason| Entry::Held { link: link(), reason })
    .into()
}
