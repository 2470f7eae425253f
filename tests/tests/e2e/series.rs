//! What people do with series, told one by one.

use super::judge::Judge;
use super::look::{Look, occurrence_field};
use super::place::{Change, When};
use super::scenarios::{WHEN, location, stage};
use super::stage::{Kind, Setup, Stage};
use super::sweep;
use items::Rule;
use items::recurrence::{End, Pattern, Weekday};
use jiff::civil::{Date, date};
use sync_core::ids::ReplicaId;

const PAIRS: [[Kind; 2]; 5] = [
    [Kind::Ews, Kind::Graph],
    [Kind::Graph, Kind::Ews],
    [Kind::Ews, Kind::Local],
    [Kind::Local, Kind::Graph],
    [Kind::Local, Kind::Ews],
];

/// Every week on the day on which the tests begin, a Wednesday, for so many times.
fn weekly(count: u32) -> Rule {
    let days = [Weekday::Wednesday].into();
    let pattern = Pattern::Weekly { interval: 1, days, first_day: Weekday::Monday };
    Rule { pattern, end: End::Count(count) }
}

fn daily(interval: u32, count: u32) -> Rule {
    Rule { pattern: Pattern::Daily { interval }, end: End::Count(count) }
}

/// The n-th Wednesday from 2026-11-25 on, counted from 1.
fn nth(n: i64) -> Date {
    date(2026, 11, 25) + jiff::Span::new().weeks(n - 1)
}

/// That day at nine in Berlin, moved by so many minutes.
fn at(day: Date, minutes: i64) -> Change {
    let start = day.at(9, 0, 0, 0).in_tz("Europe/Berlin").expect("a known zone");
    let minute = start.timestamp().as_second() / 60 + minutes;
    Change::When(When::Timed { minute, minutes: 45, zone: "Europe/Berlin" })
}

/// A weekly series of ten on side 0, known to both sides.
fn agreed(kinds: [Kind; 2]) -> Stage {
    println!("{kinds:?}");
    let mut stage = stage(Setup::of(kinds[0], kinds[1]));
    let details = [Change::Recurs(Some(weekly(10))), location("Elbe")];
    stage.places[0].create("Jour fixe", None, &WHEN, &details);
    stage.clean();
    stage.clean();
    stage.pass(60);
    stage
}

impl Stage {
    #[track_caller]
    fn change_on(&self, side: usize, date: Date, change: &Change) {
        let standing = self.places[side].find("Jour fixe").expect("it is there");
        self.places[side].change_on(&standing.handle, date, change);
    }

    #[track_caller]
    fn delete_on(&self, side: usize, date: Date) {
        let standing = self.places[side].find("Jour fixe").expect("it is there");
        self.places[side].delete_on(&standing.handle, date);
    }

    #[track_caller]
    fn series(&self, side: usize) -> Look {
        self.places[side].find("Jour fixe").expect("it is there").look
    }

    /// What an occurrence has of its own in `field`, the same on both sides.
    #[track_caller]
    fn own(&self, date: Date, field: &str) -> Option<String> {
        let field = occurrence_field(date, field);
        let [a, b] = [0, 1].map(|side| self.series(side).get(&field).cloned());
        assert_eq!(a, b, "{field}");
        a
    }

    /// A conflict keeps this location of the occurrence of a date.
    #[track_caller]
    fn keeps_location(&self, date: Date, location: &str) {
        let field = occurrence_field(date, "location");
        let kept = self.kept();
        let is_kept = kept.iter().any(|look| look.get(&field).is_some_and(|held| held == location));
        assert!(is_kept, "{:?}: {kept:?}", self.setup.kinds);
    }

    /// Goes on until nothing is left to do.
    #[track_caller]
    pub fn settled(&mut self) {
        self.clean();
        self.clean();
        self.at_rest();
    }
}

#[test]
fn a_series_arrives_with_all_that_became_of_it() {
    let judge = Judge::default();
    for kinds in PAIRS {
        let mut stage = agreed(kinds);
        let recurs = stage.series(1)["recurs"].clone();
        assert!(recurs.ends_with("10 times"), "{kinds:?} {recurs}");
        stage.change_on(0, nth(2), &location("Alster"));
        stage.change_on(0, nth(3), &at(nth(3), 120));
        stage.delete_on(0, nth(5));
        stage.settled();
        assert_eq!(stage.own(nth(2), "location").as_deref(), Some("Alster"), "{kinds:?}");
        assert!(stage.own(nth(3), "timing").is_some(), "{kinds:?}");
        assert_eq!(stage.own(nth(5), "").as_deref(), Some("deleted"), "{kinds:?}");
        // And back again.
        stage.change_on(1, nth(6), &Change::Text("Zeile".to_owned()));
        stage.change_on(1, nth(2), &Change::Reminder(Some(45)));
        stage.delete_on(1, nth(3));
        stage.settled();
        assert_eq!(stage.own(nth(6), "body").as_deref(), Some("Zeile"), "{kinds:?}");
        assert_eq!(stage.own(nth(2), "reminder").as_deref(), Some("45"), "{kinds:?}");
        assert_eq!(stage.own(nth(2), "location").as_deref(), Some("Alster"), "{kinds:?}");
        assert_eq!(stage.own(nth(3), "").as_deref(), Some("deleted"), "{kinds:?}");
        assert_eq!(stage.own(nth(3), "timing"), None, "{kinds:?}");
        assert_eq!(stage.conflicts().len(), 0, "{kinds:?}");
        judge.take(&stage.sim);
    }
    judge.verdict();
}

#[test]
fn a_series_that_is_complete_before_the_first_run_arrives_whole() {
    for kinds in PAIRS {
        let mut stage = stage(Setup::of(kinds[0], kinds[1]));
        let details = [Change::Recurs(Some(weekly(10))), location("Elbe")];
        stage.places[0].create("Jour fixe", None, &WHEN, &details);
        stage.change_on(0, nth(2), &location("Alster"));
        stage.change_on(0, nth(4), &at(nth(4), -60));
        stage.delete_on(0, nth(1));
        let before = stage.series(0);
        stage.settled();
        assert_eq!(stage.series(0), before, "{kinds:?}");
        assert_eq!(stage.series(1), before, "{kinds:?}");
    }
}

#[test]
fn different_occurrences_are_changed_on_both_sides() {
    for kinds in PAIRS {
        let mut stage = agreed(kinds);
        stage.change_on(0, nth(2), &location("Alster"));
        stage.delete_on(0, nth(4));
        stage.change_on(1, nth(3), &location("Bille"));
        stage.delete_on(1, nth(5));
        stage.change(0, "Jour fixe", &Change::Reminder(Some(5)));
        stage.settled();
        assert_eq!(stage.own(nth(2), "location").as_deref(), Some("Alster"), "{kinds:?}");
        assert_eq!(stage.own(nth(3), "location").as_deref(), Some("Bille"), "{kinds:?}");
        assert_eq!(stage.own(nth(4), "").as_deref(), Some("deleted"), "{kinds:?}");
        assert_eq!(stage.own(nth(5), "").as_deref(), Some("deleted"), "{kinds:?}");
        assert_eq!(stage.series(1)["reminder"], "5", "{kinds:?}");
        assert_eq!(stage.own(nth(2), "reminder"), None, "{kinds:?}");
        assert_eq!(stage.conflicts().len(), 0, "{kinds:?}");
    }
}

#[test]
fn one_occurrence_changed_on_both_sides_is_a_conflict() {
    for kinds in PAIRS {
        let mut stage = agreed(kinds);
        stage.change_on(0, nth(2), &location("Alster"));
        stage.change_on(1, nth(2), &location("Bille"));
        stage.settled();
        assert_eq!(stage.own(nth(2), "location").as_deref(), Some("Alster"), "{kinds:?}");
        assert_eq!(stage.conflicts().len(), 1, "{kinds:?}");
        let field = occurrence_field(nth(2), "location");
        let kept: Vec<String> =
            stage.kept().iter().filter_map(|look| look.get(&field).cloned()).collect();
        assert_eq!(kept, ["Alster", "Bille"], "{kinds:?}");
    }
}

#[test]
fn an_occurrence_deleted_here_and_changed_there_is_a_conflict() {
    for kinds in PAIRS {
        for deleting in [0, 1] {
            let mut stage = agreed(kinds);
            stage.delete_on(deleting, nth(2));
            stage.change_on(1 - deleting, nth(2), &location("Bille"));
            stage.settled();
            assert_eq!(stage.conflicts().len(), 1, "{kinds:?} {deleting}");
            stage.keeps_location(nth(2), "Bille");
        }
    }
}

#[test]
fn a_new_pattern_here_meets_an_exception_there() {
    for kinds in PAIRS {
        for repeating in [0, 1] {
            let mut stage = agreed(kinds);
            stage.change_on(0, nth(3), &location("Alster"));
            stage.settled();
            stage.change(repeating, "Jour fixe", &Change::Recurs(Some(daily(7, 8))));
            stage.change_on(1 - repeating, nth(2), &location("Bille"));
            stage.settled();
            let recurs = stage.series(0)["recurs"].clone();
            assert!(recurs.starts_with("Daily"), "{kinds:?} {repeating}: {recurs}");
            // Both patterns have this day.
            let own = stage.own(nth(2), "location");
            assert_eq!(own.as_deref(), Some("Bille"), "{kinds:?} {repeating}");
        }
    }
}

#[test]
fn a_new_pattern_leaves_out_the_day_of_an_exception_there() {
    for kinds in PAIRS {
        for repeating in [0, 1] {
            let mut stage = agreed(kinds);
            stage.change(repeating, "Jour fixe", &Change::Recurs(Some(daily(2, 8))));
            stage.change_on(1 - repeating, nth(2), &location("Bille"));
            stage.settled();
            assert_eq!(stage.own(nth(2), "location"), None, "{kinds:?} {repeating}");
            stage.keeps_location(nth(2), "Bille");
        }
    }
}

#[test]
fn a_longer_range_keeps_the_occurrences() {
    for kinds in PAIRS {
        for side in [0, 1] {
            let mut stage = agreed(kinds);
            stage.change_on(0, nth(2), &location("Alster"));
            stage.delete_on(0, nth(4));
            stage.settled();
            stage.change(side, "Jour fixe", &Change::Recurs(Some(weekly(20))));
            stage.settled();
            let recurs = stage.series(0)["recurs"].clone();
            assert!(recurs.ends_with("20 times"), "{kinds:?} {side}: {recurs}");
            let own = stage.own(nth(2), "location");
            assert_eq!(own.as_deref(), Some("Alster"), "{kinds:?} {side}");
            assert_eq!(stage.own(nth(4), "").as_deref(), Some("deleted"), "{kinds:?} {side}");
        }
    }
}

#[test]
fn another_time_drops_the_exceptions() {
    for kinds in PAIRS {
        for side in [0, 1] {
            let mut stage = agreed(kinds);
            stage.change_on(0, nth(2), &location("Alster"));
            stage.delete_on(0, nth(4));
            stage.settled();
            stage.change(side, "Jour fixe", &at(nth(1), 180));
            stage.settled();
            assert_eq!(stage.own(nth(2), "location"), None, "{kinds:?} {side}");
            assert_eq!(stage.own(nth(4), ""), None, "{kinds:?} {side}");
        }
    }
}

#[test]
fn a_series_becomes_a_single_event_and_a_series_again() {
    for kinds in PAIRS {
        for side in [0, 1] {
            let mut stage = agreed(kinds);
            stage.change_on(0, nth(2), &location("Alster"));
            stage.settled();
            stage.change(side, "Jour fixe", &Change::Recurs(None));
            stage.settled();
            for side in [0, 1] {
                assert_eq!(stage.series(side)["recurs"], "once", "{kinds:?}");
            }
            stage.change(1 - side, "Jour fixe", &Change::Recurs(Some(daily(3, 5))));
            stage.settled();
            let recurs = stage.series(side)["recurs"].clone();
            assert!(recurs.ends_with("5 times"), "{kinds:?} {side}: {recurs}");
        }
    }
}

#[test]
fn a_single_event_becomes_a_series_with_exceptions_at_once() {
    for kinds in PAIRS {
        for side in [0, 1] {
            println!("{kinds:?} {side}");
            let mut stage = stage(Setup::of(kinds[0], kinds[1]));
            stage.places[0].create("Jour fixe", None, &WHEN, &[]);
            stage.settled();
            stage.change(side, "Jour fixe", &Change::Recurs(Some(weekly(10))));
            stage.change_on(side, nth(2), &location("Alster"));
            stage.delete_on(side, nth(3));
            stage.settled();
            assert_eq!(stage.own(nth(2), "location").as_deref(), Some("Alster"), "{kinds:?}");
            assert_eq!(stage.own(nth(3), "").as_deref(), Some("deleted"), "{kinds:?} {side}");
        }
    }
}

#[test]
fn an_edit_of_an_occurrence_beats_the_deletion_of_its_series() {
    for kinds in PAIRS {
        for deleting in [0, 1] {
            let mut stage = agreed(kinds);
            stage.delete(deleting, "Jour fixe");
            stage.change_on(1 - deleting, nth(2), &location("Bille"));
            stage.settled();
            let own = stage.own(nth(2), "location");
            assert_eq!(own.as_deref(), Some("Bille"), "{kinds:?} {deleting}");
            assert_eq!(stage.places.each_ref().map(|place| place.standing().len()), [1, 1]);
        }
    }
}

#[test]
fn a_process_killed_anywhere_leaves_a_series_whole() {
    for kinds in PAIRS {
        let prepare = || {
            let stage = stage(Setup::of(kinds[0], kinds[1]));
            let details = [Change::Recurs(Some(weekly(10)))];
            stage.places[0].create("Jour fixe", None, &WHEN, &details);
            stage.change_on(0, nth(2), &location("Alster"));
            stage.change_on(0, nth(3), &at(nth(3), 120));
            stage.delete_on(0, nth(5));
            stage
        };
        sweep::leaves_whole(prepare, |stage, side| stage.series(side));
    }
}

#[test]
fn a_changed_occurrence_costs_the_same_in_any_series() {
    for kinds in [[Kind::Ews, Kind::Graph], [Kind::Graph, Kind::Ews]] {
        let costs = [10, 500].map(|count| {
            let mut stage = stage(Setup::of(kinds[0], kinds[1]));
            let details = [Change::Recurs(Some(weekly(count)))];
            stage.places[0].create("Jour fixe", None, &WHEN, &details);
            stage.clean();
            stage.clean();
            drop(stage.requests());
            stage.change_on(0, nth(9), &location("Alster"));
            let report = stage.clean();
            assert_eq!(report.sides[&ReplicaId::B].updated, 1, "{report:?}");
            stage.requests().len()
        });
        println!("{kinds:?}: {} requests", costs[0]);
        assert_eq!(costs[0], costs[1], "{kinds:?}");
    }
}
