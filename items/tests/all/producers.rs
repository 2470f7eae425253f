//! Files as the common programs write them, reduced to what is peculiar to each: Outlook, Google
//! Calendar, Apple Calendar, Thunderbird, and the calendar part of a message from Exchange.

use chrono::NaiveDate;
use items::ical::{Item, put, split};
use items::recurrence::{End, Pattern};
use items::{BodyKind, Event, Occurrence, Recurrence, Reminder, Sensitivity, ShowAs, Timing};

const STAMP: i64 = 1_795_600_000;
/// 2026-11-25, 08:00 UTC.
const EIGHT: i64 = 1_795_593_600;
const HOUR: i64 = 3600;

/// The events of a file of which all is understood; what is stored of them is known again, with the
/// lines of `kept`.
#[track_caller]
fn events(file: impl AsRef<[u8]>, kept: &[&str]) -> Vec<Event> {
    let split = split(file.as_ref(), STAMP);
    assert_eq!((&split.warnings[..], &split.set_aside[..]), (&[][..], &[][..]));
    let stored: Vec<String> = split.items.iter().filter_map(|i| put(None, i, STAMP)).collect();
    let unfolded = stored.concat().replace("\r\n ", "");
    for line in kept {
        assert!(unfolded.contains(&format!("\r\n{line}\r\n")), "{line} is not in:\n{unfolded}");
    }
    for (item, text) in split.items.iter().zip(&stored) {
        assert_eq!(put(Some(text), item, STAMP + 1), None, "{text}");
    }
    split.items.into_iter().map(|Item { event, .. }| event).collect()
}

fn timed(start: i64, end: i64, zone: Option<&str>) -> Option<Timing> {
    let zone = zone.map(str::to_owned);
    Some(Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone })
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn outlook() {
    let zone = Some("W. Europe Standard Time");
    let [event] = &events(
        OUTLOOK,
        &[
            "X-MICROSOFT-DISALLOW-COUNTER:FALSE",
            "ATTENDEE;CN=\"Doe, Jane\";RSVP=TRUE:mailto:jane@contoso.example",
            "DTSTART;TZID=\"W. Europe Standard Time\":20261125T090000",
        ],
    )[..] else {
        panic!("one event");
    };
    assert_eq!(event.timing, timed(EIGHT, EIGHT + HOUR, zone));
    assert_eq!(event.subject.as_deref(), Some("Budget, second reading"));
    let body = event.body.as_ref().expect("a body");
    assert_eq!(body.kind, BodyKind::Html);
    assert!(body.content.starts_with("<!DOCTYPE HTML") && body.content.ends_with("</HTML>"));
    assert_eq!(event.show_as, Some(ShowAs::OutOfOffice));
    assert_eq!(event.reminder, Some(Reminder::Before(15)));
    assert_eq!(event.categories.as_deref(), Some(&["Red Category".to_owned()][..]));
}

#[test]
fn google() {
    let found = events(GOOGLE, &["STATUS:CONFIRMED", "X-GOOGLE-CONFERENCE:https://meet.example/a"]);
    let [lunch, series, holiday] = &found[..] else { panic!("three events: {found:?}") };
    assert_eq!(lunch.timing, timed(EIGHT, EIGHT + HOUR, None));
    assert_eq!(lunch.show_as, Some(ShowAs::Busy));
    assert_eq!(series.timing, timed(EIGHT, EIGHT + HOUR, Some("Europe/Berlin")));
    let Some(Recurrence::Rule(rule)) = &series.recurrence else { panic!("{series:?}") };
    assert!(matches!(rule.pattern, Pattern::Weekly { interval: 1, .. }));
    // UNTIL is the last second of the day before, in Berlin.
    assert_eq!(rule.end, End::On(day("2027-01-19")));
    let occurrences = series.occurrences.clone().expect("a series");
    assert_eq!(occurrences[&day("2026-12-02")], Occurrence::Deleted);
    let Occurrence::Changed(own) = &occurrences[&day("2026-12-09")] else { panic!("changed") };
    assert_eq!(own.subject.as_deref(), Some("Weekly, moved"));
    let start = EIGHT + 14 * 24 * HOUR + 2 * HOUR;
    assert_eq!(own.timing, timed(start, start + HOUR, Some("Europe/Berlin")));
    let days = Timing::AllDay { start: day("2026-12-24"), end: day("2026-12-27"), zone: None };
    assert_eq!((holiday.timing.clone(), holiday.show_as), (Some(days), Some(ShowAs::Free)));
}

#[test]
fn apple() {
    let [event] = &events(
        APPLE,
        &[
            "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=\"Platz 1\\n10178 Berlin\";X-APPLE-RADIUS=70.58;X-TITLE=\"Büro, 3. OG\":geo:52.52,13.41",
            "ACKNOWLEDGED:20261125T074500Z",
            "TRIGGER;VALUE=DATE-TIME:19760401T005545Z",
            "X-APPLE-CREATOR-IDENTITY:com.apple.mobilecal",
        ],
    )[..] else {
        panic!("one event");
    };
    assert_eq!(event.timing, timed(EIGHT, EIGHT + HOUR, Some("Europe/Berlin")));
    assert_eq!(event.location.as_deref(), Some("Büro, 3. OG\nPlatz 1, 10178 Berlin"));
    // Its mark that there is no default alarm is no alarm.
    assert_eq!(event.reminder, Some(Reminder::Before(30)));
}

#[test]
fn thunderbird() {
    let [event] = &events(
        THUNDERBIRD,
        &["X-MOZ-GENERATION:3", "X-MOZ-LASTACK:20261124T101500Z", "DURATION:PT1H"],
    )[..] else {
        panic!("one event");
    };
    let zone = Some("/mozilla.org/20050126_1/Europe/Berlin");
    assert_eq!(event.timing, timed(EIGHT, EIGHT + HOUR, zone));
    assert_eq!(event.sensitivity, Some(Sensitivity::Confidential));
    let categories = event.categories.clone().expect("categories");
    assert_eq!(categories, ["Travel, abroad", "Work"]);
    let Some(Recurrence::Rule(rule)) = &event.recurrence else { panic!("{event:?}") };
    assert_eq!(rule.end, End::Count(5));
}

/// Exchange leaves out the last END where a message holds the calendar.
#[test]
fn exchange() {
    let split = split(EXCHANGE.as_bytes(), STAMP);
    let warnings: Vec<&str> = split.warnings.iter().map(|w| w.text.as_str()).collect();
    assert_eq!(warnings, ["VCALENDAR has no END"]);
    let [Item { event, text, .. }] = &split.items[..] else { panic!("{split:?}") };
    let zone = Some("W. Europe Standard Time");
    assert_eq!(event.timing, timed(EIGHT, EIGHT + HOUR, zone));
    assert_eq!(event.subject.as_deref(), Some("Besprechung"));
    assert_eq!(event.show_as, Some(ShowAs::Tentative));
    assert_eq!(event.reminder, Some(Reminder::Before(15)));
    assert!(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"), "{text}");
    for kept in ["X-MICROSOFT-CDO-OWNERAPPTID:2113478", "SUMMARY;LANGUAGE=de-DE:Besprechung"] {
        assert!(text.contains(kept), "{kept} is not in:\n{text}");
    }
    assert!(!text.contains("METHOD:"), "{text}");
}

/// The same event, however its bytes are laid out.
#[test]
fn bytes_of_all_layouts() {
    let whole = OUTLOOK.replace('\n', "\r\n");
    let expected = events(&whole, &[]);
    let marked = ["\u{feff}", OUTLOOK].concat();
    let carriage = OUTLOOK.replace('\n', "\r");
    let blank = OUTLOOK.replace('\n', "\n\n");
    let lower = OUTLOOK.replace("BEGIN:VEVENT", "begin:vevent").replace("SUMMARY", "Summary");
    for file in [OUTLOOK, &marked, &carriage, &lower] {
        assert_eq!(events(file, &[]), expected);
    }
    // A blank line ends what is folded, so this one has none that is.
    let unfolded = OUTLOOK.replace("\n ", "").replace("\n\t", "");
    assert_eq!(events(blank.replace("\n\n ", "").replace("\n\n\t", ""), &[]), expected);
    assert_eq!(events(unfolded, &[]), expected);
}

/// Lines are folded after so many bytes, wherever in a letter that is.
#[test]
fn letters_that_are_folded_in_the_middle() {
    let subject = "Größenübersicht – 😀 für alle";
    let line = format!("SUMMARY:{subject}");
    let folded: Vec<u8> = line.bytes().flat_map(|byte| [byte, b'\r', b'\n', b' ']).collect();
    let file = [
        b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261125T080000Z\r\n",
        &folded[..folded.len() - 1],
        b"END:VEVENT\r\nEND:VCALENDAR\r\n",
    ];
    assert_eq!(events(file.concat(), &[])[0].subject.as_deref(), Some(subject));
}

/// Windows ids, display names and IANA names mean their zones where the file defines none.
#[test]
fn zones_without_a_definition() {
    for (parameter, zone) in [
        (";TZID=\"W. Europe Standard Time\"", "W. Europe Standard Time"),
        (";TZID=W. Europe Standard Time", "W. Europe Standard Time"),
        (";TZID=Europe/Berlin", "Europe/Berlin"),
        (
            ";TZID=\"(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna\"",
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
        ),
    ] {
        let file = format!(
            "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nDTSTART{parameter}:20261125T090000\n\
             DTEND{parameter}:20261125T100000\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        assert_eq!(events(file, &[])[0].timing, timed(EIGHT, EIGHT + HOUR, Some(zone)));
    }
}

/// A parser that has nothing in common with ours reads the same.
#[test]
fn another_parser_agrees() {
    use calcard::icalendar::{ICalendar, ICalendarComponentType, ICalendarProperty as Property};
    let whole = format!("{EXCHANGE}END:VCALENDAR\n");
    for file in [OUTLOOK, GOOGLE, APPLE, THUNDERBIRD, &whole] {
        let theirs = ICalendar::parse(file).expect("iCalendar");
        let events = theirs.components.iter().filter(|component| {
            component.component_type == ICalendarComponentType::VEvent
                && !component.has_property(&Property::RecurrenceId)
        });
        let theirs: Vec<_> = events
            .map(|event| {
                let value = |property| Some(event.property(&property)?.values.first()?.clone());
                let text = |property| Some(value(property)?.as_text()?.to_owned());
                let start = value(Property::Dtstart).expect("a start");
                let start = start.as_partial_date_time().expect("a date or time");
                let start = (start.year, start.month, start.day, start.hour.unwrap_or(0));
                (text(Property::Uid), text(Property::Summary), text(Property::Location), start)
            })
            .collect();
        let ours = split(file.as_bytes(), STAMP).items.into_iter().map(|item| item.event);
        let ours: Vec<_> = ours
            .map(|event| {
                let start = event.first_wall().expect("a start");
                let number = |text: String| text.parse::<u16>().expect("a number");
                let [year, month, day, hour] =
                    ["%Y", "%m", "%d", "%H"].map(|f| number(start.format(f).to_string()));
                let small = |number: u16| u8::try_from(number).expect("small");
                let start = (Some(year), Some(small(month)), Some(small(day)), small(hour));
                // It has no word for an empty text.
                let location = event.location.filter(|location| !location.is_empty());
                (event.uid, event.subject, location, start)
            })
            .collect();
        assert_eq!(ours, theirs);
    }
}

const OUTLOOK: &str = "\
BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
X-MS-OLK-FORCEINSPECTOROPEN:TRUE
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ATTENDEE;CN=\"Doe, Jane\";RSVP=TRUE:mailto:jane@contoso.example
CATEGORIES:Red Category
CLASS:PUBLIC
CREATED:20261120T101500Z
DESCRIPTION:Bring the figures.\\n\\n
DTEND;TZID=\"W. Europe Standard Time\":20261125T100000
DTSTAMP:20261120T101500Z
DTSTART;TZID=\"W. Europe Standard Time\":20261125T090000
LAST-MODIFIED:20261120T101500Z
LOCATION:Room 1
PRIORITY:5
SEQUENCE:0
SUMMARY;LANGUAGE=en-gb:Budget\\, second reading
TRANSP:OPAQUE
UID:040000008200E00074C5B7101A82E00800000000B0C7F5D8E59CDC01000000000000000
\t0100000000F2E1D3C4B5A69788796A5B4C3D2E1F0
X-ALT-DESC;FMTTYPE=text/html:<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2//E
\tN\">\\n<HTML>\\n<BODY>\\n<P>Bring the figures.</P>\\n</BODY>\\n</HTML>
X-MICROSOFT-CDO-BUSYSTATUS:OOF
X-MICROSOFT-CDO-IMPORTANCE:1
X-MICROSOFT-DISALLOW-COUNTER:FALSE
BEGIN:VALARM
TRIGGER:-PT15M
ACTION:DISPLAY
DESCRIPTION:Reminder
END:VALARM
END:VEVENT
END:VCALENDAR
";

const GOOGLE: &str = "\
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:anna@contoso.example
X-WR-TIMEZONE:Europe/Berlin
BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:GMT+2
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:GMT+1
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
DTSTART:20261125T080000Z
DTEND:20261125T090000Z
DTSTAMP:20261125T110000Z
UID:0q1w2e3r4t5z6u7i8o9p@google.com
X-GOOGLE-CONFERENCE:https://meet.example/a
CREATED:20261120T101500Z
DESCRIPTION:
LAST-MODIFIED:20261120T101500Z
LOCATION:
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Lunch
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261209T110000
DTEND;TZID=Europe/Berlin:20261209T120000
DTSTAMP:20261125T110000Z
UID:a1s2d3f4g5h6j7k8l9@google.com
RECURRENCE-ID;TZID=Europe/Berlin:20261209T090000
STATUS:CONFIRMED
SUMMARY:Weekly\\, moved
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Europe/Berlin:20261125T090000
DTEND;TZID=Europe/Berlin:20261125T100000
RRULE:FREQ=WEEKLY;UNTIL=20270119T225959Z;BYDAY=WE
EXDATE;TZID=Europe/Berlin:20261202T090000
DTSTAMP:20261125T110000Z
UID:a1s2d3f4g5h6j7k8l9@google.com
STATUS:CONFIRMED
SUMMARY:Weekly
TRANSP:OPAQUE
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261227
DTSTAMP:20261125T110000Z
UID:y1x2c3v4b5n6m7@google.com
STATUS:CONFIRMED
SUMMARY:Holiday
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
";

const APPLE: &str = "\
BEGIN:VCALENDAR
CALSCALE:GREGORIAN
PRODID:-//Apple Inc.//macOS 15.6//EN
VERSION:2.0
X-APPLE-CALENDAR-COLOR:#1BADF8
X-WR-CALNAME:Work
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20261120T101500Z
DTEND;TZID=Europe/Berlin:20261125T100000
DTSTAMP:20261120T101500Z
DTSTART;TZID=Europe/Berlin:20261125T090000
LAST-MODIFIED:20261120T101500Z
LOCATION:Büro\\, 3. OG\\nPlatz 1\\, 10178 Berlin
SEQUENCE:1
SUMMARY:Begehung
TRANSP:OPAQUE
UID:7B0E2C64-3F0A-4C55-9B0D-6E1A2F3C4D5E
X-APPLE-CREATOR-IDENTITY:com.apple.mobilecal
X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=\"Platz 1\\n10178 Berlin\";
 X-APPLE-RADIUS=70.58;X-TITLE=\"Büro, 3. OG\":geo:52.52,13.41
BEGIN:VALARM
ACTION:NONE
TRIGGER;VALUE=DATE-TIME:19760401T005545Z
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
ACKNOWLEDGED:20261125T074500Z
DESCRIPTION:Reminder
TRIGGER:-PT30M
UID:1A2B3C4D-0000-4000-8000-1A2B3C4D5E6F
X-WR-ALARMUID:1A2B3C4D-0000-4000-8000-1A2B3C4D5E6F
END:VALARM
END:VEVENT
END:VCALENDAR
";

const THUNDERBIRD: &str = "\
BEGIN:VCALENDAR
PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN
VERSION:2.0
BEGIN:VTIMEZONE
TZID:/mozilla.org/20050126_1/Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20261120T101500Z
LAST-MODIFIED:20261120T101500Z
DTSTAMP:20261120T101500Z
UID:3c5a1f2e-9d7b-4e6a-8f10-2b3c4d5e6f70
SUMMARY:Reise
CLASS:CONFIDENTIAL
CATEGORIES:Travel\\, abroad,Work
RRULE:FREQ=WEEKLY;COUNT=5
DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20261125T090000
DURATION:PT1H
TRANSP:OPAQUE
X-MOZ-GENERATION:3
X-MOZ-LASTACK:20261124T101500Z
END:VEVENT
END:VCALENDAR
";

const EXCHANGE: &str = "\
BEGIN:VCALENDAR
METHOD:REQUEST
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN=Anna:mailto:anna@contoso.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Ben:mailto
 :ben@contoso.example
DESCRIPTION;LANGUAGE=de-DE:\\n
UID:040000008200E00074C5B7101A82E00800000000B0C7F5D8E59CDC01000000000000000
 0100000000F2E1D3C4B5A69788796A5B4C3D2E1F1
SUMMARY;LANGUAGE=de-DE:Besprechung
DTSTART;TZID=W. Europe Standard Time:20261125T090000
DTEND;TZID=W. Europe Standard Time:20261125T100000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20261120T101500Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
LOCATION;LANGUAGE=de-DE:Raum 1
X-MICROSOFT-CDO-APPT-SEQUENCE:0
X-MICROSOFT-CDO-OWNERAPPTID:2113478
X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE
X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY
X-MICROSOFT-CDO-ALLDAYEVENT:FALSE
X-MICROSOFT-CDO-IMPORTANCE:1
X-MICROSOFT-CDO-INSTTYPE:0
X-MICROSOFT-DISALLOW-COUNTER:FALSE
BEGIN:VALARM
DESCRIPTION:REMINDER
TRIGGER;RELATED=START:-PT15M
ACTION:DISPLAY
END:VALARM
END:VEVENT
";
