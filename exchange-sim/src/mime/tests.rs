//! Streams of messages and events, written and read.

use super::*;
use crate::store::recurrence::{End, Pattern, Range, Recurrence};
use crate::store::zone::Zone;
use crate::store::{
    Attachment, AttachmentData, Body, Content, Importance, Mailbox, Person, Role, Series, ShowAs,
    World, ZonedTime,
};
use jiff::civil::{DateTime, date};
use std::sync::Arc;

fn world() -> World {
    let mut world = World::new(crate::Config::default());
    world.add_mailbox("anna@contoso.example", "secret");
    world
}

fn anna(world: &mut World) -> &mut Mailbox {
    world.mailbox_mut("anna@contoso.example").expect("a mailbox")
}

/// The content as a stored item.
fn stored(content: Content, role: Role) -> Item {
    let mut world = world();
    let mailbox = anna(&mut world);
    let id = mailbox.create(mailbox.role(role), content).expect("stored");
    mailbox.item(id).expect("there").clone()
}

fn again(item: &Item) -> Content {
    let mut content = Content::message("");
    read_message(&mut content, &render(item)).expect("its own stream");
    content
}

fn person(name: &str, address: &str) -> Person {
    Person { name: name.to_owned(), address: address.to_owned() }
}

#[test]
fn a_message_comes_back_with_all_that_it_carries() {
    let mut content =
        Content::message("Grüße, \"alle\" – und ein Betreff, der länger ist als eine Zeile");
    content.body = Body::html("<html><body><p>Grüße</p><img src=\"cid:pic\"></body></html>");
    content.importance = Importance::High;
    let mut inner = Content::message("Inner");
    inner.body = Body::text("=_ --\r\ninner text");
    inner.attachments.push(Attachment::file("deep.bin", vec![0, 255, 13, 10]));
    let mut picture = Attachment::file("pic.png", vec![1, 2, 3]);
    picture.content_type = Some("image/png".to_owned());
    picture.content_id = Some("pic".to_owned());
    picture.inline = true;
    let mut text = Attachment::file("übung.txt", "bare\nline ends\r\n".as_bytes().to_vec());
    text.content_type = Some("text/plain".to_owned());
    let item = Attachment::of("Inner", AttachmentData::Item(Box::new(inner)));
    content.attachments.extend([picture, text, item]);
    if let Kind::Message(message) = &mut content.kind {
        message.from = Some(person("Doe, Jane", "jane@x.example"));
        message.to = vec![person("Ünal", "u@x.example"), person("b@x.example", "b@x.example")];
        message.bcc = vec![person("C", "c@x.example")];
    }
    headers::keep(&mut content, "X-Own", "größer");
    let item = stored(content, Role::Drafts);
    let back = again(&item);
    assert_eq!(back.subject, item.content.subject);
    assert_eq!(back.importance, Importance::High);
    assert!(back.body.content.contains("<p>Grüße</p>"), "{:?}", back.body);
    let (Kind::Message(was), Kind::Message(is)) = (&item.content.kind, &back.kind) else {
        panic!("no messages")
    };
    assert_eq!((&is.from, &is.to, &is.bcc), (&was.from, &was.to, &was.bcc));
    assert_eq!(is.internet_message_id, was.internet_message_id);
    assert!(headers::all(&back).iter().any(|f| f.name == "X-Own" && f.value == "größer"));
    let of = |content: &Content| -> Vec<_> {
        let told = |a: &Attachment| {
            let data = match &a.data {
                AttachmentData::File(bytes) => bytes.to_vec(),
                AttachmentData::Item(_) | AttachmentData::Reference(_) => Vec::new(),
            };
            (a.name.clone(), a.inline, a.content_id.clone(), data)
        };
        content.attachments.iter().map(told).collect()
    };
    assert_eq!(of(&back), of(&item.content));
    let inner = back.attachments[2].as_item().expect("an item");
    assert_eq!(
        (inner.subject.as_str(), inner.body.content.as_str()),
        ("Inner", "=_ --\r\ninner text")
    );
    assert_eq!(of(inner)[0].3, [0, 255, 13, 10]);
    assert_eq!(render(&item), render(&item));
}

#[test]
fn the_fields_that_a_message_came_with_are_written_again() {
    let stream = b"Received: from a by b;\r\n\tMon, 4 Jan 2027 09:00:00 +0000\r\n\
        Date: Mon, 4 Jan 2027 09:00:00 +0000\r\nReply-To: r@x.example\r\nSubject: a\r\n\
        X-Kit: 1\r\nThread-Index: AQIDBA==\r\nDisposition-Notification-To: s@x.example\r\n\
        From: s@x.example\r\nMime-Version: 1.0\r\n\
        Content-Type: text/plain; charset=iso-8859-1\r\n\r\ngr\xfc\xdfe\r\n";
    let mut content = Content::message("");
    read_message(&mut content, stream).expect("a message");
    assert_eq!(content.body, Body::text("grüße"));
    let item = stored(content, Role::Drafts);
    let text = String::from_utf8(render(&item)).expect("ASCII");
    for line in [
        "Received: from a by b; Mon, 4 Jan 2027 09:00:00 +0000",
        "Reply-To: r@x.example",
        "X-Kit: 1",
        "Disposition-Notification-To: <s@x.example>",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(text.to_ascii_lowercase().matches("mime-version:").count(), 1, "{text}");
    assert_eq!(headers::all(&item.content).len(), 10);
}

#[test]
fn nothing_in_a_property_ends_a_header_field() {
    let mut content = Content::message("a\r\nBcc: x@x.example");
    let mut file = Attachment::file("a\r\nX: 1", b"1".to_vec());
    file.content_type = Some("text/plain\r\nX-Evil: 1".to_owned());
    file.content_id = Some("i>\r\nX-Evil: 1".to_owned());
    file.content_location = Some("l\r\nX-Evil: 1".to_owned());
    content.attachments.push(file);
    if let Kind::Message(message) = &mut content.kind {
        message.from = Some(person("n\r\nX-Evil: 1", "a\r\nX-Evil: 1"));
        message.internet_message_id = "<1>\r\nX-Evil: 1".to_owned();
    }
    headers::keep(&mut content, "X-Bad Name", "1");
    headers::keep(&mut content, "X-Good", "1\r\nX-Evil: 1");
    let text = String::from_utf8(render(&stored(content, Role::Drafts))).expect("ASCII");
    assert!(
        !text.lines().any(|line| line.starts_with("X-Evil") || line.starts_with("Bcc")),
        "{text}"
    );
    assert!(!text.contains("X-Bad"), "{text}");
}

#[test]
fn no_stream_is_too_odd() {
    let nested =
        |levels: usize| "Content-Type: message/rfc822\r\n\r\n".repeat(levels) + "A: b\r\n\r\nx";
    let mut content = Content::message("");
    for levels in [17, 500, 1000, 100_000] {
        let read = read_message(&mut content, nested(levels).as_bytes());
        assert!(matches!(read, Err(Error::Unconvertible(_))), "{levels}: {read:?}");
    }
    for bad in [b"".as_slice(), b"\xff\xfe", b"no header"] {
        assert_eq!(read_message(&mut content, bad), Err(Error::Invalid), "{bad:?}");
    }
    for odd in [
        "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n",
        "Content-Type: multipart/mixed\r\n\r\n--x\r\n",
        "Subject: =?x?q?=\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
        "Date: never\r\nFrom: <>\r\nTo: ,,;\r\nMessage-ID: \r\nX-: \r\n\r\n",
    ] {
        read_message(&mut content, odd.as_bytes()).expect(odd);
        render(&stored(content.clone(), Role::Drafts));
    }
}

fn berlin(wall: DateTime) -> ZonedTime {
    let zone = Zone::parse("Europe/Berlin").expect("known");
    ZonedTime { utc: zone.instant(wall).expect("an instant"), zone }
}

fn weekly() -> Content {
    let start = date(2027, 1, 11);
    let mut content = Content::event(
        "Jour fixe; mit, Komma",
        berlin(start.at(9, 0, 0, 0)),
        berlin(start.at(10, 0, 0, 0)),
    );
    content.body = Body::text("Zeile\r\nzwei");
    if let Some(event) = content.as_event_mut() {
        event.uid = "u-1".to_owned();
    }
    let pattern = Pattern::Weekly {
        interval: 1,
        days: start.weekday().into(),
        first_day: jiff::civil::Weekday::Monday,
    };
    let range = Range { start, end: End::Count(6) };
    let mut series = Series::new(Recurrence { pattern, range });
    series.deleted.insert(date(2027, 1, 18));
    let mut moved = content.clone();
    moved.subject = "Verschoben".to_owned();
    if let Some(event) = moved.as_event_mut() {
        event.start = berlin(date(2027, 1, 26).at(14, 0, 0, 0));
        event.end = berlin(date(2027, 1, 26).at(15, 0, 0, 0));
    }
    series.exceptions.insert(date(2027, 1, 25), moved);
    if let Some(event) = content.as_event_mut() {
        event.series = Some(Arc::new(series));
        event.show_as = ShowAs::OutOfOffice;
    }
    content
}

fn read_event(text: &str) -> Result<Content, Error> {
    let now = berlin(date(2026, 12, 1).at(8, 0, 0, 0));
    let mut content = Content::event("", now.clone(), now.clone());
    calendar_read::event(&mut content, text.as_bytes(), &now.zone).map(|()| content)
}

#[test]
fn a_series_comes_back_with_what_differs_in_it() {
    let item = stored(weekly(), Role::Calendar);
    let text = String::from_utf8(render(&item)).expect("UTF-8");
    for line in [
        "TZID:W. Europe Standard Time",
        "DTSTART:16010101T030000",
        "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
        "SUMMARY;LANGUAGE=en-US:Jour fixe\\; mit\\, Komma",
        "RRULE:FREQ=WEEKLY;COUNT=6;INTERVAL=1;BYDAY=MO;WKST=MO",
        "EXDATE;TZID=W. Europe Standard Time:20270118T090000",
        "RECURRENCE-ID;TZID=W. Europe Standard Time:20270125T090000",
        "X-MICROSOFT-CDO-BUSYSTATUS:OOF",
        "TRIGGER;RELATED=START:-PT15M",
    ] {
        assert!(text.contains(&format!("{line}\r\n")), "{line}\n{text}");
    }
    let mut wanted = item.content.clone();
    let mut back = read_event(&text).expect("its own stream");
    // Nobody is captured in a stream, and each face writes line ends in its own way.
    for content in [&mut wanted, &mut back] {
        content.body.content = content.body.content.replace("\r\n", "\n");
        let event = content.as_event_mut().expect("an event");
        event.organizer = None;
        let mut series = event.series.as_deref().expect("a series").clone();
        for exception in series.exceptions.values_mut() {
            exception.body.content = exception.body.content.replace("\r\n", "\n");
            let event = exception.as_event_mut().expect("an event");
            event.organizer = None;
        }
        event.series = Some(Arc::new(series));
    }
    assert_eq!(back, wanted);
    let occurrence = item.occurrence_on(date(2027, 2, 1)).expect("an occurrence");
    let text = String::from_utf8(render(&occurrence)).expect("UTF-8");
    assert!(text.contains("RECURRENCE-ID;TZID=W. Europe Standard Time:20270201T090000"), "{text}");
    assert!(!text.contains("EXDATE") && !text.contains("COUNT=6"), "{text}");
}

/// The start, the end and whether all day, of an event with these lines.
fn times(lines: &str) -> Result<(String, String, bool), Error> {
    let text = format!("BEGIN:VCALENDAR\r\n{lines}\r\nEND:VCALENDAR\r\n");
    let content = read_event(&text)?;
    let event = content.as_event().expect("an event");
    Ok((event.start.utc.to_string(), event.end.utc.to_string(), event.all_day))
}

fn at(start: &str, end: &str, all_day: bool) -> Result<(String, String, bool), Error> {
    Ok((start.to_owned(), end.to_owned(), all_day))
}

#[test]
fn times_are_read_in_every_form() {
    let vevent = |lines: &str| times(&format!("BEGIN:VEVENT\r\n{lines}\r\nEND:VEVENT"));
    let nine = at("2027-02-02T08:00:00Z", "2027-02-02T09:30:00Z", false);
    assert_eq!(vevent("DTSTART:20270202T080000Z\r\nDTEND:20270202T093000Z"), nine);
    assert_eq!(vevent("DTSTART:20270202T090000\r\nDURATION:PT1H30M"), nine);
    assert_eq!(vevent("DTSTART;TZID=Europe/Berlin:20270202T090000\r\nDURATION:PT90M"), nine);
    assert_eq!(
        vevent("DTSTART;TZID=/x.org/2020/America/New_York:20270202T030000\r\nDURATION:PT90M"),
        nine
    );
    let day = at("2027-02-01T23:00:00Z", "2027-02-02T23:00:00Z", true);
    assert_eq!(vevent("DTSTART;VALUE=DATE:20270202"), day);
    assert_eq!(vevent("DTSTART;VALUE=DATE:20270202\r\nDTEND;VALUE=DATE:20270203"), day);
    let own = "BEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:16011028T030000\r\n\
        RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n\
        END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:16010325T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;\
        BYMONTH=3\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n\
        BEGIN:VEVENT\r\nDTSTART;TZID=Mine:20270202T090000\r\nDURATION:PT90M\r\nEND:VEVENT";
    assert_eq!(times(own), nine);
    for bad in ["", "DTSTART:soon", "DTSTART:20270202T080000Z\r\nDURATION:x", "DTSTART:20271302"] {
        assert_eq!(vevent(bad), Err(Error::Invalid), "{bad}");
    }
    let unknown = vevent("DTSTART;TZID=Nowhere:20270202T080000");
    assert!(matches!(unknown, Err(Error::Unconvertible(_))), "{unknown:?}");
}

#[test]
fn a_calendar_is_found_within_a_message() {
    let calendar = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Grüße\r\nUID:u-1\r\n\
        DTSTART:20270202T080000Z\r\nBEGIN:VALARM\r\nTRIGGER:-P1DT1H\r\nEND:VALARM\r\nEND:VEVENT\r\n\
        END:VCALENDAR\r\n";
    let message = format!(
        "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
         Content-Type: text/calendar; charset=utf-8; method=REQUEST\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{calendar}\r\n--b--\r\n"
    );
    let content = read_event(&message).expect("an event");
    assert_eq!(content.subject, "Grüße");
    assert_eq!(content.as_event().map(|event| event.uid.as_str()), Some("u-1"));
    assert_eq!(content.reminder.minutes, 25 * 60);
    assert!(content.reminder.set);
    for bad in ["Subject: x\r\n\r\nno calendar", "BEGIN:VCARD\r\nEND:VCARD", ""] {
        assert_eq!(read_event(bad), Err(Error::Invalid), "{bad}");
    }
}
