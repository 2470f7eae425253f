//! On which dates a rule has an occurrence, and its normal form.

use super::{End, Pattern, Recurrence, Rule, Weekday, YEAR_MAX, month_days};
use chrono::{Datelike, Days, NaiveDate, NaiveTime};
use rrule::{RRule, RRuleSet, Tz, Unvalidated};
use std::collections::BTreeSet;

impl Recurrence {
    /// The normal form. It doesn't depend on when the event is: how it recurs may change on one side
    /// while it is moved on the other.
    pub fn normal(&self) -> Self {
        match self {
            Self::Rule(rule) => Self::Rule(rule.normal()),
            Self::Once | Self::Other(_) => self.clone(),
        }
    }
}

impl Rule {
    /// The rule without what makes no difference whenever it starts: the first day of weeks none of
    /// which is left out, days that no month has, ends beyond the calendar. An end stays the date
    /// that was given: servers keep it, though it may lie after the last occurrence (MS docs: Create
    /// event, a Monday's series until a Sunday).
    fn normal(&self) -> Self {
        let end = match self.end {
            End::On(date) if date.year() >= YEAR_MAX => End::Never,
            End::On(_) | End::Never | End::Count(_) => self.end,
        };
        Self { pattern: self.pattern.normal(), end }
    }

    /// The rule with years that are told as months told as years, for an event that starts on
    /// `start`. Whoever reads a rule says it so, since EWS has no other way to leave years out.
    #[must_use]
    pub fn in_years(self, start: NaiveDate) -> Self {
        let years = |months: u32| (months > 0 && months.is_multiple_of(12)).then_some(months / 12);
        let month = start.month();
        let pattern = match self.pattern {
            Pattern::AbsoluteMonthly { interval, day } => match years(interval) {
                Some(interval) => Pattern::AbsoluteYearly { interval, month, day },
                None => Pattern::AbsoluteMonthly { interval, day },
            },
            Pattern::RelativeMonthly { interval, index, days } => match years(interval) {
                Some(interval) => Pattern::RelativeYearly { interval, month, index, days },
                None => Pattern::RelativeMonthly { interval, index, days },
            },
            pattern @ (Pattern::Daily { .. }
            | Pattern::Weekly { .. }
            | Pattern::AbsoluteYearly { .. }
            | Pattern::RelativeYearly { .. }) => pattern,
        };
        Self { pattern, end: self.end }
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
            End::On(date) => self.last_until(start, date),
            End::Count(_) => self.dates(start).last(),
        }
    }

    /// As which occurrence, counted from 1, the series has a date; deleted ones count (MS docs:
    /// OccurrenceItemId, InstanceIndex).
    pub fn index_of(&self, start: NaiveDate, date: NaiveDate) -> Option<usize> {
        let mut dates = self.dates(start).take_while(|at| *at <= date).enumerate();
        dates.find(|(_, at)| *at == date).map(|(index, _)| index + 1)
    }

    /// Those of some dates that a series which starts on `start` has.
    pub(crate) fn among(
        &self,
        start: NaiveDate,
        asked: impl IntoIterator<Item = NaiveDate>,
    ) -> BTreeSet<NaiveDate> {
        let mut asked: BTreeSet<NaiveDate> = asked.into_iter().collect();
        let Some(latest) = asked.last().copied() else { return asked };
        match self.end {
            End::Count(_) => {
                let had = self.dates(start).take_while(|date| *date <= latest);
                had.filter(|date| asked.contains(date)).collect()
            }
            End::Never | End::On(_) => {
                let end = match self.end {
                    End::On(end) => end,
                    End::Never | End::Count(_) => latest,
                };
                let has = |at: &NaiveDate| *at <= end && self.last_until(start, *at) == Some(*at);
                asked.retain(has);
                asked
            }
        }
    }

    /// The last date up to `date` that the pattern has. Centuries of dates are passed over: a
    /// series that starts whole intervals later has the same ones.
    fn last_until(&self, start: NaiveDate, date: NaiveDate) -> Option<NaiveDate> {
        let date = NaiveDate::from_ymd_opt(YEAR_MAX - 1, 12, 31).map_or(date, |end| date.min(end));
        let from = self.pattern.later(start, date)?;
        Self { pattern: self.pattern.clone(), end: End::On(date) }.dates(from).last()
    }

    fn expandable(&self, start: NaiveDate) -> Option<RRuleSet> {
        let rule: RRule<Unvalidated> = self.to_rrule(None).parse().ok()?;
        // Dates alone: every clock is UTC's here.
        let first = start.and_time(NaiveTime::MIN).and_local_timezone(Tz::UTC).single()?;
        rule.build(first).ok()
    }
}

impl Pattern {
    fn normal(&self) -> Self {
        let mut pattern = self.clone();
        match &mut pattern {
            Self::Weekly { interval, days, first_day } => {
                if *interval == 1 || days.len() == 1 {
                    *first_day = Weekday::Monday;
                }
            }
            Self::AbsoluteMonthly { day, .. } => *day = (*day).min(31),
            Self::AbsoluteYearly { month, day, .. } => *day = (*day).min(month_days(*month).1),
            Self::Daily { .. } | Self::RelativeMonthly { .. } | Self::RelativeYearly { .. } => {}
        }
        pattern
    }

    /// A day from which on the pattern has the same dates as from `start`, and at least one of them
    /// up to `date` if there is any: `start`, or whole intervals later, one to two of them before
    /// `date`.
    fn later(&self, start: NaiveDate, date: NaiveDate) -> Option<NaiveDate> {
        let whole = |passed: i64, interval: u32| {
            let interval = i64::from(interval);
            Some(((passed.checked_div(interval)? - 1) * interval).max(0))
        };
        let days = date.signed_duration_since(start).num_days();
        let years = i64::from(date.year() - start.year());
        match self {
            Self::Daily { interval } => {
                start.checked_add_days(Days::new(whole(days, *interval)?.unsigned_abs()))
            }
            Self::Weekly { interval, .. } => {
                let weeks = whole(days.div_euclid(7), *interval)?;
                start.checked_add_days(Days::new(7 * weeks.unsigned_abs()))
            }
            Self::AbsoluteMonthly { interval, .. } | Self::RelativeMonthly { interval, .. } => {
                let passed = 12 * years + i64::from(date.month()) - i64::from(start.month());
                let skipped = u32::try_from(whole(passed, *interval)?).ok()?;
                let first = start.with_day(1)?.checked_add_months(chrono::Months::new(skipped))?;
                Some(first.max(start))
            }
            Self::AbsoluteYearly { interval, .. } | Self::RelativeYearly { interval, .. } => {
                let skipped = i32::try_from(whole(years, *interval)?).ok()?;
                let first = NaiveDate::from_ymd_opt(start.year().checked_add(skipped)?, 1, 1)?;
                Some(first.max(start))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recurrence::Index;

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
        let asked = ["2026-12-30", "2027-01-02", "2027-01-03", "2027-01-05"].map(date);
        assert_eq!(rule.among(start, asked), BTreeSet::from([asked[0], asked[2]]));
    }

    #[test]
    fn what_makes_no_difference_is_not_in_the_normal_form() {
        let weekly = |interval, first_day| {
            let days = BTreeSet::from([Weekday::Monday, Weekday::Friday]);
            Pattern::Weekly { interval, days, first_day }
        };
        let normal = |pattern, end| Recurrence::Rule(Rule { pattern, end }).normal();
        let on = |text| End::On(date(text));
        assert_eq!(
            normal(weekly(1, Weekday::Sunday), End::Never),
            normal(weekly(1, Weekday::Monday), End::Never),
        );
        assert_ne!(
            normal(weekly(2, Weekday::Sunday), End::Never),
            normal(weekly(2, Weekday::Monday), End::Never),
        );
        assert_eq!(
            normal(weekly(1, Weekday::Monday), on("9999-12-31")),
            normal(weekly(1, Weekday::Monday), End::Never),
        );
        let yearly = |day| Pattern::AbsoluteYearly { interval: 2, month: 11, day };
        assert_eq!(normal(yearly(40), End::Never), normal(yearly(30), End::Never));
    }

    #[test]
    fn an_end_is_the_date_that_was_given() {
        let until = |text| {
            let days = BTreeSet::from([Weekday::Monday]);
            let pattern = Pattern::Weekly { interval: 1, days, first_day: Weekday::Monday };
            Recurrence::Rule(Rule { pattern, end: End::On(date(text)) }).normal()
        };
        let Recurrence::Rule(rule) = until("2026-09-29") else { panic!("a rule") };
        assert_eq!(rule.end, End::On(date("2026-09-29")));
        // Whether they have the same last occurrence depends on when the series starts.
        assert_ne!(until("2026-09-29"), until("2026-09-28"));
    }

    #[test]
    fn years_told_in_months_are_years() {
        let days = BTreeSet::from([Weekday::Monday]);
        let (index, month) = (Index::Fourth, 11);
        let start = date("2026-11-23");
        let in_years = |pattern| Rule { pattern, end: End::Never }.in_years(start);
        for (one, other) in [
            (
                Pattern::AbsoluteMonthly { interval: 24, day: 23 },
                Pattern::AbsoluteYearly { interval: 2, month, day: 23 },
            ),
            (
                Pattern::RelativeMonthly { interval: 12, index, days: days.clone() },
                Pattern::RelativeYearly { interval: 1, month, index, days },
            ),
        ] {
            let told = Rule { pattern: one.clone(), end: End::Never };
            let other = Rule { pattern: other, end: End::Never };
            assert!(told.dates(start).take(5).eq(other.dates(start).take(5)), "{other:?}");
            assert_eq!(in_years(one), other);
        }
        for months in [0, 1, 18] {
            let pattern = Pattern::AbsoluteMonthly { interval: months, day: 23 };
            assert_eq!(in_years(pattern.clone()).pattern, pattern);
        }
    }

    #[test]
    fn a_late_end_is_found_without_its_centuries() {
        let rule = |pattern| Rule { pattern, end: End::On(date("4400-12-31")) };
        for interval in 1..200 {
            let last = rule(Pattern::Daily { interval }).last(date("2026-11-25"));
            assert!(last.is_some_and(|last| last > date("4400-06-01")), "{last:?}");
        }
    }
}
