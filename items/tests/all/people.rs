//! People and attachments in iCalendar.

use calcard::icalendar::{ICalendar, ICalendarProperty as Property};
use items::attachment::Data;
use items::ical::{
    Binary, Piece, file_digest, pieces, put, read, split, take_out, write, write_into,
};
use items::{Attachment, Attendee, Event, Meeting, Person, Response, Role};

const STAMP: i64 = 1_795_600_000;

fn file(lines: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:1\r\n\
         DTSTAMP:20261125T080000Z\r\nDTSTART:20261125T080000Z\r\nDTEND:20261125T090000Z\r\n{}\
         END:VEVENT\r\nEND:VCALENDAR\r\n",
        lines.replace('\n', "\r\n")
    )
}

fn one(lines: &str) -> Event {
    let reading = read(file(lines).as_bytes());
    assert_eq!(reading.warnings, []);
    reading.events.into_iter().next().expect("an event")
}

fn person(name: Option<&str>, address: &str) -> Person {
    Person { address: address.to_owned(), name: name.map(str::to_owned) }
}

/// As Exchange, Google and Apple write people.
const INVITED: &str = "\
ORGANIZER;CN=Alice;SENT-BY=\"mailto:s@contoso.example\":MAILTO:alice@contoso.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=\"Doe, Bob\":mailto:Bob@contoso.example
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;X-NUM-GUESTS=0:mailto:c@c.example
ATTENDEE;CUTYPE=ROOM;PARTSTAT=DECLINED;CN=Room 1:invalid:nomail
ATTENDEE;CN=Dan;EMAIL=dan@d.example;PARTSTAT=TENTATIVE:/aMTIz/principal/
STATUS:CONFIRMED
";

#[test]
fn people_of_all_producers() {
    let event = one(INVITED);
    let organizer = person(Some("Alice"), "alice@contoso.example");
    let meeting = Meeting { organizer: Some(organizer), ..Meeting::default() };
    assert_eq!(event.meeting, Some(meeting));
    let attendee = |person, role, response| Attendee { person, role, response };
    let expected = vec![
        attendee(
            person(Some("Doe, Bob"), "Bob@contoso.example"),
            Role::Required,
            Response::Accepted,
        ),
        attendee(person(None, "c@c.example"), Role::Optional, Response::None),
        attendee(person(Some("Room 1"), ""), Role::Resource, Response::Declined),
        attendee(person(Some("Dan"), "dan@d.example"), Role::Required, Response::Tentative),
    ];
    assert_eq!(event.attendees, Some(expected));
}

#[test]
fn an_organizer_without_attendees_is_nobodys() {
    let event = one("ORGANIZER:mailto:a@a.example\nSTATUS:TENTATIVE\n");
    assert_eq!((event.meeting, event.attendees), (Some(Meeting::default()), None));
    assert_eq!(one("").meeting, None);
    let cancelled = one("ORGANIZER:mailto:a@a.example\nSTATUS:Cancelled\n").meeting;
    assert_eq!(cancelled, Some(Meeting { cancelled: true, ..Meeting::default() }));
}

#[test]
fn another_parser_agrees_on_people() {
    let theirs = ICalendar::parse(file(INVITED)).expect("iCalendar");
    let event = theirs.components.iter().find(|c| c.has_property(&Property::Attendee));
    let attendees = event.expect("an event").entries.iter();
    let attendees = attendees.filter(|entry| entry.name == Property::Attendee);
    let theirs: Vec<_> = attendees
        .map(|entry| entry.calendar_address().expect("an address").to_lowercase())
        .collect();
    let ours = one(INVITED).attendees.expect("attendees").into_iter();
    let ours: Vec<_> = ours.map(|attendee| attendee.person.key()).collect();
    // It takes the value, and has no word for none.
    assert_eq!(theirs[..2], ours[..2]);
    assert_eq!(theirs.len(), ours.len());
    let written = write(&one(INVITED), STAMP);
    let again = ICalendar::parse(&written).expect("iCalendar");
    let event = again.components.iter().find(|c| c.has_property(&Property::Attendee));
    let count = event.expect("an event").entries.iter();
    assert_eq!(count.filter(|entry| entry.name == Property::Attendee).count(), 4);
}

#[test]
fn what_lines_say_besides_stays() {
    let text = file(INVITED);
    let mut event = one(INVITED);
    let same = write_into(Some(&text), &event, STAMP).replace("\r\n ", "");
    assert_eq!(same.replace("20261125T094640Z", "20261125T080000Z"), text);
    for attendee in event.attendees.iter_mut().flatten() {
        attendee.response = Response::Accepted;
    }
    let written = write_into(Some(&text), &event, STAMP).replace("\r\n ", "");
    for line in [
        "ORGANIZER;CN=Alice;SENT-BY=\"mailto:s@contoso.example\":MAILTO:alice@contoso.example",
        "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=\"Doe, Bob\":mailto:Bob@contoso.example",
        "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED;X-NUM-GUESTS=0:mailto:c@c.example",
        "STATUS:CONFIRMED",
    ] {
        assert!(written.contains(&format!("\r\n{line}\r\n")), "{line} is not in\n{written}");
    }
    assert_eq!(read(written.as_bytes()).events[0], event);
    let called_off = Meeting { cancelled: true, ..event.meeting.clone().expect("a meeting") };
    event.meeting = Some(called_off);
    let written = write_into(Some(&written), &event, STAMP);
    assert!(written.contains("STATUS:CANCELLED") && !written.contains("CONFIRMED"));
    event = Event { meeting: Some(Meeting::default()), attendees: Some(vec![]), ..event };
    let written = write_into(Some(&written), &event, STAMP);
    assert!(!["ORGANIZER", "ATTENDEE", "STATUS", "EXACT"].iter().any(|n| written.contains(n)));
}

/// A file that leaves people out takes none away.
#[test]
fn poor_producers_take_no_people_away() {
    let item = |lines: &str| split(file(lines).as_bytes(), STAMP).items.remove(0);
    let stored = put(None, &item(INVITED), STAMP).expect("new");
    let poor = put(Some(&stored), &item("SUMMARY:x\nSTATUS:CANCELLED\n"), STAMP).expect("a change");
    let event = read(poor.as_bytes()).events.remove(0);
    assert_eq!(event.attendees.as_ref().map(Vec::len), Some(4));
    let meeting = event.meeting.expect("a meeting");
    assert!(meeting.cancelled && meeting.organizer.is_some());
}

/// An answer names only who answers: as an event it would take everybody else away.
#[test]
fn answers_are_no_events() {
    for (method, events) in [("REPLY", 0), ("reply", 0), ("COUNTER", 0), ("CANCEL", 1)] {
        let text = file(INVITED).replace("METHOD:REQUEST", &format!("METHOD:{method}"));
        let split = split(text.as_bytes(), STAMP);
        assert_eq!((split.items.len(), split.set_aside.len()), (events, 1 - events), "{method}");
    }
}

#[test]
fn occurrences_of_a_cancelled_series_stay_changed_ones() {
    let lines = format!(
        "RRULE:FREQ=DAILY;COUNT=3\n{INVITED}END:VEVENT\nBEGIN:VEVENT\nUID:1\n\
         RECURRENCE-ID:20261126T080000Z\nDTSTAMP:20261125T080000Z\nDTSTART:20261126T093000Z\n\
         DTEND:20261126T100000Z\nATTENDEE;PARTSTAT=DECLINED;X-A=1:mailto:c@c.example\n"
    );
    let item = split(file(&lines).as_bytes(), STAMP).items.remove(0);
    let stored = put(None, &item, STAMP).expect("new").replace("\r\n ", "");
    assert!(stored.contains("ATTENDEE;PARTSTAT=DECLINED;X-A=1:mailto:c@c.example"), "{stored}");
    let mut event = read(stored.as_bytes()).events.remove(0);
    event.meeting = event.meeting.map(|meeting| Meeting { cancelled: true, ..meeting });
    let written = write(&event, STAMP);
    assert_eq!(read(written.as_bytes()).events, [event]);
    // To other programs an occurrence is a whole event.
    assert_eq!(written.matches("ORGANIZER").count(), 2);
}

#[test]
fn files_are_taken_out_of_a_text_and_put_back() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let lines = "\
ATTACH;FMTTYPE=text/plain;X-FILENAME=\"a b.txt\";ENCODING=BASE64;VALUE=BINARY:aGVsbG8
ATTACH;FMTTYPE=application/pdf:https://files.example/docs/plan.pdf?x=1
ATTACH:CID:part1@contoso.example
";
    let text = file(lines);
    let reading = read(text.as_bytes());
    assert_eq!(reading.warnings.len(), 1, "a part of a message is not here");
    let attachments = reading.events[0].attachments.clone().expect("attachments");
    let mut digest = file_digest();
    digest.update(b"hello");
    let hello = Data::Bytes { digest: digest.finish(), size: 5 };
    assert_eq!((attachments[0].name.as_str(), &attachments[0].data), ("a b.txt", &hello));
    assert_eq!(attachments[1].name, "plan.pdf");
    let out = take_out(&text);
    assert_eq!(out.files.into_values().collect::<Vec<_>>(), [b"hello".to_vec()]);
    assert!(!out.text.contains("BASE64"));
    let again = read(out.text.as_bytes()).events.remove(0);
    assert_eq!(again.attachments, Some(attachments.clone()));
    let mut digest = file_digest();
    digest.update(&bytes);
    let large = Attachment {
        name: "ü\"1\".bin".into(),
        media_type: Some("image/png".into()),
        content_id: Some("i@x".into()),
        inline: true,
        data: Data::Bytes { digest: digest.finish(), size: 1000 },
    };
    let event = Event { attachments: Some([attachments, vec![large]].concat()), ..again };
    let written = write_into(Some(&out.text), &event, STAMP);
    assert!(written.contains("ATTACH:CID:part1@contoso.example"), "{written}");
    let whole = whole(&written, |digest| match digest == hello_digest() {
        true => b"hello".to_vec(),
        false => bytes.clone(),
    });
    assert!(whole.split("\r\n").all(|line| line.len() <= 75), "{whole}");
    assert_eq!(read(whole.as_bytes()).events, [event]);
    assert_eq!(take_out(&whole).text, written);
}

fn hello_digest() -> sync_core::ids::Digest {
    let mut digest = file_digest();
    digest.update(b"hello");
    digest.finish()
}

/// As an export writes it, in pieces of no even length.
fn whole(text: &str, bytes: impl Fn(sync_core::ids::Digest) -> Vec<u8>) -> String {
    let mut whole = String::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(lines) => whole.push_str(&lines),
            Piece::File { digest, head, .. } => {
                let (mut line, begin) = Binary::begin(&head);
                whole.push_str(&begin);
                for part in bytes(digest).chunks(7) {
                    whole.push_str(&line.add(part));
                }
                whole.push_str(&line.end());
            }
        }
    }
    whole
}
