//! Errors of one item or folder of a request: a response message with `ResponseClass="Error"`.

use super::fault::BUSY;
use super::fault::back_off;
use super::xml::Element;

/// Why one part of a request failed; the other parts are carried out all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// `ResponseCode` (MS docs: ResponseCode).
    pub(crate) code: &'static str,
    /// `MessageText`; localised on real servers, so nobody may depend on it.
    pub(crate) text: String,
    /// Children of `MessageXml`.
    pub(crate) xml: Vec<Element>,
}

impl Failure {
    /// Any code, with its text.
    pub(crate) fn new(code: &'static str, text: &str) -> Failure {
        Failure { code, text: text.to_owned(), xml: Vec::new() }
    }

    /// The failure concerns one property, named by its path.
    pub(crate) fn about(mut self, path: Element) -> Failure {
        self.xml.push(path);
        self
    }

    /// An id that names nothing, or nothing any more.
    pub(crate) fn item_not_found() -> Failure {
        Failure::new("ErrorItemNotFound", "The specified object was not found in the store.")
    }

    /// A folder that is not there.
    pub(crate) fn folder_not_found() -> Failure {
        Failure::new("ErrorFolderNotFound", "The specified folder could not be found in the store.")
    }

    /// The target of a move or copy is not there.
    pub(crate) fn target_not_found() -> Failure {
        Failure::new("ErrorToFolderNotFound", "The destination folder could not be found.")
    }

    /// The folder for new items is not there.
    pub(crate) fn saved_folder_not_found() -> Failure {
        Failure::new("ErrorSavedItemFolderNotFound", "The folder to save in could not be found.")
    }

    /// The parent of a folder to be made is not there.
    pub(crate) fn parent_not_found() -> Failure {
        Failure::new("ErrorParentFolderNotFound", "The specified parent folder could not be found.")
    }

    /// An id that no Exchange ever gave out.
    pub(crate) fn malformed_id() -> Failure {
        Failure::new("ErrorInvalidIdMalformed", "Id is malformed.")
    }

    /// The change key is not the current one and the caller wants to overwrite nothing.
    pub(crate) fn conflict() -> Failure {
        Failure::new(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in \
             the request does not match the current change key for the item.",
        )
    }

    /// The caller has no right to this mailbox.
    pub(crate) fn access_denied() -> Failure {
        Failure::new("ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    }

    /// The budget is used up; wait so many milliseconds.
    pub(crate) fn busy(milliseconds: Option<u64>) -> Failure {
        let xml = milliseconds.map(back_off).into_iter().collect();
        Failure { xml, ..Failure::new("ErrorServerBusy", BUSY) }
    }

    /// A request that the schema allows and the server does not.
    pub(crate) fn invalid_request() -> Failure {
        Failure::new("ErrorInvalidRequest", "The request is invalid.")
    }

    /// The response message, before the operation's own elements and without its name.
    pub(crate) fn message(&self) -> Element {
        let mut message = Element::m("")
            .attr("ResponseClass", "Error")
            .with(Element::m_text("MessageText", &self.text))
            .with(Element::m_text("ResponseCode", self.code))
            .with(Element::m_text("DescriptiveLinkKey", "0"));
        if !self.xml.is_empty() {
            message = message.with(Element::m("MessageXml").with_all(self.xml.clone()));
        }
        message
    }
}

/// A response message without error, before the operation's own elements and without its name.
pub(crate) fn success() -> Element {
    Element::m("").attr("ResponseClass", "Success").with(Element::m_text("ResponseCode", "NoError"))
}
