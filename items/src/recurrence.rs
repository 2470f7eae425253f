//! How an event recurs: the six patterns and three ranges that Exchange and Graph can tell
//! (MS-OXOCAL 2.2.1.44.1, Graph `recurrencePattern`), and RFC 5545's RRULE for them.
//!
//! Dates are those of the zone of the event's start. Exchange moves a day that a month doesn't have
//! to the month's last one, where RFC 5545 leaves the month out: what says the one in RRULE is
//! written with BYSETPOS.

mod rrule_text;

use chrono::{Datelike, NaiveDate, NaiveTime};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use rrule_text::Inexpressible;

/// No series goes on in this year: Exchange ends all of them before its September.
const YEAR_MAX: i32 = 4500;

/// Whether and how an event recurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recurrence {
    /// It takes place once.
    Once,
    /// In a way that every replica can tell.
    Rule(Rule),
    /// In a way that only RFC 5545 can tell: its lines RRULE, RDATE, EXRULE as they stand.
    Other(Vec<String>),
}

/// A pattern and how long it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rule {
    /// On which days.
    pub pattern: Pattern,
    /// Until when.
    pub end: End,
}

/// On which days a series takes place; intervals count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum Pattern {
    /// Every so many days.
    Daily {
        /// Days from one to the next.
        interval: u32,
    },
    /// On days of the week, every so many weeks.
    Weekly {
        /// Weeks from one to the next.
        interval: u32,
        /// The days; not empty.
        days: BTreeSet<Weekday>,
        /// With which day a week begins, which matters where weeks are left out.
        first_day: Weekday,
    },
    /// On a day of the month, every so many months.
    AbsoluteMonthly {
        /// Months from one to the next.
        interval: u32,
        /// 1 to 31; the last day in months that are shorter.
        day: u32,
    },
    /// On the first, … or last of some days of the week in a month, every so many months.
    RelativeMonthly {
        /// Months from one to the next.
        interval: u32,
        /// Which of them.
        index: Index,
        /// The days; not empty.
        days: BTreeSet<Weekday>,
    },
    /// On a day of the year, every so many years.
    AbsoluteYearly {
        /// Years from one to the next; EWS can tell 1 only.
        interval: u32,
        /// 1 to 12.
        month: u32,
        /// 1 to 31; the last day of the month where it is shorter.
        day: u32,
    },
    /// On the first, … or last of some days of the week in a month, every so many years.
    RelativeYearly {
        /// Years from one to the next; EWS can tell 1 only.
        interval: u32,
        /// 1 to 12.
        month: u32,
        /// Which of them.
        index: Index,
        /// The days; not empty.
        days: BTreeSet<Weekday>,
    },
}

/// Until when a series goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// For ever.
    Never,
    /// Up to this date, included.
    On(NaiveDate),
    /// For so many occurrences.
    Count(u32),
}

/// Which of several days in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the protocols' own words")]
pub enum Index {
    First,
    Second,
    Third,
    Fourth,
    Last,
}

/// Days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the words say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// All of them, from Monday on.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The day of a date.
    pub fn of(date: NaiveDate) -> Self {
        Self::ALL[date.weekday().num_days_from_monday() as usize]
    }
}

impl Recurrence {
    /// The rule, where every replica can tell it.
    pub const fn rule(&self) -> Option<&Rule> {
        match self {
            Self::Rule(rule) => Some(rule),
            Self::Once | Self::Other(_) => None,
        }
    }

    /// The normal form for an event that starts on `start`; dates are in its own zone.
    pub fn normal(&self, start: Option<NaiveDate>) -> Self {
        match (self, start) {
            (Self::Rule(rule), Some(start)) => Self::Rule(rule.normal(start)),
            (Self::Once | Self::Other(_) | Self::Rule(_), _) => self.clone(),
        }
    }
}

impl Rule {
    /// The rule without what makes no difference: the first day of weeks none of which is left out,
    /// days after the last occurrence.
    fn normal(&self, start: NaiveDate) -> Self {
        let mut rule = self.clone();
        if let Pattern::Weekly { interval, days, first_day } = &mut rule.pattern
            && (*interval == 1 || days.len() == 1)
        {
            *first_day = Weekday::Monday;
        }
        if let End::On(_) = self.end
            && let Some(last) = self.last(start)
        {
            rule.end = End::On(last);
        }
        rule
    }

    /// The dates of a series that starts on `start`, without end where it has none. Empty where the
    /// rule makes no sense.
    pub fn dates(&self, start: NaiveDate) -> impl Iterator<Item = NaiveDate> + use<> {
        let set = self.expandable(start);
        let dates = set.into_iter().flat_map(|set| (&set).into_iter());
        dates.map(|at| at.date_naive()).take_while(|date| date.year() < YEAR_MAX)
    }

    /// The last date, where the series ends.
    pub fn last(&self, start: NaiveDate) -> Option<NaiveDate> {
        match self.end {
            End::Never => None,
            End::On(_) | End::Count(_) => self.dates(start).last(),
        }
    }

    /// As which occurrence, counted from 1, the series has a date; deleted ones count (MS docs:
    /// OccurrenceItemId, InstanceIndex).
    pub fn index_of(&self, start: NaiveDate, date: NaiveDate) -> Option<usize> {
        let mut dates = self.dates(start).take_while(|at| *at <= date).enumerate();
        dates.find(|(_, at)| *at == date).map(|(index, _)| index + 1)
    }

    fn expandable(&self, start: NaiveDate) -> Option<RRuleSet> {
        let rule: RRule<Unvalidated> = self.to_rrule(None).parse().ok()?;
        // Dates alone: every clock is UTC's here.
        let first = start.and_time(NaiveTime::MIN).and_local_timezone(Tz::UTC).single()?;
        rule.build(first).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn dates(pattern: Pattern, start: &str, count: usize) -> Vec<String> {
        let rule = Rule { pattern, end: End::Never };
        rule.dates(date(start)).take(count).map(|date| date.to_string()).collect()
    }

    #[test]
    fn days_that_a_month_lacks_are_its_last() {
        let monthly = |day| Pattern::AbsoluteMonthly { interval: 1, day };
        assert_eq!(dates(monthly(31), "2027-01-31", 3), ["2027-01-31", "2027-02-28", "2027-03-31"]);
        assert_eq!(dates(monthly(30), "2028-01-30", 3), ["2028-01-30", "2028-02-29", "2028-03-30"]);
        let leap = Pattern::AbsoluteYearly { interval: 1, month: 2, day: 29 };
        assert_eq!(dates(leap, "2028-02-29", 2), ["2028-02-29", "2029-02-28"]);
    }

    #[test]
    fn weeks_are_left_out_by_their_first_day() {
        let days = BTreeSet::from([Weekday::Tuesday, Weekday::Sunday]);
        let weekly = |first_day| Pattern::Weekly { interval: 2, days: days.clone(), first_day };
        let monday = ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"];
        assert_eq!(dates(weekly(Weekday::Monday), "1997-08-05", 4), monday);
        let sunday = ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"];
        assert_eq!(dates(weekly(Weekday::Sunday), "1997-08-05", 4), sunday);
    }

    #[test]
    fn occurrences_are_counted_from_one() {
        let pattern = Pattern::Daily { interval: 2 };
        let rule = Rule { pattern, end: End::Count(3) };
        let start = date("2026-12-30");
        assert_eq!(rule.index_of(start, date("2027-01-03")), Some(3));
        assert_eq!(rule.index_of(start, date("2027-01-02")), None);
        assert_eq!(rule.index_of(start, date("2027-01-05")), None);
        assert_eq!(rule.last(start), Some(date("2027-01-03")));
    }

    #[test]
    fn what_makes_no_difference_is_not_in_the_normal_form() {
        let weekly = |interval, first_day| {
            let days = BTreeSet::from([Weekday::Monday, Weekday::Friday]);
            Pattern::Weekly { interval, days, first_day }
        };
        let normal =
            |pattern, end| Recurrence::Rule(Rule { pattern, end }).normal(Some(date("2026-11-23")));
        let on = |text| End::On(date(text));
        assert_eq!(
            normal(weekly(1, Weekday::Sunday), on("2026-12-03")),
            normal(weekly(1, Weekday::Monday), on("2026-11-30")),
        );
        assert_ne!(
            normal(weekly(2, Weekday::Sunday), End::Never),
            normal(weekly(2, Weekday::Monday), End::Never),
        );
    }
}
