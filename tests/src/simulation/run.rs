//! One seed from its first step to rest, and every place where it can be killed.

use super::check;
use super::options::Options;
use super::planted::Planted;
use super::world::Sim;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use sync_core::engine::{Ended, Engine, Mode, Order, Report, Stop};
use sync_core::ids::{CollectionId, FolderId, ReplicaId, RunId};
use sync_core::journal::{Configured, Entry, Purpose, Record};
use sync_core::policy::{Brake, Conflicts, Direction, Policy};
use sync_core::port::{Commit, Store};

/// Runs after the last fault until everything rests; the last of them writes nothing.
const RUNS_TO_REST: u32 = 6;
/// Kills in a row before a run is let through.
const KILLS_MAX: u32 = 200;

/// What a seed came to.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Steps; each is a place to be killed at.
    pub steps: u64,
    /// Kills.
    pub kills: u64,
    /// Injected faults.
    pub faults: u64,
    /// Runs until rest, after the faults stopped.
    pub runs: u32,
    /// The journal.
    pub journal: Journal,
}

/// A seed that broke a promise.
#[derive(Debug, Clone)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// The step that it was killed at, if not by chance.
    pub kill_at: Option<u64>,
    /// The bug that was planted.
    pub planted: Option<Planted>,
    /// What is wrong.
    pub what: String,
    /// The journal.
    pub journal: Journal,
}

/// What a run recorded; written an entry a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Journal(Vec<Record>);

impl fmt::Display for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|record| {
            let Record { seq, at_ms, run, entry, .. } = record;
            writeln!(f, "{seq} {at_ms} {run} {}", entry.encode())
        })
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SEED={}", self.seed)?;
        if let Some(step) = self.kill_at {
            write!(f, " CRASH={step}")?;
        }
        write!(
            f,
            "\n  {}\n  {:?}\n  replay: cargo xtask soak --seed {}",
            self.what,
            Options::of(self.seed),
            self.seed
        )?;
        if let Some(step) = self.kill_at {
            write!(f, " --crash {step}")?;
        }
        Ok(())
    }
}

/// Runs `seed`. With `kill_at`, it is killed at that step and nowhere else.
pub fn simulate(
    seed: u64,
    planted: Option<Planted>,
    kill_at: Option<u64>,
) -> Result<Outcome, Failed> {
    let mut options = Options::of(seed);
    if kill_at.is_some() {
        options.kill_permille = 0;
    }
    let mut sim = Sim::new(options, planted, seed, kill_at);
    let rest = to_rest(&mut sim);
    let Sim { steps, kills, faults, store, .. } = sim;
    let journal = Journal(store.into_records());
    match rest {
        Ok(runs) => Ok(Outcome { steps, kills, faults, runs, journal }),
        Err(what) => Err(Failed { seed, kill_at, planted, what, journal }),
    }
}

/// Runs `seed` once for every step of its undisturbed run, killed there; says how many there were.
pub fn sweep(seed: u64) -> Result<u64, Failed> {
    let steps = simulate(seed, None, Some(u64::MAX))?.steps;
    for step in 1..=steps {
        simulate(seed, None, Some(step))?;
    }
    Ok(steps)
}

fn to_rest(sim: &mut Sim) -> Result<u32, String> {
    let mut number = 0;
    for _ in 0..sim.options.runs {
        for _ in 0..sim.rng.below(4) {
            sim.people_act();
        }
        let mut kills = 0;
        while run(sim, &mut number)?.is_none() && kills < KILLS_MAX {
            kills += 1;
        }
    }
    sim.chaos = false;
    sim.now_ms += 300_000;
    for runs in 1..=RUNS_TO_REST {
        let Some(report) = run(sim, &mut number)? else { continue };
        let decided = decide_conflicts(sim, &mut number)?;
        if let Some(stuck) = check::is_stuck(sim) {
            return Err(stuck);
        }
        let rests = report.writes() == 0 && report.ended == Ended::Clean;
        if rests && !decided {
            check::check(sim)?;
            return Ok(runs);
        }
    }
    Err(format!("restless: it still writes after {RUNS_TO_REST} runs without faults"))
}

/// Runs the engine once; `None` after a kill.
fn run(sim: &mut Sim, number: &mut u64) -> Result<Option<Report>, String> {
    let mut allowed = None;
    loop {
        *number += 1;
        sim.run = RunId(format!("run-{number}"));
        let order = order(sim, *number, allowed);
        match Engine::run(sim, order) {
            Ok(report) => match report.ended {
                // A person looks at the number and agrees.
                Ended::Braked { number, .. } if allowed != Some(number) => allowed = Some(number),
                Ended::Clean
                | Ended::Braked { .. }
                | Ended::MoreToDo
                | Ended::Failed { .. }
                | Ended::StateMoved { .. } => return Ok(Some(report)),
            },
            Err(Stop::Killed) => return Ok(None),
            Err(stop) => return Err(format!("stopped: {stop}")),
        }
    }
}

fn order(sim: &Sim, number: u64, allowed: Option<u64>) -> Order {
    let replicas: BTreeMap<ReplicaId, _> = sim
        .replicas
        .iter()
        .zip(0..)
        .map(|(replica, id)| (ReplicaId(id), replica.capabilities(sim.planted)))
        .collect();
    let folders = replicas.keys().map(|id| (*id, FolderId(format!("folder-{id}")))).collect();
    let direction =
        if sim.options.one_way { Direction::From(ReplicaId::A) } else { Direction::TwoWay };
    Order {
        pair: Sim::pair(),
        run: sim.run.clone(),
        nonce: number << 32 | 0x00c0_ffee,
        build: "simulated".to_owned(),
        configured: Configured {
            collections: [(CollectionId::from("items"), folders)].into(),
            policy: Policy {
                replicas,
                direction,
                conflicts: Conflicts { default: sim.options.rule, fields: sim.options.rules() },
                brake: Brake { percent: 10, floor: 10, deletes_only: false },
            },
            fingerprint: "same".to_owned(),
        },
        mode: Mode::Sync,
        allowed,
    }
}

/// A person decides all open conflicts; says whether there were any.
fn decide_conflicts(sim: &mut Sim, number: &mut u64) -> Result<bool, String> {
    let mut entries = vec![];
    let mut seen = BTreeSet::new();
    for (link, field, sides) in check::open_conflicts(sim) {
        let Some(winner) = sim.rng.pick(&sides).copied() else { continue };
        if seen.insert((link, field.clone())) {
            entries.push(Entry::Resolved { link, field, winner });
        }
    }
    if entries.is_empty() {
        return Ok(false);
    }
    *number += 1;
    let opened = Entry::Opened {
        nonce: *number,
        build: "person".to_owned(),
        purpose: Purpose::Resolve,
        allowed: None,
    };
    entries.insert(0, opened);
    let commit = Commit {
        pair: Sim::pair(),
        run: RunId(format!("run-{number}")),
        at_ms: sim.now_ms,
        entries,
        blobs: vec![],
    };
    sim.store.commit(&commit).map_err(|e| e.to_string())?;
    Ok(true)
}
