//! Series by the clocks of their zones: over the changes of the clocks, and where only a definition
//! tells them.

use crate::series::{calendar, changed, occurrences, one, patched, subject, warnings};
use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use items::recurrence::{End, Pattern};
use items::{Event, Recurrence, Rule, Timing, zone};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// A calendar whose zone `Here` has these parts, each with its offsets.
fn defined(parts: &[(&str, &str, &str, &str)], events: &[&str]) -> String {
    let parts = parts.iter().map(|(kind, from, to, lines)| {
        format!("BEGIN:{kind}\nTZOFFSETFROM:{from}\nTZOFFSETTO:{to}\n{lines}\nEND:{kind}\n")
    });
    let zone = format!("BEGIN:VTIMEZONE\nTZID:Here\n{}END:VTIMEZONE\n", parts.collect::<String>());
    calendar(events).replacen("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"), 1)
}

const SUMMER: (&str, &str, &str, &str) = (
    "DAYLIGHT",
    "+0100",
    "+0200",
    "DTSTART:19700329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
);
const WINTER: (&str, &str, &str, &str) = (
    "STANDARD",
    "+0200",
    "+0100",
    "DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
);

#[test]
fn series_go_by_the_zone_that_keeps_the_clocks_of_a_definition() {
    let master = "UID:1\nDTSTART;TZID=Here:20261125T080000\nDTEND;TZID=Here:20261125T090000\n\
        RRULE:FREQ=DAILY\nEXDATE;TZID=Here:20270705T080000";
    let moved = "UID:1\nRECURRENCE-ID;TZID=Here:20270706T080000\n\
        DTSTART;TZID=Here:20270706T100000\nDTEND;TZID=Here:20270706T110000";
    let text = defined(&[SUMMER, WINTER], &[master, moved]);
    let event = one(&text);
    assert!(matches!(event.recurrence, Some(Recurrence::Rule(_))), "{event:?}");
    assert_eq!(event.zones().0.as_deref(), Some("Europe/Berlin"));
    let expected = [("2027-07-05".to_owned(), None), changed("2027-07-06", &["timing"])];
    assert_eq!(occurrences(&event), expected);
    assert_eq!(warnings(&text), Vec::<String>::new());
    // What stands there in the words of the file stays there in them.
    let written = patched(&text, subject("y"));
    assert!(written.contains("DTSTART;TZID=Here:20261125T080000"), "{written}");
    assert_eq!(one(&written), Event { subject: Some("y".into()), ..event });
}

#[test]
fn definitions_that_no_zone_keeps_are_no_zone() {
    let master = "UID:1\nDTSTART;TZID=Here:20261125T080000\nRRULE:FREQ=DAILY";
    let zone = |parts: &[(&str, &str, &str, &str)], master: &str| {
        let event = one(&defined(parts, &[master]));
        let known = matches!(event.recurrence, Some(Recurrence::Rule(_)));
        known.then(|| event.zones().0.expect("a zone"))
    };
    let with = |lines| [SUMMER, (WINTER.0, WINTER.1, WINTER.2, lines)];
    for (lines, expected) in [
        (WINTER.3, Some("Europe/Berlin")),
        (
            "DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31",
            Some("Europe/Berlin"),
        ),
        // Another day, another hour, a rule that nobody reads, and nonsense.
        ("DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU", None),
        ("DTSTART:19701025T050000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", None),
        // Without it summer lasts.
        ("DTSTART:19701025T030000", Some("Africa/Johannesburg")),
        ("DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;BYWEEKNO=43", None),
        ("DTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=13;BYDAY=-9SU", None),
        ("DTSTART:soon", None),
    ] {
        assert_eq!(zone(&with(lines), master).as_deref(), expected, "{lines}");
    }
    // Changes that stand there one by one are right as long as the series goes on.
    let listed = [
        ("STANDARD", "+0100", "+0100", "DTSTART:20260101T000000"),
        ("DAYLIGHT", "+0100", "+0200", "DTSTART:20260329T020000\nRDATE:20270328T020000"),
        ("STANDARD", "+0200", "+0100", "DTSTART:20261025T030000\nRDATE:20271031T030000"),
    ];
    assert_eq!(zone(&listed, master), None);
    let until = format!("{master};UNTIL=20271130T070000Z");
    assert_eq!(zone(&listed, &until).as_deref(), Some("Europe/Berlin"));
}

/// A daily series that starts at `wall` in a zone.
fn daily(zone: &str, wall: NaiveDateTime, minutes: i64) -> Event {
    let start = zone::to_instant(zone, wall).expect("a known zone");
    let end = zone::to_instant(zone, wall + TimeDelta::minutes(minutes)).expect("a known zone");
    let zone = Some(zone.to_owned());
    let rule = Rule { pattern: Pattern::Daily { interval: 1 }, end: End::Never };
    Event {
        timing: Some(Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone }),
        recurrence: Some(Recurrence::Rule(rule)),
        ..Event::default()
    }
}

#[test]
fn every_zone_is_known_by_its_definition() {
    let ids: BTreeSet<_> =
        chrono_tz::TZ_VARIANTS.iter().filter_map(|tz| zone::windows(tz.name())).collect();
    let first = NaiveDate::from_ymd_opt(2026, 11, 25).expect("a date");
    let nine = first.and_hms_opt(9, 0, 0).expect("a time");
    for id in ids {
        let text = items::ical::write(&daily(id, nine, 30), 1_795_600_000);
        let Some(zone) = text.lines().find_map(|line| line.strip_prefix("TZID:")) else {
            assert_eq!(zone::iana(id), Some("UTC"), "{text}");
            continue;
        };
        let text = text.replace(&format!("TZID:{zone}"), "TZID:Here");
        let text = text.replace(&format!("TZID={zone}"), "TZID=Here");
        let found = one(&text).zones().0.expect("a zone");
        assert_ne!(found, "Here", "{id}\n{text}");
        let noons =
            first.iter_days().take(30 * 366).step_by(5).map(|day| day.and_time(NaiveTime::MIN));
        for at in noons.map(|noon| noon.and_utc().timestamp() + 12 * 3600) {
            let offset = zone::offset_seconds;
            assert_eq!(offset(&found, at), offset(id, at), "{id} as {found} at {at}");
        }
    }
}

/// Zones whose clocks are changed, of both hemispheres, by half an hour and around midnight, too;
/// those that chrono-tz knows as they are until 2099.
const ZONES: [Tz; 12] = [
    Tz::Europe__Berlin,
    Tz::Europe__London,
    Tz::America__New_York,
    Tz::America__Los_Angeles,
    Tz::America__St_Johns,
    Tz::America__Santiago,
    Tz::Africa__Cairo,
    Tz::Asia__Beirut,
    Tz::Australia__Sydney,
    Tz::Australia__Lord_Howe,
    Tz::Pacific__Auckland,
    Tz::Pacific__Chatham,
];

/// When a zone's clocks show `wall`, as chrono has it: the first time, and by the offset before
/// where they skip it.
fn instant(tz: Tz, wall: NaiveDateTime) -> i64 {
    match tz.from_local_datetime(&wall).earliest() {
        Some(at) => at.timestamp(),
        None => {
            let before = wall - TimeDelta::hours(3);
            let earlier = tz.from_local_datetime(&before).earliest().expect("no gap is that long");
            earlier.timestamp() + 3 * 3600
        }
    }
}

proptest! {
    #[test]
    fn no_definition_panics(
        start in "(0001|1601|1970|2026|9999)(01|03|10|12)(01|29|31)T[0-2]00000",
        offsets in ("[+-](00|01|14|99)[0-9]{2}", "[+-](00|01|14|99)[0-9]{2}"),
        rule in "(RRULE:FREQ=YEARLY(;BYMONTH=(-1|[1-9]|13))?(;BYDAY=(-?[0-9]{0,4})(SU|€|MO))?\\
            (;BYMONTHDAY=(-1|8,14|[0-9]{1,11}))?(;UNTIL=(00010101T000000Z|20301027T010000Z|99991231))?)?\\
            (\nRDATE:(20270101T000000,|99991231T235959|20270101|soon))?",
        first in "(0001|1969|2026|9999)1231T235959",
    ) {
        let part = ("DAYLIGHT", offsets.0.as_str(), offsets.1.as_str(), &*format!("DTSTART:{start}\n{rule}"));
        let master = format!("UID:1\nDTSTART;TZID=Here:{first}\nRRULE:FREQ=DAILY");
        let event = one(&defined(&[part, WINTER], &[&master]));
        let _ = items::meaning::of(&event);
    }

    #[test]
    fn occurrences_are_where_their_clocks_say(
        tz in proptest::sample::select(ZONES.to_vec()),
        first in 0..20_000_u64,
        later in 0..5_000_u64,
        at in 0..1_440_i64,
        minutes in 0..3_000_i64,
    ) {
        let day = |days| NaiveDate::from_ymd_opt(2020, 1, 1).expect("a date") + Days::new(days);
        let time = TimeDelta::minutes(at);
        let wall = |days| day(days).and_time(NaiveTime::MIN) + time;
        let series = daily(tz.name(), wall(first), minutes);
        let date = day(first + later);
        prop_assume!(date.year() < 2099);
        let Some(Timing::Timed { start, end, .. }) = series.timing_on(date) else {
            return Err(TestCaseError::fail("no occurrence"));
        };
        // A first occurrence that the clocks skip starts as much later, and so do all.
        let own = series.first_wall().expect("a start");
        let skipped = own - wall(first);
        let last = zone::to_wall(tz.name(), match &series.timing {
            Some(Timing::Timed { end, .. }) => *end,
            Some(Timing::AllDay { .. }) | None => return Err(TestCaseError::fail("no times")),
        });
        let from = wall(first + later) + skipped;
        prop_assert_eq!(start, instant(tz, from));
        prop_assert_eq!(end, instant(tz, from + (last.expect("an end") - own)));
        prop_assert_eq!(series.date_of(&series.timing_on(date).expect("one")), Some(date));
    }
}
