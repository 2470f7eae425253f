//! Reads what is attached to items: once, since it lies in our files from then on.

use crate::EwsRemote;
use crate::batch::{self, Brake};
use crate::failure::{self, Effect};
use crate::map::attachment::{self, BEGINNING_BYTES, Kind, Listed, Undecoded};
use crate::map::event::Standing;
use crate::ops;
use crate::soap::{Complaint, Message};
use crate::transport::Call;
use items::attachment::Attachment;
use items::field::Name;
use sync_core::ids::Digest;
use sync_core::port::{Error, Failure, Files, Trouble};

/// Largest attachment that is read, in bytes. An answer is held in memory, in base64.
const READ_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most bytes of attachments to ask for at a time, if there are several.
const REQUEST_BYTES_MAX: u64 = 1024 * 1024;
/// Most attachments to ask for at a time.
const REQUEST_ATTACHMENTS_MAX: usize = 20;

/// Adds to an item what is attached to it.
///
/// What can't be read (it is too large, corrupt, or of a kind that is no file) doesn't hold up what
/// can: the item goes without, and is fixed as to attachments. So the others reach the other side,
/// and nothing of the other side's is put here or taken away for what nobody has seen.
pub(crate) async fn complete(
    remote: &EwsRemote,
    item: &str,
    standing: &mut Standing,
    brake: &Brake,
) -> Result<(), Failure> {
    if remote.files.is_none() {
        return Ok(());
    }
    let all = read(remote, item, &standing.attached, brake).await?;
    if all.iter().any(Option::is_none) {
        standing.fixed.insert(Name::Attachments.field());
    }
    standing.event.attachments = Some(all.into_iter().flatten().collect());
    Ok(())
}

/// What each of the attachments `listed` of an item holds; `None` for what can't be read.
pub(crate) async fn read(
    remote: &EwsRemote,
    item: &str,
    listed: &[Listed],
    brake: &Brake,
) -> Result<Vec<Option<Attachment>>, Failure> {
    let Some(files) = remote.files.as_deref() else { return Ok(vec![None; listed.len()]) };
    let shelf = Shelf { remote, files, item };
    let mut all = Vec::with_capacity(listed.len());
    let mut unread: Vec<(usize, &Listed)> = Vec::new();
    for (index, one) in listed.iter().enumerate() {
        let known = shelf.known(one)?;
        let can_be_read = one.kind != Kind::Link(None) && one.size <= READ_BYTES_MAX;
        if known.is_none() && can_be_read {
            unread.push((index, one));
        } else if known.is_none() {
            skipped("attachment-too-large-or-unknown");
        }
        all.push(known);
    }
    let sizes = unread.iter().map(|(_, one)| one.size);
    let mut rest = &unread[..];
    for count in batches(sizes) {
        let (asked, later) = rest.split_at(count);
        rest = later;
        if let Some(failure) = brake.pulled() {
            return Err(failure);
        }
        let read = shelf.ask(asked).await.inspect_err(|failure| brake.note(failure))?;
        for ((index, _), attachment) in asked.iter().zip(read) {
            all[*index] = attachment;
        }
    }
    Ok(all)
}

/// How many of things of these sizes go into each request.
pub(crate) fn batches(sizes: impl Iterator<Item = u64>) -> Vec<usize> {
    let mut batches: Vec<usize> = Vec::new();
    let mut bytes = 0_u64;
    for size in sizes {
        bytes = bytes.saturating_add(size);
        match batches.last_mut() {
            Some(count) if *count < REQUEST_ATTACHMENTS_MAX && bytes <= REQUEST_BYTES_MAX => {
                *count += 1;
            }
            Some(_) | None => {
                bytes = size;
                batches.push(1);
            }
        }
    }
    batches
}

/// Says that something is left out; of what it is no more than its code.
fn skipped(code: &str) {
    tracing::warn!(code, "an attachment can't be read");
}

/// What our files failed with, before anything was done on the server.
pub(crate) fn unkept(error: &Error) -> Failure {
    Failure::Transient(Trouble::new("files-unavailable", error.to_string()))
}

/// Our files, and the item whose attachments go into them.
struct Shelf<'a> {
    remote: &'a EwsRemote,
    files: &'a dyn Files,
    item: &'a str,
}

impl Shelf<'_> {
    /// What is known without asking the server.
    fn known(&self, listed: &Listed) -> Result<Option<Attachment>, Failure> {
        if let Some(link) = listed.link() {
            return Ok(Some(link));
        }
        let origin = listed.origin(&self.remote.digester, self.item);
        let known = self.files.known(&origin).map_err(|e| unkept(&e))?;
        known.map(|(digest, size)| self.file(listed, digest, size)).transpose()
    }

    fn file(&self, listed: &Listed, digest: Digest, size: u64) -> Result<Attachment, Failure> {
        let beginning = self.files.read(&digest, 0, BEGINNING_BYTES).map_err(|e| unkept(&e))?;
        Ok(listed.file(digest, size, &beginning))
    }

    /// Reads some with one request.
    async fn ask(&self, asked: &[(usize, &Listed)]) -> Result<Vec<Option<Attachment>>, Failure> {
        let body = ops::attachment::get(asked.iter().map(|(_, listed)| listed.id.as_str()));
        let call =
            Call { operation: "GetAttachment", effect: Effect::Read, zone: None, body: &body };
        let take = |messages: Vec<Message<'_>>| {
            let answers = messages.into_iter().zip(asked);
            answers.map(|(message, (_, listed))| self.take(message, listed)).collect()
        };
        batch::exchange(&self.remote.caller, call, asked.len(), take).await?
    }

    /// Keeps what one response message holds. `Err` where that says nothing of the attachment.
    fn take(&self, message: Message<'_>, listed: &Listed) -> Result<Option<Attachment>, Failure> {
        if let Some(complaint) = message.complaint {
            skipped(&unreadable(complaint)?);
            return Ok(None);
        }
        let content = ops::attachment::attachment(message.element);
        let Some(content) = content.and_then(ops::attachment::content) else {
            skipped("no-content");
            return Ok(None);
        };
        let mut intake = self.files.begin().map_err(|e| unkept(&e))?;
        let (mut digest, mut size) = (self.remote.digester.file(), 0);
        let kept = attachment::decode(content, |piece| {
            digest.update(piece);
            size += piece.len() as u64;
            intake.write(piece)
        });
        match kept {
            Ok(()) => {}
            Err(Undecoded::Malformed) => {
                skipped("not-base64");
                return Ok(None);
            }
            Err(Undecoded::Taker(error)) => return Err(unkept(&error)),
        }
        let digest = digest.finish();
        intake.finish(&digest).map_err(|e| unkept(&e))?;
        let origin = listed.origin(&self.remote.digester, self.item);
        self.files.remember(&origin, &digest).map_err(|e| unkept(&e))?;
        self.file(listed, digest, size).map(Some)
    }
}

/// The code of what makes an attachment unreadable; `Err` where it may be read another time.
fn unreadable(complaint: Complaint) -> Result<String, Failure> {
    let code = complaint.code.clone();
    // An internal error is that of one attachment, which may fail for ever.
    if code == "ErrorInternalServerError" {
        return Ok(code);
    }
    match failure::of(complaint, Effect::Read) {
        failure @ (Failure::Throttled { .. } | Failure::Transient(_)) => Err(failure),
        Failure::Permanent(_)
        | Failure::Unauthorized(_)
        | Failure::Stale(_)
        | Failure::Missing(_)
        | Failure::CursorExpired(_)
        | Failure::InDoubt(_) => Ok(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_hold_few_large_attachments_and_many_small_ones() {
        let batches = |sizes: &[u64]| super::batches(sizes.iter().copied());
        let half = REQUEST_BYTES_MAX / 2;
        assert_eq!(batches(&[]), Vec::<usize>::new());
        assert_eq!(batches(&[u64::MAX, u64::MAX, 0]), [1, 1, 1]);
        assert_eq!(batches(&[half, half, 1, half, half]), [2, 2, 1]);
        assert_eq!(batches(&[1; 50]), [20, 20, 10]);
    }
}
