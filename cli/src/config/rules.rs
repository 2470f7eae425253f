//! The small languages of a pair's settings: stretches of time, brakes, conflict rules.

use super::nearest::suggestion;
use super::raw;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate};
use items::field;
use std::collections::BTreeMap;
use sync_core::ids::{Field, ReplicaId};
use sync_core::policy::{Brake, Conflicts, Direction, Rule};

/// The longest stretch: what Graph's dates and common sense allow, in years.
const YEARS_MAX: u32 = 100;

/// A stretch of time: "2y", "6mo" (or "6m"), "4w", "30d".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// Whole months.
    Months(u32),
    /// Whole days.
    Days(u32),
}

impl Span {
    /// Reads a span; the error is a sentence without its place.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let split = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(split);
        let number: Option<u32> = number.parse().ok();
        let times = |by: u32, most: u32| {
            number.filter(|n| *n <= most / by).map(|n| n * by).ok_or_else(|| {
                format!("`{text}` is no stretch of time up to {YEARS_MAX} years; write it like 2y, 6mo, 4w or 30d")
            })
        };
        let (months, days) = (YEARS_MAX * 12, YEARS_MAX * 366);
        match unit.trim() {
            "y" => Ok(Self::Months(times(12, months)?)),
            "mo" | "m" => Ok(Self::Months(times(1, months)?)),
            "w" => Ok(Self::Days(times(7, days)?)),
            "d" => Ok(Self::Days(times(1, days)?)),
            _ => {
                Err(format!("`{text}` has no unit that is known; write it like 2y, 6mo, 4w or 30d"))
            }
        }
    }

    /// The first day this far before `today`. Months reach to the month's first day, so that a
    /// window in months moves once a month and not every day.
    fn before(self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Months(months) => today.checked_sub_months(Months::new(months))?.with_day(1),
            Self::Days(days) => today.checked_sub_days(Days::new(days.into())),
        }
    }

    /// The day after the last this far after `today`; months reach to their end.
    fn after(self, today: NaiveDate) -> Option<NaiveDate> {
        match self {
            Self::Months(months) => {
                today.checked_add_months(Months::new(months.checked_add(1)?))?.with_day(1)
            }
            Self::Days(days) => today.checked_add_days(Days::new(u64::from(days) + 1)),
        }
    }
}

/// What is kept the same: so far back, and so far ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    past: Span,
    future: Span,
}

impl Window {
    /// Reads both spans; each error comes with the key that it belongs to.
    pub fn parse(window: &raw::Window) -> Result<Self, (&'static str, String)> {
        let past = Span::parse(&window.past).map_err(|e| ("window.past", e))?;
        let future = Span::parse(&window.future).map_err(|e| ("window.future", e))?;
        Ok(Self { past, future })
    }

    /// From when until when, in seconds since 1970 UTC, at `now_ms`.
    pub fn bounds(&self, now_ms: i64) -> Option<(i64, i64)> {
        let today = DateTime::from_timestamp_millis(now_ms)?.date_naive();
        let midnight = |day: NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp();
        Some((midnight(self.past.before(today)?), midnight(self.future.after(today)?)))
    }
}

/// Reads "10% or 10", "5%" or "100".
pub fn brake(text: &str) -> Result<Brake, String> {
    let wrong = || {
        format!(
            "`{text}` says not how much; write a percentage, a number or both, as \"10% or 10\" (the \
             larger counts)"
        )
    };
    let mut brake = Brake { percent: 0, floor: 0, deletes_only: false };
    let parts: Vec<&str> = text.split(" or ").map(str::trim).collect();
    if parts.len() > 2 {
        return Err(wrong());
    }
    let shares = parts.iter().filter(|part| part.ends_with('%')).count();
    if parts.len() == 2 && shares != 1 {
        return Err(wrong());
    }
    for part in parts {
        match part.strip_suffix('%') {
            Some(percent) => {
                let percent = percent.trim().parse().ok().filter(|p| *p <= 100);
                brake.percent = percent.ok_or_else(wrong)?;
            }
            None => brake.floor = part.parse().map_err(|_| wrong())?,
        }
    }
    Ok(brake)
}

/// Reads the rules for conflicts; each error comes with the key that it belongs to.
pub fn conflicts(conflicts: &raw::Conflicts) -> Result<Conflicts, Vec<(String, String)>> {
    let table = match conflicts {
        raw::Conflicts::One(text) => {
            let default = rule(text).map_err(|e| vec![("conflicts".to_owned(), e)])?;
            return Ok(Conflicts { default, fields: BTreeMap::new() });
        }
        raw::Conflicts::Table(table) => table,
    };
    let known = field::all();
    let (mut fields, mut errors, mut default) = (BTreeMap::new(), vec![], PREFER_A);
    for (key, text) in table {
        let at = format!("conflicts.{key}");
        match rule(text) {
            Err(error) => errors.push((at, error)),
            Ok(rule) if key == "default" => default = rule,
            Ok(rule) if known.contains(&Field::from(key.as_str())) => {
                fields.insert(Field::from(key.as_str()), rule);
            }
            Ok(_) => {
                let names: Vec<&str> = known.iter().map(Field::as_str).chain(["default"]).collect();
                let hint = suggestion(key, names.iter().copied());
                let names = names.join(", ");
                errors.push((at, format!("no event has a field `{key}`{hint} (known: {names})")));
            }
        }
    }
    if errors.is_empty() { Ok(Conflicts { default, fields }) } else { Err(errors) }
}

const PREFER_A: Rule = Rule::Prefer(ReplicaId::A);

fn rule(text: &str) -> Result<Rule, String> {
    Ok(match text {
        "prefer-a" => PREFER_A,
        "prefer-b" => Rule::Prefer(ReplicaId::B),
        "newest" => Rule::Newest,
        "keep-both" => Rule::KeepBoth,
        "hold" => Rule::Hold,
        _ => {
            let known = ["prefer-a", "prefer-b", "newest", "keep-both", "hold"];
            let hint = suggestion(text, known);
            return Err(format!("there is no rule `{text}`{hint} (known: {})", known.join(", ")));
        }
    })
}

/// The direction as the core knows it.
pub fn direction(direction: raw::Direction) -> Direction {
    match direction {
        raw::Direction::TwoWay => Direction::TwoWay,
        raw::Direction::AToB => Direction::From(ReplicaId::A),
        raw::Direction::BToA => Direction::From(ReplicaId::B),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_795_593_600_000; // 2026-11-25 08:00 UTC

    fn bounds(past: &str, future: &str) -> String {
        let window = raw::Window { past: past.to_owned(), future: future.to_owned() };
        let (from, to) =
            Window::parse(&window).expect("a window").bounds(NOW_MS).expect("near now");
        let day = |at| DateTime::from_timestamp(at, 0).expect("near now").date_naive();
        format!("{} {}", day(from), day(to))
    }

    #[test]
    fn windows_reach_to_whole_months_or_days() {
        assert_eq!(bounds("2y", "5y"), "2024-11-01 2031-12-01");
        assert_eq!(bounds("1mo", "1m"), "2026-10-01 2027-01-01");
        assert_eq!(bounds("2w", "30d"), "2026-11-11 2026-12-26");
        assert_eq!(bounds("0d", "0d"), "2026-11-25 2026-11-26");
        for bad in ["", "2", "y", "2x", "-1y", "999999999999y", "101y", "2 years"] {
            assert!(Span::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn brakes_are_read() {
        let limit = |percent, floor| Brake { percent, floor, deletes_only: false };
        assert_eq!(brake("10% or 10"), Ok(limit(10, 10)));
        assert_eq!(brake("25 or 5%"), Ok(limit(5, 25)));
        assert_eq!(brake("7"), Ok(limit(0, 7)));
        assert_eq!(brake(" 3 % "), Ok(limit(3, 0)));
        for bad in ["", "%", "101%", "1 or 2", "1% or 2%", "1% or 2 or 3", "-1", "many"] {
            assert!(brake(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn rules_are_read_by_field() {
        let table = |rows: &[(&str, &str)]| {
            let rows = rows.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            conflicts(&raw::Conflicts::Table(rows.collect()))
        };
        let read = table(&[("default", "hold"), ("body", "newest")]).expect("rules");
        assert_eq!(read.default, Rule::Hold);
        assert_eq!(read.fields, BTreeMap::from([(Field::from("body"), Rule::Newest)]));
        let errors = table(&[("bodi", "newest"), ("default", "prefer-c")]).expect_err("two");
        assert!(errors[0].1.contains("did you mean `body`?"), "{errors:?}");
        assert!(errors[1].1.contains("did you mean `prefer-a`?"), "{errors:?}");
        assert!(conflicts(&raw::Conflicts::default()).is_ok());
    }
}
