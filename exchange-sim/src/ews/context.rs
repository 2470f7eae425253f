//! What an operation knows besides its own element: the mailbox, the caller's zone and version.

use super::failure::Failure;
use super::failure::failure;
use super::notify::Held;
use super::version::Server;
use super::xml::Element;
use crate::store::Error;
use crate::store::Folder;
use crate::store::FolderId;
use crate::store::Item;
use crate::store::ItemRef;
use crate::store::Mailbox;
use crate::store::Role;
use crate::store::World;
use crate::store::ids;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// One request on behalf of one mailbox.
pub(crate) struct Context<'a> {
    world: &'a mut World,
    /// Whose mailbox it is; present in the world.
    address: String,
    /// The zone of dateTimes that state none.
    pub(crate) zone: Zone,
    /// What goes on after the answer, if something does.
    held: Option<Held>,
}

impl<'a> Context<'a> {
    /// A request for the mailbox of `address`, which must exist.
    pub(crate) fn new(world: &'a mut World, address: String, zone: Zone) -> Context<'a> {
        Context { world, address, zone, held: None }
    }

    /// The server that answers for the mailbox.
    pub(crate) fn server(&self) -> Server {
        Server::of(self.world, &self.address)
    }

    /// The mailbox.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        self.world.mailbox(&self.address).expect("sign-in found the mailbox")
    }

    /// The mailbox to change.
    pub(crate) fn mailbox_mut(&mut self) -> &mut Mailbox {
        self.world.mailbox_mut(&self.address).expect("sign-in found the mailbox")
    }

    /// The whole server.
    pub(crate) fn world_mut(&mut self) -> &mut World {
        self.world
    }

    /// Lets the connection stay after the answer.
    pub(crate) fn hold(&mut self, held: Held) {
        self.held = Some(held);
    }

    /// The connection that stays, if one does.
    pub(crate) fn held(self) -> Option<Held> {
        self.held
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

    /// The item or occurrence that an `ItemId`, `OccurrenceItemId` or `RecurringMasterItemId` names.
    pub(crate) fn item(&self, id: &Element) -> Result<Cow<'_, Item>, Failure> {
        match id.name.as_str() {
            "OccurrenceItemId" => {
                let master = self.master(id, "RecurringMasterId")?.id;
                let index = id.attribute("InstanceIndex").and_then(|text| text.trim().parse().ok());
                let found = self.mailbox().nth_occurrence(master, index.unwrap_or(0));
                found.map(Cow::Owned).map_err(failure)
            }
            "RecurringMasterItemId" => {
                let occurrence = self.named(id, "OccurrenceId")?.reference();
                if occurrence.date.is_none() {
                    return Err(Failure::new(
                        "ErrorCalendarCannotUseIdForOccurrenceId",
                        "The OccurrenceId does not correspond to a valid occurrence of a \
                         recurring calendar item.",
                    ));
                }
                let master = self.mailbox().item(occurrence.id).map_err(failure)?;
                Ok(Cow::Borrowed(master))
            }
            // Names several items at once, which only GetItem can tell of.
            "RecurringMasterItemIdRanges" => Err(Failure::invalid_request()),
            _ => self.named(id, "Id"),
        }
    }

    /// The master of a series whose id is in an attribute.
    pub(crate) fn master(&self, id: &Element, attribute: &str) -> Result<Cow<'_, Item>, Failure> {
        let item = self.named(id, attribute)?;
        match item.series() {
            Some(_) => Ok(item),
            None => Err(failure(Error::NoSeries)),
        }
    }

    /// The item or occurrence whose id is in an attribute.
    fn named(&self, id: &Element, attribute: &str) -> Result<Cow<'_, Item>, Failure> {
        let value = id.attribute(attribute).unwrap_or_default();
        match self.mailbox().find_item(value) {
            Ok(item) => Ok(item),
            Err(Error::ItemNotFound) => {
                self.check_id(value).and_then(|()| Err(Failure::item_not_found()))
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Like [`Context::item`], for callers that go on to change the mailbox.
    pub(crate) fn reference(&self, id: &Element) -> Result<ItemRef, Failure> {
        self.item(id).map(|item| item.reference())
    }

    /// Tells ids that are none from those that name nothing here (recording of Exchange 2010 SP2:
    /// the id of another server's mailbox is well-formed).
    pub(crate) fn check_id(&self, id: &str) -> Result<(), Failure> {
        let given_out = |mailbox: &Mailbox| ids::parse(&mailbox.guid, id).is_some();
        match self.mailboxes().any(given_out) || is_well_formed(id) {
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

/// Whether an id has the form of all that Exchange gives out: a header, then a mailbox's GUID as text.
fn is_well_formed(id: &str) -> bool {
    let bytes = STANDARD.decode(id).unwrap_or_default();
    let guid = bytes.get(4..40).unwrap_or_default();
    let is_guid = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    bytes.get(1..4) == Some(&[3, 36, 0]) && guid.iter().enumerate().all(is_guid)
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
