//! Attachments on their way between all kinds of replicas.

use super::clock::Timeless;
use super::place::{Change, Handle, Place};
use super::scenarios::{WHEN, location, stage};
use super::stage::{Kind, Setup, Stage, temporary};
use super::sweep;
use exchange_sim::store::{Attachment, AttachmentData};
use items::Response;
use items::attachment::Data;
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::port::Files;

const PAIRS: [[Kind; 2]; 5] = [
    [Kind::Ews, Kind::Graph],
    [Kind::Graph, Kind::Ews],
    [Kind::Ews, Kind::Local],
    [Kind::Local, Kind::Graph],
    [Kind::Local, Kind::Ews],
];
const SUBJECT: &str = "Review";
/// Larger than what Graph takes in one request.
const LARGE: usize = 5_000_000;

/// The bytes of a file of so many.
fn bytes(size: usize) -> Vec<u8> {
    (0..size).map(|n| (n % 249) as u8).collect()
}

/// What is attached, by name: whether the body shows it, how long it is, and a sum of its bytes.
type Attached = BTreeMap<String, (bool, usize, u64)>;

fn told(bytes: &[u8]) -> (usize, u64) {
    let sum = bytes
        .iter()
        .zip(1_u64..)
        .fold(0_u64, |sum, (byte, place)| sum.wrapping_add(place.wrapping_mul(u64::from(*byte))));
    (bytes.len(), sum)
}

impl Stage {
    /// A second client attaches a file to the event.
    #[track_caller]
    fn attach(&self, side: usize, name: &str, size: usize, inline: bool) {
        let standing = self.places[side].find(SUBJECT).expect("it is there");
        match (&self.places[side], standing.handle) {
            (Place::Mailbox { sim, address }, Handle::Item(id)) => sim.with(|world| {
                world.refresh();
                let content_id = inline.then(|| format!("{name}@contoso.example"));
                let file = Attachment { inline, content_id, ..Attachment::file(name, bytes(size)) };
                world.mailbox_mut(address).expect("ours").attach(id, file).expect("it fits");
            }),
            (Place::Local { replica, folder }, Handle::Local(id)) => {
                let mut event = self.event(side);
                let (store, digester) = self.open();
                let (bytes, mut digest) = (bytes(size), digester.file());
                digest.update(&bytes);
                let digest = digest.finish();
                let mut file = store.files().expect("sound").begin().expect("there is room");
                file.write(&bytes).expect("there is room");
                file.finish(&digest).expect("there is room");
                event.attachments.get_or_insert_default().push(items::Attachment {
                    name: name.to_owned(),
                    media_type: None,
                    content_id: inline.then(|| format!("{name}@contoso.example")),
                    inline,
                    data: Data::Bytes { digest, size: size as u64 },
                });
                assert_eq!(replica.put_event(folder, &event).expect("writable"), id);
            }
            (Place::Mailbox { .. } | Place::Local { .. }, _) => panic!("another side's handle"),
        }
    }

    #[track_caller]
    fn detach(&self, side: usize, name: &str) {
        let standing = self.places[side].find(SUBJECT).expect("it is there");
        match (&self.places[side], standing.handle) {
            (Place::Mailbox { sim, address }, Handle::Item(id)) => sim.with(|world| {
                world.refresh();
                let mailbox = world.mailbox_mut(address).expect("ours");
                let all = &mailbox.item(id).expect("it stands").content.attachments;
                let number = all.iter().find(|one| one.name == name).expect("attached").number;
                mailbox.detach(id, number).expect("it is there");
            }),
            (Place::Local { replica, folder }, Handle::Local(_)) => {
                let mut event = self.event(side);
                event.attachments.get_or_insert_default().retain(|one| one.name != name);
                replica.put_event(folder, &event).expect("writable");
            }
            (Place::Mailbox { .. } | Place::Local { .. }, _) => panic!("another side's handle"),
        }
    }

    /// What a second client sees attached.
    #[track_caller]
    fn attached(&self, side: usize) -> Attached {
        let standing = self.places[side].find(SUBJECT).expect("it is there");
        match (&self.places[side], standing.handle) {
            (Place::Local { replica, folder }, _) => {
                let events = replica.list_events(folder, None, 9).expect("readable").into_iter();
                let events = events.filter_map(|local| local.event);
                let all = events.flat_map(|event| event.attachments.unwrap_or_default());
                let file = |one: items::Attachment| match one.data {
                    Data::Bytes { digest, .. } => {
                        let bytes = replica.read_file(&digest, 0, 9_000_000).expect("readable");
                        let (size, sum) = told(&bytes);
                        (one.name, (one.inline, size, sum))
                    }
                    Data::Link(address) => panic!("a link to {address}"),
                };
                all.map(file).collect()
            }
            (Place::Mailbox { .. }, _) => {
                let all = standing.content.attachments.iter();
                let file = |one: &Attachment| match &one.data {
                    AttachmentData::File(bytes) => {
                        let (size, sum) = told(bytes);
                        (one.name.clone(), (one.inline, size, sum))
                    }
                    AttachmentData::Item(_) | AttachmentData::Reference(_) => panic!("{one:?}"),
                };
                all.map(file).collect()
            }
        }
    }
}

/// An event with two files and an image on side 0.
fn fill(stage: &Stage) {
    // What a body shows is inline everywhere.
    let body = "<p>Agenda</p><img src=\"cid:logo.png@contoso.example\">";
    let details = [location("Elbe"), Change::Html(body.to_owned())];
    stage.places[0].create(SUBJECT, None, &WHEN, &details);
    stage.attach(0, "plan.pdf", 40_000, false);
    stage.attach(0, "film.mp4", LARGE, false);
    stage.attach(0, "logo.png", 900, true);
}

#[test]
fn files_arrive_whole_and_edits_go_both_ways() {
    for kinds in PAIRS {
        println!("{kinds:?}");
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        fill(&stage);
        let before = stage.attached(0);
        assert_eq!(before.len(), 3);
        stage.settled();
        assert_eq!((stage.attached(0), stage.attached(1)), (before.clone(), before), "{kinds:?}");
        stage.attach(1, "notes.txt", 10, false);
        stage.detach(0, "plan.pdf");
        stage.settled();
        let names: Vec<_> = stage.attached(0).into_keys().collect();
        assert_eq!(names, ["film.mp4", "logo.png", "notes.txt"], "{kinds:?}");
        assert_eq!(stage.attached(0), stage.attached(1), "{kinds:?}");
        // The same name with other bytes.
        stage.detach(1, "notes.txt");
        stage.attach(1, "notes.txt", 20, false);
        stage.settled();
        assert_eq!(stage.attached(0)["notes.txt"].1, 20, "{kinds:?}");
        assert_eq!(stage.attached(0), stage.attached(1), "{kinds:?}");
        assert_eq!(stage.conflicts().len(), 0, "{kinds:?}");
    }
}

#[test]
fn a_process_killed_anywhere_leaves_each_file_once() {
    for kinds in PAIRS {
        let prepare = || {
            let stage = stage(Setup::of(kinds[0], kinds[1]));
            stage.places[0].create(SUBJECT, None, &WHEN, &[]);
            stage.attach(0, "plan.pdf", 4000, false);
            stage.attach(0, "notes.txt", 900, false);
            stage
        };
        sweep::leaves_whole(prepare, |stage, side| {
            let all = stage.event(side).attachments.map_or(0, |all| all.len());
            (stage.attached(side), all)
        });
    }
}

/// From EWS to Graph by one state file, from there to a local store by another, and an edit back as
/// far as it goes.
#[test]
fn a_meeting_with_its_files_goes_all_the_way_and_back() {
    let timeless = Arc::new(Timeless::new());
    let mut first = Stage::new(Setup::of(Kind::Ews, Kind::Graph), &timeless);
    let folder = temporary();
    let mut second = Stage::among(
        Setup::of(Kind::Graph, Kind::Local),
        &timeless,
        &first.sim,
        ["ben@contoso.example", "here@contoso.example"],
        &folder.path().join("elsewhere.db"),
    );
    fill(&first);
    first.invited(0, Response::Declined, false);
    first.settled();
    second.settled();
    assert_eq!(second.attached(1), first.attached(0));
    assert_eq!(second.people(1), first.people(0));
    second.attach(1, "notes.txt", 10, false);
    second.detach(1, "plan.pdf");
    second.settled();
    first.settled();
    let names = |stage: &Stage, side| stage.attached(side).into_keys().collect::<Vec<_>>();
    assert_eq!(names(&first, 1), ["film.mp4", "logo.png", "notes.txt"]);
    // An attendee's copy of a meeting takes nothing that is the organizer's.
    assert_eq!(names(&first, 0), ["film.mp4", "logo.png", "plan.pdf"]);
    first.invited(0, Response::Accepted, true);
    first.settled();
    second.settled();
    assert_eq!(second.people(1), first.people(0));
    assert!(second.people(1).meeting.is_some_and(|meeting| meeting.cancelled));
    assert_eq!(second.attached(1), first.attached(1));
}
