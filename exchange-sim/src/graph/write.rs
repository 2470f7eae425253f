//! Events as clients write them: POST and PATCH bodies.

use super::attachments;
use super::error::Error;
use super::prefer::unknown_zone;
use super::{read_only, recurrence};
use crate::store::{
    Attendee, AttendeeRole, Body, BodyKind, Content, Event, Importance, Location, Person,
    PropertyId, PropertyType, PropertyValue, Response, Sensitivity, ShowAs, Zone, ZonedTime,
};
use jiff::Timestamp;
use jiff::civil::{DateTime, Time};
use serde_json::{Map, Value};

/// Members that clients write.
const WRITABLE: [&str; 23] = [
    "attachments",
    "subject",
    "body",
    "categories",
    "importance",
    "sensitivity",
    "isReminderOn",
    "reminderMinutesBeforeStart",
    "singleValueExtendedProperties",
    "multiValueExtendedProperties",
    "start",
    "end",
    "isAllDay",
    "location",
    "locations",
    "attendees",
    "showAs",
    "responseRequested",
    "allowNewTimeProposals",
    "hideAttendees",
    "isOnlineMeeting",
    "onlineMeetingProvider",
    "recurrence",
];

const ATTENDEES_MAX: usize = 500;

/// Whether events have a member of this name.
pub(super) fn is_known(name: &str) -> bool {
    let read_only = read_only::OF_EVENTS.iter().map(|(known, _)| known);
    read_only.chain(&WRITABLE).any(|known| known.eq_ignore_ascii_case(name))
}

/// A new event from a POST body.
pub(super) fn create(body: &Map<String, Value>) -> Result<Content, Error> {
    let at = |name: &str| match body.get(name) {
        Some(value) => time(name, value),
        None => Err(Error::invalid_property(format!(
            "At least one property failed validation. (Property: {name})"
        ))),
    };
    let mut content = Content::event("", at("start")?, at("end")?);
    apply(&mut content, body)?;
    Ok(content)
}

/// Changes an event as a PATCH body says.
pub(super) fn update(content: &mut Content, body: &Map<String, Value>) -> Result<(), Error> {
    if body.contains_key("transactionId") {
        return Err(Error::new(
            400,
            "ErrorInvalidRequest",
            "Your request can't be completed. ClientId/TransactionId is immutable and cannot be \
             updated.",
        ));
    }
    attachments::check_update(body)?;
    apply(content, body)
}

/// The `transactionId` of a POST body.
pub(super) fn transaction_id(body: &Map<String, Value>) -> Result<Option<String>, Error> {
    match body.get("transactionId") {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text("transactionId", value).map(Some),
    }
}

fn apply(content: &mut Content, body: &Map<String, Value>) -> Result<(), Error> {
    for (name, value) in body {
        let later = name == "recurrence";
        let is_annotation = name.contains("@odata.");
        if later || is_annotation || read_only::is_read_only(&read_only::OF_EVENTS, name, value)? {
            continue;
        }
        if !of_item(content, name, value)? {
            let event =
                content.as_event_mut().ok_or_else(|| Error::body("The item is not an event."))?;
            of_event(event, name, value)?;
        }
    }
    let Some(event) = content.as_event_mut() else { return Ok(()) };
    // After the start, which it is checked against.
    if let Some(recurrence) = body.get("recurrence") {
        recurrence::take(event, recurrence)?;
    }
    check_all_day(event)
}

/// Takes a member that all items have; `false` if it is none.
pub(super) fn of_item(content: &mut Content, name: &str, value: &Value) -> Result<bool, Error> {
    match name {
        "subject" => content.subject = text_or_empty(name, value)?,
        "body" => content.body = item_body(name, value)?,
        "categories" => content.categories = texts(name, value)?,
        "importance" => {
            content.importance = choice(
                name,
                value,
                &[
                    ("low", Importance::Low),
                    ("normal", Importance::Normal),
                    ("high", Importance::High),
                ],
            )?;
        }
        "sensitivity" => {
            content.sensitivity = choice(
                name,
                value,
                &[
                    ("normal", Sensitivity::Normal),
                    ("personal", Sensitivity::Personal),
                    ("private", Sensitivity::Private),
                    ("confidential", Sensitivity::Confidential),
                ],
            )?;
        }
        "attachments" => content.attachments.extend(attachments::read_all(value)?),
        "isReminderOn" => content.reminder.set = flag(name, value)?,
        "reminderMinutesBeforeStart" => {
            let minutes = value.as_i64().and_then(|minutes| i32::try_from(minutes).ok());
            content.reminder.minutes = minutes.ok_or_else(|| wrong_type(name, "Edm.Int32"))?;
        }
        "singleValueExtendedProperties" => {
            content.properties.extend(single_values(value)?);
        }
        "multiValueExtendedProperties" => {
            for property in array(name, value)? {
                let (id, value) = property_of(property)?;
                let values = texts("value", value.unwrap_or(&Value::Null))?;
                content.properties.insert(id, PropertyValue::Many(values));
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn of_event(event: &mut Event, name: &str, value: &Value) -> Result<(), Error> {
    match name {
        "start" => event.start = time(name, value)?,
        "end" => event.end = time(name, value)?,
        "isAllDay" => event.all_day = flag(name, value)?,
        "location" => {
            event.locations = if value.is_null() { Vec::new() } else { vec![location(value)?] };
            event.locations.retain(|location| *location != Location::default());
        }
        "locations" => {
            event.locations = array(name, value)?.iter().map(location).collect::<Result<_, _>>()?;
        }
        "attendees" => {
            let attendees = array(name, value)?;
            if attendees.len() > ATTENDEES_MAX {
                return Err(Error::new(
                    400,
                    "ErrorExceededMaxRecipientLimit",
                    "The maximum number of attendees is 500.",
                ));
            }
            let before = std::mem::take(&mut event.attendees);
            event.attendees =
                attendees.iter().map(|one| attendee(one, &before)).collect::<Result<_, _>>()?;
        }
        "showAs" => {
            event.show_as = choice(
                name,
                value,
                &[
                    ("free", ShowAs::Free),
                    ("tentative", ShowAs::Tentative),
                    ("busy", ShowAs::Busy),
                    ("oof", ShowAs::OutOfOffice),
                    ("workingElsewhere", ShowAs::WorkingElsewhere),
                    ("unknown", ShowAs::Unknown),
                ],
            )?;
        }
        "responseRequested" => event.response_requested = flag(name, value)?,
        "allowNewTimeProposals" => event.allow_new_time_proposals = flag(name, value)?,
        "hideAttendees" => event.hide_attendees = flag(name, value)?,
        // Once on, it stays on (docs: event resource).
        "isOnlineMeeting" => event.online_meeting |= flag(name, value)?,
        "onlineMeetingProvider" => {
            let known = ["unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"];
            choice(name, value, &known.map(|name| (name, ())))?;
        }
        _ => {
            return Err(Error::body(format!(
                "The property '{name}' does not exist on type 'microsoft.graph.event'. Make sure to \
                 only use property names that are defined by the type or mark the type as open type."
            )));
        }
    }
    Ok(())
}

/// All-day events run from midnight to midnight, at least a day (docs: event resource).
fn check_all_day(event: &Event) -> Result<(), Error> {
    if !event.all_day {
        return Ok(());
    }
    for (name, time) in [("Start", &event.start), ("End", &event.end)] {
        if time.zone.wall(time.utc).time() != Time::midnight() {
            return Err(Error::invalid_property(format!(
                "The Event.{name} property for an all-day event needs to be set to midnight."
            )));
        }
    }
    if event.start.zone != event.end.zone {
        return Err(Error::invalid_property(
            "The Event.Start and Event.End properties of an all-day event need the same time zone.",
        ));
    }
    if event.end.utc <= event.start.utc {
        return Err(Error::invalid_property(
            "The duration of an event marked as All day must be at least 24 hours.",
        ));
    }
    Ok(())
}

pub(super) fn time(name: &str, value: &Value) -> Result<ZonedTime, Error> {
    let members = object(name, value)?;
    only(members, &["dateTime", "timeZone"], "microsoft.graph.dateTimeTimeZone")?;
    let written = match members.get("dateTime") {
        Some(value) => text("dateTime", value)?,
        None => return Err(wrong_type("dateTime", "Edm.String")),
    };
    let zone = match members.get("timeZone") {
        None | Some(Value::Null) => Zone::utc(),
        Some(value) => {
            let id = text("timeZone", value)?;
            Zone::parse(&id).ok_or_else(|| unknown_zone(&id))?
        }
    };
    let written = written.trim();
    let utc = match written.parse::<Timestamp>() {
        Ok(instant) => Some(instant),
        Err(_) => written.parse::<DateTime>().ok().and_then(|wall| zone.instant(wall)),
    };
    let utc =
        utc.and_then(|utc| Timestamp::from_second(utc.as_second()).ok()).ok_or_else(|| {
            Error::invalid_property(format!(
                "Cannot convert the literal '{written}' to the expected type 'Edm.DateTime'."
            ))
        })?;
    Ok(ZonedTime { utc, zone })
}

pub(super) fn item_body(name: &str, value: &Value) -> Result<Body, Error> {
    if value.is_null() {
        return Ok(Body::default());
    }
    let members = object(name, value)?;
    only(members, &["contentType", "content"], "microsoft.graph.itemBody")?;
    let kind = match members.get("contentType") {
        None => BodyKind::Text,
        Some(kind) => {
            choice("contentType", kind, &[("text", BodyKind::Text), ("html", BodyKind::Html)])?
        }
    };
    let content = text_or_empty("content", members.get("content").unwrap_or(&Value::Null))?;
    Ok(Body { kind, content })
}

fn location(value: &Value) -> Result<Location, Error> {
    let members = object("location", value)?;
    let known = [
        "displayName",
        "locationType",
        "uniqueId",
        "uniqueIdType",
        "address",
        "coordinates",
        "locationUri",
        "locationEmailAddress",
        "@odata.type",
    ];
    only(members, &known, "microsoft.graph.location")?;
    let optional = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text(name, value).map(Some),
    };
    let mut location = Location {
        name: optional("displayName")?.unwrap_or_default(),
        email: optional("locationEmailAddress")?,
        uri: optional("locationUri")?,
        ..Location::default()
    };
    if let Some(Value::Object(address)) = members.get("address") {
        let known = ["street", "city", "state", "countryOrRegion", "postalCode"];
        only(address, &known, "microsoft.graph.physicalAddress")?;
        for (name, value) in address {
            if !value.is_null() {
                location.address.insert(name.clone(), text(name, value)?);
            }
        }
    }
    Ok(location)
}

fn attendee(value: &Value, before: &[Attendee]) -> Result<Attendee, Error> {
    let members = object("attendees", value)?;
    let known = ["emailAddress", "type", "status", "proposedNewTime", "@odata.type"];
    only(members, &known, "microsoft.graph.attendee")?;
    let email = object("emailAddress", members.get("emailAddress").unwrap_or(&Value::Null))?;
    only(email, &["name", "address"], "microsoft.graph.emailAddress")?;
    let address = text_or_empty("address", email.get("address").unwrap_or(&Value::Null))?;
    if !address.contains('@') {
        return Err(Error::new(
            400,
            "ErrorInvalidRecipients",
            "At least one recipient is not valid., The specified address is not valid.",
        ));
    }
    let name = text_or_empty("name", email.get("name").unwrap_or(&Value::Null))?;
    let role = match members.get("type") {
        None | Some(Value::Null) => AttendeeRole::Required,
        Some(role) => choice(
            "type",
            role,
            &[
                ("required", AttendeeRole::Required),
                ("optional", AttendeeRole::Optional),
                ("resource", AttendeeRole::Resource),
            ],
        )?,
    };
    let known = before.iter().find(|one| one.person.address.eq_ignore_ascii_case(&address));
    let name = if name.is_empty() { address.clone() } else { name };
    Ok(Attendee {
        person: Person { name, address },
        role,
        response: known.map_or(Response::None, |known| known.response),
        responded: known.and_then(|known| known.responded),
    })
}

/// The members of `singleValueExtendedProperties`.
pub(super) fn single_values(value: &Value) -> Result<Vec<(PropertyId, PropertyValue)>, Error> {
    let mut properties = Vec::new();
    for property in array("singleValueExtendedProperties", value)? {
        let (id, value) = property_of(property)?;
        let Some(Value::String(value)) = value else {
            return Err(wrong_type("value", "Edm.String"));
        };
        properties.push((id, PropertyValue::One(value.clone())));
    }
    Ok(properties)
}

fn property_of(value: &Value) -> Result<(PropertyId, Option<&Value>), Error> {
    let members = object("extendedProperty", value)?;
    only(members, &["id", "value", "@odata.type"], "microsoft.graph.legacyExtendedProperty")?;
    let id = text("id", members.get("id").unwrap_or(&Value::Null))?;
    let property = PropertyId::parse(&id).ok_or_else(|| {
        Error::new(
            400,
            "ErrorInvalidProperty",
            format!("The property Id '{id}' for extended property is invalid."),
        )
    })?;
    if let (PropertyType::Integer, Some(Value::String(number))) =
        (property.kind, members.get("value"))
        && number.parse::<i32>().is_err()
    {
        return Err(Error::new(
            400,
            "ErrorInvalidExtendedPropertyValue",
            format!("The value '{number}' doesn't fit the type of the extended property."),
        ));
    }
    Ok((property, members.get("value")))
}

/// Refuses members that the type doesn't have.
pub(super) fn only(members: &Map<String, Value>, known: &[&str], kind: &str) -> Result<(), Error> {
    match members.keys().find(|name| !known.contains(&name.as_str()) && !name.contains("@odata.")) {
        None => Ok(()),
        Some(name) => Err(Error::body(format!(
            "The property '{name}' does not exist on type '{kind}'. Make sure to only use property \
             names that are defined by the type or mark the type as open type."
        ))),
    }
}

pub(super) fn wrong_type(name: &str, kind: &str) -> Error {
    Error::body(format!("Cannot read the value of the property '{name}' as the type '{kind}'."))
}

pub(super) fn object<'a>(name: &str, value: &'a Value) -> Result<&'a Map<String, Value>, Error> {
    value.as_object().ok_or_else(|| wrong_type(name, "a structured value"))
}

pub(super) fn array<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], Error> {
    match value {
        Value::Array(values) => Ok(values),
        Value::Null => Ok(&[]),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            Err(wrong_type(name, "Collection"))
        }
    }
}

pub(super) fn text(name: &str, value: &Value) -> Result<String, Error> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "Edm.String"))
}

pub(super) fn text_or_empty(name: &str, value: &Value) -> Result<String, Error> {
    if value.is_null() { Ok(String::new()) } else { text(name, value) }
}

pub(super) fn texts(name: &str, value: &Value) -> Result<Vec<String>, Error> {
    array(name, value)?.iter().map(|value| text(name, value)).collect()
}

/// A Boolean; as text too, as the documented sendMail request and the O365 library write it.
pub(super) fn flag(name: &str, value: &Value) -> Result<bool, Error> {
    let of_text = || value.as_str().and_then(|text| text.to_ascii_lowercase().parse().ok());
    value.as_bool().or_else(of_text).ok_or_else(|| wrong_type(name, "Edm.Boolean"))
}

pub(super) fn choice<T: Copy>(name: &str, value: &Value, known: &[(&str, T)]) -> Result<T, Error> {
    let given = text(name, value)?;
    known
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&given))
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| {
            Error::body(format!("Requested value '{given}' was not found. (Property: {name})"))
        })
}
