//! The brakes: what a run may do without being asked.

use crate::journal::{BrakeReason, Tally};
use crate::policy::Policy;
use crate::port::Counts;
use crate::state::Head;

/// An emptied side is suspicious from this many items on; below, a person may well have deleted
/// them.
const EMPTIED_FROM: u64 = 2;

/// What a run has done so far, as far as the brakes are concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Run {
    /// The exact number of deletes and rewrites that a person agreed to when the run began. Any
    /// other number is not what they saw.
    pub allowed: Option<u64>,
    /// Deletes and rewrites sent already.
    pub sent: u64,
}

impl Run {
    /// Deletes and rewrites that the run may send in all, once `tally` is judged.
    pub fn permitted(self, tally: &Tally, policy: &Policy, counts: &Counts) -> u64 {
        let limit = policy.brake.limit(counts.links).max(self.allowed.unwrap_or_default());
        limit.max(self.sent.saturating_add(tally.risky(policy.brake)))
    }
}

/// Judges what a run is about to send, together with what it has sent.
pub fn judge(
    tally: &Tally,
    head: &Head,
    policy: &Policy,
    counts: &Counts,
    run: Run,
) -> Option<BrakeReason> {
    let risky = tally.risky(policy.brake);
    if risky == 0 || (run.sent == 0 && run.allowed == Some(risky)) {
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
    // What a person agreed to is on top of nothing: it is the whole of the run.
    let agreed = if run.sent > 0 { run.allowed.unwrap_or_default() } else { 0 };
    (run.sent.saturating_add(risky) > limit.max(agreed)).then_some(BrakeReason::TooMany { limit })
}
