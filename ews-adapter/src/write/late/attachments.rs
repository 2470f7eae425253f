//! Gives an item the attachments that it is to have.
//!
//! Neither operation looks at a version, so that the whole item is looked at again before it gets
//! its stamp: nobody else may have changed it besides.

use super::super::plan::Late;
use super::{Work, changed_since};
use crate::attached::{self, unkept};
use crate::failure::{self, Effect};
use crate::map::attachment::{self, Listed};
use crate::ops;
use crate::soap::{Complaint, Message};
use crate::{EwsRemote, batch::Brake};
use items::attachment::{Attachment, Data};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use sync_core::ids::Digest;
use sync_core::port::{Failure, Files, Trouble};

/// Largest attachment that is written, in bytes. The request holds it in base64, a third longer,
/// and 64 MB are what servers take by default (MS docs: client-specific message size limits).
const WRITE_BYTES_MAX: u64 = 45 * 1024 * 1024;
/// Longest name that servers keep, in UTF-16 units (MS docs: fileAttachment).
const NAME_UNITS_MAX: usize = 255;
/// Read from our files at a time, in bytes: a multiple of three, which base64 takes at a time.
const PIECE_BYTES: usize = 768 * 1024;
/// What an attachment is that somebody else took off before.
const GONE: [&str; 2] = ["ErrorInvalidAttachmentId", "ErrorItemNotFound"];

/// The attachments of an item while it is written.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// The ids of those that it has, as far as we know.
    there: BTreeSet<String>,
    /// What those hold that we made.
    made: BTreeMap<String, Digest>,
    /// Those to take off.
    surplus: Vec<String>,
    /// Those to make.
    missing: Vec<Attachment>,
}

impl Attached {
    /// What is to be done to an item that lists these; refused where it can't be done whole.
    pub(super) async fn plan(
        remote: &EwsRemote,
        late: &Late,
        listed: &[Listed],
        brake: &Brake,
    ) -> Result<Self, Failure> {
        let there = listed.iter().map(|one| one.id.clone()).collect();
        let Some(wanted) = &late.attachments else { return Ok(Self { there, ..Self::default() }) };
        let Some(files) = remote.files.as_deref() else {
            return Err(refused("attachments-not-held", "attachments aren't synchronised".into()));
        };
        let standing = attached::read(remote, &late.target.item.id, listed, brake).await?;
        let mut missing: VecDeque<Attachment> = wanted.iter().cloned().collect();
        let mut surplus = Vec::new();
        for (listed, standing) in listed.iter().zip(standing) {
            let Some(standing) = standing else {
                let detail = "attachments can't be written: one of those there can't be read";
                return Err(refused("field-fixed", detail.into()));
            };
            match missing.iter().position(|one| one.key() == standing.key()) {
                Some(index) => drop(missing.remove(index)),
                None => surplus.push(listed.id.clone()),
            }
        }
        missing.iter().try_for_each(|one| check(files, one))?;
        Ok(Self { there, made: BTreeMap::new(), surplus, missing: missing.into() })
    }
}

/// Refuses what Exchange won't take, before anything of the write is sent.
fn check(files: &dyn Files, attachment: &Attachment) -> Result<(), Failure> {
    let name = &attachment.name;
    let units = name.encode_utf16().count();
    if units > NAME_UNITS_MAX {
        let detail = format!(
            "the name of the attachment {name} has {units} characters, and Exchange keeps \
             {NAME_UNITS_MAX}; shorten it"
        );
        return Err(refused("attachment-name-too-long", detail));
    }
    let Data::Bytes { digest, size } = &attachment.data else {
        let detail = format!("the attachment {name} is a link, which this server doesn't take");
        return Err(refused("attachment-is-link", detail));
    };
    if *size > WRITE_BYTES_MAX {
        let detail = format!(
            "the attachment {name} has {size} bytes, and Exchange takes {WRITE_BYTES_MAX} at most"
        );
        return Err(refused("attachment-too-large", detail));
    }
    match files.size(digest).map_err(|e| unkept(&e))? {
        Some(kept) if kept == *size => Ok(()),
        Some(_) | None => {
            let detail = format!("what the attachment {name} holds isn't kept here any more");
            Err(refused("attachment-not-kept", detail))
        }
    }
}

fn refused(code: &str, detail: String) -> Failure {
    Failure::Permanent(Trouble::new(code, detail))
}

impl Work<'_> {
    /// Takes off what isn't to be there, then makes what is missing.
    pub(super) async fn attach(&mut self) -> Result<(), Failure> {
        let surplus = std::mem::take(&mut self.attached.surplus);
        for ids in surplus.chunks(crate::batch::ITEMS_MAX) {
            self.take_off(ids).await?;
        }
        let missing = std::mem::take(&mut self.attached.missing);
        let mut rest = &missing[..];
        for count in attached::batches(missing.iter().map(size)) {
            let (batch, later) = rest.split_at(count);
            rest = later;
            self.make(batch).await?;
        }
        Ok(())
    }

    async fn take_off(&mut self, ids: &[String]) -> Result<(), Failure> {
        let body = ops::attachment::delete(ids.iter().map(String::as_str));
        let results = self.send("DeleteAttachment", None, &body, ids.len(), taken_off).await?;
        self.attachments_changed(&results);
        for (id, result) in ids.iter().zip(results) {
            result?;
            self.attached.there.remove(id);
        }
        Ok(())
    }

    async fn make(&mut self, attachments: &[Attachment]) -> Result<(), Failure> {
        let files = self.remote.files.as_deref().expect("a plan with attachments has files");
        let written = attachments.iter().map(|one| write(files, one));
        let written = written.collect::<Result<Vec<_>, _>>()?;
        let body = ops::attachment::create(&self.item.id, written.iter().map(String::as_str));
        drop(written);
        let results = self.send("CreateAttachment", None, &body, attachments.len(), made).await?;
        self.attachments_changed(&results);
        for (attachment, result) in attachments.iter().zip(results) {
            let id = result?;
            if let Data::Bytes { digest, .. } = &attachment.data {
                self.attached.made.insert(id.clone(), *digest);
            }
            self.attached.there.insert(id);
        }
        Ok(())
    }

    /// Notes what came of a request: its items are in another version, which is to be looked at.
    fn attachments_changed<T>(&mut self, results: &[Result<T, Failure>]) {
        let may_be = |result: &_| matches!(result, Ok(_) | Err(Failure::InDoubt(_)));
        self.has_begun |= results.iter().any(may_be);
        self.item.change_key = None;
    }

    /// Looks whether exactly those attachments are there that are to be; what we made needn't be
    /// read again.
    pub(super) fn verify_attachments(&self, listed: &[Listed]) -> Result<(), Failure> {
        let Some(files) = self.remote.files.as_deref() else { return Ok(()) };
        let ids: BTreeSet<&String> = listed.iter().map(|one| &one.id).collect();
        if !ids.into_iter().eq(&self.attached.there) {
            return Err(changed_since());
        }
        for one in listed {
            if let Some(digest) = self.attached.made.get(&one.id) {
                let origin = one.origin(&self.remote.digester, &self.late.target.item.id);
                files.remember(&origin, digest).map_err(|e| unkept(&e))?;
            }
        }
        Ok(())
    }
}

fn size(attachment: &Attachment) -> u64 {
    match &attachment.data {
        Data::Bytes { size, .. } => *size,
        Data::Link(_) => 0,
    }
}

/// The attachment as XML, with its bytes from our files.
fn write(files: &dyn Files, one: &Attachment) -> Result<String, Failure> {
    let Data::Bytes { digest, size } = &one.data else { return Ok(String::new()) };
    let mut at = 0;
    let xml = attachment::write(one, || {
        let piece = files.read(digest, at, PIECE_BYTES).map_err(|e| unkept(&e))?;
        at += piece.len() as u64;
        Ok(piece)
    })?;
    match at == *size {
        true => Ok(xml),
        false => Err(unkept(&sync_core::port::Error::Unavailable("a file ends too soon".into()))),
    }
}

fn taken_off(message: Message<'_>) -> Result<(), Failure> {
    match message.complaint {
        None => Ok(()),
        Some(Complaint { code, .. }) if GONE.contains(&code.as_str()) => Ok(()),
        Some(complaint) => Err(failure::of(complaint, Effect::Write)),
    }
}

/// The id of what was made.
fn made(message: Message<'_>) -> Result<String, Failure> {
    if let Some(complaint) = message.complaint {
        return Err(failure::of(complaint, Effect::Write));
    }
    let attachment = ops::attachment::attachment(message.element);
    attachment.and_then(ops::attachment::id).map(str::to_owned).ok_or_else(|| {
        let detail = "the server says that it attached something, but not under which id";
        Failure::InDoubt(Trouble::new("no-id", detail))
    })
}
