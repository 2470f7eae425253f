//! Names of zones that neither CLDR's table of Windows ids nor the tz database has.

/// Names in lower case, and the canonical IANA names that they stand for.
const NAMES: &[(&str, &str)] = &[
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

/// Windows ids that servers know though CLDR has dropped them, and zones that CLDR hasn't yet.
pub(super) fn windows(key: &str) -> Option<&'static str> {
    match key {
        "kamchatka standard time" => Some("Kamchatka Standard Time"),
        "mid-atlantic standard time" => Some("Mid-Atlantic Standard Time"),
        "america/coyhaique" => Some("Magallanes Standard Time"),
        _ => None,
    }
}
