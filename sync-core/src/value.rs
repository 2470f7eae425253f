//! What a replica was seen to hold, as digests.

use crate::ids::{Digest, ElementKey, Field, Version};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Two digests of one piece of content.
///
/// `own` is compared with the same replica's past and finds edits; it is unknown for what we wrote
/// and have not read back. `meaning` is normalised and comparable across replicas.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Print {
    /// Digest of the content as this replica stores it.
    pub own: Option<Digest>,
    /// Digest of the normalised content.
    pub meaning: Digest,
}

impl Print {
    /// Whether a replica that held `self` still holds it, now that it shows `now`.
    pub fn unchanged(&self, now: &Self) -> bool {
        match (self.own, now.own) {
            (Some(then), Some(now)) => then == now,
            _ => self.meaning == now.meaning,
        }
    }

    /// The same content as another replica would know it.
    pub fn elsewhere(&self) -> Self {
        Self { own: None, meaning: self.meaning }
    }
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.own {
            Some(own) => write!(f, "{}/{own}", self.meaning),
            None => write!(f, "{}", self.meaning),
        }
    }
}

impl Serialize for Print {
    /// `meaning` where own is unknown, `meaning=` where both are equal, else `meaning/own`.
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self.own {
            None => s.collect_str(&self.meaning),
            Some(own) if own == self.meaning => s.collect_str(&format_args!("{}=", self.meaning)),
            Some(own) => s.collect_str(&format_args!("{}/{own}", self.meaning)),
        }
    }
}

impl<'de> Deserialize<'de> for Print {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        let parse = |t: &str| t.parse::<Digest>().map_err(serde::de::Error::custom);
        if let Some(meaning) = text.strip_suffix('=') {
            let meaning = parse(meaning)?;
            return Ok(Self { own: Some(meaning), meaning });
        }
        match text.split_once('/') {
            Some((meaning, own)) => Ok(Self { own: Some(parse(own)?), meaning: parse(meaning)? }),
            None => Ok(Self { own: None, meaning: parse(&text)? }),
        }
    }
}

/// The value of a field. Sets merge element by element, everything else as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Valid only as a whole.
    Scalar(Print),
    /// Elements by key.
    Set(BTreeMap<ElementKey, Print>),
}

impl Value {
    /// Whether a replica that held `self` still holds it, now that it shows `now`.
    pub fn unchanged(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::Scalar(then), Self::Scalar(now)) => then.unchanged(now),
            (Self::Set(then), Self::Set(now)) => {
                then.len() == now.len()
                    && then.iter().all(|(key, print)| {
                        now.get(key).is_some_and(|current| print.unchanged(current))
                    })
            }
            (Self::Scalar(_), Self::Set(_)) | (Self::Set(_), Self::Scalar(_)) => false,
        }
    }

    /// Whether both say the same, on whichever replicas they stand.
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.elsewhere() == other.elsewhere()
    }

    /// The element of a set under `key`.
    pub fn element(&self, key: &ElementKey) -> Option<&Print> {
        match self {
            Self::Scalar(_) => None,
            Self::Set(elements) => elements.get(key),
        }
    }

    /// The same value as another replica would know it.
    pub fn elsewhere(&self) -> Self {
        match self {
            Self::Scalar(print) => Self::Scalar(print.elsewhere()),
            Self::Set(elements) => {
                Self::Set(elements.iter().map(|(k, p)| (k.clone(), p.elsewhere())).collect())
            }
        }
    }
}

/// The values of an item, by field. A field that a replica can't hold is absent, never empty.
pub type Fields = BTreeMap<Field, Value>;

/// How an item can be recognised on another replica before the two were linked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IdentityKey {
    /// Digest of an identity that servers keep: a clean GlobalObjectId, a Message-ID.
    Strong(Digest),
    /// Digest of what makes an item recognisable; counts only where unique on both sides.
    Likeness(Digest),
}

/// What a replica holds of an item, as digests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendition {
    /// The version that these values belong to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version: Option<Version>,
    /// The version of the code that normalised them; its change alone is never an edit.
    pub normaliser: u16,
    /// The values.
    pub fields: Fields,
    /// Digest of the canonical content that the store keeps; unknown for what was written and not
    /// read back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub content: Option<Digest>,
    /// How it can be recognised elsewhere.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub identity: Vec<IdentityKey>,
    /// When the replica says it was last edited, in milliseconds since 1970 UTC; used by the policy
    /// `newest` only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub edited_ms: Option<i64>,
    /// Fields that nobody may write to this copy: an attendee's copy of a meeting takes its times
    /// from the organizer's, and a write to some meetings would mail their attendees.
    #[serde(skip_serializing_if = "BTreeSet::is_empty", default)]
    pub fixed: BTreeSet<Field>,
}

impl Rendition {
    /// The same, of a copy that takes no write to `fields` either.
    #[must_use]
    pub fn fixing(mut self, fields: impl IntoIterator<Item = Field>) -> Self {
        self.fixed.extend(fields);
        self
    }
}
