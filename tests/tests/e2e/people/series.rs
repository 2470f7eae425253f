//! What people do with series: they change pattern, end and time of day, and the first occurrences.
//! The first date of a series stays, since pattern and start are merged apart, and so does its zone:
//! in another one an occurrence may be on the day of its neighbour, which Exchange refuses.

use super::super::look::Look;
use super::super::place::{Change, Standing, When, parsed};
use super::{People, ZONES};
use exchange_sim::store::{Content, Zone};
use items::Rule;
use items::recurrence::{End, Index, Pattern, Weekday};
use jiff::civil::Date;
use std::collections::BTreeSet;

/// Occurrences that people change or delete: so many from the first on.
const NEAR: usize = 8;
/// Occurrences that a person leaves undeleted of these.
const LEFT_MIN: usize = 4;

impl People {
    /// Whether the next event is to be a series.
    pub(super) fn repeats(&mut self) -> bool {
        self.series_percent > 0 && self.rng.below(100) < self.series_percent
    }

    /// A time for a series.
    pub(super) fn series_when(&mut self) -> When {
        match self.when() {
            When::Days { first, zone, .. } => When::Days { first, days: 1, zone },
            When::Timed { minute, zone, .. } => {
                let zoned =
                    jiff::Timestamp::from_second(minute * 60).expect("a year of four digits");
                let day = Zone::parse(zone).expect("a known zone").wall(zoned).date();
                self.time_on(day, zone)
            }
        }
    }

    /// Someone changes a series, or one of its occurrences.
    pub(super) fn edit_series(&mut self, side: usize, chosen: &Standing) {
        let event = chosen.content.as_event().expect("only events lie in calendars");
        let series = event.series.clone().expect("a series");
        let first = event.start.zone.wall(event.start.utc).date();
        let near: Vec<Date> =
            series.recurrence.dates().take(NEAR).filter(|d| !series.deleted.contains(d)).collect();
        let date = (!near.is_empty()).then(|| *self.rng.pick(&near));
        let change = match (self.rng.below(12), date) {
            (0..=4, Some(date)) => return self.edit_occurrence(side, chosen, date),
            (5 | 6, Some(date)) if near.len() > LEFT_MIN => {
                self.places[side].delete_on(&chosen.handle, date);
                return self.wrote(side, chosen, &format!("occurrence {date} is deleted"));
            }
            (7, _) => Change::Ends(match (self.rng.below(3), series.recurrence.nth(15)) {
                (0, Some(date)) => End::On(parsed(&date)),
                (_, _) => self.end(),
            }),
            (8, _) => Change::Recurs(Some(self.rule(first))),
            (9, _) => Change::When(self.time_on(first, zone_of(&chosen.content))),
            (10, _) if self.rng.below(3) == 0 => Change::Recurs(None),
            (_, _) => self.detail(&chosen.look),
        };
        self.apply(side, chosen, &change);
    }

    /// Someone lets an event recur that took place once; every few days, which fits any start.
    pub(super) fn repeat(&mut self, side: usize, chosen: &Standing) {
        let pattern = Pattern::Daily { interval: 4 + self.rng.below(3) as u32 };
        let rule = Rule { pattern, end: self.end() };
        self.apply(side, chosen, &Change::Recurs(Some(rule)));
    }

    /// How a series that starts on `first` recurs.
    pub(super) fn rule(&mut self, first: Date) -> Rule {
        let day = Weekday::ALL[usize::from(first.weekday().to_monday_zero_offset().unsigned_abs())];
        let (month, of_month) = (first.month().unsigned_abs().into(), first.day().unsigned_abs());
        let index = match (of_month - 1) / 7 {
            0 => Index::First,
            1 => Index::Second,
            2 => Index::Third,
            3 => Index::Fourth,
            _ => Index::Last,
        };
        let interval = 1 + self.rng.below(3) as u32;
        let (days, of_month) = (BTreeSet::from([day]), u32::from(of_month));
        let pattern = match self.rng.below(8) {
            0..=2 => Pattern::Daily { interval },
            3 | 4 => {
                let days = BTreeSet::from([day, *self.rng.pick(&Weekday::ALL)]);
                let first_day = *self.rng.pick(&[Weekday::Monday, Weekday::Sunday]);
                Pattern::Weekly { interval, days, first_day }
            }
            5 => Pattern::AbsoluteMonthly { interval, day: of_month },
            6 => Pattern::RelativeMonthly { interval, index, days },
            _ if self.rng.below(2) == 0 => {
                Pattern::AbsoluteYearly { interval: 1, month, day: of_month }
            }
            _ => Pattern::RelativeYearly { interval: 1, month, index, days },
        };
        Rule { pattern, end: self.end() }
    }

    fn end(&mut self) -> End {
        match self.rng.below(3) {
            0 => End::Never,
            _ => End::Count(12 + (self.next() % 300) as u32),
        }
    }

    fn edit_occurrence(&mut self, side: usize, chosen: &Standing, date: Date) {
        let all_day = chosen.content.as_event().is_some_and(|event| event.all_day);
        let change = match self.rng.below(4) {
            0 if !all_day => Change::When(self.time_on(date, zone_of(&chosen.content))),
            _ => self.detail(&chosen.look),
        };
        self.places[side].change_on(&chosen.handle, date, &change);
        self.wrote(side, chosen, &format!("occurrence {date}: {change:?}"));
    }

    /// A change of anything but the time.
    fn detail(&mut self, look: &Look) -> Change {
        loop {
            match self.change(&look["subject"]) {
                Change::When(_) => {}
                change => return change,
            }
        }
    }

    /// A time of a day by which no occurrence meets its neighbour, whatever the other side does.
    fn time_on(&mut self, day: Date, zone: &'static str) -> When {
        let n = self.next().cast_signed();
        let rules = Zone::parse(zone).expect("a known zone");
        let wall = day.at(7 + (n / 60 % 6) as i8, (n % 60) as i8, 0, 0);
        let minute = rules.instant(wall).expect("a year of four digits").as_second() / 60;
        When::Timed { minute, minutes: *self.rng.pick(&[15, 30, 60]), zone }
    }
}

/// The zone of an event, as these tests name it.
fn zone_of(content: &Content) -> &'static str {
    let event = content.as_event().expect("only events lie in calendars");
    let id = event.start.zone.id();
    let is_it = |name: &&&str| Zone::parse(name).is_some_and(|zone| zone.id() == id);
    ZONES.iter().find(is_it).expect("one of these zones")
}
