//! What is planned, before anything is sent, and what stands at the end.

use super::{Engine, Mode, Step, Stop};
use crate::identify::{self, Identity};
use crate::ids::{CollectionId, LinkId};
use crate::journal::{Entry, Plan, Reason, Tally};
use crate::plan::{self, Verdict};
use crate::port::Query;
use crate::state::Link;
use crate::value::IdentityKey;
use std::collections::{BTreeMap, BTreeSet};

/// Passes over the links that could be the same item as another.
const IDENTIFY_PASSES_MAX: u32 = 8;

impl Engine<'_> {
    /// Joins links that are one item. A link takes part in one decision a pass, so another follows
    /// until nothing is found.
    pub(super) fn identify(&mut self) -> Result<(), Stop> {
        for _ in 0..IDENTIFY_PASSES_MAX {
            if !self.identify_once()? {
                break;
            }
        }
        Ok(())
    }

    fn identify_once(&mut self) -> Result<bool, Stop> {
        let mut found = false;
        let mut after = None;
        loop {
            let links = self.attention(after)?;
            let Some(last) = links.last() else { return Ok(found) };
            after = Some(last.id);
            let unmet: Vec<Link> = links.into_iter().filter(identify::is_unmet).collect();
            let mut groups: BTreeMap<CollectionId, Vec<Link>> = BTreeMap::new();
            for link in unmet {
                groups.entry(link.collection.clone()).or_default().push(link);
            }
            for (collection, links) in groups {
                found |= self.identify_group(collection, &links)?;
            }
        }
    }

    fn identify_group(&mut self, collection: CollectionId, links: &[Link]) -> Result<bool, Stop> {
        let keys: BTreeSet<&IdentityKey> = links.iter().flat_map(Link::identity).collect();
        let others = self.links(Query::Identity {
            pair: self.order.pair.clone(),
            collection,
            keys: keys.into_iter().cloned().collect(),
        })?;
        let mut by_key: BTreeMap<&IdentityKey, Vec<&Link>> = BTreeMap::new();
        for other in &others {
            for key in other.identity() {
                by_key.entry(key).or_default().push(other);
            }
        }
        let mut entries = vec![];
        let mut joined: BTreeSet<LinkId> = BTreeSet::new();
        for link in links {
            if joined.contains(&link.id) {
                continue;
            }
            let mut sharing: BTreeMap<LinkId, Link> = BTreeMap::new();
            for other in link.identity().into_iter().flat_map(|key| &by_key[key]) {
                sharing.insert(other.id, (*other).clone());
            }
            let sharing: Vec<Link> = sharing.into_values().collect();
            match identify::identify(link, &sharing) {
                Identity::Own => {
                    if matches!(link.held, Some(Reason::Twin { .. } | Reason::Ambiguous)) {
                        entries.push(Entry::Released { link: link.id });
                    }
                }
                Identity::Same { link, absorbed, by } => {
                    if !joined.contains(&link) && !joined.contains(&absorbed) {
                        joined.extend([link, absorbed]);
                        entries.push(Entry::Matched { link, absorbed, by });
                    }
                }
                Identity::Twin { link: ours, replica } => {
                    let known =
                        sharing.iter().find(|other| other.id == ours).is_some_and(|other| {
                            other.twin.is_some_and(|twin| twin.original == link.id)
                        });
                    let waits = known && link.held == Some(Reason::Twin { of: ours });
                    if !waits && joined.insert(ours) {
                        let original = link.id;
                        entries.push(Entry::Twinned { link: ours, replica, original });
                    }
                }
                Identity::Waits { of } => {
                    let reason = Reason::Twin { of };
                    if link.held.as_ref() != Some(&reason) {
                        entries.push(Entry::Held { link: link.id, reason });
                    }
                }
                Identity::Unclear if link.held == Some(Reason::Ambiguous) => {}
                Identity::Unclear => {
                    entries.push(Entry::Held { link: link.id, reason: Reason::Ambiguous });
                }
            }
        }
        let found = !entries.is_empty();
        if found {
            self.commit(entries, vec![])?;
        }
        Ok(found)
    }

    /// Counts everything that would be written, and lists it where a plan was asked for.
    pub(super) fn tally(&mut self) -> Result<Tally, Stop> {
        let mut tally = Tally::default();
        let mut after = None;
        loop {
            let links = self.attention(after)?;
            let Some(last) = links.last() else { return Ok(tally) };
            after = Some(last.id);
            for link in &links {
                let decision = plan::decide(link, &self.order.configured.policy);
                let risked = |plan: &&Plan| !plan::completes(link, plan);
                decision.plans.iter().filter(risked).for_each(|plan| tally.count(plan));
                let fork = |v: &&Verdict| matches!(v, Verdict::Fork(_));
                let forks = decision.verdicts.iter().filter(fork).count();
                for replica in self.order.configured.policy.replicas.keys() {
                    tally.add_creates(*replica, forks as u64);
                }
                if self.order.mode == Mode::DryRun && !decision.is_empty() {
                    self.report.steps.push(Step { link: link.id, decision });
                }
            }
        }
    }

    /// Whether something is left to do that this run has given up on.
    pub(super) fn is_left(&mut self) -> Result<bool, Stop> {
        let mut after = None;
        loop {
            let links = self.attention(after)?;
            let Some(last) = links.last() else { return Ok(false) };
            after = Some(last.id);
            let policy = &self.order.configured.policy;
            if links.iter().any(|link| !plan::decide(link, policy).is_empty()) {
                return Ok(true);
            }
        }
    }

    /// What stands at the end of the run.
    pub(super) fn survey(&mut self) -> Result<(), Stop> {
        let counts = self.counts()?;
        let replicas: Vec<_> = self.order.configured.policy.replicas.keys().copied().collect();
        for replica in replicas {
            let present = counts.present.get(&replica).copied().unwrap_or_default();
            let side = self.report.side(replica);
            side.unchanged = present.saturating_sub(side.created + side.updated);
        }
        self.report.open_conflicts = self.open_conflicts()?;
        self.report.held = self.links(Query::Held(self.order.pair.clone()))?;
        self.report.undecided = self.open()?.len();
        Ok(())
    }
}
