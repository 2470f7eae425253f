//! Series as a seed makes them.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime};
use exchange_sim::store::rng::Rng;
use items::recurrence::{End, Index, Pattern, Weekday};
use items::{Event, Recurrence, Reminder, Rule, Timing, zone};
use std::collections::BTreeSet;

/// How long a series is looked at: ten years with their leap days.
const DAYS: u64 = 3653;

/// Zones of both hemispheres, of half hours and of double offsets, and those whose rules changed in
/// 2026.
const ZONES: [&str; 27] = [
    "Europe/Berlin",
    "Europe/London",
    "Europe/Kyiv",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Havana",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Asia/Kathmandu",
    "Asia/Jerusalem",
    "Asia/Beirut",
    "Africa/Cairo",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "America/Santiago",
    "America/Asuncion",
    "America/Sao_Paulo",
    "UTC",
    "America/Scoresbysund",
    "America/Vancouver",
    "America/Edmonton",
    "America/Winnipeg",
    "Africa/Casablanca",
    "Europe/Chisinau",
];

/// Times of day at which clocks are changed somewhere; minutes.
const CRITICAL: [u32; 8] = [0, 15, 60, 90, 120, 150, 165, 180];

/// From when until when an occurrence takes place, in seconds since 1970 UTC. Of whole days their
/// midnights, as if in UTC.
pub type Span = (i64, i64);

/// A series.
pub struct Sample {
    pub seed: u64,
    pub zone: &'static str,
    pub event: Event,
}

impl Sample {
    /// The series of a seed, which starts in `year`.
    pub fn of(seed: u64, year: i32) -> Self {
        let rng = &mut Rng::fork(seed, "occurrences");
        let zone = *rng.pick::<&str>(&ZONES);
        let earliest = date(year, 1, 1) + Days::new(rng.below(365));
        let pattern = pattern(rng, earliest);
        let endless = Rule { pattern: pattern.clone(), end: End::Never };
        let first = endless.dates(earliest).next().expect("a pattern with dates");
        let end = match rng.below(3) {
            0 => End::Never,
            1 => End::Count(1 + rng.below(400) as u32),
            _ => End::On(first + Days::new(rng.below(4000))),
        };
        let event = Event {
            uid: Some(format!("{seed}@occurrences")),
            subject: Some(format!("#{seed}")),
            timing: Some(timing(rng, first, zone)),
            recurrence: Some(Recurrence::Rule(Rule { pattern, end })),
            reminder: Some(Reminder::Off),
            ..Event::default()
        };
        Self { seed, zone, event: event.filled() }
    }

    /// Until when it is looked at, in seconds since 1970 UTC.
    pub fn until(&self) -> i64 {
        let first = self.event.first_date().expect("it has a start");
        seconds((first + Days::new(DAYS)).and_time(NaiveTime::MIN))
    }

    /// Whether it takes whole days.
    pub fn is_all_day(&self) -> bool {
        matches!(self.event.timing, Some(Timing::AllDay { .. }))
    }
}

/// The occurrences of `event` up to `until`, as evensync has them.
pub fn expanded(event: &Event, until: i64) -> BTreeSet<Span> {
    let rule = event.recurrence.as_ref().and_then(Recurrence::rule).expect("a series");
    let first = event.first_date().expect("it has a start");
    let spans = rule.dates(first).map(|date| event.timing_on(date).expect("a time in range"));
    spans.map(|timing| span(&timing)).take_while(|span| span.0 < until).collect()
}

fn span(timing: &Timing) -> Span {
    match timing {
        Timing::Timed { start, end, .. } => (*start, *end),
        Timing::AllDay { start, end, .. } => {
            (seconds(start.and_time(NaiveTime::MIN)), seconds(end.and_time(NaiveTime::MIN)))
        }
    }
}

fn seconds(wall: NaiveDateTime) -> i64 {
    wall.and_utc().timestamp()
}

fn date(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).expect("a date")
}

fn timing(rng: &mut Rng, first: NaiveDate, zone: &str) -> Timing {
    let named = Some(zone.to_owned());
    if rng.below(6) == 0 {
        return Timing::AllDay { start: first, end: first + Days::new(1), zone: named };
    }
    let minute = match rng.below(2) {
        0 => *rng.pick(&CRITICAL),
        _ => rng.below(24 * 60) as u32,
    };
    let time = NaiveTime::from_hms_opt(minute / 60, minute % 60, 0).expect("a time of day");
    let start = zone::to_instant(zone, first.and_time(time)).expect("a known zone");
    let minutes = *rng.pick(&[0, 15, 60, 90, 600, 1435]);
    Timing::Timed { start, end: start + minutes * 60, start_zone: named.clone(), end_zone: named }
}

fn pattern(rng: &mut Rng, earliest: NaiveDate) -> Pattern {
    let rare = |rng: &mut Rng, max: u64| if rng.below(3) == 0 { 1 } else { 1 + rng.below(max) };
    let index = *rng.pick(&[Index::First, Index::Second, Index::Third, Index::Fourth, Index::Last]);
    let (day, month) = (1 + rng.below(31) as u32, 1 + rng.below(12) as u32);
    match rng.below(6) {
        0 => Pattern::Daily { interval: rare(rng, 30) as u32 },
        1 => Pattern::Weekly {
            interval: rare(rng, 5) as u32,
            days: some_days(rng, earliest),
            first_day: *rng.pick(&Weekday::ALL),
        },
        2 => Pattern::AbsoluteMonthly { interval: rare(rng, 14) as u32, day },
        3 => Pattern::RelativeMonthly {
            interval: rare(rng, 14) as u32,
            index,
            days: counted_days(rng),
        },
        4 => Pattern::AbsoluteYearly { interval: years(rng), month, day },
        _ => {
            Pattern::RelativeYearly { interval: years(rng), month, index, days: counted_days(rng) }
        }
    }
}

/// Every how many years; EWS tells more than 1 in months.
fn years(rng: &mut Rng) -> u32 {
    *rng.pick(&[1, 1, 1, 1, 2, 4])
}

fn some_days(rng: &mut Rng, earliest: NaiveDate) -> BTreeSet<Weekday> {
    let mut days: BTreeSet<Weekday> =
        Weekday::ALL.into_iter().filter(|_| rng.below(3) == 0).collect();
    if days.is_empty() {
        days.insert(Weekday::ALL[earliest.weekday().num_days_from_monday() as usize]);
    }
    days
}

/// Days of which one is counted off in a month: those that EWS has a name for.
fn counted_days(rng: &mut Rng) -> BTreeSet<Weekday> {
    let all = Weekday::ALL;
    match rng.below(8) {
        0 => all.into(),
        1 => all[..5].iter().copied().collect(),
        2 => all[5..].iter().copied().collect(),
        _ => [*rng.pick(&all)].into(),
    }
}
