//! Items as opaque streams, in full fidelity (EWS ExportItems, Graph exportItems).
//!
//! A stream is a header that begins as those of Exchange do, a digest, and the item as JSON. Its
//! depth is bounded by that of JSON's reader.

use super::Error;
use super::attachment::Attachment;
use super::changes::What;
use super::folder::FolderId;
use super::item::{Content, Item, ItemId, Kind};
use super::mailbox::Mailbox;
use super::series::Series;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How streams of Exchange begin: a marker of eight bytes (MS docs: ExportItems, the examples).
const START: [u8; 12] = [1, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0];
/// What tells the streams of this server from all others.
const FORMAT: [u8; 16] = *b"evensync stream\0";
/// Counts the changes of the form.
const VERSION: u32 = 1;
const DIGEST_BYTES: usize = 32;

/// An item outside of any mailbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// When it was created.
    pub created: Timestamp,
    /// When it was last modified; what is imported is modified by that.
    pub modified: Timestamp,
    /// What copies of it have in common.
    pub search_key: [u8; 16],
    /// Everything else.
    pub content: Content,
}

impl Exported {
    /// What an item, with its whole series, is outside of its mailbox.
    pub fn of(item: &Item) -> Self {
        Self {
            created: item.created,
            modified: item.modified,
            search_key: item.search_key,
            content: item.content.clone(),
        }
    }

    /// The stream of it.
    pub fn to_stream(&self) -> Vec<u8> {
        let body = serde_json::to_vec(self).expect("an item has string keys only");
        let mut stream = START.to_vec();
        stream.extend_from_slice(&VERSION.to_le_bytes());
        stream.extend_from_slice(&FORMAT);
        stream.extend_from_slice(digest(&SHA256, &body).as_ref());
        stream.extend_from_slice(&body);
        stream
    }

    /// Reads a stream.
    ///
    /// # Errors
    /// [`Error::InvalidStream`] for what is cut short, changed, of another server or another form,
    /// and for what no mailbox can hold.
    pub fn from_stream(stream: &[u8]) -> Result<Self, Error> {
        let body = body_of(stream).ok_or(Error::InvalidStream)?;
        let exported: Self = serde_json::from_slice(body).map_err(|_| Error::InvalidStream)?;
        exported.content.check_depth()?;
        match is_possible(&exported.content) {
            true => Ok(exported),
            false => Err(Error::InvalidStream),
        }
    }
}

impl Mailbox {
    /// Makes a new item of what was exported, here or elsewhere.
    ///
    /// # Errors
    /// Those of [`Mailbox::create`].
    pub fn import(&mut self, folder: FolderId, exported: Exported) -> Result<ItemId, Error> {
        let Exported { created, search_key, mut content, .. } = exported;
        self.number_anew(&mut content);
        let id = self.create(folder, content)?;
        if let Some(item) = self.items.get_mut(&id) {
            (item.created, item.search_key) = (created, search_key);
        }
        Ok(id)
    }

    /// Makes an item what was exported; nothing of what it was stays.
    ///
    /// # Errors
    /// [`Error::ItemNotFound`], [`Error::WrongFolderClass`] for an item of another kind, and those
    /// of [`Mailbox::create`].
    pub fn put_back(&mut self, id: ItemId, exported: Exported) -> Result<(), Error> {
        let Exported { created, search_key, mut content, .. } = exported;
        if self.item(id)?.content.as_event().is_some() != content.as_event().is_some() {
            return Err(Error::WrongFolderClass);
        }
        self.number_anew(&mut content);
        let mut content = self.rewritten(content)?;
        if let Some(event) = content.as_event_mut() {
            event.settle_series(None)?;
        }
        self.touch(id, What::Changed, Some(content));
        if let Some(item) = self.items.get_mut(&id) {
            (item.created, item.search_key) = (created, search_key);
        }
        Ok(())
    }
}

/// What follows the header, if both are whole.
fn body_of(stream: &[u8]) -> Option<&[u8]> {
    let rest = stream.strip_prefix(START.as_slice())?;
    let rest = rest.strip_prefix(VERSION.to_le_bytes().as_slice())?;
    let rest = rest.strip_prefix(FORMAT.as_slice())?;
    let (told, body) = rest.split_at_checked(DIGEST_BYTES)?;
    (digest(&SHA256, body).as_ref() == told).then_some(body)
}

/// Whether the parts of a content fit each other, at any depth.
fn is_possible(content: &Content) -> bool {
    let mut attached = content.attachments.iter().filter_map(Attachment::as_item);
    let event = match &content.kind {
        Kind::Event(event) => Some(&**event),
        Kind::Message(message) => message.meeting.as_ref().map(|meeting| &meeting.event),
    };
    let series = event.and_then(|event| event.series.as_deref());
    attached.all(is_possible) && series.is_none_or(is_possible_series)
}

/// Exceptions are events without a series of their own, on dates that the series has.
fn is_possible_series(series: &Series) -> bool {
    series.recurrence.check().is_ok()
        && series.exceptions.iter().all(|(date, content)| {
            content
                .as_event()
                .is_some_and(|event| event.series.is_none() && event.start.utc <= event.end.utc)
                && series.recurrence.occurs_on(*date)
                && !series.deleted.contains(date)
                && is_possible(content)
        })
}

/// Maps whose keys aren't strings, as lists of pairs.
pub(super) mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub(crate) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(crate) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}

/// Bytes as base64 text.
pub(super) mod base64 {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        bytes: &Bytes,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Bytes, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Bytes::from).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::recurrence::{End, Pattern, Range, Recurrence};
    use super::super::{
        AttachmentData, Event, Location, PropertyId, PropertyType, PropertyValue, Reference, Role,
        World, Zone, ZonedTime,
    };
    use super::*;
    use crate::Config;
    use crate::config::Login;
    use crate::seed::{self, Seed};
    use ::base64::Engine;
    use ::base64::engine::general_purpose::STANDARD;
    use jiff::civil::{Weekday, date};
    use std::sync::Arc;

    const ANNA: &str = "anna@contoso.example";
    const BEN: &str = "ben@contoso.example";

    /// Two mailboxes with items that differ in all that can differ.
    fn world() -> World {
        let login = |address: &str| Login { address: address.to_owned(), password: String::new() };
        let mailboxes = vec![login(ANNA), login(BEN)];
        let seed = Seed::Counts { events: 60, messages: 60 };
        let mut world = World::new(Config { mailboxes, seed, ..Config::default() });
        seed::fill(&mut world).expect("filled");
        world
    }

    /// A message with everything that an attachment can be, at two depths.
    fn letter() -> Content {
        let mut inner = Content::message("inner");
        inner.attachments = vec![Attachment::file("deep.bin", vec![0, 255, 10])];
        let link =
            Reference { url: "https://contoso.example/a".to_owned(), ..Reference::default() };
        let mut letter = Content::message("Grüße 🎉");
        letter.attachments = vec![
            Attachment::of("item", AttachmentData::Item(Box::new(inner))),
            Attachment::of("link", AttachmentData::Reference(link)),
        ];
        let named = |name: &str| {
            PropertyId::named(
                PropertyType::StringArray,
                "00062008-0000-0000-c000-000000000046",
                name,
            )
        };
        let many = PropertyValue::Many(vec!["a".to_owned(), String::new()]);
        letter.properties.insert(named(" blanks "), many);
        let tag = PropertyId::tag(PropertyType::Integer, 0x1081);
        letter.properties.insert(tag, PropertyValue::One("102".to_owned()));
        letter
    }

    /// Mondays at nine in Berlin with an attachment.
    fn series() -> Content {
        let zone = Zone::parse("W. Europe Standard Time").expect("known");
        let at = |text: &str| ZonedTime { utc: text.parse().expect("a time"), zone: zone.clone() };
        let mut content =
            Content::event("Series", at("2027-02-01T08:00:00Z"), at("2027-02-01T09:00:00Z"));
        content.attachments = vec![Attachment::file("a.txt", b"one".to_vec())];
        let range = Range { start: date(2027, 2, 1), end: End::Count(4) };
        let pattern = Pattern::Weekly {
            interval: 1,
            days: Weekday::Monday.into(),
            first_day: Weekday::Sunday,
        };
        if let Some(event) = content.as_event_mut() {
            event.series = Some(Arc::new(Series::new(Recurrence { pattern, range })));
            event.locations = vec![Location { name: "Elbe".to_owned(), ..Location::default() }];
        }
        content
    }

    /// A content without the numbers that each mailbox gives.
    fn unnumbered(mut content: Content) -> Content {
        for attachment in &mut content.attachments {
            attachment.number = 0;
            if let AttachmentData::Item(item) = &mut attachment.data {
                **item = unnumbered((**item).clone());
            }
        }
        let series = content.as_event_mut().and_then(Event::series_mut);
        for exception in series.into_iter().flat_map(|series| series.exceptions.values_mut()) {
            *exception = unnumbered(exception.clone());
        }
        content
    }

    /// The series with its second occurrence changed and its third deleted.
    fn changed_series(mailbox: &mut Mailbox) -> ItemId {
        let calendar = mailbox.role(Role::Calendar);
        let id = mailbox.create(calendar, series()).expect("created");
        let second = mailbox.nth_occurrence(id, 2).expect("there");
        let mut content = second.content.clone();
        content.subject = "changed one".to_owned();
        mailbox.update(second.reference(), None, content).expect("changed");
        let third = mailbox.nth_occurrence(id, 3).expect("there").reference();
        mailbox.delete(third, super::super::DeleteType::HardDelete).expect("deleted");
        id
    }

    #[test]
    fn every_item_comes_back_equal_in_another_mailbox() {
        let mut world = world();
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        changed_series(anna);
        anna.create(anna.role(Role::Drafts), letter()).expect("created");
        let all: Vec<(Exported, Vec<u8>)> =
            anna.items().map(|item| (Exported::of(item), Exported::of(item).to_stream())).collect();
        assert_eq!(all.len(), 122);
        let ben = world.mailbox_mut(BEN).expect("a mailbox");
        for (exported, stream) in all {
            let read = Exported::from_stream(&stream).expect("a stream");
            assert_eq!(read, exported);
            let role = if read.content.as_event().is_some() { Role::Calendar } else { Role::Inbox };
            let id = ben.import(ben.role(role), read).expect("imported");
            let item = ben.item(id).expect("there");
            assert_eq!(unnumbered(item.content.clone()), unnumbered(exported.content));
            assert_eq!((item.created, item.search_key), (exported.created, exported.search_key));
        }
    }

    #[test]
    fn what_an_exception_has_of_its_master_stays_common() {
        let mut world = world();
        let id = changed_series(world.mailbox_mut(ANNA).expect("a mailbox"));
        let exported = Exported::of(world.mailbox(ANNA).expect("a mailbox").item(id).expect("it"));
        let ben = world.mailbox_mut(BEN).expect("a mailbox");
        let copy = ben.import(ben.role(Role::Calendar), exported).expect("imported");
        ben.attach(copy, Attachment::file("b.txt", b"two".to_vec())).expect("attached");
        let second = ben.nth_occurrence(copy, 2).expect("there");
        assert_eq!(second.content.subject, "changed one");
        assert_eq!(second.content.attachments.len(), 2);
        let third = ben.nth_occurrence(copy, 3);
        assert_eq!(third.err(), Some(Error::OccurrenceDeleted));
    }

    #[test]
    fn an_older_version_is_put_back_with_its_exceptions() {
        let mut world = world();
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        let id = changed_series(anna);
        let before = Exported::of(anna.item(id).expect("it"));
        let mut content = before.content.clone();
        if let Some(series) = content.as_event_mut().and_then(Event::series_mut) {
            series.recurrence.range.end = End::Count(1);
        }
        anna.update(id, None, content).expect("shortened");
        anna.put_back(id, before.clone()).expect("restored");
        let item = anna.item(id).expect("it");
        assert_eq!(unnumbered(item.content.clone()), unnumbered(before.content.clone()));
        let letter = anna.create(anna.role(Role::Drafts), letter()).expect("created");
        assert_eq!(anna.put_back(letter, before), Err(Error::WrongFolderClass));
    }

    #[test]
    fn damaged_and_foreign_streams_are_refused() {
        let mut world = world();
        let anna = world.mailbox_mut(ANNA).expect("a mailbox");
        let id = changed_series(anna);
        let exported = Exported::of(anna.item(id).expect("it"));
        let stream = exported.to_stream();
        let refused = |stream: &[u8]| Exported::from_stream(stream) == Err(Error::InvalidStream);
        for at in 0..stream.len() {
            assert!(refused(&stream[..at]), "{at}");
            let mut damaged = stream.clone();
            damaged[at] ^= 1;
            assert!(refused(&damaged), "{at}");
        }
        let mut impossible = exported.clone();
        let series = impossible.content.as_event_mut().and_then(Event::series_mut).expect("one");
        let exception = series.exceptions.pop_first().expect("one").1;
        series.exceptions.insert(date(2027, 2, 2), exception);
        assert!(refused(&impossible.to_stream()));
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            (0..depth).fold(Content::message("deepest"), |held, _| {
                let mut content = Content::message("outer");
                content.attachments =
                    vec![Attachment::of("item", AttachmentData::Item(Box::new(held)))];
                content
            })
        };
        let stream = |depth| {
            let (created, search_key) = (Timestamp::UNIX_EPOCH, [0; 16]);
            Exported { created, modified: created, search_key, content: nested(depth) }.to_stream()
        };
        assert!(Exported::from_stream(&stream(15)).is_ok());
        assert_eq!(Exported::from_stream(&stream(16)), Err(Error::AttachedTooDeep));
        assert_eq!(Exported::from_stream(&stream(200)), Err(Error::InvalidStream));
    }

    #[test]
    fn streams_begin_as_those_of_exchange() {
        let created = Timestamp::UNIX_EPOCH;
        let content = Content::message("hello");
        let exported = Exported { created, modified: created, search_key: [7; 16], content };
        let start = STANDARD.encode(&exported.to_stream()[..12]);
        assert_eq!(start, "AQAAAAgAAAAAAAAA");
    }
}
