//! What is asked of the server rather than of a mailbox: names, notations of ids, time zones.

use super::context::Context;
use super::failure::Failure;
use super::failure::success;
use super::field::person;
use super::folder::each;
use super::write::boolean;
use super::xml::Element;
use super::zone;
use crate::store::Mailbox;
use crate::store::zone::Zone;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// ResolveNames: mailboxes of this server whose name or address begins with the words asked for.
/// Nobody has contacts here, so that a search among them alone finds nothing.
pub(crate) fn resolve_names(context: &Context<'_>, request: &Element) -> Result<Element, Failure> {
    let wanted = request.child_text("UnresolvedEntry").unwrap_or_default().trim().to_lowercase();
    let wanted = wanted.strip_prefix("smtp:").unwrap_or(&wanted);
    let fits = |mailbox: &&Mailbox| {
        let name = mailbox.name.to_lowercase();
        mailbox.address.starts_with(wanted)
            || name.split_whitespace().any(|word| word.starts_with(wanted))
            || name.starts_with(wanted)
    };
    let in_directory = request.attribute("SearchScope") != Some("Contacts");
    let found: Vec<Element> = context
        .mailboxes()
        .filter(|mailbox| in_directory && fits(mailbox))
        .map(|mailbox| Element::t("Resolution").with(person(&mailbox.owner())))
        .collect();
    let set = Element::m("ResolutionSet")
        .attr("TotalItemsInView", found.len().to_string())
        .attr("IncludesLastItemInRange", "true");
    match found.len() {
        0 => Err(Failure::new("ErrorNameResolutionNoResults", "No results were found.")),
        1 => Ok(success().with(set.with_all(found))),
        _ => {
            let mut message =
                Failure::new("ErrorNameResolutionMultipleResults", "Multiple results were found.")
                    .message();
            message.attributes = vec![("ResponseClass".to_owned(), "Warning".to_owned())];
            Ok(message.with(set.with_all(found)))
        }
    }
}

/// ExpandDL: there are no distribution lists here.
pub(crate) fn expand_list() -> Result<Element, Failure> {
    Err(Failure::new("ErrorNameResolutionNoResults", "No results were found."))
}

/// GetRoomLists: there are none. The whole response, which is its own message.
pub(crate) fn room_lists() -> Element {
    let name = "GetRoomListsResponse".to_owned();
    Element { name, ..success() }.with(Element::m("RoomLists"))
}

/// ConvertId: the same id in another of Exchange's notations; one answer an id.
///
/// The answer's Mailbox is the address of the mailbox, whatever the request says (DavMail finds the
/// address of its user this way).
pub(crate) fn convert_ids(
    context: &Context<'_>,
    request: &Element,
) -> Vec<Result<Element, Failure>> {
    let wanted = request.attribute("DestinationFormat").unwrap_or_default();
    each(request, "SourceIds", |source| {
        let id = source.attribute("Id").ok_or_else(Failure::malformed_id)?;
        let bytes = bytes_of(id, source.attribute("Format").unwrap_or_default());
        let bytes = bytes.ok_or_else(Failure::malformed_id)?;
        context.check_id(&STANDARD.encode(&bytes))?;
        let alternate = Element::m("AlternateId")
            .attr("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")
            .attr("xsi:type", "t:AlternateIdType")
            .attr("Format", wanted)
            .attr("Id", written_as(&bytes, wanted))
            .attr("Mailbox", &context.mailbox().address);
        Ok(success().with(alternate))
    })
}

/// The bytes of an id in one of the notations of `IdFormatType`.
fn bytes_of(id: &str, format: &str) -> Option<Vec<u8>> {
    match format {
        "HexEntryId" => {
            let digit = |at: usize| u8::from_str_radix(id.get(at..at + 2)?, 16).ok();
            (0..id.len()).step_by(2).map(digit).collect()
        }
        "OwaId" => {
            let plain = id.replace("%2F", "/").replace("%2B", "+").replace("%3D", "=");
            STANDARD.decode(plain).ok()
        }
        _ => STANDARD.decode(id).ok(),
    }
}

fn written_as(bytes: &[u8], format: &str) -> String {
    match format {
        "HexEntryId" => bytes.iter().map(|byte| format!("{byte:02X}")).collect(),
        "OwaId" => {
            let plain = STANDARD.encode(bytes);
            plain.replace('/', "%2F").replace('+', "%2B").replace('=', "%3D")
        }
        _ => STANDARD.encode(bytes),
    }
}

/// GetServerTimeZones: the zones asked for, or all.
pub(crate) fn time_zones(context: &Context<'_>, request: &Element) -> Result<Element, Failure> {
    let full = request.attribute("ReturnFullTimeZoneData").is_none_or(boolean);
    let year = Zone::utc().wall(context.mailbox().now).year();
    let zones: Vec<Zone> = match request.child("Ids") {
        Some(ids) => ids.children.iter().filter_map(|id| Zone::parse(&id.text)).collect(),
        None => zone::all().collect(),
    };
    let definitions = zones.iter().map(|zone| {
        let mut definition = zone::definition("TimeZoneDefinition", zone, year);
        if !full {
            // Real servers send the parts empty then, against their own schema.
            definition.children.iter_mut().for_each(|part| part.children.clear());
            definition.children.retain(|part| part.name != "Transitions");
        }
        definition
    });
    Ok(success().with(Element::m("TimeZoneDefinitions").with_all(definitions)))
}
