//! Whether the Windows zone that stands for a zone has its clocks.

use super::{iana, rules, windows};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// From this year on every zone does each year what it did the year before.
const STEADY_FROM: &str = "2040-01-01T00:00:00Z";

/// Whether the clocks of the Windows zone that stands for `zone` show what its own do, from one
/// instant to another, in seconds since 1970 UTC. Windows has one zone for Vancouver and Los
/// Angeles, whose clocks differ since November 2026.
pub fn is_kept_by_windows(zone: &str, from: i64, until: i64) -> bool {
    let Some(stands_for) = windows(zone).and_then(iana) else { return false };
    let (Some(own), Some(other)) = (iana(zone).and_then(rules), rules(stands_for)) else {
        return false;
    };
    if iana(zone) == Some(stands_for) {
        return true;
    }
    let steady = STEADY_FROM.parse().unwrap_or(Timestamp::MAX);
    let from = Timestamp::from_second(from).unwrap_or(Timestamp::MIN);
    let until = Timestamp::from_second(until).unwrap_or(Timestamp::MAX).min(steady.max(from));
    let mut instants = BTreeSet::from([from, until]);
    instants.extend(changes(&own, from, until).chain(changes(&other, from, until)));
    instants.into_iter().all(|at| own.to_offset(at).seconds() == other.to_offset(at).seconds())
}

fn changes(
    zone: &TimeZone,
    from: Timestamp,
    until: Timestamp,
) -> impl Iterator<Item = Timestamp> + '_ {
    zone.following(from).map(|change| change.timestamp()).take_while(move |at| *at < until)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(zone: &str, from: &str, until: &str) -> bool {
        let second = |date: &str| {
            format!("{date}T12:00:00Z").parse::<Timestamp>().expect("a date").as_second()
        };
        is_kept_by_windows(zone, second(from), second(until))
    }

    #[test]
    fn zones_that_part_are_kept_until_then() {
        for zone in ["America/Vancouver", "America/Edmonton", "America/Winnipeg"] {
            assert!(kept(zone, "2024-03-01", "2026-10-31"), "{zone}");
            assert!(!kept(zone, "2024-03-01", "2026-11-02"), "{zone}");
            assert!(!kept(zone, "2030-06-01", "2031-01-01"), "{zone}");
        }
        for zone in ["Europe/Vienna", "Africa/Casablanca", "Europe/Chisinau", "UTC", "US/Pacific"] {
            assert!(kept(zone, "2000-01-01", "4000-01-01"), "{zone}");
        }
        assert!(!kept("Customized Time Zone", "2026-01-01", "2026-01-02"));
    }
}
