//! Events that nobody should have: each is written as it is, or reported in a sentence that says what
//! is wrong with it. Everything else goes on, and the next run writes nothing.

use super::clock::Timeless;
use super::place::{Change, Place, When};
use super::stage::{Going, Kind, Setup, Stage, pair};
use items::recurrence::{End, Pattern};
use items::{Event, Recurrence, Rule, Timing};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_core::engine::{Ended, Report};
use sync_core::explain;
use sync_core::port::{Loaded, Query, Store};

/// 2026-12-01T09:00:00Z.
const START: i64 = 1_796_115_600;
const HOUR: i64 = 3600;

/// What is told of the items set aside, by subject.
type Told = BTreeMap<String, String>;

impl Stage {
    /// Runs, and says what the command would say of what is set aside.
    #[track_caller]
    fn told(&mut self, garble: Option<[&'static str; 2]>) -> (Report, Told) {
        self.pass(60);
        let report = self.run_as(Going { garble, ..Going::default() }).expect("nothing stops it");
        assert_eq!(report.ended, Ended::Clean, "{report:?}");
        let (store, _) = self.open();
        let Loaded::Links(held) = store.load(&Query::Held(pair())).expect("readable") else {
            panic!("links were asked for");
        };
        let mut told = Told::new();
        for link in held {
            let blob = link.content().and_then(|content| store.blob(&content).expect("readable"));
            let event = blob.map(|blob| Event::from_canonical(&blob).expect("ours"));
            let subject = event.and_then(|event| event.subject).unwrap_or_default();
            let detail = report.refused.iter().find(|(id, ..)| *id == link.id);
            let detail = detail.map(|(.., trouble)| format!(": {}", trouble.detail));
            let reason = explain::held(link.held.as_ref().expect("it is set aside"));
            let name: String = subject.chars().take(40).collect();
            told.insert(name, reason + &detail.unwrap_or_default());
        }
        (report, told)
    }

    /// Another run writes nothing, sets the same aside, and all is sound.
    #[track_caller]
    fn stays(&mut self, aside: &BTreeSet<String>, garble: Option<[&'static str; 2]>) {
        let (report, told) = self.told(garble);
        let kinds = self.setup.kinds;
        assert_eq!(report.writes(), 0, "{kinds:?} {report:?}");
        assert_eq!(&told.into_keys().collect::<BTreeSet<_>>(), aside, "{kinds:?}");
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "{kinds:?} {complaints:#?}");
    }
}

/// What a person, or a program, left in the local store.
fn odd() -> Vec<Event> {
    let timed = |start: i64, end: i64, zone: &str| Timing::Timed {
        start,
        end,
        start_zone: Some(zone.to_owned()),
        end_zone: Some(zone.to_owned()),
    };
    let usual = timed(START, START + HOUR, "Europe/Berlin");
    let event = |subject: &str, timing: &Timing| {
        Event {
            uid: Some(format!("{}@odd", subject.chars().take(20).collect::<String>())),
            subject: Some(subject.to_owned()),
            timing: Some(timing.clone()),
            ..Event::default()
        }
        .filled()
    };
    let weekly = Rule { pattern: Pattern::Daily { interval: 7 }, end: End::Never };
    let series =
        |event: Event, rule: Rule| Event { recurrence: Some(Recurrence::Rule(rule)), ..event };
    let nowhere = timed(START, START + HOUR, "Customized Time Zone");
    let ended = Rule { end: End::On("2026-11-30".parse().expect("a date")), ..weekly.clone() };
    let lines = vec!["RRULE:FREQ=HOURLY;COUNT=5".to_owned()];
    vec![
        event("good", &usual),
        event("ends before it starts", &timed(START, START - HOUR, "Europe/Berlin")),
        event("lasts sixty years", &timed(START, START + 60 * 365 * 24 * HOUR, "Europe/Berlin")),
        event(&"long ".repeat(1000), &usual),
        Event {
            categories: Some((0..300).map(|n| format!("Gruppe {n}")).collect()),
            ..event("three hundred categories", &usual)
        },
        event("nobody's zone", &nowhere),
        series(event("nobody's zone, every week", &nowhere), weekly.clone()),
        series(event("over before it begins", &usual), ended),
        Event { recurrence: Some(Recurrence::Other(lines)), ..event("every hour", &usual) },
        event("control\u{1}\u{b}\u{1f} characters", &usual),
        series(event("good, every week", &usual), weekly),
    ]
}

/// What is told of the odd events, by side.
const SENTENCES: [(Kind, [(&str, &str); 6]); 2] = [
    (
        Kind::Ews,
        [
            (
                "ends before it starts",
                "b refuses the write (ErrorCalendarEndDateIsEarlierThanStartDate): EndDate is \
                 earlier than StartDate",
            ),
            (
                "every hour",
                "b refuses the write (recurrence-inexpressible): Exchange can't tell how this event \
                 recurs: only iCalendar has such a rule",
            ),
            (
                "lasts sixty years",
                "b refuses the write (ErrorCalendarDurationIsTooLong): The duration of the calendar \
                 item is too long.",
            ),
            (
                "long long long long long long long long ",
                "b refuses the write (subject-too-long): the subject has 4999 characters, and \
                 Exchange keeps 255; shorten it",
            ),
            (
                "nobody's zone, every week",
                "b refuses the write (recurrence-inexpressible): Exchange can't tell how this event \
                 recurs: it has no time zone Customized Time Zone",
            ),
            (
                "over before it begins",
                "b refuses the write (recurrence-inexpressible): Exchange can't tell how this event \
                 recurs: its start is not one of its dates",
            ),
        ],
    ),
    (
        Kind::Graph,
        [
            (
                "ends before it starts",
                "b refuses the write (ErrorPropertyValidationFailure): At least one property failed \
                 validation: the end of the event lies before its start.",
            ),
            (
                "every hour",
                "b refuses the write (recurrence-inexpressible): the event recurs in a way that \
                 Exchange has no pattern for; it is left out here rather than turned into another \
                 series",
            ),
            (
                "lasts sixty years",
                "b refuses the write (ErrorPropertyValidationFailure): At least one property failed \
                 validation: the event is longer than five years.",
            ),
            (
                "long long long long long long long long ",
                "b refuses the write (ErrorPropertyValidationFailure): At least one property failed \
                 validation: the subject is longer than 255 characters.",
            ),
            (
                "nobody's zone, every week",
                "b refuses the write (zone-inexpressible): the series goes by the clocks of a zone \
                 that Graph can't name; by those of another one it would move whenever either \
                 changes its clocks",
            ),
            (
                "over before it begins",
                "b refuses the write (ErrorPropertyValidationFailure): At least one property failed \
                 validation: the recurrence is invalid: the recurrence ends before it starts.",
            ),
        ],
    ),
];

#[test]
fn odd_events_are_written_or_reported() {
    for (kind, sentences) in SENTENCES {
        let mut stage = Stage::new(Setup::of(Kind::Local, kind), &Arc::new(Timeless::new()));
        let Place::Local { replica, folder } = &stage.places[0] else { panic!("the local store") };
        for event in odd() {
            replica.put_event(folder, &event).expect("writable");
        }
        let (_, told) = stage.told(None);
        let expected: Told =
            sentences.map(|(subject, told)| (subject.to_owned(), told.to_owned())).into();
        assert_eq!(told, expected, "{kind:?}");
        let there = stage.places[1].standing();
        let has = |subject: &str| there.iter().any(|s| s.content.subject.starts_with(subject));
        for subject in ["good", "good, every week", "nobody's zone", "control"] {
            assert!(has(subject), "{kind:?} {subject}");
        }
        assert_eq!(there.len() + told.len(), odd().len(), "{kind:?}");
        let many = there.iter().find(|s| s.content.subject.starts_with("three hundred"));
        assert_eq!(many.map(|standing| standing.content.categories.len()), Some(300), "{kind:?}");
        stage.stays(&told.into_keys().collect(), None);
    }
}

/// An item that a server can't deliver in its right mind: it has no start.
const CORRUPT: [&str; 2] = ["2031-03-03T03:03:00", "soon"];

#[test]
fn a_corrupt_item_is_reported_and_the_rest_goes_on() {
    let at = |minute: i64| When::Timed { minute, minutes: 60, zone: "Europe/Berlin" };
    for (kinds, code) in [
        ([Kind::Ews, Kind::Local], "no-times"),
        ([Kind::Ews, Kind::Graph], "no-times"),
        ([Kind::Graph, Kind::Local], "malformed-timing"),
        ([Kind::Graph, Kind::Ews], "malformed-timing"),
    ] {
        let mut stage = Stage::new(Setup::of(kinds[0], kinds[1]), &Arc::new(Timeless::new()));
        stage.places[0].create("first", None, &at(START / 60), &[]);
        let corrupt = jiff::civil::date(2031, 3, 3).at(3, 3, 0, 0).in_tz("UTC").expect("a time");
        let minute = corrupt.timestamp().as_second() / 60;
        stage.places[0].create("corrupt", None, &at(minute), &[]);
        stage.places[0].create("last", None, &at(START / 60 + 60), &[]);
        let (_, told) = stage.told(Some(CORRUPT));
        // Its subject couldn't be read, either.
        let expected = Told::from([(String::new(), format!("a can't deliver it ({code})"))]);
        assert_eq!(told, expected, "{kinds:?}");
        let there: Vec<String> =
            stage.places[1].standing().into_iter().map(|s| s.content.subject).collect();
        assert_eq!(BTreeSet::from_iter(there), ["first", "last"].map(str::to_owned).into());
        stage.stays(&told.into_keys().collect(), Some(CORRUPT));
        // Once its owner has put it right it goes the way of the others.
        stage.change(0, "corrupt", &Change::Subject("mended".to_owned()));
        let (_, told) = stage.told(None);
        assert_eq!(told, Told::new(), "{kinds:?}");
        assert!(stage.places[1].find("mended").is_some(), "{kinds:?}");
        stage.stays(&BTreeSet::new(), None);
    }
}
