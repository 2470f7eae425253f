//! Names and offsets of zones.

use chrono::{NaiveDate, NaiveDateTime};
use items::zone;
use std::collections::BTreeSet;
use windows_timezones::WindowsTimezone;

fn wall(day: (i32, u32, u32), hour: u32, minute: u32) -> NaiveDateTime {
    let day = NaiveDate::from_ymd_opt(day.0, day.1, day.2).expect("a date");
    day.and_hms_opt(hour, minute, 0).expect("a time")
}

#[test]
fn spellings_of_a_zone_are_one() {
    for (id, name) in [
        ("W. Europe Standard Time", "Europe/Berlin"),
        (" w. europe standard time", "Europe/Berlin"),
        ("\"W. Europe Standard Time\"", "Europe/Berlin"),
        ("(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("(GMT+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna", "Europe/Berlin"),
        ("Mitteleuropäische Zeit", "Europe/Berlin"),
        ("europe/BERLIN", "Europe/Berlin"),
        ("/mozilla.org/20050126_1/Europe/Berlin", "Europe/Berlin"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("India Standard Time", "Asia/Kolkata"),
        ("Europe/Kiev", "Europe/Kyiv"),
        ("FLE Standard Time", "Europe/Kyiv"),
        ("Asia/Katmandu", "Asia/Kathmandu"),
        ("US/Pacific", "America/Los_Angeles"),
        ("US/Eastern", "America/New_York"),
        ("Etc/Zulu", "UTC"),
        ("Asia/Saigon", "Asia/Ho_Chi_Minh"),
        ("Asia/Rangoon", "Asia/Yangon"),
        ("America/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("America/Godthab", "America/Nuuk"),
        ("UTC", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Etc/GMT", "UTC"),
        ("GMT", "UTC"),
        ("Zulu", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Kamchatka Standard Time", "Asia/Kamchatka"),
    ] {
        assert_eq!(zone::iana(id), Some(name), "{id}");
    }
    for id in ["", " ", "/", "Customized Time Zone", "tzone://Microsoft/Custom", "(", "(UTC", "()"]
    {
        assert_eq!(zone::iana(id), None, "{id}");
    }
}

#[test]
fn windows_ids_for_exchange() {
    for (id, name) in [
        ("w. europe standard time", "W. Europe Standard Time"),
        ("Europe/Vienna", "W. Europe Standard Time"),
        ("Asia/Kolkata", "India Standard Time"),
        ("Asia/Calcutta", "India Standard Time"),
        ("Europe/Kyiv", "FLE Standard Time"),
        ("Asia/Kathmandu", "Nepal Standard Time"),
        ("Asia/Yangon", "Myanmar Standard Time"),
        ("Asia/Ho_Chi_Minh", "SE Asia Standard Time"),
        ("America/Argentina/Buenos_Aires", "Argentina Standard Time"),
        ("US/Eastern", "Eastern Standard Time"),
        ("UTC", "UTC"),
        ("GMT", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Europe/London", "GMT Standard Time"),
        ("Kamchatka Standard Time", "Kamchatka Standard Time"),
        ("America/Vancouver", "British Columbia Standard Time"),
        ("Canada/Pacific", "British Columbia Standard Time"),
        ("America/Edmonton", "Alberta Standard Time"),
        ("Canada/Mountain", "Alberta Standard Time"),
        ("America/Yellowknife", "Alberta Standard Time"),
        ("America/Inuvik", "Alberta Standard Time"),
        ("america/winnipeg", "Manitoba Standard Time"),
        ("Canada/Central", "Manitoba Standard Time"),
        ("manitoba standard time", "Manitoba Standard Time"),
        ("US/Central", "Central Standard Time"),
    ] {
        assert_eq!(zone::windows(id), Some(name), "{id}");
    }
    assert_eq!(zone::windows("Customized Time Zone"), None);
}

#[test]
fn every_iana_zone_but_one_has_a_windows_id() {
    let without = chrono_tz::TZ_VARIANTS.iter().map(|tz| tz.name());
    let without: Vec<_> = without.filter(|name| zone::windows(name).is_none()).collect();
    assert_eq!(without, ["Antarctica/Troll"]);
}

#[test]
fn zones_that_windows_cannot_tell_apart_mean_the_same() {
    assert_eq!(zone::class("Europe/Vienna"), zone::class("W. Europe Standard Time"));
    assert_ne!(zone::class("Europe/Paris"), zone::class("Europe/Berlin"));
    for (one, other) in [
        ("America/Vancouver", "America/Los_Angeles"),
        ("America/Edmonton", "America/Denver"),
        ("America/Winnipeg", "America/Chicago"),
    ] {
        assert_ne!(zone::class(one), zone::class(other));
    }
    assert_eq!(zone::class(" Customized Time Zone"), "Customized Time Zone");
    for tz in chrono_tz::TZ_VARIANTS {
        let class = zone::class(tz.name());
        assert_eq!(zone::class(&class), class, "{tz}");
        if let Some(windows) = zone::windows(tz.name()) {
            assert_eq!(zone::class(windows), class, "{tz}");
        }
    }
}

/// What became law in 2026, as the release notes of the tz database tell it (2026a to 2026f).
#[test]
fn offsets_are_those_of_november_2026() {
    let summer = (2026, 7, 1);
    for (zone, day, hours) in [
        // British Columbia stays at -07, Alberta and the Northwest Territories at -06, Manitoba and
        // the west of Ontario at -05: their clocks went forward on 2026-03-08 for the last time.
        ("America/Vancouver", (2026, 2, 1), -8),
        ("America/Vancouver", summer, -7),
        ("America/Vancouver", (2026, 11, 25), -7),
        ("Canada/Pacific", (2040, 1, 1), -7),
        ("British Columbia Standard Time", (2026, 12, 1), -7),
        ("America/Edmonton", (2026, 2, 1), -7),
        ("America/Edmonton", (2026, 11, 25), -6),
        ("America/Yellowknife", (2027, 1, 1), -6),
        ("America/Inuvik", (2027, 1, 1), -6),
        ("Alberta Standard Time", (2027, 1, 1), -6),
        ("America/Winnipeg", (2026, 2, 1), -6),
        ("America/Winnipeg", (2026, 11, 25), -5),
        ("America/Rainy_River", (2027, 1, 1), -5),
        ("Manitoba Standard Time", (2027, 1, 1), -5),
        // Their neighbours go on as before.
        ("America/Los_Angeles", (2026, 11, 25), -8),
        ("Pacific Standard Time", (2026, 11, 25), -8),
        ("Mountain Standard Time", (2026, 11, 25), -7),
        ("Central Standard Time", (2026, 11, 25), -6),
        // Morocco is back at +00 since 2026-09-20.
        ("Africa/Casablanca", (2026, 9, 19), 1),
        ("Africa/Casablanca", (2026, 9, 21), 0),
        ("Morocco Standard Time", (2027, 7, 1), 0),
        ("Africa/El_Aaiun", (2027, 2, 20), 0),
        // Cuba leaves out the winter of 2026.
        ("America/Havana", (2026, 12, 1), -4),
        ("America/Havana", (2027, 12, 1), -5),
        ("Europe/Berlin", (2026, 11, 25), 1),
    ] {
        let instant = zone::to_instant(zone, wall(day, 9, 0)).expect("known");
        assert_eq!(zone::offset_seconds(zone, instant), Some(hours * 3600), "{zone} {day:?}");
        assert_eq!(zone::to_wall(zone, instant), Some(wall(day, 9, 0)), "{zone} {day:?}");
    }
    // Moldova changes its clocks together with the European Union, at 01:00 UTC.
    let spring = wall((2026, 3, 29), 0, 0).and_utc().timestamp();
    for (minutes, hours) in [(-30, 2), (30, 2), (59, 2), (60, 3)] {
        let offset = zone::offset_seconds("Europe/Chisinau", spring + minutes * 60);
        assert_eq!(offset, Some(hours * 3600), "{minutes}");
    }
}

#[test]
fn clocks_before_1970_and_after_2100() {
    for (zone, day, seconds) in [
        ("Europe/Berlin", (1947, 6, 1), 3 * 3600),
        ("Europe/Berlin", (1950, 7, 1), 3600),
        ("America/New_York", (1850, 1, 1), -17_762),
        ("America/New_York", (1943, 1, 1), -4 * 3600),
        ("Asia/Kolkata", (1943, 1, 1), 23_400),
        ("Europe/Berlin", (2150, 1, 1), 3600),
        ("Europe/Berlin", (2150, 7, 1), 7200),
        ("Australia/Sydney", (2150, 1, 1), 11 * 3600),
        ("Australia/Sydney", (2150, 7, 1), 10 * 3600),
        ("America/Vancouver", (2150, 1, 1), -7 * 3600),
        ("Pacific/Auckland", (4400, 1, 1), 13 * 3600),
        ("Asia/Tokyo", (4400, 7, 1), 9 * 3600),
    ] {
        let instant = zone::to_instant(zone, wall(day, 9, 0)).expect("known");
        assert_eq!(zone::offset_seconds(zone, instant), Some(seconds), "{zone} {day:?}");
        assert_eq!(zone::to_wall(zone, instant), Some(wall(day, 9, 0)), "{zone} {day:?}");
    }
}

/// Every id of CLDR's table.
fn windows_ids() -> BTreeSet<&'static str> {
    let zones = chrono_tz::TZ_VARIANTS.into_iter();
    zones.filter_map(|tz| Some(WindowsTimezone::try_from(tz).ok()?.name())).collect()
}

#[test]
fn every_windows_id_comes_back() {
    let mut ids = windows_ids();
    assert!(ids.len() > 130, "{}", ids.len());
    // Those that are newer than the table.
    ids.extend([
        "Alberta Standard Time",
        "British Columbia Standard Time",
        "Manitoba Standard Time",
    ]);
    for id in ids {
        let name = zone::iana(id).unwrap_or_else(|| panic!("{id}"));
        assert_eq!(zone::windows(name), Some(id), "{name}");
        assert_eq!(zone::windows(&id.to_uppercase()), Some(id));
        assert_eq!(zone::class(id), name, "{id}");
    }
}

/// A series goes on by the clocks of the Windows zone that it is written in.
#[test]
fn a_zone_has_the_clocks_of_its_windows_zone() {
    let mut differing = Vec::new();
    for name in chrono_tz::TZ_VARIANTS.map(|tz| tz.name()) {
        let Some(windows) = zone::windows(name) else { continue };
        let first = wall((2026, 11, 25), 12, 0).and_utc().timestamp();
        let days = (0..5 * 365).map(|day| first + day * 86_400);
        let offset = zone::offset_seconds;
        if days.into_iter().any(|at| offset(name, at) != offset(windows, at)) {
            differing.push(name);
        }
    }
    assert_eq!(differing, Vec::<&str>::new());
}

#[test]
fn skipped_times_are_later_and_repeated_ones_first() {
    let berlin = "Europe/Berlin";
    let at = |wall| zone::to_instant(berlin, wall).expect("known");
    let skipped = at(wall((2026, 3, 29), 2, 30));
    assert_eq!(zone::to_wall(berlin, skipped), Some(wall((2026, 3, 29), 3, 30)));
    let twice = at(wall((2026, 10, 25), 2, 30));
    assert_eq!(zone::offset_seconds(berlin, twice), Some(7200));
    assert_eq!(zone::to_wall(berlin, twice + 3600), Some(wall((2026, 10, 25), 2, 30)));
    assert_eq!(zone::to_wall(berlin, i64::MAX), None);
    assert_eq!(zone::to_instant(berlin, NaiveDateTime::MAX), None);
    assert_eq!(zone::to_instant("Customized Time Zone", wall((2026, 3, 29), 2, 30)), None);
    assert_eq!(zone::to_instant("UTC", wall((1960, 1, 1), 0, 0)), Some(-315_619_200));
}

/// The 140 zones of a real Exchange Online server, by id and by display name.
#[test]
fn every_zone_of_a_server_is_known() {
    let Some(path) = crate::shared::path("ews/exo-server-timezones-2020.csv") else { return };
    let table = std::fs::read_to_string(path).expect("a readable file");
    let mut unknown = Vec::new();
    let mut count = 0;
    for line in table.lines().skip(1) {
        let (id, name) = line.split_once(',').expect("two columns");
        let id = id.trim_matches('"');
        count += 1;
        if zone::iana(id).is_none() || zone::windows(id) != Some(id) {
            unknown.push(id);
        }
        if zone::iana(name) != zone::iana(id) {
            unknown.push(name);
        }
    }
    assert_eq!(count, 140);
    assert_eq!(unknown, Vec::<&str>::new());
}
