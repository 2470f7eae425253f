//! A first run that is killed at each of its requests and commits, one after the other.

use super::chaos::Kill;
use super::stage::{Going, Stage};
use std::fmt::Debug;
use sync_core::engine::Ended;

/// A run of more requests or commits than this goes round in circles.
const STEPS_MAX: u64 = 60;

/// Kills the first run on each stage that `prepare` makes, at one step after the other until one run
/// survives, and lets further runs settle it. `look` says what a side holds: both are to hold what
/// the first one held before.
pub fn leaves_whole<T: PartialEq + Debug>(
    prepare: impl Fn() -> Stage,
    look: impl Fn(&Stage, usize) -> T,
) {
    for kill in [Kill::BeforeRequest, Kill::AfterRequest, Kill::BeforeCommit, Kill::AfterCommit] {
        for n in 1.. {
            let mut stage = prepare();
            let before = look(&stage, 0);
            let killed = stage.run_as(Going { kill: Some(kill(n)), ..Going::default() });
            let survived = killed.is_ok_and(|report| report.ended == Ended::Clean);
            // Until no copy of a request can still arrive.
            stage.pass(1200);
            stage.clean();
            stage.settled();
            for side in [0, 1] {
                assert_eq!(look(&stage, side), before, "{:?} {:?}", stage.setup.kinds, kill(n));
            }
            if survived {
                break;
            }
            assert!(n < STEPS_MAX, "a run of {n} steps");
        }
    }
}
