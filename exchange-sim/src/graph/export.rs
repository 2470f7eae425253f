//! exportItems: items as opaque streams, in full fidelity (docs: mailbox-exportitems).

use super::call::Call;
use super::error::Error;
use super::folders::parameter;
use super::write::{self, text};
use crate::Response;
use crate::store::{self, Exported, Mailbox, World};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// Items of one export.
const ITEMS_MAX: usize = 20;
/// Bytes of base64 in one answer; what comes after has to be asked for again.
const DATA_BYTES_MAX: usize = 64 * 1024 * 1024;

/// exportItems: one entry an id, with the stream or an error.
pub(super) fn export(world: &World, call: &Call<'_>) -> Result<Response, Error> {
    let body = call.body()?;
    let ids = parameter(&body, "itemIds").ok_or_else(|| missing("itemIds"))?;
    let ids = write::array("itemIds", ids)?;
    if ids.is_empty() || ids.len() > ITEMS_MAX {
        let message = format!("The collection itemIds must have 1 to {ITEMS_MAX} items.");
        return Err(Error::new(400, "ErrorInvalidRequest", message));
    }
    let ids: Vec<String> = ids.iter().map(|id| text("itemIds", id)).collect::<Result<_, _>>()?;
    let mailbox = call.mailbox(world)?;
    let mut bytes = 0;
    let exported = ids.iter().map(|id| match exported(mailbox, id, bytes) {
        Ok((change_key, data)) => {
            bytes += data.len();
            json!({"itemId": id, "changeKey": change_key, "data": data})
        }
        Err(Error { code, message, .. }) => {
            json!({"itemId": id, "error": {"code": code, "message": message}})
        }
    });
    let value: Vec<Value> = exported.collect();
    Ok(call.answer(
        200,
        &json!({
            "@odata.context":
                format!("{}/$metadata#Collection(microsoft.graph.exportItemResponse)", call.base),
            "value": value,
        }),
    ))
}

/// The change key and the stream of an item, where the answer has room for it.
fn exported(mailbox: &Mailbox, id: &str, before: usize) -> Result<(String, String), Error> {
    let item = mailbox.find_item(id)?;
    if item.occurrence.is_some() {
        return Err(store::Error::CannotMoveOccurrence.into());
    }
    if before >= DATA_BYTES_MAX {
        let message = "The answer is too large. Ask for fewer items.";
        return Err(Error::new(503, "ErrorInsufficientResources", message));
    }
    Ok((mailbox.change_key(&item), STANDARD.encode(Exported::of(&item).to_stream())))
}

pub(super) fn missing(name: &str) -> Error {
    let message = format!("Required property is missing. (Property: {name})");
    Error::new(400, "ErrorRequiredPropertyMissing", message)
}
