//! Folders; calendars are folders of class `IPF.Appointment`.

use jiff::Timestamp;

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
}

/// Container class of calendars.
pub const CALENDAR_CLASS: &str = "IPF.Appointment";
/// Container class of mail folders.
pub const MAIL_CLASS: &str = "IPF.Note";

impl Folder {
    /// Whether it is a calendar.
    pub fn is_calendar(&self) -> bool {
        self.class == CALENDAR_CLASS
    }
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
}

impl Role {
    /// Every role, in the order the folders are made.
    pub const ALL: [Role; 17] = [
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
        }
    }

    /// The container class.
    pub fn class(self) -> &'static str {
        match self {
            Role::Root | Role::MsgFolderRoot | Role::RecoverableItemsRoot => "",
            Role::RecoverableItemsDeletions | Role::RecoverableItemsPurges => "",
            Role::Calendar => CALENDAR_CLASS,
            Role::Contacts => "IPF.Contact",
            Role::Journal => "IPF.Journal",
            Role::Notes => "IPF.StickyNote",
            Role::Tasks => "IPF.Task",
            Role::DeletedItems | Role::Drafts | Role::Inbox => MAIL_CLASS,
            Role::JunkEmail | Role::Outbox | Role::SentItems | Role::Archive => MAIL_CLASS,
        }
    }

    /// The role of the folder it lies in.
    pub fn parent(self) -> Option<Role> {
        match self {
            Role::Root => None,
            Role::MsgFolderRoot | Role::RecoverableItemsRoot => Some(Role::Root),
            Role::RecoverableItemsDeletions | Role::RecoverableItemsPurges => {
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
        }
    }
}
