//! How long to wait before trying again.

/// The first wait, where the server names none.
const FIRST_MS: u64 = 1_000;
/// The longest single wait that is our own idea.
const LONGEST_MS: u64 = 60_000;
/// The shortest wait, whatever the server says: a `BackOffMilliseconds` of 0 must not spin.
const SHORTEST_MS: u64 = 250;
/// Attempts in a row without any success before a run gives up.
const ATTEMPTS_MAX: u32 = 8;
/// The longest wait that a run sits through; longer ones are for the next run.
const SERVER_WAIT_MS_MAX: u64 = 10 * 60 * 1_000;

/// Counts failures in a row against one replica.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    attempts: u32,
}

impl Pace {
    /// Something succeeded.
    pub fn succeeded(&mut self) {
        self.attempts = 0;
    }

    /// Something failed without harm: the wait in milliseconds, or `None` to give up. `random` is
    /// any number; it spreads the waits of many runs, also those that a server asked for.
    pub fn failed(&mut self, asked_ms: Option<u64>, random: u64) -> Option<u64> {
        self.attempts += 1;
        if self.attempts > ATTEMPTS_MAX {
            return None;
        }
        let own = FIRST_MS.saturating_mul(1 << (self.attempts - 1)).min(LONGEST_MS);
        match asked_ms {
            Some(asked) if asked > SERVER_WAIT_MS_MAX => None,
            Some(asked) => {
                let least = asked.max(SHORTEST_MS);
                Some(least + random % (least / 4 + 1))
            }
            None => Some(own / 2 + random % (own / 2 + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let mut pace = Pace::default();
        let waits: Vec<u64> = std::iter::from_fn(|| pace.failed(None, 0)).collect();
        assert_eq!(waits.len(), ATTEMPTS_MAX as usize);
        assert!(waits.windows(2).all(|w| w[0] <= w[1]), "{waits:?}");
        pace.succeeded();
        assert_eq!(pace.failed(None, 0), Some(FIRST_MS / 2));
    }

    #[test]
    fn a_server_s_wait_is_kept_and_spread() {
        for random in [0, 1, u64::MAX] {
            let wait = Pace::default().failed(Some(2_128), random);
            assert!(wait.is_some_and(|w| (2_128..=2_660).contains(&w)), "{wait:?}");
        }
    }

    #[test]
    fn zero_does_not_spin() {
        assert!(Pace::default().failed(Some(0), 0) >= Some(SHORTEST_MS));
    }

    #[test]
    fn a_very_long_wait_is_for_the_next_run() {
        assert_eq!(Pace::default().failed(Some(3_600_000), 0), None);
    }
}
