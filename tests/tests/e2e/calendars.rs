//! What people do with calendars themselves, told one by one.

use super::chaos::Kill;
use super::place::Place;
use super::scenarios::stage;
use super::stage::{Going, Kind, Setup, Stage};
use exchange_sim::store::{DeleteType, Folder, Mailbox, Role, folder};
use items::Digester;
use items::calendars::Calendars;
use items::hierarchy::{self, Shelf};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::engine::{Ended, Order, Report, Stop};
use sync_core::ids::FolderId;
use sync_core::journal::{BrakeReason, Configured};
use sync_core::policy::Brake;
use sync_core::port::{FolderKind, Remote};

const PAIRS: [[Kind; 2]; 5] = [
    [Kind::Ews, Kind::Graph],
    [Kind::Graph, Kind::Ews],
    [Kind::Ews, Kind::Local],
    [Kind::Local, Kind::Graph],
    [Kind::Local, Kind::Ews],
];

impl Place {
    /// The calendars but the default one: to each name its id.
    fn calendars(&self) -> BTreeMap<String, String> {
        match self {
            Self::Mailbox { .. } => self.mailbox(|mailbox| {
                let standing = standing(mailbox).filter(|folder| folder.role.is_none());
                standing.map(|folder| (folder.name.clone(), format!("{:?}", folder.id))).collect()
            }),
            Self::Local { replica, .. } => {
                let folders = replica.list_folders().expect("readable").into_iter();
                let folders = folders.filter(|folder| !folder.is_default);
                folders.map(|folder| (folder.name, folder.id.0)).collect()
            }
        }
    }

    fn make_calendar(&self, name: &str) {
        match self {
            Self::Mailbox { .. } => self.mailbox(|mailbox| {
                let parent = mailbox.role(Role::Calendar);
                mailbox.create_folder(parent, name, folder::CALENDAR_CLASS).expect("a free name");
            }),
            Self::Local { replica, .. } => {
                replica.create_folder(name, FolderKind::Calendar).expect("writable");
            }
        }
    }

    fn rename_calendar(&self, name: &str, new: &str) {
        match self {
            Self::Mailbox { .. } => self.mailbox(|mailbox| {
                let id = standing(mailbox).find(|f| f.name == name).expect("it is there").id;
                mailbox.rename_folder(id, new).expect("a free name");
            }),
            Self::Local { replica, .. } => {
                let id = FolderId(self.calendars()[name].clone());
                replica.rename_folder(&id, new).expect("a free name");
            }
        }
    }

    fn delete_calendar(&self, name: &str) {
        match self {
            Self::Mailbox { .. } => self.mailbox(|mailbox| {
                let id = standing(mailbox).find(|f| f.name == name).expect("it is there").id;
                let how = DeleteType::MoveToDeletedItems;
                mailbox.delete_folder(id, how).expect("not protected");
            }),
            Self::Local { replica, .. } => {
                let id = FolderId(self.calendars()[name].clone());
                replica.delete_folder(&id).expect("it is there");
            }
        }
    }
}

fn standing(mailbox: &Mailbox) -> impl Iterator<Item = &Folder> {
    let trash = mailbox.role(Role::DeletedItems);
    mailbox.folders().filter(move |f| f.is_calendar() && !mailbox.is_below(f.id, trash))
}

impl Stage {
    /// Runs the list of calendars, as a process of its own.
    fn list_as(&mut self, going: Going) -> Result<Report, Stop> {
        let digester: Digester = self.open().1;
        let allowed = going.allowed;
        let face = |(_, shelf): (Arc<dyn Remote>, Arc<dyn Shelf>)| -> Arc<dyn Remote> {
            Arc::new(Calendars::new(shelf, digester.clone()))
        };
        self.run_with(going, face, |stage, remotes| {
            let order = stage.order(remotes, allowed);
            let mut policy = order.configured.policy.clone();
            policy.brake = Brake { percent: 0, floor: 0, deletes_only: true };
            let lists = remotes.keys().map(|id| (*id, FolderId::from("list"))).collect();
            let collections = [("list".into(), lists)].into();
            let configured = Configured { collections, policy, ..order.configured };
            Order { configured, ..order }
        })
    }

    #[track_caller]
    fn list(&mut self) -> Report {
        self.list_as(Going::default()).expect("nothing stops it")
    }

    /// Goes on until nothing is left to do, and looks whether all is well.
    #[track_caller]
    fn listed(&mut self) {
        assert_eq!(self.list().ended, Ended::Clean);
        let rest = self.list();
        assert_eq!((rest.ended.clone(), rest.writes()), (Ended::Clean, 0), "{rest:?}");
        assert_eq!(self.complaints(), Vec::<String>::new());
    }

    #[track_caller]
    fn both_have(&self, expected: &[&str], what: &str) {
        for place in &self.places {
            let names: Vec<String> = place.calendars().into_keys().collect();
            assert_eq!(names, expected, "{what}");
        }
    }
}

/// Two calendars that both sides have.
fn agreed(kinds: [Kind; 2]) -> Stage {
    let mut stage = stage(Setup::of(kinds[0], kinds[1]));
    stage.places[0].make_calendar("Gone");
    stage.places[1].make_calendar("Old");
    stage.listed();
    stage.pass(60);
    stage.both_have(&["Gone", "Old"], &format!("{kinds:?}"));
    stage
}

#[test]
fn a_calendar_follows_its_twin_on_either_side() {
    for kinds in PAIRS {
        for side in [0, 1] {
            let mut stage = agreed(kinds);
            let before = stage.places.each_ref().map(Place::calendars);
            stage.places[side].rename_calendar("Old", "Renamed / 2027");
            stage.places[side].make_calendar("New");
            stage.listed();
            stage.both_have(&["Gone", "New", "Renamed / 2027"], &format!("{kinds:?} {side}"));
            for (place, before) in stage.places.iter().zip(&before) {
                assert_eq!(place.calendars()["Renamed / 2027"], before["Old"], "{kinds:?}");
            }
            stage.places[side].delete_calendar("Gone");
            let held = stage.list();
            let brake = BrakeReason::TooMany { limit: 0 };
            assert_eq!(held.ended, Ended::Braked { brake, number: 1 }, "{kinds:?} {side}");
            let going = Going { allowed: Some(1), ..Going::default() };
            let allowed = stage.list_as(going).expect("nothing stops it");
            assert_eq!(allowed.ended, Ended::Clean, "{kinds:?} {side}");
            stage.listed();
            stage.both_have(&["New", "Renamed / 2027"], &format!("{kinds:?} {side}"));
        }
    }
}

#[test]
fn the_same_name_on_both_sides_is_the_same_calendar() {
    for kinds in PAIRS {
        let mut stage = agreed(kinds);
        stage.places[0].make_calendar("Plans");
        stage.places[1].make_calendar("Plans");
        let report = stage.list();
        assert_eq!(report.writes(), 0, "{kinds:?} {report:?}");
        stage.listed();
        stage.both_have(&["Gone", "Old", "Plans"], &format!("{kinds:?}"));
    }
}

#[test]
fn a_rename_on_both_sides_is_a_conflict() {
    for kinds in PAIRS {
        let mut stage = agreed(kinds);
        stage.places[0].rename_calendar("Old", "Ours");
        stage.places[1].rename_calendar("Old", "Theirs");
        stage.listed();
        stage.both_have(&["Gone", "Ours"], &format!("{kinds:?}"));
        assert_eq!(stage.conflicts().len(), 1, "{kinds:?}");
    }
}

#[test]
fn a_rename_beats_a_delete() {
    for kinds in PAIRS {
        for deleting in [0, 1] {
            let mut stage = agreed(kinds);
            stage.places[deleting].delete_calendar("Old");
            stage.places[1 - deleting].rename_calendar("Old", "Kept");
            stage.listed();
            stage.both_have(&["Gone", "Kept"], &format!("{kinds:?} {deleting}"));
            assert_eq!(stage.conflicts().len(), 1, "{kinds:?} {deleting}");
        }
    }
}

#[test]
fn names_move_on_from_calendar_to_calendar() {
    for kinds in PAIRS {
        for side in [0, 1] {
            let mut stage = agreed(kinds);
            let before = stage.places[1 - side].calendars();
            stage.places[side].rename_calendar("Old", "Older");
            stage.places[side].rename_calendar("Gone", "Old");
            stage.listed();
            let after = stage.places[1 - side].calendars();
            assert_eq!(after["Older"], before["Old"], "{kinds:?} {side}");
            assert_eq!(after["Old"], before["Gone"], "{kinds:?} {side}");
        }
    }
}

#[test]
fn names_that_a_server_may_refuse_are_said_or_arrive() {
    for kinds in PAIRS {
        for name in ["a/b\\c", "x".repeat(255).as_str(), "<&>'\" 😀"] {
            let mut stage = stage(Setup::of(kinds[0], kinds[1]));
            stage.places[0].make_calendar(name);
            stage.listed();
            stage.both_have(&[name], &format!("{kinds:?}"));
        }
    }
    // Only the local store has calendars without a name, and other folders may have a name already.
    for (name, code) in [(" ", "no-name"), ("Deleted Items", hierarchy::TAKEN)] {
        let mut stage = stage(Setup::of(Kind::Local, Kind::Graph));
        stage.places[0].make_calendar(name);
        let report = stage.list();
        let codes: Vec<&str> = report.refused.iter().map(|(.., trouble)| &*trouble.code).collect();
        assert_eq!(codes, [code], "{report:?}");
        assert_eq!((report.writes(), report.exit()), (0, 2), "{report:?}");
    }
}

#[test]
fn a_process_killed_anywhere_leaves_each_calendar_once() {
    for kinds in PAIRS {
        for kill in [Kill::BeforeRequest, Kill::AfterRequest, Kill::BeforeCommit, Kill::AfterCommit]
        {
            for n in 1.. {
                let what = format!("{kinds:?} {:?}", kill(n));
                let mut stage = agreed(kinds);
                let renamed = stage.places[1].calendars()["Old"].clone();
                stage.places[0].rename_calendar("Old", "Renamed");
                stage.places[0].make_calendar("New");
                stage.places[1].make_calendar("Theirs");
                stage.places[1].delete_calendar("Gone");
                let going = Going { kill: Some(kill(n)), allowed: Some(1), ..Going::default() };
                let killed = stage.list_as(going);
                let survived = killed.is_ok_and(|report| report.ended == Ended::Clean);
                // Until no copy of a request can still arrive.
                stage.pass(1200);
                let going = Going { allowed: Some(1), ..Going::default() };
                let rest = stage.list_as(going).expect("nothing stops it");
                assert_eq!(rest.ended, Ended::Clean, "{what}");
                stage.listed();
                stage.both_have(&["New", "Renamed", "Theirs"], &what);
                assert_eq!(stage.places[1].calendars()["Renamed"], renamed, "{what}");
                if survived {
                    break;
                }
                assert!(n < 60, "a run of {n} steps");
            }
        }
    }
}

#[test]
fn a_run_costs_no_more_than_a_look_at_each_list() {
    let mut stage = agreed([Kind::Ews, Kind::Graph]);
    drop(stage.requests());
    stage.list();
    assert_eq!(stage.requests().len(), 3, "two of EWS, one of Graph");
}
