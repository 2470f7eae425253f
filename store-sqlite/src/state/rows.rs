//! How things are kept in rows, and the journal read from them.

use super::Stop;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use sync_core::ids::{LinkId, PairId, RunId};
use sync_core::journal::{Entry, Record, Seq};

/// A number as SQLite can keep it; what is larger becomes the largest.
pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A link's id with its top bit flipped: SQLite's signed order is then the order of the ids.
pub(super) fn link_key(link: LinkId) -> i64 {
    (link.0 ^ TOP_BIT).cast_signed()
}

/// The link behind a key.
pub(super) fn link_id(key: i64) -> LinkId {
    LinkId(key.cast_unsigned() ^ TOP_BIT)
}

/// Records after `after` up to `until`, of one pair if asked, oldest first.
pub(super) fn journal(
    db: &Connection,
    pair: Option<&PairId>,
    after: Seq,
    until: Option<Seq>,
    limit: usize,
) -> Result<Vec<Record>, Stop> {
    let of_pair = if pair.is_some() { "pair = ?4 AND" } else { "?4 IS NULL AND" };
    let sql = format!(
        "SELECT {COLUMNS} FROM journal WHERE {of_pair} seq > ?1 AND seq <= ?2
         ORDER BY seq LIMIT ?3"
    );
    let until = until.map_or(i64::MAX, |seq| number(seq.0));
    let mut statement = db.prepare_cached(&sql)?;
    let values = params![number(after.0), until, number(limit as u64), pair.map(PairId::as_str)];
    let rows = statement.query_and_then(values, record)?;
    rows.collect()
}

/// All records that touch a link, oldest first.
pub(super) fn history(db: &Connection, link: LinkId) -> Result<Vec<Record>, Stop> {
    let sql = format!(
        "SELECT {COLUMNS} FROM touch JOIN journal USING (seq) WHERE link = ?1 ORDER BY seq"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_and_then([link_key(link)], record)?;
    rows.collect()
}

fn record(row: &rusqlite::Row<'_>) -> Result<Record, Stop> {
    let seq: i64 = row.get(0)?;
    let (kind, payload): (String, String) = (row.get(4)?, row.get(6)?);
    let version = u16::try_from(row.get::<_, i64>(5)?).unwrap_or(u16::MAX);
    Ok(Record {
        seq: Seq(seq.cast_unsigned()),
        at_ms: row.get(1)?,
        pair: PairId(row.get(2)?),
        run: RunId(row.get(3)?),
        entry: Entry::decode(&kind, version, &payload)?,
    })
}

/// What names a row, in words.
pub(super) fn key_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

const COLUMNS: &str = "seq, at_ms, pair, run, kind, version, payload";
const TOP_BIT: u64 = 1 << 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_ordered_as_ids() {
        let ids = [0, 1, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX].map(LinkId);
        assert!(ids.map(link_key).is_sorted());
        assert_eq!(ids.map(link_key).map(link_id), ids);
    }
}
