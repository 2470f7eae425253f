//! Zones that are known only by a definition: VTIMEZONE (RFC 5545 3.6.5), or what Exchange keeps
//! with an event (MS docs: TimeZoneDefinitionType).

use chrono::{Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Weekday};
use jiff::Timestamp;
use std::ops::Range;

/// A definition may change the clocks so many seconds beside the tz database: Windows ends a day
/// a moment before midnight.
const SLACK_SECONDS: u64 = 60;

/// Zones that come first where several keep the same clocks, which no definition tells apart: those
/// where most people live.
const FIRST: [&str; 20] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Kyiv",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Africa/Nairobi",
    "Europe/Moscow",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Dhaka",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Brisbane",
    "America/Sao_Paulo",
    "America/Bogota",
    "America/Phoenix",
    "America/Guatemala",
    "Pacific/Honolulu",
];

/// Zones are compared for so many years at most: so long a series without end is taken to go on.
const YEARS_MAX: i32 = 30;

/// Since when which offset from UTC counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    parts: Vec<Observance>,
    /// Whether all of it was understood.
    is_whole: bool,
}

/// A part of a definition: an offset from UTC that begins to count once, or each year anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observance {
    /// When it first counts, by the clocks before.
    pub start: NaiveDateTime,
    /// The offset before, in seconds.
    pub from: i64,
    /// The offset from then on, in seconds.
    pub to: i64,
    /// When it begins to count in other years.
    pub yearly: Option<Yearly>,
}

/// A day of each year from the start on, at its time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Yearly {
    /// 1 to 12.
    pub month: u32,
    /// Which day of it.
    pub day: Day,
    /// Up to which moment, by the clocks before; for ever where it isn't told.
    pub until: Option<NaiveDateTime>,
}

/// A day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The n-th of some day of the week, counted from 1, or from the end of the month if negative.
    Nth(i8, Weekday),
    /// The first such day of the week from a day of the month on.
    From(u32, Weekday),
    /// This one.
    Date(u32),
}

/// When clocks are changed, in seconds since 1970 UTC, and what they are ahead of UTC from then on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    at: i64,
    offset: i64,
}

impl Definition {
    /// A definition of these parts, of which `None` stands for what nobody understands. `None` where
    /// no part is left.
    pub fn of(parts: impl IntoIterator<Item = Option<Observance>>) -> Option<Self> {
        let all: Vec<_> = parts.into_iter().collect();
        let parts: Vec<_> = all.iter().flatten().copied().collect();
        (!parts.is_empty()).then_some(Self { is_whole: parts.len() == all.len(), parts })
    }

    /// What its clocks are ahead of UTC when they show `wall`, in seconds.
    pub fn offset_seconds(&self, wall: NaiveDateTime) -> i64 {
        let begun = self.parts.iter().filter_map(|part| Some((part.onset_before(wall)?, part.to)));
        match begun.max_by_key(|(onset, _)| *onset) {
            Some((_, offset)) => offset,
            None => self.parts.iter().min_by_key(|part| part.start).map_or(0, |part| part.from),
        }
    }

    /// The zone whose clocks show the same from `start`, by them, to the end of a year, as far as
    /// thirty years go: the canonical name of one that Windows has an id for. Of several, which
    /// differ in their names only, the best known; one that agrees for the whole first year comes
    /// before. `None` for a definition that isn't understood as a whole.
    pub fn zone(&self, start: NaiveDateTime, last_year: i32) -> Option<&'static str> {
        let first_year = start.year();
        if !self.is_whole || last_year < first_year {
            return None;
        }
        let last_year = last_year.min(first_year.checked_add(YEARS_MAX)?);
        let midnight = |year| Some(NaiveDate::from_ymd_opt(year, 1, 1)?.and_time(NaiveTime::MIN));
        let (whole, end) = (midnight(first_year)?, midnight(last_year.checked_add(1)?)?);
        // Its clocks may be those of another day where the start is told in UTC.
        let begins = [whole, start.checked_sub_days(Days::new(1))?];
        begins.into_iter().find_map(|begin| self.kept(begin..end))
    }

    /// The best known zone whose clocks show the same all of this time.
    fn kept(&self, time: Range<NaiveDateTime>) -> Option<&'static str> {
        let offset = self.offset_seconds(time.start);
        let begin = time.start.and_utc().timestamp().checked_sub(offset)?;
        let before = Change { at: begin, offset };
        let changes = self.changes(before, &time);
        let mut all = FIRST.into_iter().chain(super::windows_ids()).filter_map(super::iana);
        let end = time.end.and_utc().timestamp();
        all.find(|name| keeps(name, before, &changes, end))
    }

    /// The changes of the clocks in a stretch of time, from what they show `before`.
    fn changes(&self, before: Change, time: &Range<NaiveDateTime>) -> Vec<Change> {
        let onsets = self.parts.iter().flat_map(|part| {
            let yearly =
                (time.start.year()..=time.end.year()).filter_map(|year| part.in_year(year));
            let onsets = yearly.chain([part.start]).filter(|onset| *onset > time.start);
            let at = |onset: NaiveDateTime| onset.and_utc().timestamp().saturating_sub(part.from);
            onsets.map(move |onset| Change { at: at(onset), offset: part.to })
        });
        let mut changes: Vec<Change> = onsets.collect();
        changes.sort_by_key(|change| change.at);
        let mut offset = before.offset;
        changes.retain(|change| std::mem::replace(&mut offset, change.offset) != change.offset);
        changes
    }
}

impl Observance {
    /// The last time up to `wall` at which this part began to count.
    fn onset_before(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let last = self.yearly.and_then(|rule| rule.until).map_or(wall, |until| wall.min(until));
        let years = [last.year(), last.year().saturating_sub(1)];
        let onsets = years.into_iter().filter_map(|year| self.in_year(year)).chain([self.start]);
        onsets.filter(|onset| *onset <= wall).max()
    }

    /// When it begins to count in a year by its rule.
    fn in_year(&self, year: i32) -> Option<NaiveDateTime> {
        let rule = self.yearly?;
        let onset = rule.day.in_month(year, rule.month)?.and_time(self.start.time());
        let ended = rule.until.is_some_and(|until| onset > until);
        (onset >= self.start && !ended).then_some(onset)
    }
}

impl Day {
    /// It, in a month of a year that has it.
    pub fn in_month(self, year: i32, month: u32) -> Option<NaiveDate> {
        let first = NaiveDate::from_ymd_opt(year, month, 1)?;
        match self {
            Self::Nth(nth, weekday) if nth > 0 => {
                let nth = u8::try_from(nth).ok()?;
                NaiveDate::from_weekday_of_month_opt(year, month, weekday, nth)
            }
            Self::Nth(nth, weekday) => {
                let weeks = u64::from(nth.unsigned_abs().checked_sub(1)?);
                let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
                let back = u64::from(last.weekday().days_since(weekday)) + 7 * weeks;
                last.checked_sub_days(Days::new(back)).filter(|day| day.month() == month)
            }
            Self::From(day, weekday) => {
                let from = first.with_day(day)?;
                from.checked_add_days(Days::new(weekday.days_since(from.weekday()).into()))
            }
            Self::Date(day) => first.with_day(day),
        }
    }
}

/// Whether the clocks of a zone show what those show that are changed like this, until `end`.
fn keeps(name: &str, before: Change, changes: &[Change], end: i64) -> bool {
    let (Some(rules), Ok(begin)) = (super::rules(name), Timestamp::from_second(before.at)) else {
        return false;
    };
    let mut offset = i64::from(rules.to_offset(begin).seconds());
    if offset != before.offset {
        return false;
    }
    let following = rules.following(begin).map(|change| Change {
        at: change.timestamp().as_second(),
        offset: change.offset().seconds().into(),
    });
    let following = following.take_while(|change| change.at < end);
    let mut own =
        following.filter(|change| std::mem::replace(&mut offset, change.offset) != change.offset);
    let mut defined = changes.iter().filter(|change| change.at < end);
    loop {
        match (own.next(), defined.next()) {
            (None, None) => return true,
            (Some(own), Some(defined)) => {
                let beside = own.at.abs_diff(defined.at);
                if own.offset != defined.offset || beside > SLACK_SECONDS {
                    return false;
                }
            }
            (Some(_), None) | (None, Some(_)) => return false,
        }
    }
}
