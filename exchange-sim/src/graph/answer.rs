//! Answers about one item, an event or a message: its JSON, its version, its place.

use super::call::{Call, encode};
use super::error::Error;
use super::event;
use crate::Response;
use crate::store::{Item, Mailbox};
use serde_json::{Value, json};

/// The item of a collection such as `events`, in the members selected.
pub(super) fn shown(
    mailbox: &Mailbox,
    call: &Call<'_>,
    item: &Item,
    collection: &str,
    json: Value,
) -> Response {
    let mut json = event::select(json, call.query.select.as_ref());
    json["@odata.context"] = json!(call.context(&format!("{collection}/$entity")));
    let mut response = call.answer(200, &json);
    set(&mut response, http::header::ETAG, &event::etag(mailbox, item));
    response
}

/// Makes of [`shown`] the answer to a creation.
pub(super) fn created(
    mailbox: &Mailbox,
    call: &Call<'_>,
    item: &Item,
    collection: &str,
    mut response: Response,
) -> Response {
    *response.status_mut() = http::StatusCode::CREATED;
    let (user, id) = (encode(&call.user), event::id(mailbox, item, &call.prefer));
    let location = format!("{}/users('{user}')/{collection}('{}')", call.base, encode(&id));
    set(&mut response, http::header::LOCATION, &location);
    response
}

/// The change number to insist on, where the client states a version.
pub(super) fn expected(
    mailbox: &Mailbox,
    call: &Call<'_>,
    item: &Item,
) -> Result<Option<u64>, Error> {
    match call.if_match() {
        None => Ok(None),
        Some(key) if key == mailbox.change_key(item) => Ok(Some(item.change)),
        Some(_) => Err(Error::conflict()),
    }
}

fn set(response: &mut Response, name: http::HeaderName, value: &str) {
    if let Ok(value) = http::HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
