//! iCalendar: there and back, and whatever else is given to read.

use crate::events::{self, told};
use chrono::NaiveDate;
use items::ical::{read, write, write_into};
use items::{
    Body, BodyKind, Digester, Event, Importance, Occurrence, Recurrence, Reminder, Sensitivity,
    ShowAs, Timing,
};
use proptest::prelude::*;

const STAMP: i64 = 1_795_600_000;

fn all_told(events: &[Event]) -> Vec<Event> {
    events.iter().map(told).collect()
}

/// The one event in these lines.
fn one(lines: &str) -> Event {
    let text = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n");
    let reading = read(text.as_bytes());
    assert_eq!(reading.events.len(), 1, "{text}");
    reading.events.into_iter().next().unwrap_or_default()
}

fn lunch() -> Event {
    Event {
        uid: Some("1@example.test".into()),
        subject: Some("Lunch, with; everyone\\".into()),
        body: Some(Body { kind: BodyKind::Html, content: "<p>Bring <b>bread</b></p>\r\n".into() }),
        location: Some("Kitchen".into()),
        timing: Some(Timing::Timed {
            start: 1_795_608_000,
            end: 1_795_611_600,
            start_zone: Some("W. Europe Standard Time".into()),
            end_zone: Some("W. Europe Standard Time".into()),
        }),
        categories: Some(vec!["Food".into(), "Red, green".into()]),
        reminder: Some(Reminder::Before(15)),
        show_as: Some(ShowAs::OutOfOffice),
        sensitivity: Some(Sensitivity::Personal),
        importance: Some(Importance::High),
        recurrence: Some(Recurrence::Once),
        ..Event::default()
    }
}

#[test]
fn an_event_as_a_file() {
    let text = write(&lunch(), STAMP);
    let expected = "\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//evensync//items//EN
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:20250101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
TZNAME:CET
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20250330T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
END:DAYLIGHT
";
    assert!(text.replace("\r\n", "\n").starts_with(expected), "{text}");
    let (_, event) = text.split_once("BEGIN:VEVENT\r\n").expect("an event");
    assert_eq!(
        event.replace("\r\n", "\n"),
        "\
UID:1@example.test
DTSTAMP:20261125T094640Z
SUMMARY:Lunch\\, with\\; everyone\\\\
DESCRIPTION:Bring bread
X-ALT-DESC;FMTTYPE=text/html;X-EVENSYNC-EOL=CRLF:<p>Bring <b>bread</b></p>\\
 n
LOCATION:Kitchen
DTSTART;TZID=\"W. Europe Standard Time\":20261125T130000
DTEND;TZID=\"W. Europe Standard Time\":20261125T140000
CATEGORIES:Food,Red\\, green
TRANSP:OPAQUE
X-MICROSOFT-CDO-BUSYSTATUS:OOF
CLASS:X-PERSONAL
PRIORITY:1
X-MICROSOFT-CDO-IMPORTANCE:2
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Reminder
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"
    );
    assert_eq!(text, write(&lunch(), STAMP));
    let reading = read(text.as_bytes());
    assert_eq!((reading.events, reading.warnings), (vec![lunch()], vec![]));
}

#[test]
fn writing_over_a_file_keeps_the_rest() {
    let existing = "\
BEGIN:VCALENDAR\r
PRODID:-//Other//EN\r
VERSION:2.0\r
X-WR-CALNAME:Work\r
BEGIN:VEVENT\r
UID:1@example.test\r
DTSTAMP:20200101T000000Z\r
SUMMARY;LANGUAGE=en:Lunch\r
DTSTART;TZID=Europe/Berlin:20261125T130000\r
DURATION:PT1H\r
ATTENDEE;CN=\"Doe, Jane\":mailto:jane@example.test\r
X-COLOUR:blue\r
X-COLOUR:red\r
BEGIN:VALARM\r
ACTION:AUDIO\r
TRIGGER:-PT15M\r
END:VALARM\r
BEGIN:VALARM\r
ACTION:EMAIL\r
TRIGGER:-P1D\r
END:VALARM\r
END:VEVENT\r
BEGIN:VTODO\r
UID:2\r
END:VTODO\r
END:VCALENDAR\r
";
    let mut event = read(existing.as_bytes()).events.remove(0);
    let same = write_into(Some(existing), &event, STAMP);
    assert_eq!(same.replace("20261125T094640Z", "20200101T000000Z"), existing);
    event.location = Some("Kitchen".into());
    event.reminder = Some(Reminder::Before(5));
    let text = write_into(Some(existing), &event, STAMP);
    for kept in [
        "SUMMARY;LANGUAGE=en:Lunch",
        "DURATION:PT1H",
        "CN=\"Doe, Jane\"",
        "X-COLOUR:blue\r\nX-COLOUR:red",
        "TRIGGER:-P1D",
        "TRIGGER:-PT5M",
        "LOCATION:Kitchen",
        "BEGIN:VTODO",
        "PRODID:-//Other//EN",
    ] {
        assert!(text.contains(kept), "{kept} is not in {text}");
    }
    assert!(!text.contains("-PT15M"), "{text}");
    let again = read(text.as_bytes());
    assert_eq!(again.events.len(), 1);
    assert_eq!(again.events[0].location, event.location);
}

#[test]
fn events_stand_beside_each_other() {
    let other = Event { uid: Some("2@example.test".into()), subject: None, ..lunch() };
    let both = write_into(Some(&write(&lunch(), STAMP)), &other, STAMP);
    assert_eq!(read(both.as_bytes()).events, [lunch(), other.clone()]);
    assert_eq!(both.matches("BEGIN:VTIMEZONE").count(), 1);
    let moved = Event { location: Some("Hall".into()), ..other };
    let again = write_into(Some(&both), &moved, STAMP);
    assert_eq!(read(again.as_bytes()).events, [lunch(), moved]);
}

#[test]
fn what_was_kept_exactly_yields_to_an_edit() {
    let event = Event { subject: Some("a\rb".into()), location: Some("\u{1}".into()), ..lunch() };
    let text = write(&event, STAMP);
    assert_eq!(read(text.as_bytes()).events, [event]);
    let edited = read(text.replace("SUMMARY:a\\nb", "SUMMARY:c").as_bytes()).events.remove(0);
    assert_eq!(edited.subject.as_deref(), Some("c"));
    assert_eq!(edited.location.as_deref(), Some("\u{1}"));
}

#[test]
fn odd_files_are_read() {
    let event = "BEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\n";
    let calendar = format!("BEGIN:VCALENDAR\n{event}END:VCALENDAR\n");
    for (text, events, warnings) in [
        (calendar.clone(), 1, 0),
        (format!("\u{feff}\n \n{calendar}"), 1, 0),
        (format!("{calendar}\r\n{calendar}"), 2, 0),
        (calendar.to_lowercase(), 1, 0),
        (calendar.replace('\n', "\r"), 1, 0),
        (calendar.replace("SUMMARY", "no colon\nSUMMARY"), 1, 1),
        (calendar.replace("END:VCALENDAR\n", ""), 1, 1),
        (calendar.replace("END:VEVENT\n", ""), 1, 1),
        (calendar.replace("BEGIN:VEVENT\n", ""), 0, 1),
        (format!("{calendar}junk"), 1, 1),
        (event.to_owned(), 1, 0),
        (calendar.replace("SUMMARY:x", "RRULE:FREQ=DAILY"), 1, 1),
        (calendar.replace("SUMMARY:x", "RECURRENCE-ID:20261125"), 0, 1),
        (calendar.replace("VEVENT", "VTODO"), 0, 1),
        ("BEGIN:A\n".repeat(10_000), 0, 10_001),
        (String::new(), 0, 0),
        ("\n".to_owned(), 0, 0),
    ] {
        let reading = read(text.as_bytes());
        let counts = (reading.events.len(), reading.warnings.len());
        if text.starts_with("BEGIN:A") {
            assert_eq!(reading.events.len(), 0);
            continue;
        }
        assert_eq!(counts, (events, warnings), "{text}\n{:?}", reading.warnings);
    }
    let reading = read(b"BEGIN:VEVENT\nSUMMARY:\xfc\nEND:VEVENT");
    assert_eq!(reading.events[0].subject.as_deref(), Some("\u{fffd}"));
    assert_eq!(reading.warnings.len(), 1);
}

#[test]
fn times_of_all_kinds() {
    let timed = |start: i64, minutes: i64, zone: Option<&str>| {
        let zone = zone.map(str::to_owned);
        let end = start + 60 * minutes;
        Some(Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone })
    };
    let nine = 1_795_593_600;
    for (lines, timing) in [
        ("DTSTART:20261125T080000Z\nDTEND:20261125T090000Z", timed(nine, 60, None)),
        (
            "DTSTART;TZID=Europe/Berlin:20261125T090000\nDURATION:PT1H30M",
            timed(nine, 90, Some("Europe/Berlin")),
        ),
        (
            "DTSTART;TZID=W. Europe Standard Time:20261125T0900",
            timed(nine, 0, Some("W. Europe Standard Time")),
        ),
        (
            "DTSTART;TZID=(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna:20261125T090000",
            timed(nine, 0, Some("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna")),
        ),
        ("DTSTART:20261125T080000", timed(nine, 0, None)),
        ("DTSTART:yesterday", None),
        ("SUMMARY:no time", None),
    ] {
        assert_eq!(one(lines).timing, timing, "{lines}");
    }
    let text = "BEGIN:VCALENDAR\nX-WR-TIMEZONE:Europe/Berlin\nBEGIN:VEVENT\n\
        DTSTART:20261125T090000\nEND:VEVENT\nEND:VCALENDAR\n";
    assert_eq!(read(text.as_bytes()).events[0].timing, timed(nine, 0, Some("Europe/Berlin")));
    let days = |start, end| {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a date");
        Some(Timing::AllDay { start: day(start), end: day(end), zone: None })
    };
    for (lines, timing) in [
        ("DTSTART;VALUE=DATE:20261125", days(25, 26)),
        ("DTSTART:20261125\nDTEND:20261127", days(25, 27)),
        ("DTSTART;VALUE=DATE:20261125\nDTEND;VALUE=DATE:20261125", days(25, 26)),
        ("DTSTART;VALUE=DATE:20261125\nDURATION:P2D", days(25, 27)),
        (
            "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE\nDTSTART:20261125T000000\nDTEND:20261126T000000",
            days(25, 26),
        ),
    ] {
        assert_eq!(one(lines).timing, timing, "{lines}");
    }
}

#[test]
fn zones_that_stand_in_the_file_count() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Customized Time Zone\n\
        BEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n\
        BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE\n";
    for (wall, instant) in [
        ("20261125T090000", 1_795_593_600),
        ("20260725T090000", 1_784_962_800),
        ("20260101T090000", 1_767_254_400),
    ] {
        let text = format!(
            "BEGIN:VCALENDAR\n{zone}BEGIN:VEVENT\nDTSTART;TZID=Customized Time Zone:{wall}\n\
            END:VEVENT\nEND:VCALENDAR\n"
        );
        let reading = read(text.as_bytes());
        assert_eq!(reading.warnings, []);
        let Some(Timing::Timed { start, start_zone, .. }) = &reading.events[0].timing else {
            panic!("{reading:?}");
        };
        assert_eq!((*start, start_zone.as_deref()), (instant, Some("Customized Time Zone")));
    }
}

#[test]
fn words_of_all_kinds() {
    let alarm = |trigger: &str| {
        one(&format!(
            "DTSTART:20261125T080000Z\nDTEND:20261125T090000Z\nBEGIN:VALARM\n{trigger}\nEND:VALARM"
        ))
        .reminder
    };
    assert_eq!(alarm("TRIGGER:-P1DT2H"), Some(Reminder::Before(26 * 60)));
    assert_eq!(alarm("TRIGGER;RELATED=END:-PT90M"), Some(Reminder::Before(30)));
    assert_eq!(alarm("TRIGGER;VALUE=DATE-TIME:20261125T074500Z"), Some(Reminder::Before(15)));
    assert_eq!(alarm("TRIGGER:PT5M"), Some(Reminder::Before(-5)));
    assert_eq!(alarm("TRIGGER:P99999999999999999999D"), None);
    assert_eq!(one("TRANSP:TRANSPARENT").show_as, Some(ShowAs::Free));
    assert_eq!(one("TRANSP:OPAQUE\nSTATUS:TENTATIVE").show_as, Some(ShowAs::Tentative));
    assert_eq!(
        one("TRANSP:TRANSPARENT\nX-MICROSOFT-CDO-BUSYSTATUS:BUSY").show_as,
        Some(ShowAs::Free)
    );
    assert_eq!(one("CLASS:X-SECRET").sensitivity, Some(Sensitivity::Private));
    assert_eq!(one("PRIORITY:0\nX-MICROSOFT-CDO-IMPORTANCE:0").importance, Some(Importance::Low));
    let categories = one("CATEGORIES:a\\,b, c\nCATEGORIES:d").categories;
    assert_eq!(categories, Some(vec!["a,b".into(), "c".into(), "d".into()]));
}

proptest! {
    #[test]
    fn events_come_back_as_they_were(event in events::event()) {
        let text = write(&event, STAMP);
        let reading = read(text.as_bytes());
        prop_assert_eq!(all_told(&reading.events), [told(&event)], "{}", text);
        let digester = Digester::new([1; 32]);
        let rendition = digester.rendition(&told(&reading.events[0]), None, None);
        prop_assert_eq!(rendition, digester.rendition(&told(&event), None, None));
        prop_assert!(text.split("\r\n").all(|line| line.len() <= 75));
        prop_assert_eq!(write_into(Some(&text), &event, STAMP), text);
    }

    #[test]
    fn series_come_back_as_they_were(series in events::series()) {
        let text = write(&series, STAMP);
        let reading = read(text.as_bytes());
        prop_assert_eq!(all_told(&reading.events), [told(&series)], "{}", text);
        let digester = Digester::new([1; 32]);
        let rendition = digester.rendition(&told(&reading.events[0]), None, None);
        prop_assert_eq!(rendition, digester.rendition(&told(&series), None, None));
        prop_assert_eq!(write_into(Some(&text), &series, STAMP), text);
    }

    #[test]
    fn a_series_over_another_is_that_series(old in events::series(), new in events::series()) {
        let new = Event { uid: old.uid.clone(), ..new };
        let mut expected = old.clone();
        for field in new.present_fields() {
            expected.take(&field, &new).expect("a field");
        }
        // What an occurrence has of its own is told beside what its series has.
        let own = new.occurrences.iter().flatten().map(|(date, one)| match one {
            Occurrence::Deleted => (*date, Occurrence::Deleted),
            Occurrence::Changed(own) => {
                let whole = expected.changed_on(*date, own).expect("an occurrence");
                (*date, expected.difference(*date, &whole).expect("a difference"))
            }
        });
        expected.occurrences = Some(own.collect());
        let text = write_into(Some(&write(&old, STAMP)), &expected, STAMP);
        prop_assert_eq!(all_told(&read(text.as_bytes()).events), [told(&expected)], "{}", text);
    }

    #[test]
    fn an_event_over_another_is_that_event(old in events::event(), new in events::event()) {
        let mut expected = old.clone();
        for field in new.present_fields() {
            expected.take(&field, &new).expect("a field");
        }
        expected.uid = old.uid.clone().or(new.uid.clone());
        let text = write_into(Some(&write(&old, STAMP)), &expected, STAMP);
        prop_assert_eq!(all_told(&read(text.as_bytes()).events), [told(&expected)], "{}", text);
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn no_lines_panic(text in "((BEGIN|END|DTSTART|DTEND|DURATION|TRIGGER|RRULE|X)[:;A-Z=]{0,9}(VEVENT|VALARM|VTIMEZONE|-P9W|20261125T|[0-9]{1,9}){0,3}\n){0,30}") {
        read(text.as_bytes());
        write_into(Some(&text), &lunch(), STAMP);
    }
}
