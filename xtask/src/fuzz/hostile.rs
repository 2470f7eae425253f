//! Values that break programs.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sim::store::rng::Rng;

const TEXTS: &[&str] = &[
    "",
    " ",
    "x",
    "\u{0}",
    "\u{1}",
    "\u{b}",
    "\u{7f}",
    "\u{fffe}",
    "\u{feff}",
    "\u{202e}",
    "😀",
    "ß",
    "İ",
    "e\u{301}",
    "'",
    "\"",
    "\\",
    "%",
    "%00",
    "%zz",
    "$",
    "&",
    "&amp;",
    "&x;",
    "<",
    "<a>",
    "]]>",
    "--",
    "/",
    "..",
    "../../etc/passwd",
    "null",
    "true",
    "false",
    "TRUE",
    "1",
    "[]",
    "{}",
    "-",
    "+",
    ",",
    ";",
    "\r\n",
    "\t",
    "=",
    "==",
    "A",
    "AA",
    "AAA",
    "AAAA",
    "AQAAAA==",
    "////",
    "anna.vogt@contoso.example",
    "ben.carter@contoso.example",
    "nobody@contoso.example",
    "@",
    "inbox",
    "calendar",
    "deleteditems",
    "msgfolderroot",
    "root",
    "me",
];
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "127",
    "128",
    "255",
    "256",
    "32767",
    "32768",
    "65535",
    "65536",
    "512",
    "513",
    "1000",
    "2147483647",
    "-2147483648",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551615",
    "99999999999999999999999999",
    "0.5",
    "-0.5",
    "1e3",
    "1e400",
    "NaN",
    "INF",
    "0x10",
    "1_000",
    "１",
];
const DATES: &[&str] = &[
    "2026-12-01T09:00:00Z",
    "2026-12-01",
    "2026-12-01T09:00:00",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "-0001-01-01T00:00:00Z",
    "-9999-01-01T00:00:00Z",
    "1601-01-01T00:00:00Z",
    "1899-12-30T00:00:00Z",
    "1969-12-31T23:59:59Z",
    "2026-02-29T00:00:00Z",
    "2026-02-30T00:00:00",
    "2026-03-29T02:30:00",
    "2026-10-25T02:30:00",
    "2026-12-31T23:59:60Z",
    "2026-12-31T24:00:00Z",
    "2026-13-01T00:00:00Z",
    "4500-12-31T23:59:00Z",
    "9999-12-31",
    "9999-12-31T23:59:59Z",
    "9999-12-31T23:59:59.9999999Z",
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59+99:99",
    "10000-01-01T00:00:00Z",
    "+262143-12-31T23:59:59Z",
    "2026-12-01T09:00:00+25:00",
    "2026-12-01T09:00:00.123456789012345Z",
    "20261201T090000Z",
    "P1D",
    "PT99999999999H",
    "-P999999999Y",
    "PT",
    "P",
    "09:00:00",
    "24:00:00",
    "99:99:99",
    "00:00:00.0000000",
];
const ZONES: &[&str] = &[
    "UTC",
    "W. Europe Standard Time",
    "Pacific Standard Time",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Samoa Standard Time",
    "tzone://Microsoft/Utc",
    "Customized Time Zone",
    "(UTC+01:00) Berlin",
    "Mars Standard Time",
    "Etc/GMT+12",
    "Pacific/Apia",
    "Factory",
    "Line Islands Standard Time",
];
const WORDS: &[&str] = &[
    "IdOnly",
    "AllProperties",
    "Default",
    "HardDelete",
    "SoftDelete",
    "SendToNone",
    "SendToAllAndSaveCopy",
    "SaveOnly",
    "Deep",
    "Shallow",
    "Associated",
    "weekly",
    "relativeYearly",
    "numbered",
    "noEnd",
    "endDate",
    "last",
    "first",
    "weekendDay",
    "Weekday",
    "day",
    "sunday",
    "html",
    "HTML",
    "text",
    "Best",
    "Busy",
    "busy",
    "High",
    "required",
    "String",
    "Integer",
    "SystemTime",
    "Binary",
    "MultipleString",
    "StringArray",
    "IntegerArray",
    "0x0e07",
    "0x8000",
    "0xffff",
    "String 0x0037",
    "Integer 0x0e07",
    "StringArray 0x1000",
    "String {11111111-2222-3333-4444-555555555555} Name stamp",
    "Binary {x} Id 0x99999999",
    "String {00020329-0000-0000-C000-000000000046} Id 0xFFFFFFFF",
    "Beginning",
    "End",
    "EwsId",
    "OwaId",
    "HexEntryId",
    "StoreId",
    "item:Subject",
    "calendar:Recurrence",
    "message:IsRead",
    "folder:DisplayName",
    "item:Attachments",
    "calendar:UID",
    "id",
    "subject",
    "start/dateTime",
    "receivedDateTime",
    "singleValueExtendedProperties",
    "attachments",
    "#microsoft.graph.fileAttachment",
    "#microsoft.graph.itemAttachment",
];
/// Query texts that a parser has to survive.
const QUERIES: &[&str] = &[
    "a eq b",
    "subject eq 'x' or",
    "not",
    "(",
    "()",
    ")",
    "subject eq",
    "contains(subject",
    "'",
    "contains(subject,'a') and (not (isRead eq true) or receivedDateTime lt 9999-12-31T23:59:59Z)",
    "start/dateTime ge '0001-01-01'",
    "startswith(subject,null)",
    "id in ('a','b')",
    "categories/any(c:c eq 'Red')",
    "categories/any()",
    "a/any(b:b/any(c:c eq 1))",
    "subject eq '''''",
    "receivedDateTime ge datetime'x'",
    "-1",
    "subject desc,subject asc,",
    ",,",
    "subject foo",
    "$filter=($filter=1)",
    "singleValueExtendedProperties($filter=id eq 'x'",
    "attachments($select=id;$top=1)",
    "*",
    "deadbeef",
    "startswith(from/emailAddress/address,'a')",
];
const LONG: usize = 60_000;

/// A value of any kind.
pub fn value(rng: &mut Rng) -> String {
    match rng.below(16) {
        0..=3 => (*rng.pick(TEXTS)).to_owned(),
        4..=5 => (*rng.pick(NUMBERS)).to_owned(),
        6..=8 => (*rng.pick(DATES)).to_owned(),
        9 => (*rng.pick(ZONES)).to_owned(),
        10..=12 => (*rng.pick(WORDS)).to_owned(),
        13 => (*rng.pick(QUERIES)).to_owned(),
        14 => rng.next_u64().to_string(),
        _ => long(rng),
    }
}

/// A value that a query option or a parser of expressions gets.
pub fn query(rng: &mut Rng) -> String {
    match rng.below(8) {
        0..=4 => (*rng.pick(QUERIES)).to_owned(),
        5 => "(".repeat(3_000) + "a eq 1" + &")".repeat(3_000),
        6 => "not ".repeat(5_000) + "isRead eq true",
        _ => "a eq 1 or ".repeat(3_000) + "a eq 2",
    }
}

/// A MIME message that nests, breaks off or lies about itself, in base64.
pub fn mime(rng: &mut Rng) -> String {
    let text = match rng.below(6) {
        0 => "Content-Type: message/rfc822\r\n\r\n".repeat(2_000),
        1 => (0..500)
            .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n"))
            .collect(),
        2 => format!("Subject: {}\r\n\r\n", "=?utf-8?b?//8=?= ".repeat(500)),
        3 => format!("To: {}\r\nDate: {}\r\n\r\nx", "a@b, ".repeat(2_000), value(rng)),
        4 => "Content-Type: text/html; charset=x-unknown\r\nContent-Transfer-Encoding: \
              base64\r\n\r\n\u{0}\u{1}%%%"
            .to_owned(),
        _ => format!("Subject: {}\r\nMessage-ID: {}\r\n\r\n{}", value(rng), value(rng), long(rng)),
    };
    STANDARD.encode(text)
}

/// A text of up to some ten thousand characters.
pub fn long(rng: &mut Rng) -> String {
    let unit = *rng.pick(&["a", "ü", "😀", "AAAA", " ", "<", "0"]);
    unit.repeat(rng.below(LONG as u64) as usize / unit.len())
}

/// Breaks bytes: what no structure survives.
pub fn break_bytes(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let at = rng.below(bytes.len() as u64 + 1) as usize;
    match rng.below(7) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, rng.next_u64() as u8),
        2 => drop(bytes.splice(at..at, [0xff, 0xfe, 0xc0, 0x80])),
        3 => drop(bytes.splice(at..at, [0xed, 0xa0, 0x80])),
        4 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.below(8);
            }
        }
        5 => {
            let end = (at + rng.below(64) as usize).min(bytes.len());
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        _ => drop(bytes.splice(0..0, [0xef, 0xbb, 0xbf])),
    }
}
