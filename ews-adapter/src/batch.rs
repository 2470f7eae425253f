//! Several items in a request, several requests at a time.

use crate::failure::{self, Effect};
use crate::soap::{self, Element, Message};
use crate::transport::{Call, Caller};
use futures_util::StreamExt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use sync_core::port::{Failure, Trouble};

/// Most items in one request. Exchange looks at the budget after each, and ends a request after one
/// minute (MS docs: EWS throttling).
pub(crate) const ITEMS_MAX: usize = 50;
/// Most requests of one mailbox at a time.
const CONCURRENT_MAX: usize = 4;

/// Runs futures, at most [`CONCURRENT_MAX`] at a time; results stand in their order.
pub(crate) async fn concurrently<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    futures_util::stream::iter(futures).buffered(CONCURRENT_MAX).collect().await
}

/// Sends one operation on `count` items and hands over its response messages, one for each.
///
/// An answer with another number of messages can't be matched to items and is in doubt as a whole.
pub(crate) async fn exchange<T>(
    caller: &Caller,
    call: Call<'_>,
    count: usize,
    read: impl FnOnce(Vec<Message<'_>>) -> T,
) -> Result<T, Failure> {
    let (operation, effect) = (call.operation, call.effect);
    let payload = caller.call(call).await?;
    let messages = soap::messages(&payload);
    if messages.len() != count {
        return Err(unmatched(operation, effect, messages.len(), count));
    }
    Ok(read(messages))
}

/// Sends one operation that has a single response message.
pub(crate) async fn single<T>(
    caller: &Caller,
    call: Call<'_>,
    read: impl FnOnce(&Element) -> Option<T>,
) -> Result<T, Failure> {
    let (operation, effect) = (call.operation, call.effect);
    let read = |mut messages: Vec<Message<'_>>| {
        let message = messages.pop().ok_or_else(|| unmatched(operation, effect, 0, 1))?;
        match message.complaint {
            Some(complaint) => Err(failure::of(complaint, effect)),
            None => read(message.element).ok_or_else(|| {
                let detail = format!("the answer to {operation} lacks what it must have");
                effect.doubt(Trouble::new("malformed-answer", detail))
            }),
        }
    };
    exchange(caller, call, 1, read).await?
}

fn unmatched(operation: &str, effect: Effect, got: usize, count: usize) -> Failure {
    let detail = format!("{operation} on {count} items was answered for {got}");
    effect.doubt(Trouble::new("malformed-answer", detail))
}

/// Stops what has not been sent yet, once the server asked for a pause or refused the account.
#[derive(Debug, Default)]
pub(crate) struct Brake(Mutex<Option<Failure>>);

impl Brake {
    /// Stops if this failure concerns more than what it was the answer to.
    pub(crate) fn note(&self, failure: &Failure) {
        if failure::stops_all(failure) {
            let mut pulled = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pulled.get_or_insert_with(|| failure.clone());
        }
    }

    /// Why nothing may be sent any more, if so.
    pub(crate) fn pulled(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
