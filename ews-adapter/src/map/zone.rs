//! Zones that nobody knows by their ids: told from the definition that Exchange keeps with an event
//! (MS docs: TimeZoneDefinitionType).

use super::time;
use crate::soap::Element;
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, TimeDelta, Weekday};

/// Zones to compare with: all rules that are in force somewhere where many live.
const CANDIDATES: [&str; 50] = [
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/Anchorage",
    "America/Halifax",
    "America/St_Johns",
    "America/Bogota",
    "America/Caracas",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "America/Havana",
    "America/Mexico_City",
    "America/Godthab",
    "Atlantic/Azores",
    "Atlantic/Cape_Verde",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Africa/Cairo",
    "Africa/Nairobi",
    "Asia/Jerusalem",
    "Asia/Beirut",
    "Europe/Chisinau",
    "Europe/Moscow",
    "Asia/Tehran",
    "Asia/Dubai",
    "Asia/Kabul",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Dhaka",
    "Asia/Yangon",
    "Asia/Bangkok",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Adelaide",
    "Australia/Darwin",
    "Australia/Sydney",
    "Australia/Brisbane",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Tongatapu",
    "Pacific/Honolulu",
    "Pacific/Chatham",
];

/// When the clocks are changed each year, and to which offset from UTC, in seconds.
#[derive(Debug, Clone, Copy)]
struct Change {
    month: u32,
    weekday: Weekday,
    /// Which of these days of the month; negative ones count from its end.
    occurrence: i64,
    /// What the clocks show then, in seconds since midnight.
    wall: i64,
    offset: i64,
}

/// The Windows zone that keeps the rules of `definition` in the years after `instant`; `None` where
/// there is none, and where nothing is defined.
pub(crate) fn defined(definition: &Element, instant: i64) -> Option<&'static str> {
    let group = group_at(definition, instant)?;
    let changes: Vec<Change> = group
        .children
        .iter()
        .filter(|change| change.is("RecurringDayTransition"))
        .map(|change| read(change, definition))
        .collect::<Option<_>>()?;
    let year = DateTime::from_timestamp(instant, 0)?.year();
    let fits: Box<dyn Fn(&str) -> bool> = match changes.as_slice() {
        [] => {
            let offset = offset(definition, group.children.first()?.child_text("To")?)?;
            Box::new(move |zone| keeps(zone, offset, year))
        }
        &[first, second] => Box::new(move |zone| {
            let years = [year, year + 1];
            years.iter().all(|year| {
                is_changed(zone, *year, first, second) && is_changed(zone, *year, second, first)
            })
        }),
        _ => return None,
    };
    CANDIDATES.iter().find(|zone| fits(zone)).and_then(|zone| items::zone::windows(zone))
}

/// The group of changes that is in force at an instant.
fn group_at(definition: &Element, instant: i64) -> Option<&Element> {
    let begun = |transition: &&Element| match transition.child_text("DateTime") {
        Some(begins) => time::instant(begins).is_some_and(|begins| begins <= instant),
        None => true,
    };
    let transitions = definition.child("Transitions")?;
    let id = transitions.children.iter().rfind(begun)?.child_text("To")?.trim();
    let groups = definition.child("TransitionsGroups")?;
    groups.all("TransitionsGroup").find(|group| group.attribute("Id") == Some(id))
}

fn read(change: &Element, definition: &Element) -> Option<Change> {
    let text = |name| Some(change.child_text(name)?.trim());
    Some(Change {
        month: text("Month")?.parse().ok()?,
        weekday: text("DayOfWeek")?.parse().ok()?,
        occurrence: text("Occurrence")?.parse().ok()?,
        wall: time::duration(text("TimeOffset")?)?,
        offset: offset(definition, text("To")?)?,
    })
}

fn offset(definition: &Element, period: &str) -> Option<i64> {
    let mut periods = definition.child("Periods")?.all("Period");
    let period = periods.find(|one| one.attribute("Id") == Some(period.trim()))?;
    Some(-time::duration(period.attribute("Bias")?)?)
}

/// Whether a zone's clocks have one offset for two years.
fn keeps(zone: &str, offset: i64, year: i32) -> bool {
    let first = NaiveDate::from_ymd_opt(year, 1, 1);
    let months = (0..24).map(|month| first?.checked_add_months(Months::new(month)));
    let mut instants = months.map(|day| Some(day?.and_time(NaiveTime::MIN).and_utc().timestamp()));
    instants.all(|at| at.is_some_and(|at| has(zone, at, offset)))
}

/// Whether a zone's clocks are changed in a year as `change` says, from what `before` left.
fn is_changed(zone: &str, year: i32, change: Change, before: Change) -> bool {
    let Some(day) = day(year, change) else { return false };
    let wall = day.and_time(NaiveTime::MIN).and_utc().timestamp() + change.wall;
    let at = wall - before.offset;
    has(zone, at - 1, before.offset) && has(zone, at, change.offset)
}

fn has(zone: &str, at: i64, offset: i64) -> bool {
    items::zone::offset_seconds(zone, at).is_some_and(|seconds| i64::from(seconds) == offset)
}

fn day(year: i32, change: Change) -> Option<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(year, change.month, 1)?;
    let days_to = |from: NaiveDate| {
        (7 + i64::from(change.weekday.num_days_from_monday())
            - i64::from(from.weekday().num_days_from_monday()))
            % 7
    };
    match change.occurrence {
        nth @ 1..=5 => first.checked_add_signed(TimeDelta::days(days_to(first) + 7 * (nth - 1))),
        nth @ -5..=-1 => {
            let last = first.checked_add_months(Months::new(1))?.checked_sub_days(Days::new(1))?;
            let back = (7 - days_to(last)) % 7;
            last.checked_sub_signed(TimeDelta::days(back + 7 * (-nth - 1)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(biases: (&str, &str), changes: [(&str, u32, i32); 2]) -> Element {
        let change = |(wall, month, occurrence): (&str, u32, i32), to: &str| {
            format!(
                "<t:RecurringDayTransition><t:To Kind=\"Period\">{to}</t:To>\
                 <t:TimeOffset>{wall}</t:TimeOffset><t:Month>{month}</t:Month>\
                 <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>{occurrence}</t:Occurrence>\
                 </t:RecurringDayTransition>"
            )
        };
        let changes = change(changes[0], "d") + &change(changes[1], "s");
        whole(biases, &changes)
    }

    fn whole((standard, daylight): (&str, &str), changes: &str) -> Element {
        Element::parse(&format!(
            "<t:StartTimeZone \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" Id=\"odd\">\
             <t:Periods><t:Period Bias=\"{standard}\" Id=\"s\"/>\
             <t:Period Bias=\"{daylight}\" Id=\"d\"/></t:Periods><t:TransitionsGroups>\
             <t:TransitionsGroup Id=\"0\"><t:Transition><t:To>d</t:To></t:Transition>\
             </t:TransitionsGroup><t:TransitionsGroup Id=\"1\">{changes}</t:TransitionsGroup>\
             </t:TransitionsGroups><t:Transitions><t:Transition><t:To>0</t:To></t:Transition>\
             <t:AbsoluteDateTransition><t:To>1</t:To><t:DateTime>2007-01-01T00:00:00</t:DateTime>\
             </t:AbsoluteDateTransition></t:Transitions></t:StartTimeZone>"
        ))
        .unwrap()
    }

    /// A moment in 2027.
    const NOW: i64 = 1_800_000_000;

    #[test]
    fn a_zone_is_known_by_its_rules() {
        let march = ("PT2H", 3, -1);
        for (biases, changes, zone) in [
            (("-PT1H", "-PT2H"), [march, ("PT3H", 10, -1)], "W. Europe Standard Time"),
            (("PT8H", "PT7H"), [("PT2H", 3, 2), ("PT2H", 11, 1)], "Pacific Standard Time"),
            (("-PT12H", "-PT13H"), [("PT2H", 9, -1), ("PT3H", 4, 1)], "New Zealand Standard Time"),
        ] {
            assert_eq!(defined(&definition(biases, changes), NOW), Some(zone));
        }
        let odd = definition(("-PT1H", "-PT2H"), [march, ("PT3H", 9, 3)]);
        assert_eq!(defined(&odd, NOW), None);
    }

    #[test]
    fn clocks_that_are_never_changed_have_one_offset() {
        let fixed = "<t:Transition><t:To>s</t:To></t:Transition>";
        let india = whole(("-PT5H30M", ""), fixed);
        assert_eq!(defined(&india, NOW), Some("India Standard Time"));
        assert_eq!(defined(&whole(("PT0S", ""), fixed), NOW), Some("UTC"));
        assert_eq!(defined(&whole(("PT17M", ""), fixed), NOW), None);
    }

    #[test]
    fn the_group_in_force_counts() {
        let changes = [("PT2H", 3, -1), ("PT3H", 10, -1)];
        let berlin = definition(("-PT1H", "-PT2H"), changes);
        // Before 2007 there were two hours all year, as in Johannesburg.
        assert_eq!(defined(&berlin, 1_000_000_000), Some("South Africa Standard Time"));
        assert_eq!(defined(&berlin, NOW), Some("W. Europe Standard Time"));
    }

    #[test]
    fn what_defines_nothing_is_no_zone() {
        let empty = Element::parse("<a/>").unwrap();
        assert_eq!(defined(&empty, NOW), None);
        for odd in ["PT", "x", "-PT99999999H"] {
            let changes = [("PT2H", 13, -9), (odd, 10, 77)];
            assert_eq!(defined(&definition((odd, odd), changes), NOW), None);
        }
        assert_eq!(defined(&whole(("-PT1H", ""), ""), NOW), None);
    }
}
