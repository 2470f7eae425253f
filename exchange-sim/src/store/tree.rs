//! The folder tree of a mailbox.

use super::Error;
use super::changes::{Cause, Change, Node, What};
use super::folder::{Folder, FolderId, Role};
use super::item::ItemId;
use super::mailbox::{DeleteType, Mailbox};
use super::property::{PropertyId, PropertyKey, PropertyType, PropertyValue};
use std::collections::BTreeMap;

/// PidTagDisplayName.
const NAME: u16 = 0x3001;
/// PidTagContainerClass.
const CLASS: u16 = 0x3613;
/// PidTagContentCount.
const COUNT: u16 = 0x3602;
/// PidTagContentUnreadCount.
const UNREAD: u16 = 0x3603;
/// PidTagSubfolders.
const SUBFOLDERS: u16 = 0x360a;
/// PidTagLocalCommitTimeMax: when what the folder holds last changed.
const COMMITTED: u16 = 0x670a;
/// PidTagDeletedCountTotal.
const DELETED: u16 = 0x670b;

/// What becomes of the folders in a folder that is emptied (EWS `DeleteSubFolders`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subfolders {
    /// They stay.
    Stay,
    /// They are deleted with all they hold.
    Go,
}

impl Mailbox {
    /// Every folder, by number.
    pub fn folders(&self) -> impl Iterator<Item = &Folder> {
        self.folders.values()
    }

    /// One folder.
    pub fn folder(&self, id: FolderId) -> Result<&Folder, Error> {
        self.folders.get(&id).ok_or(Error::FolderNotFound)
    }

    /// A well-known folder.
    ///
    /// # Panics
    /// Never: the well-known folders are made with the mailbox and are protected.
    pub fn role(&self, role: Role) -> FolderId {
        self.folders
            .values()
            .find(|folder| folder.role == Some(role))
            .map(|folder| folder.id)
            .expect("well-known folders always exist")
    }

    /// The folders directly in `parent`.
    pub fn children(&self, parent: FolderId) -> impl Iterator<Item = &Folder> {
        self.folders.values().filter(move |folder| folder.parent == Some(parent))
    }

    /// Whether `folder` lies in `root`, at any depth.
    pub fn is_below(&self, folder: FolderId, root: FolderId) -> bool {
        let mut at = self.folders.get(&folder).and_then(|folder| folder.parent);
        while let Some(parent) = at {
            if parent == root {
                return true;
            }
            at = self.folders.get(&parent).and_then(|folder| folder.parent);
        }
        false
    }

    /// Makes a folder; names are unique under one parent, without case.
    pub fn create_folder(
        &mut self,
        parent: FolderId,
        name: &str,
        class: &str,
    ) -> Result<FolderId, Error> {
        self.folder(parent)?;
        self.name_is_free(parent, name, None)?;
        let id = self.add_folder(Some(parent), name, class, None);
        Ok(id)
    }

    /// Sets a folder's extended property, or removes it.
    pub fn set_folder_property(
        &mut self,
        id: FolderId,
        property: PropertyId,
        value: Option<PropertyValue>,
    ) -> Result<(), Error> {
        self.change_folder(id, |folder| match value {
            Some(value) => {
                folder.properties.insert(property, value);
            }
            None => {
                folder.properties.remove(&property);
            }
        })
    }

    /// Gives a folder another class; those of well-known folders stay.
    pub fn set_folder_class(&mut self, id: FolderId, class: &str) -> Result<(), Error> {
        let folder = self.folder(id)?;
        if folder.role.is_some() && folder.class != class {
            return Err(Error::FolderProtected);
        }
        self.change_folder(id, |folder| folder.class = class.to_owned())
    }

    /// Copies a folder with all it holds; everything copied has new ids.
    pub fn copy_folder(&mut self, id: FolderId, target: FolderId) -> Result<FolderId, Error> {
        let folder = self.folder(id)?.clone();
        if folder.role.is_some() || target == id || self.is_below(target, id) {
            return Err(Error::FolderProtected);
        }
        let copy = self.create_folder(target, &folder.name, &folder.class)?;
        if let Some(parent) = folder.parent {
            self.explain(Cause::Copied(Node::Folder(id), parent));
        }
        if let Some(copy) = self.folders.get_mut(&copy) {
            copy.properties = folder.properties;
            copy.color = folder.color;
        }
        let items: Vec<ItemId> = self.items_in(id).map(|item| item.id).collect();
        for item in items {
            self.copy_item(item, copy)?;
        }
        let inner: Vec<FolderId> = self.children(id).map(|folder| folder.id).collect();
        for inner in inner {
            self.copy_folder(inner, copy)?;
        }
        Ok(copy)
    }

    /// Deletes what a folder holds, and the folders in it if they are to go as well.
    pub fn empty_folder(
        &mut self,
        id: FolderId,
        how: DeleteType,
        subfolders: Subfolders,
    ) -> Result<(), Error> {
        let items: Vec<ItemId> = self.items_in(id).map(|item| item.id).collect();
        for item in items {
            self.delete(item, how)?;
        }
        match subfolders {
            Subfolders::Stay => Ok(()),
            Subfolders::Go => {
                let inner: Vec<FolderId> = self
                    .children(id)
                    .filter(|folder| folder.role.is_none())
                    .map(|folder| folder.id)
                    .collect();
                inner.into_iter().try_for_each(|inner| self.delete_folder(inner, how))
            }
        }
    }

    /// Renames a folder.
    pub fn rename_folder(&mut self, id: FolderId, name: &str) -> Result<(), Error> {
        let folder = self.folder(id)?;
        let Some(parent) = folder.parent else { return Err(Error::FolderProtected) };
        // The default calendar alone takes another name (docs: calendar-update).
        if folder.role.is_some_and(|role| role != Role::Calendar) && folder.name != name {
            return Err(Error::FolderProtected);
        }
        self.name_is_free(parent, name, Some(id))?;
        let change = self.bump();
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.name = name.to_owned();
            folder.change = change;
        }
        self.record(parent, Node::Folder(id), What::Changed);
        Ok(())
    }

    /// Gives a calendar another colour.
    pub fn set_color(&mut self, id: FolderId, color: &str) -> Result<(), Error> {
        self.change_folder(id, |folder| folder.color = color.to_owned())
    }

    fn change_folder(
        &mut self,
        id: FolderId,
        change: impl FnOnce(&mut Folder),
    ) -> Result<(), Error> {
        let parent = self.folder(id)?.parent.ok_or(Error::FolderProtected)?;
        let number = self.bump();
        if let Some(folder) = self.folders.get_mut(&id) {
            change(folder);
            folder.change = number;
        }
        self.record(parent, Node::Folder(id), What::Changed);
        Ok(())
    }

    /// Moves a folder with all it holds; its id stays.
    pub fn move_folder(&mut self, id: FolderId, target: FolderId) -> Result<(), Error> {
        let folder = self.folder(id)?;
        let (Some(source), None) = (folder.parent, folder.role) else {
            return Err(Error::FolderProtected);
        };
        let name = folder.name.clone();
        self.folder(target)?;
        if target == id || self.is_below(target, id) {
            return Err(Error::FolderProtected);
        }
        self.name_is_free(target, &name, Some(id))?;
        let change = self.bump();
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.parent = Some(target);
            folder.change = change;
        }
        self.record(source, Node::Folder(id), What::Deleted);
        self.record(target, Node::Folder(id), What::Created);
        Ok(())
    }

    /// Deletes a folder with all it holds; in Deleted Items a name already taken gets a number.
    pub fn delete_folder(&mut self, id: FolderId, how: DeleteType) -> Result<(), Error> {
        let folder = self.folder(id)?;
        let (Some(parent), None) = (folder.parent, folder.role) else {
            return Err(Error::FolderProtected);
        };
        let trash = self.role(Role::DeletedItems);
        if how == DeleteType::MoveToDeletedItems && !self.is_below(id, trash) {
            let name = folder.name.clone();
            let free = (0..)
                .map(|n| if n == 0 { name.clone() } else { format!("{name}{n}") })
                .find(|name| self.name_is_free(trash, name, None).is_ok())
                .unwrap_or(name);
            if let Some(folder) = self.folders.get_mut(&id) {
                folder.name = free;
            }
            return self.move_folder(id, trash);
        }
        let inner: Vec<FolderId> = self.children(id).map(|folder| folder.id).collect();
        for inner in inner {
            self.delete_folder(inner, DeleteType::HardDelete)?;
        }
        let items: Vec<ItemId> = self.items_in(id).map(|item| item.id).collect();
        for item in items {
            self.delete(item, DeleteType::HardDelete)?;
        }
        self.folders.remove(&id);
        self.record(parent, Node::Folder(id), What::Deleted);
        Ok(())
    }

    /// A folder's extended property: as it was set, or what shows something else that is stored.
    pub fn folder_property(&self, folder: &Folder, id: &PropertyId) -> Option<PropertyValue> {
        let count = |number: usize| Some(number.to_string());
        let shown = match (&id.key, id.kind) {
            (PropertyKey::Tag(NAME), PropertyType::String) => Some(folder.name.clone()),
            (PropertyKey::Tag(CLASS), PropertyType::String) => {
                Some(folder.class.clone()).filter(|class| !class.is_empty())
            }
            (PropertyKey::Tag(COUNT), PropertyType::Integer) => {
                count(self.items_in(folder.id).count())
            }
            (PropertyKey::Tag(UNREAD), PropertyType::Integer) => count(self.unread(folder.id)),
            (PropertyKey::Tag(SUBFOLDERS), PropertyType::Boolean) => {
                Some(self.children(folder.id).next().is_some().to_string())
            }
            (PropertyKey::Tag(COMMITTED), PropertyType::SystemTime) => {
                let last = self.log.iter().rev().find(|change| change.parent == folder.id);
                let at = last.map_or(folder.created, |change| change.at);
                Some(at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
            }
            (PropertyKey::Tag(DELETED), PropertyType::Integer) => {
                let gone =
                    |change: &&Change| change.parent == folder.id && change.what == What::Deleted;
                count(self.log.iter().filter(gone).count())
            }
            (PropertyKey::Tag(_) | PropertyKey::Id { .. } | PropertyKey::Name { .. }, _) => {
                return folder.properties.get(id).cloned();
            }
        };
        shown.map(PropertyValue::One)
    }

    fn name_is_free(
        &self,
        parent: FolderId,
        name: &str,
        except: Option<FolderId>,
    ) -> Result<(), Error> {
        let taken = self.children(parent).any(|folder| {
            Some(folder.id) != except && folder.name.to_lowercase() == name.to_lowercase()
        });
        if taken { Err(Error::FolderExists(name.to_owned())) } else { Ok(()) }
    }

    /// Makes a folder without asking whether its name is free.
    pub(super) fn add_folder(
        &mut self,
        parent: Option<FolderId>,
        name: &str,
        class: &str,
        role: Option<Role>,
    ) -> FolderId {
        let id = FolderId(self.take_id());
        let change = self.bump();
        let folder = Folder {
            id,
            parent,
            name: name.to_owned(),
            class: class.to_owned(),
            role,
            change,
            created: self.now,
            color: "auto".to_owned(),
            properties: BTreeMap::new(),
        };
        self.folders.insert(id, folder);
        if let Some(parent) = parent {
            self.record(parent, Node::Folder(id), What::Created);
        }
        id
    }
}
