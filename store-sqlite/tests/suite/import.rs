//! Events put into the local replica from files.

use items::Digester;
use items::ical::{Item, split};
use store_sqlite::{LocalReplica, Put, replica};
use sync_core::ids::FolderId;

fn items(events: &[(&str, &str)]) -> Vec<Item> {
    let events = events.iter().map(|(uid, subject)| {
        format!(
            "BEGIN:VEVENT\nUID:{uid}\nDTSTART:20261125T080000Z\nSUMMARY:{subject}\nX-A:1\nEND:VEVENT\n"
        )
    });
    let file = format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.collect::<String>());
    split(file.as_bytes(), 0).items
}

fn put(replica: &LocalReplica, folder: &FolderId, items: &[Item]) -> Vec<Put> {
    replica.put_items(folder, &items.iter().collect::<Vec<_>>()).expect("a sound file")
}

#[test]
fn events_are_put_once_and_nothing_is_written_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("here.db");
    assert_eq!(replica::mailboxes(&path).expect("no file"), Vec::<String>::new());
    let open = |mailbox| {
        LocalReplica::open(&path, mailbox, Digester::new([7; 32]), "state").expect("a sound file")
    };
    let replica = open("anna");
    let folder = replica.list_folders().expect("readable")[0].id.clone();
    let two = items(&[("a", "Lunch"), ("b", "Review")]);
    assert_eq!(put(&replica, &folder, &two), [Put::New, Put::New]);
    let before = replica.list_events(&folder, None, 9).expect("readable");
    assert!(before.iter().all(|event| event.ics.contains("X-A:1")));
    assert_eq!(put(&replica, &folder, &two), [Put::Unchanged, Put::Unchanged]);
    assert_eq!(replica.list_events(&folder, None, 9).expect("readable"), before);
    let changed = items(&[("b", "Retro"), ("b", "Retro"), ("c", "New")]);
    assert_eq!(put(&replica, &folder, &changed), [Put::Updated, Put::Unchanged, Put::New]);
    let after = replica.list_events(&folder, None, 9).expect("readable");
    assert_eq!((after.len(), &after[0]), (3, &before[0]));
    // What was deleted is new again.
    replica.delete_event(&folder, &after[0].id).expect("it is there");
    assert_eq!(put(&replica, &folder, &two[..1]), [Put::New]);
    open("Ben");
    assert_eq!(replica::mailboxes(&path).expect("readable"), ["anna", "Ben"]);
    let elsewhere = FolderId("none".to_owned());
    assert!(replica.put_items(&elsewhere, &two.iter().collect::<Vec<_>>()).is_err());
}

/// An event that the server gave no UID is known by the one that stands in its text.
#[test]
fn an_event_without_a_uid_is_known_again() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let path = place.path().join("here.db");
    let replica = LocalReplica::open(&path, "anna", Digester::new([7; 32]), "state");
    let replica = replica.expect("a sound file");
    let folder = replica.list_folders().expect("readable")[0].id.clone();
    let mut event = items(&[("a", "Lunch")]).remove(0).event;
    event.uid = None;
    replica.put_event(&folder, &event).expect("written");
    let stored = replica.list_events(&folder, None, 9).expect("readable").remove(0);
    let again = split(stored.ics.as_bytes(), 0).items;
    assert_eq!(put(&replica, &folder, &again), [Put::Unchanged]);
    assert_eq!(replica.list_events(&folder, None, 9).expect("readable").len(), 1);
}
