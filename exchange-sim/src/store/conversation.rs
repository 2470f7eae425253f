//! Conversations: which messages belong to one thread (MS-OXOMSG: 2.2.1.2, 2.2.1.3, 2.2.1.5).
//!
//! A message keeps the index that it came with (Thread-Index). One that came without has an index
//! that follows from the first message of its thread, which References and In-Reply-To name; so all
//! messages of a thread agree, in whatever mailbox they lie.

use super::goid;
use super::item::{Item, Kind};
use super::property::{PropertyId, PropertyType, PropertyValue};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};

/// Where the thread's GUID lies in an index: after a byte and five of the time.
const GUID: std::ops::Range<usize> = 6..22;
/// PidTagConversationTopic, PidTagConversationIndex.
const TOPIC: u16 = 0x0070;
const INDEX: u16 = 0x0071;
/// PidTagInReplyToId, PidTagInternetReferences.
const IN_REPLY_TO: u16 = 0x1042;
const REFERENCES: u16 = 0x1039;

impl Item {
    /// Where a message stands in its thread; `None` for events.
    pub fn conversation_index(&self) -> Option<Vec<u8>> {
        let Kind::Message(message) = &self.content.kind else { return None };
        let stored = self.stored(INDEX, PropertyType::Binary);
        let stored = stored.and_then(|index| STANDARD.decode(index).ok());
        if let Some(index) = stored.filter(|index| index.len() >= GUID.end) {
            return Some(index);
        }
        let parent = [REFERENCES, IN_REPLY_TO]
            .iter()
            .filter_map(|tag| self.stored(*tag, PropertyType::String)?.split_whitespace().next())
            .next();
        let root = parent.unwrap_or(&message.internet_message_id);
        let mut index = goid::filetime(self.created).to_be_bytes()[..GUID.start].to_vec();
        index[0] = 1;
        index.extend_from_slice(&Md5::digest(root));
        if parent.is_some() {
            // A child block: no time since its parent that is known, and a byte to tell children.
            index.extend_from_slice(&[0, 0, 0, 0, self.search_key[0]]);
        }
        Some(index)
    }

    /// The thread that an item belongs to; each event has one of its own, which its occurrences share.
    pub fn conversation_id(&self) -> Option<[u8; 16]> {
        match &self.content.kind {
            Kind::Event(event) => Some(Md5::digest(&event.uid).into()),
            Kind::Message(_) => self.conversation_index()?.get(GUID)?.try_into().ok(),
        }
    }

    /// What the thread is about: the subject without what replies put before it.
    pub fn conversation_topic(&self) -> &str {
        let stored = self.stored(TOPIC, PropertyType::String);
        stored.unwrap_or_else(|| normalized(&self.content.subject))
    }

    fn stored(&self, tag: u16, kind: PropertyType) -> Option<&str> {
        let id = PropertyId::tag(kind, tag);
        self.content.properties.get(&id).and_then(PropertyValue::one)
    }
}

/// A subject without its prefix: one to three letters, a colon and a blank (MS-OXCMSG: 2.2.1.9).
pub fn normalized(subject: &str) -> &str {
    let prefixed = subject.split_once(": ").filter(|(prefix, _)| {
        (1..=3).contains(&prefix.chars().count()) && prefix.chars().all(char::is_alphabetic)
    });
    prefixed.map_or(subject, |(_, rest)| rest)
}

#[cfg(test)]
mod tests {
    use super::super::{Content, Role, World};
    use super::*;
    use crate::Config;

    #[test]
    fn replies_belong_to_the_thread_of_what_they_answer() {
        let mut world = World::new(Config::default());
        world.add_mailbox("anna@contoso.example", "secret");
        let mailbox = world.mailbox_mut("anna@contoso.example").expect("a mailbox");
        let drafts = mailbox.role(Role::Drafts);
        let mut made = |subject: &str, id: &str, properties: &[(PropertyId, &str)]| {
            let mut content = Content::message(subject);
            if let Kind::Message(message) = &mut content.kind {
                message.internet_message_id = id.to_owned();
            }
            for (id, value) in properties {
                content.properties.insert(id.clone(), PropertyValue::One((*value).to_owned()));
            }
            let id = mailbox.create(drafts, content).expect("stored");
            mailbox.item(id).expect("there").clone()
        };
        let text = |tag| PropertyId::tag(PropertyType::String, tag);
        let first = made("Plan", "<1@x>", &[]);
        let second = made("RE: Plan", "<2@x>", &[(text(IN_REPLY_TO), "<1@x>")]);
        let third = made("RE: Plan", "<3@x>", &[(text(REFERENCES), "<1@x> <2@x>")]);
        let other = made("Plan", "<4@x>", &[]);
        assert_eq!(first.conversation_index().map(|index| index.len()), Some(22));
        assert_eq!(second.conversation_index().map(|index| index.len()), Some(27));
        assert_eq!(first.conversation_id(), second.conversation_id());
        assert_eq!(first.conversation_id(), third.conversation_id());
        assert_ne!(first.conversation_id(), other.conversation_id());
        assert_eq!(second.conversation_topic(), "Plan");
        let index = STANDARD.encode([7; 22]);
        let stated = PropertyId::tag(PropertyType::Binary, INDEX);
        let told = made("AW: x", "<5@x>", &[(stated, &index), (text(TOPIC), "Topic")]);
        assert_eq!(told.conversation_id(), Some([7; 16]));
        assert_eq!(told.conversation_topic(), "Topic");
    }

    #[test]
    fn only_short_prefixes_are_taken_off() {
        for (subject, wanted) in
            [("RE: a", "a"), ("Plan: b", "Plan: b"), ("12: c", "12: c"), (": d", ": d"), ("", "")]
        {
            assert_eq!(normalized(subject), wanted);
        }
    }
}
