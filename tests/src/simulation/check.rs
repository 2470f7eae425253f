//! What must hold when everything has come to rest.

use super::content::{BODY, SUBJECT, TAGS};
use super::people::{Written, values};
use super::replica::{Item, Replica};
use super::world::Sim;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Digest, Field};
use sync_core::journal::Reason;
use sync_core::port::Place;
use sync_core::replay::Replay;
use sync_core::value::{IdentityKey, Value};

/// Checks all promises; the first that is broken is told.
pub(crate) fn check(sim: &Sim) -> Result<(), String> {
    let stands = standing(sim)?;
    invented(sim, &stands)?;
    fixed(sim)?;
    if sim.options.one_way {
        one_way(sim)?;
    } else {
        equal(sim, &stands)?;
        unwanted_deletes(sim, &stands)?;
        lost(sim, &stands)?;
        came_back(sim, &stands)?;
    }
    replays(sim)
}

type Standing = Vec<BTreeMap<u64, Item>>;

/// The living copies by replica and item; P2: at most one of each.
fn standing(sim: &Sim) -> Result<Standing, String> {
    let reported = reported(sim);
    let mut all = vec![];
    for (number, replica) in sim.replicas.iter().enumerate() {
        let mut items = BTreeMap::new();
        for id in replica.live() {
            let Some(item) = replica.items.get(&id) else { continue };
            let serial = item.content.serial;
            if reported.contains(&Digest::from_number(item.content.uid)) {
                continue;
            }
            let twice = items.insert(serial, item.clone()).is_some();
            // Where a pair goes one way, an edited copy of ours stays, and so does its original.
            if twice && !sim.options.one_way {
                return Err(format!("doubled: item {serial} stands twice on replica {number}"));
            }
        }
        all.push(items);
    }
    Ok(all)
}

/// The identities of items that were reported as ambiguous, or as originals of a copy that holds what
/// the other side doesn't take: they wait for a person.
fn reported(sim: &Sim) -> BTreeSet<Digest> {
    let state = sim.store.state(&Sim::pair());
    let keeps = |of| {
        let ours = state.links.get(of).and_then(|link| link.held.as_ref());
        matches!(ours, Some(Reason::Fixed { .. }))
    };
    let held = state.links.values().filter(|link| match &link.held {
        Some(Reason::Ambiguous) => true,
        Some(Reason::Twin { of }) => keeps(of),
        Some(
            Reason::Refused { .. }
            | Reason::Unreadable { .. }
            | Reason::OneWay { .. }
            | Reason::Fixed { .. },
        )
        | None => false,
    });
    held.flat_map(|link| link.identity().into_iter().cloned().collect::<Vec<_>>())
        .filter_map(|key| match key {
            IdentityKey::Strong(digest) => Some(digest),
            IdentityKey::Likeness(_) => None,
        })
        .collect()
}

/// P3: every value was written by a person.
fn invented(sim: &Sim, stands: &Standing) -> Result<(), String> {
    for Item { content, .. } in stands.iter().flat_map(BTreeMap::values) {
        for value in values(content) {
            match sim.ledger.values.get(&value) {
                Some(written) if written.serial == sim.ledger.root(content.serial) => {}
                Some(_) | None => {
                    return Err(format!("invented: {value} on item {}", content.serial));
                }
            }
        }
    }
    Ok(())
}

/// P8: nothing was written to what is fixed in a copy.
fn fixed(sim: &Sim) -> Result<(), String> {
    match sim.replicas.iter().position(|replica| replica.mailed > 0) {
        Some(number) => Err(format!("mailed: what is fixed on replica {number} was written")),
        None => Ok(()),
    }
}

/// P5: the replicas are equal, as far as each can hold what the others have, and but for what is
/// fixed in one of them.
fn equal(sim: &Sim, stands: &Standing) -> Result<(), String> {
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
            let held: BTreeSet<_> =
                stands.iter().map(|s| s[serial].content.scalars.get(field)).collect();
            if held.len() > 1 && all_take(sim, stands, *serial, field) {
                return Err(format!("unequal: {field} of item {serial} is {held:?}"));
            }
        }
        let held: BTreeSet<_> =
            stands.iter().filter_map(|s| s[serial].content.tags.as_ref()).collect();
        if held.len() > 1 && all_take(sim, stands, *serial, TAGS) {
            return Err(format!("unequal: tags of item {serial} are {held:?}"));
        }
    }
    Ok(())
}

/// Whether every copy of an item takes writes to `field`.
fn all_take(sim: &Sim, stands: &Standing, serial: u64, field: &str) -> bool {
    let mut copies = sim.replicas.iter().zip(stands);
    copies.all(|(replica, items)| items.get(&serial).is_none_or(|item| replica.takes(item, field)))
}

/// P4: what nobody deleted is still there.
fn unwanted_deletes(sim: &Sim, stands: &Standing) -> Result<(), String> {
    let reported = reported(sim);
    for serial in sim.ledger.serials.keys().chain(sim.ledger.forks.keys()) {
        let waits = reported.contains(&Digest::from_number(sim.ledger.root(*serial)));
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
/// was deleted with its item, or is kept with a conflict. Where it is fixed in a copy, it may stay in
/// the other; and what a conflict forked off holds it as well.
fn lost(sim: &Sim, stands: &Standing) -> Result<(), String> {
    let (kept, reported) = (kept(sim), reported(sim));
    for (value, written) in &sim.ledger.values {
        if reported.contains(&Digest::from_number(written.serial))
            || kept.contains(&Digest::from_number(*value))
        {
            continue;
        }
        let forks = sim.ledger.forks.keys().filter(|f| sim.ledger.root(**f) == written.serial);
        let mut items = [&written.serial].into_iter().chain(forks);
        if !items.any(|item| is_kept(sim, stands, *item, *value, written)) {
            return Err(format!("lost: value {value}, {written:?}"));
        }
    }
    Ok(())
}

/// Whether the item `serial` has the value, or people put it away there.
fn is_kept(sim: &Sim, stands: &Standing, serial: u64, value: u64, written: &Written) -> bool {
    // Nobody can see a tag where it can't be held, or where it still is to come, so a delete there
    // takes it along.
    let unseen = written.field == TAGS
        && sim.ledger.deleted.contains(&serial)
        && !sim.options.replicas.iter().all(|r| r.holds_tags && !r.late_tags);
    let at = (serial, value);
    if unseen || sim.ledger.overtaken.contains(&at) || sim.ledger.died.contains(&at) {
        return true;
    }
    let copies: Option<Vec<(&Replica, &Item)>> = sim
        .replicas
        .iter()
        .zip(stands)
        .map(|(replica, items)| Some((replica, items.get(&serial)?)))
        .collect();
    let Some(copies) = copies else { return false };
    let has = |item: &Item| values(&item.content).contains(&value);
    // Where it is fixed, it stays, even if others had no place for it when it came.
    let stays = copies.iter().any(|(replica, item)| has(item) && !replica.takes(item, TAGS));
    let may_lack = |replica: &Replica, item: &Item| {
        let can_hold = written.field != TAGS || item.content.tags.is_some();
        !can_hold || !replica.takes(item, written.field) || (stays && replica.is_strict())
    };
    copies.iter().any(|(_, item)| has(item))
        && copies.iter().all(|(replica, item)| has(item) || may_lack(replica, item))
}

/// P1, the other way round: what someone replaced who had seen it doesn't come back. Where items
/// met with differences, or came back from the trash, an old value may rightly win; and what is fixed
/// in a copy stays there.
fn came_back(sim: &Sim, stands: &Standing) -> Result<(), String> {
    if sim.options.twin_percent > 0 || sim.options.shared_percent > 0 {
        return Ok(());
    }
    for Item { content, .. } in stands.iter().flat_map(BTreeMap::values) {
        let serial = content.serial;
        if sim.ledger.deleted.contains(&serial) {
            continue;
        }
        let is_back = |v: &u64| {
            let field = sim.ledger.values.get(v).map_or(TAGS, |written| written.field);
            sim.ledger.overtaken.contains(&(serial, *v))
                && !sim.ledger.unproven.contains(v)
                && all_take(sim, stands, serial, field)
        };
        let back = values(content).into_iter().find(is_back);
        if let Some(value) = back {
            return Err(format!("came back: value {value} on item {serial}"));
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

/// A pair that goes one way writes nothing to its source, and what people wrote to its target stays
/// there, or was replaced by someone who had seen it, or is kept with a conflict.
fn one_way(sim: &Sim) -> Result<(), String> {
    if sim.replicas[0].writes > 0 {
        return Err(format!("one-way: the source was written to {} times", sim.replicas[0].writes));
    }
    let (kept, reported) = (kept(sim), reported(sim));
    for (value, written) in sim.ledger.values.iter().filter(|(_, written)| written.replica > 0) {
        let at = (written.serial, *value);
        let fine = sim.ledger.overtaken.contains(&at)
            || sim.ledger.died.contains(&at)
            || kept.contains(&Digest::from_number(*value))
            || reported.contains(&Digest::from_number(written.serial))
            || sim.replicas[written.replica]
                .items
                .values()
                .any(|item| item.place == Place::Folder && values(&item.content).contains(value));
        if !fine {
            return Err(format!("one-way: lost value {value}, {written:?}"));
        }
    }
    Ok(())
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
