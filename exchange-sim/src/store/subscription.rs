//! Subscriptions to what happens in a mailbox, and the events that the change log tells.

use super::changes::{Cause, Change, Node, What};
use super::folder::{FolderId, Role};
use super::item::Kind;
use super::mailbox::Mailbox;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

/// Places that one line of the log takes among the events; it tells of fewer.
const PLACES: u64 = 8;
/// How long a streaming subscription lives without a connection.
const STREAMING_LIFE: SignedDuration = SignedDuration::from_mins(30);

/// What can be subscribed to (EWS `NotificationEventTypeType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// A copy was made.
    Copied,
    /// Something new was made.
    Created,
    /// Something is gone.
    Deleted,
    /// Something changed; for folders also when what they hold comes and goes.
    Modified,
    /// Something went to another folder.
    Moved,
    /// Mail arrived.
    NewMail,
    /// The owner's free and busy times changed.
    FreeBusyChanged,
}

/// One event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Where it stands among the events of its mailbox.
    pub position: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: EventType,
    /// To what.
    pub node: Node,
    /// The folder it lies in.
    pub parent: FolderId,
    /// For moves and copies: what it was called before, and where it lay.
    pub origin: Option<(Node, FolderId)>,
}

/// How events reach the subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The subscriber asks, at least this often.
    Pull(SignedDuration),
    /// Over a connection that the subscriber holds open.
    Streaming,
    /// By requests to the subscriber; dropped after this long if none gets through.
    Push(SignedDuration),
}

/// Who wants to hear of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The address of the mailbox that is watched, whose owner subscribed.
    pub owner: String,
    /// How events get there.
    pub way: Way,
    /// The folders to watch; `None` for all that people see.
    pub folders: Option<Vec<FolderId>>,
    /// The events wanted.
    pub events: BTreeSet<EventType>,
    /// The event it starts after; of a streaming subscription the last one sent.
    pub position: u64,
    /// When the subscriber was last there.
    pub seen: Timestamp,
}

/// Why a subscription can't be used.
#[derive(Debug, Clone, Copy, thiserror::Error, PartialEq, Eq)]
pub enum SubscriptionError {
    /// Never made, ended, or expired.
    #[error("the subscription was not found")]
    NotFound,
    /// Made for another mailbox.
    #[error("the subscription belongs to somebody else")]
    Foreign,
    /// The mailbox has as many as it may have.
    #[error("there are too many subscriptions")]
    TooMany,
    /// The mailbox has as many connections as it may have.
    #[error("there are too many connections")]
    TooManyConnections,
}

/// The subscriptions of all mailboxes, and the connections over which events are streamed.
#[derive(Debug, Default)]
pub struct Subscriptions {
    by_id: BTreeMap<String, Subscription>,
    /// Whose connections there are; those that are closed are dropped at the next count.
    open: Vec<(String, Weak<()>)>,
}

/// A connection, open until every copy of this is dropped.
pub type Connection = Arc<()>;

impl Subscriptions {
    /// Keeps a subscription under `id` if its mailbox has fewer than `most`.
    pub fn add(
        &mut self,
        id: &str,
        subscription: Subscription,
        most: usize,
    ) -> Result<(), SubscriptionError> {
        let now = subscription.seen;
        self.by_id.retain(|_, kept| kept.is_alive(now));
        let same_owner = |kept: &&Subscription| kept.owner == subscription.owner;
        if self.by_id.values().filter(same_owner).count() >= most {
            return Err(SubscriptionError::TooMany);
        }
        self.by_id.insert(id.to_owned(), subscription);
        Ok(())
    }

    /// Finds the subscription of a mailbox, whose subscriber thereby shows up.
    pub fn visit(
        &mut self,
        id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<&mut Subscription, SubscriptionError> {
        let found = self.by_id.get_mut(id).filter(|found| found.is_alive(now));
        let found = found.ok_or(SubscriptionError::NotFound)?;
        if found.owner != owner {
            return Err(SubscriptionError::Foreign);
        }
        found.seen = now;
        Ok(found)
    }

    /// Opens a connection for a mailbox that has fewer than `most`.
    pub fn connect(&mut self, owner: &str, most: usize) -> Result<Connection, SubscriptionError> {
        self.open.retain(|(_, connection)| connection.strong_count() > 0);
        if self.open.iter().filter(|(other, _)| other == owner).count() >= most {
            return Err(SubscriptionError::TooManyConnections);
        }
        let connection = Connection::default();
        self.open.push((owner.to_owned(), Arc::downgrade(&connection)));
        Ok(connection)
    }

    /// Ends a subscription.
    pub fn end(&mut self, id: &str) {
        self.by_id.remove(id);
    }
}

impl Subscription {
    fn is_alive(&self, now: Timestamp) -> bool {
        let life = match self.way {
            Way::Pull(life) | Way::Push(life) => life,
            Way::Streaming => STREAMING_LIFE,
        };
        now.duration_since(self.seen) <= life
    }

    /// The events after `position`, the oldest first; of a folder's changes only the last.
    pub fn notices(&self, mailbox: &Mailbox, position: u64) -> Vec<Notice> {
        let mut notices: Vec<Notice> =
            mailbox.notices(position).filter(|notice| self.wants(mailbox, notice)).collect();
        let mut last = BTreeMap::new();
        for notice in &notices {
            last.insert((notice.node, notice.event), notice.position);
        }
        notices.retain(|notice| match notice.node {
            Node::Folder(_) => last.get(&(notice.node, notice.event)) == Some(&notice.position),
            Node::Item { .. } => true,
        });
        notices
    }

    fn wants(&self, mailbox: &Mailbox, notice: &Notice) -> bool {
        let itself = match notice.node {
            Node::Folder(id) => Some(id),
            Node::Item { .. } => None,
        };
        let mut places =
            [Some(notice.parent), notice.origin.map(|(_, parent)| parent), itself].into_iter();
        let watched = places.by_ref().flatten().any(|place| match &self.folders {
            Some(folders) => folders.contains(&place),
            None => !mailbox.is_hidden_place(place),
        });
        watched && self.events.contains(&notice.event)
    }
}

impl Mailbox {
    /// The position of the last event so far.
    pub fn event_position(&self) -> u64 {
        (self.log.last().map_or(0, |change| change.seq) + 1) * PLACES - 1
    }

    /// When the event at a position happened; `None` where there is no such event, or no more.
    pub fn event_time(&self, position: u64) -> Option<Timestamp> {
        let seq = position / PLACES;
        match seq.checked_sub(self.first_seq()) {
            Some(line) => self.log.get(usize::try_from(line).ok()?).map(|change| change.at),
            // Before the first line.
            None if seq + 1 == self.first_seq() => {
                Some(self.log.first().map_or(self.now, |c| c.at))
            }
            None => None,
        }
    }

    pub(super) fn first_seq(&self) -> u64 {
        self.log.first().map_or(1, |change| change.seq)
    }

    /// Every event after `position`, the oldest first.
    fn notices(&self, position: u64) -> impl Iterator<Item = Notice> {
        let first = (position / PLACES).saturating_sub(self.first_seq());
        (usize::try_from(first).unwrap_or(usize::MAX)..self.log.len())
            .flat_map(|line| self.told_by(line))
            .filter(move |notice| notice.position > position)
    }

    /// The events that one line of the log tells of; a move has two lines, and the second tells.
    fn told_by(&self, line: usize) -> Vec<Notice> {
        let change = &self.log[line];
        if self.log.get(line + 1).is_some_and(|next| is_move(change, next)) {
            return Vec::new();
        }
        let before = line.checked_sub(1).map(|before| &self.log[before]);
        let before = before.filter(|before| is_move(before, change));
        let (event, origin) = match (change.what, before, change.cause) {
            (What::Created, Some(before), _) => {
                (EventType::Moved, Some((before.node, before.parent)))
            }
            (What::Created, None, Cause::Copied(node, parent)) => {
                (EventType::Copied, Some((node, parent)))
            }
            (What::Created, None, Cause::Made | Cause::Delivered) => (EventType::Created, None),
            (What::Changed | What::ReadFlag, _, _) => (EventType::Modified, None),
            (What::Deleted, _, _) => (EventType::Deleted, None),
        };
        let mut told = Vec::new();
        let mut tell = |event, node, parent, origin| {
            let position = change.seq * PLACES + told.len() as u64;
            told.push(Notice { position, at: change.at, event, node, parent, origin });
        };
        match (event, origin) {
            // What can only be recovered is gone for those who watch.
            (EventType::Moved, Some((node, parent))) if self.is_hidden_place(change.parent) => {
                tell(EventType::Deleted, node, parent, None);
            }
            (_, _) => tell(event, change.node, change.parent, origin),
        }
        let Node::Item { .. } = change.node else { return told };
        if change.what == What::Created && change.cause == Cause::Delivered {
            tell(EventType::NewMail, change.node, change.parent, None);
        }
        let places = [Some(change.parent), before.map(|before| before.parent)];
        if places.contains(&Some(self.role(Role::Calendar))) {
            tell(EventType::FreeBusyChanged, change.node, change.parent, None);
        }
        if change.what != What::Changed {
            for place in places.into_iter().flatten() {
                let above = self.folder(place).ok().and_then(|folder| folder.parent);
                if let Some(above) = above {
                    tell(EventType::Modified, Node::Folder(place), above, None);
                }
            }
        }
        told
    }

    /// Whether a folder that is there lies outside what people see.
    fn is_hidden_place(&self, folder: FolderId) -> bool {
        let visible = self.role(Role::MsgFolderRoot);
        self.folder(folder).is_ok() && folder != visible && !self.is_below(folder, visible)
    }

    /// Whether what a node names, or named when it was there, is an event rather than a message.
    pub fn was_event(&self, node: Node, parent: FolderId) -> bool {
        let current = match node {
            Node::Item { id, .. } => self.item(id).ok(),
            Node::Folder(_) => None,
        };
        match current {
            Some(item) => matches!(item.content.kind, Kind::Event(_)),
            None => self.folder(parent).is_ok_and(|folder| folder.is_calendar()),
        }
    }
}

/// Whether two lines that follow each other are the two ends of a move.
fn is_move(left: &Change, arrived: &Change) -> bool {
    let same = match (left.node, arrived.node) {
        (Node::Item { id: a, .. }, Node::Item { id: b, .. }) => a == b,
        (Node::Folder(a), Node::Folder(b)) => a == b,
        (Node::Item { .. }, Node::Folder(_)) | (Node::Folder(_), Node::Item { .. }) => false,
    };
    same && left.what == What::Deleted && arrived.what == What::Created
}

#[cfg(test)]
mod tests {
    use super::super::{Content, DeleteType, World};
    use super::*;
    use crate::Config;

    fn everything(mailbox: &Mailbox) -> Subscription {
        Subscription {
            owner: mailbox.address.clone(),
            way: Way::Streaming,
            folders: None,
            events: [
                EventType::Copied,
                EventType::Created,
                EventType::Deleted,
                EventType::Modified,
                EventType::Moved,
                EventType::NewMail,
                EventType::FreeBusyChanged,
            ]
            .into(),
            position: mailbox.event_position(),
            seen: mailbox.now,
        }
    }

    #[test]
    fn the_log_tells_moves_copies_and_deletions_apart() {
        let mut world = World::new(Config::default());
        let mailbox = world.add_mailbox("anna@contoso.example", "secret");
        let inbox = mailbox.role(Role::Inbox);
        let archive = mailbox.role(Role::Archive);
        let subscription = everything(mailbox);
        let id = mailbox.create(inbox, Content::message("x")).expect("made");
        mailbox.move_item(id, archive).expect("moved");
        mailbox.copy_item(id, inbox).expect("copied");
        mailbox.delete(id, DeleteType::SoftDelete).expect("deleted");
        let told = subscription.notices(mailbox, subscription.position);
        let items: Vec<EventType> = told
            .iter()
            .filter(|notice| matches!(notice.node, Node::Item { .. }))
            .map(|notice| notice.event)
            .collect();
        use EventType::{Copied, Created, Deleted, Moved};
        assert_eq!(items, [Created, Moved, Copied, Deleted]);
        let moved = told.iter().find(|notice| notice.event == Moved).expect("a move");
        assert_eq!(moved.origin, Some((Node::Item { id, moves: 0 }, inbox)));
        let folders = told.iter().filter(|notice| matches!(notice.node, Node::Folder(_))).count();
        assert_eq!(folders, 2, "each folder's change once: {told:?}");
        // Going on from any event gives those after it.
        let rest = subscription.notices(mailbox, moved.position);
        assert!(rest.iter().all(|notice| notice.position > moved.position));
        assert!(subscription.notices(mailbox, mailbox.event_position()).is_empty());
    }
}
