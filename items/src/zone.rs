//! Time zones: one name for each, and what its clocks show.
//!
//! Names come from chrono-tz and CLDR's table of Windows ids, offsets from the tz database that
//! jiff bundles: it is newer than chrono-tz's, and unlike a system's the same everywhere.

mod alias;
pub mod definition;
mod kept;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use windows_timezones::WindowsTimezone;

pub use kept::is_kept_by_windows;

/// The canonical IANA name of a zone, however a replica spells it: a Windows id in any case, an
/// IANA name or link, a display name. `None` for made-up and custom zones.
pub fn iana(id: &str) -> Option<&'static str> {
    let id = id.trim().trim_matches('"').trim();
    let key = id.to_lowercase();
    let place = display_name(&key);
    if let Some(name) = alias::iana(&key).or_else(|| alias::iana(place?)) {
        return Some(name);
    }
    let windows = match place {
        Some(place) => NAMES.display.get(place),
        None => NAMES.windows.get(&key),
    };
    if let Some(windows) = windows {
        return canonical(windows.tzdb_id());
    }
    // Some programs put a path before the name: "/mozilla.org/20050126_1/Europe/Berlin".
    let tails = id.match_indices('/').map(|(slash, _)| &id[slash + 1..]);
    std::iter::once(id).chain(tails.take(8)).find_map(canonical)
}

/// The Windows id of a zone, which is what EWS wants; `None` where Windows has no such zone.
pub fn windows(id: &str) -> Option<&'static str> {
    let key = id.trim().to_lowercase();
    if let Some(windows) = NAMES.windows.get(&key) {
        return Some(windows.name());
    }
    alias::windows(&key).or_else(|| {
        let name = iana(id)?;
        let windows = || NAMES.of_iana.get(name).map(|windows| windows.name());
        alias::windows(&name.to_lowercase()).or_else(windows)
    })
}

/// The ids of all zones that Windows knows.
fn windows_ids() -> impl Iterator<Item = &'static str> {
    NAMES.windows.values().map(|windows| windows.name()).chain(alias::IDS)
}

/// What a zone means on every replica: zones that Windows doesn't tell apart have the same name,
/// because EWS would give one for the other. Unknown ids stand for themselves.
pub fn class(id: &str) -> String {
    let Some(name) = iana(id) else { return id.trim().to_owned() };
    windows(name).and_then(iana).unwrap_or(name).to_owned()
}

/// How far a zone's clocks are ahead of UTC at an instant, in seconds.
pub fn offset_seconds(zone: &str, instant: i64) -> Option<i32> {
    let at = Timestamp::from_second(instant).ok()?;
    Some(rules(iana(zone)?)?.to_offset(at).seconds())
}

/// The instant at which a zone's clocks show `wall`, in seconds since 1970 UTC. Where they skip it,
/// as much later as they skip; where they show it twice, the first time.
pub fn to_instant(zone: &str, wall: NaiveDateTime) -> Option<i64> {
    let instant = rules(iana(zone)?)?.to_ambiguous_timestamp(to_civil(wall)?);
    Some(instant.compatible().ok()?.as_second())
}

/// What a zone's clocks show at an instant, to the second.
pub fn to_wall(zone: &str, instant: i64) -> Option<NaiveDateTime> {
    let offset = offset_seconds(zone, instant)?;
    Some(DateTime::from_timestamp(instant.checked_add(offset.into())?, 0)?.naive_utc())
}

/// Whether a zone's clocks show `wall` at all: some go on from midnight to one o'clock.
pub fn shows(zone: &str, wall: NaiveDateTime) -> bool {
    to_instant(zone, wall).and_then(|instant| to_wall(zone, instant)) == Some(wall)
}

/// The rules of a canonical name.
pub(crate) fn rules(name: &str) -> Option<TimeZone> {
    DATABASE.get(name).ok()
}

/// The canonical IANA name of an IANA name in any case.
fn canonical(name: &str) -> Option<&'static str> {
    NAMES.canonical.get(&name.to_lowercase()).map(String::as_str)
}

/// The part of a display name that tells the place: "(UTC+01:00) Amsterdam, Berlin" without its
/// offset, which summer and versions of Windows change.
fn display_name(text: &str) -> Option<&str> {
    let (offset, name) = text.strip_prefix('(')?.split_once(')')?;
    (offset.starts_with("utc") || offset.starts_with("gmt")).then(|| name.trim())
}

fn to_civil(wall: NaiveDateTime) -> Option<civil::DateTime> {
    let day = wall.date().signed_duration_since(NaiveDate::default()).num_days();
    let day = civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(day).ok()?).ok()?;
    let second = wall.signed_duration_since(wall.date().and_time(chrono::NaiveTime::MIN));
    day.to_datetime(civil::Time::midnight())
        .checked_add(jiff::Span::new().try_seconds(second.num_seconds()).ok()?)
        .ok()
}

/// What is known of names; keys are in lower case.
struct Names {
    /// Windows zones by their ids.
    windows: BTreeMap<String, WindowsTimezone>,
    /// Windows zones by what they are called, without the offset before it.
    display: BTreeMap<String, WindowsTimezone>,
    /// Windows zones by canonical IANA name.
    of_iana: BTreeMap<String, WindowsTimezone>,
    /// Canonical IANA names by all their spellings.
    canonical: BTreeMap<String, String>,
}

static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names {
        windows: BTreeMap::new(),
        display: BTreeMap::new(),
        of_iana: BTreeMap::new(),
        canonical: BTreeMap::new(),
    };
    for name in DATABASE.available() {
        let name = name.as_str();
        let Some(zone) = rules(name) else { continue };
        let primary = zone.primary_iana_name().unwrap_or(name).to_owned();
        names.canonical.insert(name.to_lowercase(), primary);
    }
    for tz in chrono_tz::TZ_VARIANTS {
        let Ok(windows) = WindowsTimezone::try_from(tz) else { continue };
        names.windows.insert(windows.name().to_lowercase(), windows);
        let description = windows.description().to_lowercase();
        if let Some(name) = display_name(&description) {
            names.display.insert(name.to_owned(), windows);
        }
        if let Some(name) = names.canonical.get(&tz.name().to_lowercase()) {
            names.of_iana.entry(name.clone()).or_insert(windows);
        }
    }
    names
});
