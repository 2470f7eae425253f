//! Events in words for people.

use crate::attachment::{Attachment, Data};
use crate::event::{
    Body, BodyKind, Event, Importance, Occurrence, Reminder, Sensitivity, ShowAs, Timing,
};
use crate::field::Name;
use crate::people::{Attendee, Meeting, Person, Response, Role};
use crate::recurrence::Recurrence;
use crate::{html, zone};
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use std::collections::BTreeMap;
use sync_core::ids::Field;

/// What an event is called in messages; "(no subject)" where it has none.
pub fn title(event: &Event) -> String {
    let subject = event.subject.as_deref().map(crate::meaning::squeeze);
    subject.filter(|subject| !subject.is_empty()).unwrap_or_else(|| "(no subject)".to_owned())
}

/// The value of a field for people; `None` where it is absent or no event has such a field.
pub fn field_text(event: &Event, field: &Field) -> Option<String> {
    match Name::of(field)? {
        Name::Subject => event.subject.clone(),
        Name::Body => event.body.as_ref().map(body),
        Name::Location => event.location.clone(),
        Name::Timing => event.timing.as_ref().map(timing),
        Name::Recurrence => event.recurrence.as_ref().map(recurrence),
        Name::Occurrences => event.occurrences.as_ref().map(occurrences),
        Name::Categories => event.categories.as_ref().map(|names| names.join(", ")),
        Name::Reminder => event.reminder.map(reminder),
        Name::ShowAs => event.show_as.map(|value| show_as(value).to_owned()),
        Name::Sensitivity => event.sensitivity.map(|value| sensitivity(value).to_owned()),
        Name::Importance => event.importance.map(|value| importance(value).to_owned()),
        Name::Meeting => event.meeting.as_ref().map(meeting),
        Name::Attendees => event.attendees.as_ref().map(|all| joined(all.iter().map(attendee))),
        Name::Attachments => {
            event.attachments.as_ref().map(|all| joined(all.iter().map(attachment)))
        }
    }
}

/// "organised by Alice <alice@contoso.example>, cancelled, answer: accepted".
pub(crate) fn meeting(meeting: &Meeting) -> String {
    let organizer = match &meeting.organizer {
        Some(organizer) => format!("organised by {}", person(organizer)),
        None => "nobody is invited".to_owned(),
    };
    let cancelled = meeting.cancelled.then(|| "cancelled".to_owned());
    let answered = !matches!(meeting.response, Response::None | Response::Organizer);
    let answer = answered.then(|| format!("answer: {}", response(meeting.response)));
    joined([organizer].into_iter().chain(cancelled).chain(answer))
}

/// "Bob <bob@contoso.example> (optional, accepted)".
pub(crate) fn attendee(attendee: &Attendee) -> String {
    let role = match attendee.role {
        Role::Required => None,
        Role::Optional => Some("optional".to_owned()),
        Role::Resource => Some("resource".to_owned()),
    };
    let is_known = attendee.response != Response::None;
    let answer = is_known.then(|| response(attendee.response).to_owned());
    let more = joined(role.into_iter().chain(answer));
    let person = person(&attendee.person);
    if more.is_empty() { person } else { format!("{person} ({more})") }
}

/// "plan.pdf (40 kB)".
fn attachment(attachment: &Attachment) -> String {
    let name = crate::meaning::squeeze(&attachment.name);
    match &attachment.data {
        Data::Link(address) => format!("{name} <{address}>"),
        Data::Bytes { size: size @ ..10_000, .. } => format!("{name} ({size} bytes)"),
        Data::Bytes { size: size @ ..10_000_000, .. } => format!("{name} ({} kB)", size / 1000),
        Data::Bytes { size, .. } => format!("{name} ({} MB)", size / 1_000_000),
    }
}

fn person(person: &Person) -> String {
    match person.name.as_ref().filter(|name| !name.trim().is_empty()) {
        Some(name) if person.address.is_empty() => name.clone(),
        Some(name) => format!("{name} <{}>", person.address),
        None => person.address.clone(),
    }
}

const fn response(value: Response) -> &'static str {
    match value {
        Response::None => "none",
        Response::Organizer => "organizer",
        Response::Tentative => "tentative",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

fn body(body: &Body) -> String {
    match body.kind {
        BodyKind::Text => body.content.clone(),
        BodyKind::Html => html::to_text(&body.content),
    }
}

/// "2026-11-25 09:00–10:00 Europe/Berlin": wall clock in the zone of the start, or UTC where that
/// is unknown; the zone of the end only where it differs.
fn timing(timing: &Timing) -> String {
    match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            let start_zone = start_zone.as_deref().and_then(zone::iana);
            let end_zone = end_zone.as_deref().and_then(zone::iana).or(start_zone);
            let start_zone = start_zone.unwrap_or("UTC");
            let end_zone = end_zone.unwrap_or(start_zone);
            let (from, to) = (wall(start_zone, *start), wall(end_zone, *end));
            if start_zone != end_zone {
                return format!("{} {start_zone} – {} {end_zone}", stamp(from), stamp(to));
            }
            let same_day = from.map(|t| t.date()) == to.map(|t| t.date());
            match to {
                Some(to) if same_day => {
                    format!("{}–{} {start_zone}", stamp(from), to.format("%H:%M"))
                }
                _ => format!("{} – {} {start_zone}", stamp(from), stamp(to)),
            }
        }
        Timing::AllDay { start, end, .. } => days(*start, *end),
    }
}

/// As RRULE, which people who look at calendars' insides read.
fn recurrence(recurrence: &Recurrence) -> String {
    match recurrence {
        Recurrence::Once => "once".to_owned(),
        Recurrence::Rule(rule) => rule.to_rrule(Some(&|date| date.format("%Y%m%d").to_string())),
        Recurrence::Other(lines) => lines.join(" "),
    }
}

/// "2026-12-02 deleted, 2026-12-09 changed (subject)".
fn occurrences(all: &BTreeMap<NaiveDate, Occurrence>) -> String {
    let one = |(date, occurrence): (&NaiveDate, &Occurrence)| match occurrence {
        Occurrence::Deleted => format!("{date} deleted"),
        Occurrence::Changed(event) => {
            let fields = event.present_fields();
            let names: Vec<&str> = fields.iter().map(Field::as_str).collect();
            format!("{date} changed ({})", names.join(", "))
        }
    };
    all.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn days(start: NaiveDate, end: NaiveDate) -> String {
    match end.pred_opt() {
        Some(last) if last > start => format!("{start} – {last}, all day"),
        _ => format!("{start}, all day"),
    }
}

fn wall(zone: &str, instant: i64) -> Option<NaiveDateTime> {
    zone::to_wall(zone, instant).or_else(|| Some(DateTime::from_timestamp(instant, 0)?.naive_utc()))
}

fn stamp(wall: Option<NaiveDateTime>) -> String {
    wall.map_or_else(|| "?".to_owned(), |wall| wall.format("%Y-%m-%d %H:%M").to_string())
}

fn reminder(reminder: Reminder) -> String {
    match reminder {
        Reminder::Off => "off".to_owned(),
        Reminder::Before(1) => "1 minute before".to_owned(),
        Reminder::Before(minutes) => format!("{minutes} minutes before"),
    }
}

const fn show_as(value: ShowAs) -> &'static str {
    match value {
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
        ShowAs::Busy => "busy",
        ShowAs::OutOfOffice => "out of office",
        ShowAs::WorkingElsewhere => "working elsewhere",
    }
}

const fn sensitivity(value: Sensitivity) -> &'static str {
    match value {
        Sensitivity::Normal => "normal",
        Sensitivity::Personal => "personal",
        Sensitivity::Private => "private",
        Sensitivity::Confidential => "confidential",
    }
}

const fn importance(value: Importance) -> &'static str {
    match value {
        Importance::Low => "low",
        Importance::Normal => "normal",
        Importance::High => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed(start: i64, end: i64, start_zone: Option<&str>, end_zone: Option<&str>) -> Event {
        let (start_zone, end_zone) = (start_zone.map(str::to_owned), end_zone.map(str::to_owned));
        let timing = Timing::Timed { start, end, start_zone, end_zone };
        Event { timing: Some(timing), ..Event::default() }
    }

    #[test]
    fn timings_read_as_wall_clock() {
        let nine = 1_795_593_600;
        let berlin = Some("W. Europe Standard Time");
        for (event, text) in [
            (timed(nine, nine + 3600, berlin, None), "2026-11-25 09:00–10:00 Europe/Berlin"),
            (timed(nine, nine + 3600, None, None), "2026-11-25 08:00–09:00 UTC"),
            (timed(nine, nine + 3600, Some("Custom"), None), "2026-11-25 08:00–09:00 UTC"),
            (
                timed(nine, nine + 90_000, berlin, berlin),
                "2026-11-25 09:00 – 2026-11-26 10:00 Europe/Berlin",
            ),
            (
                timed(nine, nine + 3600, berlin, Some("Europe/London")),
                "2026-11-25 09:00 Europe/Berlin – 2026-11-25 09:00 Europe/London",
            ),
            (timed(i64::MAX, i64::MIN, berlin, None), "? – ? Europe/Berlin"),
        ] {
            assert_eq!(field_text(&event, &Name::Timing.field()).as_deref(), Some(text));
        }
    }

    #[test]
    fn whole_days_have_no_clock() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a date");
        let days = |end| Timing::AllDay { start: day(25), end: day(end), zone: None };
        assert_eq!(timing(&days(26)), "2026-11-25, all day");
        assert_eq!(timing(&days(28)), "2026-11-25 – 2026-11-27, all day");
        assert_eq!(timing(&days(25)), "2026-11-25, all day");
    }

    #[test]
    fn attachments_read_with_their_sizes() {
        let file = |name: &str, size| Attachment {
            name: name.into(),
            media_type: None,
            content_id: None,
            inline: false,
            data: Data::Bytes { digest: sync_core::ids::Digest::from_number(size), size },
        };
        let link = Attachment { data: Data::Link("https://x.example/".into()), ..file("l", 0) };
        let all = vec![file("a.txt", 7), file("plan.pdf", 40_999), file("b", 12_000_000), link];
        let event = Event { attachments: Some(all), ..Event::default() };
        assert_eq!(
            field_text(&event, &Name::Attachments.field()).as_deref(),
            Some("a.txt (7 bytes), plan.pdf (40 kB), b (12 MB), l <https://x.example/>")
        );
    }

    #[test]
    fn other_fields_read_as_words() {
        let event = Event {
            subject: Some(" ".into()),
            body: Some(Body { kind: BodyKind::Html, content: "<p>a<br><b>b</b>".into() }),
            categories: Some(vec!["x".into(), "y".into()]),
            reminder: Some(Reminder::Before(15)),
            show_as: Some(ShowAs::OutOfOffice),
            ..Event::default()
        };
        let text = |name: Name| field_text(&event, &name.field());
        assert_eq!(title(&event), "(no subject)");
        assert_eq!(text(Name::Body).as_deref(), Some("a\nb"));
        assert_eq!(text(Name::Categories).as_deref(), Some("x, y"));
        assert_eq!(text(Name::Reminder).as_deref(), Some("15 minutes before"));
        assert_eq!(text(Name::ShowAs).as_deref(), Some("out of office"));
        assert_eq!(text(Name::Location), None);
        assert_eq!(field_text(&event, &Field::from("colour")), None);
    }
}
