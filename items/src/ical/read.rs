//! VEVENT to event.

use super::Warning;
use super::document::{Component, Node};
use super::line::Line;
use super::time::{self, Moment, Zones};
use super::{EXACT, NO_UID, REMINDER, attach, occurrences, people, write};
use crate::event::{Body, BodyKind, Event, Importance, Reminder, Sensitivity, ShowAs, Timing};
use crate::field::Name;
use crate::recurrence::{Recurrence, Rule, YEAR_MAX};
use crate::zone;
use chrono::{Datelike, NaiveDate};
use std::collections::BTreeSet;

/// The parameter that tells which line ends a body had.
pub(super) const LINE_ENDS: &str = "X-EVENSYNC-EOL";

/// The event of a VEVENT; of a series without its changed occurrences.
pub(super) fn event(vevent: &Component, zones: &Zones, warnings: &mut Vec<Warning>) -> Event {
    for node in &vevent.nodes {
        if let Node::Line(number, raw) = node
            && Line::parse(raw).is_none()
        {
            warnings.push(Warning::new(*number, format!("not a content line: {raw}")));
        }
    }
    let mut event = plain(vevent, zones, warnings);
    if let Some(exact) = vevent.line(EXACT) {
        restore(&mut event, &exact.value);
    }
    event.occurrences = occurrences::deleted(vevent, &event, zones, warnings);
    event
}

/// RRULE and what else says when it recurs; absent where nothing does.
fn recurrence(
    vevent: &Component,
    event: &Event,
    zones: &Zones,
    warnings: &mut Vec<Warning>,
) -> Option<Recurrence> {
    let is_rule = |node: &&Node| matches!(node.name().as_str(), "RRULE" | "RDATE" | "EXRULE");
    let lines: Vec<(usize, &str)> = vevent.nodes.iter().filter(is_rule).filter_map(raw).collect();
    let (number, _) = *lines.first()?;
    let why = match (lines.as_slice(), vevent.line("RRULE"), event.first_wall()) {
        (_, _, Some(_)) if has_foreign_clock(vevent, event) => {
            "its zone is known by neither its name nor its definition".to_owned()
        }
        ([_], Some(rule), Some(start)) => {
            let last_day = |until: &str| last_day(event, until, zones);
            match Rule::from_rrule(&rule.value, start, &last_day) {
                Ok(rule) => return Some(Recurrence::Rule(rule)),
                Err(error) => error.to_string(),
            }
        }
        (_, _, None) => "it has no start".to_owned(),
        (_, _, Some(_)) => "it takes more than one RRULE".to_owned(),
    };
    let text = format!("the recurrence stays as it stands, and only here: {why}");
    warnings.push(Warning::new(number, text));
    Some(Recurrence::Other(lines.into_iter().map(|(_, raw)| raw.to_owned()).collect()))
}

/// Whether it goes on by the clocks of a zone that only the file knows: on which dates it takes
/// place can't be told by its instants.
fn has_foreign_clock(vevent: &Component, event: &Event) -> bool {
    let Some(start) = vevent.line("DTSTART") else { return false };
    let is_wall = matches!(Moment::parse(&start.value), Some(Moment::Wall(_)));
    let is_timed = matches!(event.timing, Some(Timing::Timed { .. }));
    let zone = event.zones().0.filter(|name| !name.trim().is_empty());
    is_timed && is_wall && zone.is_some_and(|name| zone::iana(&name).is_none())
}

fn raw(node: &Node) -> Option<(usize, &str)> {
    match node {
        Node::Line(number, raw) => Some((*number, raw)),
        Node::Component(_) => None,
    }
}

/// The last day on which an occurrence may begin for a value of UNTIL.
fn last_day(event: &Event, until: &str, zones: &Zones) -> Option<NaiveDate> {
    let moment = Moment::parse(until)?;
    let wall = match moment {
        Moment::Date(date) => return Some(date),
        // The last instants of the calendar can't be told in other zones.
        _ if moment.date().year() >= YEAR_MAX => return Some(moment.date()),
        // Without a zone of its own it is meant by the clocks of the start.
        Moment::Wall(wall) => wall,
        Moment::Utc(_) => {
            let line = Line::parse(&format!("UNTIL:{until}"))?;
            let start = zones.place(&line, moment).instant;
            let (start_zone, end_zone) = event.zones();
            let at = Timing::Timed { start, end: start, start_zone, end_zone };
            Event { timing: Some(at), ..Event::default() }.first_wall()?
        }
    };
    match wall.time() >= event.first_wall()?.time() {
        true => Some(wall.date()),
        false => wall.date().pred_opt(),
    }
}

/// The event as its standard properties tell it. A field without a property is absent, but for how
/// it recurs: what has no RRULE takes place once.
pub(super) fn plain(vevent: &Component, zones: &Zones, warnings: &mut Vec<Warning>) -> Event {
    let text = |name: &str| vevent.line(name).map(|line| line.value);
    let categories = vevent.lines("CATEGORIES").map(|(_, line)| line.text_list());
    let categories = categories.reduce(|mut all, more| {
        all.extend(more);
        all
    });
    let timing = timing(vevent, zones, warnings);
    let (meeting, attendees) = people::read(vevent);
    let mut event = Event {
        uid: text("UID").filter(|uid| is_uid(uid)),
        subject: text("SUMMARY"),
        body: body(vevent),
        location: text("LOCATION"),
        reminder: reminder(vevent, timing.as_ref(), zones),
        timing,
        categories,
        show_as: show_as(vevent),
        sensitivity: text("CLASS").map(|class| sensitivity(&class)),
        importance: importance(vevent),
        meeting,
        attendees,
        attachments: attach::read(vevent, warnings),
        ..Event::default()
    };
    let recurrence = recurrence(vevent, &event, zones, warnings);
    event.recurrence = recurrence.or(Some(Recurrence::Once));
    event
}

/// Whether a UID identifies an event, and doesn't just fill its place.
pub(super) fn is_uid(uid: &str) -> bool {
    !uid.is_empty() && !uid.ends_with(NO_UID)
}

/// Puts back what the standard properties couldn't hold, as long as they stand there as they were
/// written: what another program has changed since counts.
fn restore(event: &mut Event, exact: &str) {
    let Ok(exact) = Event::from_canonical(exact.as_bytes()) else { return };
    for name in Name::ALL.into_iter().filter(|name| exact.has(*name)) {
        let field = BTreeSet::from([name.field()]);
        let mut alone = exact.only(&field);
        if matches!(name, Name::Reminder | Name::Recurrence) {
            // How they stand there may depend on when the event is.
            alone.timing.clone_from(&event.timing);
        }
        if name == Name::Meeting {
            // An organizer counts only beside attendees.
            alone.attendees.clone_from(&event.attendees);
        }
        if write::as_read(&alone).only(&field) == event.only(&field) {
            // The field is one of those that every event has.
            let _ = event.take(&name.field(), &exact);
        }
    }
    let alone = Event { uid: exact.uid.clone(), ..Event::default() };
    if exact.uid.is_some() && write::as_read(&alone).uid == event.uid {
        event.uid = exact.uid;
    }
}

fn body(vevent: &Component) -> Option<Body> {
    let html = vevent.lines("X-ALT-DESC").map(|(_, line)| line).find(|line| {
        line.param("FMTTYPE").is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"))
    });
    let (kind, line) = match html {
        Some(line) => (BodyKind::Html, line),
        None => (BodyKind::Text, vevent.line("DESCRIPTION")?),
    };
    let crlf = line.param(LINE_ENDS) == Some("CRLF");
    let content = if crlf { line.value.replace('\n', "\r\n") } else { line.value };
    Some(Body { kind, content })
}

fn timing(vevent: &Component, zones: &Zones, warnings: &mut Vec<Warning>) -> Option<Timing> {
    let (number, start) = vevent.lines("DTSTART").next()?;
    let mut warn = |text: String| warnings.push(Warning::new(number, text));
    let Some(from) = Moment::parse(&start.value) else {
        warn(format!("not a date or time: {}", start.value));
        return None;
    };
    let end = vevent.line("DTEND").and_then(|line| Some((Moment::parse(&line.value)?, line)));
    let duration = vevent.line("DURATION").and_then(|line| time::parse_duration(&line.value));
    let all_day = vevent.line("X-MICROSOFT-CDO-ALLDAYEVENT");
    let all_day = all_day.is_some_and(|line| line.value.trim().eq_ignore_ascii_case("TRUE"));
    let whole_days = from.is_midnight() && end.as_ref().is_none_or(|(to, _)| to.is_midnight());
    if matches!(from, Moment::Date(_)) || (all_day && whole_days) {
        let first = from.date();
        let days = chrono::Duration::days((duration.unwrap_or_default() / 86_400).max(1));
        let days = first.checked_add_signed(days).unwrap_or(first);
        let last = end.map(|(to, _)| to.date()).filter(|last| *last > first).unwrap_or(days);
        let zone = start.param(time::ZONE).or(start.param("TZID")).map(str::to_owned);
        return Some(Timing::AllDay { start: first, end: last, zone });
    }
    let placed = zones.place(&start, from);
    placed.problem.into_iter().for_each(&mut warn);
    let (end, end_zone) = match end {
        Some((to, line)) => {
            let placed = zones.place(&line, to);
            (placed.instant, placed.zone)
        }
        None => {
            let end = placed.instant.checked_add(duration.unwrap_or_default());
            (end.unwrap_or(placed.instant), placed.zone.clone())
        }
    };
    let last_year = last_year(vevent);
    let known = |zone: Option<String>| match (&zone, last_year) {
        (Some(name), Some(year)) => zones.alike(name, from, year).map(str::to_owned).or(zone),
        (None, _) | (_, None) => zone,
    };
    let (start_zone, end_zone) = (known(placed.zone), known(end_zone));
    Some(Timing::Timed { start: placed.instant, end, start_zone, end_zone })
}

/// Up to which year a series takes place; `None` for what takes place once.
fn last_year(vevent: &Component) -> Option<i32> {
    let recurs = |node: &Node| matches!(node.name().as_str(), "RRULE" | "RDATE" | "EXRULE");
    if !vevent.nodes.iter().any(recurs) {
        return None;
    }
    let rule = vevent.line("RRULE").map(|line| line.value.to_uppercase()).unwrap_or_default();
    let until = rule.split(';').find_map(|part| Moment::parse(part.strip_prefix("UNTIL=")?));
    Some(until.map_or(i32::MAX, |until| until.date().year()))
}

/// The first alarm counts; absent where neither an alarm nor our mark says anything.
fn reminder(vevent: &Component, timing: Option<&Timing>, zones: &Zones) -> Option<Reminder> {
    let alarm = vevent.components("VALARM").find_map(|alarm| minutes(alarm, timing, zones));
    let off = || vevent.line(REMINDER).filter(|line| line.value == "OFF");
    alarm.map(Reminder::Before).or_else(|| off().map(|_| Reminder::Off))
}

/// How many minutes before the start an alarm goes off.
///
/// One that does nothing is Apple's mark that there is no default alarm.
pub(super) fn minutes(alarm: &Component, timing: Option<&Timing>, zones: &Zones) -> Option<i32> {
    if alarm.line("ACTION").is_some_and(|line| line.value.trim().eq_ignore_ascii_case("NONE")) {
        return None;
    }
    let trigger = alarm.line("TRIGGER")?;
    let bounds = timing.and_then(|timing| match timing {
        Timing::Timed { start, end, .. } => Some((*start, *end)),
        Timing::AllDay { .. } => None,
    });
    let seconds = match Moment::parse(&trigger.value) {
        Some(moment) => bounds?.0.checked_sub(zones.place(&trigger, moment).instant)?,
        None => {
            let after = time::parse_duration(&trigger.value)?;
            let from_end = trigger.param("RELATED").is_some_and(|r| r.eq_ignore_ascii_case("END"));
            let start = if from_end { bounds.map_or(0, |(start, end)| end - start) } else { 0 };
            start.checked_add(after)?.checked_neg()?
        }
    };
    i32::try_from(seconds.div_euclid(60)).ok()
}

/// Microsoft's word counts unless TRANSP, which every program writes, says otherwise.
fn show_as(vevent: &Component) -> Option<ShowAs> {
    let value = |name: &str| Some(vevent.line(name)?.value.trim().to_uppercase());
    let transparent = value("TRANSP").map(|transp| transp == "TRANSPARENT");
    let status = value("X-MICROSOFT-CDO-BUSYSTATUS").and_then(|status| match status.as_str() {
        "FREE" => Some(ShowAs::Free),
        "TENTATIVE" => Some(ShowAs::Tentative),
        "BUSY" => Some(ShowAs::Busy),
        "OOF" => Some(ShowAs::OutOfOffice),
        "WORKINGELSEWHERE" => Some(ShowAs::WorkingElsewhere),
        _ => None,
    });
    match (status, transparent) {
        (Some(ShowAs::WorkingElsewhere), _) => status,
        (Some(ShowAs::Free), Some(false)) => Some(ShowAs::Busy),
        (_, Some(true)) => Some(ShowAs::Free),
        (Some(_), _) => status,
        (None, Some(false)) => {
            let tentative = value("STATUS").is_some_and(|status| status == "TENTATIVE");
            Some(if tentative { ShowAs::Tentative } else { ShowAs::Busy })
        }
        (None, None) => None,
    }
}

/// RFC 5545 3.8.1.3: what isn't known is private. X-PERSONAL is of MS-OXCICAL.
fn sensitivity(class: &str) -> Sensitivity {
    match class.trim().to_uppercase().as_str() {
        "PUBLIC" => Sensitivity::Normal,
        "X-PERSONAL" => Sensitivity::Personal,
        "CONFIDENTIAL" => Sensitivity::Confidential,
        _ => Sensitivity::Private,
    }
}

/// PRIORITY as MS-OXCICAL reads it: 1 to 4 are high, 6 to 9 low, 0 says nothing.
fn importance(vevent: &Component) -> Option<Importance> {
    let number = |name: &str| vevent.line(name)?.value.trim().parse::<u8>().ok();
    match number("PRIORITY") {
        Some(1..=4) => return Some(Importance::High),
        Some(5) => return Some(Importance::Normal),
        Some(6..=9) => return Some(Importance::Low),
        Some(_) | None => {}
    }
    match number("X-MICROSOFT-CDO-IMPORTANCE") {
        Some(0) => Some(Importance::Low),
        Some(1) => Some(Importance::Normal),
        Some(2) => Some(Importance::High),
        Some(_) | None => None,
    }
}
