//! The attachments of the local replica's events. Its file is a store of its own and keeps their
//! bytes itself, by digests that need no state file's secret; the shelf that it was given is where
//! other replicas find them.

use super::LocalReplica;
use super::rows::Stop;
use crate::files::rows::{self, Incoming, PART};
use items::attachment::Data;
use items::event::Event;
use items::{Attachment, ical};
use rusqlite::Connection;
use std::sync::Arc;
use sync_core::ids::Digest;
use sync_core::port::{Error, Failure, Files, Trouble};

impl LocalReplica {
    /// Lets events have attachments: their bytes come from and go to `files`.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn Files>) -> Self {
        Self { files: Some(files), ..self }
    }

    /// At most `most` bytes of an attachment from `from` on, by the digest that its event's text
    /// names it by; fewer only at its end, and none of one that isn't kept.
    pub fn read_file(&self, digest: &Digest, from: u64, most: usize) -> Result<Vec<u8>, Failure> {
        self.read(|_, db| Ok(rows::read(db, digest, from, most)?))
    }

    /// Whether the file under `digest` is kept.
    pub fn has_file(&self, digest: &Digest) -> Result<bool, Failure> {
        self.read(|_, db| Ok(rows::find(db, digest)?.is_some()))
    }

    /// The event of a text as other replicas know it. An attachment whose bytes aren't kept is none: a file
    /// that was imported may name what only its author has.
    pub(super) fn outward(
        &self,
        db: &Connection,
        text: &str,
        mut event: Event,
    ) -> Result<Event, Stop> {
        let Some(files) = &self.files else {
            return Ok(Event { attachments: None, ..event });
        };
        let mut all = Vec::new();
        for attachment in event.attachments.take().into_iter().flatten() {
            match &attachment.data {
                Data::Link(_) => all.push(attachment),
                Data::Bytes { digest, .. } => {
                    let found = self.hand_out(db, files.as_ref(), (text, digest))?;
                    let with = |data| Attachment { data, ..attachment };
                    all.extend(found.map(with));
                }
            }
        }
        Ok(Event { attachments: Some(all), ..event })
    }

    /// The event as its text tells it, once the bytes of its attachments are kept here.
    pub(super) fn inward(&self, db: &Connection, mut event: Event) -> Result<Event, Stop> {
        let Some(files) = &self.files else {
            return Ok(Event { attachments: None, ..event });
        };
        for attachment in event.attachments.iter_mut().flatten() {
            if let Data::Bytes { digest, .. } = &attachment.data {
                attachment.data = self.take_in(db, files.as_ref(), digest)?;
            }
        }
        Ok(event)
    }

    fn hand_out(
        &self,
        db: &Connection,
        files: &dyn Files,
        (text, own): (&str, &Digest),
    ) -> Result<Option<Data>, Stop> {
        let origin = self.origin(own);
        if let Some((digest, size)) = files.known(&origin).map_err(stop)? {
            return Ok(Some(Data::Bytes { digest, size }));
        }
        let (mut intake, mut hash) = (files.begin().map_err(stop)?, self.digester.file());
        let mut size = 0;
        let mut hand_on = |bytes: &[u8]| {
            hash.update(bytes);
            size += bytes.len() as u64;
            intake.write(bytes).map_err(stop)
        };
        if let Some((_, kept)) = rows::find(db, own)? {
            let mut at = 0;
            while at < kept {
                let bytes = rows::read(db, own, at, PART)?;
                if bytes.is_empty() {
                    return Err(rusqlite::Error::QueryReturnedNoRows.into());
                }
                hand_on(&bytes)?;
                at += bytes.len() as u64;
            }
        } else if let Some(bytes) = ical::take_out(text).files.get(own) {
            // Texts that were imported before files were kept apart hold them.
            hand_on(bytes)?;
        } else {
            return Ok(None);
        }
        let digest = hash.finish();
        intake.finish(&digest).map_err(stop)?;
        files.remember(&origin, &digest).map_err(stop)?;
        Ok(Some(Data::Bytes { digest, size }))
    }

    fn take_in(&self, db: &Connection, files: &dyn Files, digest: &Digest) -> Result<Data, Stop> {
        let origin = self.digester.text("own file", &digest.to_string());
        if let Some((digest, size)) = rows::known(db, &origin)? {
            return Ok(Data::Bytes { digest, size });
        }
        let size = files.size(digest).map_err(stop)?.ok_or_else(lost)?;
        let (mut file, mut hash) = (Incoming::begin(db)?, ical::file_digest());
        let mut at = 0;
        while at < size {
            let bytes = match files.read(digest, at, PART) {
                Ok(bytes) if !bytes.is_empty() => bytes,
                Ok(_) => {
                    file.forget()?;
                    return Err(lost());
                }
                Err(error) => {
                    file.forget()?;
                    return Err(stop(error));
                }
            };
            hash.update(&bytes);
            file.write(&bytes)?;
            at += bytes.len() as u64;
        }
        let own = hash.finish();
        let size = file.finish(&own)?;
        rows::remember(db, &origin, &own)?;
        files.remember(&self.origin(&own), digest).map_err(stop)?;
        Ok(Data::Bytes { digest: own, size })
    }

    /// What the shelf knows a file of this one by.
    fn origin(&self, own: &Digest) -> Digest {
        self.digester.text("attachment", &format!("{} {own}", self.identity))
    }
}

/// Keeps files that stood in a text.
pub(super) fn keep(db: &Connection, digest: &Digest, bytes: &[u8]) -> Result<(), Stop> {
    let mut file = Incoming::begin(db)?;
    file.write(bytes)?;
    file.finish(digest)?;
    Ok(())
}

fn lost() -> Stop {
    let text = "an attachment's bytes are in the state file no more; change the attachment on the \
                other side, and it is read anew";
    Failure::Permanent(Trouble::new("file-lost", text)).into()
}

/// What the shelf refuses, said as a failure of this replica: nothing happened.
fn stop(error: Error) -> Stop {
    let trouble = Trouble::new("files", error.to_string());
    match error {
        Error::Locked(_) => Failure::Transient(trouble),
        Error::Unavailable(_) | Error::Corrupt(_) | Error::Newer(_) => Failure::Permanent(trouble),
    }
    .into()
}
