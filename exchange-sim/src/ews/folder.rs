//! Folder operations: GetFolder, FindFolder, CreateFolder, UpdateFolder, MoveFolder, CopyFolder,
//! EmptyFolder, DeleteFolder.

use super::context::Context;
use super::context::folder_id_element;
use super::context::parent_id_element;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::field::effective_rights;
use super::find;
use super::find::Subject;
use super::item::delete_type;
use super::path::Path;
use super::path::extended_element;
use super::path::extended_property;
use super::permission::permission_set;
use super::schema::sort_children;
use super::write::boolean;
use super::xml::Element;
use crate::store::Error;
use crate::store::Folder;
use crate::store::FolderId;
use crate::store::Mailbox;
use crate::store::PropertyId;
use crate::store::PropertyValue;
use crate::store::Subfolders;

/// A `FolderShape`.
#[derive(Debug, Clone)]
pub(crate) struct FolderShape {
    fields: Vec<Path>,
}

/// MS docs: property sets and response shapes, table 2.
const DEFAULT: [&str; 4] =
    ["folder:DisplayName", "folder:TotalCount", "folder:ChildFolderCount", "folder:UnreadCount"];
/// As recordings have it.
const ALL: [&str; 7] = [
    "folder:ParentFolderId",
    "folder:FolderClass",
    "folder:DisplayName",
    "folder:TotalCount",
    "folder:ChildFolderCount",
    "folder:EffectiveRights",
    "folder:UnreadCount",
];

const PERMISSIONS: &str = "folder:PermissionSet";

impl FolderShape {
    /// Reads a `FolderShape`.
    pub(crate) fn read(request: &Element) -> Result<FolderShape, Failure> {
        let shape = request.child("FolderShape").ok_or_else(Failure::invalid_request)?;
        let base: &[&str] = match shape.child_text("BaseShape").unwrap_or_default() {
            "AllProperties" => &ALL,
            "Default" => &DEFAULT,
            _ => &[],
        };
        let mut fields: Vec<Path> = base.iter().map(|uri| Path::Field((*uri).to_owned())).collect();
        for path in shape.child("AdditionalProperties").iter().flat_map(|list| &list.children) {
            let path = Path::read(path)?;
            if !fields.contains(&path) {
                fields.push(path);
            }
        }
        Ok(FolderShape { fields })
    }

    /// Refused for lists where it has permissions (OfficeDev/ews-managed-api: `FolderSchema`).
    fn for_tables(self) -> Result<FolderShape, Failure> {
        let permissions = Path::Field(PERMISSIONS.to_owned());
        match self.fields.contains(&permissions) {
            true => Err(Failure::new(
                "ErrorInvalidPropertyRequest",
                "The property can not be used with this type of request.",
            )
            .about(permissions.element())),
            false => Ok(self),
        }
    }

    /// The shape of answers that only name a folder.
    pub(crate) fn id_only() -> FolderShape {
        FolderShape { fields: Vec::new() }
    }

    /// Renders a folder, its elements in the schema's order.
    pub(crate) fn render(&self, mailbox: &Mailbox, folder: &Folder) -> Element {
        let (name, kind) = element_name(&folder.class);
        let mut element = Element::t(name).with(folder_id_element(mailbox, folder));
        for path in &self.fields {
            element.children.extend(match path {
                Path::Field(uri) => field(mailbox, folder, name, uri),
                Path::Extended(id, path) => mailbox
                    .folder_property(folder, id)
                    .map(|value| extended_element(path.clone(), &value)),
                Path::Indexed(..) => None,
            });
        }
        sort_children(&mut element, kind);
        element
    }
}

/// GetFolder: one answer an id.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = FolderShape::read(request).map(|mut shape| {
        let base = request.child("FolderShape").and_then(|shape| shape.child_text("BaseShape"));
        // Newer servers give it where it is asked for by name (MS docs: PermissionSet).
        if base == Some("AllProperties") && context.server().is_before("Exchange2013") {
            shape.fields.push(Path::Field(PERMISSIONS.to_owned()));
        }
        shape
    });
    each(request, "FolderIds", |id| {
        let folder = context.folder(id, Failure::item_not_found)?;
        Ok(found(shape.clone()?.render(context.mailbox(), folder)))
    })
}

/// FindFolder: one answer a parent.
pub(crate) fn find(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = FolderShape::read(request);
    each(request, "ParentFolderIds", |parent| {
        let shape = shape.clone()?.for_tables()?;
        let mailbox = context.mailbox();
        let parent = context.folder(parent, Failure::folder_not_found)?.id;
        let below = |folder: &&Folder| match request.attribute("Traversal") {
            // Deleted folders are gone.
            Some("SoftDeleted") => false,
            Some("Deep") => mailbox.is_below(folder.id, parent),
            Some(_) | None => folder.parent == Some(parent),
        };
        let restriction = request.child("Restriction").and_then(|r| r.children.first());
        let mut folders = Vec::new();
        for folder in mailbox.folders().filter(below) {
            let value = |path: &Path| restricted_value(mailbox, folder, path);
            if restriction.map_or(Ok(true), |r| find::matches(r, &Subject::new(&value)))? {
                folders.push(folder);
            }
        }
        // Exchange lists them by name, whatever the depth.
        folders.sort_by_key(|folder| folder.name.to_lowercase());
        let page = find::Page::read(request, folders.len(), "Folder")?;
        let rendered = folders[page.range()].iter().map(|folder| shape.render(mailbox, folder));
        let list = Element::t("Folders").with_all(rendered);
        Ok(success().with(page.root(list)))
    })
}

/// CreateFolder: one answer a folder.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "Folders", |folder| {
        let holder = request.child("ParentFolderId").ok_or_else(Failure::invalid_request)?;
        let parent = context.folder_in(holder, Failure::parent_not_found)?;
        let name = folder.child_text("DisplayName").unwrap_or_default().trim().to_owned();
        let class = class_of(folder)?;
        check_name(&name)?;
        check_settable(folder)?;
        let properties = properties_of(folder)?;
        let mailbox = context.mailbox_mut();
        let id = mailbox.create_folder(parent, &name, &class).map_err(failure)?;
        for (property, value) in properties {
            mailbox.set_folder_property(id, property, Some(value)).map_err(failure)?;
        }
        let made = context.mailbox().folder(id).map_err(failure)?;
        let made = FolderShape::id_only().render(context.mailbox(), made);
        // Named as in the request, whatever the class (recording of Exchange Online, 2020).
        Ok(found(Element { name: folder.name.clone(), ..made }))
    })
}

/// The class of a folder to be made: of the special types it must be theirs, and a `Folder` without
/// one has none (recordings of Exchange 2007, 2010 and Exchange Online).
fn class_of(folder: &Element) -> Result<String, Failure> {
    let default = match folder.name.as_str() {
        "CalendarFolder" => "IPF.Appointment",
        "ContactsFolder" => "IPF.Contact",
        "TasksFolder" => "IPF.Task",
        "SearchFolder" => {
            let text = "Search folders are not offered by this server.";
            return Err(Failure::new("ErrorInvalidOperation", text));
        }
        _ => "",
    };
    let given = folder.child_text("FolderClass").unwrap_or_default().trim();
    match given {
        "" => Ok(default.to_owned()),
        _ if folder.name == "Folder" || element_name(given).0 == folder.name => {
            Ok(given.to_owned())
        }
        _ => Err(Failure::new(
            "ErrorNoFolderClassOverride",
            "The folder class can not be set for this type of folder.",
        )),
    }
}

/// Refuses fields that are the server's, and permissions, which nobody can give here.
fn check_settable(folder: &Element) -> Result<(), Failure> {
    let settable = ["FolderClass", "DisplayName", "ExtendedProperty"];
    match folder.children.iter().find(|child| !settable.contains(&child.name.as_str())) {
        Some(child) => {
            let path = Path::Field(format!("folder:{}", child.name));
            Err(refused("ErrorInvalidPropertySet", &path))
        }
        None => Ok(()),
    }
}

fn properties_of(folder: &Element) -> Result<Vec<(PropertyId, PropertyValue)>, Failure> {
    let given = folder.children.iter().filter(|child| child.name == "ExtendedProperty");
    given.map(extended_property).collect()
}

/// UpdateFolder: names, classes and extended properties; one answer a folder.
pub(crate) fn update(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "FolderChanges", |change| {
        let id = change.children.first().ok_or_else(Failure::invalid_request)?;
        let id = context.folder(id, Failure::item_not_found)?.id;
        for update in change.child("Updates").iter().flat_map(|updates| &updates.children) {
            let path = Path::of(update)?;
            let folder = update.children.iter().find(|child| child.name.ends_with("Folder"));
            match update.name.as_str() {
                "SetFolderField" => set_field(context.mailbox_mut(), id, &path, folder)?,
                "DeleteFolderField" => {
                    let Path::Extended(property, _) = &path else {
                        return Err(refused("ErrorInvalidPropertyDelete", &path));
                    };
                    let mailbox = context.mailbox_mut();
                    mailbox.set_folder_property(id, property.clone(), None).map_err(failure)?;
                }
                _ => return Err(refused("ErrorInvalidPropertyAppend", &path)),
            }
        }
        named(context.mailbox(), id)
    })
}

fn set_field(
    mailbox: &mut Mailbox,
    id: FolderId,
    path: &Path,
    folder: Option<&Element>,
) -> Result<(), Failure> {
    let folder = folder.ok_or_else(Failure::invalid_request)?;
    match path {
        Path::Field(uri) => match uri.strip_prefix("folder:").unwrap_or_default() {
            member @ ("DisplayName" | "FolderClass") => {
                let mismatch = || refused("ErrorUpdatePropertyMismatch", path);
                let text = folder.child_text(member).ok_or_else(mismatch)?.trim();
                if member == "FolderClass" {
                    return mailbox.set_folder_class(id, text).map_err(failure);
                }
                check_name(text)?;
                mailbox.rename_folder(id, text).map_err(failure)
            }
            _ => Err(refused("ErrorInvalidPropertySet", path)),
        },
        Path::Extended(wanted, _) => {
            let given = properties_of(folder)?;
            let found = given.into_iter().find(|(property, _)| property == wanted);
            let mismatch = || refused("ErrorUpdatePropertyMismatch", path);
            let (property, value) = found.ok_or_else(mismatch)?;
            mailbox.set_folder_property(id, property, Some(value)).map_err(failure)
        }
        Path::Indexed(..) => Err(refused("ErrorInvalidPropertySet", path)),
    }
}

fn refused(code: &'static str, path: &Path) -> Failure {
    Failure::new(code, "The property can not be changed.").about(path.element())
}

/// CopyFolder: a folder with all it holds, under new ids; one answer an id.
pub(crate) fn copy_to(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "FolderIds", |id| {
        let target = request.child("ToFolderId").ok_or_else(Failure::invalid_request)?;
        let target = context.folder_in(target, Failure::target_not_found)?;
        let id = context.folder(id, Failure::item_not_found)?.id;
        let copy = context.mailbox_mut().copy_folder(id, target).map_err(not_moved)?;
        named(context.mailbox(), copy)
    })
}

/// EmptyFolder: one answer an id. Calendars can't be emptied.
pub(crate) fn empty(context: &mut Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let how = delete_type(request);
    let subfolders = match request.attribute("DeleteSubFolders").is_some_and(boolean) {
        true => Subfolders::Go,
        false => Subfolders::Stay,
    };
    each(request, "FolderIds", |id| {
        let folder = context.folder(id, Failure::item_not_found)?;
        if folder.is_calendar() {
            let text = "The folder can not be emptied.";
            return Err(Failure::new("ErrorCannotEmptyFolder", text));
        }
        let id = folder.id;
        context.mailbox_mut().empty_folder(id, how, subfolders).map_err(failure)?;
        Ok(success())
    })
}

/// MoveFolder: the ids stay; one answer an id.
pub(crate) fn move_to(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "FolderIds", |id| {
        let target = request.child("ToFolderId").ok_or_else(Failure::invalid_request)?;
        let target = context.folder_in(target, Failure::target_not_found)?;
        let id = context.folder(id, Failure::item_not_found)?.id;
        context.mailbox_mut().move_folder(id, target).map_err(not_moved)?;
        named(context.mailbox(), id)
    })
}

/// DeleteFolder: one answer an id.
pub(crate) fn delete(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let how = delete_type(request);
    each(request, "FolderIds", |id| {
        let id = context.folder(id, Failure::item_not_found)?.id;
        context.mailbox_mut().delete_folder(id, how).map_err(|error| {
            match error == Error::FolderProtected {
                true => Failure::new(
                    "ErrorDeleteDistinguishedFolder",
                    "Distinguished folders cannot be deleted.",
                ),
                false => failure(error),
            }
        })?;
        Ok(success())
    })
}

/// One result for each child of a request's list, in order.
pub(crate) fn each(
    request: &Element,
    list: &str,
    work: impl FnMut(&Element) -> Result<Element, Failure>,
) -> Vec<Result<Element, Failure>> {
    request.child(list).iter().flat_map(|list| &list.children).map(work).collect()
}

fn not_moved(error: Error) -> Failure {
    match matches!(error, Error::FolderExists(_) | Error::FolderProtected) {
        true => move_failed(),
        false => failure(error),
    }
}

/// What Exchange says to any move or copy that can't be.
pub(crate) fn move_failed() -> Failure {
    Failure::new("ErrorMoveCopyFailed", "The move or copy operation failed.")
}

fn check_name(name: &str) -> Result<(), Failure> {
    match name.is_empty() {
        true => Err(Failure::new(
            "ErrorFolderSavePropertyError",
            "The following folder properties could not be saved: DisplayName.",
        )),
        false => Ok(()),
    }
}

fn named(mailbox: &Mailbox, id: FolderId) -> Result<Element, Failure> {
    let folder = mailbox.folder(id).map_err(failure)?;
    Ok(found(FolderShape::id_only().render(mailbox, folder)))
}

/// `Folders` of an answer; the message's own name is put on by the caller.
fn found(folder: Element) -> Element {
    success().with(Element::m("Folders").with(folder))
}

/// The element for a class, subclasses such as `IPF.Appointment.Birthday` included.
fn element_name(class: &str) -> (&'static str, &'static str) {
    let is = |known: &str| {
        class.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    if is("IPF.Appointment") {
        ("CalendarFolder", "t:CalendarFolderType")
    } else if is("IPF.Contact") {
        ("ContactsFolder", "t:ContactsFolderType")
    } else if is("IPF.Task") {
        ("TasksFolder", "t:TasksFolderType")
    } else {
        ("Folder", "t:FolderType")
    }
}

fn field(mailbox: &Mailbox, folder: &Folder, element: &str, uri: &str) -> Option<Element> {
    let name = uri.strip_prefix("folder:")?;
    let text = |value: String| Some(Element::t_text(name, value));
    match name {
        "ParentFolderId" => Some(parent_id_element(mailbox, folder.parent?)),
        "FolderClass" if folder.class.is_empty() => None,
        "FolderClass" => text(folder.class.clone()),
        "DisplayName" => text(folder.name.clone()),
        "TotalCount" => text(mailbox.items_in(folder.id).count().to_string()),
        "ChildFolderCount" => text(mailbox.children(folder.id).count().to_string()),
        "PermissionSet" => Some(permission_set(folder, element)),
        "EffectiveRights" => Some(effective_rights(false)),
        "DistinguishedFolderId" => text(folder.role?.distinguished().to_owned()),
        // Calendars and contacts have no unread count in the schema.
        "UnreadCount" if matches!(element, "Folder" | "TasksFolder") => {
            text(mailbox.unread(folder.id).to_string())
        }
        _ => None,
    }
}

fn restricted_value(mailbox: &Mailbox, folder: &Folder, path: &Path) -> Option<String> {
    match path {
        Path::Field(uri) => field(mailbox, folder, "Folder", uri).map(|element| element.text),
        Path::Extended(id, _) => mailbox.folder_property(folder, id)?.one().map(str::to_owned),
        Path::Indexed(..) => None,
    }
}
