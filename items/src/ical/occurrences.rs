//! The occurrences of a series that differ from it: EXDATE, and components with a RECURRENCE-ID.
//!
//! Those of a series that only RFC 5545 can tell are not read, and stay as they stand.

use super::document::{Component, Node};
use super::line::{Line, compose, escape};
use super::time::{Moment, Zones};
use super::{RECURRENCE_ID, Warning, people, read, write};
use crate::event::{Event, Occurrence, Timing};
use crate::recurrence::Recurrence;
use crate::zone;
use chrono::NaiveDate;
use std::collections::BTreeMap;

/// The UID of a component as it stands there, also where it only fills the place of one.
pub(super) fn uid(vevent: &Component) -> Option<String> {
    let uid = vevent.line("UID")?.value.trim().to_owned();
    (!uid.is_empty()).then_some(uid)
}

/// Whether a component stands for an occurrence, or for several of a series.
pub(super) fn is_one(vevent: &Component) -> bool {
    vevent.line(RECURRENCE_ID).is_some()
}

/// The date on which the recurrence of `master` has the occurrence that a VEVENT stands for; `None`
/// where the component is not read.
pub(super) fn date(master: &Event, vevent: &Component, zones: &Zones) -> Option<NaiveDate> {
    modelled(master, vevent, zones).ok()
}

/// As [`date`], or why the component is not read, if that is worth saying.
fn modelled(
    master: &Event,
    vevent: &Component,
    zones: &Zones,
) -> Result<NaiveDate, Option<String>> {
    let Some(rule) = master.recurrence.as_ref().and_then(Recurrence::rule) else {
        return Err(None);
    };
    let unread = || Some("an occurrence without a date that can be read".to_owned());
    let line = vevent.line(RECURRENCE_ID).ok_or_else(unread)?;
    if line.param("RANGE").is_some() {
        let text = "a change of all occurrences from one on is not read; it stays as it stands";
        return Err(Some(text.to_owned()));
    }
    let moment = Moment::parse(&line.value).ok_or_else(unread)?;
    let date = date_of(master, &line, moment, zones).ok_or_else(unread)?;
    match master.first_date().is_some_and(|first| !rule.among(first, [date]).is_empty()) {
        true => Ok(date),
        false => {
            Err(Some(format!("the series has no occurrence on {date}; it stays as it stands")))
        }
    }
}

fn date_of(master: &Event, line: &Line, moment: Moment, zones: &Zones) -> Option<NaiveDate> {
    match (moment, &master.timing) {
        (Moment::Date(date), _) => Some(date),
        (Moment::Wall(wall), Some(Timing::AllDay { .. })) => Some(wall.date()),
        (Moment::Utc(_) | Moment::Wall(_), _) => {
            let start = zones.place(line, moment).instant;
            let (start_zone, end_zone) = (None, None);
            master.date_of(&Timing::Timed { start, end: start, start_zone, end_zone })
        }
    }
}

/// EXDATE; absent where the event is no series of which occurrences are read.
pub(super) fn deleted(
    vevent: &Component,
    event: &Event,
    zones: &Zones,
    warnings: &mut Vec<Warning>,
) -> Option<BTreeMap<NaiveDate, Occurrence>> {
    let rule = event.recurrence.as_ref()?.rule()?;
    let mut dates = BTreeMap::new();
    for (number, line) in vevent.lines("EXDATE") {
        for value in line.value.split(',').filter(|value| !value.trim().is_empty()) {
            let date = Moment::parse(value).and_then(|at| date_of(event, &line, at, zones));
            match date {
                Some(date) => _ = dates.insert(date, number),
                None => warnings.push(Warning::new(number, format!("EXDATE {value} is no date"))),
            }
        }
    }
    let had = rule.among(event.first_date()?, dates.keys().copied());
    for (date, number) in dates.iter().filter(|(date, _)| !had.contains(date)) {
        warnings.push(Warning::new(*number, format!("the series has no occurrence on {date}")));
    }
    Some(had.into_iter().map(|date| (date, Occurrence::Deleted)).collect())
}

/// Puts changed occurrences into their series, each of which stands beside its UID. Of two
/// components for one occurrence the one with the higher SEQUENCE counts (RFC 5545 3.8.7.4), and
/// then the later.
pub(super) fn read_changed(
    mut changed: Vec<&Component>,
    zones: &Zones,
    series: &mut [(Option<String>, Event)],
    warnings: &mut Vec<Warning>,
) {
    changed.sort_by_key(|component| sequence(component));
    for component in changed {
        let uid = uid(component);
        let master = series.iter_mut().find(|(of, _)| *of == uid);
        let Some((_, master)) = master.filter(|(_, master)| master.is_series()) else {
            let text = "an occurrence without its series is not read";
            warnings.push(Warning::new(component.number, text));
            continue;
        };
        match modelled(master, component, zones) {
            Ok(date) => {
                let occurrence = whole(master, read::event(component, zones, warnings));
                let difference = match is_cancelled(component) {
                    true => Some(Occurrence::Deleted),
                    false => master.difference(date, &occurrence),
                };
                let occurrences = master.occurrences.get_or_insert_default();
                occurrences.extend(difference.map(|difference| (date, difference)));
            }
            Err(why) => {
                warnings.extend(why.map(|why| Warning::new(component.number, why)));
            }
        }
    }
}

/// The occurrence with what its component leaves out though the series has it: a component is a
/// whole event, and what it doesn't have is empty. A zone that only the file knows is that of the
/// series, which was told by more years.
pub(super) fn whole(series: &Event, occurrence: Event) -> Event {
    let mut whole = occurrence;
    if let Some(Timing::Timed { start_zone, end_zone, .. }) = &mut whole.timing {
        let unknown = |name: &String| zone::iana(name).is_none();
        let (start, end) = series.zones();
        for (zone, own) in [(start_zone, start), (end_zone, end)] {
            if zone.as_ref().is_some_and(unknown) {
                *zone = own;
            }
        }
    }
    let empty = whole.clone().filled();
    for name in crate::series::OWN {
        if series.has(name) && !whole.has(name) {
            // Its own fields are those that every event has.
            let _ = whole.take(&name.field(), &empty);
        }
    }
    whole
}

fn sequence(component: &Component) -> u64 {
    let line = component.line("SEQUENCE");
    line.and_then(|line| line.value.trim().parse().ok()).unwrap_or_default()
}

fn is_cancelled(component: &Component) -> bool {
    component.line("STATUS").is_some_and(|line| line.value.trim().eq_ignore_ascii_case("CANCELLED"))
}

/// The series of a component with the occurrences beside it: what stands there before it is written
/// over.
pub(super) fn standing(calendar: &Component, vevent: &Component, zones: &Zones) -> Event {
    let own = uid(vevent);
    let is_its = |other: &&Component| is_one(other) && uid(other) == own;
    let changed = calendar.components("VEVENT").filter(is_its).collect();
    let master = read::event(vevent, zones, &mut Vec::new());
    let mut series = [(own.clone(), master)];
    if series[0].1.is_series() {
        read_changed(changed, zones, &mut series, &mut Vec::new());
    }
    let [(_, series)] = series;
    series
}

/// What an event is once `event` is written over `standing`: fields that it doesn't have stay. Only
/// occurrences that its recurrence has are left.
pub(super) fn over(standing: Option<&Event>, event: &Event) -> Event {
    let mut whole = standing.cloned().unwrap_or_default();
    for field in event.present_fields() {
        // Its fields are those that every event has.
        let _ = whole.take(&field, event);
    }
    whole.uid = event.uid.clone().or(whole.uid);
    whole.occurrences = match (&whole.recurrence, whole.first_date()) {
        (Some(Recurrence::Other(_)), _) => None,
        (Some(Recurrence::Rule(rule)), Some(first)) => whole.occurrences.take().map(|mut all| {
            let had = rule.among(first, all.keys().copied());
            all.retain(|date, _| had.contains(date));
            all
        }),
        (Some(Recurrence::Rule(_)), None) => whole.occurrences,
        (Some(Recurrence::Once) | None, _) => whole.occurrences.map(|_| BTreeMap::new()),
    };
    whole
}

/// Gives the occurrences of the event that stood there under the UID `old` the one that it has now.
pub(super) fn adopt(calendar: &mut Component, old: Option<&str>, new: &str) {
    for node in &mut calendar.nodes {
        if let Node::Component(vevent) = node
            && vevent.name == "VEVENT"
            && is_one(vevent)
            && uid(vevent).as_deref() == old
        {
            set_uid(vevent, new);
        }
    }
}

fn set_uid(vevent: &mut Component, uid: &str) {
    vevent.nodes.retain(|node| node.name() != "UID");
    vevent.nodes.insert(0, Node::Line(0, compose("UID", &[], &escape(uid))));
}

/// Writes a component for each changed occurrence of the series with this UID, over those that
/// stand there; `old` is the series as it stood. Returns whether one takes place at another time
/// now.
pub(super) fn write_changed(
    calendar: &mut Component,
    (old, series): (Option<&Event>, &Event),
    own: &str,
    occurrences: &BTreeMap<NaiveDate, Occurrence>,
    (dtstamp, zones): (i64, &Zones),
) -> bool {
    let mut standing = take_standing(calendar, (old, series), own, zones);
    let mut moved = false;
    for (date, occurrence) in occurrences {
        let Occurrence::Changed(difference) = occurrence else { continue };
        let (Some(event), Some(id)) =
            (series.changed_on(*date, difference), write::dated(RECURRENCE_ID, series, *date))
        else {
            continue;
        };
        let mut vevent = standing.remove(date).unwrap_or_else(|| {
            let nodes = people::of_series(series).collect();
            Component { nodes, ..Component::new("VEVENT") }
        });
        let cancelled = is_cancelled(&vevent);
        vevent.nodes.retain(|node| match node.name().as_str() {
            RECURRENCE_ID => false,
            "STATUS" => !cancelled,
            _ => true,
        });
        set_uid(&mut vevent, own);
        // What it has of these is not modelled, and stays.
        let event = Event { meeting: None, attendees: None, attachments: None, ..event };
        moved |= write::rewrite(&mut vevent, &event, dtstamp, zones, Some(series));
        vevent.nodes.insert(1, Node::Line(0, id));
        calendar.nodes.push(Node::Component(vevent));
    }
    moved
}

/// Takes out the components that are read as occurrences, of the series as it stood or as it is
/// now. Others stay, as long as there is a series.
fn take_standing(
    calendar: &mut Component,
    (old, series): (Option<&Event>, &Event),
    own: &str,
    zones: &Zones,
) -> BTreeMap<NaiveDate, Component> {
    let mut standing: BTreeMap<NaiveDate, Component> = BTreeMap::new();
    calendar.nodes.retain(|node| {
        let is_its = |vevent: &&Component| is_one(vevent) && uid(vevent).unwrap_or_default() == own;
        let Some(vevent) = node.component("VEVENT").filter(is_its) else { return true };
        let known = old.and_then(|old| date(old, vevent, zones));
        let Some(date) = known.or_else(|| date(series, vevent, zones)) else {
            return series.is_series();
        };
        let beaten = |other: &Component| sequence(other) > sequence(vevent);
        if !standing.get(&date).is_some_and(beaten) {
            standing.insert(date, vevent.clone());
        }
        false
    });
    standing
}
