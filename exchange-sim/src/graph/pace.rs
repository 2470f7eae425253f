//! The service's limit of requests per mailbox (docs: throttling-limits, Outlook service).

use super::error::Error;
use crate::config::Throttle;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

const REQUESTS_MAX: usize = 10_000;
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// When each mailbox was asked for something during the last ten minutes.
#[derive(Debug, Default)]
pub(crate) struct Pace(BTreeMap<String, VecDeque<Timestamp>>);

impl Pace {
    /// Counts a request, or refuses it.
    pub(super) fn count(
        &mut self,
        throttle: Throttle,
        mailbox: &str,
        now: Timestamp,
    ) -> Result<(), Error> {
        match throttle {
            Throttle::Off => return Ok(()),
            Throttle::Graph2026 => {}
        }
        let times = self.0.entry(mailbox.to_owned()).or_default();
        while times.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            times.pop_front();
        }
        if times.len() >= REQUESTS_MAX {
            let oldest = times.front().copied().unwrap_or(now);
            let wait = (WINDOW - now.duration_since(oldest)).as_secs_f64();
            return Err(Error::throttled(
                "Application is over its MailboxRequestsPerTenMinutes limit.",
                Some(wait.max(1.0)),
            ));
        }
        times.push_back(now);
        Ok(())
    }
}
