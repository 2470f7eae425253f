//! Performs what sync-core decides: reads and writes replicas at once where they don't depend on
//! each other, keeps the journal, waits, and stops when asked to.

mod content;
pub mod retry;
mod stopper;

use items::Digester;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use sync_core::engine::{Effect, Engine, Event, Order, Report, Stop, Waiting, World};
use sync_core::ids::ReplicaId;
use sync_core::journal::Intent;
use sync_core::port::{
    Commit, Failure, Fetched, Page, Probed, Remote, Stamp, Store, Write, Written,
};
use tokio::runtime::Handle;

pub use stopper::Stopper;

/// What those who watch a run are told, as it goes.
pub trait Watcher: Send {
    /// A page of changes came in.
    fn pulled(&mut self, replica: ReplicaId, changes: usize);
    /// Writes went out; as many of them succeeded.
    fn wrote(&mut self, replica: ReplicaId, writes: usize, succeeded: usize);
    /// The run waits.
    fn waits(&mut self, ms: u64, why: Waiting);
    /// Entries were committed; called before the effects that depend on them.
    fn committed(&mut self, entries: &[sync_core::journal::Entry]);
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unwatched;

impl Watcher for Unwatched {
    fn pulled(&mut self, _: ReplicaId, _: usize) {}
    fn wrote(&mut self, _: ReplicaId, _: usize, _: usize) {}
    fn waits(&mut self, _: u64, _: Waiting) {}
    fn committed(&mut self, _: &[sync_core::journal::Entry]) {}
}

/// The world of a run: servers, the journal and the clock.
pub struct Driver<'s> {
    /// The journal.
    pub store: &'s mut dyn Store,
    /// The replicas.
    pub remotes: BTreeMap<ReplicaId, Arc<dyn Remote>>,
    /// The installation's digester.
    pub digester: Digester,
    /// The time, in milliseconds since 1970 UTC.
    pub clock: fn() -> i64,
    /// How the run is asked to stop.
    pub stopper: Stopper,
    /// Who watches.
    pub watcher: &'s mut dyn Watcher,
}

impl Driver<'_> {
    /// Runs a pair once. Blocks; call it from a thread that may, inside a tokio runtime.
    pub fn run(self, order: Order) -> Result<Report, Stop> {
        let mut world = Running { driver: self, handle: Handle::current(), order: order.clone() };
        Engine::run(&mut world, order)
    }
}

struct Running<'s> {
    driver: Driver<'s>,
    handle: Handle,
    order: Order,
}

/// What a replica answered, or where an effect that needs the store stands.
enum Answer {
    Event(Event),
    Wrote(Vec<Result<Written, Failure>>),
}

impl World for Running<'_> {
    fn perform(&mut self, effects: Vec<Effect>) -> Result<Vec<Event>, Stop> {
        if self.driver.stopper.is_stopped() && !effects.iter().any(is_commit) {
            return Err(Stop::Cancelled);
        }
        if let [effect] = effects.as_slice()
            && let Some(event) = self.perform_here(effect)?
        {
            return Ok(vec![event]);
        }
        self.perform_there(effects)
    }
}

fn is_commit(effect: &Effect) -> bool {
    matches!(effect, Effect::Commit { .. })
}

impl Running<'_> {
    /// Effects on the store and the clock; `None` for those that need a replica.
    fn perform_here(&mut self, effect: &Effect) -> Result<Option<Event>, Stop> {
        match effect {
            Effect::Commit { entries, blobs } => {
                let at_ms = (self.driver.clock)();
                let seq = self.driver.store.commit(&Commit {
                    pair: self.order.pair.clone(),
                    run: self.order.run.clone(),
                    at_ms,
                    entries: entries.clone(),
                    blobs: blobs.clone(),
                })?;
                self.driver.watcher.committed(entries);
                Ok(Some(Event::Committed { seq, at_ms }))
            }
            Effect::Load(query) => Ok(Some(Event::Loaded(self.driver.store.load(query)?))),
            Effect::Wait { ms, why } => {
                self.driver.watcher.waits(*ms, *why);
                let stopped = self.handle.block_on(async {
                    tokio::select! {
                        () = tokio::time::sleep(Duration::from_millis(*ms)) => false,
                        () = self.driver.stopper.stopped() => true,
                    }
                });
                if stopped {
                    return Err(Stop::Cancelled);
                }
                Ok(Some(Event::Woke { at_ms: (self.driver.clock)() }))
            }
            Effect::Pull { .. }
            | Effect::Fetch { .. }
            | Effect::Write { .. }
            | Effect::Probe { .. } => Ok(None),
        }
    }

    /// Effects on replicas, all at once.
    fn perform_there(&mut self, effects: Vec<Effect>) -> Result<Vec<Event>, Stop> {
        let mut prepared = vec![];
        for effect in &effects {
            prepared.push(match effect {
                Effect::Write { intents, .. } => Some(self.prepare(intents)?),
                Effect::Commit { .. }
                | Effect::Load(_)
                | Effect::Wait { .. }
                | Effect::Pull { .. }
                | Effect::Fetch { .. }
                | Effect::Probe { .. } => None,
            });
        }
        let remotes = &self.driver.remotes;
        let calls = effects.iter().zip(&prepared).map(|(effect, prepared)| {
            call(remotes, effect, prepared.as_ref().map(|p| p.ready.as_slice()))
        });
        let answers = self.handle.block_on(futures_util::future::join_all(calls));
        let mut events = vec![];
        for ((effect, answer), prepared) in effects.iter().zip(answers).zip(prepared) {
            events.push(match answer.ok_or(Stop::Confused("an effect"))? {
                Answer::Event(event) => event,
                Answer::Wrote(results) => {
                    let prepared = prepared.ok_or(Stop::Confused("a write"))?;
                    Event::Written(prepared.results(results))
                }
            });
            self.tell(effect, events.last());
        }
        Ok(events)
    }

    fn tell(&mut self, effect: &Effect, event: Option<&Event>) {
        match (effect, event) {
            (Effect::Pull { replica, .. }, Some(Event::Pulled(Ok(page)))) => {
                self.driver.watcher.pulled(*replica, page.changes.len());
            }
            (Effect::Write { replica, .. }, Some(Event::Written(results))) => {
                let succeeded = results.iter().filter(|r| r.is_ok()).count();
                self.driver.watcher.wrote(*replica, results.len(), succeeded);
            }
            (_, _) => {}
        }
    }

    /// Composes what is to be written from the contents that the intents name.
    fn prepare(&self, intents: &[(sync_core::ids::FolderId, Intent)]) -> Result<Prepared, Stop> {
        let mut prepared = Prepared::default();
        for (folder, intent) in intents {
            let composed =
                content::compose(&*self.driver.store, &self.driver.digester, &intent.plan)?;
            let stamp = Stamp { link: intent.plan.link, key: intent.key.clone() };
            match composed {
                Ok(composed) => {
                    prepared.slots.push(Slot::Sent(composed.after));
                    let folder = folder.clone();
                    prepared.ready.push(Write { folder, stamp, op: composed.op });
                }
                Err(failure) => prepared.slots.push(Slot::Failed(failure)),
            }
        }
        Ok(prepared)
    }
}

/// Writes that are ready to send, and where each intent's result will come from.
#[derive(Default)]
struct Prepared {
    ready: Vec<Write>,
    slots: Vec<Slot>,
}

enum Slot {
    /// It was sent; its copy then holds this.
    Sent(Option<sync_core::port::Blob>),
    /// It couldn't be composed.
    Failed(Failure),
}

impl Prepared {
    fn results(
        self,
        results: Vec<Result<Written, Failure>>,
    ) -> Vec<Result<sync_core::engine::WrittenNow, Failure>> {
        let mut results = results.into_iter();
        let place = |slot| match slot {
            Slot::Failed(failure) => Err(failure),
            Slot::Sent(content) => match results.next() {
                Some(Ok(Written { id, version })) => {
                    Ok(sync_core::engine::WrittenNow { id, version, content })
                }
                Some(Err(failure)) => Err(failure),
                None => Err(Failure::InDoubt(sync_core::port::Trouble::new(
                    "answer-missing",
                    "the adapter gave no result for this write",
                ))),
            },
        };
        self.slots.into_iter().map(place).collect()
    }
}

async fn call(
    remotes: &BTreeMap<ReplicaId, Arc<dyn Remote>>,
    effect: &Effect,
    writes: Option<&[Write]>,
) -> Option<Answer> {
    match effect {
        Effect::Pull { replica, folder, cursor } => {
            let page: Result<Page, _> = remotes.get(replica)?.pull(folder, cursor.as_ref()).await;
            Some(Answer::Event(Event::Pulled(page)))
        }
        Effect::Fetch { replica, folder, ids } => {
            let items: Result<Vec<Fetched>, _> = remotes.get(replica)?.fetch(folder, ids).await;
            Some(Answer::Event(Event::Fetched(items)))
        }
        Effect::Probe { replica, probes } => {
            let probed: Result<Vec<Probed>, _> = remotes.get(replica)?.probe(probes).await;
            Some(Answer::Event(Event::Probed(probed)))
        }
        Effect::Write { replica, .. } => match writes? {
            [] => Some(Answer::Wrote(vec![])),
            writes => Some(Answer::Wrote(remotes.get(replica)?.write(writes).await)),
        },
        Effect::Commit { .. } | Effect::Load(_) | Effect::Wait { .. } => None,
    }
}
