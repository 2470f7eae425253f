//! People: they act between any two steps, and a ledger keeps what they wrote and had seen.

use super::content::{BODY, Content, SUBJECT, TAGS};
use super::replica::Replica;
use super::rng::Rng;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::port::Place;

/// Where on an item tags can stand.
const TAG_PLACES: u64 = 4;

/// What people wrote, and what they had before their eyes when they did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Counts values; each is written once.
    last: u64,
    /// Every value, with the item it was written to.
    pub(crate) values: BTreeMap<u64, Written>,
    /// Values that someone replaced who had seen them.
    pub(crate) overtaken: BTreeSet<u64>,
    /// Values that a write may have brought which left no proof behind.
    pub(crate) unproven: BTreeSet<u64>,
    /// Values that stood on a copy which someone deleted.
    pub(crate) died: BTreeSet<u64>,
    /// Items that someone deleted somewhere.
    pub(crate) deleted: BTreeSet<u64>,
    /// Items, and the replica that each began on.
    pub(crate) serials: BTreeMap<u64, usize>,
    /// Copies that stood there from the beginning or arrived by themselves, by item and replica.
    twins: BTreeSet<(u64, usize)>,
}

/// A value that a person wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) serial: u64,
    pub(crate) field: &'static str,
    pub(crate) replica: usize,
}

impl Ledger {
    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn value(&mut self, serial: u64, field: &'static str, replica: usize) -> u64 {
        let value = self.number();
        self.values.insert(value, Written { serial, field, replica });
        value
    }

    fn item(&mut self, replica: usize) -> Content {
        let serial = self.number();
        self.serials.insert(serial, replica);
        let subject = self.value(serial, SUBJECT, replica);
        let body = self.value(serial, BODY, replica);
        let scalars = [(SUBJECT.to_owned(), subject), (BODY.to_owned(), body)].into();
        Content { uid: serial, serial, scalars, tags: Some(BTreeMap::new()) }
    }

    /// Items that stand there before the first run; some of them on all replicas, with differences.
    pub(crate) fn furnish(
        &mut self,
        replicas: &mut [Replica],
        items: u64,
        shared_percent: u64,
        rng: &mut Rng,
    ) {
        for at in 0..replicas.len() {
            for _ in 0..rng.below(items + 1) {
                let content = self.item(at);
                replicas[at].put(&content, None, 0);
                if at == 0 && rng.percent(shared_percent) {
                    for (other, replica) in replicas.iter_mut().enumerate().skip(1) {
                        let mut theirs = content.clone();
                        if rng.percent(40) {
                            let body = self.value(content.serial, BODY, other);
                            theirs.scalars.insert(BODY.to_owned(), body);
                        }
                        replica.put(&theirs, None, 0);
                        self.twins.insert((content.serial, other));
                    }
                }
            }
        }
    }

    /// A person does something on one of the replicas.
    pub(crate) fn act(
        &mut self,
        replicas: &mut [Replica],
        twin_percent: u64,
        now: i64,
        rng: &mut Rng,
    ) {
        let at = usize::try_from(rng.below(replicas.len() as u64)).unwrap_or_default();
        if rng.percent(twin_percent) {
            return self.twin(replicas, at, now, rng);
        }
        let replica = &mut replicas[at];
        let live = replica.live();
        match (rng.below(10), rng.pick(&live).cloned()) {
            (0, _) | (_, None) => {
                let content = self.item(at);
                replica.put(&content, None, now);
            }
            (1..=3, Some(id)) => self.edit(replica, &id, SUBJECT, at, now),
            (4 | 5, Some(id)) => self.edit(replica, &id, BODY, at, now),
            (6, Some(id)) => self.put_tag(replica, &id, at, now, rng),
            (7, Some(id)) => self.drop_tag(replica, &id, now, rng),
            (8, Some(id)) => {
                if let Some(item) = replica.items.get(&id) {
                    let (serial, values) = (item.content.serial, values(&item.content));
                    self.deleted.insert(serial);
                    self.died.extend(values);
                    replica.shift(&id, Place::Trash);
                }
            }
            (_, Some(_)) => {
                if let Some(id) = rng.pick(&replica.trashed()) {
                    let serial = replica.items.get(id).map(|item| item.content.serial);
                    // Restoring what stands there again would make two of it.
                    let stands = replica.items.values().any(|item| {
                        item.place == Place::Folder && Some(item.content.serial) == serial
                    });
                    if !stands {
                        replica.shift(id, Place::Folder);
                    }
                }
            }
        }
    }

    fn edit(
        &mut self,
        replica: &mut Replica,
        id: &sync_core::ids::RemoteId,
        field: &'static str,
        at: usize,
        now: i64,
    ) {
        let Some(item) = replica.items.get(id) else { return };
        let serial = item.content.serial;
        self.overtaken.extend(item.content.scalars.get(field));
        let drops = replica.drops_tags_on(field);
        if drops {
            self.overtaken.extend(item.content.tags.iter().flat_map(BTreeMap::values));
        }
        let value = self.value(serial, field, at);
        replica.change(id, now, |content| {
            content.scalars.insert(field.to_owned(), value);
            if drops {
                content.tags = content.tags.take().map(|_| BTreeMap::new());
            }
        });
    }

    fn put_tag(
        &mut self,
        replica: &mut Replica,
        id: &sync_core::ids::RemoteId,
        at: usize,
        now: i64,
        rng: &mut Rng,
    ) {
        let Some(item) = replica.items.get(id).filter(|item| item.content.tags.is_some()) else {
            return;
        };
        let place = rng.below(TAG_PLACES);
        self.overtaken.extend(item.content.tags.iter().filter_map(|tags| tags.get(&place)));
        let tag = self.value(item.content.serial, TAGS, at);
        replica.change(id, now, |content| {
            content.tags.get_or_insert_default().insert(place, tag);
        });
    }

    fn drop_tag(
        &mut self,
        replica: &mut Replica,
        id: &sync_core::ids::RemoteId,
        now: i64,
        rng: &mut Rng,
    ) {
        let Some(item) = replica.items.get(id) else { return };
        let tags: Vec<(u64, u64)> =
            item.content.tags.iter().flatten().map(|(at, tag)| (*at, *tag)).collect();
        let Some((place, tag)) = rng.pick(&tags).copied() else { return };
        self.overtaken.insert(tag);
        replica.change(id, now, |content| {
            content.tags.get_or_insert_default().remove(&place);
        });
    }

    /// An item of another replica arrives here by itself, as an invitation does.
    fn twin(&mut self, replicas: &mut [Replica], at: usize, now: i64, rng: &mut Rng) {
        let from = usize::try_from(rng.below(replicas.len() as u64)).unwrap_or_default();
        let Some(id) = rng.pick(&replicas[from].live()).cloned() else { return };
        let Some(item) = replicas[from].items.get(&id) else { return };
        let content = item.content.clone();
        let began = self.serials.get(&content.serial).copied();
        if from == at || began == Some(at) || !self.twins.insert((content.serial, at)) {
            return;
        }
        // It was here before and was put away or restored: then this is no first arrival.
        let known = replicas[at]
            .items
            .values()
            .any(|item| item.content.serial == content.serial && item.restored);
        if !known {
            replicas[at].put(&content, None, now);
        }
    }
}

/// All values that a copy holds.
pub(crate) fn values(content: &Content) -> Vec<u64> {
    content
        .scalars
        .values()
        .chain(content.tags.iter().flat_map(BTreeMap::values))
        .copied()
        .collect()
}
