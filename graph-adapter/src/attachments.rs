//! Reading what is attached to events. Bytes go to the shelf piece by piece, each file once.

use crate::GraphRemote;
use crate::failure::{Effect, Fault};
use crate::map::event;
use crate::series::one;
use crate::{batch::Step, values};
use items::Attachment;
use items::attachment::Data;
use serde_json::Value;
use std::fmt::Display;
use std::time::Duration;
use sync_core::ids::{Digest, FolderId, RemoteId};
use sync_core::port::{Failure, Files, Trouble};

/// What is asked for of an attachment; a cast names what only files have.
const SELECT: &str = "id,name,contentType,size,isInline,microsoft.graph.fileAttachment/contentId";
/// Longest file that is read: Graph takes 150 MB (MS docs: outlook-large-attachments), and counts
/// more than the bytes.
const BYTES_MAX: u64 = 152 * 1024 * 1024;
/// Longest piece that is put on the shelf at a time.
const PIECE_BYTES_MAX: usize = 1024 * 1024;
/// As many bytes of an attached item as tell what it is.
const BEGINNING_BYTES: usize = 16;
/// The wait before what went wrong inside of the service is asked for once more.
const WAIT: Duration = Duration::from_secs(1);

/// Something attached to an event.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// Its id.
    pub id: String,
    /// What it is; nothing where the service can't deliver it, or says only that it is a link.
    pub file: Option<Attachment>,
}

impl GraphRemote {
    /// What is attached to an event that was just read; nothing where there is no shelf for it.
    pub(crate) async fn held(
        &self,
        folder: &FolderId,
        id: &RemoteId,
        read: &event::Read,
    ) -> Result<Option<Vec<Held>>, Failure> {
        let Some(files) = &self.files else { return Ok(None) };
        if !read.has_files {
            return Ok(Some(Vec::new()));
        }
        let list = self.graph.links.attachments(folder.as_str(), id.as_str());
        let list = Step::get(format!("{list}?$select={SELECT}"));
        let list = one(self.read_steps(&[list]).await).map_err(unlisted)?;
        let mut entries = values(&list)?.to_vec();
        // Nothing is known of such a link, except that collections may have one.
        if let Some(next) = list["@odata.nextLink"].as_str() {
            let rest = self.pages(next.to_owned()).await;
            entries.extend(rest.map_err(|fault| fault.failure(Effect::Read))?);
        }
        let mut held = Vec::with_capacity(entries.len());
        for entry in &entries {
            let Some(attachment) = entry["id"].as_str() else {
                return Err(crate::garbled("an attachment without an id"));
            };
            let url = self.graph.links.attachment(folder.as_str(), id.as_str(), attachment);
            let origin = self.origin(id, attachment);
            let file = self.file(files.as_ref(), entry, &origin, &url).await?;
            held.push(Held { id: attachment.to_owned(), file });
        }
        Ok(Some(held))
    }

    /// Names an attachment, which never changes, among all that were read.
    pub(crate) fn origin(&self, event: &RemoteId, attachment: &str) -> Digest {
        self.digester.text("attachment", &format!("{event} {attachment}"))
    }

    async fn file(
        &self,
        files: &dyn Files,
        entry: &Value,
        origin: &Digest,
        url: &str,
    ) -> Result<Option<Attachment>, Failure> {
        let kind = entry["@odata.type"].as_str().unwrap_or_default();
        // v1.0 doesn't say where a link leads (MS OpenAPI: referenceAttachment).
        if kind.ends_with("referenceAttachment") || entry["size"].as_u64() > Some(BYTES_MAX) {
            return Ok(None);
        }
        let known = match files.known(origin).map_err(|e| shelf(&e))? {
            Some(known) => Some(known),
            None => self.take_in(files, origin, &format!("{url}/$value")).await?,
        };
        let Some((digest, size)) = known else { return Ok(None) };
        let stated = entry["contentType"].as_str().filter(|kind| !kind.is_empty());
        let mut file = Attachment {
            name: base_name(entry["name"].as_str().unwrap_or_default()),
            media_type: stated.map(str::to_owned),
            content_id: content_id(entry["contentId"].as_str()),
            inline: entry["isInline"].as_bool() == Some(true),
            data: Data::Bytes { digest, size },
        };
        if kind.ends_with("itemAttachment") {
            let start = files.read(&digest, 0, BEGINNING_BYTES).map_err(|e| shelf(&e))?;
            let (ending, media_type) = kind_of_item(&start);
            file.name.push_str(ending);
            file.media_type = Some(media_type.to_owned());
        }
        Ok(Some(file))
    }

    /// Puts a file on the shelf; nothing where the service has it and can't deliver it.
    async fn take_in(
        &self,
        files: &dyn Files,
        origin: &Digest,
        url: &str,
    ) -> Result<Option<(Digest, u64)>, Failure> {
        let url = self.graph.links.absolute(url);
        let mut answer = self.graph.receive(&url).await;
        if answer.as_ref().is_err_and(|fault| fault.refusal().is_some_and(|r| r.status == 500)) {
            tokio::time::sleep(WAIT).await;
            answer = self.graph.receive(&url).await;
        }
        let mut body = match answer {
            Ok(body) => body,
            Err(fault) if is_undeliverable(&fault) => return Ok(None),
            Err(fault) => return Err(fault.failure(Effect::Read)),
        };
        let mut intake = files.begin().map_err(|e| shelf(&e))?;
        let (mut digest, mut size) = (self.digester.file(), 0);
        while let Some(bytes) = body.next().await.map_err(|f| f.failure(Effect::Read))? {
            for piece in bytes.chunks(PIECE_BYTES_MAX) {
                digest.update(piece);
                intake.write(piece).map_err(|e| shelf(&e))?;
                size += piece.len() as u64;
            }
        }
        let digest = digest.finish();
        intake.finish(&digest).map_err(|e| shelf(&e))?;
        files.remember(origin, &digest).map_err(|e| shelf(&e))?;
        Ok(Some((digest, size)))
    }
}

/// What it means that the service doesn't say what is attached: where it speaks of this event, the
/// event can't be read. An empty list would mean that all of it was taken off.
fn unlisted(fault: Fault) -> Failure {
    let codes = ["ErrorTooManyObjectsOpened", "ErrorCorruptData"];
    let is_of_event = fault.refusal().is_some_and(|refusal| refusal.is_any(&codes));
    let failure = fault.failure(Effect::Read);
    if is_of_event { Failure::Permanent(failure.trouble().clone()) } else { failure }
}

/// What is to be done where the shelf fails: try again, as with a server.
pub(crate) fn shelf(error: &dyn Display) -> Failure {
    Failure::Transient(Trouble::new("files-unavailable", error.to_string()))
}

/// Whether a refusal speaks of this file: links and broken objects have no bytes to give. What
/// belongs to the application or to a moment doesn't.
fn is_undeliverable(fault: &Fault) -> bool {
    fault.refusal().is_some_and(|refusal| {
        let is_of_moment = refusal.is_throttle() || [401, 403, 408, 423].contains(&refusal.status);
        !is_of_moment && ((400..500).contains(&refusal.status) || refusal.status == 500)
    })
}

/// What an attached item ends in as a file, and its type: its MIME begins with a header, a calendar
/// with its own first line (MS docs: attachment-get).
fn kind_of_item(start: &[u8]) -> (&'static str, &'static str) {
    if start.starts_with(b"BEGIN:VCALENDAR") {
        (".ics", "text/calendar")
    } else if start.starts_with(b"BEGIN:VCARD") {
        (".vcf", "text/vcard")
    } else {
        (".eml", "message/rfc822")
    }
}

/// A name without the path and the control characters that it may come with.
pub(crate) fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let base: String = base.chars().filter(|letter| !letter.is_control()).collect();
    match base.trim() {
        "" | "." | ".." => "attachment".to_owned(),
        base => base.to_owned(),
    }
}

fn content_id(text: Option<&str>) -> Option<String> {
    let id = text?.trim().trim_start_matches('<').trim_end_matches('>');
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_of_files() {
        for (name, base) in [
            ("a.txt", "a.txt"),
            ("C:\\temp\\a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("a\u{0}b\n.txt", "ab.txt"),
            ("..", "attachment"),
            ("x/", "attachment"),
        ] {
            assert_eq!(base_name(name), base);
        }
        assert_eq!(content_id(Some("<p1@x>")), Some("p1@x".into()));
        assert_eq!((content_id(Some("<>")), content_id(None)), (None, None));
    }
}
