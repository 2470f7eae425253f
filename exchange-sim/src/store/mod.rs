//! The mailboxes behind both faces: what EWS writes, Graph shows.
//!
//! Pure and synchronous. Time comes in from outside ([`World::refresh`]), randomness from a seed.

pub mod body;
pub mod changes;
mod delivery;
pub(crate) mod derived;
pub mod dump;
pub mod folder;
pub mod goid;
pub mod ids;
pub mod item;
pub mod mailbox;
pub mod property;
pub mod rng;
pub mod sent;
pub mod settings;
mod tree;
mod world;
pub mod zone;

pub use body::{Body, BodyKind};
pub use changes::{CursorError, Entry, Feed, Node, Page, Scope, What, Window};
pub use folder::{Folder, FolderId, Role};
pub use item::{
    Attendee, AttendeeRole, Content, Event, Importance, Item, ItemId, Kind, Location, Message,
    Person, Reminder, Response, Sensitivity, ShowAs, ZonedTime,
};
pub use mailbox::{DeleteType, Mailbox};
pub use property::{PropertyId, PropertyKey, PropertyType, PropertyValue};
pub use sent::{Sent, SentKind};
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
}
