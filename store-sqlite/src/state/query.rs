//! Answers questions from the projections.

use super::Stop;
use super::rows::{link_key, number};
use rusqlite::{Connection, OptionalExtension, Params, params};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{CollectionId, LinkId, PairId, RemoteId, ReplicaId};
use sync_core::journal::Seq;
use sync_core::port::{Counts, Loaded, Query};
use sync_core::state::{Conflict, Head, Link};
use sync_core::value::IdentityKey;

/// Answers `query`.
pub(super) fn load(db: &Connection, query: &Query) -> Result<Loaded, Stop> {
    Ok(match query {
        Query::Head(pair) => Loaded::Head(Box::new(head(db, pair)?)),
        Query::Legs { pair, collection, replica, ids } => {
            Loaded::Links(by_legs(db, pair, collection, *replica, ids)?)
        }
        Query::Links(ids) => Loaded::Links(links(db, ids.iter().map(|id| link_key(*id)))?),
        Query::Attention { pair, after, limit } => {
            Loaded::Links(paged(db, pair, "attention = 1", *after, *limit)?)
        }
        Query::Open(pair) => Loaded::Links(paged(db, pair, "open = 1", None, usize::MAX)?),
        Query::Identity { pair, collection, keys } => {
            Loaded::Links(by_identity(db, pair, collection, keys)?)
        }
        Query::Unseen { pair, collection, replica, epoch, after, limit } => {
            let sql = "SELECT link.payload FROM leg JOIN link ON link.id = leg.link
                 WHERE leg.pair = ?1 AND leg.collection = ?2 AND leg.replica = ?3
                 AND leg.present = 1 AND leg.link >= ?4 AND leg.epoch < ?5
                 ORDER BY leg.link LIMIT ?6";
            let Some(from) = following(*after) else { return Ok(Loaded::Links(Vec::new())) };
            let (pair, collection) = (pair.as_str(), collection.as_str());
            let limit = number(*limit as u64);
            let values = params![pair, collection, replica.0, from, number(*epoch), limit];
            Loaded::Links(payloads(db, sql, values)?)
        }
        Query::All { pair, after, limit } => Loaded::Links(paged(db, pair, "1", *after, *limit)?),
        Query::Held(pair) => Loaded::Links(paged(db, pair, "held = 1", None, usize::MAX)?),
        Query::Conflicts(pair) => Loaded::Conflicts(conflicts(db, pair.as_ref())?),
        Query::Counts(pair) => Loaded::Counts(counts(db, pair)?),
    })
}

/// What is known of a pair as a whole.
pub(super) fn head(db: &Connection, pair: &PairId) -> Result<Head, Stop> {
    let found = payloads(db, "SELECT payload FROM head WHERE pair = ?1", [pair.as_str()])?;
    Ok(found.into_iter().next().unwrap_or_else(|| Head::new(pair.clone())))
}

/// The conflict that the entry at `seq` recorded.
pub(super) fn conflict(db: &Connection, seq: Seq) -> Result<Option<Conflict>, Stop> {
    let found = payloads(db, "SELECT payload FROM conflict WHERE seq = ?1", [number(seq.0)])?;
    Ok(found.into_iter().next())
}

/// A key as it is kept: its kind and digest.
pub(super) fn identity_text(key: &IdentityKey) -> String {
    match key {
        IdentityKey::Strong(digest) => format!("strong {digest}"),
        IdentityKey::Likeness(digest) => format!("likeness {digest}"),
    }
}

/// Everything that a statement's first column holds.
pub(super) fn payloads<T: DeserializeOwned>(
    db: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<T>, Stop> {
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_and_then(values, |row| {
        let text: String = row.get(0)?;
        Ok(serde_json::from_str(&text)?)
    })?;
    rows.collect()
}

/// The first key after `after`; `None` if there can be none.
fn following(after: Option<LinkId>) -> Option<i64> {
    after.map_or(Some(i64::MIN), |id| link_key(id).checked_add(1))
}

fn paged(
    db: &Connection,
    pair: &PairId,
    which: &str,
    after: Option<LinkId>,
    limit: usize,
) -> Result<Vec<Link>, Stop> {
    let Some(from) = following(after) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT payload FROM link WHERE pair = ?1 AND id >= ?2 AND {which} ORDER BY id LIMIT ?3"
    );
    payloads(db, &sql, params![pair.as_str(), from, number(limit as u64)])
}

/// Each of these links, once.
fn links(db: &Connection, keys: impl IntoIterator<Item = i64>) -> Result<Vec<Link>, Stop> {
    let mut found = Vec::new();
    for key in keys.into_iter().collect::<BTreeSet<_>>() {
        found.extend(payloads::<Link>(db, "SELECT payload FROM link WHERE id = ?1", [key])?);
    }
    Ok(found)
}

fn by_legs(
    db: &Connection,
    pair: &PairId,
    collection: &CollectionId,
    replica: ReplicaId,
    ids: &[RemoteId],
) -> Result<Vec<Link>, Stop> {
    let mut statement = db.prepare_cached(
        "SELECT link FROM leg
         WHERE pair = ?1 AND collection = ?2 AND replica = ?3 AND remote_id = ?4",
    )?;
    let mut keys = Vec::new();
    for id in ids {
        let id = id.as_str().as_bytes();
        let values = params![pair.as_str(), collection.as_str(), replica.0, id];
        for key in statement.query_map(values, |row| row.get(0))? {
            keys.push(key?);
        }
    }
    links(db, keys)
}

fn by_identity(
    db: &Connection,
    pair: &PairId,
    collection: &CollectionId,
    wanted: &[IdentityKey],
) -> Result<Vec<Link>, Stop> {
    let mut statement = db.prepare_cached(
        "SELECT link FROM identity WHERE pair = ?1 AND collection = ?2 AND key = ?3",
    )?;
    let mut keys = Vec::new();
    for key in wanted {
        let values = params![pair.as_str(), collection.as_str(), identity_text(key)];
        for key in statement.query_map(values, |row| row.get(0))? {
            keys.push(key?);
        }
    }
    links(db, keys)
}

fn conflicts(db: &Connection, pair: Option<&PairId>) -> Result<Vec<Conflict>, Stop> {
    match pair {
        Some(pair) => {
            let sql = "SELECT payload FROM conflict WHERE pair = ?1 ORDER BY seq";
            payloads(db, sql, [pair.as_str()])
        }
        None => payloads(db, "SELECT payload FROM conflict ORDER BY seq", []),
    }
}

fn counts(db: &Connection, pair: &PairId) -> Result<Counts, Stop> {
    let counted = db
        .prepare_cached(
            "SELECT count(*), coalesce(sum(met), 0) FROM link WHERE pair = ?1 AND buried = 0",
        )?
        .query_row([pair.as_str()], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .optional()?;
    let (links, met) = counted.unwrap_or_default();
    let mut statement = db.prepare_cached(
        "SELECT leg.replica, count(*) FROM link JOIN leg ON leg.link = link.id
         WHERE link.pair = ?1 AND link.buried = 0 AND link.met = 1 AND leg.present = 1
         GROUP BY leg.replica",
    )?;
    let rows = statement.query_map([pair.as_str()], |row| {
        Ok((ReplicaId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    let present = rows.collect::<rusqlite::Result<BTreeMap<_, _>>>()?;
    Ok(Counts { links, met, present })
}
