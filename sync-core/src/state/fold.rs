//! How an entry changes the state. Total: it never panics, and an entry that doesn't fit what came
//! before it is an error, since then the journal is not the one that was written.

use super::{Conflict, Dispute, Link, OpenIntent, Seen, State, Track, Twin};
use crate::ids::{CollectionId, Field, IntentKey, LinkId, ReplicaId};
use crate::journal::{
    Configured, Conflicted, Entry, Intent, Observed, Outcome, Reason, Record, Seq,
};
use std::collections::BTreeSet;

/// An entry that doesn't fit the entries before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal entry {seq} ({kind}) doesn't fit the entries before it: {detail}")]
pub struct Error {
    /// The entry's position.
    pub seq: u64,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl State {
    /// Folds in one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), Error> {
        self.head.seq = record.seq;
        let touched = record.entry.touches();
        let disputed = self.disputed(&touched);
        self.change(record).map_err(|detail| Error {
            seq: record.seq.0,
            kind: record.entry.kind(),
            detail,
        })?;
        // A conflict that events have overtaken waits for nobody.
        let left = self.disputed(&touched);
        for seq in disputed.difference(&left) {
            if let Some(conflict) = self.conflicts.get_mut(seq) {
                conflict.open = false;
            }
        }
        for id in touched {
            self.look(id);
        }
        Ok(())
    }

    fn disputed(&self, links: &[LinkId]) -> BTreeSet<Seq> {
        let links = links.iter().filter_map(|id| self.links.get(id));
        links.flat_map(|link| &link.disputes).map(|dispute| dispute.conflict).collect()
    }

    fn look(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            link.look(&self.head);
        }
    }

    fn link(&mut self, id: LinkId) -> Result<&mut Link, String> {
        self.links.get_mut(&id).ok_or_else(|| format!("no link {id}"))
    }

    fn change(&mut self, record: &Record) -> Result<(), String> {
        match &record.entry {
            Entry::Opened { .. } => self.head.run = Some(record.run.clone()),
            Entry::Configured(configured) => self.configure(configured),
            Entry::Observed(observed) => self.observe(observed),
            Entry::CursorLost { collection, replica } => {
                let track = self.track(collection, *replica);
                track.cursor = None;
            }
            Entry::Matched { link, absorbed, .. } => return self.join(*link, *absorbed),
            Entry::Agreed { link, fields } => self.link(*link)?.agree(fields),
            Entry::Intended(intent) => return self.open(intent, record.at_ms),
            Entry::Settled { link, key, outcome } => return self.settle(*link, key, outcome),
            Entry::Conflicted(conflicted) => return self.dispute(record, conflicted),
            Entry::Resolved { link, field, winner } => {
                return self.resolve(*link, field.as_ref(), *winner);
            }
            Entry::Forked { link, from, origin } => {
                let collection = self.link(*from)?.collection.clone();
                let fork = self.links.entry(*link).or_insert_with(|| Link::new(*link, collection));
                fork.origin = Some((**origin).clone());
            }
            Entry::Twinned { link, replica, original } => {
                self.link(*original)?.held = Some(Reason::Twin { of: *link });
                let link = self.link(*link)?;
                link.twin = Some(Twin { replica: *replica, original: *original });
                // What a copy doesn't take matters no more where the copy may yield.
                link.held = link.held.take().filter(|held| !matches!(held, Reason::Fixed { .. }));
            }
            Entry::Held { link, reason } => self.link(*link)?.held = Some(reason.clone()),
            Entry::Released { link } => self.link(*link)?.held = None,
            Entry::Accepted { fingerprint } => self.head.accepted = Some(fingerprint.clone()),
            Entry::Braked { .. } | Entry::Closed { .. } => {}
        }
        Ok(())
    }

    fn configure(&mut self, configured: &Configured) {
        let Configured { collections, policy, fingerprint } = configured;
        let before = self.head.clone();
        for (id, folders) in collections {
            for (replica, folder) in folders {
                let track = self.track(id, *replica);
                if track.folder.as_ref() != Some(folder) {
                    // Another folder: its stream has nothing to do with the old cursor.
                    track.cursor = None;
                    track.folder = Some(folder.clone());
                }
            }
        }
        self.head.collections.clone_from(collections);
        self.head.fingerprint.clone_from(fingerprint);
        self.head.policy = Some(policy.clone());
        for link in self.links.values_mut() {
            link.reconsider(&before, &self.head);
        }
    }

    fn track(&mut self, collection: &CollectionId, replica: ReplicaId) -> &mut Track {
        self.head.tracks.entry(collection.clone()).or_default().entry(replica).or_default()
    }

    fn observe(&mut self, observed: &Observed) {
        let Observed { collection, replica, epoch, sightings, advance } = observed;
        for sighting in sightings {
            self.links
                .entry(sighting.link)
                .or_insert_with(|| Link::new(sighting.link, collection.clone()))
                .sight(*replica, *epoch, sighting);
        }
        if let Some(advance) = advance {
            let track = self.track(collection, *replica);
            track.cursor = Some(advance.cursor.clone());
            track.stage = advance.stage;
            track.epoch = *epoch;
        }
    }

    fn join(&mut self, id: LinkId, absorbed: LinkId) -> Result<(), String> {
        let taken = self.links.remove(&absorbed).ok_or_else(|| format!("no link {absorbed}"))?;
        let link = self.link(id)?;
        if !link.met {
            // Neither has agreed with the other on anything yet.
            link.legs.values_mut().for_each(|leg| leg.base = None);
        }
        for (replica, mut leg) in taken.legs {
            match link.legs.get(&replica) {
                // What it agreed on elsewhere says nothing here.
                None => leg.base = None,
                // The copy that was gone is back under another id; its past is the same.
                Some(old) if matches!(old.seen, Seen::Gone) => {
                    leg.base.clone_from(&old.base);
                    leg.ours = old.ours;
                }
                Some(_) => {
                    return Err(format!("{id} and {absorbed} both have a copy in {replica}"));
                }
            }
            link.legs.insert(replica, leg);
        }
        link.held = None;
        link.twin = link.twin.filter(|twin| twin.original != absorbed).or(taken.twin);
        Ok(())
    }

    fn open(&mut self, intent: &Intent, at_ms: i64) -> Result<(), String> {
        let link = self.link(intent.plan.link)?;
        if let Some(open) = &link.open {
            return Err(format!("intent {} is still open", open.intent.key));
        }
        link.open = Some(OpenIntent { intent: intent.clone(), at_ms });
        link.held = None;
        Ok(())
    }

    fn settle(&mut self, id: LinkId, key: &IntentKey, outcome: &Outcome) -> Result<(), String> {
        let link = self.link(id)?;
        let open = link.open.take().filter(|open| open.intent.key == *key);
        let intent = open.ok_or_else(|| format!("no open intent {key}"))?.intent;
        let collection = link.collection.clone();
        let epoch = self.head.track(&collection, intent.plan.replica).epoch;
        self.link(id)?.settle(&intent, outcome, epoch);
        Ok(())
    }

    fn dispute(&mut self, record: &Record, what: &Conflicted) -> Result<(), String> {
        let link = self.link(what.link)?;
        let dispute = Dispute {
            conflict: record.seq,
            field: what.field.clone(),
            sides: what
                .sides
                .iter()
                .map(|(r, side)| (*r, side.as_ref().and_then(|s| s.value.clone())))
                .collect(),
            winner: what.winner,
        };
        link.disputes.retain(|old| !old.is_about(&dispute));
        link.disputes.push(dispute);
        self.conflicts.insert(
            record.seq,
            Conflict {
                seq: record.seq,
                at_ms: record.at_ms,
                pair: record.pair.clone(),
                what: what.clone(),
                open: what.winner.is_none(),
            },
        );
        Ok(())
    }

    fn resolve(
        &mut self,
        link: LinkId,
        field: Option<&Field>,
        winner: ReplicaId,
    ) -> Result<(), String> {
        let dispute = self.link(link)?.dispute(field);
        let seq = dispute.ok_or_else(|| format!("{link} has no such conflict"))?.conflict;
        for dispute in &mut self.link(link)?.disputes {
            if dispute.conflict == seq {
                dispute.winner = Some(winner);
            }
        }
        if let Some(conflict) = self.conflicts.get_mut(&seq) {
            conflict.open = false;
            conflict.what.winner = Some(winner);
        }
        Ok(())
    }
}
