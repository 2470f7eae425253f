//! How an event recurs: the six patterns and three ranges that Exchange and Graph can tell
//! (MS-OXOCAL 2.2.1.44.1, Graph `recurrencePattern`), and RFC 5545's RRULE for them.
//!
//! Dates are those of the zone of the event's start. Exchange moves a day that a month doesn't have
//! to the month's last one, where RFC 5545 leaves the month out: what says the one in RRULE is
//! written with BYSETPOS.

mod dates;
mod rrule_text;

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

pub use rrule_text::Inexpressible;

/// No series goes on in this year: Exchange ends all of them before its September.
pub(crate) const YEAR_MAX: i32 = 4500;

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
}

/// How many days a month has at least, and at most.
const fn month_days(month: u32) -> (u32, u32) {
    match month {
        2 => (28, 29),
        4 | 6 | 9 | 11 => (30, 30),
        _ => (31, 31),
    }
}
