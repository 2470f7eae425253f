//! What is stored of an event that comes from a file: what the file says counts, and what it says
//! nothing of stays.

use super::document::{Component, Node};
use super::split::Item;
use super::time::{Moment, Zones};
use super::{EXACT, RECURRENCE_ID, occurrences, write};
use crate::event::{Event, Occurrence};
use crate::field::Name;
use crate::people::Meeting;
use crate::recurrence::Recurrence;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// What to store of `item`, over the stored text of the same UID if there is one, written at
/// `dtstamp` (seconds since 1970 UTC); `None` where that changes nothing but DTSTAMP.
///
/// A property that the item has replaces that property, those that evensync doesn't model too; one
/// that it leaves out stays, so that a poor producer takes nothing away. Only how an event recurs
/// is told by absence as well: an event without RRULE takes place once. Fields that nothing tells
/// of a new event get the value that RFC 5545 gives them: a copy without a field is never brought
/// up to date in it.
pub fn put(existing: Option<&str>, item: &Item, dtstamp: i64) -> Option<String> {
    let Some((existing, stored)) = existing.and_then(|text| Some((text, event_in(text)?))) else {
        let file = Component::parse(item.text.as_bytes(), &mut Vec::new());
        let dtstamp = stamp(&file).unwrap_or(dtstamp);
        let event = settled(Event::filled(item.event.clone()));
        return Some(overlaid(&file, &event, item, dtstamp));
    };
    let file = Component::parse(existing.as_bytes(), &mut Vec::new());
    let event = settled(merged(stored, &item.event));
    let same = stamp(&file).map(|dtstamp| overlaid(&file, &event, item, dtstamp));
    if same.as_deref() == Some(existing) {
        return None;
    }
    Some(overlaid(&file, &event, item, dtstamp))
}

fn event_in(text: &str) -> Option<Event> {
    super::read(text.as_bytes()).events.into_iter().next()
}

/// The stored event with the fields of `new`.
fn merged(stored: Event, new: &Event) -> Event {
    let was_series = stored.is_series();
    let mut event = stored;
    let meeting = event.meeting.take();
    for field in new.present_fields() {
        // Its fields are those that every event has.
        let _ = event.take(&field, new);
    }
    let told = event.meeting.take();
    event.meeting = match (meeting, told) {
        // STATUS alone says nothing of who invited, or what was answered.
        (Some(old), Some(told))
            if Meeting { cancelled: false, ..told.clone() } == Meeting::default() =>
        {
            Some(Meeting { cancelled: told.cancelled, ..old })
        }
        (old, told) => told.or(old),
    };
    if was_series && event.recurrence == Some(Recurrence::Once) {
        event.occurrences = Some(BTreeMap::new());
    }
    event.uid = event.uid.or_else(|| new.uid.clone());
    event
}

/// The event, its occurrences with what differs now that their series tells more.
fn settled(mut event: Event) -> Event {
    let all = event.occurrences.take();
    let differing = |series: &Event, date, occurrence| {
        let Occurrence::Changed(own) = &occurrence else { return occurrence };
        let whole = series.changed_on(date, own);
        whole.and_then(|whole| series.difference(date, &whole)).unwrap_or(occurrence)
    };
    let all = all.map(|all| {
        all.into_iter().map(|(date, one)| (date, differing(&event, date, one))).collect()
    });
    Event { occurrences: all, ..event }
}

fn overlaid(stored: &Component, event: &Event, item: &Item, dtstamp: i64) -> String {
    let mut file = stored.clone();
    let source = Component::parse(item.text.as_bytes(), &mut Vec::new());
    // Changed occurrences get their components first, then the lines in them that aren't modelled;
    // written once more, all stands where later writes leave it.
    write::into(&mut file, event, dtstamp);
    copy_rest(&mut file, &source, event, &item.event);
    write::into(&mut file, event, dtstamp);
    let mut text = String::new();
    file.write(&mut text);
    text
}

/// Copies what evensync doesn't model, event by event.
fn copy_rest(file: &mut Component, source: &Component, event: &Event, new: &Event) {
    let Some(from) = source.components("VCALENDAR").next() else { return };
    let zones = Zones::of(from);
    let mut by_date: BTreeMap<Option<NaiveDate>, &Component> = BTreeMap::new();
    for vevent in from.components("VEVENT").filter(|vevent| is_read(new, vevent, &zones)) {
        by_date.entry(occurrences::date(new, vevent, &zones)).or_insert(vevent);
    }
    for node in &mut file.nodes {
        let Node::Component(calendar) = node else { continue };
        let zones = Zones::of(calendar);
        for node in &mut calendar.nodes {
            let Node::Component(vevent) = node else { continue };
            if vevent.name != "VEVENT" || !is_read(event, vevent, &zones) {
                continue;
            }
            if let Some(from) = by_date.get(&occurrences::date(event, vevent, &zones)) {
                copy_lines(vevent, from);
            }
        }
        if new.is_series() {
            copy_unread(calendar, from, event, new);
        }
    }
}

/// Whether a component is the event, or an occurrence of it that is read.
fn is_read(event: &Event, vevent: &Component, zones: &Zones) -> bool {
    !occurrences::is_one(vevent) || occurrences::date(event, vevent, zones).is_some()
}

/// Copies the occurrences that aren't read, of a series that only RFC 5545 can tell those that it
/// leaves out, too.
fn copy_unread(to: &mut Component, from: &Component, event: &Event, new: &Event) {
    let unread = |of: &Event, zones: &Zones, node: &Node| {
        node.component("VEVENT").is_some_and(|vevent| !is_read(of, vevent, zones))
    };
    let zones = Zones::of(to);
    to.nodes.retain(|node| !unread(event, &zones, node));
    let zones = Zones::of(from);
    to.nodes.extend(from.nodes.iter().filter(|node| unread(new, &zones, node)).cloned());
    if !matches!(new.recurrence, Some(Recurrence::Other(_))) {
        return;
    }
    let is_series = |vevent: &&Component| !occurrences::is_one(vevent);
    let Some(from) = from.components("VEVENT").find(is_series) else { return };
    for node in &mut to.nodes {
        if let Node::Component(vevent) = node
            && vevent.name == "VEVENT"
            && is_series(&&*vevent)
        {
            replace(vevent, "EXDATE", from.nodes.iter().filter(|node| node.name() == "EXDATE"));
        }
    }
}

fn copy_lines(to: &mut Component, from: &Component) {
    let mut rest: BTreeMap<String, Vec<&Node>> = BTreeMap::new();
    let is_one = occurrences::is_one(from);
    for node in &from.nodes {
        let name = node.name();
        let ours = matches!(name.as_str(), "UID" | "DTSTAMP" | EXACT | RECURRENCE_ID);
        // An occurrence's own people and attachments aren't modelled.
        let is_rest = match write::owner(&name) {
            Some(Name::Meeting | Name::Attendees | Name::Attachments) => is_one,
            Some(_) => false,
            None => true,
        };
        if !ours && is_rest {
            rest.entry(name).or_default().push(node);
        }
    }
    for (name, nodes) in rest {
        replace(to, &name, nodes.into_iter());
    }
}

/// Puts `nodes` in the place of those with their name, unless they are the same.
fn replace<'a>(to: &mut Component, name: &str, nodes: impl Iterator<Item = &'a Node> + Clone) {
    let standing = to.nodes.iter().filter(|node| node.name() == name);
    if written(standing) != written(nodes.clone()) {
        to.nodes.retain(|node| node.name() != name);
        to.nodes.extend(nodes.cloned());
    }
}

fn written<'a>(nodes: impl Iterator<Item = &'a Node>) -> String {
    let mut text = String::new();
    Component { nodes: nodes.cloned().collect(), ..Component::default() }.write(&mut text);
    text
}

fn stamp(file: &Component) -> Option<i64> {
    let calendar = file.components("VCALENDAR").next()?;
    let mut events = calendar.components("VEVENT");
    let line = events.find(|vevent| !occurrences::is_one(vevent))?.line("DTSTAMP")?;
    Some(Zones::default().place(&line, Moment::parse(&line.value)?).instant)
}
