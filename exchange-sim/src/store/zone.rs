//! Time zones by Windows id, as Exchange stores them.

use jiff::civil::{DateTime, date};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ZonedDateTime};
use serde::{Deserialize, Serialize};
use std::str::FromStr;
use std::sync::LazyLock;
use windows_timezones::WindowsTimezone;

/// The rules compiled in: equal on every machine, whatever its own tzdata says.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// IANA names that CLDR lists as aliases only, with the Windows zone Exchange files them under.
const ALIASES: [(&str, &str); 12] = [
    ("America/Argentina/Buenos_Aires", "Argentina Standard Time"),
    ("America/Indiana/Indianapolis", "US Eastern Standard Time"),
    ("Asia/Ho_Chi_Minh", "SE Asia Standard Time"),
    ("Asia/Kathmandu", "Nepal Standard Time"),
    ("Asia/Kolkata", "India Standard Time"),
    ("Asia/Yangon", "Myanmar Standard Time"),
    ("Atlantic/Faroe", "GMT Standard Time"),
    ("Europe/Kyiv", "FLE Standard Time"),
    ("US/Central", "Central Standard Time"),
    ("US/Eastern", "Eastern Standard Time"),
    ("US/Mountain", "Mountain Standard Time"),
    ("US/Pacific", "Pacific Standard Time"),
];

/// Windows zones that are newer than CLDR's table here, of provinces that stopped changing their
/// clocks in 2026 (CLDR-19827).
const NEWER: [(&str, &str); 3] = [
    ("Alberta Standard Time", "America/Edmonton"),
    ("British Columbia Standard Time", "America/Vancouver"),
    ("Manitoba Standard Time", "America/Winnipeg"),
];

/// Names of UTC that clients send.
const UTC_NAMES: [&str; 7] =
    ["utc", "gmt", "z", "etc/utc", "etc/gmt", "tzone://microsoft/utc", "greenwich"];

/// A zone the server knows, by its Windows id such as `W. Europe Standard Time`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(String);

impl Zone {
    /// UTC, the zone of whatever states none.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// Knows Windows ids (in any case) and IANA names; `None` for anything else.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim();
        if UTC_NAMES.contains(&name.to_ascii_lowercase().as_str()) {
            return Some(Self::utc());
        }
        let newer = |(id, iana): &&(&str, &str)| {
            id.eq_ignore_ascii_case(name) || iana.eq_ignore_ascii_case(name)
        };
        if let Some((id, _)) = NEWER.iter().find(newer) {
            return Some(Self((*id).to_owned()));
        }
        if let Some(known) = windows(name) {
            return Some(Self(known.name().to_owned()));
        }
        if let Some((_, id)) = ALIASES.iter().find(|(iana, _)| iana.eq_ignore_ascii_case(name)) {
            return Some(Self((*id).to_owned()));
        }
        let iana = chrono_tz::Tz::from_str(name).ok()?;
        match WindowsTimezone::try_from(iana) {
            Ok(known) => Some(Self(known.name().to_owned())),
            Err(_) => DATABASE.get(iana.name()).ok().map(|_| Self(iana.name().to_owned())),
        }
    }

    /// The Windows id, or the IANA name of a zone that Windows doesn't have.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// The rules of the zone.
    pub fn rules(&self) -> TimeZone {
        let newer = NEWER.iter().find(|(id, _)| *id == self.0);
        let iana = match (newer, windows(&self.0)) {
            (Some((_, iana)), _) => *iana,
            (None, Some(known)) => known.tzdb_id(),
            (None, None) => self.0.as_str(),
        };
        DATABASE.get(iana).unwrap_or(TimeZone::UTC)
    }

    /// The offsets of the zone in one year, and when they change.
    pub fn rules_in(&self, year: i16) -> Rules {
        Rules::of(&self.rules(), year)
    }

    /// The wall clock of this zone at `instant`.
    pub fn wall(&self, instant: Timestamp) -> DateTime {
        instant.to_zoned_datetime(self.rules()).datetime()
    }

    /// The instant of a wall clock reading; a reading in a gap moves forward as Windows does.
    /// `None` beyond the years that can be told.
    pub fn instant(&self, wall: DateTime) -> Option<Timestamp> {
        wall.to_zoned_datetime(self.rules()).ok().as_ref().map(ZonedDateTime::timestamp)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0
    }
}

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::parse(&id).ok_or_else(|| format!("unknown zone {id:?}"))
    }
}

/// A zone's offsets in one year, in seconds east of UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The offset in winter.
    pub standard: i32,
    /// The offset in summer, and when summer starts and ends.
    pub daylight: Option<(i32, Change, Change)>,
}

/// A change of the clock, as the wall shows it just before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change(pub DateTime);

impl Rules {
    fn of(zone: &TimeZone, year: i16) -> Self {
        let start = date(year, 1, 1).at(0, 0, 0, 0);
        let end = date(year, 12, 31).at(23, 59, 59, 0);
        let at = |wall| TimeZone::UTC.to_timestamp(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        let (from, until) = (at(start), at(end));
        let mut before = zone.to_offset(from).seconds();
        let mut changes = Vec::new();
        for transition in zone.following(from).take_while(|change| change.timestamp() < until) {
            let after = transition.offset().seconds();
            let second = transition.timestamp().as_second() + i64::from(before);
            let wall = TimeZone::UTC.to_datetime(Timestamp::from_second(second).unwrap_or(from));
            if after != before {
                changes.push((after, Change(wall)));
            }
            before = after;
        }
        match <[_; 2]>::try_from(changes) {
            Ok([(a, first), (b, second)]) if a > b => {
                Rules { standard: b, daylight: Some((a, first, second)) }
            }
            Ok([(a, first), (b, second)]) => {
                Rules { standard: a, daylight: Some((b, second, first)) }
            }
            // Zones that stop or start keeping summer time in this very year count as fixed.
            Err(_) => Rules { standard: before, daylight: None },
        }
    }
}

fn windows(name: &str) -> Option<WindowsTimezone> {
    WindowsTimezone::from_str(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        for (name, id) in [
            ("W. Europe Standard Time", "W. Europe Standard Time"),
            ("Europe/Berlin", "W. Europe Standard Time"),
            ("america/Vancouver", "British Columbia Standard Time"),
            ("alberta standard time", "Alberta Standard Time"),
            ("Asia/Kolkata", "India Standard Time"),
            ("tzone://Microsoft/Utc", "UTC"),
            ("UTC", "UTC"),
        ] {
            assert_eq!(Zone::parse(name).expect(name).id(), id);
        }
        assert_eq!(Zone::parse("Nowhere Standard Time"), None);
    }

    #[test]
    fn wall_and_instant_agree() {
        let zone = Zone::parse("W. Europe Standard Time").expect("known");
        let noon: DateTime = "2026-07-01T12:00:00".parse().expect("a date");
        let instant = zone.instant(noon).expect("in range");
        assert_eq!(instant.to_string(), "2026-07-01T10:00:00Z");
        assert_eq!(zone.wall(instant), noon);
    }
}
