//! Events as Graph shows them.

use super::call::Call;
use super::error::Error;
use super::prefer::Prefer;
use super::{attachments, recurrence, series, write};
use crate::store::goid;
use crate::store::{
    Attendee, AttendeeRole, Body, Event, Importance, Item, Location, Mailbox, Node, Person,
    PropertyId, PropertyValue, Response, Sensitivity, ShowAs, Zone, ZonedTime,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What Graph writes for a time that isn't set.
const NO_TIME: &str = "0001-01-01T00:00:00Z";
pub(super) const ODATA_TYPE: &str = "#microsoft.graph.event";

/// The id in the form the client prefers.
pub(super) fn id(mailbox: &Mailbox, item: &Item, prefer: &Prefer) -> String {
    match prefer.immutable {
        true => mailbox.graph_immutable_id(item.reference()),
        false => mailbox.graph_id(item),
    }
}

/// The id of a node of the log in the form the client prefers.
pub(super) fn node_id(mailbox: &Mailbox, node: Node, prefer: &Prefer) -> String {
    match node {
        Node::Item { id, .. } if prefer.immutable => mailbox.graph_immutable_id(id),
        Node::Item { .. } | Node::Folder(_) => mailbox.graph_node_id(node),
    }
}

/// The etag: a weak one around the change key.
pub(super) fn etag(mailbox: &Mailbox, item: &Item) -> String {
    format!("W/\"{}\"", mailbox.change_key(item))
}

/// The whole event, with the extended properties asked for.
pub(super) fn render(mailbox: &Mailbox, item: &Item, event: &Event, call: &Call<'_>) -> Value {
    let mut json = plain(mailbox, item, event, call);
    extend(&mut json, &call.query.expand, |id| item.property(id));
    attachments::expand(&mut json, mailbox, item, call);
    json
}

/// The whole event, nothing expanded.
pub(super) fn plain(mailbox: &Mailbox, item: &Item, event: &Event, call: &Call<'_>) -> Value {
    let prefer = &call.prefer;
    let content = &item.content;
    let id = id(mailbox, item, prefer);
    let mut json = json!({
        "@odata.etag": etag(mailbox, item),
        "id": id,
        "createdDateTime": instant(item.created),
        "lastModifiedDateTime": instant(item.modified),
        "changeKey": mailbox.change_key(item),
        "categories": content.categories,
        "transactionId": item.transaction_id,
        "originalStartTimeZone": event.start.zone.id(),
        "originalEndTimeZone": event.end.zone.id(),
        "iCalUId": ical_uid(item, event),
        "reminderMinutesBeforeStart": content.reminder.minutes,
        "isReminderOn": content.reminder.set,
        "hasAttachments": content.has_attachments(),
        "subject": content.subject,
        "bodyPreview": content.body.preview(),
        "importance": importance(content.importance),
        "sensitivity": sensitivity(content.sensitivity),
        "isAllDay": event.all_day,
        "isCancelled": event.cancelled,
        "isOrganizer": is_organizer(mailbox, event),
        "responseRequested": event.response_requested,
        "seriesMasterId": series::master_id(mailbox, item, call),
        "showAs": show_as(event.show_as),
        "type": kind(item),
        "webLink": web_link(&id),
        "onlineMeetingUrl": null,
        "isOnlineMeeting": event.online_meeting,
        "onlineMeetingProvider": if event.online_meeting { "teamsForBusiness" } else { "unknown" },
        "allowNewTimeProposals": event.allow_new_time_proposals,
        "isDraft": false,
        "hideAttendees": event.hide_attendees,
        "recurrence": recurrence::render(event),
        "onlineMeeting": null,
        "responseStatus": {
            "response": response(event.my_response),
            "time": event.standing.replied.map_or(NO_TIME.to_owned(), instant),
        },
        "body": body(&content.body, prefer),
        "start": time(&event.start, prefer),
        "end": time(&event.end, prefer),
        "location": place(event),
        "locations": event.locations.iter().map(|l| location(Some(l), "")).collect::<Vec<_>>(),
        "attendees": event.attendees.iter().map(attendee).collect::<Vec<_>>(),
        "organizer": event.organizer.as_ref().map(recipient),
    });
    if item.transaction_id.is_none()
        && let Some(members) = json.as_object_mut()
    {
        members.remove("transactionId");
    }
    if let Some(occurrence) = &item.occurrence {
        json["originalStart"] = json!(original_start(occurrence.original_start, prefer));
    }
    json
}

/// What the event is of a series.
pub(super) fn kind(item: &Item) -> &'static str {
    match &item.occurrence {
        Some(occurrence) if occurrence.is_exception => "exception",
        Some(_) => "occurrence",
        None if item.series().is_some() => "seriesMaster",
        None => "singleInstance",
    }
}

/// The `iCalUId`, which "is different for each occurrence in a recurring series" (msgraph OpenAPI:
/// event): theirs is the GlobalObjectId with their date.
fn ical_uid(item: &Item, event: &Event) -> String {
    match &item.occurrence {
        None => event.uid.clone(),
        Some(occurrence) => {
            let id = goid::clean(goid::from_uid(&event.uid));
            let id = goid::of_occurrence(id, Some(occurrence.date));
            id.iter().map(|byte| format!("{byte:02X}")).collect()
        }
    }
}

/// In UTC, but with the offset of a preferred zone (mguessan/davmail#481).
fn original_start(at: Timestamp, prefer: &Prefer) -> String {
    match &prefer.zone {
        None => instant(at),
        Some(named) => {
            let at = at.to_zoned_datetime(named.zone.rules());
            at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        }
    }
}

/// Gives members that only some events have to an event that lacks them, for filters.
pub(super) fn complete(mut json: Value) -> Value {
    if let Some(members) = json.as_object_mut() {
        for name in ["originalStart", "transactionId"] {
            members.entry(name).or_insert(Value::Null);
        }
    }
    json
}

/// Whether the mailbox organises the event.
pub(super) fn is_organizer(mailbox: &Mailbox, event: &Event) -> bool {
    event
        .organizer
        .as_ref()
        .is_none_or(|person| person.address.eq_ignore_ascii_case(&mailbox.address))
}

/// A start or end in the zone the client prefers, UTC by default.
pub(super) fn time(time: &ZonedTime, prefer: &Prefer) -> Value {
    let utc = Zone::utc();
    let (zone, name) = match &prefer.zone {
        Some(named) => (&named.zone, named.name.as_str()),
        None => (&utc, "UTC"),
    };
    let wall = zone.wall(time.utc).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    json!({"dateTime": format!("{wall}.0000000"), "timeZone": name})
}

/// An instant as Graph writes it.
pub(super) fn instant(at: Timestamp) -> String {
    let fraction = at.subsec_nanosecond() / 100;
    let seconds = at.strftime("%Y-%m-%dT%H:%M:%S");
    if fraction == 0 { format!("{seconds}Z") } else { format!("{seconds}.{fraction:07}Z") }
}

/// Refuses to select what events don't have, where the schema is insisted on.
pub(super) fn check_select(call: &Call<'_>) -> Result<(), Error> {
    let names = call.query.select.iter().flatten();
    let unknown = names
        .map(|name| name.split('/').next().unwrap_or_default())
        .find(|name| call.strict && !write::is_known(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Error::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.event'."
        ))),
    }
}

/// Keeps the members selected, the annotations and the id.
pub(super) fn select(json: Value, names: Option<&Vec<String>>) -> Value {
    let (Value::Object(members), Some(names)) = (&json, names) else { return json };
    let kept: Map<String, Value> = members
        .iter()
        .filter(|(name, _)| {
            name.starts_with('@')
                || *name == "id"
                || name.ends_with("ValueExtendedProperties")
                // Expanded, else it isn't there.
                || ["attachments", "event"].contains(&name.as_str())
                || names.iter().any(|wanted| {
                    let wanted = member(wanted);
                    wanted.eq_ignore_ascii_case(name)
                        // Location and locations correspond (docs: user-list-events' example).
                        || (wanted == "location" && *name == "locations")
                })
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

/// The member that a selected path begins with, after the cast to a type.
fn member(path: &str) -> &str {
    let path = match path.split_once('/') {
        Some((cast, rest)) if cast.starts_with("microsoft.graph.") => rest,
        Some(_) | None => path,
    };
    path.split('/').next().unwrap_or_default()
}

/// Adds the extended properties that were asked for, as far as there are any.
pub(super) fn extend(
    json: &mut Value,
    asked: &[PropertyId],
    property: impl Fn(&PropertyId) -> Option<PropertyValue>,
) {
    let (mut single, mut multi) = (Vec::new(), Vec::new());
    for id in asked {
        match property(id) {
            Some(PropertyValue::One(value)) => {
                single.push(json!({"id": id.to_string(), "value": value}));
            }
            Some(PropertyValue::Many(value)) => {
                multi.push(json!({"id": id.to_string(), "value": value}));
            }
            None => {}
        }
    }
    if !single.is_empty() {
        json["singleValueExtendedProperties"] = Value::Array(single);
    }
    if !multi.is_empty() {
        json["multiValueExtendedProperties"] = Value::Array(multi);
    }
}

pub(super) fn body(body: &Body, prefer: &Prefer) -> Value {
    if prefer.text_body {
        return json!({"contentType": "text", "content": body.as_text()});
    }
    // HTML unless text is asked for, whatever is stored (docs: event-get, outlook.body-content-type).
    json!({"contentType": "html", "content": body.as_html()})
}

/// What stands for all locations: the one, or the names of several (docs: user-post-events).
fn place(event: &Event) -> Value {
    let mut json = location(event.locations.first(), "uniqueId");
    if event.locations.len() > 1 {
        let names: Vec<&str> = event.locations.iter().map(|one| one.name.as_str()).collect();
        (json["displayName"], json["uniqueId"]) =
            (json!(names.join("; ")), json!(names.join("; ")));
    }
    json
}

/// A location; `unique` names the member that repeats its name, where one does.
pub(super) fn location(location: Option<&Location>, unique: &str) -> Value {
    let Some(location) = location else {
        return json!({"displayName": "", "locationType": "default", "uniqueIdType": "unknown",
                      "address": {}, "coordinates": {}});
    };
    let mut json = json!({
        "displayName": location.name,
        "locationType": "default",
        "uniqueIdType": "unknown",
    });
    if !unique.is_empty() {
        json[unique] = json!(location.name);
        json["uniqueIdType"] = json!("private");
    }
    if let Some(uri) = &location.uri {
        json["locationUri"] = json!(uri);
    }
    if let Some(email) = &location.email {
        json["locationEmailAddress"] = json!(email);
    }
    if !location.address.is_empty() {
        json["address"] = json!(location.address);
    }
    json
}

fn attendee(attendee: &Attendee) -> Value {
    json!({
        "type": match attendee.role {
            AttendeeRole::Required => "required",
            AttendeeRole::Optional => "optional",
            AttendeeRole::Resource => "resource",
        },
        "status": {
            "response": response(attendee.response),
            "time": attendee.responded.map_or(NO_TIME.to_owned(), instant),
        },
        "emailAddress": {"name": attendee.person.name, "address": attendee.person.address},
    })
}

pub(super) fn recipient(person: &Person) -> Value {
    json!({"emailAddress": {"name": person.name, "address": person.address}})
}

fn web_link(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("https://outlook.office365.com/owa/?itemid={id}&exvsurl=1&path=/calendar/item")
}

pub(super) fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "low",
        Importance::Normal => "normal",
        Importance::High => "high",
    }
}

fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "normal",
        Sensitivity::Personal => "personal",
        Sensitivity::Private => "private",
        Sensitivity::Confidential => "confidential",
    }
}

pub(super) fn show_as(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
        ShowAs::Busy => "busy",
        ShowAs::OutOfOffice => "oof",
        ShowAs::WorkingElsewhere => "workingElsewhere",
        ShowAs::Unknown => "unknown",
    }
}

/// `responseType`.
pub(super) fn response(response: Response) -> &'static str {
    match response {
        Response::None => "none",
        Response::Organizer => "organizer",
        Response::Tentative => "tentativelyAccepted",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::NotResponded => "notResponded",
    }
}
