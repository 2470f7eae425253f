//! SyncFolderItems: a folder's stream of changes.

use super::ItemId;
use crate::soap::{Element, Xml};

/// Most changes in a page that the schema allows.
const CHANGES_MAX: &str = "512";

/// What a change says of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Created or updated.
    There(ItemId),
    /// Deleted, or moved away.
    Gone(String),
}

/// A page of changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The changes.
    pub(crate) changes: Vec<Change>,
    /// Where the next page begins.
    pub(crate) state: String,
    /// Whether another page is waiting.
    pub(crate) more: bool,
}

/// Asks for what changed in `folder` after `state`.
///
/// Ids only: the operation may leave out other properties without saying so.
pub(crate) fn request(folder: &str, state: Option<&str>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:SyncFolderItems", &[], |xml| {
            xml.node("m:ItemShape", &[], |xml| xml.leaf("t:BaseShape", "IdOnly"));
            xml.node("m:SyncFolderId", &[], |xml| xml.empty("t:FolderId", &[("Id", folder)]));
            if let Some(state) = state {
                xml.leaf("m:SyncState", state);
            }
            xml.leaf("m:MaxChangesReturned", CHANGES_MAX);
            xml.leaf("m:SyncScope", "NormalItems");
        });
    })
}

/// The page in a response message; `None` where it lacks what a page needs.
pub(crate) fn page(message: &Element) -> Option<Page> {
    let state = message.child_text("SyncState").filter(|s| !s.is_empty())?.to_owned();
    let last = message.child_text("IncludesLastItemInRange")?.trim();
    let changes = message.child("Changes").map_or(&[][..], |changes| &changes.children);
    let changes = changes.iter().filter_map(change).collect();
    Some(Page { changes, state, more: !matches!(last, "true" | "1") })
}

/// A change; `ReadFlagChange` is none here, because events have no read flag.
fn change(element: &Element) -> Option<Change> {
    if element.is("Create") || element.is("Update") {
        ItemId::of(element.children.first()?).map(Change::There)
    } else if element.is("Delete") {
        ItemId::of(element).map(|item| Change::Gone(item.id))
    } else {
        None
    }
}
