//! Decisions go out: each is committed before its first byte leaves.

use super::observe::CHUNK;
use super::{Effect, Ended, Engine, Event, Stop, WrittenNow};
use crate::ids::{FolderId, LinkId, ReplicaId};
use crate::journal::{Applied, Entry, Intent, NotApplied, Op, Outcome, Proof};
use crate::plan::{self, Verdict};
use crate::port::{Blob, Failure, Trouble};
use crate::state::Link;
use std::collections::{BTreeMap, BTreeSet};

/// Passes over what wants attention before the run pulls again. A link takes one write a pass.
const PASSES_MAX: u32 = 16;
/// Failed attempts at one link in a run before it is left to the next one.
const ATTEMPTS_MAX: u32 = 3;

/// What a batch of writes came to.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    blobs: Vec<Blob>,
    /// The failure of the whole that matters most, by replica.
    failed: BTreeMap<ReplicaId, Failure>,
    /// Replicas that accepted something.
    accepts: BTreeSet<ReplicaId>,
}

impl Engine<'_> {
    /// Writes until nothing is left to write. `Some` where the run can't go on.
    pub(super) fn act(&mut self) -> Result<Option<Ended>, Stop> {
        for _ in 0..PASSES_MAX {
            let mut wrote = false;
            let mut after = None;
            loop {
                let links = self.attention(after)?;
                let Some(last) = links.last() else { break };
                after = Some(last.id);
                match self.act_on(links)? {
                    Acted::Ended(ended) => return Ok(Some(*ended)),
                    Acted::Wrote => wrote = true,
                    Acted::Nothing => {}
                }
            }
            if !wrote {
                return Ok(None);
            }
            if let Some(ended) = self.read_unread()? {
                return Ok(Some(ended));
            }
            // A copy that yielded leaves its link to the original.
            self.identify()?;
        }
        Ok(None)
    }

    fn act_on(&mut self, links: Vec<Link>) -> Result<Acted, Stop> {
        debug_assert!(links.len() <= CHUNK, "chunks are bounded");
        let mut entries = vec![];
        let mut risky = 0;
        let mut writes: BTreeMap<ReplicaId, Vec<(FolderId, Intent)>> = BTreeMap::new();
        for link in links {
            if self.attempts.get(&link.id).is_some_and(|n| *n >= ATTEMPTS_MAX) {
                continue;
            }
            let decision = self.decide(&link);
            for verdict in decision.verdicts {
                let entry = self.verdict(link.id, verdict);
                entries.push(entry);
            }
            let Some(plan) = decision.plans.into_iter().next() else { continue };
            let Some(folder) = self.folder(&link.collection, plan.replica) else { continue };
            let brake = self.order.configured.policy.brake;
            let completes = plan::completes(&link, &plan);
            if brake.counts(&plan.op) && !completes {
                // What came up since the brakes judged is for them to judge next time.
                if self.report.risky(brake) + risky >= self.permitted {
                    continue;
                }
                risky += 1;
            }
            let intent = Intent { key: self.new_key(), plan };
            if completes {
                self.completing.insert(intent.key.clone());
            }
            entries.push(Entry::Intended(intent.clone()));
            writes.entry(intent.plan.replica).or_default().push((folder, intent));
        }
        if entries.is_empty() {
            return Ok(Acted::Nothing);
        }
        self.commit(entries, vec![])?;
        if writes.is_empty() {
            return Ok(Acted::Wrote);
        }
        self.write(writes)
    }

    fn decide(&self, link: &Link) -> plan::Decision {
        plan::decide(link, &self.order.configured.policy)
    }

    fn verdict(&mut self, link: LinkId, verdict: Verdict) -> Entry {
        match verdict {
            Verdict::Agree(fields) => Entry::Agreed { link, fields },
            Verdict::Conflict(conflicted) => {
                self.report.conflicts += 1;
                Entry::Conflicted(*conflicted)
            }
            Verdict::Fork(origin) => Entry::Forked { link: self.new_link(), from: link, origin },
            Verdict::Hold(reason) => Entry::Held { link, reason },
        }
    }

    /// Performs committed intents on all replicas at once, and records what became of them.
    fn write(
        &mut self,
        writes: BTreeMap<ReplicaId, Vec<(FolderId, Intent)>>,
    ) -> Result<Acted, Stop> {
        let effects = writes
            .iter()
            .map(|(replica, intents)| Effect::Write { replica: *replica, intents: intents.clone() })
            .collect();
        let events = self.world.perform(effects)?;
        let mut batch = Batch::default();
        for ((replica, intents), event) in writes.into_iter().zip(events) {
            let Event::Written(results) = event else { return Err(Stop::Confused("a write")) };
            if results.len() != intents.len() {
                return Err(Stop::Confused("a write"));
            }
            if results.iter().any(Result::is_ok) {
                batch.accepts.insert(replica);
                self.succeeded(replica);
            }
            for ((_, intent), result) in intents.into_iter().zip(results) {
                self.settle(replica, &intent, result, &mut batch);
            }
        }
        self.record(batch)
    }

    /// Sends again what is safe to send again: creates that their server recognises by their key.
    pub(super) fn resend(
        &mut self,
        replica: ReplicaId,
        intents: Vec<(FolderId, Intent)>,
    ) -> Result<Option<Ended>, Stop> {
        for (_, intent) in &intents {
            self.doubted.insert(intent.key.clone(), self.now_ms);
        }
        match self.write(BTreeMap::from([(replica, intents)]))? {
            Acted::Ended(ended) => Ok(Some(*ended)),
            Acted::Wrote | Acted::Nothing => Ok(None),
        }
    }

    fn settle(
        &mut self,
        replica: ReplicaId,
        intent: &Intent,
        result: Result<WrittenNow, Failure>,
        batch: &mut Batch,
    ) {
        let link = intent.plan.link;
        let outcome = match result {
            Ok(written) => {
                match self.completing.remove(&intent.key) {
                    true => self.report.side(replica).completed += 1,
                    false => self.report.count(replica, &intent.plan.op),
                }
                let content = written.content.map(|blob| {
                    let digest = blob.digest;
                    batch.blobs.push(blob);
                    digest
                });
                // What answers to a create sent again may have been changed or deleted since the
                // first: it is read before it counts.
                let proof = if self.doubted.contains_key(&intent.key) {
                    Proof::Stamp
                } else {
                    Proof::Answered { version: written.version, content }
                };
                Outcome::Applied(Applied { id: written.id, proof })
            }
            // Who may write may write: a denial concerns this item, unless it concerns all.
            Err(Failure::Unauthorized(trouble))
                if batch.accepts.contains(&replica) && !self.doubted.contains_key(&intent.key) =>
            {
                Outcome::NotApplied(self.refused(intent, &trouble))
            }
            Err(failure) => match self.not_applied(intent, &failure) {
                Some(outcome) => {
                    batch.fail(replica, failure);
                    Outcome::NotApplied(outcome)
                }
                None => {
                    self.doubted.insert(intent.key.clone(), self.now_ms);
                    self.report.doubts += 1;
                    batch.fail(replica, failure);
                    return;
                }
            },
        };
        batch.entries.push(Entry::Settled { link, key: intent.key.clone(), outcome });
    }

    /// What a failed write came to; `None` while it is in doubt.
    fn not_applied(&mut self, intent: &Intent, failure: &Failure) -> Option<NotApplied> {
        let mut again = |outcome| {
            *self.attempts.entry(intent.plan.link).or_default() += 1;
            Some(outcome)
        };
        match failure {
            // That this copy of the request came to nothing says nothing of the one before it.
            Failure::Throttled { .. }
            | Failure::Transient(_)
            | Failure::CursorExpired(_)
            | Failure::Unauthorized(_)
                if self.doubted.contains_key(&intent.key) =>
            {
                None
            }
            Failure::Throttled { .. }
            | Failure::Transient(_)
            | Failure::CursorExpired(_)
            | Failure::Unauthorized(_) => Some(NotApplied::Lost),
            Failure::Stale(_) => again(NotApplied::Stale),
            // Deleting what is gone is done; the read that follows says so.
            Failure::Missing(_) => again(NotApplied::Missing),
            Failure::Permanent(trouble) => Some(self.refused(intent, trouble)),
            Failure::InDoubt(_) => None,
        }
    }

    fn refused(&mut self, intent: &Intent, trouble: &Trouble) -> NotApplied {
        let problem = (intent.plan.link, intent.plan.replica, trouble.clone());
        self.report.refused.push(problem);
        NotApplied::Refused { code: trouble.code.clone() }
    }

    fn record(&mut self, batch: Batch) -> Result<Acted, Stop> {
        if !batch.entries.is_empty() {
            self.commit(batch.entries, batch.blobs)?;
        }
        for (replica, failure) in batch.failed {
            let go_on = match &failure {
                Failure::Throttled { .. } | Failure::Transient(_) => {
                    self.pause(replica, &failure)?
                }
                Failure::CursorExpired(_)
                | Failure::Unauthorized(_)
                | Failure::InDoubt(_)
                | Failure::Stale(_)
                | Failure::Missing(_)
                | Failure::Permanent(_) => false,
            };
            if !go_on {
                return Ok(Acted::Ended(Box::new(Ended::Failed { replica, failure })));
            }
        }
        Ok(Acted::Wrote)
    }
}

/// What came of a chunk.
enum Acted {
    /// Nothing to do.
    Nothing,
    /// Something was recorded, and perhaps written.
    Wrote,
    /// The run can't go on.
    Ended(Box<Ended>),
}

impl Batch {
    /// Remembers a failure that concerns more than its item.
    fn fail(&mut self, replica: ReplicaId, failure: Failure) {
        let matters = match &failure {
            Failure::Unauthorized(_) => true,
            Failure::Throttled { .. } | Failure::Transient(_) => {
                !matches!(self.failed.get(&replica), Some(Failure::Unauthorized(_)))
            }
            Failure::CursorExpired(_)
            | Failure::InDoubt(_)
            | Failure::Stale(_)
            | Failure::Missing(_)
            | Failure::Permanent(_) => false,
        };
        if matters {
            self.failed.insert(replica, failure);
        }
    }
}

impl super::Report {
    fn count(&mut self, replica: ReplicaId, op: &Op) {
        let side = self.side(replica);
        match op {
            Op::Create { .. } => side.created += 1,
            Op::Update { .. } => side.updated += 1,
            Op::Delete { .. } => side.deleted += 1,
        }
    }
}
