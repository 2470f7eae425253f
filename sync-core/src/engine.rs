//! A run of one pair, from recovery to the last pull. Plain sequential code over a [`World`] that
//! performs its effects: what it does follows from what the world answers, and from nothing else.

mod act;
mod ask;
mod observe;
mod recover;
mod report;
mod survey;

use crate::guard::{self, Run};
use crate::ids::{
    CollectionId, Cursor, Digest, FolderId, LinkId, PairId, RemoteId, ReplicaId, RunId, Version,
};
use crate::journal::{BrakeReason, Configured, Entry, Intent, Purpose, Seq, Tally};
use crate::port::{Blob, Failure, Fetched, Loaded, Page, Probe, Probed, Query};
use std::collections::{BTreeMap, BTreeSet};

pub use report::{Ended, Report, Side, Step};

/// Pull, plan, write, and pull again, at most this often in one run.
const CYCLES_MAX: u32 = 4;

/// Performs effects. Production, simulation and replay differ only in who implements it.
pub trait World {
    /// Performs effects, at once where they don't depend on each other; the events stand at the
    /// positions of their effects. `Err` means that the run is over here and now, as after a kill.
    fn perform(&mut self, effects: Vec<Effect>) -> Result<Vec<Event>, Stop>;
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Append to the journal, durably.
    Commit {
        /// The entries.
        entries: Vec<Entry>,
        /// Content that they speak of.
        blobs: Vec<Blob>,
    },
    /// Answer a question about the fold.
    Load(Query),
    /// Read a page of changes.
    Pull {
        /// The replica.
        replica: ReplicaId,
        /// The folder there.
        folder: FolderId,
        /// Where to go on.
        cursor: Option<Cursor>,
    },
    /// Read items whole.
    Fetch {
        /// The replica.
        replica: ReplicaId,
        /// The folder there.
        folder: FolderId,
        /// The items.
        ids: Vec<RemoteId>,
    },
    /// Perform intents; all are committed.
    Write {
        /// The replica.
        replica: ReplicaId,
        /// The intents, each with its folder there.
        intents: Vec<(FolderId, Intent)>,
    },
    /// Find out whether writes happened.
    Probe {
        /// The replica.
        replica: ReplicaId,
        /// The questions.
        probes: Vec<Probe>,
    },
    /// Wait.
    Wait {
        /// How long, in milliseconds.
        ms: u64,
        /// Why, for those who watch.
        why: Waiting,
    },
}

/// Why the engine waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// A server asked to, or failed for the moment.
    Pace(ReplicaId),
    /// A request of a killed run could still arrive.
    Grace(ReplicaId),
}

/// What came of an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Committed.
    Committed {
        /// The position of the last entry.
        seq: Seq,
        /// The time given to the entries, in milliseconds since 1970 UTC.
        at_ms: i64,
    },
    /// An answer about the fold.
    Loaded(Loaded),
    /// A page, or why there is none.
    Pulled(Result<Page, Failure>),
    /// Items, at the positions of their ids.
    Fetched(Result<Vec<Fetched>, Failure>),
    /// Results, at the positions of the intents.
    Written(Vec<Result<WrittenNow, Failure>>),
    /// Answers, at the positions of the questions.
    Probed(Result<Vec<Probed>, Failure>),
    /// The wait is over.
    Woke {
        /// The time, in milliseconds since 1970 UTC.
        at_ms: i64,
    },
}

/// A write that happened, with the content that it left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenNow {
    /// The item.
    pub id: RemoteId,
    /// The version right after the write, where the server tells it.
    pub version: Option<Version>,
    /// The content that the copy holds since; none after a delete.
    pub content: Option<Blob>,
}

/// Why a world stops performing.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    /// Asked to; what was in flight is finished and recorded.
    #[error("stopped on request")]
    Cancelled,
    /// The store can't go on.
    #[error(transparent)]
    Store(#[from] crate::port::Error),
    /// The simulated process was killed.
    #[error("killed")]
    Killed,
    /// An answer that doesn't belong to its question.
    #[error("the driver answered {0} with something else")]
    Confused(&'static str),
}

/// What a run is to do.
#[derive(Debug, Clone)]
pub struct Order {
    /// The pair.
    pub pair: PairId,
    /// The run's name.
    pub run: RunId,
    /// 64 random bits, new for every run: they make its ids unique.
    pub nonce: u64,
    /// The version of evensync.
    pub build: String,
    /// What to keep the same, and how.
    pub configured: Configured,
    /// How far to go.
    pub mode: Mode,
    /// The exact number of deletes and rewrites that a person agreed to.
    pub allowed: Option<u64>,
}

/// How far a run goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All the way.
    Sync,
    /// Pull and plan; write nothing.
    DryRun,
    /// Write what was planned when the journal stood here, without pulling first.
    Apply(Seq),
}

/// The engine in the midst of a run.
pub struct Engine<'w> {
    world: &'w mut dyn World,
    order: Order,
    /// Numbers given out by this run, for links and intents.
    given: u64,
    now_ms: i64,
    /// When the last attempt of an intent in doubt was made, by its key.
    doubted: BTreeMap<crate::ids::IntentKey, i64>,
    /// Failed attempts by link, so that one that keeps changing is left to the next run.
    attempts: BTreeMap<LinkId, u32>,
    /// Intents that complete a copy of ours, and so count for no brake.
    completing: BTreeSet<crate::ids::IntentKey>,
    paces: BTreeMap<ReplicaId, crate::pace::Pace>,
    /// Deletes and rewrites that this run may send in all, as far as they were judged.
    permitted: u64,
    report: Report,
}

impl<'w> Engine<'w> {
    /// Runs a pair once.
    pub fn run(world: &'w mut dyn World, order: Order) -> Result<Report, Stop> {
        let mut engine = Self {
            world,
            given: 0,
            now_ms: 0,
            doubted: BTreeMap::new(),
            attempts: BTreeMap::new(),
            completing: BTreeSet::new(),
            paces: BTreeMap::new(),
            permitted: 0,
            report: Report::default(),
            order,
        };
        engine.go()?;
        Ok(engine.report)
    }

    fn go(&mut self) -> Result<(), Stop> {
        let head = self.head()?;
        if let Mode::Apply(planned) = self.order.mode
            && head.seq != planned
        {
            self.report.seq = head.seq;
            self.report.ended = Ended::StateMoved { planned, now: head.seq };
            return Ok(());
        }
        let (nonce, build) = (self.order.nonce, self.order.build.clone());
        let purpose = match self.order.mode {
            Mode::Sync => Purpose::Sync,
            Mode::DryRun => Purpose::DryRun,
            Mode::Apply(_) => Purpose::Apply,
        };
        let mut entries =
            vec![Entry::Opened { nonce, build, purpose, allowed: self.order.allowed }];
        let configured = &self.order.configured;
        let unchanged = head.policy.as_ref() == Some(&configured.policy)
            && head.collections == configured.collections
            && head.fingerprint == configured.fingerprint;
        if !unchanged {
            entries.push(Entry::Configured(configured.clone()));
        }
        self.commit(entries, vec![])?;
        if head.accepted.is_none() {
            // The first configuration has no predecessor that it could differ from.
            let fingerprint = self.order.configured.fingerprint.clone();
            self.commit(vec![Entry::Accepted { fingerprint }], vec![])?;
        }
        let ended = self.cycles()?;
        self.report.ended = ended;
        self.survey()?;
        self.report.seq = self.commit(vec![Entry::Closed { exit: self.report.exit() }], vec![])?;
        Ok(())
    }

    fn cycles(&mut self) -> Result<Ended, Stop> {
        for cycle in 0..CYCLES_MAX {
            let applies = cycle == 0 && matches!(self.order.mode, Mode::Apply(_));
            if self.order.mode != Mode::DryRun
                && let Some(ended) = self.recover()?
            {
                return Ok(ended);
            }
            if !applies {
                if let Some(ended) = self.pull_all()? {
                    return Ok(ended);
                }
                if let Some(ended) = self.read_unechoed()? {
                    return Ok(ended);
                }
                self.identify()?;
            }
            let tally = self.tally()?;
            if cycle == 0 {
                // A number that isn't the one at hand is no agreement, now or later.
                let risky = tally.risky(self.order.configured.policy.brake);
                self.order.allowed = self.order.allowed.filter(|n| *n == risky);
            }
            if let Some(brake) = self.brake(&tally)? {
                if cycle > 0 {
                    // Something was written already: the next run judges afresh.
                    return Ok(Ended::MoreToDo);
                }
                self.report.tally = tally.clone();
                self.commit(
                    vec![Entry::Braked { tally: tally.clone(), brake: brake.clone() }],
                    vec![],
                )?;
                let number = tally.risky(self.order.configured.policy.brake);
                return Ok(Ended::Braked { brake, number });
            }
            if cycle == 0 {
                self.report.tally = tally;
            }
            if self.order.mode == Mode::DryRun {
                return Ok(Ended::Clean);
            }
            self.accept()?;
            let before = self.report.writes();
            if let Some(ended) = self.act()? {
                return Ok(ended);
            }
            if applies {
                // It does what was planned; what has happened since is for the next run.
                let left = !self.open()?.is_empty() || self.is_left()?;
                return Ok(if left { Ended::MoreToDo } else { Ended::Clean });
            }
            if self.report.writes() == before && self.open()?.is_empty() {
                return Ok(if self.is_left()? { Ended::MoreToDo } else { Ended::Clean });
            }
        }
        Ok(Ended::MoreToDo)
    }

    fn brake(&mut self, tally: &Tally) -> Result<Option<BrakeReason>, Stop> {
        let (head, counts) = (self.head()?, self.counts()?);
        let policy = &self.order.configured.policy;
        let sent = self.report.risky(policy.brake);
        let run = Run { allowed: self.order.allowed, sent };
        self.permitted = run.permitted(tally, policy, &counts);
        Ok(guard::judge(tally, &head, policy, &counts, run))
    }

    fn accept(&mut self) -> Result<(), Stop> {
        let fingerprint = self.order.configured.fingerprint.clone();
        if self.head()?.accepted.as_ref() != Some(&fingerprint) {
            self.commit(vec![Entry::Accepted { fingerprint }], vec![])?;
        }
        Ok(())
    }

    /// The folder of a collection on a replica.
    fn folder(&self, collection: &CollectionId, replica: ReplicaId) -> Option<FolderId> {
        self.order.configured.collections.get(collection)?.get(&replica).cloned()
    }

    /// A number that spreads waits; from the run's nonce, so that it needs no dice.
    fn random(&mut self) -> u64 {
        self.given += 1;
        let mut z = self.order.nonce.wrapping_add(self.given.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A link id of this run: 40 bits of its nonce, and a counter.
    fn new_link(&mut self) -> LinkId {
        self.given += 1;
        LinkId((self.order.nonce >> 24) << 24 | (self.given & 0xff_ffff))
    }

    /// An intent key of this run.
    fn new_key(&mut self) -> crate::ids::IntentKey {
        self.given += 1;
        crate::ids::IntentKey(format!("{:016x}-{:08x}", self.order.nonce, self.given))
    }

    /// Waits because `replica` asked to, or failed for the moment; `false` to give up.
    fn pause(&mut self, replica: ReplicaId, failure: &Failure) -> Result<bool, Stop> {
        let random = self.random();
        let asked = match failure {
            Failure::Throttled { after_ms, .. } => *after_ms,
            Failure::Transient(_)
            | Failure::InDoubt(_)
            | Failure::CursorExpired(_)
            | Failure::Unauthorized(_)
            | Failure::Stale(_)
            | Failure::Missing(_)
            | Failure::Permanent(_) => None,
        };
        let Some(ms) = self.paces.entry(replica).or_default().failed(asked, random) else {
            return Ok(false);
        };
        if matches!(failure, Failure::Throttled { .. }) {
            self.report.side(replica).throttled_ms += ms;
        }
        self.wait(ms, Waiting::Pace(replica))?;
        Ok(true)
    }

    fn succeeded(&mut self, replica: ReplicaId) {
        self.paces.entry(replica).or_default().succeeded();
    }
}

/// The blob of content that was read.
fn blob_of(digest: Option<Digest>, bytes: Vec<u8>) -> Option<Blob> {
    digest.map(|digest| Blob { digest, bytes })
}
