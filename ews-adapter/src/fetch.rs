//! Reads items whole.

use crate::batch::{Brake, ITEMS_MAX};
use crate::failure::Effect;
use crate::map::event::Reading;
use crate::ops::get_item::{self, Shape};
use crate::soap::Message;
use crate::transport::Call;
use crate::{EwsRemote, batch, failure, ops};
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Failure, Fetched, Trouble};

/// One result for each of `ids`, in their order.
pub(crate) async fn items(
    remote: &EwsRemote,
    folder: &FolderId,
    ids: &[RemoteId],
) -> Result<Vec<Fetched>, Failure> {
    let brake = Brake::default();
    let chunks = ids.chunks(ITEMS_MAX).map(|chunk| fetch_chunk(remote, folder, chunk, &brake));
    let results = batch::concurrently(chunks.collect()).await;
    Ok(results.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Reads one chunk: in further requests where the server stops in the middle of it, in smaller ones
/// where it can't answer for all of it at once.
async fn fetch_chunk(
    remote: &EwsRemote,
    folder: &FolderId,
    ids: &[RemoteId],
    brake: &Brake,
) -> Result<Vec<Fetched>, Failure> {
    let mut results = Vec::with_capacity(ids.len());
    let mut size = ids.len();
    while results.len() < ids.len() {
        if let Some(failure) = brake.pulled() {
            return Err(failure);
        }
        let waiting = &ids[results.len()..];
        let asked = &waiting[..size.min(waiting.len())];
        let (read, failure) = fetch_once(remote, folder, asked).await;
        let stuck = read.is_empty();
        results.extend(read);
        match failure {
            Some(failure) if stuck && asked.len() > 1 && is_too_much(&failure) => {
                size = asked.len() / 2;
            }
            Some(failure) if stuck || failure::stops_all(&failure) => {
                brake.note(&failure);
                return Err(failure);
            }
            Some(_) | None => {}
        }
    }
    Ok(results)
}

/// Whether fewer items may be answered for: a request may take a minute at most, and gateways cut
/// answers off that are too long for them.
fn is_too_much(failure: &Failure) -> bool {
    matches!(failure, Failure::Transient(trouble)
        if matches!(trouble.code.as_str(), "ErrorTimeoutExpired" | "malformed-answer"))
}

/// Reads items up to the first that the server has no time for, and says why it stopped there.
async fn fetch_once(
    remote: &EwsRemote,
    folder: &FolderId,
    ids: &[RemoteId],
) -> (Vec<Fetched>, Option<Failure>) {
    let shape = Shape::Event(&remote.property);
    let body = get_item::request(ids.iter().map(RemoteId::as_str), shape);
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    let reading = Reading {
        folder: folder.as_str(),
        window: remote.window,
        property: &remote.property,
        digester: &remote.digester,
    };
    let read = |messages: Vec<Message<'_>>| {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            match fetched(message, &reading) {
                Ok(fetched) => results.push(fetched),
                Err(failure) => return (results, Some(failure)),
            }
        }
        (results, None)
    };
    match batch::exchange(&remote.caller, call, ids.len(), read).await {
        Ok(result) => result,
        Err(failure) => (Vec::new(), Some(failure)),
    }
}

/// What one response message says; `Err` where it says nothing of the item.
fn fetched(message: Message<'_>, reading: &Reading<'_>) -> Result<Fetched, Failure> {
    let Some(complaint) = message.complaint else {
        let no_item = || Trouble::new("no-item", "the server's answer has no item in it");
        let item = ops::item(message.element);
        return Ok(item.map_or_else(|| Fetched::Unreadable(no_item()), |i| reading.fetched(i)));
    };
    // An internal error is that of one item, which may fail for ever: it must not hold up others.
    if complaint.code == "ErrorInternalServerError" {
        return Ok(Fetched::Unreadable(Trouble::new(complaint.code, complaint.text)));
    }
    match failure::of(complaint, Effect::Read) {
        Failure::Missing(_) => Ok(Fetched::Missing),
        throttled @ Failure::Throttled { .. } => Err(throttled),
        transient @ Failure::Transient(_) => Err(transient),
        Failure::Permanent(trouble)
        | Failure::Unauthorized(trouble)
        | Failure::Stale(trouble)
        | Failure::CursorExpired(trouble)
        | Failure::InDoubt(trouble) => Ok(Fetched::Unreadable(trouble)),
    }
}
