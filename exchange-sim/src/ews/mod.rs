//! Exchange Web Services: SOAP 1.1 over HTTP, held against Microsoft's schema.

mod attachment;
pub(crate) mod auth;
mod availability;
mod budget;
mod configuration;
mod conflict;
mod context;
#[cfg(test)]
mod derive;
mod export;
mod failure;
mod fault;
pub(crate) mod field;
mod find;
mod folder;
mod item;
mod meeting;
mod message;
mod mime;
mod newer;
pub(crate) mod notify;
mod occurrence;
mod oof;
mod operation;
mod path;
mod permission;
mod recurrence;
mod reply;
mod response;
mod schema;
mod service;
mod shape;
mod soap;
mod suggestions;
mod sync;
mod validate;
pub(crate) mod version;
pub(crate) mod write;
pub(crate) mod xml;
pub(crate) mod zone;
mod zone_names;

pub(crate) use budget::Budgets;
#[cfg(feature = "server")]
pub(crate) use budget::UnderWay;

use crate::Reply;
use crate::Request;
use crate::Response;
use crate::fault::Refusal;
use crate::fault::Service;
use crate::respond;
use crate::store::World;
use auth::Denied;
use context::Context;
use failure::Failure;
use fault::Fault;
use soap::Envelope;
use version::Server;
use xml::Element;

/// The one content type that clients such as DavMail read.
const XML: &str = "text/xml; charset=utf-8";

/// Answers a request to `/EWS/Exchange.asmx`.
pub(crate) fn handle(world: &mut World, request: &Request) -> Reply {
    let caller = match auth::caller(world, request) {
        Ok(caller) => caller,
        Err(denied) => return Reply::respond(auth::unauthorized(&denied)),
    };
    if [http::Method::GET, http::Method::HEAD].contains(request.method()) {
        // Browsers and probing clients get the service's page.
        let page = "<html><body>Exchange Web Services</body></html>";
        return Reply::respond(respond(200, "text/html; charset=utf-8", page));
    }
    if request.method() != http::Method::POST {
        let mut response = respond(405, "text/plain", "Method Not Allowed");
        let methods = http::HeaderValue::from_static("GET, HEAD, POST");
        response.headers_mut().insert(http::header::ALLOW, methods);
        return Reply::respond(response);
    }
    if !soap::is_xml(request) {
        return Reply::respond(respond(415, "text/plain", ""));
    }
    let (strict, profile) = (world.config.strict, world.config.profile);
    let read = Envelope::read(request.body(), strict, profile).and_then(|envelope| {
        let address = auth::mailbox(world, &caller, envelope.header.as_ref())?;
        let server = Server::of(world, &address);
        server.check(envelope.header.as_ref(), &envelope.request)?;
        Ok((envelope, address, server))
    });
    let (envelope, address, server) = match read {
        Ok(read) => read,
        Err(fault) => return Reply::respond(fault_response(&fault)),
    };
    let under_way = match budget::admit(world, request, &envelope, &address) {
        Ok(under_way) => under_way,
        Err(fault) => return Reply::respond(fault_response(&fault)),
    };
    let action = world.faults.take(Service::Ews, envelope.operation(), Some(&address));
    let reply = crate::fault::perform(
        world,
        action,
        Some(&address),
        request,
        |_, refusal| refused(server, &envelope, refusal),
        |world| answer(world, &envelope, &address, server),
    );
    budget::hold(reply, under_way)
}

/// Carries an operation out.
fn answer(world: &mut World, envelope: &Envelope, address: &str, server: Server) -> Response {
    let zone = match zone::context(envelope.header.as_ref()) {
        Ok(zone) => zone,
        Err(failure) => return fault_response(&Fault::new(failure.code, &failure.text)),
    };
    let mut context = Context::new(world, address.to_owned(), zone);
    let operation = envelope.operation();
    let body = match whole(&mut context, &envelope.request) {
        Some(response) => Some(soap::whole_response(server, response)),
        None => results(&mut context, &envelope.request).map(|results| {
            let header = envelope.header.as_ref();
            let messages = results.into_iter().map(|result| message(operation, result));
            let messages = messages.map(|message| newer::fitted(header, message));
            soap::response(server, operation, messages)
        }),
    };
    match body {
        Some(body) => {
            let mut response = respond(200, XML, body);
            if let Ok(value) = http::HeaderValue::from_str(operation) {
                response.headers_mut().insert("x-ewshandler", value);
            }
            if let Some(held) = context.held() {
                response.extensions_mut().insert(held);
            }
            response
        }
        None => fault_response(&Fault::unknown_operation()),
    }
}

/// The response of operations that have no list of messages; `None` for the others.
fn whole(context: &mut Context<'_>, request: &Element) -> Option<Element> {
    match request.name.as_str() {
        "GetUserAvailabilityRequest" => Some(availability::get(context, request)),
        "GetUserOofSettingsRequest" => Some(oof::get(context, request)),
        "SetUserOofSettingsRequest" => Some(oof::set(context, request)),
        "GetRoomLists" => Some(service::room_lists()),
        _ => None,
    }
}

/// Whether [`whole`] answers a request.
fn is_whole(envelope: &Envelope) -> bool {
    let names = ["GetUserAvailability", "GetUserOofSettings", "SetUserOofSettings", "GetRoomLists"];
    names.contains(&envelope.operation())
}

/// Whether there is an EWS version of this name.
pub(crate) fn has(version: &str) -> bool {
    version::all().any(|known| known == version)
}

/// One result for each part of a request, in order; `None` for operations that are not offered.
fn results(context: &mut Context<'_>, request: &Element) -> Option<Vec<Result<Element, Failure>>> {
    Some(match request.name.as_str() {
        "GetFolder" => folder::get(context, request),
        "FindFolder" => folder::find(context, request),
        "CreateFolder" => folder::create(context, request),
        "UpdateFolder" => folder::update(context, request),
        "MoveFolder" => folder::move_to(context, request),
        "CopyFolder" => folder::copy_to(context, request),
        "EmptyFolder" => folder::empty(context, request),
        "DeleteFolder" => folder::delete(context, request),
        "SyncFolderHierarchy" => vec![sync::hierarchy(context, request)],
        "SyncFolderItems" => vec![sync::items(context, request)],
        "FindItem" => find::find_item(context, request),
        "GetItem" => item::get(context, request),
        "CreateItem" => item::create(context, request),
        "UpdateItem" => item::update(context, request),
        "DeleteItem" => item::delete(context, request),
        "MoveItem" => item::move_to(context, request),
        "CopyItem" => item::copy_to(context, request),
        "ExportItems" => export::export(context, request),
        "UploadItems" => export::upload(context, request),
        "SendItem" => message::send_items(context, request),
        "CreateAttachment" => attachment::create(context, request),
        "GetAttachment" => attachment::get(context, request),
        "DeleteAttachment" => attachment::delete(context, request),
        "MarkAllItemsAsRead" => message::mark_all(context, request),
        "Subscribe" => vec![notify::subscribe(context, request)],
        "Unsubscribe" => vec![notify::unsubscribe(context, request)],
        "GetEvents" => vec![notify::get_events(context, request)],
        "GetStreamingEvents" => vec![Ok(notify::stream(context, request))],
        "ConvertId" => service::convert_ids(context, request),
        "ExpandDL" => vec![service::expand_list()],
        "ResolveNames" => vec![service::resolve_names(context, request)],
        "GetUserConfiguration" => vec![configuration::get(context, request)],
        "GetServerTimeZones" => vec![service::time_zones(context, request)],
        _ => return None,
    })
}

/// The response message of one result, with what the schema demands even of errors.
fn message(operation: &str, result: Result<Element, Failure>) -> Element {
    let name = format!("{operation}ResponseMessage");
    match result {
        Ok(message) => Element { name, ..message },
        Err(failure) => {
            let message = Element { name, ..failure.message() };
            match operation {
                "SyncFolderItems" | "SyncFolderHierarchy" => {
                    message.with_all(sync::error_elements(operation))
                }
                "GetFolder" | "CreateFolder" | "UpdateFolder" | "MoveFolder" | "CopyFolder" => {
                    message.with(Element::m("Folders"))
                }
                "GetItem" | "CreateItem" | "UpdateItem" | "MoveItem" | "CopyItem" => {
                    message.with(Element::m("Items"))
                }
                "CreateAttachment" | "GetAttachment" => message.with(Element::m("Attachments")),
                _ => message,
            }
        }
    }
}

/// Refusals: throttling is an error of each part of an answer with status 200, a busy server a
/// SOAP fault with status 500 (both are seen in the wild).
fn refused(server: Server, envelope: &Envelope, refusal: Refusal) -> Response {
    match refusal {
        // Answers of another form have no place for it.
        Refusal::Throttled(seconds) if is_whole(envelope) => {
            fault_response(&Fault::busy(seconds.map(milliseconds)))
        }
        Refusal::Throttled(seconds) => {
            let operation = envelope.operation();
            let failure = Failure::busy(seconds.map(milliseconds));
            let parts = (0..envelope.parts()).map(|_| message(operation, Err(failure.clone())));
            respond(200, XML, soap::response(server, operation, parts))
        }
        Refusal::Busy(seconds) => fault_response(&Fault::busy(seconds.map(milliseconds))),
        Refusal::Unavailable(seconds) => {
            let page = "<html><body><h1>Service Unavailable</h1></body></html>";
            crate::with_retry_after(respond(503, "text/html", page), seconds)
        }
        Refusal::Unauthorized => auth::unauthorized(&Denied::Credentials),
    }
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

fn fault_response(fault: &Fault) -> Response {
    respond(500, XML, soap::document(&fault.envelope()))
}
