//! What must hold when everything has come to rest.

use super::content::{BODY, Content, SUBJECT, TAGS};
use super::people::values;
use super::world::Sim;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Digest, Field};
use sync_core::journal::Reason;
use sync_core::replay::Replay;
use sync_core::value::{IdentityKey, Value};

/// Checks all promises; the first that is broken is told.
pub(crate) fn check(sim: &Sim) -> Result<(), String> {
    let stands = standing(sim)?;
    invented(sim, &stands)?;
    if sim.options.one_way {
        one_way(sim)?;
    } else {
        equal(&stands)?;
        unwanted_deletes(sim, &stands)?;
        lost(sim, &stands)?;
        came_back(sim, &stands)?;
    }
    replays(sim)
}

type Standing = Vec<BTreeMap<u64, Content>>;

/// The living copies by replica and item; P2: at most one of each.
fn standing(sim: &Sim) -> Result<Standing, String> {
    let reported = ambiguous(sim);
    let mut all = vec![];
    for (number, replica) in sim.replicas.iter().enumerate() {
        let mut items = BTreeMap::new();
        for id in replica.live() {
            let Some(item) = replica.items.get(&id) else { continue };
            let serial = item.content.serial;
            if reported.contains(&Digest::from_number(item.content.uid)) {
                continue;
            }
            let twice = items.insert(serial, item.content.clone()).is_some();
            // Where a pair goes one way, an edited copy of ours stays, and so does its original.
            if twice && !sim.options.one_way {
                return Err(format!("doubled: item {serial} stands twice on replica {number}"));
            }
        }
        all.push(items);
    }
    Ok(all)
}

/// The identities of items that were reported as ambiguous: they wait for a person.
fn ambiguous(sim: &Sim) -> BTreeSet<Digest> {
    let state = sim.store.state(&Sim::pair());
    let held = state.links.values().filter(|link| link.held == Some(Reason::Ambiguous));
    held.flat_map(|link| link.identity().into_iter().cloned().collect::<Vec<_>>())
        .filter_map(|key| match key {
            IdentityKey::Strong(digest) => Some(digest),
            IdentityKey::Likeness(_) => None,
        })
        .collect()
}

/// P3: every value was written by a person.
fn invented(sim: &Sim, stands: &Standing) -> Result<(), String> {
    for content in stands.iter().flat_map(BTreeMap::values) {
        for value in values(content) {
            match sim.ledger.values.get(&value) {
                Some(written) if written.serial == content.serial => {}
                Some(_) | None => {
                    return Err(format!("invented: {value} on item {}", content.serial));
                }
            }
        }
    }
    Ok(())
}

/// P5: the replicas are equal, as far as each can hold what the others have.
fn equal(stands: &Standing) -> Result<(), String> {
    let first = &stands[0];
    for (number, other) in stands.iter().enumerate().skip(1) {
        if first.keys().ne(other.keys()) {
            return Err(format!(
                "unequal: replica 0 has items {:?}, replica {number} has {:?}",
                first.keys().collect::<Vec<_>>(),
                other.keys().collect::<Vec<_>>()
            ));
        }
    }
    for serial in first.keys() {
        for field in [SUBJECT, BODY] {
            let held: BTreeSet<_> = stands.iter().map(|s| s[serial].scalars.get(field)).collect();
            if held.len() > 1 {
                return Err(format!("unequal: {field} of item {serial} is {held:?}"));
            }
        }
        let held: BTreeSet<_> = stands.iter().filter_map(|s| s[serial].tags.as_ref()).collect();
        if held.len() > 1 {
            return Err(format!("unequal: tags of item {serial} are {held:?}"));
        }
    }
    Ok(())
}

/// P4: what nobody deleted is still there.
fn unwanted_deletes(sim: &Sim, stands: &Standing) -> Result<(), String> {
    let reported = ambiguous(sim);
    for serial in sim.ledger.serials.keys() {
        let waits = reported.contains(&Digest::from_number(*serial));
        if waits || sim.ledger.deleted.contains(serial) {
            continue;
        }
        if let Some(number) = stands.iter().position(|items| !items.contains_key(serial)) {
            return Err(format!(
                "deleted: nobody deleted item {serial}; replica {number} lacks it"
            ));
        }
    }
    Ok(())
}

/// P1: a value is on every replica that can hold it, or was replaced by someone who had seen it, or
/// was deleted with its item, or is kept with a conflict.
fn lost(sim: &Sim, stands: &Standing) -> Result<(), String> {
    let (kept, reported) = (kept(sim), ambiguous(sim));
    for (value, written) in &sim.ledger.values {
        // Nobody can see a tag where it can't be held, or where it still is to come, so a delete
        // there takes it along.
        let unseen = written.field == TAGS
            && sim.ledger.deleted.contains(&written.serial)
            && !sim.options.replicas.iter().all(|r| r.holds_tags && !r.late_tags);
        let fine = unseen
            || reported.contains(&Digest::from_number(written.serial))
            || sim.ledger.overtaken.contains(value)
            || sim.ledger.died.contains(value)
            || kept.contains(&Digest::from_number(*value));
        if fine {
            continue;
        }
        let holds = |content: &Content| match content.scalars.get(written.field) {
            Some(held) => held == value,
            None => content.tags.as_ref().is_none_or(|tags| tags.values().any(|tag| tag == value)),
        };
        let stands = stands.iter().all(|items| items.get(&written.serial).is_some_and(holds));
        if !stands {
            return Err(format!("lost: value {value}, {written:?}"));
        }
    }
    Ok(())
}

/// P1, the other way round: what someone replaced who had seen it doesn't come back. Where items
/// met with differences, or came back from the trash, an old value may rightly win.
fn came_back(sim: &Sim, stands: &Standing) -> Result<(), String> {
    if sim.options.twin_percent > 0 || sim.options.shared_percent > 0 {
        return Ok(());
    }
    for content in stands.iter().flat_map(BTreeMap::values) {
        if sim.ledger.deleted.contains(&content.serial) {
            continue;
        }
        let is_back =
            |v: &u64| sim.ledger.overtaken.contains(v) && !sim.ledger.unproven.contains(v);
        let back = values(content).into_iter().find(is_back);
        if let Some(value) = back {
            return Err(format!("came back: value {value} on item {}", content.serial));
        }
    }
    Ok(())
}

/// The meanings that conflicts keep.
fn kept(sim: &Sim) -> BTreeSet<Digest> {
    let state = sim.store.state(&Sim::pair());
    let sides = state.conflicts.into_values().flat_map(|c| c.what.sides.into_values());
    sides
        .flatten()
        .filter_map(|side| side.value)
        .flat_map(|value| match value {
            Value::Scalar(print) => vec![print.meaning],
            Value::Set(elements) => elements.values().map(|print| print.meaning).collect(),
        })
        .collect()
}

/// A pair that goes one way writes nothing to its source.
fn one_way(sim: &Sim) -> Result<(), String> {
    match sim.replicas[0].writes {
        0 => Ok(()),
        writes => Err(format!("one-way: the source was written to {writes} times")),
    }
}

/// P7: every decision comes out again.
fn replays(sim: &Sim) -> Result<(), String> {
    let mut replay = Replay::new(Sim::pair());
    for record in sim.store.records() {
        replay.feed(record).map_err(|e| e.to_string())?;
    }
    if let Some(drift) = replay.drifts.first() {
        return Err(format!("drift at {}: {} / {}", drift.seq, drift.recorded, drift.derived));
    }
    if replay.state != sim.store.state(&Sim::pair()) {
        return Err("the fold of the journal is not the state".to_owned());
    }
    Ok(())
}

/// Whether something is set aside that only a person could take further.
pub(crate) fn is_stuck(sim: &Sim) -> Option<String> {
    let state = sim.store.state(&Sim::pair());
    let stuck = state
        .links
        .values()
        .find(|link| matches!(link.held, Some(Reason::Refused { .. } | Reason::Unreadable { .. })));
    stuck.map(|link| format!("set aside: {link:?}"))
}

/// The open conflicts, as a person would decide them.
pub(crate) fn open_conflicts(
    sim: &Sim,
) -> Vec<(sync_core::ids::LinkId, Option<Field>, Vec<sync_core::ids::ReplicaId>)> {
    let state = sim.store.state(&Sim::pair());
    let open = state.conflicts.into_values().filter(|c| c.open);
    open.map(|c| (c.what.link, c.what.field, c.what.sides.into_keys().collect())).collect()
}
