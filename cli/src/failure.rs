//! What a replica's failure means for the people who run evensync.

use crate::config::Side;
use sync_core::ids::ReplicaId;
use sync_core::port::Failure;

/// What happened on `side`, and what to do about it.
pub fn sentence(replica: ReplicaId, side: &Side, failure: &Failure) -> String {
    let target = side.place.target();
    let endpoint = &side.endpoint;
    let trouble = failure.trouble();
    let (detail, code) = (trouble.detail.trim().trim_end_matches('.'), &trouble.code);
    let whose = format!("{replica}, {side}");
    match failure {
        Failure::Unauthorized(_) => format!(
            "{whose}: {target} does not let us in: {detail} ({code}). Check `auth` in \
             [endpoint.{endpoint}], and what this account may do with {}.",
            side.mailbox
        ),
        Failure::Throttled { after_ms, .. } => {
            let wait = match after_ms {
                Some(ms) => format!("in {} s", ms.div_ceil(1000)),
                None => "later".to_owned(),
            };
            format!("{whose}: {target} asks us to wait: {detail} ({code}). Run again {wait}.")
        }
        Failure::Transient(_) if code == "not-sent" || code == "entra-unreachable" => format!(
            "{whose}: {target} can't be reached: {detail}. Check the address in \
             [endpoint.{endpoint}], the name in DNS, and the network; then run again."
        ),
        Failure::Transient(_) | Failure::InDoubt(_) => format!(
            "{whose}: {target} gives no usable answer: {detail} ({code}). Run again; if it stays \
             so, check that the address in [endpoint.{endpoint}] is that of the service."
        ),
        Failure::CursorExpired(_) | Failure::Stale(_) | Failure::Missing(_) => {
            format!("{whose}: {detail} ({code}). Run again.")
        }
        Failure::Permanent(_) => format!(
            "{whose}: {target} refuses: {detail} ({code}). Check [endpoint.{endpoint}] and the \
             mailbox {}.",
            side.mailbox
        ),
    }
}
