//! The settings of a mailbox.

use super::call::Call;
use super::error::Error;
use super::event::select;
use super::replies;
use super::write::{object, only, text};
use crate::Response;
use crate::store::settings::Settings;
use crate::store::{Mailbox, World, Zone};
use serde_json::{Value, json};

/// Members that are kept.
const MODELLED: [&str; 5] =
    ["automaticRepliesSetting", "timeZone", "dateFormat", "timeFormat", "language"];
/// Members of the type that can't be set here (docs: mailboxSettings resource).
const ELSEWHERE: [&str; 4] =
    ["archiveFolder", "delegateMeetingMessageDeliveryOptions", "userPurpose", "workingHours"];
const TYPE: &str = "microsoft.graph.mailboxSettings";

/// All settings.
pub(super) fn get(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    Ok(shown(call, call.mailbox(world)?))
}

/// One setting, by its name in any case.
pub(super) fn member(world: &mut World, call: &Call<'_>, name: &str) -> Result<Response, Error> {
    let json = render(call.mailbox(world)?);
    let found = json
        .as_object()
        .and_then(|members| members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
    let Some((name, value)) = found else {
        return Err(match ELSEWHERE.iter().find(|known| known.eq_ignore_ascii_case(name)) {
            Some(known) => Error::not_served(known),
            None => Error::no_such_path(name),
        });
    };
    let mut body = if value.is_object() { value.clone() } else { json!({"value": value}) };
    body["@odata.context"] = json!(call.context(&format!("mailboxSettings/{name}")));
    Ok(call.answer(200, &body))
}

/// Changes the settings given, all or none.
pub(super) fn update(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let body = call.body()?;
    if let Some(known) = ELSEWHERE.iter().find(|known| body.contains_key(**known)) {
        return Err(Error::not_served(known));
    }
    if call.strict {
        only(&body, &MODELLED, TYPE)?;
    }
    let mailbox = call.mailbox_mut(world)?;
    let mut settings = mailbox.settings.clone();
    for (name, value) in &body {
        match name.as_str() {
            "automaticRepliesSetting" => {
                replies::read(value, &mut settings.oof, mailbox.now, call.strict)?;
            }
            "timeZone" => settings.zone = zone(&text(name, value)?)?,
            "dateFormat" => settings.date_format = text(name, value)?,
            "timeFormat" => settings.time_format = text(name, value)?,
            "language" => set_language(&mut settings, value, call.strict)?,
            _ => {}
        }
    }
    mailbox.settings = settings;
    Ok(shown(call, mailbox))
}

fn zone(name: &str) -> Result<Zone, Error> {
    Zone::parse(name).ok_or_else(|| {
        Error::new(400, "ErrorInvalidTimeZone", format!("The time zone '{name}' is not supported."))
    })
}

/// Takes over a locale; its display name is what the client says, or else the locale itself.
fn set_language(settings: &mut Settings, value: &Value, strict: bool) -> Result<(), Error> {
    let members = object("language", value)?;
    if strict {
        only(members, &["locale", "displayName"], "microsoft.graph.localeInfo")?;
    }
    let locale = members.get("locale").map(|value| text("locale", value)).transpose()?;
    let Some(locale) = locale.filter(|locale| !locale.trim().is_empty()) else {
        return Err(Error::body("The property 'locale' is missing."));
    };
    let shown = members.get("displayName").filter(|value| !value.is_null());
    let shown = shown.map(|value| text("displayName", value)).transpose()?;
    settings.language = shown.unwrap_or_else(|| locale.clone());
    settings.locale = locale;
    Ok(())
}

fn shown(call: &Call<'_>, mailbox: &Mailbox) -> Response {
    let mut json = select(render(mailbox), call.query.select.as_ref());
    json["@odata.context"] = json!(call.context("mailboxSettings"));
    call.answer(200, &json)
}

fn render(mailbox: &Mailbox) -> Value {
    let settings = &mailbox.settings;
    json!({
        "automaticRepliesSetting": replies::render(mailbox),
        "dateFormat": settings.date_format,
        "language": {"locale": settings.locale, "displayName": settings.language},
        "timeFormat": settings.time_format,
        "timeZone": settings.zone.id(),
        "userPurpose": "user",
        "workingHours": {
            "daysOfWeek": ["monday", "tuesday", "wednesday", "thursday", "friday"],
            "startTime": "08:00:00.0000000",
            "endTime": "17:00:00.0000000",
            "timeZone": {"name": settings.zone.id()},
        },
    })
}
