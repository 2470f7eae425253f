//! The opaque ids of both faces.
//!
//! An id is the base64 of a header, the mailbox's GUID and the object's number. As on real servers,
//! ids are long, case-sensitive, and neighbours differ in the case of one letter only.

use super::item::ItemRef;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use jiff::Span;
use jiff::civil::Date;

/// What an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A folder by number.
    Folder(u64),
    /// An item by number, as it was called after so many moves.
    Item {
        /// The item's number.
        number: u64,
        /// Moves before the id was given out.
        moves: u32,
        /// The occurrence of a series.
        date: Option<Date>,
    },
    /// An item by number, whatever its moves: Graph's immutable ids.
    Immutable {
        /// The item's number.
        number: u64,
        /// The occurrence of a series.
        date: Option<Date>,
    },
}

impl Named {
    /// What an immutable id of an item names.
    pub fn immutable(at: ItemRef) -> Self {
        Named::Immutable { number: at.id.0, date: at.date }
    }
}

const LENGTH: usize = 113;
/// Occurrences have longer ids: 168 characters where items have 152 (recordings).
const DATED: usize = 125;
/// An attachment's id is its item's and a number.
const NUMBERED: usize = 12;
const MUTABLE: [u8; 3] = [0x00, 0x03, 0x24];
const IMMUTABLE: [u8; 3] = [0x00, 0x09, 0x00];
const FOLDER: u8 = 0x01;
const ITEM: u8 = 0x07;
/// Base64 `A` and `a` at the place where neighbours differ.
const CASES: [u8; 2] = [0x00, 0x68];

/// Writes an id as EWS shows it.
pub fn ews(guid: &[u8; 16], named: Named) -> String {
    STANDARD.encode(layout(guid, named))
}

/// Writes an id as Graph shows it: the same bytes in the URL-safe alphabet.
pub fn graph(guid: &[u8; 16], named: Named) -> String {
    URL_SAFE.encode(layout(guid, named))
}

/// Writes an attachment's id as EWS shows it.
pub fn ews_attachment(guid: &[u8; 16], named: Named, number: u64) -> String {
    STANDARD.encode(numbered(guid, named, number))
}

/// Writes an attachment's id as Graph shows it.
pub fn graph_attachment(guid: &[u8; 16], named: Named, number: u64) -> String {
    URL_SAFE.encode(numbered(guid, named, number))
}

/// Reads an attachment's id of either face; `None` for anything else.
pub fn parse_attachment(guid: &[u8; 16], id: &str) -> Option<(Named, u64)> {
    let bytes = decode(id)?;
    let (item, rest) = bytes.split_at_checked(bytes.len().checked_sub(NUMBERED)?)?;
    let number = u64::from_be_bytes(rest.get(4..)?.try_into().ok()?);
    let named = read(guid, item)?;
    (numbered(guid, named, number) == bytes).then_some((named, number))
}

/// Reads an id of either face; `None` for ids of another mailbox and for anything made up.
pub fn parse(guid: &[u8; 16], id: &str) -> Option<Named> {
    read(guid, &decode(id)?)
}

fn decode(id: &str) -> Option<Vec<u8>> {
    STANDARD.decode(id).or_else(|_| URL_SAFE.decode(id)).ok()
}

fn read(guid: &[u8; 16], bytes: &[u8]) -> Option<Named> {
    let date = match bytes.len() {
        LENGTH => None,
        DATED => Some(date_of(i32::from_be_bytes(bytes[117..121].try_into().ok()?))?),
        _ => return None,
    };
    let parity = CASES.iter().position(|case| *case == bytes[42])? as u64;
    let half = u64::from_be_bytes(bytes[49..57].try_into().ok()?) ^ mask(guid);
    let number = half.checked_mul(2)?.checked_add(parity)?;
    let moves = u32::from_be_bytes(bytes[57..61].try_into().ok()?);
    let named = match (bytes[48], &bytes[..3] == IMMUTABLE.as_slice()) {
        (FOLDER, false) => Named::Folder(number),
        (ITEM, false) => Named::Item { number, moves, date },
        (ITEM, true) => Named::Immutable { number, date },
        _ => return None,
    };
    (layout(guid, named).as_slice() == bytes).then_some(named)
}

/// Writes the id of a conversation, which is a thread in a mailbox (recordings).
pub fn conversation(guid: &[u8; 16], thread: &[u8; 16]) -> Vec<u8> {
    let mut bytes = vec![0x00, 0x04, 0x24, 0x00];
    bytes.extend_from_slice(super::rng::guid_text(guid).as_bytes());
    bytes.extend_from_slice(&[0x00, 0x10, 0x00]);
    bytes.extend_from_slice(thread);
    bytes
}

/// First byte of a change key, which tells the class on real servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyClass {
    /// `CQAA…`
    Message,
    /// `DwAA…`
    CalendarItem,
    /// `AQAA…`
    Folder,
    /// `AgAA…`
    CalendarFolder,
}

/// Writes the ChangeKey of both faces: class, store GUID, change number.
pub fn change_key(class: KeyClass, guid: &[u8; 16], change: u64) -> String {
    let first = match class {
        KeyClass::Message => 0x09,
        KeyClass::CalendarItem => 0x0f,
        KeyClass::Folder => 0x01,
        KeyClass::CalendarFolder => 0x02,
    };
    let mut bytes = vec![first, 0, 0, 0, 0x16, 0, 0, 0];
    bytes.extend_from_slice(guid);
    bytes.extend_from_slice(&change.to_be_bytes()[2..]);
    STANDARD.encode(bytes)
}

fn layout(guid: &[u8; 16], named: Named) -> Vec<u8> {
    let (header, kind, number, moves, date) = match named {
        Named::Folder(number) => (MUTABLE, FOLDER, number, 0, None),
        Named::Item { number, moves, date } => (MUTABLE, ITEM, number, moves, date),
        Named::Immutable { number, date } => (IMMUTABLE, ITEM, number, 0, date),
    };
    let mut bytes = vec![0; LENGTH];
    bytes[..3].copy_from_slice(&header);
    bytes[4..40].copy_from_slice(super::rng::guid_text(guid).as_bytes());
    bytes[41] = 0x46;
    bytes[42] = CASES[(number % 2) as usize];
    // Makes `+` and `/` occur, in Graph's alphabet `-` and `_`.
    bytes[45..48].copy_from_slice(&[0xfb, 0xf0, 0x3f]);
    bytes[48] = kind;
    bytes[49..57].copy_from_slice(&((number / 2) ^ mask(guid)).to_be_bytes());
    bytes[57..61].copy_from_slice(&moves.to_be_bytes());
    bytes[61..77].copy_from_slice(guid);
    if let Some(date) = date {
        bytes.resize(DATED, 0);
        bytes[116] = 0x10;
        bytes[117..121].copy_from_slice(&days_of(date).to_be_bytes());
    }
    bytes
}

fn numbered(guid: &[u8; 16], named: Named, number: u64) -> Vec<u8> {
    let mut bytes = layout(guid, named);
    bytes.extend_from_slice(&[0x01, 0x12, 0x00, 0x10]);
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

/// Days since 1970-01-01.
fn days_of(date: Date) -> i32 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours().div_euclid(24) as i32
}

fn date_of(days: i32) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok()
}

fn mask(guid: &[u8; 16]) -> u64 {
    // Leaves the top byte clear, so that doubling a parsed number can't overflow unnoticed.
    guid[..7].iter().fold(0, |mask, byte| (mask << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_neighbours_differ_in_case_only() {
        let guid = *b"0123456789abcdef";
        let ids: Vec<String> =
            (6..8).map(|number| ews(&guid, Named::Item { number, moves: 3, date: None })).collect();
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0].to_ascii_lowercase(), ids[1].to_ascii_lowercase());
        let date = Some(Date::constant(2027, 3, 28));
        for named in [
            Named::Folder(9),
            Named::Item { number: 6, moves: 3, date: None },
            Named::Item { number: 6, moves: 3, date },
            Named::Immutable { number: 7, date: None },
            Named::Immutable { number: 7, date },
        ] {
            assert_eq!(parse(&guid, &ews(&guid, named)), Some(named));
            assert_eq!(parse(&guid, &graph(&guid, named)), Some(named));
            let attached = ews_attachment(&guid, named, 11);
            assert_eq!(parse_attachment(&guid, &attached), Some((named, 11)));
            assert_eq!(parse(&guid, &attached), None);
        }
        assert_eq!(parse(b"fedcba9876543210", &ids[0]), None);
        assert_eq!(parse(&guid, "AAMk"), None);
    }

    #[test]
    fn change_keys_tell_their_class() {
        let key = change_key(KeyClass::CalendarItem, b"0123456789abcdef", 77);
        assert!(key.starts_with("DwAAABYAAAA"), "{key}");
        assert_eq!(key.len(), 40);
    }
}
