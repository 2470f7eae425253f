//! Members that the service sets. Clients may send them, of the type that the description gives them;
//! the values are ignored.

use super::error::Error;
use super::{message, write};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;

/// A member and the type of its values.
pub(super) type Member = (&'static str, Type);

/// Types of the description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Flag,
    /// `Edm.DateTimeOffset`.
    Instant,
    /// `Edm.Binary`.
    Binary,
    Body,
    Recipient,
    ResponseStatus,
    KindOfEvent,
    Texts,
    List,
    Structured,
    /// `Edm.Int32`, or `Edm.Int64`.
    Count,
}

/// Of messages (docs: message resource).
pub(super) const OF_MESSAGES: [Member; 15] = [
    ("id", Type::Text),
    ("changeKey", Type::Text),
    ("createdDateTime", Type::Instant),
    ("lastModifiedDateTime", Type::Instant),
    ("receivedDateTime", Type::Instant),
    ("sentDateTime", Type::Instant),
    ("bodyPreview", Type::Text),
    ("hasAttachments", Type::Flag),
    ("isDraft", Type::Flag),
    ("parentFolderId", Type::Text),
    ("conversationId", Type::Text),
    ("conversationIndex", Type::Binary),
    ("webLink", Type::Text),
    ("uniqueBody", Type::Body),
    ("internetMessageHeaders", Type::List),
];

/// Of events (docs: event resource).
pub(super) const OF_EVENTS: [Member; 24] = [
    ("id", Type::Text),
    ("changeKey", Type::Text),
    ("createdDateTime", Type::Instant),
    ("lastModifiedDateTime", Type::Instant),
    ("bodyPreview", Type::Text),
    ("hasAttachments", Type::Flag),
    ("webLink", Type::Text),
    ("iCalUId", Type::Text),
    ("isCancelled", Type::Flag),
    ("isDraft", Type::Flag),
    ("isOrganizer", Type::Flag),
    ("onlineMeeting", Type::Structured),
    ("onlineMeetingUrl", Type::Text),
    ("organizer", Type::Recipient),
    ("originalStart", Type::Instant),
    ("originalStartTimeZone", Type::Text),
    ("originalEndTimeZone", Type::Text),
    ("responseStatus", Type::ResponseStatus),
    ("seriesMasterId", Type::Text),
    ("type", Type::KindOfEvent),
    ("cancelledOccurrences", Type::Texts),
    ("exceptionOccurrences", Type::List),
    ("transactionId", Type::Text),
    ("@odata.type", Type::Text),
];

/// Of calendars (docs: calendar resource).
pub(super) const OF_CALENDARS: [Member; 9] = [
    ("id", Type::Text),
    ("changeKey", Type::Text),
    ("canEdit", Type::Flag),
    ("canShare", Type::Flag),
    ("canViewPrivateItems", Type::Flag),
    ("hexColor", Type::Text),
    ("isRemovable", Type::Flag),
    ("isTallyingResponses", Type::Flag),
    ("owner", Type::Structured),
];

/// Of mail folders (docs: mailFolder resource).
pub(super) const OF_FOLDERS: [Member; 6] = [
    ("id", Type::Text),
    ("childFolderCount", Type::Count),
    ("parentFolderId", Type::Text),
    ("sizeInBytes", Type::Count),
    ("totalItemCount", Type::Count),
    ("unreadItemCount", Type::Count),
];

/// Whether the service sets a member, whose value must be of its type or null.
pub(super) fn is_read_only(members: &[Member], name: &str, value: &Value) -> Result<bool, Error> {
    match members.iter().find(|(known, _)| *known == name) {
        Some((name, kind)) if !value.is_null() => kind.check(name, value).map(|()| true),
        found => Ok(found.is_some()),
    }
}

impl Type {
    fn check(self, name: &str, value: &Value) -> Result<(), Error> {
        match self {
            Type::Text => write::text(name, value).map(drop),
            Type::Flag => write::flag(name, value).map(drop),
            Type::Instant => instant(name, value),
            Type::Binary => {
                let text = write::text(name, value)?;
                STANDARD.decode(text).map(drop).map_err(|_| write::wrong_type(name, "Edm.Binary"))
            }
            Type::Body => write::item_body(name, value).map(drop),
            Type::Recipient => message::person(name, value).map(drop),
            Type::ResponseStatus => response_status(name, value),
            Type::KindOfEvent => {
                let known = ["singleInstance", "occurrence", "exception", "seriesMaster"];
                write::choice(name, value, &known.map(|name| (name, ())))
            }
            Type::Texts => write::texts(name, value).map(drop),
            Type::List => write::array(name, value).map(drop),
            Type::Structured => write::object(name, value).map(drop),
            Type::Count if value.is_i64() => Ok(()),
            Type::Count => Err(write::wrong_type(name, "Edm.Int32")),
        }
    }
}

fn response_status(name: &str, value: &Value) -> Result<(), Error> {
    let members = write::object(name, value)?;
    write::only(members, &["response", "time"], "microsoft.graph.responseStatus")?;
    if let Some(response) = members.get("response").filter(|response| !response.is_null()) {
        let known =
            ["none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"];
        write::choice("response", response, &known.map(|name| (name, ())))?;
    }
    match members.get("time").filter(|time| !time.is_null()) {
        Some(time) => instant("time", time),
        None => Ok(()),
    }
}

/// Needs an offset or `Z`.
fn instant(name: &str, value: &Value) -> Result<(), Error> {
    let text = write::text(name, value)?;
    text.parse::<Timestamp>().map(drop).map_err(|_| {
        Error::body(format!(
            "Cannot convert the literal '{text}' to the expected type 'Edm.DateTimeOffset'."
        ))
    })
}
