//! The mailbox's calendars, made, renamed and deleted: each with its stamp in one transaction.

use super::rows::Stop;
use super::{LocalReplica, version};
use async_trait::async_trait;
use items::hierarchy::{self, List, Shelf, Standing};
use rusqlite::{Connection, OptionalExtension, params};
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Failure, Stamp, Trouble, Written};

#[async_trait]
impl Shelf for LocalReplica {
    async fn list(&self) -> Result<List, Failure> {
        self.read(|replica, db| Ok(replica.calendars(db)?))
    }

    async fn create(&self, name: &str, stamp: &Stamp) -> Result<Written, Failure> {
        self.write(|replica, db| {
            replica.name_is_free(db, name, None)?;
            let sql = "INSERT INTO folder (mailbox, name, kind) VALUES (?1, ?2, 'calendar')";
            let number = db.prepare_cached(sql)?.insert(params![replica.mailbox, name])?;
            replica.stamped(db, number, stamp)
        })
    }

    async fn rename(
        &self,
        standing: &Standing,
        name: &str,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        self.write(|replica, db| {
            let number = replica.expected_folder(db, standing)?;
            replica.name_is_free(db, name, Some(number))?;
            rename(db, number, name)?;
            replica.stamped(db, number, stamp)
        })
    }

    async fn delete(&self, standing: &Standing) -> Result<(), Failure> {
        self.write(|replica, db| {
            let number = replica.expected_folder(db, standing)?;
            Ok(trash(db, number)?)
        })
    }

    fn grace_ms(&self) -> i64 {
        0
    }
}

impl LocalReplica {
    /// Gives a calendar another name.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if another one has it.
    pub fn rename_folder(&self, folder: &FolderId, name: &str) -> Result<(), Failure> {
        self.write(|replica, db| {
            let number = replica.folder_number(db, folder)?;
            replica.name_is_free(db, name, Some(number))?;
            Ok(rename(db, number, name)?)
        })
    }

    /// Deletes a calendar with all it holds.
    ///
    /// # Errors
    /// [`Failure::Permanent`] if there is none.
    pub fn delete_folder(&self, folder: &FolderId) -> Result<(), Failure> {
        self.write(|replica, db| Ok(trash(db, replica.folder_number(db, folder)?)?))
    }

    fn calendars(&self, db: &Connection) -> rusqlite::Result<List> {
        let mut statement = db.prepare_cached(
            "SELECT folder.id, coalesce(trashed_name, name), is_default, version,
                    trashed_name IS NOT NULL, stamp
             FROM folder LEFT JOIN folder_stamp ON folder = folder.id AND state = ?2
             WHERE mailbox = ?1 AND kind = 'calendar' ORDER BY folder.id",
        )?;
        let rows = statement.query_map(params![self.mailbox, self.state_id], |row| {
            let stamp: Option<String> = row.get(5)?;
            let standing = Standing {
                id: RemoteId(self.folder_id(row.get(0)?).0),
                version: Some(version(row.get(3)?)),
                name: row.get(1)?,
                is_default: row.get(2)?,
                role: None,
                stamp: stamp.and_then(|text| text.parse().ok()),
            };
            Ok((row.get::<_, bool>(4)?, standing))
        })?;
        let mut list = List::default();
        for row in rows {
            let (is_trashed, standing) = row?;
            if is_trashed { &mut list.trashed } else { &mut list.standing }.push(standing);
        }
        Ok(list)
    }

    /// The folder's number, if it still stands in the version that was listed.
    fn expected_folder(&self, db: &Connection, standing: &Standing) -> Result<i64, Stop> {
        let number = self.folder_number(db, &FolderId(standing.id.0.clone()))?;
        let sql = "SELECT version FROM folder WHERE id = ?1";
        let now = db.prepare_cached(sql)?.query_row([number], |row| row.get(0))?;
        if standing.version != Some(version(now)) {
            let text = format!("the calendar is in version {now} by now");
            return Err(Failure::Stale(Trouble::new("local-version", text)).into());
        }
        Ok(number)
    }

    /// Refuses a name that another calendar has, whatever the case.
    fn name_is_free(&self, db: &Connection, name: &str, except: Option<i64>) -> Result<(), Stop> {
        let sql = "SELECT id FROM folder WHERE mailbox = ?1 AND kind = 'calendar'
                   AND name = ?2 COLLATE NOCASE AND id IS NOT ?3";
        let taken: Option<i64> = db
            .prepare_cached(sql)?
            .query_row(params![self.mailbox, name, except], |row| row.get(0))
            .optional()?;
        taken.map_or(Ok(()), |_| Err(hierarchy::taken(name).into()))
    }

    fn stamped(&self, db: &Connection, number: i64, stamp: &Stamp) -> Result<Written, Stop> {
        db.prepare_cached(
            "INSERT INTO folder_stamp (state, folder, stamp) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET stamp = excluded.stamp",
        )?
        .execute(params![self.state_id, number, stamp.to_string()])?;
        let sql = "SELECT version FROM folder WHERE id = ?1";
        let now = db.prepare_cached(sql)?.query_row([number], |row| row.get(0))?;
        let id = RemoteId(self.folder_id(number).0);
        Ok(Written { id, version: Some(version(now)) })
    }
}

fn rename(db: &Connection, number: i64, name: &str) -> rusqlite::Result<()> {
    let sql = "UPDATE folder SET name = ?2, version = version + 1 WHERE id = ?1";
    db.prepare_cached(sql)?.execute(params![number, name]).map(drop)
}

/// A deleted folder leaves its name to others.
fn trash(db: &Connection, number: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE folder SET trashed_name = name, name = char(1) || id, version = version + 1
         WHERE id = ?1 AND trashed_name IS NULL",
    )?
    .execute([number])
    .map(drop)
}
