//! What a user may ask of a mailbox: at a time, and over time (MS docs: EWS throttling).

use super::fault::{Fault, back_off};
use super::soap::Envelope;
use super::xml::Element;
use crate::config::{EwsPolicy, Throttle};
use crate::slots::{Slots, Taken};
use crate::store::World;
use crate::{Connection, Reply, Request};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long to wait where too many synchronise (mustang#121).
const SYNC_BACK_OFF_MS: u64 = 5_000;

/// Budgets by mailbox.
#[derive(Debug, Default)]
pub(crate) struct Budgets {
    balances: BTreeMap<String, Balance>,
    under_way: Arc<Slots>,
}

/// A request under way, until it is dropped; travels with the answer as an extension.
#[derive(Debug, Clone)]
pub(crate) struct UnderWay {
    _slots: Arc<Vec<Taken>>,
}

/// Milliseconds of work that may still be asked for; below zero on credit.
#[derive(Debug)]
struct Balance {
    ms: f64,
    at: Timestamp,
}

/// Takes a request's cost and its place, or refuses it.
pub(super) fn admit(
    world: &mut World,
    request: &Request,
    envelope: &Envelope,
    mailbox: &str,
) -> Result<Option<UnderWay>, Fault> {
    match world.config.throttle {
        Throttle::Off => return Ok(None),
        Throttle::Graph2026 | Throttle::Graph2026Fixed => {}
    }
    let (policy, now) = (world.config.ews_policy, world.now());
    let budgets = &mut world.budgets;
    // In process nothing is at a time.
    let over_a_connection = request.extensions().get::<Connection>().is_some();
    let under_way = match over_a_connection {
        true => Some(budgets.enter(&policy, mailbox, envelope.operation())?),
        false => None,
    };
    budgets.spend(&policy, mailbox, envelope.parts(), now)?;
    Ok(under_way)
}

/// Ties a request's place to its answer.
pub(super) fn hold(reply: Reply, under_way: Option<UnderWay>) -> Reply {
    match (reply, under_way) {
        (Reply::Respond { mut response, delay_ms }, Some(under_way)) => {
            response.extensions_mut().insert(under_way);
            Reply::Respond { response, delay_ms }
        }
        (reply, _) => reply,
    }
}

impl Budgets {
    fn enter(&self, policy: &EwsPolicy, mailbox: &str, operation: &str) -> Result<UnderWay, Fault> {
        let take = |part: &str, max| self.under_way.take(format!("{mailbox} {part}"), 1, max);
        let mut slots = Vec::new();
        // What streams has limits of its own.
        if operation != "GetStreamingEvents" {
            slots.push(take("all", policy.concurrency));
        }
        if slots.iter().any(|taken| taken.count == 0) {
            return Err(too_many_connections(policy.concurrency));
        }
        if operation.starts_with("SyncFolder") {
            slots.push(take("sync", policy.sync_calls));
        }
        if slots.iter().any(|taken| taken.count == 0) {
            let explained = explanation("ConcurrentSyncCalls", policy.sync_calls, SYNC_BACK_OFF_MS);
            let back_off = back_off(SYNC_BACK_OFF_MS);
            return Err(Fault::busy(None).with_details(vec![back_off, explained]));
        }
        Ok(UnderWay { _slots: Arc::new(slots) })
    }

    fn spend(
        &mut self,
        policy: &EwsPolicy,
        mailbox: &str,
        parts: usize,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let full = f64::from(policy.burst_ms);
        let balance =
            self.balances.entry(mailbox.to_owned()).or_insert(Balance { ms: full, at: now });
        let rate = f64::from(policy.recharge_ms) / 3600.0;
        let seconds = now.duration_since(balance.at).as_secs_f64();
        balance.ms = full.min(balance.ms + seconds * rate);
        balance.at = now;
        let missing = -f64::from(policy.cutoff_ms) - balance.ms;
        if missing >= 0.0 {
            let wait = (missing + f64::from(policy.request_ms.max(1))) / rate.max(f64::EPSILON);
            return Err(Fault::busy(Some((wait * 1000.0).ceil() as u64)));
        }
        balance.ms -= f64::from(policy.request_ms) + f64::from(policy.part_ms) * parts as f64;
        Ok(())
    }
}

/// As Exchange Online words it (ews-managed-api#293).
fn too_many_connections(limit: usize) -> Fault {
    let value = |name: &str, text: &str| Element::t_text("Value", text).attr("Name", name);
    let message = "You have exceeded the available concurrent connections for your account.  Try \
                   again once your other requests have completed.";
    Fault::new("ErrorExceededConnectionCount", message).with_details(vec![
        value("Policy", "MaxConcurrency"),
        value("MaxConcurrencyLimit", &limit.to_string()),
        explanation("MaxConcurrency", limit, 0),
    ])
}

fn explanation(part: &str, limit: usize, back_off_ms: u64) -> Element {
    let text = format!(
        "This operation exceeds the throttling budget for policy part '{part}', policy value \
         '{limit}',  Budget type: 'Ews'.  Suggested backoff time {back_off_ms} ms."
    );
    Element::t_text("Value", text).attr("Name", "ErrorMessage")
}
