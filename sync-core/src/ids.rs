//! Names of things. Ids that servers give are opaque and compared byte by byte.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A keyed digest of content: equal content under one key gives equal digests, and nothing else
/// can be learned from it. Written as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 16]);

impl Digest {
    /// Wraps the first 16 bytes of a keyed hash.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// A digest that stands for a small number, for models and tests.
    pub const fn from_number(number: u64) -> Self {
        let n = number.to_be_bytes();
        Self([0, 0, 0, 0, 0, 0, 0, 0, n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]])
    }

    /// The bytes, most significant first.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{self}")
    }
}

/// Text that is no id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not {0}: {1:?}")]
pub struct ParseError(pub &'static str, pub String);

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError("a digest of 32 hexadecimal digits", text.to_owned());
        if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(error());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| error())?;
        Ok(Self(number.to_be_bytes()))
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

as_text!(Digest, ReplicaId, LinkId);

/// One of the places that are kept the same: the first is `a`, the second `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u8);

impl ReplicaId {
    /// The first replica of a pair.
    pub const A: Self = Self(0);
    /// The second replica of a pair.
    pub const B: Self = Self(1);
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(b'a'.saturating_add(self.0)))
    }
}

impl FromStr for ReplicaId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.as_bytes() {
            [letter @ b'a'..=b'z'] => Ok(Self(letter - b'a')),
            _ => Err(ParseError("a replica (a, b, …)", text.to_owned())),
        }
    }
}

/// A link joins the copies of one item. Written as 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for LinkId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError("a link id of 16 hexadecimal digits", text.to_owned());
        if text.len() != 16 {
            return Err(error());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| error())
    }
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text as it came.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

text_id! {
    /// An item's id on one replica: an EWS ItemId, a Graph immutable id.
    RemoteId;
    /// An item's version on one replica: a ChangeKey, an etag. Means "look", never "equal".
    Version;
    /// A replica's bookmark in its stream of changes: a SyncState, a deltaLink.
    Cursor;
    /// A folder's or calendar's id on one replica.
    FolderId;
    /// A set of folders, one on each replica, whose items are kept the same. A keyed digest of the
    /// configured name, so that it stays the same from run to run and says nothing.
    CollectionId;
    /// A configured pair of replicas.
    PairId;
    /// One execution of a pair.
    RunId;
    /// Names one intended write, on every server and in every state file: the run's random nonce
    /// and a counter.
    IntentKey;
    /// What is valid only together, as the item knows it: `subject`, `timing`, `categories`.
    Field;
    /// Names an element of a set-valued field; a digest, so that it says nothing.
    ElementKey;
}
