//! Zones that nobody knows by their ids: told from the definition that Exchange keeps with an event
//! (MS docs: TimeZoneDefinitionType).

use super::time;
use crate::soap::Element;
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Weekday};
use items::zone::definition::{Day, Definition, Observance, Yearly};

/// The last second of a day: Windows ends one a moment later.
const DAY_END: i64 = 86_399;

/// The Windows id of the zone that keeps the clocks of `definition` from an instant to the end of a
/// year; `None` where there is none, and where nothing is defined.
pub(crate) fn defined(definition: &Element, start: i64, last_year: i32) -> Option<&'static str> {
    let start = DateTime::from_timestamp(start, 0)?.naive_utc();
    let definition = Definition::of(observances(definition, start.year())?)?;
    definition.zone(start, last_year).and_then(items::zone::windows)
}

/// A group of changes, and from when until when it is in force.
struct Group<'a> {
    element: &'a Element,
    begins: NaiveDateTime,
    ends: Option<NaiveDateTime>,
}

/// A change of the clocks that a group repeats each year.
struct Change {
    month: u32,
    day: Day,
    time: NaiveTime,
    /// What the clocks are ahead of UTC from then on, in seconds.
    offset: i64,
}

/// What the groups say one after the other, from the first that is in force in `year` on; `None`
/// stands for what isn't understood.
fn observances(definition: &Element, year: i32) -> Option<Vec<Option<Observance>>> {
    let groups = groups(definition)?;
    let counts = |group: &&Group<'_>| group.ends.is_none_or(|ends| ends.year() >= year);
    let parts = groups.iter().filter(counts).map(|group| read(group, definition));
    Some(parts.flat_map(|parts| parts.unwrap_or(vec![None])).collect())
}

fn groups(definition: &Element) -> Option<Vec<Group<'_>>> {
    let all = definition.child("TransitionsGroups")?;
    let mut groups: Vec<Group<'_>> = Vec::new();
    for transition in &definition.child("Transitions")?.children {
        let begins = match transition.child_text("DateTime") {
            Some(moment) => DateTime::from_timestamp(time::instant(moment)?, 0)?.naive_utc(),
            // Before any calendar on a server begins.
            None => NaiveDate::from_ymd_opt(1600, 1, 1)?.and_time(NaiveTime::MIN),
        };
        if let Some(last) = groups.last_mut() {
            last.ends = begins.checked_sub_signed(TimeDelta::seconds(1));
        }
        let id = transition.child_text("To")?.trim();
        let mut named = all.all("TransitionsGroup");
        let element = named.find(|group| group.attribute("Id") == Some(id))?;
        groups.push(Group { element, begins, ends: None });
    }
    Some(groups)
}

/// What a group says: one offset, or two changes each year and which of the two counts when it
/// begins.
fn read(group: &Group<'_>, definition: &Element) -> Option<Vec<Option<Observance>>> {
    let always = |to| Observance { start: group.begins, from: to, to, yearly: None };
    match group.element.children.as_slice() {
        [fixed] if fixed.is("Transition") => {
            let offset = offset(definition, fixed.child_text("To")?)?;
            Some(vec![Some(always(offset))])
        }
        [first, second] => {
            let (first, second) = (change(first, definition)?, change(second, definition)?);
            let begun = if first.before(group.begins)? > second.before(group.begins)? {
                first.offset
            } else {
                second.offset
            };
            let (a, b) =
                (first.repeated(group, second.offset), second.repeated(group, first.offset));
            Some(vec![Some(always(begun)), a, b])
        }
        _ => None,
    }
}

impl Change {
    fn in_year(&self, year: i32) -> Option<NaiveDateTime> {
        Some(self.day.in_month(year, self.month)?.and_time(self.time))
    }

    /// The last time up to a moment that it took place.
    fn before(&self, moment: NaiveDateTime) -> Option<NaiveDateTime> {
        let years = [moment.year(), moment.year() - 1];
        years.into_iter().find_map(|year| self.in_year(year).filter(|at| *at <= moment))
    }

    /// It, while its group is in force, from the offset that the other change leaves.
    fn repeated(&self, group: &Group<'_>, from: i64) -> Option<Observance> {
        let years = [group.begins.year(), group.begins.year() + 1];
        let start = years
            .into_iter()
            .find_map(|year| self.in_year(year).filter(|at| *at > group.begins))?;
        let yearly = Some(Yearly { month: self.month, day: self.day, until: group.ends });
        Some(Observance { start, from, to: self.offset, yearly })
    }
}

fn change(change: &Element, definition: &Element) -> Option<Change> {
    let text = |name| Some(change.child_text(name)?.trim());
    let day = if change.is("RecurringDayTransition") {
        let weekday: Weekday = text("DayOfWeek")?.parse().ok()?;
        Day::Nth(
            match text("Occurrence")?.parse().ok()? {
                // The fifth is the last, as in the registry.
                5 => -1,
                nth @ (-4..=-1 | 1..=4) => nth,
                _ => return None,
            },
            weekday,
        )
    } else if change.is("RecurringDateTransition") {
        Day::Date(text("Day")?.parse().ok()?)
    } else {
        return None;
    };
    let seconds = time::duration(text("TimeOffset")?)?.min(DAY_END);
    Some(Change {
        month: text("Month")?.parse().ok()?,
        day,
        time: NaiveTime::from_num_seconds_from_midnight_opt(u32::try_from(seconds).ok()?, 0)?,
        offset: offset(definition, text("To")?)?,
    })
}

fn offset(definition: &Element, period: &str) -> Option<i64> {
    let mut periods = definition.child("Periods")?.all("Period");
    let period = periods.find(|one| one.attribute("Id") == Some(period.trim()))?;
    Some(-time::duration(period.attribute("Bias")?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::RangeInclusive;

    fn changes(changes: [(&str, u32, i32); 2]) -> String {
        let change = |(wall, month, occurrence): (&str, u32, i32), to: &str| {
            format!(
                "<t:RecurringDayTransition><t:To Kind=\"Period\">{to}</t:To>\
                 <t:TimeOffset>{wall}</t:TimeOffset><t:Month>{month}</t:Month>\
                 <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>{occurrence}</t:Occurrence>\
                 </t:RecurringDayTransition>"
            )
        };
        change(changes[0], "d") + &change(changes[1], "s")
    }

    fn definition(biases: (&str, &str), rules: [(&str, u32, i32); 2]) -> Element {
        whole(biases, &changes(rules))
    }

    fn whole(biases: (&str, &str), changes: &str) -> Element {
        Element::parse(&text(biases, changes)).unwrap()
    }

    /// Summer time all year before 2007, and these changes since then.
    fn text((standard, daylight): (&str, &str), changes: &str) -> String {
        format!(
            "<t:StartTimeZone \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" Id=\"odd\">\
             <t:Periods><t:Period Bias=\"{standard}\" Id=\"s\"/>\
             <t:Period Bias=\"{daylight}\" Id=\"d\"/></t:Periods><t:TransitionsGroups>\
             <t:TransitionsGroup Id=\"0\"><t:Transition><t:To>d</t:To></t:Transition>\
             </t:TransitionsGroup><t:TransitionsGroup Id=\"1\">{changes}</t:TransitionsGroup>\
             </t:TransitionsGroups><t:Transitions><t:Transition><t:To>0</t:To></t:Transition>\
             <t:AbsoluteDateTransition><t:To>1</t:To><t:DateTime>2007-01-01T00:00:00</t:DateTime>\
             </t:AbsoluteDateTransition></t:Transitions></t:StartTimeZone>"
        )
    }

    /// The zone of a definition for a series from the spring of one year to another year.
    fn defined(definition: &Element, years: RangeInclusive<i32>) -> Option<&'static str> {
        let start = NaiveDate::from_ymd_opt(*years.start(), 2, 1).unwrap().and_time(NaiveTime::MIN);
        super::defined(definition, start.and_utc().timestamp(), *years.end())
    }

    /// The years of a series that goes on.
    const YEARS: RangeInclusive<i32> = 2027..=i32::MAX;

    const EUROPE: [(&str, u32, i32); 2] = [("PT2H", 3, -1), ("PT3H", 10, -1)];

    #[test]
    fn a_zone_is_known_by_its_rules() {
        for (biases, changes, zone) in [
            (("-PT1H", "-PT2H"), EUROPE, "W. Europe Standard Time"),
            (("PT8H", "PT7H"), [("PT2H", 3, 2), ("PT2H", 11, 1)], "Pacific Standard Time"),
            (("-PT12H", "-PT13H"), [("PT2H", 9, -1), ("PT3H", 4, 1)], "New Zealand Standard Time"),
            // As clients write it (MS docs: CreateItem).
            (
                ("P0DT5H0M0.0S", "P0DT4H0M0.0S"),
                [("P0DT2H0M0.0S", 3, 2), ("P0DT2H0M0.0S", 11, 1)],
                "Eastern Standard Time",
            ),
        ] {
            assert_eq!(defined(&definition(biases, changes), YEARS), Some(zone));
        }
        let odd = definition(("-PT1H", "-PT2H"), [EUROPE[0], ("PT3H", 9, 3)]);
        assert_eq!(defined(&odd, YEARS), None);
    }

    #[test]
    fn a_day_ends_a_moment_before_midnight() {
        let change = |to: &str, month: u32, offset: &str| {
            format!(
                "<t:RecurringDayTransition><t:To Kind=\"Period\">{to}</t:To>\
                 <t:TimeOffset>{offset}</t:TimeOffset><t:Month>{month}</t:Month>\
                 <t:DayOfWeek>Saturday</t:DayOfWeek><t:Occurrence>1</t:Occurrence>\
                 </t:RecurringDayTransition>"
            )
        };
        for end in ["PT23H59M59.999S", "PT24H", "P1D"] {
            let changes = change("d", 9, end) + &change("s", 4, end);
            let santiago = whole(("PT4H", "PT3H"), &changes);
            assert_eq!(defined(&santiago, YEARS), Some("Pacific SA Standard Time"), "{end}");
        }
    }

    #[test]
    fn clocks_that_are_never_changed_have_one_offset() {
        let fixed = "<t:Transition><t:To>s</t:To></t:Transition>";
        let india = whole(("-PT5H30M", ""), fixed);
        assert_eq!(defined(&india, YEARS), Some("India Standard Time"));
        assert_eq!(defined(&whole(("PT0S", ""), fixed), YEARS), Some("UTC"));
        assert_eq!(defined(&whole(("PT17M", ""), fixed), YEARS), None);
    }

    #[test]
    fn what_was_before_the_start_does_not_count() {
        // The rules of 2007, from April and from December of 2006 on.
        let rules = changes([("PT2H", 3, 2), ("PT2H", 11, 1)]);
        let always = text(("PT8H", "PT7H"), &rules).replace("<t:To>0</t:To>", "<t:To>1</t:To>");
        let pacific = Element::parse(&always).unwrap();
        let (spring, winter) = (1_143_849_600, 1_164_931_200);
        assert_eq!(super::defined(&pacific, spring, 2020), None);
        assert_eq!(super::defined(&pacific, winter, 2020), Some("Pacific Standard Time"));
    }

    #[test]
    fn every_group_counts_while_it_is_in_force() {
        let berlin = definition(("-PT1H", "-PT2H"), EUROPE);
        // Before 2007 there were two hours all year, as in Johannesburg.
        assert_eq!(defined(&berlin, 2001..=2005), Some("South Africa Standard Time"));
        assert_eq!(defined(&berlin, 2007..=2020), Some("W. Europe Standard Time"));
        assert_eq!(defined(&berlin, 2001..=2020), None);
    }

    /// Eastern time as MS docs show it (GetServerTimeZones): other days before 2007.
    #[test]
    fn rules_that_were_changed_are_followed() {
        let change = |to: &str, month: u32, nth: i32| {
            format!(
                "<t:RecurringDayTransition><t:To Kind=\"Period\">{to}</t:To>\
                 <t:TimeOffset>PT2H</t:TimeOffset><t:Month>{month}</t:Month>\
                 <t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>{nth}</t:Occurrence>\
                 </t:RecurringDayTransition>"
            )
        };
        let old = change("d", 4, 1) + &change("s", 10, -1);
        let new = change("d", 3, 2) + &change("s", 11, 1);
        let eastern = Element::parse(&format!(
            "<t:TimeZoneDefinition \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" Id=\"odd\">\
             <t:Periods><t:Period Bias=\"PT5H\" Id=\"s\"/><t:Period Bias=\"PT4H\" Id=\"d\"/>\
             </t:Periods><t:TransitionsGroups><t:TransitionsGroup Id=\"0\">{old}\
             </t:TransitionsGroup><t:TransitionsGroup Id=\"1\">{new}</t:TransitionsGroup>\
             </t:TransitionsGroups><t:Transitions><t:Transition><t:To Kind=\"Group\">0</t:To>\
             </t:Transition><t:AbsoluteDateTransition><t:To Kind=\"Group\">1</t:To>\
             <t:DateTime>2007-01-01T00:00:00</t:DateTime></t:AbsoluteDateTransition>\
             </t:Transitions></t:TimeZoneDefinition>"
        ))
        .unwrap();
        for years in [1990..=2006, 1995..=i32::MAX, 2007..=i32::MAX, 2026..=2026] {
            let zone = defined(&eastern, years.clone());
            assert_eq!(zone, Some("Eastern Standard Time"), "{years:?}");
        }
    }

    #[test]
    fn what_defines_nothing_is_no_zone() {
        let empty = Element::parse("<a/>").unwrap();
        assert_eq!(defined(&empty, YEARS), None);
        for odd in ["PT", "x", "-PT99999999H", "P99999999D"] {
            let changes = [("PT2H", 13, -9), (odd, 10, 77)];
            assert_eq!(defined(&definition((odd, odd), changes), YEARS), None);
        }
        assert_eq!(defined(&whole(("-PT1H", ""), ""), YEARS), None);
        let berlin = definition(("-PT1H", "-PT2H"), EUROPE);
        let defined = |start| super::defined(&berlin, start, 2026);
        // It ends before it begins; and no calendar goes as far.
        assert_eq!(defined(1_800_000_000), None);
        assert_eq!((defined(i64::MIN), defined(i64::MAX)), (None, None));
    }
}
