//! Extended (MAPI) properties as both faces name them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a property is found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PropertyKey {
    /// A property tag without its type, such as `0x0e07`.
    Tag(u16),
    /// A number in a property set.
    Id {
        /// The set's GUID, lower case without braces.
        set: String,
        /// The number.
        id: u32,
    },
    /// A name in a property set; names are case-sensitive.
    Name {
        /// The set's GUID, lower case without braces.
        set: String,
        /// The name.
        name: String,
    },
}

/// Types of properties; EWS `MapiPropertyTypeType` and Graph use the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs)] // The names say it all; they are Microsoft's.
pub enum PropertyType {
    ApplicationTime,
    ApplicationTimeArray,
    Binary,
    BinaryArray,
    Boolean,
    Clsid,
    ClsidArray,
    Currency,
    CurrencyArray,
    Double,
    DoubleArray,
    Float,
    FloatArray,
    Integer,
    IntegerArray,
    Long,
    LongArray,
    Short,
    ShortArray,
    SystemTime,
    SystemTimeArray,
    String,
    StringArray,
}

const TYPES: [(&str, PropertyType); 23] = [
    ("ApplicationTime", PropertyType::ApplicationTime),
    ("ApplicationTimeArray", PropertyType::ApplicationTimeArray),
    ("Binary", PropertyType::Binary),
    ("BinaryArray", PropertyType::BinaryArray),
    ("Boolean", PropertyType::Boolean),
    ("CLSID", PropertyType::Clsid),
    ("CLSIDArray", PropertyType::ClsidArray),
    ("Currency", PropertyType::Currency),
    ("CurrencyArray", PropertyType::CurrencyArray),
    ("Double", PropertyType::Double),
    ("DoubleArray", PropertyType::DoubleArray),
    ("Float", PropertyType::Float),
    ("FloatArray", PropertyType::FloatArray),
    ("Integer", PropertyType::Integer),
    ("IntegerArray", PropertyType::IntegerArray),
    ("Long", PropertyType::Long),
    ("LongArray", PropertyType::LongArray),
    ("Short", PropertyType::Short),
    ("ShortArray", PropertyType::ShortArray),
    ("SystemTime", PropertyType::SystemTime),
    ("SystemTimeArray", PropertyType::SystemTimeArray),
    ("String", PropertyType::String),
    ("StringArray", PropertyType::StringArray),
];

impl PropertyType {
    /// Finds a type by its name, without case as Graph does.
    pub fn parse(name: &str) -> Option<Self> {
        TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, kind)| *kind)
    }

    /// The name in both protocols.
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }

    /// Whether it holds a list.
    pub fn is_array(self) -> bool {
        self.name().ends_with("Array")
    }
}

/// A property's whole identity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PropertyId {
    /// Where it is found.
    pub key: PropertyKey,
    /// Its type, part of the identity.
    pub kind: PropertyType,
}

/// A value in its text form; what the type means is the client's business.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PropertyValue {
    /// One value.
    One(String),
    /// A list.
    Many(Vec<String>),
}

impl PropertyValue {
    /// The single value, if it is one.
    pub fn one(&self) -> Option<&str> {
        match self {
            PropertyValue::One(value) => Some(value),
            PropertyValue::Many(_) => None,
        }
    }
}

/// The property set of meetings (MS-OXPROPS: PSETID_Meeting).
pub const MEETING_SET: &str = "6ed8da90-450b-101b-98da-00aa003f1305";
/// The property set of appointments (MS-OXPROPS: PSETID_Appointment).
pub const APPOINTMENT_SET: &str = "00062002-0000-0000-c000-000000000046";
/// The property set of what several kinds of items have (MS-OXPROPS: PSETID_Common).
pub const COMMON_SET: &str = "00062008-0000-0000-c000-000000000046";
/// The set of header fields by name (MS-OXPROPS: PS_INTERNET_HEADERS).
pub const INTERNET_HEADERS_SET: &str = "00020386-0000-0000-c000-000000000046";
/// The set of public strings (MS-OXPROPS: PS_PUBLIC_STRINGS).
pub const PUBLIC_STRINGS_SET: &str = "00020329-0000-0000-c000-000000000046";

impl PropertyId {
    /// A property of a set by number.
    pub fn numbered(kind: PropertyType, set: &str, id: u32) -> Self {
        Self { key: PropertyKey::Id { set: set.to_ascii_lowercase(), id }, kind }
    }

    /// A property of a set by name.
    pub fn named(kind: PropertyType, set: &str, name: &str) -> Self {
        let key = PropertyKey::Name { set: set.to_ascii_lowercase(), name: name.to_owned() };
        Self { key, kind }
    }

    /// A property by tag.
    pub fn tag(kind: PropertyType, tag: u16) -> Self {
        Self { key: PropertyKey::Tag(tag), kind }
    }

    /// Reads Graph's form: `String {guid} Name X`, `Binary {guid} Id 0x3`, `Integer 0x0E07`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, char::is_whitespace);
        let kind = PropertyType::parse(parts.next()?)?;
        let place = parts.next()?;
        if !place.starts_with('{') {
            let tag = u16::try_from(number(place)?).ok()?;
            return parts.next().is_none().then(|| Self::tag(kind, tag));
        }
        let set = place.strip_prefix('{')?.strip_suffix('}')?;
        if !is_guid(set) {
            return None;
        }
        let (word, rest) = parts.next()?.trim_start().split_once(char::is_whitespace)?;
        if word.eq_ignore_ascii_case("Name") {
            (!rest.trim().is_empty()).then(|| Self::named(kind, set, rest.trim()))
        } else if word.eq_ignore_ascii_case("Id") {
            Some(Self::numbered(kind, set, number(rest.trim())?))
        } else {
            None
        }
    }
}

impl fmt::Display for PropertyId {
    /// Graph's normalised form: lower-case GUID, hexadecimal without leading zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.name();
        match &self.key {
            PropertyKey::Tag(tag) => write!(f, "{kind} 0x{tag:x}"),
            PropertyKey::Id { set, id } => write!(f, "{kind} {{{set}}} Id 0x{id:x}"),
            PropertyKey::Name { set, name } => write!(f, "{kind} {{{set}}} Name {name}"),
        }
    }
}

/// Whether `text` has the shape of a GUID without braces.
pub fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_echoed_normalised() {
        for (asked, echoed) in [
            ("Integer 0x0E08", "Integer 0xe08"),
            (
                "String {66F5A359-4659-4830-9070-00047EC6AC6E} Name Color",
                "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Color",
            ),
            (
                "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x03",
                "Binary {6ed8da90-450b-101b-98da-00aa003f1305} Id 0x3",
            ),
        ] {
            assert_eq!(PropertyId::parse(asked).expect(asked).to_string(), echoed);
        }
        for bad in ["", "String", "String {x} Name A", "Thing 0x1", "Integer 0x12345"] {
            assert_eq!(PropertyId::parse(bad), None, "{bad}");
        }
    }
}
