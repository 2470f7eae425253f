//! What befalls a run: it is killed at a request or at a commit, and people act between requests.

use async_trait::async_trait;
use bytes::Bytes;
use exchange_sim::{Sim, SimTransport};
use jiff::SignedDuration;
use std::sync::{Arc, Mutex, PoisonError};
use store_sqlite::SqliteStore;
use sync_core::ids::{Digest, LinkId, PairId};
use sync_core::journal::{Record, Seq};
use sync_core::port::{Commit, Error, Loaded, Query, Store};
use sync_driver::Stopper;
use wire::{Request, Response, Transport};

/// When the process dies. Requests and commits are counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Nothing of this request leaves.
    BeforeRequest(u64),
    /// The server does its work, nobody hears of it.
    AfterRequest(u64),
    /// The commit is rolled back.
    BeforeCommit(u64),
    /// The commit is durable.
    AfterCommit(u64),
}

/// Acts between two requests.
pub type Meddler = Box<dyn FnMut() + Send>;

/// What befalls a run; clones share it.
#[derive(Clone)]
pub struct Chaos(Arc<Mutex<State>>);

struct State {
    kill: Option<Kill>,
    requests: u64,
    commits: u64,
    dead: bool,
    stopper: Stopper,
    meddler: Option<Meddler>,
    garble: Option<[&'static str; 2]>,
}

impl Chaos {
    pub fn new(kill: Option<Kill>, stopper: Stopper, meddler: Option<Meddler>) -> Self {
        let (requests, commits, dead, garble) = (0, 0, false, None);
        let state = State { kill, requests, commits, dead, stopper, meddler, garble };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From now on servers say the second text wherever they would say the first.
    pub fn garble(&self, texts: [&'static str; 2]) {
        self.with(|state| state.garble = Some(texts));
    }

    pub fn is_dead(&self) -> bool {
        self.with(|state| state.dead)
    }

    fn with<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// Dies if `kill` is due; whether the process is dead.
    fn reached(&mut self, kill: Kill) -> bool {
        if self.kill == Some(kill) {
            self.dead = true;
            self.stopper.stop();
        }
        self.dead
    }
}

/// The wire to the built-in Exchange.
pub struct Line {
    pub sim: Sim,
    pub chaos: Chaos,
}

#[async_trait]
impl Transport for Line {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        let dead = || wire::Error::InDoubt("the process is dead".to_owned());
        let alive = self.chaos.with(|state| {
            if state.dead {
                return None;
            }
            state.requests += 1;
            if state.reached(Kill::BeforeRequest(state.requests)) {
                return None;
            }
            if let Some(meddler) = &mut state.meddler {
                meddler();
            }
            Some(state.requests)
        });
        let Some(number) = alive else { return Err(dead()) };
        self.sim.advance(SignedDuration::from_millis(40));
        let answer = SimTransport::new(self.sim.clone()).send(request).await;
        if self.chaos.with(|state| state.reached(Kill::AfterRequest(number))) {
            return Err(dead());
        }
        match self.chaos.with(|state| state.garble) {
            None => answer,
            Some([said, garbled]) => answer.map(|answer| {
                let text = |body: Bytes| String::from_utf8_lossy(&body).replace(said, garbled);
                answer.map(|body| Bytes::from(text(body)))
            }),
        }
    }
}

/// The state file of a process that may die.
pub struct Mortal {
    pub store: SqliteStore,
    pub chaos: Chaos,
}

impl Store for Mortal {
    fn commit(&mut self, commit: &Commit) -> Result<Seq, Error> {
        let dead = || Error::Unavailable("the process is dead".to_owned());
        let number = self.chaos.with(|state| {
            state.commits += 1;
            let died = state.reached(Kill::BeforeCommit(state.commits));
            (!died).then_some(state.commits)
        });
        let number = number.ok_or_else(dead)?;
        let seq = self.store.commit(commit)?;
        if self.chaos.with(|state| state.reached(Kill::AfterCommit(number))) {
            return Err(dead());
        }
        Ok(seq)
    }

    fn load(&self, query: &Query) -> Result<Loaded, Error> {
        self.store.load(query)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        self.store.blob(digest)
    }

    fn journal(
        &self,
        pair: Option<&PairId>,
        after: Seq,
        limit: usize,
    ) -> Result<Vec<Record>, Error> {
        self.store.journal(pair, after, limit)
    }

    fn history(&self, link: LinkId) -> Result<Vec<Record>, Error> {
        self.store.history(link)
    }
}
