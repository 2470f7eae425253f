//! A calendar event, in the words of RFC 5545 and MS-OXOCAL.

use crate::attachment::Attachment;
use crate::people::{Attendee, Meeting};
use crate::recurrence::Recurrence;
use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::ids::{ElementKey, Field};

/// What is wrong with an event, or with what is asked of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes that are no canonical content: set the item aside.
    #[error("not the canonical content of an event: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A field that no event has, or that is no set where one is needed.
    #[error("an event has no such field: {0}")]
    UnknownField(Field),
    /// A set without the element that was to be taken from it.
    #[error("no element {1} in {0}")]
    NoElement(Field, ElementKey),
}

/// An event, or a series of them. A field is absent where a replica can't hold it, or where a patch
/// leaves it alone; absent is never empty. As JSON it is the canonical content that the store
/// keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Event {
    /// The identity that servers keep: UID, `iCalUId`. Identity, not a field: never merged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<String>,
    /// SUMMARY.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// DESCRIPTION, or X-ALT-DESC for HTML.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body>,
    /// LOCATION.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// DTSTART, DTEND and their zones: valid only together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timing: Option<Timing>,
    /// RRULE: whether and how it recurs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// The occurrences of a series that differ from it or were deleted, by the date on which the
    /// recurrence has them, in the zone of the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub occurrences: Option<BTreeMap<NaiveDate, Occurrence>>,
    /// CATEGORIES; a set, merged by element. Order is kept where a replica has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub categories: Option<Vec<String>>,
    /// VALARM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminder: Option<Reminder>,
    /// TRANSP and X-MICROSOFT-CDO-BUSYSTATUS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show_as: Option<ShowAs>,
    /// CLASS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// PRIORITY, X-MICROSOFT-CDO-IMPORTANCE.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub importance: Option<Importance>,
    /// ORGANIZER, STATUS, and the answer of the mailbox's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meeting: Option<Meeting>,
    /// ATTENDEE; a set, by address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attendees: Option<Vec<Attendee>>,
    /// ATTACH; a set, by name and content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attachments: Option<Vec<Attachment>>,
}

impl Event {
    /// The canonical content: equal events have equal bytes.
    pub fn to_canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event can be written as JSON")
    }

    /// The event that this canonical content holds.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is none.
    pub fn from_canonical(content: &[u8]) -> Result<Self, Error> {
        // serde would read an array as the fields in their order.
        if !content.starts_with(b"{") {
            return Err(Error::Malformed(serde::de::Error::custom("not an object")));
        }
        Ok(serde_json::from_slice(content)?)
    }
}

/// What became of one occurrence of a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Occurrence {
    /// It doesn't take place.
    Deleted,
    /// It differs from its series in the fields that are present, and in no others.
    Changed(Box<Event>),
}

/// A body as its replica stores it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Body {
    /// Text or HTML.
    pub kind: BodyKind,
    /// The text.
    pub content: String,
}

/// What a body is written in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyKind {
    /// Plain text.
    #[default]
    Text,
    /// HTML.
    Html,
}

/// When an event takes place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum Timing {
    /// From an instant to an instant, each with the zone it was entered in.
    Timed {
        /// Start, in seconds since 1970 UTC.
        start: i64,
        /// End, exclusive, in seconds since 1970 UTC.
        end: i64,
        /// Zone of the start, as the replica names it (Windows or IANA id, or something made up);
        /// `None` where it names none.
        start_zone: Option<String>,
        /// Zone of the end, likewise.
        end_zone: Option<String>,
    },
    /// Whole days, whatever the zone.
    AllDay {
        /// First day.
        start: NaiveDate,
        /// The day after the last.
        end: NaiveDate,
        /// The zone that the replica keeps with it; a day in one zone is a day in all of them.
        zone: Option<String>,
    },
}

/// Whether and when to remind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reminder {
    /// No reminder; not the same as a server's default.
    Off,
    /// This many minutes before the start.
    Before(i32),
}

/// How the time shows to others (MS-OXOCAL PidLidBusyStatus).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the protocol's own words")]
pub enum ShowAs {
    Free,
    Tentative,
    Busy,
    OutOfOffice,
    WorkingElsewhere,
}

/// Who may see it (MS-OXCMSG PidTagSensitivity).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the protocol's own words")]
pub enum Sensitivity {
    Normal,
    Personal,
    Private,
    Confidential,
}

/// How much it matters (MS-OXCMSG PidTagImportance).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the protocol's own words")]
pub enum Importance {
    Low,
    Normal,
    High,
}
