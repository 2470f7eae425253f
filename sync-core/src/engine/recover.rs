//! After a crash, or when in doubt: the stamp, not a guess, says whether a write happened.

use super::{Effect, Ended, Engine, Event, Stop, Waiting};
use crate::ids::{FolderId, ReplicaId};
use crate::journal::{Applied, Entry, NotApplied, Op, Outcome, Proof};
use crate::port::{Place, Probe, Probed, Stamp, Target};
use crate::state::OpenIntent;
use std::collections::BTreeMap;

/// Intents probed at a time.
const PROBES_MAX: usize = 100;

impl Engine<'_> {
    /// Settles all open intents. `Some` where the run can't go on.
    pub(super) fn recover(&mut self) -> Result<Option<Ended>, Stop> {
        let mut open: BTreeMap<ReplicaId, Vec<(FolderId, OpenIntent)>> = BTreeMap::new();
        for link in self.open()? {
            let Some(intent) = link.open else { continue };
            let replica = intent.intent.plan.replica;
            let Some(folder) = self.folder(&link.collection, replica) else { continue };
            open.entry(replica).or_default().push((folder, intent));
        }
        for (replica, intents) in open {
            self.wait_for_stragglers(replica, &intents)?;
            for intents in intents.chunks(PROBES_MAX) {
                if let Some(ended) = self.probe(replica, intents)? {
                    return Ok(Some(ended));
                }
            }
        }
        Ok(None)
    }

    /// Waits until no copy of these requests can still arrive.
    fn wait_for_stragglers(
        &mut self,
        replica: ReplicaId,
        intents: &[(FolderId, OpenIntent)],
    ) -> Result<(), Stop> {
        let Some(capabilities) = self.order.configured.policy.replicas.get(&replica) else {
            return Ok(());
        };
        let due = |open: &OpenIntent| {
            let grace = match open.intent.plan.op {
                Op::Create { .. } => capabilities.create_grace_ms,
                Op::Update { .. } | Op::Delete { .. } => capabilities.write_grace_ms,
            };
            let sent = self.doubted.get(&open.intent.key).copied().unwrap_or(open.at_ms);
            sent.max(open.at_ms).saturating_add(grace)
        };
        let due = intents.iter().map(|(_, open)| due(open)).max().unwrap_or_default();
        // A clock that was ahead then doesn't make the wait any longer.
        let longest = capabilities.create_grace_ms.max(capabilities.write_grace_ms);
        match u64::try_from((due - self.now_ms).min(longest)) {
            Ok(ms) if ms > 0 => self.wait(ms, Waiting::Grace(replica)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn probe(
        &mut self,
        replica: ReplicaId,
        intents: &[(FolderId, OpenIntent)],
    ) -> Result<Option<Ended>, Stop> {
        let probes: Vec<Probe> = intents.iter().map(|(folder, open)| probe(folder, open)).collect();
        let probed = loop {
            let effect = Effect::Probe { replica, probes: probes.clone() };
            match self.world.perform(vec![effect])?.pop() {
                Some(Event::Probed(Ok(probed))) if probed.len() == intents.len() => {
                    self.succeeded(replica);
                    break probed;
                }
                Some(Event::Probed(Err(failure))) => {
                    if let Some(ended) = self.read_failed(replica, failure)? {
                        return Ok(Some(ended));
                    }
                }
                Some(
                    Event::Probed(Ok(_))
                    | Event::Committed { .. }
                    | Event::Loaded(_)
                    | Event::Pulled(_)
                    | Event::Fetched(_)
                    | Event::Written(_)
                    | Event::Woke { .. },
                )
                | None => return Err(Stop::Confused("a probe")),
            }
        };
        self.judge(replica, intents, probed)
    }

    fn judge(
        &mut self,
        replica: ReplicaId,
        intents: &[(FolderId, OpenIntent)],
        probed: Vec<Probed>,
    ) -> Result<Option<Ended>, Stop> {
        let dedupes = self
            .order
            .configured
            .policy
            .replicas
            .get(&replica)
            .is_some_and(|capabilities| capabilities.dedupes_creates);
        let mut entries = vec![];
        let mut again = vec![];
        for ((folder, open), probed) in intents.iter().zip(probed) {
            let outcome = match probed {
                Probed::Applied { id, place } => {
                    self.report.recovered += 1;
                    let proof = match place {
                        Place::Folder => Proof::Stamp,
                        Place::Trash => Proof::StampInTrash,
                    };
                    Outcome::Applied(Applied { id, proof })
                }
                // A copy of the request may still arrive; sent again under the same key, both make
                // one item.
                Probed::NotApplied
                    if dedupes && matches!(open.intent.plan.op, Op::Create { .. }) =>
                {
                    again.push((folder.clone(), open.intent.clone()));
                    continue;
                }
                Probed::NotApplied => Outcome::NotApplied(NotApplied::Lost),
            };
            let (link, key) = (open.intent.plan.link, open.intent.key.clone());
            entries.push(Entry::Settled { link, key, outcome });
        }
        if !entries.is_empty() {
            self.commit(entries, vec![])?;
        }
        if again.is_empty() { Ok(None) } else { self.resend(replica, again) }
    }
}

fn probe(folder: &FolderId, open: &OpenIntent) -> Probe {
    let plan = &open.intent.plan;
    Probe {
        folder: folder.clone(),
        stamp: Stamp { link: plan.link, key: open.intent.key.clone() },
        target: match &plan.op {
            Op::Create { .. } => Target::Create,
            Op::Update { id, .. } => Target::Update(id.clone()),
            Op::Delete { id, .. } => Target::Delete(id.clone()),
        },
    }
}
