//! Series as other programs write them, and what is left of them when they are written over.

use crate::events;
use chrono::{Datelike, NaiveDate};
use items::ical::{put, read, split, write_into};
use items::recurrence::{End, Pattern};
use items::{Event, Occurrence, Recurrence, Reminder, Rule, ShowAs, Timing};
use proptest::prelude::*;

const STAMP: i64 = 1_795_600_000;

/// A calendar with these events, each of which has what `lines` says.
pub fn calendar(events: &[&str]) -> String {
    let events = events.iter().map(|lines| format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"));
    format!("BEGIN:VCALENDAR\n{}END:VCALENDAR\n", events.collect::<String>())
}

pub fn one(text: &str) -> Event {
    let mut events = read(text.as_bytes()).events;
    assert_eq!(events.len(), 1, "{text}");
    events.remove(0)
}

pub fn warnings(text: &str) -> Vec<String> {
    read(text.as_bytes()).warnings.into_iter().map(|warning| warning.text).collect()
}

/// What became of each occurrence: the names of what is its own, or none where it is deleted.
pub fn occurrences(event: &Event) -> Vec<(String, Option<Vec<String>>)> {
    let own = |occurrence: &Occurrence| match occurrence {
        Occurrence::Deleted => None,
        Occurrence::Changed(own) => {
            Some(own.present_fields().iter().map(|field| field.as_str().to_owned()).collect())
        }
    };
    let all = event.occurrences.iter().flatten();
    all.map(|(date, occurrence)| (date.to_string(), own(occurrence))).collect()
}

pub fn changed(date: &str, names: &[&str]) -> (String, Option<Vec<String>>) {
    (date.to_owned(), Some(names.iter().map(|&name| name.to_owned()).collect()))
}

fn deleted(date: &str) -> (String, Option<Vec<String>>) {
    (date.to_owned(), None)
}

/// The text once a patch is written over it.
pub fn patched(text: &str, patch: Event) -> String {
    write_into(Some(text), &patch, STAMP)
}

pub fn subject(text: &str) -> Event {
    Event { uid: Some("1".into()), subject: Some(text.into()), ..Event::default() }
}

const DAILY: &str = "UID:1\nSUMMARY:x\nDTSTART:20261125T080000Z\nDTEND:20261125T090000Z\n\
    RRULE:FREQ=DAILY";

#[test]
fn a_series_that_only_rfc_5545_can_tell_stays_as_it_stands() {
    let text = calendar(&[
        "UID:1\nSUMMARY:x\nDTSTART:20261125T080000Z\nRRULE:FREQ=HOURLY\nRDATE:20261201T083000Z\n\
         EXDATE:20261125T100000Z",
        "UID:1\nRECURRENCE-ID:20261125T110000Z\nDTSTART:20261125T111500Z\nSUMMARY:late",
        "UID:1\nRECURRENCE-ID:20261125T120000Z\nDTSTART:20261125T121500Z\nSUMMARY:later",
        "UID:1\nRECURRENCE-ID:20261201T083000Z\nDTSTART:20261201T084500Z\nSUMMARY:latest",
    ]);
    let event = one(&text);
    assert!(matches!(event.recurrence, Some(Recurrence::Other(_))));
    assert_eq!(event.occurrences, None);
    let cut = split(text.as_bytes(), STAMP);
    assert_eq!((cut.items.len(), cut.set_aside.len()), (1, 0), "{cut:?}");
    let stored = put(None, &cut.items[0], STAMP).expect("something new");
    for written in [
        patched(&text, event.clone()),
        patched(&text, subject("y")),
        patched(&text, Event { occurrences: Some([].into()), ..event }),
        stored.clone(),
        patched(&stored, subject("y")),
    ] {
        for line in ["EXDATE:20261125T100000Z", "RDATE:20261201T083000Z", "SUMMARY:late\r"] {
            assert_eq!(written.matches(line).count(), 1, "{line}\n{written}");
        }
        assert_eq!(written.matches("RECURRENCE-ID:").count(), 3, "{written}");
    }
    assert_eq!(put(Some(&stored), &cut.items[0], STAMP + 1), None);
    let fewer = text.replace("EXDATE:20261125T100000Z", "EXDATE:20261125T130000Z");
    let cut = split(fewer.replace("110000Z", "140000Z").as_bytes(), STAMP);
    let again = put(Some(&stored), &cut.items[0], STAMP).expect("a change");
    assert!(again.contains("EXDATE:20261125T130000Z") && !again.contains("T100000Z"), "{again}");
    assert_eq!(again.matches("RECURRENCE-ID:").count(), 3, "{again}");
    assert_eq!(put(Some(&again), &cut.items[0], STAMP + 1), None);
}

#[test]
fn a_series_without_a_uid_keeps_its_occurrences() {
    for uid in ["", "UID:\n"] {
        let text = calendar(&[
            &format!("{uid}{}", DAILY.replace("UID:1\n", "")),
            &format!("{uid}RECURRENCE-ID:20261126T080000Z\nDTSTART:20261126T100000Z\nSUMMARY:late"),
        ]);
        let cut = split(text.as_bytes(), STAMP);
        assert_eq!((cut.items.len(), cut.set_aside.len()), (1, 0), "{cut:?}");
        let item = &cut.items[0];
        let expected = [changed("2026-11-26", &["subject", "timing"])];
        assert_eq!(occurrences(&item.event), expected, "{text}");
        let mut written = item.text.clone();
        for turn in 0..3 {
            let moved = Event { location: Some(format!("Room {turn}")), ..one(&written) };
            written = patched(&written, moved);
            assert_eq!(written.matches("BEGIN:VEVENT").count(), 2, "{written}");
            assert_eq!(occurrences(&one(&written)), expected, "{written}");
        }
        let named = Event { uid: Some("1".into()), ..one(&text) };
        let written = patched(&text, named);
        assert_eq!(written.matches("UID:1\r").count(), 2, "{written}");
        assert_eq!(written.matches("BEGIN:VEVENT").count(), 2, "{written}");
    }
}

#[test]
fn series_whose_zone_only_the_file_knows_stay_there() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Here\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
        TZOFFSETFROM:+0917\nTZOFFSETTO:+0917\nEND:STANDARD\nEND:VTIMEZONE\n";
    let text = calendar(&[
        "UID:1\nDTSTART;TZID=Here:20261125T080000\nRRULE:FREQ=WEEKLY;BYDAY=WE",
        "UID:1\nRECURRENCE-ID;TZID=Here:20261202T080000\nDTSTART;TZID=Here:20261202T090000",
    ]);
    let text = text.replacen("BEGIN:VEVENT", &format!("{zone}BEGIN:VEVENT"), 1);
    let event = one(&text);
    assert!(matches!(event.recurrence, Some(Recurrence::Other(_))), "{event:?}");
    assert!(warnings(&text).iter().any(|text| text.contains("zone")));
    for (from, to) in [("Here", "Europe/Berlin"), (";TZID=Here", "")] {
        let text = text.replace(from, to);
        assert!(matches!(one(&text).recurrence, Some(Recurrence::Rule(_))), "{text}");
    }
    let day = text.replace(";TZID=Here:20261125T080000", ";VALUE=DATE;TZID=Here:20261125");
    assert!(matches!(one(&day).recurrence, Some(Recurrence::Rule(_))), "{day}");
}

#[test]
fn what_an_occurrence_leaves_out_is_empty() {
    let master = format!(
        "{DAILY}\nLOCATION:Room 1\nDESCRIPTION:Agenda\nTRANSP:TRANSPARENT\nCATEGORIES:Red\n\
         BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM"
    );
    let occurrence = "UID:1\nRECURRENCE-ID:20261126T080000Z\nDTSTART:20261126T080000Z\n\
        DTEND:20261126T090000Z\nSUMMARY:x";
    let text = calendar(&[&master, occurrence]);
    let event = one(&text);
    let expected =
        [changed("2026-11-26", &["body", "categories", "location", "reminder", "show-as"])];
    assert_eq!(occurrences(&event), expected);
    let day = NaiveDate::from_ymd_opt(2026, 11, 26).expect("a date");
    let Some(Occurrence::Changed(own)) = event.occurrences.as_ref().and_then(|all| all.get(&day))
    else {
        panic!("{event:?}");
    };
    assert_eq!((own.location.as_deref(), own.reminder), (Some(""), Some(Reminder::Off)));
    assert_eq!(own.show_as, Some(ShowAs::Busy));
    let written = patched(&text, event.clone());
    assert_eq!(one(&written), event, "{written}");
    let occurrence = written.rsplit("BEGIN:VEVENT").next().expect("an occurrence");
    for name in ["LOCATION", "TRANSP", "VALARM", "X-EVENSYNC"] {
        assert!(!occurrence.contains(name), "{name}\n{written}");
    }
    let written = patched(&text, subject("y"));
    let again = one(&written);
    assert_eq!(occurrences(&again), expected, "{written}");
}

#[test]
fn a_change_from_one_occurrence_on_stays_as_it_stands() {
    let range = "UID:1\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261126T080000Z\n\
        DTSTART:20261126T100000Z\nSUMMARY:from now on";
    let text = calendar(&[DAILY, range]);
    assert_eq!(occurrences(&one(&text)), []);
    assert!(warnings(&text).iter().any(|text| text.contains("from one on")));
    for written in [patched(&text, one(&text)), patched(&text, subject("y"))] {
        assert!(
            written.contains("RECURRENCE-ID;RANGE=THISANDFUTURE:20261126T080000Z"),
            "{written}"
        );
        assert!(written.contains("SUMMARY:from now on"), "{written}");
    }
    let cut = split(text.as_bytes(), STAMP);
    assert!(cut.items[0].text.contains("THISANDFUTURE") && cut.set_aside.is_empty());
    let stored = put(None, &cut.items[0], STAMP).expect("something new");
    assert!(stored.contains("THISANDFUTURE"), "{stored}");
    assert_eq!(put(Some(&stored), &cut.items[0], STAMP + 1), None);
    let once = Event { recurrence: Some(Recurrence::Once), ..subject("x") };
    assert_eq!(patched(&text, once).matches("BEGIN:VEVENT").count(), 1);
}

#[test]
fn a_cancelled_occurrence_is_deleted() {
    let cancelled = "UID:1\nRECURRENCE-ID:20261126T080000Z\nDTSTART:20261126T080000Z\n\
        STATUS:CANCELLED\nX-A:1";
    let text = calendar(&[DAILY, cancelled]);
    let event = one(&text);
    assert_eq!(occurrences(&event), [deleted("2026-11-26")]);
    let written = patched(&text, event.clone());
    assert_eq!(one(&written), event, "{written}");
    let day = NaiveDate::from_ymd_opt(2026, 11, 26).expect("a date");
    let back = Occurrence::Changed(Box::new(Event { uid: None, ..subject("back") }));
    let event = Event { occurrences: Some([(day, back)].into()), ..event };
    assert_eq!(one(&patched(&text, event.clone())), event);
}

#[test]
fn dates_that_a_series_does_not_have_are_no_occurrences() {
    let master = DAILY.replace("FREQ=DAILY", "FREQ=WEEKLY;COUNT=3");
    let master = format!("{master}\nEXDATE:20261126T080000Z,20261202T080000Z,never");
    let text = calendar(&[
        &master,
        "UID:1\nRECURRENCE-ID:20261127T080000Z\nDTSTART:20261127T100000Z\nSUMMARY:bogus",
        "UID:1\nRECURRENCE-ID:20261216T080000Z\nDTSTART:20261216T100000Z\nSUMMARY:too late",
    ]);
    assert_eq!(occurrences(&one(&text)), [deleted("2026-12-02")]);
    assert_eq!(warnings(&text).len(), 4, "{:?}", warnings(&text));
    let written = patched(&text, subject("y"));
    for kept in ["20261126T080000Z,20261202T080000Z,never", "SUMMARY:bogus", "SUMMARY:too late"] {
        assert!(written.contains(kept), "{kept}\n{written}");
    }
    // What they were must not come to life with another rule.
    let rule = Rule { pattern: Pattern::Daily { interval: 1 }, end: End::Never };
    let daily = Event { recurrence: Some(Recurrence::Rule(rule)), ..subject("x") };
    let written = patched(&text, daily);
    assert_eq!(occurrences(&one(&written)), [deleted("2026-12-02")], "{written}");
}

#[test]
fn a_patch_takes_the_occurrences_with_it() {
    let master = "UID:1\nSUMMARY:x\nDTSTART;TZID=Europe/Berlin:20261125T090000\n\
        DTEND;TZID=Europe/Berlin:20261125T100000\nRRULE:FREQ=DAILY;UNTIL=20261201T080000Z\n\
        EXDATE;TZID=Europe/Berlin:20261126T090000";
    let occurrence = "UID:1\nSUMMARY:x\nRECURRENCE-ID;TZID=Europe/Berlin:20261127T090000\n\
        DTSTART;TZID=Europe/Berlin:20261127T090000\nDTEND;TZID=Europe/Berlin:20261127T100000\n\
        LOCATION:Hall\nX-A:1";
    let text = calendar(&[master, occurrence]);
    let before = occurrences(&one(&text));
    assert_eq!(before, [deleted("2026-11-26"), changed("2026-11-27", &["location"])]);
    let written = patched(&text, subject("y"));
    assert_eq!(occurrences(&one(&written)), before, "{written}");
    assert_eq!(written.matches("SUMMARY:y").count(), 2, "{written}");
    let berlin = Some("Europe/Berlin".to_owned());
    for (start, zone) in [
        // 11:00 in Berlin; and 10:00 in Helsinki, an hour before.
        (1_795_600_800, berlin),
        (1_795_593_600, Some("FLE Standard Time".to_owned())),
    ] {
        let end = start + 3600;
        let timing = Timing::Timed { start, end, start_zone: zone.clone(), end_zone: zone };
        let later = Event { timing: Some(timing), ..Event::default() };
        let written = patched(&text, Event { uid: Some("1".into()), ..later });
        let event = one(&written);
        assert_eq!(occurrences(&event), before, "{written}");
        let last = event.recurrence.as_ref().and_then(Recurrence::rule).map(|rule| rule.end);
        let day = NaiveDate::from_ymd_opt(2026, 12, 1).expect("a date");
        assert_eq!(last, Some(End::On(day)), "{written}");
        assert_eq!(written.matches("BEGIN:VEVENT").count(), 2, "{written}");
        assert!(written.contains("X-A:1"), "{written}");
    }
    let once = Event { recurrence: Some(Recurrence::Once), ..subject("x") };
    let written = patched(&text, once);
    assert!(!written.contains("EXDATE") && !written.contains("RECURRENCE-ID"), "{written}");
}

#[test]
fn another_zone_keeps_the_lines_of_occurrences() {
    // 01:00 in Berlin is the day before in New York.
    let master = "UID:1\nDTSTART;TZID=Europe/Berlin:20261125T010000\nRRULE:FREQ=DAILY";
    let occurrence = "UID:1\nRECURRENCE-ID;TZID=Europe/Berlin:20261127T010000\n\
        DTSTART;TZID=Europe/Berlin:20261127T010000\nSUMMARY:own\nX-A:1";
    let text = calendar(&[master, occurrence]);
    let mut event = one(&text);
    let zone = Some("America/New_York".to_owned());
    // 01:00 in New York.
    let start = 1_795_586_400;
    let timing = Timing::Timed { start, end: start, start_zone: zone.clone(), end_zone: zone };
    event.timing = Some(timing);
    let written = patched(&text, event.clone());
    assert_eq!(one(&written), event, "{written}");
    assert_eq!(written.matches("X-A:1").count(), 1, "{written}");
    assert_eq!(written.matches("BEGIN:VEVENT").count(), 2, "{written}");
}

#[test]
fn zones_of_a_series_are_defined_for_its_years() {
    let rule = |end| Rule { pattern: Pattern::Daily { interval: 7 }, end };
    let timed = |start: i64, zone: &str| {
        let zone = Some(zone.to_owned());
        Timing::Timed { start, end: start + 3600, start_zone: zone.clone(), end_zone: zone }
    };
    let day = |year| NaiveDate::from_ymd_opt(year, 12, 2).expect("a date");
    let own = Event { timing: Some(timed(1_796_202_000, "America/New_York")), ..Event::default() };
    for (end, last) in [(End::Never, 2057), (End::On(day(2030)), 2031), (End::Count(9), 2057)] {
        let series = Event {
            timing: Some(timed(1_795_593_600, "Europe/Berlin")),
            recurrence: Some(Recurrence::Rule(rule(end))),
            occurrences: Some([(day(2026), Occurrence::Changed(Box::new(own.clone())))].into()),
            ..subject("x")
        };
        let text = items::ical::write(&series, STAMP);
        for zone in ["Europe/Berlin", "America/New_York"] {
            assert!(text.contains(&format!("BEGIN:VTIMEZONE\r\nTZID:{zone}")), "{text}");
        }
        assert!(text.contains(&format!("DTSTART:{last}03")), "{text}");
        assert!(!text.contains(&format!("DTSTART:{}03", last + 1)), "{text}");
        assert_eq!(one(&text), series);
    }
}

#[test]
fn of_two_components_for_one_occurrence_the_newer_counts() {
    let occurrence = |sequence: u8| {
        format!(
            "UID:1\nRECURRENCE-ID:20261126T080000Z\nDTSTART:20261126T080000Z\n\
             DTEND:20261126T090000Z\nSEQUENCE:{sequence}\nSUMMARY:{sequence}"
        )
    };
    for order in [[1, 2], [2, 1]] {
        let [first, second] = order.map(occurrence);
        let text = calendar(&[DAILY, &first, &second]);
        let event = one(&text);
        let day = NaiveDate::from_ymd_opt(2026, 11, 26).expect("a date");
        let own = event.occurrences.as_ref().and_then(|all| all.get(&day));
        let newer = Event { subject: Some("2".into()), ..Event::default() };
        assert_eq!(own, Some(&Occurrence::Changed(Box::new(newer))), "{text}");
        let written = patched(&text, event.clone());
        assert_eq!(one(&written), event);
        assert!(written.contains("SEQUENCE:2") && !written.contains("SEQUENCE:1"), "{written}");
    }
}

#[test]
fn spellings_of_dates_and_uids() {
    let days = "UID:1\nDTSTART;VALUE=DATE:20261125\nRRULE:FREQ=DAILY\n\
        EXDATE:20261126T000000\nEXDATE;TZID=America/New_York:20261127T000000\n\
        EXDATE;VALUE=DATE:20261128";
    let expected = ["2026-11-26", "2026-11-27", "2026-11-28"].map(deleted);
    assert_eq!(occurrences(&one(&calendar(&[days]))), expected);
    let text = calendar(&[
        DAILY,
        "UID: 1 \nRECURRENCE-ID:20261126T080000Z\nDTSTART:20261126T080000Z\nSUMMARY:own",
    ]);
    assert_eq!(occurrences(&one(&text)).len(), 1);
    assert_eq!(split(text.as_bytes(), STAMP).set_aside, []);
    let written = patched(&text, one(&text));
    assert_eq!(written.matches("BEGIN:VEVENT").count(), 2, "{written}");
    for uid in ["", " "] {
        let blank = Event { uid: Some(uid.into()), ..one(&text) };
        let written = items::ical::write(&blank, STAMP);
        assert_eq!(one(&written), blank, "{written}");
        assert_eq!(patched(&written, blank), written);
    }
    let for_ever = "UID:1\nDTSTART;TZID=Europe/Berlin:20261125T090000\n\
        RRULE:FREQ=DAILY;UNTIL=99991231T235959Z";
    let event = one(&calendar(&[for_ever]));
    let end = event.recurrence.as_ref().and_then(Recurrence::rule).map(|rule| rule.end);
    assert_eq!(end, Some(End::Never));
}

/// The lines of an event that has what `options` says, each chosen or not.
fn lines(options: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(options.to_vec(), 0..=options.len()).prop_map(|some| some.join("\n"))
}

/// A series and its occurrences as any program could write them.
fn foreign() -> impl Strategy<Value = String> {
    let uid = prop::sample::select(&["UID:1\n", "UID: 1\n", ""][..]);
    let start = prop::sample::select(
        &[
            "DTSTART:20261125T080000Z\nDTEND:20261125T090000Z",
            "DTSTART;TZID=Europe/Berlin:20261125T090000\nDURATION:PT1H",
            "DTSTART;TZID=Nowhere:20261125T090000",
            "DTSTART;VALUE=DATE:20261125",
            "X-WR-TIMEZONE:Europe/Berlin\nDTSTART:20261125T010000",
        ][..],
    );
    let rule = prop::sample::select(
        &[
            "RRULE:FREQ=DAILY",
            "RRULE:FREQ=DAILY;COUNT=3",
            "RRULE:FREQ=DAILY;UNTIL=20261201T080000Z",
            "RRULE:FREQ=WEEKLY;BYDAY=WE,FR",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "RRULE:FREQ=HOURLY",
            "RRULE:FREQ=DAILY\nRDATE:20261126T100000Z",
            "SUMMARY:no series",
        ][..],
    );
    let master = lines(&[
        "SUMMARY:x",
        "LOCATION:Room 1",
        "DESCRIPTION:Agenda",
        "TRANSP:TRANSPARENT",
        "EXDATE:20261126T080000Z,20261127T080000Z",
        "EXDATE;TZID=Europe/Berlin:20261126T090000",
        "EXDATE;VALUE=DATE:20261128,nonsense",
        "BEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM",
    ]);
    let id = prop::sample::select(
        &[
            "RECURRENCE-ID:20261126T080000Z",
            "RECURRENCE-ID;TZID=Europe/Berlin:20261127T090000",
            "RECURRENCE-ID;VALUE=DATE:20261128",
            "RECURRENCE-ID;RANGE=THISANDFUTURE:20261127T080000Z",
            "RECURRENCE-ID:20261202T080000Z",
            "RECURRENCE-ID:20261202T083000Z",
            "RECURRENCE-ID:never",
        ][..],
    );
    let occurrence = lines(&[
        "DTSTART:20261127T100000Z",
        "SUMMARY:own",
        "LOCATION:",
        "X-A:1",
        "SEQUENCE:2",
        "STATUS:CANCELLED",
        "BEGIN:VALARM\nTRIGGER:-PT9M\nEND:VALARM",
    ]);
    let occurrences = prop::collection::vec((id, occurrence, 0..2_usize), 0..4);
    (uid, start, rule, master, occurrences).prop_map(|(uid, start, rule, master, occurrences)| {
        let mut events = vec![format!("{uid}{start}\n{rule}\n{master}")];
        for (id, own, place) in occurrences {
            events.insert(place.min(events.len()), format!("{uid}{id}\n{own}"));
        }
        calendar(&events.iter().map(String::as_str).collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn foreign_series_stay_what_they_are(text in foreign()) {
        let event = one(&text);
        let same = patched(&text, event.clone());
        prop_assert_eq!(&one(&same), &event, "{}", same);
        prop_assert_eq!(&patched(&same, event.clone()), &same);
        let moved = Event { uid: event.uid.clone(), location: Some("y".into()), ..Event::default() };
        let moved = patched(&text, moved);
        let others = |event: &Event| {
            let mut all = occurrences(event);
            all.iter_mut().flat_map(|(_, own)| own).for_each(|own| own.retain(|n| n != "location"));
            all
        };
        prop_assert_eq!(others(&one(&moved)), others(&event), "{}\n{}", text, moved);
        let cut = split(text.as_bytes(), STAMP);
        let [item] = &cut.items[..] else { return Err(TestCaseError::fail(format!("{cut:?}"))) };
        prop_assert_eq!(&item.event, &event, "{}", item.text);
        let components = |text: &str| text.matches("BEGIN:VEVENT").count();
        let stored = put(None, item, STAMP).expect("something new");
        prop_assert_eq!(put(Some(&stored), item, STAMP + 1), None, "{}\n{}", text, stored);
        prop_assert!(components(&stored) <= components(&text), "{}", stored);
        prop_assert_eq!(one(&stored).is_series(), event.is_series(), "{}", stored);
    }

    #[test]
    fn foreign_series_over_others_are_they(old in foreign(), new in foreign()) {
        let item = |text: &str| split(text.as_bytes(), STAMP).items.remove(0);
        let (old, new) = (item(&old), item(&new));
        let stored = put(None, &old, STAMP).expect("something new");
        let Some(over) = put(Some(&stored), &new, STAMP + 60) else { return Ok(()) };
        prop_assert_eq!(put(Some(&over), &new, STAMP + 120), None, "{}\n{}", stored, over);
        let read = one(&over);
        prop_assert_eq!(&read.recurrence, &new.event.recurrence, "{}", over);
        let dates = |event: &Event| occurrences(event).into_iter().map(|(date, _)| date);
        prop_assert!(dates(&read).eq(dates(&new.event)), "{}\n{}", new.text, over);
    }

    #[test]
    fn no_rule_panics(
        rule in "FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;(BYDAY|BYMONTHDAY|BYMONTH|BYSETPOS|INTERVAL|\
            COUNT|UNTIL|BYHOUR|WKST)=(-?[0-9]{1,10}|-?[1-5]?(MO|WE|€|1€)|MO,WE|28,29,30|[0-9]{8}T|99991231T235959Z)){0,3}",
    ) {
        let text = calendar(&[&format!(
            "UID:1\nDTSTART;TZID=Europe/Berlin:20261125T090000\nRRULE:{rule}\n\
             EXDATE:20261202T080000Z,44000101T080000Z,99991231T235959Z"
        )]);
        let event = one(&text);
        let same = patched(&text, event.clone());
        prop_assert_eq!(&one(&same), &event, "{}", same);
        let digester = items::Digester::new([7; 32]);
        digester.rendition(&event, None, None);
    }

    #[test]
    fn the_last_date_is_the_last_of_all(series in events::series(), days in 0..4000_i32) {
        let Some(Recurrence::Rule(rule)) = &series.recurrence else { panic!("a series") };
        let first = series.first_date().expect("a start");
        let end = NaiveDate::from_epoch_days(first.to_epoch_days() + days).expect("a date");
        let rule = Rule { end: End::On(end), ..rule.clone() };
        prop_assert_eq!(rule.last(first), rule.dates(first).last());
        prop_assert!(rule.dates(first).all(|date| date.year() < 4500));
    }

    #[test]
    fn the_meaning_of_a_rule_has_its_dates_whenever_it_starts(
        series in events::series(),
        days in -4000..4000_i32,
    ) {
        let Some(Recurrence::Rule(rule)) = &series.recurrence else { panic!("a series") };
        let Recurrence::Rule(normal) = Recurrence::Rule(rule.clone()).normal() else {
            panic!("a rule")
        };
        let first = series.first_date().expect("a start");
        let other = NaiveDate::from_epoch_days(first.to_epoch_days() + days).expect("a date");
        // An event starts on one of its dates.
        for first in [Some(first), rule.dates(other).next()].into_iter().flatten() {
            let dates = |rule: &Rule| rule.dates(first).take(60).collect::<Vec<_>>();
            prop_assert_eq!(dates(&normal), dates(rule));
            prop_assert_eq!(dates(&rule.clone().in_years(first)), dates(rule));
        }
        let meaning = |timing: Option<Timing>| {
            items::meaning::of(&Event { timing, ..series.clone() }).recurrence
        };
        prop_assert_eq!(meaning(series.timing.clone()), meaning(None));
    }
}

#[test]
fn what_takes_place_once_says_so_by_itself() {
    let once =
        Event { recurrence: Some(Recurrence::Once), occurrences: Some([].into()), ..subject("x") };
    let text = items::ical::write(&once, STAMP);
    assert!(!text.contains("X-EVENSYNC"), "{text}");
    assert_eq!(one(&text), Event { occurrences: None, ..once });
}
