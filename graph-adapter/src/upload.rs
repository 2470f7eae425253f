//! Attaching files to events: small ones in one request, large ones range by range in a session
//! (MS docs: outlook-large-attachments).

use crate::GraphRemote;
use crate::attachments::{base_name, shelf};
use crate::failure::{Effect, Fault};
use crate::late::Late;
use crate::links::is_safe;
use crate::transport::{Call, Range};
use crate::write::permanent;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use items::Attachment;
use items::attachment::Data;
use serde_json::{Value, json};
use sync_core::ids::Digest;
use sync_core::port::{Failure, Files, Trouble};
use url::Url;

/// From this size on a file is put into a session: as base64 it would not fit into the 4 MB that a
/// request may have.
const SESSION_BYTES_MIN: u64 = 3_000_000;
/// Longest file that a session takes.
const BYTES_MAX: u64 = 150 * 1024 * 1024;
/// Bytes of a range: a multiple of 320 KiB below 4 MB.
const RANGE_BYTES: usize = 10 * 320 * 1024;
/// Bytes that are taken from the shelf at a time.
const PIECE_BYTES_MAX: usize = 1024 * 1024;

impl GraphRemote {
    /// Refuses, before anything is sent, what can't be attached.
    pub(crate) fn check_file(&self, files: &dyn Files, file: &Attachment) -> Result<(), Failure> {
        let Data::Bytes { digest, size } = &file.data else {
            return Err(permanent(
                "attachment-link",
                "a link to a file is attached, which Graph can't be told of",
            ));
        };
        if *size > BYTES_MAX {
            return Err(permanent(
                "attachment-too-large",
                &format!("an attachment has {size} bytes; Graph takes {BYTES_MAX} at most"),
            ));
        }
        match files.size(digest).map_err(|e| shelf(&e))? {
            Some(kept) if kept == *size => Ok(()),
            _ => Err(permanent(
                "attachment-not-kept",
                "the bytes of an attachment are not kept here (any more)",
            )),
        }
    }

    /// Attaches a file; gives its id, where the service tells it.
    pub(crate) async fn attach(
        &self,
        late: &Late<'_>,
        files: &dyn Files,
        file: &Attachment,
    ) -> Result<Option<String>, Failure> {
        let Data::Bytes { digest, size } = &file.data else { return Ok(None) };
        if *size >= SESSION_BYTES_MIN {
            match self.attach_large(late, files, file, (digest, *size)).await {
                // Where a megabyte begins, services disagree by a few bytes.
                Err(failure) if is_too_small(&failure) => {}
                done => return done,
            }
        }
        let mut body = described(file);
        body["@odata.type"] = json!("#microsoft.graph.fileAttachment");
        body["contentBytes"] = json!(STANDARD.encode(read(files, digest, 0, *size)?));
        let url = self.graph.links.attachments(late.folder.as_str(), late.id.as_str());
        let made = self.post(&url, &body).await?;
        Ok(made["id"].as_str().map(str::to_owned))
    }

    async fn attach_large(
        &self,
        late: &Late<'_>,
        files: &dyn Files,
        file: &Attachment,
        (digest, size): (&Digest, u64),
    ) -> Result<Option<String>, Failure> {
        let mut item = described(file);
        (item["attachmentType"], item["size"]) = (json!("file"), json!(size));
        let list = self.graph.links.attachments(late.folder.as_str(), late.id.as_str());
        let url = format!("{list}/createUploadSession");
        let body = json!({"AttachmentItem": item});
        // A session by itself changes nothing.
        let session =
            self.graph.send(&Call::post(&self.graph.links.absolute(&url), &body), 1).await;
        let session = session.map_err(|fault| ordinary(fault, Effect::Read))?;
        let url = session["uploadUrl"].as_str().filter(|url| is_upload(url));
        let url = url.ok_or_else(|| crate::garbled("an upload session without a safe address"))?;
        let mut first = 0;
        while first < size {
            let bytes = read(files, digest, first, size.min(first + RANGE_BYTES as u64))?;
            let range = Range { first, total: size };
            let is_last = first + bytes.len() as u64 == size;
            let next = first + bytes.len() as u64;
            // Until the last range has arrived, nothing is attached.
            let effect = if is_last { Effect::Create } else { Effect::Read };
            let answer = self.graph.upload(url, range, bytes).await;
            let answer = answer.map_err(|fault| of_session(fault, effect))?;
            if is_last {
                return Ok(answer.location.as_deref().and_then(id_in));
            }
            first = answer.next.unwrap_or(next);
            if first != next {
                return Err(crate::garbled("an upload session that lost a range"));
            }
        }
        Err(permanent("attachment-empty", "an empty file was to be put into a session"))
    }

    async fn post(&self, url: &str, body: &Value) -> Result<Value, Failure> {
        let url = self.graph.links.absolute(url);
        let made = self.graph.send(&Call::post(&url, body), 1).await;
        made.map_err(|fault| ordinary(fault, Effect::Create))
    }
}

/// What is said of a file in either way.
fn described(file: &Attachment) -> Value {
    let mut body = json!({"name": base_name(&file.name), "isInline": file.inline});
    if let Some(kind) = &file.media_type {
        body["contentType"] = json!(kind);
    }
    if let Some(id) = &file.content_id {
        body["contentId"] = json!(id);
    }
    body
}

/// The bytes of a kept file from `first` until before `end`.
fn read(files: &dyn Files, digest: &Digest, first: u64, end: u64) -> Result<Vec<u8>, Failure> {
    let length = usize::try_from(end - first).map_err(|e| shelf(&e))?;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let most = PIECE_BYTES_MAX.min(length - bytes.len());
        let piece = files.read(digest, first + bytes.len() as u64, most).map_err(|e| shelf(&e))?;
        if piece.is_empty() {
            return Err(shelf(&"a file on the shelf is shorter than it was"));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// The event was read a moment before: a sign-in that ended says nothing of it.
fn ordinary(fault: Fault, effect: Effect) -> Failure {
    fault.where_others_are_served(true).failure(effect)
}

/// A session has a token of its own, and ends: then another one is begun.
fn of_session(fault: Fault, effect: Effect) -> Failure {
    let is_over = |status| [401, 403, 404, 410, 416].contains(&status);
    match fault.refusal().filter(|refusal| is_over(refusal.status)) {
        Some(refusal) => {
            let detail = format!("an upload session has ended: {}", refusal.message);
            Failure::Transient(Trouble::new("upload-session-ended", detail))
        }
        None => fault.failure(effect),
    }
}

fn is_too_small(failure: &Failure) -> bool {
    let code = &failure.trouble().code;
    code.eq_ignore_ascii_case("ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
}

/// Whether bytes may go there: the documents name another host than the service's own, and nothing
/// but them goes along.
fn is_upload(link: &str) -> bool {
    Url::parse(link).is_ok_and(|url| is_safe(&url))
}

/// The id of an attachment in the address that tells of it.
fn id_in(location: &str) -> Option<String> {
    let (_, id) = location.rsplit_once("ttachments('")?;
    let (id, _) = id.split_once("')")?;
    (!id.is_empty() && !id.contains('%')).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachments_address_names_it() {
        let location = "https://outlook.office.com/api/v2.0/Users('a@b')/Events('AAMk=')\
                        /Attachments('AAMkADI5-_x=')";
        assert_eq!(id_in(location), Some("AAMkADI5-_x=".into()));
        assert_eq!(id_in("https://outlook.office.com/attachments('')"), None);
        assert_eq!(id_in("https://outlook.office.com/"), None);
    }

    #[test]
    fn bytes_go_to_safe_places_only() {
        for url in ["https://outlook.office.com/api/gv1.0/x?authtoken=1", "http://127.0.0.1:8/x"] {
            assert!(is_upload(url), "{url}");
        }
        for url in ["http://outlook.office.com/x", "https://a:b@c/x", "file:///etc/x", "x"] {
            assert!(!is_upload(url), "{url}");
        }
    }
}
