//! What an operation knows besides its own element: the mailbox, the caller's zone and version.

use super::failure::Failure;
use super::xml::Element;
use crate::store::Folder;
use crate::store::FolderId;
use crate::store::Item;
use crate::store::ItemId;
use crate::store::Mailbox;
use crate::store::Role;
use crate::store::World;
use crate::store::ids;
use crate::store::zone::Zone;

/// One request on behalf of one mailbox.
pub(crate) struct Context<'a> {
    world: &'a mut World,
    /// Whose mailbox it is; present in the world.
    address: String,
    /// The zone of dateTimes that state none.
    pub(crate) zone: Zone,
}

impl<'a> Context<'a> {
    /// A request for the mailbox of `address`, which must exist.
    pub(crate) fn new(world: &'a mut World, address: String, zone: Zone) -> Context<'a> {
        Context { world, address, zone }
    }

    /// The mailbox.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        self.world.mailbox(&self.address).expect("sign-in found the mailbox")
    }

    /// The mailbox to change.
    pub(crate) fn mailbox_mut(&mut self) -> &mut Mailbox {
        self.world.mailbox_mut(&self.address).expect("sign-in found the mailbox")
    }

    /// All mailboxes, for name resolution.
    pub(crate) fn mailboxes(&self) -> impl Iterator<Item = &Mailbox> {
        self.world.mailboxes.values()
    }

    /// The folder that a `FolderId` or `DistinguishedFolderId` names; `missing` where it is gone.
    pub(crate) fn folder(
        &self,
        id: &Element,
        missing: fn() -> Failure,
    ) -> Result<&Folder, Failure> {
        let mailbox = self.mailbox();
        let value = id.attribute("Id").unwrap_or_default();
        if id.name == "DistinguishedFolderId" {
            self.check_owner(id)?;
            let role = Role::parse(value).ok_or_else(missing)?;
            return mailbox.folder(mailbox.role(role)).map_err(|_| missing());
        }
        match mailbox.find_folder(value) {
            Ok(folder) => Ok(folder),
            Err(_) => self.check_id(value).and_then(|()| Err(missing())),
        }
    }

    /// The folder inside a `ParentFolderId`, `ToFolderId`, `SyncFolderId` and the like.
    pub(crate) fn folder_in(
        &self,
        holder: &Element,
        missing: fn() -> Failure,
    ) -> Result<FolderId, Failure> {
        match holder.children.first() {
            Some(id) => self.folder(id, missing).map(|folder| folder.id),
            None => Err(Failure::malformed_id()),
        }
    }

    /// The item that an `ItemId` names.
    pub(crate) fn item(&self, id: &Element) -> Result<&Item, Failure> {
        if id.name != "ItemId" {
            // Occurrences are addressed through a series, and no item here is one.
            return Err(Failure::new(
                "ErrorCalendarCannotUseIdForRecurringMasterId",
                "The RecurringMasterId does not correspond to a valid recurring master item.",
            ));
        }
        let value = id.attribute("Id").unwrap_or_default();
        match self.mailbox().find_item(value) {
            Ok(item) => Ok(item),
            Err(_) => self.check_id(value).and_then(|()| Err(Failure::item_not_found())),
        }
    }

    /// Like [`Context::item`], for callers that go on to change the mailbox.
    pub(crate) fn item_id(&self, id: &Element) -> Result<ItemId, Failure> {
        self.item(id).map(|item| item.id)
    }

    /// Tells ids that no mailbox of this server gave out from those that are only gone.
    pub(crate) fn check_id(&self, id: &str) -> Result<(), Failure> {
        match self.mailboxes().any(|mailbox| ids::parse(&mailbox.guid, id).is_some()) {
            true => Ok(()),
            false => Err(Failure::malformed_id()),
        }
    }

    /// A distinguished folder may belong to a mailbox that the request names; nobody shares here.
    fn check_owner(&self, id: &Element) -> Result<(), Failure> {
        let Some(address) = id.child("Mailbox").and_then(|m| m.child_text("EmailAddress")) else {
            return Ok(());
        };
        match self.world.mailbox(address.trim()) {
            Some(mailbox) if mailbox.address == self.mailbox().address => Ok(()),
            Some(_) => Err(Failure::access_denied()),
            None => Err(Failure::new(
                "ErrorNonExistentMailbox",
                "The SMTP address has no mailbox associated with it.",
            )),
        }
    }
}

/// `ItemId` of an item.
pub(crate) fn item_id_element(mailbox: &Mailbox, item: &Item) -> Element {
    Element::t("ItemId")
        .attr("Id", mailbox.ews_id(item))
        .attr("ChangeKey", mailbox.change_key(item))
}

/// `FolderId` of a folder.
pub(crate) fn folder_id_element(mailbox: &Mailbox, folder: &Folder) -> Element {
    Element::t("FolderId")
        .attr("Id", mailbox.ews_folder_id(folder.id))
        .attr("ChangeKey", mailbox.folder_change_key(folder))
}

/// `ParentFolderId`; as on real servers its ChangeKey says nothing but the class.
pub(crate) fn parent_id_element(mailbox: &Mailbox, parent: FolderId) -> Element {
    Element::t("ParentFolderId")
        .attr("Id", mailbox.ews_folder_id(parent))
        .attr("ChangeKey", "AQAAAA==")
}
