//! What people see of an event, field by field, in a form that is the same on every replica. It
//! shares nothing with the normal forms that evensync compares by.

use super::place;
use exchange_sim::store::recurrence::{End, Pattern, Recurrence};
use exchange_sim::store::{Content, Series, ZonedTime};
use items::Event;
use jiff::civil::{Date, Weekday};
use std::collections::{BTreeMap, BTreeSet};

/// Field by field. A category is a field of its own as well, since categories merge one by one; so
/// is what an occurrence of a series has of its own.
pub type Look = BTreeMap<String, String>;

/// An event of a mailbox.
pub fn of_content(content: &Content) -> Look {
    let mut look = alone(content);
    let event = content.as_event().expect("only events lie in calendars");
    let recurrence = event.recurrence();
    look.insert("recurs".to_owned(), recurrence.map_or_else(|| "once".to_owned(), recurs));
    if let Some(series) = &event.series {
        look.extend(occurrences(content, series));
    }
    look
}

/// An event of the local store, or one that a journal kept.
pub fn of_event(event: &Event) -> Look {
    of_content(&place::content(event))
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

/// The field of an occurrence, or, without `field`, whether it takes place.
pub fn occurrence_field(date: Date, field: &str) -> String {
    format!("on {date} {field}").trim_end().to_owned()
}

/// The event without its series.
fn alone(content: &Content) -> Look {
    let event = content.as_event().expect("only events lie in calendars");
    let reminder = content.reminder;
    let locations: Vec<&str> = event.locations.iter().map(|location| &*location.name).collect();
    let fields = [
        ("subject", line(&content.subject)),
        ("body", lines(content)),
        ("location", line(&locations.join("; "))),
        ("timing", when(&event.start, &event.end, event.all_day)),
        ("reminder", if reminder.set { reminder.minutes.to_string() } else { "off".to_owned() }),
        ("show-as", format!("{:?}", event.show_as)),
        ("sensitivity", format!("{:?}", content.sensitivity)),
        ("importance", format!("{:?}", content.importance)),
    ];
    let mut look: Look = fields.into_iter().map(|(name, v)| (name.to_owned(), v)).collect();
    let categories: BTreeSet<String> =
        content.categories.iter().map(|c| category_field(c)).collect();
    look.extend(categories.into_iter().map(|field| (field, "yes".to_owned())));
    look
}

fn when(start: &ZonedTime, end: &ZonedTime, all_day: bool) -> String {
    if all_day {
        let day = |time: &ZonedTime| start.zone.wall(time.utc).date();
        format!("{}..{}", day(start), day(end))
    } else {
        format!("{}..{} {}", start.utc, end.utc, start.zone.id())
    }
}

/// Pattern and end, whenever it starts.
fn recurs(recurrence: &Recurrence) -> String {
    let start = recurrence.range.start;
    let mut pattern = by_years(recurrence.pattern, start.month().unsigned_abs());
    if let Pattern::Weekly { interval, days, first_day } = &mut pattern
        && (*interval == 1 || days.iter().count() == 1)
    {
        *first_day = Weekday::Monday;
    }
    let end = match recurrence.range.end {
        End::Never => "for ever".to_owned(),
        End::Count(count) => format!("{count} times"),
        End::On(date) => format!("until {date}"),
    };
    format!("{pattern:?} {end}")
}

/// A pattern of whole years told as such: every twelve months is every year.
fn by_years(pattern: Pattern, month: u8) -> Pattern {
    match pattern {
        Pattern::AbsoluteMonthly { interval, day } if interval % 12 == 0 => {
            Pattern::AbsoluteYearly { interval: interval / 12, month, day }
        }
        Pattern::RelativeMonthly { interval, days, index } if interval % 12 == 0 => {
            Pattern::RelativeYearly { interval: interval / 12, days, index, month }
        }
        _ => pattern,
    }
}

/// What the occurrences of a series have of their own.
fn occurrences(master: &Content, series: &Series) -> Look {
    let mut look = Look::new();
    for date in &series.deleted {
        look.insert(occurrence_field(*date, ""), "deleted".to_owned());
    }
    for (date, exception) in &series.exceptions {
        let (regular, own) = (row(&place::occurrence(master, *date)), row(exception));
        let differs = own.into_iter().filter(|(field, value)| regular.get(field) != Some(value));
        look.extend(differs.map(|(field, value)| (occurrence_field(*date, &field), value)));
    }
    look
}

/// An occurrence, with its categories as one field: they aren't merged one by one.
fn row(content: &Content) -> Look {
    let mut look = alone(content);
    let categories: Vec<String> = look
        .extract_if(.., |field, _| field.starts_with("category "))
        .map(|(field, _)| field)
        .collect();
    look.insert("categories".to_owned(), categories.join(", "));
    look
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn lines(content: &Content) -> String {
    let text = content.body.as_text();
    let lines = text.lines().map(line).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}
