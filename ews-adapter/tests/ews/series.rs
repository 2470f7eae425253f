//! Series against the built-in Exchange: whole, occurrence by occurrence, and cut in the middle.

use crate::script::*;
use crate::sim::*;
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime};
use ews_adapter::EwsRemote;
use exchange_sim::{DEFAULT_PASSWORD, Seed};
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{Body, BodyKind, Event, Occurrence, Recurrence, Rule, Timing};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, Fetched, Remote, Stamp, Write, WriteOp, Written};

pub type Wanted = BTreeMap<NaiveDate, Occurrence>;

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A time by Berlin's clocks.
fn berlin(text: &str) -> i64 {
    let wall: NaiveDateTime = text.parse().unwrap();
    items::zone::to_instant("Europe/Berlin", wall).unwrap()
}

/// An event from ten to half past ten in Berlin.
fn at_ten(day: &str) -> Event {
    let start = berlin(&format!("{day}T10:00:00"));
    let zone = Some("Europe/Berlin".to_owned());
    let timing =
        Timing::Timed { start, end: start + 1800, start_zone: zone.clone(), end_zone: zone };
    Event { timing: Some(timing), ..timed() }
}

fn recurring(event: Event, pattern: Pattern, end: End) -> Event {
    Event { recurrence: Some(Recurrence::Rule(Rule { pattern, end })), ..event }
}

/// Every Monday at ten, `count` times from 1 February 2027 on.
pub fn mondays(count: u32) -> Event {
    let days = BTreeSet::from([Weekday::Monday]);
    let pattern = Pattern::Weekly { interval: 1, days, first_day: Weekday::Monday };
    recurring(at_ten("2027-02-01"), pattern, End::Count(count))
}

/// Every day at ten, `count` times from 1 February 2027 on.
fn daily(count: u32) -> Event {
    recurring(at_ten("2027-02-01"), Pattern::Daily { interval: 1 }, End::Count(count))
}

pub fn named(subject: &str) -> Occurrence {
    let own = Event { subject: Some(subject.into()), ..Event::default() };
    Occurrence::Changed(Box::new(own))
}

/// An occurrence that is moved to some time in Berlin.
pub fn moved(to: &str) -> Occurrence {
    let start = berlin(to);
    let zone = Some("W. Europe Standard Time".to_owned());
    let timing =
        Timing::Timed { start, end: start + 3600, start_zone: zone.clone(), end_zone: zone };
    Occurrence::Changed(Box::new(Event { timing: Some(timing), ..Event::default() }))
}

pub fn set(occurrences: &[(&str, Occurrence)]) -> Wanted {
    occurrences.iter().map(|(day, occurrence)| (date(day), occurrence.clone())).collect()
}

pub fn with(series: &Event, occurrences: Wanted) -> Event {
    Event { occurrences: Some(occurrences), ..series.clone() }
}

pub fn late(item: &Written, occurrences: &Wanted) -> WriteOp {
    let patch = Event { occurrences: Some(occurrences.clone()), ..Event::default() };
    update(item, &patch)
}

fn update(item: &Written, patch: &Event) -> WriteOp {
    WriteOp::Update {
        id: item.id.clone(),
        if_match: item.version.clone(),
        patch: patch.to_canonical(),
    }
}

/// What stands there, with the version and stamp that it stands in.
pub async fn standing(world: &World, id: &RemoteId) -> (Event, Option<Version>, Option<Stamp>) {
    let sighted = world.found(id).await;
    (event_of(&sighted), sighted.rendition.version.clone(), sighted.stamp.clone())
}

pub async fn current(world: &World, id: &RemoteId) -> Written {
    Written { id: id.clone(), version: standing(world, id).await.1 }
}

/// Gives a series occurrences, which it must have then, and returns its new version.
pub async fn give(
    world: &World,
    n: u64,
    item: &Written,
    series: &Event,
    wanted: &Wanted,
) -> Written {
    let written = world.write(n, late(item, wanted)).await.unwrap();
    let (event, version, stamped) = standing(world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&with(series, wanted.clone())), "{event:#?}");
    assert_eq!(written, Written { id: item.id.clone(), version });
    assert_eq!(stamped, Some(stamp(n)));
    written
}

fn patterns() -> Vec<(Pattern, &'static str)> {
    use Weekday::{Friday, Monday, Saturday, Sunday, Wednesday};
    let days = |days: &[Weekday]| days.iter().copied().collect::<BTreeSet<_>>();
    let weekly = |interval, on: &[Weekday], first_day| Pattern::Weekly {
        interval,
        days: days(on),
        first_day,
    };
    vec![
        (Pattern::Daily { interval: 3 }, "2027-02-01"),
        (weekly(1, &[Monday, Wednesday, Friday], Monday), "2027-02-03"),
        (weekly(2, &[Sunday, Monday], Sunday), "2027-02-01"),
        (weekly(2, &[Sunday, Monday], Monday), "2027-02-01"),
        (Pattern::AbsoluteMonthly { interval: 2, day: 31 }, "2027-03-31"),
        (
            Pattern::RelativeMonthly { interval: 1, index: Index::Last, days: days(&[Friday]) },
            "2027-02-26",
        ),
        (
            Pattern::RelativeMonthly {
                interval: 5,
                index: Index::Second,
                days: days(&[Saturday, Sunday]),
            },
            "2027-02-07",
        ),
        (Pattern::AbsoluteYearly { interval: 1, month: 2, day: 29 }, "2028-02-29"),
        (Pattern::AbsoluteYearly { interval: 4, month: 2, day: 29 }, "2028-02-29"),
        (
            Pattern::RelativeYearly {
                interval: 1,
                month: 11,
                index: Index::Fourth,
                days: days(&[Weekday::Thursday]),
            },
            "2027-11-25",
        ),
    ]
}

#[tokio::test]
async fn series_come_back_as_they_were_written() {
    let world = World::new(Seed::Empty).await;
    let mut series = Vec::new();
    for (pattern, first) in patterns() {
        for end in [End::Never, End::On(date("2030-11-28")), End::Count(4)] {
            series.push(recurring(at_ten(first), pattern.clone(), end));
            for zone in ["Europe/Berlin", "Pacific/Auckland", "America/New_York", "UTC"] {
                let (start, zone) = (date(first), Some(zone.to_owned()));
                let timing = Timing::AllDay { start, end: start + Days::new(1), zone };
                let whole_days = Event { timing: Some(timing), ..timed() };
                series.push(recurring(whole_days, pattern.clone(), end));
            }
        }
    }
    let writes: Vec<_> = (1..)
        .zip(&mut series)
        .map(|(n, event)| {
            event.uid = Some(format!("u{n}@x"));
            let op = WriteOp::Create { content: event.to_canonical() };
            Write { folder: world.calendar.clone(), stamp: stamp(n), op }
        })
        .collect();
    let written = world.remote.write(&writes).await;
    let ids: Vec<_> = written.into_iter().map(|written| written.unwrap().id).collect();
    let fetched = world.remote.fetch(&world.calendar, &ids).await.unwrap();
    for (event, fetched) in series.iter().zip(fetched) {
        let Fetched::Found(sighted) = fetched else { panic!("{fetched:?} {event:#?}") };
        let read = event_of(&sighted);
        assert_eq!(meaning(&read), meaning(event), "{read:#?} {event:#?}");
    }
    validate(&world.wire.take());
    world.nobody_was_mailed();
}

#[tokio::test]
async fn occurrences_are_deleted_changed_and_changed_back() {
    let world = World::new(Seed::Empty).await;
    // Over a change of the clocks.
    let series = mondays(12);
    let mut item = world.create(1, &series).await.unwrap();
    let body = Body { kind: BodyKind::Text, content: "Nur heute".into() };
    let own = Event {
        body: Some(body),
        location: Some(String::new()),
        categories: Some(vec!["Gelb".into()]),
        reminder: Some(items::Reminder::Off),
        ..Event::default()
    };
    let bare = Event {
        subject: Some(String::new()),
        body: Some(Body::default()),
        location: Some(" ".into()),
        categories: Some(vec![]),
        ..Event::default()
    };
    let mut wanted = set(&[
        ("2027-02-01", named("Auftakt")),
        ("2027-02-08", Occurrence::Deleted),
        ("2027-03-29", moved("2027-03-30T23:30:00")),
        ("2027-04-05", Occurrence::Deleted),
        ("2027-04-12", Occurrence::Changed(Box::new(own))),
        ("2027-04-19", Occurrence::Changed(Box::new(bare))),
    ]);
    item = give(&world, 2, &item, &series, &wanted).await;

    // One more is deleted, one is another now, one is as it was.
    wanted.insert(date("2027-03-29"), Occurrence::Deleted);
    wanted.insert(date("2027-02-01"), moved("2027-02-01T08:00:00"));
    wanted.remove(&date("2027-04-12"));
    let requests = world.wire.take();
    assert!(!requests.iter().any(|r| r.contains("DeleteItemField")), "it would mean the series'");
    validate(&requests);
    item = give(&world, 3, &item, &series, &wanted).await;

    // Nothing of it is to be written: only the stamp is.
    world.wire.take();
    let same = give(&world, 4, &item, &series, &wanted).await;
    assert_ne!(same.version, item.version);
    let requests = world.wire.take();
    assert!(!requests.iter().any(|r| r.contains("OccurrenceItemId")), "{requests:#?}");

    // A change of the series goes to its occurrences, as far as they have none of their own.
    let patch = Event { location: Some("Raum 2".into()), ..Event::default() };
    item = world.write(5, update(&same, &patch)).await.unwrap();
    let series = Event { location: patch.location, ..series };
    let (event, version, _) = standing(&world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&with(&series, wanted)), "{event:#?}");
    assert_eq!(item.version, version);
    world.nobody_was_mailed();
}

#[tokio::test]
async fn days_are_named_by_the_clocks_of_the_series() {
    let world = World::new(Seed::Empty).await;
    // Late in the evening it is the next day in UTC; early in the morning the day before.
    for (n, zone, clock) in
        [(1, "America/Los_Angeles", "23:30:00"), (4, "Pacific/Auckland", "00:15:00")]
    {
        let wall: NaiveDateTime = format!("2027-03-08T{clock}").parse().unwrap();
        let start = items::zone::to_instant(zone, wall).unwrap();
        let zone = Some(zone.to_owned());
        let timing =
            Timing::Timed { start, end: start + 600, start_zone: zone.clone(), end_zone: zone };
        let event = Event { uid: Some(format!("u{n}")), timing: Some(timing), ..timed() };
        let series = recurring(event, Pattern::Daily { interval: 1 }, End::Count(60));
        let item = world.create(n, &series).await.unwrap();
        let wanted = set(&[
            ("2027-03-13", Occurrence::Deleted),
            ("2027-03-14", named("Umstellung")),
            ("2027-04-04", named("Umstellung")),
            ("2027-04-05", Occurrence::Deleted),
        ]);
        give(&world, n + 1, &item, &series, &wanted).await;
    }
    // And those that last whole days by their dates.
    for (n, zone) in [(7, "America/Los_Angeles"), (9, "Pacific/Auckland")] {
        let (start, end) = (date("2027-03-08"), date("2027-03-09"));
        let timing = Timing::AllDay { start, end, zone: Some(zone.to_owned()) };
        let event = Event { uid: Some(format!("u{n}")), timing: Some(timing), ..timed() };
        let series = recurring(event, Pattern::Daily { interval: 2 }, End::Count(20));
        let item = world.create(n, &series).await.unwrap();
        let wanted = set(&[("2027-03-14", named("x")), ("2027-04-07", Occurrence::Deleted)]);
        give(&world, n + 1, &item, &series, &wanted).await;
    }
}

#[tokio::test]
async fn requests_are_as_many_as_there_are_changes() {
    let world = World::new(Seed::Empty).await;
    let series = daily(500);
    let item = world.create(1, &series).await.unwrap();
    let mut wanted = set(&[("2027-06-01", named("x")), ("2028-01-01", named("y"))]);
    let item = give(&world, 2, &item, &series, &wanted).await;

    world.wire.take();
    world.found(&item.id).await;
    assert_eq!(world.wire.take().len(), 2, "the series and its exceptions");

    wanted.insert(date("2027-08-01"), named("z"));
    world.wire.take();
    let item = world.write(3, late(&item, &wanted)).await.unwrap();
    assert_eq!(world.wire.take().len(), 4, "two reads, the occurrence, the stamp");

    // Deletions go together, and are looked at before the stamp says that they arrived.
    let deleted = |day: u64| (date("2027-02-10") + Days::new(day), Occurrence::Deleted);
    wanted.extend((0..60).map(deleted));
    world.write(4, late(&item, &wanted)).await.unwrap();
    let requests = world.wire.take();
    let of = |operation: &str| requests.iter().filter(|r| r.contains(operation)).count();
    assert_eq!((of("<m:DeleteItem "), of("<m:UpdateItem "), of("<m:GetItem>")), (2, 1, 4));

    // Many series are read together, too.
    for n in 10..30 {
        let event = Event { uid: Some(format!("u{n}")), ..mondays(5) };
        let item = world.create(n, &event).await.unwrap();
        let own = set(&[("2027-02-08", named("x")), ("2027-02-15", named("y"))]);
        world.write(n, late(&item, &own)).await.unwrap();
    }
    let (there, _, _) = world.pull(None).await;
    assert_eq!(there.len(), 21, "occurrences are no items of their own");
    world.wire.take();
    let ids: Vec<_> = there.into_keys().collect();
    let fetched = world.remote.fetch(&world.calendar, &ids).await.unwrap();
    assert!(fetched.iter().all(|fetched| matches!(fetched, Fetched::Found(_))));
    assert_eq!(world.wire.take().len(), 2);
}

#[tokio::test]
async fn what_cannot_be_applied_any_more_is_skipped() {
    let world = World::new(Seed::Empty).await;
    let series = mondays(4);
    let item = world.create(1, &series).await.unwrap();
    let standing = set(&[("2027-02-08", Occurrence::Deleted)]);
    let item = give(&world, 2, &item, &series, &standing).await;
    // Deleted for good; no date of the series; after its end.
    let wanted = set(&[
        ("2027-02-08", named("again")),
        ("2027-02-09", named("Tuesday")),
        ("2027-02-16", Occurrence::Deleted),
        ("2027-03-01", Occurrence::Deleted),
        ("2027-02-15", named("x")),
    ]);
    let written = world.write(3, late(&item, &wanted)).await.unwrap();
    let there = set(&[("2027-02-08", Occurrence::Deleted), ("2027-02-15", named("x"))]);
    let (event, ..) = self::standing(&world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&with(&series, there)));
    assert_eq!(written.version, None, "the next run is to look at it");

    // What recurs no more has no occurrences.
    let once = Event { recurrence: Some(Recurrence::Once), ..Event::default() };
    let item = world.write(4, update(&written, &once)).await.unwrap();
    let item = world.write(5, late(&item, &wanted)).await.unwrap();
    let (event, _, stamped) = self::standing(&world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&with(&at_ten("2027-02-01"), Wanted::new())));
    assert_eq!((item.version, stamped), (None, Some(stamp(5))));
}

#[tokio::test]
async fn occurrences_make_room_for_each_other() {
    let world = World::new(Seed::Empty).await;
    let series = daily(6);
    let item = world.create(1, &series).await.unwrap();
    // The first can go only when the second has gone.
    let mut wanted = set(&[
        ("2027-02-03", moved("2027-02-04T09:00:00")),
        ("2027-02-04", moved("2027-02-05T09:00:00")),
        ("2027-02-05", Occurrence::Deleted),
    ]);
    let item = give(&world, 2, &item, &series, &wanted).await;

    // This one never can; the others are written all the same, and so something happened.
    wanted.insert(date("2027-02-01"), moved("2027-02-02T09:00:00"));
    wanted.insert(date("2027-02-06"), named("last"));
    let partly = world.write(3, late(&item, &wanted)).await;
    assert!(matches!(partly, Err(Failure::Stale(_))), "{partly:?}");
    let item = current(&world, &item.id).await;
    let refused = world.write(3, late(&item, &wanted)).await;
    let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
    assert_eq!(trouble.code, "occurrence-crosses-neighbour");
    assert!(trouble.detail.contains("2027-02-01"), "{trouble}");
    wanted.remove(&date("2027-02-01"));
    let (event, _, stamped) = standing(&world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&with(&series, wanted)));
    assert_eq!(stamped, Some(stamp(2)));

    // A series keeps at least one.
    let all = (0..6).map(|day| (date("2027-02-01") + Days::new(day), Occurrence::Deleted));
    let all: Wanted = all.collect();
    for is_refused in [false, true] {
        let now = current(&world, &item.id).await;
        let refused = world.write(4, late(&now, &all)).await;
        assert_eq!(matches!(refused, Err(Failure::Permanent(_))), is_refused, "{refused:?}");
        assert_eq!(matches!(refused, Err(Failure::Stale(_))), !is_refused, "{refused:?}");
    }
}

#[tokio::test]
async fn a_series_is_written_with_the_start_that_it_has() {
    let world = World::new(Seed::Empty).await;
    let once = Event { recurrence: Some(Recurrence::Once), ..mondays(1) };
    let item = world.create(1, &once).await.unwrap();

    // The recurrence alone: the range starts with the start that stands there.
    let series = daily(9);
    let patch = Event { recurrence: series.recurrence.clone(), ..Event::default() };
    let emptied = Event { occurrences: Some(Wanted::new()), ..patch };
    let item = world.write(2, update(&item, &emptied)).await.unwrap();
    let (event, version, _) = standing(&world, &item.id).await;
    assert_eq!(meaning(&event), meaning(&series), "{event:#?}");
    assert_eq!(item.version, version);
    let wanted = set(&[("2027-02-03", named("x")), ("2027-02-04", Occurrence::Deleted)]);
    let item = give(&world, 3, &item, &series, &wanted).await;

    // The times alone: the range starts with the new start.
    let timing = at_ten("2027-02-05").timing;
    let patch = Event { timing, occurrences: Some(Wanted::new()), ..Event::default() };
    let item = world.write(4, update(&item, &patch)).await.unwrap();
    let (event, ..) = standing(&world, &item.id).await;
    let series = Event { timing: patch.timing, ..series };
    assert_eq!(meaning(&event), meaning(&series), "{event:#?}");

    // Both, of an item that isn't the one expected any more.
    let old = Written { version: Some("EQAAABYAAAA=".into()), ..item.clone() };
    for patch in [
        Event { timing: series.timing.clone(), ..Event::default() },
        Event { recurrence: series.recurrence.clone(), ..Event::default() },
    ] {
        let stale = world.write(5, update(&old, &patch)).await;
        assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
    }
    validate(&world.wire.take());
}

#[tokio::test]
async fn what_exchange_cannot_tell_is_refused() {
    let world = World::new(Seed::Empty).await;
    let rrule = vec!["RRULE:FREQ=HOURLY".to_owned()];
    let other = Event { recurrence: Some(Recurrence::Other(rrule)), ..mondays(3) };
    let first = at_ten("2027-02-01");
    let rare = Pattern::AbsoluteYearly { interval: 9, month: 2, day: 1 };
    let mut nowhere = mondays(3);
    if let Some(Timing::Timed { start_zone, end_zone, .. }) = &mut nowhere.timing {
        *start_zone = Some("Antarctica/Troll".into());
        end_zone.clone_from(start_zone);
    }
    let cases = [other.clone(), recurring(first, rare, End::Never), nowhere];
    for (n, event) in (1..).zip(&cases) {
        let refused = world.create(n, event).await;
        let Err(Failure::Permanent(trouble)) = refused else { panic!("{refused:?}") };
        assert_eq!(trouble.code, "recurrence-inexpressible");
    }
    let item = world.create(9, &mondays(3)).await.unwrap();
    let patch = Event { recurrence: other.recurrence, ..Event::default() };
    let refused = world.write(10, update(&item, &patch)).await;
    assert!(matches!(refused, Err(Failure::Permanent(_))), "{refused:?}");
}

#[tokio::test]
async fn the_window_has_every_series_that_reaches_into_it() {
    let world = World::new(Seed::Empty).await;
    let start = |text| berlin(text);
    let window = (start("2027-03-01T00:00:00"), start("2027-04-01T00:00:00"));
    let config = ews_adapter::Config { window: Some(window), ..config_of(DEFAULT_PASSWORD) };
    let sim = std::sync::Arc::new(exchange_sim::SimTransport::new(world.sim.clone()));
    let remote = EwsRemote::new(config, sim, digester());
    let pattern = Pattern::Daily { interval: 1 };
    for (n, end, inside) in [
        (1, End::Never, true),
        (2, End::Count(10), false),
        (3, End::Count(40), true),
        (4, End::On(date("2027-02-20")), false),
        (5, End::On(date("2027-03-02")), true),
    ] {
        let event = Event { uid: Some(format!("u{n}")), ..at_ten("2027-02-01") };
        let item = world.create(n, &recurring(event, pattern.clone(), end)).await.unwrap();
        let fetched = remote.fetch(&world.calendar, &[item.id]).await.unwrap().remove(0);
        assert_eq!(matches!(fetched, Fetched::Found(_)), inside, "{end:?}");
        assert_eq!(fetched == Fetched::Outside, !inside, "{end:?}");
    }
    // Its last occurrence was moved into it.
    let event = Event { uid: Some("u6".into()), ..at_ten("2027-02-01") };
    let item = world.create(6, &recurring(event, pattern, End::Count(3))).await.unwrap();
    let wanted = set(&[("2027-02-03", moved("2027-03-03T10:00:00"))]);
    let item = world.write(7, late(&item, &wanted)).await.unwrap();
    let fetched = remote.fetch(&world.calendar, &[item.id]).await.unwrap().remove(0);
    assert!(matches!(fetched, Fetched::Found(_)), "{fetched:?}");
}

#[tokio::test]
async fn random_sets_of_occurrences_follow_each_other() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let world = World::new(Seed::Empty).await;
    for round in 0..12 {
        let series = Event { uid: Some(format!("r{round}")), ..daily(20) };
        let mut item = world.create(round * 10 + 1, &series).await.unwrap();
        let mut wanted = Wanted::new();
        for n in 2..6 {
            for _ in 0..random(6) {
                let day = date("2027-02-01") + Days::new(random(20));
                let deleted = wanted.get(&day) == Some(&Occurrence::Deleted);
                match random(4) {
                    _ if deleted => {}
                    0 if day.day() > 1 => drop(wanted.insert(day, Occurrence::Deleted)),
                    1 => drop(wanted.remove(&day)),
                    2 => drop(wanted.insert(day, named(&format!("n{}", random(9))))),
                    _ => drop(wanted.insert(day, moved(&format!("{day}T{:02}:00:00", random(22))))),
                }
            }
            item = give(&world, round * 10 + n, &item, &series, &wanted).await;
        }
    }
    world.nobody_was_mailed();
    let requests = world.wire.take();
    validate(&requests[..requests.len().min(150)]);
}
