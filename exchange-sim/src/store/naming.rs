//! How items and folders are called on both faces: ids and change keys.

use super::Error;
use super::changes::Node;
use super::folder::{Folder, FolderId};
use super::ids::{self, KeyClass, Named};
use super::item::{Item, ItemId, ItemRef, Kind};
use super::mailbox::Mailbox;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::borrow::Cow;

impl Mailbox {
    /// The id of an item as EWS shows it now.
    pub fn ews_id(&self, item: &Item) -> String {
        ids::ews(&self.guid, self.named(item))
    }

    /// The id of a node of the log as EWS showed it then.
    pub fn ews_node_id(&self, node: Node) -> String {
        ids::ews(&self.guid, named(node))
    }

    /// The id of a folder as EWS shows it.
    pub fn ews_folder_id(&self, id: FolderId) -> String {
        ids::ews(&self.guid, Named::Folder(id.0))
    }

    /// The id of a node of the log in Graph's default form.
    pub fn graph_node_id(&self, node: Node) -> String {
        ids::graph(&self.guid, named(node))
    }

    /// The id of a folder as Graph shows it.
    pub fn graph_folder_id(&self, id: FolderId) -> String {
        ids::graph(&self.guid, Named::Folder(id.0))
    }

    /// The id of an item in Graph's default form.
    pub fn graph_id(&self, item: &Item) -> String {
        ids::graph(&self.guid, self.named(item))
    }

    /// Graph's immutable id of an item.
    pub fn graph_immutable_id(&self, at: impl Into<ItemRef>) -> String {
        ids::graph(&self.guid, Named::immutable(at.into()))
    }

    /// The id of an item's conversation as EWS shows it.
    pub fn ews_conversation_id(&self, item: &Item) -> Option<String> {
        Some(STANDARD.encode(ids::conversation(&self.guid, &item.conversation_id()?)))
    }

    /// The id of an item's conversation as Graph shows it.
    pub fn graph_conversation_id(&self, item: &Item) -> Option<String> {
        Some(URL_SAFE.encode(ids::conversation(&self.guid, &item.conversation_id()?)))
    }

    pub(super) fn named(&self, item: &Item) -> Named {
        let ItemRef { id, date } = item.reference();
        Named::Item { number: id.0, moves: item.moves, date }
    }

    /// Finds an item or an occurrence by an id of either face; ids from before a move find nothing.
    pub fn find_item(&self, id: &str) -> Result<Cow<'_, Item>, Error> {
        self.find_named(ids::parse(&self.guid, id).ok_or(Error::ItemNotFound)?)
    }

    pub(super) fn find_named(&self, named: Named) -> Result<Cow<'_, Item>, Error> {
        let (at, moves) = match named {
            Named::Immutable { number, date } => (ItemRef { id: ItemId(number), date }, None),
            Named::Item { number, moves, date } => {
                (ItemRef { id: ItemId(number), date }, Some(moves))
            }
            Named::Folder(_) => return Err(Error::ItemNotFound),
        };
        let item = self.opened(at)?;
        match moves.is_none_or(|moves| moves == item.moves) {
            true => Ok(item),
            false => Err(Error::ItemNotFound),
        }
    }

    /// Finds a folder by its id in either face.
    pub fn find_folder(&self, id: &str) -> Result<&Folder, Error> {
        match ids::parse(&self.guid, id) {
            Some(Named::Folder(number)) => self.folder(FolderId(number)),
            Some(Named::Item { .. } | Named::Immutable { .. }) | None => Err(Error::FolderNotFound),
        }
    }

    /// The ChangeKey of an item.
    pub fn change_key(&self, item: &Item) -> String {
        let class = match item.content.kind {
            Kind::Event(_) => KeyClass::CalendarItem,
            Kind::Message(_) => KeyClass::Message,
        };
        ids::change_key(class, &self.guid, item.change)
    }

    /// The ChangeKey of a folder.
    pub fn folder_change_key(&self, folder: &Folder) -> String {
        let class = if folder.is_calendar() { KeyClass::CalendarFolder } else { KeyClass::Folder };
        ids::change_key(class, &self.guid, folder.change)
    }
}

fn named(node: Node) -> Named {
    match node {
        Node::Item { id, moves } => Named::Item { number: id.0, moves, date: None },
        Node::Folder(id) => Named::Folder(id.0),
    }
}
