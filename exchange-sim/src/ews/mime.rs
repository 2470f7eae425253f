//! `MimeContent` of a message, as CreateItem is given it.

use super::failure::Failure;
use super::write::in_reply_to;
use crate::store::Body;
use crate::store::Content;
use crate::store::Message;
use crate::store::Person;
use crate::store::PropertyId;
use crate::store::PropertyType;
use crate::store::PropertyValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mail_parser::Address;
use mail_parser::HeaderValue;
use mail_parser::MessageParser;
use mail_parser::PartType;

/// PidTagInternetReferences (MS-OXPROPS), behind `message:References`.
pub(crate) fn references() -> PropertyId {
    PropertyId::tag(PropertyType::String, 0x1039)
}

/// Writes what an RFC 5322 message says into a message's content.
///
/// Attachments can't be stored yet: a message that has some is refused, so that none is lost
/// silently.
pub(crate) fn read(content: &mut Content, base64: &str) -> Result<(), Failure> {
    let packed: String = base64.split_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|_| invalid())?;
    let parsed = MessageParser::default().parse(&bytes).ok_or_else(invalid)?;
    if parsed.attachment_count() > 0 {
        return Err(Failure::new(
            "ErrorMimeContentConversionFailed",
            "Attachments in MIME content can't be stored by this server.",
        ));
    }
    content.subject = parsed.subject().unwrap_or_default().to_owned();
    content.body = body(&parsed);
    for (id, values) in
        [(in_reply_to(), ids(parsed.in_reply_to())), (references(), ids(parsed.references()))]
    {
        if !values.is_empty() {
            content.properties.insert(id, PropertyValue::One(values));
        }
    }
    match &mut content.kind {
        crate::store::Kind::Message(message) => {
            headers(message, &parsed);
            Ok(())
        }
        crate::store::Kind::Event(_) => Err(invalid()),
    }
}

fn headers(message: &mut Message, parsed: &mail_parser::Message<'_>) {
    message.from = people(parsed.from()).into_iter().next();
    message.to = people(parsed.to());
    message.cc = people(parsed.cc());
    message.bcc = people(parsed.bcc());
    if let Some(id) = parsed.message_id() {
        message.internet_message_id = format!("<{id}>");
    }
    if let Some(date) = parsed.date() {
        message.sent = Timestamp::from_second(date.to_timestamp()).ok();
    }
}

/// HTML where the message has it, else text.
fn body(parsed: &mail_parser::Message<'_>) -> Body {
    let html = parsed
        .html_body
        .first()
        .and_then(|part| parsed.parts.get(*part as usize))
        .is_some_and(|part| matches!(part.body, PartType::Html(_)));
    match html {
        true => Body::html(parsed.body_html(0).unwrap_or_default()),
        false => Body::text(parsed.body_text(0).unwrap_or_default().trim_end()),
    }
}

fn people(list: Option<&Address<'_>>) -> Vec<Person> {
    let person = |address: &mail_parser::Addr<'_>| {
        let mail = address.address()?.to_owned();
        let name = address.name().unwrap_or(&mail).to_owned();
        Some(Person { name, address: mail })
    };
    list.into_iter().flat_map(Address::iter).filter_map(person).collect()
}

/// Message ids with their angle brackets, which the parser takes off.
#[allow(clippy::wildcard_enum_match_arm, reason = "a foreign enum with many other shapes")]
fn ids(value: &HeaderValue<'_>) -> String {
    let list: Vec<String> = match value {
        HeaderValue::Text(id) => vec![format!("<{id}>")],
        HeaderValue::TextList(list) => list.iter().map(|id| format!("<{id}>")).collect(),
        _ => Vec::new(),
    };
    list.join(" ")
}

fn invalid() -> Failure {
    Failure::new("ErrorMimeContentInvalid", "The MIME content is invalid.")
}
