//! Import sessions, and the items that come in through their URL (docs: mailbox-createimportsession,
//! import-exchange-mailbox-item).

use super::call::{self, Call};
use super::error::Error;
use super::export::missing;
use super::folders::{self, parameter};
use super::upload::ROOT;
use super::write::{self, text};
use super::{event, mailboxes};
use crate::store::rng::Rng;
use crate::store::{self, Exported, FolderId, ItemId, Mailbox, World};
use crate::{Request, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde_json::{Map, Value, json};

/// The last segment of a session's URL.
const ACTION: &str = "/importItem";
const PARAMETERS: [&str; 5] = ["FolderId", "Mode", "ItemId", "ChangeKey", "Data"];

/// createImportSession.
pub(super) fn open(world: &mut World, call: &Call<'_>) -> Result<Response, Error> {
    let mailbox = call.mailbox(world)?;
    let (id, address) = (mailboxes::mailbox_id(&world.config.tenant, mailbox), &call.address);
    let now = world.now();
    let token = token(&mut world.rng);
    let host = call.base.trim_end_matches("/v1.0");
    let url = format!("{host}{ROOT}/Mailboxes('{id}'){ACTION}?authtoken={token}");
    let expires = world.imports.open(token, address, now);
    Ok(call.answer(
        200,
        &json!({
            "@odata.context":
                format!("{}/$metadata#microsoft.graph.mailboxItemImportSession", call.base),
            "importUrl": url,
            "expirationDateTime": event::instant(expires),
        }),
    ))
}

fn token(rng: &mut Rng) -> String {
    rng.guid() + &rng.guid()
}

/// Whether a path is that of a session's URL.
pub(super) fn is_import(path: &str) -> bool {
    path.ends_with(ACTION)
}

/// A POST to a session's URL: makes one item, or puts one back.
pub(super) fn import(world: &mut World, request: &Request, token: &str) -> Result<Response, Error> {
    let now = world.now();
    let session = world.imports.find(token, now);
    let address = session
        .map(|session| session.mailbox.clone())
        .ok_or_else(|| Error::unauthorized("Lifetime validation failed, the token is expired."))?;
    if request.method() != Method::POST {
        return Err(Error::new(405, "ErrorInvalidRequest", "The request is not supported."));
    }
    world.pace.count(world.config.throttle, &address, request, now)?;
    // The documented request has no Content-Type.
    let body = call::object(request.body())?;
    let strict = world.config.strict;
    let mailbox = world.mailbox_mut(&address).ok_or(store::Error::ItemNotFound)?;
    let id = take(mailbox, &body, strict)?;
    let item = mailbox.item(id)?;
    let host = call::base(request);
    let host = host.trim_end_matches("/v1.0");
    Ok(crate::respond_json(
        200,
        &json!({
            "@odata.context":
                format!("{host}{ROOT}/$metadata#microsoft.graph.importMailboxItemResponse"),
            "itemId": mailbox.graph_id(item),
            "changeKey": mailbox.change_key(item),
        }),
    ))
}

/// Does what the parameters say.
fn take(mailbox: &mut Mailbox, body: &Map<String, Value>, strict: bool) -> Result<ItemId, Error> {
    let is_unknown =
        |name: &&String| !PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    if let Some(name) = body.keys().find(is_unknown).filter(|_| strict) {
        let message = format!("The parameter '{name}' is not a parameter of importItem.");
        return Err(Error::body(message));
    }
    let given = |name: &'static str| match parameter(body, name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => text(name, value).map(Some),
    };
    let required = |name| given(name)?.ok_or_else(|| missing(name));
    let folder = folders::find(mailbox, &required("FolderId")?)?;
    let creates =
        write::choice("Mode", &json!(required("Mode")?), &[("create", true), ("update", false)])?;
    let target = match (creates, given("ItemId")?, given("ChangeKey")?) {
        (true, None, None) => None,
        (true, _, _) => {
            let message = "ItemId and ChangeKey can't be specified in the create mode.";
            return Err(Error::new(400, "ErrorInvalidRequest", message));
        }
        (false, id, key) => {
            let (id, key) =
                (id.ok_or_else(|| missing("ItemId"))?, key.ok_or_else(|| missing("ChangeKey"))?);
            Some(find(mailbox, folder, &id, &key)?)
        }
    };
    let stream = STANDARD.decode(required("Data")?).map_err(|_| store::Error::InvalidStream)?;
    let exported = Exported::from_stream(&stream)?;
    Ok(match target {
        Some(id) => mailbox.put_back(id, exported).map(|()| id)?,
        None => mailbox.import(folder, exported)?,
    })
}

/// The item in the folder of this id and this version.
fn find(mailbox: &Mailbox, folder: FolderId, id: &str, key: &str) -> Result<ItemId, Error> {
    let item = mailbox.find_item(id)?;
    if item.folder != folder || item.occurrence.is_some() {
        return Err(store::Error::ItemNotFound.into());
    }
    match mailbox.change_key(&item) == key {
        true => Ok(item.id),
        false => Err(Error::conflict()),
    }
}
