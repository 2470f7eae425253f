//! Opens the SQLite files: pragmas, schema version, and errors that say what to do.

use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::path::{Path, PathBuf};

/// Why a file could not be used, named by what to do next. Nothing was changed in any of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Try again: another program writes to it.
    #[error("{path} is in use by another program; try again when that one is done", path = .0.display())]
    Busy(PathBuf),
    /// Restore it from a backup, or move it away.
    #[error(
        "{path} is damaged or no database ({detail}); nothing was changed: restore it from a \
         backup, or move it away and the next run matches both sides anew",
        path = path.display()
    )]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Use the newer program.
    #[error(
        "{path} was written by a newer version (format {found}; this one knows up to {known}); \
         nothing was changed: use the newer version, or a copy of the file from before",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: i32,
        /// The newest format that is known here.
        known: i32,
    },
    /// Name another file.
    #[error("{path} is a database of something else, not {expected}; nothing was changed: name another file", path = path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// Make room.
    #[error("no room left on the disk of {path}; free some space, then run again", path = .0.display())]
    Full(PathBuf),
    /// Grant the permission, or name a folder that exists.
    #[error("{path} can't be opened for writing ({detail}); check that its folder exists and may be written to", path = path.display())]
    Denied {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// Report it: anything else that SQLite says.
    #[error("{path}: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl Error {
    /// Sorts what SQLite says about `path` by what to do next.
    // A foreign enum with many variants.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn new(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy(path),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Corrupt { path, detail: source.to_string() }
            }
            Some(ErrorCode::DiskFull) => Self::Full(path),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Denied { path, detail: source.to_string() }
            }
            _ => Self::Sqlite { path, source },
        }
    }
}

/// What a file must be to be opened.
pub(crate) struct Format {
    /// What people call it.
    pub name: &'static str,
    /// SQLite's `application_id`, so that one kind of file isn't taken for another.
    pub application_id: i32,
    /// One script for each format version, in order.
    pub steps: &'static [&'static str],
}

/// Opens or creates a file and brings it to the newest format. A file that is newer, foreign or
/// damaged is left exactly as it was.
pub(crate) fn open(path: &Path, format: &Format) -> Result<Connection, Error> {
    let sorted = |source| Error::new(path, source);
    create_private(path)
        .map_err(|e| Error::Denied { path: path.to_owned(), detail: e.to_string() })?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = Connection::open_with_flags(path, flags).map_err(sorted)?;
    db.busy_timeout(std::time::Duration::from_millis(BUSY_MS)).map_err(sorted)?;
    let found = examine(&db, path, format)?;
    db.execute_batch(PRAGMAS).map_err(sorted)?;
    if found == Found::Empty {
        db.pragma_update(None, "application_id", format.application_id).map_err(sorted)?;
    }
    let steps: Vec<M<'_>> = format.steps.iter().map(|sql| M::up(sql)).collect();
    match Migrations::from_iter(steps).to_latest(&mut db) {
        Ok(()) => Ok(db),
        Err(rusqlite_migration::Error::RusqliteError { err, .. }) => Err(sorted(err)),
        Err(other) => Err(Error::Corrupt { path: path.to_owned(), detail: other.to_string() }),
    }
}

/// Makes an empty file that only its owner may read, if there is none: it will hold calendars, and
/// the key of the digests. SQLite gives the files that it makes beside it the same rights.
fn create_private(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Looks at the file before anything is written to it.
fn examine(db: &Connection, path: &Path, format: &Format) -> Result<Found, Error> {
    let number = |name: &str| -> Result<i32, Error> {
        db.pragma_query_value(None, name, |row| row.get(0)).map_err(|e| Error::new(path, e))
    };
    let found = number("user_version")?;
    let known = i32::try_from(format.steps.len()).unwrap_or(i32::MAX);
    if number("application_id")? == format.application_id {
        return if found <= known {
            Ok(Found::Ours)
        } else {
            Err(Error::Newer { path: path.to_owned(), found, known })
        };
    }
    // A file whose creation was interrupted holds no table yet, and is as good as new.
    let tables: i64 = db
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|e| Error::new(path, e))?;
    if tables > 0 {
        return Err(Error::Foreign { path: path.to_owned(), expected: format.name });
    }
    Ok(Found::Empty)
}

/// What a file turned out to be.
#[derive(PartialEq, Eq)]
enum Found {
    /// New, or as good as new.
    Empty,
    /// One of this kind.
    Ours,
}

const BUSY_MS: u64 = 5000;

/// `synchronous` is FULL from the start: it can't be switched inside a transaction, and an intent
/// must be on the disk before its first byte leaves.
const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;
PRAGMA cache_size = -65536;
PRAGMA temp_store = MEMORY;
PRAGMA journal_size_limit = 67108864;
PRAGMA trusted_schema = OFF;
";
