//! `Recurrence`: how a series is written and read (MS docs: Recurrence (RecurrenceType)).

use super::failure::Failure;
use super::xml::Element;
use crate::store::recurrence::End;
use crate::store::recurrence::Index;
use crate::store::recurrence::Pattern;
use crate::store::recurrence::Range;
use crate::store::recurrence::Recurrence;
use crate::store::recurrence::Weekdays;
use crate::store::zone::Zone;
use jiff::civil::Date;
use jiff::civil::Time;
use jiff::civil::Weekday;

/// The day on which a week begins where none is stated: that of the culture en-US.
const FIRST_DAY: Weekday = Weekday::Sunday;

const DAYS: [(&str, Weekday); 7] = [
    ("Sunday", Weekday::Sunday),
    ("Monday", Weekday::Monday),
    ("Tuesday", Weekday::Tuesday),
    ("Wednesday", Weekday::Wednesday),
    ("Thursday", Weekday::Thursday),
    ("Friday", Weekday::Friday),
    ("Saturday", Weekday::Saturday),
];
/// Names of several days at once, for patterns that count the days of a month.
const GROUPS: [(&str, Weekdays); 3] =
    [("Day", Weekdays::ALL), ("Weekday", Weekdays::WORKING), ("WeekendDay", Weekdays::WEEKEND)];
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

/// Reads a `Recurrence`; whether it makes sense as a whole is for the store to say.
pub(crate) fn read(element: &Element) -> Result<Recurrence, Failure> {
    let [pattern, range] = element.children.as_slice() else { return Err(invalid()) };
    Ok(Recurrence { pattern: read_pattern(pattern)?, range: read_range(range)? })
}

fn read_pattern(element: &Element) -> Result<Pattern, Failure> {
    let interval = || number::<u32>(element, "Interval");
    let day = || number::<u8>(element, "DayOfMonth");
    let days = || counted_days(element.child_text("DaysOfWeek").unwrap_or_default().trim());
    let index = || {
        let name = element.child_text("DayOfWeekIndex").unwrap_or_default().trim();
        let found = INDEXES.iter().find(|(known, _)| *known == name);
        found.map(|(_, index)| *index).ok_or_else(invalid)
    };
    let month = || {
        let name = element.child_text("Month").unwrap_or_default().trim();
        let found = (1..).zip(MONTHS).find(|(_, known)| *known == name);
        found.map(|(month, _)| month).ok_or_else(invalid)
    };
    match element.name.as_str() {
        "DailyRecurrence" => Ok(Pattern::Daily { interval: interval()? }),
        "WeeklyRecurrence" => Ok(Pattern::Weekly {
            interval: interval()?,
            days: listed_days(element.child_text("DaysOfWeek").unwrap_or_default())?,
            first_day: match element.child_text("FirstDayOfWeek") {
                Some(name) => weekday(name.trim())?,
                None => FIRST_DAY,
            },
        }),
        "AbsoluteMonthlyRecurrence" => {
            Ok(Pattern::AbsoluteMonthly { interval: interval()?, day: day()? })
        }
        "RelativeMonthlyRecurrence" => {
            Ok(Pattern::RelativeMonthly { interval: interval()?, days: days()?, index: index()? })
        }
        "AbsoluteYearlyRecurrence" => {
            Ok(Pattern::AbsoluteYearly { interval: 1, month: month()?, day: day()? })
        }
        "RelativeYearlyRecurrence" => Ok(Pattern::RelativeYearly {
            interval: 1,
            days: days()?,
            index: index()?,
            month: month()?,
        }),
        // What only tasks have: they are made anew some time after they were completed.
        _ => Err(invalid()),
    }
}

fn read_range(element: &Element) -> Result<Range, Failure> {
    let start = date(element, "StartDate")?;
    let end = match element.name.as_str() {
        "NoEndRecurrence" => End::Never,
        "EndDateRecurrence" => End::On(date(element, "EndDate")?),
        "NumberedRecurrence" => End::Count(number(element, "NumberOfOccurrences")?),
        _ => return Err(invalid()),
    };
    Ok(Range { start, end })
}

/// The date as it is written: its offset is not meant to move it.
fn date(element: &Element, name: &str) -> Result<Date, Failure> {
    let text = element.child_text(name).unwrap_or_default().trim();
    text.get(..10).and_then(|date| date.parse().ok()).ok_or_else(out_of_range)
}

fn number<T: TryFrom<i64>>(element: &Element, name: &str) -> Result<T, Failure> {
    let number = element.child_text(name).and_then(|text| text.trim().parse::<i64>().ok());
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(out_of_range)
}

fn weekday(name: &str) -> Result<Weekday, Failure> {
    let found = DAYS.iter().find(|(known, _)| *known == name);
    found.map(|(_, day)| *day).ok_or_else(|| {
        // MS docs: ResponseCode.
        Failure::new(
            "ErrorCalendarInvalidDayForWeeklyRecurrence",
            "The days Day, Weekday, and WeekendDay are not valid in a weekly recurrence.",
        )
    })
}

fn listed_days(names: &str) -> Result<Weekdays, Failure> {
    names.split_whitespace().map(weekday).collect()
}

/// One day or group of days.
fn counted_days(name: &str) -> Result<Weekdays, Failure> {
    match GROUPS.iter().find(|(known, _)| *known == name) {
        Some((_, days)) => Ok(*days),
        None => weekday(name).map(Weekdays::from),
    }
}

fn invalid() -> Failure {
    Failure::new(
        "ErrorCalendarInvalidRecurrence",
        "The specified recurrence is invalid or can't be created.",
    )
}

fn out_of_range() -> Failure {
    Failure::new(
        "ErrorCalendarOutOfRange",
        "One of the calendar item or task recurrence properties is out of range.",
    )
}

/// A `Recurrence` as answers show it; its dates carry the offset of `zone` on that day, which is
/// that of the series (MS docs: how to access a recurring series; recordings).
pub(crate) fn render(recurrence: &Recurrence, zone: &Zone) -> Element {
    Element::t("Recurrence")
        .with(render_pattern(&recurrence.pattern))
        .with(render_range(&recurrence.range, zone))
}

fn render_pattern(pattern: &Pattern) -> Element {
    let interval = |interval: &u32| Element::t_text("Interval", interval.to_string());
    let day = |day: &u8| Element::t_text("DayOfMonth", day.to_string());
    let days = |days: &Weekdays| Element::t_text("DaysOfWeek", days_text(*days));
    let index = |index: &Index| Element::t_text("DayOfWeekIndex", index_text(*index));
    let month = |month: &u8| {
        let name = MONTHS.get(usize::from(*month).wrapping_sub(1));
        Element::t_text("Month", name.copied().unwrap_or_default())
    };
    match pattern {
        Pattern::Daily { interval: count } => Element::t("DailyRecurrence").with(interval(count)),
        Pattern::Weekly { interval: count, days, first_day } => Element::t("WeeklyRecurrence")
            .with(interval(count))
            .with(Element::t_text("DaysOfWeek", list_text(*days)))
            .with(Element::t_text("FirstDayOfWeek", list_text(Weekdays::from(*first_day)))),
        Pattern::AbsoluteMonthly { interval: count, day: number } => {
            Element::t("AbsoluteMonthlyRecurrence").with(interval(count)).with(day(number))
        }
        Pattern::RelativeMonthly { interval: count, days: which, index: nth } => {
            Element::t("RelativeMonthlyRecurrence")
                .with(interval(count))
                .with(days(which))
                .with(index(nth))
        }
        Pattern::AbsoluteYearly { interval: 1, month: name, day: number } => {
            Element::t("AbsoluteYearlyRecurrence").with(day(number)).with(month(name))
        }
        Pattern::RelativeYearly { interval: 1, days: which, index: nth, month: name } => {
            Element::t("RelativeYearlyRecurrence")
                .with(days(which))
                .with(index(nth))
                .with(month(name))
        }
        // Here years have no interval, but months have; a range starts with an occurrence.
        Pattern::AbsoluteYearly { interval: years, day: number, .. } => {
            Element::t("AbsoluteMonthlyRecurrence").with(interval(&(years * 12))).with(day(number))
        }
        Pattern::RelativeYearly { interval: years, days: which, index: nth, .. } => {
            Element::t("RelativeMonthlyRecurrence")
                .with(interval(&(years * 12)))
                .with(days(which))
                .with(index(nth))
        }
    }
}

fn render_range(range: &Range, zone: &Zone) -> Element {
    let start = Element::t_text("StartDate", date_text(range.start, zone));
    match range.end {
        End::Never => Element::t("NoEndRecurrence").with(start),
        End::On(end) => Element::t("EndDateRecurrence")
            .with(start)
            .with(Element::t_text("EndDate", date_text(end, zone))),
        End::Count(count) => Element::t("NumberedRecurrence")
            .with(start)
            .with(Element::t_text("NumberOfOccurrences", count.to_string())),
    }
}

/// An `xs:date` with the offset that `zone` has at its midnight.
fn date_text(date: Date, zone: &Zone) -> String {
    let midnight = zone.instant(date.to_datetime(Time::midnight()));
    let offset = midnight.map_or(0, |midnight| zone.rules().to_offset(midnight).seconds());
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    match offset {
        0 => format!("{date}Z"),
        _ => format!("{date}{sign}{hours:02}:{minutes:02}"),
    }
}

fn days_text(days: Weekdays) -> String {
    match GROUPS.iter().find(|(_, group)| *group == days) {
        Some((name, _)) => (*name).to_owned(),
        None => list_text(days),
    }
}

fn list_text(days: Weekdays) -> String {
    let named = DAYS.iter().filter(|(_, day)| days.contains(*day));
    named.map(|(name, _)| *name).collect::<Vec<_>>().join(" ")
}

fn index_text(index: Index) -> &'static str {
    INDEXES.iter().find(|(_, known)| *known == index).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(inner: &str) -> Result<Recurrence, Failure> {
        let document = format!(
            r#"<Recurrence xmlns="http://schemas.microsoft.com/exchange/services/2006/types">{inner}</Recurrence>"#
        );
        read(&Element::parse(&document).expect("well-formed"))
    }

    fn inner(element: &Element) -> String {
        let plain = element.render().replace("t:", "");
        let start = plain.find('>').expect("a tag") + 1;
        plain[start..].trim_end_matches("</Recurrence>").to_owned()
    }

    #[test]
    fn every_pattern_and_range_reads_back() {
        let zone = Zone::parse("W. Europe Standard Time").expect("known");
        let start = "<StartDate>2027-02-01+01:00</StartDate>";
        let ranges = [
            format!("<NoEndRecurrence>{start}</NoEndRecurrence>"),
            format!(
                "<EndDateRecurrence>{start}<EndDate>2027-06-01+02:00</EndDate></EndDateRecurrence>"
            ),
            format!(
                "<NumberedRecurrence>{start}<NumberOfOccurrences>3</NumberOfOccurrences></NumberedRecurrence>"
            ),
        ];
        for pattern in [
            "<DailyRecurrence><Interval>2</Interval></DailyRecurrence>",
            "<WeeklyRecurrence><Interval>1</Interval><DaysOfWeek>Sunday Monday Friday</DaysOfWeek><FirstDayOfWeek>Monday</FirstDayOfWeek></WeeklyRecurrence>",
            "<AbsoluteMonthlyRecurrence><Interval>1</Interval><DayOfMonth>31</DayOfMonth></AbsoluteMonthlyRecurrence>",
            "<RelativeMonthlyRecurrence><Interval>3</Interval><DaysOfWeek>WeekendDay</DaysOfWeek><DayOfWeekIndex>Last</DayOfWeekIndex></RelativeMonthlyRecurrence>",
            "<AbsoluteYearlyRecurrence><DayOfMonth>15</DayOfMonth><Month>May</Month></AbsoluteYearlyRecurrence>",
            "<RelativeYearlyRecurrence><DaysOfWeek>Monday</DaysOfWeek><DayOfWeekIndex>First</DayOfWeekIndex><Month>September</Month></RelativeYearlyRecurrence>",
        ] {
            for range in &ranges {
                let text = format!("{pattern}{range}");
                let read = parse(&text).expect("valid");
                assert_eq!(inner(&render(&read, &zone)), text);
            }
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_code() {
        let range = "<NoEndRecurrence><StartDate>2027-02-01</StartDate></NoEndRecurrence>";
        for (pattern, code) in [
            (
                "<WeeklyRecurrence><Interval>1</Interval><DaysOfWeek>Weekday</DaysOfWeek></WeeklyRecurrence>",
                "ErrorCalendarInvalidDayForWeeklyRecurrence",
            ),
            (
                "<DailyRecurrence><Interval>-1</Interval></DailyRecurrence>",
                "ErrorCalendarOutOfRange",
            ),
            (
                "<DailyRegeneration><Interval>1</Interval></DailyRegeneration>",
                "ErrorCalendarInvalidRecurrence",
            ),
        ] {
            let failure = parse(&format!("{pattern}{range}")).expect_err(pattern);
            assert_eq!(failure.code, code);
        }
    }
}
