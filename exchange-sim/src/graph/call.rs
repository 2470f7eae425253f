//! One request on its way through the face.

use super::error::{Error, JSON};
use super::prefer::Prefer;
use super::query::{Allowed, Query};
use crate::store::{self, FolderId, Mailbox, Role, World};
use crate::{Request, Response, respond};
use serde_json::{Map, Value};

/// A request with what its headers and query say.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    /// The mailbox's address in lower case.
    pub(super) address: String,
    /// The address as the client wrote it, for links.
    pub(super) user: String,
    /// Scheme, host and version of links: `http://host/v1.0`.
    pub(super) base: String,
    pub(super) prefer: Prefer,
    pub(super) query: Query,
    /// Whether members that the schema doesn't have are refused.
    pub(super) strict: bool,
}

/// A calendar as a path names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CalendarRef {
    /// The default calendar.
    Default,
    /// By id.
    Id(String),
}

impl<'a> Call<'a> {
    pub(super) fn new(request: &'a Request, user: &str, allowed: Allowed) -> Result<Self, Error> {
        Ok(Self {
            request,
            address: user.to_ascii_lowercase(),
            user: user.to_owned(),
            base: base(request),
            prefer: Prefer::read(request)?,
            query: Query::read(request, allowed)?,
            strict: allowed.strict,
        })
    }

    /// The same call with other options.
    pub(super) fn with_query(&self, query: Query) -> Self {
        Self {
            request: self.request,
            address: self.address.clone(),
            user: self.user.clone(),
            base: self.base.clone(),
            prefer: self.prefer.clone(),
            query,
            strict: self.strict,
        }
    }

    pub(super) fn mailbox<'w>(&self, world: &'w World) -> Result<&'w Mailbox, Error> {
        world.mailbox(&self.address).ok_or_else(|| unknown_user(&self.user))
    }

    pub(super) fn mailbox_mut<'w>(&self, world: &'w mut World) -> Result<&'w mut Mailbox, Error> {
        world.mailbox_mut(&self.address).ok_or_else(|| unknown_user(&self.user))
    }

    /// The folder of a calendar.
    pub(super) fn calendar(
        &self,
        mailbox: &Mailbox,
        calendar: &CalendarRef,
    ) -> Result<FolderId, Error> {
        match calendar {
            CalendarRef::Default => Ok(mailbox.role(Role::Calendar)),
            CalendarRef::Id(id) => {
                let folder = mailbox.find_folder(id)?;
                // A deleted calendar lies in Deleted Items, where it is no calendar any more.
                if mailbox.is_below(folder.id, mailbox.role(Role::DeletedItems)) {
                    return Err(store::Error::FolderNotFound.into());
                }
                if folder.is_calendar() {
                    Ok(folder.id)
                } else {
                    Err(Error::new(400, "ErrorInvalidRequest", "The folder is not a calendar."))
                }
            }
        }
    }

    /// The body as a JSON object.
    pub(super) fn body(&self) -> Result<Map<String, Value>, Error> {
        let is_json = self
            .request
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().starts_with("application/json"));
        if !is_json {
            return Err(Error::new(
                415,
                "RequestBodyRead",
                "A missing or empty content type header was found when trying to read a message.",
            ));
        }
        object(self.request.body())
    }

    /// The version the client insists on, as an etag or change key.
    pub(super) fn if_match(&self) -> Option<String> {
        let value = self.request.headers().get(http::header::IF_MATCH)?.to_str().ok()?.trim();
        if value == "*" {
            return None;
        }
        Some(value.trim_start_matches("W/").trim_matches('"').to_owned())
    }

    /// A context annotation for something of this user.
    pub(super) fn context(&self, rest: &str) -> String {
        format!("{}/$metadata#users('{}')/{rest}", self.base, encode(&self.user))
    }

    /// The URL of the request's own path with other options.
    pub(super) fn link(&self, options: &[(&str, &str)]) -> String {
        let host = self.base.trim_end_matches("/v1.0");
        let options: Vec<String> = options
            .iter()
            .map(|(name, value)| format!("{}={}", name.replace('$', "%24"), encode(value)))
            .collect();
        format!("{host}{}?{}", self.request.uri().path(), options.join("&"))
    }

    /// Answers with JSON.
    pub(super) fn answer(&self, status: u16, body: &Value) -> Response {
        let mut response = respond(status, JSON, body.to_string());
        if let Some(applied) =
            self.prefer.applied().and_then(|applied| http::HeaderValue::from_str(&applied).ok())
        {
            response.headers_mut().insert("preference-applied", applied);
        }
        response
    }
}

/// A body as a JSON object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Error::bad_request(
            "Unable to read JSON request payload. Please ensure Content-Type header is set and \
             payload is of valid JSON format.",
        )),
        Err(error) => {
            Err(Error::bad_request(format!("Unable to read JSON request payload: {error}")))
        }
    }
}

/// The `client-request-id` header of a request.
pub(super) fn client_request_id(request: &Request) -> Option<&str> {
    request.headers().get("client-request-id")?.to_str().ok()
}

/// Percent-encodes everything but unreserved characters.
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Undoes percent-encoding in a path segment.
pub(super) fn decode(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after
            .get(..2)
            .filter(|_| *first == b'%')
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match hex {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Scheme, host and version that a request came to.
pub(super) fn base(request: &Request) -> String {
    let scheme = request.uri().scheme_str().unwrap_or("http");
    let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| {
        request.headers().get(http::header::HOST).and_then(|value| value.to_str().ok())
    });
    format!("{scheme}://{}/v1.0", host.unwrap_or("localhost"))
}

fn unknown_user(user: &str) -> Error {
    Error::new(404, "ErrorInvalidUser", format!("The requested user '{user}' is invalid."))
}
