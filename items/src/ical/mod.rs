//! iCalendar (RFC 5545, with the extensions of MS-OXCICAL): what the local replica keeps, and what
//! is imported and exported.
//!
//! Reading never fails: what isn't understood is left out, with a warning. Writing over a file
//! keeps what isn't understood, and the lines of fields that didn't change.

mod attach;
mod document;
mod join;
mod line;
mod occurrences;
mod people;
mod put;
mod read;
mod split;
mod time;
mod vtimezone;
mod write;

use crate::event::Event;
use document::{Component, Node};
use time::Zones;

pub use attach::{Binary, Piece, TakenOut, file_digest, pieces, take_out};
pub use join::Joiner;
pub use put::put;
pub use split::{Item, Split, split, uid_of};

/// Holds, as canonical JSON, what the standard properties of an event can't tell: odd zones,
/// control characters, the second of two equal wall clock times.
const EXACT: &str = "X-EVENSYNC-EXACT";
/// Says that there is no reminder, which isn't the same as not saying anything.
const REMINDER: &str = "X-EVENSYNC-REMINDER";
/// Which occurrence of its series a component stands for.
const RECURRENCE_ID: &str = "RECURRENCE-ID";
/// How a UID ends that stands for none.
const NO_UID: &str = "@no-uid.evensync.invalid";

/// What was read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reading {
    /// The events, in the order of the file. A field that the file says nothing of is absent, but
    /// for the recurrence: it is told by the absence of RRULE, too.
    pub events: Vec<Event>,
    /// What was not understood, and what was made of it.
    pub warnings: Vec<Warning>,
}

/// Something in a file that was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it, for people.
    pub text: String,
}

impl Warning {
    fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into() }
    }
}

/// Reads every event of a file, each series as one with its occurrences; other components are
/// reported, not read.
pub fn read(bytes: &[u8]) -> Reading {
    let mut reading = Reading::default();
    let file = Component::parse(bytes, &mut reading.warnings);
    // Events without a calendar around them are taken, too.
    read_calendar(&file, &mut reading);
    for calendar in file.components("VCALENDAR") {
        read_calendar(calendar, &mut reading);
    }
    reading
}

fn read_calendar(calendar: &Component, reading: &mut Reading) {
    let zones = Zones::of(calendar);
    let Reading { events, warnings } = reading;
    let (mut series, mut changed) = (Vec::new(), Vec::new());
    for node in &calendar.nodes {
        let Node::Component(component) = node else { continue };
        match component.name.as_str() {
            "VEVENT" if occurrences::is_one(component) => changed.push(component),
            "VEVENT" => {
                let event = read::event(component, &zones, warnings);
                series.push((occurrences::uid(component), event));
            }
            "VCALENDAR" | "VTIMEZONE" => {}
            name => {
                let text = format!("{name} is not an event");
                warnings.push(Warning::new(component.number, text));
            }
        }
    }
    occurrences::read_changed(changed, &zones, &mut series, warnings);
    events.extend(series.into_iter().map(|(_, event)| event));
}

/// Writes an event as a file of its own; `dtstamp` is in seconds since 1970 UTC. Equal events and
/// times give equal files.
pub fn write(event: &Event, dtstamp: i64) -> String {
    write_into(None, event, dtstamp)
}

/// Writes an event over the one with its UID in `existing`, or beside those that have others, and
/// keeps everything else. Fields that the event doesn't have stay as they are there. An event
/// without a UID is written over the only one there.
pub fn write_into(existing: Option<&str>, event: &Event, dtstamp: i64) -> String {
    let existing = existing.unwrap_or_default().as_bytes();
    let mut file = Component::parse(existing, &mut Vec::new());
    write::into(&mut file, event, dtstamp);
    let mut text = String::new();
    file.write(&mut text);
    text
}
