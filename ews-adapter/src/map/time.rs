//! Instants and days as Exchange writes them.
//!
//! Exchange keeps instants in UTC and beside them the zone an event was entered in. A day is the
//! midnight of that zone: 23:00 UTC of the day before, in Berlin in winter.

use crate::soap::Element;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// The zone that stands for "none known" where EWS wants one.
pub(crate) const UTC: &str = "UTC";
const DAY_SECONDS: i64 = 24 * 3600;

/// Reads an `xs:dateTime` in seconds since 1970 UTC. One without zone is taken for UTC: Exchange
/// was seen to leave it out (ews-rs PR#82).
pub(crate) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).map(|t| t.timestamp());
    zoned.ok().or_else(|| {
        let naive = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
        Some(naive.and_utc().timestamp())
    })
}

/// Writes an instant as an `xs:dateTime` in UTC; `None` outside the years that Exchange can store.
pub(crate) fn utc(instant: i64) -> Option<String> {
    let time = DateTime::from_timestamp(instant, 0)?;
    let range = NaiveDate::from_ymd_opt(1601, 1, 1)?..=NaiveDate::from_ymd_opt(4500, 8, 31)?;
    range.contains(&time.date_naive()).then(|| time.format("%Y-%m-%dT%H:%M:%SZ").to_string())
}

/// The instant of a day's midnight in a zone that Windows knows.
pub(crate) fn midnight(day: NaiveDate, zone: &str) -> Option<i64> {
    items::zone::to_instant(zone, day.and_time(NaiveTime::MIN))
}

/// The Windows id that stands for a zone; UTC for none, and for one that Windows doesn't have.
pub(crate) fn windows_zone(zone: Option<&str>) -> &'static str {
    zone.and_then(items::zone::windows).unwrap_or(UTC)
}

/// The id of a `StartTimeZone` or `EndTimeZone`, as the server names it.
pub(crate) fn zone_id(zone: Option<&Element>) -> Option<String> {
    let id = zone?.attribute("Id")?;
    (!id.trim().is_empty()).then(|| id.to_owned())
}

/// The day that begins at `instant` in `zone`, the element that Exchange keeps with an event.
///
/// A zone that nobody knows by its id is told from its definition: the day begins at the midnight
/// of one of its periods. Without one, the nearest midnight of UTC is taken, which is right up to
/// twelve hours from Greenwich.
pub(crate) fn day(instant: i64, zone: Option<&Element>) -> Option<NaiveDate> {
    let known =
        zone.and_then(|z| z.attribute("Id")).and_then(|id| items::zone::to_wall(id, instant));
    let wall = match known {
        Some(wall) => wall,
        None => {
            let offset = zone.and_then(|zone| midnight_offset(instant, zone)).unwrap_or(0);
            DateTime::from_timestamp(instant.checked_add(offset)?, 0)?.naive_utc()
        }
    };
    // An event that was moved to another zone may begin a little beside its midnight.
    Some(wall.checked_add_signed(TimeDelta::hours(12))?.date())
}

/// The day after the last, from an all-day event's end: at least one day after `start`.
pub(crate) fn day_after(start: NaiveDate, end: Option<NaiveDate>) -> Option<NaiveDate> {
    match end {
        Some(end) if end > start => Some(end),
        _ => start.checked_add_days(Days::new(1)),
    }
}

/// The offset from UTC, in seconds, of that of the definition's periods in which `instant` is a
/// midnight.
fn midnight_offset(instant: i64, zone: &Element) -> Option<i64> {
    let periods = zone.child("Periods")?;
    let offsets = periods.all("Period").filter_map(|period| duration(period.attribute("Bias")?));
    offsets.map(|bias| -bias).find(|offset| (instant + offset).rem_euclid(DAY_SECONDS) == 0)
}

/// Reads an `xs:duration` in whole seconds, as the bias `-PT1H` of an hour ahead of UTC; months and
/// years don't occur where zones are told.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let (sign, rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.trim()),
    };
    let (days, clock) = match rest.strip_prefix('P')?.split_once('T') {
        Some((days, clock)) => (days, clock),
        None => (rest.strip_prefix('P')?, ""),
    };
    let days = match days {
        "" => 0,
        days => i64::from(days.strip_suffix('D')?.parse::<u16>().ok()?),
    };
    let mut seconds = days * DAY_SECONDS;
    let mut digits = String::new();
    for c in clock.chars() {
        let unit = match c {
            'H' => 3600,
            'M' => 60,
            'S' | '.' => 1,
            digit if digit.is_ascii_digit() && digits.len() < 6 => {
                digits.push(digit);
                continue;
            }
            _ => return None,
        };
        seconds += digits.parse::<i64>().ok()? * unit;
        if c == '.' {
            break;
        }
        digits.clear();
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, biases: &[&str]) -> Element {
        let periods: String = biases.iter().map(|b| format!("<Period Bias=\"{b}\"/>")).collect();
        Element::parse(&format!(
            "<Z xmlns=\"http://schemas.microsoft.com/exchange/services/2006/types\" Id=\"{id}\">\
             <Periods>{periods}</Periods></Z>"
        ))
        .unwrap()
    }

    fn check(start: &str, zone: Option<&Element>, expected: &str) {
        let day = day(instant(start).unwrap(), zone).unwrap();
        assert_eq!(day.to_string(), expected, "{start} in {zone:?}");
    }

    #[test]
    fn a_day_is_the_midnight_of_its_zone() {
        let berlin = zone("W. Europe Standard Time", &[]);
        check("2026-11-24T23:00:00Z", Some(&berlin), "2026-11-25");
        check("2026-07-24T22:00:00Z", Some(&berlin), "2026-07-25");
        check("2026-11-25T05:00:00Z", Some(&zone("Eastern Standard Time", &[])), "2026-11-25");
        check("2026-11-24T10:00:00Z", Some(&zone("Line Islands Standard Time", &[])), "2026-11-25");
        check("2026-11-25T00:00:00Z", None, "2026-11-25");
    }

    /// Also where clocks skip midnight, are far from Greenwich, or stopped being changed.
    #[test]
    fn days_come_back_in_every_zone() {
        let first = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        for name in [
            "UTC",
            "W. Europe Standard Time",
            "Pacific SA Standard Time",
            "Egypt Standard Time",
            "Middle East Standard Time",
            "Paraguay Standard Time",
            "Lord Howe Standard Time",
            "Chatham Islands Standard Time",
            "Line Islands Standard Time",
            "Samoa Standard Time",
            "Dateline Standard Time",
            "UTC-11",
            "Newfoundland Standard Time",
            "Nepal Standard Time",
            "British Columbia Standard Time",
            "Morocco Standard Time",
        ] {
            let zone = zone(name, &[]);
            for date in first.iter_days().take(730) {
                let midnight = midnight(date, name).unwrap();
                assert_eq!(day(midnight, Some(&zone)), Some(date), "{name}");
            }
        }
    }

    #[test]
    fn an_unknown_zone_is_told_from_its_periods() {
        let odd = zone("Mitteleuropäische Zeit!", &["-PT1H", "-PT2H"]);
        check("2026-11-24T23:00:00Z", Some(&odd), "2026-11-25");
        check("2026-07-24T22:00:00Z", Some(&odd), "2026-07-25");
        check("2026-11-24T10:00:00Z", Some(&zone("x", &["-PT14H"])), "2026-11-25");
        check("2026-11-24T10:00:00Z", Some(&zone("x", &["odd", "PT"])), "2026-11-24");
        check("2026-11-25T09:30:00Z", Some(&zone("x", &["PT9H30M"])), "2026-11-25");
        check("2026-11-24T23:00:00Z", Some(&zone("Customized Time Zone", &[])), "2026-11-25");
    }

    #[test]
    fn durations_are_read_in_every_form() {
        for (text, seconds) in [
            ("-PT1H", Some(-3600)),
            ("PT5H30M", Some(19_800)),
            ("P0DT2H0M0.0S", Some(7200)),
            ("PT23H59M59.999S", Some(86_399)),
            ("P1D", Some(86_400)),
            ("PT0S", Some(0)),
            ("P-1D", None),
            ("PTH", None),
            ("1H", None),
            ("PT99999999H", None),
        ] {
            assert_eq!(duration(text), seconds, "{text}");
        }
    }

    #[test]
    fn instants_are_read_in_every_form() {
        for text in ["2026-07-01T10:00:00Z", "2026-07-01T10:00:00", "2026-07-01T12:00:00.000+02:00"]
        {
            assert_eq!(instant(text), Some(1_782_900_000), "{text}");
        }
        assert_eq!(instant("yesterday"), None);
        assert_eq!(utc(1_782_900_000).as_deref(), Some("2026-07-01T10:00:00Z"));
        assert_eq!(utc(i64::MAX), None);
        assert_eq!(utc(-20_000_000_000), None);
    }
}
