//! Attachments: CreateAttachment, GetAttachment, DeleteAttachment, `item:Attachments`.

use super::context::Context;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::folder::each;
use super::shape::ItemShape;
use super::write::Draft;
use super::write::boolean;
use super::xml::Element;
use crate::store::Attachment;
use crate::store::AttachmentData;
use crate::store::Content;
use crate::store::Error;
use crate::store::Item;
use crate::store::Kind;
use crate::store::Mailbox;
use crate::store::Reference;
use crate::store::ZonedTime;
use crate::store::ids;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

/// CreateAttachment: one answer an attachment, each with the item's ChangeKey after it.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "Attachments", |element| {
        let parent = request.child("ParentItemId").ok_or_else(Failure::malformed_id)?;
        let id = Element { name: "ItemId".to_owned(), ..parent.clone() };
        let at = context.item(&id)?.reference();
        let start = super::write::next_half_hour(context.mailbox().now);
        let attachment = read(element, &context.zone, start)?;
        let number = context.mailbox_mut().attach(at, attachment).map_err(failure)?;
        let mailbox = context.mailbox();
        let item = mailbox.opened(at).map_err(failure)?;
        let id = id_element(mailbox, &item, number)
            .attr("RootItemId", mailbox.ews_id(&item))
            .attr("RootItemChangeKey", mailbox.change_key(&item));
        Ok(holding(Element::t(&element.name).with(id)))
    })
}

/// GetAttachment: one answer an id.
pub(crate) fn get(context: &Context<'_>, request: &Element) -> Vec<Result<Element, Failure>> {
    let shape = ItemShape::of_attachments(request, &context.zone);
    each(request, "AttachmentIds", |id| {
        let (item, number) = find(context, id)?;
        let attachment =
            item.content.attachment(number).ok_or_else(|| failure(Error::AttachmentNotFound))?;
        let mailbox = context.mailbox();
        Ok(holding(opened(mailbox, &item, attachment, &shape.clone()?)))
    })
}

/// DeleteAttachment: one answer an id, each with the item's ChangeKey after it.
pub(crate) fn delete(
    context: &mut Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    each(request, "AttachmentIds", |id| {
        let (item, number) = find(context, id)?;
        let at = item.reference();
        context.mailbox_mut().detach(at, number).map_err(failure)?;
        let mailbox = context.mailbox();
        let item = mailbox.opened(at).map_err(failure)?;
        let root = Element::m("RootItemId")
            .attr("RootItemId", mailbox.ews_id(&item))
            .attr("RootItemChangeKey", mailbox.change_key(&item));
        Ok(success().with(root))
    })
}

/// `Attachments` of an item, without what they hold; `None` where it has none.
///
/// `root` is the stored item that `content` is or is attached to: ids start from it.
pub(crate) fn list(mailbox: &Mailbox, root: &Item, content: &Content) -> Option<Element> {
    let listed = content.attachments.iter().map(|attachment| {
        let mut element = described(mailbox, root, attachment)
            .with(Element::t_text("Size", attachment.size().to_string()))
            // Without a zone, unlike every other time (ews-rs#82).
            .with(Element::t_text(
                "LastModifiedTime",
                attachment.modified.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
            ))
            .with(Element::t_text("IsInline", attachment.inline.to_string()));
        match &attachment.data {
            AttachmentData::File(_) => {
                element = element.with(Element::t_text("IsContactPhoto", "false"));
            }
            AttachmentData::Reference(reference) => element = referring(element, reference),
            AttachmentData::Item(_) => {}
        }
        element
    });
    let list: Vec<Element> = listed.collect();
    (!list.is_empty()).then(|| Element::t("Attachments").with_all(list))
}

/// Reads the attachments of an item that is being made.
pub(crate) fn read_all(
    list: &Element,
    zone: &Zone,
    start: Timestamp,
) -> Result<Vec<Attachment>, Failure> {
    list.children.iter().map(|element| read(element, zone, start)).collect()
}

/// Reads one attachment; an attached event that states no start begins at `start`.
fn read(element: &Element, zone: &Zone, start: Timestamp) -> Result<Attachment, Failure> {
    let text = |name| element.child_text(name).map(str::to_owned).filter(|text| !text.is_empty());
    let name = text("Name").ok_or_else(|| missing("attachment:Name"))?;
    let data = match element.name.as_str() {
        "FileAttachment" => {
            let content = element.child_text("Content");
            let content = content.ok_or_else(|| missing("attachment:Content"))?;
            let packed: String = content.split_whitespace().collect();
            let content = STANDARD.decode(packed).map_err(|_| Failure::invalid_request())?;
            AttachmentData::File(content.into())
        }
        "ReferenceAttachment" => AttachmentData::Reference(Reference {
            url: text("AttachLongPathName").unwrap_or_default(),
            provider: text("ProviderType"),
            permission: text("PermissionType"),
            is_folder: element.child_text("AttachmentIsFolder").is_some_and(boolean),
        }),
        _ => AttachmentData::Item(Box::new(attached_item(element, zone, start)?)),
    };
    Ok(Attachment {
        content_type: text("ContentType"),
        content_id: text("ContentId").map(|id| id.trim_matches(['<', '>']).to_owned()),
        content_location: text("ContentLocation"),
        inline: element.child_text("IsInline").is_some_and(boolean),
        ..Attachment::of(&name, data)
    })
}

/// The item of an `ItemAttachment`, which follows the attachment's own elements.
fn attached_item(element: &Element, zone: &Zone, start: Timestamp) -> Result<Content, Failure> {
    const OWN: [&str; 9] = [
        "AttachmentId",
        "Name",
        "ContentType",
        "ContentId",
        "ContentLocation",
        "AttachmentOriginalUrl",
        "Size",
        "LastModifiedTime",
        "IsInline",
    ];
    let item = element.children.iter().find(|child| !OWN.contains(&child.name.as_str()));
    let item = item.ok_or_else(|| {
        let text = "Item was missing in the CreateItemAttachment request.";
        Failure::new("ErrorMissingItemForCreateItemAttachment", text)
    })?;
    let content = match item.name.as_str() {
        "Message" => {
            let mut content = Content::message("");
            if let Kind::Message(message) = &mut content.kind {
                message.read = true;
            }
            content
        }
        "CalendarItem" => {
            let at = ZonedTime { utc: start, zone: zone.clone() };
            Content::event("", at.clone(), at)
        }
        _ => {
            return Err(Failure::new(
                "ErrorInvalidItemForOperationCreateItemAttachment",
                "Item type is invalid for a CreateAttachment action.",
            ));
        }
    };
    let mut draft = Draft::fresh(content, zone.clone());
    for property in &item.children {
        draft.set(property)?;
    }
    draft.finish()
}

/// Finds an attachment by `AttachmentId`.
fn find(context: &Context<'_>, id: &Element) -> Result<(Item, u64), Failure> {
    let value = id.attribute("Id").unwrap_or_default();
    let is_one = |mailbox: &Mailbox| ids::parse_attachment(&mailbox.guid, value).is_some();
    match context.mailbox().find_attachment(value) {
        Ok((item, number)) => Ok((item.into_owned(), number)),
        Err(Error::AttachmentNotFound) if is_one(context.mailbox()) => {
            Err(failure(Error::AttachmentNotFound))
        }
        Err(Error::AttachmentNotFound) if context.mailboxes().any(is_one) => {
            Err(Failure::item_not_found())
        }
        Err(Error::AttachmentNotFound) => {
            context.check_id(value)?;
            let text = "The Id does not represent an item attachment.";
            Err(Failure::new("ErrorInvalidIdNotAnItemAttachmentId", text))
        }
        Err(error) => Err(failure(error)),
    }
}

/// An attachment with what it holds (MS docs: GetAttachment, Remarks).
fn opened(mailbox: &Mailbox, root: &Item, attachment: &Attachment, shape: &ItemShape) -> Element {
    let element = described(mailbox, root, attachment);
    match &attachment.data {
        AttachmentData::File(content) => {
            element.with(Element::t_text("Content", STANDARD.encode(content)))
        }
        AttachmentData::Reference(reference) => referring(element, reference),
        AttachmentData::Item(content) => {
            element.with(opened_item(mailbox, root, attachment, content, shape))
        }
    }
}

/// An attached item: all its properties, but no id and no folder of its own.
fn opened_item(
    mailbox: &Mailbox,
    root: &Item,
    attachment: &Attachment,
    content: &Content,
    shape: &ItemShape,
) -> Element {
    let item = root.attached(attachment, content);
    let mut element = shape.render(mailbox, &item);
    element.children.retain(|child| !["ItemId", "ParentFolderId"].contains(&child.name.as_str()));
    let attached = element.children.iter_mut().find(|child| child.name == "Attachments");
    if let (Some(attached), Some(list)) = (attached, list(mailbox, root, content)) {
        *attached = list;
    }
    element
}

/// Id, name and type.
fn described(mailbox: &Mailbox, root: &Item, attachment: &Attachment) -> Element {
    let name = match &attachment.data {
        AttachmentData::File(_) => "FileAttachment",
        AttachmentData::Item(_) => "ItemAttachment",
        AttachmentData::Reference(_) => "ReferenceAttachment",
    };
    let optional = [
        ("ContentType", &attachment.content_type),
        ("ContentId", &attachment.content_id),
        ("ContentLocation", &attachment.content_location),
    ];
    let optional = optional
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|value| Element::t_text(name, value)));
    Element::t(name)
        .with(id_element(mailbox, root, attachment.number))
        .with(Element::t_text("Name", &attachment.name))
        .with_all(optional)
}

fn referring(element: Element, reference: &Reference) -> Element {
    let element = element.with(Element::t_text("AttachLongPathName", &reference.url));
    let provider = reference.provider.as_ref().map(|name| Element::t_text("ProviderType", name));
    let permission = reference.permission.as_ref().filter(|text| text.parse::<i32>().is_ok());
    let permission = permission.map(|text| Element::t_text("PermissionType", text));
    element
        .with_all(provider.into_iter().chain(permission))
        .with(Element::t_text("AttachmentIsFolder", reference.is_folder.to_string()))
}

fn id_element(mailbox: &Mailbox, root: &Item, number: u64) -> Element {
    Element::t("AttachmentId").attr("Id", mailbox.ews_attachment_id(root, number))
}

fn holding(attachment: Element) -> Element {
    success().with(Element::m("Attachments").with(attachment))
}

/// What the documented error of CreateAttachment says.
fn missing(property: &str) -> Failure {
    Failure::new("ErrorRequiredPropertyMissing", "Required property is missing.")
        .about(Element::t("ExceptionFieldURI").attr("FieldURI", property))
}
