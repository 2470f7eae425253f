//! Holds the projections against the journal, and makes them anew from it.

use super::rows::{self, link_id};
use super::{SqliteStore, Stop, project, sorted};
use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::fmt;
use sync_core::journal::Seq;
use sync_core::port::Error;

/// A row of a projection that isn't what the journal says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The projection: `head`, `link`, `leg`, `identity`, `conflict` or `touch`.
    pub projection: &'static str,
    /// The row: a pair, a link id, the position of a conflict; with what follows in its key.
    pub row: String,
    /// How it differs.
    pub how: How,
}

/// How a row differs from what the journal says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// The journal has it, the projection doesn't.
    Missing,
    /// The projection has it, the journal doesn't.
    Extra,
    /// Both have it, with other content.
    Different,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Missing => "is missing",
            How::Extra => "should not be there",
            How::Different => "is not what the journal says",
        };
        write!(f, "{} {} {how}", self.projection, self.row)
    }
}

impl SqliteStore {
    /// Folds the whole journal into fresh projections beside the stored ones and lists where the two
    /// differ, at most 1000 rows of each projection. Changes nothing and needs no lock.
    pub fn verify(&self) -> Result<Vec<Difference>, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db =
            Connection::open_with_flags(&self.path, flags).map_err(|e| sorted(&self.path, e))?;
        compared(&db).map_err(|stop| stop.into_error(&self.path))
    }

    /// Drops the projections and folds the journal anew. `now_ms` extends the lock, as a commit does.
    pub fn rebuild(&mut self, now_ms: i64) -> Result<(), Error> {
        let done = self.change(now_ms, |db| {
            project::clear(db)?;
            fold_all(db)
        });
        done.map_err(|stop| stop.into_error(&self.path))
    }
}

/// Tables of the temporary schema hide the stored ones of the same name, so that the fold runs as it
/// always does and writes beside them.
fn compared(db: &Connection) -> Result<Vec<Difference>, Stop> {
    let health: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if health != "ok" {
        return Err(Stop::corrupt(health));
    }
    db.execute_batch("PRAGMA temp_store = FILE; BEGIN")?;
    let schema = include_str!("projections.sql")
        .replace("CREATE TABLE ", "CREATE TABLE temp.")
        .replace("CREATE INDEX ", "CREATE INDEX temp.");
    db.execute_batch(&schema)?;
    fold_all(db)?;
    let mut found = Vec::new();
    for projection in PROJECTIONS {
        found.extend(differences(db, projection)?);
    }
    db.execute_batch("ROLLBACK")?;
    Ok(found)
}

fn fold_all(db: &Connection) -> Result<(), Stop> {
    let mut after = Seq(0);
    loop {
        let records = rows::journal(db, None, after, None, PAGE)?;
        let Some(last) = records.last() else { return Ok(()) };
        after = last.seq;
        for of_pair in records.chunk_by(|one, next| one.pair == next.pair) {
            project::fold(db, &of_pair[0].pair, of_pair)?;
        }
    }
}

fn differences(db: &Connection, projection: &Projection) -> Result<Vec<Difference>, Stop> {
    let Projection { table, first, second } = projection;
    let key = second.map_or(format!("{first}, NULL"), |second| format!("{first}, {second}"));
    let side = |one: &str, other: &str| {
        format!(
            "SELECT {key} FROM (SELECT * FROM {one}.{table} EXCEPT SELECT * FROM {other}.{table}) LIMIT 1000"
        )
    };
    let keys = |sql: &str| -> Result<Vec<String>, Stop> {
        let mut statement = db.prepare(sql)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let text = |(first, second): (Value, Value)| projection.row(&first, &second);
        Ok(rows.map(|row| row.map(text)).collect::<rusqlite::Result<_>>()?)
    };
    let mut found = BTreeMap::new();
    for row in keys(&side("main", "temp"))? {
        found.insert(row, How::Extra);
    }
    for row in keys(&side("temp", "main"))? {
        found.entry(row).and_modify(|how| *how = How::Different).or_insert(How::Missing);
    }
    let named = |(row, how)| Difference { projection: table, row, how };
    Ok(found.into_iter().map(named).collect())
}

/// A projection's table and what names its rows.
struct Projection {
    table: &'static str,
    first: &'static str,
    second: Option<&'static str>,
}

impl Projection {
    fn row(&self, first: &Value, second: &Value) -> String {
        let is_link = matches!(self.first, "id" | "link");
        let first = match first {
            Value::Integer(key) if is_link => link_id(*key).to_string(),
            Value::Null | Value::Integer(_) | Value::Real(_) | Value::Text(_) | Value::Blob(_) => {
                rows::key_text(first)
            }
        };
        match self.second {
            Some(_) => format!("{first} {}", rows::key_text(second)),
            None => first,
        }
    }
}

const PROJECTIONS: &[Projection] = &[
    Projection { table: "head", first: "pair", second: None },
    Projection { table: "link", first: "id", second: None },
    Projection { table: "leg", first: "link", second: Some("replica") },
    Projection { table: "identity", first: "link", second: Some("key") },
    Projection { table: "conflict", first: "seq", second: None },
    Projection { table: "touch", first: "link", second: Some("seq") },
];

/// Entries held in memory at a time.
const PAGE: usize = 200;
