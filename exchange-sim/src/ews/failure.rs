//! Errors of one item or folder of a request: a response message with `ResponseClass="Error"`.

use super::fault::BUSY;
use super::fault::back_off;
use super::xml::Element;
use crate::store::Error;
use crate::store::recurrence;

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

/// A store error in EWS words.
pub(crate) fn failure(error: Error) -> Failure {
    Failure::new(code(&error), &text(&error))
}

/// The code of a store error (MS docs: ResponseCode).
fn code(error: &Error) -> &'static str {
    match error {
        Error::ItemNotFound => "ErrorItemNotFound",
        Error::FolderNotFound => "ErrorFolderNotFound",
        Error::FolderExists(_) => "ErrorFolderExists",
        Error::FolderProtected => "ErrorAccessDenied",
        Error::Conflict => "ErrorIrresolvableConflict",
        Error::SubjectTooLong => "ErrorPropertyValidationFailure",
        Error::EndBeforeStart => "ErrorCalendarEndDateIsEarlierThanStartDate",
        Error::TooLong => "ErrorCalendarDurationIsTooLong",
        Error::InvalidPropertyValue(_) => "ErrorInvalidExtendedPropertyValue",
        Error::WrongFolderClass => "ErrorCannotCreateCalendarItemInNonCalendarFolder",
        Error::AttachmentNotFound => "ErrorInvalidAttachmentId",
        Error::MessageTooLarge => "ErrorMessageSizeExceeded",
        Error::AttachedTooDeep => "ErrorAttachmentNestLevelLimitExceeded",
        Error::Recurrence(error) => recurrence_code(*error),
        Error::OccurrencesOverlap => "ErrorOccurrenceTimeSpanTooBig",
        Error::NoOccurrence => "ErrorRecurrenceHasNoOccurrence",
        Error::RecurrenceOfOccurrence => "ErrorInvalidPropertySet",
        Error::NoSeries => "ErrorCalendarCannotUseIdForRecurringMasterId",
        Error::OccurrenceDeleted => "ErrorCalendarOccurrenceIsDeletedFromRecurrence",
        Error::OccurrenceOutOfRange => "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange",
        Error::OccurrenceCrossing => "ErrorOccurrenceCrossingBoundary",
        Error::CannotMoveOccurrence => "ErrorCalendarCannotMoveOrCopyOccurrence",
        Error::InvalidStream => "ErrorCorruptData",
    }
}

/// The text of a store error, as far as it is known.
fn text(error: &Error) -> String {
    let text = match error {
        Error::ItemNotFound => return Failure::item_not_found().text,
        Error::FolderNotFound => return Failure::folder_not_found().text,
        Error::FolderProtected => return Failure::access_denied().text,
        Error::Conflict => return Failure::conflict().text,
        Error::Recurrence(error) => return format!("The recurrence: {error}."),
        Error::FolderExists(_) => "A folder with the specified name already exists.",
        Error::SubjectTooLong => {
            "Property is not valid. Property: Subject, the length exceeds 255 characters."
        }
        Error::EndBeforeStart => "EndDate is earlier than StartDate",
        Error::TooLong => "The duration of the calendar item is too long.",
        Error::InvalidPropertyValue(_) => {
            "The extended property value is invalid for the property's type."
        }
        Error::WrongFolderClass => "Cannot create a calendar item in a non-calendar folder.",
        Error::AttachmentNotFound => "The specified attachment Id is invalid.",
        Error::MessageTooLarge => "The message exceeds the maximum supported size.",
        Error::AttachedTooDeep => {
            "The item has attachment at more than the maximum supported nest level."
        }
        Error::OccurrencesOverlap => {
            "One occurrence of the recurring calendar item overlaps with another occurrence of the \
             same calendar item."
        }
        Error::NoOccurrence => "The specified recurrence has no occurrence.",
        Error::RecurrenceOfOccurrence => "An occurrence can't have a recurrence of its own.",
        Error::NoSeries => {
            "The RecurringMasterId does not correspond to a valid recurring master item."
        }
        Error::OccurrenceDeleted => {
            "The specified occurrence was previously deleted from the recurrence."
        }
        Error::OccurrenceOutOfRange => "Occurrence index is out of recurrence range.",
        Error::OccurrenceCrossing => {
            "Modified occurrence is crossing or overlapping adjacent occurrence."
        }
        Error::InvalidStream => "Data is corrupt.",
        Error::CannotMoveOccurrence => {
            "Cannot move or copy an occurrence of a recurring calendar item."
        }
    };
    text.to_owned()
}

/// The code of a recurrence that makes no sense (MS docs: ResponseCode).
fn recurrence_code(error: recurrence::Error) -> &'static str {
    use recurrence::Error;
    match error {
        Error::IntervalOutOfRange { .. }
        | Error::DayOutOfRange(_)
        | Error::MonthOutOfRange(_)
        | Error::CountOutOfRange(_)
        | Error::StartOutOfRange(_) => "ErrorCalendarOutOfRange",
        Error::NoDays => "ErrorCalendarInvalidRecurrence",
        Error::EndBeforeStart => "ErrorCalendarEndDateIsEarlierThanStartDate",
        Error::EndTooLate => "ErrorRecurrenceEndDateTooBig",
        Error::NoOccurrence => "ErrorRecurrenceHasNoOccurrence",
    }
}
