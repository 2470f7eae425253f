//! What people do with it, told one by one.

use super::chaos::Chaos;
use super::clock::Timeless;
use super::judge::{Judge, shared};
use super::ledger::difference;
use super::place::{Change, When};
use super::stage::{Kind, Setup, Stage, pair};
use exchange_sim::Seed;
use std::sync::Arc;
use sync_core::engine::{Ended, Report};
use sync_core::ids::ReplicaId;
use sync_core::journal::{BrakeReason, Entry, Purpose};
use sync_core::policy::{Direction, Rule};
use sync_core::port::{Loaded, Query, Store};
use sync_driver::Stopper;

/// 2026-11-25 08:00 UTC, where the server's clock starts.
const START: i64 = 1_795_593_600;
pub const WHEN: When = When::Timed { minute: START / 60 + 60, minutes: 30, zone: "Europe/Berlin" };

pub fn stage(setup: Setup) -> Stage {
    Stage::new(setup, &Arc::new(Timeless::new()))
}

pub fn location(name: &str) -> Change {
    Change::Location(name.to_owned())
}

impl Stage {
    /// Runs, and expects that everything that could be done is done.
    #[track_caller]
    pub fn clean(&mut self) -> Report {
        self.pass(60);
        let report = self.run();
        assert_eq!(report.ended, Ended::Clean, "{report:?}");
        assert_eq!(report.undecided, 0, "{report:?}");
        report
    }

    /// Both sides are equal, nobody was mailed, the journal is sound, and nothing is left to do.
    #[track_caller]
    pub fn at_rest(&mut self) {
        let report = self.clean();
        assert_eq!(report.writes(), 0, "{report:?}");
        let looks = self.looks();
        assert!(looks[0] == looks[1], "the sides differ:\n{}", difference(&looks));
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "{complaints:#?}");
    }

    #[track_caller]
    pub fn change(&self, side: usize, subject: &str, change: &Change) {
        let standing = self.places[side].find(subject).expect("it is there");
        self.places[side].change(&standing.handle, change);
    }

    #[track_caller]
    pub fn delete(&self, side: usize, subject: &str) {
        let standing = self.places[side].find(subject).expect("it is there");
        self.places[side].delete(&standing.handle);
    }

    fn location(&self, side: usize, subject: &str) -> Option<String> {
        Some(self.places[side].find(subject)?.look["location"].clone())
    }

    pub fn requests(&self) -> Vec<(String, String)> {
        let path = |path: &str| path.split('?').next().unwrap_or_default().to_owned();
        self.sim.with(|world| {
            std::mem::take(&mut world.requests)
                .into_iter()
                .map(|request| {
                    let body = request.body.as_str().unwrap_or_default();
                    let operation = body.split("<m:").nth(1).unwrap_or_default();
                    let operation = operation.split(['>', ' ']).next().unwrap_or_default();
                    (path(&request.path), operation.to_owned())
                })
                .collect()
        })
    }
}

#[test]
fn six_hundred_events_move_in_batches() {
    let seed = Seed::Counts { events: 600, messages: 0 };
    let mut stage = stage(Setup { seed, ..Setup::of(Kind::Ews, Kind::Graph) });
    // The seed fills both; the second mailbox is to be empty.
    for standing in stage.places[1].standing() {
        stage.places[1].delete(&standing.handle);
    }
    drop(stage.requests());
    let report = stage.clean();
    assert_eq!(report.sides[&ReplicaId::B].created, 600, "{report:?}");
    let requests = stage.requests();
    let batches = requests.iter().filter(|(path, _)| path.ends_with("/$batch")).count();
    let gets = requests.iter().filter(|(_, operation)| operation == "GetItem").count();
    // 600 creates in batches of 20, and the echo of each, read back in batches again.
    assert!((30..=66).contains(&batches), "{batches} batches");
    assert!(gets <= 24, "{gets} reads by EWS");
    assert!(requests.len() <= 120, "{} requests", requests.len());
    println!("600 events: {} requests, {batches} batches, {gets} GetItem", requests.len());
    stage.clean();
    drop(stage.requests());
    stage.at_rest();
}

#[test]
fn a_run_without_changes_costs_one_request_a_side() {
    let mut stage = stage(Setup::of(Kind::Ews, Kind::Graph));
    stage.places[0].create("One", None, &WHEN, &[]);
    stage.places[1].create("Two", None, &WHEN, &[]);
    stage.clean();
    stage.clean();
    drop(stage.requests());
    stage.clean();
    let requests = stage.requests();
    let (tokens, others): (Vec<_>, Vec<_>) =
        requests.iter().partition(|(path, _)| path.ends_with("/token"));
    assert_eq!(tokens.len(), 1, "{requests:?}");
    assert_eq!(others.len(), 2, "{requests:?}");
    assert_eq!(others.iter().filter(|(_, operation)| operation == "SyncFolderItems").count(), 1);
}

#[test]
fn an_emptied_side_stops_the_run_until_someone_agrees() {
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Local]] {
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        for n in 0..12 {
            stage.places[0].create(&format!("Event {n}"), None, &WHEN, &[]);
        }
        stage.clean();
        stage.clean();
        for standing in stage.places[0].standing() {
            stage.places[0].delete(&standing.handle);
        }
        stage.pass(60);
        for number in [None, Some(11)] {
            let report = match number {
                None => stage.run(),
                Some(number) => stage.run_allowing(number),
            };
            let brake = BrakeReason::Emptied { replica: ReplicaId::A };
            assert_eq!(report.ended, Ended::Braked { brake, number: 12 }, "{report:?}");
            assert_eq!((report.exit(), report.writes()), (3, 0));
            assert_eq!(stage.places[1].standing().len(), 12);
        }
        let report = stage.run_allowing(12);
        assert_eq!((report.exit(), report.writes()), (0, 12), "{report:?}");
        assert_eq!(stage.places[1].standing().len(), 0);
        stage.at_rest();
    }
}

/// One event, the same on both sides, and then two places for it.
fn disputed(rule: Rule, kinds: [Kind; 2]) -> Stage {
    let mut stage = stage(Setup { rule, ..Setup::of(kinds[0], kinds[1]) });
    stage.places[0].create("Review", None, &WHEN, &[]);
    stage.clean();
    stage.clean();
    stage.pass(60);
    stage.change(0, "Review", &location("Elbe"));
    stage.pass(60);
    stage.change(1, "Review", &location("Alster"));
    stage
}

#[test]
fn conflicts_are_settled_as_the_rule_says() {
    let all = [[Kind::Ews, Kind::Graph], [Kind::Ews, Kind::Local], [Kind::Graph, Kind::Local]];
    for kinds in all {
        for (rule, winner) in [
            (Rule::Prefer(ReplicaId::A), "Elbe"),
            (Rule::Prefer(ReplicaId::B), "Alster"),
            (Rule::Newest, "Alster"),
        ] {
            // The local store goes by the machine's clock.
            if rule == Rule::Newest && kinds[1] == Kind::Local {
                continue;
            }
            let mut stage = disputed(rule, kinds);
            let report = stage.clean();
            assert_eq!((report.conflicts, report.writes()), (1, 1), "{kinds:?} {rule:?}");
            assert_eq!(stage.location(0, "Review").as_deref(), Some(winner));
            let kept: Vec<String> =
                stage.kept().iter().map(|look| look["location"].clone()).collect();
            assert_eq!(kept, ["Alster", "Elbe"], "{kinds:?} {rule:?}");
            stage.clean();
            stage.at_rest();
        }
    }
}

#[test]
fn both_copies_live_on_where_the_rule_says_so() {
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Local], [Kind::Ews, Kind::Ews]] {
        let mut stage = disputed(Rule::KeepBoth, kinds);
        for _ in 0..3 {
            stage.clean();
        }
        stage.at_rest();
        for side in [0, 1] {
            let mut places: Vec<String> = stage.places[side]
                .standing()
                .iter()
                .map(|standing| standing.look["location"].clone())
                .collect();
            places.sort();
            assert_eq!(places, ["Alster", "Elbe"], "{kinds:?} side {side}");
        }
    }
}

#[test]
fn a_conflict_on_hold_waits_and_other_fields_go_on() {
    let mut stage = disputed(Rule::Hold, [Kind::Ews, Kind::Graph]);
    let report = stage.clean();
    assert_eq!((report.open_conflicts, report.writes(), report.exit()), (1, 0, 2), "{report:?}");
    stage.change(0, "Review", &Change::Reminder(Some(45)));
    stage.clean();
    assert_eq!(stage.places[1].find("Review").expect("there").look["reminder"], "45");
    assert_eq!(stage.location(0, "Review").as_deref(), Some("Elbe"));
    assert_eq!(stage.location(1, "Review").as_deref(), Some("Alster"));
    let conflict = stage.conflicts().pop().expect("one is open");
    stage.record(vec![
        Entry::Opened { nonce: 1, build: "test".into(), purpose: Purpose::Resolve, allowed: None },
        Entry::Resolved {
            link: conflict.what.link,
            field: conflict.what.field.clone(),
            winner: ReplicaId::B,
        },
    ]);
    let report = stage.clean();
    assert_eq!((report.open_conflicts, report.exit()), (0, 0), "{report:?}");
    assert_eq!(stage.location(0, "Review").as_deref(), Some("Alster"));
    stage.clean();
    stage.at_rest();
}

#[test]
fn an_edit_beats_a_delete() {
    let all = [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Ews], [Kind::Local, Kind::Graph]];
    for kinds in all {
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        stage.places[0].create("Review", None, &WHEN, &[]);
        stage.clean();
        stage.clean();
        stage.delete(0, "Review");
        stage.change(1, "Review", &location("Elbe"));
        stage.clean();
        assert_eq!(stage.location(0, "Review").as_deref(), Some("Elbe"), "{kinds:?}");
        stage.clean();
        stage.at_rest();
        assert_eq!(stage.places[0].standing().len(), 1, "{kinds:?}");
    }
}

#[test]
fn what_is_restored_from_the_trash_comes_back() {
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Ews]] {
        for side in [0, 1] {
            // Before the other side heard of the deletion, and after.
            for heard in [false, true] {
                let mut stage = stage(Setup::of(kinds[0], kinds[1]));
                stage.places[0].create("Review", None, &WHEN, &[location("Elbe")]);
                stage.places[0].create("Other", None, &WHEN, &[]);
                stage.clean();
                stage.clean();
                stage.delete(side, "Review");
                if heard {
                    stage.clean();
                    assert!(stage.places[1 - side].find("Review").is_none(), "{kinds:?}");
                }
                stage.pass(60);
                stage.places[side].restore("Review");
                stage.clean();
                stage.clean();
                stage.at_rest();
                let there = stage.places.each_ref().map(|place| place.standing().len());
                assert_eq!(there, [2, 2], "{kinds:?}, side {side}, heard: {heard}");
            }
        }
    }
}

#[test]
fn what_both_had_before_is_recognised() {
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Ews, Kind::Local], [Kind::Graph, Kind::Local]] {
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        for place in &stage.places {
            place.create("Same", Some("same@contoso"), &WHEN, &[location("Elbe")]);
            // No UID in common, but nothing else looks like it.
            place.create("Alike", None, &WHEN, &[]);
        }
        stage.places[0].create("Differs", Some("d@contoso"), &WHEN, &[location("Elbe")]);
        stage.places[1].create("Differs", Some("d@contoso"), &WHEN, &[location("Alster")]);
        let report = stage.clean();
        assert_eq!((report.conflicts, report.writes()), (1, 1), "{kinds:?} {report:?}");
        assert_eq!(stage.location(1, "Differs").as_deref(), Some("Elbe"));
        assert_eq!(stage.places.each_ref().map(|place| place.standing().len()), [3, 3]);
        stage.clean();
        stage.at_rest();
    }
}

#[test]
fn one_way_writes_nothing_to_its_source() {
    let direction = Direction::From(ReplicaId::A);
    let mut stage = stage(Setup { direction, ..Setup::of(Kind::Ews, Kind::Graph) });
    stage.places[0].create("From a", None, &WHEN, &[]);
    stage.places[0].create("Stays", None, &WHEN, &[]);
    stage.places[1].create("From b", None, &WHEN, &[]);
    stage.clean();
    stage.clean();
    assert!(stage.places[1].find("From a").is_some());
    assert!(stage.places[0].find("From b").is_none());
    stage.change(1, "From a", &location("Alster"));
    stage.delete(1, "Stays");
    stage.clean();
    assert_eq!(stage.location(0, "From a").as_deref(), Some(""));
    assert_eq!(stage.location(1, "From a").as_deref(), Some("Alster"));
    assert!(stage.places[0].find("Stays").is_some() && stage.places[1].find("Stays").is_none());
    stage.change(0, "From a", &location("Elbe"));
    stage.clean();
    assert_eq!(stage.location(1, "From a").as_deref(), Some("Elbe"));
    assert_eq!(stage.clean().writes(), 0);
    assert_eq!(stage.complaints(), Vec::<String>::new());
}

#[test]
fn outside_the_window_nothing_is_read_or_deleted() {
    let day = 86_400;
    let window = Some((START - 30 * day, START + 30 * day));
    let at = |days: i64| When::Timed {
        minute: (START + days * day) / 60,
        minutes: 30,
        zone: "Europe/Berlin",
    };
    let judge = Judge::default();
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Ews]] {
        let mut stage = stage(Setup { window, ..Setup::of(kinds[0], kinds[1]) });
        stage.places[0].create("Inside", None, &at(3), &[]);
        stage.places[0].create("Outside", None, &at(90), &[]);
        stage.clean();
        stage.clean();
        assert!(stage.places[1].find("Inside").is_some());
        assert!(stage.places[1].find("Outside").is_none());
        stage.change(0, "Inside", &Change::When(at(80)));
        stage.clean();
        stage.clean();
        assert!(stage.places[1].find("Inside").is_some(), "leaving the window is no deletion");
        assert_eq!(stage.clean().writes(), 0);
        assert_eq!(stage.complaints(), Vec::<String>::new());
        judge.take(&stage.sim);
    }
    judge.verdict();
}

#[test]
fn captured_events_arrive_as_they_are() {
    let Some(recordings) = shared("ews/recordings") else { return };
    let judge = Judge::default();
    let seed = Seed::Directory(recordings);
    for kind in [Kind::Graph, Kind::Local] {
        let mut stage = stage(Setup { seed: seed.clone(), ..Setup::of(Kind::Ews, kind) });
        let before = stage.looks()[0].clone();
        assert!(before.len() >= 5, "only {} events were captured", before.len());
        stage.clean();
        stage.clean();
        let after = stage.looks();
        assert_eq!(after[0], before, "nothing is written to the source");
        stage.at_rest();
        judge.take(&stage.sim);
        println!("{} captured events arrived", before.len());
    }
    judge.verdict();
}

#[test]
fn a_journal_can_be_asked_after_it_all() {
    let mut stage = disputed(Rule::Prefer(ReplicaId::A), [Kind::Ews, Kind::Graph]);
    stage.clean();
    let (store, digester) = stage.open();
    let Loaded::Counts(counts) = store.load(&Query::Counts(pair())).expect("readable") else {
        panic!("counts were asked for")
    };
    assert_eq!((counts.links, counts.met), (1, 1));
    // A second adapter of the same state file sees the stamps as its own.
    let chaos = Chaos::new(None, Stopper::default(), None);
    let remote = stage.remote(1, &chaos, &store, &digester);
    let folders = stage.wait_for(remote.folders()).expect("no fault is set");
    assert!(folders.iter().any(|folder| folder.is_default));
}
