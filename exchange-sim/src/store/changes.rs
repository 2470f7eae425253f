//! The change log and the cursors into it: behind SyncFolderItems and delta alike.
//!
//! Sync is at-least-once on both faces: now and then a page begins with the last entry of the page
//! before (`Config::repeat_one_in`).

use super::folder::FolderId;
use super::item::{Item, ItemId};
use super::mailbox::Mailbox;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Cursors kept of a mailbox; older ones are unknown.
const CURSORS_MAX: usize = 10_000;

/// Lines of the log and entries of rounds kept of a mailbox at least, and how many more an item is
/// worth. A cursor from before the log has expired, one whose round is forgotten is unknown.
const LINES_MIN: usize = 100_000;
const LINES_PER_ITEM: usize = 4;
const ENTRIES_MIN: usize = 1_000_000;
const ENTRIES_PER_ITEM: usize = 20;

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// An item as it was called after so many moves.
    Item {
        /// The item.
        id: ItemId,
        /// Its moves at that time.
        moves: u32,
    },
    /// A folder.
    Folder(FolderId),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new in this folder.
    Created,
    /// It changed.
    Changed,
    /// Only its read flag changed.
    ReadFlag,
    /// It left this folder.
    Deleted,
}

/// Where something new came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// Somebody made it here.
    Made,
    /// It is a copy of what lay in a folder.
    Copied(Node, FolderId),
    /// It is mail that arrived.
    Delivered,
}

/// One line of the log.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) seq: u64,
    pub(super) parent: FolderId,
    pub(super) node: Node,
    pub(super) what: What,
    pub(super) cause: Cause,
    pub(super) at: Timestamp,
}

/// Which changes a cursor follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The items of one folder.
    Items(FolderId),
    /// The folders anywhere below one.
    Folders(FolderId),
}

/// A half-open time window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant inside.
    pub start: Timestamp,
    /// First instant outside.
    pub end: Timestamp,
}

impl Window {
    /// Whether something from `start` to `end` touches it; without duration it counts at its instant.
    pub fn touches(self, start: Timestamp, end: Timestamp) -> bool {
        start < self.end && (end > self.start || start == self.start)
    }
}

/// What a cursor is bound to; a token used for another feed is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The operation that gave the token out, such as `SyncFolderItems`.
    pub operation: String,
    /// What is followed.
    pub scope: Scope,
    /// Only events in it are enumerated at first; later changes come whatever their time.
    pub window: Option<Window>,
}

/// One entry of a page; the face renders the item as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// What it is about.
    pub node: Node,
    /// The net effect since the cursor was given out.
    pub what: What,
}

/// A page of changes.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest first.
    pub entries: Vec<Entry>,
    /// The token to go on with.
    pub token: String,
    /// Whether more pages of this round follow.
    pub more: bool,
}

/// Why a token is refused.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum CursorError {
    /// Never given out here.
    #[error("unknown sync token")]
    Unknown,
    /// Given out for another folder, operation or window.
    #[error("the sync token belongs to something else")]
    Foreign,
    /// Given out, and gone.
    #[error("the sync token has expired")]
    Expired,
}

/// A place in a feed: the rest of a round, and where the next round starts.
#[derive(Debug, Clone)]
pub struct Cursor {
    feed: Feed,
    entries: Arc<[Entry]>,
    next: usize,
    upto: u64,
    expired: bool,
}

impl Cursor {
    /// What it is bound to.
    pub fn feed(&self) -> &Feed {
        &self.feed
    }
}

impl Mailbox {
    /// Appends to the log.
    pub(super) fn record(&mut self, parent: FolderId, node: Node, what: What) {
        let seq = self.log.last().map_or(1, |change| change.seq + 1);
        let at = self.now;
        self.log.push(Change { seq, parent, node, what, cause: Cause::Made, at });
        if self.log.len() > LINES_MIN + LINES_PER_ITEM * self.items.len() {
            // Some at once, so that it isn't done with each line.
            self.log.drain(..self.log.len() / 4);
        }
    }

    /// Says where what the last line of the log tells of came from.
    pub(super) fn explain(&mut self, cause: Cause) {
        if let Some(change) = self.log.last_mut() {
            change.cause = cause;
        }
    }

    /// Finds the cursor of a token.
    pub fn cursor(&self, token: &str) -> Result<&Cursor, CursorError> {
        let cursor = self.cursors.get(token).ok_or(CursorError::Unknown)?;
        if cursor.expired { Err(CursorError::Expired) } else { Ok(cursor) }
    }

    /// Makes every token given out so far expire.
    pub fn expire_cursors(&mut self) {
        for cursor in self.cursors.values_mut() {
            cursor.expired = true;
        }
    }

    /// Whether this is one of the times when a page is odd: with a repeated entry, or empty.
    pub fn odd(&mut self) -> bool {
        self.repeat_one_in > 0 && self.rng.below(self.repeat_one_in) == 0
    }

    /// The next page of `feed`, at most `max` entries; without a token a full enumeration begins.
    /// With `max` 0 the page is empty and its token leads to the first entries.
    /// A token may be used again: it leads to the same page, rendered anew.
    pub fn sync_page(
        &mut self,
        feed: &Feed,
        token: Option<&str>,
        max: usize,
    ) -> Result<Page, CursorError> {
        self.arranged_page(feed, token, max, |_, entries| entries)
    }

    /// The same, of a feed that lists less or in another order: `arrange` gets the entries of a round
    /// when it begins.
    pub fn arranged_page(
        &mut self,
        feed: &Feed,
        token: Option<&str>,
        max: usize,
        arrange: impl FnOnce(&Mailbox, Vec<Entry>) -> Vec<Entry>,
    ) -> Result<Page, CursorError> {
        let round = |entries| self.round(feed, arrange(self, entries));
        let cursor = match token {
            None => round(self.first_entries(feed)),
            Some(token) => {
                let cursor = self.cursor(token)?;
                if cursor.feed != *feed {
                    return Err(CursorError::Foreign);
                }
                let cursor = cursor.clone();
                if cursor.next < cursor.entries.len() {
                    cursor
                } else if cursor.upto + 1 < self.first_seq() {
                    return Err(CursorError::Expired);
                } else {
                    round(self.later_entries(feed, cursor.upto))
                }
            }
        };
        Ok(self.cut(cursor, max))
    }

    fn cut(&mut self, cursor: Cursor, max: usize) -> Page {
        let mut from = cursor.next;
        if from > 0 && max > 1 && self.odd() {
            from -= 1;
        }
        let to = self.page_end(&cursor, from, max);
        let entries = cursor.entries[from..to].to_vec();
        let more = to < cursor.entries.len();
        let token = self.new_token();
        self.keep(token.clone(), Cursor { next: to, ..cursor });
        Page { entries, token, more }
    }

    /// Keeps a cursor, and forgets the oldest ones where they are too many or hold too much.
    fn keep(&mut self, token: String, mut cursor: Cursor) {
        if cursor.next == cursor.entries.len() {
            // The next round begins anew: nothing of this one is needed any more.
            cursor = Cursor { entries: Arc::new([]), next: 0, ..cursor };
        }
        if Arc::strong_count(&cursor.entries) == 1 {
            self.entries_held += cursor.entries.len();
        }
        self.cursors.insert(token.clone(), cursor);
        self.tokens.push_back(token);
        let entries_max = ENTRIES_MIN + ENTRIES_PER_ITEM * self.items.len();
        while self.tokens.len() > CURSORS_MAX
            || (self.entries_held > entries_max && self.tokens.len() > 1)
        {
            let oldest = self.tokens.pop_front().and_then(|token| self.cursors.remove(&token));
            if let Some(oldest) = oldest
                && Arc::strong_count(&oldest.entries) == 1
            {
                self.entries_held -= oldest.entries.len();
            }
        }
    }

    /// Where a page of `max` that begins at `from` ends. In a window a series is not split, and may
    /// exceed what a page holds (microsoftgraph/microsoft-graph-docs#7352).
    fn page_end(&self, cursor: &Cursor, from: usize, max: usize) -> usize {
        let Some(window) = cursor.feed.window else {
            return (from + max).min(cursor.entries.len());
        };
        let size = |entry: &Entry| match entry.node {
            Node::Item { id, .. } => self.item(id).map_or(1, |item| item.size_in(window)),
            Node::Folder(_) => 1,
        };
        let mut held: usize = cursor.entries[from..cursor.next].iter().map(size).sum();
        let mut to = cursor.next;
        while let Some(entry) = cursor.entries.get(to)
            && (held < max || to == cursor.next)
            && max > 0
        {
            held += size(entry);
            to += 1;
        }
        to
    }

    fn first_entries(&self, feed: &Feed) -> Vec<Entry> {
        let mut nodes: Vec<(u64, Node)> = match feed.scope {
            Scope::Items(folder) => self
                .items_in(folder)
                .filter(|item| inside(item, feed.window))
                .map(|item| (item.change, Node::Item { id: item.id, moves: item.moves }))
                .collect(),
            Scope::Folders(root) => self
                .folders
                .values()
                .filter(|folder| folder.id != root && self.is_below(folder.id, root))
                .map(|folder| (folder.change, Node::Folder(folder.id)))
                .collect(),
        };
        nodes.sort_by(|a, b| b.cmp(a));
        let created = |(_, node)| Entry { node, what: What::Created };
        nodes.into_iter().map(created).collect()
    }

    fn later_entries(&self, feed: &Feed, since: u64) -> Vec<Entry> {
        // First and last change of each node, and the place of the last.
        let mut nodes: BTreeMap<Node, (What, What, u64)> = BTreeMap::new();
        // Sequence numbers have no gaps.
        let known = (since + 1).saturating_sub(self.first_seq());
        for change in self.log.iter().skip(known as usize) {
            let followed = match (feed.scope, change.node) {
                (Scope::Items(folder), Node::Item { .. }) => change.parent == folder,
                (Scope::Folders(root), Node::Folder(_)) => {
                    change.parent == root || self.is_below(change.parent, root)
                }
                (Scope::Items(_), Node::Folder(_)) | (Scope::Folders(_), Node::Item { .. }) => {
                    false
                }
            };
            if !followed {
                continue;
            }
            let seen = nodes.entry(change.node).or_insert((change.what, change.what, 0));
            let last = match (seen.1, change.what) {
                (What::Changed, What::ReadFlag) => What::Changed,
                (_, what) => what,
            };
            *seen = (seen.0, last, change.seq);
        }
        let mut net: Vec<(u64, Entry)> = nodes
            .into_iter()
            .filter_map(|(node, (first, last, seq))| {
                let what = match (first, last) {
                    (What::Created, What::Deleted) => return None,
                    (_, What::Deleted) => What::Deleted,
                    (What::Created, _) => What::Created,
                    // It left and came back: a folder moved within what is followed.
                    (What::Deleted, _) => What::Changed,
                    (_, last) => last,
                };
                Some((seq, Entry { node, what }))
            })
            .collect();
        net.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        net.into_iter().map(|(_, entry)| entry).collect()
    }

    fn round(&self, feed: &Feed, entries: Vec<Entry>) -> Cursor {
        Cursor {
            feed: feed.clone(),
            entries: entries.into(),
            next: 0,
            upto: self.log.last().map_or(0, |change| change.seq),
            expired: false,
        }
    }
}

fn inside(item: &Item, window: Option<Window>) -> bool {
    window.is_none_or(|window| item.is_in(window))
}

#[cfg(test)]
mod tests {
    use super::super::World;
    use super::super::folder::Role;
    use super::*;
    use crate::Config;

    #[test]
    fn only_the_newest_tokens_are_kept() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let feed = Feed {
            operation: "SyncFolderItems".to_owned(),
            scope: Scope::Items(mailbox.role(Role::Calendar)),
            window: None,
        };
        let first = mailbox.sync_page(&feed, None, 1).expect("a page").token;
        let mut last = first.clone();
        for _ in 1..CURSORS_MAX {
            last = mailbox.sync_page(&feed, Some(&last), 1).expect("a page").token;
        }
        assert!(mailbox.cursor(&first).is_ok());
        last = mailbox.sync_page(&feed, Some(&last), 1).expect("a page").token;
        assert_eq!(mailbox.cursor(&first).err(), Some(CursorError::Unknown));
        assert!(mailbox.cursor(&last).is_ok());
        assert_eq!(mailbox.cursors.len(), CURSORS_MAX);
    }

    #[test]
    fn log_and_rounds_are_bounded() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let folder = mailbox.role(Role::Calendar);
        let feed = Feed {
            operation: "delta".to_owned(),
            scope: Scope::Folders(mailbox.role(Role::Root)),
            window: None,
        };
        let mut page = mailbox.sync_page(&feed, None, 1).expect("a page");
        let middle = page.token.clone();
        while page.more {
            page = mailbox.sync_page(&feed, Some(&page.token), 5).expect("a page");
        }
        let early = page.token;
        for _ in 0..=LINES_MIN {
            mailbox.record(folder, Node::Folder(folder), What::Changed);
        }
        assert!(mailbox.log.len() <= LINES_MIN);
        // A round that has begun goes on; a new one would have a gap.
        assert!(mailbox.sync_page(&feed, Some(&middle), 1).is_ok());
        let error = mailbox.sync_page(&feed, Some(&early), 1).err();
        assert_eq!(error, Some(CursorError::Expired));
        let held = mailbox.entries_held;
        let begun = mailbox.sync_page(&feed, None, 1).expect("a page").token;
        assert!(mailbox.entries_held > held);
        for _ in 0..CURSORS_MAX {
            mailbox.sync_page(&feed, Some(&begun), 1000).expect("a page");
        }
        assert_eq!(mailbox.cursor(&begun).err(), Some(CursorError::Unknown));
        assert_eq!(mailbox.entries_held, 0);
    }
}
