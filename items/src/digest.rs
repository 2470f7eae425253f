//! Digests of what a replica holds, keyed so that nobody without the key learns anything.

use crate::attachment::Attachment;
use crate::event::{Event, Occurrence};
use crate::field::Name;
use crate::meaning;
use crate::uid;
use chrono::NaiveDate;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{CollectionId, Digest, ElementKey, Field, Version};
use sync_core::port::{Sighted, Stamp};
use sync_core::value::{Fields, IdentityKey, Print, Rendition, Value};

/// The version of [`meaning`]: to be raised whenever some event's meaning changes.
pub const NORMALISER: u16 = 1;

/// Makes digests with the secret key of one installation.
#[derive(Clone)]
pub struct Digester {
    key: [u8; 32],
}

impl Digester {
    /// A digester with this key.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key }
    }

    /// Digest of a text used as `label`; the same text under another label has another digest.
    pub fn text(&self, label: &str, text: &str) -> Digest {
        self.bytes(label, text.as_bytes())
    }

    /// Names a collection by its configured name.
    pub fn collection(&self, name: &str) -> CollectionId {
        CollectionId(self.text("collection", name).to_string())
    }

    /// Digest of canonical content, by which the store keeps it.
    pub fn content(&self, canonical: &[u8]) -> Digest {
        self.bytes("content", canonical)
    }

    /// Digest of a file's bytes, to be fed piece by piece.
    pub fn file(&self) -> FileDigest {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(b"file\0");
        FileDigest(hasher)
    }

    /// Names an element of a set-valued field, however it is spelt.
    pub fn element_key(&self, field: &Field, element: &str) -> ElementKey {
        let label = format!("element of {field}");
        ElementKey(self.text(&label, &meaning::element(element)).to_string())
    }

    /// What a replica holds of `event`, as digests. `edited_ms` is in milliseconds since 1970 UTC.
    pub fn rendition(
        &self,
        event: &Event,
        version: Option<Version>,
        edited_ms: Option<i64>,
    ) -> Rendition {
        self.rendition_of(event, &event.to_canonical(), version, edited_ms)
    }

    /// `event` as it was read: its digests, and its canonical content, sealed.
    pub fn sighted(
        &self,
        event: &Event,
        version: Option<Version>,
        edited_ms: Option<i64>,
        stamp: Option<Stamp>,
    ) -> Sighted {
        let content = event.to_canonical();
        let rendition = self.rendition_of(event, &content, version, edited_ms);
        Sighted { rendition, content, stamp }
    }

    fn rendition_of(
        &self,
        event: &Event,
        canonical: &[u8],
        version: Option<Version>,
        edited_ms: Option<i64>,
    ) -> Rendition {
        let normal = meaning::of(event);
        Rendition {
            version,
            normaliser: NORMALISER,
            fields: self.fields(event, &normal),
            content: Some(self.content(canonical)),
            identity: self.identity(event, &normal),
            edited_ms,
            fixed: BTreeSet::new(),
        }
    }

    fn fields(&self, event: &Event, normal: &Event) -> Fields {
        Name::ALL
            .into_iter()
            .filter_map(|name| Some((name.field(), self.value(name, event, normal)?)))
            .collect()
    }

    fn value(&self, name: Name, own: &Event, normal: &Event) -> Option<Value> {
        match name {
            Name::Subject => self.scalar(name, &own.subject, &normal.subject),
            Name::Body => self.scalar(name, &own.body, &normal.body),
            Name::Location => self.scalar(name, &own.location, &normal.location),
            Name::Timing => self.scalar(name, &own.timing, &normal.timing),
            Name::Recurrence => self.scalar(name, &own.recurrence, &normal.recurrence),
            Name::Occurrences => {
                self.occurrences(own.occurrences.as_ref()?, normal.occurrences.as_ref()?)
            }
            Name::Categories => self.set(name, own.categories.as_deref()?),
            Name::Reminder => self.scalar(name, &own.reminder, &normal.reminder),
            Name::ShowAs => self.scalar(name, &own.show_as, &normal.show_as),
            Name::Sensitivity => self.scalar(name, &own.sensitivity, &normal.sensitivity),
            Name::Importance => self.scalar(name, &own.importance, &normal.importance),
            Name::Meeting => {
                let (own, normal) =
                    (own.meeting.as_ref()?.parts(), normal.meeting.as_ref()?.parts());
                let told = normal.iter().filter_map(|(part, value)| Some((own.get(part)?, value)));
                Some(self.elements(name, normal.keys().map(|&part| part.to_owned()).zip(told)))
            }
            Name::Attendees => {
                let (own, normal) = (own.attendees.as_ref()?, normal.attendees.as_ref()?);
                let keys = own.iter().map(|attendee| attendee.person.key());
                Some(self.elements(name, keys.zip(own.iter().zip(normal))))
            }
            Name::Attachments => {
                let (own, normal) = (own.attachments.as_ref()?, normal.attachments.as_ref()?);
                let keys = own.iter().map(Attachment::key);
                Some(self.elements(name, keys.zip(own.iter().zip(normal))))
            }
        }
    }

    fn scalar<T: Serialize>(
        &self,
        name: Name,
        own: &Option<T>,
        normal: &Option<T>,
    ) -> Option<Value> {
        let own = self.json(name, own.as_ref()?);
        Some(Value::Scalar(Print { own: Some(own), meaning: self.json(name, normal.as_ref()?) }))
    }

    /// Elements that differ in spelling only are one element; the first spelling counts.
    fn set(&self, name: Name, elements: &[String]) -> Option<Value> {
        let field = name.field();
        let mut prints = BTreeMap::new();
        for element in elements {
            let normal = meaning::element(element);
            if !normal.is_empty() {
                let own = Some(self.json(name, element));
                let print = Print { own, meaning: self.json(name, &normal) };
                prints.entry(self.element_key(&field, element)).or_insert(print);
            }
        }
        Some(Value::Set(prints))
    }

    /// Each element by its key, as it is told and as it is meant; of several with one key the first
    /// counts.
    fn elements<'a, T: Serialize + 'a>(
        &self,
        name: Name,
        elements: impl Iterator<Item = (String, (&'a T, &'a T))>,
    ) -> Value {
        let field = name.field();
        let mut prints = BTreeMap::new();
        for (key, (own, normal)) in elements {
            let print = Print { own: Some(self.json(name, own)), meaning: self.json(name, normal) };
            prints.entry(self.element_key(&field, &key)).or_insert(print);
        }
        Value::Set(prints)
    }

    /// Each occurrence by its date; one that differs in nothing is none.
    fn occurrences(
        &self,
        own: &BTreeMap<NaiveDate, Occurrence>,
        normal: &BTreeMap<NaiveDate, Occurrence>,
    ) -> Option<Value> {
        let name = Name::Occurrences;
        let nothing = Occurrence::Changed(Box::default());
        let prints = own.iter().zip(normal.values()).filter(|((_, own), _)| **own != nothing);
        let prints = prints.map(|((date, own), normal)| {
            let print = Print { own: Some(self.json(name, own)), meaning: self.json(name, normal) };
            (self.date_key(*date), print)
        });
        Some(Value::Set(prints.collect()))
    }

    /// Names an occurrence.
    pub fn date_key(&self, date: NaiveDate) -> ElementKey {
        self.element_key(&Name::Occurrences.field(), &date.to_string())
    }

    fn identity(&self, event: &Event, normal: &Event) -> Vec<IdentityKey> {
        let uid = event.uid.as_deref().map(uid::normal).filter(|uid| !uid.is_empty());
        let strong = uid.map(|uid| IdentityKey::Strong(self.text("uid", &uid)));
        let likeness =
            normal.subject.as_ref().zip(normal.timing.as_ref()).map(|(subject, timing)| {
                let (start, end) = meaning::bounds(timing);
                IdentityKey::Likeness(self.text("likeness", &format!("{start} {end} {subject}")))
            });
        strong.into_iter().chain(likeness).collect()
    }

    /// Own and normalised values go through the same function, so that a value which is normal
    /// already has one digest only.
    fn json<T: Serialize>(&self, name: Name, value: &T) -> Digest {
        let json = serde_json::to_vec(value).expect("plain values can be written as JSON");
        self.bytes(name.as_str(), &json)
    }

    fn bytes(&self, label: &str, bytes: &[u8]) -> Digest {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(label.as_bytes());
        hasher.update(&[0]);
        hasher.update(bytes);
        short(&hasher)
    }
}

/// The digest of a file while its bytes come in.
#[derive(Debug, Clone)]
pub struct FileDigest(blake3::Hasher);

impl FileDigest {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all pieces.
    pub fn finish(&self) -> Digest {
        short(&self.0)
    }
}

fn short(hasher: &blake3::Hasher) -> Digest {
    let mut half = [0; 16];
    half.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    Digest::from_bytes(half)
}

impl std::fmt::Debug for Digester {
    /// Doesn't show the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Digester")
    }
}
