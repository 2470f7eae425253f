//! Recurrences as Graph writes them: `patternedRecurrence`.

use super::error::Error;
use super::prefer::unknown_zone;
use super::write::{array, choice, object, only, text, wrong_type};
use crate::store::recurrence::{End, Index, Pattern, Range, Recurrence, Weekdays};
use crate::store::{Event, Series, Zone};
use jiff::civil::{Date, Weekday};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// What stands for a date in a range that has none (docs: examples of recurring events).
const NO_DATE: &str = "0001-01-01";

const DAYS: [(&str, Weekday); 7] = [
    ("sunday", Weekday::Sunday),
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
];

const INDEXES: [(&str, Index); 5] = [
    ("first", Index::First),
    ("second", Index::Second),
    ("third", Index::Third),
    ("fourth", Index::Fourth),
    ("last", Index::Last),
];

/// Sets or changes the recurrence of an event; `null` removes it. An equal one keeps the exceptions.
///
/// `recurrenceTimeZone` is the zone of the range's dates only (docs: recurrenceRange); the pattern
/// counts in the zone of the start, where one that means another day starts the series on another
/// day than wanted (microsoftgraph/microsoft-graph-docs#2202).
pub(super) fn take(event: &mut Event, value: &Value) -> Result<(), Error> {
    if value.is_null() {
        event.series = None;
        return Ok(());
    }
    let members = object("recurrence", value)?;
    only(members, &["pattern", "range"], "microsoft.graph.patternedRecurrence")?;
    let part = |name: &str| object(name, members.get(name).unwrap_or(&Value::Null));
    let pattern = pattern(part("pattern")?)?;
    let (mut range, zone) = range(part("range")?)?;
    let date_in = |zone: &Zone| zone.wall(event.start.utc).date();
    let date = date_in(&event.start.zone);
    if range.start != date && zone.is_none_or(|zone| range.start != date_in(&zone)) {
        // "Must be the same value as the start property" (docs: recurrenceRange).
        return Err(Error::invalid_property(
            "At least one property failed validation: the startDate of the recurrence range is not \
             the date of the event's start.",
        ));
    }
    range.start = date;
    let recurrence = Recurrence { pattern, range };
    if event.recurrence() != Some(&recurrence) {
        // What a change of it leaves of the exceptions is for the store to say.
        let series = match event.series.as_deref() {
            Some(old) => Series { recurrence, ..old.clone() },
            None => Series::new(recurrence),
        };
        event.series = Some(Arc::new(series));
    }
    Ok(())
}

/// The recurrence of a master, `null` for every other event. Members that a pattern or a range
/// doesn't use are filled (docs: examples of recurring events).
pub(super) fn render(event: &Event) -> Value {
    let Some(recurrence) = event.recurrence() else { return Value::Null };
    json!({
        "pattern": render_pattern(&recurrence.pattern),
        "range": render_range(&recurrence.range, &event.start.zone),
    })
}

fn render_pattern(pattern: &Pattern) -> Value {
    let mut json = json!({
        "month": 0,
        "dayOfMonth": 0,
        "firstDayOfWeek": "sunday",
        "index": "first",
    });
    let (kind, interval) = match *pattern {
        Pattern::Daily { interval } => ("daily", interval),
        Pattern::Weekly { interval, days, first_day } => {
            json["daysOfWeek"] = names(days);
            json["firstDayOfWeek"] = json!(name(&DAYS, first_day));
            ("weekly", interval)
        }
        Pattern::AbsoluteMonthly { interval, day } => {
            json["dayOfMonth"] = json!(day);
            ("absoluteMonthly", interval)
        }
        Pattern::RelativeMonthly { interval, days, index } => {
            json["daysOfWeek"] = names(days);
            json["index"] = json!(name(&INDEXES, index));
            ("relativeMonthly", interval)
        }
        Pattern::AbsoluteYearly { interval, month, day } => {
            json["month"] = json!(month);
            json["dayOfMonth"] = json!(day);
            ("absoluteYearly", interval)
        }
        Pattern::RelativeYearly { interval, days, index, month } => {
            json["month"] = json!(month);
            json["daysOfWeek"] = names(days);
            json["index"] = json!(name(&INDEXES, index));
            ("relativeYearly", interval)
        }
    };
    json["type"] = json!(kind);
    json["interval"] = json!(interval);
    json
}

fn render_range(range: &Range, zone: &Zone) -> Value {
    let (kind, end, count) = match range.end {
        End::Never => ("noEnd", NO_DATE.to_owned(), 0),
        End::On(date) => ("endDate", date.to_string(), 0),
        End::Count(count) => ("numbered", NO_DATE.to_owned(), count),
    };
    json!({
        "type": kind,
        "startDate": range.start.to_string(),
        "endDate": end,
        "numberOfOccurrences": count,
        "recurrenceTimeZone": zone.id(),
    })
}

fn names(days: Weekdays) -> Value {
    DAYS.iter().filter(|(_, day)| days.contains(*day)).map(|(name, _)| *name).collect()
}

fn name<T: PartialEq>(known: &[(&'static str, T)], wanted: T) -> &'static str {
    known.iter().find(|(_, value)| *value == wanted).map_or("", |(name, _)| name)
}

/// A pattern; members that its type doesn't use are ignored. The store checks the numbers.
fn pattern(members: &Map<String, Value>) -> Result<Pattern, Error> {
    let known =
        ["type", "interval", "month", "dayOfMonth", "daysOfWeek", "firstDayOfWeek", "index"];
    only(members, &known, "microsoft.graph.recurrencePattern")?;
    let interval = number(members, "interval")?;
    let days = || weekdays(members.get("daysOfWeek").unwrap_or(&Value::Null));
    // Values above 255 are out of range like 255 itself.
    let small = |name| number(members, name).map(|value| u8::try_from(value).unwrap_or(u8::MAX));
    let index = || match members.get("index") {
        None | Some(Value::Null) => Ok(Index::First),
        Some(value) => choice("index", value, &INDEXES),
    };
    let kind = given(members, "type").unwrap_or_default().to_ascii_lowercase();
    Ok(match kind.as_str() {
        "daily" => Pattern::Daily { interval },
        "weekly" => {
            let first_day = match members.get("firstDayOfWeek") {
                // Sunday is the default, though the member is called required (docs:
                // recurrencePattern; their own examples leave it out).
                None | Some(Value::Null) => Weekday::Sunday,
                Some(value) => choice("firstDayOfWeek", value, &DAYS)?,
            };
            Pattern::Weekly { interval, days: days()?, first_day }
        }
        "absolutemonthly" => Pattern::AbsoluteMonthly { interval, day: small("dayOfMonth")? },
        "relativemonthly" => Pattern::RelativeMonthly { interval, days: days()?, index: index()? },
        "absoluteyearly" => {
            Pattern::AbsoluteYearly { interval, month: small("month")?, day: small("dayOfMonth")? }
        }
        "relativeyearly" => Pattern::RelativeYearly {
            interval,
            days: days()?,
            index: index()?,
            month: small("month")?,
        },
        _ => return Err(unknown_type(members, "recurrencePatternType")),
    })
}

/// A range and the zone of its dates.
fn range(members: &Map<String, Value>) -> Result<(Range, Option<Zone>), Error> {
    let known = ["type", "startDate", "endDate", "numberOfOccurrences", "recurrenceTimeZone"];
    only(members, &known, "microsoft.graph.recurrenceRange")?;
    let kind = given(members, "type").unwrap_or_default().to_ascii_lowercase();
    let end = match kind.as_str() {
        "noend" => End::Never,
        "enddate" => End::On(date(members, "endDate")?),
        "numbered" => End::Count(number(members, "numberOfOccurrences")?),
        _ => return Err(unknown_type(members, "recurrenceRangeType")),
    };
    let zone = match members.get("recurrenceTimeZone") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let id = text("recurrenceTimeZone", value)?;
            Some(Zone::parse(&id).ok_or_else(|| unknown_zone(&id))?)
        }
    };
    Ok((Range { start: date(members, "startDate")?, end }, zone))
}

fn given<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}

fn unknown_type(members: &Map<String, Value>, kind: &str) -> Error {
    let given = members.get("type").unwrap_or(&Value::Null);
    Error::body(format!("Requested value '{given}' was not found in '{kind}'. (Property: type)"))
}

/// A number from 0; what is negative or missing is 0, which the store refuses where it matters.
fn number(members: &Map<String, Value>, name: &str) -> Result<u32, Error> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(0),
        Some(value) => {
            let number = value.as_i64().and_then(|number| i32::try_from(number).ok());
            let number = number.ok_or_else(|| wrong_type(name, "Edm.Int32"))?;
            Ok(u32::try_from(number).unwrap_or(0))
        }
    }
}

/// A date without time, as nothing else is taken (microsoftgraph/msgraph-sdk-php#355).
fn date(members: &Map<String, Value>, name: &str) -> Result<Date, Error> {
    let written = given(members, name).unwrap_or_default();
    let plain = written.len() == 10;
    written.parse().ok().filter(|_| plain).ok_or_else(|| {
        Error::new(
            400,
            "UnableToDeserializePostBody",
            format!("Cannot convert the literal '{written}' of '{name}' to the type 'Edm.Date'."),
        )
    })
}

fn weekdays(value: &Value) -> Result<Weekdays, Error> {
    array("daysOfWeek", value)?.iter().map(|day| choice("daysOfWeek", day, &DAYS)).collect()
}
