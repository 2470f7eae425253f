//! An event as iCalendar, in the words that Exchange has for it (MS-OXCICAL; davmail#375).

use super::line::{escape, push, quote};
use super::rule;
use crate::store::zone::{Change, Zone};
use crate::store::{
    Attendee, AttendeeRole, Event, Importance, Item, Kind, Meeting, MeetingKind, Person, Response,
    Sensitivity, ShowAs, ZonedTime,
};
use jiff::Timestamp;
use jiff::civil::Weekday;
use std::collections::BTreeMap;

/// The language that texts are said to be in, that of the server's culture.
const LANGUAGE: &str = "LANGUAGE=en-US";

/// The event, a series with its exceptions, an occurrence by itself.
pub(super) fn render(item: &Item) -> String {
    calendar(
        item,
        match item.content.as_event().is_some_and(|event| event.cancelled) {
            true => "CANCEL",
            false => "PUBLISH",
        },
    )
}

/// The event of a meeting message; in a response only who answers attends (RFC 5546, 3.2.3).
pub(super) fn of_meeting(message: &Item, meeting: &Meeting) -> String {
    let mut item = meeting.item(message);
    let from = match &message.content.kind {
        Kind::Message(message) => message.from.clone(),
        Kind::Event(_) => None,
    };
    if let (MeetingKind::Response(response), Some(event)) =
        (meeting.kind, item.content.as_event_mut())
    {
        let role = AttendeeRole::Required;
        let answering = |person| Attendee { person, role, response, responded: None };
        event.attendees = from.map(answering).into_iter().collect();
    }
    calendar(&item, method(meeting.kind))
}

/// The method of a meeting message (MS-OXCICAL 2.1.3.1.1.1).
pub(super) fn method(kind: MeetingKind) -> &'static str {
    match kind {
        MeetingKind::Request(_) => "REQUEST",
        MeetingKind::Cancellation => "CANCEL",
        MeetingKind::Response(_) => "REPLY",
    }
}

fn calendar(item: &Item, method: &str) -> String {
    let mut items = vec![item.clone()];
    if let Some(series) = item.series() {
        items.extend(series.exceptions.keys().filter_map(|date| item.occurrence_on(*date)));
    }
    let mut out = String::new();
    let method = format!("METHOD:{method}");
    for line in ["BEGIN:VCALENDAR", &method, "PRODID:Microsoft Exchange Server 2010", "VERSION:2.0"]
    {
        push(&mut out, line);
    }
    for (zone, year) in zones(&items) {
        vtimezone(&mut out, &zone, year);
    }
    for item in &items {
        if let Some(event) = item.content.as_event() {
            vevent(&mut out, item, event);
        }
    }
    push(&mut out, "END:VCALENDAR");
    out
}

/// The zones that times are stated in, each with the year whose rules are told.
fn zones(items: &[Item]) -> BTreeMap<Zone, i16> {
    let mut zones = BTreeMap::new();
    let events = items.iter().filter_map(|item| item.content.as_event());
    for time in events.filter(|event| !event.all_day).flat_map(|event| [&event.start, &event.end]) {
        zones.entry(time.zone.clone()).or_insert_with(|| time.zone.wall(time.utc).year());
    }
    zones
}

fn vtimezone(out: &mut String, zone: &Zone, year: i16) {
    let rules = zone.rules_in(year);
    push(out, "BEGIN:VTIMEZONE");
    push(out, &format!("TZID:{}", zone.id()));
    match rules.daylight {
        None => observance(out, "STANDARD", (rules.standard, rules.standard), None),
        Some((summer, starts, ends)) => {
            observance(out, "STANDARD", (summer, rules.standard), Some(ends));
            observance(out, "DAYLIGHT", (rules.standard, summer), Some(starts));
        }
    }
    push(out, "END:VTIMEZONE");
}

fn observance(out: &mut String, kind: &str, (from, to): (i32, i32), change: Option<Change>) {
    let time = change.map_or_else(|| "000000".to_owned(), |at| at.0.strftime("%H%M%S").to_string());
    push(out, &format!("BEGIN:{kind}"));
    push(out, &format!("DTSTART:16010101T{time}"));
    push(out, &format!("TZOFFSETFROM:{}", offset(from)));
    push(out, &format!("TZOFFSETTO:{}", offset(to)));
    if let Some(Change(at)) = change {
        let date = at.date();
        let week = if date.day() + 7 > date.days_in_month() { -1 } else { (date.day() + 6) / 7 };
        let (day, month) = (weekday(date.weekday()), date.month());
        push(out, &format!("RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY={week}{day};BYMONTH={month}"));
    }
    push(out, &format!("END:{kind}"));
}

fn vevent(out: &mut String, item: &Item, event: &Event) {
    push(out, "BEGIN:VEVENT");
    if let Some(organizer) = &event.organizer {
        push(out, &format!("ORGANIZER;{}", person(organizer)));
    }
    for attendee in &event.attendees {
        push(out, &attending(attendee, event.response_requested));
    }
    let content = &item.content;
    text(out, "DESCRIPTION", &content.body.as_text());
    recurring(out, item, event);
    text(out, "SUMMARY", &content.subject);
    for (name, time) in [("DTSTART", &event.start), ("DTEND", &event.end)] {
        push(out, &stated(name, time, event.all_day));
    }
    push(out, &format!("UID:{}", escape(&event.uid)));
    push(out, &format!("CLASS:{}", class(content.sensitivity)));
    let (priority, importance) = importance(content.importance);
    push(out, &format!("PRIORITY:{priority}"));
    push(out, &format!("DTSTAMP:{}", utc(item.modified)));
    let free = event.show_as == ShowAs::Free;
    push(out, if free { "TRANSP:TRANSPARENT" } else { "TRANSP:OPAQUE" });
    push(out, &format!("STATUS:{}", status(event)));
    let sequence = event.standing.sequence.to_string();
    push(out, &format!("SEQUENCE:{sequence}"));
    if let Some(location) = event.locations.first() {
        text(out, "LOCATION", &location.name);
    }
    if !content.categories.is_empty() {
        let names: Vec<String> = content.categories.iter().map(|name| escape(name)).collect();
        push(out, &format!("CATEGORIES:{}", names.join(",")));
    }
    let intended = busy(event.standing.intended.unwrap_or(event.show_as));
    let (busy, all_day) = (busy(event.show_as), upper(event.all_day));
    for (name, value) in [
        ("APPT-SEQUENCE", sequence.as_str()),
        ("BUSYSTATUS", busy),
        ("INTENDEDSTATUS", intended),
        ("ALLDAYEVENT", all_day),
        ("IMPORTANCE", importance),
        ("INSTTYPE", instance_type(item)),
    ] {
        push(out, &format!("X-MICROSOFT-CDO-{name}:{value}"));
    }
    let refused = upper(!event.allow_new_time_proposals);
    push(out, &format!("X-MICROSOFT-DISALLOW-COUNTER:{refused}"));
    push(out, &format!("LAST-MODIFIED:{}", utc(item.modified)));
    if content.reminder.set {
        alarm(out, content.reminder.minutes);
    }
    push(out, "END:VEVENT");
}

/// The rule of a series and what is missing in it, or the place of an occurrence.
fn recurring(out: &mut String, item: &Item, event: &Event) {
    if let Some(series) = item.series() {
        push(out, &format!("RRULE:{}", rule::write(event, &series.recurrence)));
        for start in series.deleted.iter().filter_map(|date| event.start_on(*date)) {
            let time = ZonedTime { utc: start, zone: event.start.zone.clone() };
            push(out, &stated("EXDATE", &time, event.all_day));
        }
    }
    if let Some(occurrence) = &item.occurrence {
        let time = ZonedTime { utc: occurrence.original_start, zone: event.start.zone.clone() };
        push(out, &stated("RECURRENCE-ID", &time, event.all_day));
    }
}

fn alarm(out: &mut String, minutes: i32) {
    push(out, "BEGIN:VALARM");
    push(out, "DESCRIPTION:REMINDER");
    push(out, &format!("TRIGGER;RELATED=START:-PT{}M", minutes.max(0)));
    push(out, "ACTION:DISPLAY");
    push(out, "END:VALARM");
}

fn attending(attendee: &Attendee, asked: bool) -> String {
    let role = match attendee.role {
        AttendeeRole::Required => "ROLE=REQ-PARTICIPANT",
        AttendeeRole::Optional => "ROLE=OPT-PARTICIPANT",
        AttendeeRole::Resource => "ROLE=NON-PARTICIPANT;CUTYPE=RESOURCE",
    };
    let answer = match attendee.response {
        Response::Accepted | Response::Organizer => "ACCEPTED",
        Response::Tentative => "TENTATIVE",
        Response::Declined => "DECLINED",
        Response::None | Response::NotResponded => "NEEDS-ACTION",
    };
    let asked = upper(asked);
    format!("ATTENDEE;{role};PARTSTAT={answer};RSVP={asked};{}", person(&attendee.person))
}

/// Name and address as the end of a line.
fn person(person: &Person) -> String {
    let address = person.address.replace(char::is_control, " ");
    format!("CN={}:MAILTO:{address}", quote(&person.name))
}

fn text(out: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        push(out, &format!("{name};{LANGUAGE}:{}", escape(value)));
    }
}

/// A time by the clock of its zone, all days as dates.
fn stated(name: &str, time: &ZonedTime, all_day: bool) -> String {
    let wall = time.zone.wall(time.utc);
    match all_day {
        true => format!("{name};VALUE=DATE:{}", wall.strftime("%Y%m%d")),
        false => {
            format!("{name};TZID={}:{}", quote(time.zone.id()), wall.strftime("%Y%m%dT%H%M%S"))
        }
    }
}

fn utc(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}{:02}", seconds.abs() / 3600, seconds.abs() / 60 % 60)
}

fn class(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "PUBLIC",
        Sensitivity::Personal => "X-PERSONAL",
        Sensitivity::Private => "PRIVATE",
        Sensitivity::Confidential => "CONFIDENTIAL",
    }
}

/// PRIORITY and X-MICROSOFT-CDO-IMPORTANCE.
fn importance(importance: Importance) -> (u8, &'static str) {
    match importance {
        Importance::Low => (9, "0"),
        Importance::Normal => (5, "1"),
        Importance::High => (1, "2"),
    }
}

fn status(event: &Event) -> &'static str {
    match (event.cancelled, event.show_as) {
        (true, _) => "CANCELLED",
        (false, ShowAs::Tentative) => "TENTATIVE",
        (false, _) => "CONFIRMED",
    }
}

fn busy(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "FREE",
        ShowAs::Tentative => "TENTATIVE",
        ShowAs::Busy | ShowAs::Unknown => "BUSY",
        ShowAs::OutOfOffice => "OOF",
        ShowAs::WorkingElsewhere => "WORKINGELSEWHERE",
    }
}

/// What of a series it is (MS-OXCICAL: X-MICROSOFT-CDO-INSTTYPE).
fn instance_type(item: &Item) -> &'static str {
    match (&item.occurrence, item.series()) {
        (Some(of), _) if of.is_exception => "3",
        (Some(_), _) => "2",
        (None, Some(_)) => "1",
        (None, None) => "0",
    }
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "MO",
        Weekday::Tuesday => "TU",
        Weekday::Wednesday => "WE",
        Weekday::Thursday => "TH",
        Weekday::Friday => "FR",
        Weekday::Saturday => "SA",
        Weekday::Sunday => "SU",
    }
}

fn upper(flag: bool) -> &'static str {
    if flag { "TRUE" } else { "FALSE" }
}
