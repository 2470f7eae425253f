//! Names of zones that neither CLDR's table of Windows ids nor the tz database has.

/// Names in lower case, and the canonical IANA names that they stand for.
const NAMES: &[(&str, &str)] = &[
    // Windows ids of 2026, for the provinces that no longer change their clocks (CLDR-19827).
    ("alberta standard time", "America/Edmonton"),
    ("british columbia standard time", "America/Vancouver"),
    ("manitoba standard time", "America/Winnipeg"),
    // Windows ids that were withdrawn.
    ("kamchatka standard time", "Asia/Kamchatka"),
    ("mid-atlantic standard time", "Atlantic/South_Georgia"),
    // UTC as Exchange and people write it.
    ("tzone://microsoft/utc", "UTC"),
    ("coordinated universal time", "UTC"),
    ("z", "UTC"),
    ("utc+00:00", "UTC"),
    ("gmt+00:00", "UTC"),
    // Links that people see as places; the tz database keeps them apart for their history.
    ("est5edt", "America/New_York"),
    ("cst6cdt", "America/Chicago"),
    ("mst7mdt", "America/Denver"),
    ("pst8pdt", "America/Los_Angeles"),
    // Names that Exchange shows for its zones where they are not CLDR's, without their offsets
    // but where only those tell them apart.
    ("la paz, mazatlan", "America/Mazatlan"),
    ("mid-atlantic - old", "Atlantic/South_Georgia"),
    ("ashgabat, toshkent", "Asia/Tashkent"),
    ("(utc+05:00) astana", "Asia/Qyzylorda"),
    ("bishkek", "Asia/Bishkek"),
    ("petropavlovsk-kamchatsky - old", "Asia/Kamchatka"),
    // Ids as localised Windows versions write them.
    ("mitteleuropäische zeit", "Europe/Berlin"),
    ("amsterdam, berlin, berne, rome, stockholm, vienne", "Europe/Berlin"),
];

/// The canonical IANA name for a name in lower case.
pub(super) fn iana(key: &str) -> Option<&'static str> {
    NAMES.iter().find_map(|&(name, iana)| (name == key).then_some(iana))
}

/// Windows ids that CLDR's table doesn't have yet, or no longer.
pub(super) const IDS: [&str; 5] = [
    "Alberta Standard Time",
    "British Columbia Standard Time",
    "Manitoba Standard Time",
    "Kamchatka Standard Time",
    "Mid-Atlantic Standard Time",
];

/// The Windows id for one of [`IDS`] or a canonical IANA name, both in lower case, where CLDR's table
/// has another one or none.
pub(super) fn windows(key: &str) -> Option<&'static str> {
    let name = match key {
        "america/edmonton" | "america/inuvik" => "alberta standard time",
        "america/vancouver" => "british columbia standard time",
        "america/winnipeg" => "manitoba standard time",
        "america/coyhaique" => return Some("Magallanes Standard Time"),
        // Their clocks have left those of the table's zone.
        "america/scoresbysund" => return Some("Greenland Standard Time"),
        "antarctica/casey" => return Some("W. Australia Standard Time"),
        "antarctica/vostok" => return Some("West Asia Standard Time"),
        id => id,
    };
    IDS.into_iter().find(|id| id.eq_ignore_ascii_case(name))
}
