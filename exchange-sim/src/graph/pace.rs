//! The service's limits per mailbox over time (docs: throttling-limits, Outlook service).

use super::error::Error;
use crate::Request;
use crate::config::Throttle;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

const REQUESTS: Limit = Limit {
    max: 10_000,
    window: SignedDuration::from_mins(10),
    name: "MailboxRequestsPerTenMinutes",
};
/// Bytes of bodies of POST, PATCH and PUT.
const UPLOAD: Limit = Limit {
    max: 150 * 1024 * 1024,
    window: SignedDuration::from_mins(5),
    name: "MailboxUploadPerFiveMinutes",
};

/// So much in so long a time.
struct Limit {
    max: u64,
    window: SignedDuration,
    /// As the refusal calls it.
    name: &'static str,
}

/// What was asked of each mailbox lately.
#[derive(Debug, Default)]
pub(crate) struct Pace(BTreeMap<String, (Spent, Spent)>);

impl Pace {
    /// Counts a request and what it uploads, or refuses it; what is refused doesn't count.
    pub(super) fn count(
        &mut self,
        throttle: Throttle,
        mailbox: &str,
        request: &Request,
        now: Timestamp,
    ) -> Result<(), Error> {
        let sliding = match throttle {
            Throttle::Off => return Ok(()),
            Throttle::Graph2026 => true,
            Throttle::Graph2026Fixed => false,
        };
        let writes = [Method::POST, Method::PATCH, Method::PUT].contains(request.method());
        let bytes = if writes { request.body().len() as u64 } else { 0 };
        let (requests, upload) = self.0.entry(mailbox.to_owned()).or_default();
        requests.check(&REQUESTS, 1, sliding, now)?;
        upload.check(&UPLOAD, bytes, sliding, now)?;
        requests.add(1, now);
        upload.add(bytes, now);
        Ok(())
    }
}

/// What was spent within a window, and when.
#[derive(Debug, Default)]
struct Spent {
    parts: VecDeque<(Timestamp, u64)>,
    total: u64,
}

impl Spent {
    /// Forgets what lies outside the window, and refuses what doesn't fit into it.
    fn check(
        &mut self,
        limit: &Limit,
        amount: u64,
        sliding: bool,
        now: Timestamp,
    ) -> Result<(), Error> {
        let left = |at: Timestamp| limit.window - now.duration_since(at);
        if sliding {
            while self.parts.front().is_some_and(|(at, _)| left(*at) <= SignedDuration::ZERO) {
                self.total -= self.parts.pop_front().map_or(0, |(_, amount)| amount);
            }
        } else if self.parts.front().is_some_and(|(at, _)| left(*at) <= SignedDuration::ZERO) {
            *self = Self::default();
        }
        if amount == 0 || self.total + amount <= limit.max {
            return Ok(());
        }
        let mut wait = self.parts.front().map_or(limit.window, |(at, _)| left(*at));
        if sliding {
            // Until enough of it lies outside.
            let mut total = self.total;
            for (at, part) in &self.parts {
                wait = left(*at);
                total -= part;
                if total + amount <= limit.max {
                    break;
                }
            }
        }
        let message = format!("Application is over its {} limit.", limit.name);
        Err(Error::throttled(&message, Some(wait.as_secs_f64().max(1.0))))
    }

    fn add(&mut self, amount: u64, now: Timestamp) {
        match self.parts.back_mut() {
            _ if amount == 0 => return,
            Some((at, sum)) if *at == now => *sum += amount,
            Some(_) | None => self.parts.push_back((now, amount)),
        }
        self.total += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::constant(1_795_593_600, 0);

    fn after(seconds: i64) -> Timestamp {
        START + SignedDuration::from_secs(seconds)
    }

    fn request(method: Method, bytes: usize) -> Request {
        let request = http::Request::builder().method(method);
        request.body(vec![0; bytes].into()).expect("a request")
    }

    /// How long the refusal says to wait; `None` where it was let through.
    fn wait(pace: &mut Pace, throttle: Throttle, request: &Request, second: i64) -> Option<f64> {
        let counted = pace.count(throttle, "a", request, after(second));
        counted.err().map(|error| error.retry_after.expect("a wait"))
    }

    #[test]
    fn windows_slide_or_end_whole() {
        let get = request(Method::GET, 0);
        for (throttle, later) in [(Throttle::Graph2026, 300.0), (Throttle::Graph2026Fixed, 0.0)] {
            let mut pace = Pace::default();
            assert_eq!(wait(&mut pace, throttle, &get, 0), None);
            for _ in 1..10_000 {
                assert_eq!(wait(&mut pace, throttle, &get, 300), None);
            }
            assert_eq!(wait(&mut pace, throttle, &get, 301), Some(299.0));
            assert_eq!(pace.count(throttle, "b", &get, after(301)), Ok(()));
            // A sliding window has room for one again, a fixed one for all.
            assert_eq!(wait(&mut pace, throttle, &get, 600), None);
            assert_eq!(wait(&mut pace, throttle, &get, 600).unwrap_or(0.0), later);
        }
    }

    #[test]
    fn uploads_have_a_limit_of_their_own() {
        let megabytes = |n: usize| request(Method::PUT, n * 1024 * 1024);
        let mut pace = Pace::default();
        let throttle = Throttle::Graph2026;
        assert_eq!(wait(&mut pace, throttle, &megabytes(100), 0), None);
        assert_eq!(wait(&mut pace, throttle, &megabytes(50), 10), None);
        assert_eq!(wait(&mut pace, throttle, &megabytes(1), 20), Some(280.0));
        assert_eq!(wait(&mut pace, throttle, &megabytes(110), 20), Some(290.0));
        assert_eq!(wait(&mut pace, throttle, &request(Method::GET, 9), 20), None);
        assert_eq!(wait(&mut pace, throttle, &megabytes(1), 300), None);
    }
}
