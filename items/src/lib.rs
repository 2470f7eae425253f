//! What is synchronised: events, their zones, iCalendar, and digests that say whether two copies
//! hold, or mean, the same. Pure: no clock, no I/O.

#![forbid(unsafe_code)]

pub mod attachment;
pub mod calendars;
pub mod compose;
pub mod content;
pub mod digest;
pub mod event;
pub mod field;
pub mod folder;
pub mod hierarchy;
pub mod html;
pub mod ical;
pub mod meaning;
pub mod note;
pub mod people;
pub mod recurrence;
pub mod series;
pub mod show;
pub mod uid;
pub mod zone;

pub use attachment::Attachment;
pub use content::Content;
pub use digest::{Digester, NORMALISER};
pub use event::{
    Body, BodyKind, Error, Event, Importance, Occurrence, Reminder, Sensitivity, ShowAs, Timing,
};
pub use folder::Folder;
pub use people::{Attendee, Meeting, People, Person, Response, Role, Travel};
pub use recurrence::{Recurrence, Rule};
