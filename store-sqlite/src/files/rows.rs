//! The SQL of the shelf.

use rusqlite::{Connection, OptionalExtension, params};
use sync_core::ids::Digest;

/// How large the parts are in which files are kept, in bytes.
pub(crate) const PART: usize = 256 * 1024;

/// A file on its way in, inside of one transaction.
pub(crate) struct Incoming<'a> {
    db: &'a Connection,
    file: i64,
    parts: i64,
    size: u64,
    left: Vec<u8>,
}

impl<'a> Incoming<'a> {
    /// Begins a file.
    pub fn begin(db: &'a Connection) -> rusqlite::Result<Self> {
        let file = db.prepare_cached("INSERT INTO shelf_file DEFAULT VALUES")?.insert([])?;
        Ok(Self { db, file, parts: 0, size: 0, left: Vec::with_capacity(PART) })
    }

    /// Takes the next bytes.
    pub fn write(&mut self, mut bytes: &[u8]) -> rusqlite::Result<()> {
        self.size += bytes.len() as u64;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART - self.left.len()));
            self.left.extend_from_slice(now);
            bytes = later;
            if self.left.len() == PART {
                self.part()?;
            }
        }
        Ok(())
    }

    /// Keeps it under `digest`, unless one is kept there. Returns its size.
    pub fn finish(mut self, digest: &Digest) -> rusqlite::Result<u64> {
        if find(self.db, digest)?.is_some() {
            let size = self.size;
            self.forget()?;
            return Ok(size);
        }
        if !self.left.is_empty() {
            self.part()?;
        }
        self.db
            .prepare_cached("UPDATE shelf_file SET digest = ?2, size = ?3 WHERE id = ?1")?
            .execute(params![self.file, digest.as_bytes(), self.size.cast_signed()])?;
        Ok(self.size)
    }

    /// Keeps nothing of it.
    pub fn forget(self) -> rusqlite::Result<()> {
        self.db.execute("DELETE FROM shelf_part WHERE file = ?1", [self.file])?;
        self.db.execute("DELETE FROM shelf_file WHERE id = ?1", [self.file])?;
        Ok(())
    }

    fn part(&mut self) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("INSERT INTO shelf_part (file, number, bytes) VALUES (?1, ?2, ?3)")?
            .execute(params![self.file, self.parts, self.left])?;
        self.parts += 1;
        self.left.clear();
        Ok(())
    }
}

/// The number and size of a file that is kept.
pub(crate) fn find(db: &Connection, digest: &Digest) -> rusqlite::Result<Option<(i64, u64)>> {
    db.prepare_cached("SELECT id, size FROM shelf_file WHERE digest = ?1")?
        .query_row([&digest.as_bytes()[..]], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .optional()
}

/// At most `most` bytes of a file from `from` on.
pub(crate) fn read(
    db: &Connection,
    digest: &Digest,
    from: u64,
    most: usize,
) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some((file, size)) = find(db, digest)? else { return Ok(bytes) };
    let part = PART as u64;
    let mut sql =
        db.prepare_cached("SELECT bytes FROM shelf_part WHERE file = ?1 AND number = ?2")?;
    while bytes.len() < most {
        let at = from.saturating_add(bytes.len() as u64);
        if at >= size {
            break;
        }
        let number = (at / part).cast_signed();
        let begin = usize::try_from(at % part).unwrap_or(usize::MAX);
        let more = sql.query_row(params![file, number], |row| {
            let whole = row.get_ref(0)?.as_blob()?;
            let rest = whole.get(begin..).unwrap_or_default();
            bytes.extend_from_slice(&rest[..rest.len().min(most - bytes.len())]);
            Ok(!rest.is_empty())
        })?;
        if !more {
            break;
        }
    }
    Ok(bytes)
}

/// Remembers which file an origin is.
pub(crate) fn remember(db: &Connection, origin: &Digest, digest: &Digest) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO shelf_origin (origin, digest) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET digest = excluded.digest",
    )?
    .execute(params![origin.as_bytes(), digest.as_bytes()])?;
    Ok(())
}

/// The file that an origin is, if it is kept, and its size.
pub(crate) fn known(db: &Connection, origin: &Digest) -> rusqlite::Result<Option<(Digest, u64)>> {
    let sql = "SELECT shelf_file.digest, shelf_file.size FROM shelf_origin
               JOIN shelf_file ON shelf_file.digest = shelf_origin.digest WHERE origin = ?1";
    db.prepare_cached(sql)?
        .query_row([&origin.as_bytes()[..]], |row| {
            Ok((Digest::from_bytes(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned()))
        })
        .optional()
}
