//! RRULE (RFC 5545, 3.3.10) as one of the six patterns, and back (MS-OXCICAL: 2.1.3.2).

use super::Error;
use crate::store::Event;
use crate::store::recurrence::{End, Index, LATEST, Pattern, Range, Recurrence, Weekdays};
use crate::store::zone::Zone;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use std::collections::BTreeMap;

const DAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];
const INDEXES: [(i32, Index); 6] = [
    (1, Index::First),
    (2, Index::Second),
    (3, Index::Third),
    (4, Index::Fourth),
    (-1, Index::Last),
    // Read only: the fifth where there is one, else the fourth.
    (5, Index::Last),
];
/// Parts of a rule that a pattern has a place for.
const KNOWN: [&str; 9] =
    ["FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"];

/// The value of the RRULE of a series.
pub(super) fn write(event: &Event, recurrence: &Recurrence) -> String {
    let (frequency, interval, rest) = match recurrence.pattern {
        Pattern::Daily { interval } => ("DAILY", interval, String::new()),
        Pattern::Weekly { interval, days, first_day } => {
            let rest = format!(";BYDAY={};WKST={}", names(days), name(first_day));
            ("WEEKLY", interval, rest)
        }
        Pattern::AbsoluteMonthly { interval, day } => ("MONTHLY", interval, month_day(day)),
        Pattern::RelativeMonthly { interval, days, index } => {
            ("MONTHLY", interval, counted(days, index))
        }
        Pattern::AbsoluteYearly { interval, month, day } => {
            ("YEARLY", interval, format!("{};BYMONTH={month}", month_day(day)))
        }
        Pattern::RelativeYearly { interval, days, index, month } => {
            ("YEARLY", interval, format!("{};BYMONTH={month}", counted(days, index)))
        }
    };
    let end = match recurrence.range.end {
        End::Never => String::new(),
        End::Count(count) => format!(";COUNT={count}"),
        End::On(date) if event.all_day => format!(";UNTIL={}", date.strftime("%Y%m%d")),
        End::On(date) => match event.start_on(date) {
            Some(last) => format!(";UNTIL={}", last.strftime("%Y%m%dT%H%M%SZ")),
            None => String::new(),
        },
    };
    format!("FREQ={frequency}{end};INTERVAL={interval}{rest}")
}

/// Reads the value of an RRULE for a series that starts at `start` by the clock of its zone.
pub(super) fn read(value: &str, start: DateTime, zone: &Zone) -> Result<Recurrence, Error> {
    let parts: BTreeMap<String, String> = value
        .split(';')
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_uppercase(), value.trim().to_ascii_uppercase()))
        .collect();
    if !parts.keys().all(|name| KNOWN.contains(&name.as_str())) {
        return Err(Error::Unconvertible("a rule with more than the six patterns have"));
    }
    let rule = Rule { parts, start: start.date() };
    let pattern = rule.pattern()?;
    let end = rule.end(start, zone)?;
    Ok(Recurrence { pattern, range: Range { start: start.date(), end } })
}

/// A rule taken apart.
struct Rule {
    parts: BTreeMap<String, String>,
    /// The day on which the series starts; says what the rule leaves open.
    start: Date,
}

impl Rule {
    fn get(&self, name: &str) -> Option<&str> {
        self.parts.get(name).map(String::as_str)
    }

    /// A part that has one number.
    fn number(&self, name: &str) -> Result<Option<i32>, Error> {
        let read = |text: &str| text.parse().map_err(|_| unknown());
        self.get(name).map(read).transpose()
    }

    fn pattern(&self) -> Result<Pattern, Error> {
        let interval = match self.number("INTERVAL")? {
            None => 1,
            Some(interval) => u32::try_from(interval).map_err(|_| unknown())?,
        };
        let days = self.days()?;
        match (self.get("FREQ").unwrap_or_default(), days) {
            ("DAILY", None) if self.has_none(&["BYMONTHDAY", "BYMONTH", "BYSETPOS"]) => {
                Ok(Pattern::Daily { interval })
            }
            ("DAILY", Some((days, None)))
                if interval == 1 && self.has_none(&["BYMONTHDAY", "BYMONTH", "BYSETPOS"]) =>
            {
                Ok(Pattern::Weekly { interval, days, first_day: Weekday::Monday })
            }
            ("WEEKLY", days) if self.has_none(&["BYMONTHDAY", "BYMONTH", "BYSETPOS"]) => {
                let days = match days {
                    None => Weekdays::from(self.start.weekday()),
                    Some((days, None)) => days,
                    Some((_, Some(_))) => return Err(unknown()),
                };
                let first_day = match self.get("WKST") {
                    Some(name) => weekday(name)?,
                    None => Weekday::Monday,
                };
                Ok(Pattern::Weekly { interval, days, first_day })
            }
            ("MONTHLY", None) if self.has_none(&["BYMONTH", "BYSETPOS"]) => {
                Ok(Pattern::AbsoluteMonthly { interval, day: self.month_day()? })
            }
            ("MONTHLY", Some((days, index))) if self.has_none(&["BYMONTHDAY", "BYMONTH"]) => {
                let index = self.index(index)?;
                Ok(Pattern::RelativeMonthly { interval, days, index })
            }
            ("YEARLY", None) if self.has_none(&["BYSETPOS"]) => {
                let (month, day) = (self.month()?, self.month_day()?);
                Ok(Pattern::AbsoluteYearly { interval, month, day })
            }
            // Without a month the days of the whole year are counted.
            ("YEARLY", Some((days, index)))
                if self.has_none(&["BYMONTHDAY"]) && self.get("BYMONTH").is_some() =>
            {
                let (index, month) = (self.index(index)?, self.month()?);
                Ok(Pattern::RelativeYearly { interval, days, index, month })
            }
            (_, _) => Err(unknown()),
        }
    }

    fn has_none(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.get(name).is_none())
    }

    /// BYDAY: the days, and which of them where it says so.
    fn days(&self) -> Result<Option<(Weekdays, Option<i32>)>, Error> {
        let Some(list) = self.get("BYDAY") else { return Ok(None) };
        let mut days = Vec::new();
        let mut ordinals = Vec::new();
        for part in list.split(',') {
            let part = part.trim();
            let at = part.len().checked_sub(2).filter(|at| part.is_char_boundary(*at));
            let (ordinal, day) = part.split_at(at.ok_or_else(unknown)?);
            days.push(weekday(day)?);
            ordinals.push(match ordinal {
                "" => None,
                ordinal => Some(ordinal.parse::<i32>().map_err(|_| unknown())?),
            });
        }
        let ordinal = match ordinals.as_slice() {
            [ordinal] => *ordinal,
            ordinals if ordinals.iter().all(Option::is_none) => None,
            // The first Monday and the first Friday are two patterns.
            _ => return Err(unknown()),
        };
        Ok(Some((days.into_iter().collect(), ordinal)))
    }

    /// Which of the days of a month: with the day, or in BYSETPOS.
    fn index(&self, ordinal: Option<i32>) -> Result<Index, Error> {
        let index = match (ordinal, self.number("BYSETPOS")?) {
            (Some(index), None) | (None, Some(index)) => index,
            (Some(_), Some(_)) | (None, None) => return Err(unknown()),
        };
        let known = INDEXES.iter().find(|(known, _)| *known == index);
        known.map(|(_, index)| *index).ok_or_else(unknown)
    }

    /// BYMONTHDAY; the last of the month is its 31st, which stands for it in shorter ones.
    fn month_day(&self) -> Result<u8, Error> {
        match self.number("BYMONTHDAY")? {
            None => u8::try_from(self.start.day()).map_err(|_| unknown()),
            Some(-1) => Ok(31),
            Some(day) => u8::try_from(day).map_err(|_| unknown()),
        }
    }

    fn month(&self) -> Result<u8, Error> {
        let month = self.number("BYMONTH")?.unwrap_or_else(|| self.start.month().into());
        u8::try_from(month).map_err(|_| unknown())
    }

    fn end(&self, start: DateTime, zone: &Zone) -> Result<End, Error> {
        if let Some(count) = self.number("COUNT")? {
            return u32::try_from(count).map(End::Count).map_err(|_| unknown());
        }
        let Some(until) = self.get("UNTIL") else { return Ok(End::Never) };
        if let Ok(date) = Date::strptime("%Y%m%d", until) {
            return Ok(End::On(date.min(LATEST)));
        }
        let wall = match until.strip_suffix('Z') {
            Some(utc) => zone.wall(instant(utc).ok_or_else(unknown)?),
            None => DateTime::strptime("%Y%m%dT%H%M%S", until).map_err(|_| unknown())?,
        };
        // The day itself counts only if the series still starts on it in time.
        let date = match wall.time() < start.time() {
            true => wall.date().yesterday().map_err(|_| unknown())?,
            false => wall.date(),
        };
        Ok(End::On(date.min(LATEST)))
    }
}

/// A moment in UTC, without its `Z`.
fn instant(text: &str) -> Option<Timestamp> {
    Zone::utc().instant(DateTime::strptime("%Y%m%dT%H%M%S", text).ok()?)
}

fn weekday(name: &str) -> Result<Weekday, Error> {
    let known = DAYS.iter().find(|(known, _)| *known == name.trim());
    known.map(|(_, day)| *day).ok_or_else(unknown)
}

fn name(day: Weekday) -> &'static str {
    DAYS.iter().find(|(_, known)| *known == day).map_or("", |(name, _)| name)
}

fn names(days: Weekdays) -> String {
    days.iter().map(name).collect::<Vec<_>>().join(",")
}

fn month_day(day: u8) -> String {
    match day {
        31 => ";BYMONTHDAY=-1".to_owned(),
        _ => format!(";BYMONTHDAY={day}"),
    }
}

fn counted(days: Weekdays, index: Index) -> String {
    let number = INDEXES.iter().find(|(_, known)| *known == index).map_or(0, |(number, _)| *number);
    match days.iter().count() {
        1 => format!(";BYDAY={number}{}", names(days)),
        _ => format!(";BYDAY={};BYSETPOS={number}", names(days)),
    }
}

fn unknown() -> Error {
    Error::Unconvertible("a rule that none of the six patterns says")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Content, ZonedTime};
    use jiff::civil::date;

    /// What a rule becomes, written again; the series starts on Tuesday, 2027-01-12, at 9.
    fn again(rule: &str) -> Result<String, Error> {
        let zone = Zone::parse("Europe/Berlin").expect("known");
        let start = date(2027, 1, 12).at(9, 0, 0, 0);
        let recurrence = read(rule, start, &zone)?;
        let time = ZonedTime { utc: zone.instant(start).expect("an instant"), zone };
        let content = Content::event("", time.clone(), time);
        Ok(write(content.as_event().expect("an event"), &recurrence))
    }

    #[test]
    fn rules_of_the_six_patterns_come_back() {
        for (rule, wanted) in [
            ("FREQ=DAILY", "FREQ=DAILY;INTERVAL=1"),
            ("FREQ=DAILY;BYDAY=MO,FR", "FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,FR;WKST=MO"),
            ("FREQ=WEEKLY;COUNT=4", "FREQ=WEEKLY;COUNT=4;INTERVAL=1;BYDAY=TU;WKST=MO"),
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,MO;WKST=SU",
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU",
            ),
            ("FREQ=MONTHLY", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=12"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1", "FREQ=MONTHLY;INTERVAL=1;BYMONTHDAY=-1"),
            ("FREQ=MONTHLY;BYDAY=2TU", "FREQ=MONTHLY;INTERVAL=1;BYDAY=2TU"),
            ("FREQ=MONTHLY;BYDAY=TU;BYSETPOS=-1", "FREQ=MONTHLY;INTERVAL=1;BYDAY=-1TU"),
            (
                "FREQ=MONTHLY;BYDAY=SA,SU;BYSETPOS=1",
                "FREQ=MONTHLY;INTERVAL=1;BYDAY=SA,SU;BYSETPOS=1",
            ),
            ("FREQ=YEARLY", "FREQ=YEARLY;INTERVAL=1;BYMONTHDAY=12;BYMONTH=1"),
            ("FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3", "FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3"),
            ("FREQ=DAILY;UNTIL=20270120", "FREQ=DAILY;UNTIL=20270120T080000Z;INTERVAL=1"),
            ("FREQ=DAILY;UNTIL=20270120T080000Z", "FREQ=DAILY;UNTIL=20270120T080000Z;INTERVAL=1"),
            ("FREQ=DAILY;UNTIL=20270120T075959Z", "FREQ=DAILY;UNTIL=20270119T080000Z;INTERVAL=1"),
        ] {
            assert_eq!(again(rule).as_deref(), Ok(wanted), "{rule}");
        }
    }

    #[test]
    fn other_rules_are_refused() {
        for rule in [
            "",
            "FREQ=HOURLY",
            "FREQ=DAILY;BYHOUR=9",
            "FREQ=DAILY;INTERVAL=2;BYDAY=MO",
            "FREQ=WEEKLY;BYDAY=1MO",
            "FREQ=WEEKLY;BYDAY=é",
            "FREQ=MONTHLY;BYDAY=MO",
            "FREQ=MONTHLY;BYDAY=1MO,2TU",
            "FREQ=MONTHLY;BYMONTHDAY=1,15",
            "FREQ=MONTHLY;BYMONTHDAY=-2",
            "FREQ=YEARLY;BYDAY=20MO",
            "FREQ=YEARLY;BYWEEKNO=20",
            "FREQ=DAILY;UNTIL=soon",
            "FREQ=DAILY;INTERVAL=-1",
        ] {
            assert!(again(rule).is_err(), "{rule}");
        }
    }
}
