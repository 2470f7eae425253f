//! Item operations: GetItem, CreateItem, UpdateItem, DeleteItem, MoveItem, CopyItem.

use super::context::Context;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::folder::each;
use super::folder::move_failed;
use super::message;
use super::message::Disposition;
use super::occurrence;
use super::path::Path;
use super::reply;
use super::response;
use super::shape::ItemShape;
use super::shape::Source;
use super::write::Draft;
use super::write::field_uri;
use super::write::next_half_hour;
use super::xml::Element;
use crate::store::Content;
use crate::store::DeleteType;
use crate::store::Error;
use crate::store::FolderId;
use crate::store::ItemId;
use crate::store::ItemRef;
use crate::store::Role;
use crate::store::Told;
use crate::store::ZonedTime;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// GetItem: one answer an id.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = ItemShape::read(request, Source::GetItem, &context.zone);
    each(request, "ItemIds", |id| {
        let shape = shape.clone()?;
        if id.name == "RecurringMasterItemIdRanges" {
            let master = context.master(id, "Id")?;
            let occurrences = occurrence::in_ranges(&master, id, &context.zone);
            let items = std::iter::once(&*master).chain(&occurrences);
            let items = items.map(|item| shape.render(context.mailbox(), item));
            return Ok(success().with(Element::m("Items").with_all(items)));
        }
        let item = context.item(id)?;
        Ok(found(shape.render(context.mailbox(), &item)))
    })
}

/// CreateItem: one answer an item.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let send = request.attribute("SendMeetingInvitations");
    each(request, "Items", |item| {
        if item.name == "Message" {
            return message::create(context, request, item);
        }
        if reply::is_reply(&item.name) {
            return reply::create(context, request, item);
        }
        if response::is_response(&item.name) {
            return response::create(context, request, item);
        }
        if item.name != "CalendarItem" {
            return Err(Failure::new(
                "ErrorInvalidItemForOperationCreateItem",
                "The item can't be created by this server.",
            ));
        }
        let Some(send) = send else {
            return Err(Failure::new(
                "ErrorSendMeetingInvitationsRequired",
                "SendMeetingInvitations attribute is required for calendar items.",
            ));
        };
        let folder = target(context, request)?;
        let content = new_event(context, item)?;
        let id = context.mailbox_mut().create(folder, content).map_err(failure)?;
        if send != "SendToNone" {
            let save_to = copies_to(context, send);
            context.mailbox_mut().invite(id, save_to).map_err(failure)?;
        }
        named(context, id)
    })
}

/// UpdateItem: one answer a change.
pub(crate) fn update(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let overwrite = request.attribute("ConflictResolution") != Some("NeverOverwrite");
    let send = request.attribute("SendMeetingInvitationsOrCancellations");
    each(request, "ItemChanges", |change| {
        let id_element = change.children.first().ok_or_else(Failure::malformed_id)?;
        let item = context.item(id_element)?;
        check_change_key(id_element, &context.mailbox().change_key(&item), overwrite)?;
        let (at, expected) = (item.reference(), item.change);
        let before = item.content.clone();
        let disposition = match before.as_event() {
            Some(_) => Disposition::SaveOnly,
            None => Disposition::of(request)?,
        };
        if before.as_event().is_some() && send.is_none() {
            return Err(Failure::new(
                "ErrorSendMeetingInvitationsOrCancellationsRequired",
                "SendMeetingInvitationsOrCancellations attribute is required for calendar items.",
            ));
        }
        if context.mailbox().is_trashed(&item) && send.is_some_and(|send| send != "SendToNone") {
            return Err(Failure::new(
                "ErrorCalendarCannotUpdateDeletedItem",
                "An update that sends mail can't be made to an item in Deleted Items.",
            ));
        }
        let mut draft = Draft::new(before.clone(), context.zone.clone());
        for update in change.child("Updates").iter().flat_map(|updates| &updates.children) {
            apply(&mut draft, update)?;
        }
        let after = draft.finish()?;
        if disposition != Disposition::SaveOnly {
            message::check_recipients(&after)?;
        }
        context.mailbox_mut().update(at, Some(expected), after).map_err(failure)?;
        tell(context, at, send.unwrap_or("SendToNone"), &before)?;
        let save_to = match disposition {
            Disposition::SaveOnly => return updated(context, at),
            Disposition::SendOnly => None,
            Disposition::SendAndSaveCopy => Some(context.mailbox().role(Role::SentItems)),
        };
        message::send(context, at.id, save_to)?;
        Ok(success().with(Element::m("Items")).with(no_conflicts()))
    })
}

/// The answer that names a changed item.
fn updated(context: &Context<'_>, at: ItemRef) -> Result<Element, Failure> {
    Ok(named(context, at)?.with(no_conflicts()))
}

/// Requests are carried out one after the other: nothing changes while one of them is at work, so
/// that AutoResolve has nothing to resolve and the last writer wins (MS docs: ConflictResolution).
fn no_conflicts() -> Element {
    Element::m("ConflictResults").with(Element::t_text("Count", "0"))
}

/// DeleteItem: one answer an id.
pub(crate) fn delete(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let how = delete_type(request);
    let send = request.attribute("SendMeetingCancellations");
    each(request, "ItemIds", |id| {
        let item = context.item(id).map_err(|failure| match failure.code {
            // What recordings of DeleteItem say.
            "ErrorItemNotFound" => Failure::new(
                failure.code,
                "The specified object was not found in the store., The process failed to get the \
                 correct properties.",
            ),
            _ => failure,
        })?;
        let item = item.into_owned();
        let at = item.reference();
        let is_event = item.content.as_event().is_some();
        if is_event && send.is_none() {
            return Err(Failure::new(
                "ErrorSendMeetingCancellationsRequired",
                "SendMeetingCancellations attribute is required for Calendar items.",
            ));
        }
        let was_trashed = context.mailbox().is_trashed(&item);
        context.mailbox_mut().delete(at, how).map_err(failure)?;
        if let Some(send) = send.filter(|send| is_event && !was_trashed && *send != "SendToNone") {
            let save_to = copies_to(context, send);
            context.mailbox_mut().cancel(&item, None, save_to).map_err(failure)?;
        }
        Ok(success())
    })
}

/// MoveItem: a moved item has a new id; one answer an id.
pub(crate) fn move_to(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    relocate(context, request, |context, at, target| {
        context.mailbox_mut().move_item(at, target).map(|()| at.id)
    })
}

/// CopyItem: the copy carries all properties; one answer an id.
pub(crate) fn copy_to(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    relocate(context, request, |context, at, target| context.mailbox_mut().copy_item(at, target))
}

/// The `DeleteType` of DeleteItem and DeleteFolder.
pub(crate) fn delete_type(request: &Element) -> DeleteType {
    match request.attribute("DeleteType") {
        Some("HardDelete") => DeleteType::HardDelete,
        Some("SoftDelete") => DeleteType::SoftDelete,
        Some(_) | None => DeleteType::MoveToDeletedItems,
    }
}

fn relocate(
    context: &mut Context<'_>,
    request: &Element,
    mut work: impl FnMut(&mut Context<'_>, ItemRef, FolderId) -> Result<ItemId, Error>,
) -> Vec<Result<Element, Failure>> {
    let silent =
        request.child_text("ReturnNewItemIds").is_some_and(|text| !super::write::boolean(text));
    each(request, "ItemIds", |id| {
        let target = request.child("ToFolderId").ok_or_else(Failure::invalid_request)?;
        let target = context.folder_in(target, Failure::target_not_found)?;
        let at = context.reference(id)?;
        let id =
            work(context, at, target).map_err(|error| match error == Error::WrongFolderClass {
                true => move_failed(),
                false => failure(error),
            })?;
        match silent {
            true => Ok(success().with(Element::m("Items"))),
            false => named(context, id),
        }
    })
}

/// Where CreateItem puts an item: the folder named, or the default calendar.
fn target(context: &Context<'_>, request: &Element) -> Result<FolderId, Failure> {
    match request.child("SavedItemFolderId") {
        Some(folder) => context.folder_in(folder, Failure::saved_folder_not_found),
        None => Ok(context.mailbox().role(Role::Calendar)),
    }
}

fn new_event(context: &Context<'_>, item: &Element) -> Result<Content, Failure> {
    let start = next_half_hour(context.mailbox().now);
    let time = |utc| ZonedTime { utc, zone: context.zone.clone() };
    let mut draft =
        Draft::fresh(Content::event("", time(start), time(start)), context.zone.clone());
    for element in &item.children {
        draft.set(element)?;
    }
    draft.finish()
}

/// One SetItemField, AppendToItemField or DeleteItemField.
fn apply(draft: &mut Draft, update: &Element) -> Result<(), Failure> {
    let path = Path::of(update)?;
    if update.name == "DeleteItemField" {
        return draft.delete(&path);
    }
    let mismatch = || {
        Failure::new(
            "ErrorUpdatePropertyMismatch",
            "The property path and the object in the update don't match.",
        )
        .about(path.element())
    };
    // The last child is the item with the one property that the path names.
    let item = update.children.last().ok_or_else(mismatch)?;
    let [property] = item.children.as_slice() else {
        let code = "ErrorIncorrectUpdatePropertyCount";
        let text = "An object within a change description must contain one and only one property \
                    to modify.";
        return Err(Failure::new(code, text).about(path.element()));
    };
    let fits = match &path {
        // Messages have this one under a URI of their own.
        Path::Field(uri) if uri == "message:IsResponseRequested" => {
            property.name == "IsResponseRequested"
        }
        Path::Field(uri) => *uri == field_uri(&property.name),
        Path::Extended(..) => property.name == "ExtendedProperty",
        Path::Indexed(..) => false,
    };
    match (fits, update.name.as_str()) {
        (false, _) => Err(mismatch()),
        (true, "AppendToItemField") => draft.append(property),
        (true, _) => draft.set(property),
    }
}

/// Holds the ChangeKey of a write against the current one (MS docs: ResponseCode,
/// ErrorChangeKeyRequiredForWriteOperations, ErrorInvalidChangeKey, ErrorIrresolvableConflict).
pub(crate) fn check_change_key(
    id: &Element,
    current: &str,
    overwrite: bool,
) -> Result<(), Failure> {
    match id.attribute("ChangeKey") {
        None | Some("") => Err(Failure::new(
            "ErrorChangeKeyRequiredForWriteOperations",
            "The current ChangeKey is required for this operation.",
        )),
        Some(key) if key == current => Ok(()),
        Some(key) if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() >= 4) => {
            if overwrite {
                Ok(())
            } else {
                Err(Failure::conflict())
            }
        }
        Some(_) => Err(Failure::new("ErrorInvalidChangeKey", "The change key is invalid.")),
    }
}

/// Mails the attendees of a changed event as the request says.
fn tell(
    context: &mut Context<'_>,
    at: ItemRef,
    send: &str,
    before: &Content,
) -> Result<(), Failure> {
    let told = match send {
        "SendOnlyToAll" | "SendToAllAndSaveCopy" => Told::All,
        "SendOnlyToChanged" | "SendToChangedAndSaveCopy" => Told::Changed,
        _ => return Ok(()),
    };
    let save_to = copies_to(context, send);
    context.mailbox_mut().tell(at, before, told, save_to).map_err(failure)
}

/// Where copies of what is mailed are kept, by the attribute that says who is mailed.
fn copies_to(context: &Context<'_>, send: &str) -> Option<FolderId> {
    send.ends_with("AndSaveCopy").then(|| context.mailbox().role(Role::SentItems))
}

/// The answer that names an item and its current ChangeKey.
pub(crate) fn named(context: &Context<'_>, at: impl Into<ItemRef>) -> Result<Element, Failure> {
    let item = context.mailbox().opened(at).map_err(failure)?;
    Ok(found(ItemShape::id_only().render(context.mailbox(), &item)))
}

/// `Items` of an answer; the message's own name is put on by the caller.
fn found(item: Element) -> Element {
    success().with(Element::m("Items").with(item))
}
