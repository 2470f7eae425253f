//! Items as streams of text: messages in RFC 5322 with MIME, events in iCalendar.
//!
//! As on Exchange the stream isn't stored but made from the properties when it is asked for, so it
//! is never the one that a client wrote (MS docs: MimeContent).

pub(crate) mod calendar_read;
pub(crate) mod calendar_write;
pub(crate) mod headers;
mod line;
mod read;
mod rule;
#[cfg(test)]
mod tests;
mod write;

use crate::store::Item;
use crate::store::Kind;
use crate::store::property::{PropertyId, PropertyType};

pub(crate) use read::message as read_message;

/// Why a stream can't become an item.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Error {
    /// It isn't what it says it is.
    #[error("the MIME content is invalid")]
    Invalid,
    /// It says what an item can't hold.
    #[error("the MIME content can't be converted: {0}")]
    Unconvertible(&'static str),
}

/// The item's stream: a message, or for events a calendar without any headers around it
/// (davmail#375 shows what a server answers).
pub(crate) fn render(item: &Item) -> Vec<u8> {
    match &item.content.kind {
        Kind::Event(_) => calendar_write::render(item).into_bytes(),
        Kind::Message(_) => write::message(item),
    }
}

/// The header fields with which a message arrives in a mailbox.
pub(crate) fn arrival(item: &Item, address: &str) -> String {
    let host = address.split('@').nth(1).unwrap_or(address);
    let at = match &item.content.kind {
        Kind::Message(message) => message.received.unwrap_or(item.created),
        Kind::Event(_) => item.created,
    };
    let date = at.strftime("%a, %d %b %Y %H:%M:%S +0000");
    let received =
        format!("Received: from {host} by {host} with Microsoft SMTP Server; {date}\r\n");
    received + &headers::block(&write::message(item))
}

/// PidTagInReplyToId (MS-OXPROPS), behind `item:InReplyTo` and the header of that name.
pub(crate) fn in_reply_to() -> PropertyId {
    PropertyId::tag(PropertyType::String, 0x1042)
}

/// PidTagInternetReferences (MS-OXPROPS), behind `message:References`.
pub(crate) fn references() -> PropertyId {
    PropertyId::tag(PropertyType::String, 0x1039)
}

/// PidTagConversationTopic (MS-OXPROPS), carried in Thread-Topic.
pub(crate) fn topic() -> PropertyId {
    PropertyId::tag(PropertyType::String, 0x0070)
}

/// PidTagConversationIndex (MS-OXPROPS), carried in Thread-Index.
pub(crate) fn thread_index() -> PropertyId {
    PropertyId::tag(PropertyType::Binary, 0x0071)
}

/// PidTagReadReceiptRequested (MS-OXPROPS), carried in Disposition-Notification-To.
pub(crate) fn read_receipt() -> PropertyId {
    PropertyId::tag(PropertyType::Boolean, 0x0029)
}
