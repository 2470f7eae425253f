//! The state file: the journal, what follows from it, content by digest, and the lock.
//!
//! All that the engine knows is the fold of the journal. The projections (links, legs, conflicts …)
//! are that fold, kept row by row so that a run loads only what it touches; they change in the same
//! transaction as the journal and can be made anew from it at any time.

mod lock;
mod project;
mod query;
mod rows;
mod snapshot;
mod verify;

use crate::file::{self, Format};
use crate::files::{SCHEMA, SqliteFiles};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use std::path::{Path, PathBuf};
use sync_core::ids::{Digest, LinkId, PairId};
use sync_core::journal::{DecodeError, Entry, Record, Seq};
use sync_core::port::{Commit, Error, Loaded, Query, Store};

pub use lock::{Generation, Holder};
pub use verify::{Difference, How};

/// A state file.
pub struct SqliteStore {
    path: PathBuf,
    state_id: String,
    digest_key: [u8; 32],
    lease: Option<Lease>,
    db: Connection,
}

/// The lock, as long as this store holds it.
#[derive(Clone, Copy)]
struct Lease {
    generation: Generation,
    ms: i64,
}

impl SqliteStore {
    /// Opens the state file, or creates it with an id and a digest key of its own: `seed` is asked
    /// for both, and must give other random bytes each time. A file that is damaged, foreign or
    /// newer is refused as it is.
    pub fn create_or_open(path: &Path, seed: &dyn Fn() -> [u8; 32]) -> Result<Self, Error> {
        let mut db = file::open(path, &FORMAT)?;
        let (state_id, digest_key) = identity(&mut db, seed).map_err(|e| sorted(path, e))?;
        let store = Self { path: path.to_owned(), state_id, digest_key, lease: None, db };
        store.refuse_unknown_entries()?;
        Ok(store)
    }

    /// The file's id: stamps of other state files don't count here.
    pub fn state_id(&self) -> &str {
        &self.state_id
    }

    /// The key of all digests in this file. Leaves it for no bundle and no log.
    pub fn digest_key(&self) -> [u8; 32] {
        self.digest_key
    }

    /// The files that are kept here, to use beside this store. They take no lock: a file is the
    /// same whoever keeps it.
    pub fn files(&self) -> Result<SqliteFiles, Error> {
        Ok(SqliteFiles::over(&self.path, file::open(&self.path, &FORMAT)?))
    }

    /// Takes the lock, without which nothing can be committed, until `now_ms + lease_ms`. Every
    /// commit extends it. A holder that is certainly dead, or whose lease has run out, loses it;
    /// any other is named in [`Error::Locked`].
    pub fn acquire(
        &mut self,
        now_ms: i64,
        holder: &Holder,
        lease_ms: i64,
    ) -> Result<Generation, Error> {
        let taken = lock::acquire(&mut self.db, now_ms, holder, lease_ms);
        match taken.map_err(|e| sorted(&self.path, e))? {
            Ok(generation) => {
                self.lease = Some(Lease { generation, ms: lease_ms });
                Ok(generation)
            }
            Err(row) => Err(self.locked(&row)),
        }
    }

    /// Keeps the lock until `now_ms` plus the lease, or says that another run took it over.
    pub fn renew(&self, now_ms: i64) -> Result<(), Error> {
        self.fence(&self.db, now_ms).map_err(|stop| stop.into_error(&self.path))
    }

    /// Gives the lock back.
    pub fn release(&mut self) -> Result<(), Error> {
        let Some(lease) = self.lease.take() else { return Ok(()) };
        lock::release(&self.db, lease.generation).map_err(|e| sorted(&self.path, e))
    }

    /// Makes sure that the lock is still ours, and extends it.
    fn fence(&self, db: &Connection, now_ms: i64) -> Result<(), Stop> {
        let lease = self.lease.ok_or_else(|| {
            let text = format!("{} can't be written to without its lock", self.path.display());
            Stop::Answer(Error::Locked(text))
        })?;
        if lock::renew(db, lease.generation, now_ms.saturating_add(lease.ms))? {
            return Ok(());
        }
        let text = match lock::held(db)? {
            Some(row) => format!("its lock was taken over by {}", row.who()),
            None => "its lock was taken over and given back".to_owned(),
        };
        let text = format!("{}: {text}; this run stops", self.path.display());
        Err(Stop::Answer(Error::Locked(text)))
    }

    fn locked(&self, row: &lock::Row) -> Error {
        let time = |ms: i64| -> rusqlite::Result<String> {
            let sql = "SELECT strftime('%Y-%m-%d %H:%M:%SZ', ?1, 'unixepoch')";
            self.db.query_row(sql, [ms / 1000], |row| row.get(0))
        };
        match (time(row.since_ms), time(row.expires_ms)) {
            (Ok(since), Ok(until)) => Error::Locked(format!(
                "{} is in use by {} since {since}; try again when that run is done (if it died \
                 elsewhere, its lock ends at {until})",
                self.path.display(),
                row.who(),
            )),
            (Err(error), _) | (_, Err(error)) => sorted(&self.path, error),
        }
    }

    /// An entry of a version that this build doesn't know could mean anything: it refuses to start.
    fn refuse_unknown_entries(&self) -> Result<(), Error> {
        let mut statement = self
            .db
            .prepare("SELECT kind, max(version) FROM journal GROUP BY kind")
            .map_err(|e| sorted(&self.path, e))?;
        let kinds = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u16>(1)?)))
            .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
            .map_err(|e| sorted(&self.path, e))?;
        for (kind, version) in kinds {
            // Without a payload every known version is malformed; only newer ones matter here.
            if let Err(error @ DecodeError::Newer { .. }) = Entry::decode(&kind, version, "") {
                return Err(Stop::from(error).into_error(&self.path));
            }
        }
        Ok(())
    }

    fn answer<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Stop>) -> Result<T, Error> {
        // One transaction, so that what is read belongs together.
        let done = self.db.unchecked_transaction().map_err(Stop::from).and_then(|tx| work(&tx));
        done.map_err(|stop| stop.into_error(&self.path))
    }

    /// Runs `work` under the lock, all or nothing.
    fn change<T>(
        &self,
        now_ms: i64,
        work: impl FnOnce(&Connection) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let tx = rusqlite::Transaction::new_unchecked(&self.db, TransactionBehavior::Immediate)?;
        self.fence(&tx, now_ms)?;
        let done = work(&tx)?;
        tx.commit()?;
        Ok(done)
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, commit: &Commit) -> Result<Seq, Error> {
        let done = self.change(commit.at_ms, |db| {
            let records = append(db, commit)?;
            keep(db, commit)?;
            project::fold(db, &commit.pair, &records)?;
            let seq = last(db)?;
            snapshot::take_if_due(db, seq)?;
            Ok(seq)
        });
        done.map_err(|stop| stop.into_error(&self.path))
    }

    fn load(&self, query: &Query) -> Result<Loaded, Error> {
        self.answer(|db| query::load(db, query))
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.answer(|db| {
            let found: Option<Vec<u8>> = db
                .prepare_cached("SELECT zstd FROM blob WHERE digest = ?1")?
                .query_row([&digest.as_bytes()[..]], |row| row.get(0))
                .optional()?;
            let Some(packed) = found else { return Ok(None) };
            zstd::decode_all(&packed[..]).map(Some).map_err(|error| {
                Stop::corrupt(format!("the content {digest} can't be unpacked: {error}"))
            })
        })
    }

    fn journal(
        &self,
        pair: Option<&PairId>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.answer(|db| rows::journal(db, pair, after, None, limit))
    }

    fn history(&self, link: LinkId) -> Result<Vec<Record>, Error> {
        self.answer(|db| rows::history(db, link))
    }
}

impl Drop for SqliteStore {
    /// A run that ends gives its lock back; where that fails, its lease runs out.
    fn drop(&mut self) {
        let _ = self.release();
    }
}

/// Why work on the file stopped: SQLite, or an answer for whoever asked.
#[derive(Debug)]
enum Stop {
    Sql(rusqlite::Error),
    Misfit(sync_core::state::Error),
    Answer(Error),
}

impl Stop {
    fn corrupt(what: String) -> Self {
        Self::Answer(Error::Corrupt(what))
    }

    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Sql(error) => sorted(path, error),
            Self::Misfit(error) => Error::Corrupt(format!(
                "{path}: {error}; nothing was written: `evensync state verify` tells whether the \
                 file is to blame",
                path = path.display()
            )),
            Self::Answer(Error::Corrupt(what)) => Error::Corrupt(format!(
                "{path} is damaged: {what}; nothing was changed: restore it from a backup, or move \
                 it away and the next run matches both sides anew",
                path = path.display()
            )),
            Self::Answer(Error::Newer(what)) => Error::Newer(format!(
                "{path} was written by a newer version: {what}; nothing was changed: use the newer \
                 version, or a copy of the file from before",
                path = path.display()
            )),
            Self::Answer(error @ (Error::Locked(_) | Error::Unavailable(_))) => error,
        }
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        match &error {
            DecodeError::Newer { .. } => Self::Answer(Error::Newer(error.to_string())),
            DecodeError::Malformed { .. } => Self::corrupt(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for Stop {
    /// A projection that can't be read.
    fn from(error: serde_json::Error) -> Self {
        Self::corrupt(format!("a projection can't be read: {error}"))
    }
}

impl From<sync_core::state::Error> for Stop {
    fn from(error: sync_core::state::Error) -> Self {
        Self::Misfit(error)
    }
}

impl From<file::Error> for Error {
    fn from(error: file::Error) -> Self {
        let text = error.to_string();
        match error {
            file::Error::Busy(_) => Self::Locked(text),
            file::Error::Corrupt { .. } | file::Error::Foreign { .. } => Self::Corrupt(text),
            file::Error::Newer { .. } => Self::Newer(text),
            file::Error::Full(_) | file::Error::Denied { .. } | file::Error::Sqlite { .. } => {
                Self::Unavailable(text)
            }
        }
    }
}

fn sorted(path: &Path, error: rusqlite::Error) -> Error {
    file::Error::new(path, error).into()
}

/// The file's id and digest key; made once, when the file is.
fn identity(
    db: &mut Connection,
    seed: &dyn Fn() -> [u8; 32],
) -> rusqlite::Result<(String, [u8; 32])> {
    let known = |db: &Connection| {
        let read = "SELECT state_id, digest_key FROM meta";
        db.query_row(read, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()
    };
    // Without a transaction first: looking at a file must not wait for the run that writes to it.
    if let Some(known) = known(db)? {
        return Ok(known);
    }
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if let Some(known) = known(&tx)? {
        return Ok(known);
    }
    let key = seed();
    let id: String = seed()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    tx.execute(
        "INSERT INTO meta (one, state_id, digest_key) VALUES (1, ?1, ?2)",
        params![id, key],
    )?;
    tx.commit()?;
    Ok((id, key))
}

/// Writes the entries to the journal.
fn append(db: &Connection, commit: &Commit) -> Result<Vec<Record>, Stop> {
    let mut statement = db.prepare_cached(
        "INSERT INTO journal (at_ms, pair, run, kind, version, payload)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let Commit { pair, run, at_ms, entries, blobs: _ } = commit;
    let mut records = Vec::with_capacity(entries.len());
    for entry in entries {
        let row = statement.insert(params![
            at_ms,
            pair.as_str(),
            run.as_str(),
            entry.kind(),
            entry.version(),
            entry.encode(),
        ])?;
        records.push(Record {
            seq: Seq(row.cast_unsigned()),
            at_ms: *at_ms,
            pair: pair.clone(),
            run: run.clone(),
            entry: entry.clone(),
        });
    }
    Ok(records)
}

/// Keeps the content, unless it is known.
fn keep(db: &Connection, commit: &Commit) -> Result<(), Stop> {
    let mut known = db.prepare_cached("SELECT 1 FROM blob WHERE digest = ?1")?;
    let mut insert =
        db.prepare_cached("INSERT INTO blob (digest, size, zstd) VALUES (?1, ?2, ?3)")?;
    for blob in &commit.blobs {
        let digest = &blob.digest.as_bytes()[..];
        if known.exists([digest])? {
            continue;
        }
        let packed = zstd::encode_all(&blob.bytes[..], zstd::DEFAULT_COMPRESSION_LEVEL)
            .map_err(|e| Stop::Answer(Error::Unavailable(format!("can't compress: {e}"))))?;
        insert.execute(params![digest, rows::number(blob.bytes.len() as u64), packed])?;
    }
    Ok(())
}

/// The position of the last entry.
fn last(db: &Connection) -> rusqlite::Result<Seq> {
    db.prepare_cached("SELECT coalesce(max(seq), 0) FROM journal")?
        .query_row([], |row| row.get::<_, i64>(0))
        .map(|seq| Seq(seq.cast_unsigned()))
}

const FORMAT: Format = Format {
    name: "a state file of evensync",
    application_id: 0x6576_7374,
    steps: &[
        concat!(include_str!("state/schema.sql"), include_str!("state/projections.sql")),
        SCHEMA,
    ],
};

#[cfg(test)]
mod tests {
    use super::*;
    use sync_core::port::Blob;

    fn commit(exits: std::ops::Range<u8>) -> Commit {
        Commit {
            pair: "pair".into(),
            run: "run".into(),
            at_ms: 1,
            entries: exits.map(|exit| Entry::Closed { exit }).collect(),
            blobs: Vec::new(),
        }
    }

    #[test]
    fn a_full_disk_changes_nothing() {
        let folder = tempfile::tempdir().expect("the system has room for temporary files");
        let path = folder.path().join("state.db");
        let mut store = SqliteStore::create_or_open(&path, &|| [7; 32]).expect("a new file");
        store.acquire(0, &Holder::this_process(), 60_000).expect("nobody holds it");
        store.commit(&commit(0..1)).expect("fits");
        let pages: i64 =
            store.db.pragma_query_value(None, "page_count", |row| row.get(0)).expect("readable");
        store.db.pragma_update(None, "max_page_count", pages + 2).expect("more than there are");
        let mut large = commit(0..200);
        large.blobs = vec![Blob { digest: Digest::from_number(1), bytes: vec![7; 10] }];
        let error = store.commit(&large).expect_err("there is no room");
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("no room"), "{error}");
        assert_eq!(store.journal(None, Seq(0), 9).expect("readable").len(), 1);
        assert_eq!(store.blob(&Digest::from_number(1)).expect("readable"), None);
        assert_eq!(store.commit(&commit(1..2)).expect("there is room for one"), Seq(2));
    }
}
