//! Single events: create, read, change, delete.

use super::answer::{self, expected};
use super::call::{CalendarRef, Call};
use super::error::Error;
use super::{event, series, write};
use crate::store::{Content, DeleteType, Event, Item, ItemId, ItemRef, Mailbox, Told, World};
use crate::{Response, respond};
use serde_json::{Map, Value};
use std::borrow::Cow;

pub(super) fn create(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
) -> Result<Response, Error> {
    let body = body(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let folder = call.calendar(mailbox, calendar.unwrap_or(&CalendarRef::Default))?;
    let transaction_id = write::transaction_id(&body)?;
    if let Some(transaction_id) = &transaction_id
        && let Some(item) = mailbox
            .items()
            .find(|item| {
                item.transaction_id.as_ref() == Some(transaction_id) && !mailbox.is_trashed(item)
            })
            .map(|item| item.id)
    {
        return created(mailbox, call, item);
    }
    let id = mailbox.create(folder, write::create(&body)?)?;
    if let Some(transaction_id) = &transaction_id {
        mailbox.set_transaction_id(id, transaction_id)?;
    }
    mailbox.invite(id, None)?;
    created(mailbox, call, id)
}

pub(super) fn get(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Response, Error> {
    event::check_select(call)?;
    let mailbox = call.mailbox(world)?;
    let item = find(mailbox, call, calendar, id)?;
    shown(mailbox, call, &item)
}

pub(super) fn update(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Response, Error> {
    let body = body(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let item = find(mailbox, call, calendar, id)?;
    let expected = expected(mailbox, call, &item)?;
    let before = item.content.clone();
    let (at, mut content) = (item.reference(), item.content.clone());
    write::update(&mut content, &body)?;
    mailbox.update(at, expected, content)?;
    mail_update(mailbox, at, &before, &body)?;
    let item = mailbox.opened(at)?;
    shown(mailbox, call, &item)
}

pub(super) fn delete(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Response, Error> {
    remove(world, call, calendar, id, DeleteType::MoveToDeletedItems)
}

pub(super) fn permanent_delete(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Response, Error> {
    remove(world, call, calendar, id, DeleteType::HardDelete)
}

/// The body; members that events don't have are dropped where the schema isn't insisted on.
fn body(call: &Call<'_>) -> Result<Map<String, Value>, Error> {
    let mut body = call.body()?;
    if !call.strict {
        body.retain(|name, _| write::is_known(name));
    }
    Ok(body)
}

fn remove(
    world: &mut World,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
    how: DeleteType,
) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let item = find(mailbox, call, calendar, id)?;
    expected(mailbox, call, &item)?;
    let (was_trashed, item) = (mailbox.is_trashed(&item), item.into_owned());
    mailbox.delete(item.reference(), how)?;
    // The organiser's copy takes the meeting with it (docs: event-delete).
    if !was_trashed {
        mailbox.cancel(&item, None, None)?;
    }
    Ok(respond(204, "", ""))
}

/// Finds an event; under a calendar only those that lie in it, else the trash included.
pub(super) fn find<'m>(
    mailbox: &'m Mailbox,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<Cow<'m, Item>, Error> {
    let item = mailbox.find_item(id)?;
    if let Some(calendar) = calendar
        && call.calendar(mailbox, calendar)? != item.folder
    {
        return Err(crate::store::Error::ItemNotFound.into());
    }
    event_of(&item)?;
    Ok(item)
}

fn event_of(item: &Item) -> Result<&Event, Error> {
    item.content.as_event().ok_or_else(|| crate::store::Error::ItemNotFound.into())
}

/// Mails what an update by the organiser mails, whether wanted or not (docs: event-update).
fn mail_update(
    mailbox: &mut Mailbox,
    at: ItemRef,
    before: &Content,
    body: &Map<String, Value>,
) -> Result<(), Error> {
    let is_own = event_of(&*mailbox.opened(at)?).map(|event| mailbox.organizes(event))?;
    // A change of the attendees alone mails only those that changed.
    let told = match body.keys().any(|name| name != "attendees") {
        true => Told::All,
        false => Told::Changed,
    };
    mailbox.tell(at, before, told, None)?;
    // One for the series, and one for each exception (docs: event-update).
    if is_own && told == Told::All && at.date.is_none() {
        mailbox.tell_exceptions(at.id)?;
    }
    Ok(())
}

fn shown(mailbox: &Mailbox, call: &Call<'_>, item: &Item) -> Result<Response, Error> {
    let mut json = event::render(mailbox, item, event_of(item)?, call);
    series::add_selected(mailbox, item, call, &mut json);
    Ok(answer::shown(mailbox, call, item, "events", json))
}

fn created(mailbox: &Mailbox, call: &Call<'_>, id: ItemId) -> Result<Response, Error> {
    let item = mailbox.item(id)?;
    let response = shown(mailbox, call, item)?;
    Ok(answer::created(mailbox, call, item, "events", response))
}
