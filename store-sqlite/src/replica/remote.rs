//! The local replica as the engine sees it. SQLite's calls block; each is short, and none waits
//! for anything but the disk.

use super::rows::{self, Row, Stop};
use super::{LocalReplica, version};
use async_trait::async_trait;
use items::event::Event;
use items::field::Name;
use rusqlite::Connection;
use std::collections::BTreeMap;
use sync_core::ids::{Cursor, FolderId, RemoteId, Version};
use sync_core::port::{
    Capabilities, Change, Failure, Fetched, Folder, Hint, Page, Place, Probe, Probed, Remote,
    Sighted, Stamp, Target, Trouble, Write, WriteOp, Written,
};

#[async_trait]
impl Remote for LocalReplica {
    fn capabilities(&self) -> Capabilities {
        let mut fields = items::field::all();
        if self.files.is_none() {
            fields.remove(&Name::Attachments.field());
        }
        Capabilities {
            fields,
            late: BTreeMap::new(),
            dedupes_creates: true,
            create_grace_ms: 0,
            write_grace_ms: 0,
        }
    }

    async fn folders(&self) -> Result<Vec<Folder>, Failure> {
        self.list_folders()
    }

    async fn pull(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        self.read(|replica, db| replica.page(db, folder, cursor))
    }

    async fn fetch(&self, folder: &FolderId, ids: &[RemoteId]) -> Result<Vec<Fetched>, Failure> {
        self.read(|replica, db| {
            let folder = replica.folder_number(db, folder)?;
            ids.iter().map(|id| replica.fetched(db, folder, id)).collect()
        })
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        let done = self.write(|replica, db| {
            let done: rusqlite::Result<_> = writes.iter().map(|w| replica.attempt(db, w)).collect();
            Ok::<Vec<_>, Stop>(done?)
        });
        done.unwrap_or_else(|failure| writes.iter().map(|_| Err(failure.clone())).collect())
    }

    async fn probe(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
        self.read(|replica, db| probes.iter().map(|probe| replica.probed(db, probe)).collect())
    }
}

impl LocalReplica {
    fn page(
        &self,
        db: &Connection,
        folder: &FolderId,
        cursor: Option<&Cursor>,
    ) -> Result<Page, Stop> {
        let folder = self.folder_number(db, folder)?;
        let newest = rows::seq(db)?;
        let mut place = match cursor {
            None => Bookmark { after: 0, start: newest },
            Some(cursor) => self.bookmark(cursor, newest)?,
        };
        let mut rows = rows::changed(db, folder, place.after, place.start, PAGE + 1)?;
        let more = rows.len() > PAGE;
        rows.truncate(PAGE);
        if let Some(last) = rows.last() {
            place.after = last.changed_seq;
        }
        let changes = rows.iter().map(|row| self.change(db, row)).collect::<Result<_, _>>()?;
        let cursor = Cursor(format!("{} {} {}", self.identity, place.after, place.start));
        Ok(Page { changes, cursor, more })
    }

    /// A cursor of another file, or from after a backup was put back, is expired.
    fn bookmark(&self, cursor: &Cursor, newest: i64) -> Result<Bookmark, Stop> {
        let mut parts = cursor.as_str().split(' ');
        let own = parts.next() == Some(&self.identity);
        let mut number = || parts.next().and_then(|text| text.parse::<i64>().ok());
        match (own, number(), number()) {
            (true, Some(after), Some(start)) if after.max(start) <= newest => {
                Ok(Bookmark { after, start })
            }
            _ => {
                let text = format!("{} was replaced since the last run", self.path.display());
                Err(Failure::CursorExpired(Trouble::new("local-cursor", text)).into())
            }
        }
    }

    fn change(&self, db: &Connection, row: &Row) -> Result<Change, Stop> {
        let id = self.item_id(row.number);
        if row.trashed {
            return Ok(Change { id, hint: Hint::Gone });
        }
        // An item that can't be read comes without its content; reading it says what is wrong.
        let item = match self.sighted(db, row)? {
            Fetched::Found(item) => Some(item),
            Fetched::Outside | Fetched::Missing | Fetched::Unreadable(_) => None,
        };
        Ok(Change { id, hint: Hint::Changed { version: Some(version(row.version)), item } })
    }

    fn fetched(&self, db: &Connection, folder: i64, id: &RemoteId) -> Result<Fetched, Stop> {
        match self.standing(db, folder, id) {
            Ok(row) => self.sighted(db, &row),
            Err(Stop::Failure(Failure::Missing(_))) => Ok(Fetched::Missing),
            Err(stop) => Err(stop),
        }
    }

    fn sighted(&self, db: &Connection, row: &Row) -> Result<Fetched, Stop> {
        let event = match rows::parse(&row.ics) {
            Ok(event) => self.outward(db, &row.ics, event)?,
            Err(trouble) => return Ok(Fetched::Unreadable(trouble)),
        };
        let stamp = rows::stamp(db, &self.state_id, row.number)?;
        let stamp = stamp.and_then(|text| text.parse::<Stamp>().ok());
        let sighted: Sighted =
            self.digester.sighted(&event, Some(version(row.version)), Some(row.edited_ms), stamp);
        Ok(Fetched::Found(Box::new(sighted)))
    }

    /// One write of a batch: refused or done; the other writes of the batch stand either way, since
    /// whatever can be refused is refused before anything is written. An error of SQLite undoes the
    /// whole batch.
    fn attempt(
        &self,
        db: &Connection,
        write: &Write,
    ) -> Result<Result<Written, Failure>, rusqlite::Error> {
        match self.perform(db, write) {
            Ok(written) => Ok(Ok(written)),
            Err(Stop::Failure(failure)) => Ok(Err(failure)),
            Err(Stop::Sql(error)) => Err(error),
        }
    }

    fn perform(&self, db: &Connection, write: &Write) -> Result<Written, Stop> {
        let folder = self.folder_number(db, &write.folder)?;
        let stamp = write.stamp.to_string();
        let number = match &write.op {
            WriteOp::Create { content } => {
                if let Some(row) = rows::by_stamp(db, folder, &self.state_id, &stamp)? {
                    return Ok(self.written(&row));
                }
                self.insert(db, folder, &self.inward(db, unseal(content)?)?)?
            }
            WriteOp::Update { id, if_match, patch } => {
                let row = self.expected(db, folder, id, if_match.as_ref())?;
                self.rewrite(db, &row, &self.inward(db, unseal(patch)?)?)?;
                row.number
            }
            WriteOp::Delete { id, if_match } => {
                let row = self.expected(db, folder, id, if_match.as_ref())?;
                rows::trash(db, &row)?;
                row.number
            }
        };
        rows::set_stamp(db, &self.state_id, number, &stamp)?;
        let row = rows::by_number(db, number)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(self.written(&row))
    }

    fn written(&self, row: &Row) -> Written {
        Written { id: self.item_id(row.number), version: Some(version(row.version)) }
    }

    /// The item, if it stands in the version expected.
    fn expected(
        &self,
        db: &Connection,
        folder: i64,
        id: &RemoteId,
        if_match: Option<&Version>,
    ) -> Result<Row, Stop> {
        let row = self.standing(db, folder, id)?;
        if if_match.is_some_and(|expected| *expected != version(row.version)) {
            let text = format!("the item is in version {} by now", row.version);
            return Err(Failure::Stale(Trouble::new("local-version", text)).into());
        }
        Ok(row)
    }

    fn probed(&self, db: &Connection, probe: &Probe) -> Result<Probed, Stop> {
        let folder = self.folder_number(db, &probe.folder)?;
        let found = match &probe.target {
            Target::Create | Target::Update(_) => {
                rows::by_stamp(db, folder, &self.state_id, &probe.stamp.to_string())?
            }
            Target::Delete(id) => return self.probed_delete(db, folder, id),
        };
        Ok(found.map_or(Probed::NotApplied, |row| Probed::Applied {
            id: self.item_id(row.number),
            place: if row.trashed { Place::Trash } else { Place::Folder },
        }))
    }

    fn probed_delete(&self, db: &Connection, folder: i64, id: &RemoteId) -> Result<Probed, Stop> {
        match self.standing(db, folder, id) {
            Ok(_) => Ok(Probed::NotApplied),
            Err(Stop::Failure(Failure::Missing(_))) => {
                Ok(Probed::Applied { id: id.clone(), place: Place::Trash })
            }
            Err(stop) => Err(stop),
        }
    }
}

/// Where a cursor stands: what changed after `after` is new; what was in the trash by `start` was
/// never told.
struct Bookmark {
    after: i64,
    start: i64,
}

fn unseal(content: &[u8]) -> Result<Event, Stop> {
    Event::from_canonical(content).map_err(|error| {
        let text = format!("the content to write can't be read: {error}");
        Failure::Permanent(Trouble::new("local-content", text)).into()
    })
}

/// Items a page; each comes whole.
const PAGE: usize = 200;
