//! What the file of an event is called.

use items::Digester;
use items::ical::uid_of;
use std::collections::BTreeSet;
use store_sqlite::LocalEvent;

/// The longest part of a name that comes from a UID, in bytes.
const LENGTH_MAX: usize = 100;
/// The hexadecimal digits that tell names apart.
const MARK: usize = 16;
/// Names that mean devices on Windows, whatever they end in.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// The name of an event's file, from its UID alone, so that it is the same at every export. In
/// `taken` are the names of this export, in small letters.
pub fn of(event: &LocalEvent, taken: &mut BTreeSet<String>) -> String {
    let uid = event.event.as_ref().and_then(|event| event.uid.clone());
    let uid = uid.or_else(|| uid_of(&event.ics)).unwrap_or_else(|| event.id.to_string());
    let mut name = of_uid(&uid);
    if !taken.insert(name.to_lowercase()) {
        // Two events of one UID: the file of the second is told apart by its id.
        name = marked(&uid, &format!("{uid}\0{}", event.id));
        taken.insert(name.to_lowercase());
    }
    name
}

/// The UID itself where every file system takes it and keeps it apart from all others; else what is
/// left of it, with a mark.
fn of_uid(uid: &str) -> String {
    let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._@+-".contains(&b);
    let first = uid.split('.').next().unwrap_or_default();
    let numbered = first.strip_prefix("com").or_else(|| first.strip_prefix("lpt"));
    let device = DEVICES.contains(&first) || numbered.is_some_and(|number| number.len() == 1);
    let plain = uid.bytes().all(small)
        && uid.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric())
        && uid.len() <= LENGTH_MAX
        && !device
        && !is_marked(uid);
    if plain { format!("{uid}.ics") } else { marked(uid, uid) }
}

fn marked(uid: &str, whole: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let kept: String = uid.chars().map(safe).take(LENGTH_MAX).collect();
    let mark = Digester::new([0; 32]).text("file name", whole).to_string();
    let kept = if kept.is_empty() { "event" } else { &kept };
    format!("{kept}-{}.ics", &mark[..MARK])
}

/// Whether a UID ends as a name with a mark does.
fn is_marked(uid: &str) -> bool {
    let end = uid.rsplit_once('-').map(|(_, end)| end);
    end.is_some_and(|end| end.len() == MARK && end.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harmless_uids_are_names() {
        for uid in ["abc123@google.com", "5f1e4c2a-77b0-4f0e-9a53-0c1d2e3f4a5b", "1"] {
            assert_eq!(of_uid(uid), format!("{uid}.ics"));
        }
    }

    #[test]
    fn all_others_are_made_safe_and_kept_apart() {
        let long = "x".repeat(3000);
        let uids = [
            "../../etc/passwd",
            "..",
            "",
            ".hidden",
            "-rf",
            "a/b",
            "a\\b",
            "a:b",
            "a_b",
            "a\0b",
            "a\nb",
            "ABC",
            "Abc",
            "con",
            "com1.x",
            "ünïcode",
            "unicode-0123456789abcdef",
            "a ",
            &long,
        ];
        let mut names = BTreeSet::new();
        for uid in uids {
            let name = of_uid(uid);
            let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
            assert!(name.bytes().all(safe) && name.len() < 128, "{name}");
            assert!(name.ends_with(".ics") && !name.starts_with(['.', '-']), "{name}");
            assert_eq!(name, of_uid(uid));
            assert!(names.insert(name.to_lowercase()), "{name}");
        }
    }
}
