//! Events as Graph shows them.

use super::call::Call;
use super::error::Error;
use super::prefer::Prefer;
use super::write;
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
    node_id(mailbox, Node::Item { id: item.id, moves: item.moves }, prefer)
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
        "iCalUId": event.uid,
        "reminderMinutesBeforeStart": content.reminder.minutes,
        "isReminderOn": content.reminder.set,
        "hasAttachments": false,
        "subject": content.subject,
        "bodyPreview": content.body.preview(),
        "importance": importance(content.importance),
        "sensitivity": sensitivity(content.sensitivity),
        "isAllDay": event.all_day,
        "isCancelled": event.cancelled,
        "isOrganizer": is_organizer(mailbox, event),
        "responseRequested": event.response_requested,
        "seriesMasterId": null,
        "showAs": show_as(event.show_as),
        "type": "singleInstance",
        "webLink": web_link(&id),
        "onlineMeetingUrl": null,
        "isOnlineMeeting": event.online_meeting,
        "onlineMeetingProvider": if event.online_meeting { "teamsForBusiness" } else { "unknown" },
        "allowNewTimeProposals": event.allow_new_time_proposals,
        "isDraft": false,
        "hideAttendees": event.hide_attendees,
        "recurrence": null,
        "onlineMeeting": null,
        "responseStatus": {"response": response(event.my_response), "time": NO_TIME},
        "body": body(&content.body, prefer),
        "start": time(&event.start, prefer),
        "end": time(&event.end, prefer),
        "location": location(event.locations.first(), "uniqueId"),
        "locations": event.locations.iter().map(|l| location(Some(l), "")).collect::<Vec<_>>(),
        "attendees": event.attendees.iter().map(attendee).collect::<Vec<_>>(),
        "organizer": event.organizer.as_ref().map(recipient),
    });
    if item.transaction_id.is_none()
        && let Some(members) = json.as_object_mut()
    {
        members.remove("transactionId");
    }
    extend(&mut json, item, &call.query.expand);
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
                || names.iter().any(|wanted| {
                    let wanted = wanted.split('/').next().unwrap_or_default();
                    wanted.eq_ignore_ascii_case(name)
                        // Location and locations correspond (docs: user-list-events' example).
                        || (wanted == "location" && *name == "locations")
                })
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    Value::Object(kept)
}

pub(super) fn extend(json: &mut Value, item: &Item, asked: &[PropertyId]) {
    let (mut single, mut multi) = (Vec::new(), Vec::new());
    for id in asked {
        match item.property(id) {
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

fn location(location: Option<&Location>, unique: &str) -> Value {
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

fn show_as(show_as: ShowAs) -> &'static str {
    match show_as {
        ShowAs::Free => "free",
        ShowAs::Tentative => "tentative",
        ShowAs::Busy => "busy",
        ShowAs::OutOfOffice => "oof",
        ShowAs::WorkingElsewhere => "workingElsewhere",
        ShowAs::Unknown => "unknown",
    }
}

fn response(response: Response) -> &'static str {
    match response {
        Response::None => "none",
        Response::Organizer => "organizer",
        Response::Tentative => "tentativelyAccepted",
        Response::Accepted => "accepted",
        Response::Declined => "declined",
        Response::NotResponded => "notResponded",
    }
}
