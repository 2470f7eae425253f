//! One effect at a time, with the answer that belongs to it.

use super::{Effect, Engine, Event, Stop, Waiting};
use crate::journal::{Entry, Seq};
use crate::port::{Blob, Counts, Loaded, Query};
use crate::state::{Head, Link};

impl Engine<'_> {
    fn ask(&mut self, effect: Effect, name: &'static str) -> Result<Event, Stop> {
        self.world.perform(vec![effect])?.pop().ok_or(Stop::Confused(name))
    }

    pub(super) fn commit(&mut self, entries: Vec<Entry>, blobs: Vec<Blob>) -> Result<Seq, Stop> {
        match self.ask(Effect::Commit { entries, blobs }, "a commit")? {
            Event::Committed { seq, at_ms } => {
                self.now_ms = at_ms;
                Ok(seq)
            }
            Event::Loaded(_)
            | Event::Pulled(_)
            | Event::Fetched(_)
            | Event::Written(_)
            | Event::Probed(_)
            | Event::Woke { .. } => Err(Stop::Confused("a commit")),
        }
    }

    pub(super) fn wait(&mut self, ms: u64, why: Waiting) -> Result<(), Stop> {
        match self.ask(Effect::Wait { ms, why }, "a wait")? {
            Event::Woke { at_ms } => {
                self.now_ms = at_ms;
                Ok(())
            }
            Event::Loaded(_)
            | Event::Pulled(_)
            | Event::Fetched(_)
            | Event::Written(_)
            | Event::Probed(_)
            | Event::Committed { .. } => Err(Stop::Confused("a wait")),
        }
    }

    fn load(&mut self, query: Query) -> Result<Loaded, Stop> {
        match self.ask(Effect::Load(query), "a question")? {
            Event::Loaded(loaded) => Ok(loaded),
            Event::Committed { .. }
            | Event::Pulled(_)
            | Event::Fetched(_)
            | Event::Written(_)
            | Event::Probed(_)
            | Event::Woke { .. } => Err(Stop::Confused("a question")),
        }
    }

    pub(super) fn head(&mut self) -> Result<Head, Stop> {
        match self.load(Query::Head(self.order.pair.clone()))? {
            Loaded::Head(head) => Ok(*head),
            Loaded::Links(_) | Loaded::Conflicts(_) | Loaded::Counts(_) => {
                Err(Stop::Confused("a question about the pair"))
            }
        }
    }

    pub(super) fn counts(&mut self) -> Result<Counts, Stop> {
        match self.load(Query::Counts(self.order.pair.clone()))? {
            Loaded::Counts(counts) => Ok(counts),
            Loaded::Links(_) | Loaded::Conflicts(_) | Loaded::Head(_) => {
                Err(Stop::Confused("a question about counts"))
            }
        }
    }

    pub(super) fn links(&mut self, query: Query) -> Result<Vec<Link>, Stop> {
        match self.load(query)? {
            Loaded::Links(links) => Ok(links),
            Loaded::Head(_) | Loaded::Conflicts(_) | Loaded::Counts(_) => {
                Err(Stop::Confused("a question about links"))
            }
        }
    }

    pub(super) fn open_conflicts(&mut self) -> Result<usize, Stop> {
        match self.load(Query::Conflicts(Some(self.order.pair.clone())))? {
            Loaded::Conflicts(conflicts) => Ok(conflicts.iter().filter(|c| c.open).count()),
            Loaded::Head(_) | Loaded::Links(_) | Loaded::Counts(_) => {
                Err(Stop::Confused("a question about conflicts"))
            }
        }
    }

    /// Links with an open intent, in collections that are configured.
    pub(super) fn open(&mut self) -> Result<Vec<Link>, Stop> {
        let mut links = self.links(Query::Open(self.order.pair.clone()))?;
        links.retain(|link| self.order.configured.collections.contains_key(&link.collection));
        Ok(links)
    }
}
