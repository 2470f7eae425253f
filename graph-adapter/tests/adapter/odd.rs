//! What people and their programs write that isn't quite an event: it is written as it is, or
//! refused by itself.

use crate::sim::{event, held, now, world};
use items::{Event, Timing};
use sync_core::port::{Failure, Remote};

const DAY_SECONDS: i64 = 86_400;

fn timed(start: i64, end: i64, zone: &str) -> Event {
    let zone = Some(zone.to_owned());
    let timing = Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone };
    Event { timing: Some(timing), ..event("Odd", start) }
}

#[tokio::test]
async fn odd_events_are_written_or_refused_one_by_one() {
    let berlin = "W. Europe Standard Time";
    let day = |text: &str| text.parse().unwrap();
    let whole = |start: &str, end: &str| {
        let timing = Timing::AllDay { start: day(start), end: day(end), zone: None };
        Event { timing: Some(timing), ..event("Odd", now()) }
    };
    let long = Event { subject: Some("ä".repeat(5_000)), ..event("", now()) };
    let many = (0..300).map(|n| format!("Category {n}")).collect();
    let many = Event { categories: Some(many), ..event("Many", now()) };
    let odd = [
        ("a long subject", long),
        ("many categories", many),
        ("an end before the start", timed(now(), now() - 3_600, berlin)),
        ("an end at the start", timed(now(), now(), berlin)),
        ("sixty years", timed(now(), now() + 60 * 365 * DAY_SECONDS, berlin)),
        ("a zone of somebody's own", timed(now(), now() + 3_600, "Customized Time Zone")),
        ("no day at all", whole("2026-12-24", "2026-12-24")),
        ("days that end before they start", whole("2026-12-24", "2026-12-20")),
        ("a year that nobody has", timed(-62_135_596_800 - DAY_SECONDS, now(), berlin)),
        ("no time at all", timed(i64::MIN, i64::MAX, berlin)),
    ];
    let world = world().await;
    let mut writes = vec![world.create("good", &event("Good", now()))];
    writes.extend(odd.iter().map(|(what, event)| world.create(what, event)));
    let codes = ["ends-before-it-starts", "time-inexpressible", "ErrorPropertyValidationFailure"];
    let mut results = world.remote.write(&writes).await;
    results.remove(0).unwrap();
    for ((what, sent), result) in odd.iter().zip(results) {
        match result {
            Ok(written) => {
                let got = held(&world.found(&written.id).await);
                let bounds = |event: &Event| event.timing.as_ref().map(items::meaning::bounds);
                assert_eq!(bounds(&got), bounds(sent), "{what}");
                assert_eq!(
                    (&got.subject, &got.categories),
                    (&sent.subject, &sent.categories),
                    "{what}"
                );
            }
            Err(Failure::Permanent(trouble)) => {
                assert!(codes.contains(&trouble.code.as_str()), "{what}: {trouble}");
            }
            Err(other) => panic!("{what}: {other:?}"),
        }
    }
}
