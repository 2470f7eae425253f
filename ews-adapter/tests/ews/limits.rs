//! What Exchange doesn't take, and what it takes only if it is told.

use crate::script::*;
use crate::series::mondays;
use crate::sim::*;
use exchange_sim::Seed;
use items::{Event, Reminder, ShowAs, Timing};
use sync_core::port::{Failure, Remote, Write, WriteOp};

const YEAR_SECONDS: i64 = 366 * 24 * 3600;

fn lasting(seconds: i64) -> Event {
    in_zone(seconds, Some("Europe/Berlin"))
}

fn in_zone(seconds: i64, zone: Option<&str>) -> Event {
    let zone = zone.map(str::to_owned);
    let (start, end_zone) = (1_800_000_000, zone.clone());
    let timing = Timing::Timed { start, end: start + seconds, start_zone: zone, end_zone };
    Event { uid: None, timing: Some(timing), ..timed() }
}

fn in_zone_nobody_knows(series: Event) -> Event {
    let Some(Timing::Timed { start, end, .. }) = series.timing else { panic!() };
    let zone = Some("Customized Time Zone".to_owned());
    let timing = Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone };
    Event { timing: Some(timing), ..series }
}

/// Creates all of these with one call, one of them well-formed; which is made, and why not.
async fn codes(world: &World, events: &[Event]) -> Vec<String> {
    let write = |(n, event): (u64, &Event)| Write {
        folder: world.calendar.clone(),
        stamp: stamp(n),
        op: WriteOp::Create { content: event.to_canonical() },
    };
    let writes: Vec<_> = (1..).zip(events).map(write).collect();
    let mut codes = Vec::new();
    for (written, event) in world.remote.write(&writes).await.into_iter().zip(events) {
        codes.push(match written {
            Ok(written) => {
                let read = event_of(&*world.found(&written.id).await);
                assert_eq!(meaning(&read), meaning(event), "{read:#?}");
                "written".to_owned()
            }
            Err(Failure::Permanent(trouble)) => {
                assert!(!trouble.detail.is_empty());
                trouble.code
            }
            Err(other) => panic!("{other:?}"),
        });
    }
    codes
}

#[tokio::test]
async fn what_exchange_does_not_take_is_told_of_each_item_and_the_rest_goes_on() {
    let world = World::new(Seed::Empty).await;
    let categories = (0..300).map(|n| format!("Category {n}")).collect();
    let events = [
        Event { subject: Some("x".repeat(5000)), ..lasting(3600) },
        Event { categories: Some(categories), ..lasting(3600) },
        lasting(-3600),
        lasting(60 * YEAR_SECONDS),
        lasting(4 * YEAR_SECONDS),
        lasting(0),
        Event { uid: Some("s1@x".into()), ..in_zone_nobody_knows(mondays(3)) },
        lasting(3600),
    ];
    assert_eq!(
        codes(&world, &events).await,
        [
            "subject-too-long",
            "written",
            "ErrorCalendarEndDateIsEarlierThanStartDate",
            "ErrorCalendarDurationIsTooLong",
            "written",
            "written",
            "recurrence-inexpressible",
            "written",
        ]
    );
    assert_eq!(world.pull(None).await.0.len(), 4);
    world.nobody_was_mailed();
}

#[tokio::test]
async fn an_event_in_a_zone_that_nobody_knows_keeps_its_instants() {
    let world = World::new(Seed::Empty).await;
    let event = in_zone_nobody_knows(lasting(3600));
    let written = world.create(1, &event).await.unwrap();
    let read = event_of(&*world.found(&written.id).await);
    let Some(Timing::Timed { start, end, .. }) = read.timing else { panic!("{read:?}") };
    assert_eq!((start, end), (1_800_000_000, 1_800_003_600));
}

#[tokio::test]
async fn no_reminder_is_none_and_not_the_servers_default() {
    let world = World::new(Seed::Empty).await;
    for (n, reminder, expected) in [
        (1, None, Reminder::Off),
        (2, Some(Reminder::Off), Reminder::Off),
        (3, Some(Reminder::Before(0)), Reminder::Before(0)),
        (4, Some(Reminder::Before(15)), Reminder::Before(15)),
    ] {
        let written = world.create(n, &Event { reminder, ..lasting(3600) }).await.unwrap();
        let read = event_of(&*world.found(&written.id).await);
        assert_eq!(read.reminder, Some(expected));
        // An update that says nothing of it leaves it alone.
        let patch = Event { subject: Some("x".into()), ..Event::default() }.to_canonical();
        let op = WriteOp::Update { id: written.id.clone(), if_match: None, patch };
        world.write(n + 10, op).await.unwrap();
        let read = event_of(&*world.found(&written.id).await);
        assert_eq!(read.reminder, Some(expected));
    }
}

#[tokio::test]
async fn who_works_elsewhere_does_so_there_too() {
    let world = World::new(Seed::Empty).await;
    let event = Event { show_as: Some(ShowAs::WorkingElsewhere), ..lasting(3600) };
    assert_eq!(codes(&world, &[event]).await, ["written"]);
    // Exchange 2010 doesn't know the word; it refuses the version that every request names.
    let version = "RequestServerVersion Version=\"Exchange2013_SP1\"";
    assert!(world.wire.take().iter().all(|request| request.contains(version)));
}
