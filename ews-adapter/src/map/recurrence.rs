//! A `Recurrence` as a rule, and a rule as a `Recurrence` (MS docs: Recurrence (RecurrenceType)).
//!
//! EWS has the six patterns and three ranges of a rule. Years have no interval there, but months do:
//! every second year is every 24th month. Its dates are those of the start's zone; the offset that
//! servers put behind them moves nothing.

use crate::soap::{Element, Xml};
use chrono::NaiveDate;
use items::Rule;
use items::recurrence::{End, Index, Pattern, Weekday};
use std::collections::BTreeSet;
use sync_core::port::Trouble;

/// The code of what can't be told here.
pub(crate) const INEXPRESSIBLE: &str = "recurrence-inexpressible";
/// The first day on which no series may take place (MS-OXOCAL 2.2.1.44.1: EndDate).
const END: (i32, u32, u32) = (4500, 9, 1);
/// Most occurrences of a series that ends after a number of them (MS docs: NumberOfOccurrences).
const COUNT_MAX: u32 = 999;
/// Longest intervals (MS docs: Interval).
const DAYS_MAX: u32 = 999;
const WEEKS_MAX: u32 = 99;
const MONTHS_MAX: u32 = 99;

const DAYS: [(&str, Weekday); 7] = [
    ("Sunday", Weekday::Sunday),
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
];
/// Names of several days at once (MS docs: DaysOfWeek).
const GROUPS: [(&str, &[Weekday]); 3] = [
    ("Day", &Weekday::ALL),
    (
        "Weekday",
        &[
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
        ],
    ),
    ("WeekendDay", &[Weekday::Saturday, Weekday::Sunday]),
];
const INDEXES: [(&str, Index); 5] = [
    ("First", Index::First),
    ("Second", Index::Second),
    ("Third", Index::Third),
    ("Fourth", Index::Fourth),
    ("Last", Index::Last),
];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The rule of a series that starts on `first`; `None` for what only tasks have, and for nonsense.
pub(crate) fn rule(recurrence: &Element, first: NaiveDate) -> Option<Rule> {
    let pattern = recurrence.children.iter().find_map(pattern)?;
    let (start, end) = recurrence.children.iter().find_map(range)?;
    let end = match end {
        // Counted from another date than the event's own: what is left of it from there on.
        End::Count(_) if start != first => {
            let dates = Rule { pattern: pattern.clone(), end }.dates(start);
            let left = dates.filter(|date| *date >= first).count();
            End::Count(u32::try_from(left).ok().filter(|left| *left > 0)?)
        }
        End::Never | End::On(_) | End::Count(_) => end,
    };
    Some(Rule { pattern, end }.in_years(first))
}

/// The `Recurrence` of a series that starts on `first`, in the zone of its start.
pub(crate) fn recurrence(rule: &Rule, first: NaiveDate) -> Result<String, Trouble> {
    // Exchange would move the start to the first date of the pattern.
    if rule.dates(first).next() != Some(first) {
        return Err(inexpressible("its start is not one of its dates"));
    }
    let pattern = pattern_xml(&rule.pattern)?;
    let start = |xml: &mut Xml| xml.leaf("t:StartDate", &first.to_string());
    let range = match rule.end {
        End::Never => Xml::text_of(|xml| xml.node("t:NoEndRecurrence", &[], start)),
        End::On(date) if NaiveDate::from_ymd_opt(END.0, END.1, END.2).is_some_and(|e| date < e) => {
            Xml::text_of(|xml| {
                xml.node("t:EndDateRecurrence", &[], |xml| {
                    start(xml);
                    xml.leaf("t:EndDate", &date.to_string());
                });
            })
        }
        End::On(_) => return Err(inexpressible("it goes on for longer than Exchange's calendar")),
        End::Count(count) if count <= COUNT_MAX => {
            let count = count.to_string();
            Xml::text_of(|xml| {
                xml.node("t:NumberedRecurrence", &[], |xml| {
                    start(xml);
                    xml.leaf("t:NumberOfOccurrences", &count);
                });
            })
        }
        End::Count(count) => {
            let why = format!("it takes place {count} times, and {COUNT_MAX} is the most");
            return Err(inexpressible(&why));
        }
    };
    Ok(Xml::text_of(|xml| {
        xml.node("t:Recurrence", &[], |xml| {
            xml.raw(&pattern);
            xml.raw(&range);
        });
    }))
}

/// Says that Exchange can't hold a recurrence, and why.
pub(crate) fn inexpressible(why: &str) -> Trouble {
    let detail = format!("Exchange can't tell how this event recurs: {why}");
    Trouble::new(INEXPRESSIBLE, detail)
}

fn pattern(element: &Element) -> Option<Pattern> {
    let interval = || match element.child_text("Interval") {
        Some(text) => text.trim().parse().ok().filter(|interval| *interval > 0),
        None => Some(1),
    };
    let day = || element.child_text("DayOfMonth")?.trim().parse().ok();
    let days = || days(element.child_text("DaysOfWeek")?);
    let index = || by_name(&INDEXES, element.child_text("DayOfWeekIndex")?);
    let month = || {
        let name = element.child_text("Month")?.trim();
        (1..).zip(MONTHS).find(|(_, known)| *known == name).map(|(month, _)| month)
    };
    match element.name.strip_suffix("Recurrence")? {
        "Daily" => Some(Pattern::Daily { interval: interval()? }),
        "Weekly" => Some(Pattern::Weekly {
            interval: interval()?,
            days: days()?,
            // Servers before 2010 SP1 don't tell; theirs is the American week.
            first_day: match element.child_text("FirstDayOfWeek") {
                Some(name) => by_name(&DAYS, name)?,
                None => Weekday::Sunday,
            },
        }),
        "AbsoluteMonthly" => Some(Pattern::AbsoluteMonthly { interval: interval()?, day: day()? }),
        "RelativeMonthly" => {
            Some(Pattern::RelativeMonthly { interval: interval()?, index: index()?, days: days()? })
        }
        "AbsoluteYearly" => {
            Some(Pattern::AbsoluteYearly { interval: 1, month: month()?, day: day()? })
        }
        "RelativeYearly" => Some(Pattern::RelativeYearly {
            interval: 1,
            month: month()?,
            index: index()?,
            days: days()?,
        }),
        _ => None,
    }
}

fn range(element: &Element) -> Option<(NaiveDate, End)> {
    let date = |name| element.child_text(name)?.trim().get(..10)?.parse::<NaiveDate>().ok();
    let end = match element.name.as_str() {
        "NoEndRecurrence" => End::Never,
        "EndDateRecurrence" => End::On(date("EndDate")?),
        "NumberedRecurrence" => {
            End::Count(element.child_text("NumberOfOccurrences")?.trim().parse().ok()?)
        }
        _ => return None,
    };
    Some((date("StartDate")?, end))
}

fn days(names: &str) -> Option<BTreeSet<Weekday>> {
    let mut days = BTreeSet::new();
    for name in names.split_whitespace() {
        match GROUPS.iter().find(|(known, _)| *known == name) {
            Some((_, group)) => days.extend(*group),
            None => {
                days.insert(by_name(&DAYS, name)?);
            }
        }
    }
    (!days.is_empty()).then_some(days)
}

fn pattern_xml(pattern: &Pattern) -> Result<String, Trouble> {
    let pattern = &in_months(pattern);
    let name = match pattern {
        Pattern::Daily { .. } => "t:DailyRecurrence",
        Pattern::Weekly { .. } => "t:WeeklyRecurrence",
        Pattern::AbsoluteMonthly { .. } => "t:AbsoluteMonthlyRecurrence",
        Pattern::RelativeMonthly { .. } => "t:RelativeMonthlyRecurrence",
        Pattern::AbsoluteYearly { .. } => "t:AbsoluteYearlyRecurrence",
        Pattern::RelativeYearly { .. } => "t:RelativeYearlyRecurrence",
    };
    let children = match pattern {
        Pattern::Daily { interval } => vec![interval_text(*interval, DAYS_MAX)?],
        Pattern::Weekly { interval, days, first_day } => vec![
            interval_text(*interval, WEEKS_MAX)?,
            ("t:DaysOfWeek", day_names(days)),
            ("t:FirstDayOfWeek", name_of(&DAYS, first_day).to_owned()),
        ],
        Pattern::AbsoluteMonthly { interval, day } => {
            vec![interval_text(*interval, MONTHS_MAX)?, ("t:DayOfMonth", day.to_string())]
        }
        Pattern::RelativeMonthly { interval, index, days } => vec![
            interval_text(*interval, MONTHS_MAX)?,
            ("t:DaysOfWeek", counted_days(days)?),
            ("t:DayOfWeekIndex", name_of(&INDEXES, index).to_owned()),
        ],
        Pattern::AbsoluteYearly { month, day, .. } => {
            vec![("t:DayOfMonth", day.to_string()), ("t:Month", month_name(*month)?)]
        }
        Pattern::RelativeYearly { month, index, days, .. } => vec![
            ("t:DaysOfWeek", counted_days(days)?),
            ("t:DayOfWeekIndex", name_of(&INDEXES, index).to_owned()),
            ("t:Month", month_name(*month)?),
        ],
    };
    let write = |xml: &mut Xml| children.iter().for_each(|(name, text)| xml.leaf(name, text));
    Ok(Xml::text_of(|xml| xml.node(name, &[], write)))
}

/// The pattern with years that are left out told in months.
fn in_months(pattern: &Pattern) -> Pattern {
    match pattern {
        Pattern::AbsoluteYearly { interval, day, .. } if *interval != 1 => {
            Pattern::AbsoluteMonthly { interval: interval.saturating_mul(12), day: *day }
        }
        Pattern::RelativeYearly { interval, index, days, .. } if *interval != 1 => {
            let (interval, days) = (interval.saturating_mul(12), days.clone());
            Pattern::RelativeMonthly { interval, index: *index, days }
        }
        Pattern::Daily { .. }
        | Pattern::Weekly { .. }
        | Pattern::AbsoluteMonthly { .. }
        | Pattern::RelativeMonthly { .. }
        | Pattern::AbsoluteYearly { .. }
        | Pattern::RelativeYearly { .. } => pattern.clone(),
    }
}

fn interval_text(interval: u32, max: u32) -> Result<(&'static str, String), Trouble> {
    if interval > max {
        let why = format!("it leaves out {} at a time, and {} is the most", interval - 1, max - 1);
        return Err(inexpressible(&why));
    }
    Ok(("t:Interval", interval.to_string()))
}

fn month_name(month: u32) -> Result<String, Trouble> {
    let name = (1..).zip(MONTHS).find(|(number, _)| *number == month).map(|(_, name)| name);
    name.map(str::to_owned).ok_or_else(|| inexpressible("it names a month that no year has"))
}

fn day_names(days: &BTreeSet<Weekday>) -> String {
    let named = DAYS.iter().filter(|(_, day)| days.contains(day));
    named.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

/// One day or a group of them: the schema has no lists where days of a month are counted.
fn counted_days(days: &BTreeSet<Weekday>) -> Result<String, Trouble> {
    let is_it = |group: &[Weekday]| group.iter().copied().collect::<BTreeSet<_>>() == *days;
    match GROUPS.iter().find(|(_, group)| is_it(group)) {
        Some((name, _)) => Ok((*name).to_owned()),
        None if days.len() == 1 => Ok(day_names(days)),
        None => {
            let names = day_names(days).replace(' ', ", ");
            Err(inexpressible(&format!("it counts {names} of a month together")))
        }
    }
}

fn by_name<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table.iter().find(|(known, _)| *known == name.trim()).map(|(_, value)| *value)
}

fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn parse(inside: &str) -> Element {
        Element::parse(&format!(
            "<t:Recurrence xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
             {inside}</t:Recurrence>"
        ))
        .unwrap()
    }

    fn set(days: &[Weekday]) -> BTreeSet<Weekday> {
        days.iter().copied().collect()
    }

    /// Patterns as they stand in XML, each with a date on which a series may start.
    fn patterns() -> Vec<(Pattern, &'static str, &'static str)> {
        use Weekday::{Friday, Monday, Saturday, Sunday, Thursday, Tuesday, Wednesday};
        let work = set(&[Monday, Tuesday, Wednesday, Thursday, Friday]);
        vec![
            (
                Pattern::Daily { interval: 2 },
                "2027-02-01",
                "<t:DailyRecurrence><t:Interval>2</t:Interval></t:DailyRecurrence>",
            ),
            (
                Pattern::Weekly { interval: 3, days: set(&[Monday, Sunday]), first_day: Monday },
                "2027-02-01",
                "<t:WeeklyRecurrence><t:Interval>3</t:Interval><t:DaysOfWeek>Sunday Monday\
                 </t:DaysOfWeek><t:FirstDayOfWeek>Monday</t:FirstDayOfWeek></t:WeeklyRecurrence>",
            ),
            (
                Pattern::AbsoluteYearly { interval: 2, month: 2, day: 31 },
                "2027-02-28",
                "<t:AbsoluteMonthlyRecurrence><t:Interval>24</t:Interval>\
                 <t:DayOfMonth>31</t:DayOfMonth></t:AbsoluteMonthlyRecurrence>",
            ),
            (
                Pattern::RelativeMonthly { interval: 1, index: Index::Last, days: work },
                "2027-02-26",
                "<t:RelativeMonthlyRecurrence><t:Interval>1</t:Interval>\
                 <t:DaysOfWeek>Weekday</t:DaysOfWeek><t:DayOfWeekIndex>Last</t:DayOfWeekIndex>\
                 </t:RelativeMonthlyRecurrence>",
            ),
            (
                Pattern::RelativeMonthly {
                    interval: 2,
                    index: Index::First,
                    days: set(&[Saturday, Sunday]),
                },
                "2027-02-06",
                "<t:RelativeMonthlyRecurrence><t:Interval>2</t:Interval>\
                 <t:DaysOfWeek>WeekendDay</t:DaysOfWeek>\
                 <t:DayOfWeekIndex>First</t:DayOfWeekIndex></t:RelativeMonthlyRecurrence>",
            ),
            (
                Pattern::AbsoluteYearly { interval: 1, month: 2, day: 29 },
                "2027-02-28",
                "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>29</t:DayOfMonth>\
                 <t:Month>February</t:Month></t:AbsoluteYearlyRecurrence>",
            ),
            (
                Pattern::RelativeYearly {
                    interval: 1,
                    month: 9,
                    index: Index::Third,
                    days: set(&[Tuesday]),
                },
                "2027-09-21",
                "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Tuesday</t:DaysOfWeek>\
                 <t:DayOfWeekIndex>Third</t:DayOfWeekIndex><t:Month>September</t:Month>\
                 </t:RelativeYearlyRecurrence>",
            ),
            (
                Pattern::RelativeYearly {
                    interval: 1,
                    month: 12,
                    index: Index::Fourth,
                    days: set(&Weekday::ALL),
                },
                "2027-12-04",
                "<t:RelativeYearlyRecurrence><t:DaysOfWeek>Day</t:DaysOfWeek>\
                 <t:DayOfWeekIndex>Fourth</t:DayOfWeekIndex><t:Month>December</t:Month>\
                 </t:RelativeYearlyRecurrence>",
            ),
        ]
    }

    #[test]
    fn every_pattern_has_every_range_both_ways() {
        for (pattern, first, xml) in patterns() {
            let start = format!("<t:StartDate>{first}</t:StartDate>");
            for (end, range) in [
                (End::Never, format!("<t:NoEndRecurrence>{start}</t:NoEndRecurrence>")),
                (
                    End::On(date("2031-06-01")),
                    format!(
                        "<t:EndDateRecurrence>{start}<t:EndDate>2031-06-01</t:EndDate>\
                         </t:EndDateRecurrence>"
                    ),
                ),
                (
                    End::Count(7),
                    format!(
                        "<t:NumberedRecurrence>{start}<t:NumberOfOccurrences>7\
                         </t:NumberOfOccurrences></t:NumberedRecurrence>"
                    ),
                ),
            ] {
                let rule = Rule { pattern: pattern.clone(), end };
                let whole = format!("<t:Recurrence>{xml}{range}</t:Recurrence>");
                assert_eq!(recurrence(&rule, date(first)).unwrap(), whole);
                // Servers write the offset of the zone behind each date.
                for zone in ["", "Z", "+01:00", "-08:00"] {
                    let range = range
                        .replace("</t:StartDate>", &format!("{zone}</t:StartDate>"))
                        .replace("</t:EndDate>", &format!("{zone}</t:EndDate>"));
                    let read = self::rule(&parse(&format!("{xml}{range}")), date(first));
                    assert_eq!(read.as_ref(), Some(&rule), "{range}");
                }
            }
        }
    }

    #[test]
    fn a_count_from_another_date_is_what_is_left_of_it() {
        let count = |start: &str| {
            let xml = format!(
                "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>\
                 <t:NumberedRecurrence><t:StartDate>{start}</t:StartDate>\
                 <t:NumberOfOccurrences>10</t:NumberOfOccurrences></t:NumberedRecurrence>"
            );
            rule(&parse(&xml), date("2027-02-05")).unwrap().end
        };
        assert_eq!(count("2027-02-05"), End::Count(10));
        assert_eq!(count("2027-02-02"), End::Count(7));
        assert_eq!(count("2027-02-06"), End::Count(10));
    }

    #[test]
    fn older_servers_leave_out_the_first_day() {
        let xml = "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Weekday Saturday\
                   </t:DaysOfWeek></t:WeeklyRecurrence><t:NoEndRecurrence>\
                   <t:StartDate>2027-02-01Z</t:StartDate></t:NoEndRecurrence>";
        let mut days = set(&Weekday::ALL);
        days.remove(&Weekday::Sunday);
        let pattern = Pattern::Weekly { interval: 1, days, first_day: Weekday::Sunday };
        let expected = Rule { pattern, end: End::Never };
        assert_eq!(rule(&parse(xml), date("2027-02-01")), Some(expected));
    }

    #[test]
    fn nonsense_is_no_rule() {
        let range = "<t:NoEndRecurrence><t:StartDate>2027-02-01</t:StartDate></t:NoEndRecurrence>";
        for pattern in [
            "",
            "<t:DailyRegeneration><t:Interval>1</t:Interval></t:DailyRegeneration>",
            "<t:DailyRecurrence><t:Interval>0</t:Interval></t:DailyRecurrence>",
            "<t:DailyRecurrence><t:Interval>-1</t:Interval></t:DailyRecurrence>",
            "<t:WeeklyRecurrence><t:Interval>1</t:Interval></t:WeeklyRecurrence>",
            "<t:WeeklyRecurrence><t:DaysOfWeek>Montag</t:DaysOfWeek></t:WeeklyRecurrence>",
            "<t:AbsoluteYearlyRecurrence><t:DayOfMonth>1</t:DayOfMonth><t:Month>Mai</t:Month>\
             </t:AbsoluteYearlyRecurrence>",
        ] {
            let read = rule(&parse(&format!("{pattern}{range}")), date("2027-02-01"));
            assert_eq!(read, None, "{pattern}");
        }
        let pattern = "<t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>";
        let odd = range.replace("2027-02-01", "ä2027-2-1");
        assert_eq!(rule(&parse(&format!("{pattern}{odd}")), date("2027-02-01")), None);
        assert_eq!(rule(&parse(pattern), date("2027-02-01")), None);
    }

    #[test]
    fn what_exchange_cannot_tell_is_refused_with_the_reason() {
        let first = date("2027-02-01");
        let pair = set(&[Weekday::Monday, Weekday::Tuesday]);
        let daily = |interval| Pattern::Daily { interval };
        for (pattern, end, why) in [
            (
                Pattern::AbsoluteYearly { interval: 9, month: 2, day: 1 },
                End::Never,
                "leaves out 107",
            ),
            (
                Pattern::RelativeMonthly { interval: 1, index: Index::First, days: pair },
                End::Never,
                "Monday, Tuesday",
            ),
            (Pattern::AbsoluteMonthly { interval: 1, day: 2 }, End::Never, "start"),
            (daily(0), End::Never, "start"),
            (daily(1), End::Count(0), "start"),
            (daily(1), End::Count(1000), "1000 times"),
            (daily(1000), End::Never, "leaves out 999"),
            (daily(1), End::On(date("2027-01-01")), "start"),
            (daily(1), End::On(date("4500-09-01")), "longer"),
        ] {
            let trouble = recurrence(&Rule { pattern, end }, first).unwrap_err();
            assert_eq!(trouble.code, INEXPRESSIBLE);
            assert!(trouble.detail.contains(why), "{trouble}");
        }
    }
}
