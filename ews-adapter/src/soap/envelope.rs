//! The envelope around requests, and what answers have in common.

use super::element::Space;
use super::{Element, Error, Xml};

/// The first version whose features are all used here, and the newest that Microsoft documents.
const VERSION: &str = "Exchange2013_SP1";

/// What stands in a request's SOAP header.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Header<'a> {
    /// The mailbox to act for (MS docs: ExchangeImpersonation).
    pub(crate) impersonate: Option<&'a str>,
    /// The Windows id of the zone that all-day events of this request are rounded in.
    pub(crate) zone: Option<&'a str>,
}

/// A whole request document around the operation `body`.
pub(crate) fn envelope(header: Header<'_>, body: &str) -> String {
    let namespaces = [
        ("xmlns:soap", "http://schemas.xmlsoap.org/soap/envelope/"),
        ("xmlns:t", "http://schemas.microsoft.com/exchange/services/2006/types"),
        ("xmlns:m", "http://schemas.microsoft.com/exchange/services/2006/messages"),
    ];
    Xml::text_of(|xml| {
        xml.raw("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
        xml.node("soap:Envelope", &namespaces, |xml| {
            xml.node("soap:Header", &[], |xml| {
                xml.empty("t:RequestServerVersion", &[("Version", VERSION)]);
                if let Some(mailbox) = header.impersonate {
                    xml.node("t:ExchangeImpersonation", &[], |xml| {
                        xml.node("t:ConnectingSID", &[], |xml| xml.leaf("t:SmtpAddress", mailbox));
                    });
                }
                if let Some(zone) = header.zone {
                    xml.node("t:TimeZoneContext", &[], |xml| {
                        xml.empty("t:TimeZoneDefinition", &[("Id", zone)]);
                    });
                }
            });
            xml.node("soap:Body", &[], |xml| xml.raw(body));
        });
    })
}

/// What an error says: of a fault, or of one response message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// The ResponseCode; the only part that is not localised.
    pub(crate) code: String,
    /// The text for people.
    pub(crate) text: String,
    /// How long the server wants to be left alone, in milliseconds; never 0.
    pub(crate) back_off_ms: Option<u64>,
}

/// The first element of the envelope's body.
pub(crate) fn payload(envelope: Element) -> Result<Element, Error> {
    if envelope.space != Space::Soap || envelope.name != "Envelope" {
        return Err(Error::NotSoap);
    }
    let body = envelope.children.into_iter().find(|c| c.space == Space::Soap && c.name == "Body");
    body.and_then(|body| body.children.into_iter().next()).ok_or(Error::NotSoap)
}

/// The complaint, if this body is a fault.
///
/// Exchange 2010 and later name the ResponseCode in `detail`; before that only `faultcode` had it.
pub(crate) fn fault(payload: &Element) -> Option<Complaint> {
    if payload.space != Space::Soap || payload.name != "Fault" {
        return None;
    }
    let part = |name| payload.child_in(Space::None, name).or(payload.child_in(Space::Soap, name));
    let detail = part("detail");
    let code = detail.and_then(|d| d.child_text("ResponseCode")).map(str::to_owned);
    let fault_code = || {
        let code = part("faultcode").map_or("", |c| c.text.trim());
        code.rsplit(':').next().unwrap_or(code).to_owned()
    };
    Some(Complaint {
        code: code.unwrap_or_else(fault_code),
        text: part("faultstring").map(|s| s.text.clone()).unwrap_or_default(),
        back_off_ms: detail.and_then(back_off_ms),
    })
}

/// One response message; stands at the position of what it answers.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The message, for the operation's own elements.
    pub(crate) element: &'a Element,
    /// Why this part was not carried out, or only in part.
    pub(crate) complaint: Option<Complaint>,
}

/// The response messages of an operation.
pub(crate) fn messages(payload: &Element) -> Vec<Message<'_>> {
    let list = payload.child("ResponseMessages").map_or(&[][..], |list| &list.children);
    list.iter().map(|element| Message { element, complaint: complaint(element) }).collect()
}

fn complaint(message: &Element) -> Option<Complaint> {
    let code = message.child_text("ResponseCode").unwrap_or_default();
    if message.attribute("ResponseClass") == Some("Success") || code == "NoError" {
        return None;
    }
    Some(Complaint {
        code: code.to_owned(),
        text: message.child_text("MessageText").unwrap_or_default().to_owned(),
        back_off_ms: back_off_ms(message),
    })
}

/// The wait in `MessageXml`; a server that asks for 0 ms would be asked again at once, for ever.
fn back_off_ms(around: &Element) -> Option<u64> {
    let values = around.child("MessageXml")?;
    let value = values.all("Value").find(|v| v.attribute("Name") == Some("BackOffMilliseconds"))?;
    value.text.trim().parse().ok().filter(|ms| *ms > 0)
}
