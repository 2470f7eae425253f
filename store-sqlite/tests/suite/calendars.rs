//! The calendars of the local store: made, renamed and deleted, also in a file from before.

use items::Digester;
use items::hierarchy::{List, Shelf, Standing, TAKEN};
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use store_sqlite::LocalReplica;
use sync_core::ids::{FolderId, LinkId};
use sync_core::port::{Failure, FolderKind, Stamp, Written};

/// The replica never waits for anything but the disk.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waits"),
    }
}

fn open(path: &Path, state_id: &str) -> LocalReplica {
    LocalReplica::open(path, "alice", Digester::new([7; 32]), state_id).expect("a sound file")
}

fn stamp(key: &str) -> Stamp {
    Stamp { link: LinkId(5), key: key.into() }
}

fn list(replica: &LocalReplica) -> List {
    now(replica.list()).expect("readable")
}

fn create(replica: &LocalReplica, name: &str) -> Result<Written, Failure> {
    now(replica.create(name, &stamp(name)))
}

fn find(replica: &LocalReplica, name: &str) -> Standing {
    list(replica).standing.into_iter().find(|one| one.name == name).expect("it stands")
}

fn names(standing: &[Standing]) -> Vec<&str> {
    standing.iter().map(|one| one.name.as_str()).collect()
}

#[test]
fn calendars_come_and_go_with_their_stamps() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let replica = open(&folder.path().join("here.db"), "state");
    let made = create(&replica, "Team").expect("a free name");
    let team = find(&replica, "Team");
    assert_eq!(
        (&team.id, &team.version, &team.stamp),
        (&made.id, &made.version, &Some(stamp("Team")))
    );
    let renamed = now(replica.rename(&team, "Crew", &stamp("k2"))).expect("it stands");
    assert_ne!(renamed.version, made.version);
    // In the version that was listed before, it doesn't stand any more.
    assert!(matches!(now(replica.rename(&team, "x", &stamp("k3"))), Err(Failure::Stale(_))));
    assert!(matches!(now(replica.delete(&team)), Err(Failure::Stale(_))));
    let crew = find(&replica, "Crew");
    assert_eq!(crew.stamp, Some(stamp("k2")));
    now(replica.delete(&crew)).expect("it stands");
    let after = list(&replica);
    assert_eq!(names(&after.standing), ["Calendar"]);
    assert_eq!(names(&after.trashed), ["Crew"]);
    assert_eq!(after.trashed[0].stamp, Some(stamp("k2")));
    assert_eq!(replica.list_folders().expect("readable").len(), 1);
    assert!(replica.list_events(&FolderId(crew.id.0), None, 1).is_err(), "it is deleted");
    // Its name is free again, and a deleted one of that name may lie beside it.
    create(&replica, "Crew").expect("a free name");
    now(replica.delete(&find(&replica, "Crew"))).expect("it stands");
    assert_eq!(names(&list(&replica).trashed), ["Crew", "Crew"]);
}

#[test]
fn a_name_is_given_once_whatever_its_case() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let replica = open(&folder.path().join("here.db"), "state");
    create(&replica, "Team").expect("a free name");
    create(&replica, "Plans").expect("a free name");
    let taken = |result: Result<Written, Failure>| matches!(result, Err(Failure::Permanent(trouble)) if trouble.code == TAKEN);
    assert!(taken(create(&replica, "TEAM")));
    let plans = find(&replica, "Plans");
    assert!(taken(now(replica.rename(&plans, "team", &stamp("k")))));
    now(replica.rename(&plans, "PLANS", &stamp("k"))).expect("its own name");
}

#[test]
fn each_state_file_has_stamps_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("here.db");
    create(&open(&path, "one"), "Team").expect("a free name");
    assert_eq!(find(&open(&path, "two"), "Team").stamp, None);
    assert_eq!(find(&open(&path, "one"), "Team").stamp, Some(stamp("Team")));
}

#[test]
fn a_file_from_before_gets_what_calendars_need() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("here.db");
    let db = rusqlite::Connection::open(&path).expect("a new file");
    db.execute_batch(include_str!("../../src/replica/schema.sql")).expect("the first format");
    db.execute_batch(
        "PRAGMA application_id = 0x65766c72; PRAGMA user_version = 1;
         INSERT INTO folder (mailbox, name, kind, is_default) VALUES ('alice', 'Calendar', 'calendar', 1);
         INSERT INTO folder (mailbox, name, kind) VALUES ('alice', 'Team', 'calendar');",
    )
    .expect("its rows");
    drop(db);
    let replica = open(&path, "state");
    let team = find(&replica, "Team");
    now(replica.rename(&team, "Crew", &stamp("k"))).expect("it stands");
    let id = replica.create_folder("Crew", FolderKind::Calendar).expect("writable");
    assert_eq!(id.as_str(), team.id.as_str());
}
