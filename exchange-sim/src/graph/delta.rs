//! Deltas: of events with a window and without, and of mail folders.

use super::call::{CalendarRef, Call};
use super::error::Error;
use super::event::{self, ODATA_TYPE};
use super::query::{self, Allowed, Query};
use super::{folders, list, route, series};
use crate::Response;
use crate::store::{
    CursorError, Entry, Feed, Item, Mailbox, Node, Role, Scope, What, Window, World,
};
use serde_json::{Value, json};

const PAGE: usize = 50;
const VIEW: &str = "calendarView/delta";
const EVENTS: &str = "events/delta";
/// Followed by the options, which the tokens keep (docs: mailfolder-delta).
const FOLDERS: &str = "mailFolders/delta?";

/// Changes of a calendar within a window.
///
/// What lies outside is reported as removed, also when it is new (docs: event-delta). Any change of
/// a series gives all of it again: the master, and what it has in the window. An occurrence that was
/// deleted is just missing (microsoftgraph/microsoft-graph-docs#4501).
pub(super) fn view(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    answer(world, call, calendar, VIEW, |call| list::window(call).map(Some))
}

/// Changes of a calendar without a window: only id, type, start and end of each single event and
/// each master.
///
/// In v1.0 the path is in the OpenAPI description with both dates required. That it answers, and
/// without them, is seen in clients; that it is refused, in microsoftgraph/msgraph-metadata#608.
pub(super) fn events(
    world: &mut World,
    call: &Call<'_>,
    calendar: &CalendarRef,
) -> Result<Response, Error> {
    if !world.config.unbounded_delta {
        return Err(route::untracked("event"));
    }
    answer(world, call, calendar, EVENTS, |call| match (call.query.start, call.query.end) {
        (None, None) => Ok(None),
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
    page(mailbox, call, &feed, "event", |mailbox, entry| render(mailbox, call, feed.window, entry))
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
pub(super) fn selection(
    mailbox: &Mailbox,
    call: &Call<'_>,
    prefix: &str,
) -> Result<(String, Option<Vec<String>>), Error> {
    let (operation, query) = begun(mailbox, call, prefix, query::PLAIN_DELTA)?;
    Ok((operation, query.select))
}

/// The operation that a feed is kept under, and the options that it began with.
pub(super) fn begun(
    mailbox: &Mailbox,
    call: &Call<'_>,
    prefix: &str,
    options: &'static [&'static str],
) -> Result<(String, Query), Error> {
    let Some(token) = &call.query.token else {
        return Ok((format!("{prefix}{}", call.query.to_keep()), call.query.clone()));
    };
    let cursor = mailbox.cursor(token).map_err(|error| lost(call, error))?;
    let operation = cursor.feed().operation.clone();
    let Some(kept) = operation.strip_prefix(prefix) else {
        return Err(lost(call, CursorError::Foreign));
    };
    let query = Query::parse(kept, Allowed { options, strict: call.strict })?;
    Ok((operation, Query { token: Some(token.clone()), ..query }))
}

/// A page of a feed with the link to go on; what `render` gives nothing for is left out.
pub(super) fn page<Rendered: IntoIterator<Item = Value>>(
    mailbox: &mut Mailbox,
    call: &Call<'_>,
    feed: &Feed,
    kind: &str,
    render: impl Fn(&Mailbox, Entry) -> Rendered,
) -> Result<Response, Error> {
    arranged_page(mailbox, call, feed, kind, |_, entries| entries, render)
}

/// The same of a feed that lists less or in another order, which `arrange` sees to.
pub(super) fn arranged_page<Rendered: IntoIterator<Item = Value>>(
    mailbox: &mut Mailbox,
    call: &Call<'_>,
    feed: &Feed,
    kind: &str,
    arrange: impl Fn(&Mailbox, Vec<Entry>) -> Vec<Entry>,
    render: impl Fn(&Mailbox, Entry) -> Rendered,
) -> Result<Response, Error> {
    let token = call.query.token.as_deref();
    let size = call.prefer.max_page_size.unwrap_or(PAGE);
    let mut page =
        mailbox.arranged_page(feed, token, size, &arrange).map_err(|error| lost(call, error))?;
    // A page may be empty and still have a nextLink (docs: delta-query-overview); here that is the
    // first of a round that takes several.
    if token.is_none() && page.more && mailbox.odd() {
        page = mailbox.arranged_page(feed, None, 0, &arrange).map_err(|error| lost(call, error))?;
    }
    let value: Vec<Value> = page.entries.iter().flat_map(|entry| render(mailbox, *entry)).collect();
    let (annotation, option) = if page.more {
        ("@odata.nextLink", "$skiptoken")
    } else {
        ("@odata.deltaLink", "$deltatoken")
    };
    let mut body = json!({"@odata.context": format!("{}/$metadata#Collection({kind})", call.base)});
    body[annotation] = json!(call.link(&[(option, &page.token)]));
    body["value"] = Value::Array(value);
    Ok(call.answer(200, &body))
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
        Some(folder) if folder.is_for_mail() => {
            Some(event::select(folders::render(mailbox, folder), names))
        }
        Some(_) => None,
        None => Some(json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        })),
    }
}

/// What a page tells of one change: of a series in a window the master first.
fn render(mailbox: &Mailbox, call: &Call<'_>, window: Option<Window>, entry: Entry) -> Vec<Value> {
    let item = match entry.node {
        Node::Item { id, moves } if entry.what != What::Deleted => {
            mailbox.item(id).ok().filter(|item| item.moves == moves)
        }
        Node::Item { .. } | Node::Folder(_) => None,
    };
    let mut found: Vec<Value> = match (item, window) {
        (Some(item), Some(window)) if item.is_in(window) => in_window(mailbox, call, item, window),
        (Some(item), None) => brief(mailbox, call, item).into_iter().collect(),
        (Some(_), Some(_)) | (None, _) => Vec::new(),
    };
    if found.is_empty() {
        found.push(json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        }));
    }
    for json in &mut found {
        json["@odata.type"] = json!(ODATA_TYPE);
    }
    found
}

/// An event, or a series as its master, its exceptions, and its occurrences in short.
fn in_window(mailbox: &Mailbox, call: &Call<'_>, item: &Item, window: Window) -> Vec<Value> {
    let full = |item: &Item| {
        item.content.as_event().map(|event| event::render(mailbox, item, event, call))
    };
    let instances = item.occurrences_in(window).filter_map(|item| match &item.occurrence {
        Some(occurrence) if !occurrence.is_exception => series::sparse(mailbox, &item, call),
        Some(_) | None => full(&item),
    });
    full(item).into_iter().chain(instances).collect()
}

fn brief(mailbox: &Mailbox, call: &Call<'_>, item: &Item) -> Option<Value> {
    let event = item.content.as_event()?;
    Some(json!({
        "@odata.etag": event::etag(mailbox, item),
        "id": event::id(mailbox, item, &call.prefer),
        "type": event::kind(item),
        "start": event::time(&event.start, &call.prefer),
        "end": event::time(&event.end, &call.prefer),
    }))
}

/// What a client is told whose token leads nowhere.
fn lost(call: &Call<'_>, error: CursorError) -> Error {
    let gone = || Error {
        location: Some(call.link(&[("$deltatoken", "")])),
        ..Error::new(410, "SyncStateNotFound", "The sync state generation is not found.")
    };
    match error {
        CursorError::Expired => gone(),
        // One that is not kept any more, most likely.
        CursorError::Unknown if call.query.token.as_deref().is_some_and(Mailbox::may_be_token) => {
            gone()
        }
        CursorError::Unknown => Error::new(400, "SyncStateInvalid", "The sync state is invalid."),
        CursorError::Foreign => {
            Error::new(400, "SyncStateInvalid", "The sync state belongs to another collection.")
        }
    }
}
