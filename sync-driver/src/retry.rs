//! Retries for calls that happen outside a run, such as listing folders.
//!
//! The policy types are `backoff`'s; the loop is ours, since `backoff::future::retry` never checks
//! the time budget while a server names waits, has no count of attempts, brings all workers back at
//! the same instant, runs its closure before the sleep, and looks at a clock that tests can't turn.

use backoff::backoff::Backoff;
use backoff::{Error, ExponentialBackoff, ExponentialBackoffBuilder};
use std::time::Duration;
use sync_core::port::Failure;
use tokio::time::{Instant, sleep};

/// How long and how often to try.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Attempts at most, the first included.
    pub attempts: u32,
    /// Time at most, waits included.
    pub time: Duration,
    /// Any number; it spreads the waits that servers ask for.
    pub seed: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { attempts: 6, time: Duration::from_secs(120), seed: 0 }
    }
}

/// Calls until it succeeds, fails for good, or a limit is reached.
pub async fn retry<T, F>(limits: Limits, mut call: impl FnMut() -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>>,
{
    let began = Instant::now();
    let mut policy: ExponentialBackoff = ExponentialBackoffBuilder::new()
        .with_initial_interval(Duration::from_millis(500))
        .with_max_interval(Duration::from_secs(30))
        .with_max_elapsed_time(None)
        .build();
    for attempt in 1_u32.. {
        let failure = match call().await {
            Ok(value) => return Ok(value),
            Err(failure) => failure,
        };
        let wait = match classify(failure.clone()) {
            Error::Permanent(failure) => return Err(failure),
            Error::Transient { retry_after: Some(asked), .. } => {
                asked + spread(asked, limits.seed, attempt)
            }
            Error::Transient { retry_after: None, .. } => {
                policy.next_backoff().unwrap_or(policy.max_interval)
            }
        };
        if attempt >= limits.attempts || began.elapsed() + wait > limits.time {
            return Err(failure);
        }
        sleep(wait).await;
    }
    unreachable!("the loop ends by a return")
}

fn classify(failure: Failure) -> Error<Failure> {
    match failure {
        Failure::Throttled { after_ms, .. } => {
            let retry_after = after_ms.map(|ms| Duration::from_millis(ms.max(250)));
            Error::Transient { err: failure, retry_after }
        }
        // Only reads are retried here, so doubt is no harm.
        Failure::Transient(_) | Failure::InDoubt(_) => Error::transient(failure),
        Failure::CursorExpired(_)
        | Failure::Unauthorized(_)
        | Failure::Stale(_)
        | Failure::Missing(_)
        | Failure::Permanent(_) => Error::Permanent(failure),
    }
}

/// Up to a quarter more, so that those who were sent away together don't return together.
fn spread(asked: Duration, seed: u64, attempt: u32) -> Duration {
    let mixed = seed.wrapping_add(u64::from(attempt)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    asked.mul_f64((mixed >> 40) as f64 / (1_u64 << 24) as f64 / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use sync_core::port::Trouble;

    fn throttled(after_ms: Option<u64>) -> Failure {
        Failure::Throttled { after_ms, trouble: Trouble::new("429", "busy") }
    }

    async fn attempts(limits: Limits, failure: Failure) -> (Vec<Duration>, Failure) {
        let began = Instant::now();
        let times = RefCell::new(vec![]);
        let result: Result<(), Failure> = retry(limits, || {
            times.borrow_mut().push(began.elapsed());
            let failure = failure.clone();
            async move { Err(failure) }
        })
        .await;
        (times.into_inner(), result.expect_err("it never succeeds"))
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_s_waits_count_against_the_budget() {
        let limits = Limits { attempts: 100, time: Duration::from_secs(5), seed: 1 };
        let (times, _) = attempts(limits, throttled(Some(2_000))).await;
        assert!(times.len() <= 3, "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_are_counted() {
        let limits = Limits { attempts: 3, time: Duration::from_secs(3_600), seed: 1 };
        assert_eq!(attempts(limits, throttled(Some(1_000))).await.0.len(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn those_sent_away_together_return_apart() {
        let wait = |seed| async move {
            let limits = Limits { attempts: 2, time: Duration::from_secs(3_600), seed };
            attempts(limits, throttled(Some(10_000))).await.0[1]
        };
        let (one, other) = (wait(1).await, wait(2).await);
        assert_ne!(one, other);
        assert!(one >= Duration::from_secs(10) && one <= Duration::from_millis(12_501));
    }

    #[tokio::test(start_paused = true)]
    async fn each_attempt_is_made_after_its_wait() {
        let limits = Limits { attempts: 2, time: Duration::from_secs(60), seed: 0 };
        let (times, _) = attempts(limits, throttled(Some(4_000))).await;
        assert!(times[1] >= Duration::from_secs(4), "{times:?}");
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "the real clock is what must not matter")]
    async fn tokio_s_clock_drives_the_budget() {
        let began = std::time::Instant::now();
        let limits = Limits { attempts: 50, time: Duration::from_secs(600), seed: 0 };
        attempts(limits, throttled(None)).await;
        assert!(began.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_for_good_is_not_tried_again() {
        let failure = Failure::Permanent(Trouble::new("ErrorInvalidRequest", "no"));
        assert_eq!(attempts(Limits::default(), failure).await.0.len(), 1);
    }
}
