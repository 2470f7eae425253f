//! Random series against the built-in Exchange, which expands them by its own code.

use crate::series::{called, later};
use crate::sim::{World, event, held, now, world};
use chrono::{Datelike, Days, NaiveDate};
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{Event, Occurrence, Recurrence, Rule, Timing, meaning, zone};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use sync_core::ids::RemoteId;

const SEEDS: u64 = 60;
/// Of both hemispheres, with and without summer time.
const ZONES: [&str; 8] = [
    "W. Europe Standard Time",
    "Eastern Standard Time",
    "Pacific Standard Time",
    "New Zealand Standard Time",
    "Lord Howe Standard Time",
    "India Standard Time",
    "Pacific SA Standard Time",
    "UTC",
];
const INDEXES: [Index; 5] = [Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last];

/// xorshift64*.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % n
    }

    fn timing(&mut self) -> (NaiveDate, Timing) {
        let days = self.below(400);
        let date = "2026-11-25".parse::<NaiveDate>().unwrap() + Days::new(days);
        let zone = ZONES[usize::try_from(self.below(8)).unwrap()];
        let named = Some(zone.to_owned());
        if self.below(5) == 0 {
            let end = date + Days::new(1);
            return (date, Timing::AllDay { start: date, end, zone: named });
        }
        let (hour, minute) = (self.below(22), 30 * self.below(2));
        let wall = date.and_hms_opt(hour as u32, minute as u32, 0).unwrap();
        let start = zone::to_instant(zone, wall).unwrap();
        let end = start + 1800 * (1 + self.below(2) as i64);
        (date, Timing::Timed { start, end, start_zone: named.clone(), end_zone: named })
    }

    /// A pattern that has `date`.
    fn pattern(&mut self, date: NaiveDate) -> Pattern {
        let interval = 1 + self.below(3) as u32;
        let (month, day) = (date.month(), date.day());
        let weekday = Weekday::of(date);
        let index = INDEXES[(day as usize - 1) / 7];
        let days = BTreeSet::from([weekday]);
        match self.below(6) {
            0 => Pattern::Daily { interval },
            1 => {
                let other = Weekday::ALL[self.below(7) as usize];
                let first_day = Weekday::ALL[self.below(7) as usize];
                Pattern::Weekly { interval, days: BTreeSet::from([weekday, other]), first_day }
            }
            2 => Pattern::AbsoluteMonthly { interval, day },
            3 => Pattern::RelativeMonthly { interval, index, days },
            4 => Pattern::AbsoluteYearly { interval: 1, month, day },
            _ => Pattern::RelativeYearly { interval: 1, month, index, days },
        }
    }

    fn series(&mut self) -> Event {
        let (date, timing) = self.timing();
        let end = match self.below(3) {
            0 => End::Never,
            1 => End::On(date + Days::new(30 + self.below(1500))),
            _ => End::Count(2 + self.below(40) as u32),
        };
        let rule = Rule { pattern: self.pattern(date), end };
        let recurrence = Some(Recurrence::Rule(rule));
        Event { timing: Some(timing), recurrence, ..event("Series", now()) }
    }

    /// Something for some of the first dates; never for the very first.
    fn wanted(&mut self, series: &Event) -> BTreeMap<NaiveDate, Occurrence> {
        let is_timed = matches!(series.timing, Some(Timing::Timed { .. }));
        let mut wanted = BTreeMap::new();
        for date in dates(series).into_iter().skip(1) {
            let occurrence = match self.below(8) {
                0 => Occurrence::Deleted,
                1 => called(&format!("Number {}", self.below(1000))),
                2 if is_timed => later(series, date, 1),
                _ => continue,
            };
            wanted.insert(date, occurrence);
        }
        wanted
    }
}

fn dates(series: &Event) -> Vec<NaiveDate> {
    let rule = series.recurrence.as_ref().and_then(|recurrence| recurrence.rule()).unwrap();
    rule.dates(series.first_date().unwrap()).take(25).collect()
}

fn normal(series: &Event, occurrences: BTreeMap<NaiveDate, Occurrence>) -> Event {
    let (timing, recurrence) = (series.timing.clone(), series.recurrence.clone());
    let occurrences = Some(occurrences);
    meaning::of(&Event { timing, recurrence, occurrences, ..Event::default() })
}

async fn read(world: &World, id: &RemoteId) -> Event {
    let got = held(&world.found(id).await);
    let occurrences = got.occurrences.clone().unwrap();
    normal(&got, occurrences)
}

#[tokio::test]
async fn random_series_arrive_as_they_were_sent() {
    let world = world().await;
    for seed in 1..=SEEDS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let series = dice.series();
        let (id, _) = world.one(world.create(&format!("k{seed}"), &series)).await.unwrap();
        assert_eq!(read(&world, &id).await, normal(&series, BTreeMap::new()), "{seed}");

        let first = dice.wanted(&series);
        let written = world.put(&format!("k{seed}-1"), &id, &first).await;
        written.unwrap_or_else(|failure| panic!("{seed}: {failure} {series:?} {first:?}"));
        assert_eq!(read(&world, &id).await, normal(&series, first.clone()), "{seed}");

        // Deleted ones don't come back.
        let mut second = dice.wanted(&series);
        world.put(&format!("k{seed}-2"), &id, &second).await.unwrap();
        second.extend(first.into_iter().filter(|(_, one)| *one == Occurrence::Deleted));
        assert_eq!(read(&world, &id).await, normal(&series, second.clone()), "{seed}");

        // Told by instances it is the same: both sides know the same dates.
        let rule = series.recurrence.as_ref().and_then(|recurrence| recurrence.rule()).unwrap();
        let last = rule.last(series.first_date().unwrap());
        if last.is_some_and(|last| last.year() < 2036) {
            world.transport.is_old.store(true, Ordering::Relaxed);
            assert_eq!(read(&world, &id).await, normal(&series, second), "{seed}");
            world.transport.is_old.store(false, Ordering::Relaxed);
        }
    }
}
