//! `MimeContent` and header fields in requests and answers.

use super::failure::Failure;
use super::xml::Element;
use crate::mime;
use crate::mime::headers;
use crate::store::Content;
use crate::store::Item;
use crate::store::Kind;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Writes what a stream says into an item's content; times without a zone are meant in `zone`.
pub(crate) fn read(content: &mut Content, base64: &str, zone: &Zone) -> Result<(), Failure> {
    let packed: String = base64.split_whitespace().collect();
    let bytes = STANDARD.decode(packed).map_err(|_| {
        let text = "Invalid base64 string for MIME content.";
        Failure::new("ErrorMimeContentInvalidBase64String", text)
    })?;
    let read = match &content.kind {
        Kind::Event(_) => mime::calendar_read::event(content, &bytes, zone),
        Kind::Message(_) => mime::read_message(content, &bytes),
    };
    read.map_err(|error| match error {
        mime::Error::Invalid => {
            Failure::new("ErrorMimeContentInvalid", "The MIME content is invalid.")
        }
        mime::Error::Unconvertible(_) => {
            Failure::new("ErrorMimeContentConversionFailed", "MIME content conversion failed.")
        }
    })
}

/// `MimeContent`.
pub(crate) fn element(name: &str, item: &Item) -> Element {
    Element::t_text(name, STANDARD.encode(mime::render(item))).attr("CharacterSet", "UTF-8")
}

/// `InternetMessageHeaders`, those that are wanted by name; `None` where the item has none of them.
pub(crate) fn headers(item: &Item, wanted: Option<&[&str]>) -> Option<Element> {
    let is_wanted = |name: &str| {
        wanted.is_none_or(|wanted| wanted.iter().any(|known| known.eq_ignore_ascii_case(name)))
    };
    let fields = headers::all(&item.content).into_iter().filter(|field| is_wanted(&field.name));
    let fields = fields.map(|field| {
        Element::t_text("InternetMessageHeader", field.value).attr("HeaderName", field.name)
    });
    let element = Element::t("InternetMessageHeaders").with_all(fields);
    (!element.children.is_empty()).then_some(element)
}
