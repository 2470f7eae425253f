//! `import` and `export`.

use crate::scene::{ANNA, Ran, Scene, evensync};
use items::Digester;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use store_sqlite::{LocalEvent, LocalReplica};
use tempfile::TempDir;

const CONFIGURATION: &str = r#"
[endpoint.office]
kind = "ews"
url = "https://mail.contoso.example/EWS/Exchange.asmx"
auth = { kind = "basic", user = "anna", password = { env = "ANNA_PASSWORD" } }

[endpoint.here]
kind = "local"
path = "here.db"

[pair.one]
a = { endpoint = "office", mailbox = "anna@contoso.example" }
b = { endpoint = "here", mailbox = "anna" }
"#;

/// A folder with a configuration.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        desk.write("evensync.toml", CONFIGURATION);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("writable");
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        evensync(self.folder.path(), arguments)
    }

    /// Imports, and says how many events were new, updated, unchanged and set aside.
    #[track_caller]
    fn import(&self, code: i32, paths: &[&str]) -> [u64; 4] {
        let result = self.run(&[&["import", "here", "--json"], paths].concat()).ends(code).json();
        assert_eq!((&result["version"], &result["exit"]), (&1.into(), &code.into()), "{result}");
        let number = |key: &str| result[key].as_u64().expect("a number");
        let aside = result["set_aside"].as_array().expect("a list").len() as u64;
        [number("new"), number("updated"), number("unchanged"), aside]
    }

    /// What the store holds.
    fn events(&self, calendar: &str) -> Vec<LocalEvent> {
        let digester = Digester::new([0; 32]);
        let replica =
            LocalReplica::open(&self.path("here.db"), "anna", digester, "").expect("a store");
        let folders = replica.list_folders().expect("readable");
        let folder = folders.into_iter().find(|f| f.name == calendar).expect("such a calendar");
        replica.list_events(&folder.id, None, 1000).expect("readable")
    }
}

/// The files of a folder, with what they hold.
fn files(folder: &Path) -> BTreeSet<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| {
            let entry = entry.expect("readable");
            let content = std::fs::read(entry.path()).expect("readable");
            (entry.file_name().to_string_lossy().into_owned(), content)
        })
        .collect()
}

fn event(uid: &str, subject: &str) -> String {
    format!(
        "BEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:{subject}\r\n\
         DTSTART:20261125T080000Z\r\nDTEND:20261125T090000Z\r\nX-COLOUR:red\r\n\
         ATTENDEE;CN=\"Doe, Jane\":mailto:jane@contoso.example\r\nEND:VEVENT\r\n"
    )
}

fn calendar(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.concat())
}

const SERIES: &str = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:series\r\n\
DTSTART;TZID=Europe/Berlin:20261102T090000\r\nDTEND;TZID=Europe/Berlin:20261102T093000\r\n\
RRULE:FREQ=WEEKLY;BYDAY=MO\r\nEXDATE;TZID=Europe/Berlin:20261109T090000\r\nSUMMARY:Stand-up\r\n\
END:VEVENT\r\nBEGIN:VEVENT\r\nUID:series\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261116T090000\r\n\
DTSTART;TZID=Europe/Berlin:20261116T110000\r\nDTEND;TZID=Europe/Berlin:20261116T113000\r\n\
SUMMARY:Stand-up\\, late\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";

#[test]
fn an_import_is_done_once() {
    let desk = Desk::new();
    desk.write("two.ics", calendar(&[event("a", "Lunch"), event("b", "Review")]));
    desk.write("series.ics", SERIES);
    let ran = desk.run(&["import", "here", "two.ics", "series.ics"]).ends(0);
    let sentence =
        "anna of here, calendar \"Calendar\": 3 new, 0 updated, 0 unchanged, 0 set aside.";
    assert_eq!(ran.out.trim(), sentence);
    let before = desk.events("Calendar");
    assert_eq!(before.len(), 3);
    assert!(before[0].ics.contains("X-COLOUR:red") && before[0].ics.contains("Doe, Jane"));
    let series = before[2].event.clone().expect("an event");
    assert_eq!(series.occurrences.map(|all| all.len()), Some(2));
    assert_eq!(desk.import(0, &["two.ics", "series.ics"]), [0, 0, 3, 0]);
    assert_eq!(desk.events("Calendar"), before);
    desk.write("two.ics", calendar(&[event("a", "Lunch"), event("b", "Retro"), event("c", "New")]));
    assert_eq!(desk.import(0, &["two.ics"]), [1, 1, 1, 0]);
    let after = desk.events("Calendar");
    assert_eq!((&after[0], &after[2]), (&before[0], &before[2]));
    assert_eq!(after[1].event.clone().expect("an event").subject.as_deref(), Some("Retro"));
    assert_ne!(after[1].version, before[1].version);
}

#[test]
fn an_export_goes_back_without_a_change() {
    let desk = Desk::new();
    let uids = ["a", "A", "../../etc/passwd", "con", "x y", "0400-Ü", "-"];
    let all: Vec<String> = uids.iter().map(|uid| event(uid, "Lunch")).collect();
    let nameless = event("", "Nameless").replace("UID:\r\n", "");
    desk.write("all.ics", calendar(&[&all[..], &[nameless]].concat()));
    desk.write("series.ics", SERIES);
    assert_eq!(desk.import(0, &["all.ics", "series.ics"]), [9, 0, 0, 0]);
    let before = desk.events("Calendar");
    let ran = desk.run(&["export", "here", "vdir"]).ends(0);
    let sentence = "anna of here, calendar \"Calendar\": 9 events in vdir; 9 files new, 0 updated, 0 unchanged.";
    assert_eq!(ran.out.trim(), sentence);
    let written = files(&desk.path("vdir"));
    let names: BTreeSet<String> = written.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert_eq!(names.len(), 9, "{names:?}");
    assert!(names.contains("a.ics") && names.contains("series.ics"), "{names:?}");
    let again = desk.run(&["export", "here", "vdir", "--json"]).ends(0).json();
    assert_eq!((&again["files"]["unchanged"], &again["files"]["new"]), (&9.into(), &0.into()));
    assert_eq!(files(&desk.path("vdir")), written);
    assert_eq!(desk.import(0, &["vdir"]), [0, 0, 9, 0]);
    desk.run(&["export", "here", "one.ics"]).ends(0);
    let one = std::fs::read(desk.path("one.ics")).expect("written");
    let again = desk.run(&["export", "here", "one.ics", "--json"]).ends(0).json();
    assert_eq!((&again["events"], &again["files"]["unchanged"]), (&9.into(), &1.into()));
    assert_eq!(std::fs::read(desk.path("one.ics")).expect("there"), one);
    assert_eq!(desk.import(0, &["one.ics"]), [0, 0, 9, 0]);
    assert_eq!(desk.events("Calendar"), before);
    // Into another mailbox, and back.
    desk.run(&["import", "here", "--mailbox", "ben", "one.ics"]).ends(0);
    desk.run(&["export", "here", "--mailbox", "ben", "ben"]).ends(0);
    let ran = desk.run(&["import", "here", "--mailbox", "anna", "ben", "--json"]).ends(0).json();
    assert_eq!(ran["unchanged"], 9, "{ran}");
}

/// Bytes go in as base64 and come out so; in between they lie apart from the text.
#[test]
fn attachments_go_in_and_come_out() {
    let desk = Desk::new();
    let bytes: String = "attached ".repeat(40_000);
    let attach = |name: &str, base64: &str| {
        format!(
            "ATTACH;FMTTYPE=text/plain;FILENAME={name};ENCODING=BASE64;VALUE=BINARY:{base64}\r\n"
        )
    };
    let lines = attach("a.txt", &"YXR0YWNoZWQg".repeat(40_000)) + &attach("b.txt", "aGVsbG8=");
    let event = event("a", "Lunch").replace("END:VEVENT", &(lines + "END:VEVENT"));
    desk.write("in.ics", calendar(&[event]));
    assert_eq!(desk.import(0, &["in.ics"]), [1, 0, 0, 0]);
    assert_eq!(desk.import(0, &["in.ics"]), [0, 0, 1, 0]);
    let stored = desk.events("Calendar").remove(0);
    assert!(stored.ics.len() < 2000, "{}", stored.ics.len());
    let attachments = stored.event.and_then(|event| event.attachments).expect("attachments");
    assert_eq!(attachments.len(), 2);
    for out in ["out.ics", "folder"] {
        desk.run(&["export", "here", out]).ends(0);
    }
    for out in ["out.ics", "folder/a.ics"] {
        let text = std::fs::read_to_string(desk.path(out)).expect("readable");
        assert!(text.split("\r\n").all(|line| line.len() <= 75));
        let read = items::ical::read(text.as_bytes()).events.remove(0);
        assert_eq!(read.attachments.as_ref(), Some(&attachments), "{out}");
        let files = items::ical::take_out(&text).files;
        assert!(files.values().any(|file| file == bytes.as_bytes()), "{out}");
    }
    assert_eq!(desk.import(0, &["out.ics"]), [0, 0, 1, 0]);
}

#[test]
fn what_changed_is_written_and_what_is_gone_stays() {
    let desk = Desk::new();
    desk.write("two.ics", calendar(&[event("a", "Lunch"), event("b", "Review")]));
    desk.import(0, &["two.ics"]);
    desk.run(&["export", "here", "vdir"]).ends(0);
    desk.write("two.ics", calendar(&[event("a", "Dinner"), event("b", "Review")]));
    desk.import(0, &["two.ics"]);
    desk.write("vdir/other.ics", "mine");
    desk.write("vdir/color", "#ff0000");
    let result = desk.run(&["export", "here", "vdir", "--json"]).ends(0).json();
    let files = &result["files"];
    assert_eq!((&files["updated"], &files["unchanged"]), (&1.into(), &1.into()), "{result}");
    assert_eq!(result["others"], 1);
    assert_eq!(std::fs::read(desk.path("vdir/other.ics")).expect("there"), b"mine");
    let ran = desk.run(&["export", "here", "vdir"]).ends(0);
    assert!(ran.out.contains("1 file there of other events"), "{}", ran.out);
}

#[test]
fn what_is_not_understood_stops_nothing() {
    let desk = Desk::new();
    let todo = "BEGIN:VTODO\r\nUID:t\r\nEND:VTODO\r\n".to_owned();
    let endless = "BEGIN:VEVENT\r\nUID:e\r\nSUMMARY:never\r\nEND:VEVENT\r\n".to_owned();
    let floating = event("f", "Lunch").replace("0Z\r\nX-", "0\r\nX-");
    let text = calendar(&[todo, endless, floating, event("a", "A"), event("a", "B")]);
    desk.write("mixed.ics", text.replace("VERSION:2.0", "no \u{1b}[31mcolon"));
    std::fs::create_dir(desk.path("calendar")).expect("writable");
    std::fs::create_dir(desk.path("calendar/inner.ics")).expect("writable");
    desk.write("calendar/text.ics", "Dear all,\nsee below: nothing.");
    desk.write("calendar/.hidden.ics", calendar(&[event("h", "Hidden")]));
    desk.write("calendar/notes.txt", calendar(&[event("n", "Notes")]));
    desk.write("calendar/Z.ICS", calendar(&[event("z", "Z")]));
    let arguments = ["import", "here", "missing", "mixed.ics", "calendar"];
    let ran = desk.run(&arguments).ends(4);
    for line in [
        "mixed.ics:2: not a content line: no \u{fffd}[31mcolon",
        "mixed.ics:3: set aside: VTODO is not an event",
        "mixed.ics:6: set aside: an event without a start that can be read",
        "set aside: the event of mixed.ics:19 again, by its UID",
        "missing can't be read (",
        "text.ics is no iCalendar; it was left out",
        "anna of here, calendar \"Calendar\": 3 new, 0 updated, 0 unchanged, 3 set aside.",
    ] {
        assert!(ran.out.contains(line), "{line} is not in:\n{}", ran.out);
    }
    let result = desk.run(&[&arguments[..], &["--json"]].concat()).ends(4).json();
    assert_eq!(result["unreadable"].as_array().map(Vec::len), Some(2), "{result}");
    assert_eq!(result["set_aside"][0]["line"], 3);
    assert_eq!(desk.import(2, &["mixed.ics"]), [0, 0, 2, 3]);
}

#[test]
fn bad_paths_are_named() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).expect("writable");
    desk.write("file", calendar(&[event("a", "A")]));
    let large = std::fs::File::create(desk.path("large.ics")).expect("writable");
    large.set_len(100_000_000).expect("a sparse file");
    for (paths, code, sentence) in [
        (&["missing.ics"][..], 1, "missing.ics can't be read ("),
        (&["empty"], 0, "empty holds no file that ends in .ics"),
        (&["large.ics"], 1, "large.ics is larger than 32 MiB, the most that is read of one file"),
        (&["evensync.toml"], 1, "evensync.toml is no iCalendar"),
        (&["large.ics", "file"], 4, "1 new"),
    ] {
        let ran = desk.run(&[&["import", "here"], paths].concat()).ends(code);
        assert!(ran.out.contains(sentence), "{}", ran.out);
        assert_eq!(desk.path("here.db").exists(), sentence == "1 new");
    }
    for (path, code, sentence) in [
        ("file", 64, "file is no folder"),
        ("none/vdir", 1, "can't be made"),
        ("none/one.ics", 1, "can't be written"),
    ] {
        let ran = desk.run(&["export", "here", path]).ends(code);
        assert!(ran.err.contains(sentence), "{}", ran.err);
    }
    std::fs::create_dir(desk.path("folder.ics")).expect("writable");
    let ran = desk.run(&["export", "here", "folder.ics", "--json"]).ends(64);
    assert!(
        ran.json()["error"].as_str().is_some_and(|e| e.contains("ends in .ics and is no file"))
    );
    std::fs::create_dir_all(desk.path("vdir/a.ics")).expect("writable");
    let ran = desk.run(&["export", "here", "vdir"]).ends(4);
    assert!(ran.out.contains("a.ics can't be written ("), "{}", ran.out);
}

#[cfg(target_os = "linux")]
#[test]
fn pipes_and_devices_are_not_read() {
    let desk = Desk::new();
    let ran = desk.run(&["import", "here", "/dev/zero"]).ends(1);
    assert!(ran.out.contains("/dev/zero is neither a file nor a folder"), "{}", ran.out);
}

#[test]
fn accounts_and_calendars_that_are_not_there_are_named() {
    let desk = Desk::new();
    desk.write("one.ics", calendar(&[event("a", "A")]));
    for (arguments, code, sentence) in [
        (&["import", "office", "one.ics"][..], 64, "run `evensync sync`"),
        (&["export", "office", "out"], 64, "is of kind \"ews\""),
        (&["import", "hare", "one.ics"], 64, "did you mean `here`?"),
        (&["import", "here"], 64, "PATH"),
        (&["export", "here", "out"], 1, "holds nothing of anna yet"),
        (&["export", "here", "--mailbox", " ", "out"], 64, "--mailbox"),
        (&["import", "here", "--calendar", "", "one.ics"], 64, "--calendar"),
    ] {
        let ran = desk.run(arguments).ends(code);
        assert!(ran.err.contains(sentence), "{arguments:?}: {}", ran.err);
        assert!(!desk.path("here.db").exists() && !desk.path("out").exists(), "{arguments:?}");
    }
    let ran = desk.run(&["import", "here", "--calendar", "Team", "one.ics"]).ends(0);
    assert!(ran.out.contains("the new calendar \"Team\": 1 new"), "{}", ran.out);
    assert_eq!((desk.events("Team").len(), desk.events("Calendar").len()), (1, 0));
    let ran = desk.run(&["export", "here", "--calendar", "Teem", "out"]).ends(64);
    assert!(ran.err.contains("did you mean `Team`? (calendars: Calendar, Team)"), "{}", ran.err);
    desk.run(&["import", "here", "--mailbox", "ben", "one.ics"]).ends(0);
    let ran = desk.run(&["import", "here", "one.ics"]).ends(64);
    assert!(ran.err.contains("say which with --mailbox NAME (anna, ben)"), "{}", ran.err);
    let without = CONFIGURATION.split("[pair.one]").next().expect("the endpoints");
    desk.write("evensync.toml", without);
    std::fs::remove_file(desk.path("here.db")).expect("ours");
    let ran = desk.run(&["import", "here", "one.ics"]).ends(64);
    assert!(ran.err.contains("say which with --mailbox NAME"), "{}", ran.err);
    desk.run(&["import", "here", "--mailbox", "anna", "one.ics"]).ends(0);
    desk.run(&["export", "here", "out"]).ends(0);
}

#[test]
fn what_is_imported_is_synchronised_and_comes_out_again() {
    let scene = Scene::new(
        "[pair.local]\na = { endpoint = 'office', mailbox = 'anna@contoso.example' }\nb = { endpoint = 'here', mailbox = 'anna' }",
    );
    let file = scene.path("one.ics");
    std::fs::write(&file, calendar(&[event("a@contoso.example", "Lunch")])).expect("writable");
    scene.run(&["import", "here", "one.ics"]).ends(0);
    scene.run(&["sync", "local"]).ends(0);
    assert_eq!(scene.events(ANNA), [("Lunch".to_owned(), String::new())]);
    scene.place(ANNA, "Lunch", "Room 1");
    scene.run(&["sync", "local"]).ends(0);
    scene.run(&["export", "here", "vdir"]).ends(0);
    let text = std::fs::read_to_string(scene.path("vdir/a@contoso.example.ics")).expect("written");
    assert!(text.contains("LOCATION:Room 1") && text.contains("X-COLOUR:red"), "{text}");
    // The file says nothing of a place, and so takes none away.
    let ran = scene.run(&["import", "here", "one.ics", "--json"]).ends(0).json();
    assert_eq!(ran["unchanged"], 1, "{ran}");
    let ran = scene.run(&["import", "here", "vdir", "--json"]).ends(0).json();
    assert_eq!(ran["unchanged"], 1, "{ran}");
    scene.run(&["sync", "local"]).ends(0);
}
