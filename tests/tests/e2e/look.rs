//! What people see of an event, field by field, in a form that is the same on every replica. It
//! shares nothing with the normal forms that evensync compares by.

use exchange_sim::store::{Body, BodyKind, Content, Zone, ZonedTime};
use items::{Event, Reminder, Timing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Field by field. A category is a field of its own as well, since categories merge one by one.
pub type Look = BTreeMap<String, String>;

/// An event of a mailbox.
pub fn of_content(content: &Content) -> Look {
    let event = content.as_event().expect("only events lie in calendars");
    let (start, end) = (&event.start, &event.end);
    let when = if event.all_day {
        let day = |time: &ZonedTime| start.zone.wall(time.utc).date();
        format!("{}..{}", day(start), day(end))
    } else {
        format!("{}..{} {}", start.utc, end.utc, start.zone.id())
    };
    let reminder = content.reminder;
    let reminder = if reminder.set { reminder.minutes.to_string() } else { "off".to_owned() };
    assemble(
        &content.categories,
        [
            ("subject", line(&content.subject)),
            ("body", lines(&content.body)),
            ("location", line(event.locations.first().map_or("", |l| l.name.as_str()))),
            ("timing", when),
            ("reminder", reminder),
            ("show-as", format!("{:?}", event.show_as)),
            ("sensitivity", format!("{:?}", content.sensitivity)),
            ("importance", format!("{:?}", content.importance)),
        ],
    )
}

/// An event of the local store, or one that a journal kept.
pub fn of_event(event: &Event) -> Look {
    let body = event.body.clone().unwrap_or_default();
    let body = match body.kind {
        items::BodyKind::Text => Body { kind: BodyKind::Text, content: body.content },
        items::BodyKind::Html => Body { kind: BodyKind::Html, content: body.content },
    };
    let reminder = match event.reminder {
        Some(Reminder::Before(minutes)) => minutes.to_string(),
        Some(Reminder::Off) | None => "off".to_owned(),
    };
    assemble(
        event.categories.as_deref().unwrap_or_default(),
        [
            ("subject", line(event.subject.as_deref().unwrap_or_default())),
            ("body", lines(&body)),
            ("location", line(event.location.as_deref().unwrap_or_default())),
            ("timing", event.timing.as_ref().map_or_else(String::new, timing)),
            ("reminder", reminder),
            ("show-as", event.show_as.map_or_else(String::new, |v| format!("{v:?}"))),
            ("sensitivity", event.sensitivity.map_or_else(String::new, |v| format!("{v:?}"))),
            ("importance", event.importance.map_or_else(String::new, |v| format!("{v:?}"))),
        ],
    )
}

/// The number that every subject of these tests begins with, as `#7`.
pub fn number(look: &Look) -> Option<u64> {
    let subject = look.get("subject")?.strip_prefix('#')?;
    subject.split(' ').next()?.parse().ok()
}

/// The field in which a category stands.
pub fn category_field(category: &str) -> String {
    format!("category {}", line(&category.to_lowercase()))
}

fn assemble<const N: usize>(categories: &[String], fields: [(&str, String); N]) -> Look {
    let categories: BTreeSet<String> = categories.iter().map(|c| category_field(c)).collect();
    let mut look: Look = fields.into_iter().map(|(name, v)| (name.to_owned(), v)).collect();
    look.extend(categories.into_iter().map(|field| (field, "yes".to_owned())));
    look
}

fn timing(timing: &Timing) -> String {
    match timing {
        Timing::AllDay { start, end, .. } => format!("{start}..{end}"),
        Timing::Timed { start, end, start_zone, .. } => {
            let zone = start_zone.as_deref().and_then(Zone::parse).unwrap_or_else(Zone::utc);
            let at = |seconds| Timestamp::from_second(seconds).expect("a year within four digits");
            format!("{}..{} {}", at(*start), at(*end), zone.id())
        }
    }
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines(body: &Body) -> String {
    let text = body.as_text();
    let lines = text.lines().map(line).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
