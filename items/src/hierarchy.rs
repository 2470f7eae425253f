//! A mailbox's list of folders as a folder of its own, whose items are the folders.
//!
//! No server tells the changes of such a list in a way that says enough, and it is short: it is
//! read whole each time, and compared with what the cursor remembers of it.

use std::collections::BTreeMap;
use sync_core::ids::{Cursor, RemoteId, Version};
use sync_core::port::{Change, Failure, Fetched, Hint, Page, Remote, Sighted, Trouble};

/// The list of a mailbox's calendars as a replica: its items are calendars, and it has one folder,
/// whatever that is called.
pub trait Hierarchy: Remote {
    /// What the last listing left out that people would look for, in sentences.
    fn left_out(&self) -> Vec<String>;
}

/// The whole list as a page of changes after `cursor`.
pub fn page(listed: Vec<(RemoteId, Sighted)>, cursor: Option<&Cursor>) -> Result<Page, Failure> {
    let seen: BTreeMap<RemoteId, Option<Version>> = match cursor {
        None => BTreeMap::new(),
        Some(cursor) => serde_json::from_str(cursor.as_str()).map_err(|error| {
            Failure::CursorExpired(Trouble::new("malformed-cursor", error.to_string()))
        })?,
    };
    let now: BTreeMap<RemoteId, Option<Version>> =
        listed.iter().map(|(id, item)| (id.clone(), item.rendition.version.clone())).collect();
    let gone = seen.keys().filter(|id| !now.contains_key(*id));
    let gone: Vec<Change> = gone.map(|id| Change { id: id.clone(), hint: Hint::Gone }).collect();
    let is_news = |(id, item): &(RemoteId, Sighted)| {
        item.rendition.version.is_none() || seen.get(id) != Some(&item.rendition.version)
    };
    let changed = listed.into_iter().filter(is_news).map(|(id, item)| {
        let version = item.rendition.version.clone();
        Change { id, hint: Hint::Changed { version, item: Some(Box::new(item)) } }
    });
    let changes = gone.into_iter().chain(changed).collect();
    let cursor = serde_json::to_string(&now).expect("ids and versions are texts");
    Ok(Page { changes, cursor: Cursor(cursor), more: false })
}

/// These folders, as the list has them.
pub fn fetched(listed: &[(RemoteId, Sighted)], ids: &[RemoteId]) -> Vec<Fetched> {
    let find = |id: &RemoteId| match listed.iter().find(|(listed, _)| listed == id) {
        Some((_, item)) => Fetched::Found(Box::new(item.clone())),
        None => Fetched::Missing,
    };
    ids.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Digester, Folder};

    fn listed(folders: &[(&str, &str)]) -> Vec<(RemoteId, Sighted)> {
        let digester = Digester::new([7; 32]);
        let sighted = |version: &str| {
            Folder::named("x").sighted(&digester, Some(Version::from(version)), None)
        };
        folders.iter().map(|(id, version)| (RemoteId::from(*id), sighted(version))).collect()
    }

    fn told(page: &Page) -> Vec<String> {
        let tell = |change: &Change| match &change.hint {
            Hint::Changed { item, .. } => format!("{}{}", change.id, item.iter().len()),
            Hint::Gone => format!("-{}", change.id),
        };
        page.changes.iter().map(tell).collect()
    }

    #[test]
    fn a_list_becomes_a_stream_of_changes() {
        let first = page(listed(&[("a", "1"), ("b", "1")]), None).expect("no cursor");
        assert_eq!(told(&first), ["a1", "b1"]);
        let same = page(listed(&[("a", "1"), ("b", "1")]), Some(&first.cursor)).expect("ours");
        assert!(same.changes.is_empty());
        assert_eq!(same.cursor, first.cursor);
        let next = page(listed(&[("b", "2"), ("c", "1")]), Some(&first.cursor)).expect("ours");
        assert_eq!(told(&next), ["-a", "b1", "c1"]);
        let bad = page(vec![], Some(&Cursor::from("x")));
        assert!(matches!(bad, Err(Failure::CursorExpired(_))));
    }
}
