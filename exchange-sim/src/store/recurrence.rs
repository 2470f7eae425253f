//! On which days a series happens: a pattern and a range, as Exchange keeps them.
//!
//! Civil dates only; the hour and the zone belong to the master. A date names an occurrence, since
//! two of one series can't start on the same day (MS-OXOCAL 2.2.1.44).
//!
//! Every pattern is a row of periods (days, weeks, months or years), of which each `interval`-th
//! counts, from the one that holds the start of the range. Each of these has the same number of
//! dates: the first may lack those before the start. So a date follows from its number, and its
//! number from the date, without a walk.

mod weekdays;

use jiff::Span;
use jiff::civil::{Date, Weekday, date};
use serde::{Deserialize, Serialize};

pub use weekdays::Weekdays;

/// The first day that Exchange can name: it counts minutes from here (MS-OXOCAL 2.2.1.44.1).
pub const EARLIEST: Date = date(1601, 1, 1);
/// The day after which nothing recurs, whatever the range says.
pub const LATEST: Date = date(4500, 9, 1);
/// The most occurrences a numbered range may ask for (MS docs: NumberOfOccurrences).
pub const COUNT_MAX: u32 = 999;

/// When a series happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Which days.
    pub pattern: Pattern,
    /// From when, until when.
    pub range: Range,
}

/// The six patterns that EWS and Graph share. Intervals count from the period of the range's start.
/// Their limits are those of the stored form (MS-OXOCAL 2.2.1.44.1: Period), which names none for
/// years beyond one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pattern {
    /// Every `interval` days.
    Daily {
        /// In days, 1 to 999.
        interval: u32,
    },
    /// Some days of every `interval`-th week.
    Weekly {
        /// In weeks, 1 to 99.
        interval: u32,
        /// The days of such a week; not empty.
        days: Weekdays,
        /// The day on which a week begins; matters where `interval` is above 1.
        #[serde(with = "weekdays::day")]
        first_day: Weekday,
    },
    /// A day of every `interval`-th month.
    AbsoluteMonthly {
        /// In months, 1 to 99.
        interval: u32,
        /// 1 to 31; the last day of a month that is shorter (MS docs: DayOfMonth).
        day: u8,
    },
    /// The n-th or last of some weekdays in every `interval`-th month.
    RelativeMonthly {
        /// In months, 1 to 99.
        interval: u32,
        /// The weekdays counted; not empty.
        days: Weekdays,
        /// Which of the days in the month that fall on `days`.
        index: Index,
    },
    /// A day of one month, every `interval` years.
    AbsoluteYearly {
        /// In years, 1 to 99; EWS knows 1 only.
        interval: u32,
        /// 1 to 12.
        month: u8,
        /// 1 to 31; the last day of the month where it is shorter: 29 February is the 28th in a
        /// common year (MS docs: AbsoluteYearlyRecurrence).
        day: u8,
    },
    /// The n-th or last of some weekdays in one month, every `interval` years.
    RelativeYearly {
        /// In years, 1 to 99; EWS knows 1 only.
        interval: u32,
        /// The weekdays counted; not empty.
        days: Weekdays,
        /// Which of the days in the month that fall on `days`.
        index: Index,
        /// 1 to 12.
        month: u8,
    },
}

/// Which of the matching days in a month (EWS DayOfWeekIndex, Graph weekIndex).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Index {
    /// The first.
    First,
    /// The second.
    Second,
    /// The third.
    Third,
    /// The fourth.
    Fourth,
    /// The last, be it the fourth or the fifth.
    Last,
}

/// From when and until when a pattern counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first day that may hold an occurrence.
    pub start: Date,
    /// How the series ends.
    pub end: End,
}

/// How a series ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// It doesn't, before [`LATEST`].
    Never,
    /// After this day, which may still hold an occurrence.
    On(Date),
    /// After so many occurrences, deleted ones included.
    Count(u32),
}

/// Why a recurrence isn't one.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The interval is 0 or above what its pattern allows.
    #[error("the interval {interval} lies outside 1 to {max}")]
    IntervalOutOfRange {
        /// As asked for.
        interval: u32,
        /// The largest for this pattern.
        max: u32,
    },
    /// No weekday is named.
    #[error("the pattern names no day of the week")]
    NoDays,
    /// A day of the month outside 1 to 31.
    #[error("the day of the month {0} lies outside 1 to 31")]
    DayOutOfRange(u8),
    /// A month outside 1 to 12.
    #[error("the month {0} lies outside 1 to 12")]
    MonthOutOfRange(u8),
    /// A number of occurrences outside 1 to [`COUNT_MAX`].
    #[error("the number of occurrences {0} lies outside 1 to {COUNT_MAX}")]
    CountOutOfRange(u32),
    /// The range starts outside [`EARLIEST`] to [`LATEST`].
    #[error("the recurrence can't start on {0}")]
    StartOutOfRange(Date),
    /// The range ends before it starts.
    #[error("the recurrence ends before it starts")]
    EndBeforeStart,
    /// The range, or its last occurrence, lies after [`LATEST`].
    #[error("the recurrence ends after {LATEST}")]
    EndTooLate,
    /// No day of the range matches the pattern.
    #[error("the recurrence has no occurrence")]
    NoOccurrence,
}

impl Recurrence {
    /// Whether a server takes it. The other functions bear what this refuses, and find nothing.
    ///
    /// # Errors
    /// The first thing that is wrong: the pattern, then the range, then both together.
    pub fn check(&self) -> Result<(), Error> {
        self.pattern.check()?;
        self.range.check()?;
        let total = self.total();
        if total == 0 {
            return Err(Error::NoOccurrence);
        }
        match self.range.end {
            End::Count(count) if total < to_usize(count) => Err(Error::EndTooLate),
            End::Never | End::On(_) | End::Count(_) => Ok(()),
        }
    }

    /// The date of the first occurrence: the start of the range or a later day.
    pub fn first(&self) -> Option<Date> {
        self.nth(1)
    }

    /// Starts the range on its first occurrence, which changes no date.
    pub fn settle(&mut self) {
        if let Some(first) = self.first() {
            self.range.start = first;
        }
    }

    /// The date of the last occurrence; `None` where the series never ends, or never happens.
    pub fn last(&self) -> Option<Date> {
        self.count().and_then(|count| self.nth(count))
    }

    /// The number of occurrences, deleted ones included; `None` where the series never ends.
    pub fn count(&self) -> Option<usize> {
        match self.range.end {
            End::Never => None,
            End::On(_) | End::Count(_) => Some(self.total()),
        }
    }

    /// All dates, in order.
    pub fn dates(&self) -> impl Iterator<Item = Date> + use<> {
        self.dates_from(self.range.start)
    }

    /// The dates on or after `from`, in order. Costs the same however far `from` is.
    pub fn dates_from(&self, from: Date) -> impl Iterator<Item = Date> + use<> {
        let this = *self;
        (this.number_from(from)..).map_while(move |number| this.nth(number))
    }

    /// The date of an occurrence by its number, from 1 (MS docs: InstanceIndex).
    pub fn nth(&self, number: usize) -> Option<Date> {
        if let End::Count(count) = self.range.end
            && number > to_usize(count)
        {
            return None;
        }
        let place = number.checked_sub(1)?.checked_add(self.missing())?;
        let per_period = self.pattern.per_period();
        let period = i64::try_from(place.checked_div(per_period)?).ok()?;
        let found = self.slot(period, place.checked_rem(per_period)?)?;
        (found <= self.until()).then_some(found)
    }

    /// The number, from 1, of the occurrence on `date`.
    pub fn index_of(&self, date: Date) -> Option<usize> {
        let number = self.number_from(date);
        (self.nth(number) == Some(date)).then_some(number)
    }

    /// Whether an occurrence falls on `date`.
    pub fn occurs_on(&self, date: Date) -> bool {
        self.index_of(date).is_some()
    }

    /// The dates of the series next before and next after `date`, which need not be one itself.
    pub fn neighbours(&self, date: Date) -> (Option<Date>, Option<Date>) {
        let before = self.number_from(date).saturating_sub(1).min(self.total());
        let after = date.tomorrow().ok().map(|next| self.number_from(next));
        (self.nth(before), after.and_then(|number| self.nth(number)))
    }

    /// The last day that may hold an occurrence.
    fn until(&self) -> Date {
        match self.range.end {
            End::Never | End::Count(_) => LATEST,
            End::On(end) => end.min(LATEST),
        }
    }

    /// The number of occurrences up to [`LATEST`].
    fn total(&self) -> usize {
        let past = self.until().tomorrow().unwrap_or(Date::MAX);
        let total = self.number_from(past).saturating_sub(1);
        match self.range.end {
            End::Never | End::On(_) => total,
            End::Count(count) => total.min(to_usize(count)),
        }
    }

    /// The number, from 1, that the first date on or after `from` has or would have.
    fn number_from(&self, from: Date) -> usize {
        let place = self.place(from.max(self.range.start));
        place.saturating_sub(self.missing()).saturating_add(1)
    }

    /// How many dates of the first period lie before the start of the range.
    fn missing(&self) -> usize {
        self.place(self.range.start)
    }

    /// How many dates lie before `date`, which is no earlier than the start, counted from the
    /// beginning of the first period.
    fn place(&self, date: Date) -> usize {
        let period = self.periods_to(date) / self.pattern.interval();
        let per_period = self.pattern.per_period();
        let before = |&slot: &usize| self.slot(period, slot).is_some_and(|day| day < date);
        let inside = (0..per_period).filter(before).count();
        usize::try_from(period).unwrap_or(0) * per_period + inside
    }

    /// How many periods, counting or not, lie between that of the start and that of `date`.
    fn periods_to(&self, date: Date) -> i64 {
        let start = self.range.start;
        let days = || i64::from((date - start).get_days());
        let years = i64::from(date.year()) - i64::from(start.year());
        match self.pattern {
            Pattern::Daily { .. } => days(),
            Pattern::Weekly { first_day, .. } => {
                (days() + i64::from(start.weekday().since(first_day))) / 7
            }
            Pattern::AbsoluteMonthly { .. } | Pattern::RelativeMonthly { .. } => {
                years * 12 + i64::from(date.month()) - i64::from(start.month())
            }
            Pattern::AbsoluteYearly { .. } | Pattern::RelativeYearly { .. } => years,
        }
    }

    /// The date in the `slot`-th place of the `period`-th period that counts, both from 0.
    fn slot(&self, period: i64, slot: usize) -> Option<Date> {
        let start = self.range.start;
        let periods = period.checked_mul(self.pattern.interval())?;
        let month_of_year = |month: u8| {
            let year = i64::from(start.year()).checked_add(periods)?;
            first_of_month(year, i64::from(month) - 1)
        };
        let month_from_start = || {
            let month = (i64::from(start.month()) - 1).checked_add(periods)?;
            first_of_month(i64::from(start.year()), month)
        };
        match self.pattern {
            Pattern::Daily { .. } => add_days(start, periods),
            Pattern::Weekly { days, first_day, .. } => {
                let day = first_day
                    .cycle_forward()
                    .take(7)
                    .filter(|&day| days.contains(day))
                    .nth(slot)?;
                let shift = day.since(first_day) - start.weekday().since(first_day);
                add_days(start, periods.checked_mul(7)?.checked_add(i64::from(shift))?)
            }
            Pattern::AbsoluteMonthly { day, .. } => absolute(month_from_start()?, day),
            Pattern::RelativeMonthly { days, index, .. } => {
                relative(month_from_start()?, days, index)
            }
            Pattern::AbsoluteYearly { month, day, .. } => absolute(month_of_year(month)?, day),
            Pattern::RelativeYearly { days, index, month, .. } => {
                relative(month_of_year(month)?, days, index)
            }
        }
    }
}

impl Pattern {
    fn check(&self) -> Result<(), Error> {
        let (interval, max) = match *self {
            Self::Daily { interval } => (interval, 999),
            Self::Weekly { interval, .. }
            | Self::AbsoluteMonthly { interval, .. }
            | Self::RelativeMonthly { interval, .. }
            | Self::AbsoluteYearly { interval, .. }
            | Self::RelativeYearly { interval, .. } => (interval, 99),
        };
        if !(1..=max).contains(&interval) {
            return Err(Error::IntervalOutOfRange { interval, max });
        }
        match *self {
            Self::Daily { .. } => Ok(()),
            Self::Weekly { days, .. } | Self::RelativeMonthly { days, .. } => check_days(days),
            Self::AbsoluteMonthly { day, .. } => check_day(day),
            Self::AbsoluteYearly { month, day, .. } => check_month(month).and(check_day(day)),
            Self::RelativeYearly { days, month, .. } => check_month(month).and(check_days(days)),
        }
    }

    /// In periods, at least 1.
    fn interval(&self) -> i64 {
        match *self {
            Self::Daily { interval }
            | Self::Weekly { interval, .. }
            | Self::AbsoluteMonthly { interval, .. }
            | Self::RelativeMonthly { interval, .. }
            | Self::AbsoluteYearly { interval, .. }
            | Self::RelativeYearly { interval, .. } => i64::from(interval.max(1)),
        }
    }

    /// The dates in a period: every weekday comes at least four times a month.
    fn per_period(&self) -> usize {
        match self {
            Self::Weekly { days, .. } => days.iter().count(),
            Self::Daily { .. } | Self::AbsoluteMonthly { .. } | Self::AbsoluteYearly { .. } => 1,
            Self::RelativeMonthly { days, .. } | Self::RelativeYearly { days, .. } => {
                usize::from(!days.is_empty())
            }
        }
    }
}

impl Range {
    fn check(&self) -> Result<(), Error> {
        if !(EARLIEST..=LATEST).contains(&self.start) {
            return Err(Error::StartOutOfRange(self.start));
        }
        match self.end {
            End::Never => Ok(()),
            End::On(end) if end < self.start => Err(Error::EndBeforeStart),
            End::On(end) if end > LATEST => Err(Error::EndTooLate),
            End::On(_) => Ok(()),
            End::Count(count) if (1..=COUNT_MAX).contains(&count) => Ok(()),
            End::Count(count) => Err(Error::CountOutOfRange(count)),
        }
    }
}

fn check_days(days: Weekdays) -> Result<(), Error> {
    if days.is_empty() { Err(Error::NoDays) } else { Ok(()) }
}

fn check_day(day: u8) -> Result<(), Error> {
    if (1..=31).contains(&day) { Ok(()) } else { Err(Error::DayOutOfRange(day)) }
}

fn check_month(month: u8) -> Result<(), Error> {
    if (1..=12).contains(&month) { Ok(()) } else { Err(Error::MonthOutOfRange(month)) }
}

fn to_usize(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn add_days(start: Date, days: i64) -> Option<Date> {
    start.checked_add(Span::new().try_days(days).ok()?).ok()
}

/// The first day of a month that lies `months` (from 0) after January of `year`.
fn first_of_month(year: i64, months: i64) -> Option<Date> {
    let year = i16::try_from(year.checked_add(months.div_euclid(12))?).ok()?;
    let month = i8::try_from(months.rem_euclid(12) + 1).ok()?;
    Date::new(year, month, 1).ok()
}

/// Day `day` of the month that begins on `first`, or its last where it is shorter.
fn absolute(first: Date, day: u8) -> Option<Date> {
    let day = i8::try_from(day).ok()?.min(first.days_in_month());
    Date::new(first.year(), first.month(), day).ok()
}

/// The `index`-th of the days on `days` in the month that begins on `first`.
fn relative(first: Date, days: Weekdays, index: Index) -> Option<Date> {
    let mut found = (1..=first.days_in_month())
        .filter_map(|day| Date::new(first.year(), first.month(), day).ok())
        .filter(|day| days.contains(day.weekday()));
    match index {
        Index::First => found.next(),
        Index::Second => found.nth(1),
        Index::Third => found.nth(2),
        Index::Fourth => found.nth(3),
        Index::Last => found.next_back(),
    }
}

#[cfg(test)]
mod tests;
