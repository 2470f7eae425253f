//! A message in RFC 5322 as an item.

use super::headers;
use super::{Error, in_reply_to, read_receipt, references, thread_index, topic};
use crate::store::{
    Attachment, AttachmentData, Body, Content, Importance, Kind, Message, Person, PropertyId,
    PropertyValue, Sensitivity,
};
use jiff::Timestamp;
use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{
    Address, Encoding, HeaderName, HeaderValue, Message as Parsed, MessageParser, MessagePart,
    MimeHeaders, PartType,
};

/// Messages within messages, beyond which nothing is opened any more.
const DEPTH_MAX: usize = 16;
/// Parts that hold others; a stream with more of them is an attack.
const HOLDERS_MAX: usize = 1000;

/// Writes what a message says into a message's content; what it doesn't say stays as it is, but
/// its attachments replace those there were.
pub(crate) fn message(content: &mut Content, bytes: &[u8]) -> Result<(), Error> {
    let holders = bytes.windows(10).filter(|text| {
        text.eq_ignore_ascii_case(b"multipart/") || text.eq_ignore_ascii_case(b"message/rf")
    });
    if holders.count() > HOLDERS_MAX {
        return Err(Error::Unconvertible("too many parts"));
    }
    let block = headers::block(bytes);
    if headers::raw(&block).is_empty() {
        return Err(Error::Invalid);
    }
    let parsed = MessageParser::default().parse(bytes).ok_or(Error::Invalid)?;
    fill(content, &parsed, DEPTH_MAX)?;
    content.properties.insert(headers::transport(), PropertyValue::One(block));
    Ok(())
}

fn fill(content: &mut Content, parsed: &Parsed<'_>, depth: usize) -> Result<(), Error> {
    content.subject = parsed.subject().unwrap_or_default().to_owned();
    content.body = body(parsed);
    content.attachments = attachments(parsed, depth)?;
    properties(content, parsed);
    match &mut content.kind {
        Kind::Message(message) => {
            addressed(message, parsed);
            Ok(())
        }
        Kind::Event(_) => Err(Error::Invalid),
    }
}

/// Header fields that become properties (MS-OXCMAIL: 2.2.3).
fn properties(content: &mut Content, parsed: &Parsed<'_>) {
    let text = |name: &'static str| parsed.header(name).and_then(HeaderValue::as_text);
    content.importance = importance(text("Importance"), text("X-Priority"));
    content.sensitivity = sensitivity(text("Sensitivity").unwrap_or_default());
    let mut set = |id: PropertyId, value: String| {
        if !value.is_empty() {
            content.properties.insert(id, PropertyValue::One(value));
        }
    };
    set(in_reply_to(), ids(parsed.in_reply_to()));
    set(references(), ids(parsed.references()));
    set(thread_index(), text("Thread-Index").unwrap_or_default().split_whitespace().collect());
    if parsed.header("Disposition-Notification-To").is_some() {
        set(read_receipt(), true.to_string());
    }
    // The parser leaves encoded words in fields that it doesn't know.
    let unknown = parsed.headers().iter().filter_map(|header| {
        let value = header.value().as_text()?;
        matches!(header.name, HeaderName::Other(_))
            .then(|| format!("{}: {value}\r\n", header.name()))
    });
    for field in headers::decoded(&unknown.collect::<String>()) {
        let (name, value) = (field.name.as_str(), field.value.as_str());
        if name.eq_ignore_ascii_case("Thread-Topic") {
            content.properties.insert(topic(), PropertyValue::One(field.value));
        } else if name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-")) {
            headers::keep(content, name, value);
        }
    }
}

fn addressed(message: &mut Message, parsed: &Parsed<'_>) {
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
fn body(parsed: &Parsed<'_>) -> Body {
    let first = parsed.html_body.first().and_then(|part| parsed.part(*part));
    match first.is_some_and(|part| matches!(part.body, PartType::Html(_))) {
        true => Body::html(parsed.body_html(0).unwrap_or_default()),
        false => Body::text(parsed.body_text(0).unwrap_or_default().trim_end()),
    }
}

/// What the message carries beside its body. Further texts that are shown below each other become
/// files, as on Exchange.
fn attachments(parsed: &Parsed<'_>, depth: usize) -> Result<Vec<Attachment>, Error> {
    let mut parts: Vec<u32> = parsed.attachments.clone();
    let is_alone = |part: &&u32| parsed.text_body.contains(part);
    parts.extend(parsed.html_body.iter().skip(1).filter(is_alone));
    parts.sort_unstable();
    parts.dedup();
    let parts = parts.into_iter().filter_map(|part| parsed.part(part));
    parts.enumerate().map(|(index, part)| attachment(parsed, part, index + 1, depth)).collect()
}

fn attachment(
    parsed: &Parsed<'_>,
    part: &MessagePart<'_>,
    number: usize,
    depth: usize,
) -> Result<Attachment, Error> {
    let kind = part.content_type();
    let stated = kind.map(|kind| match kind.subtype() {
        Some(subtype) => format!("{}/{subtype}", kind.ctype()),
        None => kind.ctype().to_owned(),
    });
    let named = part.attachment_name().map(str::to_owned).filter(|name| !name.is_empty());
    let mut attachment = match &part.body {
        PartType::Message(inner) => {
            let deeper = depth.checked_sub(1).ok_or(Error::Unconvertible("nested too deep"))?;
            let mut content = Content::message("");
            if let Kind::Message(message) = &mut content.kind {
                message.read = true;
                message.draft = false;
            }
            fill(&mut content, inner, deeper)?;
            let name = named.unwrap_or_else(|| content.subject.clone());
            Attachment::of(&name, AttachmentData::Item(Box::new(content)))
        }
        PartType::Text(_)
        | PartType::Html(_)
        | PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Multipart(_) => {
            let name = named.unwrap_or_else(|| made_up_name(part, number));
            let mut file = Attachment::file(&name, bytes(parsed, part));
            file.content_type = stated;
            file
        }
    };
    let disposition = part.content_disposition();
    attachment.content_id = part.content_id().map(str::to_owned);
    attachment.content_location = part.content_location().map(str::to_owned);
    attachment.inline = match disposition {
        Some(disposition) => disposition.is_inline() && attachment.content_id.is_some(),
        None => attachment.content_id.is_some(),
    };
    Ok(attachment)
}

/// As Exchange names what has no name.
fn made_up_name(part: &MessagePart<'_>, number: usize) -> String {
    let ending = match &part.body {
        PartType::Text(_) => "txt",
        PartType::Html(_) => "htm",
        PartType::Binary(_)
        | PartType::InlineBinary(_)
        | PartType::Message(_)
        | PartType::Multipart(_) => "bin",
    };
    format!("ATT{number:05}.{ending}")
}

/// The bytes of a part. Texts are taken from the stream, where they have their own charset.
fn bytes(parsed: &Parsed<'_>, part: &MessagePart<'_>) -> Vec<u8> {
    let text = match &part.body {
        PartType::Text(text) | PartType::Html(text) => text,
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => return bytes.to_vec(),
        PartType::Message(_) | PartType::Multipart(_) => return Vec::new(),
    };
    let place = part.offset_body as usize..part.offset_end as usize;
    let raw = parsed.raw_message.get(place).unwrap_or_default();
    let decoded = match part.encoding {
        Encoding::None => Some(raw.to_vec()),
        Encoding::Base64 => base64_decode(raw),
        Encoding::QuotedPrintable => quoted_printable_decode(raw),
    };
    decoded.filter(|_| !part.is_encoding_problem).unwrap_or_else(|| text.as_bytes().to_vec())
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

/// Importance, or the older X-Priority of 1 to 5 (MS-OXCMAIL: 2.2.3.2.1).
fn importance(stated: Option<&str>, priority: Option<&str>) -> Importance {
    let stated = stated.map(|stated| stated.trim().to_ascii_lowercase());
    let priority = priority.and_then(|priority| priority.trim().chars().next());
    match (stated.as_deref(), priority) {
        (Some("high"), _) | (None, Some('1' | '2')) => Importance::High,
        (Some("low"), _) | (None, Some('4' | '5')) => Importance::Low,
        (_, _) => Importance::Normal,
    }
}

fn sensitivity(stated: &str) -> Sensitivity {
    match stated.trim().to_ascii_lowercase().as_str() {
        "personal" => Sensitivity::Personal,
        "private" => Sensitivity::Private,
        "company-confidential" => Sensitivity::Confidential,
        _ => Sensitivity::Normal,
    }
}
