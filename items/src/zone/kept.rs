//! Whether the Windows zone that stands for a zone has its clocks.

use super::{iana, rules, windows};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeSet;

/// From this year on every zone does each year what it did the year before.
const STEADY_FROM: &str = "2040-01-01T00:00:00Z";

/// Whether the clocks of the Windows zone that stands for `zone` show what its own do, from one
/// instant to another, in seconds since 1970 UTC. Ittoqqortoormiit stands with the rest of
/// Greenland, whose clocks are its own since 2024.
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
        for (zone, from, until, expected) in [
            // Its clocks went with those of the Azores until 2024.
            ("America/Scoresbysund", "2010-01-01", "2024-03-01", false),
            ("America/Scoresbysund", "2024-03-01", "2024-05-01", false),
            ("America/Scoresbysund", "2027-01-01", "4000-01-01", true),
            ("America/Chihuahua", "2015-01-01", "4000-01-01", false),
            ("America/Chihuahua", "2027-01-01", "4000-01-01", true),
            ("America/Vancouver", "2000-01-01", "4000-01-01", true),
            ("Europe/Vienna", "2000-01-01", "4000-01-01", true),
            ("US/Pacific", "2000-01-01", "4000-01-01", true),
            ("Customized Time Zone", "2026-01-01", "2026-01-02", false),
        ] {
            assert_eq!(kept(zone, from, until), expected, "{zone} {from} {until}");
        }
    }
}
