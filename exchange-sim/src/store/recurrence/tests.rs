//! Dates checked by hand against a calendar, and properties against a walk over every day.

use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};

use super::*;
use crate::store::rng::Rng;

fn day(text: &str) -> Date {
    text.parse().expect("a date of this table")
}

fn on<const N: usize>(days: [Weekday; N]) -> Weekdays {
    days.into_iter().collect()
}

fn series(pattern: Pattern, start: &str, end: End) -> Recurrence {
    Recurrence { pattern, range: Range { start: day(start), end } }
}

fn weekly(interval: u32, days: Weekdays, first_day: Weekday) -> Pattern {
    Pattern::Weekly { interval, days, first_day }
}

fn monthly(interval: u32, days: Weekdays, index: Index) -> Pattern {
    Pattern::RelativeMonthly { interval, days, index }
}

#[test]
fn a_settled_range_starts_with_its_first_date_and_keeps_all_dates() {
    for interval in 1..=3 {
        for first_day in [Monday, Sunday] {
            let pattern = weekly(interval, on([Monday, Thursday]), first_day);
            let before = series(pattern, "2027-02-02", End::Count(9));
            let mut after = before;
            after.settle();
            assert_eq!(Some(after.range.start), before.first());
            assert!(after.dates().eq(before.dates()), "{before:?}");
        }
    }
}

/// The dates of a series, four at most.
fn dates(series: &Recurrence) -> Vec<String> {
    series.dates().take(4).map(|date| date.to_string()).collect()
}

/// Holds a pattern to its first four dates, under each of the three ranges.
fn holds(pattern: Pattern, start: &str, want: [&str; 4]) {
    let never = series(pattern, start, End::Never);
    assert_eq!(never.check(), Ok(()), "{never:?}");
    assert_eq!(dates(&never), want, "{never:?}");
    assert_eq!((never.last(), never.count()), (None, None));
    assert_eq!(never.first(), Some(day(want[0])));

    let numbered = series(pattern, start, End::Count(3));
    assert_eq!(numbered.check(), Ok(()), "{numbered:?}");
    assert_eq!(dates(&numbered), want[..3], "{numbered:?}");
    assert_eq!((numbered.last(), numbered.count()), (Some(day(want[2])), Some(3)));

    let on_last = series(pattern, start, End::On(day(want[2])));
    assert_eq!(on_last.check(), Ok(()), "{on_last:?}");
    assert_eq!(dates(&on_last), want[..3], "{on_last:?}");
    assert_eq!((on_last.last(), on_last.count()), (Some(day(want[2])), Some(3)));

    let day_before = day(want[2]).yesterday().expect("no table starts the calendar");
    let short = series(pattern, start, End::On(day_before));
    assert_eq!(dates(&short), want[..2], "{short:?}");
    assert_eq!(short.last(), Some(day(want[1])));
}

#[test]
fn daily() {
    let every = |interval| Pattern::Daily { interval };
    holds(every(2), "2027-02-01", ["2027-02-01", "2027-02-03", "2027-02-05", "2027-02-07"]);
    holds(every(1), "2028-02-28", ["2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"]);
    holds(every(1), "2100-02-27", ["2100-02-27", "2100-02-28", "2100-03-01", "2100-03-02"]);
    holds(every(10), "1969-12-25", ["1969-12-25", "1970-01-04", "1970-01-14", "1970-01-24"]);
    holds(every(999), "2027-01-01", ["2027-01-01", "2029-09-26", "2032-06-21", "2035-03-17"]);
}

#[test]
fn weekly_days_of_every_week() {
    let pattern = weekly(2, on([Monday, Thursday]), Monday);
    holds(pattern, "2027-02-01", ["2027-02-01", "2027-02-04", "2027-02-15", "2027-02-18"]);
    // A start between two of its days, and one after both.
    holds(pattern, "2027-02-02", ["2027-02-04", "2027-02-15", "2027-02-18", "2027-03-01"]);
    holds(pattern, "2027-02-05", ["2027-02-15", "2027-02-18", "2027-03-01", "2027-03-04"]);
    let working = weekly(1, Weekdays::WORKING, Sunday);
    holds(working, "2027-12-30", ["2027-12-30", "2027-12-31", "2028-01-03", "2028-01-04"]);
    let before_epoch = weekly(3, on([Wednesday]), Monday);
    holds(before_epoch, "1969-12-03", ["1969-12-03", "1969-12-24", "1970-01-14", "1970-02-04"]);
}

/// RFC 5545 shows the same with WKST: the first day of the week moves dates of every second week.
#[test]
fn weekly_counts_weeks_from_their_first_day() {
    let days = on([Tuesday, Sunday]);
    let monday = weekly(2, days, Monday);
    holds(monday, "1997-08-05", ["1997-08-05", "1997-08-10", "1997-08-19", "1997-08-24"]);
    let sunday = weekly(2, days, Sunday);
    holds(sunday, "1997-08-05", ["1997-08-05", "1997-08-17", "1997-08-19", "1997-08-31"]);
    let every_week = ["1997-08-05", "1997-08-10", "1997-08-12", "1997-08-17"];
    holds(weekly(1, days, Monday), "1997-08-05", every_week);
    holds(weekly(1, days, Sunday), "1997-08-05", every_week);
}

#[test]
fn absolute_monthly() {
    let on_day = |interval, day| Pattern::AbsoluteMonthly { interval, day };
    holds(on_day(1, 31), "2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]);
    holds(on_day(1, 30), "2028-01-30", ["2028-01-30", "2028-02-29", "2028-03-30", "2028-04-30"]);
    holds(on_day(5, 15), "2027-10-15", ["2027-10-15", "2028-03-15", "2028-08-15", "2029-01-15"]);
    // Months count from that of the start, even where its day is over.
    holds(on_day(2, 15), "2027-01-20", ["2027-03-15", "2027-05-15", "2027-07-15", "2027-09-15"]);
    holds(on_day(1, 1), "1969-11-02", ["1969-12-01", "1970-01-01", "1970-02-01", "1970-03-01"]);
}

#[test]
fn relative_monthly() {
    let last_tuesday = monthly(1, on([Tuesday]), Index::Last);
    holds(last_tuesday, "2027-01-26", ["2027-01-26", "2027-02-23", "2027-03-30", "2027-04-27"]);
    let fourth_friday = monthly(1, on([Friday]), Index::Fourth);
    holds(fourth_friday, "2027-01-01", ["2027-01-22", "2027-02-26", "2027-03-26", "2027-04-23"]);
    let last_friday = monthly(3, on([Friday]), Index::Last);
    holds(last_friday, "2027-01-30", ["2027-04-30", "2027-07-30", "2027-10-29", "2028-01-28"]);
    let last_working = monthly(1, Weekdays::WORKING, Index::Last);
    holds(last_working, "2027-01-01", ["2027-01-29", "2027-02-26", "2027-03-31", "2027-04-30"]);
    let second_weekend = monthly(1, Weekdays::WEEKEND, Index::Second);
    holds(second_weekend, "2027-01-01", ["2027-01-03", "2027-02-07", "2027-03-07", "2027-04-04"]);
    let last_day = monthly(1, Weekdays::ALL, Index::Last);
    holds(last_day, "2028-01-01", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]);
    let third_day = monthly(1, Weekdays::ALL, Index::Third);
    holds(third_day, "2027-01-04", ["2027-02-03", "2027-03-03", "2027-04-03", "2027-05-03"]);
    let either = monthly(1, on([Monday, Saturday]), Index::First);
    holds(either, "2027-01-01", ["2027-01-02", "2027-02-01", "2027-03-01", "2027-04-03"]);
}

#[test]
fn absolute_yearly() {
    let each = |interval, month, day| Pattern::AbsoluteYearly { interval, month, day };
    holds(each(1, 5, 15), "2027-05-15", ["2027-05-15", "2028-05-15", "2029-05-15", "2030-05-15"]);
    holds(each(1, 2, 29), "2028-02-29", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28"]);
    holds(each(4, 2, 29), "2096-01-01", ["2096-02-29", "2100-02-28", "2104-02-29", "2108-02-29"]);
    // Years count from that of the start, even where its day is over.
    holds(each(2, 5, 15), "2027-05-16", ["2029-05-15", "2031-05-15", "2033-05-15", "2035-05-15"]);
    holds(each(1, 7, 4), "1776-07-04", ["1776-07-04", "1777-07-04", "1778-07-04", "1779-07-04"]);
}

#[test]
fn relative_yearly() {
    let each =
        |interval, days, index, month| Pattern::RelativeYearly { interval, days, index, month };
    let labour_day = each(1, on([Monday]), Index::First, 9);
    holds(labour_day, "2027-09-06", ["2027-09-06", "2028-09-04", "2029-09-03", "2030-09-02"]);
    let thanksgiving = each(1, on([Thursday]), Index::Fourth, 11);
    holds(thanksgiving, "2027-11-26", ["2028-11-23", "2029-11-22", "2030-11-28", "2031-11-27"]);
    let last_of_february = each(2, Weekdays::ALL, Index::Last, 2);
    holds(last_of_february, "2026-01-01", ["2026-02-28", "2028-02-29", "2030-02-28", "2032-02-29"]);
}

#[test]
fn numbers_and_neighbours() {
    let end = End::Count(3);
    let series = series(weekly(1, on([Monday]), Monday), "2027-02-01", end);
    let (first, second, third) = (day("2027-02-01"), day("2027-02-08"), day("2027-02-15"));
    assert_eq!(
        [0, 1, 2, 3, 4].map(|n| series.nth(n)),
        [None, Some(first), Some(second), Some(third), None]
    );
    assert_eq!(series.nth(usize::MAX), None);
    assert_eq!(series.index_of(second), Some(2));
    assert_eq!(series.index_of(day("2027-02-09")), None);
    assert_eq!(series.index_of(day("2027-02-22")), None);
    assert!(series.occurs_on(third) && !series.occurs_on(day("2027-01-25")));
    assert_eq!(series.neighbours(second), (Some(first), Some(third)));
    assert_eq!(series.neighbours(first), (None, Some(second)));
    assert_eq!(series.neighbours(third), (Some(second), None));
    assert_eq!(series.neighbours(day("2027-02-10")), (Some(second), Some(third)));
    assert_eq!(series.neighbours(day("2020-01-01")), (None, Some(first)));
    assert_eq!(series.neighbours(Date::MIN), (None, Some(first)));
    assert_eq!(series.neighbours(Date::MAX), (Some(third), None));
}

#[test]
fn a_far_window_needs_no_walk() {
    let series = series(Pattern::Daily { interval: 1 }, "1990-01-01", End::Never);
    let mut window = series.dates_from(day("2090-03-01"));
    assert_eq!(window.next(), Some(day("2090-03-01")));
    assert_eq!(series.index_of(day("1991-01-01")), Some(366));
    assert_eq!(series.dates_from(LATEST).collect::<Vec<_>>(), [LATEST]);
    assert_eq!(series.neighbours(Date::MAX), (Some(LATEST), None));
    let range = Range { end: End::On(Date::MAX), ..series.range };
    assert_eq!(Recurrence { range, ..series }.last(), Some(LATEST));
}

#[test]
fn check_names_what_is_wrong() {
    let daily = Pattern::Daily { interval: 1 };
    let never = |pattern| series(pattern, "2027-01-01", End::Never).check();
    let ends = |end| series(daily, "2027-01-01", end).check();
    let monthly = |interval, day| never(Pattern::AbsoluteMonthly { interval, day });
    let yearly = |month, day| never(Pattern::AbsoluteYearly { interval: 1, month, day });
    let none = Weekdays::default();
    let interval = |interval, max| Err(Error::IntervalOutOfRange { interval, max });

    assert_eq!(never(Pattern::Daily { interval: 0 }), interval(0, 999));
    assert_eq!(never(Pattern::Daily { interval: 1000 }), interval(1000, 999));
    assert_eq!(never(weekly(100, on([Monday]), Monday)), interval(100, 99));
    assert_eq!(monthly(100, 1), interval(100, 99));
    assert_eq!(never(weekly(1, none, Monday)), Err(Error::NoDays));
    let relative =
        Pattern::RelativeYearly { interval: 1, days: none, index: Index::Last, month: 1 };
    assert_eq!(never(relative), Err(Error::NoDays));
    assert_eq!(monthly(1, 0), Err(Error::DayOutOfRange(0)));
    assert_eq!(monthly(1, 32), Err(Error::DayOutOfRange(32)));
    assert_eq!(yearly(0, 1), Err(Error::MonthOutOfRange(0)));
    assert_eq!(yearly(13, 1), Err(Error::MonthOutOfRange(13)));
    assert_eq!(yearly(4, 31), Ok(()));

    assert_eq!(ends(End::On(day("2026-12-31"))), Err(Error::EndBeforeStart));
    assert_eq!(ends(End::On(day("2027-01-01"))), Ok(()));
    assert_eq!(ends(End::On(LATEST)), Ok(()));
    assert_eq!(ends(End::On(day("4500-09-02"))), Err(Error::EndTooLate));
    assert_eq!(ends(End::Count(0)), Err(Error::CountOutOfRange(0)));
    assert_eq!(ends(End::Count(999)), Ok(()));
    assert_eq!(ends(End::Count(1000)), Err(Error::CountOutOfRange(1000)));
    let rare = Pattern::Daily { interval: 999 };
    assert_eq!(series(rare, "2027-01-01", End::Count(999)).check(), Err(Error::EndTooLate));
    let early = series(daily, "1600-12-31", End::Never);
    assert_eq!(early.check(), Err(Error::StartOutOfRange(day("1600-12-31"))));
    let missed = series(weekly(1, on([Monday]), Monday), "2027-02-02", End::On(day("2027-02-07")));
    assert_eq!(missed.check(), Err(Error::NoOccurrence));
    assert_eq!((missed.first(), missed.last(), missed.count()), (None, None, Some(0)));
}

#[test]
fn what_check_refuses_finds_nothing_and_never_panics() {
    let mut rng = Rng::new(3);
    for _ in 0..500 {
        let edge = |rng: &mut Rng| *rng.pick(&[Date::MIN, Date::MAX, EARLIEST, LATEST]);
        let number = |rng: &mut Rng| *rng.pick(&[0, 1, 12, 40, 255]);
        let days = if rng.below(2) == 0 { Weekdays::default() } else { on([Sunday]) };
        let interval = *rng.pick(&[0, 1, u32::MAX]);
        let pattern = match rng.below(5) {
            0 => Pattern::Daily { interval },
            1 => weekly(interval, days, Sunday),
            2 => Pattern::AbsoluteMonthly { interval, day: number(&mut rng) },
            3 => monthly(interval, days, Index::Fourth),
            _ => {
                Pattern::AbsoluteYearly { interval, month: number(&mut rng), day: number(&mut rng) }
            }
        };
        let end = match rng.below(3) {
            0 => End::Never,
            1 => End::On(edge(&mut rng)),
            _ => End::Count(*rng.pick(&[0, 1, u32::MAX])),
        };
        let series = Recurrence { pattern, range: Range { start: edge(&mut rng), end } };
        let date = edge(&mut rng);
        assert!(series.dates_from(date).take(3).all(|found| found >= date));
        let _ = (series.check(), series.last(), series.neighbours(date), series.occurs_on(date));
        let _ = (series.nth(usize::MAX), series.nth(usize::MAX - 1));
    }
}

/// A well-formed series of some kind.
fn any(rng: &mut Rng) -> Recurrence {
    let small = |rng: &mut Rng, limit: u64| u8::try_from(rng.below(limit) + 1).unwrap_or(1);
    let week = [Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday];
    let one = *rng.pick(&week);
    let days = week.into_iter().filter(|&day| day == one || rng.below(3) == 0).collect();
    let index = *rng.pick(&[Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last]);
    let interval = u32::from(small(rng, 4));
    let (month, of_month) = (small(rng, 12), small(rng, 31));
    let pattern = match rng.below(6) {
        0 => Pattern::Daily { interval },
        1 => weekly(interval, days, *rng.pick(&week)),
        2 => Pattern::AbsoluteMonthly { interval, day: of_month },
        3 => monthly(interval, days, index),
        4 => Pattern::AbsoluteYearly { interval, month, day: of_month },
        _ => Pattern::RelativeYearly { interval, days, index, month },
    };
    let span = |rng: &mut Rng, limit| i64::try_from(rng.below(limit)).unwrap_or(0);
    let start = add_days(day("1965-01-01"), span(rng, 40_000)).expect("within the calendar");
    let end = match rng.below(3) {
        0 => End::Never,
        1 => End::On(add_days(start, span(rng, 2_500)).expect("within the calendar")),
        _ => End::Count(u32::from(small(rng, 40))),
    };
    Recurrence { pattern, range: Range { start, end } }
}

/// Whether a pattern means `date`, said without numbering anything.
fn matches(series: &Recurrence, date: Date) -> bool {
    let start = series.range.start;
    let clamped = |day: u8| date.day() == i8::try_from(day).unwrap_or(0).min(date.days_in_month());
    let every = |units: i64, interval: u32| units % i64::from(interval) == 0;
    let years = i64::from(date.year() - start.year());
    let months = years * 12 + i64::from(date.month()) - i64::from(start.month());
    let nth = |days: Weekdays, index: Index| {
        let same = |other: &Date| days.contains(other.weekday());
        let month = date.first_of_month().series(Span::new().days(1));
        let all: Vec<_> =
            month.take_while(|other| other.month() == date.month()).filter(same).collect();
        let place = match index {
            Index::First => 0,
            Index::Second => 1,
            Index::Third => 2,
            Index::Fourth => 3,
            Index::Last => all.len() - 1,
        };
        all[place] == date
    };
    match series.pattern {
        Pattern::Daily { interval } => every(i64::from((date - start).get_days()), interval),
        Pattern::Weekly { interval, days, first_day } => {
            let begin = |date: Date| date.tomorrow().and_then(|d| d.nth_weekday(-1, first_day));
            let (from, to) = (begin(start).expect("in range"), begin(date).expect("in range"));
            days.contains(date.weekday()) && every(i64::from((to - from).get_days() / 7), interval)
        }
        Pattern::AbsoluteMonthly { interval, day } => every(months, interval) && clamped(day),
        Pattern::RelativeMonthly { interval, days, index } => {
            every(months, interval) && days.contains(date.weekday()) && nth(days, index)
        }
        Pattern::AbsoluteYearly { interval, month, day } => {
            date.month().unsigned_abs() == month && every(years, interval) && clamped(day)
        }
        Pattern::RelativeYearly { interval, days, index, month } => {
            date.month().unsigned_abs() == month
                && every(years, interval)
                && days.contains(date.weekday())
                && nth(days, index)
        }
    }
}

#[test]
fn agrees_with_a_walk_over_every_day() {
    let mut rng = Rng::new(2027);
    for _ in 0..200 {
        let series = any(&mut rng);
        let horizon = add_days(series.range.start, 3_000).expect("within the calendar");
        let mut want: Vec<_> = series
            .range
            .start
            .series(Span::new().days(1))
            .take_while(|date| *date <= horizon)
            .filter(|date| matches(&series, *date))
            .collect();
        match series.range.end {
            End::Never => {}
            End::On(end) => want.retain(|date| *date <= end),
            End::Count(count) => want.truncate(to_usize(count)),
        }
        let got: Vec<_> = series.dates().take_while(|date| *date <= horizon).collect();
        assert_eq!(got, want, "{series:?}");

        let mut settled = series;
        settled.settle();
        assert!(settled.dates().take(50).eq(series.dates().take(50)), "{series:?}");

        for (place, date) in got.iter().enumerate() {
            assert_eq!(series.index_of(*date), Some(place + 1), "{series:?}");
            assert_eq!(series.nth(place + 1), Some(*date), "{series:?}");
            let before = place.checked_sub(1).map(|before| got[before]);
            assert_eq!(series.neighbours(*date).0, before, "{series:?}");
            assert_eq!(series.neighbours(*date).1, series.nth(place + 2), "{series:?}");
        }
        for span in [3_000, 3_000, 3_000, 100, 100, 100] {
            let days = i64::try_from(rng.below(span)).unwrap_or(0) - 50;
            let from = add_days(series.range.start, days).expect("within the calendar");
            let rest: Vec<_> =
                series.dates_from(from).take_while(|date| *date <= horizon).collect();
            let want: Vec<_> = got.iter().copied().filter(|date| *date >= from).collect();
            assert_eq!(rest, want, "{series:?} from {from}");
            assert_eq!(series.occurs_on(from), want.first() == Some(&from), "{series:?} {from}");
        }
    }
}

#[test]
fn a_set_of_weekdays() {
    let set = on([Friday, Monday, Friday]);
    assert_eq!(set.iter().collect::<Vec<_>>(), [Monday, Friday]);
    assert!(set.contains(Friday) && !set.contains(Sunday) && !set.is_empty());
    assert_eq!(format!("{set:?}"), "{Monday, Friday}");
    assert_eq!(on([Saturday, Sunday]), Weekdays::WEEKEND);
    assert_eq!(on([Monday, Tuesday, Wednesday, Thursday, Friday]), Weekdays::WORKING);
    assert_eq!(Weekdays::ALL.iter().count(), 7);
}
