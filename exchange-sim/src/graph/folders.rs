//! Mail folders.

use super::calendar::page;
use super::call::Call;
use super::error::Error;
use super::event::select;
use super::read_only;
use super::write::{flag, text};
use crate::store::{DeleteType, Folder, FolderId, Mailbox, PropertyValue, Role, World, folder};
use crate::{Response, respond};
use serde_json::{Map, Value, json};

/// Members of mail folders (docs: mailFolder resource).
const MEMBERS: [&str; 8] = [
    "id",
    "displayName",
    "parentFolderId",
    "childFolderCount",
    "unreadItemCount",
    "totalItemCount",
    "sizeInBytes",
    "isHidden",
];

/// Finds a folder by id or well-known name.
pub(super) fn find(mailbox: &Mailbox, id: &str) -> Result<FolderId, Error> {
    match Role::parse(id) {
        Some(role) => Ok(mailbox.role(role)),
        None => Ok(mailbox.find_folder(id)?.id),
    }
}

/// The mail folders directly below `parent`, or below the top; hidden ones if they are asked for.
pub(super) fn list(
    world: &mut World,
    call: &Call<'_>,
    parent: Option<&str>,
) -> Result<Response, Error> {
    check_select(call)?;
    let mailbox = call.mailbox(world)?;
    let parent = find(mailbox, parent.unwrap_or(Role::MsgFolderRoot.distinguished()))?;
    let mut found = Vec::new();
    let hidden = includes_hidden(call);
    let listed = |folder: &&Folder| folder.is_for_mail() && (hidden || !folder.is_hidden());
    for folder in mailbox.children(parent).filter(listed) {
        let json = render(mailbox, folder);
        let holds = match &call.query.filter {
            Some(filter) => filter.holds_entity(&&json)?,
            None => true,
        };
        if holds {
            found.push(json);
        }
    }
    super::list::sort(&mut found, call)?;
    Ok(page(call, "mailFolders", found))
}

/// One mail folder.
pub(super) fn get(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    check_select(call)?;
    let mailbox = call.mailbox(world)?;
    shown(mailbox, call, 200, find(mailbox, id)?)
}

/// A new folder below `parent`, or below the top.
pub(super) fn create(
    world: &mut World,
    call: &Call<'_>,
    parent: Option<&str>,
) -> Result<Response, Error> {
    let body = call.body()?;
    if is_search_folder(&body) {
        return Err(Error::not_served("mailSearchFolder"));
    }
    let name = name(call)?.ok_or_else(empty_name)?;
    let hidden = match body.get("isHidden") {
        Some(value) if !value.is_null() => flag("isHidden", value)?,
        Some(_) | None => false,
    };
    let mailbox = call.mailbox_mut(world)?;
    let parent = find(mailbox, parent.unwrap_or(Role::MsgFolderRoot.distinguished()))?;
    let id = mailbox.create_folder(parent, &name, folder::MAIL_CLASS)?;
    if hidden {
        let value = PropertyValue::One(hidden.to_string());
        mailbox.set_folder_property(id, folder::hidden(), Some(value))?;
    }
    shown(mailbox, call, 201, id)
}

/// Whether a search folder is wanted (docs: mailsearchfolder-post).
fn is_search_folder(body: &Map<String, Value>) -> bool {
    let kind = body.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    kind.trim_start_matches('#').eq_ignore_ascii_case("microsoft.graph.mailSearchFolder")
}

/// Renames a folder.
pub(super) fn update(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let name = name(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let id = find(mailbox, id)?;
    if let Some(name) = name {
        mailbox.rename_folder(id, &name)?;
    }
    shown(mailbox, call, 200, id)
}

/// Moves a folder to Deleted Items; from there it goes for good.
///
/// The page of the operation doesn't say so. Clients have seen it: mail folders in
/// littlebearapps/outlook-assistant#218, contact folders, which stay readable after the 204, in
/// microsoftgraph/msgraph-sdk-powershell#2743 and microsoftgraph/msgraph-beta-sdk-php#300.
pub(super) fn delete(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let id = find(mailbox, id)?;
    mailbox.delete_folder(id, DeleteType::MoveToDeletedItems)?;
    Ok(respond(204, "", ""))
}

/// Removes a folder for good, wherever it lies (docs: mailfolder-permanentdelete).
pub(super) fn purge(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let id = find(mailbox, id)?;
    mailbox.delete_folder(id, DeleteType::HardDelete)?;
    Ok(respond(204, "", ""))
}

/// Moves a folder below another one.
pub(super) fn move_to(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let target = destination(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let (id, target) = (find(mailbox, id)?, find(mailbox, &target)?);
    mailbox.move_folder(id, target)?;
    shown(mailbox, call, 201, id)
}

/// Whether `includeHiddenFolders=true` is asked for (docs: user-list-mailfolders).
fn includes_hidden(call: &Call<'_>) -> bool {
    let query = call.request.uri().query().unwrap_or_default();
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, value)| {
        name.eq_ignore_ascii_case("includeHiddenFolders") && value.eq_ignore_ascii_case("true")
    })
}

/// Copies a folder with all it holds below another one.
pub(super) fn copy_to(world: &mut World, call: &Call<'_>, id: &str) -> Result<Response, Error> {
    let target = destination(call)?;
    let mailbox = call.mailbox_mut(world)?;
    let (id, target) = (find(mailbox, id)?, find(mailbox, &target)?);
    let copy = mailbox.copy_folder(id, target)?;
    shown(mailbox, call, 200, copy)
}

/// The `destinationId` of an action's body, whose parameters are matched without case.
pub(super) fn destination(call: &Call<'_>) -> Result<String, Error> {
    let body = call.body()?;
    match parameter(&body, "destinationId") {
        Some(value) => text("destinationId", value),
        None => {
            Err(Error::new(400, "ErrorInvalidRequest", "The parameter 'destinationId' is missing."))
        }
    }
}

/// A parameter of an action, matched without case.
pub(super) fn parameter<'b>(body: &'b Map<String, Value>, name: &str) -> Option<&'b Value> {
    body.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// The `displayName` of the body.
fn name(call: &Call<'_>) -> Result<Option<String>, Error> {
    let mut name = None;
    for (member, value) in &call.body()? {
        match member.as_str() {
            "displayName" => {
                let given = text(member, value)?;
                if given.trim().is_empty() {
                    return Err(empty_name());
                }
                name = Some(given);
            }
            known if read_only::is_read_only(&read_only::OF_FOLDERS, known, value)? => {}
            // What is set at the start only (docs: mailFolder).
            known if MEMBERS.contains(&known) => {}
            annotation if annotation.contains("@odata.") => {}
            _ if !call.strict => {}
            unknown => {
                return Err(Error::body(format!(
                    "The property '{unknown}' does not exist on type 'microsoft.graph.mailFolder'. \
                     Make sure to only use property names that are defined by the type or mark the \
                     type as open type."
                )));
            }
        }
    }
    Ok(name)
}

/// Refuses to select what folders don't have, where the schema is insisted on.
pub(super) fn check_select(call: &Call<'_>) -> Result<(), Error> {
    let is_unknown = |name: &&String| !MEMBERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    match call.query.select.iter().flatten().find(is_unknown).filter(|_| call.strict) {
        None => Ok(()),
        Some(name) => Err(Error::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.mailFolder'."
        ))),
    }
}

fn empty_name() -> Error {
    Error::new(400, "ErrorInvalidProperty", "The name of the folder must not be empty.")
}

fn shown(mailbox: &Mailbox, call: &Call<'_>, status: u16, id: FolderId) -> Result<Response, Error> {
    let json = render(mailbox, mailbox.folder(id)?);
    let mut json = select(json, call.query.select.as_ref());
    json["@odata.context"] = json!(call.context("mailFolders/$entity"));
    Ok(call.answer(status, &json))
}

pub(super) fn render(mailbox: &Mailbox, folder: &Folder) -> Value {
    json!({
        "id": mailbox.graph_folder_id(folder.id),
        "displayName": folder.name,
        "parentFolderId": folder.parent.map(|parent| mailbox.graph_folder_id(parent)),
        "childFolderCount": mailbox.children(folder.id).count(),
        "unreadItemCount": mailbox.unread(folder.id),
        "totalItemCount": mailbox.items_in(folder.id).count(),
        "sizeInBytes": 0,
        "isHidden": folder.is_hidden(),
    })
}
