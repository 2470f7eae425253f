//! Series against the built-in Exchange: what is written is found, occurrence by occurrence.

use crate::requests::stamp;
use crate::sim::{World, another, event, held, now, world};
use chrono::{Days, NaiveDate};
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{Event, Occurrence, Recurrence, Rule, Timing};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, Fetched, Hint, Probed, Remote, Target, Write, WriteOp};

/// A Wednesday, by UTC and in Berlin.
const FIRST: &str = "2026-11-25";
const DAY: i64 = 86_400;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub fn day(n: u64) -> NaiveDate {
    date(FIRST).checked_add_days(Days::new(n)).unwrap()
}

fn series(pattern: Pattern, end: End) -> Event {
    let recurrence = Some(Recurrence::Rule(Rule { pattern, end }));
    Event { recurrence, ..event("Series", now()) }
}

pub fn daily(count: u32) -> Event {
    series(Pattern::Daily { interval: 1 }, End::Count(count))
}

pub fn called(subject: &str) -> Occurrence {
    Occurrence::Changed(Box::new(Event { subject: Some(subject.into()), ..Event::default() }))
}

/// An occurrence that takes place so many hours later.
pub fn later(series: &Event, date: NaiveDate, hours: i64) -> Occurrence {
    let Some(Timing::Timed { start, end, start_zone, end_zone }) = series.timing_on(date) else {
        panic!("no time on {date}")
    };
    let (start, end) = (start + hours * 3600, end + hours * 3600);
    let timing = Some(Timing::Timed { start, end, start_zone, end_zone });
    Occurrence::Changed(Box::new(Event { timing, ..Event::default() }))
}

impl World {
    pub async fn created(&self, series: &Event) -> RemoteId {
        self.one(self.create("create", series)).await.unwrap().0
    }

    pub fn late(
        &self,
        key: &str,
        id: &RemoteId,
        if_match: Option<Version>,
        wanted: &BTreeMap<NaiveDate, Occurrence>,
    ) -> Write {
        let patch = Event { occurrences: Some(wanted.clone()), ..Event::default() };
        let patch = patch.to_canonical();
        self.write(key, WriteOp::Update { id: id.clone(), if_match, patch })
    }

    /// Writes occurrences onto what stands now.
    pub async fn put(
        &self,
        key: &str,
        id: &RemoteId,
        wanted: &BTreeMap<NaiveDate, Occurrence>,
    ) -> Result<Option<Version>, Failure> {
        let version = self.found(id).await.rendition.version;
        self.one(self.late(key, id, version, wanted)).await.map(|(_, version)| version)
    }

    pub async fn occurrences(&self, id: &RemoteId) -> BTreeMap<NaiveDate, Occurrence> {
        held(&self.found(id).await).occurrences.unwrap()
    }

    /// Changes fields of the master.
    async fn patch(&self, key: &str, id: &RemoteId, patch: Event) -> Result<(), Failure> {
        let if_match = self.found(id).await.rendition.version;
        let patch = patch.to_canonical();
        let op = WriteOp::Update { id: id.clone(), if_match, patch };
        self.one(self.write(key, op)).await.map(drop)
    }
}

#[tokio::test]
async fn every_recurrence_lives() {
    let world = world().await;
    let days = BTreeSet::from([Weekday::Wednesday, Weekday::Friday]);
    let wednesday = BTreeSet::from([Weekday::Wednesday]);
    let patterns = [
        Pattern::Daily { interval: 3 },
        Pattern::Weekly { interval: 2, days, first_day: Weekday::Sunday },
        Pattern::AbsoluteMonthly { interval: 2, day: 25 },
        Pattern::RelativeMonthly { interval: 1, index: Index::Last, days: wednesday.clone() },
        Pattern::AbsoluteYearly { interval: 1, month: 11, day: 25 },
        Pattern::RelativeYearly { interval: 1, month: 11, index: Index::Last, days: wednesday },
    ];
    let ends = [End::Never, End::Count(7), End::On(date("2033-12-31"))];
    for (n, pattern) in patterns.iter().enumerate() {
        for (m, end) in ends.iter().enumerate() {
            let sent = series(pattern.clone(), *end);
            let (id, _) = world.one(world.create(&format!("k{n}{m}"), &sent)).await.unwrap();
            let got = held(&world.found(&id).await);
            let normal = |event: &Event| event.recurrence.as_ref().unwrap().normal();
            assert_eq!((&got.timing, normal(&got)), (&sent.timing, normal(&sent)));
            assert_eq!(got.occurrences, Some(BTreeMap::new()));
        }
    }
    let (said, _) = world.drain(None).await;
    assert_eq!(said.len(), 18);
    assert!(said.values().all(|hint| matches!(hint, Hint::Changed { item: Some(_), .. })));
}

#[tokio::test]
async fn occurrences_come_and_go() {
    let world = world().await;
    let sent = daily(20);
    let id = world.created(&sent).await;
    let mut wanted = BTreeMap::from([
        (day(0), called("First")),
        (day(1), Occurrence::Deleted),
        (day(2), later(&sent, day(2), 3)),
        (day(4), later(&sent, day(4), -5)),
        // No date of the series.
        (day(200), called("Never")),
    ]);
    let version = world.put("k1", &id, &wanted).await.unwrap();
    wanted.remove(&day(200));
    assert_eq!(world.occurrences(&id).await, wanted);
    let item = world.found(&id).await;
    // Not all of it could be: what stands is to be looked at.
    assert_eq!((item.stamp.clone(), version), (Some(stamp("k1")), None));
    // Of the master nothing has changed.
    let got = held(&item);
    assert_eq!((&got.subject, &got.timing), (&sent.subject, &sent.timing));

    // What is deleted stays deleted; what differs no more is as its series again.
    let both = Event {
        categories: Some(vec!["Green".into()]),
        location: Some("Elsewhere".into()),
        ..Event::default()
    };
    let wanted = BTreeMap::from([
        (day(1), called("Gone")),
        (day(2), called("Moved back")),
        (day(3), Occurrence::Deleted),
        (day(4), Occurrence::Changed(Box::new(both.clone()))),
    ]);
    assert_eq!(world.put("k2", &id, &wanted).await.unwrap(), None);
    let expected = BTreeMap::from([
        (day(1), Occurrence::Deleted),
        (day(2), called("Moved back")),
        (day(3), Occurrence::Deleted),
        (day(4), Occurrence::Changed(Box::new(both))),
    ]);
    assert_eq!(world.occurrences(&id).await, expected);
    world.sim.with(|sim| assert!(sim.sent.is_empty()));
}

#[tokio::test]
async fn occurrences_of_whole_days_come_and_go() {
    for zone in [None, Some("Pacific Standard Time"), Some("New Zealand Standard Time")] {
        let world = world().await;
        let timing = |start: u64, end: u64| {
            let zone = zone.map(str::to_owned);
            Some(Timing::AllDay { start: day(start), end: day(end), zone })
        };
        let sent =
            Event { timing: timing(0, 1), ..series(Pattern::Daily { interval: 3 }, End::Never) };
        let id = world.created(&sent).await;
        let moved = Event { timing: timing(121, 123), ..Event::default() };
        let wanted = BTreeMap::from([
            (day(3), Occurrence::Deleted),
            (day(120), Occurrence::Changed(Box::new(moved))),
            (day(240), called("Later")),
        ]);
        world.put("k1", &id, &wanted).await.unwrap();
        let got = world.occurrences(&id).await;
        assert_eq!(got.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{zone:?}");
        let Occurrence::Changed(own) = &got[&day(120)] else { panic!("{got:?}") };
        let Some(Timing::AllDay { start, end, .. }) = own.timing else { panic!("{own:?}") };
        assert_eq!((start, end), (day(121), day(123)), "{zone:?}");
        assert_eq!(got[&day(240)], wanted[&day(240)], "{zone:?}");
    }
}

/// Exchange refuses an occurrence on the day of its neighbour, also while others are on their way.
#[tokio::test]
async fn occurrences_do_not_get_in_each_others_way() {
    let world = world().await;
    let sent = daily(20);
    let id = world.created(&sent).await;
    let mut wanted = BTreeMap::from([
        (day(1), later(&sent, day(1), 24)),
        (day(2), later(&sent, day(2), 24)),
        (day(3), Occurrence::Deleted),
        (day(6), Occurrence::Deleted),
        (day(7), later(&sent, day(7), -24)),
        (day(8), later(&sent, day(8), -24)),
    ]);
    world.put("k1", &id, &wanted).await.unwrap();
    assert_eq!(world.occurrences(&id).await, wanted);

    let mut crossing = wanted.clone();
    crossing.insert(day(12), later(&sent, day(12), 24));
    // What is done before it comes to something.
    crossing.insert(day(11), Occurrence::Deleted);
    let failure = world.put("k2", &id, &crossing).await.unwrap_err();
    assert!(matches!(&failure, Failure::Stale(_)), "{failure:?}");
    wanted.insert(day(11), Occurrence::Deleted);
    let failure = world.put("k3", &id, &crossing).await.unwrap_err();
    assert!(matches!(&failure, Failure::Permanent(_)), "{failure:?}");
    assert_eq!(failure.trouble().code, "occurrence-crosses-neighbour");
    assert_eq!(world.occurrences(&id).await, wanted);
}

#[tokio::test]
async fn a_series_that_has_changed_is_not_written() {
    let world = world().await;
    let id = world.created(&daily(20)).await;
    let old = world.found(&id).await.rendition.version;
    let wanted = BTreeMap::from([(day(1), Occurrence::Deleted)]);
    world.put("k1", &id, &BTreeMap::from([(day(2), called("x"))])).await.unwrap();
    let failure = world.one(world.late("k2", &id, old, &wanted)).await.unwrap_err();
    assert!(matches!(failure, Failure::Stale(_)), "{failure:?}");
    assert_eq!(world.occurrences(&id).await, BTreeMap::from([(day(2), called("x"))]));
    let gone = RemoteId::from("AAMkAGVub25l");
    let failure = world.one(world.late("k3", &gone, None, &wanted)).await.unwrap_err();
    assert!(matches!(failure, Failure::Missing(_) | Failure::Permanent(_)), "{failure:?}");
}

#[tokio::test]
async fn a_write_that_is_cut_leaves_no_stamp() {
    let patch = "PATCH /users/*/calendars/*/events/*";
    for (times, arrived) in [(0, 1), (1, 2), (2, 3), (3, 3)] {
        let world = world().await;
        let id = world.created(&daily(20)).await;
        let wanted: BTreeMap<_, _> =
            (0..3).map(|n| (day(n), called(&format!("Number {n}")))).collect();
        let which = json!({"service": "graph", "operation": patch, "nth": times + 1});
        world.fault(patch, json!({"match": which, "do": "drop-after"}));
        let failure = world.put("k1", &id, &wanted).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt(_)), "{failure:?}");
        let probe = world.probe("k1", Target::Update(id.clone()));
        let probed = world.remote.probe(&[probe]).await.unwrap();
        // The answer to the last one was lost, but not the stamp.
        assert_eq!(probed[0] == Probed::NotApplied, times < 3, "{times}: {probed:?}");
        let got = world.occurrences(&id).await;
        let first: BTreeMap<_, _> = wanted.clone().into_iter().take(arrived).collect();
        assert_eq!(got, first, "{times}");
        // Once more, onto what stands: the rest, and the stamp.
        let before = world.steps();
        world.put("k2", &id, &wanted).await.unwrap();
        assert_eq!(world.occurrences(&id).await, wanted);
        assert!(world.steps() - before <= 6 + 2 * (3 - arrived) + 1, "{times}");
        assert_eq!(world.found(&id).await.stamp, Some(stamp("k2")));
    }
}

#[tokio::test]
async fn a_long_series_costs_what_changes_in_it() {
    let world = world().await;
    let sent = daily(500);
    let id = world.created(&sent).await;
    let wanted = BTreeMap::from([(day(300), called("x")), (day(400), later(&sent, day(400), 1))]);
    let version = world.found(&id).await.rendition.version;
    let before = world.steps();
    let (_, written) = world.one(world.late("k1", &id, version, &wanted)).await.unwrap();
    // The series, two days, two occurrences, the series again, the stamp.
    assert_eq!(world.steps() - before, 7);
    assert!(written.is_some());

    let before = world.steps();
    let fetched = world.remote.fetch(&world.calendar, std::slice::from_ref(&id)).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    assert_eq!(held(item).occurrences, Some(wanted.clone()));
    assert_eq!(world.steps() - before, 2);

    // A write that finds everything as wanted is the stamp alone.
    let before = world.steps();
    let version = item.rendition.version.clone();
    assert_eq!(version, written);
    world.one(world.late("k2", &id, version, &wanted)).await.unwrap();
    assert_eq!(world.steps() - before, 2);
}

#[tokio::test]
async fn changes_of_occurrences_are_changes_of_their_series() {
    let world = world().await;
    let sent = daily(20);
    let id = world.created(&sent).await;
    let single = world.one(world.create("k0", &event("Single", now() + DAY))).await.unwrap().0;
    let (said, cursor) = world.drain(None).await;
    assert_eq!(said.len(), 2);

    // Somebody else changes one and deletes another.
    let other = another(&world.transport, "s2");
    let wanted = BTreeMap::from([(day(2), called("Theirs")), (day(5), Occurrence::Deleted)]);
    let write = world.late("theirs", &id, None, &wanted);
    other.write(&[write]).await.remove(0).unwrap();
    let (said, cursor) = world.drain(Some(cursor)).await;
    let Some(Hint::Changed { item: Some(item), .. }) = said.get(&id) else { panic!("{said:?}") };
    assert_eq!(held(item).occurrences, Some(wanted));
    assert!(said.values().all(|hint| *hint != Hint::Gone), "{said:?}");
    assert_eq!(said.len(), 1, "occurrences are no items");

    let op = WriteOp::Delete { id: id.clone(), if_match: None };
    world.one(world.write("k9", op)).await.unwrap();
    let (said, _) = world.drain(Some(cursor)).await;
    assert_eq!(said.get(&id), Some(&Hint::Gone));
    assert!(!said.contains_key(&single));
}

#[tokio::test]
async fn a_series_becomes_another_one_and_ends() {
    let world = world().await;
    let sent = daily(20);
    let id = world.created(&sent).await;
    let rule = |pattern| {
        let recurrence = Some(Recurrence::Rule(Rule { pattern, end: End::Count(5) }));
        Event { recurrence, occurrences: Some(BTreeMap::new()), ..Event::default() }
    };
    let weekly = || Pattern::Weekly {
        interval: 1,
        days: BTreeSet::from([Weekday::Wednesday]),
        first_day: Weekday::Sunday,
    };
    world.put("k1", &id, &BTreeMap::from([(day(2), called("x"))])).await.unwrap();
    world.patch("k2", &id, rule(weekly())).await.unwrap();
    let got = held(&world.found(&id).await);
    assert_eq!((&got.timing, got.occurrences), (&sent.timing, Some(BTreeMap::new())));
    let got = got.recurrence.unwrap().normal();
    assert_eq!(got, rule(weekly()).recurrence.unwrap().normal());

    // A week later and an hour, with the recurrence that it has.
    let timing = event("", now() + 7 * DAY + 3600).timing;
    let patch =
        Event { timing: timing.clone(), occurrences: Some(BTreeMap::new()), ..Event::default() };
    world.patch("k3", &id, patch).await.unwrap();
    let got = held(&world.found(&id).await);
    assert_eq!(
        (got.timing, got.recurrence.unwrap().rule().unwrap().end),
        (timing.clone(), End::Count(5))
    );

    // Once, and again from a single event.
    let once = Event {
        recurrence: Some(Recurrence::Once),
        occurrences: Some(BTreeMap::new()),
        ..Event::default()
    };
    world.patch("k4", &id, once).await.unwrap();
    let got = held(&world.found(&id).await);
    assert_eq!((got.recurrence, &got.timing), (Some(Recurrence::Once), &timing));
    world.patch("k5", &id, rule(weekly())).await.unwrap();
    let got = held(&world.found(&id).await);
    assert!(got.is_series() && got.timing == timing, "{got:?}");

    let wanted = BTreeMap::from([(day(7), called("x"))]);
    world
        .patch("k6", &id, Event { recurrence: Some(Recurrence::Once), ..Event::default() })
        .await
        .unwrap();
    assert_eq!(world.put("k7", &id, &wanted).await.unwrap(), None);
    let item = world.found(&id).await;
    assert_eq!(item.stamp, Some(stamp("k7")));
    assert_eq!(held(&item).occurrences, Some(BTreeMap::new()));
}

#[tokio::test]
async fn what_graph_cannot_say_is_refused_unsent() {
    let world = world().await;
    let other = Recurrence::Other(vec!["RRULE:FREQ=HOURLY".to_owned()]);
    let hourly = Event { recurrence: Some(other), ..event("Hourly", now()) };
    let mut custom = daily(3);
    if let Some(Timing::Timed { start_zone, end_zone, .. }) = &mut custom.timing {
        (*start_zone, *end_zone) = (Some("Customized Time Zone".into()), None);
    }
    for (event, code) in [(hourly, "recurrence-inexpressible"), (custom, "zone-inexpressible")] {
        let failure = world.one(world.create(code, &event)).await.unwrap_err();
        assert!(matches!(failure, Failure::Permanent(_)), "{failure:?}");
        assert_eq!(failure.trouble().code, code);
    }
    let (said, _) = world.drain(None).await;
    assert!(said.is_empty());
}
