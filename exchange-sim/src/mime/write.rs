//! An item as a message in RFC 5322: header fields, body, attachments.

use super::headers;
use super::{calendar_write, in_reply_to, read_receipt, references};
use crate::store::{
    Attachment, AttachmentData, BodyKind, Content, Importance, Item, Kind, Meeting, Message,
    Person, PropertyId, PropertyValue, Sensitivity,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mail_builder::headers::HeaderType;
use mail_builder::headers::address::Address;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::date::Date;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;
use mail_builder::mime::{BodyPart, MimePart};
use std::borrow::Cow;

/// Fields that are made from properties; what the message arrived with adds the others.
const MADE: [&str; 19] = [
    "Bcc",
    "Cc",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-ID",
    "Date",
    "Disposition-Notification-To",
    "From",
    "Importance",
    "In-Reply-To",
    "Message-ID",
    "MIME-Version",
    "References",
    "Sensitivity",
    "Subject",
    "Thread-Index",
    "Thread-Topic",
    "To",
];

type Fields = Vec<(Cow<'static, str>, HeaderType<'static>)>;

/// The item as a message.
pub(super) fn message(item: &Item) -> Vec<u8> {
    let mut out = Vec::new();
    top(item).write_part(&mut out);
    out
}

/// The whole message as one part, its header fields before those of the part.
fn top(item: &Item) -> MimePart<'static> {
    let mut part = body(item, &hex(&item.search_key));
    let mut fields = fields(item);
    fields.append(&mut part.headers);
    part.headers = fields;
    part
}

fn fields(item: &Item) -> Fields {
    let content = &item.content;
    let mut fields: Fields = Vec::new();
    match &content.kind {
        Kind::Message(message) => addressed(&mut fields, item, message),
        Kind::Event(event) => {
            people(&mut fields, "From", event.organizer.as_slice());
            date(&mut fields, item.modified.as_second());
        }
    }
    text(&mut fields, "Subject", &content.subject);
    text(&mut fields, "Thread-Topic", item.conversation_topic());
    let index = item.conversation_index().map(|index| STANDARD.encode(index));
    raw(&mut fields, "Thread-Index", &index.unwrap_or_default());
    raw(&mut fields, "References", one(content, &references()).unwrap_or_default());
    raw(&mut fields, "In-Reply-To", one(content, &in_reply_to()).unwrap_or_default());
    raw(&mut fields, "Importance", importance(content.importance));
    raw(&mut fields, "Sensitivity", sensitivity(content.sensitivity));
    for field in others(content) {
        text(&mut fields, &field.name, &field.value);
    }
    raw(&mut fields, "MIME-Version", "1.0");
    fields
}

/// Author, recipients, date and id. Blind recipients show in what its author keeps, only.
fn addressed(fields: &mut Fields, item: &Item, message: &Message) {
    people(fields, "From", message.from.as_slice());
    people(fields, "To", &message.to);
    people(fields, "Cc", &message.cc);
    people(fields, "Bcc", &message.bcc);
    date(fields, message.sent.unwrap_or(item.created).as_second());
    raw(fields, "Message-ID", &message.internet_message_id);
    let asked = one(&item.content, &read_receipt()) == Some("true");
    if let Some(from) = message.from.as_ref().filter(|_| asked) {
        people(fields, "Disposition-Notification-To", std::slice::from_ref(from));
    }
}

/// Fields that no property stands for, from what the message arrived with and from properties.
fn others(content: &Content) -> Vec<headers::Field> {
    let is_other =
        |field: &headers::Field| !MADE.iter().any(|made| made.eq_ignore_ascii_case(&field.name));
    let block = one(content, &headers::transport()).unwrap_or_default();
    let mut others: Vec<headers::Field> =
        headers::raw(block).into_iter().filter(is_other).collect();
    for field in headers::named(content).into_iter().filter(is_other) {
        if !others.iter().any(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            others.push(field);
        }
    }
    others
}

/// The body with all attachments. `key` makes boundaries that are the same each time.
fn body(item: &Item, key: &str) -> MimePart<'static> {
    let content = &item.content;
    let (inline, mut listed): (Vec<&Attachment>, Vec<&Attachment>) =
        content.attachments.iter().partition(|attachment| {
            attachment.inline && attachment.content_id.is_some() && is_html(content)
        });
    // Links to files elsewhere can't be carried.
    listed.retain(|attachment| !matches!(attachment.data, AttachmentData::Reference(_)));
    let shown = match (&content.kind, content.meeting()) {
        (Kind::Message(_), Some(meeting)) => with_calendar(item, meeting, key),
        (Kind::Message(_), None) => text_or_html(content, key),
        (Kind::Event(_), _) => MimePart::new(
            ContentType::new("text/calendar")
                .attribute("charset", "utf-8")
                .attribute("method", "REQUEST"),
            calendar_write::render(item),
        ),
    };
    let related = holding("related", key, 1, shown, &inline, item);
    holding("mixed", key, 2, related, &listed, item)
}

/// Text alone, or HTML with the text that it says.
fn text_or_html(content: &Content, key: &str) -> MimePart<'static> {
    let mut forms = forms(content);
    match forms.len() {
        1 => forms.remove(0),
        _ => multipart("alternative", key, 0, forms),
    }
}

/// A meeting message: what people read, and the calendar besides.
fn with_calendar(item: &Item, meeting: &Meeting, key: &str) -> MimePart<'static> {
    let kind = ContentType::new("text/calendar")
        .attribute("charset", "utf-8")
        .attribute("method", calendar_write::method(meeting.kind));
    let calendar = MimePart::new(kind, calendar_write::of_meeting(item, meeting));
    let mut forms = forms(&item.content);
    forms.push(calendar);
    multipart("alternative", key, 0, forms)
}

/// The forms that the body comes in, the richest last.
fn forms(content: &Content) -> Vec<MimePart<'static>> {
    let text = MimePart::new("text/plain", content.body.as_text());
    match content.body.kind {
        BodyKind::Text => vec![text],
        BodyKind::Html => {
            vec![text, MimePart::new("text/html", content.body.content.clone())]
        }
    }
}

/// The part with attachments beside it; alone where there are none.
fn holding(
    kind: &str,
    key: &str,
    level: u8,
    first: MimePart<'static>,
    attachments: &[&Attachment],
    item: &Item,
) -> MimePart<'static> {
    if attachments.is_empty() {
        return first;
    }
    let attached = attachments.iter().map(|attachment| attached(item, attachment));
    multipart(kind, key, level, std::iter::once(first).chain(attached).collect())
}

fn multipart(kind: &str, key: &str, level: u8, parts: Vec<MimePart<'static>>) -> MimePart<'static> {
    // No encoded body can hold "=_".
    let boundary = format!("_00{level}=_{key}_");
    let kind = ContentType::new(format!("multipart/{kind}")).attribute("boundary", boundary);
    MimePart::new(kind, BodyPart::Multipart(parts))
}

fn attached(item: &Item, attachment: &Attachment) -> MimePart<'static> {
    let part = match &attachment.data {
        AttachmentData::File(bytes) => {
            let kind =
                ContentType::new(media_type(attachment)).attribute("name", clean(&attachment.name));
            MimePart::new(kind, BodyPart::Binary(bytes.to_vec().into()))
        }
        AttachmentData::Item(content) => {
            let mut inner = item.attached(attachment, content);
            inner.search_key = nested_key(item, attachment);
            MimePart::new("message/rfc822", BodyPart::Binary(message(&inner).into()))
                .transfer_encoding("8bit")
        }
        AttachmentData::Reference(reference) => MimePart::new("text/plain", clean(&reference.url)),
    };
    let disposition = ContentType::new(if attachment.inline { "inline" } else { "attachment" })
        .attribute("filename", clean(&attachment.name));
    let part = part.header("Content-Disposition", disposition);
    let part = match &attachment.content_id {
        Some(id) => part.header("Content-ID", Raw::new(format!("<{}>", clean(id)))),
        None => part,
    };
    match &attachment.content_location {
        Some(location) => part.header("Content-Location", Raw::new(clean(location))),
        None => part,
    }
}

/// The type stated, if it is one that a part without parts may have.
fn media_type(attachment: &Attachment) -> String {
    let is_token = |text: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte);
        !text.is_empty() && text.bytes().all(is_part)
    };
    let stated = attachment.content_type.as_deref().unwrap_or_default();
    let stated = stated.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match stated.split_once('/') {
        Some((kind, subtype))
            if is_token(kind) && is_token(subtype) && !["multipart", "message"].contains(&kind) =>
        {
            stated
        }
        Some(_) | None => "application/octet-stream".to_owned(),
    }
}

/// A key of its own for the boundaries of a message within a message.
fn nested_key(item: &Item, attachment: &Attachment) -> [u8; 16] {
    let mut key = item.search_key;
    for (byte, number) in key.iter_mut().zip((attachment.number + 1).to_le_bytes()) {
        *byte ^= number;
    }
    key
}

fn is_html(content: &Content) -> bool {
    content.body.kind == BodyKind::Html
}

fn people(fields: &mut Fields, name: &'static str, people: &[Person]) {
    let address = |person: &Person| {
        let (shown, address) = (clean(&person.name), clean(&person.address));
        let shown = Some(shown).filter(|shown| !shown.is_empty() && *shown != address);
        Address::new_address(shown, address)
    };
    if !people.is_empty() {
        let list: Vec<Address<'static>> = people.iter().map(address).collect();
        fields.push((name.into(), Address::new_list(list).into()));
    }
}

fn date(fields: &mut Fields, second: i64) {
    fields.push(("Date".into(), Date::new(second).into()));
}

fn text(fields: &mut Fields, name: &str, value: &str) {
    if !value.is_empty() {
        fields.push((name.to_owned().into(), Text::new(clean(value)).into()));
    }
}

fn raw(fields: &mut Fields, name: &'static str, value: &str) {
    if !value.is_empty() {
        fields.push((name.into(), Raw::new(clean(value)).into()));
    }
}

fn one<'c>(content: &'c Content, id: &PropertyId) -> Option<&'c str> {
    content.properties.get(id).and_then(PropertyValue::one)
}

/// Without what would end a line.
fn clean(text: &str) -> String {
    text.replace(char::is_control, " ").trim().to_owned()
}

fn importance(importance: Importance) -> &'static str {
    match importance {
        Importance::Low => "low",
        Importance::Normal => "",
        Importance::High => "high",
    }
}

/// MS-OXCMAIL: the words of RFC 4021.
fn sensitivity(sensitivity: Sensitivity) -> &'static str {
    match sensitivity {
        Sensitivity::Normal => "",
        Sensitivity::Personal => "personal",
        Sensitivity::Private => "private",
        Sensitivity::Confidential => "company-confidential",
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
