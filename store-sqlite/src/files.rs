//! The shelf: files in an SQLite file, in parts, by their digests.

pub(crate) mod rows;

use crate::file;
use rows::{Incoming, PART};
use rusqlite::{Connection, TransactionBehavior};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_core::ids::Digest;
use sync_core::port::{Error, Files, Intake};

/// The tables of a shelf.
pub(crate) const SCHEMA: &str = include_str!("files/schema.sql");

/// The files of a state file, over a connection of their own: runs beside its store. What is kept
/// stays.
#[derive(Clone)]
pub struct SqliteFiles {
    shelf: Arc<Shelf>,
}

struct Shelf {
    path: PathBuf,
    db: Mutex<Connection>,
}

impl SqliteFiles {
    /// Opens the shelf of a file that exists.
    pub(crate) fn over(path: &Path, db: Connection) -> Self {
        Self { shelf: Arc::new(Shelf { path: path.to_owned(), db: Mutex::new(db) }) }
    }
}

impl Shelf {
    fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        work(&self.lock()).map_err(|error| self.sorted(error))
    }

    fn sorted(&self, error: rusqlite::Error) -> Error {
        file::Error::new(&self.path, error).into()
    }

    fn unwritable(&self, error: &io::Error) -> Error {
        let path = self.path.clone();
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        let error = if full.contains(&error.kind()) {
            file::Error::Full(path)
        } else {
            file::Error::Denied { path, detail: error.to_string() }
        };
        error.into()
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files for SqliteFiles {
    fn begin(&self) -> Result<Box<dyn Intake>, Error> {
        let folder = match self.shelf.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        let held = tempfile::tempfile_in(folder).map_err(|e| self.shelf.unwritable(&e))?;
        Ok(Box::new(SqliteIntake { shelf: Arc::clone(&self.shelf), held }))
    }

    fn size(&self, digest: &Digest) -> Result<Option<u64>, Error> {
        self.shelf.with(|db| Ok(rows::find(db, digest)?.map(|(_, size)| size)))
    }

    fn read(&self, digest: &Digest, from: u64, most: usize) -> Result<Vec<u8>, Error> {
        self.shelf.with(|db| rows::read(db, digest, from, most))
    }

    fn remember(&self, origin: &Digest, digest: &Digest) -> Result<(), Error> {
        self.shelf.with(|db| rows::remember(db, origin, digest))
    }

    fn known(&self, origin: &Digest) -> Result<Option<(Digest, u64)>, Error> {
        self.shelf.with(|db| rows::known(db, origin))
    }
}

/// A file on its way in. It waits beside the database, in a file without a name that goes with the
/// process: a database has one writer at a time, and servers are slow.
struct SqliteIntake {
    shelf: Arc<Shelf>,
    held: File,
}

impl Intake for SqliteIntake {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.held.write_all(bytes).map_err(|e| self.shelf.unwritable(&e))
    }

    fn finish(mut self: Box<Self>, digest: &Digest) -> Result<(), Error> {
        self.held.rewind().map_err(|e| self.shelf.unwritable(&e))?;
        let mut db = self.shelf.lock();
        let sorted = |error| self.shelf.sorted(error);
        let behavior = TransactionBehavior::Immediate;
        let tx = db.transaction_with_behavior(behavior).map_err(sorted)?;
        let mut file = Incoming::begin(&tx).map_err(sorted)?;
        let mut bytes = vec![0; PART];
        loop {
            let count = self.held.read(&mut bytes).map_err(|e| self.shelf.unwritable(&e))?;
            if count == 0 {
                break;
            }
            file.write(&bytes[..count]).map_err(sorted)?;
        }
        file.finish(digest).map_err(sorted)?;
        tx.commit().map_err(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::SqliteStore;

    #[test]
    fn a_full_disk_keeps_no_half_of_a_file() {
        let folder = tempfile::tempdir().expect("the system has room for temporary files");
        let path = folder.path().join("state.db");
        let store = SqliteStore::create_or_open(&path, &|| [7; 32]).expect("a new file");
        let files = store.files().expect("a sound file");
        let pages = |files: &SqliteFiles| -> i64 {
            files.shelf.lock().pragma_query_value(None, "page_count", |row| row.get(0)).expect("on")
        };
        let most = pages(&files) + 100;
        files.shelf.lock().pragma_update(None, "max_page_count", most).expect("more");
        let keep = |number, size| {
            let mut file = files.begin()?;
            file.write(&vec![7; size])?;
            file.finish(&Digest::from_number(number))
        };
        let error = keep(1, 1_000_000).expect_err("there is no room");
        assert!(matches!(error, Error::Unavailable(_)), "{error}");
        assert!(error.to_string().contains("no room left on the disk"), "{error}");
        assert_eq!(files.size(&Digest::from_number(1)).expect("readable"), None);
        let parts = |table: &str| -> i64 {
            let sql = format!("SELECT count(*) FROM {table}");
            files.shelf.lock().query_row(&sql, [], |row| row.get(0)).expect("readable")
        };
        assert_eq!((parts("shelf_file"), parts("shelf_part")), (0, 0));
        keep(1, 100_000).expect("there is room for less");
        assert_eq!(files.size(&Digest::from_number(1)).expect("readable"), Some(100_000));
    }
}
