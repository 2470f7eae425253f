//! A file cut into its events, each as a file of its own that keeps whatever stood there: what an
//! import stores.

use super::document::{Component, Node};
use super::line::compose;
use super::time::{Moment, Zones};
use super::{Reading, Warning, occurrences, read, read_calendar, write};
use crate::event::{Event, Timing};
use std::collections::{BTreeMap, BTreeSet};

/// Where the times of a calendar are that name no zone.
const FLOATING: &str = "X-WR-TIMEZONE";

/// What attendees send to organizers (RFC 5546): it names who answers alone, and is no event.
const ANSWERS: [&str; 4] = ["REPLY", "COUNTER", "DECLINECOUNTER", "REFRESH"];

/// A file, cut into its events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// The events, in the order of the file.
    pub items: Vec<Item>,
    /// Whole components that are no events, or none that could take place.
    pub set_aside: Vec<Warning>,
    /// What was not understood of the rest of the file, and what was made of it.
    pub warnings: Vec<Warning>,
    /// Whether there was any component: a file without one is no iCalendar.
    pub is_calendar: bool,
}

/// One event, or one series with its occurrences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// Its UID, or the one in its text, made of the content, where the file gives none.
    pub uid: String,
    /// What the text says.
    pub event: Event,
    /// A file with this event and nothing else: its lines as they stood there, but for DTSTAMP's
    /// place, and times without a zone that the calendar gave one.
    pub text: String,
}

/// Cuts a file into its events. `dtstamp`, in seconds since 1970 UTC, is given to those that have
/// no DTSTAMP.
pub fn split(bytes: &[u8], dtstamp: i64) -> Split {
    let mut split = Split::default();
    let file = Component::parse(bytes, &mut split.warnings);
    split.is_calendar = file.nodes.iter().any(|node| matches!(node, Node::Component(_)));
    // Events without a calendar around them are taken, too.
    cut(&file, dtstamp, &mut split);
    for calendar in file.components("VCALENDAR") {
        cut(calendar, dtstamp, &mut split);
    }
    split
}

fn cut(calendar: &Component, dtstamp: i64, split: &mut Split) {
    let shared = Shared::of(calendar);
    let mut changed: BTreeMap<Option<String>, Vec<&Component>> = BTreeMap::new();
    let mut masters = Vec::new();
    let method = calendar.line("METHOD").map(|line| line.value.trim().to_uppercase());
    let is_answer = method.as_deref().is_some_and(|method| ANSWERS.contains(&method));
    for node in &calendar.nodes {
        let Node::Component(component) = node else { continue };
        match component.name.as_str() {
            "VEVENT" if is_answer => split.set_aside.push(answer(component.number)),
            "VEVENT" if occurrences::is_one(component) => {
                changed.entry(occurrences::uid(component)).or_default().push(component);
            }
            "VEVENT" => masters.push(component),
            "VCALENDAR" | "VTIMEZONE" => {}
            name => split.set_aside.push(not_an_event(component.number, name)),
        }
    }
    for master in masters {
        let its = changed.remove(&occurrences::uid(master)).unwrap_or_default();
        item(&shared, master, its, dtstamp, split);
    }
    let orphans = changed.into_values().flatten();
    split.set_aside.extend(orphans.map(|component| orphan(component.number)));
}

/// What the events of a calendar share.
struct Shared<'a> {
    lines: Vec<Node>,
    zones: BTreeMap<String, &'a Component>,
}

impl<'a> Shared<'a> {
    fn of(calendar: &'a Component) -> Self {
        let mut lines = Vec::new();
        for (name, otherwise) in [
            ("VERSION", Some("2.0")),
            ("PRODID", Some(write::PRODID)),
            ("CALSCALE", None),
            (FLOATING, None),
        ] {
            let found = calendar.nodes.iter().find(|node| node.name() == name);
            let made = || otherwise.map(|value| Node::Line(0, compose(name, &[], value)));
            lines.extend(found.cloned().or_else(made));
        }
        let zones = calendar.components("VTIMEZONE");
        let zones = zones.filter_map(|zone| Some((zone.line("TZID")?.value, zone))).collect();
        Self { lines, zones }
    }

    /// A calendar with these events only, and the zones that they name.
    fn calendar(&self, events: &[&Component]) -> Component {
        let mut calendar = Component::new("VCALENDAR");
        calendar.nodes.clone_from(&self.lines);
        let used: BTreeSet<String> = events.iter().flat_map(|event| zones_of(event)).collect();
        let zones = used.iter().filter_map(|name| self.zones.get(name));
        calendar.nodes.extend(zones.map(|zone| Node::Component((*zone).clone())));
        calendar.nodes.extend(events.iter().map(|event| {
            let mut event = (*event).clone();
            event.nodes.retain(|node| !is_empty_uid(node));
            Node::Component(event)
        }));
        calendar
    }
}

/// Reads one event with its occurrences, or says why it is set aside.
fn item(
    shared: &Shared<'_>,
    master: &Component,
    its: Vec<&Component>,
    dtstamp: i64,
    split: &mut Split,
) {
    let mut calendar = shared.calendar(&[&[master], &its[..]].concat());
    let zones = Zones::of(&calendar);
    let series = read::event(master, &zones, &mut Vec::new());
    let is_its = |node: &Node| {
        let component = node.component("VEVENT")?;
        let lost = occurrences::is_one(component) && !series.is_series();
        lost.then(|| orphan(component.number))
    };
    split.set_aside.extend(calendar.nodes.iter().filter_map(is_its));
    calendar.nodes.retain(|node| is_its(node).is_none());
    let mut reading = Reading::default();
    read_calendar(&calendar, &mut reading);
    split.warnings.append(&mut reading.warnings);
    let Some(event) = reading.events.into_iter().next() else { return };
    if let Some(why) = impossible(&event) {
        split.set_aside.push(Warning::new(master.number, why));
        return;
    }
    let stamped = master.line("DTSTAMP");
    let stamped = stamped.and_then(|line| Some(zones.place(&line, Moment::parse(&line.value)?)));
    let dtstamp = stamped.map_or(dtstamp, |placed| placed.instant);
    // Its times say where they are from now on.
    calendar.nodes.retain(|node| node.name() != FLOATING);
    let mut file = Component::default();
    file.nodes.push(Node::Component(calendar));
    write::into(&mut file, &event, dtstamp);
    let uid = event.uid.clone().or_else(|| uid_in(&file)).unwrap_or_default();
    let mut text = String::new();
    file.write(&mut text);
    split.items.push(Item { line: master.number, uid, event, text });
}

/// Why an event can't take place.
fn impossible(event: &Event) -> Option<&'static str> {
    match &event.timing {
        None => Some("an event without a start that can be read"),
        Some(Timing::Timed { start, end, .. }) if end < start => {
            Some("an event that ends before it begins")
        }
        Some(Timing::Timed { .. } | Timing::AllDay { .. }) => None,
    }
}

/// The zones that the lines of an event name.
pub(super) fn zones_of(event: &Component) -> impl Iterator<Item = String> + '_ {
    event.nodes.iter().filter_map(|node| match node {
        Node::Line(_, raw) if raw.to_ascii_uppercase().contains("TZID") => {
            super::line::Line::parse(raw)?.param("TZID").map(str::to_owned)
        }
        Node::Line(..) | Node::Component(_) => None,
    })
}

/// The UID that stands in the text of one event, also where it only fills the place of one.
pub fn uid_of(text: &str) -> Option<String> {
    uid_in(&Component::parse(text.as_bytes(), &mut Vec::new()))
}

fn uid_in(file: &Component) -> Option<String> {
    let calendar = file.components("VCALENDAR").next()?;
    let mut events = calendar.components("VEVENT");
    let event = events.find(|event| !occurrences::is_one(event))?;
    Some(event.line("UID")?.value)
}

fn is_empty_uid(node: &Node) -> bool {
    match node {
        Node::Line(_, raw) if node.name() == "UID" => {
            super::line::Line::parse(raw).is_none_or(|line| line.value.is_empty())
        }
        Node::Line(..) | Node::Component(_) => false,
    }
}

fn not_an_event(number: usize, name: &str) -> Warning {
    Warning::new(number, format!("{name} is not an event"))
}

fn answer(number: usize) -> Warning {
    Warning::new(number, "an answer to an invitation is no event")
}

fn orphan(number: usize) -> Warning {
    Warning::new(number, "an occurrence without its series")
}
