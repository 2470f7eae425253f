//! The local replica: what the engine relies on.

use crate::Place;
use items::Digester;
use items::event::{Event, Timing};
use rusqlite::Connection;
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use store_sqlite::{LocalReplica, file};
use sync_core::ids::{Cursor, Field, FolderId, LinkId, RemoteId, Version};
use sync_core::port::{
    Failure, Fetched, FolderKind, Hint, Page, Probe, Probed, Remote, Stamp, Target, Write, WriteOp,
    Written,
};

const MAILBOX: &str = "alice@contoso.example";

/// The replica never waits for anything but the disk.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn open(path: &Path) -> LocalReplica {
    open_for(path, MAILBOX, "state")
}

fn open_for(path: &Path, mailbox: &str, state_id: &str) -> LocalReplica {
    LocalReplica::open(path, mailbox, Digester::new([7; 32]), state_id).expect("a sound file")
}

pub fn calendar(replica: &LocalReplica) -> FolderId {
    let folders = now(replica.folders()).expect("readable");
    folders.into_iter().find(|folder| folder.is_default).expect("every mailbox has one").id
}

pub fn event(subject: &str) -> Event {
    Event {
        uid: Some(format!("{subject}@contoso.example")),
        subject: Some(subject.to_owned()),
        location: Some("Room 1".to_owned()),
        timing: Some(Timing::Timed {
            start: 1_795_600_800,
            end: 1_795_604_400,
            start_zone: Some("Europe/Berlin".to_owned()),
            end_zone: None,
        }),
        ..Event::default()
    }
}

fn stamp(key: &str) -> Stamp {
    Stamp { link: LinkId(5), key: key.into() }
}

pub fn create(replica: &LocalReplica, key: &str, event: &Event) -> Written {
    let op = WriteOp::Create { content: event.to_canonical() };
    write(replica, key, op).expect("it is written")
}

pub fn write(replica: &LocalReplica, key: &str, op: WriteOp) -> Result<Written, Failure> {
    let write = Write { folder: calendar(replica), stamp: stamp(key), op };
    now(Remote::write(replica, &[write])).pop().expect("one result per write")
}

pub fn pull(replica: &LocalReplica, cursor: Option<&Cursor>) -> Page {
    now(replica.pull(&calendar(replica), cursor)).expect("readable")
}

fn fetch(replica: &LocalReplica, id: &RemoteId) -> Fetched {
    let ids = std::slice::from_ref(id);
    now(replica.fetch(&calendar(replica), ids)).expect("readable").remove(0)
}

fn content(fetched: &Fetched) -> Event {
    match fetched {
        Fetched::Found(item) => Event::from_canonical(&item.content).expect("canonical"),
        other @ (Fetched::Outside | Fetched::Missing | Fetched::Unreadable(_)) => {
            panic!("not found: {other:?}")
        }
    }
}

fn probe(replica: &LocalReplica, key: &str, target: Target) -> String {
    let probe = Probe { folder: calendar(replica), stamp: stamp(key), target };
    match now(replica.probe(&[probe])).expect("readable").remove(0) {
        Probed::Applied { id, place } => format!("{id} {place:?}"),
        Probed::NotApplied => "no".to_owned(),
    }
}

#[test]
fn a_new_mailbox_has_a_calendar() {
    let place = Place::new();
    let replica = open(&place.file());
    let other = replica.create_folder("Team", FolderKind::Calendar).expect("writable");
    assert_eq!(replica.create_folder("Team", FolderKind::Calendar).expect("writable"), other);
    let again = open_for(&place.file(), "ALICE@contoso.example", "state");
    let folders = again.list_folders().expect("readable");
    let names: Vec<_> = folders.iter().map(|f| (f.name.as_str(), f.is_default)).collect();
    assert_eq!(names, [("Calendar", true), ("Team", false)]);
    let bob = open_for(&place.file(), "bob@contoso.example", "state");
    assert_eq!(bob.list_folders().expect("readable").len(), 1);
    assert!(matches!(now(bob.pull(&other, None)), Err(Failure::Permanent(_))), "it is Alice's");
}

#[test]
fn what_is_written_is_what_is_read() {
    let place = Place::new();
    let replica = open(&place.file());
    let sent = event("Lunch");
    let written = create(&replica, "k1", &sent);
    let Fetched::Found(item) = fetch(&replica, &written.id) else { panic!("not found") };
    let got = Event::from_canonical(&item.content).expect("canonical");
    assert_eq!(got.only(&sent.present_fields()), sent.only(&sent.present_fields()));
    assert_eq!(got.uid, sent.uid);
    assert_eq!(item.rendition.version, written.version);
    assert_eq!(item.stamp, Some(stamp("k1")));
    assert_eq!(item.rendition.content, Some(Digester::new([7; 32]).content(&item.content)));
    let page = pull(&replica, None);
    let Hint::Changed { version, item: whole } = &page.changes[0].hint else { panic!("gone") };
    assert_eq!((version, whole.as_deref()), (&written.version, Some(&*item)));
}

#[test]
fn a_create_sent_twice_makes_one_item() {
    let place = Place::new();
    let replica = open(&place.file());
    assert!(replica.capabilities().dedupes_creates);
    let first = create(&replica, "k1", &event("Lunch"));
    assert_eq!(create(&replica, "k1", &event("Lunch")), first);
    let other = create(&replica, "k2", &event("Lunch"));
    assert_ne!(other.id, first.id, "two events may be alike");
    assert_eq!(pull(&replica, None).changes.len(), 2);
}

#[test]
fn a_patch_changes_its_fields_only() {
    let place = Place::new();
    let replica = open(&place.file());
    let made = create(&replica, "k1", &event("Lunch"));
    let patch = event("Dinner").only(&BTreeSet::from([Field::from("subject")]));
    let update =
        |if_match| WriteOp::Update { id: made.id.clone(), if_match, patch: patch.to_canonical() };
    let stale = write(&replica, "k2", update(Some(Version::from("7"))));
    assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
    assert_eq!(content(&fetch(&replica, &made.id)).subject.as_deref(), Some("Lunch"));
    let updated = write(&replica, "k2", update(made.version.clone())).expect("it is the version");
    assert_eq!(updated.id, made.id);
    assert_ne!(updated.version, made.version);
    let now = content(&fetch(&replica, &made.id));
    assert_eq!(now.subject.as_deref(), Some("Dinner"));
    assert_eq!(now.location.as_deref(), Some("Room 1"));
    assert_eq!(now.timing, event("Lunch").timing);
    assert_eq!(
        probe(&replica, "k2", Target::Update(made.id.clone())),
        format!("{} Folder", made.id)
    );
    assert_eq!(probe(&replica, "k1", Target::Create), "no", "the stamp is the newest intent's");
}

#[test]
fn lines_that_are_not_modelled_stay() {
    let place = Place::new();
    let replica = open(&place.file());
    let made = create(&replica, "k1", &event("Lunch"));
    let db = Connection::open(place.file()).expect("it is there");
    let changed = db
        .execute(
            "UPDATE item SET ics = replace(ics, 'END:VEVENT', 'X-COLOUR:teal' || char(13, 10) || 'END:VEVENT')",
            [],
        )
        .expect("writable");
    assert_eq!(changed, 1);
    let patch = event("Dinner").only(&BTreeSet::from([Field::from("subject")])).to_canonical();
    write(&replica, "k2", WriteOp::Update { id: made.id, if_match: None, patch }).expect("written");
    let kept = replica.list_events(&calendar(&replica), None, 10).expect("readable").remove(0).ics;
    assert!(kept.contains("X-COLOUR:teal") && kept.contains("SUMMARY:Dinner"), "{kept}");
}

#[test]
fn what_is_deleted_lies_in_the_trash() {
    let place = Place::new();
    let replica = open(&place.file());
    let made = create(&replica, "k1", &event("Lunch"));
    let cursor = pull(&replica, None).cursor;
    assert_eq!(probe(&replica, "k2", Target::Delete(made.id.clone())), "no");
    let delete =
        |if_match: &str| WriteOp::Delete { id: made.id.clone(), if_match: Some(if_match.into()) };
    assert!(matches!(write(&replica, "k2", delete("9")), Err(Failure::Stale(_))));
    write(&replica, "k2", delete("1")).expect("it is the version");
    assert!(matches!(write(&replica, "k3", delete("1")), Err(Failure::Missing(_))));
    assert_eq!(fetch(&replica, &made.id), Fetched::Missing);
    let page = pull(&replica, Some(&cursor));
    assert_eq!(page.changes.len(), 1);
    assert_eq!((&page.changes[0].id, &page.changes[0].hint), (&made.id, &Hint::Gone));
    let trash = format!("{} Trash", made.id);
    assert_eq!(probe(&replica, "k2", Target::Delete(made.id.clone())), trash);
    assert_eq!(probe(&replica, "k2", Target::Create), trash, "the trash is searched, too");
    assert_eq!(pull(&replica, None).changes, [], "whoever enumerates now never saw it");
    assert_ne!(create(&replica, "k4", &event("Lunch")).id, made.id, "ids are never reused");
}

#[test]
fn pages_hold_each_item_once_and_miss_none() {
    let place = Place::new();
    let replica = open(&place.file());
    let folder = calendar(&replica);
    let writes: Vec<Write> = (0..450)
        .map(|n| Write {
            folder: folder.clone(),
            stamp: stamp(&format!("k{n}")),
            op: WriteOp::Create { content: event(&format!("Event {n}")).to_canonical() },
        })
        .collect();
    assert!(now(Remote::write(&replica, &writes)).iter().all(Result::is_ok));
    let first = pull(&replica, None);
    assert_eq!((first.changes.len(), first.more), (200, true));
    // While the enumeration goes on, an item already shown changes, and one not yet shown goes.
    replica
        .delete_event(&folder, &RemoteId(id_of(&first, 0).replace("-1", "-450")))
        .expect("there");
    let patch = event("Later").only(&BTreeSet::from([Field::from("subject")])).to_canonical();
    let id = RemoteId(id_of(&first, 0));
    write(&replica, "later", WriteOp::Update { id: id.clone(), if_match: None, patch })
        .expect("written");
    let second = pull(&replica, Some(&first.cursor));
    let third = pull(&replica, Some(&second.cursor));
    assert_eq!((second.changes.len(), second.more), (200, true));
    assert_eq!((third.changes.len(), third.more), (51, false), "49, one gone, and one again");
    assert_eq!(third.changes[50].id, id);
    let last = pull(&replica, Some(&third.cursor));
    assert_eq!((last.changes.len(), last.more, &last.cursor), (0, false, &third.cursor));
}

fn id_of(page: &Page, position: usize) -> String {
    page.changes[position].id.as_str().to_owned()
}

#[test]
fn one_refusal_leaves_the_rest_of_a_batch() {
    let place = Place::new();
    let replica = open(&place.file());
    let folder = calendar(&replica);
    let of = |key: &str, op| Write { folder: folder.clone(), stamp: stamp(key), op };
    let lunch = event("Lunch").to_canonical();
    let results = now(Remote::write(
        &replica,
        &[
            of("k1", WriteOp::Create { content: lunch.clone() }),
            of("k2", WriteOp::Create { content: b"{".to_vec() }),
            of("k3", WriteOp::Delete { id: "elsewhere-7".into(), if_match: None }),
            of("k4", WriteOp::Create { content: lunch }),
        ],
    ));
    let ok: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(ok, [true, false, false, true]);
    assert!(matches!(results[1], Err(Failure::Permanent(_))));
    assert!(matches!(results[2], Err(Failure::Missing(_))));
    assert_eq!(pull(&replica, None).changes.len(), 2);
}

#[test]
fn another_file_knows_neither_cursor_nor_id() {
    let (place, other) = (Place::new(), Place::new());
    let replica = open(&place.file());
    let made = create(&replica, "k1", &event("Lunch"));
    let cursor = pull(&replica, None).cursor;
    let anew = open(&other.file());
    create(&anew, "k1", &event("Dinner"));
    for bad in [cursor.as_str(), "", "x y z", "1 2 3"] {
        let expired = now(anew.pull(&calendar(&anew), Some(&bad.into())));
        assert!(matches!(expired, Err(Failure::CursorExpired(_))), "{bad:?}: {expired:?}");
    }
    assert_eq!(fetch(&anew, &made.id), Fetched::Missing);
}

#[test]
fn a_backup_put_back_expires_later_cursors() {
    let (place, backup) = (Place::new(), Place::new());
    let replica = open(&place.file());
    create(&replica, "k1", &event("Lunch"));
    let db = Connection::open(place.file()).expect("it is there");
    db.execute("VACUUM INTO ?1", [backup.file().to_str().expect("UTF-8")]).expect("writable");
    let before = pull(&replica, None).cursor;
    create(&replica, "k2", &event("Dinner"));
    let after = pull(&replica, Some(&before)).cursor;
    let restored = open(&backup.file());
    assert_eq!(pull(&restored, Some(&before)).changes, []);
    let expired = now(restored.pull(&calendar(&restored), Some(&after)));
    assert!(matches!(expired, Err(Failure::CursorExpired(_))), "{expired:?}");
}

#[test]
fn stamps_of_other_state_files_do_not_count() {
    let place = Place::new();
    let ours = open_for(&place.file(), MAILBOX, "ours");
    let theirs = open_for(&place.file(), MAILBOX, "theirs");
    let made = create(&ours, "k1", &event("Lunch"));
    assert_eq!(probe(&theirs, "k1", Target::Create), "no");
    let Fetched::Found(item) = fetch(&theirs, &made.id) else { panic!("not found") };
    assert_eq!(item.stamp, None);
    let patch = event("Dinner").only(&BTreeSet::from([Field::from("subject")])).to_canonical();
    let update = WriteOp::Update { id: made.id.clone(), if_match: None, patch };
    write(&theirs, "t1", update).expect("written");
    assert_eq!(probe(&ours, "k1", Target::Create), format!("{} Folder", made.id));
}

#[test]
fn an_item_that_holds_no_event_is_reported() {
    let place = Place::new();
    let replica = open(&place.file());
    let made = create(&replica, "k1", &event("Lunch"));
    let db = Connection::open(place.file()).expect("it is there");
    db.execute("UPDATE item SET ics = 'BEGIN:VCALENDAR'", []).expect("writable");
    let page = pull(&replica, None);
    assert!(matches!(page.changes[0].hint, Hint::Changed { item: None, .. }));
    assert!(matches!(fetch(&replica, &made.id), Fetched::Unreadable(_)));
    let patch = event("Dinner").to_canonical();
    let update = WriteOp::Update { id: made.id.clone(), if_match: None, patch };
    assert!(matches!(write(&replica, "k2", update), Err(Failure::Permanent(_))), "not overwritten");
    let listed = replica.list_events(&calendar(&replica), None, 9).expect("readable");
    assert_eq!((listed.len(), &listed[0].event), (1, &None));
}

#[test]
fn people_list_put_and_delete_events() {
    let place = Place::new();
    let replica = open(&place.file());
    let folder = calendar(&replica);
    let lunch = replica.put_event(&folder, &event("Lunch")).expect("writable");
    let moved = Event { location: Some("Room 2".into()), ..event("Lunch") };
    assert_eq!(replica.put_event(&folder, &moved).expect("writable"), lunch);
    let anonymous = Event { uid: None, ..event("Walk") };
    let walk = replica.put_event(&folder, &anonymous).expect("writable");
    assert_ne!(replica.put_event(&folder, &anonymous).expect("writable"), walk);
    let page = replica.list_events(&folder, None, 2).expect("readable");
    let rest = replica.list_events(&folder, Some(&page[1].id), 2).expect("readable");
    assert_eq!((page.len(), rest.len()), (2, 1));
    assert_eq!(page[0].event.as_ref().and_then(|e| e.location.as_deref()), Some("Room 2"));
    assert!(page[0].edited_ms > 1_700_000_000_000);
    replica.delete_event(&folder, &lunch).expect("it is there");
    assert!(matches!(replica.delete_event(&folder, &lunch), Err(Failure::Missing(_))));
    assert_eq!(replica.list_events(&folder, None, 9).expect("readable").len(), 2);
}

#[test]
fn a_busy_file_is_for_the_moment() {
    let place = Place::new();
    let replica = open(&place.file());
    let db = Connection::open(place.file()).expect("it is there");
    db.execute_batch("BEGIN IMMEDIATE").expect("nobody writes");
    let op = WriteOp::Create { content: event("Lunch").to_canonical() };
    let busy = write(&replica, "k1", op);
    assert!(matches!(busy, Err(Failure::Transient(_))), "{busy:?}");
    db.execute_batch("ROLLBACK").expect("it is open");
    create(&replica, "k1", &event("Lunch"));
}

#[test]
fn a_state_file_is_no_local_store() {
    let place = Place::new();
    drop(store_sqlite::SqliteStore::create_or_open(&place.file(), &crate::state::seed));
    match LocalReplica::open(&place.file(), MAILBOX, Digester::new([7; 32]), "state") {
        Err(error @ file::Error::Foreign { .. }) => {
            assert!(error.to_string().contains("not a local store"), "{error}");
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}
