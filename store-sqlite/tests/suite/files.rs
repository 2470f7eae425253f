//! Attachments of the local replica: their bytes lie in its own file, and on the shelf for others.

use crate::Place;
use crate::replica::{calendar, create, event, pull, write};
use items::attachment::Data;
use items::field::Name;
use items::{Attachment, Digester, Event, ical};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use store_sqlite::{LocalReplica, Put};
use sync_core::ids::Digest;
use sync_core::port::{Failure, Files, Hint, MemoryFiles, Remote, WriteOp};

fn digester(key: u8) -> Digester {
    Digester::new([key; 32])
}

fn open(path: &Path, key: u8, files: &MemoryFiles) -> LocalReplica {
    let replica = LocalReplica::open(path, "alice@contoso.example", digester(key), "state");
    replica.expect("a sound file").with_files(Arc::new(files.clone()))
}

fn bytes() -> Vec<u8> {
    (0..600_000_u32).map(|n| (n % 253) as u8).collect()
}

fn digest_of(bytes: &[u8], key: u8) -> Digest {
    let mut digest = digester(key).file();
    digest.update(bytes);
    digest.finish()
}

fn keep(files: &MemoryFiles, key: u8, bytes: &[u8]) -> Attachment {
    let digest = digest_of(bytes, key);
    let mut file = files.begin().expect("there is room");
    file.write(bytes).expect("there is room");
    file.finish(&digest).expect("there is room");
    Attachment {
        name: "plan.pdf".into(),
        media_type: Some("application/pdf".into()),
        content_id: None,
        inline: false,
        data: Data::Bytes { digest, size: bytes.len() as u64 },
    }
}

fn meeting(attachments: Vec<Attachment>) -> Event {
    Event { attachments: Some(attachments), ..event("Meeting") }
}

/// The events as a pull shows them.
fn sighted(replica: &LocalReplica) -> Vec<Event> {
    let changes = pull(replica, None).changes.into_iter();
    let items = changes.filter_map(|change| match change.hint {
        Hint::Changed { item, .. } => item,
        Hint::Gone => None,
    });
    items.map(|item| Event::from_canonical(&item.content).expect("canonical")).collect()
}

fn attachments(replica: &LocalReplica) -> Vec<Attachment> {
    let [event] = &sighted(replica)[..] else { panic!("one event") };
    event.attachments.clone().expect("attachments")
}

#[test]
fn bytes_go_in_and_come_out_for_other_state_files() {
    let (place, shelf) = (Place::new(), MemoryFiles::default());
    let replica = open(&place.file(), 7, &shelf);
    let link =
        Attachment { data: Data::Link("https://x.example/a".into()), ..keep(&shelf, 7, b"") };
    let all = vec![keep(&shelf, 7, &bytes()), link];
    create(&replica, "1", &meeting(all.clone()));
    assert_eq!(attachments(&replica), all);
    let events = replica.list_events(&calendar(&replica), None, 9).expect("readable");
    assert!(!events[0].ics.contains("BASE64") && events[0].ics.len() < 2000);
    // By the digest that the text names it by.
    let own = digest_of(&bytes(), 0);
    assert_eq!(replica.read_file(&own, 1, 700_000).expect("readable"), bytes()[1..]);
    let (other, key) = (MemoryFiles::default(), 9);
    let found = attachments(&open(&place.file(), key, &other));
    let digest = digest_of(&bytes(), key);
    assert_eq!(found[0].data, Data::Bytes { digest, size: 600_000 });
    assert_eq!(other.read(&digest, 0, 700_000).expect("readable"), bytes());
}

#[test]
fn an_attachment_without_its_bytes_is_refused_whole() {
    let (place, shelf) = (Place::new(), MemoryFiles::default());
    let replica = open(&place.file(), 7, &shelf);
    let lost = Attachment {
        data: Data::Bytes { digest: Digest::from_number(5), size: 5 },
        ..keep(&shelf, 7, b"x")
    };
    let content = meeting(vec![lost]).to_canonical();
    let refused = write(&replica, "1", WriteOp::Create { content });
    assert!(matches!(refused, Err(Failure::Permanent(ref t)) if t.code == "file-lost"));
    assert_eq!(sighted(&replica), []);
    let db = Connection::open(place.file()).expect("a database");
    let count: i64 =
        db.query_row("SELECT count(*) FROM shelf_file", [], |row| row.get(0)).expect("readable");
    assert_eq!(count, 0);
}

#[test]
fn without_a_shelf_attachments_stay_as_they_are() {
    let (place, shelf) = (Place::new(), MemoryFiles::default());
    let all = vec![keep(&shelf, 7, b"hello")];
    create(&open(&place.file(), 7, &shelf), "1", &meeting(all.clone()));
    let bare = LocalReplica::open(&place.file(), "alice@contoso.example", digester(7), "state");
    let bare = bare.expect("a sound file");
    assert!(!bare.capabilities().fields.contains(&Name::Attachments.field()));
    assert_eq!(sighted(&bare)[0].attachments, None);
    bare.put_event(&calendar(&bare), &meeting(vec![])).expect("writable");
    assert_eq!(attachments(&open(&place.file(), 7, &shelf)), all);
}

#[test]
fn imported_bytes_are_kept_apart_once() {
    let (place, shelf) = (Place::new(), MemoryFiles::default());
    let replica = open(&place.file(), 7, &shelf);
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTAMP:20261125T080000Z\n\
        DTSTART:20261125T080000Z\nATTACH;X-FILENAME=a.txt;ENCODING=BASE64;VALUE=BINARY:aGVsbG8=\n\
        ATTACH;FILENAME=b;SIZE=3:evensync-file:00000000000000000000000000000007\n\
        END:VEVENT\nEND:VCALENDAR\n";
    let item = ical::split(text.as_bytes(), 0).items.remove(0);
    let put = || replica.put_items(&calendar(&replica), &[&item]).expect("writable");
    assert_eq!(put(), [Put::New]);
    assert_eq!(put(), [Put::Unchanged]);
    let found = attachments(&replica);
    // The other names what only its author has.
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].name.as_str(), found[0].media_type.as_deref()), ("a.txt", None));
    assert_eq!(shelf.read(&digest_of(b"hello", 7), 0, 9).expect("readable"), b"hello");
}

#[test]
fn a_file_from_before_attachments_is_brought_up_to_date() {
    let (place, shelf) = (Place::new(), MemoryFiles::default());
    create(&open(&place.file(), 7, &shelf), "1", &meeting(vec![]));
    let db = Connection::open(place.file()).expect("a database");
    db.execute_batch(
        "DROP TABLE shelf_part; DROP TABLE shelf_file; DROP TABLE shelf_origin;
         UPDATE item SET ics = replace(ics, 'END:VEVENT',
            'ATTACH;FILENAME=a;ENCODING=BASE64;VALUE=BINARY:aGVsbG8=' || char(13, 10) || 'END:VEVENT');
         PRAGMA user_version = 2;",
    )
    .expect("writable");
    drop(db);
    let found = attachments(&open(&place.file(), 7, &shelf));
    assert_eq!(found[0].data, Data::Bytes { digest: digest_of(b"hello", 7), size: 5 });
}
