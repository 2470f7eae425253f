//! Attachments of items: files, items within items, links.

use super::Error;
use super::body::Body;
use super::goid;
use super::ids::{self, Named};
use super::item::{Content, Event, Item, ItemRef, Kind};
use super::mailbox::Mailbox;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest name that is kept (docs: fileAttachment, name).
const NAME_CHARS_MAX: usize = 255;
/// Attachments within attachments, beyond which nothing is opened any more.
const DEPTH_MAX: usize = 16;

/// Something attached to an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its number within the mailbox; given by the store.
    pub number: u64,
    /// What people read; it may have path parts or control characters, as clients sent it.
    pub name: String,
    /// A MIME type, where one was stated.
    pub content_type: Option<String>,
    /// How an HTML body refers to it, without angle brackets.
    pub content_id: Option<String>,
    /// A URI that stands for it.
    pub content_location: Option<String>,
    /// Shown within the body and not in the list.
    pub inline: bool,
    /// When it was last modified.
    pub modified: Timestamp,
    /// What it holds.
    pub data: AttachmentData,
}

/// What an attachment holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum AttachmentData {
    /// A file.
    File(#[serde(with = "super::export::base64")] Bytes),
    /// An item with attachments of its own.
    Item(Box<Content>),
    /// A link to a file elsewhere.
    Reference(Reference),
}

/// A link to a file in a cloud (EWS `ReferenceAttachment`, Graph `referenceAttachment`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reference {
    /// Where the file lies.
    pub url: String,
    /// Such as `OneDriveConsumer`.
    pub provider: Option<String>,
    /// Such as `View` or `Edit`.
    pub permission: Option<String>,
    /// Whether it leads to a folder.
    pub is_folder: bool,
}

impl Attachment {
    /// A file, everything else as a server would have it by default.
    pub fn file(name: &str, content: impl Into<Bytes>) -> Self {
        Self::of(name, AttachmentData::File(content.into()))
    }

    /// Any attachment, everything else as a server would have it by default.
    pub fn of(name: &str, data: AttachmentData) -> Self {
        Self {
            number: 0,
            name: name.to_owned(),
            content_type: None,
            content_id: None,
            content_location: None,
            inline: false,
            modified: Timestamp::UNIX_EPOCH,
            data,
        }
    }

    /// Its size in bytes, with what it holds itself.
    pub fn size(&self) -> usize {
        let held = match &self.data {
            AttachmentData::File(content) => content.len(),
            AttachmentData::Item(content) => content.size(),
            AttachmentData::Reference(reference) => reference.url.len(),
        };
        held + self.name.len()
    }

    /// The item, if it is one.
    pub fn as_item(&self) -> Option<&Content> {
        match &self.data {
            AttachmentData::Item(content) => Some(content),
            AttachmentData::File(_) | AttachmentData::Reference(_) => None,
        }
    }
}

impl Item {
    /// An item attached to this one, as an item that can be shown; it has no id of its own.
    pub(crate) fn attached(&self, attachment: &Attachment, content: &Content) -> Item {
        Item {
            created: attachment.modified,
            modified: attachment.modified,
            transaction_id: None,
            occurrence: None,
            content: content.clone(),
            ..self.clone()
        }
    }
}

impl Content {
    /// Whether it has attachments that are listed; inline ones aren't.
    pub fn has_attachments(&self) -> bool {
        self.attachments.iter().any(|attachment| !attachment.inline)
    }

    /// The attachment of this number, at any depth.
    pub fn attachment(&self, number: u64) -> Option<&Attachment> {
        self.attachment_below(number, DEPTH_MAX)
    }

    fn attachment_below(&self, number: u64, depth: usize) -> Option<&Attachment> {
        let deeper = depth.checked_sub(1)?;
        self.attachments.iter().find_map(|attachment| match attachment.number == number {
            true => Some(attachment),
            false => attachment.as_item()?.attachment_below(number, deeper),
        })
    }

    /// Takes the attachment of this number off, at any depth; `false` if there is none.
    fn remove_attachment(&mut self, number: u64) -> bool {
        let before = self.attachments.len();
        self.attachments.retain(|attachment| attachment.number != number);
        if self.attachments.len() < before {
            return true;
        }
        self.attachments.iter_mut().any(|attachment| match &mut attachment.data {
            AttachmentData::Item(content) => content.remove_attachment(number),
            AttachmentData::File(_) | AttachmentData::Reference(_) => false,
        })
    }

    /// Bytes of text and attachments.
    pub fn size(&self) -> usize {
        let attached: usize = self.attachments.iter().map(Attachment::size).sum();
        self.subject.len() + self.body.content.len() + attached
    }

    /// How deep attached items lie within each other; refused where it is too deep.
    pub(super) fn check_depth(&self) -> Result<(), Error> {
        match self.depth() < DEPTH_MAX {
            true => Ok(()),
            false => Err(Error::AttachedTooDeep),
        }
    }

    fn depth(&self) -> usize {
        let items = self.attachments.iter().filter_map(Attachment::as_item);
        items.map(|content| 1 + content.depth()).max().unwrap_or(0)
    }
}

impl Mailbox {
    /// Attaches something to an item or an occurrence, which is changed by it.
    pub fn attach(&mut self, at: impl Into<ItemRef>, attachment: Attachment) -> Result<u64, Error> {
        let at = at.into();
        let mut content = self.opened(at)?.content.clone();
        let before: Vec<u64> = content.attachments.iter().map(|known| known.number).collect();
        content.attachments.push(Attachment { number: 0, modified: self.now, ..attachment });
        self.update(at, None, content)?;
        let item = self.opened(at)?;
        let new = item.content.attachments.iter().find(|known| !before.contains(&known.number));
        new.map(|attachment| attachment.number).ok_or(Error::AttachmentNotFound)
    }

    /// Takes an attachment off its item.
    pub fn detach(&mut self, at: impl Into<ItemRef>, number: u64) -> Result<(), Error> {
        let at = at.into();
        let mut content = self.opened(at)?.content.clone();
        match content.remove_attachment(number) {
            true => self.update(at, None, content),
            false => Err(Error::AttachmentNotFound),
        }
    }

    /// Gives numbers to attachments that have none.
    pub(super) fn number_attachments(&mut self, content: &mut Content) {
        let now = self.now;
        for attachment in &mut content.attachments {
            if let AttachmentData::Item(item) = &mut attachment.data {
                if attachment.number == 0 {
                    self.complete(item);
                }
                self.number_attachments(item);
            }
            if attachment.number == 0 {
                attachment.number = self.take_id();
            }
            if attachment.modified == Timestamp::UNIX_EPOCH {
                attachment.modified = now;
            }
            attachment.name = attachment.name.chars().take(NAME_CHARS_MAX).collect();
        }
    }

    /// Gives other numbers to attachments that have one, as a copy or another mailbox needs. What
    /// an exception has in common with its master stays in common, so that it goes on following it.
    pub(super) fn number_anew(&mut self, content: &mut Content) {
        self.exchange_numbers(content, &mut BTreeMap::new());
    }

    fn exchange_numbers(&mut self, content: &mut Content, numbers: &mut BTreeMap<u64, u64>) {
        for Attachment { number, data, .. } in &mut content.attachments {
            if *number != 0 {
                *number = *numbers.entry(*number).or_insert_with(|| self.take_id());
            }
            if let AttachmentData::Item(item) = data {
                self.exchange_numbers(item, numbers);
            }
        }
        let series = content.as_event_mut().and_then(Event::series_mut);
        for exception in series.into_iter().flat_map(|series| series.exceptions.values_mut()) {
            self.exchange_numbers(exception, numbers);
        }
    }

    /// Adds to an attached item what the server would add to a stored one.
    fn complete(&mut self, content: &mut Content) {
        content.subject = content.subject.trim_end().to_owned();
        content.body = std::mem::take::<Body>(&mut content.body).stored();
        let owner = self.owner();
        match &mut content.kind {
            Kind::Event(event) => {
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
    }

    /// The id of an item's attachment as EWS shows it.
    pub fn ews_attachment_id(&self, item: &Item, number: u64) -> String {
        ids::ews_attachment(&self.guid, self.named(item), number)
    }

    /// The id of an item's attachment as Graph shows it; `immutable` where the client prefers so.
    pub fn graph_attachment_id(&self, item: &Item, number: u64, immutable: bool) -> String {
        let named = match immutable {
            true => Named::immutable(item.reference()),
            false => self.named(item),
        };
        ids::graph_attachment(&self.guid, named, number)
    }

    /// Finds an attachment, at any depth, and the item it belongs to, by an id of either face.
    pub fn find_attachment(&self, id: &str) -> Result<(Cow<'_, Item>, u64), Error> {
        let (named, number) =
            ids::parse_attachment(&self.guid, id).ok_or(Error::AttachmentNotFound)?;
        let item = self.find_named(named)?;
        match item.content.attachment(number) {
            Some(_) => Ok((item, number)),
            None => Err(Error::AttachmentNotFound),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Person, Role, World};
    use super::*;
    use crate::Config;

    const ANNA: &str = "anna@contoso.example";
    const BEN: &str = "ben@contoso.example";

    fn letter(attachments: Vec<Attachment>) -> Content {
        let mut content = Content::message("letter");
        content.attachments = attachments;
        if let Kind::Message(message) = &mut content.kind {
            message.to = vec![Person { name: String::new(), address: BEN.to_owned() }];
        }
        content
    }

    fn nested(depth: usize) -> Attachment {
        let file = Attachment::file("deep", b"x".to_vec());
        (0..depth).fold(file, |held, _| {
            Attachment::of("item", AttachmentData::Item(Box::new(letter(vec![held]))))
        })
    }

    #[test]
    fn what_arrives_is_numbered_by_its_own_mailbox() {
        let mut world = World::new(Config::default());
        world.add_mailbox(ANNA, "secret");
        world.add_mailbox(BEN, "secret");
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        anna.send_message(letter(vec![nested(2)]), None).expect("sent");
        world.collect_sent();
        let ben = world.mailbox_mut(BEN).expect("a mailbox");
        let item = ben.items_in(ben.role(Role::Inbox)).next().expect("a message").clone();
        for number in 0..40 {
            ben.attach(item.id, Attachment::file("more", vec![number])).expect("attached");
        }
        let item = ben.item(item.id).expect("the message");
        let mut numbers: Vec<u64> = item.content.attachments.iter().map(|one| one.number).collect();
        let outer = item.content.attachments[0].as_item().expect("an item");
        let inner = outer.attachments[0].as_item().expect("an item");
        numbers.extend([outer.attachments[0].number, inner.attachments[0].number]);
        let deepest = inner.attachments[0].number;
        let total = numbers.len();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!((numbers.len(), total), (43, 43));
        let at = item.id;
        ben.detach(at, deepest).expect("taken off");
        assert_eq!(ben.detach(at, deepest), Err(Error::AttachmentNotFound));
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let mut world = World::new(Config::default());
        let anna = world.add_mailbox(ANNA, "secret");
        let drafts = anna.role(Role::Drafts);
        anna.create(drafts, letter(vec![nested(DEPTH_MAX - 1)])).expect("just taken");
        let deeper = anna.create(drafts, letter(vec![nested(DEPTH_MAX)]));
        assert_eq!(deeper, Err(Error::AttachedTooDeep));
        anna.message_bytes_max = 100;
        let large = Attachment::file("large", vec![0; 101]);
        assert_eq!(anna.create(drafts, letter(vec![large])), Err(Error::MessageTooLarge));
    }
}
