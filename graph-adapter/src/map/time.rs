//! Times: local and named by zone on the wire, instants here.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime};
use items::{Timing, zone};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sync_core::port::Trouble;

/// Graph's `dateTimeTimeZone`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DateTimeTimeZone {
    date_time: String,
    #[serde(default)]
    time_zone: Option<String>,
}

impl DateTimeTimeZone {
    /// What the clocks show: seconds and up to seven digits of a fraction, or a date alone.
    fn wall(&self) -> Option<NaiveDateTime> {
        let text = self.date_time.trim().trim_end_matches('Z');
        NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
            .ok()
            .or_else(|| text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0))
    }

    /// In seconds since 1970 UTC. Responses are in UTC, because we never ask for another zone.
    fn instant(&self) -> Option<i64> {
        let wall = self.wall()?;
        match self.time_zone.as_deref() {
            None | Some("UTC" | "") => Some(wall.and_utc().timestamp()),
            Some(named) => zone::to_instant(named, wall),
        }
    }
}

/// The timing of an event, from the members that say it; `None` where they can't be understood.
pub(crate) fn read(
    start: &DateTimeTimeZone,
    end: &DateTimeTimeZone,
    original_zones: (Option<&str>, Option<&str>),
    is_all_day: Option<bool>,
) -> Option<Timing> {
    let start_zone = original_zones.0.and_then(zone_name);
    let end_zone = original_zones.1.and_then(zone_name);
    if is_all_day == Some(true) {
        let start = day(start, start_zone.as_deref())?;
        let end = day(end, end_zone.as_deref())?;
        return Some(Timing::AllDay { start, end, zone: start_zone });
    }
    Some(Timing::Timed { start: start.instant()?, end: end.instant()?, start_zone, end_zone })
}

/// The zone that an event was entered in. `tzone://Microsoft/Utc` is UTC; the other names of that
/// kind stand for zones that Graph can't name.
pub(crate) fn zone_name(original: &str) -> Option<String> {
    match original.trim() {
        "" => None,
        utc if utc.eq_ignore_ascii_case("tzone://Microsoft/Utc") => Some("UTC".to_owned()),
        custom if is_custom(custom) => None,
        named => Some(named.to_owned()),
    }
}

/// Whether a name stands for a zone that Graph can't name.
pub(crate) fn is_custom(name: &str) -> bool {
    let name = name.trim().to_ascii_lowercase();
    name.starts_with("tzone://") && name != "tzone://microsoft/utc"
}

/// Gives a timing that names no zone these ones.
pub(crate) fn fill_zones(timing: &mut Timing, zones: (Option<String>, Option<String>)) {
    match timing {
        Timing::Timed { start_zone, end_zone, .. } => {
            if start_zone.is_none() && end_zone.is_none() {
                (*start_zone, *end_zone) = zones;
            }
        }
        Timing::AllDay { zone, .. } => *zone = zone.take().or(zones.0),
    }
}

/// The day that an all-day event starts or ends on: midnight as delivered, or, where the server
/// has moved that to UTC, midnight in the event's own zone.
fn day(time: &DateTimeTimeZone, zone_name: Option<&str>) -> Option<NaiveDate> {
    let wall = time.wall()?;
    if wall.time() == chrono::NaiveTime::MIN {
        return Some(wall.date());
    }
    let local = zone_name.and_then(|name| zone::to_wall(name, time.instant()?));
    Some(local.unwrap_or(wall).date())
}

/// The day whose midnight is at an instant, likewise.
pub(crate) fn day_of(instant: i64, zone_name: Option<&str>) -> Option<NaiveDate> {
    let wall = DateTime::from_timestamp(instant, 0)?.naive_utc();
    if wall.time() == chrono::NaiveTime::MIN {
        return Some(wall.date());
    }
    let local = zone_name.and_then(|name| zone::to_wall(name, instant));
    Some(local.unwrap_or(wall).date())
}

/// When something starts, in seconds; of whole days the midnight in UTC.
pub(crate) fn instant(timing: &Timing) -> i64 {
    match timing {
        Timing::Timed { start, .. } => *start,
        Timing::AllDay { start, .. } => {
            start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp()
        }
    }
}

/// The members that say a timing.
pub(crate) fn write(timing: &Timing, into: &mut Map<String, Value>) {
    let mut put = |start: Value, end: Value, is_all_day: bool| {
        into.insert("start".to_owned(), start);
        into.insert("end".to_owned(), end);
        into.insert("isAllDay".to_owned(), json!(is_all_day));
    };
    match timing {
        Timing::Timed { start, end, start_zone, end_zone } => {
            let end_zone = end_zone.as_deref().or(start_zone.as_deref());
            put(local(*start, start_zone.as_deref()), local(*end, end_zone), false);
        }
        Timing::AllDay { start, end, zone } => {
            // Midnight of both in one zone (MS docs: event), which must have these midnights.
            let name = zone.as_deref().and_then(zone::windows).unwrap_or("UTC");
            let has = |day: &NaiveDate| zone::shows(name, day.and_time(chrono::NaiveTime::MIN));
            let name = if has(start) && has(end) { name } else { "UTC" };
            let midnight =
                |day: &NaiveDate| json!({"dateTime": format!("{day}T00:00:00"), "timeZone": name});
            put(midnight(start), midnight(end), true);
        }
    }
}

/// The members that say the timing of a series: by the clocks of its own zone, which UTC would let it
/// drift away from.
///
/// # Errors
/// As [`series_zone`].
pub(crate) fn write_series(timing: &Timing, into: &mut Map<String, Value>) -> Result<(), Trouble> {
    let name = series_zone(timing)?;
    match timing {
        Timing::AllDay { .. } => write(timing, into),
        Timing::Timed { start, end, end_zone, .. } => {
            let end_name = end_zone.as_deref().and_then(zone::windows).unwrap_or(name);
            let wall = |name: &str, instant| {
                let wall = zone::to_wall(name, instant).ok_or_else(no_timing)?;
                let text = wall.format("%Y-%m-%dT%H:%M:%S").to_string();
                Ok(json!({"dateTime": text, "timeZone": name}))
            };
            into.insert("start".to_owned(), wall(name, *start)?);
            into.insert("end".to_owned(), wall(end_name, *end)?);
            into.insert("isAllDay".to_owned(), json!(false));
        }
    }
    Ok(())
}

/// The zone by whose clocks a series goes on, as Graph names it.
///
/// # Errors
/// `zone-inexpressible` where Graph has no name for it. Days are the same everywhere.
pub(crate) fn series_zone(timing: &Timing) -> Result<&'static str, Trouble> {
    let (named, is_all_day) = match timing {
        Timing::AllDay { zone, .. } => (zone.as_deref(), true),
        Timing::Timed { start_zone, end_zone, .. } => {
            (start_zone.as_deref().or(end_zone.as_deref()), false)
        }
    };
    let Some(named) = named.filter(|name| !name.trim().is_empty()) else { return Ok("UTC") };
    match zone::windows(named) {
        Some(name) => Ok(name),
        None if is_all_day => Ok("UTC"),
        None => Err(other_clocks()),
    }
}

/// Says that a series goes by clocks that Graph has no zone for.
pub(crate) fn other_clocks() -> Trouble {
    Trouble::new(
        "zone-inexpressible",
        "the series goes by the clocks of a zone that Graph can't name; by those of another one it \
         would move whenever either changes its clocks",
    )
}

/// Refuses what no server takes: an end before the start, whole days that are none, and years that
/// have no four digits (MS docs: event resource type).
pub(crate) fn check(timing: &Timing) -> Result<(), Trouble> {
    let date = |instant: &i64| DateTime::from_timestamp(*instant, 0).map(|at| at.date_naive());
    let (start, end) = match timing {
        Timing::Timed { start, end, .. } => (date(start), date(end)),
        Timing::AllDay { start, end, .. } => (Some(*start), Some(*end)),
    };
    let is_year =
        |date: Option<NaiveDate>| date.is_some_and(|date| (1..=9999).contains(&date.year()));
    if !is_year(start) || !is_year(end) {
        let detail = "the event takes place before the year 1 or after the year 9999";
        return Err(Trouble::new("time-inexpressible", detail));
    }
    let is_backward = match timing {
        Timing::Timed { start, end, .. } => end < start,
        Timing::AllDay { start, end, .. } => end <= start,
    };
    match is_backward {
        true => Err(Trouble::new("ends-before-it-starts", "the event ends before it starts")),
        false => Ok(()),
    }
}

/// Says that an event has no start and end that could be written.
pub(crate) fn no_timing() -> Trouble {
    Trouble::new("no-timing", "an event without start and end can't be made")
}

/// An instant in the zone it was entered in; in UTC where Graph doesn't know that zone, or where
/// its clocks show that time twice and the server would take the other one.
fn local(instant: i64, zone_name: Option<&str>) -> Value {
    let in_zone = zone_name.and_then(zone::windows).and_then(|name| {
        let wall = zone::to_wall(name, instant)?;
        (zone::to_instant(name, wall) == Some(instant)).then_some((wall, name))
    });
    let utc = || (DateTime::from_timestamp(instant, 0).unwrap_or_default().naive_utc(), "UTC");
    let (wall, name) = in_zone.unwrap_or_else(utc);
    json!({"dateTime": wall.format("%Y-%m-%dT%H:%M:%S").to_string(), "timeZone": name})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(date_time: &str, zone: &str) -> DateTimeTimeZone {
        DateTimeTimeZone { date_time: date_time.into(), time_zone: Some(zone.into()) }
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn times_are_read_in_all_their_forms() {
        for (text, expected) in [
            ("2026-11-25T09:00:00.0000000", Some(1_795_597_200)),
            ("2026-11-25T09:00:00Z", Some(1_795_597_200)),
            ("2026-11-25T09:00", Some(1_795_597_200)),
            ("2026-11-25", Some(1_795_564_800)),
            ("0001-01-01T00:00:00", Some(-62_135_596_800)),
            ("tomorrow", None),
            ("", None),
        ] {
            assert_eq!(at(text, "UTC").instant(), expected, "{text}");
        }
        assert_eq!(
            at("2026-11-25T10:00:00", "W. Europe Standard Time").instant(),
            Some(1_795_597_200)
        );
        assert_eq!(at("2026-11-25T10:00:00", "Nowhere").instant(), None);
    }

    #[test]
    fn the_zone_it_was_entered_in_is_kept() {
        let read = |zone| {
            let (start, end) = (at("2026-11-25T09:00:00", "UTC"), at("2026-11-25T10:00:00", "UTC"));
            match read(&start, &end, (Some(zone), None), Some(false)) {
                Some(Timing::Timed { start_zone, .. }) => start_zone,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read("Pacific Standard Time").as_deref(), Some("Pacific Standard Time"));
        assert_eq!(read("tzone://Microsoft/Utc").as_deref(), Some("UTC"));
        assert_eq!(read("tzone://Microsoft/Custom"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn days_stay_days() {
        let zone = "W. Europe Standard Time";
        let zones = (Some(zone), Some(zone));
        let expected = Some(Timing::AllDay {
            start: date("2026-11-25"),
            end: date("2026-11-26"),
            zone: Some(zone.to_owned()),
        });
        let midnight = (at("2026-11-25T00:00:00", "UTC"), at("2026-11-26T00:00:00", "UTC"));
        assert_eq!(read(&midnight.0, &midnight.1, zones, Some(true)), expected);
        let shifted = (at("2026-11-24T23:00:00", "UTC"), at("2026-11-25T23:00:00", "UTC"));
        assert_eq!(read(&shifted.0, &shifted.1, zones, Some(true)), expected);
    }

    /// As the server was given them, and moved to UTC, in every zone.
    #[test]
    fn days_come_back_in_every_zone() {
        let first = date("2026-01-01");
        for name in [
            "UTC",
            "Pacific SA Standard Time",
            "Egypt Standard Time",
            "Chatham Islands Standard Time",
            "Line Islands Standard Time",
            "UTC-11",
            "British Columbia Standard Time",
            "Morocco Standard Time",
        ] {
            for day in first.iter_days().take(730) {
                let timing = Timing::AllDay {
                    start: day,
                    end: day + chrono::Days::new(1),
                    zone: Some(name.to_owned()),
                };
                let mut members = Map::new();
                write(&timing, &mut members);
                let given = |member: &str| {
                    DateTimeTimeZone::deserialize(&members[member]).expect("what was written")
                };
                let moved = |member: &str| {
                    let at = given(member).instant().expect("an instant");
                    let wall = DateTime::from_timestamp(at, 0).expect("a time").naive_utc();
                    let text = wall.format("%Y-%m-%dT%H:%M:%S").to_string();
                    self::at(&text, "UTC")
                };
                let zones = (Some(name), Some(name));
                let read = |start, end| read(&start, &end, zones, Some(true));
                assert_eq!(read(given("start"), given("end")), Some(timing.clone()), "{name}");
                assert_eq!(read(moved("start"), moved("end")), Some(timing), "{name}");
            }
        }
    }

    #[test]
    fn what_is_written_is_local_to_its_zone() {
        // 2026-10-25 00:30 and 01:30 UTC both show 02:30 in Berlin.
        let zone = |name: &str| Some(name.to_owned());
        for (instant, name, expected) in [
            (
                1_795_597_200,
                zone("Europe/Berlin"),
                ("2026-11-25T10:00:00", "W. Europe Standard Time"),
            ),
            (
                1_795_597_200,
                zone("Pacific Standard Time"),
                ("2026-11-25T01:00:00", "Pacific Standard Time"),
            ),
            (
                1_792_888_200,
                zone("Europe/Berlin"),
                ("2026-10-25T02:30:00", "W. Europe Standard Time"),
            ),
            (1_792_891_800, zone("Europe/Berlin"), ("2026-10-25T01:30:00", "UTC")),
            (1_795_597_200, zone("Customized Time Zone"), ("2026-11-25T09:00:00", "UTC")),
            (1_795_597_200, None, ("2026-11-25T09:00:00", "UTC")),
            (i64::MAX, None, ("1970-01-01T00:00:00", "UTC")),
        ] {
            let written = local(instant, name.as_deref());
            let got =
                (written["dateTime"].as_str().unwrap(), written["timeZone"].as_str().unwrap());
            assert_eq!(got, expected, "{instant} {name:?}");
        }
    }
}
