//! Deltas: of events with a window and without, and of messages.

use super::call::{CalendarRef, Call};
use super::error::Error;
use super::event::{self, ODATA_TYPE};
use super::{folders, list, message};
use crate::Response;
use crate::store::{
    CursorError, Entry, Feed, Mailbox, Node, Role, Scope, What, Window, World, folder,
};
use serde_json::{Value, json};

const PAGE: usize = 50;
const VIEW: &str = "calendarView/delta";
const EVENTS: &str = "events/delta";
/// Followed by the members selected, which the tokens keep (docs: message-delta).
const MESSAGES: &str = "messages/delta?";
/// As [`MESSAGES`].
const FOLDERS: &str = "mailFolders/delta?";

/// Changes of a calendar within a window.
///
/// What lies outside is reported as removed, also when it is new (docs: event-delta).
pub(super) fn view(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    answer(world, call, calendar, VIEW, |call| list::window(call).map(Some))
}

/// Changes of a calendar without a window: only id, type, start and end of each event.
///
/// In v1.0 the path is in the OpenAPI description with both dates required; that it answers without
/// them is seen in clients, not documented.
pub(super) fn events(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    let unbounded = world.config.unbounded_delta;
    answer(world, call, calendar, EVENTS, |call| match (call.query.start, call.query.end) {
        (None, None) if unbounded => Ok(None),
        _ => list::window(call).map(Some),
    })
}

fn answer(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
    operation: &str,
    window: impl FnOnce(&Call<'_>) -> Result<Option<Window>, Error>,
) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let folder = call.calendar(mailbox, calendar)?;
    let token = call.query.token.as_deref();
    let window = match token {
        None => window(call)?,
        Some(token) => mailbox.cursor(token).map_err(|error| lost(call, error))?.feed().window,
    };
    let feed = Feed { operation: operation.to_owned(), scope: Scope::Items(folder), window };
    page(mailbox, call, &feed, "event", |mailbox, entry| Some(render(mailbox, call, &feed, entry)))
}

/// Changes of the messages of a mail folder.
pub(super) fn messages(
    world: &mut World,
    call: &Call<'_>,
    folder: &str,
) -> Result<Response, Error> {
    message::check_select(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let folder = folders::find(mailbox, folder)?;
    let (operation, names) = selection(mailbox, call, MESSAGES)?;
    let feed = Feed { operation, scope: Scope::Items(folder), window: None };
    page(mailbox, call, &feed, "message", |mailbox, entry| {
        message_entry(mailbox, call, names.as_ref(), entry)
    })
}

/// Changes of the mail folders of a mailbox, at any depth.
pub(super) fn mail_folders(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    folders::check_select(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let (operation, names) = selection(mailbox, call, FOLDERS)?;
    let scope = Scope::Folders(mailbox.role(Role::MsgFolderRoot));
    let feed = Feed { operation, scope, window: None };
    page(mailbox, call, &feed, "mailFolder", |mailbox, entry| {
        folder_entry(mailbox, call, names.as_ref(), entry)
    })
}

/// The operation that a feed is kept under, and the members selected when it began.
fn selection(
    mailbox: &Mailbox,
    call: &Call<'_>,
    prefix: &str,
) -> Result<(String, Option<Vec<String>>), Error> {
    let operation = match &call.query.token {
        None => format!("{prefix}{}", call.query.select.as_deref().unwrap_or_default().join(",")),
        Some(token) => {
            let cursor = mailbox.cursor(token).map_err(|error| lost(call, error))?;
            cursor.feed().operation.clone()
        }
    };
    let Some(selected) = operation.strip_prefix(prefix) else {
        return Err(lost(call, CursorError::Foreign));
    };
    let names: Vec<String> =
        selected.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let names = (!names.is_empty()).then_some(names);
    Ok((operation, names))
}

/// A page of a feed with the link to go on; what `render` gives nothing for is left out.
fn page(
    mailbox: &mut Mailbox,
    call: &Call<'_>,
    feed: &Feed,
    kind: &str,
    render: impl Fn(&Mailbox, Entry) -> Option<Value>,
) -> Result<Response, Error> {
    let token = call.query.token.as_deref();
    let mut size = call.prefer.max_page_size.unwrap_or(PAGE);
    // A round may begin with an empty page that has a nextLink.
    let empty_first = token.is_none() && mailbox.odd();
    if empty_first {
        size = 0;
    }
    let page = mailbox.sync_page(feed, token, size).map_err(|error| lost(call, error))?;
    let value: Vec<Value> =
        page.entries.iter().filter_map(|entry| render(mailbox, *entry)).collect();
    let (annotation, option) = if page.more || empty_first {
        ("@odata.nextLink", "$skiptoken")
    } else {
        ("@odata.deltaLink", "$deltatoken")
    };
    let mut body = json!({"@odata.context": format!("{}/$metadata#Collection({kind})", call.base)});
    body[annotation] = json!(call.link(&[(option, &page.token)]));
    body["value"] = Value::Array(value);
    Ok(call.answer(200, &body))
}

/// Nothing for items that are no messages, such as events in Deleted Items.
fn message_entry(
    mailbox: &Mailbox,
    call: &Call<'_>,
    names: Option<&Vec<String>>,
    entry: Entry,
) -> Option<Value> {
    let item = match entry.node {
        Node::Item { id, moves } if entry.what != What::Deleted => {
            mailbox.item(id).ok().filter(|item| item.moves == moves)
        }
        Node::Item { .. } | Node::Folder(_) => None,
    };
    let mut json = match item {
        Some(item) => {
            event::select(message::render(mailbox, item, message::message_of(item)?, call), names)
        }
        None => json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        }),
    };
    json["@odata.type"] = json!(message::ODATA_TYPE);
    Some(json)
}

/// Nothing for folders of another kind, such as calendars.
fn folder_entry(
    mailbox: &Mailbox,
    call: &Call<'_>,
    names: Option<&Vec<String>>,
    entry: Entry,
) -> Option<Value> {
    let folder = match entry.node {
        Node::Folder(id) if entry.what != What::Deleted => mailbox.folder(id).ok(),
        Node::Folder(_) | Node::Item { .. } => None,
    };
    match folder {
        Some(folder) if folder.class == folder::MAIL_CLASS => {
            Some(event::select(folders::render(mailbox, folder), names))
        }
        Some(_) => None,
        None => Some(json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        })),
    }
}

fn render(mailbox: &Mailbox, call: &Call<'_>, feed: &Feed, entry: Entry) -> Value {
    let removed = || {
        json!({
            "@odata.type": ODATA_TYPE,
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        })
    };
    let (Node::Item { id, moves }, false) = (entry.node, entry.what == What::Deleted) else {
        return removed();
    };
    let Some(item) = mailbox.item(id).ok().filter(|item| item.moves == moves) else {
        return removed();
    };
    let Some(event) = item.content.as_event() else { return removed() };
    match feed.window {
        Some(window) if !event.overlaps(window.start, window.end) => removed(),
        Some(_) => {
            let mut json = event::render(mailbox, item, event, call);
            json["@odata.type"] = json!(ODATA_TYPE);
            json
        }
        None => json!({
            "@odata.type": ODATA_TYPE,
            "@odata.etag": event::etag(mailbox, item),
            "id": event::id(mailbox, item, &call.prefer),
            "type": "singleInstance",
            "start": event::time(&event.start, &call.prefer),
            "end": event::time(&event.end, &call.prefer),
        }),
    }
}

/// What a client is told whose token leads nowhere.
fn lost(call: &Call<'_>, error: CursorError) -> Error {
    match error {
        CursorError::Expired => Error {
            location: Some(call.link(&[("$deltatoken", "")])),
            ..Error::new(410, "SyncStateNotFound", "The sync state generation is not found.")
        },
        CursorError::Unknown => Error::new(400, "SyncStateInvalid", "The sync state is invalid."),
        CursorError::Foreign => {
            Error::new(400, "SyncStateInvalid", "The sync state belongs to another collection.")
        }
    }
}
