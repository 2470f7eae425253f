//! Points in time, as the journal keeps them: milliseconds since 1970 UTC.

use chrono::{DateTime, SecondsFormat};

/// For people: "2026-11-25 08:00:00 UTC".
pub fn when(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms)
        .map_or_else(|| format!("{at_ms} ms"), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

/// For programs: RFC 3339 with milliseconds.
pub fn rfc3339(at_ms: i64) -> String {
    DateTime::from_timestamp_millis(at_ms)
        .map_or_else(|| at_ms.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
