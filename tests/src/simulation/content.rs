//! What model items hold: numbers that stand for values, each written by a person once.

use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Digest, ElementKey, Field};
use sync_core::value::{Fields, IdentityKey, Print, Rendition, Value};

/// The fields of model items.
pub(crate) const SUBJECT: &str = "subject";
/// Rewritten by replicas that rewrite.
pub(crate) const BODY: &str = "body";
/// A set: a tag has a place and a value.
pub(crate) const TAGS: &str = "tags";

/// An item's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// The item's identity, kept by servers (a UID).
    pub(crate) uid: u64,
    /// Which item of the simulation it is; travels with it, and nobody decides by it.
    pub(crate) serial: u64,
    pub(crate) scalars: BTreeMap<String, u64>,
    pub(crate) tags: Option<BTreeMap<u64, u64>>,
}

impl Content {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let json = json!({
            "uid": self.uid, "serial": self.serial, "scalars": self.scalars, "tags": self.tags,
        });
        json.to_string().into_bytes()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let json: Json = serde_json::from_slice(bytes).ok()?;
        let scalars = json["scalars"].as_object()?;
        Some(Self {
            uid: json["uid"].as_u64()?,
            serial: json["serial"].as_u64()?,
            scalars: scalars
                .iter()
                .map(|(k, v)| Some((k.clone(), v.as_u64()?)))
                .collect::<Option<_>>()?,
            tags: json["tags"].as_object().map(|tags| {
                let tag =
                    |(place, value): (&String, &Json)| Some((place.parse().ok()?, value.as_u64()?));
                tags.iter().filter_map(tag).collect()
            }),
        })
    }

    /// The same content without fields outside `held`.
    pub(crate) fn within(&self, held: &BTreeSet<Field>) -> Self {
        let mut content = self.clone();
        content.scalars.retain(|name, _| held.contains(&Field::from(name.as_str())));
        if !held.contains(&Field::from(TAGS)) {
            content.tags = None;
        }
        content
    }

    /// Takes the fields that `patch` holds.
    pub(crate) fn patch(&mut self, patch: &Self) {
        self.scalars.extend(patch.scalars.clone());
        if patch.tags.is_some() {
            self.tags.clone_from(&patch.tags);
        }
    }

    /// What a copy with this content is, in digests. `rewrites` is the replica's own form of a body.
    pub(crate) fn rendition(
        &self,
        version: u64,
        rewrites: Option<u64>,
        edited_ms: i64,
    ) -> Rendition {
        let mut fields = Fields::new();
        for (name, value) in &self.scalars {
            let own = match rewrites {
                Some(form) if name == BODY => value.wrapping_mul(1_000).wrapping_add(form),
                Some(_) | None => *value,
            };
            let print = print(own, *value);
            fields.insert(Field::from(name.as_str()), Value::Scalar(print));
        }
        if let Some(tags) = &self.tags {
            let own = |value: u64| rewrites.map_or(value, |form| value * 1_000 + form);
            let tags = tags.iter().map(|(at, tag)| (key(*at), print(own(*tag), *tag))).collect();
            fields.insert(Field::from(TAGS), Value::Set(tags));
        }
        Rendition {
            version: Some(version.to_string().into()),
            normaliser: 1,
            fields,
            content: Some(digest(&self.encode())),
            identity: vec![IdentityKey::Strong(Digest::from_number(self.uid))],
            edited_ms: Some(edited_ms),
            fixed: BTreeSet::new(),
        }
    }
}

fn print(own: u64, meaning: u64) -> Print {
    Print { own: Some(Digest::from_number(own)), meaning: Digest::from_number(meaning) }
}

/// The key of a tag's place.
pub(crate) fn key(place: u64) -> ElementKey {
    ElementKey(place.to_string())
}

/// The place of a key.
pub(crate) fn place(key: &ElementKey) -> Option<u64> {
    key.as_str().parse().ok()
}

/// The digest of content (FNV-1a, twice): good enough among a few hundred contents.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    let half = |start: u64| {
        bytes.iter().fold(start, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3))
    };
    let (high, low) = (half(0xcbf2_9ce4_8422_2325), half(0x8422_2325_cbf2_9ce4));
    let mut all = [0; 16];
    all[..8].copy_from_slice(&high.to_be_bytes());
    all[8..].copy_from_slice(&low.to_be_bytes());
    Digest::from_bytes(all)
}
