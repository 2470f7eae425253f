//! Messages: what CreateItem and UpdateItem write into them, SendItem, MarkAllItemsAsRead.

use super::context::Context;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::folder::each;
use super::item::check_change_key;
use super::item::named;
use super::write::Draft;
use super::write::boolean;
use super::write::person;
use super::write::read_only;
use super::xml::Element;
use crate::store::Content;
use crate::store::DeleteType;
use crate::store::FolderId;
use crate::store::ItemId;
use crate::store::Kind;
use crate::store::Message;
use crate::store::Person;
use crate::store::Role;

/// Properties of the schema that only messages have (MS docs: FieldURI, message:…).
pub(crate) const FIELDS: [&str; 13] = [
    "From",
    "Sender",
    "ReplyTo",
    "ToRecipients",
    "CcRecipients",
    "BccRecipients",
    "IsRead",
    "IsReadReceiptRequested",
    "IsDeliveryReceiptRequested",
    "ConversationIndex",
    "ConversationTopic",
    "InternetMessageId",
    "References",
];

/// What happens to a message that is written (MS docs: MessageDisposition).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// It stays.
    SaveOnly,
    /// It is sent, nothing is kept.
    SendOnly,
    /// It is sent, a copy is kept.
    SendAndSaveCopy,
}

impl Disposition {
    /// Reads the attribute, which messages need.
    pub(crate) fn of(request: &Element) -> Result<Disposition, Failure> {
        match request.attribute("MessageDisposition") {
            Some("SaveOnly") => Ok(Disposition::SaveOnly),
            Some("SendOnly") => Ok(Disposition::SendOnly),
            Some("SendAndSaveCopy") => Ok(Disposition::SendAndSaveCopy),
            Some(_) | None => Err(Failure::new(
                "ErrorMessageDispositionRequired",
                "The MessageDisposition attribute is required for messages.",
            )),
        }
    }
}

/// CreateItem of one message.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
    item: &Element,
) -> Result<Element, Failure> {
    Disposition::of(request)?;
    let content = new_message(context, item)?;
    keep(context, request, content)
}

/// Saves or sends a new message, as the request says.
pub(crate) fn keep(
    context: &mut Context<'_>,
    request: &Element,
    content: Content,
) -> Result<Element, Failure> {
    let disposition = Disposition::of(request)?;
    let folder = |context: &Context<'_>, role| match request.child("SavedItemFolderId") {
        Some(folder) => context.folder_in(folder, Failure::saved_folder_not_found),
        None => Ok(context.mailbox().role(role)),
    };
    let save_to = match disposition {
        Disposition::SaveOnly => {
            let folder = folder(context, Role::Drafts)?;
            let id = context.mailbox_mut().create(folder, content).map_err(failure)?;
            return named(context, id);
        }
        Disposition::SendOnly => None,
        Disposition::SendAndSaveCopy => Some(folder(context, Role::SentItems)?),
    };
    check_recipients(&content)?;
    context.mailbox_mut().send_message(content, save_to).map_err(failure)?;
    // What is sent has no id to tell (MS docs: CreateItem (email message)).
    Ok(success().with(Element::m("Items")))
}

/// SendItem: one answer an id.
pub(crate) fn send_items(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let keep = request.attribute("SaveItemToFolder").is_some_and(boolean);
    each(request, "ItemIds", |id| {
        let item = context.item(id)?;
        check_change_key(id, &context.mailbox().change_key(&item), false)?;
        if item.content.as_event().is_some() {
            return Err(Failure::new(
                "ErrorInvalidItemForOperationSendItem",
                "The item can't be sent.",
            ));
        }
        let id = item.id;
        let save_to = match (keep, request.child("SavedItemFolderId")) {
            (false, _) => None,
            (true, Some(folder)) => {
                Some(context.folder_in(folder, Failure::saved_folder_not_found)?)
            }
            (true, None) => Some(context.mailbox().role(Role::SentItems)),
        };
        send(context, id, save_to)?;
        Ok(success())
    })
}

/// Sends a stored message; it becomes the copy in `save_to` or is gone.
pub(crate) fn send(
    context: &mut Context<'_>,
    id: ItemId,
    save_to: Option<FolderId>,
) -> Result<(), Failure> {
    let content = context.mailbox().item(id).map_err(failure)?.content.clone();
    check_recipients(&content)?;
    let mailbox = context.mailbox_mut();
    match save_to {
        Some(folder) => mailbox.send_draft(id, folder).map_err(failure),
        None => {
            mailbox.send_message(content, None).map_err(failure)?;
            mailbox.delete(id, DeleteType::HardDelete).map_err(failure)
        }
    }
}

/// MarkAllItemsAsRead: one answer a folder; no receipts are sent.
pub(crate) fn mark_all(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let read = request.child_text("ReadFlag").is_some_and(boolean);
    each(request, "FolderIds", |folder| {
        let folder = context.folder(folder, Failure::folder_not_found)?.id;
        let mailbox = context.mailbox_mut();
        let ids: Vec<ItemId> = mailbox.items_in(folder).map(|item| item.id).collect();
        for id in ids {
            let mut content = mailbox.item(id).map_err(failure)?.content.clone();
            match &mut content.kind {
                Kind::Message(message) if message.read != read => message.read = read,
                Kind::Message(_) | Kind::Event(_) => continue,
            }
            mailbox.update(id, None, content).map_err(failure)?;
        }
        Ok(success())
    })
}

fn new_message(context: &Context<'_>, item: &Element) -> Result<Content, Failure> {
    let mut content = Content::message("");
    let now = context.mailbox().now;
    if let Kind::Message(message) = &mut content.kind {
        // Who writes a message has read it.
        message.read = true;
        message.received = Some(now);
    }
    let mut draft = Draft::fresh(content, context.zone.clone());
    for element in &item.children {
        draft.set(element)?;
    }
    draft.finish()
}

/// Sets what only messages have.
pub(crate) fn set(message: &mut Message, element: &Element) -> Result<(), Failure> {
    let text = element.text.trim();
    let first = || element.child("Mailbox").and_then(person);
    match element.name.as_str() {
        "ItemClass" if text == "IPM.Note" => {}
        "From" => message.from = first(),
        // Author and sender are one person here.
        "Sender" => message.from = message.from.take().or_else(first),
        "ToRecipients" => message.to = people(element),
        "CcRecipients" => message.cc = people(element),
        "BccRecipients" => message.bcc = people(element),
        "IsRead" => message.read = boolean(text),
        "InternetMessageId" => message.internet_message_id = text.to_owned(),
        name => return Err(read_only(name)),
    }
    Ok(())
}

/// Removes what only messages have; `None` for what can't be removed.
pub(crate) fn delete(message: &mut Message, uri: &str) -> Option<()> {
    match uri {
        "message:ToRecipients" => message.to.clear(),
        "message:CcRecipients" => message.cc.clear(),
        "message:BccRecipients" => message.bcc.clear(),
        _ => return None,
    }
    Some(())
}

/// Appends to a list of recipients; `None` for everything else.
pub(crate) fn append(message: &mut Message, element: &Element) -> Option<()> {
    match element.name.as_str() {
        "ToRecipients" => message.to.extend(people(element)),
        "CcRecipients" => message.cc.extend(people(element)),
        "BccRecipients" => message.bcc.extend(people(element)),
        _ => return None,
    }
    Some(())
}

fn people(list: &Element) -> Vec<Person> {
    list.children.iter().filter_map(person).collect()
}

/// Refuses to send what is addressed to nobody.
pub(crate) fn check_recipients(content: &Content) -> Result<(), Failure> {
    match &content.kind {
        Kind::Message(message)
            if message.to.is_empty() && message.cc.is_empty() && message.bcc.is_empty() =>
        {
            Err(Failure::new("ErrorInvalidRecipients", "At least one recipient isn't valid."))
        }
        Kind::Message(_) | Kind::Event(_) => Ok(()),
    }
}
