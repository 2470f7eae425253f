//! One mailbox: folders, items, and every change to them.

use super::Error;
use super::body::Body;
use super::changes::{Cause, Change, Cursor, Node, What};
use super::folder::{CALENDAR_CLASS, Folder, FolderId, Role};
use super::goid;
use super::item::{Content, Item, ItemId, ItemRef, Kind, Person};
use super::meeting::keep_answers;
use super::rng::Rng;
use super::sent::Sent;
use super::series::follow_master;
use super::settings::Settings;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

const TOKEN_BYTES: usize = 32;
const SUBJECT_CHARS_MAX: usize = 255;
/// What a mailbox takes unless its administrator says otherwise (docs: attachment-createuploadsession).
const MESSAGE_BYTES_MAX: usize = 35 * 1024 * 1024;
/// Exchange refuses events longer than five years.
const EVENT_DAYS_MAX: i64 = 1827;
/// How long after a create Exchange Online touches the item once more.
const SETTLE: SignedDuration = SignedDuration::from_secs(1);

/// A mailbox.
#[derive(Debug)]
pub struct Mailbox {
    /// Its SMTP address in lower case.
    pub address: String,
    /// The owner's display name.
    pub name: String,
    /// The name to sign in with; the address works as well.
    pub user: String,
    /// The password for Basic and NTLM.
    pub password: String,
    /// The store's GUID, part of every id.
    pub guid: [u8; 16],
    /// The virtual time, set by `World::refresh`.
    pub now: Timestamp,
    /// Whether the server touches items again after their creation.
    pub settles: bool,
    /// One page in so many repeats an entry; 0 for never.
    pub repeat_one_in: u64,
    /// Bytes that an item may have with all its attachments.
    pub message_bytes_max: usize,
    /// Randomness of its own.
    pub rng: Rng,
    /// What the owner sets.
    pub settings: Settings,
    pub(super) folders: BTreeMap<FolderId, Folder>,
    pub(super) items: BTreeMap<ItemId, Item>,
    /// Which items each folder holds.
    contents: BTreeSet<(FolderId, ItemId)>,
    pub(super) log: Vec<Change>,
    pub(super) cursors: BTreeMap<String, Cursor>,
    /// The tokens of `cursors`, oldest first.
    pub(super) tokens: VecDeque<String>,
    /// Entries that `cursors` hold, each round counted once.
    pub(super) entries_held: usize,
    pub(super) outbox: Vec<Sent>,
    pub(super) deliveries: Vec<Content>,
    unsettled: Vec<(Timestamp, ItemId)>,
    change: u64,
    next_id: u64,
}

/// How to delete (EWS `DisposalType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteType {
    /// Gone for good.
    HardDelete,
    /// Into Recoverable Items.
    SoftDelete,
    /// Into Deleted Items; from there on into Recoverable Items.
    MoveToDeletedItems,
}

impl Mailbox {
    /// Makes an empty mailbox with its well-known folders.
    pub fn new(address: &str, password: &str, now: Timestamp, mut rng: Rng) -> Self {
        let address = address.to_ascii_lowercase();
        let local = address.split('@').next().unwrap_or_default().to_owned();
        let guid = rng.bytes16();
        let mut mailbox = Self {
            name: display_name(&local),
            user: address.clone(),
            password: password.to_owned(),
            guid,
            settings: Settings::new(&guid),
            now,
            settles: false,
            repeat_one_in: 0,
            message_bytes_max: MESSAGE_BYTES_MAX,
            rng,
            folders: BTreeMap::new(),
            items: BTreeMap::new(),
            contents: BTreeSet::new(),
            log: Vec::new(),
            cursors: BTreeMap::new(),
            tokens: VecDeque::new(),
            entries_held: 0,
            outbox: Vec::new(),
            deliveries: Vec::new(),
            unsettled: Vec::new(),
            change: 0,
            next_id: 1,
            address,
        };
        for role in Role::ALL {
            let parent = role.parent().map(|parent| mailbox.role(parent));
            mailbox.add_folder(parent, role.display_name(), role.class(), Some(role));
        }
        mailbox
    }

    /// The owner as a person.
    pub fn owner(&self) -> Person {
        Person { name: self.name.clone(), address: self.address.clone() }
    }

    /// Every item, by number.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// The items directly in `folder`.
    pub fn items_in(&self, folder: FolderId) -> impl Iterator<Item = &Item> {
        self.contents
            .range((folder, ItemId(0))..=(folder, ItemId(u64::MAX)))
            .filter_map(|(_, id)| self.items.get(id))
    }

    /// One item.
    pub fn item(&self, id: ItemId) -> Result<&Item, Error> {
        self.items.get(&id).ok_or(Error::ItemNotFound)
    }

    /// How many messages in `folder` are unread.
    pub fn unread(&self, folder: FolderId) -> usize {
        self.items_in(folder)
            .filter(|item| matches!(&item.content.kind, Kind::Message(message) if !message.read))
            .count()
    }

    /// Whether the item lies in Deleted Items or below.
    pub fn is_trashed(&self, item: &Item) -> bool {
        let trash = self.role(Role::DeletedItems);
        item.folder == trash || self.is_below(item.folder, trash)
    }

    /// Stores a new item; the store adds UID, organiser and what a server rewrites.
    pub fn create(&mut self, folder: FolderId, content: Content) -> Result<ItemId, Error> {
        let class = self.folder(folder)?.class.clone();
        let trash = self.role(Role::DeletedItems);
        let is_event = content.as_event().is_some();
        // Deleted Items takes everything; elsewhere events live in calendars only.
        if is_event != (class == CALENDAR_CLASS) && folder != trash {
            return Err(Error::WrongFolderClass);
        }
        let mut content = self.rewritten(content)?;
        if let Some(event) = content.as_event_mut() {
            event.settle_series(None)?;
        }
        let id = ItemId(self.take_id());
        let change = self.bump();
        let search_key = self.rng.bytes16();
        let item = Item {
            id,
            folder,
            moves: 0,
            change,
            created: self.now,
            modified: self.now,
            transaction_id: None,
            search_key,
            occurrence: None,
            content,
        };
        self.items.insert(id, item);
        self.contents.insert((folder, id));
        self.record(folder, Node::Item { id, moves: 0 }, What::Created);
        if self.settles && is_event {
            self.unsettled.push((self.now + SETTLE, id));
        }
        Ok(id)
    }

    /// Remembers what makes a repeated Graph POST harmless.
    pub fn set_transaction_id(&mut self, id: ItemId, transaction_id: &str) -> Result<(), Error> {
        let item = self.items.get_mut(&id).ok_or(Error::ItemNotFound)?;
        item.transaction_id = Some(transaction_id.to_owned());
        Ok(())
    }

    /// Replaces an item's content; where `expected` is given it must be the current change number.
    pub fn update(
        &mut self,
        at: impl Into<ItemRef>,
        expected: Option<u64>,
        content: Content,
    ) -> Result<(), Error> {
        let ItemRef { id, date } = at.into();
        let current = self.item(id)?.change;
        if expected.is_some_and(|expected| expected != current) {
            return Err(Error::Conflict);
        }
        if let Some(date) = date {
            return self.update_occurrence(id, date, content);
        }
        let mut content = self.rewritten(content)?;
        let before = &self.item(id)?.content;
        keep_answers(before, &mut content);
        if let Some(event) = content.as_event_mut() {
            event.settle_series(before.as_event())?;
        }
        follow_master(before, &mut content);
        let what = match self.items.get(&id) {
            Some(item) if only_read_flag(&item.content, &content) => What::ReadFlag,
            _ => What::Changed,
        };
        self.touch(id, what, Some(content));
        Ok(())
    }

    /// Moves an item; ids that tell moves change.
    pub fn move_item(&mut self, at: impl Into<ItemRef>, target: FolderId) -> Result<(), Error> {
        let id = whole(at)?;
        let class = self.folder(target)?.class.clone();
        let item = self.item(id)?;
        let is_event = item.content.as_event().is_some();
        let takes_all = [Role::DeletedItems, Role::RecoverableItemsDeletions]
            .into_iter()
            .any(|role| self.role(role) == target);
        if !takes_all && is_event != (class == CALENDAR_CLASS) {
            return Err(Error::WrongFolderClass);
        }
        let (source, moves) = (item.folder, item.moves);
        let change = self.bump();
        let now = self.now;
        if let Some(item) = self.items.get_mut(&id) {
            item.folder = target;
            item.moves += 1;
            item.change = change;
            item.modified = now;
        }
        self.contents.remove(&(source, id));
        self.contents.insert((target, id));
        self.record(source, Node::Item { id, moves }, What::Deleted);
        self.record(target, Node::Item { id, moves: moves + 1 }, What::Created);
        Ok(())
    }

    /// Copies an item with all its properties; the copy has a new id and the same search key.
    pub fn copy_item(&mut self, at: impl Into<ItemRef>, target: FolderId) -> Result<ItemId, Error> {
        let id = whole(at)?;
        let item = self.item(id)?;
        let (mut content, key) = (item.content.clone(), item.search_key);
        let source = Cause::Copied(Node::Item { id, moves: item.moves }, item.folder);
        self.number_anew(&mut content);
        let copy = self.create(target, content)?;
        self.explain(source);
        if let Some(item) = self.items.get_mut(&copy) {
            item.search_key = key;
        }
        Ok(copy)
    }

    /// Deletes an item; an occurrence is gone however it is deleted.
    pub fn delete(&mut self, at: impl Into<ItemRef>, how: DeleteType) -> Result<(), Error> {
        let ItemRef { id, date } = at.into();
        if let Some(date) = date {
            return self.delete_occurrence(id, date);
        }
        let item = self.item(id)?;
        let (folder, moves) = (item.folder, item.moves);
        let recoverable = self.role(Role::RecoverableItemsDeletions);
        match how {
            DeleteType::MoveToDeletedItems if !self.is_trashed(item) => {
                self.move_item(id, self.role(Role::DeletedItems))
            }
            DeleteType::SoftDelete | DeleteType::MoveToDeletedItems if folder != recoverable => {
                self.move_item(id, recoverable)
            }
            DeleteType::HardDelete | DeleteType::SoftDelete | DeleteType::MoveToDeletedItems => {
                self.items.remove(&id);
                self.contents.remove(&(folder, id));
                self.record(folder, Node::Item { id, moves }, What::Deleted);
                Ok(())
            }
        }
    }

    /// Lets time pass: what the server does by itself some time after a write.
    pub(super) fn settle(&mut self) {
        let now = self.now;
        let (due, later) =
            std::mem::take(&mut self.unsettled).into_iter().partition(|(at, _)| *at <= now);
        self.unsettled = later;
        let due: Vec<(Timestamp, ItemId)> = due;
        for (_, id) in due {
            self.touch(id, What::Changed, None);
        }
    }

    pub(super) fn touch(&mut self, id: ItemId, what: What, content: Option<Content>) {
        let change = self.bump();
        let now = self.now;
        let Some(item) = self.items.get_mut(&id) else { return };
        item.change = change;
        item.modified = now;
        if let Some(content) = content {
            item.content = content;
        }
        let (folder, moves) = (item.folder, item.moves);
        self.record(folder, Node::Item { id, moves }, what);
    }

    /// What the server makes of what a client wrote.
    pub(super) fn rewritten(&mut self, mut content: Content) -> Result<Content, Error> {
        content.subject = content.subject.trim_end().to_owned();
        if content.subject.chars().count() > SUBJECT_CHARS_MAX {
            return Err(Error::SubjectTooLong);
        }
        content.body = std::mem::take::<Body>(&mut content.body).stored();
        content.check_depth()?;
        if content.size() > self.message_bytes_max {
            return Err(Error::MessageTooLarge);
        }
        self.number_attachments(&mut content);
        let owner = self.owner();
        match &mut content.kind {
            Kind::Event(event) => {
                if event.end.utc < event.start.utc {
                    return Err(Error::EndBeforeStart);
                }
                let length = event.end.utc.duration_since(event.start.utc);
                if length > SignedDuration::from_hours(24 * EVENT_DAYS_MAX) {
                    return Err(Error::TooLong);
                }
                if event.uid.is_empty() {
                    event.uid = goid::new_uid(self.now, &mut self.rng);
                }
                event.organizer.get_or_insert(owner);
            }
            Kind::Message(message) => {
                if message.internet_message_id.is_empty() {
                    message.internet_message_id = self.new_message_id();
                }
            }
        }
        Ok(content)
    }

    /// A `Message-ID` of the mailbox's domain.
    pub(super) fn new_message_id(&mut self) -> String {
        let host = self.address.split('@').nth(1).unwrap_or("localhost").to_owned();
        format!("<{}@{host}>", self.rng.guid())
    }

    /// Whether a token may have been given out here, as far as its form tells.
    pub fn may_be_token(token: &str) -> bool {
        URL_SAFE_NO_PAD.decode(token).is_ok_and(|bytes| bytes.len() == TOKEN_BYTES)
    }

    /// A fresh opaque token.
    pub(super) fn new_token(&mut self) -> String {
        let mut bytes = self.rng.bytes16().to_vec();
        bytes.extend_from_slice(&self.rng.bytes16());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn bump(&mut self) -> u64 {
        self.change += 1;
        self.change
    }

    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

/// The item, where it isn't one occurrence of a series.
fn whole(at: impl Into<ItemRef>) -> Result<ItemId, Error> {
    match at.into() {
        ItemRef { id, date: None } => Ok(id),
        ItemRef { date: Some(_), .. } => Err(Error::CannotMoveOccurrence),
    }
}

/// `anna.vogt` is Anna Vogt.
fn display_name(local: &str) -> String {
    local
        .split(['.', '_', '-'])
        .filter_map(|part| {
            let mut chars = part.chars();
            let first = chars.next()?;
            Some(first.to_uppercase().chain(chars).collect::<String>())
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn only_read_flag(old: &Content, new: &Content) -> bool {
    match (&old.kind, &new.kind) {
        (Kind::Message(before), Kind::Message(after)) if before.read != after.read => {
            let mut probe = new.clone();
            if let Kind::Message(message) = &mut probe.kind {
                message.read = before.read;
            }
            probe == *old
        }
        _ => false,
    }
}
