//! Copies of the fold, so that the state at some entry is found without folding all before it.

use super::rows::{self, number};
use super::{SqliteStore, Stop, query};
use rusqlite::Connection;
use sync_core::ids::PairId;
use sync_core::journal::Seq;
use sync_core::port::Error;
use sync_core::state::{Conflict, Head, Link, State};

impl SqliteStore {
    /// A pair's state right after the entry at `seq`: the newest snapshot before it and the entries
    /// since, folded. Holds the whole pair in memory; it answers people, no run needs it.
    pub fn state_at(&self, pair: &PairId, seq: Seq) -> Result<State, Error> {
        self.answer(|db| {
            let (mut state, mut after) = restored(db, pair, seq)?;
            loop {
                let records = rows::journal(db, Some(pair), after, Some(seq), PAGE)?;
                let Some(last) = records.last() else { return Ok(state) };
                after = last.seq;
                for record in &records {
                    state.apply(record)?;
                }
            }
        })
    }
}

/// Copies the fold as it is after the entry at `seq`, if the last copy is so old that copying adds
/// no more than a constant to the cost of an entry.
pub(super) fn take_if_due(db: &Connection, seq: Seq) -> Result<(), Stop> {
    let newest: i64 = db
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM snapshot")?
        .query_row([], |row| row.get(0))?;
    let since = number(seq.0) - newest;
    if since < ENTRIES_BETWEEN {
        return Ok(());
    }
    let links: i64 = db.query_row("SELECT count(*) FROM link", [], |row| row.get(0))?;
    if since >= links { take(db, seq) } else { Ok(()) }
}

fn take(db: &Connection, seq: Seq) -> Result<(), Stop> {
    let seq = number(seq.0);
    db.execute("INSERT INTO snapshot (seq) VALUES (?1)", [seq])?;
    for (kind, key, table) in
        [("head", "0", "head"), ("link", "id", "link"), ("conflict", "seq", "conflict")]
    {
        db.execute(
            &format!(
                "INSERT INTO snapshot_row (seq, pair, kind, key, payload)
                 SELECT ?1, pair, '{kind}', {key}, payload FROM {table}"
            ),
            [seq],
        )?;
    }
    let old = "SELECT seq FROM snapshot ORDER BY seq DESC LIMIT -1 OFFSET ?1";
    db.execute(&format!("DELETE FROM snapshot_row WHERE seq IN ({old})"), [RETAINED])?;
    db.execute(&format!("DELETE FROM snapshot WHERE seq IN ({old})"), [RETAINED])?;
    Ok(())
}

/// The newest snapshot no later than `until`, and its position; the empty state if there is none.
fn restored(db: &Connection, pair: &PairId, until: Seq) -> Result<(State, Seq), Stop> {
    let mut state = State::new(pair.clone());
    let seq: i64 = db.query_row(
        "SELECT coalesce(max(seq), 0) FROM snapshot WHERE seq <= ?1",
        [number(until.0)],
        |row| row.get(0),
    )?;
    let sql = "SELECT payload FROM snapshot_row WHERE seq = ?1 AND pair = ?2 AND kind = ?3";
    let of = |kind: &'static str| (seq, pair.as_str(), kind);
    if let Some(head) = query::payloads::<Head>(db, sql, of("head"))?.pop() {
        state.head = head;
    }
    state.links = query::payloads(db, sql, of("link"))?
        .into_iter()
        .map(|link: Link| (link.id, link))
        .collect();
    state.conflicts = query::payloads(db, sql, of("conflict"))?
        .into_iter()
        .map(|conflict: Conflict| (conflict.seq, conflict))
        .collect();
    Ok((state, Seq(seq.cast_unsigned())))
}

/// Entries from one snapshot to the next at least.
const ENTRIES_BETWEEN: i64 = 5000;
/// Snapshots that are kept.
const RETAINED: i64 = 4;
/// Entries held in memory at a time.
const PAGE: usize = 200;
