//! Facts come in: pages of changes, and the reads that confirm them.

use super::{Effect, Ended, Engine, Event, Stop, blob_of};
use crate::ids::{CollectionId, Cursor, FolderId, LinkId, RemoteId, ReplicaId};
use crate::journal::{
    Advance, Applied, Entry, Observed, Op, Outcome, Proof, Sight, Sighting, Stage,
};
use crate::port::{Blob, Change, Failure, Fetched, Hint, Page, Query, Sighted};
use crate::state::{Leg, Link, OpenIntent, Seen};
use std::collections::BTreeMap;

/// Links read or judged at a time.
pub(super) const CHUNK: usize = 256;
/// How often a run begins a stream anew because its replica forgot the cursor.
const LOSSES_MAX: u32 = 3;

/// A replica's stream of changes for one collection.
#[derive(Debug, Clone)]
struct Source {
    collection: CollectionId,
    replica: ReplicaId,
    folder: FolderId,
    cursor: Option<Cursor>,
    epoch: u64,
    stage: Stage,
    /// Whether there may be more to read.
    open: bool,
    /// How often the replica forgot where we were, in this run.
    losses: u32,
}

/// A page on its way into the journal.
struct Draft {
    known: BTreeMap<RemoteId, Link>,
    sightings: BTreeMap<RemoteId, Sighting>,
    blobs: Vec<Blob>,
    /// Copies to be read whole before anything is recorded of them.
    unread: Vec<RemoteId>,
    /// Creates in doubt that turned out to have happened: their copies were seen.
    settled: Vec<Entry>,
}

impl Engine<'_> {
    /// Reads every stream to its end. `Some` where the run can't go on.
    pub(super) fn pull_all(&mut self) -> Result<Option<Ended>, Stop> {
        let mut sources = self.sources()?;
        while sources.iter().any(|s| s.open) {
            let effects = sources.iter().filter(|s| s.open).map(Source::pull).collect();
            let events = self.world.perform(effects)?;
            let open = sources.iter_mut().filter(|s| s.open);
            for (source, event) in open.zip(events) {
                let Event::Pulled(pulled) = event else { return Err(Stop::Confused("a pull")) };
                if let Some(ended) = self.take(source, pulled)? {
                    return Ok(Some(ended));
                }
            }
        }
        Ok(None)
    }

    fn sources(&mut self) -> Result<Vec<Source>, Stop> {
        let head = self.head()?;
        let mut sources = vec![];
        for (collection, folders) in &self.order.configured.collections {
            for (replica, folder) in folders {
                let track = head.track(collection, *replica);
                let enumerates = track.cursor.is_none();
                sources.push(Source {
                    collection: collection.clone(),
                    replica: *replica,
                    folder: folder.clone(),
                    epoch: if enumerates { track.epoch + 1 } else { track.epoch },
                    stage: if enumerates { Stage::Enumerating } else { track.stage },
                    cursor: track.cursor,
                    open: true,
                    losses: 0,
                });
            }
        }
        Ok(sources)
    }

    fn take(
        &mut self,
        source: &mut Source,
        pulled: Result<Page, Failure>,
    ) -> Result<Option<Ended>, Stop> {
        match pulled {
            Ok(page) => {
                self.succeeded(source.replica);
                self.page(source, page)
            }
            Err(Failure::CursorExpired(_))
                if source.cursor.is_some() && source.losses < LOSSES_MAX =>
            {
                let (collection, replica) = (source.collection.clone(), source.replica);
                self.commit(vec![Entry::CursorLost { collection, replica }], vec![])?;
                source.losses += 1;
                source.cursor = None;
                source.epoch += 1;
                source.stage = Stage::Enumerating;
                Ok(None)
            }
            Err(failure) => self.read_failed(source.replica, failure),
        }
    }

    /// After a read that failed: waits and goes on, or says how the run ends.
    pub(super) fn read_failed(
        &mut self,
        replica: ReplicaId,
        failure: Failure,
    ) -> Result<Option<Ended>, Stop> {
        let retry = match failure {
            Failure::Throttled { .. } | Failure::Transient(_) | Failure::InDoubt(_) => {
                self.pause(replica, &failure)?
            }
            Failure::CursorExpired(_)
            | Failure::Unauthorized(_)
            | Failure::Stale(_)
            | Failure::Missing(_)
            | Failure::Permanent(_) => false,
        };
        Ok((!retry).then_some(Ended::Failed { replica, failure }))
    }

    fn page(&mut self, source: &mut Source, page: Page) -> Result<Option<Ended>, Stop> {
        let mut draft = self.draft(source, &page)?;
        if let Some(ended) = self.read_into(source, &mut draft)? {
            return Ok(Some(ended));
        }
        let enumerates = source.stage != Stage::Following;
        if enumerates && !page.more {
            source.stage = Stage::Reconciling;
        }
        let done = source.cursor.as_ref() == Some(&page.cursor) && draft.sightings.is_empty();
        if !done || enumerates {
            let advance = Advance { cursor: page.cursor.clone(), stage: source.stage };
            self.observed(source, draft, Some(advance))?;
        }
        source.cursor = Some(page.cursor);
        source.open = page.more;
        if source.stage == Stage::Reconciling {
            return self.reconcile(source);
        }
        Ok(None)
    }

    /// Sorts a page: what is known already, what came whole, what has to be read.
    fn draft(&mut self, source: &Source, page: &Page) -> Result<Draft, Stop> {
        // The same item may occur more than once; the last entry counts.
        let changes: BTreeMap<&RemoteId, &Change> =
            page.changes.iter().map(|change| (&change.id, change)).collect();
        let ids = changes.keys().map(|id| (*id).clone()).collect();
        let mut draft = self.known(source, ids)?;
        for (id, change) in changes {
            let leg = draft.leg(id, source.replica);
            match &change.hint {
                Hint::Gone if leg.is_some_and(|leg| matches!(leg.seen, Seen::Gone)) => {}
                // Of an item that we never knew, too: a stream may say so of one that stands.
                Hint::Gone => draft.unread.push(id.clone()),
                Hint::Changed { version, .. }
                    if leg.is_some_and(|leg| is_known(leg, version.as_ref())) =>
                {
                    if source.stage != Stage::Following {
                        draft.sight(id, source.replica, Sight::Still);
                    }
                }
                Hint::Changed { item: Some(item), .. } => {
                    self.found(source, &mut draft, id, (**item).clone())?;
                }
                Hint::Changed { item: None, .. } => draft.unread.push(id.clone()),
            }
        }
        Ok(draft)
    }

    fn known(&mut self, source: &Source, ids: Vec<RemoteId>) -> Result<Draft, Stop> {
        let mut known = BTreeMap::new();
        if !ids.is_empty() {
            let links = self.links(Query::Legs {
                pair: self.order.pair.clone(),
                collection: source.collection.clone(),
                replica: source.replica,
                ids,
            })?;
            for link in links {
                let Some(leg) = link.legs.get(&source.replica) else { continue };
                // An id may stand on two links: one that lost it, and one that has it.
                if matches!(leg.seen, Seen::Gone) {
                    known.entry(leg.id.clone()).or_insert(link);
                } else {
                    known.insert(leg.id.clone(), link);
                }
            }
        }
        Ok(Draft {
            known,
            sightings: BTreeMap::new(),
            blobs: vec![],
            unread: vec![],
            settled: vec![],
        })
    }

    /// Reads what a page didn't carry whole, and confirms what it says is gone.
    fn read_into(&mut self, source: &Source, draft: &mut Draft) -> Result<Option<Ended>, Stop> {
        let unread = std::mem::take(&mut draft.unread);
        for ids in unread.chunks(CHUNK) {
            loop {
                match self.fetch(source, ids)? {
                    Ok(fetched) => {
                        self.succeeded(source.replica);
                        for (id, fetched) in ids.iter().zip(fetched) {
                            self.read(source, draft, id, fetched)?;
                        }
                        break;
                    }
                    Err(failure) => {
                        if let Some(ended) = self.read_failed(source.replica, failure)? {
                            return Ok(Some(ended));
                        }
                    }
                }
            }
        }
        Ok(None)
    }

    fn fetch(
        &mut self,
        source: &Source,
        ids: &[RemoteId],
    ) -> Result<Result<Vec<Fetched>, Failure>, Stop> {
        let effect = Effect::Fetch {
            replica: source.replica,
            folder: source.folder.clone(),
            ids: ids.to_vec(),
        };
        match self.world.perform(vec![effect])?.pop() {
            Some(Event::Fetched(Ok(fetched))) if fetched.len() != ids.len() => {
                Err(Stop::Confused("a fetch"))
            }
            Some(Event::Fetched(result)) => Ok(result),
            Some(
                Event::Committed { .. }
                | Event::Loaded(_)
                | Event::Pulled(_)
                | Event::Written(_)
                | Event::Probed(_)
                | Event::Woke { .. },
            )
            | None => Err(Stop::Confused("a fetch")),
        }
    }

    fn read(
        &mut self,
        source: &Source,
        draft: &mut Draft,
        id: &RemoteId,
        fetched: Fetched,
    ) -> Result<(), Stop> {
        let sight = match fetched {
            Fetched::Found(item) => return self.found(source, draft, id, *item),
            Fetched::Missing => Sight::Gone,
            Fetched::Outside => Sight::Outside,
            Fetched::Unreadable(trouble) => {
                if draft.leg(id, source.replica).is_none() {
                    let link = self.new_link();
                    let sight = Sight::Unreadable { code: trouble.code };
                    let sighting = Sighting { link, id: id.clone(), sight };
                    draft.sightings.insert(id.clone(), sighting);
                    return Ok(());
                }
                Sight::Unreadable { code: trouble.code }
            }
        };
        // Of a copy that we never knew, there is nothing to say.
        draft.sight(id, source.replica, sight);
        Ok(())
    }

    fn found(
        &mut self,
        source: &Source,
        draft: &mut Draft,
        id: &RemoteId,
        item: Sighted,
    ) -> Result<(), Stop> {
        let link = match draft.known.get(id) {
            // A deleted copy that is back while we are making another in its place is an original,
            // to which ours is to yield.
            Some(link) if is_replaced(link, source.replica) => self.new_link(),
            Some(link) => link.id,
            None => match self.recognised(source, draft, id, &item)? {
                Some(link) => link,
                None => self.new_link(),
            },
        };
        draft.blobs.extend(blob_of(item.rendition.content, item.content));
        let sight = Sight::Present { rendition: item.rendition, stamped: item.stamp };
        draft.sightings.insert(id.clone(), Sighting { link, id: id.clone(), sight });
        Ok(())
    }

    /// The link of a copy that is new here and carries a stamp. Copies that people make carry it
    /// along, so it counts only while its create is open, or when the id that it was written to is
    /// gone, as after a move on EWS.
    fn recognised(
        &mut self,
        source: &Source,
        draft: &mut Draft,
        id: &RemoteId,
        item: &Sighted,
    ) -> Result<Option<LinkId>, Stop> {
        let Some(stamp) = &item.stamp else { return Ok(None) };
        let link = self.links(Query::Links(vec![stamp.link]))?.pop();
        let Some(link) = link.filter(|l| l.collection == source.collection && !l.buried) else {
            return Ok(None);
        };
        let taken = draft
            .sightings
            .values()
            .any(|s| s.link == link.id && matches!(s.sight, Sight::Present { .. } | Sight::Still));
        if let Some(OpenIntent { intent, .. }) = &link.open {
            let proves = intent.key == stamp.key
                && intent.plan.replica == source.replica
                && matches!(intent.plan.op, Op::Create { .. });
            if !proves || taken {
                return Ok(None);
            }
            self.report.recovered += 1;
            let applied = Applied { id: id.clone(), proof: Proof::Stamp };
            let (link, key) = (link.id, intent.key.clone());
            let outcome = Outcome::Applied(applied);
            draft.settled.push(Entry::Settled { link, key, outcome });
            return Ok(Some(link));
        }
        let Some(leg) = link.legs.get(&source.replica).filter(|_| !taken) else {
            return Ok(None);
        };
        let gone = match draft.sightings.get(&leg.id).map(|s| &s.sight) {
            Some(Sight::Gone) => true,
            Some(_) => false,
            None => matches!(leg.seen, Seen::Gone),
        };
        Ok(gone.then_some(link.id))
    }

    fn observed(
        &mut self,
        source: &Source,
        draft: Draft,
        advance: Option<Advance>,
    ) -> Result<(), Stop> {
        // A copy that came back under a new id speaks for its link; its old id says nothing more.
        let back: Vec<LinkId> = draft
            .sightings
            .values()
            .filter(|s| matches!(s.sight, Sight::Present { .. }))
            .map(|s| s.link)
            .collect();
        let sightings = draft
            .sightings
            .into_values()
            .filter(|s| !(matches!(s.sight, Sight::Gone) && back.contains(&s.link)))
            .collect();
        let mut entries = draft.settled;
        entries.push(Entry::Observed(Observed {
            collection: source.collection.clone(),
            replica: source.replica,
            epoch: source.epoch,
            sightings,
            advance,
        }));
        self.commit(entries, draft.blobs).map(drop)
    }

    /// After a complete enumeration: copies that it hasn't shown are read one by one, since absence
    /// from a list is a hint, and a window leaves things out.
    fn reconcile(&mut self, source: &mut Source) -> Result<Option<Ended>, Stop> {
        loop {
            let links = self.links(Query::Unseen {
                pair: self.order.pair.clone(),
                collection: source.collection.clone(),
                replica: source.replica,
                epoch: source.epoch,
                after: None,
                limit: CHUNK,
            })?;
            if links.is_empty() {
                break;
            }
            if let Some(ended) = self.reread(source, links)? {
                return Ok(Some(ended));
            }
        }
        source.stage = Stage::Following;
        // What moved while it was enumerated was seen twice, or not at all: the changes since then
        // say so, and are read before anything is decided.
        source.open = true;
        let Some(cursor) = source.cursor.clone() else { return Ok(None) };
        let draft = self.known(source, vec![])?;
        self.observed(source, draft, Some(Advance { cursor, stage: source.stage }))?;
        Ok(None)
    }

    fn reread(&mut self, source: &Source, links: Vec<Link>) -> Result<Option<Ended>, Stop> {
        let mut draft = self.known(source, vec![])?;
        for link in links {
            if let Some(leg) = link.legs.get(&source.replica) {
                draft.unread.push(leg.id.clone());
                draft.known.insert(leg.id.clone(), link);
            }
        }
        let ended = self.read_into(source, &mut draft)?;
        if ended.is_none() {
            self.observed(source, draft, None)?;
        }
        Ok(ended)
    }

    /// Reads the copies that must be read before anything is decided about them.
    pub(super) fn read_unread(&mut self) -> Result<Option<Ended>, Stop> {
        self.read_where(Leg::is_unread)
    }

    /// After all streams are read: those too that we wrote and that no stream has shown.
    pub(super) fn read_unechoed(&mut self) -> Result<Option<Ended>, Stop> {
        self.read_where(|leg| leg.is_unread() || leg.is_unechoed())
    }

    fn read_where(&mut self, wanted: fn(&Leg) -> bool) -> Result<Option<Ended>, Stop> {
        let sources = self.sources()?;
        let mut after = None;
        loop {
            let links = self.attention(after)?;
            let Some(last) = links.last() else { return Ok(None) };
            after = Some(last.id);
            for source in &sources {
                let unread: Vec<Link> = links
                    .iter()
                    .filter(|link| link.collection == source.collection)
                    .filter(|link| {
                        let leg = link.legs.get(&source.replica);
                        leg.is_some_and(wanted)
                    })
                    .cloned()
                    .collect();
                if !unread.is_empty()
                    && let Some(ended) = self.reread(source, unread)?
                {
                    return Ok(Some(ended));
                }
            }
        }
    }

    /// The next links that want attention.
    pub(super) fn attention(&mut self, after: Option<LinkId>) -> Result<Vec<Link>, Stop> {
        self.links(Query::Attention { pair: self.order.pair.clone(), after, limit: CHUNK })
    }
}

impl Source {
    fn pull(&self) -> Effect {
        Effect::Pull {
            replica: self.replica,
            folder: self.folder.clone(),
            cursor: self.cursor.clone(),
        }
    }
}

impl Draft {
    fn leg(&self, id: &RemoteId, replica: ReplicaId) -> Option<&Leg> {
        self.known.get(id)?.legs.get(&replica).filter(|leg| leg.id == *id)
    }

    fn sight(&mut self, id: &RemoteId, replica: ReplicaId, sight: Sight) {
        if self.leg(id, replica).is_some()
            && let Some(link) = self.known.get(id)
        {
            let sighting = Sighting { link: link.id, id: id.clone(), sight };
            self.sightings.insert(id.clone(), sighting);
        }
    }
}

/// Whether a copy is on its way that is to replace one that was deleted.
fn is_replaced(link: &Link, replica: ReplicaId) -> bool {
    let gone = link.legs.get(&replica).is_some_and(|leg| matches!(leg.seen, Seen::Gone));
    gone && link.open.as_ref().is_some_and(|open| {
        let plan = &open.intent.plan;
        plan.replica == replica && matches!(plan.op, Op::Create { .. })
    })
}

/// Whether the copy in this version is what we already know.
fn is_known(leg: &Leg, version: Option<&crate::ids::Version>) -> bool {
    version.is_some()
        && leg.version.as_ref() == version
        && leg.rendition().is_some_and(|r| r.content.is_some())
        // What we wrote is read back once, to learn what the server made of it.
        && leg.wrote.as_ref() != version
}
