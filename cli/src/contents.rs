//! What digests stand for, for people who have the state file.

use items::Content;
use store_sqlite::SqliteStore;
use sync_core::ids::{Digest, Field, LinkId};
use sync_core::port::{Error, Loaded, Query, Store};
use sync_core::state::Link;

/// Content that was never kept, or is kept no more.
pub const UNKNOWN: &str = "(content no longer kept)";

/// Reads content and links.
#[derive(Clone, Copy)]
pub struct Contents<'s> {
    store: &'s SqliteStore,
}

impl<'s> Contents<'s> {
    /// Reads from `store`.
    pub fn new(store: &'s SqliteStore) -> Self {
        Self { store }
    }

    /// The item behind a digest, if it is still kept.
    pub fn content(&self, digest: Option<Digest>) -> Result<Option<Content>, Error> {
        let Some(digest) = digest else { return Ok(None) };
        let bytes = self.store.blob(&digest)?;
        Ok(bytes.and_then(|bytes| Content::from_canonical(&bytes).ok()))
    }

    /// What the item behind a digest is called.
    pub fn title(&self, digest: Option<Digest>) -> Result<String, Error> {
        Ok(self.content(digest)?.map_or_else(|| UNKNOWN.to_owned(), |content| content.title()))
    }

    /// A field of the item behind a digest, in words; `None` where it has none, or isn't kept.
    pub fn field(&self, digest: Option<Digest>, field: &Field) -> Result<Option<String>, Error> {
        Ok(self.content(digest)?.and_then(|content| content.field_text(field)))
    }

    /// The links of these ids that there are.
    pub fn links(&self, ids: &[LinkId]) -> Result<Vec<Link>, Error> {
        links(self.store, Query::Links(ids.to_vec()))
    }

    /// The subject of a link.
    pub fn subject(&self, link: LinkId) -> Result<String, Error> {
        match self.links(&[link])?.first() {
            Some(link) => self.title(link.content()),
            None => Ok(UNKNOWN.to_owned()),
        }
    }
}

/// The links that answer `query`.
pub fn links(store: &dyn Store, query: Query) -> Result<Vec<Link>, Error> {
    match store.load(&query)? {
        Loaded::Links(links) => Ok(links),
        Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_) => {
            Err(Error::Corrupt("the store answered with something else than links".to_owned()))
        }
    }
}

/// What is known of a pair as a whole.
pub fn head(
    store: &dyn Store,
    pair: &sync_core::ids::PairId,
) -> Result<sync_core::state::Head, Error> {
    match store.load(&Query::Head(pair.clone()))? {
        Loaded::Head(head) => Ok(*head),
        Loaded::Links(_) | Loaded::Conflicts(_) | Loaded::Counts(_) => {
            Err(Error::Corrupt("the store answered with something else than a head".to_owned()))
        }
    }
}
