//! Folders; calendars are folders of class `IPF.Appointment`.

use super::property::{PropertyId, PropertyType, PropertyValue};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A folder's number within its mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderId(pub u64);

/// A folder.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Its number.
    pub id: FolderId,
    /// The folder it lies in; `None` for the root only.
    pub parent: Option<FolderId>,
    /// The name people see.
    pub name: String,
    /// The container class, such as `IPF.Note`; empty for the roots.
    pub class: String,
    /// The well-known folder it is, if any.
    pub role: Option<Role>,
    /// The mailbox's change number at its last change.
    pub change: u64,
    /// When it was made.
    pub created: Timestamp,
    /// Graph's `calendarColor`, kept for calendars.
    pub color: String,
    /// Extended properties as clients set them.
    pub properties: BTreeMap<PropertyId, PropertyValue>,
}

/// Container class of calendars.
pub const CALENDAR_CLASS: &str = "IPF.Appointment";
/// Container class of mail folders.
pub const MAIL_CLASS: &str = "IPF.Note";

impl Folder {
    /// Whether clients show it to people (PidTagAttributeHidden).
    pub fn is_hidden(&self) -> bool {
        let value = self.properties.get(&hidden()).and_then(PropertyValue::one);
        value.is_some_and(|value| matches!(value.trim(), "true" | "1"))
    }

    /// Whether it is for mail; what a client made without a class is (recordings: Exchange gives it
    /// none, and Graph shows it all the same).
    pub fn is_for_mail(&self) -> bool {
        self.class == MAIL_CLASS || self.class.is_empty() && self.role.is_none()
    }

    /// Whether it is a calendar.
    pub fn is_calendar(&self) -> bool {
        self.class == CALENDAR_CLASS
    }
}

/// PidTagAttributeHidden.
pub fn hidden() -> PropertyId {
    PropertyId::tag(PropertyType::Boolean, 0x10f4)
}

/// The well-known folders (EWS `DistinguishedFolderIdNameType`, Graph well-known names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Above everything.
    Root,
    /// What people call the mailbox.
    MsgFolderRoot,
    /// Default calendar.
    Calendar,
    /// Contacts.
    Contacts,
    /// Trash.
    DeletedItems,
    /// Drafts.
    Drafts,
    /// Incoming mail.
    Inbox,
    /// Journal.
    Journal,
    /// Junk.
    JunkEmail,
    /// Notes.
    Notes,
    /// Mail on its way out.
    Outbox,
    /// Sent mail.
    SentItems,
    /// Tasks.
    Tasks,
    /// Root of what can be recovered.
    RecoverableItemsRoot,
    /// Soft-deleted items.
    RecoverableItemsDeletions,
    /// Hard-deleted items.
    RecoverableItemsPurges,
    /// Mail put aside; known to Graph by this name, to EWS as a plain folder.
    Archive,
    /// What searches are kept in.
    SearchFolders,
    /// Earlier versions of what was changed.
    RecoverableItemsVersions,
    /// What is kept for discovery.
    RecoverableItemsDiscoveryHolds,
    /// Conversations by instant messages.
    ConversationHistory,
}

impl Role {
    /// Every role, in the order the folders are made.
    pub const ALL: [Role; 21] = [
        Role::Root,
        Role::MsgFolderRoot,
        Role::RecoverableItemsRoot,
        Role::RecoverableItemsDeletions,
        Role::RecoverableItemsPurges,
        Role::Calendar,
        Role::Contacts,
        Role::DeletedItems,
        Role::Drafts,
        Role::Inbox,
        Role::Journal,
        Role::JunkEmail,
        Role::Notes,
        Role::Outbox,
        Role::SentItems,
        Role::Tasks,
        Role::Archive,
        Role::SearchFolders,
        Role::RecoverableItemsVersions,
        Role::RecoverableItemsDiscoveryHolds,
        Role::ConversationHistory,
    ];

    /// The name in requests of both faces.
    pub fn distinguished(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::MsgFolderRoot => "msgfolderroot",
            Role::Calendar => "calendar",
            Role::Contacts => "contacts",
            Role::DeletedItems => "deleteditems",
            Role::Drafts => "drafts",
            Role::Inbox => "inbox",
            Role::Journal => "journal",
            Role::JunkEmail => "junkemail",
            Role::Notes => "notes",
            Role::Outbox => "outbox",
            Role::SentItems => "sentitems",
            Role::Tasks => "tasks",
            Role::RecoverableItemsRoot => "recoverableitemsroot",
            Role::RecoverableItemsDeletions => "recoverableitemsdeletions",
            Role::RecoverableItemsPurges => "recoverableitemspurges",
            Role::Archive => "archive",
            Role::SearchFolders => "searchfolders",
            Role::RecoverableItemsVersions => "recoverableitemsversions",
            Role::RecoverableItemsDiscoveryHolds => "recoverableitemsdiscoveryholds",
            Role::ConversationHistory => "conversationhistory",
        }
    }

    /// Finds a role by its name in requests.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.distinguished().eq_ignore_ascii_case(name))
    }

    /// The name people see in an English mailbox.
    pub fn display_name(self) -> &'static str {
        match self {
            Role::Root => "",
            Role::MsgFolderRoot => "Top of Information Store",
            Role::Calendar => "Calendar",
            Role::Contacts => "Contacts",
            Role::DeletedItems => "Deleted Items",
            Role::Drafts => "Drafts",
            Role::Inbox => "Inbox",
            Role::Journal => "Journal",
            Role::JunkEmail => "Junk Email",
            Role::Notes => "Notes",
            Role::Outbox => "Outbox",
            Role::SentItems => "Sent Items",
            Role::Tasks => "Tasks",
            Role::RecoverableItemsRoot => "Recoverable Items",
            Role::RecoverableItemsDeletions => "Deletions",
            Role::RecoverableItemsPurges => "Purges",
            Role::Archive => "Archive",
            Role::SearchFolders => "Finder",
            Role::RecoverableItemsVersions => "Versions",
            Role::RecoverableItemsDiscoveryHolds => "DiscoveryHolds",
            Role::ConversationHistory => "Conversation History",
        }
    }

    /// The container class.
    pub fn class(self) -> &'static str {
        match self {
            Role::Root | Role::MsgFolderRoot | Role::RecoverableItemsRoot => "",
            Role::RecoverableItemsDeletions | Role::RecoverableItemsPurges => "",
            Role::RecoverableItemsVersions | Role::RecoverableItemsDiscoveryHolds => "",
            Role::SearchFolders => "",
            Role::Calendar => CALENDAR_CLASS,
            Role::Contacts => "IPF.Contact",
            Role::Journal => "IPF.Journal",
            Role::Notes => "IPF.StickyNote",
            Role::Tasks => "IPF.Task",
            Role::DeletedItems | Role::Drafts | Role::Inbox => MAIL_CLASS,
            Role::JunkEmail | Role::Outbox | Role::SentItems | Role::Archive => MAIL_CLASS,
            Role::ConversationHistory => MAIL_CLASS,
        }
    }

    /// The role of the folder it lies in.
    pub fn parent(self) -> Option<Role> {
        match self {
            Role::Root => None,
            Role::MsgFolderRoot | Role::RecoverableItemsRoot => Some(Role::Root),
            Role::SearchFolders => Some(Role::Root),
            Role::RecoverableItemsDeletions | Role::RecoverableItemsPurges => {
                Some(Role::RecoverableItemsRoot)
            }
            Role::RecoverableItemsVersions | Role::RecoverableItemsDiscoveryHolds => {
                Some(Role::RecoverableItemsRoot)
            }
            Role::Calendar | Role::Contacts | Role::DeletedItems | Role::Drafts => {
                Some(Role::MsgFolderRoot)
            }
            Role::Inbox | Role::Journal | Role::JunkEmail | Role::Notes => {
                Some(Role::MsgFolderRoot)
            }
            Role::Outbox | Role::SentItems | Role::Tasks | Role::Archive => {
                Some(Role::MsgFolderRoot)
            }
            Role::ConversationHistory => Some(Role::MsgFolderRoot),
        }
    }
}
