//! One run of one pair: reach both sides, let the engine do its work, say what came of it.

use crate::calendars::{self, Kept, Planned};
use crate::config::{Calendars, Config, Pair, Place};
use crate::connect::{self, Installation, Remotes, Replicas};
use crate::contents::{Contents, head};
use crate::context::{BUILD, Context};
use crate::exit::{Exit, Problem};
use crate::failure;
use crate::outcome::{Held, Outcome, SideCounts, Skipped};
use crate::output::{self, count};
use crate::progress::{Progress, Watched};
use items::{Digester, Travel};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store_sqlite::SqliteStore;
use sync_core::engine::{Ended, Mode, Order, Report, Stop};
use sync_core::explain;
use sync_core::ids::{IntentKey, LinkId, PairId, ReplicaId, RunId};
use sync_core::journal::{BrakeReason, Configured, Entry, Op, Outcome as Became, Reason, Seq};
use sync_core::policy::{Direction, Policy};
use sync_core::port::{Loaded, Query, Store, Trouble};
use sync_driver::Driver;

/// What to run, and how.
pub struct Task<'a> {
    /// The clock, the dice and the network.
    pub context: &'a Context,
    /// The configuration.
    pub config: &'a Config,
    /// The run's name.
    pub run: &'a str,
    /// How far to go.
    pub mode: Mode,
    /// The number of deletes and rewrites that a person agreed to.
    pub allowed: Option<u64>,
    /// How it is watched.
    pub watched: Watched,
    /// The command that repeats it with a number, without that number.
    pub repeat: &'a str,
    /// The digest of the configuration that a plan was made for.
    pub planned_for: Option<&'a str>,
    /// What a plan says of the list of calendars, if it was made with one.
    pub calendars: Option<&'a Planned>,
}

/// What came of it, and where the journal stands.
pub struct Ran {
    /// What it did.
    pub outcome: Outcome,
    /// The journal's position that a plan is good for.
    pub seq: Seq,
    /// A digest of what is to be kept the same, and how.
    pub configured: String,
    /// The same for the list of calendars, where that is kept the same.
    pub calendars: Option<Planned>,
}

/// The parts of a run, each with a journal of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The list of calendars.
    Calendars,
    /// What they hold.
    Events,
}

impl Part {
    fn id(self, pair: &Pair) -> PairId {
        match self {
            Self::Calendars => calendars::id(&pair.name),
            Self::Events => PairId(pair.name.clone()),
        }
    }
}

/// A part of a run that is to be done.
pub struct Leg {
    /// Which.
    pub part: Part,
    /// What to keep the same, and how.
    pub configured: Configured,
    /// How far to go.
    pub mode: Mode,
    /// The number of deletes and rewrites that a person agreed to.
    pub allowed: Option<u64>,
}

/// Runs `pair`. Whatever goes wrong is part of the outcome, so that other pairs go on.
pub async fn run(task: &Task<'_>, pair: &Pair, store: &mut SqliteStore) -> Ran {
    let outcome = Outcome::nothing(&pair.name);
    let mut ran = Ran { outcome, seq: Seq(0), configured: String::new(), calendars: None };
    if let Err(problem) = attempt(task, pair, store, &mut ran).await {
        ran.outcome.fail(problem);
    }
    ran
}

async fn attempt(
    task: &Task<'_>,
    pair: &Pair,
    store: &mut SqliteStore,
    ran: &mut Ran,
) -> Result<(), Problem> {
    let digester = Digester::new(store.digest_key());
    let state_id = store.state_id().to_owned();
    let installation = Installation {
        context: task.context,
        config: task.config,
        state_id: &state_id,
        digester: &digester,
        files: Arc::new(store.files()?),
    };
    let replicas = installation.connect(pair)?;
    warn(task, pair, &mut ran.outcome);
    let done = reached(task, pair, store, &digester, &replicas, ran).await;
    for (id, counts) in [(ReplicaId::A, &mut ran.outcome.a), (ReplicaId::B, &mut ran.outcome.b)] {
        if let Some(replica) = replicas.get(&id) {
            let usage = replica.meter.usage();
            counts.requests = usage.requests;
            counts.bytes_in = usage.bytes_in;
            counts.bytes_out = usage.bytes_out;
        }
    }
    done
}

/// Says beforehand whom Graph will mail: it can't be taken back.
fn warn(task: &Task<'_>, pair: &Pair, outcome: &mut Outcome) {
    let writes_to = |id| match pair.direction {
        Direction::TwoWay => true,
        Direction::From(from) => from != id,
    };
    for (id, side) in [(ReplicaId::A, &pair.a), (ReplicaId::B, &pair.b)] {
        let is_graph = matches!(side.place, Place::Graph { .. });
        if pair.travel != Travel::Write || !is_graph || !writes_to(id) {
            continue;
        }
        let sentence = format!(
            "attendees = \"write\": Graph mails the attendees of every meeting that a run creates, \
             changes or deletes in {id} ({side})"
        );
        match task.mode {
            Mode::DryRun => {}
            Mode::Sync | Mode::Apply(_) => output::note(format!("evensync: {sentence}")),
        }
        outcome.sentences.push(sentence);
    }
}

async fn reached(
    task: &Task<'_>,
    pair: &Pair,
    store: &mut SqliteStore,
    digester: &Digester,
    replicas: &Replicas,
    ran: &mut Ran,
) -> Result<(), Problem> {
    let listed = tokio::select! {
        listed = connect::calendars(pair, replicas) => listed?,
        () = task.context.stopper.stopped() => return Err(stopped(&ran.outcome)),
    };
    if pair.calendars == Calendars::All {
        ran.outcome.sentences.extend(listed.left_out.iter().cloned());
    }
    let kept = calendars::keep(task, pair, store, digester, (replicas, &listed), ran)?;
    let Kept { collections: Some(collections), allowed } = kept else { return Ok(()) };
    let configured = Configured {
        collections,
        policy: policy(pair, replicas),
        fingerprint: fingerprint(pair, digester),
    };
    ran.configured = digest(&configured, pair.travel, digester);
    if task.planned_for.is_some_and(|planned| planned != ran.configured) {
        return Err(replan(task, pair));
    }
    let leg = Leg { part: Part::Events, configured, mode: task.mode, allowed };
    let remotes = replicas.iter().map(|(id, replica)| (*id, replica.remote.clone())).collect();
    let report = perform(task, pair, store, digester, (remotes, leg), ran)?;
    ran.seq = report.seq;
    tell(task, (pair, Part::Events), store, report, ran)
}

/// What to do where a plan was made for something else.
pub fn replan(task: &Task<'_>, pair: &Pair) -> Problem {
    Problem::failed(format!(
        "the plan was made for another configuration of this pair; nothing was written. Make a new \
         one with `{}`.",
        task.config.command(&["sync", &pair.name, "--plan-out", "FILE"])
    ))
}

/// Lets the engine do a part of a run.
pub fn perform(
    task: &Task<'_>,
    pair: &Pair,
    store: &mut SqliteStore,
    digester: &Digester,
    (remotes, leg): (Remotes, Leg),
    ran: &mut Ran,
) -> Result<Report, Problem> {
    let id = leg.part.id(pair);
    let before = head(&*store, &id)?.seq;
    let order = Order {
        pair: id.clone(),
        run: RunId(task.run.to_owned()),
        nonce: task.context.dice.number()?,
        build: BUILD.to_owned(),
        configured: leg.configured,
        mode: leg.mode,
        allowed: leg.allowed,
    };
    ran.outcome.began = true;
    let stop = match drive(task, pair, store, digester, remotes, order) {
        Ok(mut report) => {
            ran.outcome.steps.append(&mut report.steps);
            return Ok(report);
        }
        Err(stop) => stop,
    };
    recount(store, id, before, &mut ran.outcome)?;
    Err(match stop {
        Stop::Cancelled => stopped(&ran.outcome),
        Stop::Store(error) => {
            let problem = Problem::from(error);
            Problem::new(problem.exit, format!("{}. {}", problem.sentence, written(&ran.outcome)))
        }
        Stop::Killed | Stop::Confused(_) => {
            Problem::failed(format!("{stop}: a defect of evensync. {}", written(&ran.outcome)))
        }
    })
}

fn drive(
    task: &Task<'_>,
    pair: &Pair,
    store: &mut SqliteStore,
    digester: &Digester,
    remotes: Remotes,
    order: Order,
) -> Result<Report, Stop> {
    let mut progress = Progress::new(&pair.name, task.watched);
    let driver = Driver {
        store,
        remotes,
        digester: digester.clone(),
        clock: task.context.clock,
        stopper: task.context.stopper.clone(),
        watcher: &mut progress,
    };
    let ended = tokio::task::block_in_place(|| driver.run(order));
    progress.finish();
    ended
}

fn policy(pair: &Pair, replicas: &Replicas) -> Policy {
    Policy {
        replicas: replicas.iter().map(|(id, r)| (*id, r.remote.capabilities())).collect(),
        direction: pair.direction,
        conflicts: pair.conflicts.clone(),
        brake: pair.brake,
    }
}

/// A digest of all whose change means that deletes may not be meant.
pub fn fingerprint(pair: &Pair, digester: &Digester) -> String {
    let side = |side: &crate::config::Side| {
        let mailbox = side.mailbox.to_ascii_lowercase();
        serde_json::json!([side.place.kind(), side.place.address(), mailbox])
    };
    let all = serde_json::json!([side(&pair.a), side(&pair.b), pair.filter]);
    digester.text("fingerprint", &all.to_string()).to_string()
}

/// A digest of all that decides what a run does.
pub fn digest(configured: &Configured, travel: Travel, digester: &Digester) -> String {
    let text = serde_json::to_string(configured).expect("the journal keeps it in the same form");
    // A plan that was made to mail nobody is no plan for a run that would.
    let travel = match travel {
        Travel::Carry => "",
        Travel::Note => "note",
        Travel::Write => "write",
    };
    digester.text("configured", &(text + travel)).to_string()
}

fn stopped(outcome: &Outcome) -> Problem {
    Problem::new(Exit::Partial, format!("Stopped on request. {}", written(outcome)))
}

/// Whether anything was written, and what happens next.
fn written(outcome: &Outcome) -> &'static str {
    if outcome.wrote() {
        "What was written until then is recorded; the next run goes on from there."
    } else {
        "Nothing was written; the next run begins where this one did."
    }
}

/// Puts a report into words.
pub fn tell(
    task: &Task<'_>,
    (pair, part): (&Pair, Part),
    store: &SqliteStore,
    report: Report,
    ran: &mut Ran,
) -> Result<(), Problem> {
    let outcome = &mut ran.outcome;
    outcome.exit = Exit::from_code(outcome.exit).and(Exit::from_code(report.exit())).code();
    outcome.conflicts += report.conflicts;
    for (id, counts) in [(ReplicaId::A, &mut outcome.a), (ReplicaId::B, &mut outcome.b)] {
        let counted = report.sides.get(&id).copied().unwrap_or_default();
        counts.take(&counted, part == Part::Events);
    }
    outcome.skipped.extend(skipped(store, &report)?);
    outcome.disputed += disputed(store, part.id(pair), &report)?;
    match &report.ended {
        Ended::Clean => {}
        Ended::Braked { brake, number } => {
            let held = held(brake, *number, task.repeat);
            outcome.sentences.push(match part {
                Part::Calendars => {
                    calendars::brake_sentence(&report, brake, &held, pair, task.config)
                }
                Part::Events => brake_sentence(&held, pair, task.config, outcome.wrote()),
            });
            outcome.held.get_or_insert(held);
        }
        Ended::MoreToDo => outcome.sentences.push(
            "Some items kept changing, or their writes kept failing: they are left to the next run. \
             Run again."
                .to_owned(),
        ),
        Ended::Failed { replica, failure } => {
            let side = if *replica == ReplicaId::A { &pair.a } else { &pair.b };
            let sentence = failure::sentence(*replica, side, failure);
            outcome.error = Some(format!("{sentence} {}", written(outcome)));
        }
        Ended::StateMoved { planned, now } => {
            outcome.began = false;
            outcome.error = Some(format!(
                "the plan was made when the journal stood at {planned}, and it stands at {now} now: \
                 something ran in between. Nothing was written. Make a new plan with `{}`.",
                task.config.command(&["sync", &pair.name, "--plan-out", "FILE"])
            ));
        }
    }
    if report.recovered > 0 {
        let writes = count(report.recovered, "write");
        outcome.sentences.push(format!(
            "{writes} whose answer had been lost turned out to have happened; nothing was sent twice."
        ));
    }
    if report.undecided > 0 {
        let writes = count(report.undecided as u64, "write");
        outcome.sentences.push(format!(
            "Of {writes} no answer came: whether they happened is found out by the next run. Run again."
        ));
    }
    if report.conflicts > 0 || report.open_conflicts > 0 {
        outcome.sentences.push(conflict_sentence(&report));
    }
    Ok(())
}

fn conflict_sentence(report: &Report) -> String {
    let found = count(report.conflicts, "conflict");
    match report.open_conflicts {
        0 => format!(
            "{found}, settled by the rules; the losing values are kept. See `evensync conflicts list`."
        ),
        open => format!(
            "{found} in this run, and {open} in all wait for your decision; everything else went on. \
             See `evensync conflicts list`."
        ),
    }
}

fn held(brake: &BrakeReason, number: u64, repeat: &str) -> Held {
    let (reason, limit, side) = match brake {
        BrakeReason::TooMany { limit } => ("too-many", Some(*limit), None),
        BrakeReason::Emptied { replica } => ("emptied", None, Some(replica.to_string())),
        BrakeReason::Reconfigured => ("reconfigured", None, None),
    };
    Held { reason, number, limit, side, command: format!("{repeat} --force-delete {number}") }
}

fn brake_sentence(held: &Held, pair: &Pair, config: &Config, calendars: bool) -> String {
    let number = count(held.number, "delete or rewrite")
        .replace("delete or rewrites", "deletes and rewrites");
    let why = match (held.limit, &held.side) {
        (Some(limit), _) => format!("this run would send {number}, and {limit} are allowed"),
        (None, Some(side)) => {
            let of = if side == "a" { &pair.a } else { &pair.b };
            format!(
                "every item that was the same is gone from {side} ({of}), so this run would send \
                 {number}"
            )
        }
        (None, None) => format!(
            "the pair's endpoints, mailboxes, calendars or window changed, and this run would send \
             {number}"
        ),
    };
    let but = if calendars { ", except of calendars themselves" } else { "" };
    format!(
        "A brake stopped the run: {why}. No delete, rewrite or create was sent{but}.\nLook at them with \
         `{}`. If they are meant, run:\n  {}",
        config.command(&["sync", &pair.name, "--dry-run"]),
        held.command
    )
}

/// The items that are left as they are.
fn skipped(store: &SqliteStore, report: &Report) -> Result<Vec<Skipped>, Problem> {
    let contents = Contents::new(store);
    let told: BTreeMap<LinkId, &Trouble> =
        report.refused.iter().map(|(link, _, trouble)| (*link, trouble)).collect();
    let mut skipped = vec![];
    for link in &report.held {
        let Some(reason) = &link.held else { continue };
        let (side, code) = match reason {
            Reason::Refused { replica, code } | Reason::Unreadable { replica, code } => {
                (Some(replica.to_string()), Some(code.clone()))
            }
            Reason::OneWay { replica } | Reason::Fixed { replica } => {
                (Some(replica.to_string()), None)
            }
            Reason::Ambiguous | Reason::Twin { .. } => (None, None),
        };
        let detail = told.get(&link.id).map(|trouble| format!(": {}", trouble.detail));
        skipped.push(Skipped {
            link: link.id.to_string(),
            side,
            subject: contents.title(link.content())?,
            reason: format!("{}{}", explain::held(reason), detail.unwrap_or_default()),
            error: code,
        });
    }
    Ok(skipped)
}

/// Counts the items of which a conflict waits for a person, and that are not set aside besides.
fn disputed(store: &SqliteStore, pair: PairId, report: &Report) -> Result<usize, Problem> {
    let query = Query::Conflicts(Some(pair));
    let conflicts = match store.load(&query)? {
        Loaded::Conflicts(conflicts) => conflicts,
        Loaded::Head(_) | Loaded::Links(_) | Loaded::Counts(_) => vec![],
    };
    let open = conflicts.iter().filter(|conflict| conflict.open);
    let mut links: BTreeSet<LinkId> = open.map(|conflict| conflict.what.link).collect();
    links.retain(|id| report.held.iter().all(|link| link.id != *id));
    Ok(links.len())
}

/// Counts from the journal what a run did that could not report itself.
fn recount(
    store: &SqliteStore,
    pair: PairId,
    before: Seq,
    outcome: &mut Outcome,
) -> Result<(), Problem> {
    let mut open: BTreeMap<IntentKey, (ReplicaId, Op)> = BTreeMap::new();
    let mut after = before;
    loop {
        let records = store.journal(Some(&pair), after, 500)?;
        let Some(last) = records.last() else { return Ok(()) };
        after = last.seq;
        for record in records {
            if let Entry::Intended(intent) = &record.entry {
                let (replica, op) = (intent.plan.replica, intent.plan.op.clone());
                open.insert(intent.key.clone(), (replica, op));
            } else if let Entry::Settled { key, outcome: Became::Applied(_), .. } = &record.entry
                && let Some((replica, op)) = open.remove(key)
            {
                let side = if replica == ReplicaId::A { &mut outcome.a } else { &mut outcome.b };
                side.add(&op);
            } else if let Entry::Conflicted(_) = record.entry {
                outcome.conflicts += 1;
            }
        }
    }
}

impl SideCounts {
    fn add(&mut self, op: &Op) {
        match op {
            Op::Create { .. } => self.created += 1,
            Op::Update { .. } => self.updated += 1,
            Op::Delete { .. } => self.deleted += 1,
        }
    }
}
