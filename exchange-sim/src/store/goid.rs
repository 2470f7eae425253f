//! GlobalObjectIds: how a meeting is known across mailboxes (MS-OXOCAL 2.2.1.27).

use super::rng::Rng;
use jiff::Timestamp;
use jiff::civil::Date;

const HEADER: [u8; 16] = [
    0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xe0, 0x00, 0x74, 0xc5, 0xb7, 0x10, 0x1a, 0x82, 0xe0, 0x08,
];
/// Seconds between the epochs of FILETIME (1601) and Unix (1970).
const FILETIME_OFFSET_SECONDS: i64 = 11_644_473_600;

/// Makes the UID of an event born on this server: a GlobalObjectId in upper-case hexadecimal.
pub fn new_uid(now: Timestamp, rng: &mut Rng) -> String {
    let filetime = filetime(now);
    let mut bytes = HEADER.to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(&filetime.to_le_bytes());
    bytes.extend_from_slice(&[0; 8]);
    bytes.extend_from_slice(&16_u32.to_le_bytes());
    bytes.extend_from_slice(&rng.bytes16());
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A time as Windows counts it: in 100 nanoseconds since 1601.
pub(super) fn filetime(at: Timestamp) -> u64 {
    (at.as_second() + FILETIME_OFFSET_SECONDS).max(0) as u64 * 10_000_000
}

/// The GlobalObjectId of a UID: its own bytes, or wrapped as `vCal-Uid` when it is foreign.
pub fn from_uid(uid: &str) -> Vec<u8> {
    if let Some(bytes) = hex(uid).filter(|bytes| bytes.len() > 40 && bytes.starts_with(&HEADER)) {
        return bytes;
    }
    let mut data = b"vCal-Uid\x01\0\0\0".to_vec();
    data.extend_from_slice(uid.as_bytes());
    data.push(0);
    let mut bytes = HEADER.to_vec();
    bytes.extend_from_slice(&[0; 20]);
    bytes.extend_from_slice(&(data.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&data);
    bytes
}

/// The GlobalObjectId without the date of an occurrence (bytes 16 to 19).
pub fn clean(mut goid: Vec<u8>) -> Vec<u8> {
    if let Some(date) = goid.get_mut(16..20) {
        date.fill(0);
    }
    goid
}

/// The GlobalObjectId of an occurrence: year, month and day of its date in bytes 16 to 19.
pub fn of_occurrence(mut goid: Vec<u8>, date: Option<Date>) -> Vec<u8> {
    if let (Some(place), Some(date)) = (goid.get_mut(16..20), date) {
        let [high, low] = date.year().to_be_bytes();
        place.copy_from_slice(&[high, low, date.month() as u8, date.day() as u8]);
    }
    goid
}

fn hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_uids_are_their_bytes_and_foreign_ones_are_wrapped() {
        let uid = new_uid(Timestamp::UNIX_EPOCH, &mut Rng::new(1));
        assert_eq!(uid.len(), 112);
        assert!(uid.starts_with("040000008200E00074C5B7101A82E008"));
        assert_eq!(from_uid(&uid).len(), 56);
        let wrapped = from_uid("abc@example");
        assert!(wrapped.windows(8).any(|part| part == b"vCal-Uid"));
        assert_eq!(wrapped[36], 12 + 11 + 1);
    }
}
