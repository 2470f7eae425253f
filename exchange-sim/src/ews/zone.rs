//! Time: `xs:dateTime` with and without offset, time zones by Windows id, and their definitions.

use super::failure::Failure;
use super::xml::Element;
use super::zone_names::NAMES;
use crate::store::zone::Change;
use crate::store::zone::Zone;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// The `TimeZoneContext` of a request: the zone of dateTimes that state none (MS docs: Time zones
/// and EWS, table 2); UTC where the header is absent.
pub(crate) fn context(header: Option<&Element>) -> Result<Zone, Failure> {
    let definition = header
        .and_then(|header| header.child("TimeZoneContext"))
        .and_then(|context| context.child("TimeZoneDefinition"));
    definition.map_or(Ok(Zone::utc()), read)
}

/// The zone a `TimeZoneDefinitionType` element names.
pub(crate) fn read(element: &Element) -> Result<Zone, Failure> {
    element.attribute("Id").and_then(Zone::parse).ok_or_else(|| {
        Failure::new("ErrorCalendarInvalidTimeZone", "The specified time zone isn't valid.")
    })
}

/// An instant from `xs:dateTime`: an offset always wins, `zone` counts where there is none.
pub(crate) fn instant(text: &str, zone: &Zone) -> Option<Timestamp> {
    let text = text.trim();
    let instant = match text.parse::<Timestamp>() {
        Ok(instant) => instant,
        Err(_) => zone.instant(text.parse::<civil::DateTime>().ok()?)?,
    };
    Timestamp::from_second(instant.as_second()).ok()
}

/// An instant as an answer writes it: whole seconds, in the zone of the request's TimeZoneContext.
///
/// That zone counts for what is retrieved, too (MS docs: TimeZoneContext); captures show offsets.
pub(crate) fn stamp(instant: Timestamp, zone: &Zone) -> String {
    if *zone == Zone::utc() {
        return instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    let wall = zone.wall(instant);
    let offset = zone.rules().to_offset(instant).seconds();
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 3600, offset.abs() / 60 % 60);
    format!("{}{sign}{hours:02}:{minutes:02}", wall.strftime("%Y-%m-%dT%H:%M:%S"))
}

/// An `xs:duration` of whole seconds as Exchange writes it, such as `PT1H30M` or `P1DT1H`.
pub(crate) fn duration(seconds: i64) -> String {
    let sign = if seconds < 0 { "-" } else { "" };
    let (days, rest) = (seconds.abs() / 86_400, seconds.abs() % 86_400);
    let part = |count: i64, unit: &str| match count {
        0 => String::new(),
        _ => format!("{count}{unit}"),
    };
    let clock = [part(rest / 3600, "H"), part(rest / 60 % 60, "M"), part(rest % 60, "S")].concat();
    match (days, clock.is_empty()) {
        (0, true) => "PT0S".to_owned(),
        (_, true) => format!("{sign}P{days}D"),
        (0, false) => format!("{sign}PT{clock}"),
        (_, false) => format!("{sign}P{days}DT{clock}"),
    }
}

/// What people read for a zone, `(UTC+01:00) Amsterdam, …`; the id where Exchange has no name.
pub(crate) fn display_name(zone: &Zone) -> &str {
    NAMES.iter().find(|(id, _)| *id == zone.id()).map_or(zone.id(), |(_, name)| name)
}

/// The zone that Exchange shows to people by this name.
pub(crate) fn by_display_name(name: &str) -> Option<Zone> {
    all().find(|zone| display_name(zone) == name.trim())
}

/// All zones, in the server's order.
pub(crate) fn all() -> impl Iterator<Item = Zone> {
    NAMES.iter().filter_map(|(id, _)| Zone::parse(id))
}

/// A whole `TimeZoneDefinitionType`: periods, one group of yearly transitions and the link to it,
/// as captured from real servers. The rules are those in force at `year`.
pub(crate) fn definition(name: &str, zone: &Zone, year: i16) -> Element {
    let rules = zone.rules_in(year);
    let id = |kind: &str| format!("trule:Microsoft/Registry/{}/1-{kind}", zone.id());
    let period = |kind: &str, offset: i32| {
        Element::t("Period").attr("Bias", bias(offset)).attr("Name", kind).attr("Id", id(kind))
    };
    let to = |kind: &str, target: String| Element::t_text("To", target).attr("Kind", kind);
    let mut periods = vec![period("Standard", rules.standard)];
    let mut group = Element::t("TransitionsGroup").attr("Id", "0");
    match &rules.daylight {
        None => group = group.with(Element::t("Transition").with(to("Period", id("Standard")))),
        Some((offset, starts, ends)) => {
            periods.push(period("Daylight", *offset));
            for (kind, change) in [("Daylight", starts), ("Standard", ends)] {
                group = group.with(change.element(to("Period", id(kind))));
            }
        }
    }
    Element::t(name)
        .attr("Name", display_name(zone))
        .attr("Id", zone.id())
        .with(Element::t("Periods").with_all(periods))
        .with(Element::t("TransitionsGroups").with(group))
        .with(
            Element::t("Transitions")
                .with(Element::t("Transition").with(to("Group", "0".to_owned()))),
        )
}

/// A zone as free/busy times have it, `SerializableTimeZone`: the rules in force at `year`.
pub(crate) fn serializable(zone: &Zone, year: i16) -> Element {
    let rules = zone.rules_in(year);
    let minutes = |seconds: i32| (seconds / 60).to_string();
    let time = |name: &str, bias: String, change: Option<&Change>| {
        let (order, month, day, at) =
            change.map_or((0, 0, "Sunday", civil::Time::midnight()), |c| {
                let date = c.0.date();
                let last = date.day() + 7 > date.days_in_month();
                let order = if last { 5 } else { (date.day() + 6) / 7 };
                (order, date.month(), weekday(date), c.0.time())
            });
        Element::t(name)
            .with(Element::t_text("Bias", bias))
            .with(Element::t_text("Time", at.strftime("%H:%M:%S").to_string()))
            .with(Element::t_text("DayOrder", order.to_string()))
            .with(Element::t_text("Month", month.to_string()))
            .with(Element::t_text("DayOfWeek", day))
    };
    let (bias, starts, ends) = match &rules.daylight {
        Some((offset, starts, ends)) => {
            (minutes(rules.standard - offset), Some(starts), Some(ends))
        }
        None => ("0".to_owned(), None, None),
    };
    Element::t("TimeZone")
        .with(Element::t_text("Bias", minutes(-rules.standard)))
        .with(time("StandardTime", "0".to_owned(), ends))
        .with(time("DaylightTime", bias, starts))
}

/// Reads a `SerializableTimeZone`; `None` where its rules make no sense.
///
/// A month of 0 means that the clock never changes (MS docs: StandardTime).
pub(crate) fn read_serializable(element: &Element) -> Option<TimeZone> {
    let number = |parent: &Element, name| parent.child_text(name)?.trim().parse::<i32>().ok();
    let (standard, daylight) = (element.child("StandardTime")?, element.child("DaylightTime")?);
    let bias = number(element, "Bias")?;
    let clock = |part: &Element| {
        let west = bias.checked_add(number(part, "Bias")?)?;
        let (hours, minutes) = (west.unsigned_abs() / 60, west.unsigned_abs() % 60);
        Some(format!("{}{hours}:{minutes:02}", if west < 0 { "-" } else { "" }))
    };
    let change = |part: &Element| {
        let day = WEEKDAYS.iter().position(|day| part.child_text("DayOfWeek") == Some(day))?;
        let time: civil::Time = part.child_text("Time")?.trim().parse().ok()?;
        let (month, order) = (number(part, "Month")?, number(part, "DayOrder")?);
        Some(format!("M{month}.{order}.{day}/{}", time.strftime("%H:%M:%S")))
    };
    if number(standard, "Month")? == 0 || number(daylight, "Month")? == 0 {
        return TimeZone::posix(&format!("<STD>{}", clock(standard)?)).ok();
    }
    let rule = format!(
        "<STD>{}<DST>{},{},{}",
        clock(standard)?,
        clock(daylight)?,
        change(daylight)?,
        change(standard)?
    );
    TimeZone::posix(&rule).ok()
}

/// The days of the week as `DayOfWeek` names them, from 0 on as POSIX counts.
const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Change {
    fn element(&self, to: Element) -> Element {
        let date = self.0.date();
        let offset = i64::from(self.0.hour()) * 3600 + i64::from(self.0.minute()) * 60;
        let last = date.day() + 7 > date.days_in_month();
        let occurrence = if last { -1 } else { (date.day() + 6) / 7 };
        Element::t("RecurringDayTransition")
            .with(to)
            .with(Element::t_text("TimeOffset", duration(offset)))
            .with(Element::t_text("Month", date.month().to_string()))
            .with(Element::t_text("DayOfWeek", weekday(date)))
            .with(Element::t_text("Occurrence", occurrence.to_string()))
    }
}

fn weekday(date: civil::Date) -> &'static str {
    match date.weekday() {
        civil::Weekday::Monday => "Monday",
        civil::Weekday::Tuesday => "Tuesday",
        civil::Weekday::Wednesday => "Wednesday",
        civil::Weekday::Thursday => "Thursday",
        civil::Weekday::Friday => "Friday",
        civil::Weekday::Saturday => "Saturday",
        civil::Weekday::Sunday => "Sunday",
    }
}

/// A bias counts minutes west of UTC, the opposite of an offset.
fn bias(offset: i32) -> String {
    match offset {
        0 => "PT0S".to_owned(),
        _ => duration(-i64::from(offset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str) -> Zone {
        Zone::parse(id).expect(id)
    }

    #[test]
    fn offsets_win_over_the_zone() {
        let berlin = zone("W. Europe Standard Time");
        for (text, wanted) in [
            ("2026-07-01T09:00:00Z", "2026-07-01T09:00:00Z"),
            ("2026-07-01T09:00:00-07:00", "2026-07-01T16:00:00Z"),
            ("2026-07-01T09:00:00", "2026-07-01T07:00:00Z"),
            ("2026-01-01T09:00:00.123", "2026-01-01T08:00:00Z"),
        ] {
            assert_eq!(stamp(instant(text, &berlin).expect(text), &Zone::utc()), wanted);
        }
        assert_eq!(instant("yesterday", &berlin), None);
        let summer = instant("2026-07-01T09:00:00Z", &berlin).expect("an instant");
        assert_eq!(stamp(summer, &berlin), "2026-07-01T11:00:00+02:00");
        assert_eq!(stamp(summer, &zone("Newfoundland Standard Time")), "2026-07-01T06:30:00-02:30");
    }

    #[test]
    fn definitions_are_those_of_real_servers() {
        let xml = definition("StartTimeZone", &zone("W. Europe Standard Time"), 2026).render();
        assert!(xml.contains(r#"Name="(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna" Id="W. Europe Standard Time""#), "{xml}");
        assert!(xml.contains(r#"<t:Period Bias="-PT1H" Name="Standard""#), "{xml}");
        assert!(xml.contains("1-Daylight</t:To><t:TimeOffset>PT2H</t:TimeOffset><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek><t:Occurrence>-1</t:Occurrence>"), "{xml}");
        assert!(
            xml.contains("1-Standard</t:To><t:TimeOffset>PT3H</t:TimeOffset><t:Month>10</t:Month>"),
            "{xml}"
        );
    }

    #[test]
    fn serializable_zones_are_read_back() {
        let summer: Timestamp = "2026-07-01T12:00:00Z".parse().expect("an instant");
        let winter: Timestamp = "2026-12-01T12:00:00Z".parse().expect("an instant");
        for id in ["W. Europe Standard Time", "Pacific Standard Time", "UTC", "India Standard Time"]
        {
            let zone = zone(id);
            let read = read_serializable(&serializable(&zone, 2026)).expect(id);
            for at in [summer, winter] {
                assert_eq!(read.to_offset(at), zone.rules().to_offset(at), "{id}");
            }
        }
        let mut broken = serializable(&zone("Pacific Standard Time"), 2026);
        broken.children[1].children[3].text = "13".to_owned();
        assert!(read_serializable(&broken).is_none());
    }

    #[test]
    fn every_zone_of_the_server_is_known() {
        assert!(all().count() > 130);
    }

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [
            (3600, "PT1H"),
            (2689, "PT44M49S"),
            (0, "PT0S"),
            (86_400, "P1D"),
            (90_060, "P1DT1H1M"),
            (-3600, "-PT1H"),
        ] {
            assert_eq!(duration(seconds), text);
        }
    }
}
