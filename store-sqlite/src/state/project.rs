//! Folds records into the projections. The rules are `State`'s alone: the links that the records
//! touch are loaded into a small one, and what changed there is written back.

use super::rows::{link_id, link_key, number};
use super::{Stop, query};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{LinkId, PairId};
use sync_core::journal::{Entry, Record, Seq};
use sync_core::state::{Conflict, Head, Link, State};

/// Folds in records of one pair that follow those folded in before.
pub(super) fn fold(db: &Connection, pair: &PairId, records: &[Record]) -> Result<(), Stop> {
    if records.is_empty() {
        return Ok(());
    }
    let touched: BTreeSet<LinkId> = records.iter().flat_map(|r| r.entry.touches()).collect();
    let before = load(db, pair, &touched)?;
    let mut state = before.clone();
    for record in records {
        state.apply(record)?;
    }
    write_head(db, &state.head)?;
    for id in &touched {
        write_link(db, pair, *id, before.links.get(id), state.links.get(id))?;
    }
    for (seq, conflict) in &state.conflicts {
        if before.conflicts.get(seq) != Some(conflict) {
            write_conflict(db, *seq, conflict)?;
        }
    }
    write_touches(db, records)?;
    if records.iter().any(|record| matches!(record.entry, Entry::Configured(_))) {
        reconsider(db, &before.head, &state.head, &touched)?;
    }
    Ok(())
}

/// Empties the projections.
pub(super) fn clear(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(
        "DELETE FROM head; DELETE FROM link; DELETE FROM leg; DELETE FROM identity;
         DELETE FROM conflict; DELETE FROM touch;",
    )
}

/// The part of a pair's state that entries on these links can change.
fn load(db: &Connection, pair: &PairId, touched: &BTreeSet<LinkId>) -> Result<State, Stop> {
    let mut state = State::new(pair.clone());
    state.head = query::head(db, pair)?;
    let mut by_id = db.prepare_cached("SELECT payload FROM link WHERE id = ?1 AND pair = ?2")?;
    for id in touched {
        let rows = by_id.query_map(params![link_key(*id), pair.as_str()], |row| row.get(0))?;
        for payload in rows {
            let link: Link = serde_json::from_str(&payload.map(|text: String| text)?)?;
            state.links.insert(*id, link);
        }
    }
    let disputes = state.links.values().flat_map(|link| &link.disputes);
    let named: BTreeSet<Seq> = disputes.map(|dispute| dispute.conflict).collect();
    for seq in named {
        if let Some(conflict) = query::conflict(db, seq)? {
            state.conflicts.insert(seq, conflict);
        }
    }
    Ok(state)
}

/// Looks again at every link that the records didn't touch, after a change of the configuration.
fn reconsider(
    db: &Connection,
    before: &Head,
    after: &Head,
    touched: &BTreeSet<LinkId>,
) -> Result<(), Stop> {
    let sql = format!(
        "SELECT id, payload FROM link WHERE pair = ?1 AND id >= ?2 ORDER BY id LIMIT {PAGE}"
    );
    let mut from = Some(i64::MIN);
    while let Some(first) = from {
        let rows = db
            .prepare_cached(&sql)?
            .query_map(params![after.pair.as_str(), first], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        for (key, payload) in &rows {
            let id = link_id(*key);
            if touched.contains(&id) {
                continue;
            }
            let old: Link = serde_json::from_str(payload)?;
            let mut new = old.clone();
            new.reconsider(before, after);
            write_link(db, &after.pair, id, Some(&old), Some(&new))?;
        }
        from = rows.last().and_then(|(key, _)| key.checked_add(1));
    }
    Ok(())
}

fn write_head(db: &Connection, head: &Head) -> Result<(), Stop> {
    db.prepare_cached(
        "INSERT INTO head (pair, payload) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET payload = excluded.payload",
    )?
    .execute(params![head.pair.as_str(), serde_json::to_string(head)?])?;
    Ok(())
}

fn write_conflict(db: &Connection, seq: Seq, conflict: &Conflict) -> Result<(), Stop> {
    db.prepare_cached(
        "INSERT INTO conflict (seq, pair, payload) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET payload = excluded.payload",
    )?
    .execute(params![
        number(seq.0),
        conflict.pair.as_str(),
        serde_json::to_string(conflict)?
    ])?;
    Ok(())
}

fn write_touches(db: &Connection, records: &[Record]) -> rusqlite::Result<()> {
    let mut insert = db.prepare_cached("INSERT INTO touch (link, seq) VALUES (?1, ?2)")?;
    for record in records {
        for link in record.entry.touches() {
            insert.execute(params![link_key(link), number(record.seq.0)])?;
        }
    }
    Ok(())
}

fn write_link(
    db: &Connection,
    pair: &PairId,
    id: LinkId,
    before: Option<&Link>,
    after: Option<&Link>,
) -> Result<(), Stop> {
    if before == after {
        return Ok(());
    }
    let key = link_key(id);
    let Some(link) = after else {
        db.prepare_cached("DELETE FROM link WHERE id = ?1")?.execute([key])?;
        write_legs(db, pair, key, before, after)?;
        return write_identity(db, pair, key, before, after);
    };
    // A link that is new here and known to another pair is an error, hence no upsert.
    let sql = match before {
        None => {
            "INSERT INTO link (id, pair, attention, open, held, met, buried, payload)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        }
        Some(_) => {
            "UPDATE link SET attention = ?3, open = ?4, held = ?5, met = ?6, buried = ?7,
             payload = ?8 WHERE id = ?1 AND pair = ?2"
        }
    };
    db.prepare_cached(sql)?.execute(params![
        key,
        pair.as_str(),
        link.attention,
        link.open.is_some(),
        link.held.is_some(),
        link.met,
        link.buried,
        serde_json::to_string(link)?,
    ])?;
    write_legs(db, pair, key, before, after)?;
    write_identity(db, pair, key, before, after)
}

fn write_legs(
    db: &Connection,
    pair: &PairId,
    key: i64,
    before: Option<&Link>,
    after: Option<&Link>,
) -> Result<(), Stop> {
    let (old, new) = (legs(before), legs(after));
    if old == new {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM leg WHERE link = ?1")?.execute([key])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO leg (link, replica, pair, collection, remote_id, epoch, present)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (replica, leg) in new {
        insert.execute(params![
            key,
            replica,
            pair.as_str(),
            leg.collection,
            leg.remote_id,
            leg.epoch,
            leg.present,
        ])?;
    }
    Ok(())
}

fn write_identity(
    db: &Connection,
    pair: &PairId,
    key: i64,
    before: Option<&Link>,
    after: Option<&Link>,
) -> Result<(), Stop> {
    let (old, new) = (identity(before)?, identity(after)?);
    if old == new {
        return Ok(());
    }
    db.prepare_cached("DELETE FROM identity WHERE link = ?1")?.execute([key])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO identity (link, key, pair, collection) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (name, collection) in &new {
        insert.execute(params![key, name, pair.as_str(), collection])?;
    }
    Ok(())
}

/// A row of `leg`.
#[derive(PartialEq, Eq)]
struct LegRow<'a> {
    collection: &'a str,
    remote_id: &'a [u8],
    epoch: i64,
    present: bool,
}

fn legs(link: Option<&Link>) -> BTreeMap<u8, LegRow<'_>> {
    let legs = link.into_iter().flat_map(|link| {
        link.legs.iter().map(|(replica, leg)| {
            let row = LegRow {
                collection: link.collection.as_str(),
                remote_id: leg.id.as_str().as_bytes(),
                epoch: number(leg.epoch),
                present: leg.is_taken_for_present(),
            };
            (replica.0, row)
        })
    });
    legs.collect()
}

/// The keys of a living link, each with the collection.
fn identity(link: Option<&Link>) -> Result<BTreeMap<String, &str>, Stop> {
    let Some(link) = link.filter(|link| !link.buried) else { return Ok(BTreeMap::new()) };
    let keys = link.identity().into_iter();
    keys.map(|key| Ok((query::identity_text(key), link.collection.as_str()))).collect()
}

/// Links held in memory at a time.
const PAGE: usize = 200;
