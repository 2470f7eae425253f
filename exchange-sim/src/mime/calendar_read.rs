//! iCalendar as an event (MS-OXCICAL: 2.1.3.1).
//!
//! The importer becomes the organiser and nobody is invited: attendees can't be captured in a
//! stream (MS docs: Import items by using EWS).

use super::line::{Component, Line};
use super::{Error, rule};
use crate::store::zone::Zone;
use crate::store::{
    Body, Content, Event, Importance, Location, Sensitivity, Series, ShowAs, ZonedTime,
};
use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span, Timestamp};
use mail_parser::{MessageParser, MimeHeaders};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Writes the first event of a calendar into an event's content, with its exceptions if it is a
/// series. Times that state no zone are meant in `floating`.
pub(crate) fn event(content: &mut Content, bytes: &[u8], floating: &Zone) -> Result<(), Error> {
    let calendar = Component::parse(&calendar(bytes)?)?;
    if calendar.name != "VCALENDAR" {
        return Err(Error::Invalid);
    }
    let zones = Zones::of(&calendar, floating);
    let is_master = |vevent: &&Component| vevent.line("RECURRENCE-ID").is_none();
    let first = calendar.within("VEVENT").find(is_master);
    let master = first.or_else(|| calendar.within("VEVENT").next()).ok_or(Error::Invalid)?;
    fill(content, master, &zones)?;
    let recurring = content.as_event().is_some_and(|event| event.series.is_some());
    let same = |vevent: &&Component| vevent.value("UID") == master.value("UID");
    for vevent in calendar.within("VEVENT").filter(same).filter(|_| recurring) {
        exception(content, vevent, &zones)?;
    }
    Ok(())
}

/// The calendar itself, or the one within a message.
fn calendar(bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let start = bytes.trim_ascii_start();
    let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
    if start.get(..6).is_some_and(|begin| begin.eq_ignore_ascii_case(b"BEGIN:")) {
        return Ok(start.to_vec());
    }
    let parsed = MessageParser::default().parse(bytes).ok_or(Error::Invalid)?;
    let part = parsed.parts.iter().find(|part| part.is_content_type("text", "calendar"));
    Ok(part.ok_or(Error::Invalid)?.contents().to_vec())
}

fn fill(content: &mut Content, vevent: &Component, zones: &Zones) -> Result<(), Error> {
    content.subject = vevent.value("SUMMARY").to_owned();
    content.body = body(vevent);
    content.categories = vevent.lines("CATEGORIES").flat_map(Line::texts).collect();
    content.importance = importance(vevent);
    content.sensitivity = sensitivity(vevent.value("CLASS"));
    let event = content.as_event_mut().ok_or(Error::Invalid)?;
    times(event, vevent, zones)?;
    event.uid = vevent.value("UID").to_owned();
    event.show_as = show_as(vevent);
    let name = vevent.value("LOCATION").to_owned();
    event.locations = match name.is_empty() {
        true => Vec::new(),
        false => vec![Location { name, ..Location::default() }],
    };
    event.allow_new_time_proposals = vevent.value("X-MICROSOFT-DISALLOW-COUNTER") != "TRUE";
    series(event, vevent, zones)?;
    let start = event.start.utc;
    let minutes = vevent.within("VALARM").find_map(|alarm| minutes_before(alarm, start, zones));
    content.reminder.set = minutes.is_some();
    content.reminder.minutes = minutes.unwrap_or(content.reminder.minutes);
    Ok(())
}

fn times(event: &mut Event, vevent: &Component, zones: &Zones) -> Result<(), Error> {
    let start = zones.read(vevent.line("DTSTART").ok_or(Error::Invalid)?)?;
    let is_date = start.is_date;
    let end = match (vevent.line("DTEND"), vevent.line("DURATION")) {
        (Some(end), _) => zones.read(end)?.time,
        (None, Some(length)) => {
            let length = duration(&length.value).ok_or(Error::Invalid)?;
            ended(&start.time, length)?
        }
        (None, None) if is_date => ended(&start.time, Span::new().days(1))?,
        (None, None) => start.time.clone(),
    };
    event.all_day = is_date || vevent.value("X-MICROSOFT-CDO-ALLDAYEVENT") == "TRUE";
    (event.start, event.end) = (start.time, end);
    Ok(())
}

/// So much later by the clock of the zone.
fn ended(start: &ZonedTime, length: Span) -> Result<ZonedTime, Error> {
    let wall = start.zone.wall(start.utc).checked_add(length).map_err(|_| Error::Invalid)?;
    let utc = start.zone.instant(wall).ok_or(Error::Invalid)?;
    Ok(ZonedTime { utc, zone: start.zone.clone() })
}

/// Makes a series of it where there is a rule, with what EXDATE leaves out.
fn series(event: &mut Event, vevent: &Component, zones: &Zones) -> Result<(), Error> {
    event.series = None;
    if vevent.line("RDATE").is_some() || vevent.lines("RRULE").count() > 1 {
        return Err(Error::Unconvertible("more dates than one rule says"));
    }
    let Some(rule) = vevent.line("RRULE") else { return Ok(()) };
    let zone = &event.start.zone;
    let recurrence = rule::read(&rule.value, zone.wall(event.start.utc), zone)?;
    let mut series = Series::new(recurrence);
    for line in vevent.lines("EXDATE") {
        for value in line.value.split(',') {
            let time = zones.at(line, value)?;
            let date = time.date_in(zone);
            if recurrence.occurs_on(date) {
                series.deleted.insert(date);
            }
        }
    }
    event.series = Some(Arc::new(series));
    Ok(())
}

/// Adds the occurrence that a RECURRENCE-ID names, if the series has it.
fn exception(content: &mut Content, vevent: &Component, zones: &Zones) -> Result<(), Error> {
    let Some(line) = vevent.line("RECURRENCE-ID") else { return Ok(()) };
    let named = zones.read(line)?;
    let mut changed = content.clone();
    let Some(event) = content.as_event_mut() else { return Ok(()) };
    let date = named.date_in(&event.start.zone);
    let Some(series) = event.series.as_mut() else { return Ok(()) };
    if !series.recurrence.occurs_on(date) {
        return Ok(());
    }
    fill(&mut changed, vevent, zones)?;
    if let Some(occurrence) = changed.as_event_mut() {
        occurrence.series = None;
    }
    let series = Arc::make_mut(series);
    series.deleted.remove(&date);
    series.exceptions.insert(date, changed);
    Ok(())
}

/// A time or a date, as a line states it.
struct Stated {
    time: ZonedTime,
    is_date: bool,
}

impl Stated {
    /// The day that it means in the zone of a series; dates mean themselves.
    fn date_in(&self, zone: &Zone) -> Date {
        let zone = if self.is_date { &self.time.zone } else { zone };
        zone.wall(self.time.utc).date()
    }
}

/// The zones that a calendar's times name.
struct Zones {
    known: BTreeMap<String, Zone>,
    floating: Zone,
}

impl Zones {
    fn of(calendar: &Component, floating: &Zone) -> Self {
        let known = calendar.within("VTIMEZONE").filter_map(|zone| {
            let id = zone.value("TZID").to_owned();
            let found = named(&id).or_else(|| named(zone.value("X-LIC-LOCATION")));
            Some((id, found.or_else(|| alike(zone))?))
        });
        Self { known: known.collect(), floating: floating.clone() }
    }

    fn read(&self, line: &Line) -> Result<Stated, Error> {
        self.at(line, &line.value)
    }

    /// One of the values of a line.
    fn at(&self, line: &Line, value: &str) -> Result<Stated, Error> {
        let value = value.trim();
        let zone = match (value.strip_suffix('Z'), line.param("TZID")) {
            (Some(_), _) => Zone::utc(),
            (None, "") => self.floating.clone(),
            (None, id) => {
                let zone = self.known.get(id).cloned().or_else(|| named(id));
                zone.ok_or(Error::Unconvertible("a time zone that is not known"))?
            }
        };
        let text = value.trim_end_matches('Z');
        let date = Date::strptime("%Y%m%d", text).ok();
        let wall = match date {
            Some(date) => date.to_datetime(Time::midnight()),
            None => DateTime::strptime("%Y%m%dT%H%M%S", text).map_err(|_| Error::Invalid)?,
        };
        let utc = zone.instant(wall).ok_or(Error::Invalid)?;
        Ok(Stated { time: ZonedTime { utc, zone }, is_date: date.is_some() })
    }
}

/// A zone by its name, which some programs put a path before (`/mozilla.org/…/Europe/Berlin`).
fn named(id: &str) -> Option<Zone> {
    let id = id.trim();
    let mut tails = id.match_indices('/').filter_map(|(at, _)| id.get(at + 1..));
    Zone::parse(id).or_else(|| tails.find_map(Zone::parse))
}

/// The first zone whose clock has the same offsets, and changes them in the same months.
fn alike(vtimezone: &Component) -> Option<Zone> {
    let offset = |kind: &str| {
        let observance = vtimezone.within(kind).last()?;
        seconds(observance.value("TZOFFSETTO"))
    };
    let month = |kind: &str| {
        let observance = vtimezone.within(kind).last()?;
        let rule =
            observance.value("RRULE").split(';').find_map(|part| part.strip_prefix("BYMONTH="));
        rule.or_else(|| observance.value("DTSTART").get(4..6))?.parse::<i8>().ok()
    };
    let (standard, daylight) = (offset("STANDARD")?, offset("DAYLIGHT"));
    let (starts, ends) = (month("DAYLIGHT"), month("STANDARD"));
    crate::ews::zone::all().find(|zone| {
        let rules = zone.rules_in(2026);
        rules.standard == standard
            && match (rules.daylight, daylight) {
                (None, None) => true,
                (None, Some(summer)) => summer == standard,
                (Some((offset, start, end)), Some(summer)) => {
                    offset == summer
                        && Some(start.0.month()) == starts
                        && Some(end.0.month()) == ends
                }
                (Some(_), None) => false,
            }
    })
}

/// `+0100` in seconds.
fn seconds(offset: &str) -> Option<i32> {
    let number = |at: usize| offset.get(at..at + 2)?.parse::<i32>().ok();
    let seconds = number(1)? * 3600 + number(3)? * 60;
    Some(if offset.starts_with('-') { -seconds } else { seconds })
}

/// A DURATION such as `P1DT2H` or `-PT15M`.
fn duration(text: &str) -> Option<Span> {
    let text = text.trim().trim_start_matches('+');
    text.parse::<Span>().ok()
}

/// How long before the start an alarm rings; after it is none that Exchange has.
fn minutes_before(alarm: &Component, start: Timestamp, zones: &Zones) -> Option<i32> {
    let trigger = alarm.line("TRIGGER")?;
    let before = match trigger.param("VALUE") {
        "DATE-TIME" => start.duration_since(zones.read(trigger).ok()?.time.utc),
        _ => {
            let span = duration(&trigger.value)?;
            let days = SignedDuration::from_hours(i64::from(span.get_weeks()) * 168)
                .checked_add(SignedDuration::from_hours(i64::from(span.get_days()) * 24))?;
            let clock = Span::new()
                .try_hours(span.get_hours())
                .and_then(|clock| clock.try_minutes(span.get_minutes()))
                .and_then(|clock| clock.try_seconds(span.get_seconds()));
            let clock = SignedDuration::try_from(clock.ok()?).ok()?;
            -(days.checked_add(clock)?)
        }
    };
    i32::try_from(before.as_mins()).ok().filter(|minutes| *minutes >= 0)
}

/// The HTML of X-ALT-DESC, else the text of DESCRIPTION.
fn body(vevent: &Component) -> Body {
    let is_html = |line: &&Line| line.param("FMTTYPE").eq_ignore_ascii_case("text/html");
    match vevent.lines("X-ALT-DESC").find(is_html) {
        Some(html) => Body::html(&html.value),
        None => Body::text(vevent.value("DESCRIPTION")),
    }
}

/// X-MICROSOFT-CDO-IMPORTANCE, else PRIORITY, whose 0 says nothing.
fn importance(vevent: &Component) -> Importance {
    let priority = vevent.value("PRIORITY").parse::<u8>().unwrap_or(0);
    match (vevent.value("X-MICROSOFT-CDO-IMPORTANCE"), priority) {
        ("0", _) | ("", 6..=9) => Importance::Low,
        ("2", _) | ("", 1..=4) => Importance::High,
        (_, _) => Importance::Normal,
    }
}

fn sensitivity(class: &str) -> Sensitivity {
    match class.to_ascii_uppercase().as_str() {
        "X-PERSONAL" => Sensitivity::Personal,
        "PRIVATE" => Sensitivity::Private,
        "CONFIDENTIAL" => Sensitivity::Confidential,
        _ => Sensitivity::Normal,
    }
}

/// X-MICROSOFT-CDO-BUSYSTATUS, else TRANSP and STATUS.
fn show_as(vevent: &Component) -> ShowAs {
    match vevent.value("X-MICROSOFT-CDO-BUSYSTATUS").to_ascii_uppercase().as_str() {
        "FREE" => ShowAs::Free,
        "TENTATIVE" => ShowAs::Tentative,
        "BUSY" => ShowAs::Busy,
        "OOF" => ShowAs::OutOfOffice,
        "WORKINGELSEWHERE" => ShowAs::WorkingElsewhere,
        _ if vevent.value("TRANSP").eq_ignore_ascii_case("TRANSPARENT") => ShowAs::Free,
        _ if vevent.value("STATUS").eq_ignore_ascii_case("TENTATIVE") => ShowAs::Tentative,
        _ => ShowAs::Busy,
    }
}
