//! Many events as one file: what an export to a single file writes.

use super::document::{Component, Node};
use super::line::{compose, fold};
use super::{split, vtimezone, write};
use crate::event::{Event, Timing};
use crate::zone;
use chrono::{DateTime, Datelike};
use std::collections::BTreeMap;

/// Zones are defined for no years outside of these.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2100;

/// Puts events together: each is added, and its lines are written down by the caller, between
/// [`Joiner::head`] and [`Joiner::tail`].
#[derive(Debug, Clone, Default)]
pub struct Joiner {
    /// The zones by TZID; `None` where no definition stood there.
    zones: BTreeMap<String, Option<Component>>,
    years: Option<(i32, i32)>,
    /// Events whose zones mean something else than those of the same name in other events.
    apart: String,
}

impl Joiner {
    /// Takes the text of one event, and what it says. Returns the lines to write; none where it
    /// needs a calendar of its own, which comes with the tail.
    pub fn add(&mut self, text: &str, event: Option<&Event>) -> String {
        let file = Component::parse(text.as_bytes(), &mut Vec::new());
        let mut lines = String::new();
        for calendar in file.components("VCALENDAR") {
            let zones = zones(calendar);
            let differs = |(name, zone): (&String, &Option<Component>)| {
                zone::iana(name).is_none() && self.zones.get(name).is_some_and(|z| z != zone)
            };
            if zones.iter().any(differs) {
                let own =
                    Component { nodes: calendar.nodes.clone(), ..Component::new("VCALENDAR") };
                fold_component(own, &mut self.apart);
                continue;
            }
            self.zones.extend(zones);
            for event in calendar.components("VEVENT") {
                fold_component(event.clone(), &mut lines);
            }
        }
        self.cover(event);
        lines
    }

    /// What comes before the events: known only when all are added.
    pub fn head(&self) -> String {
        let mut calendar = Component::default();
        calendar.push(compose("BEGIN", &[], "VCALENDAR"));
        calendar.push(compose("VERSION", &[], "2.0"));
        calendar.push(compose("PRODID", &[], write::PRODID));
        let (first, last) = self.years.unwrap_or((*YEARS.end(), *YEARS.end()));
        for (tzid, standing) in &self.zones {
            let made =
                zone::iana(tzid).and_then(|name| vtimezone::write(tzid, name, first - 1, last + 1));
            let zone = made.or_else(|| standing.clone());
            calendar.nodes.extend(zone.map(Node::Component));
        }
        let mut text = String::new();
        calendar.write(&mut text);
        text
    }

    /// What comes after the events.
    pub fn tail(&self) -> String {
        format!("END:VCALENDAR\r\n{}", self.apart)
    }

    /// Widens the years that zones are defined for.
    fn cover(&mut self, event: Option<&Event>) {
        let Some(Timing::Timed { start, end, .. }) = event.and_then(|e| e.timing.as_ref()) else {
            return;
        };
        let year = |at: i64| DateTime::from_timestamp(at, 0).map(|at| at.year());
        let (Some(start), Some(end)) = (year(*start), year(*end)) else { return };
        let longer = if event.is_some_and(Event::is_series) { vtimezone::SERIES_YEARS } else { 0 };
        let within = |year: i32| year.clamp(*YEARS.start(), *YEARS.end());
        let (first, last) = (within(start), within(end.saturating_add(longer)));
        let (low, high) = self.years.unwrap_or((first, last));
        self.years = Some((low.min(first), high.max(last)));
    }
}

/// The zones that the events of a calendar name, and their definitions there.
fn zones(calendar: &Component) -> BTreeMap<String, Option<Component>> {
    let names = calendar.components("VEVENT").flat_map(split::zones_of);
    let definition = |name: &String| {
        let is_it = |zone: &&Component| zone.line("TZID").is_some_and(|line| line.value == *name);
        // Without the numbers of its lines, which say where it stood.
        let zone = calendar.components("VTIMEZONE").find(is_it)?;
        Some(unnumbered(zone))
    };
    names.map(|name| (name.clone(), definition(&name))).collect()
}

fn unnumbered(component: &Component) -> Component {
    let nodes = component.nodes.iter().map(|node| match node {
        Node::Line(_, raw) => Node::Line(0, raw.clone()),
        Node::Component(inner) => Node::Component(unnumbered(inner)),
    });
    Component { nodes: nodes.collect(), ..Component::new(&component.name) }
}

fn fold_component(component: Component, out: &mut String) {
    fold(&compose("BEGIN", &[], &component.name), out);
    component.write(out);
    fold(&compose("END", &[], &component.name), out);
}
