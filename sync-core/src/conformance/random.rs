//! Random commits, sensible or not, to a store and to the reference: both must accept the same and
//! answer the same.

use super::build;
use crate::ids::{Digest, LinkId, PairId, RemoteId, ReplicaId};
use crate::journal::{
    Advance, ConflictKind, Entry, NotApplied, Outcome, Reason, Seq, Sight, Sighting, Stage,
};
use crate::memory::MemoryStore;
use crate::port::{Commit, Loaded, Query, Store};
use crate::value::IdentityKey;

/// Commits `steps` times.
pub(super) fn match_the_reference(store: &mut dyn Store, steps: u64) {
    let mut reference = MemoryStore::new();
    let mut dice = Dice(0x5eed);
    let mut accepted = 0;
    for step in 0..steps {
        let commit = dice.commit(step, &reference);
        let expected = reference.commit(&commit);
        let got = store.commit(&commit);
        assert_eq!(got.is_ok(), expected.is_ok(), "step {step}: {got:?}, not {expected:?}");
        if let (Ok(got), Ok(expected)) = (got, expected) {
            assert_eq!(got, expected, "step {step}");
            accepted += 1;
        }
        if step % 8 == 0 || step + 1 == steps {
            compare(store, &reference, step);
        }
    }
    assert!(accepted > steps / 4, "only {accepted} commits made sense");
}

/// Asks both everything.
fn compare(store: &dyn Store, reference: &dyn Store, step: u64) {
    for query in queries() {
        let got = sorted(store.load(&query).expect("readable"));
        let expected = sorted(reference.load(&query).expect("readable"));
        assert_eq!(got, expected, "step {step}: {query:?}");
    }
    for link in (0..2).flat_map(links_of) {
        let got = store.history(link).expect("readable");
        assert_eq!(got, reference.history(link).expect("readable"), "step {step}: {link}");
    }
    let journal = |store: &dyn Store| store.journal(None, Seq(0), usize::MAX).expect("readable");
    assert_eq!(journal(store), journal(reference), "step {step}");
}

fn queries() -> Vec<Query> {
    let mut all = vec![Query::Links((0..2).flat_map(links_of).collect()), Query::Conflicts(None)];
    for index in 0..2 {
        let pair = pair_of(index);
        all.extend([
            Query::Head(pair.clone()),
            Query::Open(pair.clone()),
            Query::Held(pair.clone()),
            Query::Conflicts(Some(pair.clone())),
            Query::Counts(pair.clone()),
        ]);
        for after in [None, Some(links_of(index)[3])] {
            for limit in [3, 1000] {
                all.push(Query::All { pair: pair.clone(), after, limit });
                all.push(Query::Attention { pair: pair.clone(), after, limit });
            }
        }
        for collection in ["c1", "c2"].map(build::collection) {
            let keys = (0..VALUES).map(|n| IdentityKey::Strong(Digest::from_number(n))).collect();
            let (p, c) = (pair.clone(), collection.clone());
            all.push(Query::Identity { pair: p, collection: c, keys });
            for replica in [ReplicaId::A, ReplicaId::B] {
                let ids = (0..LINKS).map(remote_id).collect();
                let (p, c) = (pair.clone(), collection.clone());
                all.push(Query::Legs { pair: p, collection: c, replica, ids });
                for epoch in 0..4 {
                    let (pair, collection) = (pair.clone(), collection.clone());
                    let (after, limit) = (None, 5);
                    all.push(Query::Unseen { pair, collection, replica, epoch, after, limit });
                }
            }
        }
    }
    all
}

/// The links of an answer in the order of their ids: most questions leave it open.
fn sorted(loaded: Loaded) -> Loaded {
    match loaded {
        Loaded::Links(mut links) => {
            links.sort_by_key(|link| link.id);
            Loaded::Links(links)
        }
        other @ (Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_)) => other,
    }
}

/// SplitMix64: the same numbers everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn commit(&mut self, step: u64, reference: &MemoryStore) -> Commit {
        let index = self.below(2);
        let count = 1 + self.below(3);
        let entries: Vec<Entry> = (0..count).map(|_| self.entry(index, step, reference)).collect();
        let mut commit = build::commit(entries);
        commit.pair = pair_of(index);
        commit.at_ms += i64::try_from(step).expect("few steps");
        commit
    }

    fn entry(&mut self, index: u64, step: u64, reference: &MemoryStore) -> Entry {
        let link = links_of(index)[usize::try_from(self.below(LINKS)).expect("small")].0;
        let replica = if self.below(2) == 0 { ReplicaId::A } else { ReplicaId::B };
        match self.below(16) {
            0 => build::configured(if self.below(3) == 0 { "two" } else { "one" }),
            1..=5 => self.observed(index, replica),
            6 => {
                let other = links_of(index)[usize::try_from(self.below(LINKS)).expect("small")].0;
                build::matched(link, other)
            }
            7 | 8 => build::intended(link, &format!("k{step}"), replica),
            9 | 10 => self.settled(index, reference),
            11 => build::held(link, Reason::Ambiguous),
            12 => Entry::Twinned { link: LinkId(link), replica, original: links_of(index)[0] },
            13 => {
                let field = if self.below(2) == 0 { "subject" } else { "body" };
                build::conflicted(link, field, ConflictKind::Edit)
            }
            14 => {
                let field = Some("subject".into());
                Entry::Resolved { link: LinkId(link), field, winner: replica }
            }
            _ => match self.below(3) {
                0 => {
                    let fields = [crate::ids::Field::from("subject")].into();
                    Entry::Agreed { link: LinkId(link), fields }
                }
                1 => {
                    let from = LinkId(links_of(index)[0].0);
                    let origin = Box::new(build::rendition(self.below(VALUES)));
                    Entry::Forked { link: LinkId(link), from, origin }
                }
                _ => Entry::CursorLost { collection: build::collection("c1"), replica },
            },
        }
    }

    fn observed(&mut self, index: u64, replica: ReplicaId) -> Entry {
        let count = 1 + self.below(4);
        let sightings: Vec<Sighting> = (0..count)
            .map(|_| {
                let number = self.below(LINKS);
                let link = links_of(index)[usize::try_from(number).expect("small")].0;
                let id = remote_id(number);
                match self.below(10) {
                    0 => build::sighting(link, id.as_str(), Sight::Gone),
                    1 => build::sighting(link, id.as_str(), Sight::Still),
                    2 => build::sighting(link, id.as_str(), Sight::Outside),
                    3 => {
                        let code = "ErrorCorruptData".to_owned();
                        build::sighting(link, id.as_str(), Sight::Unreadable { code })
                    }
                    _ => build::present(link, id.as_str(), self.below(VALUES)),
                }
            })
            .collect();
        let collection = if self.below(5) == 0 { "c2" } else { "c1" };
        let mut entry = build::observed_in(collection, replica, self.below(3), sightings);
        if let Entry::Observed(observed) = &mut entry
            && self.below(3) == 0
        {
            let cursor = format!("cursor {}", self.below(100)).into();
            observed.advance = Some(Advance { cursor, stage: Stage::Following });
        }
        entry
    }

    /// What became of one of the open intents, if there is one.
    fn settled(&mut self, index: u64, reference: &MemoryStore) -> Entry {
        let state = reference.state(&pair_of(index));
        let open: Vec<_> = state
            .links
            .values()
            .filter_map(|link| Some((link.id.0, link.open.as_ref()?.intent.key.clone())))
            .collect();
        let Some(choice) = (!open.is_empty()).then(|| self.below(open.len() as u64)) else {
            return Entry::Closed { exit: 0 };
        };
        let (link, key) = &open[usize::try_from(choice).expect("small")];
        match self.below(4) {
            0 => build::settled(*link, key.as_str(), Outcome::NotApplied(NotApplied::Stale)),
            1 => {
                let code = "ErrorAccessDenied".to_owned();
                build::settled(
                    *link,
                    key.as_str(),
                    Outcome::NotApplied(NotApplied::Refused { code }),
                )
            }
            _ => build::applied(*link, key.as_str(), remote_id(self.below(LINKS)).as_str()),
        }
    }
}

fn pair_of(index: u64) -> PairId {
    if index == 0 { build::pair() } else { PairId::from("other") }
}

/// The links of a pair, whose ids lie on both sides of the largest signed number.
fn links_of(index: u64) -> Vec<LinkId> {
    let first = index * LINKS;
    (first..first + LINKS).map(|n| LinkId(if n % 2 == 0 { n } else { u64::MAX - n })).collect()
}

/// Ids that differ in case only.
fn remote_id(number: u64) -> RemoteId {
    let letters = (0..4).map(|bit| if number >> bit & 1 == 0 { 'i' } else { 'I' });
    RemoteId(letters.collect())
}

const LINKS: u64 = 12;
const VALUES: u64 = 6;
