//! The mailboxes behind both faces: what EWS writes, Graph shows.
//!
//! Pure and synchronous. Time comes in from outside ([`World::refresh`]), randomness from a seed.

pub mod attachment;
mod attendant;
pub mod body;
pub mod changes;
mod conversation;
mod delivery;
pub(crate) mod derived;
pub mod dump;
pub mod export;
pub mod folder;
pub mod free_busy;
pub mod goid;
pub mod ids;
pub mod import;
pub mod item;
pub mod log;
pub mod mailbox;
pub mod meeting;
mod naming;
mod notice;
pub mod property;
pub mod recurrence;
pub mod rng;
pub mod sent;
pub mod series;
pub mod settings;
pub mod subscription;
mod tree;
pub mod upload;
mod world;
pub mod zone;

pub use attachment::{Attachment, AttachmentData, Reference};
pub use body::{Body, BodyKind};
pub use changes::{CursorError, Entry, Feed, Node, Page, Scope, What, Window};
pub use export::Exported;
pub use folder::{Folder, FolderId, Role};
pub use item::{
    Attendee, AttendeeRole, Content, Event, Importance, Item, ItemId, ItemRef, Kind, Location,
    Message, Person, Reminder, Response, Sensitivity, ShowAs, ZonedTime,
};
pub use mailbox::{DeleteType, Mailbox};
pub use meeting::{Answer, Meeting, MeetingKind, Previous, Proposal, RequestKind, Standing, Told};
pub use property::{PropertyId, PropertyKey, PropertyType, PropertyValue};
pub use sent::{Sent, SentKind};
pub use series::{Occurrence, Series};
pub use tree::Subfolders;
pub use world::World;
pub use zone::Zone;

/// Why the store refused; a face renders it in its own words.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// No such item, or not in the folder named.
    #[error("the specified object was not found in the store")]
    ItemNotFound,
    /// No such folder.
    #[error("the specified folder could not be found in the store")]
    FolderNotFound,
    /// A folder of that name exists under the same parent.
    #[error("a folder with the specified name already exists: {0}")]
    FolderExists(String),
    /// A well-known folder can't be renamed, moved or deleted.
    #[error("distinguished folders can't be changed")]
    FolderProtected,
    /// The version given isn't the current one.
    #[error("the change key passed in the request does not match the current change key")]
    Conflict,
    /// A subject may have 255 characters.
    #[error("the subject is longer than 255 characters")]
    SubjectTooLong,
    /// An event that ends before it starts.
    #[error("the end of the event lies before its start")]
    EndBeforeStart,
    /// Events last at most five years.
    #[error("the event is longer than five years")]
    TooLong,
    /// An item can't be put into a folder of another class.
    #[error("an item of this kind can't be stored in this folder")]
    WrongFolderClass,
    /// A value that doesn't fit the type of its extended property.
    #[error("the value doesn't fit the type of the extended property {0}")]
    InvalidPropertyValue(String),
    /// No such attachment.
    #[error("the specified attachment was not found in the store")]
    AttachmentNotFound,
    /// Items within items, beyond what a server opens.
    #[error("items are attached to items too many levels deep")]
    AttachedTooDeep,
    /// An item and its attachments together are larger than the mailbox takes.
    #[error("the message exceeds the maximum supported size")]
    MessageTooLarge,
    /// A recurrence that makes no sense.
    #[error("the recurrence is invalid: {0}")]
    Recurrence(recurrence::Error),
    /// A series without any occurrence, or the deletion of its last one.
    #[error("the recurrence has no occurrence")]
    NoOccurrence,
    /// An occurrence can't recur itself.
    #[error("an occurrence of a series can't have a recurrence")]
    RecurrenceOfOccurrence,
    /// The item is no master of a series.
    #[error("the item is not the master of a series")]
    NoSeries,
    /// The occurrence was deleted.
    #[error("the occurrence is deleted from the recurrence")]
    OccurrenceDeleted,
    /// The series has fewer occurrences.
    #[error("the occurrence index is out of the recurrence's range")]
    OccurrenceOutOfRange,
    /// The occurrences of a series last longer than the time between them.
    #[error("one occurrence of the series overlaps with another")]
    OccurrencesOverlap,
    /// An occurrence that would cross its neighbour or share its day.
    #[error("the occurrence crosses or overlaps an adjacent occurrence")]
    OccurrenceCrossing,
    /// Bytes that are no exported item of this server.
    #[error("the data of the exported item is corrupt")]
    InvalidStream,
    /// An occurrence can't leave its series.
    #[error("an occurrence of a series can't be moved or copied")]
    CannotMoveOccurrence,
}
