//! People: they act between any two steps, and a ledger keeps what they wrote and had seen.

use super::content::{BODY, Content, SUBJECT, TAGS};
use super::options::Options;
use super::replica::Replica;
use super::rng::Rng;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Field, LinkId, RemoteId};
use sync_core::journal::{Op, Plan};
use sync_core::memory::MemoryStore;
use sync_core::port::{Loaded, Place, Query, Store};

/// Where on an item tags can stand.
const TAG_PLACES: u64 = 4;

/// What people wrote, and what they had before their eyes when they did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// Counts values; each is written once.
    last: u64,
    /// Every value, with the item it was written to.
    pub(crate) values: BTreeMap<u64, Written>,
    /// Items, and values of theirs that someone replaced who had seen them.
    pub(crate) overtaken: BTreeSet<(u64, u64)>,
    /// Values that a write may have brought which left no proof behind.
    pub(crate) unproven: BTreeSet<u64>,
    /// Items, and values of theirs that stood on a copy which someone deleted.
    pub(crate) died: BTreeSet<(u64, u64)>,
    /// Items that someone deleted somewhere.
    pub(crate) deleted: BTreeSet<u64>,
    /// Items, and the replica that each began on.
    pub(crate) serials: BTreeMap<u64, usize>,
    /// Items that conflicts forked off, and the item that each comes from.
    pub(crate) forks: BTreeMap<u64, u64>,
    /// The forks by their links.
    forked: BTreeMap<LinkId, u64>,
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

    /// The item that a person made, of which this one is a fork, or it itself.
    pub(crate) fn root(&self, serial: u64) -> u64 {
        self.forks.get(&serial).map_or(serial, |from| self.root(*from))
    }

    /// Learns of a fork when its first copy is made.
    pub(crate) fn perhaps_forked(&mut self, store: &MemoryStore, plan: &Plan) {
        let Op::Create { like } = &plan.op else { return };
        let links = store.load(&Query::Links(vec![plan.link]));
        let Ok(Loaded::Links(links)) = links else { return };
        if links.iter().all(|link| link.origin.is_none()) || self.forked.contains_key(&plan.link) {
            return;
        }
        let Ok(Some(bytes)) = store.blob(like) else { return };
        let Some(content) = Content::decode(&bytes) else { return };
        let serial = self.number();
        self.forks.insert(serial, content.serial);
        self.forked.insert(plan.link, serial);
    }

    /// What a copy of `content` holds that is made for `link`: a fork is an item of its own.
    pub(crate) fn item_of(&self, link: LinkId, mut content: Content) -> Content {
        content.serial = self.forked.get(&link).copied().unwrap_or(content.serial);
        content
    }

    fn overtake<'a>(&mut self, serial: u64, values: impl IntoIterator<Item = &'a u64>) {
        self.overtaken.extend(values.into_iter().map(|value| (serial, *value)));
    }

    /// Items that stand there before the first run; some of them on all replicas, with differences.
    pub(crate) fn furnish(&mut self, replicas: &mut [Replica], options: &Options, rng: &mut Rng) {
        for at in 0..replicas.len() {
            for _ in 0..rng.below(options.items + 1) {
                let content = self.item(at);
                let id = replicas[at].put(&content, None, 0);
                perhaps_fix(&mut replicas[at], &id, options, rng);
                if at == 0 && rng.percent(options.shared_percent) {
                    for (other, replica) in replicas.iter_mut().enumerate().skip(1) {
                        let mut theirs = content.clone();
                        if rng.percent(40) {
                            let body = self.value(content.serial, BODY, other);
                            theirs.scalars.insert(BODY.to_owned(), body);
                        }
                        let id = replica.put(&theirs, None, 0);
                        perhaps_fix(replica, &id, options, rng);
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
        options: &Options,
        now: i64,
        rng: &mut Rng,
    ) {
        let at = usize::try_from(rng.below(replicas.len() as u64)).unwrap_or_default();
        if rng.percent(options.twin_percent) {
            return self.twin(replicas, at, now, rng);
        }
        let replica = &mut replicas[at];
        let live = replica.live();
        if rng.percent(options.fixed_percent)
            && let Some(id) = rng.pick(&live)
        {
            return replica.fix(id, some_fields(rng), now);
        }
        match (rng.below(10), rng.pick(&live).cloned()) {
            (0, _) | (_, None) => {
                let content = self.item(at);
                let id = replica.put(&content, None, now);
                perhaps_fix(replica, &id, options, rng);
            }
            (1..=3, Some(id)) => self.edit(replica, &id, SUBJECT, at, now),
            (4 | 5, Some(id)) => self.edit(replica, &id, BODY, at, now),
            (6, Some(id)) => self.put_tag(replica, &id, at, now, rng),
            (7, Some(id)) => self.drop_tag(replica, &id, now, rng),
            (8, Some(id)) => {
                if let Some(item) = replica.items.get(&id) {
                    let (serial, values) = (item.content.serial, values(&item.content));
                    self.deleted.insert(serial);
                    self.died.extend(values.into_iter().map(|value| (serial, value)));
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
                    // A fork has the identity of its item: what is restored could be either.
                    let root = serial.map(|serial| self.root(serial));
                    let is_forked = self.forks.keys().any(|fork| Some(self.root(*fork)) == root);
                    if !stands && !is_forked {
                        replica.shift(id, Place::Folder);
                    }
                }
            }
        }
    }

    fn edit(
        &mut self,
        replica: &mut Replica,
        id: &RemoteId,
        field: &'static str,
        at: usize,
        now: i64,
    ) {
        let Some(item) = replica.items.get(id) else { return };
        let serial = item.content.serial;
        self.overtake(serial, item.content.scalars.get(field));
        let drops = replica.drops_tags_on(field);
        if drops {
            self.overtake(serial, item.content.tags.iter().flat_map(BTreeMap::values));
        }
        let value = self.value(self.root(serial), field, at);
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
        id: &RemoteId,
        at: usize,
        now: i64,
        rng: &mut Rng,
    ) {
        let Some(item) = replica.items.get(id).filter(|item| item.content.tags.is_some()) else {
            return;
        };
        let place = rng.below(TAG_PLACES);
        if !replica.has_place(&item.content, place) {
            return;
        }
        let serial = item.content.serial;
        self.overtake(serial, item.content.tags.iter().filter_map(|tags| tags.get(&place)));
        let tag = self.value(self.root(serial), TAGS, at);
        replica.change(id, now, |content| {
            content.tags.get_or_insert_default().insert(place, tag);
        });
    }

    fn drop_tag(&mut self, replica: &mut Replica, id: &RemoteId, now: i64, rng: &mut Rng) {
        let Some(item) = replica.items.get(id) else { return };
        let tags: Vec<(u64, u64)> =
            item.content.tags.iter().flatten().map(|(at, tag)| (*at, *tag)).collect();
        let Some((place, tag)) = rng.pick(&tags).copied() else { return };
        self.overtaken.insert((item.content.serial, tag));
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
        // A fork never arrives anywhere by itself.
        if self.forks.contains_key(&content.serial) {
            return;
        }
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

/// Now and then an item comes with fields that only people may write.
fn perhaps_fix(replica: &mut Replica, id: &RemoteId, options: &Options, rng: &mut Rng) {
    if rng.percent(options.fixed_percent) {
        replica.fix(id, some_fields(rng), 0);
    }
}

fn some_fields(rng: &mut Rng) -> BTreeSet<Field> {
    let fields = [SUBJECT, BODY, TAGS].into_iter().filter(|_| rng.percent(40));
    fields.map(Field::from).collect()
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
