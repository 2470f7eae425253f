//! Event to VEVENT: only what differs from what stands there is written anew.

use super::document::{Component, Node};
use super::line::{Line, Standing, compose, escape};
use super::time::{self, Zones};
use super::{EXACT, NO_UID, REMINDER, attach, occurrences, people, read, vtimezone};
use crate::event::{
    Body, BodyKind, Event, Importance, Occurrence, Reminder, Sensitivity, ShowAs, Timing,
};
use crate::field::Name;
use crate::people::Meeting;
use crate::recurrence::Recurrence;
use crate::{html, zone};
use chrono::{Datelike, NaiveDate};
use std::collections::{BTreeMap, BTreeSet};

/// Who writes.
pub(super) const PRODID: &str = "-//evensync//items//EN";

/// Writes `event` into the file, over the event with its UID if there is one.
pub(super) fn into(file: &mut Component, event: &Event, dtstamp: i64) {
    let at = file.nodes.iter().position(|node| node.component("VCALENDAR").is_some());
    match at.map(|at| &mut file.nodes[at]) {
        Some(Node::Component(calendar)) => into_calendar(calendar, event, dtstamp),
        Some(Node::Line(..)) | None => {
            let mut calendar = Component::new("VCALENDAR");
            calendar.push(compose("VERSION", &[], "2.0"));
            calendar.push(compose("PRODID", &[], PRODID));
            into_calendar(&mut calendar, event, dtstamp);
            file.nodes.push(Node::Component(calendar));
        }
    }
}

fn into_calendar(calendar: &mut Component, event: &Event, dtstamp: i64) {
    let zones = Zones::of(calendar);
    let place = place(calendar, event);
    let (mut vevent, old) = match place.map(|at| calendar.nodes.remove(at)) {
        Some(Node::Component(vevent)) => {
            let old = occurrences::standing(calendar, &vevent, &zones);
            (vevent, Some(old))
        }
        Some(Node::Line(..)) | None => (Component::new("VEVENT"), None),
    };
    let old_uid = occurrences::uid(&vevent);
    let event = occurrences::over(old.as_ref(), event);
    let mut moved = rewrite(&mut vevent, &event, dtstamp, &zones, None);
    let series = read::event(&vevent, &zones, &mut Vec::new());
    let own = occurrences::uid(&vevent).unwrap_or_default();
    let at = place.unwrap_or(calendar.nodes.len());
    calendar.nodes.insert(at, Node::Component(vevent));
    if old.is_some() {
        occurrences::adopt(calendar, old_uid.as_deref(), &own);
    }
    if let Some(all) = &event.occurrences {
        let both = (old.as_ref(), &series);
        moved |= occurrences::write_changed(calendar, both, &own, all, (dtstamp, &zones));
    }
    if moved {
        write_zones(calendar, &event, &own);
    }
}

/// The event as a reader would know it who has nothing but the standard properties.
pub(super) fn as_read(event: &Event) -> Event {
    let mut vevent = Component::new("VEVENT");
    vevent.push(compose("UID", &[], &escape(&uid(event))));
    for name in Name::ALL {
        vevent.nodes.extend(properties(event, name, &[]));
    }
    read::plain(&vevent, &Zones::default(), &mut Vec::new())
}

/// Where the event stands now: by UID, or the only one there is if one of the two has no UID.
fn place(calendar: &Component, event: &Event) -> Option<usize> {
    let written = as_read(&Event { uid: event.uid.clone(), ..Event::default() }).uid;
    let written = written.map(|uid| uid.trim().to_owned());
    let single = |at: usize| {
        let vevent = calendar.nodes[at].component("VEVENT")?;
        let uid = occurrences::uid(vevent).filter(|uid| read::is_uid(uid));
        (!occurrences::is_one(vevent)).then_some((at, uid))
    };
    let all: Vec<_> = (0..calendar.nodes.len()).filter_map(single).collect();
    if let Some((at, _)) = all.iter().find(|(_, uid)| uid.is_some() && *uid == written) {
        return Some(*at);
    }
    match &all[..] {
        [(at, uid)] if uid.is_none() || written.is_none() => Some(*at),
        _ => None,
    }
}

/// Writes the fields that differ, and tells whether one of them says when the event takes place.
/// `series` is that of an occurrence.
pub(super) fn rewrite(
    vevent: &mut Component,
    event: &Event,
    dtstamp: i64,
    zones: &Zones,
    series: Option<&Event>,
) -> bool {
    let old = whole(series, read::event(vevent, zones, &mut Vec::new()));
    // Changed occurrences stand in components of their own.
    let event = &Event { occurrences: deleted(event), ..event.clone() };
    let differs = |name: &Name| event.has(*name) && worded(event, *name) != worded(&old, *name);
    let mut changed: Vec<_> = Name::ALL.into_iter().filter(differs).collect();
    let moved = changed.iter().any(|name| matches!(name, Name::Timing | Name::Recurrence));
    if moved {
        // Their dates are written with the time of the start, and are those of the recurrence.
        let dated = [Name::Recurrence, Name::Occurrences].into_iter();
        let stale: Vec<_> =
            dated.filter(|name| event.has(*name) && !changed.contains(name)).collect();
        changed.extend(stale);
    }
    let people = [Name::Meeting, Name::Attendees];
    if people.iter().any(|name| changed.contains(name)) {
        // Whether the organizer counts depends on the attendees.
        changed.retain(|name| !people.contains(name));
        changed.extend(people.into_iter().filter(|name| event.has(*name)));
    }
    let standing = standing(vevent);
    let kept_uid = vevent.line("UID").map(|line| line.value).filter(|_| event.uid.is_none());
    let uid = kept_uid.unwrap_or_else(|| uid(event));
    let alarm = vevent.nodes.iter().position(|node| is_reminder(node, old.timing.as_ref(), zones));
    let mut at = 0;
    vevent.nodes.retain(|node| {
        let name = node.name();
        let stays = match owner(&name) {
            _ if matches!(name.as_str(), "UID" | "DTSTAMP" | EXACT) => false,
            Some(field) if changed.contains(&field) => match node {
                Node::Component(_) => Some(at) != alarm,
                Node::Line(_, raw) => field == Name::Attachments && !attach::is_read(raw),
            },
            Some(_) | None => true,
        };
        at += 1;
        stays
    });
    let mut head = vec![Node::Line(0, compose("UID", &[], &escape(&uid)))];
    if let Some(dtstamp) = time::format_utc(dtstamp) {
        head.push(Node::Line(0, compose("DTSTAMP", &[], &dtstamp)));
    }
    vevent.nodes.splice(0..0, head);
    for name in &changed {
        vevent.nodes.extend(properties(event, *name, &standing));
    }
    keep_exact(vevent, event, zones, series);
    // Components come after the lines.
    vevent.nodes.sort_by_key(|node| matches!(node, Node::Component(_)));
    moved
}

/// The lines of people and attachments, which may say more than is known of them here.
fn standing(vevent: &Component) -> Vec<Standing> {
    let is_its = |name: Option<Name>| {
        matches!(name, Some(Name::Meeting | Name::Attendees | Name::Attachments))
    };
    let lines = vevent.nodes.iter().filter(|node| is_its(owner(&node.name())));
    let lines = lines.filter_map(|node| match node {
        Node::Line(_, raw) => Some(Standing { line: Line::parse(raw)?, raw: raw.clone() }),
        Node::Component(_) => None,
    });
    lines.collect()
}

/// A field alone, as lines can tell it: nobody invited and nothing attached is no line.
fn worded(event: &Event, name: Name) -> Event {
    let alone = event.only(&BTreeSet::from([name.field()]));
    Event {
        meeting: alone.meeting.filter(|meeting| *meeting != Meeting::default()),
        attendees: alone.attendees.filter(|all| !all.is_empty()),
        attachments: alone.attachments.filter(|all| !all.is_empty()),
        ..alone
    }
}

/// What a component says: one of a series leaves nothing open that the series has.
fn whole(series: Option<&Event>, event: Event) -> Event {
    match series {
        Some(series) => occurrences::whole(series, event),
        None => event,
    }
}

/// Keeps beside them what the standard properties can't hold.
fn keep_exact(vevent: &mut Component, event: &Event, zones: &Zones, series: Option<&Event>) {
    let told = whole(series, read::plain(vevent, zones, &mut Vec::new()));
    // What became of occurrences stands in components of their own.
    let held = Name::ALL.into_iter().filter(|name| *name != Name::Occurrences);
    let lost = held.filter(|name| worded(&told, *name) != worded(event, *name));
    let mut exact = event.only(&lost.map(Name::field).collect());
    if event.uid.is_some() && told.uid != event.uid {
        exact.uid.clone_from(&event.uid);
    }
    if exact != Event::default() {
        // JSON leaves this one control character as it is.
        let json = String::from_utf8_lossy(&exact.to_canonical()).replace('\u{7f}', "\\u007f");
        vevent.push(compose(EXACT, &[], &escape(&json)));
    }
}

/// The field that a property or component belongs to.
pub(super) fn owner(name: &str) -> Option<Name> {
    Some(match name {
        "SUMMARY" => Name::Subject,
        "DESCRIPTION" | "X-ALT-DESC" => Name::Body,
        "LOCATION" => Name::Location,
        "DTSTART" | "DTEND" | "DURATION" | "X-MICROSOFT-CDO-ALLDAYEVENT" => Name::Timing,
        "RRULE" | "RDATE" | "EXRULE" => Name::Recurrence,
        "EXDATE" => Name::Occurrences,
        "CATEGORIES" => Name::Categories,
        "VALARM" | REMINDER => Name::Reminder,
        "TRANSP" | "X-MICROSOFT-CDO-BUSYSTATUS" => Name::ShowAs,
        "CLASS" => Name::Sensitivity,
        "PRIORITY" | "X-MICROSOFT-CDO-IMPORTANCE" => Name::Importance,
        "ORGANIZER" | "STATUS" | people::RESPONSE => Name::Meeting,
        "ATTENDEE" => Name::Attendees,
        "ATTACH" => Name::Attachments,
        _ => return None,
    })
}

fn is_reminder(node: &Node, timing: Option<&Timing>, zones: &Zones) -> bool {
    node.component("VALARM").is_some_and(|alarm| read::minutes(alarm, timing, zones).is_some())
}

/// RFC 5545 wants a UID; an event without one gets one that says so.
fn uid(event: &Event) -> String {
    match &event.uid {
        Some(uid) => uid.clone(),
        None => format!("{}{NO_UID}", &blake3::hash(&event.to_canonical()).to_hex()[..32]),
    }
}

/// The lines and components that tell a field; none where it is absent or can't be told.
fn properties(event: &Event, name: Name, standing: &[Standing]) -> Vec<Node> {
    let text = |key: &str, value: &Option<String>| -> Vec<String> {
        value.iter().map(|value| compose(key, &[], &escape(value))).collect()
    };
    let lines = match name {
        Name::Subject => text("SUMMARY", &event.subject),
        Name::Location => text("LOCATION", &event.location),
        Name::Body => event.body.as_ref().map(body).unwrap_or_default(),
        Name::Timing => event.timing.as_ref().and_then(timing).unwrap_or_default(),
        Name::Recurrence => recurrence(event),
        Name::Occurrences => {
            let deleted = deleted(event).into_iter().flatten();
            deleted.filter_map(|(date, _)| dated("EXDATE", event, date)).collect()
        }
        Name::Categories => {
            let names = event.categories.iter();
            let names = names.map(|names| names.iter().map(|name| escape(name)));
            names
                .map(|names| compose("CATEGORIES", &[], &names.collect::<Vec<_>>().join(",")))
                .collect()
        }
        Name::Reminder => match event.reminder {
            Some(Reminder::Before(minutes)) => return vec![Node::Component(alarm(minutes))],
            Some(Reminder::Off) => vec![compose(REMINDER, &[], "OFF")],
            None => Vec::new(),
        },
        Name::ShowAs => event.show_as.map(show_as).unwrap_or_default(),
        Name::Sensitivity => event.sensitivity.map(sensitivity).into_iter().collect(),
        Name::Importance => event.importance.map(importance).unwrap_or_default(),
        Name::Meeting => {
            let meeting = event.meeting.iter();
            meeting.flat_map(|meeting| people::write_meeting(event, meeting, standing)).collect()
        }
        Name::Attendees => {
            let all = event.attendees.iter();
            all.flat_map(|all| people::write_attendees(all, standing)).collect()
        }
        Name::Attachments => {
            let all = event.attachments.iter();
            all.flat_map(|all| attach::write(all, standing)).collect()
        }
    };
    lines.into_iter().map(|line| Node::Line(0, line)).collect()
}

fn body(body: &Body) -> Vec<String> {
    let content = &body.content;
    let crlf = content.contains('\n') && content.replace("\r\n", "").find(['\r', '\n']).is_none();
    let ends: &[_] = if crlf { &[(read::LINE_ENDS, "CRLF")] } else { &[] };
    match body.kind {
        BodyKind::Text => vec![compose("DESCRIPTION", ends, &escape(content))],
        BodyKind::Html => {
            let params = [&[("FMTTYPE", "text/html")], ends].concat();
            vec![
                compose("DESCRIPTION", &[], &escape(&html::to_text(content))),
                compose("X-ALT-DESC", &params, &escape(content)),
            ]
        }
    }
}

/// RRULE, its UNTIL the start of the last occurrence; nothing for what takes place once.
fn recurrence(event: &Event) -> Vec<String> {
    let until = |date: NaiveDate| {
        let last = match event.timing_on(date) {
            Some(Timing::Timed { start, .. }) => time::format_utc(start),
            Some(Timing::AllDay { .. }) | None => time::format_date(date),
        };
        last.unwrap_or_default()
    };
    match &event.recurrence {
        Some(Recurrence::Rule(rule)) => {
            vec![compose("RRULE", &[], &rule.to_rrule(Some(&until)))]
        }
        Some(Recurrence::Other(lines)) => lines.clone(),
        Some(Recurrence::Once) | None => Vec::new(),
    }
}

/// The occurrences that were deleted; absent where the event says nothing of occurrences.
fn deleted(event: &Event) -> Option<BTreeMap<NaiveDate, Occurrence>> {
    let all = event.occurrences.as_ref()?.iter();
    let deleted = all.filter(|(_, occurrence)| **occurrence == Occurrence::Deleted);
    Some(deleted.map(|(date, occurrence)| (*date, occurrence.clone())).collect())
}

/// A line that names the occurrence of `date` by its start.
pub(super) fn dated(name: &str, event: &Event, date: NaiveDate) -> Option<String> {
    match event.timing_on(date)? {
        Timing::Timed { start, start_zone, .. } => moment(name, start, &start_zone),
        Timing::AllDay { start, .. } => {
            Some(compose(name, &[("VALUE", "DATE")], &time::format_date(start)?))
        }
    }
}

fn timing(timing: &Timing) -> Option<Vec<String>> {
    Some(match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            vec![moment("DTSTART", *start, start_zone)?, moment("DTEND", *end, end_zone)?]
        }
        Timing::AllDay { start, end, zone } => {
            let mut params = vec![("VALUE", "DATE")];
            params.extend(zone.iter().map(|zone| (time::ZONE, zone.as_str())));
            vec![
                compose("DTSTART", &params, &time::format_date(*start)?),
                compose("DTEND", &[("VALUE", "DATE")], &time::format_date(*end)?),
                compose("X-MICROSOFT-CDO-ALLDAYEVENT", &[], "TRUE"),
            ]
        }
    })
}

/// Wall clock with the zone's name as it is; UTC where the zone is UTC or isn't known, and where
/// the clocks show this time once more.
fn moment(name: &str, instant: i64, zone: &Option<String>) -> Option<String> {
    let Some(zone) = zone else { return Some(compose(name, &[], &time::format_utc(instant)?)) };
    if let Some(wall) = wall(zone, instant) {
        return Some(compose(name, &[("TZID", zone)], &time::format(wall)?));
    }
    Some(compose(name, &[(time::ZONE, zone)], &time::format_utc(instant)?))
}

fn wall(zone: &str, instant: i64) -> Option<chrono::NaiveDateTime> {
    if zone::iana(zone)? == "UTC" {
        return None;
    }
    let wall = zone::to_wall(zone, instant)?;
    (zone::to_instant(zone, wall) == Some(instant)).then_some(wall)
}

fn alarm(minutes: i32) -> Component {
    let sign = if minutes < 0 { "" } else { "-" };
    let mut alarm = Component::new("VALARM");
    alarm.push(compose("ACTION", &[], "DISPLAY"));
    alarm.push(compose("DESCRIPTION", &[], "Reminder"));
    alarm.push(compose("TRIGGER", &[], &format!("{sign}PT{}M", minutes.unsigned_abs())));
    alarm
}

fn show_as(value: ShowAs) -> Vec<String> {
    let (transp, status) = match value {
        ShowAs::Free => ("TRANSPARENT", "FREE"),
        ShowAs::Tentative => ("OPAQUE", "TENTATIVE"),
        ShowAs::Busy => ("OPAQUE", "BUSY"),
        ShowAs::OutOfOffice => ("OPAQUE", "OOF"),
        ShowAs::WorkingElsewhere => ("TRANSPARENT", "WORKINGELSEWHERE"),
    };
    vec![compose("TRANSP", &[], transp), compose("X-MICROSOFT-CDO-BUSYSTATUS", &[], status)]
}

fn sensitivity(value: Sensitivity) -> String {
    let class = match value {
        Sensitivity::Normal => "PUBLIC",
        Sensitivity::Personal => "X-PERSONAL",
        Sensitivity::Private => "PRIVATE",
        Sensitivity::Confidential => "CONFIDENTIAL",
    };
    compose("CLASS", &[], class)
}

fn importance(value: Importance) -> Vec<String> {
    let (priority, number) = match value {
        Importance::Low => ("9", "0"),
        Importance::Normal => ("5", "1"),
        Importance::High => ("1", "2"),
    };
    vec![compose("PRIORITY", &[], priority), compose("X-MICROSOFT-CDO-IMPORTANCE", &[], number)]
}

/// Defines the zones that the event and its occurrences name. Where other events stand beside it,
/// definitions that are there already stay: they may be made for other years.
fn write_zones(calendar: &mut Component, event: &Event, own: &str) {
    let is_other = |vevent: &Component| occurrences::uid(vevent).unwrap_or_default() != own;
    let alone = !calendar.components("VEVENT").any(is_other);
    let changed = event.occurrences.iter().flatten().filter_map(|(_, one)| match one {
        Occurrence::Changed(own) => own.timing.as_ref(),
        Occurrence::Deleted => None,
    });
    let mut years = BTreeSet::new();
    let mut used = BTreeSet::new();
    for timing in event.timing.iter().chain(changed) {
        let Timing::Timed { start, end, start_zone, end_zone } = timing else { continue };
        for (at, zone) in [(start, start_zone), (end, end_zone)] {
            years.extend(chrono::DateTime::from_timestamp(*at, 0).map(|at| at.year()));
            if let Some(zone) = zone
                && wall(zone, *at).is_some()
            {
                used.extend(zone::iana(zone).map(|name| (zone.as_str(), name)));
            }
        }
    }
    let (Some(first), Some(last)) = (years.first(), years.last()) else { return };
    let last = vtimezone::last_year(event, *first, *last);
    for (tzid, name) in used {
        let is_it = |node: &Node| {
            let id = node.component("VTIMEZONE").and_then(|zone| zone.line("TZID"));
            id.is_some_and(|line| line.value == tzid)
        };
        if !alone && calendar.nodes.iter().any(is_it) {
            continue;
        }
        let Some(zone) = vtimezone::write(tzid, name, first - 1, last.saturating_add(1)) else {
            continue;
        };
        calendar.nodes.retain(|node| !is_it(node));
        let at = calendar.nodes.iter().position(|node| node.component("VEVENT").is_some());
        calendar.nodes.insert(at.unwrap_or(calendar.nodes.len()), Node::Component(zone));
    }
}
