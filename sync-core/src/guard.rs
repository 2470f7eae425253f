//! The brakes: what a run may do without being asked.

use crate::journal::{BrakeReason, Tally};
use crate::policy::Policy;
use crate::port::Counts;
use crate::state::Head;

/// An emptied side is suspicious from this many items on; below, a person may well have deleted
/// them.
const EMPTIED_FROM: u64 = 2;

/// Judges what a run is about to send. `allowed` is the exact number of deletes and rewrites that
/// a person has agreed to; any other number is not what they saw.
pub fn judge(
    tally: &Tally,
    head: &Head,
    policy: &Policy,
    counts: &Counts,
    allowed: Option<u64>,
) -> Option<BrakeReason> {
    let risky = tally.risky();
    if risky == 0 || allowed == Some(risky) {
        return None;
    }
    if head.accepted.as_ref().is_some_and(|accepted| *accepted != head.fingerprint) {
        return Some(BrakeReason::Reconfigured);
    }
    let deletes: u64 = tally.replicas.values().map(|c| c.deletes).sum();
    if deletes > 0 && counts.met >= EMPTIED_FROM {
        let emptied = policy
            .replicas
            .keys()
            .find(|replica| counts.present.get(replica).copied().unwrap_or_default() == 0);
        if let Some(replica) = emptied {
            return Some(BrakeReason::Emptied { replica: *replica });
        }
    }
    let limit = policy.brake.limit(counts.links);
    (risky > limit).then_some(BrakeReason::TooMany { limit })
}
