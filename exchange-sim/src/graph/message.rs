//! Messages as Graph shows them and as clients write them.

use super::call::Call;
use super::error::Error;
use super::{attachments, event, event_message, mime, read_only, write};
use crate::store::derived::taken_of_messages;
use crate::store::{
    Content, Item, Kind, Mailbox, Message, Person, PropertyId, PropertyType, PropertyValue,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

pub(super) const ODATA_TYPE: &str = "#microsoft.graph.message";
/// Members that clients may write at any time (docs: message-update).
const WRITABLE: [&str; 8] = [
    "categories",
    "flag",
    "importance",
    "inferenceClassification",
    "isRead",
    "singleValueExtendedProperties",
    "multiValueExtendedProperties",
    "attachments",
];

/// Members that clients may write as long as the message is a draft (docs: message-update).
const OF_DRAFTS: [&str; 11] = [
    "subject",
    "body",
    "from",
    "sender",
    "toRecipients",
    "ccRecipients",
    "bccRecipients",
    "replyTo",
    "internetMessageId",
    "isReadReceiptRequested",
    "isDeliveryReceiptRequested",
];

const FLAG_STATES: [(&str, &str); 3] = [("notFlagged", "0"), ("complete", "1"), ("flagged", "2")];
const RECIPIENTS_MAX: usize = 500;

/// Whether messages have a member of this name.
pub(super) fn is_known(name: &str) -> bool {
    let read_only = read_only::OF_MESSAGES.iter().map(|(known, _)| known);
    let names = read_only.chain(&WRITABLE).chain(&OF_DRAFTS);
    name == "@odata.type" || names.into_iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The message, if the item is one.
pub(super) fn message_of(item: &Item) -> Option<&Message> {
    match &item.content.kind {
        Kind::Message(message) => Some(message),
        Kind::Event(_) => None,
    }
}

/// When a message arrived; drafts show when they were made.
pub(super) fn received(item: &Item, message: &Message) -> Timestamp {
    message.received.unwrap_or(item.created)
}

/// The whole message, with the extended properties asked for.
pub(super) fn render(mailbox: &Mailbox, item: &Item, message: &Message, call: &Call<'_>) -> Value {
    let content = &item.content;
    let people = |people: &[Person]| people.iter().map(event::recipient).collect::<Vec<_>>();
    let from = message.from.as_ref().map(event::recipient);
    let id = event::id(mailbox, item, &call.prefer);
    let mut json = json!({
        "@odata.etag": event::etag(mailbox, item),
        "id": id,
        "createdDateTime": event::instant(item.created),
        "lastModifiedDateTime": event::instant(item.modified),
        "changeKey": mailbox.change_key(item),
        "categories": content.categories,
        "receivedDateTime": event::instant(received(item, message)),
        "sentDateTime": event::instant(message.sent.unwrap_or(item.created)),
        "hasAttachments": content.has_attachments(),
        "internetMessageId": message.internet_message_id,
        "subject": content.subject,
        "bodyPreview": content.body.preview(),
        "importance": event::importance(content.importance),
        "parentFolderId": mailbox.graph_folder_id(item.folder),
        "conversationId": mailbox.graph_conversation_id(item),
        "conversationIndex": item.conversation_index().map(|index| STANDARD.encode(index)),
        "isRead": message.read,
        "isDraft": message.draft,
        "body": event::body(&content.body, &call.prefer),
        "sender": from,
        "from": from,
        "toRecipients": people(&message.to),
        "ccRecipients": people(&message.cc),
        "bccRecipients": people(&message.bcc),
        "replyTo": [],
        "flag": {"flagStatus": flag_status(item)},
        "inferenceClassification": classification(item),
        "isReadReceiptRequested": asks(item, READ_RECEIPT),
        "isDeliveryReceiptRequested": asks(item, DELIVERY_RECEIPT),
        "webLink": web_link(&id),
    });
    event::extend(&mut json, &call.query.expand, |id| item.property(id));
    attachments::expand(&mut json, mailbox, item, call);
    mime::show_headers(&mut json, item, call);
    event_message::add(&mut json, mailbox, item, call);
    json
}

/// Refuses to select what messages don't have, where the schema is insisted on.
pub(super) fn check_select(call: &Call<'_>) -> Result<(), Error> {
    let names = call.query.select.iter().flatten();
    let unknown = names
        .filter(|name| !event_message::is_known(name))
        .map(|name| name.split('/').next().unwrap_or_default())
        .find(|name| call.strict && !is_known(name));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Error::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.message'."
        ))),
    }
}

/// A new message from a POST body: a read draft, unless its extended properties say otherwise.
///
/// `Integer 0x0E07` without bit 8 makes it a message that was sent; `SystemTime 0x0E06` and
/// `SystemTime 0x0039` date it.
pub(super) fn create(body: &Map<String, Value>) -> Result<Content, Error> {
    let mut content = Content::message("");
    if let Kind::Message(message) = &mut content.kind {
        message.read = true;
    }
    apply(&mut content, body)?;
    mime::set_headers(&mut content, body.get("internetMessageHeaders").unwrap_or(&Value::Null))?;
    for (id, value) in take(&mut content) {
        if let Kind::Message(message) = &mut content.kind {
            let read = message.read;
            message.take_property(&id, &value)?;
            if body.contains_key("isRead") {
                message.read = read;
            }
        }
    }
    Ok(content)
}

/// Changes a message as a PATCH body says; what states its dates and draft state is too late.
pub(super) fn update(content: &mut Content, body: &Map<String, Value>) -> Result<(), Error> {
    let is_draft = matches!(&content.kind, Kind::Message(message) if message.draft);
    if !is_draft && let Some(name) = body.keys().find(|name| OF_DRAFTS.contains(&name.as_str())) {
        return Err(Error::new(
            400,
            "ErrorInvalidPropertySet",
            format!("Set action is invalid for property. (Property: {name})"),
        ));
    }
    attachments::check_update(body)?;
    apply(content, body)?;
    take(content);
    Ok(())
}

fn apply(content: &mut Content, body: &Map<String, Value>) -> Result<(), Error> {
    for (name, value) in body {
        if name.contains("@odata.")
            || read_only::is_read_only(&read_only::OF_MESSAGES, name, value)?
        {
            continue;
        }
        if !WRITABLE.contains(&name.as_str()) && !OF_DRAFTS.contains(&name.as_str()) {
            return Err(Error::body(format!(
                "The property '{name}' does not exist on type 'microsoft.graph.message'. Make sure \
                 to only use property names that are defined by the type or mark the type as open \
                 type."
            )));
        }
        if name == "flag" {
            set_flag(content, value)?;
        } else if let Some((id, value)) = kept_as_property(name, value)? {
            content.properties.insert(id, PropertyValue::One(value));
        } else if !write::of_item(content, name, value)?
            && let Kind::Message(message) = &mut content.kind
        {
            of_message(message, name, value)?;
        }
    }
    match &content.kind {
        Kind::Message(message)
            if message.to.len() + message.cc.len() + message.bcc.len() > RECIPIENTS_MAX =>
        {
            Err(Error::new(
                400,
                "ErrorExceededMaxRecipientLimit",
                "The maximum number of recipients is 500.",
            ))
        }
        Kind::Message(_) | Kind::Event(_) => Ok(()),
    }
}

fn of_message(message: &mut Message, name: &str, value: &Value) -> Result<(), Error> {
    match name {
        "from" | "sender" if value.is_null() => {}
        // Author and sender are one person here.
        "from" => message.from = Some(person(name, value)?),
        "sender" => {
            let sender = person(name, value)?;
            message.from.get_or_insert(sender);
        }
        "toRecipients" => message.to = people(name, value)?,
        "ccRecipients" => message.cc = people(name, value)?,
        "bccRecipients" => message.bcc = people(name, value)?,
        "isRead" => message.read = write::flag(name, value)?,
        "internetMessageId" => message.internet_message_id = write::text_or_empty(name, value)?,
        "replyTo" if !write::array(name, value)?.is_empty() => {
            return Err(Error::new(
                501,
                "NotImplemented",
                format!("The built-in Exchange doesn't serve '{name}' in messages."),
            ));
        }
        _ => {}
    }
    Ok(())
}

/// A list of recipients.
pub(super) fn people(name: &str, value: &Value) -> Result<Vec<Person>, Error> {
    write::array(name, value)?.iter().map(|one| person(name, one)).collect()
}

/// A recipient.
pub(super) fn person(name: &str, value: &Value) -> Result<Person, Error> {
    let members = write::object(name, value)?;
    write::only(members, &["emailAddress", "@odata.type"], "microsoft.graph.recipient")?;
    let email = write::object("emailAddress", members.get("emailAddress").unwrap_or(&Value::Null))?;
    write::only(email, &["name", "address"], "microsoft.graph.emailAddress")?;
    let text = |name: &str| write::text_or_empty(name, email.get(name).unwrap_or(&Value::Null));
    let (name, address) = (text("name")?, text("address")?);
    let name = if name.is_empty() { address.clone() } else { name };
    Ok(Person { name, address })
}

/// Keeps the flag where EWS and extended properties see it (MS-OXPROPS: PidTagFlagStatus).
fn set_flag(content: &mut Content, value: &Value) -> Result<(), Error> {
    let mut status = "0";
    if !value.is_null() {
        let members = write::object("flag", value)?;
        let known = ["flagStatus", "startDateTime", "dueDateTime", "completedDateTime"];
        write::only(members, &known, "microsoft.graph.followupFlag")?;
        if let Some(given) = members.get("flagStatus").filter(|given| !given.is_null()) {
            status = write::choice("flagStatus", given, &FLAG_STATES)?;
        }
    }
    content.properties.insert(flag_property(), PropertyValue::One(status.to_owned()));
    Ok(())
}

fn flag_status(item: &Item) -> &'static str {
    let stored = item.content.properties.get(&flag_property()).and_then(PropertyValue::one);
    FLAG_STATES
        .iter()
        .find(|(_, number)| Some(*number) == stored)
        .map_or("notFlagged", |(name, _)| *name)
}

/// PidTagReadReceiptRequested (MS-OXPROPS), as EWS writes it.
const READ_RECEIPT: u16 = 0x0029;
/// PidTagOriginatorDeliveryReportRequested (MS-OXPROPS), as EWS writes it.
const DELIVERY_RECEIPT: u16 = 0x0023;
const CLASSIFICATIONS: [(&str, &str); 2] = [("focused", "0"), ("other", "1")];

/// A member that is kept as an extended property, with what is to be kept.
fn kept_as_property(name: &str, value: &Value) -> Result<Option<(PropertyId, String)>, Error> {
    let receipt = |tag| PropertyId::tag(PropertyType::Boolean, tag);
    let (id, value) = match name {
        "isReadReceiptRequested" => (receipt(READ_RECEIPT), write::flag(name, value)?.to_string()),
        "isDeliveryReceiptRequested" => {
            (receipt(DELIVERY_RECEIPT), write::flag(name, value)?.to_string())
        }
        "inferenceClassification" => {
            (classification_property(), write::choice(name, value, &CLASSIFICATIONS)?.to_owned())
        }
        _ => return Ok(None),
    };
    Ok(Some((id, value)))
}

/// Whether a message asks its readers for a receipt.
fn asks(item: &Item, receipt: u16) -> bool {
    let value = item.content.properties.get(&PropertyId::tag(PropertyType::Boolean, receipt));
    value.and_then(PropertyValue::one) == Some("true")
}

/// What the owner said of a message; the service says "focused" of all others.
fn classification(item: &Item) -> &'static str {
    let stored = item.content.properties.get(&classification_property());
    let stored = stored.and_then(PropertyValue::one);
    let known = CLASSIFICATIONS.iter().find(|(_, number)| Some(*number) == stored);
    known.map_or("focused", |(name, _)| *name)
}

/// Where clients see it (unsourced: the property that Outlook shows).
fn classification_property() -> PropertyId {
    let set = "23239608-685d-4732-9c55-4c95cb4e8e33";
    PropertyId::named(PropertyType::Integer, set, "InferenceClassificationResult")
}

/// Where people read it (docs: message resource).
fn web_link(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("https://outlook.office365.com/owa/?ItemID={id}&exvsurl=1&viewmodel=ReadMessageItem")
}

fn flag_property() -> PropertyId {
    PropertyId::tag(PropertyType::Integer, 0x1090)
}

/// Takes the properties that aren't stored as they are given.
fn take(content: &mut Content) -> Vec<(PropertyId, PropertyValue)> {
    let ids = taken_of_messages().into_iter();
    ids.filter_map(|id| content.properties.remove(&id).map(|value| (id, value))).collect()
}
