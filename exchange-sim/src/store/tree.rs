//! The folder tree of a mailbox.

use super::Error;
use super::changes::{Node, What};
use super::folder::{Folder, FolderId, Role};
use super::item::ItemId;
use super::mailbox::{DeleteType, Mailbox};

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
        let parent = self.folder(id)?.parent.ok_or(Error::FolderProtected)?;
        let change = self.bump();
        if let Some(folder) = self.folders.get_mut(&id) {
            folder.color = color.to_owned();
            folder.change = change;
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
        };
        self.folders.insert(id, folder);
        if let Some(parent) = parent {
            self.record(parent, Node::Folder(id), What::Created);
        }
        id
    }
}
