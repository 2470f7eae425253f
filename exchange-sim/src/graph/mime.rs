//! Messages in MIME, and their header fields (docs: outlook-send-mime-message,
//! outlook-get-mime-message, internetMessageHeader).

use super::call::Call;
use super::error::Error;
use super::{messages, write};
use crate::mime;
use crate::mime::headers;
use crate::store::{Content, Item, Kind, World};
use crate::{Response, respond};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The member that shows header fields, where it is selected.
const HEADERS: &str = "internetMessageHeaders";
/// How many fields of one's own a message may have.
const HEADERS_MAX: usize = 5;

/// Whether the body is a message in base64.
pub(super) fn is_mime(call: &Call<'_>) -> bool {
    let kind = call.request.headers().get(http::header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/plain"))
}

/// The draft that the body describes in MIME.
pub(super) fn read(call: &Call<'_>) -> Result<Content, Error> {
    let packed: Vec<u8> =
        call.request.body().iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(packed).ok().filter(|bytes| !bytes.is_empty());
    let bytes = bytes.ok_or_else(|| {
        let message = "Invalid base64 string for MIME content.";
        Error::new(400, "ErrorMimeContentInvalidBase64String", message)
    })?;
    let mut content = Content::message("");
    if let Kind::Message(message) = &mut content.kind {
        message.read = true;
    }
    mime::read_message(&mut content, &bytes).map_err(|error| match error {
        mime::Error::Invalid => {
            Error::new(400, "ErrorMimeContentInvalid", "The MIME content is invalid.")
        }
        mime::Error::Unconvertible(_) => Error::new(
            400,
            "ErrorMimeContentConversionFailed",
            "The MIME content conversion failed.",
        ),
    })?;
    Ok(content)
}

/// A message in MIME.
pub(super) fn value(
    world: &World,
    call: &Call<'_>,
    folder: Option<&str>,
    id: &str,
) -> Result<Response, Error> {
    let item = messages::find(call.mailbox(world)?, folder, id)?;
    Ok(respond(200, "text/plain", mime::render(item)))
}

/// Adds the header fields where they are selected.
pub(super) fn show_headers(json: &mut Value, item: &Item, call: &Call<'_>) {
    let mut selected = call.query.select.iter().flatten();
    if !selected.any(|name| name.eq_ignore_ascii_case(HEADERS)) {
        return;
    }
    let fields = headers::all(&item.content).into_iter();
    let fields = fields.map(|field| json!({"name": field.name, "value": field.value}));
    json[HEADERS] = fields.collect();
}

/// Takes header fields of one's own, which start with `x-`, from a new message.
pub(super) fn set_headers(content: &mut Content, value: &Value) -> Result<(), Error> {
    let fields = write::array(HEADERS, value)?;
    if fields.len() > HEADERS_MAX {
        return Err(Error::new(
            400,
            "InvalidInternetMessageHeaderCollection",
            "Maximum number of headers in one message should be less than or equal to 5.",
        ));
    }
    for field in fields {
        let members = write::object(HEADERS, field)?;
        write::only(members, &["name", "value"], "microsoft.graph.internetMessageHeader")?;
        let text =
            |name: &str| write::text_or_empty(name, members.get(name).unwrap_or(&Value::Null));
        let (name, value) = (text("name")?, text("value")?);
        let is_own = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"));
        if !is_own || !headers::is_name(&name) {
            return Err(Error::new(
                400,
                "InvalidInternetMessageHeader",
                format!(
                    "The internet message header name '{name}' should start with 'x-' or 'X-'."
                ),
            ));
        }
        headers::keep(content, &name, &value);
    }
    Ok(())
}
