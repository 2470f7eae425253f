//! Upload sessions: attachments too large for one request, sent in ranges.
//!
//! The URL of a session is opaque, names its own token and is used without authorization (docs:
//! outlook-large-attachments).

use super::attachments::{Owner, too_large};
use super::call::{self, Call, encode};
use super::error::Error;
use super::{event, import, operation, stamp, write};
use crate::fault::{self, Refusal, Service};
use crate::store::upload::{Refused, Upload};
use crate::store::{self, Attachment, AttachmentData, World};
use crate::{Reply, Request, Response, respond};
use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Where sessions are served.
pub(crate) const ROOT: &str = "/api/gv1.0";
/// Smaller files are attached by one request (docs: outlook-large-attachments).
const SIZE_BYTES_MIN: u64 = 3 * 1024 * 1024;
const SIZE_BYTES_MAX: u64 = 150 * 1024 * 1024;
/// Longest range of one PUT (docs: attachment-createuploadsession).
const RANGE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A `Content-Range`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: usize,
    last: usize,
    total: usize,
}

/// Opens a session for an attachment of an item.
pub(super) fn create(world: &mut World, call: &Call<'_>, owner: &Owner) -> Result<Response, Error> {
    let (attachment, size) = wanted(call)?;
    let now = world.now();
    let mailbox = call.mailbox(world)?;
    let at = owner.find(mailbox, call)?.reference();
    let upload = Upload {
        mailbox: mailbox.address.clone(),
        at,
        attachment,
        size,
        path: format!("users('{}')/{}", encode(&call.user), owner.path()),
        immutable: call.prefer.immutable,
        received: Vec::new(),
        expires: now,
    };
    let (session, token) = (world.rng.guid(), world.rng.guid() + &world.rng.guid());
    let host = call.base.trim_end_matches("/v1.0");
    let url =
        format!("{host}{ROOT}/{}/AttachmentSessions('{session}')?authtoken={token}", upload.path);
    let expires = world.uploads.open(&token, upload, now).map_err(refused)?;
    let context = format!("{}/$metadata#microsoft.graph.uploadSession", call.base);
    let body = json!({
        "@odata.context": context,
        "uploadUrl": url,
        "expirationDateTime": event::instant(expires),
        "nextExpectedRanges": ["0-"],
    });
    Ok(call.answer(201, &body))
}

/// Answers a request to the URL of a session; `path` is what follows [`ROOT`].
pub(crate) fn handle(world: &mut World, request: &Request, path: &str) -> Reply {
    let action = world.faults.take(Service::Graph, &operation(request, path), None);
    let client = call::client_request_id(request);
    let refuse =
        |world: &mut World, refusal: Refusal| Error::refusal(refusal).render(world, client);
    let reply = fault::perform(world, action, None, request, refuse, |world| {
        serve(world, request).unwrap_or_else(|error| error.render(world, client))
    });
    match reply {
        Reply::Respond { response, delay_ms } => {
            Reply::Respond { response: stamp(world, request, response), delay_ms }
        }
        Reply::Close => Reply::Close,
    }
}

fn serve(world: &mut World, request: &Request) -> Result<Response, Error> {
    if request.headers().contains_key(http::header::AUTHORIZATION) {
        // microsoft-graph-docs#6955
        let message = "The audience claim value is invalid for current resource. Audience claim is \
                       'https://graph.microsoft.com'.";
        return Err(Error::unauthorized(message));
    }
    let query = request.uri().query().unwrap_or_default();
    let token = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "authtoken")
        .map(|(_, token)| token.into_owned())
        .ok_or_else(|| Error::unauthorized("Access token is empty."))?;
    if import::is_import(request.uri().path()) {
        return import::import(world, request, &token);
    }
    let now = world.now();
    world.uploads.find(&token, now).map_err(refused)?;
    match *request.method() {
        Method::GET => status(world, request, &token, now),
        Method::DELETE => {
            world.uploads.close(&token);
            Ok(respond(204, "", ""))
        }
        Method::PUT => put(world, request, &token, now),
        _ => Err(Error::new(405, "ErrorInvalidRequest", "The request is not supported.")),
    }
}

/// Takes a range; the last one attaches the file.
fn put(
    world: &mut World,
    request: &Request,
    token: &str,
    now: Timestamp,
) -> Result<Response, Error> {
    let body = request.body();
    if body.len() > RANGE_BYTES_MAX {
        return Err(too_large());
    }
    let upload = world.uploads.find(token, now).map_err(refused)?;
    world.pace.count(world.config.throttle, &upload.mailbox, request, now)?;
    let range = range(request)
        .filter(|range| range.first <= range.last && range.last < range.total)
        .ok_or_else(|| invalid("The Content-Range header is missing or malformed."))?;
    if range.last - range.first + 1 != body.len() {
        let message =
            "The Content-Range header length does not match the provided number of bytes.";
        return Err(invalid(message));
    }
    if range.total != upload.size {
        return Err(invalid("The Content-Range header states another size than the session."));
    }
    if range.first != upload.received.len() {
        let message =
            format!("The range must start at {}: ranges come in order.", upload.received.len());
        return Err(Error::new(416, "ErrorInvalidRequest", message));
    }
    let mailbox = world.mailbox(&upload.mailbox).ok_or(store::Error::ItemNotFound)?;
    let held = mailbox.opened(upload.at)?.content.size();
    if held + range.last >= mailbox.message_bytes_max {
        return Err(store::Error::MessageTooLarge.into());
    }
    world.uploads.append(token, body, now).map_err(refused)?;
    if range.last + 1 < range.total {
        return status(world, request, token, now);
    }
    finish(world, request, token)
}

fn finish(world: &mut World, request: &Request, token: &str) -> Result<Response, Error> {
    let upload = world.uploads.close(token).ok_or_else(|| refused(Refused::Unknown))?;
    let mailbox = world.mailbox_mut(&upload.mailbox).ok_or(store::Error::ItemNotFound)?;
    let data = AttachmentData::File(upload.received.into());
    let number = mailbox.attach(upload.at, Attachment { data, ..upload.attachment })?;
    let item = mailbox.opened(upload.at)?;
    let id = mailbox.graph_attachment_id(&item, number, upload.immutable);
    let location = format!("{}/{}/attachments('{id}')", root(request), upload.path);
    let mut response = respond(201, "", "");
    if let Ok(location) = http::HeaderValue::from_str(&location) {
        response.headers_mut().insert(http::header::LOCATION, location);
    }
    Ok(response)
}

/// The session, with the names as the documented answer to a PUT has them.
fn status(
    world: &World,
    request: &Request,
    token: &str,
    now: Timestamp,
) -> Result<Response, Error> {
    let upload = world.uploads.find(token, now).map_err(refused)?;
    let context = format!("{}/$metadata#{}/AttachmentSessions/$entity", root(request), upload.path);
    let body = json!({
        "@odata.context": context,
        "ExpirationDateTime": event::instant(upload.expires),
        "nextExpectedRanges": [upload.received.len().to_string()],
    });
    Ok(crate::respond_json(200, &body))
}

/// What the parameter `AttachmentItem` describes, and its size.
fn wanted(call: &Call<'_>) -> Result<(Attachment, usize), Error> {
    let body = call.body()?;
    let item = body.iter().find(|(name, _)| name.eq_ignore_ascii_case("AttachmentItem"));
    let members = write::object("AttachmentItem", item.map_or(&Value::Null, |(_, item)| item))?;
    let known =
        ["attachmentType", "contentId", "contentType", "isInline", "name", "size", "@odata.type"];
    write::only(members, &known, "microsoft.graph.attachmentItem")?;
    let required = |name: &str| {
        members.get(name).filter(|value| !value.is_null()).ok_or_else(|| {
            Error::new(
                400,
                "ErrorRequiredPropertyMissing",
                format!("Required property is missing. (Property: {name})"),
            )
        })
    };
    let optional = |name: &str| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => write::text(name, value).map(Some),
    };
    let kinds = [("file", true), ("item", false), ("reference", false)];
    if !write::choice("attachmentType", required("attachmentType")?, &kinds)? {
        return Err(invalid("Only files can be attached by an upload session."));
    }
    let size = required("size")?.as_u64().ok_or_else(|| invalid("The size isn't a number."))?;
    if size < SIZE_BYTES_MIN {
        return Err(Error::new(
            400,
            "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize",
            "Attachment size must be greater than the minimum size.",
        ));
    }
    let size = usize::try_from(size).ok().filter(|_| size <= SIZE_BYTES_MAX).ok_or_else(|| {
        let message = "The file attachment exceeds the maximum supported size.";
        Error::new(400, "ErrorAttachmentSizeLimitExceeded", message)
    })?;
    let inline = match members.get("isInline") {
        None | Some(Value::Null) => false,
        Some(value) => write::flag("isInline", value)?,
    };
    let file = Attachment::file(&write::text("name", required("name")?)?, Vec::new());
    let (content_type, content_id) = (optional("contentType")?, optional("contentId")?);
    Ok((Attachment { content_type, content_id, inline, ..file }, size))
}

/// `bytes first-last/total`.
fn range(request: &Request) -> Option<Range> {
    let text = request.headers().get(http::header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| text.trim().parse().ok();
    Some(Range { first: number(first)?, last: number(last)?, total: number(total)? })
}

/// Scheme, host and [`ROOT`].
fn root(request: &Request) -> String {
    format!("{}{ROOT}", call::base(request).trim_end_matches("/v1.0"))
}

fn invalid(message: &str) -> Error {
    Error::new(400, "ErrorInvalidRequest", message)
}

fn refused(refused: Refused) -> Error {
    match refused {
        Refused::Unknown => store::Error::ItemNotFound.into(),
        Refused::Expired => {
            Error::unauthorized("Lifetime validation failed, the token is expired.")
        }
        Refused::Full => Error::refusal(Refusal::Busy(None)),
    }
}
