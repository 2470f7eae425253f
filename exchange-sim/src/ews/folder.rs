//! Folder operations: GetFolder, FindFolder, CreateFolder, UpdateFolder, MoveFolder, DeleteFolder.

use super::context::Context;
use super::context::folder_id_element;
use super::context::parent_id_element;
use super::failure::Failure;
use super::failure::success;
use super::field::effective_rights;
use super::find;
use super::find::Subject;
use super::item::delete_type;
use super::path::Path;
use super::schema::sort_children;
use super::xml::Element;
use crate::store::Error;
use crate::store::Folder;
use crate::store::FolderId;
use crate::store::Kind;
use crate::store::Mailbox;
use crate::store::folder::MAIL_CLASS;

/// A `FolderShape`.
#[derive(Debug, Clone)]
pub(crate) struct FolderShape {
    fields: Vec<String>,
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

impl FolderShape {
    /// Reads a `FolderShape`.
    pub(crate) fn read(request: &Element) -> Result<FolderShape, Failure> {
        let shape = request.child("FolderShape").ok_or_else(Failure::invalid_request)?;
        let base: &[&str] = match shape.child_text("BaseShape").unwrap_or_default() {
            "AllProperties" => &ALL,
            "Default" => &DEFAULT,
            _ => &[],
        };
        let mut fields: Vec<String> = base.iter().map(|field| (*field).to_owned()).collect();
        for path in shape.child("AdditionalProperties").iter().flat_map(|list| &list.children) {
            // Folders here have no extended properties: those asked for are simply not there.
            if let Path::Field(uri) = Path::read(path)?
                && !fields.contains(&uri)
            {
                fields.push(uri);
            }
        }
        Ok(FolderShape { fields })
    }

    /// The shape of answers that only name a folder.
    pub(crate) fn id_only() -> FolderShape {
        FolderShape { fields: Vec::new() }
    }

    /// Renders a folder, its elements in the schema's order.
    pub(crate) fn render(&self, mailbox: &Mailbox, folder: &Folder) -> Element {
        let (name, kind) = element_name(&folder.class);
        let mut element = Element::t(name).with(folder_id_element(mailbox, folder));
        for uri in &self.fields {
            element.children.extend(field(mailbox, folder, name, uri));
        }
        sort_children(&mut element, kind);
        element
    }
}

/// GetFolder: one answer an id.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = FolderShape::read(request);
    each(request, "FolderIds", |id| {
        let folder = context.folder(id, Failure::item_not_found)?;
        Ok(found(shape.clone()?.render(context.mailbox(), folder)))
    })
}

/// FindFolder: one answer a parent.
pub(crate) fn find(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = FolderShape::read(request);
    each(request, "ParentFolderIds", |parent| {
        let shape = shape.clone()?;
        let mailbox = context.mailbox();
        let parent = context.folder(parent, Failure::folder_not_found)?.id;
        let deep = request.attribute("Traversal") == Some("Deep");
        let below = |folder: &&Folder| {
            folder.parent == Some(parent) || deep && mailbox.is_below(folder.id, parent)
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
        let page = find::page(request, folders.len(), "IndexedPageFolderView");
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
        let class = match (folder.child_text("FolderClass"), folder.name.as_str()) {
            (Some(class), _) if !class.is_empty() => class.to_owned(),
            (_, "CalendarFolder") => "IPF.Appointment".to_owned(),
            (_, "ContactsFolder") => "IPF.Contact".to_owned(),
            (_, "TasksFolder") => "IPF.Task".to_owned(),
            (_, _) => MAIL_CLASS.to_owned(),
        };
        check_name(&name)?;
        let id = context.mailbox_mut().create_folder(parent, &name, &class).map_err(failure)?;
        named(context.mailbox(), id)
    })
}

/// UpdateFolder: renames; one answer a change.
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
            let name = folder.and_then(|folder| folder.child_text("DisplayName"));
            match (update.name.as_str(), &path, name) {
                ("SetFolderField", Path::Field(uri), Some(name)) if uri == "folder:DisplayName" => {
                    check_name(name)?;
                    context.mailbox_mut().rename_folder(id, name).map_err(failure)?;
                }
                (_, _, _) => {
                    let text = "The property can not be changed.";
                    return Err(Failure::new("ErrorInvalidPropertySet", text).about(path.element()));
                }
            }
        }
        named(context.mailbox(), id)
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
        context.mailbox_mut().move_folder(id, target).map_err(|error| {
            match matches!(error, Error::FolderExists(_) | Error::FolderProtected) {
                true => move_failed(),
                false => failure(error),
            }
        })?;
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

/// A store error in EWS words.
pub(crate) fn failure(error: Error) -> Failure {
    match error {
        Error::ItemNotFound => Failure::item_not_found(),
        Error::FolderNotFound => Failure::folder_not_found(),
        Error::FolderExists(_) => {
            Failure::new("ErrorFolderExists", "A folder with the specified name already exists.")
        }
        Error::FolderProtected => Failure::access_denied(),
        Error::Conflict => Failure::conflict(),
        Error::SubjectTooLong => Failure::new(
            "ErrorPropertyValidationFailure",
            "Property is not valid. Property: Subject, the length exceeds 255 characters.",
        ),
        Error::EndBeforeStart => Failure::new(
            "ErrorCalendarEndDateIsEarlierThanStartDate",
            "EndDate is earlier than StartDate",
        ),
        Error::TooLong => Failure::new(
            "ErrorCalendarDurationIsTooLong",
            "The duration of the calendar item is too long.",
        ),
        Error::InvalidPropertyValue(_) => Failure::new(
            "ErrorInvalidExtendedPropertyValue",
            "The extended property value is invalid for the property's type.",
        ),
        Error::WrongFolderClass => Failure::new(
            "ErrorCannotCreateCalendarItemInNonCalendarFolder",
            "Cannot create a calendar item in a non-calendar folder.",
        ),
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
        "EffectiveRights" => Some(effective_rights(false)),
        "DistinguishedFolderId" => text(folder.role?.distinguished().to_owned()),
        // Calendars and contacts have no unread count in the schema.
        "UnreadCount" if matches!(element, "Folder" | "TasksFolder") => {
            let unread = |kind: &Kind| match kind {
                Kind::Message(message) => !message.read,
                Kind::Event(_) => false,
            };
            let count =
                mailbox.items_in(folder.id).filter(|item| unread(&item.content.kind)).count();
            text(count.to_string())
        }
        _ => None,
    }
}

fn restricted_value(mailbox: &Mailbox, folder: &Folder, path: &Path) -> Option<String> {
    match path {
        Path::Field(uri) => field(mailbox, folder, "Folder", uri).map(|element| element.text),
        Path::Extended(id, _) if *id == crate::store::PropertyId::tag(CLASS_TYPE, CLASS_TAG) => {
            Some(folder.class.clone())
        }
        Path::Extended(..) | Path::Indexed(..) => None,
    }
}

/// PR_CONTAINER_CLASS, by which clients look for calendars.
const CLASS_TAG: u16 = 0x3613;
const CLASS_TYPE: crate::store::PropertyType = crate::store::PropertyType::String;
