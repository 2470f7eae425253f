//! SOAP 1.1 envelopes as Exchange Web Services uses them (MS docs: "EWS schema versions").

mod element;
mod envelope;
mod writer;

pub(crate) use element::Element;
pub(crate) use envelope::{Complaint, Header, Message, envelope, fault, messages, payload};
pub(crate) use writer::Xml;

/// Why an answer could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    /// It is no well-formed XML: truncated, or not XML at all.
    #[error("the answer is not well-formed XML: {0}")]
    Malformed(String),
    /// It is XML, but not an answer of Exchange.
    #[error("the answer is not a SOAP envelope")]
    NotSoap,
}
