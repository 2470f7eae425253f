//! Request bodies as they come in: of bounded size, and at no less than a bounded rate.

use super::Limits;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// How long a refused body may go on coming before its connection closes.
const REFUSED: Duration = Duration::from_secs(30);

/// Why a body isn't taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Longer than the service takes.
    TooLong,
    /// It came too slowly, or not at all.
    TooSlow,
    /// The server holds as many bodies as it can.
    Full,
    /// The client went away.
    Gone,
}

/// Reads `body` of at most `max` bytes; the permit stands for its bytes in `memory`.
///
/// What is too long goes on being read and forgotten for a while, so that a client that sends
/// before it reads sees the answer.
pub(super) async fn read<'a>(
    mut body: Incoming,
    max: usize,
    limits: &Limits,
    memory: &'a Semaphore,
) -> Result<(Bytes, Option<SemaphorePermit<'a>>), Refused> {
    if body.size_hint().lower() > max as u64 {
        tokio::spawn(forget(body));
        return Err(Refused::TooLong);
    }
    let mut taken = BytesMut::new();
    let mut permit: Option<SemaphorePermit<'a>> = None;
    let began = Instant::now();
    loop {
        // A pause is bounded, and so is a trickle.
        let worth = Duration::from_secs(taken.len() as u64 / limits.rate.max(1));
        let deadline = (Instant::now() + limits.pause).min(began + limits.pause + worth);
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(None) => return Ok((taken.freeze(), permit)),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Err(Refused::Gone),
            Err(_) => return Err(Refused::TooSlow),
        };
        // Trailers are nobody's business.
        let Ok(data) = frame.into_data() else { continue };
        if taken.len() + data.len() > max {
            tokio::spawn(forget(body));
            return Err(Refused::TooLong);
        }
        let size = u32::try_from(data.len()).map_err(|_| Refused::TooLong)?;
        let more = memory.try_acquire_many(size).map_err(|_| Refused::Full)?;
        match &mut permit {
            Some(permit) => permit.merge(more),
            None => permit = Some(more),
        }
        taken.extend_from_slice(&data);
    }
}

async fn forget(mut body: Incoming) {
    let all = async { while let Some(Ok(_)) = body.frame().await {} };
    let _late = tokio::time::timeout(REFUSED, all).await;
}
