//! SyncFolderHierarchy, to list the folders of a mailbox.

use super::Distinguished;
use crate::soap::{Element, Xml};
use crate::stamp::Property;
use sync_core::port::Stamp;

/// A folder as the hierarchy lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its id.
    pub(crate) id: String,
    /// Its ChangeKey.
    pub(crate) change_key: Option<String>,
    /// Its parent's id.
    pub(crate) parent: Option<String>,
    /// Its display name.
    pub(crate) name: String,
    /// Its FolderClass, where it has one.
    pub(crate) class: Option<String>,
    /// The name of its element: CalendarFolder, Folder, SearchFolder, …
    pub(crate) element: String,
    /// Our stamp on it.
    pub(crate) stamp: Option<Stamp>,
}

/// A page of the hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The folders; one that was deleted since the last page is not among them.
    pub(crate) folders: Vec<Listed>,
    /// Ids of folders that are gone.
    pub(crate) gone: Vec<String>,
    /// Where the next page begins.
    pub(crate) state: String,
    /// Whether another page is waiting.
    pub(crate) more: bool,
}

/// Asks for the folders below the root after `state`.
pub(crate) fn request(state: Option<&str>, mailbox: Option<&str>, property: &Property) -> String {
    Xml::text_of(|xml| {
        xml.node("m:SyncFolderHierarchy", &[], |xml| {
            xml.node("m:FolderShape", &[], |xml| {
                xml.leaf("t:BaseShape", "IdOnly");
                xml.node("t:AdditionalProperties", &[], |xml| {
                    for field in
                        ["folder:ParentFolderId", "folder:FolderClass", "folder:DisplayName"]
                    {
                        xml.empty("t:FieldURI", &[("FieldURI", field)]);
                    }
                    property.path(xml);
                });
            });
            xml.node("m:SyncFolderId", &[], |xml| Distinguished::MsgFolderRoot.write(xml, mailbox));
            if let Some(state) = state {
                xml.leaf("m:SyncState", state);
            }
        });
    })
}

/// The page in a response message; `None` where it lacks what a page needs.
pub(crate) fn page(message: &Element, property: &Property) -> Option<Page> {
    let state = message.child_text("SyncState").filter(|s| !s.is_empty())?.to_owned();
    let last = message.child_text("IncludesLastFolderInRange")?.trim();
    let (mut folders, mut gone) = (Vec::new(), Vec::new());
    for change in message.child("Changes").map_or(&[][..], |changes| &changes.children) {
        if change.is("Delete") {
            let id = change.child("FolderId").and_then(|f| f.attribute("Id"));
            gone.extend(id.map(str::to_owned));
        } else {
            let folder = change.children.first();
            folders.extend(folder.and_then(|folder| listed(folder, property)));
        }
    }
    Some(Page { folders, gone, state, more: !matches!(last, "true" | "1") })
}

fn listed(folder: &Element, property: &Property) -> Option<Listed> {
    let id = |name| Some(folder.child(name)?.attribute("Id")?.to_owned());
    Some(Listed {
        id: id("FolderId")?,
        change_key: folder.child("FolderId")?.attribute("ChangeKey").map(str::to_owned),
        parent: id("ParentFolderId"),
        name: folder.child_text("DisplayName").unwrap_or_default().to_owned(),
        class: folder.child_text("FolderClass").map(str::to_owned),
        element: folder.name.clone(),
        stamp: property.read(folder),
    })
}
