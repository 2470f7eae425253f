//! The meaning of an event: what stays the same when a server rewrites what it was given. An event
//! again, in a normal form, so that its digests can be compared across replicas.
//!
//! A change of what these functions return must raise [`crate::NORMALISER`].

use crate::attachment::Attachment;
use crate::event::{Body, BodyKind, Event, Occurrence, Timing};
use crate::people::{Attendee, Meeting};
use crate::recurrence::Recurrence;
use crate::{html, zone};

/// Exchange cuts subjects and locations here, in UTF-16 units.
const LINE_UNITS_MAX: usize = 255;

/// The normal form of `event`; that of a normal form is itself.
pub fn of(event: &Event) -> Event {
    Event {
        uid: event.uid.as_deref().map(crate::uid::normal),
        subject: event.subject.as_deref().map(line),
        body: event.body.as_ref().map(body),
        location: event.location.as_deref().map(line),
        timing: event.timing.as_ref().map(timing),
        recurrence: event.recurrence.as_ref().map(Recurrence::normal),
        occurrences: event
            .occurrences
            .as_ref()
            .map(|all| all.iter().map(|(date, one)| (*date, occurrence(one))).collect()),
        categories: event.categories.as_deref().map(elements),
        reminder: event.reminder,
        show_as: event.show_as,
        sensitivity: event.sensitivity,
        importance: event.importance,
        meeting: event.meeting.as_ref().map(Meeting::normal),
        attendees: event.attendees.as_ref().map(|all| all.iter().map(Attendee::normal).collect()),
        attachments: event
            .attachments
            .as_ref()
            .map(|all| all.iter().map(Attachment::normal).collect()),
    }
}

/// The normal form of an occurrence.
pub fn occurrence(occurrence: &Occurrence) -> Occurrence {
    match occurrence {
        Occurrence::Deleted => Occurrence::Deleted,
        Occurrence::Changed(event) => Occurrence::Changed(Box::new(of(event))),
    }
}

/// The normal form of a line of text: white space collapsed, and no longer than Exchange keeps it.
pub fn line(text: &str) -> String {
    let mut normal = String::new();
    let mut units = 0;
    for word in text.split(is_blank).filter(|word| !word.is_empty()) {
        let blank = usize::from(!normal.is_empty());
        for (n, letter) in word.chars().enumerate() {
            let blank = if n == 0 { blank } else { 0 };
            units += blank + letter.len_utf16();
            if units > LINE_UNITS_MAX {
                return normal;
            }
            if blank == 1 {
                normal.push(' ');
            }
            normal.push(letter);
        }
    }
    normal
}

/// The normal form of a body. HTML is reduced to what people see; where nothing but text is left,
/// it is the same as that text. Blank lines and the width of blanks don't count: Exchange makes
/// them anew whenever it turns text into HTML.
pub fn body(body: &Body) -> Body {
    match body.kind {
        BodyKind::Text => Body { kind: BodyKind::Text, content: text(&body.content) },
        BodyKind::Html => html::reduce(&body.content),
    }
}

/// The normal form of plain text of several lines.
pub fn text(text: &str) -> String {
    let lines = text.split(['\n', '\r']).map(squeeze).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The normal form of a timing: instants with canonical zones, or dates alone.
pub fn timing(timing: &Timing) -> Timing {
    match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            let zone = |first: &Option<String>, second: &Option<String>| {
                let named = |zone: &&String| !zone.trim().is_empty();
                let named = first.as_ref().filter(named).or(second.as_ref().filter(named));
                Some(named.map_or_else(|| "UTC".to_owned(), |zone| zone::class(zone)))
            };
            let (start_zone, end_zone) = (zone(start_zone, end_zone), zone(end_zone, start_zone));
            Timing::Timed { start: *start, end: *end, start_zone, end_zone }
        }
        Timing::AllDay { start, end, .. } => {
            Timing::AllDay { start: *start, end: *end, zone: None }
        }
    }
}

/// Start and end without a zone, to recognise an event by.
pub fn bounds(timing: &Timing) -> (String, String) {
    match timing {
        Timing::Timed { start, end, .. } => (start.to_string(), end.to_string()),
        Timing::AllDay { start, end, .. } => (start.to_string(), end.to_string()),
    }
}

/// The normal form of a category: Exchange takes names that differ in case only for one.
pub fn element(name: &str) -> String {
    squeeze(&name.to_lowercase())
}

fn elements(names: &[String]) -> Vec<String> {
    let names = names.iter().map(|name| element(name)).filter(|name| !name.is_empty());
    names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// `text` with its white space collapsed, and none at its ends.
pub(crate) fn squeeze(text: &str) -> String {
    text.split(is_blank).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a letter is white space, or nothing that can be seen or stored.
pub(crate) fn is_blank(letter: char) -> bool {
    letter.is_whitespace()
        || letter.is_control()
        || matches!(letter, '\u{200b}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}
