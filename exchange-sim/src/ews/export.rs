//! Items as opaque streams: ExportItems and UploadItems.

use super::context::Context;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::folder::each;
use super::item::check_change_key;
use super::write::boolean;
use super::xml::Element;
use crate::store::Error;
use crate::store::Exported;
use crate::store::FolderId;
use crate::store::Item;
use crate::store::ItemId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of base64 that one answer carries: what the service takes in one request, since what it
/// exports must fit in there again (MS docs: client-specific message size limits).
const DATA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// ExportItems: one answer an id.
pub(crate) fn export(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let mut exported_bytes = 0;
    each(request, "ItemIds", |id| {
        let item = context.item(id)?;
        check_key_format(id)?;
        if item.occurrence.is_some() {
            // It has nothing of its own that a stream could hold.
            return Err(failure(Error::CannotMoveOccurrence));
        }
        if exported_bytes >= DATA_BYTES_MAX {
            return Err(Failure::new(
                "ErrorInsufficientResources",
                "The answer is too large. Ask for fewer items.",
            ));
        }
        let data = STANDARD.encode(Exported::of(&item).to_stream());
        exported_bytes += data.len();
        Ok(named(context, &item).with(Element::m_text("Data", data)))
    })
}

/// UploadItems: one answer an item.
pub(crate) fn upload(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "Items", |element| {
        let parent = element.child("ParentFolderId").ok_or_else(Failure::malformed_id)?;
        let folder = context.folder(parent, Failure::parent_not_found)?.id;
        let target = target(context, element, folder)?;
        if element.attribute("IsAssociated").is_some_and(boolean) {
            return Err(Failure::new(
                "ErrorInvalidRequest",
                "This server has no folder associated items.",
            ));
        }
        let data = element.child_text("Data").unwrap_or_default();
        let packed: String = data.split_whitespace().collect();
        let stream = STANDARD.decode(packed).map_err(|_| failure(Error::InvalidStream))?;
        let exported = Exported::from_stream(&stream).map_err(failure)?;
        let mailbox = context.mailbox_mut();
        let id = match target {
            Some(id) => mailbox.put_back(id, exported).map(|()| id),
            None => mailbox.import(folder, exported),
        };
        let item = context.mailbox().item(id.map_err(failure)?).map_err(failure)?;
        Ok(named(context, item))
    })
}

/// The item that an upload replaces; `None` where it makes a new one (MS-OXWSBTRF 3.1.4.2.4.1,
/// MS docs: Item (UploadItemType)).
fn target(
    context: &Context<'_>,
    element: &Element,
    folder: FolderId,
) -> Result<Option<ItemId>, Failure> {
    let creates = element.attribute("CreateAction") == Some("UpdateOrCreate");
    let id = match (element.attribute("CreateAction"), element.child("ItemId")) {
        (Some("CreateNew"), None) => return Ok(None),
        (Some("CreateNew"), Some(_)) => return Err(Failure::invalid_request()),
        (_, None) if creates => return Ok(None),
        (_, None) => return Err(Failure::new("ErrorInvalidIdEmpty", "Id must be non-empty.")),
        (_, Some(id)) => id,
    };
    match context.item(id) {
        Ok(item) if item.folder == folder && item.occurrence.is_none() => {
            check_change_key(id, &context.mailbox().change_key(&item), false)?;
            Ok(Some(item.id))
        }
        Ok(_) if creates => Ok(None),
        Ok(_) => Err(Failure::item_not_found()),
        Err(failure) if creates && failure == Failure::item_not_found() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A ChangeKey that is given must be one, though a read needs none (MS docs: ExportItems, the
/// example of an answer with errors).
fn check_key_format(id: &Element) -> Result<(), Failure> {
    match id.attribute("ChangeKey").filter(|key| !key.is_empty()) {
        None => Ok(()),
        Some(key) if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() >= 4) => Ok(()),
        Some(_) => Err(Failure::new("ErrorInvalidChangeKey", "The change key is invalid.")),
    }
}

fn named(context: &Context<'_>, item: &Item) -> Element {
    let mailbox = context.mailbox();
    let id = Element::m("ItemId")
        .attr("Id", mailbox.ews_id(item))
        .attr("ChangeKey", mailbox.change_key(item));
    success().with(id)
}
