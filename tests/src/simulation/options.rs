//! What a seed stands for. Every seed expands into options that can be printed.

use super::rng::Rng;
use std::collections::BTreeMap;
use sync_core::ids::{Field, ReplicaId};
use sync_core::policy::Rule;

/// Model replicas: the product keeps pairs. The laws of the merge are tested with up to four copies.
const REPLICAS: usize = 2;

/// What a simulated run is like; percentages apply at every opportunity.
#[derive(Debug, Clone)]
pub struct Options {
    /// The replicas.
    pub replicas: Vec<ReplicaOptions>,
    /// The rule for conflicts.
    pub rule: Rule,
    /// Whether only the first replica is a source.
    pub one_way: bool,
    /// Items on each replica before the first run.
    pub items: u64,
    /// Of these, how many stand on all replicas already.
    pub shared_percent: u64,
    /// Runs during which people act and things fail.
    pub runs: u32,
    /// How often a person acts between two steps.
    pub people_percent: u64,
    /// How often a person acts at all.
    pub actions: u64,
    /// How often an original arrives by itself where we may have made a copy.
    pub twin_percent: u64,
    /// How often a copy of a person has fields that nobody else may write, and how often they change.
    pub fixed_percent: u64,
    /// How often a request is lost, applied without an answer, delayed or throttled.
    pub fault_percent: u64,
    /// How often the process is killed at a step, in thousandths.
    pub kill_permille: u64,
    /// How often a version changes without any content changing.
    pub churn_percent: u64,
    /// How often a cursor is forgotten.
    pub expiry_percent: u64,
}

/// What a model replica is like.
#[derive(Debug, Clone)]
pub struct ReplicaOptions {
    /// Whether it recognises a create that is sent twice.
    pub dedupes: bool,
    /// Whether it rewrites bodies.
    pub rewrites: bool,
    /// Whether it can hold tags.
    pub holds_tags: bool,
    /// Whether each tag takes a request of its own.
    pub late_tags: bool,
    /// Whether it says that a new subject or body takes late tags away, as a new pattern does a
    /// series' exceptions.
    pub drops_tags: bool,
    /// Of these, the fields that do.
    pub drops_on: [bool; 2],
    /// Whether tags that are late and dropped have no place under some subjects, as a series has no
    /// exception on a date that its pattern lacks.
    pub strict: bool,
    /// Whether a restored item gets a new id.
    pub renames: bool,
    /// Changes in a page.
    pub page: u64,
    /// Whether pages carry items whole.
    pub whole: bool,
}

impl Options {
    /// What `seed` stands for.
    pub fn of(seed: u64) -> Self {
        let rng = &mut Rng::new(seed ^ 0x5eed_0f09_7105_0000);
        let mut replicas: Vec<_> = (0..REPLICAS).map(|_| ReplicaOptions::draw(rng)).collect();
        // What only one can hold, nobody could give back to it.
        let all_hold = replicas.iter().all(|replica| replica.holds_tags);
        replicas.iter_mut().for_each(|replica| replica.drops_tags &= all_hold);
        let rules = [
            Rule::Prefer(ReplicaId::A),
            Rule::Prefer(ReplicaId::B),
            Rule::Newest,
            Rule::Hold,
            Rule::KeepBoth,
        ];
        let quiet = rng.percent(20);
        let rule = rng.pick(&rules).copied().unwrap_or(Rule::Hold);
        Self {
            replicas,
            rule,
            one_way: rng.percent(8),
            items: rng.below(5),
            shared_percent: if rng.percent(30) { 50 } else { 0 },
            runs: 1 + u32::try_from(rng.below(4)).unwrap_or_default(),
            people_percent: [0, 3, 8, 15][usize::try_from(rng.below(4)).unwrap_or_default()],
            actions: 2 + rng.below(14),
            // A fork has the identity of its item, so an original may be taken for either's.
            twin_percent: if rng.percent(15) && rule != Rule::KeepBoth { 15 } else { 0 },
            fixed_percent: if rng.percent(25) { 20 } else { 0 },
            fault_percent: if quiet { 0 } else { rng.below(20) },
            kill_permille: if quiet { 0 } else { rng.below(60) },
            churn_percent: rng.below(10),
            expiry_percent: rng.below(6),
        }
    }

    /// The rules by field.
    pub(crate) fn rules(&self) -> BTreeMap<Field, Rule> {
        BTreeMap::new()
    }
}

impl ReplicaOptions {
    fn draw(rng: &mut Rng) -> Self {
        Self {
            dedupes: rng.percent(50),
            rewrites: rng.percent(50),
            holds_tags: rng.percent(85),
            late_tags: rng.percent(50),
            drops_tags: rng.percent(60),
            drops_on: [rng.percent(70), rng.percent(50)],
            strict: rng.percent(60),
            renames: rng.percent(50),
            page: 1 + rng.below(4),
            whole: rng.percent(50),
        }
    }
}
