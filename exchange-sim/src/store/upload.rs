//! Files on their way to an item, piece by piece.

use super::attachment::Attachment;
use super::item::ItemRef;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Sessions open at a time.
const SESSIONS_MAX: usize = 64;
/// Bytes of all sessions together.
const BYTES_MAX: usize = 256 * 1024 * 1024;
/// How long a session lives; in the documented example less than two hours are left of it after the
/// upload (docs: outlook-large-attachments).
const LIFE: SignedDuration = SignedDuration::from_hours(2);

/// A file that is being uploaded.
#[derive(Debug, Clone)]
pub struct Upload {
    /// The mailbox's address in lower case.
    pub mailbox: String,
    /// The item that it will be attached to.
    pub at: ItemRef,
    /// What it will be, without its content.
    pub attachment: Attachment,
    /// Its length in bytes.
    pub size: usize,
    /// The item as URLs name it, such as `users('…')/messages('…')`.
    pub path: String,
    /// Whether the client prefers immutable ids.
    pub immutable: bool,
    /// What came so far, from the start on.
    pub received: Vec<u8>,
    /// When it is given up.
    pub expires: Timestamp,
}

/// Why a piece isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such session, or it is over.
    #[error("there is no such upload session")]
    Unknown,
    /// It was given up.
    #[error("the upload session is expired")]
    Expired,
    /// There are too many, or they hold too much.
    #[error("too many files are being uploaded")]
    Full,
}

/// All uploads, by the token in their URL.
#[derive(Debug, Default)]
pub struct Uploads(BTreeMap<String, Upload>);

impl Uploads {
    /// Begins one and tells when it will be given up.
    ///
    /// # Errors
    /// [`Refused::Full`] where there are too many that aren't expired.
    pub fn open(
        &mut self,
        token: &str,
        mut upload: Upload,
        now: Timestamp,
    ) -> Result<Timestamp, Refused> {
        self.0.retain(|_, upload| upload.expires > now);
        if self.0.len() >= SESSIONS_MAX {
            return Err(Refused::Full);
        }
        upload.expires = now.checked_add(LIFE).unwrap_or(Timestamp::MAX);
        let expires = upload.expires;
        self.0.insert(token.to_owned(), upload);
        Ok(expires)
    }

    /// One of them.
    ///
    /// # Errors
    /// [`Refused::Unknown`] and [`Refused::Expired`].
    pub fn find(&self, token: &str, now: Timestamp) -> Result<&Upload, Refused> {
        let upload = self.0.get(token).ok_or(Refused::Unknown)?;
        if upload.expires > now { Ok(upload) } else { Err(Refused::Expired) }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// [`Refused::Full`] where all uploads together hold too much, and those of [`Uploads::find`].
    pub fn append(&mut self, token: &str, piece: &[u8], now: Timestamp) -> Result<(), Refused> {
        self.find(token, now)?;
        let held: usize = self.0.values().map(|upload| upload.received.len()).sum();
        if held + piece.len() > BYTES_MAX {
            return Err(Refused::Full);
        }
        let upload = self.0.get_mut(token).ok_or(Refused::Unknown)?;
        upload.received.extend_from_slice(piece);
        Ok(())
    }

    /// Ends one.
    pub fn close(&mut self, token: &str) -> Option<Upload> {
        self.0.remove(token)
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::ItemId;
    use super::*;

    fn upload() -> Upload {
        Upload {
            mailbox: "anna@contoso.example".to_owned(),
            at: ItemId(1).into(),
            attachment: Attachment::file("a", Vec::new()),
            size: 2,
            path: String::new(),
            immutable: false,
            received: Vec::new(),
            expires: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn sessions_are_bounded_and_expire() {
        let mut uploads = Uploads::default();
        let now = Timestamp::UNIX_EPOCH;
        for number in 0..SESSIONS_MAX {
            uploads.open(&number.to_string(), upload(), now).expect("room");
        }
        assert_eq!(uploads.open("more", upload(), now), Err(Refused::Full));
        uploads.append("0", b"ab", now).expect("taken");
        assert_eq!(uploads.append("none", b"ab", now), Err(Refused::Unknown));
        let later = now + LIFE;
        assert_eq!(uploads.find("0", later).err(), Some(Refused::Expired));
        uploads.open("more", upload(), later).expect("room");
        assert_eq!(uploads.find("0", later).err(), Some(Refused::Unknown));
    }
}
