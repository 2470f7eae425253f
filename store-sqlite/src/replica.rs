//! The local replica: calendars kept as iCalendar in one SQLite file, for as many mailboxes as
//! wanted.
//!
//! Every change of an item takes the next number of the file, which is what cursors count. Ids and
//! cursors begin with the file's random identity, so that those of another file, or of one that was
//! deleted and made anew, are never taken for this one's.

mod files;
mod hierarchy;
mod import;
mod remote;
mod rows;

use crate::file::{self, Format};
use crate::files::SCHEMA;
use items::digest::Digester;
use items::event::Event;
use rows::{Now, Row, Stop};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Files, Folder, FolderKind, Trouble};

pub use import::{Put, mailboxes};

/// One mailbox of a local file, as a replica.
pub struct LocalReplica {
    path: PathBuf,
    mailbox: String,
    identity: String,
    state_id: String,
    digester: Digester,
    files: Option<Arc<dyn Files>>,
    db: Mutex<Connection>,
}

/// An event of the local replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalEvent {
    /// Its id.
    pub id: RemoteId,
    /// Its version.
    pub version: Version,
    /// When it was written last, in milliseconds since 1970 UTC.
    pub edited_ms: i64,
    /// The iCalendar text as it is kept.
    pub ics: String,
    /// What the text says; `None` where it can't be read as an event.
    pub event: Option<Event>,
}

impl LocalReplica {
    /// Opens the file, or creates it, and gives the mailbox a default calendar named "Calendar"
    /// if it has none. Stamps belong to the state file `state_id`. A mailbox's name is compared
    /// without ASCII case, as addresses are.
    pub fn open(
        path: &Path,
        mailbox: &str,
        digester: Digester,
        state_id: &str,
    ) -> Result<Self, file::Error> {
        let db = file::open(path, &FORMAT)?;
        let identity = rows::prepare(&db, mailbox).map_err(|e| file::Error::new(path, e))?;
        Ok(Self {
            path: path.to_owned(),
            mailbox: mailbox.to_owned(),
            identity,
            state_id: state_id.to_owned(),
            digester,
            files: None,
            db: Mutex::new(db),
        })
    }

    /// Makes a folder, or finds the one of this name and kind.
    pub fn create_folder(&self, name: &str, kind: FolderKind) -> Result<FolderId, Failure> {
        self.write(|replica, db| {
            let number = rows::create_folder(db, &replica.mailbox, name, kind)?;
            Ok(replica.folder_id(number))
        })
    }

    /// Lists the mailbox's folders, the oldest first.
    pub fn list_folders(&self) -> Result<Vec<Folder>, Failure> {
        self.read(|replica, db| {
            let folders = rows::folders(db, &replica.mailbox)?.into_iter();
            Ok(folders
                .map(|folder| Folder {
                    id: replica.folder_id(folder.number),
                    name: folder.name,
                    kind: folder.kind,
                    is_default: folder.is_default,
                })
                .collect())
        })
    }

    /// Lists up to `limit` events of a folder that come after `after`, in the order of their ids.
    pub fn list_events(
        &self,
        folder: &FolderId,
        after: Option<&RemoteId>,
        limit: usize,
    ) -> Result<Vec<LocalEvent>, Failure> {
        self.read(|replica, db| {
            let folder = replica.folder_number(db, folder)?;
            let after = after.map_or(Ok(0), |id| replica.item_number(id))?;
            let rows = rows::listed(db, folder, after, limit)?;
            Ok(rows.into_iter().map(|row| replica.local_event(row)).collect())
        })
    }

    /// Writes an event: the one of the same UID is replaced in the fields that `event` holds (its
    /// lines that evensync doesn't model stay), otherwise a new one is made.
    pub fn put_event(&self, folder: &FolderId, event: &Event) -> Result<RemoteId, Failure> {
        self.write(|replica, db| {
            let folder = replica.folder_number(db, folder)?;
            let event = &replica.inward(db, event.clone())?;
            let known = match &event.uid {
                Some(uid) => rows::by_uid(db, folder, uid)?,
                None => None,
            };
            let number = match known {
                Some(row) => {
                    replica.rewrite(db, &row, event)?;
                    row.number
                }
                None => replica.insert(db, folder, event)?,
            };
            Ok(replica.item_id(number))
        })
    }

    /// Moves an event to the trash.
    pub fn delete_event(&self, folder: &FolderId, id: &RemoteId) -> Result<(), Failure> {
        self.write(|replica, db| {
            let folder = replica.folder_number(db, folder)?;
            let row = replica.standing(db, folder, id)?;
            rows::trash(db, &row)?;
            Ok(())
        })
    }

    fn local_event(&self, row: Row) -> LocalEvent {
        LocalEvent {
            id: self.item_id(row.number),
            version: version(row.version),
            edited_ms: row.edited_ms,
            event: rows::parse(&row.ics).ok(),
            ics: row.ics,
        }
    }

    /// Makes a new item and returns its number.
    fn insert(&self, db: &Connection, folder: i64, event: &Event) -> Result<i64, Stop> {
        let now = Now::next(db)?;
        let ics = rows::text(None, event, now);
        let uid = event.uid.clone().or_else(|| items::ical::uid_of(&ics));
        Ok(rows::insert(db, folder, uid.as_deref(), &ics, now)?)
    }

    /// Changes the fields that `patch` holds, and no others.
    fn rewrite(&self, db: &Connection, row: &Row, patch: &Event) -> Result<(), Stop> {
        let mut event = rows::parse(&row.ics).map_err(Failure::Permanent)?;
        for field in patch.present_fields() {
            event.take(&field, patch).map_err(|error| {
                Failure::Permanent(Trouble::new("local-field", error.to_string()))
            })?;
        }
        let now = Now::next(db)?;
        Ok(rows::replace(db, row, &rows::text(Some(&row.ics), &event, now), now)?)
    }

    /// The item, if it stands in the folder.
    fn standing(&self, db: &Connection, folder: i64, id: &RemoteId) -> Result<Row, Stop> {
        let missing = || Failure::Missing(Trouble::new("local-missing", "the item is gone"));
        let row = rows::by_number(db, self.item_number(id)?)?.ok_or_else(missing)?;
        if row.folder != folder || row.trashed {
            return Err(missing().into());
        }
        Ok(row)
    }

    fn folder_id(&self, number: i64) -> FolderId {
        FolderId(format!("{}-f{number}", self.identity))
    }

    fn item_id(&self, number: i64) -> RemoteId {
        RemoteId(format!("{}-{number}", self.identity))
    }

    fn folder_number(&self, db: &Connection, id: &FolderId) -> Result<i64, Stop> {
        let own = id.as_str().strip_prefix(&self.identity).and_then(|t| t.strip_prefix("-f"));
        let number = own.and_then(|text| text.parse().ok());
        let known = number.map_or(Ok(false), |n| rows::has_folder(db, &self.mailbox, n))?;
        number.filter(|_| known).ok_or_else(|| {
            let text = format!("{} holds no folder {id} for {}", self.path.display(), self.mailbox);
            Failure::Permanent(Trouble::new("local-folder", text)).into()
        })
    }

    fn item_number(&self, id: &RemoteId) -> Result<i64, Stop> {
        let own = id.as_str().strip_prefix(&self.identity).and_then(|t| t.strip_prefix('-'));
        own.and_then(|text| text.parse().ok()).ok_or_else(|| {
            let text = format!("{id} is no item of {}", self.path.display());
            Failure::Missing(Trouble::new("local-missing", text)).into()
        })
    }

    /// Reads in one transaction, so that what is read belongs together.
    fn read<T>(
        &self,
        work: impl FnOnce(&Self, &Connection) -> Result<T, Stop>,
    ) -> Result<T, Failure> {
        let mut db = self.lock();
        let done = db.transaction().map_err(Stop::from).and_then(|tx| work(self, &tx));
        done.map_err(|stop| stop.into_failure(&self.path))
    }

    /// Writes in one transaction: all of it or nothing.
    fn write<T>(
        &self,
        work: impl FnOnce(&Self, &Connection) -> Result<T, Stop>,
    ) -> Result<T, Failure> {
        let mut db = self.lock();
        let behavior = rusqlite::TransactionBehavior::Immediate;
        let done = db.transaction_with_behavior(behavior).map_err(Stop::from).and_then(|tx| {
            let value = work(self, &tx)?;
            tx.commit()?;
            Ok(value)
        });
        done.map_err(|stop| stop.into_failure(&self.path))
    }

    /// A panic elsewhere leaves no half-done transaction: dropping one rolls it back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.db.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(number: i64) -> Version {
    Version(number.to_string())
}

const FORMAT: Format = Format {
    name: "a local store of evensync",
    application_id: 0x6576_6c72,
    steps: &[include_str!("replica/schema.sql"), include_str!("replica/hierarchy.sql"), SCHEMA],
};
