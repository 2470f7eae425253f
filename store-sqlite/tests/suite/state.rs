//! The state file: what is refused, what survives, who may write.

use crate::Place;
use rusqlite::Connection;
use std::cell::Cell;
use std::path::Path;
use store_sqlite::state::{Difference, How};
use store_sqlite::{Holder, SqliteStore};
use sync_core::ids::{LinkId, PairId, ReplicaId};
use sync_core::journal::{Entry, Observed, Seq, Sight, Sighting};
use sync_core::port::{Commit, Error, Loaded, Query, Store};

pub const NOW_MS: i64 = 1_700_000_000_000;
pub const LEASE_MS: i64 = 60_000;

thread_local! {
    static SEEDS: Cell<u8> = const { Cell::new(0) };
}

/// Other bytes each time.
pub fn seed() -> [u8; 32] {
    SEEDS.set(SEEDS.get().wrapping_add(1));
    [SEEDS.get(); 32]
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::create_or_open(path, &seed).expect("a sound file")
}

fn locked(path: &Path) -> SqliteStore {
    let mut store = open(path);
    store.acquire(NOW_MS, &Holder::this_process(), LEASE_MS).expect("nobody holds it");
    store
}

/// Links `numbers` are seen in the first replica, unreadable for the moment.
fn commit(numbers: impl IntoIterator<Item = u64>) -> Commit {
    let sightings = numbers.into_iter().map(|n| Sighting {
        link: LinkId(n),
        id: format!("id {n}").into(),
        sight: Sight::Unreadable { code: "ErrorCorruptData".into() },
    });
    let observed = Entry::Observed(Observed {
        collection: "c1".into(),
        replica: ReplicaId::A,
        epoch: 1,
        sightings: sightings.collect(),
        advance: None,
    });
    Commit {
        pair: PairId::from("pair"),
        run: "run".into(),
        at_ms: NOW_MS,
        entries: vec![observed],
        blobs: Vec::new(),
    }
}

fn links(store: &SqliteStore) -> Vec<u64> {
    let query = Query::All { pair: PairId::from("pair"), after: None, limit: 100_000 };
    match store.load(&query).expect("readable") {
        Loaded::Links(links) => links.iter().map(|link| link.id.0).collect(),
        other @ (Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_)) => {
            panic!("no links: {other:?}")
        }
    }
}

fn refusal(path: &Path) -> Error {
    match SqliteStore::create_or_open(path, &seed) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn identity_and_journal_survive_reopening() {
    let place = Place::new();
    let mut first = locked(&place.file());
    first.commit(&commit([1, 2])).expect("fits");
    let (id, key) = (first.state_id().to_owned(), first.digest_key());
    assert_ne!(
        id.as_bytes()[..2],
        format!("{:02x}", key[0]).into_bytes(),
        "tells nothing of the key"
    );
    drop(first);
    let second = open(&place.file());
    assert_eq!((second.state_id(), second.digest_key()), (id.as_str(), key));
    assert_eq!(links(&second), [1, 2]);
    let other = Place::new();
    assert_ne!(open(&other.file()).state_id(), id);
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let _store = locked(&place.file());
    for name in ["file.db", "file.db-wal"] {
        let file = place.file().with_file_name(name);
        let mode = file.metadata().expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[test]
fn what_is_no_database_is_refused_and_stays() {
    let place = Place::new();
    let letter = "Dear Sir or Madam, ".repeat(100);
    std::fs::write(place.file(), &letter).expect("writable");
    let error = refusal(&place.file());
    assert!(matches!(error, Error::Corrupt(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("file.db") && text.contains("nothing was changed"), "{text}");
    assert_eq!(std::fs::read_to_string(place.file()).expect("readable"), letter);
}

#[test]
fn a_damaged_file_is_refused_by_verify() {
    let place = Place::new();
    let mut store = locked(&place.file());
    store.commit(&commit(0..500)).expect("fits");
    drop(store);
    let mut bytes = std::fs::read(place.file()).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8192].fill(0xa5);
    std::fs::write(place.file(), bytes).expect("writable");
    let refused = match SqliteStore::create_or_open(&place.file(), &seed) {
        Ok(store) => store.verify().map(|_| ()).expect_err("damaged"),
        Err(error) => error,
    };
    assert!(matches!(refused, Error::Corrupt(_)), "{refused}");
}

#[test]
fn another_programs_database_is_refused_and_stays() {
    let place = Place::new();
    let other = Connection::open(place.file()).expect("a new file");
    other.execute_batch("CREATE TABLE mine (x); PRAGMA user_version = 1;").expect("writable");
    drop(other);
    let before = std::fs::read(place.file()).expect("readable");
    let error = refusal(&place.file());
    assert!(error.to_string().contains("something else"), "{error}");
    assert_eq!(std::fs::read(place.file()).expect("readable"), before);
}

#[test]
fn a_newer_file_is_refused() {
    let place = Place::new();
    drop(locked(&place.file()));
    let other = Connection::open(place.file()).expect("it is there");
    other.execute_batch("PRAGMA user_version = 99;").expect("writable");
    drop(other);
    let error = refusal(&place.file());
    assert!(matches!(error, Error::Newer(_)), "{error}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

#[test]
fn a_newer_entry_is_refused() {
    let place = Place::new();
    drop(locked(&place.file()));
    let other = Connection::open(place.file()).expect("it is there");
    other
        .execute_batch(
            "INSERT INTO journal (at_ms, pair, run, kind, version, payload)
             VALUES (0, 'pair', 'run', 'teleported', 7, '{}')",
        )
        .expect("writable");
    drop(other);
    let error = refusal(&place.file());
    assert!(matches!(error, Error::Newer(_)), "{error}");
    assert!(error.to_string().contains("teleported"), "{error}");
}

#[test]
fn a_folder_that_does_not_exist_is_named() {
    let error = refusal(Path::new("/nonexistent/state.db"));
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert!(error.to_string().contains("/nonexistent/state.db"), "{error}");
}

#[test]
fn a_crash_in_the_middle_leaves_nothing() {
    let place = Place::new();
    let mut store = locked(&place.file());
    store.commit(&commit([1])).expect("fits");
    let image = Place::new();
    let mut other = Connection::open(place.file()).expect("it is there");
    let tx = other.transaction().expect("nobody writes");
    tx.execute_batch(
        "INSERT INTO journal (at_ms, pair, run, kind, version, payload)
         VALUES (0, 'pair', 'run', 'closed', 1, '{\"closed\":{\"exit\":0}}'); DELETE FROM link;",
    )
    .expect("writable");
    // What a power cut would leave: the files as they are while the transaction is open.
    for name in ["file.db", "file.db-wal"] {
        let from = place.file().with_file_name(name);
        std::fs::copy(from, image.file().with_file_name(name)).expect("readable");
    }
    drop(tx);
    let survivor = open(&image.file());
    assert_eq!(links(&survivor), [1]);
    assert_eq!(survivor.journal(None, Seq(0), 9).expect("readable").len(), 1);
    assert_eq!(survivor.verify().expect("a sound file"), []);
    assert_eq!(store.commit(&commit([2])).expect("fits"), Seq(2));
}

#[test]
fn the_journal_is_append_only() {
    let place = Place::new();
    let mut store = locked(&place.file());
    store.commit(&commit([1])).expect("fits");
    let other = Connection::open(place.file()).expect("it is there");
    for change in [
        "UPDATE journal SET payload = '{}'",
        "UPDATE journal SET seq = 7",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal (seq, at_ms, pair, run, kind, version, payload)
         VALUES (1, 0, 'pair', 'run', 'closed', 1, '{}')",
    ] {
        let error = other.execute_batch(change).expect_err(change);
        assert!(error.to_string().contains("append-only"), "{change}: {error}");
    }
    assert_eq!(store.verify().expect("a sound file"), []);
}

#[test]
fn one_writer_at_a_time() {
    let place = Place::new();
    let mut first = locked(&place.file());
    let mut second = open(&place.file());
    let here = Holder::this_process();
    let error = second.acquire(NOW_MS + 1, &here, LEASE_MS).expect_err("it is taken");
    let text = error.to_string();
    assert!(matches!(error, Error::Locked(_)), "{text}");
    let since = "since 2023-11-14 22:13:20Z";
    assert!(text.contains(&format!("process {}", here.pid)) && text.contains(since), "{text}");
    assert!(matches!(second.commit(&commit([1])), Err(Error::Locked(_))));
    first.release().expect("it is ours");
    second.acquire(NOW_MS + 2, &here, LEASE_MS).expect("it was given back");
    assert!(matches!(first.commit(&commit([1])), Err(Error::Locked(_))));
    drop(second);
    first.acquire(NOW_MS + 3, &here, LEASE_MS).expect("it was dropped");
    first.commit(&commit([1])).expect("fits");
}

#[test]
fn a_lease_that_ran_out_fences_its_holder_off() {
    let place = Place::new();
    let mut first = locked(&place.file());
    let here = Holder::this_process();
    let mut second = open(&place.file());
    first.renew(NOW_MS + LEASE_MS).expect("nobody took it");
    second.acquire(NOW_MS + LEASE_MS, &here, LEASE_MS).expect_err("it was extended");
    let later = NOW_MS + 2 * LEASE_MS;
    let generation = second.acquire(later, &here, LEASE_MS).expect("it ran out");
    assert_eq!(generation.0, 2);
    let error = first.commit(&commit([1])).expect_err("it was taken over");
    assert!(error.to_string().contains("taken over"), "{error}");
    assert!(first.renew(later).is_err());
    drop(first);
    second.commit(&commit([1])).expect("the former holder gave back nothing");
}

#[test]
fn a_killed_run_can_be_repeated_at_once() {
    let here = Holder::this_process();
    if here.boot.is_none() {
        println!("skipped: this system has no /proc");
        return;
    }
    let place = Place::new();
    let mut dead = std::process::Command::new("true").spawn().expect("true runs");
    let holder = Holder { pid: dead.id(), started: Some(1), ..here.clone() };
    dead.wait().expect("it ends");
    let mut first = open(&place.file());
    first.acquire(NOW_MS, &holder, LEASE_MS).expect("nobody holds it");
    let mut second = open(&place.file());
    second.acquire(NOW_MS + 1, &here, LEASE_MS).expect("its holder is dead");
}

#[test]
fn verify_names_what_is_wrong_and_rebuild_mends_it() {
    let place = Place::new();
    let mut store = locked(&place.file());
    store.commit(&commit([1, 2, 3])).expect("fits");
    assert_eq!(store.verify().expect("a sound file"), []);
    let other = Connection::open(place.file()).expect("it is there");
    for change in [
        "DELETE FROM leg WHERE remote_id = CAST('id 1' AS BLOB)",
        "UPDATE link SET met = 1 - met WHERE id = (SELECT min(id) FROM link)",
        "INSERT INTO head (pair, payload) VALUES ('ghost', '{}')",
    ] {
        other.execute_batch(change).expect("writable");
    }
    let expected = [
        Difference { projection: "head", row: "ghost".into(), how: How::Extra },
        Difference { projection: "link", row: LinkId(1).to_string(), how: How::Different },
        Difference { projection: "leg", row: format!("{} 0", LinkId(1)), how: How::Missing },
    ];
    assert_eq!(store.verify().expect("a sound file"), expected);
    store.rebuild(NOW_MS).expect("the lock is ours");
    assert_eq!(store.verify().expect("a sound file"), []);
}

#[test]
fn the_state_at_an_entry_is_the_fold_up_to_it() {
    let place = Place::new();
    let mut store = locked(&place.file());
    let pair = PairId::from("pair");
    // Enough entries for two snapshots.
    for round in 0..12_u64 {
        let mut many = commit([]);
        many.entries = (0..1000).flat_map(|n| commit([(round * 1000 + n) % 700]).entries).collect();
        store.commit(&many).expect("fits");
    }
    let mut expected = sync_core::state::State::new(pair.clone());
    let mut after = Seq(0);
    for until in [1, 4999, 5000, 5001, 11_500, 12_000].map(Seq) {
        while after < until {
            let record = store.journal(None, after, 1).expect("readable").remove(0);
            after = record.seq;
            expected.apply(&record).expect("it was folded before");
        }
        assert_eq!(store.state_at(&pair, until).expect("readable"), expected, "at {until}");
    }
    assert_eq!(store.state_at(&pair, Seq(99_999)).expect("readable"), expected);
    let snapshots: i64 = Connection::open(place.file())
        .and_then(|db| db.query_row("SELECT count(*) FROM snapshot", [], |row| row.get(0)))
        .expect("readable");
    assert_eq!(snapshots, 2);
}
