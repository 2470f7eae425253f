//! Response objects that become messages: CreateItem of ReplyToItem, ReplyAllToItem, ForwardItem.

use super::context::Context;
use super::failure::Failure;
use super::failure::failure;
use super::failure::success;
use super::message;
use super::message::Disposition;
use super::write;
use super::write::Draft;
use super::xml::Element;
use crate::mime::in_reply_to;
use crate::mime::references;
use crate::store::Attachment;
use crate::store::Body;
use crate::store::BodyKind;
use crate::store::Content;
use crate::store::Item;
use crate::store::Kind;
use crate::store::Person;
use crate::store::PropertyValue;
use crate::store::Role;

/// What a reply draws between the new text and the old one.
const RULE: &str = "________________________________";
/// Elements that say how to make the message and are no part of it.
const NOT_WRITTEN: [&str; 4] =
    ["ReferenceItemId", "NewBodyContent", "ReceivedBy", "ReceivedRepresenting"];

/// Whether CreateItem of this element replies or forwards.
pub(crate) fn is_reply(name: &str) -> bool {
    ["ReplyToItem", "ReplyAllToItem", "ForwardItem"].contains(&name)
}

/// CreateItem of one reply or forward.
pub(crate) fn create(
    context: &mut Context<'_>,
    request: &Element,
    object: &Element,
) -> Result<Element, Failure> {
    let disposition = Disposition::of(request)?;
    let id = object.child("ReferenceItemId").ok_or_else(Failure::malformed_id)?;
    let original = context.item(id)?.into_owned();
    let forwards = object.name == "ForwardItem";
    let mut content = Content::message("");
    let topic = original.conversation_topic();
    content.subject = format!("{} {topic}", if forwards { "FW:" } else { "RE:" });
    if let Kind::Message(message) = &mut content.kind {
        message.read = true;
        message.received = Some(context.mailbox().now);
        if !forwards {
            message.to = authors(&original);
        }
        if object.name == "ReplyAllToItem" {
            message.cc = others(context, &original);
        }
    }
    follow(&mut content, &original);
    let new = object.child("NewBodyContent").map(write::body).unwrap_or_default();
    content.body = quoted(&new, &original);
    if forwards {
        let attachments = original.content.attachments.iter().cloned();
        content.attachments =
            attachments.map(|attachment| Attachment { number: 0, ..attachment }).collect();
    }
    let mut draft = Draft::fresh(content, context.zone.clone());
    for element in &object.children {
        if !NOT_WRITTEN.contains(&element.name.as_str()) {
            draft.set(element)?;
        }
    }
    let content = draft.finish()?;
    if forwards && original.content.as_event().is_some() {
        return forward_meeting(context, &original, content, disposition);
    }
    message::keep(context, request, content)
}

/// A forwarded event is an invitation to it.
fn forward_meeting(
    context: &mut Context<'_>,
    event: &Item,
    content: Content,
    disposition: Disposition,
) -> Result<Element, Failure> {
    message::check_recipients(&content)?;
    let to = match content.kind {
        Kind::Message(message) => [message.to, message.cc, message.bcc].concat(),
        Kind::Event(_) => Vec::new(),
    };
    let save_to = match disposition {
        // A draft of an invitation can't be kept here.
        Disposition::SaveOnly => return Err(Failure::invalid_request()),
        Disposition::SendOnly => None,
        Disposition::SendAndSaveCopy => Some(context.mailbox().role(Role::SentItems)),
    };
    let comment = Some(content.body);
    context.mailbox_mut().forward(event, to, comment, save_to).map_err(failure)?;
    Ok(success().with(Element::m("Items")))
}

/// Who wrote an item.
fn authors(original: &Item) -> Vec<Person> {
    match &original.content.kind {
        Kind::Message(message) => message.from.clone(),
        Kind::Event(event) => event.organizer.clone(),
    }
    .into_iter()
    .collect()
}

/// Everybody else who has an item, the owner left out.
fn others(context: &Context<'_>, original: &Item) -> Vec<Person> {
    let people: Vec<Person> = match &original.content.kind {
        Kind::Message(message) => message.to.iter().chain(&message.cc).cloned().collect(),
        Kind::Event(event) => event.attendees.iter().map(|one| one.person.clone()).collect(),
    };
    let own = &context.mailbox().address;
    let is = |one: &Person, address: &str| one.address.eq_ignore_ascii_case(address);
    let authors = authors(original);
    let is_meant =
        |one: &Person| !is(one, own) && !authors.iter().any(|author| is(one, &author.address));
    people.into_iter().filter(is_meant).collect()
}

/// Puts a message into the thread of the one that it answers.
fn follow(content: &mut Content, original: &Item) {
    let Kind::Message(message) = &original.content.kind else { return };
    let id = &message.internet_message_id;
    let before = original.content.properties.get(&references()).and_then(PropertyValue::one);
    let chain = match before {
        Some(before) => format!("{before} {id}"),
        None => id.clone(),
    };
    content.properties.insert(in_reply_to(), PropertyValue::One(id.clone()));
    content.properties.insert(references(), PropertyValue::One(chain));
}

/// The new text, and below a rule whom and what it answers.
fn quoted(new: &Body, original: &Item) -> Body {
    let names = |people: &[Person]| {
        people.iter().map(|person| person.name.as_str()).collect::<Vec<_>>().join("; ")
    };
    let (to, at) = match &original.content.kind {
        Kind::Message(message) => (names(&message.to), message.sent.unwrap_or(original.created)),
        Kind::Event(_) => (String::new(), original.created),
    };
    let head = format!(
        "From: {}\r\nSent: {}\r\nTo: {to}\r\nSubject: {}\r\n\r\n",
        names(&authors(original)),
        at.strftime("%A, %B %-d, %Y %-I:%M %p"),
        original.content.subject,
    );
    let old = format!("{RULE}\r\n{head}{}", original.content.body.as_text());
    match new.kind {
        BodyKind::Text => Body::text(format!("{}\r\n\r\n{old}", new.content)),
        BodyKind::Html => {
            let old = Body::text(old).as_html();
            Body::html(format!("{}\r\n<br>\r\n{old}", new.content))
        }
    }
}
