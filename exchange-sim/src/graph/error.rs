//! Errors as Graph words them.

use crate::fault::Refusal;
use crate::store::{self, World};
use crate::{Response, respond, with_retry_after};
use serde_json::{Value, json};

/// Content type of every JSON answer.
pub(super) const JSON: &str = "application/json;odata.metadata=minimal;odata.streaming=true;\
                               IEEE754Compatible=false;charset=utf-8";

/// A refusal: status, `error.code` and `error.message`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Error {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Back-off in seconds.
    pub(super) retry_after: Option<f64>,
    /// Where to start over.
    pub(super) location: Option<String>,
}

impl Error {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None, location: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// A value of a known property that can't be what it says.
    pub(super) fn invalid_property(message: impl Into<String>) -> Self {
        Self::new(400, "ErrorPropertyValidationFailure", message)
    }

    /// A body that isn't what the schema says.
    pub(super) fn body(message: impl Into<String>) -> Self {
        Self::new(400, "RequestBodyRead", message)
    }

    /// A query option that isn't what the schema says.
    pub(super) fn query(message: impl Into<String>) -> Self {
        Self::new(400, "RequestBroker--ParseUri", message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "InvalidAuthenticationToken", message)
    }

    pub(super) fn access_denied() -> Self {
        Self::new(403, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
    }

    pub(super) fn no_such_path(segment: &str) -> Self {
        Self::bad_request(format!("Resource not found for the segment '{segment}'."))
    }

    /// A path that is there, and not for this method.
    pub(super) fn no_such_method(method: &str) -> Self {
        let message = format!("The OData request is not supported: {method}.");
        Self::new(405, "ErrorInvalidRequest", message)
    }

    /// Something of Graph's that this server doesn't have.
    pub(super) fn not_served(name: &str) -> Self {
        let message = format!("The built-in Exchange doesn't serve '{name}'.");
        Self::new(501, "NotImplemented", message)
    }

    pub(super) fn conflict() -> Self {
        Self::new(
            412,
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed in \
             the request does not match the current change key for the item.",
        )
    }

    /// Over a limit of the service.
    pub(super) fn throttled(message: &str, retry_after: Option<f64>) -> Self {
        let error = Self::new(429, "ApplicationThrottled", message);
        Self { retry_after, ..error }
    }

    /// Words a refusal that a fault asks for.
    pub(super) fn refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Throttled(seconds) => {
                Self::throttled("Application is over its MailboxConcurrency limit.", seconds)
            }
            Refusal::Busy(seconds) => Self {
                retry_after: seconds,
                ..Self::new(
                    503,
                    "ErrorServerBusy",
                    "The server cannot service this request right now. Try again later.",
                )
            },
            Refusal::Unavailable(seconds) => Self {
                retry_after: seconds,
                ..Self::new(503, "ServiceUnavailable", "The service is temporarily unavailable.")
            },
            Refusal::Unauthorized => {
                Self::unauthorized("Lifetime validation failed, the token is expired.")
            }
        }
    }

    /// The answer with this error.
    pub(super) fn render(&self, world: &mut World, client_request_id: Option<&str>) -> Response {
        let request_id = world.rng.guid();
        let body = self.body_json(world, &request_id, client_request_id);
        let mut response =
            with_retry_after(respond(self.status, JSON, body.to_string()), self.retry_after);
        if let Some(location) =
            self.location.as_deref().and_then(|at| http::HeaderValue::from_str(at).ok())
        {
            response.headers_mut().insert(http::header::LOCATION, location);
        }
        if self.status == 401 {
            let challenge = "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/\
                             common/oauth2/authorize\"";
            response
                .headers_mut()
                .insert(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge));
        }
        response
    }

    fn body_json(&self, world: &World, request_id: &str, client: Option<&str>) -> Value {
        json!({"error": {
            "code": self.code,
            "message": self.message,
            "innerError": {
                "date": world.now().strftime("%Y-%m-%dT%H:%M:%S").to_string(),
                "request-id": request_id,
                "client-request-id": client.unwrap_or(request_id),
            },
        }})
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        let text = error.to_string();
        match error {
            // An attachment that is gone is told like an item (outlook-dev-docs#536).
            store::Error::ItemNotFound | store::Error::AttachmentNotFound => Self::new(
                404,
                "ErrorItemNotFound",
                "The specified object was not found in the store.",
            ),
            store::Error::FolderNotFound => Self::new(
                404,
                "ErrorItemNotFound",
                "The specified object was not found in the store., The process failed to get the \
                 correct properties.",
            ),
            store::Error::FolderExists(name) => Self::new(
                409,
                "ErrorFolderExists",
                format!(
                    "A folder with the specified name already exists., Could not create folder \
                     {name}."
                ),
            ),
            store::Error::FolderProtected => Self::new(400, "ErrorDeleteDistinguishedFolder", text),
            store::Error::Conflict => Self::conflict(),
            store::Error::SubjectTooLong | store::Error::EndBeforeStart | store::Error::TooLong => {
                Self::invalid_property(format!("At least one property failed validation: {text}."))
            }
            store::Error::InvalidPropertyValue(_) => {
                Self::new(400, "ErrorInvalidExtendedPropertyValue", text)
            }
            store::Error::WrongFolderClass => Self::new(400, "ErrorInvalidRequest", text),
            store::Error::MessageTooLarge => Self::new(
                413,
                "ErrorMessageSizeExceeded",
                "The message exceeds the maximum supported size.",
            ),
            store::Error::AttachedTooDeep => {
                Self::new(400, "ErrorAttachmentNestLevelLimitExceeded", text)
            }
            store::Error::Recurrence(_)
            | store::Error::NoOccurrence
            | store::Error::RecurrenceOfOccurrence
            | store::Error::NoSeries => {
                Self::invalid_property(format!("At least one property failed validation: {text}."))
            }
            store::Error::OccurrenceDeleted | store::Error::OccurrenceOutOfRange => {
                Self::new(404, "ErrorItemNotFound", text)
            }
            store::Error::OccurrencesOverlap => Self::new(
                400,
                "ErrorOccurrenceTimeSpanTooBig",
                "One occurrence of the recurring calendar item overlaps with another occurrence \
                 of the same calendar item.",
            ),
            store::Error::OccurrenceCrossing => Self::new(
                400,
                "ErrorOccurrenceCrossingBoundary",
                "Modified occurrence is crossing or overlapping adjacent occurrence.",
            ),
            store::Error::InvalidStream => Self::new(400, "ErrorCorruptData", "Data is corrupt."),
            store::Error::CannotMoveOccurrence => {
                Self::new(400, "ErrorCalendarCannotMoveOrCopyOccurrence", text)
            }
        }
    }
}
