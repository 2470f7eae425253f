//! Names and offsets of zones.

use chrono::{NaiveDate, NaiveDateTime};
use items::zone;

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
    assert_eq!(zone::class(" Customized Time Zone"), "Customized Time Zone");
    for tz in chrono_tz::TZ_VARIANTS {
        let class = zone::class(tz.name());
        assert_eq!(zone::class(&class), class, "{tz}");
        if let Some(windows) = zone::windows(tz.name()) {
            assert_eq!(zone::class(windows), class, "{tz}");
        }
    }
}

/// The rules that changed since chrono-tz's tz database (2025b).
#[test]
fn offsets_are_those_of_november_2026() {
    for (zone, hours) in [
        ("America/Vancouver", -7),
        ("Canada/Pacific", -7),
        ("America/Winnipeg", -5),
        ("America/Edmonton", -6),
        ("America/Los_Angeles", -8),
        ("Africa/Casablanca", 0),
        ("Europe/Berlin", 1),
    ] {
        let instant = zone::to_instant(zone, wall((2026, 11, 25), 9, 0)).expect("known");
        assert_eq!(zone::offset_seconds(zone, instant), Some(hours * 3600), "{zone}");
        assert_eq!(zone::to_wall(zone, instant), Some(wall((2026, 11, 25), 9, 0)), "{zone}");
    }
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
