//! Items: what both faces read and write.

use super::attachment::Attachment;
use super::body::Body;
use super::changes::Window;
use super::folder::FolderId;
use super::meeting::{Meeting, Standing};
use super::property::{PropertyId, PropertyValue};
use super::series::{Occurrence, Series};
use super::zone::Zone;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An item's number within its mailbox; it survives moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemId(pub u64);

/// An item, or one occurrence of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ItemRef {
    /// The item; of an occurrence its master.
    pub id: ItemId,
    /// The date on which the recurrence has the occurrence.
    pub date: Option<Date>,
}

impl From<ItemId> for ItemRef {
    fn from(id: ItemId) -> Self {
        Self { id, date: None }
    }
}

/// A stored item, or an occurrence made up from one.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number.
    pub id: ItemId,
    /// The folder it lies in.
    pub folder: FolderId,
    /// How often it was moved: EWS ids and Graph's default ids change with it.
    pub moves: u32,
    /// The mailbox's change number at its last change, behind ChangeKey and etag.
    pub change: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last modified.
    pub modified: Timestamp,
    /// Graph's `transactionId`, kept from creation.
    pub transaction_id: Option<String>,
    /// 16 bytes that copies keep (PR_SEARCH_KEY).
    pub search_key: [u8; 16],
    /// What it is of a series; `None` for what is stored by itself.
    pub occurrence: Option<Occurrence>,
    /// What clients write.
    pub content: Content,
}

/// The writable part of an item: read it, change it, hand it to `Mailbox::update`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// At most 255 characters.
    pub subject: String,
    /// Text or HTML.
    pub body: Body,
    /// Names, in the order given.
    pub categories: Vec<String>,
    /// Low, normal, high.
    pub importance: Importance,
    /// Normal, personal, private, confidential.
    pub sensitivity: Sensitivity,
    /// Set for events by default, 15 minutes before.
    pub reminder: Reminder,
    /// Extended properties that are not shown as something else.
    #[serde(with = "super::export::pairs")]
    pub properties: BTreeMap<PropertyId, PropertyValue>,
    /// In the order in which they were attached.
    pub attachments: Vec<Attachment>,
    /// What only one kind of item has.
    pub kind: Kind,
}

/// Kinds of items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    /// `IPM.Appointment`.
    Event(Box<Event>),
    /// `IPM.Note`.
    Message(Box<Message>),
}

/// A calendar event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Start with the zone it was stated in.
    pub start: ZonedTime,
    /// End, exclusive.
    pub end: ZonedTime,
    /// Midnight to midnight in the start's zone.
    pub all_day: bool,
    /// Where; the first is the one that single-location clients see.
    pub locations: Vec<Location>,
    /// Free, busy and so on.
    pub show_as: ShowAs,
    /// The iCalendar UID; given by the store where a client states none.
    pub uid: String,
    /// Who organises; the mailbox itself unless imported.
    pub organizer: Option<Person>,
    /// Who is invited.
    pub attendees: Vec<Attendee>,
    /// Whether attendees are asked to answer.
    pub response_requested: bool,
    /// Whether attendees may propose another time.
    pub allow_new_time_proposals: bool,
    /// Whether attendees see each other (Graph `hideAttendees`).
    pub hide_attendees: bool,
    /// Whether the organiser cancelled it.
    pub cancelled: bool,
    /// The mailbox's own answer.
    pub my_response: Response,
    /// Whether attendees have been mailed a meeting request.
    pub request_sent: bool,
    /// Graph's `isOnlineMeeting`.
    pub online_meeting: bool,
    /// What makes it the master of a series.
    pub series: Option<Arc<Series>>,
    /// How it stands between organiser and attendees.
    pub standing: Standing,
}

/// A mail message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Author.
    pub from: Option<Person>,
    /// Recipients.
    pub to: Vec<Person>,
    /// Copies.
    pub cc: Vec<Person>,
    /// Blind copies.
    pub bcc: Vec<Person>,
    /// When it was handed in.
    pub sent: Option<Timestamp>,
    /// When it arrived.
    pub received: Option<Timestamp>,
    /// Read by its owner.
    pub read: bool,
    /// Not sent yet.
    pub draft: bool,
    /// With angle brackets.
    pub internet_message_id: String,
    /// What makes it a meeting message.
    pub meeting: Option<Box<Meeting>>,
}

/// An instant and the zone it was stated in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ZonedTime {
    /// The instant, of whole seconds.
    pub utc: Timestamp,
    /// The zone.
    pub zone: Zone,
}

/// A place.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Location {
    /// What people read.
    pub name: String,
    /// The room's mail address.
    pub email: Option<String>,
    /// A link.
    pub uri: Option<String>,
    /// Postal address by Graph's member names: street, city, state, countryOrRegion, postalCode.
    pub address: BTreeMap<String, String>,
}

/// Name and SMTP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Display name.
    pub name: String,
    /// SMTP address.
    pub address: String,
}

/// Somebody invited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attendee {
    /// Who.
    pub person: Person,
    /// As what.
    pub role: AttendeeRole,
    /// Their answer.
    pub response: Response,
    /// When they answered.
    pub responded: Option<Timestamp>,
}

/// As what somebody is invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum AttendeeRole {
    Required,
    Optional,
    Resource,
}

/// Answers to an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Response {
    None,
    Organizer,
    Tentative,
    Accepted,
    Declined,
    NotResponded,
}

/// When to remind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// Whether at all.
    pub set: bool,
    /// Minutes before the start; kept while off.
    pub minutes: i32,
}

impl Reminder {
    /// What servers set where the client states nothing.
    pub const DEFAULT: Reminder = Reminder { set: true, minutes: 15 };
}

/// Importance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Importance {
    Low,
    Normal,
    High,
}

/// Sensitivity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Sensitivity {
    Normal,
    Personal,
    Private,
    Confidential,
}

/// Free/busy state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum ShowAs {
    Free,
    Tentative,
    Busy,
    OutOfOffice,
    WorkingElsewhere,
    Unknown,
}

impl Content {
    /// An event from `start` to `end`, everything else as a server would have it by default.
    pub fn event(subject: &str, start: ZonedTime, end: ZonedTime) -> Self {
        let event = Event {
            start,
            end,
            all_day: false,
            locations: Vec::new(),
            show_as: ShowAs::Busy,
            uid: String::new(),
            organizer: None,
            attendees: Vec::new(),
            response_requested: true,
            allow_new_time_proposals: true,
            hide_attendees: false,
            cancelled: false,
            my_response: Response::Organizer,
            request_sent: false,
            online_meeting: false,
            series: None,
            standing: Standing::default(),
        };
        Self::of(subject, Reminder::DEFAULT, Kind::Event(Box::new(event)))
    }

    /// A message as its author left it: an unread draft.
    pub fn message(subject: &str) -> Self {
        let message = Message {
            from: None,
            to: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            sent: None,
            received: None,
            read: false,
            draft: true,
            internet_message_id: String::new(),
            meeting: None,
        };
        let reminder = Reminder { set: false, minutes: 0 };
        Self::of(subject, reminder, Kind::Message(Box::new(message)))
    }

    fn of(subject: &str, reminder: Reminder, kind: Kind) -> Self {
        Self {
            subject: subject.to_owned(),
            body: Body::default(),
            categories: Vec::new(),
            importance: Importance::Normal,
            sensitivity: Sensitivity::Normal,
            reminder,
            properties: BTreeMap::new(),
            attachments: Vec::new(),
            kind,
        }
    }

    /// The event, if it is one.
    pub fn as_event(&self) -> Option<&Event> {
        match &self.kind {
            Kind::Event(event) => Some(event),
            Kind::Message(_) => None,
        }
    }

    /// The event to change, if it is one.
    pub fn as_event_mut(&mut self) -> Option<&mut Event> {
        match &mut self.kind {
            Kind::Event(event) => Some(event),
            Kind::Message(_) => None,
        }
    }
}

impl Event {
    /// Whether it touches a window; of a series its master's own time counts.
    pub fn is_in(&self, window: Window) -> bool {
        window.touches(self.start.utc, self.end.utc)
    }

    /// Whether others are invited, which makes it a meeting.
    pub fn is_meeting(&self) -> bool {
        !self.attendees.is_empty()
    }
}
