//! The SOAP envelope, in both directions.

use super::fault::Fault;
use super::operation;
use super::validate::validate;
use super::version;
use super::version::Server;
use super::xml::Element;
use super::xml::Space;
use crate::Request;
use crate::config::Profile;

/// A request's envelope.
pub(crate) struct Envelope {
    /// `soap:Header`.
    pub(crate) header: Option<Element>,
    /// The operation: the first child of the body.
    pub(crate) request: Element,
}

impl Envelope {
    /// Reads and, where `strict`, holds header and operation against the schema.
    pub(crate) fn read(body: &[u8], strict: bool, profile: Profile) -> Result<Envelope, Fault> {
        let text = std::str::from_utf8(body)
            .map_err(|_| Fault::new("ErrorInvalidRequest", "Invalid character in the request."))?;
        let mut root = Element::parse(text)?;
        if !root.is(&Space::Soap, "Envelope") || !root.text.trim().is_empty() {
            return Err(Fault::unknown_operation());
        }
        let mut take = |name| {
            let at = root.children.iter().position(|child| child.is(&Space::Soap, name))?;
            Some(root.children.swap_remove(at))
        };
        let header = take("Header");
        let operations = take("Body").map(|body| body.children).unwrap_or_default();
        let request = operations.into_iter().next().ok_or_else(Fault::unknown_operation)?;
        if request.space != Space::Messages {
            return Err(Fault::unknown_operation());
        }
        let types = |element: &&Element| element.space == Space::Types;
        for element in header.iter().flat_map(|header| &header.children).filter(types) {
            match element.attribute("Version").filter(|_| element.name == "RequestServerVersion") {
                // By name, not as a schema violation.
                Some(version) if !version::is_known(version, profile) => {
                    return Err(version::invalid());
                }
                Some(_) => {}
                None if strict => validate(element)?,
                None => {}
            }
        }
        if strict && !operation::is_not_offered(&request) {
            validate(&request)?;
        }
        Ok(Envelope { header, request })
    }

    /// The operation's name as the documentation has it.
    pub(crate) fn operation(&self) -> &str {
        self.request.name.strip_suffix("Request").unwrap_or(&self.request.name)
    }

    /// How many parts the request has, each with an answer of its own.
    pub(crate) fn parts(&self) -> usize {
        let lists = [
            "ItemIds",
            "FolderIds",
            "Items",
            "ItemChanges",
            "Folders",
            "FolderChanges",
            "ParentFolderIds",
            "Attachments",
            "AttachmentIds",
        ];
        let list = self.request.children.iter().find(|child| lists.contains(&child.name.as_str()));
        list.map_or(1, |list| list.children.len())
    }
}

/// Whether a request says that it carries XML; one without a content type is given the benefit.
pub(crate) fn is_xml(request: &Request) -> bool {
    let header = request.headers().get(http::header::CONTENT_TYPE);
    header.is_none_or(|value| {
        value.to_str().is_ok_and(|text| text.trim().to_ascii_lowercase().starts_with("text/xml"))
    })
}

/// A response's document: `…ResponseMessages` around the messages.
pub(crate) fn response(
    server: Server,
    operation: &str,
    messages: impl IntoIterator<Item = Element>,
) -> String {
    let list = Element::m("ResponseMessages").with_all(messages);
    whole_response(server, Element::m(&format!("{operation}Response")).with(list))
}

/// The document of a response that has its own form.
pub(crate) fn whole_response(server: Server, response: Element) -> String {
    let envelope = Element::new(Space::Soap, "Envelope")
        .with(Element::new(Space::Soap, "Header").with(server.info()))
        .with(Element::new(Space::Soap, "Body").with(response));
    document(&envelope)
}

/// An XML document of one element.
pub(crate) fn document(root: &Element) -> String {
    format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{}", root.render())
}
