//! The suite that every store passes.

use crate::Place;
use crate::state::{LEASE_MS, NOW_MS, seed};
use std::ops::{Deref, DerefMut};
use store_sqlite::{Holder, SqliteStore};

struct Kept {
    store: SqliteStore,
    _place: Place,
}

impl Deref for Kept {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

impl DerefMut for Kept {
    fn deref_mut(&mut self) -> &mut SqliteStore {
        &mut self.store
    }
}

fn make() -> Kept {
    let place = Place::new();
    let mut store = SqliteStore::create_or_open(&place.file(), &seed).expect("a new file");
    store.acquire(NOW_MS, &Holder::this_process(), LEASE_MS).expect("nobody holds it");
    Kept { store, _place: place }
}

sync_core::store_conformance!(make);

mod files {
    use super::{Kept, make};
    use std::ops::Deref;
    use store_sqlite::SqliteFiles;

    /// The files of a state file whose store is in use.
    struct Shelf {
        files: SqliteFiles,
        _kept: Kept,
    }

    impl Deref for Shelf {
        type Target = SqliteFiles;

        fn deref(&self) -> &SqliteFiles {
            &self.files
        }
    }

    sync_core::files_conformance!(|| {
        let kept = make();
        Shelf { files: kept.files().expect("a sound file"), _kept: kept }
    });
}

/// What the suite's random commits leave behind is what the journal says.
#[test]
fn projections_are_what_the_journal_says() {
    let mut kept = make();
    sync_core::conformance::random_commits_match_the_reference(&mut kept.store);
    assert_eq!(kept.verify().expect("a sound file"), []);
    kept.rebuild(NOW_MS).expect("the lock is ours");
    assert_eq!(kept.verify().expect("a sound file"), []);
}
