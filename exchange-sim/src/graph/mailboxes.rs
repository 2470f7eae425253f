//! Mailboxes by their own ids, with all folders and all items whatever their kind: what imports and
//! exports start from (docs: mailbox-import-export-api-overview).
//!
//! Folders and items are called by the same ids as everywhere else in this server.

use super::call::Call;
use super::error::Error;
use super::query::{self, Allowed};
use super::{Caller, counted, delta, elsewhere, event, export, folders, import, list};
use crate::store::{
    self, Entry, Feed, Folder, FolderId, Item, Mailbox, Node, Role, Scope, What, World,
};
use crate::{Request, Response};
use http::Method;
use serde_json::{Value, json};
use std::cell::LazyCell;

/// What the tokens of deltas begin with; the members selected follow.
const FOLDERS: &str = "mailboxFolders/delta?";
/// As [`FOLDERS`].
const ITEMS: &str = "mailboxItems/delta?";
/// Members of a mailboxFolder (docs: mailboxFolder resource).
const FOLDER_MEMBERS: [&str; 6] =
    ["id", "childFolderCount", "displayName", "parentFolderId", "totalItemCount", "type"];
/// Members of a mailboxItem (docs: mailboxItem resource).
const ITEM_MEMBERS: [&str; 7] =
    ["id", "categories", "changeKey", "createdDateTime", "lastModifiedDateTime", "size", "type"];

/// What a path below a mailbox names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target<'p> {
    Folders,
    Folder(&'p str),
    ChildFolders(&'p str),
    Items(&'p str),
    Item(&'p str, &'p str),
    /// Changes of the folders below one, or below the top.
    FoldersDelta(Option<&'p str>),
    ItemsDelta(&'p str),
    Export,
    ImportSession,
}

/// The decoded segments below `/admin/exchange/mailboxes`; `None` for other paths. A folder named
/// through the one above it is named by its id alone where more follows.
pub(super) fn path(path: &str) -> Option<Vec<String>> {
    let segments: Vec<String> = super::route::segments(path);
    let known = ["admin", "exchange", "mailboxes"];
    let is_below = segments.len() >= known.len()
        && segments.iter().zip(known).all(|(segment, known)| segment.eq_ignore_ascii_case(known));
    let mut path = is_below.then(|| segments[known.len()..].to_vec())?;
    while path.len() > 5 && path[3].eq_ignore_ascii_case("childFolders") {
        path.drain(2..4);
    }
    Some(path)
}

/// The id of a mailbox, which its owner reads in `settings/exchange` (docs:
/// usersettings-list-exchange).
pub(super) fn mailbox_id(tenant: &str, mailbox: &Mailbox) -> String {
    format!("MBX:{}@{tenant}", store::rng::guid_text(&mailbox.guid))
}

/// The address of the mailbox that a path is about.
pub(super) fn address(world: &World, path: &[String]) -> Option<String> {
    let (id, tenant) = (path.first()?, &world.config.tenant);
    let is_it = |mailbox: &&Mailbox| mailbox_id(tenant, mailbox).eq_ignore_ascii_case(id);
    world.mailboxes.values().find(is_it).map(|mailbox| mailbox.address.clone())
}

/// `settings/exchange` of a user.
pub(super) fn settings(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    Ok(call.answer(
        200,
        &json!({
            "@odata.context": call.context("settings/exchange/$entity"),
            "primaryMailboxId": mailbox_id(&world.config.tenant, mailbox),
        }),
    ))
}

/// Answers a request about a mailbox by its id.
pub(super) fn serve(
    world: &mut World,
    request: &Request,
    caller: &Caller,
    whole: &[String],
) -> Result<Response, Error> {
    let (path, counts) = match whole.split_last() {
        Some((last, list)) if last.eq_ignore_ascii_case("$count") => (list, true),
        Some(_) | None => (whole, false),
    };
    let target = target(path).filter(|target| !counts || target.is_counted());
    let target = target.ok_or_else(|| refused(whole))?;
    let address = address(world, path);
    let is_own = |address: &String| caller.user.as_ref().is_none_or(|own| own == address);
    if !target.needs().iter().any(|needed| caller.may(needed)) {
        return Err(Error::access_denied());
    }
    let address = address.ok_or_else(no_mailbox)?;
    if !is_own(&address) {
        return Err(Error::access_denied());
    }
    let options = if counts { query::COUNT } else { target.options() };
    let allowed = Allowed { options, strict: world.config.strict };
    let mut call = Call::new(request, &address, allowed)?;
    call.query.count |= counts;
    world.pace.count(world.config.throttle, &address, request, world.now())?;
    let answer = answer(world, &call, path, target)?;
    Ok(if counts { counted(&answer) } else { answer })
}

fn answer(
    world: &mut World,
    call: &Call<'_>,
    path: &[String],
    target: Target<'_>,
) -> Result<Response, Error> {
    match (call.request.method(), target) {
        (&Method::GET, Target::Folders) => folder_list(world, call, path, None),
        (&Method::GET, Target::ChildFolders(id)) => folder_list(world, call, path, Some(id)),
        (&Method::GET, Target::Folder(id)) => one_folder(world, call, path, id),
        (&Method::GET, Target::Items(id)) => item_list(world, call, path, id),
        (&Method::GET, Target::Item(folder, id)) => one_item(world, call, path, (folder, id)),
        (&Method::GET, Target::FoldersDelta(id)) => folder_changes(world, call, id),
        (&Method::GET, Target::ItemsDelta(id)) => item_changes(world, call, id),
        (&Method::POST, Target::Export) => export::export(world, call),
        (&Method::POST, Target::ImportSession) => import::open(world, call),
        (method, _) => Err(Error::no_such_method(method.as_str())),
    }
}

impl Target<'_> {
    /// The application permissions of which one is needed (docs: mailbox-list-folders,
    /// mailboxfolder-list-items, mailbox-exportitems, mailbox-createimportsession).
    fn needs(self) -> &'static [&'static str] {
        match self {
            Target::Folders
            | Target::Folder(_)
            | Target::ChildFolders(_)
            | Target::FoldersDelta(_) => &["MailboxFolder.Read.All", "MailboxFolder.ReadWrite.All"],
            Target::Items(_) | Target::Item(..) | Target::ItemsDelta(_) => {
                &["MailboxItem.Read.All"]
            }
            Target::Export => &["MailboxItem.Export.All", "MailboxItem.ImportExport.All"],
            Target::ImportSession => &["MailboxItem.ImportExport.All"],
        }
    }

    /// Whether `$count` may follow.
    fn is_counted(self) -> bool {
        match self {
            Target::Folders | Target::ChildFolders(_) | Target::Items(_) => true,
            Target::Folder(_)
            | Target::Item(..)
            | Target::FoldersDelta(_)
            | Target::ItemsDelta(_)
            | Target::Export
            | Target::ImportSession => false,
        }
    }

    /// The query options allowed.
    fn options(self) -> &'static [&'static str] {
        match self {
            Target::Folders | Target::ChildFolders(_) | Target::Items(_) => query::LIST,
            Target::Folder(_) | Target::Item(..) => query::SINGLE,
            Target::FoldersDelta(_) | Target::ItemsDelta(_) => query::PLAIN_DELTA,
            Target::Export | Target::ImportSession => query::NONE,
        }
    }
}

/// What the segments from a mailbox's id on name; `None` where nothing that is served.
fn target(path: &[String]) -> Option<Target<'_>> {
    let lower: Vec<String> = path.iter().map(|segment| segment.to_ascii_lowercase()).collect();
    let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
    Some(match lower.as_slice() {
        [_, "folders"] => Target::Folders,
        [_, "folders", delta] if is_delta(delta) => Target::FoldersDelta(None),
        [_, "folders", _] => Target::Folder(&path[2]),
        [_, "folders", _, "childfolders"] => Target::ChildFolders(&path[2]),
        [_, "folders", _, "childfolders", delta] if is_delta(delta) => {
            Target::FoldersDelta(Some(&path[2]))
        }
        [_, "folders", _, "childfolders", _] => Target::Folder(&path[4]),
        [_, "folders", _, "items"] => Target::Items(&path[2]),
        [_, "folders", _, "items", delta] if is_delta(delta) => Target::ItemsDelta(&path[2]),
        [_, "folders", _, "items", _] => Target::Item(&path[2], &path[4]),
        [_, "exportitems" | "microsoft.graph.exportitems"] => Target::Export,
        [_, "createimportsession" | "microsoft.graph.createimportsession"] => Target::ImportSession,
        [..] => return None,
    })
}

fn is_delta(segment: &str) -> bool {
    segment.trim_start_matches("microsoft.graph.").trim_end_matches("()") == "delta"
}

/// Refuses a path below `/admin/exchange/mailboxes`.
fn refused(path: &[String]) -> Error {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    elsewhere::refuse(&[&["admin", "exchange", "mailboxes"], path.as_slice()].concat())
}

fn no_mailbox() -> Error {
    Error::new(404, "ErrorInvalidMailboxId", "The mailbox id is invalid.")
}

/// The folders directly below one, or below the top of the mailbox.
fn folder_list(
    world: &World,
    call: &Call<'_>,
    path: &[String],
    parent: Option<&str>,
) -> Result<Response, Error> {
    check_select(call, &FOLDER_MEMBERS, "mailboxFolder")?;
    let mailbox = call.mailbox(world)?;
    let parent = folders::find(mailbox, parent.unwrap_or(Role::MsgFolderRoot.distinguished()))?;
    let mut found = Vec::new();
    for folder in mailbox.children(parent) {
        let json = folder_json(mailbox, folder);
        let holds = match &call.query.filter {
            Some(filter) => filter.holds_entity(&&json)?,
            None => true,
        };
        if holds {
            found.push(json);
        }
    }
    list::sort(&mut found, call)?;
    let total = found.len();
    let page = found.into_iter().skip(call.query.skip).take(page_size(call)).collect();
    Ok(paged(call, path, page, total))
}

fn one_folder(
    world: &World,
    call: &Call<'_>,
    path: &[String],
    id: &str,
) -> Result<Response, Error> {
    check_select(call, &FOLDER_MEMBERS, "mailboxFolder")?;
    let mailbox = call.mailbox(world)?;
    let folder = mailbox.folder(folders::find(mailbox, id)?)?;
    Ok(shown(call, path, folder_json(mailbox, folder)))
}

fn folder_json(mailbox: &Mailbox, folder: &Folder) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.mailboxFolder",
        "id": mailbox.graph_folder_id(folder.id),
        "displayName": folder.name,
        "parentFolderId": folder.parent.map(|parent| mailbox.graph_folder_id(parent)),
        "childFolderCount": mailbox.children(folder.id).count(),
        "totalItemCount": mailbox.items_in(folder.id).count(),
        "type": folder.class,
    })
}

/// The items of a folder, of series their masters.
fn item_list(
    world: &World,
    call: &Call<'_>,
    path: &[String],
    folder: &str,
) -> Result<Response, Error> {
    check_select(call, &ITEM_MEMBERS, "mailboxItem")?;
    let mailbox = call.mailbox(world)?;
    let folder = folders::find(mailbox, folder)?;
    let mut found = Vec::new();
    for item in mailbox.items_in(folder) {
        let json = LazyCell::new(|| item_json(mailbox, item, call));
        let holds = match &call.query.filter {
            Some(filter) => filter.holds(item, &json)?,
            None => true,
        };
        if holds {
            found.push(item);
        }
    }
    let total = found.len();
    let (skip, size) = (call.query.skip, page_size(call));
    let rendered = |item: &&Item| item_json(mailbox, item, call);
    // Sorting needs all of them rendered, a page only its own.
    let page = match call.query.order.is_empty() {
        true => found.iter().skip(skip).take(size).map(rendered).collect(),
        false => {
            let mut all: Vec<Value> = found.iter().map(rendered).collect();
            list::sort(&mut all, call)?;
            all.into_iter().skip(skip).take(size).collect()
        }
    };
    Ok(paged(call, path, page, total))
}

fn one_item(
    world: &World,
    call: &Call<'_>,
    path: &[String],
    (folder, id): (&str, &str),
) -> Result<Response, Error> {
    check_select(call, &ITEM_MEMBERS, "mailboxItem")?;
    let mailbox = call.mailbox(world)?;
    let folder = folders::find(mailbox, folder)?;
    let item = mailbox.find_item(id)?;
    if item.folder != folder || item.occurrence.is_some() {
        return Err(store::Error::ItemNotFound.into());
    }
    Ok(shown(call, path, item_json(mailbox, &item, call)))
}

fn item_json(mailbox: &Mailbox, item: &Item, call: &Call<'_>) -> Value {
    let mut json = json!({
        "@odata.type": "#microsoft.graph.mailboxItem",
        "@odata.etag": event::etag(mailbox, item),
        "id": event::id(mailbox, item, &call.prefer),
        "createdDateTime": event::instant(item.created),
        "lastModifiedDateTime": event::instant(item.modified),
        "changeKey": mailbox.change_key(item),
        "categories": item.content.categories,
        "type": item.class(),
        "size": item.size(),
    });
    event::extend(&mut json, &call.query.expand, |id| item.property(id));
    json
}

/// Changes of the folders below one, at any depth.
fn folder_changes(
    world: &mut World,
    call: &Call<'_>,
    below: Option<&str>,
) -> Result<Response, Error> {
    check_select(call, &FOLDER_MEMBERS, "mailboxFolder")?;
    let mailbox = call.mailbox_mut(world)?;
    let below = folders::find(mailbox, below.unwrap_or(Role::MsgFolderRoot.distinguished()))?;
    let (operation, names) = delta::selection(mailbox, call, FOLDERS)?;
    let feed = Feed { operation, scope: Scope::Folders(below), window: None };
    delta::page(mailbox, call, &feed, "mailboxFolder", |mailbox, entry| {
        let json = match entry.node {
            Node::Folder(id) if entry.what != What::Deleted => {
                mailbox.folder(id).ok().map(|folder| folder_json(mailbox, folder))
            }
            Node::Folder(_) | Node::Item { .. } => None,
        };
        Some(changed(mailbox, call, entry, json, names.as_ref()))
    })
}

/// Changes of the items of a folder.
fn item_changes(world: &mut World, call: &Call<'_>, folder: &str) -> Result<Response, Error> {
    check_select(call, &ITEM_MEMBERS, "mailboxItem")?;
    let mailbox = call.mailbox_mut(world)?;
    let folder: FolderId = folders::find(mailbox, folder)?;
    let (operation, names) = delta::selection(mailbox, call, ITEMS)?;
    let feed = Feed { operation, scope: Scope::Items(folder), window: None };
    delta::page(mailbox, call, &feed, "mailboxItem", |mailbox, entry| {
        let json = match entry.node {
            Node::Item { id, moves } if entry.what != What::Deleted => {
                let item = mailbox.item(id).ok().filter(|item| item.moves == moves);
                item.map(|item| item_json(mailbox, item, call))
            }
            Node::Item { .. } | Node::Folder(_) => None,
        };
        Some(changed(mailbox, call, entry, json, names.as_ref()))
    })
}

/// What changed, or its id where it is gone.
fn changed(
    mailbox: &Mailbox,
    call: &Call<'_>,
    entry: Entry,
    json: Option<Value>,
    names: Option<&Vec<String>>,
) -> Value {
    match json {
        Some(json) => event::select(json, names),
        None => json!({
            "id": event::node_id(mailbox, entry.node, &call.prefer),
            "@removed": {"reason": "deleted"},
        }),
    }
}

/// Refuses to select what a type doesn't have, where the schema is insisted on.
fn check_select(call: &Call<'_>, members: &[&str], kind: &str) -> Result<(), Error> {
    let is_unknown = |name: &&String| !members.iter().any(|known| known.eq_ignore_ascii_case(name));
    match call.query.select.iter().flatten().find(is_unknown).filter(|_| call.strict) {
        None => Ok(()),
        Some(name) => Err(Error::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.{kind}'."
        ))),
    }
}

fn page_size(call: &Call<'_>) -> usize {
    call.query.top.or(call.prefer.max_page_size).unwrap_or(list::PAGE)
}

/// The path of a collection or its members as contexts have it (docs: mailboxfolder-list-items).
fn context(call: &Call<'_>, path: &[String]) -> String {
    let mut context = format!("{}/$metadata#admin/exchange/mailboxes", call.base);
    for (at, segment) in path.iter().enumerate() {
        match at {
            2 | 4 => context.push_str(&format!("('{segment}')")),
            _ => context.push_str(&format!("/{segment}")),
        }
    }
    context
}

fn paged(call: &Call<'_>, path: &[String], page: Vec<Value>, total: usize) -> Response {
    let select = |json| event::select(json, call.query.select.as_ref());
    let value: Vec<Value> = page.into_iter().map(select).collect();
    let next = call.query.skip + value.len();
    let mut body = json!({"@odata.context": context(call, path)});
    if call.query.count {
        body["@odata.count"] = json!(total);
    }
    if next < total {
        body["@odata.nextLink"] = json!(list::next_link(call, next));
    }
    body["value"] = Value::Array(value);
    call.answer(200, &body)
}

fn shown(call: &Call<'_>, path: &[String], json: Value) -> Response {
    let mut json = event::select(json, call.query.select.as_ref());
    let collection = &path[..path.len() - 1];
    json["@odata.context"] = json!(format!("{}/$entity", context(call, collection)));
    call.answer(200, &json)
}
