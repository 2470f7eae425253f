//! Messages: lists, single ones, and what is done with them.

use super::answer::{self, expected};
use super::call::Call;
use super::error::Error;
use super::folders::{self, destination, parameter};
use super::message::{self, message_of};
use super::{event, list, mime, write};
use crate::store::{self, Content, DeleteType, Item, ItemId, Mailbox, Message, Role, World};
use crate::{Response, respond};
use serde_json::{Map, Value, json};
use std::cell::LazyCell;

/// What a POST below a message does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Move,
    Copy,
    Send,
    PermanentDelete,
}

impl Action {
    /// Finds an action by its segment in lower case.
    pub(super) fn parse(segment: &str) -> Option<Self> {
        match segment.trim_start_matches("microsoft.graph.") {
            "move" => Some(Self::Move),
            "copy" => Some(Self::Copy),
            "send" => Some(Self::Send),
            "permanentdelete" => Some(Self::PermanentDelete),
            _ => None,
        }
    }
}

/// The messages of a folder, or of the whole mailbox; the last received first.
pub(super) fn list(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
) -> Result<Response, Error> {
    message::check_select(call)?;
    let query = &call.query;
    let mailbox = call.mailbox(world)?;
    let folder = folder.map(|folder| folders::find(mailbox, folder)).transpose()?;
    let recoverable = mailbox.role(Role::RecoverableItemsRoot);
    let mut found = Vec::new();
    for item in mailbox.items() {
        let is_meant = match folder {
            Some(folder) => item.folder == folder,
            None => !mailbox.is_below(item.folder, recoverable),
        };
        let Some(message) = message_of(item).filter(|_| is_meant) else { continue };
        let json = LazyCell::new(|| message::render(mailbox, item, message, call));
        if match &query.filter {
            Some(filter) => filter.holds(item, &json)?,
            None => true,
        } {
            found.push((item, message));
        }
    }
    found.sort_by_key(|(item, message)| {
        std::cmp::Reverse((message::received(item, message), item.id))
    });
    let total = found.len();
    let size = query.top.or(call.prefer.max_page_size).unwrap_or(list::PAGE);
    let render = |(item, message): (&Item, &Message)| message::render(mailbox, item, message, call);
    let page: Vec<Value> = if query.order.is_empty() {
        found.into_iter().skip(query.skip).take(size).map(render).collect()
    } else {
        // Sorting needs all of them rendered, a page only its own.
        let mut all: Vec<Value> = found.into_iter().map(render).collect();
        list::sort(&mut all, call)?;
        all.into_iter().skip(query.skip).take(size).collect()
    };
    let value: Vec<Value> =
        page.into_iter().map(|json| event::select(json, query.select.as_ref())).collect();
    let next = query.skip + value.len();
    let mut body = json!({"@odata.context": call.context("messages")});
    if query.count {
        body["@odata.count"] = json!(total);
    }
    body["value"] = Value::Array(value);
    if next < total {
        body["@odata.nextLink"] = json!(list::next_link(call, next));
    }
    Ok(call.answer(200, &body))
}

/// A new message in a folder, or in Drafts.
pub(super) fn create(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
) -> Result<Response, Error> {
    let content = match mime::is_mime(call) {
        true => mime::read(call)?,
        false => message::create(&body(call)?)?,
    };
    let mailbox = call.mailbox_mut(world)?;
    let folder = folders::find(mailbox, folder.unwrap_or(Role::Drafts.distinguished()))?;
    let id = mailbox.create(folder, content)?;
    created(mailbox, call, id)
}

/// One message.
pub(super) fn get(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
) -> Result<Response, Error> {
    message::check_select(call)?;
    let mailbox = call.mailbox(world)?;
    shown(mailbox, call, find(mailbox, folder, id)?)
}

/// Changes a message.
pub(super) fn update(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
) -> Result<Response, Error> {
    let body = body(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let item = find(mailbox, folder, id)?;
    let expected = expected(mailbox, call, item)?;
    let (id, mut content) = (item.id, item.content.clone());
    message::update(&mut content, &body)?;
    mailbox.update(id, expected, content)?;
    shown(mailbox, call, mailbox.item(id)?)
}

/// Moves a message to Deleted Items, and from there to what can be recovered.
pub(super) fn delete(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
) -> Result<Response, Error> {
    remove(world, call, folder, id, DeleteType::MoveToDeletedItems)
}

/// Does something with a message.
pub(super) fn act(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
    action: Action,
) -> Result<Response, Error> {
    match action {
        Action::Move | Action::Copy => {
            let target = destination(call)?;
            let mailbox = call.mailbox_mut(world)?;
            let id = find(mailbox, folder, id)?.id;
            let target = folders::find(mailbox, &target)?;
            let id = if action == Action::Copy {
                mailbox.copy_item(id, target)?
            } else {
                mailbox.move_item(id, target)?;
                id
            };
            created(mailbox, call, id)
        }
        Action::Send => {
            let mailbox = call.mailbox_mut(world)?;
            let item = find(mailbox, folder, id)?;
            let message = message(item)?;
            if !message.draft {
                return Err(Error::new(400, "ErrorInvalidRequest", "The item is not a draft."));
            }
            check_recipients(message)?;
            let id = item.id;
            mailbox.send_draft(id, mailbox.role(Role::SentItems))?;
            Ok(respond(202, "", ""))
        }
        Action::PermanentDelete => remove(world, call, folder, id, DeleteType::HardDelete),
    }
}

/// Sends a message that isn't stored yet.
pub(super) fn send_mail(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let (content, save) = match mime::is_mime(call) {
        true => (mime::read(call)?, true),
        false => send_parameters(call)?,
    };
    if let store::Kind::Message(message) = &content.kind {
        check_recipients(message)?;
    }
    let mailbox = call.mailbox_mut(world)?;
    let save_to = save.then(|| mailbox.role(Role::SentItems));
    mailbox.send_message(content, save_to)?;
    Ok(respond(202, "", ""))
}

/// What to send, and whether a copy is kept.
fn send_parameters(call: &Call<'_>) -> Result<(Content, bool), Error> {
    let parameters = call.body()?;
    let members =
        write::object("message", parameter(&parameters, "message").unwrap_or(&Value::Null))?;
    let save = match parameter(&parameters, "saveToSentItems") {
        None | Some(Value::Null) => true,
        Some(save) => write::flag("saveToSentItems", save)?,
    };
    Ok((message::create(&known(call, members.clone()))?, save))
}

fn remove(
    world: &mut World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
    how: DeleteType,
) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let item = find(mailbox, folder, id)?;
    expected(mailbox, call, item)?;
    mailbox.delete(item.id, how)?;
    Ok(respond(204, "", ""))
}

/// Finds a message; under a folder only those that lie in it.
pub(super) fn find<'m>(
    mailbox: &'m Mailbox,
    folder: Option<&str>,
    id: &str,
) -> Result<&'m Item, Error> {
    let item = mailbox.item(mailbox.find_item(id)?.id)?;
    if let Some(folder) = folder
        && folders::find(mailbox, folder)? != item.folder
    {
        return Err(store::Error::ItemNotFound.into());
    }
    message(item)?;
    Ok(item)
}

fn message(item: &Item) -> Result<&Message, Error> {
    message_of(item).ok_or_else(|| store::Error::ItemNotFound.into())
}

fn check_recipients(message: &Message) -> Result<(), Error> {
    let mut people = message.to.iter().chain(&message.cc).chain(&message.bcc).peekable();
    if people.peek().is_some() && people.all(|person| person.address.contains('@')) {
        return Ok(());
    }
    Err(Error::new(
        400,
        "ErrorInvalidRecipients",
        "At least one recipient is not valid., Recipient must be a valid address.",
    ))
}

fn body(call: &Call<'_>) -> Result<Map<String, Value>, Error> {
    Ok(known(call, call.body()?))
}

/// Drops members that messages don't have where the schema isn't insisted on.
fn known(call: &Call<'_>, mut body: Map<String, Value>) -> Map<String, Value> {
    if !call.strict {
        body.retain(|name, _| message::is_known(name));
    }
    body
}

fn shown(mailbox: &Mailbox, call: &Call<'_>, item: &Item) -> Result<Response, Error> {
    let json = message::render(mailbox, item, message(item)?, call);
    Ok(answer::shown(mailbox, call, item, "messages", json))
}

fn created(mailbox: &Mailbox, call: &Call<'_>, id: ItemId) -> Result<Response, Error> {
    let item = mailbox.item(id)?;
    let response = shown(mailbox, call, item)?;
    Ok(answer::created(mailbox, call, item, "messages", response))
}
