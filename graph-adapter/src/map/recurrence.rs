//! Recurrences as Graph tells them (MS docs: patternedRecurrence).

use crate::map::event::Kind;
use crate::map::time;
use chrono::{Days, NaiveDate};
use items::recurrence::{End, Index, Pattern, Recurrence, Rule, Weekday};
use items::{Event, zone};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use sync_core::port::Trouble;

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

#[derive(Debug, Deserialize)]
struct Patterned {
    pattern: RecurrencePattern,
    range: RecurrenceRange,
}

/// Members that a type of pattern doesn't use come filled all the same: `month` 0, `index` first.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecurrencePattern {
    r#type: String,
    interval: Option<u32>,
    month: Option<u32>,
    day_of_month: Option<u32>,
    days_of_week: Option<Vec<String>>,
    first_day_of_week: Option<String>,
    index: Option<String>,
}

/// As above: `endDate` 0001-01-01, `numberOfOccurrences` 0.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RecurrenceRange {
    r#type: String,
    start_date: Option<NaiveDate>,
    end_date: Option<NaiveDate>,
    number_of_occurrences: Option<u32>,
    recurrence_time_zone: Option<String>,
}

/// The recurrence of `event`, whose timing is read already; `Once` where it has none.
///
/// # Errors
/// What makes no sense, by the name of the member.
pub(crate) fn read(kind: Kind, value: &Value, event: &Event) -> Result<Recurrence, Trouble> {
    if value.is_null() && kind != Kind::Master {
        return Ok(Recurrence::Once);
    }
    let patterned = Patterned::deserialize(value).map_err(|e| malformed(&e.to_string()))?;
    let pattern = patterned.pattern.read()?;
    let end = patterned.range.read(event)?;
    let rule = Rule { pattern, end };
    Ok(Recurrence::Rule(match event.first_date() {
        Some(first) => rule.in_years(first),
        None => rule,
    }))
}

/// The zone that the dates of a recurrence are told in, if it is a known one.
pub(crate) fn zone(value: &Value) -> Option<String> {
    let named = value["range"]["recurrenceTimeZone"].as_str().and_then(time::zone_name);
    named.filter(|name| zone::iana(name).is_some())
}

/// The recurrence of an event that starts as `event` does: only the members that its types need.
///
/// # Errors
/// `zone-inexpressible` where Graph doesn't know the zone by whose clocks the series goes.
pub(crate) fn write(rule: &Rule, event: &Event) -> Result<Value, Trouble> {
    let start = event.first_date().ok_or_else(time::no_timing)?;
    let zone = event.timing.as_ref().map(time::series_zone).ok_or_else(time::no_timing)??;
    let mut range = json!({"startDate": start.to_string(), "recurrenceTimeZone": zone});
    match rule.end {
        End::Never => range["type"] = json!("noEnd"),
        End::On(date) => {
            range["type"] = json!("endDate");
            range["endDate"] = json!(date.to_string());
        }
        End::Count(count) => {
            range["type"] = json!("numbered");
            range["numberOfOccurrences"] = json!(count);
        }
    }
    Ok(json!({"pattern": pattern(&rule.pattern), "range": range}))
}

impl RecurrencePattern {
    fn read(&self) -> Result<Pattern, Trouble> {
        let interval = positive("interval", self.interval, u32::MAX)?;
        let month = || positive("month", self.month, 12);
        let day = || positive("dayOfMonth", self.day_of_month, 31);
        Ok(match self.r#type.to_ascii_lowercase().as_str() {
            "daily" => Pattern::Daily { interval },
            "weekly" => {
                let first_day = named(&DAYS, self.first_day_of_week.as_deref(), "sunday");
                let first_day = first_day.ok_or_else(|| malformed("firstDayOfWeek"))?;
                Pattern::Weekly { interval, days: self.days()?, first_day }
            }
            "absolutemonthly" => Pattern::AbsoluteMonthly { interval, day: day()? },
            "relativemonthly" => {
                Pattern::RelativeMonthly { interval, index: self.index()?, days: self.days()? }
            }
            "absoluteyearly" => Pattern::AbsoluteYearly { interval, month: month()?, day: day()? },
            "relativeyearly" => Pattern::RelativeYearly {
                interval,
                month: month()?,
                index: self.index()?,
                days: self.days()?,
            },
            _ => return Err(malformed("type of pattern")),
        })
    }

    fn days(&self) -> Result<BTreeSet<Weekday>, Trouble> {
        let names = self.days_of_week.iter().flatten();
        let days: Option<BTreeSet<Weekday>> =
            names.map(|name| named(&DAYS, Some(name), "")).collect();
        days.filter(|days| !days.is_empty()).ok_or_else(|| malformed("daysOfWeek"))
    }

    fn index(&self) -> Result<Index, Trouble> {
        named(&INDEXES, self.index.as_deref(), "first").ok_or_else(|| malformed("index"))
    }
}

impl RecurrenceRange {
    fn read(&self, event: &Event) -> Result<End, Trouble> {
        Ok(match self.r#type.to_ascii_lowercase().as_str() {
            "noend" => End::Never,
            "enddate" => {
                // A series that ends before it begins has no occurrence: the unset date, too.
                let end = self.end_date.filter(|end| self.start_date.is_none_or(|s| *end >= s));
                End::On(self.in_zone_of(event, end.ok_or_else(|| malformed("endDate"))?))
            }
            "numbered" => {
                let count = self.number_of_occurrences;
                End::Count(positive("numberOfOccurrences", count, u32::MAX)?)
            }
            _ => return Err(malformed("type of range")),
        })
    }

    /// A date of the range in the zone of the event's start.
    ///
    /// The range may be told in another zone, where the same start has the date before or after: how
    /// far they are apart is what `startDate`, the date of the start, says (MS docs:
    /// recurrenceRange).
    fn in_zone_of(&self, event: &Event, date: NaiveDate) -> NaiveDate {
        let zone = self.recurrence_time_zone.as_deref().and_then(time::zone_name);
        let zone = zone.filter(|name| zone::iana(name).is_some());
        let is_other = zone
            .zip(event.zones().0)
            .is_some_and(|(zone, own)| zone::class(&zone) != zone::class(&own));
        let (Some(first), Some(start), true) = (event.first_date(), self.start_date, is_other)
        else {
            return date;
        };
        match first.signed_duration_since(start).num_days() {
            1 => date.checked_add_days(Days::new(1)),
            -1 => date.checked_sub_days(Days::new(1)),
            _ => None,
        }
        .unwrap_or(date)
    }
}

fn pattern(pattern: &Pattern) -> Value {
    match pattern {
        Pattern::Daily { interval } => json!({"type": "daily", "interval": interval}),
        Pattern::Weekly { interval, days, first_day } => json!({
            "type": "weekly",
            "interval": interval,
            "daysOfWeek": names(days),
            "firstDayOfWeek": name(&DAYS, *first_day),
        }),
        Pattern::AbsoluteMonthly { interval, day } => {
            json!({"type": "absoluteMonthly", "interval": interval, "dayOfMonth": day})
        }
        Pattern::RelativeMonthly { interval, index, days } => json!({
            "type": "relativeMonthly",
            "interval": interval,
            "daysOfWeek": names(days),
            "index": name(&INDEXES, *index),
        }),
        Pattern::AbsoluteYearly { interval, month, day } => json!({
            "type": "absoluteYearly",
            "interval": interval,
            "dayOfMonth": day,
            "month": month,
        }),
        Pattern::RelativeYearly { interval, month, index, days } => json!({
            "type": "relativeYearly",
            "interval": interval,
            "daysOfWeek": names(days),
            "index": name(&INDEXES, *index),
            "month": month,
        }),
    }
}

fn names(days: &BTreeSet<Weekday>) -> Vec<&'static str> {
    days.iter().map(|day| name(&DAYS, *day)).collect()
}

fn name<T: PartialEq>(known: &[(&'static str, T)], wanted: T) -> &'static str {
    known.iter().find(|(_, value)| *value == wanted).map_or("", |(name, _)| name)
}

/// What a name stands for, in any case: Microsoft's own examples write "Monday".
fn named<T: Copy>(known: &[(&str, T)], name: Option<&str>, default: &str) -> Option<T> {
    let name = name.unwrap_or(default);
    known.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

fn positive(name: &str, value: Option<u32>, max: u32) -> Result<u32, Trouble> {
    value.filter(|value| (1..=max).contains(value)).ok_or_else(|| malformed(name))
}

fn malformed(what: &str) -> Trouble {
    let detail = format!("the event's recurrence is not understood: {what}");
    Trouble::new("malformed-recurrence", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use items::Timing;

    /// From Tuesday, 2027-01-05 10:00 in `zone` on.
    fn event(zone_name: &str) -> Event {
        let wall = "2027-01-05T10:00:00".parse().unwrap();
        let start = zone::to_instant(zone_name, wall).unwrap();
        let zone = Some(zone_name.to_owned());
        let timing =
            Timing::Timed { start, end: start + 3600, start_zone: zone.clone(), end_zone: zone };
        Event { timing: Some(timing), ..Event::default() }
    }

    fn rule(pattern: Pattern, end: End) -> Rule {
        Rule { pattern, end }
    }

    fn patterns() -> Vec<(Pattern, Value)> {
        let days = |days: &[Weekday]| days.iter().copied().collect::<BTreeSet<_>>();
        let (tuesday, weekend) =
            (days(&[Weekday::Tuesday]), days(&[Weekday::Saturday, Weekday::Sunday]));
        vec![
            (Pattern::Daily { interval: 3 }, json!({"type": "daily", "interval": 3})),
            (
                Pattern::Weekly { interval: 2, days: weekend.clone(), first_day: Weekday::Monday },
                json!({"type": "weekly", "interval": 2, "daysOfWeek": ["saturday", "sunday"],
                       "firstDayOfWeek": "monday"}),
            ),
            (
                Pattern::AbsoluteMonthly { interval: 1, day: 31 },
                json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 31}),
            ),
            (
                Pattern::RelativeMonthly { interval: 1, index: Index::Last, days: weekend },
                json!({"type": "relativeMonthly", "interval": 1, "index": "last",
                       "daysOfWeek": ["saturday", "sunday"]}),
            ),
            (
                Pattern::AbsoluteYearly { interval: 1, month: 2, day: 29 },
                json!({"type": "absoluteYearly", "interval": 1, "month": 2, "dayOfMonth": 29}),
            ),
            (
                Pattern::RelativeYearly {
                    interval: 2,
                    month: 12,
                    index: Index::Second,
                    days: tuesday,
                },
                json!({"type": "relativeYearly", "interval": 2, "month": 12, "index": "second",
                       "daysOfWeek": ["tuesday"]}),
            ),
        ]
    }

    fn ranges() -> Vec<(End, Value)> {
        let with = |more: Value| {
            let mut range = json!({"startDate": "2027-01-05",
                                   "recurrenceTimeZone": "W. Europe Standard Time"});
            range.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            range
        };
        vec![
            (End::Never, with(json!({"type": "noEnd"}))),
            (
                End::On("2028-02-29".parse().unwrap()),
                with(json!({"type": "endDate", "endDate": "2028-02-29"})),
            ),
            (End::Count(10), with(json!({"type": "numbered", "numberOfOccurrences": 10}))),
        ]
    }

    /// With the members that aren't used as the service fills them.
    fn filled(written: &Value) -> Value {
        let mut pattern = json!({"month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday",
                                 "index": "first", "daysOfWeek": []});
        let mut range = json!({"endDate": "0001-01-01", "numberOfOccurrences": 0});
        for (to, from) in [(&mut pattern, "pattern"), (&mut range, "range")] {
            to.as_object_mut().unwrap().extend(written[from].as_object().unwrap().clone());
        }
        json!({"pattern": pattern, "range": range})
    }

    #[test]
    fn every_pattern_and_range_is_written_and_read() {
        let event = event("Europe/Berlin");
        for (pattern, pattern_json) in patterns() {
            for (end, range_json) in ranges() {
                let rule = rule(pattern.clone(), end);
                let written = write(&rule, &event).unwrap();
                assert_eq!(written, json!({"pattern": pattern_json, "range": range_json}));
                for json in [filled(&written), written] {
                    let read = read(Kind::Master, &json, &event).unwrap();
                    assert_eq!(read, Recurrence::Rule(rule.clone()), "{json}");
                }
            }
        }
        assert_eq!(read(Kind::Single, &Value::Null, &event).unwrap(), Recurrence::Once);
        assert!(read(Kind::Master, &Value::Null, &event).is_err());
    }

    #[test]
    fn what_the_documentation_leaves_out_has_its_default() {
        let event = event("UTC");
        let range = json!({"type": "noEnd", "startDate": "2027-01-05"});
        let pattern = json!({"type": "weekly", "interval": 1, "daysOfWeek": ["Tuesday"]});
        let weekly = Pattern::Weekly {
            interval: 1,
            days: BTreeSet::from([Weekday::Tuesday]),
            first_day: Weekday::Sunday,
        };
        let got = read(Kind::Master, &json!({"pattern": pattern, "range": range}), &event).unwrap();
        assert_eq!(got, Recurrence::Rule(rule(weekly, End::Never)));
    }

    #[test]
    fn dates_of_another_zone_are_moved_into_that_of_the_start() {
        // 10:00 in Auckland is the evening before in New York.
        let event = event("New Zealand Standard Time");
        let json = |zone: &str, start: &str| {
            json!({"pattern": {"type": "daily", "interval": 1},
                   "range": {"type": "endDate", "startDate": start, "endDate": "2027-02-01",
                             "recurrenceTimeZone": zone}})
        };
        for (zone, start, end) in [
            ("Eastern Standard Time", "2027-01-04", "2027-02-02"),
            ("New Zealand Standard Time", "2027-01-05", "2027-02-01"),
            ("Pacific/Auckland", "2027-01-04", "2027-02-01"),
            ("", "2027-01-04", "2027-02-01"),
            ("tzone://Microsoft/Custom", "2027-01-04", "2027-02-01"),
        ] {
            let read = read(Kind::Master, &json(zone, start), &event).unwrap();
            let expected = End::On(end.parse().unwrap());
            assert_eq!(read.rule().unwrap().end, expected, "{zone}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let event = event("UTC");
        let good = json!({
            "pattern": {"type": "relativeYearly", "interval": 1, "month": 1, "index": "first",
                        "daysOfWeek": ["monday"]},
            "range": {"type": "endDate", "startDate": "2027-01-05", "endDate": "2027-12-31"}
        });
        assert!(read(Kind::Master, &good, &event).is_ok());
        for (part, member, value) in [
            ("pattern", "type", json!("hourly")),
            ("pattern", "interval", json!(0)),
            ("pattern", "interval", json!(-1)),
            ("pattern", "interval", Value::Null),
            ("pattern", "month", json!(13)),
            ("pattern", "index", json!("fifth")),
            ("pattern", "daysOfWeek", json!([])),
            ("pattern", "daysOfWeek", json!(["someday"])),
            ("range", "type", json!("until")),
            ("range", "endDate", json!("0001-01-01")),
            ("range", "endDate", json!("2027-01-04")),
            ("range", "endDate", json!("soon")),
        ] {
            let mut bad = good.clone();
            bad[part][member] = value.clone();
            let trouble = read(Kind::Master, &bad, &event).unwrap_err();
            assert_eq!(trouble.code, "malformed-recurrence", "{member}: {value}");
        }
        assert!(read(Kind::Master, &json!("daily"), &event).is_err());
    }

    #[test]
    fn a_series_is_never_written_by_clocks_that_graph_does_not_know() {
        let mut event = event("UTC");
        if let Some(Timing::Timed { start_zone, end_zone, .. }) = &mut event.timing {
            (*start_zone, *end_zone) = (Some("Customized Time Zone".to_owned()), None);
        }
        let daily = rule(Pattern::Daily { interval: 1 }, End::Never);
        assert_eq!(write(&daily, &event).unwrap_err().code, "zone-inexpressible");
        assert_eq!(write(&daily, &Event::default()).unwrap_err().code, "no-timing");
    }
}
