//! Attachments of events and messages.

use super::call::{CalendarRef, Call, encode};
use super::error::Error;
use super::{event, events, message, messages, write};
use crate::store::{
    self, Attachment, AttachmentData, Content, Item, Kind, Mailbox, Reference, World, ids,
};
use crate::{Response, mime, respond};
use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::cell::LazyCell;

/// Longest request (docs: outlook-large-attachments; clients see it at 4 MB).
const REQUEST_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Padding may be missing in what clients write, as OData asks of services.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// Members of `microsoft.graph.attachment`.
const OF_ALL: [&str; 6] = ["id", "contentType", "isInline", "lastModifiedDateTime", "name", "size"];

/// The event or message that a path names before `attachments`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// An event, in a calendar if the path names one.
    Event(Option<CalendarRef>, String),
    /// A message, in a folder if the path names one.
    Message(Option<String>, String),
}

impl Owner {
    /// Finds the item.
    pub(super) fn find<'m>(
        &self,
        mailbox: &'m Mailbox,
        call: &Call<'_>,
    ) -> Result<Cow<'m, Item>, Error> {
        match self {
            Owner::Event(calendar, id) => events::find(mailbox, call, calendar.as_ref(), id),
            Owner::Message(folder, id) => {
                messages::find(mailbox, folder.as_deref(), id).map(Cow::Borrowed)
            }
        }
    }

    /// The item's collection and id as links name them.
    pub(super) fn path(&self) -> String {
        match self {
            Owner::Event(_, id) => format!("events('{}')", encode(id)),
            Owner::Message(_, id) => format!("messages('{}')", encode(id)),
        }
    }
}

/// All attachments of an item; there is no paging (corso reads them one by one).
pub(super) fn list(world: &World, call: &Call<'_>, owner: &Owner) -> Result<Response, Error> {
    check_select(call)?;
    let mailbox = call.mailbox(world)?;
    let item = owner.find(mailbox, call)?;
    let mut value = Vec::new();
    let names = call.query.select.as_ref();
    for attachment in &item.content.attachments {
        let json = LazyCell::new(|| render(mailbox, &item, attachment, call));
        if match &call.query.filter {
            Some(filter) => filter.holds(&item, &json)?,
            None => true,
        } {
            value.push(selected(mailbox, &item, attachment, call, names));
        }
    }
    let mut body =
        json!({"@odata.context": call.context(&format!("{}/attachments", owner.path()))});
    if call.query.count {
        body["@odata.count"] = json!(value.len());
    }
    body["value"] = Value::Array(value);
    Ok(call.answer(200, &body))
}

/// How many attachments an item has.
pub(super) fn count(world: &World, call: &Call<'_>, owner: &Owner) -> Result<Response, Error> {
    let item = owner.find(call.mailbox(world)?, call)?;
    Ok(respond(200, "text/plain", item.content.attachments.len().to_string()))
}

/// Attaches what fits into one request.
pub(super) fn create(world: &mut World, call: &Call<'_>, owner: &Owner) -> Result<Response, Error> {
    if call.request.body().len() > REQUEST_BYTES_MAX {
        return Err(too_large());
    }
    let attachment = read(&Value::Object(call.body()?))?;
    let mailbox = call.mailbox_mut(world)?;
    let at = owner.find(mailbox, call)?.reference();
    let number = mailbox.attach(at, attachment)?;
    let item = mailbox.opened(at)?;
    let mut response = shown(mailbox, call, owner, &item, found(&item, number)?);
    *response.status_mut() = http::StatusCode::CREATED;
    if let Ok(location) =
        http::HeaderValue::from_str(&location(mailbox, call, owner, &item, number))
    {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    Ok(response)
}

/// One attachment.
pub(super) fn get(
    world: &World,
    call: &Call<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Response, Error> {
    check_select(call)?;
    let mailbox = call.mailbox(world)?;
    let (item, number) = find(mailbox, call, owner, id)?;
    Ok(shown(mailbox, call, owner, &item, found(&item, number)?))
}

/// The bytes of a file, the MIME or iCalendar of an item; links have none (docs: attachment-get).
pub(super) fn value(
    world: &World,
    call: &Call<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let (item, number) = find(mailbox, call, owner, id)?;
    let attachment = found(&item, number)?;
    match &attachment.data {
        AttachmentData::File(content) => {
            Ok(respond(200, &content_type(attachment), content.clone()))
        }
        AttachmentData::Item(content) => {
            let item = item.attached(attachment, content);
            Ok(respond(200, "text/plain", mime::render(&item)))
        }
        AttachmentData::Reference(_) => Err(Error::new(
            405,
            "ErrorInvalidRequest",
            "The OData request is not supported: a reference attachment has no value.",
        )),
    }
}

/// Takes an attachment off.
pub(super) fn delete(
    world: &mut World,
    call: &Call<'_>,
    owner: &Owner,
    id: &str,
) -> Result<Response, Error> {
    let mailbox = call.mailbox_mut(world)?;
    let (item, number) = find(mailbox, call, owner, id)?;
    let at = item.reference();
    mailbox.detach(at, number)?;
    Ok(respond(204, "", ""))
}

/// Adds `attachments` to an item where they are expanded.
pub(super) fn expand(json: &mut Value, mailbox: &Mailbox, item: &Item, call: &Call<'_>) {
    let Some(expanded) = &call.query.attachments else { return };
    let names = expanded.select.as_ref();
    let held = item.content.attachments.iter();
    json["attachments"] = held.map(|held| selected(mailbox, item, held, call, names)).collect();
}

/// Reads the member `attachments` of a new item.
pub(super) fn read_all(value: &Value) -> Result<Vec<Attachment>, Error> {
    write::array("attachments", value)?.iter().map(read).collect()
}

/// A PATCH can't write what belongs to an item without being its property.
pub(super) fn check_update(body: &Map<String, Value>) -> Result<(), Error> {
    let value = body.get("attachments").unwrap_or(&Value::Null);
    match write::array("attachments", value)?.is_empty() {
        true => Ok(()),
        false => Err(Error::new(
            400,
            "ErrorInvalidPropertySet",
            "Set action is invalid for property. (Property: attachments)",
        )),
    }
}

/// The URL of an attachment.
pub(super) fn location(
    mailbox: &Mailbox,
    call: &Call<'_>,
    owner: &Owner,
    item: &Item,
    number: u64,
) -> String {
    let id = mailbox.graph_attachment_id(item, number, call.prefer.immutable);
    let (user, id) = (encode(&call.user), encode(&id));
    format!("{}/users('{user}')/{}/attachments('{id}')", call.base, owner.path())
}

/// Too long for one request, in the words that clients see (microsoft-graph-docs#11806).
pub(super) fn too_large() -> Error {
    Error::new(413, "BadRequest", "The maximum request length supported is 4MB.")
}

fn find<'m>(
    mailbox: &'m Mailbox,
    call: &Call<'_>,
    owner: &Owner,
    id: &str,
) -> Result<(Cow<'m, Item>, u64), Error> {
    let item = owner.find(mailbox, call)?;
    if ids::parse_attachment(&mailbox.guid, id).is_none() {
        // microsoft-graph-docs#2108
        let message = "The specified attachment Id is invalid.";
        return Err(Error::new(400, "ErrorInvalidAttachmentId", message));
    }
    let (holder, number) = mailbox.find_attachment(id)?;
    match holder.reference() == item.reference() {
        true => Ok((item, number)),
        false => Err(store::Error::AttachmentNotFound.into()),
    }
}

fn found(item: &Item, number: u64) -> Result<&Attachment, Error> {
    item.content.attachment(number).ok_or_else(|| store::Error::AttachmentNotFound.into())
}

fn shown(
    mailbox: &Mailbox,
    call: &Call<'_>,
    owner: &Owner,
    item: &Item,
    attachment: &Attachment,
) -> Response {
    let mut json = selected(mailbox, item, attachment, call, call.query.select.as_ref());
    json["@odata.context"] = json!(call.context(&format!("{}/attachments/$entity", owner.path())));
    call.answer(200, &json)
}

/// The attachment with its bytes, in the members selected; those of one type are named with it, as
/// in `microsoft.graph.fileAttachment/contentBytes`.
fn selected(
    mailbox: &Mailbox,
    root: &Item,
    attachment: &Attachment,
    call: &Call<'_>,
    names: Option<&Vec<String>>,
) -> Value {
    let names: Option<Vec<String>> = names.map(|names| {
        names.iter().map(|name| name.rsplit('/').next().unwrap_or_default().to_owned()).collect()
    });
    let wanted = |names: &Vec<String>| names.iter().any(|name| name == "contentBytes");
    let mut json = render(mailbox, root, attachment, call);
    if let AttachmentData::File(content) = &attachment.data
        && names.as_ref().is_none_or(wanted)
    {
        json["contentBytes"] = json!(STANDARD.encode(content));
    }
    event::select(json, names.as_ref())
}

/// The attachment without the bytes of a file; with the item where that is expanded.
fn render(mailbox: &Mailbox, root: &Item, attachment: &Attachment, call: &Call<'_>) -> Value {
    let mut json = json!({
        "@odata.type": format!("#microsoft.graph.{}", kind(attachment)),
        "id": mailbox.graph_attachment_id(root, attachment.number, call.prefer.immutable),
        "lastModifiedDateTime": event::instant(attachment.modified),
        "name": attachment.name,
        "contentType": attachment.content_type,
        "size": attachment.size(),
        "isInline": attachment.inline,
    });
    match &attachment.data {
        AttachmentData::File(_) => {
            let kind = content_type(attachment);
            json["@odata.mediaContentType"] = json!(kind);
            json["contentType"] = json!(kind);
            json["contentId"] = json!(attachment.content_id);
            json["contentLocation"] = json!(attachment.content_location);
        }
        AttachmentData::Item(content) if call.query.attached_items => {
            json["item"] = attached(mailbox, root, attachment, content, call);
        }
        AttachmentData::Item(_) | AttachmentData::Reference(_) => {}
    }
    json
}

/// An attached item, which has no id, version or folder of its own (docs: attachment-get).
fn attached(
    mailbox: &Mailbox,
    root: &Item,
    attachment: &Attachment,
    content: &Content,
    call: &Call<'_>,
) -> Value {
    let item = root.attached(attachment, content);
    let (kind, mut json) = match &content.kind {
        Kind::Event(event) => ("event", event::render(mailbox, &item, event, call)),
        Kind::Message(message) => ("message", message::render(mailbox, &item, message, call)),
    };
    if let Some(members) = json.as_object_mut() {
        for name in ["@odata.etag", "changeKey", "parentFolderId"] {
            members.remove(name);
        }
    }
    json["@odata.type"] = json!(format!("#microsoft.graph.{kind}"));
    json["id"] = json!("");
    if call.query.attachments.is_some() {
        let held = content.attachments.iter();
        json["attachments"] = held.map(|held| selected(mailbox, root, held, call, None)).collect();
    }
    json
}

fn kind(attachment: &Attachment) -> &'static str {
    match &attachment.data {
        AttachmentData::File(_) => "fileAttachment",
        AttachmentData::Item(_) => "itemAttachment",
        AttachmentData::Reference(_) => "referenceAttachment",
    }
}

/// The type stated, else the one that the name's ending says (docs: event-post-attachments).
fn content_type(attachment: &Attachment) -> String {
    if let Some(stated) = attachment.content_type.as_deref().filter(|kind| kind.contains('/')) {
        return stated.to_owned();
    }
    let ending = attachment.name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let guessed = match ending.to_ascii_lowercase().as_str() {
        "txt" => "text/plain",
        "htm" | "html" => "text/html",
        "csv" => "text/csv",
        "ics" => "text/calendar",
        "xml" => "text/xml",
        "gif" => "image/gif",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "pdf" => "application/pdf",
        "zip" => "application/x-zip-compressed",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        _ => "application/octet-stream",
    };
    guessed.to_owned()
}

/// Refuses to select what attachments in general don't have.
fn check_select(call: &Call<'_>) -> Result<(), Error> {
    let names = call.query.select.iter().flatten();
    let unknown = names
        .filter(|name| !name.contains('/'))
        .find(|name| call.strict && !OF_ALL.iter().any(|known| known.eq_ignore_ascii_case(name)));
    match unknown {
        None => Ok(()),
        Some(name) => Err(Error::bad_request(format!(
            "Could not find a property named '{name}' on type 'microsoft.graph.attachment'."
        ))),
    }
}

/// Reads an attachment, whose type must be stated.
fn read(value: &Value) -> Result<Attachment, Error> {
    let members = write::object("attachments", value)?;
    let stated = members.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    let kind = stated.trim_start_matches('#').trim_start_matches("microsoft.graph.");
    let own: &[&str] = match kind {
        "fileAttachment" => &["contentBytes", "contentId", "contentLocation"],
        "itemAttachment" => &["item"],
        "referenceAttachment" => &[],
        _ => {
            write::only(members, &OF_ALL, "microsoft.graph.attachment")?;
            return Err(Error::body(format!(
                "The type '{stated}' can't be attached. A resource of an abstract type must state \
                 its type."
            )));
        }
    };
    let known: Vec<&str> = OF_ALL.iter().chain(own).copied().collect();
    write::only(members, &known, &format!("microsoft.graph.{kind}"))?;
    let optional = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => write::text(name, value).map(Some),
    };
    let data = match kind {
        "fileAttachment" => AttachmentData::File(bytes(members)?.into()),
        "itemAttachment" => AttachmentData::Item(Box::new(item(members)?)),
        // In v1.0 a link has nothing to say where it leads (msgraph OpenAPI: referenceAttachment).
        _ => AttachmentData::Reference(Reference::default()),
    };
    let name = optional("name")?.filter(|name| !name.is_empty()).ok_or_else(|| missing("name"))?;
    let inline = match members.get("isInline") {
        None | Some(Value::Null) => false,
        Some(value) => write::flag("isInline", value)?,
    };
    Ok(Attachment {
        content_type: optional("contentType")?,
        content_id: optional("contentId")?,
        content_location: optional("contentLocation")?,
        inline,
        ..Attachment::of(&name, data)
    })
}

fn bytes(members: &Map<String, Value>) -> Result<Vec<u8>, Error> {
    let text = match members.get("contentBytes") {
        None | Some(Value::Null) => return Err(missing("contentBytes")),
        Some(value) => write::text("contentBytes", value)?,
    };
    PLAIN.decode(&text).or_else(|_| FOR_URLS.decode(&text)).map_err(|_| {
        Error::body(
            "Cannot convert the literal of 'contentBytes' to the expected type 'Edm.Binary'.",
        )
    })
}

/// The item of an itemAttachment, whose type must be stated.
fn item(members: &Map<String, Value>) -> Result<Content, Error> {
    let value = members.get("item").filter(|value| !value.is_null());
    let item = write::object("item", value.ok_or_else(|| missing("item"))?)?;
    let stated = item.get("@odata.type").and_then(Value::as_str).unwrap_or_default();
    match stated.trim_start_matches('#') {
        "microsoft.graph.event" => write::create(item),
        "microsoft.graph.message" => message::create(item),
        _ => Err(Error::body(format!("The type '{stated}' can't be attached as an item."))),
    }
}

fn missing(name: &str) -> Error {
    Error::new(
        400,
        "ErrorRequiredPropertyMissing",
        format!("Required property is missing. (Property: {name})"),
    )
}
