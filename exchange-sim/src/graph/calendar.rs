//! Calendars, and the user.

use super::call::{CalendarRef, Call};
use super::error::Error;
use super::event::{extend, select};
use super::read_only;
use super::write::{single_values, text};
use crate::store::{
    DeleteType, Folder, FolderId, Mailbox, PropertyId, PropertyValue, Role, World, folder,
};
use crate::{Response, respond};
use serde_json::{Map, Value, json};

const COLORS: [&str; 11] = [
    "auto",
    "lightBlue",
    "lightGreen",
    "lightOrange",
    "lightGray",
    "lightYellow",
    "lightTeal",
    "lightPink",
    "lightBrown",
    "lightRed",
    "maxColor",
];
const PAGE: usize = 10;

/// The user behind a mailbox.
pub(super) fn user(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let json = json!({
        "@odata.context": format!("{}/$metadata#users/$entity", call.base),
        "id": crate::store::rng::guid_text(&mailbox.guid),
        "displayName": mailbox.name,
        "mail": mailbox.address,
        "userPrincipalName": mailbox.user,
    });
    Ok(call.answer(200, &select(json, call.query.select.as_ref())))
}

/// The calendars of a user, the default one first.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let trash = mailbox.role(Role::DeletedItems);
    let standing = mailbox
        .folders()
        .filter(|folder| folder.is_calendar() && !mailbox.is_below(folder.id, trash));
    let mut found = Vec::new();
    for folder in standing {
        let json = calendar(mailbox, folder, &call.query.expand);
        let holds = match &call.query.filter {
            Some(filter) => filter.holds_entity(&&json)?,
            None => true,
        };
        if holds {
            found.push(json);
        }
    }
    Ok(page(call, "calendars", found))
}

/// One calendar.
pub(super) fn get(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let id = call.calendar(mailbox, calendar)?;
    shown(mailbox, call, 200, id)
}

/// A new calendar beside the default one.
pub(super) fn create(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let body = call.body()?;
    let Members { name, color, properties } = members(&body)?;
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else {
        return Err(Error::new(
            400,
            "ErrorInvalidProperty",
            "The name of the calendar must not be empty.",
        ));
    };
    let mailbox = call.mailbox_mut(world)?;
    let parent = mailbox.role(Role::MsgFolderRoot);
    let id = mailbox.create_folder(parent, &name, folder::CALENDAR_CLASS)?;
    if let Some(color) = color {
        mailbox.set_color(id, &color)?;
    }
    set(mailbox, id, properties)?;
    shown(mailbox, call, 201, id)
}

/// Renames or recolours a calendar.
pub(super) fn update(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    let body = call.body()?;
    let Members { name, color, properties } = members(&body)?;
    let mailbox = call.mailbox_mut(world)?;
    let id = call.calendar(mailbox, calendar)?;
    if let Some(name) = name {
        mailbox.rename_folder(id, &name)?;
    }
    if let Some(color) = color {
        mailbox.set_color(id, &color)?;
    }
    set(mailbox, id, properties)?;
    shown(mailbox, call, 200, id)
}

/// Deletes a calendar; the default one can't be deleted.
pub(super) fn delete(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let id = call.calendar(mailbox, calendar)?;
    mailbox.delete_folder(id, DeleteType::MoveToDeletedItems)?;
    Ok(respond(204, "", ""))
}

/// What a request says of a calendar.
#[derive(Default)]
struct Members {
    name: Option<String>,
    color: Option<String>,
    properties: Vec<(PropertyId, PropertyValue)>,
}

fn members(body: &Map<String, Value>) -> Result<Members, Error> {
    let mut members = Members::default();
    for (member, value) in body {
        match member.as_str() {
            "name" => members.name = Some(text(member, value)?),
            "singleValueExtendedProperties" => members.properties.extend(single_values(value)?),
            "color" => {
                let given = text(member, value)?;
                let known = COLORS.iter().find(|known| known.eq_ignore_ascii_case(&given));
                let Some(known) = known else {
                    return Err(Error::body(format!("Requested value '{given}' was not found.")));
                };
                members.color = Some((*known).to_owned());
            }
            "isDefaultCalendar" | "defaultOnlineMeetingProvider" => {}
            "allowedOnlineMeetingProviders" => {}
            annotation if annotation.contains("@odata.") => {}
            other if read_only::is_read_only(&read_only::OF_CALENDARS, other, value)? => {}
            unknown => {
                return Err(Error::body(format!(
                    "The property '{unknown}' does not exist on type 'microsoft.graph.calendar'. \
                     Make sure to only use property names that are defined by the type or mark the \
                     type as open type."
                )));
            }
        }
    }
    Ok(members)
}

fn set(
    mailbox: &mut Mailbox,
    id: FolderId,
    properties: Vec<(PropertyId, PropertyValue)>,
) -> Result<(), Error> {
    for (property, value) in properties {
        mailbox.set_folder_property(id, property, Some(value))?;
    }
    Ok(())
}

fn shown(mailbox: &Mailbox, call: &Call<'_>, status: u16, id: FolderId) -> Result<Response, Error> {
    let json = calendar(mailbox, mailbox.folder(id)?, &call.query.expand);
    let mut json = select(json, call.query.select.as_ref());
    json["@odata.context"] = json!(call.context("calendars/$entity"));
    Ok(call.answer(status, &json))
}

/// A calendar, with those of its extended properties that were asked for (docs: the resource that
/// extended properties are read with may be a calendar).
fn calendar(mailbox: &Mailbox, folder: &Folder, asked: &[PropertyId]) -> Value {
    let is_default = folder.role == Some(Role::Calendar);
    let mut json = json!({
        "id": mailbox.graph_folder_id(folder.id),
        "name": folder.name,
        "color": folder.color,
        "hexColor": "",
        "isDefaultCalendar": is_default,
        "changeKey": mailbox.folder_change_key(folder),
        "canShare": true,
        "canViewPrivateItems": true,
        "canEdit": true,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": is_default,
        "isRemovable": !is_default,
        "owner": {"name": mailbox.name, "address": mailbox.address},
    });
    extend(&mut json, asked, |id| mailbox.folder_property(folder, id));
    json
}

/// A page of what was found, from `$skip` on.
pub(super) fn page(call: &Call<'_>, what: &str, found: Vec<Value>) -> Response {
    let total = found.len();
    let size = call.query.top.unwrap_or(PAGE);
    let value: Vec<Value> = found
        .into_iter()
        .skip(call.query.skip)
        .take(size)
        .map(|json| select(json, call.query.select.as_ref()))
        .collect();
    let next = call.query.skip + value.len();
    let mut body = json!({"@odata.context": call.context(what), "value": value});
    if call.query.count {
        body["@odata.count"] = json!(total);
    }
    if next < total {
        let (top, skip) = (size.to_string(), next.to_string());
        let given = call.request.uri().query().unwrap_or_default();
        let given: Vec<_> = url::form_urlencoded::parse(given.as_bytes())
            .filter(|(name, _)| !matches!(name.trim_start_matches('$'), "top" | "skip"))
            .collect();
        let mut options: Vec<(&str, &str)> =
            given.iter().map(|(name, value)| (&**name, &**value)).collect();
        options.extend([("$top", &*top), ("$skip", &*skip)]);
        body["@odata.nextLink"] = json!(call.link(&options));
    }
    call.answer(200, &body)
}
