//! Time: `xs:dateTime` with and without offset, time zones by Windows id, and their definitions.

use super::failure::Failure;
use super::xml::Element;
use super::zone_names::NAMES;
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
    let rules = Rules::of(&zone.rules(), year);
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

/// A zone's offsets in one year, in seconds east of UTC.
struct Rules {
    standard: i32,
    /// The offset in summer, and when summer starts and ends.
    daylight: Option<(i32, Change, Change)>,
}

/// A change of the clock, as the wall shows it just before.
struct Change(civil::DateTime);

impl Rules {
    fn of(zone: &TimeZone, year: i16) -> Rules {
        let start = civil::date(year, 1, 1).at(0, 0, 0, 0);
        let end = civil::date(year, 12, 31).at(23, 59, 59, 0);
        let at = |wall| TimeZone::UTC.to_timestamp(wall).unwrap_or(Timestamp::UNIX_EPOCH);
        let (from, until) = (at(start), at(end));
        let mut before = zone.to_offset(from).seconds();
        let mut changes = Vec::new();
        for transition in zone.following(from).take_while(|change| change.timestamp() < until) {
            let after = transition.offset().seconds();
            let second = transition.timestamp().as_second() + i64::from(before);
            let wall = TimeZone::UTC.to_datetime(Timestamp::from_second(second).unwrap_or(from));
            if after != before {
                changes.push((after, Change(wall)));
            }
            before = after;
        }
        match <[_; 2]>::try_from(changes) {
            Ok([(a, first), (b, second)]) if a > b => {
                Rules { standard: b, daylight: Some((a, first, second)) }
            }
            Ok([(a, first), (b, second)]) => {
                Rules { standard: a, daylight: Some((b, second, first)) }
            }
            // Zones that stop or start keeping summer time in this very year count as fixed.
            Err(_) => Rules { standard: before, daylight: None },
        }
    }
}

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
