//! Single events: create, read, change, delete.

use super::answer::{self, expected};
use super::call::{CalendarRef, Call};
use super::error::Error;
use super::{event, write};
use crate::store::{Attendee, DeleteType, Event, Item, ItemId, Mailbox, SentKind, World};
use crate::{Response, respond};
use serde_json::{Map, Value};

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
    let attendees = event_of(mailbox.item(id)?)?.attendees.clone();
    let invited = others(mailbox, &attendees);
    mailbox.mail(id, SentKind::Invitation, invited)?;
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
    shown(mailbox, call, item)
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
    let expected = expected(mailbox, call, item)?;
    let before = event_of(item)?.clone();
    let (id, mut content) = (item.id, item.content.clone());
    write::update(&mut content, &body)?;
    mailbox.update(id, expected, content)?;
    mail_update(mailbox, id, &before, &body)?;
    shown(mailbox, call, mailbox.item(id)?)
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
    expected(mailbox, call, item)?;
    let (id, was_trashed, event) = (item.id, mailbox.is_trashed(item), event_of(item)?.clone());
    // The organiser's copy takes the meeting with it (docs: event-delete).
    if event::is_organizer(mailbox, &event) && !was_trashed {
        let told = others(mailbox, &event.attendees);
        mailbox.mail(id, SentKind::Cancellation, told)?;
    }
    mailbox.delete(id, how)?;
    Ok(respond(204, "", ""))
}

/// Finds an event; under a calendar only those that lie in it, else the trash included.
fn find<'m>(
    mailbox: &'m Mailbox,
    call: &Call<'_>,
    calendar: Option<&CalendarRef>,
    id: &str,
) -> Result<&'m Item, Error> {
    let item = mailbox.find_item(id)?;
    if let Some(calendar) = calendar
        && call.calendar(mailbox, calendar)? != item.folder
    {
        return Err(crate::store::Error::ItemNotFound.into());
    }
    event_of(item)?;
    Ok(item)
}

fn event_of(item: &Item) -> Result<&Event, Error> {
    item.content.as_event().ok_or_else(|| crate::store::Error::ItemNotFound.into())
}

/// Mails what an update by the organiser mails, whether wanted or not (docs: event-update).
fn mail_update(
    mailbox: &mut Mailbox,
    id: ItemId,
    before: &Event,
    body: &Map<String, Value>,
) -> Result<(), Error> {
    let after = event_of(mailbox.item(id)?)?.clone();
    if !event::is_organizer(mailbox, &after) {
        return Ok(());
    }
    let known = |attendees: &[Attendee], one: &Attendee| {
        attendees.iter().any(|a| a.person.address.eq_ignore_ascii_case(&one.person.address))
    };
    let (stay, come): (Vec<Attendee>, Vec<Attendee>) =
        after.attendees.iter().cloned().partition(|one| known(&before.attendees, one));
    let go: Vec<Attendee> =
        before.attendees.iter().filter(|one| !known(&after.attendees, one)).cloned().collect();
    let (come, go) = (others(mailbox, &come), others(mailbox, &go));
    mailbox.mail(id, SentKind::Invitation, come)?;
    mailbox.mail(id, SentKind::Cancellation, go)?;
    // A change of the attendees alone mails only those that changed.
    if body.keys().any(|name| name != "attendees") {
        let told = others(mailbox, &stay);
        mailbox.mail(id, SentKind::Update, told)?;
    }
    Ok(())
}

fn others(mailbox: &Mailbox, attendees: &[Attendee]) -> Vec<String> {
    attendees
        .iter()
        .map(|attendee| attendee.person.address.clone())
        .filter(|address| !address.eq_ignore_ascii_case(&mailbox.address))
        .collect()
}

fn shown(mailbox: &Mailbox, call: &Call<'_>, item: &Item) -> Result<Response, Error> {
    let json = event::render(mailbox, item, event_of(item)?, call);
    Ok(answer::shown(mailbox, call, item, "events", json))
}

fn created(mailbox: &Mailbox, call: &Call<'_>, id: ItemId) -> Result<Response, Error> {
    let item = mailbox.item(id)?;
    let response = shown(mailbox, call, item)?;
    Ok(answer::created(mailbox, call, item, "events", response))
}
