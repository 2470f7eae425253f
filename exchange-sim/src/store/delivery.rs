//! Mail on its way from one mailbox to others.

use super::Error;
use super::changes::Cause;
use super::folder::{FolderId, Role};
use super::item::{Content, ItemId, Kind, Message};
use super::mailbox::Mailbox;
use super::property::PropertyValue;
use super::sent::{Sent, SentKind};
use crate::mime::{self, headers};

impl Mailbox {
    /// Sends a message; `save_to` gets a copy, usually Sent Items.
    ///
    /// It comes from the owner unless it states an author, and reaches the mailboxes of the same
    /// Exchange with `World::collect_sent`.
    ///
    /// # Errors
    /// [`Error::WrongFolderClass`] for events, and what [`Mailbox::create`] refuses.
    pub fn send_message(
        &mut self,
        content: Content,
        save_to: Option<FolderId>,
    ) -> Result<(), Error> {
        let content = self.post(content)?;
        if let Some(folder) = save_to {
            self.create(folder, content)?;
        }
        Ok(())
    }

    /// Sends a draft, which becomes the copy in `save_to` and keeps its number.
    ///
    /// # Errors
    /// Those of [`Mailbox::send_message`], and [`Error::ItemNotFound`].
    pub fn send_draft(&mut self, id: ItemId, save_to: FolderId) -> Result<(), Error> {
        let content = self.item(id)?.content.clone();
        let content = self.post(content)?;
        self.update(id, None, content)?;
        self.move_item(id, save_to)
    }

    /// Hands a message in and gives what is kept of it.
    fn post(&mut self, content: Content) -> Result<Content, Error> {
        let content = self.stamped(content)?;
        self.hand_in(&content, SentKind::Mail, content.subject.clone(), None);
        Ok(content)
    }

    /// Hands a message about an event of this subject in; `save_to` gets a copy.
    pub(super) fn post_notice(
        &mut self,
        mut content: Content,
        kind: SentKind,
        subject: &str,
        save_to: Option<FolderId>,
    ) -> Result<(), Error> {
        self.number_anew(&mut content);
        let content = self.stamped(content)?;
        let uid = content.meeting().map(|meeting| meeting.event.uid.clone());
        self.hand_in(&content, kind, subject.to_owned(), uid);
        if let Some(folder) = save_to {
            self.create(folder, content)?;
        }
        Ok(())
    }

    /// A message as it is once it is sent.
    fn stamped(&mut self, mut content: Content) -> Result<Content, Error> {
        let (now, owner) = (self.now, self.owner());
        let message = message_mut(&mut content).ok_or(Error::WrongFolderClass)?;
        message.sent = Some(now);
        message.received = Some(now);
        message.draft = false;
        message.read = true;
        message.from.get_or_insert(owner);
        self.rewritten(content)
    }

    fn hand_in(&mut self, content: &Content, kind: SentKind, subject: String, uid: Option<String>) {
        let to = match &content.kind {
            Kind::Message(message) => recipients(message),
            Kind::Event(_) => Vec::new(),
        };
        self.outbox.push(Sent { at: self.now, from: self.address.clone(), to, kind, subject, uid });
        self.deliveries.push(content.clone());
    }

    /// Puts a message that others sent into the Inbox, if the owner is among its recipients.
    pub(super) fn receive(&mut self, mut content: Content) -> Result<(), Error> {
        let now = self.now;
        let message = message_mut(&mut content).ok_or(Error::WrongFolderClass)?;
        let is_meant =
            recipients(message).iter().any(|address| address.eq_ignore_ascii_case(&self.address));
        if !is_meant {
            return Ok(());
        }
        message.received = Some(now);
        message.draft = false;
        message.read = false;
        message.bcc.clear();
        content.properties.remove(&headers::transport());
        self.number_anew(&mut content);
        let id = self.create(self.role(Role::Inbox), content)?;
        self.explain(Cause::Delivered);
        let block = mime::arrival(self.item(id)?, &self.address);
        if let Some(item) = self.items.get_mut(&id) {
            item.content.properties.insert(headers::transport(), PropertyValue::One(block));
        }
        self.attend(id)
    }
}

/// Everybody who gets it, each address once.
fn recipients(message: &Message) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for person in message.to.iter().chain(&message.cc).chain(&message.bcc) {
        if !addresses.iter().any(|known| known.eq_ignore_ascii_case(&person.address)) {
            addresses.push(person.address.clone());
        }
    }
    addresses
}

fn message_mut(content: &mut Content) -> Option<&mut Message> {
    match &mut content.kind {
        Kind::Message(message) => Some(message),
        Kind::Event(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::Person;
    use super::super::{Kind, World};
    use super::*;
    use crate::Config;

    #[test]
    fn mail_reaches_every_mailbox_named_without_blind_copies() {
        let mut world = World::new(Config::default());
        for address in ["anna@contoso.example", "ben@contoso.example", "cleo@contoso.example"] {
            world.add_mailbox(address, "secret");
        }
        let person = |address: &str| Person { name: String::new(), address: address.to_owned() };
        let mut content = Content::message("Hello");
        let message = message_mut(&mut content).expect("a message");
        message.to = vec![person("Ben@contoso.example"), person("far@fabrikam.example")];
        message.bcc = vec![person("cleo@contoso.example")];
        let anna = world.mailbox_mut("anna@contoso.example").expect("a mailbox");
        let save = anna.role(Role::SentItems);
        anna.send_message(content, Some(save)).expect("sent");
        world.collect_sent();
        assert_eq!(world.sent.len(), 1);
        assert_eq!(world.sent[0].to.len(), 3);
        assert_eq!(world.sent[0].kind, SentKind::Mail);
        let only = |address: &str, role: Role| {
            let mailbox = world.mailbox(address).expect("a mailbox");
            let items: Vec<_> = mailbox.items_in(mailbox.role(role)).collect();
            assert_eq!(items.len(), 1, "{address}");
            match &items[0].content.kind {
                Kind::Message(message) => (**message).clone(),
                Kind::Event(_) => panic!("no message"),
            }
        };
        let saved = only("anna@contoso.example", Role::SentItems);
        assert!(saved.read && !saved.draft && saved.sent.is_some());
        assert_eq!(saved.bcc.len(), 1);
        assert_eq!(saved.from.expect("an author").address, "anna@contoso.example");
        for address in ["ben@contoso.example", "cleo@contoso.example"] {
            let got = only(address, Role::Inbox);
            assert!(!got.read && !got.draft && got.bcc.is_empty());
            assert_eq!(got.internet_message_id, saved.internet_message_id);
        }
    }
}
