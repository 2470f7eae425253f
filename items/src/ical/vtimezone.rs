//! VTIMEZONE (RFC 5545 3.6.5): written for the years around an event, and read for zones that have
//! no known name.

use super::document::{Component, Node};
use super::line;
use super::time::{self, Moment};
use crate::event::Event;
use crate::recurrence::{End, Recurrence};
use crate::zone;
use crate::zone::definition::{Day, Definition, Observance, Yearly};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, TimeDelta, Weekday};
use jiff::Timestamp;

/// How many years the zones of a series are defined for: whoever reads it then knows them by name,
/// or has written it anew.
pub(super) const SERIES_YEARS: i32 = 30;
/// An event is taken to last no longer, in years.
const EVENT_YEARS_MAX: i32 = 5;

/// The last year for which the zones of an event are defined that lies between two years; a series
/// goes on.
pub(super) fn last_year(event: &Event, first: i32, last: i32) -> i32 {
    let end = event.recurrence.as_ref().and_then(Recurrence::rule).map(|rule| rule.end);
    let within = |year: i32| year.clamp(first, first.saturating_add(SERIES_YEARS));
    match (event.is_series(), end) {
        (false, _) => last.clamp(first, first.saturating_add(EVENT_YEARS_MAX)),
        (true, Some(End::On(date))) => within(date.year().max(last)),
        (true, _) => first.saturating_add(SERIES_YEARS),
    }
}

/// The rules of a known zone, under the name `tzid`, for the years from `first` to `last`. Every
/// change of the clocks stands there by itself: no rule has to be invented.
pub(super) fn write(tzid: &str, name: &str, first: i32, last: i32) -> Option<Component> {
    let rules = zone::rules(name)?;
    let from = NaiveDate::from_ymd_opt(first, 1, 1)?.and_hms_opt(0, 0, 0)?;
    let to = NaiveDate::from_ymd_opt(last, 12, 31)?.and_hms_opt(23, 59, 59)?;
    let begin = Timestamp::from_second(from.and_utc().timestamp()).ok()?;
    let mut component = Component::new("VTIMEZONE");
    component.push(line::compose("TZID", &[], &line::escape(tzid)));
    let before = rules.to_offset_info(begin);
    let mut offset = before.offset().seconds();
    component.nodes.push(Node::Component(observance(Change {
        dst: before.dst().is_dst(),
        start: from,
        from: offset,
        to: offset,
        name: before.abbreviation(),
    })?));
    for change in rules.following(begin) {
        let instant = change.timestamp().as_second();
        if instant > to.and_utc().timestamp() {
            break;
        }
        let wall = DateTime::from_timestamp(instant + i64::from(offset), 0)?.naive_utc();
        component.nodes.push(Node::Component(observance(Change {
            dst: change.dst().is_dst(),
            start: wall,
            from: offset,
            to: change.offset().seconds(),
            name: change.abbreviation(),
        })?));
        offset = change.offset().seconds();
    }
    Some(component)
}

/// One change of the clocks, offsets in seconds.
struct Change<'a> {
    dst: bool,
    start: NaiveDateTime,
    from: i32,
    to: i32,
    name: &'a str,
}

fn observance(change: Change<'_>) -> Option<Component> {
    let mut part = Component::new(if change.dst { "DAYLIGHT" } else { "STANDARD" });
    part.push(line::compose("DTSTART", &[], &time::format(change.start)?));
    part.push(line::compose("TZOFFSETFROM", &[], &format_offset(change.from)));
    part.push(line::compose("TZOFFSETTO", &[], &format_offset(change.to)));
    part.push(line::compose("TZNAME", &[], &line::escape(change.name)));
    Some(part)
}

fn format_offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = seconds.unsigned_abs();
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    let seconds = if seconds == 0 { String::new() } else { format!("{seconds:02}") };
    format!("{sign}{hours:02}{minutes:02}{seconds}")
}

/// What a VTIMEZONE defines; `None` where nothing of it can be understood.
pub(super) fn definition(zone: &Component) -> Option<Definition> {
    let parts = zone.components("STANDARD").chain(zone.components("DAYLIGHT"));
    Definition::of(parts.flat_map(|part| observances(part).unwrap_or_else(|| vec![None])))
}

/// An observance and those of its RDATEs; `None` stands for what isn't understood.
fn observances(part: &Component) -> Option<Vec<Option<Observance>>> {
    let Moment::Wall(start) = Moment::parse(&part.line("DTSTART")?.value)? else { return None };
    let offset = |name: &str| parse_offset(&part.line(name)?.value);
    let (from, to) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
    let once = |start| Some(Observance { start, from, to, yearly: None });
    let mut all = match part.line("RRULE").map(|line| yearly(&line.value, start, from)) {
        None => vec![once(start)],
        Some(None) => vec![once(start), None],
        Some(yearly) => vec![Some(Observance { start, from, to, yearly })],
    };
    for (_, line) in part.lines("RDATE") {
        all.extend(line.value.split(',').map(|date| match Moment::parse(date)? {
            Moment::Wall(start) => once(start),
            Moment::Date(_) | Moment::Utc(_) => None,
        }));
    }
    Some(all)
}

/// An RRULE that says a day of each year; `start` is the first one, and `from` the offset that its
/// UNTIL, which is UTC, is told by.
fn yearly(rule: &str, start: NaiveDateTime, from: i64) -> Option<Yearly> {
    let (mut is_yearly, mut month, mut until) = (false, start.month(), None);
    let (mut weekday, mut days) = (None, None);
    for part in rule.to_ascii_uppercase().split(';').filter(|part| !part.trim().is_empty()) {
        let (key, value) = part.split_once('=')?;
        let value = value.trim();
        match key.trim() {
            "FREQ" => is_yearly = value == "YEARLY",
            "BYMONTH" => month = value.parse().ok().filter(|month| (1..=12).contains(month))?,
            "BYDAY" => weekday = Some(nth_weekday(value)?),
            "BYMONTHDAY" => {
                let all: Option<Vec<u32>> = value.split(',').map(|day| day.parse().ok()).collect();
                days = Some(all?);
            }
            "UNTIL" => until = Some(wall(Moment::parse(value)?, from)?),
            "INTERVAL" if value == "1" => {}
            "WKST" => {}
            _ => return None,
        }
    }
    let day = match (weekday, days.as_deref()) {
        (Some((Some(nth), day)), None) => Day::Nth(nth, day),
        // "The first Sunday from the eighth on" is one of seven days.
        (Some((None, day)), Some([first, .., last])) if last - first == 6 => Day::From(*first, day),
        (None, None) => Day::Date(start.day()),
        (None, Some(&[day])) => Day::Date(day),
        (Some(_) | None, _) => return None,
    };
    is_yearly.then_some(Yearly { month, day, until })
}

fn nth_weekday(value: &str) -> Option<(Option<i8>, Weekday)> {
    let (nth, day) = value.split_at_checked(value.len().checked_sub(2)?)?;
    let nth = if nth.is_empty() {
        None
    } else {
        Some(nth.parse().ok().filter(|n| matches!(n, -5..=-1 | 1..=5))?)
    };
    Some((nth, weekday(day)?))
}

/// What clocks show at a moment that are ahead of UTC by `offset`; at the end of a date.
fn wall(moment: Moment, offset: i64) -> Option<NaiveDateTime> {
    match moment {
        Moment::Utc(moment) => moment.checked_add_signed(TimeDelta::try_seconds(offset)?),
        Moment::Wall(wall) => Some(wall),
        Moment::Date(date) => date.and_hms_opt(23, 59, 59),
    }
}

fn parse_offset(value: &str) -> Option<i64> {
    let (sign, digits) = match value.trim().split_at_checked(1)? {
        ("-", digits) => (-1, digits),
        ("+", digits) => (1, digits),
        _ => return None,
    };
    if !matches!(digits.len(), 4 | 6) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| digits.get(at..at + 2).map_or(Some(0), |part| part.parse::<i64>().ok());
    Some(sign * (part(0)? * 3600 + part(2)? * 60 + part(4)?))
}

fn weekday(name: &str) -> Option<Weekday> {
    Some(match name {
        "MO" => Weekday::Mon,
        "TU" => Weekday::Tue,
        "WE" => Weekday::Wed,
        "TH" => Weekday::Thu,
        "FR" => Weekday::Fri,
        "SA" => Weekday::Sat,
        "SU" => Weekday::Sun,
        _ => return None,
    })
}
