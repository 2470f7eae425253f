//! Dates, times and durations (RFC 5545 3.3.4 to 3.3.6), and where TZIDs lead.

use super::document::Component;
use super::line::Line;
use super::vtimezone;
use crate::zone;
use crate::zone::definition::Definition;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use std::collections::BTreeMap;

/// The parameter that keeps a zone's name where the value can't: with UTC times and dates.
pub(super) const ZONE: &str = "X-EVENSYNC-ZONE";

/// A moment as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    Date(NaiveDate),
    Utc(NaiveDateTime),
    Wall(NaiveDateTime),
}

impl Moment {
    /// Reads `20261125`, `20261125T090000` or `20261125T090000Z`; seconds may be missing.
    pub(super) fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        let Some((date, time)) = value.split_once(['T', 't']) else {
            return Some(Self::Date(parse_date(value)?));
        };
        let (time, utc) = match time.strip_suffix(['Z', 'z']) {
            Some(time) => (time, true),
            None => (time, false),
        };
        if !matches!(time.len(), 4 | 6) || !time.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let part = |at: usize| time.get(at..at + 2).map_or(Some(0), |part| part.parse().ok());
        // A leap second is the second before it.
        let time = NaiveTime::from_hms_opt(part(0)?, part(2)?, part(4)?.min(59))?;
        let moment = parse_date(date)?.and_time(time);
        Some(if utc { Self::Utc(moment) } else { Self::Wall(moment) })
    }

    /// Its date.
    pub(super) fn date(&self) -> NaiveDate {
        match self {
            Self::Date(date) => *date,
            Self::Utc(moment) | Self::Wall(moment) => moment.date(),
        }
    }

    /// Whether it is the beginning of a day.
    pub(super) fn is_midnight(&self) -> bool {
        match self {
            Self::Date(_) => true,
            Self::Utc(moment) | Self::Wall(moment) => moment.time() == NaiveTime::MIN,
        }
    }
}

fn parse_date(value: &str) -> Option<NaiveDate> {
    if value.len() != 8 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| value.get(range)?.parse::<u32>().ok();
    NaiveDate::from_ymd_opt(i32::try_from(part(0..4)?).ok()?, part(4..6)?, part(6..8)?)
}

/// `moment` as RFC 5545 writes it; `None` outside of the years that four digits can tell.
pub(super) fn format(moment: NaiveDateTime) -> Option<String> {
    Some(format!("{}T{}", format_date(moment.date())?, moment.format("%H%M%S")))
}

/// `date` as RFC 5545 writes it; `None` outside of the years that four digits can tell.
pub(super) fn format_date(date: NaiveDate) -> Option<String> {
    let year = chrono::Datelike::year(&date);
    (0..=9999).contains(&year).then(|| date.format("%Y%m%d").to_string())
}

/// An instant, in seconds since 1970 UTC, as RFC 5545 writes it.
pub(super) fn format_utc(instant: i64) -> Option<String> {
    Some(format(DateTime::from_timestamp(instant, 0)?.naive_utc())? + "Z")
}

/// A duration in seconds: `-PT15M`, `P1DT2H`, `P2W`.
pub(super) fn parse_duration(value: &str) -> Option<i64> {
    let value = value.trim().to_ascii_uppercase();
    let (sign, rest) = match value.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, value.strip_prefix('+').unwrap_or(&value)),
    };
    let mut seconds: i64 = 0;
    let mut number = String::new();
    for letter in rest.strip_prefix('P')?.chars() {
        let unit = match letter {
            '0'..='9' => {
                number.push(letter);
                continue;
            }
            'T' => continue,
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(unit)?)?;
        number.clear();
    }
    number.is_empty().then_some(sign * seconds)
}

/// What the zones of a calendar are called there.
#[derive(Debug, Default)]
pub(super) struct Zones {
    /// What stands in the file of each TZID.
    definitions: BTreeMap<String, Definition>,
    /// The zone of times that name none (X-WR-TIMEZONE).
    floating: Option<String>,
}

/// Where a moment lies, and in which zone; and whether the zone had to be guessed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) instant: i64,
    pub(super) zone: Option<String>,
    pub(super) problem: Option<String>,
}

impl Zones {
    /// The zones of this calendar.
    pub(super) fn of(calendar: &Component) -> Self {
        let definitions = calendar
            .components("VTIMEZONE")
            .filter_map(|zone| Some((zone.line("TZID")?.value, vtimezone::definition(zone)?)));
        let floating = calendar.line("X-WR-TIMEZONE").map(|line| line.value);
        Self { definitions: definitions.collect(), floating }
    }

    /// The zone that `line` is told in, as it is called there.
    pub(super) fn name_of<'a>(&'a self, line: &'a Line) -> Option<&'a str> {
        line.param("TZID").or(self.floating.as_deref())
    }

    /// The zone that keeps the clocks of one that only the file knows, from a moment by them to the
    /// end of a year.
    pub(super) fn alike(&self, name: &str, start: Moment, last_year: i32) -> Option<&'static str> {
        let start = match start {
            Moment::Date(date) => date.and_time(NaiveTime::MIN),
            Moment::Utc(start) | Moment::Wall(start) => start,
        };
        match zone::iana(name) {
            Some(_) => None,
            None => self.definitions.get(name)?.zone(start, last_year),
        }
    }

    /// Places a date or time of `line` in time.
    pub(super) fn place(&self, line: &Line, moment: Moment) -> Placed {
        let kept = line.param(ZONE).map(str::to_owned);
        let wall = match moment {
            Moment::Utc(moment) => {
                let instant = moment.and_utc().timestamp();
                return Placed { instant, zone: kept, problem: None };
            }
            Moment::Date(date) => date.and_time(NaiveTime::MIN),
            Moment::Wall(wall) => wall,
        };
        let Some(zone) = self.name_of(line) else {
            let problem = Some("a time without a zone; taken for UTC".to_owned());
            return Placed { instant: wall.and_utc().timestamp(), zone: kept, problem };
        };
        let known = zone::to_instant(zone, wall).or_else(|| {
            let offset = self.definitions.get(zone)?.offset_seconds(wall);
            wall.and_utc().timestamp().checked_sub(offset)
        });
        let problem = known.is_none().then(|| format!("unknown zone {zone}; taken for UTC"));
        let instant = known.unwrap_or_else(|| wall.and_utc().timestamp());
        Placed { instant, zone: Some(zone.to_owned()), problem }
    }
}
