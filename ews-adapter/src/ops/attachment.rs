//! GetAttachment, CreateAttachment and DeleteAttachment.

use crate::soap::{Element, Xml};

/// Asks for attachments with what they hold: attached items as MIME, iCalendar or vCard.
pub(crate) fn get<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:GetAttachment", &[], |xml| {
            xml.node("m:AttachmentShape", &[], |xml| xml.leaf("t:IncludeMimeContent", "true"));
            write_ids(xml, ids);
        });
    })
}

/// Attaches `attachments`, each written before, to an item. The operation looks at no version.
pub(crate) fn create<'a>(item: &str, attachments: impl Iterator<Item = &'a str>) -> String {
    Xml::text_of(|xml| {
        xml.node("m:CreateAttachment", &[], |xml| {
            xml.empty("m:ParentItemId", &[("Id", item)]);
            xml.node("m:Attachments", &[], |xml| attachments.for_each(|one| xml.raw(one)));
        });
    })
}

/// Takes attachments off their item. The operation looks at no version.
pub(crate) fn delete<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    Xml::text_of(|xml| xml.node("m:DeleteAttachment", &[], |xml| write_ids(xml, ids)))
}

fn write_ids<'a>(xml: &mut Xml, ids: impl Iterator<Item = &'a str>) {
    xml.node("m:AttachmentIds", &[], |xml| {
        ids.for_each(|id| xml.empty("t:AttachmentId", &[("Id", id)]));
    });
}

/// The id in an attachment.
pub(crate) fn id(attachment: &Element) -> Option<&str> {
    attachment.child("AttachmentId")?.attribute("Id").filter(|id| !id.is_empty())
}

/// The attachment in a response message.
pub(crate) fn attachment(message: &Element) -> Option<&Element> {
    message.child("Attachments")?.children.first()
}

/// What an attachment holds, in base64. Without it the server has something that it can't hand out
/// as a file; an empty file is there, and empty.
pub(crate) fn content(attachment: &Element) -> Option<&str> {
    match attachment.name.as_str() {
        "ItemAttachment" => {
            attachment.children.iter().find_map(|item| item.child_text("MimeContent"))
        }
        _ => attachment.child_text("Content"),
    }
}
