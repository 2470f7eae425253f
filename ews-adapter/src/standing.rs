//! Items as they stand now: series with their exceptions, which take a read of their own.

use crate::batch::{Brake, ITEMS_MAX};
use crate::failure::Effect;
use crate::map::event::{self, Reading, Standing};
use crate::map::series::{self, Exception};
use crate::ops::get_item::{self, Shape};
use crate::soap::{Element, Message};
use crate::transport::Call;
use crate::{EwsRemote, batch, failure, ops};
use items::Event;
use sync_core::port::{Failure, Fetched, Trouble};

/// An item, or what became of reading it.
pub(crate) type Read = Result<Standing, Fetched>;

/// Reads items by their ids; results stand in their order.
pub(crate) async fn read(
    remote: &EwsRemote,
    reading: Reading<'_>,
    ids: &[&str],
    brake: &Brake,
) -> Result<Vec<Read>, Failure> {
    let shape = match remote.files {
        Some(_) => Shape::EventWithAttachments(&remote.property),
        None => Shape::Event(&remote.property),
    };
    let mut items = get_all(remote, (shape, ids), brake, |item| reading.standing(item)).await?;
    let exceptions: Vec<Exception> =
        items.iter().flatten().flat_map(|standing| standing.exceptions.clone()).collect();
    let ids: Vec<&str> = exceptions.iter().map(|exception| exception.id.as_str()).collect();
    let take = |item: &Element| event::event(item).map_err(Fetched::Unreadable);
    // What is attached to an occurrence isn't synchronised.
    let asked = (Shape::Event(&remote.property), &ids[..]);
    let mut read = get_all(remote, asked, brake, take).await?.into_iter();
    for item in &mut items {
        if let Ok(standing) = item {
            let own = std::mem::take(&mut standing.exceptions);
            let events = read.by_ref().take(own.len());
            if let Err(trouble) = complete(&mut standing.event, own.into_iter().zip(events)) {
                *item = Err(Fetched::Unreadable(trouble));
            }
        }
    }
    Ok(items)
}

/// Adds its exceptions to a series.
fn complete(
    series: &mut Event,
    exceptions: impl Iterator<Item = (Exception, Result<Event, Fetched>)>,
) -> Result<(), Trouble> {
    // All are taken, or the next series would get what is left.
    let exceptions: Vec<_> = exceptions.collect();
    for (exception, read) in exceptions {
        let event = read.map_err(|fetched| unreadable(fetched, &exception))?;
        let event = series::in_zones_of(series, event);
        let difference = series.difference(exception.date, &event);
        let occurrences = series.occurrences.get_or_insert_default();
        occurrences.extend(difference.map(|own| (exception.date, own)));
    }
    Ok(())
}

/// A series of which an exception can't be read is not known: it would seem to have none.
fn unreadable(fetched: Fetched, exception: &Exception) -> Trouble {
    let (code, why) = match fetched {
        Fetched::Unreadable(trouble) => (trouble.code, trouble.detail),
        Fetched::Missing | Fetched::Outside | Fetched::Found(_) => {
            ("occurrence-missing".to_owned(), "it is not there any more".to_owned())
        }
    };
    let detail = format!("its occurrence of {} can't be read: {why}", exception.date);
    Trouble::new(code, detail)
}

/// Reads in one request: in further ones where the server stops in the middle of it, in smaller
/// ones where it can't answer for all of it at once.
async fn get_all<T>(
    remote: &EwsRemote,
    (shape, ids): (Shape<'_>, &[&str]),
    brake: &Brake,
    take: impl Fn(&Element) -> Result<T, Fetched>,
) -> Result<Vec<Result<T, Fetched>>, Failure> {
    let mut results = Vec::with_capacity(ids.len());
    let mut size = ITEMS_MAX;
    while results.len() < ids.len() {
        if let Some(failure) = brake.pulled() {
            return Err(failure);
        }
        let waiting = &ids[results.len()..];
        let asked = &waiting[..size.min(waiting.len())];
        let (read, failure) = get(remote, (shape, asked), &take).await;
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

/// Reads with one request, up to the first item that the server has no time for.
async fn get<T>(
    remote: &EwsRemote,
    (shape, ids): (Shape<'_>, &[&str]),
    take: &impl Fn(&Element) -> Result<T, Fetched>,
) -> (Vec<Result<T, Fetched>>, Option<Failure>) {
    let body = get_item::request(ids.iter().copied(), shape);
    let call = Call { operation: "GetItem", effect: Effect::Read, zone: None, body: &body };
    let read = |messages: Vec<Message<'_>>| {
        let mut results = Vec::with_capacity(messages.len());
        for message in messages {
            match item(message) {
                Ok(item) => results.push(item.and_then(take)),
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

/// The item in one response message; `Err` where it says nothing of the item.
fn item(message: Message<'_>) -> Result<Result<&Element, Fetched>, Failure> {
    let Some(complaint) = message.complaint else {
        let no_item = || Trouble::new("no-item", "the server's answer has no item in it");
        return Ok(ops::item(message.element).ok_or_else(|| Fetched::Unreadable(no_item())));
    };
    // An internal error is that of one item, which may fail for ever: it must not hold up others.
    if complaint.code == "ErrorInternalServerError" {
        return Ok(Err(Fetched::Unreadable(Trouble::new(complaint.code, complaint.text))));
    }
    match failure::of(complaint, Effect::Read) {
        Failure::Missing(_) => Ok(Err(Fetched::Missing)),
        throttled @ Failure::Throttled { .. } => Err(throttled),
        transient @ Failure::Transient(_) => Err(transient),
        Failure::Permanent(trouble)
        | Failure::Unauthorized(trouble)
        | Failure::Stale(trouble)
        | Failure::CursorExpired(trouble)
        | Failure::InDoubt(trouble) => Ok(Err(Fetched::Unreadable(trouble))),
    }
}
