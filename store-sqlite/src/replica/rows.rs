//! The SQL of the local replica.

use crate::file;
use items::event::Event;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::Path;
use sync_core::port::{Failure, FolderKind, Trouble};

/// Why work on the file stopped: SQLite, or an answer for whoever asked.
#[derive(Debug)]
pub(super) enum Stop {
    /// SQLite said no.
    Sql(rusqlite::Error),
    /// The request can't be met.
    Failure(Failure),
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Stop {
    /// Names it by what to do next. Whatever SQLite refuses was rolled back: nothing happened.
    pub fn into_failure(self, path: &Path) -> Failure {
        let error = match self {
            Self::Failure(failure) => return failure,
            Self::Sql(error) => file::Error::new(path, error),
        };
        let trouble = |code| Trouble::new(code, error.to_string());
        match &error {
            file::Error::Busy(_) => Failure::Transient(trouble("local-busy")),
            file::Error::Full(_) => Failure::Permanent(trouble("disk-full")),
            file::Error::Denied { .. } => Failure::Unauthorized(trouble("local-denied")),
            file::Error::Corrupt { .. } => Failure::Permanent(trouble("local-corrupt")),
            file::Error::Newer { .. } => Failure::Permanent(trouble("local-newer")),
            file::Error::Foreign { .. } => Failure::Permanent(trouble("local-foreign")),
            file::Error::Sqlite { .. } => Failure::Permanent(trouble("local-sqlite")),
        }
    }
}

/// A folder as it is kept.
pub(super) struct FolderRow {
    pub number: i64,
    pub name: String,
    pub kind: FolderKind,
    pub is_default: bool,
}

/// An item as it is kept.
pub(super) struct Row {
    pub number: i64,
    pub folder: i64,
    pub ics: String,
    pub version: i64,
    pub trashed: bool,
    pub changed_seq: i64,
    pub edited_ms: i64,
}

impl Row {
    const COLUMNS: &str = "item.id, item.folder, item.ics, item.version, item.trashed, item.changed_seq, item.edited_ms";

    fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            number: row.get(0)?,
            folder: row.get(1)?,
            ics: row.get(2)?,
            version: row.get(3)?,
            trashed: row.get(4)?,
            changed_seq: row.get(5)?,
            edited_ms: row.get(6)?,
        })
    }
}

/// Gives the mailbox its default calendar and returns the file's identity.
pub(super) fn prepare(db: &Connection, mailbox: &str) -> rusqlite::Result<String> {
    let identity = db.query_row("SELECT identity FROM file", [], |row| row.get(0))?;
    let known = "SELECT 1 FROM folder WHERE mailbox = ?1 AND is_default = 1";
    if db.prepare(known)?.exists([mailbox])? {
        return Ok(identity);
    }
    db.execute(
        "INSERT INTO folder (mailbox, name, kind, is_default)
         SELECT ?1, 'Calendar', 'calendar', 1
         WHERE NOT EXISTS (SELECT 1 FROM folder WHERE mailbox = ?1 AND is_default = 1)
         ON CONFLICT DO UPDATE SET is_default = 1",
        [mailbox],
    )?;
    Ok(identity)
}

pub(super) fn create_folder(
    db: &Connection,
    mailbox: &str,
    name: &str,
    kind: FolderKind,
) -> rusqlite::Result<i64> {
    db.execute(
        "INSERT INTO folder (mailbox, name, kind) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        params![mailbox, name, kind_text(kind)],
    )?;
    db.query_row(
        "SELECT id FROM folder WHERE mailbox = ?1 AND name = ?2 AND kind = ?3",
        params![mailbox, name, kind_text(kind)],
        |row| row.get(0),
    )
}

pub(super) fn folders(db: &Connection, mailbox: &str) -> rusqlite::Result<Vec<FolderRow>> {
    let sql = "SELECT id, name, kind, is_default FROM folder
               WHERE mailbox = ?1 AND trashed_name IS NULL ORDER BY id";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([mailbox], |row| {
        Ok(FolderRow {
            number: row.get(0)?,
            name: row.get(1)?,
            kind: kind(&row.get::<_, String>(2)?),
            is_default: row.get(3)?,
        })
    })?;
    rows.collect()
}

/// The mailboxes, by name.
pub(super) fn mailboxes(db: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare("SELECT DISTINCT mailbox FROM folder ORDER BY mailbox")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

pub(super) fn has_folder(db: &Connection, mailbox: &str, number: i64) -> rusqlite::Result<bool> {
    db.prepare_cached(
        "SELECT 1 FROM folder WHERE id = ?1 AND mailbox = ?2 AND trashed_name IS NULL",
    )?
    .exists(params![number, mailbox])
}

/// The last number that a change took.
pub(super) fn seq(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("SELECT seq FROM file", [], |row| row.get(0))
}

/// A change's place in the file, and in time.
#[derive(Clone, Copy)]
pub(super) struct Now {
    /// The number that it takes.
    pub seq: i64,
    /// Milliseconds since 1970 UTC, by SQLite's clock.
    pub ms: i64,
}

impl Now {
    /// Takes the next number.
    pub fn next(db: &Connection) -> rusqlite::Result<Self> {
        db.prepare_cached(
            "UPDATE file SET seq = seq + 1
             RETURNING seq, CAST(unixepoch('subsec') * 1000 AS INTEGER)",
        )?
        .query_row([], |row| Ok(Self { seq: row.get(0)?, ms: row.get(1)? }))
    }
}

/// The event in an item's text. What the text says nothing of is empty: this replica could hold it,
/// and a field that is absent here would never get what is written elsewhere.
pub(super) fn parse(ics: &str) -> Result<Event, Trouble> {
    let unreadable = || Trouble::new("local-unreadable", "the item's text holds no event");
    let event = items::ical::read(ics.as_bytes()).events.into_iter().next();
    event.map(Event::filled).ok_or_else(unreadable)
}

/// An item's text: the event, and what evensync doesn't model of the text that stood there.
pub(super) fn text(existing: Option<&str>, event: &Event, now: Now) -> String {
    items::ical::write_into(existing, event, now.ms / 1000)
}

pub(super) fn by_number(db: &Connection, number: i64) -> rusqlite::Result<Option<Row>> {
    let sql = format!("SELECT {} FROM item WHERE id = ?1", Row::COLUMNS);
    db.prepare_cached(&sql)?.query_row([number], Row::read).optional()
}

/// The item of this UID that stands in the folder.
pub(super) fn by_uid(db: &Connection, folder: i64, uid: &str) -> rusqlite::Result<Option<Row>> {
    let sql = format!(
        "SELECT {} FROM item WHERE folder = ?1 AND uid = ?2 AND trashed = 0 ORDER BY id LIMIT 1",
        Row::COLUMNS
    );
    db.prepare_cached(&sql)?.query_row(params![folder, uid], Row::read).optional()
}

/// The folder's item with this very stamp, in the trash or not.
pub(super) fn by_stamp(
    db: &Connection,
    folder: i64,
    state: &str,
    stamp: &str,
) -> rusqlite::Result<Option<Row>> {
    let sql = format!(
        "SELECT {} FROM item JOIN stamp ON stamp.item = item.id
         WHERE stamp.state = ?2 AND stamp.stamp = ?3 AND item.folder = ?1
         ORDER BY item.trashed, item.id LIMIT 1",
        Row::COLUMNS
    );
    db.prepare_cached(&sql)?.query_row(params![folder, state, stamp], Row::read).optional()
}

pub(super) fn listed(
    db: &Connection,
    folder: i64,
    after: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "SELECT {} FROM item WHERE folder = ?1 AND id > ?2 AND trashed = 0 ORDER BY id LIMIT ?3",
        Row::COLUMNS
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.prepare_cached(&sql)?.query_map(params![folder, after, limit], Row::read)?.collect()
}

/// What changed after `after`, in order; items that were trashed by `start` are left out: whoever
/// began to enumerate then never saw them.
pub(super) fn changed(
    db: &Connection,
    folder: i64,
    after: i64,
    start: i64,
    limit: usize,
) -> rusqlite::Result<Vec<Row>> {
    let sql = format!(
        "SELECT {} FROM item
         WHERE folder = ?1 AND changed_seq > ?2 AND NOT (trashed = 1 AND changed_seq <= ?3)
         ORDER BY changed_seq LIMIT ?4",
        Row::COLUMNS
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    db.prepare_cached(&sql)?.query_map(params![folder, after, start, limit], Row::read)?.collect()
}

pub(super) fn insert(
    db: &Connection,
    folder: i64,
    uid: Option<&str>,
    ics: &str,
    now: Now,
) -> rusqlite::Result<i64> {
    db.prepare_cached(
        "INSERT INTO item (folder, uid, ics, changed_seq, edited_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .insert(params![folder, uid, ics, now.seq, now.ms])
}

pub(super) fn replace(db: &Connection, row: &Row, ics: &str, now: Now) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE item SET ics = ?2, version = version + 1, changed_seq = ?3, edited_ms = ?4
         WHERE id = ?1",
    )?
    .execute(params![row.number, ics, now.seq, now.ms])?;
    Ok(())
}

pub(super) fn trash(db: &Connection, row: &Row) -> rusqlite::Result<()> {
    let now = Now::next(db)?;
    db.prepare_cached(
        "UPDATE item SET trashed = 1, version = version + 1, changed_seq = ?2, edited_ms = ?3
         WHERE id = ?1",
    )?
    .execute(params![row.number, now.seq, now.ms])?;
    Ok(())
}

pub(super) fn set_stamp(
    db: &Connection,
    state: &str,
    item: i64,
    stamp: &str,
) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO stamp (state, item, stamp) VALUES (?1, ?2, ?3)
         ON CONFLICT DO UPDATE SET stamp = excluded.stamp",
    )?
    .execute(params![state, item, stamp])?;
    Ok(())
}

pub(super) fn stamp(db: &Connection, state: &str, item: i64) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT stamp FROM stamp WHERE state = ?1 AND item = ?2")?
        .query_row(params![state, item], |row| row.get(0))
        .optional()
}

fn kind_text(kind: FolderKind) -> &'static str {
    match kind {
        FolderKind::Calendar => "calendar",
        FolderKind::Mail => "mail",
        FolderKind::Other => "other",
    }
}

fn kind(text: &str) -> FolderKind {
    match text {
        "calendar" => FolderKind::Calendar,
        "mail" => FolderKind::Mail,
        _ => FolderKind::Other,
    }
}
