//! One file per operation: its request, and what its response messages say.

pub(crate) mod attachment;
pub(crate) mod change_folder;
pub(crate) mod create_item;
pub(crate) mod delete_item;
pub(crate) mod find_item;
pub(crate) mod get_folder;
pub(crate) mod get_item;
pub(crate) mod sync_hierarchy;
pub(crate) mod sync_items;
pub(crate) mod update_item;

use crate::entry_id;
use crate::soap::{Element, Xml};

/// An item's id with the version it stood in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ItemId {
    /// The id.
    pub(crate) id: String,
    /// The ChangeKey; absent where it isn't known.
    pub(crate) change_key: Option<String>,
}

impl ItemId {
    /// Reads the `ItemId` of an item, or of a change that names only the id.
    pub(crate) fn of(around: &Element) -> Option<Self> {
        let element = around.child("ItemId")?;
        let text = |name| element.attribute(name).filter(|t| !t.is_empty()).map(str::to_owned);
        Some(Self { id: text("Id")?, change_key: text("ChangeKey") })
    }

    /// Writes it.
    pub(crate) fn write(&self, xml: &mut Xml) {
        match &self.change_key {
            Some(key) => xml.empty("t:ItemId", &[("Id", &self.id), ("ChangeKey", key)]),
            None => xml.empty("t:ItemId", &[("Id", &self.id)]),
        }
    }
}

/// What a write is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Address<'a> {
    /// An item.
    Item(&'a ItemId),
    /// An occurrence of the series whose master this is, counted from 1, deleted ones included (MS
    /// docs: OccurrenceItemId). Its version is that of its master.
    Occurrence(&'a ItemId, usize),
}

impl Address<'_> {
    /// Writes it.
    pub(crate) fn write(self, xml: &mut Xml) {
        match self {
            Self::Item(item) => item.write(xml),
            Self::Occurrence(master, index) => {
                let index = index.to_string();
                let mut attributes = vec![("RecurringMasterId", master.id.as_str())];
                attributes.extend(master.change_key.as_deref().map(|key| ("ChangeKey", key)));
                attributes.push(("InstanceIndex", &index));
                xml.empty("t:OccurrenceItemId", &attributes);
            }
        }
    }
}

/// Whether an item that was read lies in `folder`; one that doesn't say is taken to.
pub(crate) fn lies_in(item: &Element, folder: &str) -> bool {
    let parent = item.child("ParentFolderId").and_then(|p| p.attribute("Id"));
    parent.is_none_or(|parent| entry_id::same(parent, folder))
}

/// The item in a response message, whichever class it has.
pub(crate) fn item(message: &Element) -> Option<&Element> {
    message.child("Items")?.children.first()
}

/// Folders that every mailbox has (MS docs: DistinguishedFolderId).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Distinguished {
    /// The default calendar.
    Calendar,
    /// The trash.
    DeletedItems,
    /// The root of what people see.
    MsgFolderRoot,
}

impl Distinguished {
    /// Writes the folder's id; `mailbox` is the owner where that isn't who we are.
    pub(crate) fn write(self, xml: &mut Xml, mailbox: Option<&str>) {
        let id = match self {
            Self::Calendar => "calendar",
            Self::DeletedItems => "deleteditems",
            Self::MsgFolderRoot => "msgfolderroot",
        };
        match mailbox {
            None => xml.empty("t:DistinguishedFolderId", &[("Id", id)]),
            Some(mailbox) => xml.node("t:DistinguishedFolderId", &[("Id", id)], |xml| {
                xml.node("t:Mailbox", &[], |xml| xml.leaf("t:EmailAddress", mailbox));
            }),
        }
    }
}
