//! A Graph event, and what it holds for us (MS docs: event resource type).

use crate::map::location::{self, Location};
use crate::map::people::{self, Native};
use crate::map::time::{self, DateTimeTimeZone};
use crate::map::{recurrence, series};
use crate::stamp::{Properties, Property};
use chrono::DateTime;
use items::{
    Attendee, Body, BodyKind, Event, Importance, Recurrence, Reminder, Sensitivity, ShowAs, Timing,
    note,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use sync_core::ids::Version;
use sync_core::port::{Stamp, Trouble};

/// The members that are asked for: what we hold, and what says whether we can.
pub(crate) const SELECT: &str = "id,subject,body,location,locations,start,end,isAllDay,\
    originalStartTimeZone,originalEndTimeZone,categories,isReminderOn,reminderMinutesBeforeStart,\
    showAs,sensitivity,importance,type,iCalUId,lastModifiedDateTime,recurrence,attendees,organizer,\
    isOrganizer,isCancelled,responseStatus,isOnlineMeeting,hasAttachments";

/// What is asked for besides of the master of a series, which shows it only to who asks for it by its
/// id (MS docs: event resource type).
pub(crate) const SELECT_MASTER: &str = "cancelledOccurrences,exceptionOccurrences";
/// The part of it that must be expanded, too.
pub(crate) const EXPAND_MASTER: &str = "exceptionOccurrences";

/// What an event is of a series (MS docs: `eventType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is of none.
    Single,
    /// It stands for all of it.
    Master,
    /// It is an occurrence: a part of its master, and no item.
    Part,
}

/// An event as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Read {
    /// What it holds.
    pub event: Event,
    /// Its etag.
    pub version: Option<Version>,
    /// When it was last edited, in milliseconds since 1970 UTC.
    pub edited_ms: Option<i64>,
    /// Our stamp.
    pub stamp: Option<Stamp>,
    /// What it is to the mailbox.
    pub native: Native,
    /// The attendees that Graph knows, where it is a meeting.
    pub invited: Option<Vec<Attendee>>,
    /// Whether it is held online: its body joins it.
    pub is_online: bool,
    /// Whether files may be attached to it.
    pub has_files: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Resource {
    subject: Option<String>,
    body: Option<ItemBody>,
    location: Option<Location>,
    locations: Option<Vec<Location>>,
    start: Option<DateTimeTimeZone>,
    end: Option<DateTimeTimeZone>,
    is_all_day: Option<bool>,
    original_start_time_zone: Option<String>,
    original_end_time_zone: Option<String>,
    categories: Option<Vec<String>>,
    is_reminder_on: Option<bool>,
    reminder_minutes_before_start: Option<i32>,
    show_as: Option<String>,
    sensitivity: Option<String>,
    importance: Option<String>,
    #[serde(rename = "iCalUId")]
    i_cal_uid: Option<String>,
    last_modified_date_time: Option<String>,
    has_attachments: Option<bool>,
    single_value_extended_properties: Option<Vec<Property>>,
    #[serde(flatten)]
    people: people::Resource,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ItemBody {
    content_type: Option<String>,
    content: Option<String>,
}

/// The version of an event: its etag; the change key makes the same one.
pub(crate) fn version(value: &Value) -> Option<Version> {
    if let Some(etag) = value["@odata.etag"].as_str() {
        return Some(Version::from(etag));
    }
    let key = value["changeKey"].as_str()?;
    Some(Version(format!("W/\"{key}\"")))
}

/// Whether a body shows files that are attached to its event.
pub(crate) fn shows_files(body: &str) -> bool {
    body.contains("cid:")
}

/// Whether an event is held online.
pub(crate) fn is_online(value: &Value) -> bool {
    value["isOnlineMeeting"].as_bool() == Some(true)
}

/// What an event is of a series, by its `type`.
pub(crate) fn kind(value: &Value) -> Kind {
    match value["type"].as_str() {
        Some("seriesMaster") => Kind::Master,
        Some("occurrence" | "exception") => Kind::Part,
        _ => Kind::Single,
    }
}

/// Reads an event, or a series by its master; what can't be read says why, without its content.
pub(crate) fn read(value: &Value, properties: &Properties) -> Result<Read, Trouble> {
    let resource = resource(value)?;
    let ours = resource.single_value_extended_properties.as_deref().unwrap_or_default();
    let uid = properties.uid(ours).map(str::to_owned).or_else(|| resource.i_cal_uid.clone());
    let edited_ms = resource.last_modified_date_time.as_deref().and_then(edited_ms);
    let stamp = properties.stamp(ours);
    let people = resource.people.people();
    let native_to = people::native(value);
    let invited = people.attendees.clone().filter(|_| native_to != Native::Appointment);
    let people = people.over(properties.people(ours));
    let has_files = resource.has_files();
    let is_custom = resource.original_start_time_zone.as_deref().is_some_and(time::is_custom);
    let mut event = resource.into_event()?;
    if kind(value) == Kind::Master {
        settle_clocks(&mut event, recurrence::zone(&value["recurrence"]), is_custom)?;
    }
    event.uid = uid.filter(|uid| !uid.is_empty());
    event.recurrence = Some(recurrence::read(kind(value), &value["recurrence"], &event)?);
    event.occurrences = Some(match kind(value) {
        Kind::Master => {
            series::occurrences(&series::exceptions(&event, value)?, &series::cancelled(value))
        }
        Kind::Single | Kind::Part => BTreeMap::new(),
    });
    (event.meeting, event.attendees) = (people.meeting, people.attendees);
    let (version, native, is_online) = (version(value), native_to, self::is_online(value));
    Ok(Read { event, version, edited_ms, stamp, native, invited, is_online, has_files })
}

/// Sees to it that a series has a zone by whose clocks it goes on: where that of its start can't be
/// named, that of its range.
fn settle_clocks(event: &mut Event, range: Option<String>, is_custom: bool) -> Result<(), Trouble> {
    let Some(timing) = &mut event.timing else { return Ok(()) };
    time::fill_zones(timing, (range.clone(), range));
    match timing {
        Timing::Timed { start_zone: None, .. } if is_custom => Err(Trouble::new(
            "series-zone-unknown",
            "the series goes by the clocks of a zone that Graph doesn't name; by those of another \
             one it would be another series",
        )),
        Timing::Timed { .. } | Timing::AllDay { .. } => Ok(()),
    }
}

/// The fields that an occurrence of a series has like any event.
///
/// Members that are missing or null are empty: Graph holds every field of ours.
pub(crate) fn held(value: &Value) -> Result<Event, Trouble> {
    resource(value)?.into_event()
}

/// When an event takes place, of which no more may be known.
pub(crate) fn timing(value: &Value) -> Option<Timing> {
    resource(value).ok()?.timing()
}

fn resource(value: &Value) -> Result<Resource, Trouble> {
    Resource::deserialize(value)
        .map_err(|e| Trouble::new("malformed-event", format!("the event is malformed: {e}")))
}

impl Resource {
    fn timing(&self) -> Option<Timing> {
        let original =
            (self.original_start_time_zone.as_deref(), self.original_end_time_zone.as_deref());
        time::read(self.start.as_ref()?, self.end.as_ref()?, original, self.is_all_day)
    }

    /// Files that the body shows don't count among its attachments (MS docs: `hasAttachments`).
    fn has_files(&self) -> bool {
        let body = self.body.as_ref().and_then(|body| body.content.as_deref());
        self.has_attachments == Some(true) || body.is_some_and(shows_files)
    }

    fn into_event(self) -> Result<Event, Trouble> {
        let timing = self.timing().ok_or_else(|| {
            Trouble::new("malformed-timing", "the event's start or end is not understood")
        })?;
        Ok(Event {
            subject: Some(self.subject.unwrap_or_default()),
            body: Some(self.body.unwrap_or_default().into_body()),
            location: Some(location::read(self.location, self.locations)),
            timing: Some(timing),
            categories: Some(self.categories.unwrap_or_default()),
            reminder: reminder(self.is_reminder_on, self.reminder_minutes_before_start),
            show_as: self.show_as.as_deref().and_then(show_as),
            sensitivity: self.sensitivity.as_deref().and_then(sensitivity),
            importance: self.importance.as_deref().and_then(importance),
            ..Event::default()
        })
    }
}

impl ItemBody {
    fn into_body(self) -> Body {
        let kind = match self.content_type.as_deref() {
            Some(kind) if kind.eq_ignore_ascii_case("html") => BodyKind::Html,
            _ => BodyKind::Text,
        };
        note::without(&Body { kind, content: self.content.unwrap_or_default() })
    }
}

fn reminder(is_on: Option<bool>, minutes: Option<i32>) -> Option<Reminder> {
    match (is_on?, minutes) {
        (true, Some(minutes)) => Some(Reminder::Before(minutes)),
        (true, None) => None,
        (false, _) => Some(Reminder::Off),
    }
}

/// `unknown` is what Graph says of values it can't name: we don't know either.
fn show_as(text: &str) -> Option<ShowAs> {
    Some(match text {
        "free" => ShowAs::Free,
        "tentative" => ShowAs::Tentative,
        "busy" => ShowAs::Busy,
        "oof" => ShowAs::OutOfOffice,
        "workingElsewhere" => ShowAs::WorkingElsewhere,
        _ => return None,
    })
}

fn sensitivity(text: &str) -> Option<Sensitivity> {
    Some(match text {
        "normal" => Sensitivity::Normal,
        "personal" => Sensitivity::Personal,
        "private" => Sensitivity::Private,
        "confidential" => Sensitivity::Confidential,
        _ => return None,
    })
}

fn importance(text: &str) -> Option<Importance> {
    Some(match text {
        "low" => Importance::Low,
        "normal" => Importance::Normal,
        "high" => Importance::High,
        _ => return None,
    })
}

/// Unset times are delivered as the year 1.
fn edited_ms(text: &str) -> Option<i64> {
    let ms = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
    (ms > 0).then_some(ms)
}

/// The members that say what `event` holds, and no others: as the body of a PATCH it leaves the
/// rest alone. Attendees are never among them: who writes those says so by [`people::write`].
///
/// What says that an event recurs is valid only together with its start, so that must be there, too.
/// Occurrences take requests of their own.
///
/// # Errors
/// `recurrence-inexpressible` for recurrences that only RFC 5545 can tell; others as
/// [`time::check`] and [`recurrence::write`].
pub(crate) fn write(event: &Event) -> Result<Map<String, Value>, Trouble> {
    event.timing.as_ref().map_or(Ok(()), time::check)?;
    let mut members = write_plain(event);
    match (&event.recurrence, &event.timing) {
        (None, None) => {}
        (None, Some(timing)) => time::write(timing, &mut members),
        (Some(Recurrence::Once), timing) => {
            members.insert("recurrence".to_owned(), Value::Null);
            timing.iter().for_each(|timing| time::write(timing, &mut members));
        }
        (Some(Recurrence::Rule(rule)), timing) => {
            let timing = timing.as_ref().ok_or_else(time::no_timing)?;
            time::write_series(timing, &mut members)?;
            if !event.is_kept_by_windows() {
                return Err(time::other_clocks());
            }
            members.insert("recurrence".to_owned(), recurrence::write(rule, event)?);
        }
        (Some(Recurrence::Other(_)), _) => {
            return Err(Trouble::new(
                "recurrence-inexpressible",
                "the event recurs in a way that Exchange has no pattern for; it is left out here \
                 rather than turned into another series",
            ));
        }
    }
    Ok(members)
}

fn write_plain(event: &Event) -> Map<String, Value> {
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    if let Some(subject) = &event.subject {
        put("subject", json!(subject));
    }
    if let Some(Body { kind, content }) = &event.body {
        let kind = match kind {
            BodyKind::Text => "text",
            BodyKind::Html => "html",
        };
        put("body", json!({"contentType": kind, "content": content}));
    }
    if let Some(categories) = &event.categories {
        put("categories", json!(categories));
    }
    match event.reminder {
        Some(Reminder::Off) => {
            put("isReminderOn", json!(false));
        }
        Some(Reminder::Before(minutes)) => {
            put("isReminderOn", json!(true));
            put("reminderMinutesBeforeStart", json!(minutes));
        }
        None => {}
    }
    if let Some(show_as) = event.show_as {
        put("showAs", json!(show_as_text(show_as)));
    }
    if let Some(sensitivity) = event.sensitivity {
        put("sensitivity", json!(sensitivity_text(sensitivity)));
    }
    if let Some(importance) = event.importance {
        put("importance", json!(importance_text(importance)));
    }
    if let Some(line) = &event.location {
        location::write(line, &mut members);
    }
    members
}

fn show_as_text(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
        ShowAs::Busy => "busy",
        ShowAs::OutOfOffice => "oof",
        ShowAs::WorkingElsewhere => "workingElsewhere",
    }
}

fn sensitivity_text(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "normal",
        Sensitivity::Personal => "personal",
        Sensitivity::Private => "private",
        Sensitivity::Confidential => "confidential",
    }
}

fn importance_text(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "low",
        Importance::Normal => "normal",
        Importance::High => "high",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> Value {
        json!({
            "@odata.etag": "W/\"k\"",
            "id": "AAMk=",
            "type": "singleInstance",
            "subject": "Quarterly",
            "body": {"contentType": "html", "content": "<p>x</p>"},
            "location": {"displayName": "Room 1"},
            "start": {"dateTime": "2026-11-25T09:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-11-25T10:00:00.0000000", "timeZone": "UTC"},
            "isAllDay": false,
            "originalStartTimeZone": "W. Europe Standard Time",
            "originalEndTimeZone": "W. Europe Standard Time",
            "categories": ["Red", "Blue"],
            "isReminderOn": true,
            "reminderMinutesBeforeStart": 30,
            "showAs": "oof",
            "sensitivity": "private",
            "importance": "high",
            "iCalUId": "0400",
            "lastModifiedDateTime": "2026-11-20T08:00:00.5Z"
        })
    }

    #[test]
    fn an_event_reads_and_writes_the_same() {
        let properties = Properties::new("s");
        let first = read(&sample(), &properties).unwrap();
        assert_eq!(first.version, Some(Version::from("W/\"k\"")));
        assert_eq!(first.edited_ms, Some(1_795_161_600_500));
        assert_eq!(first.event.uid.as_deref(), Some("0400"));
        let mut again = Value::Object(write(&first.event).unwrap());
        assert_eq!(again["start"]["timeZone"], "W. Europe Standard Time");
        for original in ["originalStartTimeZone", "originalEndTimeZone"] {
            again[original] = sample()[original].clone();
        }
        again["iCalUId"] = json!("0400");
        assert_eq!(read(&again, &properties).unwrap().event, first.event);
    }

    #[test]
    fn a_patch_says_only_what_it_holds() {
        let patch = Event { subject: Some("New".into()), ..Event::default() };
        assert_eq!(Value::Object(write(&patch).unwrap()), json!({"subject": "New"}));
        let patch = Event { reminder: Some(Reminder::Off), ..Event::default() };
        assert_eq!(Value::Object(write(&patch).unwrap()), json!({"isReminderOn": false}));
    }

    #[test]
    fn what_graph_does_not_say_is_empty_or_unknown() {
        let bare = json!({
            "start": {"dateTime": "2026-11-25T00:00:00.0000000", "timeZone": "UTC"},
            "end": {"dateTime": "2026-11-26T00:00:00.0000000", "timeZone": "UTC"},
            "isAllDay": true, "showAs": "unknown", "location": null, "iCalUId": "",
            "lastModifiedDateTime": "0001-01-01T00:00:00Z"
        });
        let read = read(&bare, &Properties::new("s")).unwrap();
        assert_eq!(read.event.location.as_deref(), Some(""));
        assert_eq!(read.event.categories, Some(vec![]));
        assert_eq!((read.event.show_as, read.event.reminder), (None, None));
        assert_eq!((read.event.uid, read.edited_ms, read.version), (None, None, None));
        assert!(matches!(read.event.timing, Some(Timing::AllDay { zone: None, .. })));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let properties = Properties::new("s");
        let with = |name: &str, value: Value| {
            let mut event = sample();
            event[name] = value;
            read(&event, &properties).unwrap_err().code
        };
        assert_eq!(with("recurrence", json!("daily")), "malformed-recurrence");
        let rule = json!({"pattern": {"type": "daily", "interval": 1},
                          "range": {"type": "noEnd", "startDate": "2026-11-25"}});
        let mut series = sample();
        (series["type"], series["recurrence"]) = (json!("seriesMaster"), rule);
        series["originalStartTimeZone"] = json!("tzone://Microsoft/Custom");
        series["originalEndTimeZone"] = json!("tzone://Microsoft/Custom");
        assert_eq!(read(&series, &properties).unwrap_err().code, "series-zone-unknown");
        let zone = "Pacific Standard Time".to_owned();
        series["recurrence"]["range"]["recurrenceTimeZone"] = json!(zone);
        let event = read(&series, &properties).unwrap().event;
        assert_eq!(event.zones(), (Some(zone.clone()), Some(zone)));
        assert_eq!(with("start", Value::Null), "malformed-timing");
        assert_eq!(with("end", json!({"dateTime": "soon"})), "malformed-timing");
        assert_eq!(with("categories", json!("Red")), "malformed-event");
        assert_eq!(read(&Value::Null, &properties).unwrap_err().code, "malformed-event");
    }
}
