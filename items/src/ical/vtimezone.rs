//! VTIMEZONE (RFC 5545 3.6.5): written for the years around an event, and read for zones that have
//! no known name.

use super::document::{Component, Node};
use super::line;
use super::time::{self, Moment};
use crate::event::Event;
use crate::recurrence::{End, Recurrence};
use crate::zone;
use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, Weekday};
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

/// A part of a VTIMEZONE: since when which offset counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Observance {
    start: NaiveDateTime,
    /// In seconds.
    from: i64,
    /// In seconds.
    to: i64,
    yearly: Option<Yearly>,
}

/// The one kind of RRULE that calendars use here: a weekday of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Yearly {
    month: u32,
    weekday: Weekday,
    /// Counted from 1, or from the end of the month if negative.
    nth: i64,
    until: Option<NaiveDate>,
}

/// The parts of a VTIMEZONE that can be understood.
pub(super) fn observances(zone: &Component) -> Vec<Observance> {
    let parts = zone.components("STANDARD").chain(zone.components("DAYLIGHT"));
    parts.flat_map(|part| parse(part).unwrap_or_default()).collect()
}

/// What a zone's clocks are ahead of UTC when they show `wall`, in seconds.
pub(super) fn offset_seconds(parts: &[Observance], wall: NaiveDateTime) -> Option<i64> {
    let last = parts.iter().filter_map(|part| Some((part.onset_before(wall)?, part)));
    if let Some((_, part)) = last.max_by_key(|(onset, _)| *onset) {
        return Some(part.to);
    }
    Some(parts.iter().min_by_key(|part| part.start)?.from)
}

impl Observance {
    /// The last time before `wall` at which this part began to count.
    fn onset_before(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let yearly = self.yearly.and_then(|rule| {
            let years = [wall.year(), wall.year() - 1];
            let onsets = years.into_iter().filter_map(|year| rule.in_year(year));
            let onsets = onsets.map(|day| day.and_time(self.start.time()));
            onsets.filter(|onset| *onset <= wall && *onset >= self.start).max()
        });
        let ended = self.yearly.and_then(|rule| rule.in_year(rule.until?.year()));
        let ended = ended.map(|day| day.and_time(self.start.time())).filter(|onset| *onset <= wall);
        yearly.or(ended).or((self.start <= wall).then_some(self.start))
    }
}

impl Yearly {
    fn parse(rule: &str) -> Option<Self> {
        let mut yearly = Self { month: 1, weekday: Weekday::Sun, nth: 1, until: None };
        let mut is_yearly = false;
        for part in rule.to_ascii_uppercase().split(';') {
            let (key, value) = part.split_once('=')?;
            match key {
                "FREQ" => is_yearly = value == "YEARLY",
                "BYMONTH" => yearly.month = value.parse().ok()?,
                "BYDAY" => {
                    let (nth, day) = value.split_at_checked(value.len().checked_sub(2)?)?;
                    yearly.nth = if nth.is_empty() { 1 } else { nth.parse().ok()? };
                    yearly.weekday = weekday(day)?;
                }
                "UNTIL" => yearly.until = Some(Moment::parse(value)?.date()),
                _ => {}
            }
        }
        is_yearly.then_some(yearly)
    }

    fn in_year(&self, year: i32) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(year, self.month, 1)?;
        let day = if self.nth > 0 {
            NaiveDate::from_weekday_of_month_opt(
                year,
                self.month,
                self.weekday,
                u8::try_from(self.nth).ok()?,
            )?
        } else {
            let next = first.checked_add_months(chrono::Months::new(1))?.pred_opt()?;
            let back = (7 + next.weekday().num_days_from_monday()
                - self.weekday.num_days_from_monday())
                % 7;
            let weeks = u64::try_from(self.nth.checked_neg()?.checked_sub(1)?).ok()?;
            next.checked_sub_days(Days::new(u64::from(back) + 7 * weeks.min(4)))?
        };
        self.until.is_none_or(|until| day <= until).then_some(day)
    }
}

/// The observance and those of its RDATEs.
fn parse(part: &Component) -> Option<Vec<Observance>> {
    let Moment::Wall(start) = Moment::parse(&part.line("DTSTART")?.value)? else { return None };
    let offset = |name: &str| parse_offset(&part.line(name)?.value);
    let (from, to) = (offset("TZOFFSETFROM")?, offset("TZOFFSETTO")?);
    let yearly = part.line("RRULE").and_then(|line| Yearly::parse(&line.value));
    let dates = part
        .lines("RDATE")
        .flat_map(|(_, line)| line.value.split(',').filter_map(Moment::parse).collect::<Vec<_>>());
    let more = dates.filter_map(|moment| match moment {
        Moment::Wall(start) => Some(Observance { start, from, to, yearly: None }),
        Moment::Date(_) | Moment::Utc(_) => None,
    });
    Some(std::iter::once(Observance { start, from, to, yearly }).chain(more).collect())
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
