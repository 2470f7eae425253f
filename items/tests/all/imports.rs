//! Files cut into events, put over what is stored, and put together again.

use crate::events::{self, told};
use items::ical::{Item, Joiner, put, read, split, write};
use items::{Body, Event, Importance, Recurrence, Reminder, Response, Sensitivity, ShowAs, Timing};
use proptest::prelude::*;

const STAMP: i64 = 1_795_600_000;
const LATER: i64 = 1_795_700_000;

/// The one event of a file.
fn one(text: &str) -> Item {
    let split = split(text.as_bytes(), STAMP);
    assert_eq!(split.items.len(), 1, "{split:?}\n{text}");
    split.items.into_iter().next().expect("just counted")
}

/// What is stored of it.
fn kept(item: &Item) -> String {
    put(None, item, LATER).expect("there was nothing before")
}

fn vevent(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1@example.test\r\nDTSTART:20261125T080000Z\r\n\
         {lines}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

#[test]
fn a_file_is_cut_into_its_events() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:16010101T000000\n\
        TZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
    let file = format!(
        "BEGIN:VCALENDAR\nMETHOD:PUBLISH\nX-WR-CALNAME:Mine\n{zone}{}\
        BEGIN:VTODO\nUID:t\nEND:VTODO\n\
        BEGIN:VEVENT\nUID:a\nRECURRENCE-ID;TZID=Europe/Berlin:20261202T090000\nDTSTART;TZID=Europe/Berlin:20261202T100000\nX-B:2\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:b\nDTSTART:20261125T080000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:a\nDTSTART;TZID=Europe/Berlin:20261125T090000\nRRULE:FREQ=WEEKLY\nX-A:1\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:gone\nRECURRENCE-ID:20261202T090000Z\nDTSTART:20261202T100000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:b\nRECURRENCE-ID:20261202T090000Z\nDTSTART:20261202T100000Z\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:never\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:back\nDTSTART:20261202T100000Z\nDTEND:20261202T090000Z\nEND:VEVENT\n\
        END:VCALENDAR\n",
        zone.replace("Europe/Berlin", "Unused")
    );
    let split = split(file.as_bytes(), STAMP);
    let uids: Vec<&str> = split.items.iter().map(|item| item.uid.as_str()).collect();
    assert_eq!(uids, ["b", "a"]);
    let mut aside: Vec<(usize, &str)> =
        split.set_aside.iter().map(|w| (w.line, w.text.as_str())).collect();
    aside.sort_unstable();
    let without = "an occurrence without its series";
    let lines = file.lines().enumerate().filter(|(_, line)| line.starts_with("BEGIN:VEVENT"));
    let at: Vec<usize> = lines.map(|(n, _)| n + 1).collect();
    let expected = [
        (at[0] - 3, "VTODO is not an event"),
        (at[3], without),
        (at[4], without),
        (at[5], "an event without a start that can be read"),
        (at[6], "an event that ends before it begins"),
    ];
    assert_eq!(aside, expected);
    let series = &split.items[1];
    assert!(series.event.is_series());
    for kept in [
        "X-A:1",
        "X-B:2",
        "TZID:Europe/Berlin",
        "RRULE:FREQ=WEEKLY",
        "DTSTART;TZID=Europe/Berlin:20261125",
    ] {
        assert!(series.text.contains(kept), "{kept} is not in:\n{}", series.text);
    }
    for left in ["METHOD", "CALNAME", "Unused", "VTODO"] {
        assert!(!series.text.contains(left), "{left} is in:\n{}", series.text);
    }
    assert!(!split.items[0].text.contains("VTIMEZONE"));
    assert_eq!(read(series.text.as_bytes()).events, std::slice::from_ref(&series.event));
}

#[test]
fn files_of_all_kinds() {
    let event = "BEGIN:VEVENT\nUID:1\nDTSTART:20261125T080000Z\nEND:VEVENT\n";
    let calendar = format!("BEGIN:VCALENDAR\n{event}END:VCALENDAR\n");
    let endless = calendar.replace("END:VCALENDAR\n", "");
    for (text, is_calendar, events) in [
        (String::new(), false, 0),
        ("Dear all, the calendar is attached: see below.".to_owned(), false, 0),
        ("BEGIN:VCALENDAR\nEND:VCALENDAR\n".to_owned(), true, 0),
        (event.to_owned(), true, 1),
        (calendar.clone(), true, 1),
        (calendar.repeat(20), true, 20),
        (endless.repeat(20), true, 20),
        (endless.replace("END:VEVENT\n", "").repeat(20), true, 20),
        (event.replace("END:VEVENT\n", "").repeat(3), true, 3),
        (calendar.replace('\n', "\r"), true, 1),
        (format!("\u{feff}\n\n{}", calendar.to_lowercase()), true, 1),
    ] {
        let split = split(text.as_bytes(), STAMP);
        assert_eq!((split.is_calendar, split.items.len()), (is_calendar, events), "{text}");
    }
}

#[test]
fn an_event_without_a_uid_is_known_again() {
    let text = vevent("SUMMARY:x\r\n");
    for uid in ["", "UID:\r\n"] {
        let item = one(&text.replace("UID:1@example.test\r\n", uid));
        assert_eq!(item.event.uid, None);
        assert!(item.uid.ends_with("@no-uid.evensync.invalid"), "{}", item.uid);
        let again = one(&item.text);
        assert_eq!((again.uid, again.text), (item.uid.clone(), item.text.clone()));
        assert_eq!(put(Some(&kept(&item)), &item, LATER), None);
    }
}

#[test]
fn times_take_the_zone_of_their_calendar_with_them() {
    let text = "BEGIN:VCALENDAR\nX-WR-TIMEZONE:Europe/Berlin\nBEGIN:VEVENT\nUID:1\n\
        DTSTART:20261125T090000\nDTEND:20261125T100000\nRRULE:FREQ=WEEKLY\n\
        EXDATE:20261202T090000\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:1\nRECURRENCE-ID:20261209T090000\nDTSTART:20261209T110000\n\
        DTEND:20261209T120000\nEND:VEVENT\nEND:VCALENDAR\n";
    let item = one(text);
    assert!(!item.text.contains("X-WR-TIMEZONE"), "{}", item.text);
    assert_eq!(read(item.text.as_bytes()).events, read(text.as_bytes()).events);
}

#[test]
fn what_a_file_says_counts_and_the_rest_stays() {
    let stored = one(&vevent(
        "SUMMARY:Old\r\nLOCATION:Room 1\r\nX-A:1\r\nX-A:2\r\nX-B:1\r\nATTENDEE:mailto:a@b.test\r\n",
    ));
    let new = one(&vevent("SUMMARY:New\r\nX-A:3\r\nX-C:1\r\nATTENDEE:mailto:a@b.test\r\n"));
    let text = put(Some(&kept(&stored)), &new, LATER).expect("a change");
    for kept in ["SUMMARY:New", "LOCATION:Room 1", "X-A:3", "X-B:1", "X-C:1", "DTSTAMP:20261126T"] {
        assert!(text.contains(kept), "{kept} is not in:\n{text}");
    }
    for gone in ["SUMMARY:Old", "X-A:1", "X-A:2"] {
        assert!(!text.contains(gone), "{gone} is in:\n{text}");
    }
    assert_eq!(text.matches("ATTENDEE").count(), 1);
    assert_eq!(put(Some(&text), &new, LATER + 1), None);
    let emptied = one(&vevent("SUMMARY:New\r\nLOCATION:\r\n"));
    let text = put(Some(&text), &emptied, LATER).expect("a change");
    assert_eq!(one(&text).event.location.as_deref(), Some(""));
}

/// A field that a copy doesn't hold is never brought up to date.
#[test]
fn what_a_new_event_leaves_out_has_the_value_of_the_standard() {
    let event = one(&kept(&one(&vevent("")))).event;
    let expected = Event {
        uid: Some("1@example.test".to_owned()),
        subject: Some(String::new()),
        body: Some(Body::default()),
        location: Some(String::new()),
        timing: event.timing.clone(),
        recurrence: Some(Recurrence::Once),
        occurrences: None,
        categories: Some(vec![]),
        reminder: Some(Reminder::Off),
        show_as: Some(ShowAs::Busy),
        sensitivity: Some(Sensitivity::Normal),
        importance: Some(Importance::Normal),
        // Nobody is invited and nothing attached without a word.
        meeting: None,
        attendees: None,
        attachments: None,
    };
    assert_eq!(event, expected);
}

#[test]
fn a_series_becomes_an_event_and_one_again() {
    let event = one(&vevent("SUMMARY:x\r\n"));
    let series = one(&vevent("SUMMARY:x\r\nRRULE:FREQ=DAILY\r\nEXDATE:20261126T080000Z\r\n"));
    let text = put(Some(&kept(&series)), &event, LATER).expect("a change");
    assert_eq!(one(&text).event.recurrence, Some(Recurrence::Once), "{text}");
    assert_eq!(put(Some(&text), &event, LATER), None);
    let text = put(Some(&text), &series, LATER).expect("a change");
    let again = one(&text).event;
    assert_eq!(again.recurrence, series.event.recurrence, "{text}");
    assert_eq!(again.occurrences, series.event.occurrences, "{text}");
    assert_eq!(put(Some(&text), &series, LATER), None);
}

#[test]
fn lines_of_occurrences_are_kept_too() {
    let changed = |more: &str| {
        vevent("RRULE:FREQ=DAILY\r\n").replace(
            "END:VCALENDAR",
            &format!(
                "BEGIN:VEVENT\r\nUID:1@example.test\r\nRECURRENCE-ID:20261127T080000Z\r\n\
                 DTSTART:20261127T090000Z\r\n{more}END:VEVENT\r\nEND:VCALENDAR"
            ),
        )
    };
    let plain = one(&vevent("RRULE:FREQ=DAILY\r\n"));
    let item = one(&changed("X-A:1\r\n"));
    let text = put(Some(&kept(&plain)), &item, LATER).expect("a change");
    assert!(text.contains("X-A:1"), "{text}");
    assert_eq!(put(Some(&text), &item, LATER), None);
    let text = put(Some(&text), &one(&changed("X-A:2\r\n")), LATER).expect("a change");
    assert!(text.contains("X-A:2") && !text.contains("X-A:1"), "{text}");
    assert_eq!(put(Some("no event"), &item, LATER), put(None, &item, LATER));
}

#[test]
fn zones_of_one_name_that_differ_are_kept_apart() {
    let with = |uid: &str, offset: &str| {
        one(&format!(
            "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Here\nBEGIN:STANDARD\n\
             DTSTART:16010101T000000\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\nEND:STANDARD\n\
             END:VTIMEZONE\nBEGIN:VEVENT\nUID:{uid}\nDTSTART;TZID=Here:20261125T090000\n\
             END:VEVENT\nEND:VCALENDAR\n"
        ))
    };
    let items = [with("a", "+0100"), with("b", "+0100"), with("c", "+0500")];
    let text = joined(&items);
    assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 2, "{text}");
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 2, "{text}");
    let again = split(text.as_bytes(), STAMP).items;
    let events = |items: &[Item]| items.iter().map(|item| item.event.clone()).collect::<Vec<_>>();
    assert_eq!(events(&again), events(&items));
}

#[test]
fn known_zones_are_defined_once_for_all_years() {
    let at = |uid: &str, year: &str, more: &str| {
        let lines = format!("DTSTART;TZID=Europe/Berlin:{year}0725T090000\r\n{more}");
        let text = vevent(&lines).replace("DTSTART:20261125T080000Z\r\n", "");
        one(&text.replace("UID:1@example.test", &format!("UID:{uid}")))
    };
    let text = joined(&[at("a", "2020", ""), at("b", "2024", "RRULE:FREQ=YEARLY\r\n")]);
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    for year in 2019..=2055 {
        assert!(text.contains(&format!("DTSTART:{year}03")), "{year}\n{text}");
    }
}

fn joined(items: &[Item]) -> String {
    let mut joiner = Joiner::default();
    let events: String =
        items.iter().map(|item| joiner.add(&item.text, Some(&item.event))).collect();
    format!("{}{events}{}", joiner.head(), joiner.tail())
}

fn any_event() -> BoxedStrategy<Event> {
    let possible = |event: &Event| match &event.timing {
        None => false,
        Some(Timing::Timed { start, end, .. }) => start <= end,
        Some(Timing::AllDay { .. }) => true,
    };
    // Boxed: two of them in one test are more than its stack holds.
    let any = prop_oneof![events::event().boxed(), events::series().boxed()];
    any.prop_filter("an event that can take place", possible).boxed()
}

/// What the store holds of it.
fn stored(event: &Event) -> Option<Item> {
    split(write(event, STAMP).as_bytes(), STAMP).items.into_iter().next()
}

proptest! {
    // Each case writes and reads several events several times.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_cut_as_it_is(event in any_event()) {
        let text = write(&event, STAMP);
        let split = split(text.as_bytes(), 0);
        if let [item] = &split.items[..] {
            prop_assert_eq!(&item.text, &text);
            prop_assert_eq!(told(&item.event), told(&event));
            prop_assert_eq!(put(Some(&kept(item)), item, LATER), None, "{}", kept(item));
        } else {
            // Years that four digits can't tell.
            prop_assert_eq!(split.set_aside.len(), 1, "{}", text);
        }
    }

    #[test]
    fn what_was_put_is_there(old in any_event(), new in any_event()) {
        let (Some(old), Some(new)) = (stored(&old), stored(&new)) else { return Ok(()) };
        let old = kept(&old);
        let text = put(Some(&old), &new, LATER).unwrap_or(old.clone());
        prop_assert_eq!(put(Some(&text), &new, LATER + 1), None, "{}\n{}\n{}", old, new.text, text);
        let read = read(text.as_bytes()).events;
        prop_assert_eq!(read.len(), 1);
        // STATUS alone says nothing of who invited.
        let invited = new.event.meeting.as_ref().is_none_or(|meeting| {
            meeting.organizer.is_some() || meeting.response != Response::None
        });
        for field in new.event.present_fields() {
            if field.as_str() != "occurrences" && (invited || field.as_str() != "meeting") {
                let field = std::collections::BTreeSet::from([field]);
                prop_assert_eq!(told(&read[0].only(&field)), told(&new.event.only(&field)), "{}", text);
            }
        }
    }

    #[test]
    fn joined_events_are_the_same(events in prop::collection::vec(any_event(), 0..6)) {
        let mut items: Vec<Item> = events.iter().filter_map(stored).collect();
        let mut uids = std::collections::BTreeSet::new();
        items.retain(|item| uids.insert(item.uid.clone()));
        for item in &mut items {
            item.text = kept(item);
            item.event = one(&item.text).event;
        }
        let text = joined(&items);
        let mut again = split(text.as_bytes(), LATER).items;
        again.sort_by(|a, b| a.uid.cmp(&b.uid));
        items.sort_by(|a, b| a.uid.cmp(&b.uid));
        prop_assert_eq!(again.len(), items.len());
        for (item, again) in items.iter().zip(&again) {
            prop_assert_eq!(told(&item.event), told(&again.event), "{}", text);
            prop_assert_eq!(put(Some(&item.text), again, LATER), None, "{}\n{}", item.text, again.text);
        }
    }

    #[test]
    fn no_bytes_panic(text in "((BEGIN|END|UID|DTSTART|RECURRENCE-ID|RRULE|EXDATE|X)[:;A-Z=]{0,9}(VCALENDAR|VEVENT|VTIMEZONE|20261125T|FREQ=DAILY|[0-9]{1,9}){0,3}\n){0,30}") {
        for item in split(text.as_bytes(), STAMP).items {
            let over = put(Some(&kept(&item)), &item, LATER);
            prop_assert!(over.is_none(), "{}\n{:?}", item.text, over);
            joined(&[item]);
        }
    }
}
