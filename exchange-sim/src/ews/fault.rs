//! SOAP faults: errors that concern the whole request, answered with HTTP 500.

use super::validate::Violation;
use super::xml::Element;
use super::xml::Malformed;
use super::xml::Place;
use super::xml::Space;

/// A whole request that failed, with the `detail` Exchange gives (MS docs: Fault examples).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    code: &'static str,
    /// `faultstring`; `message` where they are the same.
    summary: String,
    message: String,
    message_xml: Vec<Element>,
}

impl Fault {
    /// A fault with nothing but a code and its text.
    pub(crate) fn new(code: &'static str, message: &str) -> Fault {
        Fault {
            code,
            summary: message.to_owned(),
            message: message.to_owned(),
            message_xml: Vec::new(),
        }
    }

    /// `ErrorServerBusy`; the client may be told how long to wait (MS docs: EWS throttling).
    pub(crate) fn busy(milliseconds: Option<u64>) -> Fault {
        let message_xml = milliseconds.map(back_off).into_iter().collect();
        Fault { message_xml, ..Fault::new("ErrorServerBusy", BUSY) }
    }

    /// The same fault with other children of `MessageXml`.
    pub(crate) fn with_details(self, message_xml: Vec<Element>) -> Fault {
        Fault { message_xml, ..self }
    }

    /// The body's first element names no operation of this server (MS docs: ErrorInvalidRequest).
    pub(crate) fn unknown_operation() -> Fault {
        Fault::new("ErrorInvalidRequest", "The request is invalid.")
    }

    fn schema(message: String, place: Place) -> Fault {
        Fault {
            code: "ErrorSchemaValidation",
            summary: format!("The request failed schema validation: {message}"),
            message: "The request failed schema validation.".to_owned(),
            message_xml: vec![
                Element::t_text("LineNumber", place.line.to_string()),
                Element::t_text("LinePosition", place.position.to_string()),
                Element::t_text("Violation", message),
            ],
        }
    }

    /// The whole SOAP envelope.
    pub(crate) fn envelope(&self) -> Element {
        let mut detail = Element::new(Space::None, "detail")
            .with(error_element("ResponseCode", self.code))
            .with(error_element("Message", &self.message));
        if !self.message_xml.is_empty() {
            detail = detail.with(Element::t("MessageXml").with_all(self.message_xml.clone()));
        }
        let mut code = Element::new(Space::None, "faultcode").attr("xmlns:a", Space::Types.uri());
        code.text = format!("a:{}", self.code);
        let mut string = Element::new(Space::None, "faultstring").attr("xml:lang", "en-US");
        string.text.clone_from(&self.summary);
        let fault = Element::new(Space::Soap, "Fault").with(code).with(string).with(detail);
        Element::new(Space::Soap, "Envelope").with(Element::new(Space::Soap, "Body").with(fault))
    }
}

impl From<Violation> for Fault {
    fn from(violation: Violation) -> Fault {
        Fault::schema(violation.message, violation.place)
    }
}

impl From<Malformed> for Fault {
    fn from(malformed: Malformed) -> Fault {
        let Place { line, position } = malformed.place;
        let message = malformed.message.trim_end_matches('.');
        Fault::schema(format!("{message}. Line {line}, position {position}."), malformed.place)
    }
}

/// The text of `ErrorServerBusy`.
pub(crate) const BUSY: &str = "The server cannot service this request right now. Try again later.";

/// The hint of `ErrorServerBusy` how long to wait.
pub(crate) fn back_off(milliseconds: u64) -> Element {
    Element::t_text("Value", milliseconds.to_string()).attr("Name", "BackOffMilliseconds")
}

fn error_element(name: &str, text: &str) -> Element {
    Element { text: text.to_owned(), ..Element::new(Space::Errors, name) }
}
