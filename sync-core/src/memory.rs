//! A store that forgets everything when it is dropped: the reference for those that don't, and the
//! store of models and simulations.

use crate::ids::{CollectionId, Digest, LinkId, PairId, RemoteId, ReplicaId};
use crate::journal::{Record, Seq};
use crate::port::{Commit, Counts, Error, Loaded, Query, Store};
use crate::state::{Conflict, Head, Link, State};
use crate::value::IdentityKey;
use std::collections::{BTreeMap, BTreeSet};

/// A store in memory. A clone is what a crash would leave on the disk.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    records: Vec<Record>,
    states: BTreeMap<PairId, State>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

impl MemoryStore {
    /// A store without an entry.
    pub fn new() -> Self {
        Self::default()
    }

    /// The whole journal.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The whole journal, taken out of the store.
    pub fn into_records(self) -> Vec<Record> {
        self.records
    }

    /// The fold of a pair's journal.
    pub fn state(&self, pair: &PairId) -> State {
        self.states.get(pair).cloned().unwrap_or_else(|| State::new(pair.clone()))
    }

    fn links_of(&self, pair: &PairId) -> impl Iterator<Item = &Link> {
        self.states.get(pair).into_iter().flat_map(|state| state.links.values())
    }

    fn chosen(&self, pair: &PairId, choose: impl Fn(&Link) -> bool) -> Loaded {
        Loaded::Links(self.links_of(pair).filter(|link| choose(link)).cloned().collect())
    }

    fn paged(
        &self,
        pair: &PairId,
        after: Option<LinkId>,
        limit: usize,
        choose: impl Fn(&Link) -> bool,
    ) -> Loaded {
        let links = self.links_of(pair).filter(|link| after.is_none_or(|after| link.id > after));
        Loaded::Links(links.filter(|link| choose(link)).take(limit).cloned().collect())
    }

    fn legs(
        &self,
        pair: &PairId,
        collection: &CollectionId,
        replica: ReplicaId,
        ids: &[RemoteId],
    ) -> Loaded {
        let ids: BTreeSet<&RemoteId> = ids.iter().collect();
        self.chosen(pair, |link| {
            link.collection == *collection
                && link.legs.get(&replica).is_some_and(|leg| ids.contains(&leg.id))
        })
    }

    fn identified(&self, pair: &PairId, collection: &CollectionId, keys: &[IdentityKey]) -> Loaded {
        self.chosen(pair, |link| {
            !link.buried
                && link.collection == *collection
                && link.identity().iter().any(|key| keys.contains(key))
        })
    }

    fn conflicts(&self, pair: Option<&PairId>) -> Vec<Conflict> {
        let states = self.states.iter().filter(|(id, _)| pair.is_none_or(|pair| pair == *id));
        let mut found: Vec<_> =
            states.flat_map(|(_, state)| state.conflicts.values()).cloned().collect();
        found.sort_by_key(|conflict| conflict.seq);
        found
    }

    fn counts(&self, pair: &PairId) -> Counts {
        self.states.get(pair).map(State::counts).unwrap_or_default()
    }

    /// What `records` come to: the way back from entries that turned out not to fit.
    fn refold(&mut self) {
        self.states.clear();
        for record in &self.records {
            let fitted = state_of(&mut self.states, &record.pair).apply(record);
            debug_assert!(fitted.is_ok(), "it was folded before");
        }
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, commit: &Commit) -> Result<Seq, Error> {
        let before = self.records.len();
        for entry in &commit.entries {
            let record = Record {
                seq: Seq(self.records.len() as u64 + 1),
                at_ms: commit.at_ms,
                pair: commit.pair.clone(),
                run: commit.run.clone(),
                entry: entry.clone(),
            };
            if let Err(error) = state_of(&mut self.states, &commit.pair).apply(&record) {
                self.records.truncate(before);
                self.refold();
                return Err(Error::Corrupt(error.to_string()));
            }
            self.records.push(record);
        }
        for blob in &commit.blobs {
            self.blobs.entry(blob.digest).or_insert_with(|| blob.bytes.clone());
        }
        Ok(Seq(self.records.len() as u64))
    }

    fn load(&self, query: &Query) -> Result<Loaded, Error> {
        Ok(match query {
            Query::Head(pair) => {
                let head = self.states.get(pair).map(|state| state.head.clone());
                Loaded::Head(Box::new(head.unwrap_or_else(|| Head::new(pair.clone()))))
            }
            Query::Legs { pair, collection, replica, ids } => {
                self.legs(pair, collection, *replica, ids)
            }
            Query::Links(ids) => {
                let ids: BTreeSet<&LinkId> = ids.iter().collect();
                let links = self.states.values().flat_map(|state| state.links.values());
                Loaded::Links(links.filter(|link| ids.contains(&link.id)).cloned().collect())
            }
            Query::Attention { pair, after, limit } => {
                self.paged(pair, *after, *limit, |link| link.attention)
            }
            Query::Open(pair) => self.chosen(pair, |link| link.open.is_some()),
            Query::Identity { pair, collection, keys } => self.identified(pair, collection, keys),
            Query::Unseen { pair, collection, replica, epoch, after, limit } => {
                self.paged(pair, *after, *limit, |link| {
                    link.collection == *collection
                        && link
                            .legs
                            .get(replica)
                            .is_some_and(|leg| leg.is_taken_for_present() && leg.epoch < *epoch)
                })
            }
            Query::All { pair, after, limit } => self.paged(pair, *after, *limit, |_| true),
            Query::Held(pair) => self.chosen(pair, |link| link.held.is_some()),
            Query::Conflicts(pair) => Loaded::Conflicts(self.conflicts(pair.as_ref())),
            Query::Counts(pair) => Loaded::Counts(self.counts(pair)),
        })
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.blobs.get(digest).cloned())
    }

    fn journal(
        &self,
        pair: Option<&PairId>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        let first = usize::try_from(after.0).unwrap_or(usize::MAX).min(self.records.len());
        let records = self.records[first..].iter();
        let of_pair = records.filter(|record| pair.is_none_or(|pair| record.pair == *pair));
        Ok(of_pair.take(limit).cloned().collect())
    }

    fn history(&self, link: LinkId) -> Result<Vec<Record>, Error> {
        let touching = self.records.iter().filter(|record| record.entry.touches().contains(&link));
        Ok(touching.cloned().collect())
    }
}

fn state_of<'a>(states: &'a mut BTreeMap<PairId, State>, pair: &PairId) -> &'a mut State {
    if !states.contains_key(pair) {
        states.insert(pair.clone(), State::new(pair.clone()));
    }
    states.get_mut(pair).expect("just inserted")
}

#[cfg(test)]
mod tests {
    use super::MemoryStore;

    crate::store_conformance!(|| Box::new(MemoryStore::new()));
}
