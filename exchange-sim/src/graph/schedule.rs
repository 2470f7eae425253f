//! getSchedule: who is free and busy when (docs: calendar-getschedule).

use super::call::Call;
use super::error::Error;
use super::event;
use super::folders::parameter;
use super::write::{self, text};
use crate::Response;
use crate::store::free_busy::{
    INTERVAL_MINUTES, INTERVAL_MINUTES_DEFAULT, WINDOW_MAX, WORK_MINUTES, merged,
};
use crate::store::{Item, Mailbox, Sensitivity, Window, World};
use serde_json::{Value, json};

/// Schedules in one request.
const SCHEDULES_MAX: usize = 100;
/// Parameters of the action.
const PARAMETERS: [&str; 4] = ["schedules", "startTime", "endTime", "availabilityViewInterval"];

/// Answers for each address asked about, in order.
pub(super) fn get(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let body = call.body()?;
    let known = |name: &String| PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(odd) = body.keys().find(|name| call.strict && !known(name)) {
        return Err(Error::body(format!(
            "The parameter '{odd}' in the request payload is not a valid parameter for the \
             operation 'getSchedule'."
        )));
    }
    let schedules = match parameter(&body, "schedules") {
        Some(Value::Array(addresses)) => addresses
            .iter()
            .map(|address| text("schedules", address))
            .collect::<Result<Vec<_>, _>>()?,
        Some(_) | None => return Err(missing("schedules")),
    };
    if schedules.is_empty() || schedules.len() > SCHEDULES_MAX {
        return Err(Error::invalid_property("The number of schedules is invalid."));
    }
    let bound = |name| {
        let value = parameter(&body, name).ok_or_else(|| missing(name))?;
        write::time(name, value).map(|time| time.utc)
    };
    let window = Window { start: bound("startTime")?, end: bound("endTime")? };
    if window.end <= window.start {
        return Err(Error::invalid_property("The end time must be after the start time."));
    }
    let interval = match parameter(&body, "availabilityViewInterval") {
        None | Some(Value::Null) => INTERVAL_MINUTES_DEFAULT,
        Some(value) => value
            .as_i64()
            .filter(|minutes| INTERVAL_MINUTES.contains(minutes))
            .ok_or_else(|| Error::invalid_property("The interval is not 5 to 1440 minutes."))?,
    };
    let found: Vec<Value> =
        schedules.iter().map(|address| schedule(world, call, address, window, interval)).collect();
    let context =
        format!("{}/$metadata#Collection(microsoft.graph.scheduleInformation)", call.base);
    Ok(call.answer(200, &json!({"@odata.context": context, "value": found})))
}

fn schedule(world: &World, call: &Call<'_>, address: &str, window: Window, interval: i64) -> Value {
    let failed = |code: &str, message: String| {
        json!({
            "scheduleId": address,
            "availabilityView": "",
            "scheduleItems": [],
            "error": {"responseCode": code, "message": message},
        })
    };
    if window.end.duration_since(window.start) > WINDOW_MAX {
        let message = "The requested time duration specified for FreeBusyViewOptions.TimeWindow is \
                       too long. The allowed limit = 62 days.";
        return failed("ErrorTimeIntervalTooBig", message.to_owned());
    }
    let Some(mailbox) = world.mailbox(address.trim()) else {
        let message =
            format!("Unable to resolve e-mail address {address} to an Active Directory object.");
        return failed("ErrorMailRecipientNotFound", message);
    };
    let events = mailbox.busy_times(window);
    let own = mailbox.address == call.address;
    let items: Vec<Value> = events.iter().filter_map(|item| busy(call, item, own)).collect();
    json!({
        "scheduleId": address,
        "availabilityView": merged(&events, window, interval),
        "scheduleItems": items,
        "workingHours": working_hours(mailbox),
    })
}

/// An event as others see it: of their calendars no more than the times, as is the default.
fn busy(call: &Call<'_>, item: &Item, own: bool) -> Option<Value> {
    let event = item.content.as_event()?;
    let mut json = json!({
        "status": event::show_as(event.show_as),
        "start": event::time(&event.start, &call.prefer),
        "end": event::time(&event.end, &call.prefer),
    });
    if own {
        json["isPrivate"] = json!(item.content.sensitivity == Sensitivity::Private);
        json["subject"] = json!(item.content.subject);
        json["location"] = json!(event.locations.first().map_or("", |place| &place.name));
    }
    Some(json)
}

fn working_hours(mailbox: &Mailbox) -> Value {
    let time = |minutes: i32| format!("{:02}:{:02}:00.0000000", minutes / 60, minutes % 60);
    json!({
        "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "startTime": time(WORK_MINUTES.0),
        "endTime": time(WORK_MINUTES.1),
        "timeZone": {"name": mailbox.settings.zone.id()},
    })
}

fn missing(name: &str) -> Error {
    Error::new(400, "ErrorInvalidRequest", format!("The parameter '{name}' is missing."))
}
