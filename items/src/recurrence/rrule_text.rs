//! RFC 5545's RRULE to and from a rule.

use super::{End, Index, Pattern, Rule, Weekday, YEAR_MAX, month_days};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Timelike};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Why a recurrence can't be told by one of the six patterns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Inexpressible {
    /// It recurs within a day.
    #[error("it recurs more often than once a day")]
    WithinADay,
    /// A part of the rule that no pattern has.
    #[error("{0} has no counterpart in Exchange")]
    Part(String),
    /// Months without this day are left out, where Exchange takes their last one.
    #[error("months without a day {0} are left out")]
    MissingDay(u32),
    /// The start is an occurrence that the rule doesn't have.
    #[error("its start is not one of its dates")]
    Start,
    /// Not a rule.
    #[error("not a recurrence rule: {0}")]
    Malformed(String),
}

const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

impl Rule {
    /// The value of RRULE. `until` writes the end of the last day; without it a date alone is
    /// written.
    pub fn to_rrule(&self, until: Option<&dyn Fn(NaiveDate) -> String>) -> String {
        let mut text = pattern_text(&self.pattern);
        // Writing to a String can't fail.
        let _ = match self.end {
            End::Never => Ok(()),
            End::Count(count) => write!(text, ";COUNT={count}"),
            End::On(date) => match until {
                Some(until) => write!(text, ";UNTIL={}", until(date)),
                None => write!(text, ";UNTIL={}T000000Z", date.format("%Y%m%d")),
            },
        };
        text
    }

    /// Reads the value of RRULE. `start` is what the start's own clocks show; `last_day` tells the
    /// last day on which an occurrence may begin for the value of UNTIL.
    ///
    /// # Errors
    /// [`Inexpressible`] where no pattern says the same.
    pub fn from_rrule(
        text: &str,
        start: NaiveDateTime,
        last_day: &dyn Fn(&str) -> Option<NaiveDate>,
    ) -> Result<Self, Inexpressible> {
        let malformed = || Inexpressible::Malformed(text.to_owned());
        let mut parts = Parts::read(text).ok_or_else(malformed)?;
        let interval = parts.number("INTERVAL").unwrap_or(Ok(1)).map_err(|()| malformed())?;
        let end = match (parts.take("COUNT"), parts.take("UNTIL")) {
            (Some(count), None) => End::Count(count.parse().map_err(|_| malformed())?),
            (None, Some(until)) => match last_day(&until).ok_or_else(malformed)? {
                // How some programs say "for ever": 99991231T235959Z.
                day if day.year() >= YEAR_MAX => End::Never,
                day => End::On(day),
            },
            (None, None) => End::Never,
            (Some(_), Some(_)) => return Err(malformed()),
        };
        let frequency = parts.take("FREQ").ok_or_else(malformed)?;
        let first_day = parts.take("WKST");
        let first_day = first_day.map_or(Some(Weekday::Monday), |day| weekday(&day));
        let first_day = first_day.ok_or_else(malformed)?;
        let pattern = match frequency.as_str() {
            "DAILY" => parts.daily(interval, first_day),
            "WEEKLY" => parts.weekly(interval, first_day, start.date()),
            "MONTHLY" => parts.monthly(interval, start.date()),
            "YEARLY" => parts.yearly(interval, start.date()),
            "HOURLY" | "MINUTELY" | "SECONDLY" => Err(Inexpressible::WithinADay),
            _ => Err(malformed()),
        }?;
        parts.same_time_of_day(start.time())?;
        parts.nothing_left()?;
        let rule = Self { pattern, end };
        match rule.dates(start.date()).next() {
            Some(first) if first == start.date() => Ok(rule.in_years(first)),
            Some(_) | None => Err(Inexpressible::Start),
        }
    }
}

fn pattern_text(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Daily { interval } => frequency("DAILY", *interval),
        Pattern::Weekly { interval, days, first_day } => {
            let text = frequency("WEEKLY", *interval);
            format!("{text};BYDAY={};WKST={}", names(days), name(*first_day))
        }
        Pattern::AbsoluteMonthly { interval, day } => {
            format!("{}{}", frequency("MONTHLY", *interval), month_day(*day, 28))
        }
        Pattern::RelativeMonthly { interval, index, days } => {
            format!("{}{}", frequency("MONTHLY", *interval), nth(*index, days))
        }
        Pattern::AbsoluteYearly { interval, month, day } => {
            let (safe, longest) = month_days(*month);
            let text = frequency("YEARLY", *interval);
            let day = if *day > longest { 31 } else { *day };
            format!("{text};BYMONTH={month}{}", month_day(day, safe))
        }
        Pattern::RelativeYearly { interval, month, index, days } => {
            let text = frequency("YEARLY", *interval);
            format!("{text};BYMONTH={month}{}", nth(*index, days))
        }
    }
}

fn frequency(name: &str, interval: u32) -> String {
    match interval {
        1 => format!("FREQ={name}"),
        _ => format!("FREQ={name};INTERVAL={interval}"),
    }
}

/// A day of the month; from the days after `safe` the last that the month has.
fn month_day(day: u32, safe: u32) -> String {
    match day.min(31) {
        31 if safe < 31 => ";BYMONTHDAY=-1".to_owned(),
        day if day > safe => {
            let days: Vec<String> = (safe..=day).map(|day| day.to_string()).collect();
            format!(";BYMONTHDAY={};BYSETPOS=-1", days.join(","))
        }
        day => format!(";BYMONTHDAY={day}"),
    }
}

fn nth(index: Index, days: &BTreeSet<Weekday>) -> String {
    let position = match index {
        Index::First => 1,
        Index::Second => 2,
        Index::Third => 3,
        Index::Fourth => 4,
        Index::Last => -1,
    };
    match days.first() {
        Some(day) if days.len() == 1 => format!(";BYDAY={position}{}", name(*day)),
        _ => format!(";BYDAY={};BYSETPOS={position}", names(days)),
    }
}

fn names(days: &BTreeSet<Weekday>) -> String {
    days.iter().map(|day| name(*day)).collect::<Vec<_>>().join(",")
}

fn name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("MO", |(name, _)| name)
}

fn weekday(name: &str) -> Option<Weekday> {
    DAYS.iter().find(|(known, _)| *known == name).map(|(_, day)| *day)
}

fn index(position: i32) -> Option<Index> {
    match position {
        1 => Some(Index::First),
        2 => Some(Index::Second),
        3 => Some(Index::Third),
        4 => Some(Index::Fourth),
        -1 => Some(Index::Last),
        _ => None,
    }
}

/// The parts of a rule that nobody has taken yet, by name.
struct Parts(BTreeMap<String, String>);

impl Parts {
    fn read(text: &str) -> Option<Self> {
        let mut parts = BTreeMap::new();
        for part in text.trim().split(';').filter(|part| !part.trim().is_empty()) {
            let (name, value) = part.split_once('=')?;
            let (name, value) = (name.trim().to_uppercase(), value.trim().to_uppercase());
            if parts.insert(name, value).is_some() {
                return None;
            }
        }
        Some(Self(parts))
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn number(&mut self, name: &str) -> Option<Result<u32, ()>> {
        let value = self.take(name)?;
        Some(value.parse().ok().filter(|number| *number > 0).ok_or(()))
    }

    fn daily(&mut self, interval: u32, first_day: Weekday) -> Result<Pattern, Inexpressible> {
        // Every day that is one of these days is every week on these days.
        match self.days()? {
            Some(days) if interval == 1 => Ok(Pattern::Weekly { interval, days, first_day }),
            Some(_) => Err(Inexpressible::Part("BYDAY".to_owned())),
            None => Ok(Pattern::Daily { interval }),
        }
    }

    fn weekly(
        &mut self,
        interval: u32,
        first_day: Weekday,
        start: NaiveDate,
    ) -> Result<Pattern, Inexpressible> {
        let days = self.days()?.unwrap_or_else(|| BTreeSet::from([Weekday::of(start)]));
        Ok(Pattern::Weekly { interval, days, first_day })
    }

    fn monthly(&mut self, interval: u32, start: NaiveDate) -> Result<Pattern, Inexpressible> {
        if let Some((index, days)) = self.nth()? {
            return Ok(Pattern::RelativeMonthly { interval, index, days });
        }
        let day = self.month_day(start, 28)?;
        Ok(Pattern::AbsoluteMonthly { interval, day })
    }

    fn yearly(&mut self, interval: u32, start: NaiveDate) -> Result<Pattern, Inexpressible> {
        let named = match self.take("BYMONTH") {
            None => None,
            Some(month) => {
                let unknown = || Inexpressible::Part(format!("BYMONTH={month}"));
                let number = month.parse().ok().filter(|number| (1..=12).contains(number));
                Some(number.ok_or_else(unknown)?)
            }
        };
        if let Some((index, days)) = self.nth()? {
            // Without a month it is that of the year (RFC 5545 3.3.10): one of the first four lies
            // in January, the last in December.
            let month = named.unwrap_or(if index == Index::Last { 12 } else { 1 });
            return Ok(Pattern::RelativeYearly { interval, month, index, days });
        }
        if let (None, Some(day)) = (named, self.0.get("BYMONTHDAY")) {
            return Err(Inexpressible::Part(format!("BYMONTHDAY={day} of every month in a year")));
        }
        let month = named.unwrap_or_else(|| start.month());
        let day = self.month_day(start, month_days(month).0)?;
        Ok(Pattern::AbsoluteYearly { interval, month, day })
    }

    /// BYDAY without numbers.
    fn days(&mut self) -> Result<Option<BTreeSet<Weekday>>, Inexpressible> {
        let Some(value) = self.take("BYDAY") else { return Ok(None) };
        let days: Option<BTreeSet<Weekday>> =
            value.split(',').map(|day| weekday(day.trim())).collect();
        let days = days.filter(|days| !days.is_empty());
        days.map(Some).ok_or_else(|| Inexpressible::Part(format!("BYDAY={value}")))
    }

    /// "2MO", or days with BYSETPOS.
    fn nth(&mut self) -> Result<Option<(Index, BTreeSet<Weekday>)>, Inexpressible> {
        let Some(value) = self.0.get("BYDAY").cloned() else { return Ok(None) };
        let unknown = || Inexpressible::Part(format!("BYDAY={value}"));
        let day_at = value.len().saturating_sub(2);
        let (number, day) = value.split_at_checked(day_at).ok_or_else(unknown)?;
        if let (Ok(position), Some(day)) = (number.parse::<i32>(), weekday(day)) {
            self.take("BYDAY");
            let index = index(position).ok_or_else(unknown)?;
            return Ok(Some((index, BTreeSet::from([day]))));
        }
        let position = self.take("BYSETPOS").ok_or_else(unknown)?;
        let index = position.parse().ok().and_then(index);
        let index = index.ok_or_else(|| Inexpressible::Part(format!("BYSETPOS={position}")))?;
        Ok(self.days()?.map(|days| (index, days)))
    }

    /// BYMONTHDAY, or the start's day; a day that some months lack only where their last one is
    /// meant.
    fn month_day(&mut self, start: NaiveDate, safe: u32) -> Result<u32, Inexpressible> {
        let Some(value) = self.take("BYMONTHDAY") else {
            let day = start.day();
            return if day > safe { Err(Inexpressible::MissingDay(day)) } else { Ok(day) };
        };
        let unknown = || Inexpressible::Part(format!("BYMONTHDAY={value}"));
        if value == "-1" {
            return Ok(31);
        }
        let days: Option<Vec<u32>> = value.split(',').map(|day| day.trim().parse().ok()).collect();
        let days = days.ok_or_else(unknown)?;
        match (days.as_slice(), self.0.get("BYSETPOS").map(String::as_str)) {
            ([day @ 1..=31], None) if *day <= safe => Ok(*day),
            ([day], None) => Err(Inexpressible::MissingDay(*day)),
            ([first, .., last @ 1..=31], Some("-1"))
                if *first == safe && days.windows(2).all(|pair| pair[0] + 1 == pair[1]) =>
            {
                self.take("BYSETPOS");
                Ok(*last)
            }
            (_, _) => Err(unknown()),
        }
    }

    /// Some programs repeat the time of the start.
    fn same_time_of_day(&mut self, start: NaiveTime) -> Result<(), Inexpressible> {
        let (hour, minute, second) = (start.hour(), start.minute(), start.second());
        for (name, shown) in [("BYHOUR", hour), ("BYMINUTE", minute), ("BYSECOND", second)] {
            if let Some(value) = self.take(name)
                && value.parse() != Ok(shown)
            {
                return Err(Inexpressible::WithinADay);
            }
        }
        Ok(())
    }

    fn nothing_left(self) -> Result<(), Inexpressible> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, value)) => Err(Inexpressible::Part(format!("{name}={value}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(text: &str) -> NaiveDateTime {
        format!("{text}T09:00:00").parse().expect("a time")
    }

    fn last_day(until: &str) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(until.get(..8)?, "%Y%m%d").ok()
    }

    #[test]
    fn rules_are_written_as_they_were_read() {
        for (from, rule) in [
            ("2026-11-25", "FREQ=DAILY"),
            ("2026-11-25", "FREQ=DAILY;INTERVAL=3;COUNT=5"),
            ("2026-11-25", "FREQ=WEEKLY;BYDAY=MO,WE;WKST=SU"),
            ("2026-11-25", "FREQ=MONTHLY;BYMONTHDAY=25;UNTIL=20270325T000000Z"),
            ("2026-11-30", "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=-1"),
            ("2026-11-30", "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
            ("2026-11-25", "FREQ=MONTHLY;BYDAY=4WE"),
            ("2026-11-30", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"),
            ("2026-11-25", "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=25"),
            ("2028-02-29", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1"),
            ("2026-11-26", "FREQ=YEARLY;INTERVAL=2;BYMONTH=11;BYDAY=4TH"),
        ] {
            let read = Rule::from_rrule(rule, start(from), &last_day).expect(rule);
            assert_eq!(read.to_rrule(None), rule);
        }
    }

    #[test]
    fn what_a_rule_leaves_out_comes_from_the_start() {
        for (from, rule, full) in [
            ("2026-11-25", "FREQ=WEEKLY", "FREQ=WEEKLY;BYDAY=WE;WKST=MO"),
            ("2026-11-25", "FREQ=MONTHLY", "FREQ=MONTHLY;BYMONTHDAY=25"),
            ("2026-11-25", "FREQ=YEARLY;BYHOUR=9", "FREQ=YEARLY;BYMONTH=11;BYMONTHDAY=25"),
            ("2026-11-25", "FREQ=DAILY;BYHOUR=09;BYMINUTE=00;BYSECOND=0", "FREQ=DAILY"),
            ("2026-11-25", "FREQ=DAILY;UNTIL=99991231T235959Z", "FREQ=DAILY"),
            ("2026-01-12", "FREQ=YEARLY;BYDAY=2MO", "FREQ=YEARLY;BYMONTH=1;BYDAY=2MO"),
            ("2026-12-28", "FREQ=YEARLY;BYDAY=-1MO", "FREQ=YEARLY;BYMONTH=12;BYDAY=-1MO"),
            (
                "2026-01-06",
                "FREQ=YEARLY;BYDAY=MO,TU;BYSETPOS=2",
                "FREQ=YEARLY;BYMONTH=1;BYDAY=MO,TU;BYSETPOS=2",
            ),
            ("2026-11-25", "freq=daily;byday=we", "FREQ=WEEKLY;BYDAY=WE;WKST=MO"),
        ] {
            let read = Rule::from_rrule(rule, start(from), &last_day).expect(rule);
            assert_eq!(read.to_rrule(None), full);
        }
    }

    #[test]
    fn what_no_pattern_says_is_refused() {
        for (from, rule) in [
            ("2026-11-25", "FREQ=HOURLY"),
            ("2026-11-25", "FREQ=DAILY;BYHOUR=9,17"),
            ("2026-11-25", "FREQ=MONTHLY;BYDAY=WE;BYSETPOS=2,4"),
            ("2026-11-25", "FREQ=MONTHLY;BYDAY=5WE"),
            ("2026-11-25", "FREQ=MONTHLY;BYMONTHDAY=25,26"),
            ("2026-12-31", "FREQ=MONTHLY;BYMONTHDAY=31"),
            ("2026-12-31", "FREQ=MONTHLY"),
            ("2028-02-29", "FREQ=YEARLY"),
            ("2026-11-25", "FREQ=YEARLY;BYWEEKNO=48"),
            ("2026-11-25", "FREQ=YEARLY;BYMONTHDAY=25"),
            ("2026-11-30", "FREQ=YEARLY;BYMONTHDAY=-1"),
            ("2026-11-30", "FREQ=YEARLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
            ("2026-11-09", "FREQ=YEARLY;BYDAY=2MO"),
            ("2026-11-30", "FREQ=YEARLY;BYDAY=-1MO"),
            ("2026-11-30", "FREQ=YEARLY;BYDAY=MO,TU;BYSETPOS=-1"),
            ("2026-11-25", "FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=1"),
            ("2026-11-25", "FREQ=DAILY;BYHOUR=0"),
            ("2026-11-25", "FREQ=DAILY;BYMINUTE=0,30"),
            ("2026-11-25", "FREQ=MONTHLY;BYDAY=1€"),
            ("2026-11-25", "FREQ=MONTHLY;BYDAY=€"),
            ("2026-11-25", "FREQ=WEEKLY;BYDAY=MO"),
            ("2026-11-25", "FREQ=WEEKLY;COUNT=2;UNTIL=20270101"),
            ("2026-11-25", "FREQ=WEEKLY;INTERVAL=0"),
            ("2026-11-25", "whenever"),
        ] {
            assert!(Rule::from_rrule(rule, start(from), &last_day).is_err(), "{rule}");
        }
    }

    #[test]
    fn days_that_no_month_has_are_its_last() {
        let end = End::Never;
        let monthly =
            Rule { pattern: Pattern::AbsoluteMonthly { interval: 1, day: u32::MAX }, end };
        assert_eq!(monthly.to_rrule(None), "FREQ=MONTHLY;BYMONTHDAY=-1");
        let pattern = Pattern::AbsoluteYearly { interval: 1, month: 4, day: u32::MAX };
        let yearly = Rule { pattern, end };
        assert_eq!(yearly.to_rrule(None), "FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=-1");
    }
}
