//! What every [`Store`] must do, as tests: one function a case, each on a store without an entry.
//! A store's tests call [`store_conformance!`](crate::store_conformance).

mod build;
pub mod files;
mod random;

use crate::ids::{Digest, LinkId, PairId, ReplicaId};
use crate::journal::{ConflictKind, Entry, NotApplied, Outcome, Reason, Seq, Sight};
use crate::port::{Counts, Error, Loaded, Query, Store};
use crate::state::{Conflict, Head, Link};
use crate::value::IdentityKey;
use build::{
    applied, collection, commit, configured, conflicted, gone, held, intended, link, matched,
    observed, pair, present, sighting,
};
use std::collections::BTreeMap;

/// Makes one test of each case. `$make` is a function that gives a new store, or something that
/// dereferences to one and keeps its file alive.
///
/// ```
/// use sync_core::memory::MemoryStore;
/// sync_core::store_conformance!(|| Box::new(MemoryStore::new()));
/// ```
#[macro_export]
macro_rules! store_conformance {
    ($make:expr) => {
        $crate::store_conformance!($make;
            an_empty_store_knows_nothing,
            entries_are_numbered_and_read_back,
            the_journal_is_read_in_pages,
            a_commit_is_all_or_nothing,
            content_is_kept_by_digest,
            ids_are_compared_byte_by_byte,
            copies_are_found_by_id,
            links_in_need_are_paged_in_order,
            open_intents_are_listed_until_settled,
            living_links_are_found_by_identity,
            copies_not_enumerated_are_unseen,
            tombstones_stay,
            what_is_set_aside_is_listed_until_the_rules_change,
            conflicts_are_listed_until_decided,
            links_are_counted,
            a_history_holds_what_touched_the_link,
            pairs_are_apart,
            random_commits_match_the_reference,
        );
    };
    ($make:expr; $($case:ident),* $(,)?) => {$(
        #[test]
        fn $case() {
            let mut made = ($make)();
            $crate::conformance::$case(&mut *made);
        }
    )*};
}

/// A store without an entry answers every question with nothing.
pub fn an_empty_store_knows_nothing(store: &mut dyn Store) {
    assert_eq!(head(store, &pair()), Head::new(pair()));
    assert_eq!(all(store, &pair()), []);
    assert_eq!(conflicts(store, None), []);
    assert_eq!(counts(store), Counts::default());
    assert_eq!(store.blob(&Digest::from_number(1)).expect("readable"), None);
    assert_eq!(store.journal(None, Seq(0), 10).expect("readable"), []);
    assert_eq!(store.history(LinkId(1)).expect("readable"), []);
    assert_eq!(store.commit(&commit([])).expect("nothing to refuse"), Seq(0));
}

/// Positions begin at 1 and have no gaps; records come back as they were committed.
pub fn entries_are_numbered_and_read_back(store: &mut dyn Store) {
    let first = commit([configured("one"), observed(ReplicaId::A, 1, [present(1, "x", 1)])]);
    let second = commit([Entry::Closed { exit: 0 }]);
    assert_eq!(store.commit(&first).expect("fits"), Seq(2));
    assert_eq!(store.commit(&second).expect("fits"), Seq(3));
    let records = store.journal(None, Seq(0), 10).expect("readable");
    let seqs: Vec<u64> = records.iter().map(|record| record.seq.0).collect();
    assert_eq!(seqs, [1, 2, 3]);
    let entries: Vec<_> = records.iter().map(|record| record.entry.clone()).collect();
    assert_eq!(entries, [first.entries, second.entries].concat());
    for record in &records {
        assert_eq!((&record.pair, &record.run), (&first.pair, &first.run));
        assert_eq!(record.at_ms, first.at_ms);
    }
    assert_eq!(head(store, &pair()).seq, Seq(3));
}

/// Pages begin after a position, end at the limit, and hold one pair's records if asked.
pub fn the_journal_is_read_in_pages(store: &mut dyn Store) {
    let other = PairId::from("other");
    for n in 0..6_u8 {
        let mut next = commit([Entry::Closed { exit: n }]);
        if n % 2 == 1 {
            next.pair = other.clone();
        }
        store.commit(&next).expect("fits");
    }
    let page = |of: Option<&PairId>, after, limit| {
        let records = store.journal(of, Seq(after), limit).expect("readable");
        records.iter().map(|record| record.seq.0).collect::<Vec<u64>>()
    };
    assert_eq!(page(None, 0, 4), [1, 2, 3, 4]);
    assert_eq!(page(None, 4, 4), [5, 6]);
    assert_eq!(page(None, 6, 4), NONE);
    assert_eq!(page(None, u64::MAX, 4), NONE);
    assert_eq!(page(None, 0, 0), NONE);
    assert_eq!(page(Some(&other), 2, 1), [4]);
    assert_eq!(page(Some(&PairId::from("none")), 0, 9), NONE);
}

/// One entry that doesn't fit keeps out all others, and the content with them.
pub fn a_commit_is_all_or_nothing(store: &mut dyn Store) {
    store.commit(&commit([observed(ReplicaId::A, 1, [present(1, "x", 1)])])).expect("fits");
    let before = all(store, &pair());
    let unheard_of = held(99, Reason::Ambiguous);
    let mut bad =
        commit([observed(ReplicaId::B, 1, [present(2, "y", 2)]), gone(1, "x"), unheard_of]);
    bad.blobs.push(build::blob(7, b"seven"));
    assert!(matches!(store.commit(&bad), Err(Error::Corrupt(_))));
    assert_eq!(all(store, &pair()), before);
    assert_eq!(store.journal(None, Seq(0), 10).expect("readable").len(), 1);
    assert_eq!(store.blob(&Digest::from_number(7)).expect("readable"), None);
    assert_eq!(store.history(LinkId(2)).expect("readable"), []);
    assert_eq!(store.commit(&commit([Entry::Closed { exit: 0 }])).expect("fits"), Seq(2));
}

/// Content comes back byte by byte; the first content of a digest stays.
pub fn content_is_kept_by_digest(store: &mut dyn Store) {
    let large: Vec<u8> = (0..300_000_u64).map(|n| (n * n % 251) as u8).collect();
    let mut first = commit([]);
    first.blobs = vec![
        build::blob(1, b""),
        build::blob(2, b"\0two\xff"),
        build::blob(3, &large),
        build::blob(2, b"again"),
    ];
    store.commit(&first).expect("fits");
    first.blobs = vec![build::blob(1, b"other")];
    store.commit(&first).expect("fits");
    let kept = |number| store.blob(&Digest::from_number(number)).expect("readable");
    assert_eq!(kept(1).as_deref(), Some(&b""[..]));
    assert_eq!(kept(2).as_deref(), Some(&b"\0two\xff"[..]));
    assert_eq!(kept(3).as_deref(), Some(&large[..]));
    assert_eq!(kept(4), None);
}

/// Ids that servers give are opaque: case, blanks, accents and NUL count.
pub fn ids_are_compared_byte_by_byte(store: &mut dyn Store) {
    let ids =
        ["AAMkAGa=", "AAMkAGA=", "AAMkAGA", "AAMkAGA ", "é", "e\u{301}", "a\0b", "a", "1", "01"];
    let sightings = ids.iter().zip(1..).map(|(id, n)| present(n, id, n));
    store.commit(&commit([observed(ReplicaId::A, 1, sightings)])).expect("fits");
    for (id, n) in ids.iter().zip(1..) {
        assert_eq!(numbers(&by_ids(store, ReplicaId::A, &[id])), [n], "{id:?}");
    }
}

/// Copies are found by collection, replica and id; each link once, tombstones included.
pub fn copies_are_found_by_id(store: &mut dyn Store) {
    let elsewhere = build::observed_in("c2", ReplicaId::A, 1, [present(4, "w", 4)]);
    store
        .commit(&commit([
            observed(ReplicaId::A, 1, [present(1, "x", 1), present(2, "y", 2)]),
            observed(ReplicaId::B, 1, [present(3, "x", 3)]),
            elsewhere,
            gone(2, "y"),
        ]))
        .expect("fits");
    let found = |replica, ids: &[&str]| numbers(&by_ids(store, replica, ids));
    assert_eq!(found(ReplicaId::A, &["x"]), [1]);
    assert_eq!(found(ReplicaId::B, &["x"]), [3]);
    assert_eq!(found(ReplicaId::A, &["y", "x", "y", "z"]), [1, 2]);
    assert_eq!(found(ReplicaId::A, &["w"]), NONE, "another collection");
    assert_eq!(found(ReplicaId::A, &[]), NONE);
    let named = links(store, &Query::Links([4, 1, 9, 4].map(LinkId).to_vec()));
    assert_eq!(numbers(&named), [1, 4]);
}

/// Pages go by the order of ids, all 64 bits of them.
pub fn links_in_need_are_paged_in_order(store: &mut dyn Store) {
    let ids = [0, 3, u64::MAX / 2, u64::MAX / 2 + 1, u64::MAX];
    let sightings = ids.iter().rev().map(|n| present(*n, &format!("id {n}"), 1));
    let first = commit([configured("one"), observed(ReplicaId::A, 1, sightings)]);
    store.commit(&first).expect("fits");
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = links(store, &Query::Attention { pair: pair(), after, limit: 2 });
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page.iter().map(|link| link.id.0));
    }
    assert_eq!(seen, ids, "a copy on one side only wants a copy on the other");
    store.commit(&commit([intended(3, "k", ReplicaId::B)])).expect("fits");
    assert_eq!(all(store, &pair()).len(), 5);
    let page = Query::All { pair: pair(), after: Some(LinkId(3)), limit: 2 };
    assert_eq!(numbers(&links(store, &page)), [u64::MAX / 2, u64::MAX / 2 + 1]);
}

/// An intent is open until its outcome is known.
pub fn open_intents_are_listed_until_settled(store: &mut dyn Store) {
    store
        .commit(&commit([
            observed(ReplicaId::A, 1, [present(1, "x", 1), present(2, "y", 2)]),
            intended(2, "k2", ReplicaId::B),
            intended(1, "k1", ReplicaId::B),
        ]))
        .expect("fits");
    assert_eq!(numbers(&links(store, &Query::Open(pair()))), [1, 2]);
    let lost = build::settled(1, "k1", Outcome::NotApplied(NotApplied::Lost));
    store.commit(&commit([lost])).expect("fits");
    assert_eq!(numbers(&links(store, &Query::Open(pair()))), [2]);
    store.commit(&commit([applied(2, "k2", "made")])).expect("fits");
    assert_eq!(links(store, &Query::Open(pair())), []);
    assert_eq!(numbers(&by_ids(store, ReplicaId::B, &["made"])), [2]);
}

/// Keys lead to the living links that carry them, and follow what copies hold.
pub fn living_links_are_found_by_identity(store: &mut dyn Store) {
    store
        .commit(&commit([observed(
            ReplicaId::A,
            1,
            [present(1, "x", 7), present(2, "y", 7), present(3, "z", 8)],
        )]))
        .expect("fits");
    let strong = |n| IdentityKey::Strong(Digest::from_number(n));
    let likeness = |n| IdentityKey::Likeness(Digest::from_number(n));
    let found = |store: &dyn Store, keys: &[IdentityKey]| {
        let query =
            Query::Identity { pair: pair(), collection: collection("c1"), keys: keys.to_vec() };
        numbers(&links(store, &query))
    };
    assert_eq!(found(store, &[strong(7)]), [1, 2]);
    assert_eq!(found(store, &[likeness(7)]), NONE, "another kind of key");
    assert_eq!(found(store, &[strong(8), strong(7), strong(8)]), [1, 2, 3]);
    store
        .commit(&commit([observed(ReplicaId::A, 1, [present(1, "x", 9)]), gone(2, "y")]))
        .expect("fits");
    assert_eq!(found(store, &[strong(7)]), NONE);
    assert_eq!(found(store, &[strong(9)]), [1]);
}

/// What an enumeration hasn't shown is listed, unless it is known to be away.
pub fn copies_not_enumerated_are_unseen(store: &mut dyn Store) {
    let away = [sighting(4, "d", Sight::Gone), sighting(5, "e", Sight::Outside)];
    store
        .commit(&commit([
            observed(ReplicaId::A, 1, (1..=6).map(|n| present(n, build::letter(n), n))),
            observed(ReplicaId::A, 1, away),
            observed(ReplicaId::B, 1, [present(7, "a", 7)]),
            observed(ReplicaId::A, 2, [present(2, "b", 2), sighting(6, "f", Sight::Still)]),
        ]))
        .expect("fits");
    let unseen = |epoch, after: Option<u64>, limit| {
        let query = Query::Unseen {
            pair: pair(),
            collection: collection("c1"),
            replica: ReplicaId::A,
            epoch,
            after: after.map(LinkId),
            limit,
        };
        numbers(&links(store, &query))
    };
    assert_eq!(unseen(1, None, 9), NONE);
    assert_eq!(unseen(2, None, 9), [1, 3]);
    assert_eq!(unseen(2, None, 1), [1]);
    assert_eq!(unseen(2, Some(1), 9), [3]);
    assert_eq!(unseen(3, None, 9), [1, 2, 3, 6]);
}

/// A buried link is among all links, and not among those that can be matched.
pub fn tombstones_stay(store: &mut dyn Store) {
    store
        .commit(&commit([
            observed(ReplicaId::A, 1, [present(1, "x", 1), present(2, "y", 2)]),
            gone(1, "x"),
        ]))
        .expect("fits");
    assert_eq!(numbers(&all(store, &pair())), [1, 2]);
    assert!(all(store, &pair())[0].buried);
    assert_eq!(numbers(&by_ids(store, ReplicaId::A, &["x"])), [1]);
}

/// A link is set aside until a person, the item or the rules change.
pub fn what_is_set_aside_is_listed_until_the_rules_change(store: &mut dyn Store) {
    let unreadable = sighting(3, "z", Sight::Unreadable { code: "ErrorCorruptData".into() });
    store
        .commit(&commit([
            configured("one"),
            observed(ReplicaId::A, 1, [present(1, "x", 1), present(2, "y", 2)]),
            observed(ReplicaId::A, 1, [unreadable]),
            held(2, Reason::Ambiguous),
            held(1, Reason::Ambiguous),
        ]))
        .expect("fits");
    assert_eq!(numbers(&links(store, &Query::Held(pair()))), [1, 2, 3]);
    store.commit(&commit([configured("two")])).expect("fits");
    assert_eq!(numbers(&links(store, &Query::Held(pair()))), [3], "still unreadable");
}

/// Conflicts are listed oldest first, of one pair or of all, and closed by a decision.
pub fn conflicts_are_listed_until_decided(store: &mut dyn Store) {
    let met = |first: u64| {
        [
            observed(ReplicaId::A, 1, [present(first, "x", 1)]),
            observed(ReplicaId::B, 1, [present(first + 1, "y", 2)]),
            matched(first, first + 1),
        ]
    };
    store.commit(&commit(met(1))).expect("fits");
    store.commit(&commit([conflicted(1, "subject", ConflictKind::Edit)])).expect("fits");
    let mut other = commit(met(3));
    other.pair = PairId::from("other");
    other.entries.push(conflicted(3, "subject", ConflictKind::FirstContact));
    store.commit(&other).expect("fits");
    store.commit(&commit([conflicted(1, "body", ConflictKind::Edit)])).expect("fits");
    let seqs = |found: &[Conflict]| found.iter().map(|c| c.seq.0).collect::<Vec<_>>();
    assert_eq!(seqs(&conflicts(store, None)), [4, 8, 9]);
    let own = conflicts(store, Some(&pair()));
    assert_eq!(seqs(&own), [4, 9]);
    assert!(own.iter().all(|conflict| conflict.open));
    let resolved =
        Entry::Resolved { link: LinkId(1), field: Some("subject".into()), winner: ReplicaId::B };
    store.commit(&commit([resolved])).expect("fits");
    let own = conflicts(store, Some(&pair()));
    assert_eq!(own.iter().map(|c| c.open).collect::<Vec<_>>(), [false, true]);
    assert_eq!(own[0].what.winner, Some(ReplicaId::B));
}

/// Tombstones don't count; copies count by replica where their link has met.
pub fn links_are_counted(store: &mut dyn Store) {
    store
        .commit(&commit([
            observed(ReplicaId::A, 1, (1..=4).map(|n| present(n, build::letter(n), n))),
            intended(1, "k1", ReplicaId::B),
            applied(1, "k1", "one"),
            intended(2, "k2", ReplicaId::B),
            applied(2, "k2", "two"),
            gone(2, "b"),
            gone(4, "d"),
        ]))
        .expect("fits");
    let present = BTreeMap::from([(ReplicaId::A, 1), (ReplicaId::B, 2)]);
    assert_eq!(counts(store), Counts { links: 3, met: 2, present });
}

/// A history holds every entry that changes the link, and no other.
pub fn a_history_holds_what_touched_the_link(store: &mut dyn Store) {
    store
        .commit(&commit([
            configured("one"),
            observed(ReplicaId::A, 1, [present(1, "x", 1), present(2, "y", 2)]),
            observed(ReplicaId::B, 1, [present(3, "z", 1)]),
            matched(1, 3),
        ]))
        .expect("fits");
    let history = |link| -> Vec<u64> {
        let records = store.history(LinkId(link)).expect("readable");
        records.iter().map(|record| record.seq.0).collect()
    };
    assert_eq!(history(1), [2, 4]);
    assert_eq!(history(2), [2]);
    assert_eq!(history(3), [3, 4], "an absorbed link keeps its history");
    assert_eq!(numbers(&all(store, &pair())), [1, 2]);
    assert_eq!(numbers(&by_ids(store, ReplicaId::B, &["z"])), [1]);
    assert_eq!(link(store, 1).legs.len(), 2);
}

/// One pair's entries never show in another's answers.
pub fn pairs_are_apart(store: &mut dyn Store) {
    let mut other = commit([configured("two"), observed(ReplicaId::A, 1, [present(2, "x", 1)])]);
    other.pair = PairId::from("other");
    store.commit(&commit([observed(ReplicaId::A, 1, [present(1, "x", 1)])])).expect("fits");
    store.commit(&other).expect("fits");
    assert_eq!(numbers(&all(store, &pair())), [1]);
    assert_eq!(numbers(&all(store, &other.pair)), [2]);
    assert_eq!(numbers(&by_ids(store, ReplicaId::A, &["x"])), [1]);
    assert_eq!(counts(store).links, 1);
    assert_eq!(head(store, &pair()).fingerprint, "");
    assert_eq!(head(store, &other.pair).fingerprint, "two");
}

/// Whatever is committed, the store accepts and answers what the reference does.
pub fn random_commits_match_the_reference(store: &mut dyn Store) {
    random::match_the_reference(store, 400);
}

fn head(store: &dyn Store, pair: &PairId) -> Head {
    match store.load(&Query::Head(pair.clone())).expect("readable") {
        Loaded::Head(head) => *head,
        other @ (Loaded::Links(_) | Loaded::Conflicts(_) | Loaded::Counts(_)) => {
            panic!("not a head: {other:?}")
        }
    }
}

fn links(store: &dyn Store, query: &Query) -> Vec<Link> {
    match store.load(query).expect("readable") {
        Loaded::Links(links) => links,
        other @ (Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_)) => {
            panic!("no links: {other:?}")
        }
    }
}

fn conflicts(store: &dyn Store, pair: Option<&PairId>) -> Vec<Conflict> {
    match store.load(&Query::Conflicts(pair.cloned())).expect("readable") {
        Loaded::Conflicts(conflicts) => conflicts,
        other @ (Loaded::Head(_) | Loaded::Links(_) | Loaded::Counts(_)) => {
            panic!("no conflicts: {other:?}")
        }
    }
}

fn counts(store: &dyn Store) -> Counts {
    match store.load(&Query::Counts(pair())).expect("readable") {
        Loaded::Counts(counts) => counts,
        other @ (Loaded::Head(_) | Loaded::Links(_) | Loaded::Conflicts(_)) => {
            panic!("no counts: {other:?}")
        }
    }
}

fn all(store: &dyn Store, pair: &PairId) -> Vec<Link> {
    links(store, &Query::All { pair: pair.clone(), after: None, limit: 1000 })
}

fn by_ids(store: &dyn Store, replica: ReplicaId, ids: &[&str]) -> Vec<Link> {
    let ids = ids.iter().map(|&id| id.into()).collect();
    links(store, &Query::Legs { pair: pair(), collection: collection("c1"), replica, ids })
}

/// The numbers of the links, sorted.
fn numbers(links: &[Link]) -> Vec<u64> {
    let mut numbers: Vec<u64> = links.iter().map(|link| link.id.0).collect();
    numbers.sort_unstable();
    numbers
}

const NONE: [u64; 0] = [];
