//! Events that come from files, and what the file holds for whoever exports it.

use super::rows::{self, Now, Stop};
use super::{FORMAT, LocalReplica, files};
use crate::file;
use items::ical::{self, Item, TakenOut};
use rusqlite::Connection;
use std::path::Path;
use sync_core::ids::FolderId;
use sync_core::port::Failure;

/// What became of an event that was put into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// There was none of its UID.
    New,
    /// The one of its UID was another.
    Updated,
    /// Nothing was written: the one of its UID says all that it says.
    Unchanged,
}

/// Lists the mailboxes that a local file holds; none where there is no file.
pub fn mailboxes(path: &Path) -> Result<Vec<String>, file::Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let db = file::open(path, &FORMAT)?;
    rows::mailboxes(&db).map_err(|e| file::Error::new(path, e))
}

impl LocalReplica {
    /// Puts events into a folder, over those of the same UID; all of them, or none where it fails.
    /// Lines that evensync doesn't model are kept.
    pub fn put_items(&self, folder: &FolderId, items: &[&Item]) -> Result<Vec<Put>, Failure> {
        self.write(|replica, db| {
            let folder = replica.folder_number(db, folder)?;
            items.iter().map(|item| put(db, folder, item)).collect()
        })
    }
}

/// The bytes of attachments are kept beside the text, which only names them.
fn without_files(db: &Connection, text: &str) -> Result<String, Stop> {
    let TakenOut { text, files } = ical::take_out(text);
    for (digest, bytes) in &files {
        files::keep(db, digest, bytes)?;
    }
    Ok(text)
}

fn put(db: &Connection, folder: i64, item: &Item) -> Result<Put, Stop> {
    let Some(row) = rows::by_uid(db, folder, &item.uid)? else {
        let now = Now::next(db)?;
        let text = ical::put(None, item, now.ms / 1000);
        let text = text.unwrap_or_else(|| item.text.clone());
        let text = without_files(db, &text)?;
        rows::insert(db, folder, Some(&item.uid), &text, now)?;
        return Ok(Put::New);
    };
    // Whether anything changes doesn't depend on the time, which only a change may take.
    if ical::put(Some(&row.ics), item, 0).is_none() {
        return Ok(Put::Unchanged);
    }
    let now = Now::next(db)?;
    if let Some(text) = ical::put(Some(&row.ics), item, now.ms / 1000) {
        rows::replace(db, &row, &without_files(db, &text)?, now)?;
    }
    Ok(Put::Updated)
}
