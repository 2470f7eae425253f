//! Short ways to write entries.

use crate::ids::{CollectionId, Digest, Field, IntentKey, LinkId, PairId, RemoteId, ReplicaId};
use crate::journal::{
    Applied, Carry, Configured, ConflictKind, Conflicted, Entry, Intent, Observed, Op, Outcome,
    Plan, Proof, Reason, SideValue, Sight, Sighting,
};
use crate::policy::{Brake, Conflicts, Direction, Policy, Rule};
use crate::port::{Blob, Capabilities, Commit, Loaded, Query, Store};
use crate::state::Link;
use crate::value::{IdentityKey, Print, Rendition, Value};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn pair() -> PairId {
    PairId::from("pair")
}

pub(super) fn collection(name: &str) -> CollectionId {
    CollectionId::from(name)
}

pub(super) fn commit(entries: impl IntoIterator<Item = Entry>) -> Commit {
    Commit {
        pair: pair(),
        run: "run".into(),
        at_ms: 1_700_000_000_123,
        entries: entries.into_iter().collect(),
        blobs: Vec::new(),
    }
}

pub(super) fn blob(number: u64, bytes: &[u8]) -> Blob {
    Blob { digest: Digest::from_number(number), bytes: bytes.to_vec() }
}

/// A configuration whose fingerprint, and default rule for conflicts, go by `name`.
pub(super) fn configured(name: &str) -> Entry {
    let fields = ["subject", "body"].map(Field::from).into_iter().collect();
    let capabilities = Capabilities {
        fields,
        late: BTreeMap::new(),
        dedupes_creates: false,
        create_grace_ms: 90,
        write_grace_ms: 90,
    };
    let default = if name == "one" { Rule::Hold } else { Rule::Prefer(ReplicaId::A) };
    Entry::Configured(Configured {
        collections: BTreeMap::from([(
            collection("c1"),
            [(ReplicaId::A, "fa".into()), (ReplicaId::B, "fb".into())].into(),
        )]),
        policy: Policy {
            replicas: [ReplicaId::A, ReplicaId::B].map(|r| (r, capabilities.clone())).into(),
            direction: Direction::TwoWay,
            conflicts: Conflicts { default, fields: BTreeMap::new() },
            brake: Brake { percent: 10, floor: 10, deletes_only: false },
        },
        fingerprint: name.to_owned(),
    })
}

pub(super) fn observed(
    replica: ReplicaId,
    epoch: u64,
    sightings: impl IntoIterator<Item = Sighting>,
) -> Entry {
    observed_in("c1", replica, epoch, sightings)
}

pub(super) fn observed_in(
    name: &str,
    replica: ReplicaId,
    epoch: u64,
    sightings: impl IntoIterator<Item = Sighting>,
) -> Entry {
    Entry::Observed(Observed {
        collection: collection(name),
        replica,
        epoch,
        sightings: sightings.into_iter().collect(),
        advance: None,
    })
}

pub(super) fn sighting(link: u64, id: &str, sight: Sight) -> Sighting {
    Sighting { link: LinkId(link), id: id.into(), sight }
}

/// A copy that holds `content`, which is its identity too.
pub(super) fn present(link: u64, id: &str, content: u64) -> Sighting {
    let rendition = rendition(content);
    sighting(link, id, Sight::Present { rendition, stamped: None })
}

pub(super) fn rendition(content: u64) -> Rendition {
    let digest = Digest::from_number(content);
    let value = Value::Scalar(Print { own: Some(digest), meaning: digest });
    Rendition {
        version: Some(format!("v{content}").into()),
        normaliser: 1,
        fields: [("subject".into(), value.clone()), ("body".into(), value)].into(),
        content: Some(digest),
        identity: vec![IdentityKey::Strong(digest)],
        edited_ms: None,
        fixed: BTreeSet::new(),
    }
}

/// The copy in the first replica is gone.
pub(super) fn gone(link: u64, id: &str) -> Entry {
    observed(ReplicaId::A, 1, [sighting(link, id, Sight::Gone)])
}

pub(super) fn held(link: u64, reason: Reason) -> Entry {
    Entry::Held { link: LinkId(link), reason }
}

pub(super) fn matched(link: u64, absorbed: u64) -> Entry {
    let by = IdentityKey::Strong(Digest::from_number(1));
    Entry::Matched { link: LinkId(link), absorbed: LinkId(absorbed), by }
}

/// A create that carries the subject over from the first replica.
pub(super) fn intended(link: u64, key: &str, replica: ReplicaId) -> Entry {
    let content = Digest::from_number(1);
    let value = Value::Scalar(Print { own: Some(content), meaning: content });
    let carry = Carry::Whole { from: Some(ReplicaId::A), content, value };
    Entry::Intended(Intent {
        key: IntentKey::from(key),
        plan: Plan {
            link: LinkId(link),
            replica,
            op: Op::Create { like: content },
            carries: [(Field::from("subject"), carry)].into(),
        },
    })
}

pub(super) fn settled(link: u64, key: &str, outcome: Outcome) -> Entry {
    Entry::Settled { link: LinkId(link), key: key.into(), outcome }
}

pub(super) fn applied(link: u64, key: &str, id: &str) -> Entry {
    let proof = Proof::Answered { version: Some("w1".into()), content: None };
    settled(link, key, Outcome::Applied(Applied { id: RemoteId::from(id), proof }))
}

/// A conflict that a person is to decide.
pub(super) fn conflicted(link: u64, field: &str, kind: ConflictKind) -> Entry {
    let side = |n| Some(SideValue { content: Digest::from_number(n), value: None });
    Entry::Conflicted(Conflicted {
        link: LinkId(link),
        kind,
        field: Some(field.into()),
        sides: [(ReplicaId::A, side(1)), (ReplicaId::B, side(2))].into(),
        base: None,
        winner: None,
        rule: Rule::Hold,
    })
}

/// `a` for 1, `b` for 2 …
pub(super) fn letter(number: u64) -> &'static str {
    ["a", "b", "c", "d", "e", "f"][usize::try_from(number).expect("small") - 1]
}

pub(super) fn link(store: &dyn Store, number: u64) -> Link {
    match store.load(&Query::Links(vec![LinkId(number)])).expect("readable") {
        Loaded::Links(mut links) => links.pop().expect("the link is there"),
        other @ (Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_)) => {
            panic!("no links: {other:?}")
        }
    }
}
