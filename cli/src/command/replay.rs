//! `replay`: derives every recorded decision again.

use crate::bundle;
use crate::config::{Config, suggestion};
use crate::context::{BUILD, Context};
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, count};
use crate::session;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use store_sqlite::SqliteStore;
use sync_core::ids::PairId;
use sync_core::journal::{Record, Seq};
use sync_core::port::Store;
use sync_core::replay::{Drift, Replay};

/// Records read at a time.
const PAGE: usize = 500;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A run, or a bundle's file; without it, the whole journal. A bundle needs no configuration.
    #[arg(value_name = "RUN|BUNDLE")]
    what: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Replays.
pub fn run(
    args: &Args,
    load: &dyn Fn() -> Result<Config, Problem>,
    context: &Context,
) -> Result<Exit, Problem> {
    let replayed = match args.what.as_deref() {
        Some(what) if Path::new(what).is_file() => of_bundle(Path::new(what))?,
        Some(what) => of_run(&session::open_to_read(&load()?, context)?, what)?,
        None => of_journal(&session::open_to_read(&load()?, context)?)?,
    };
    Ok(replayed.tell(Form::asked(args.json)))
}

/// What a replay came to.
#[derive(Debug, Default)]
pub struct Replayed {
    entries: u64,
    decisions: u64,
    drifts: Vec<Drift>,
    /// The evensync whose decisions they were, if it is another.
    build: Option<String>,
}

impl Replayed {
    fn add(&mut self, replay: Replay) {
        self.entries += replay.entries;
        self.decisions += replay.decisions;
        self.drifts.extend(replay.drifts);
    }

    /// "re-derived 57 decisions of 123 entries: no drift".
    pub fn sentence(&self) -> String {
        let drift = match self.drifts.len() {
            0 => "no drift".to_owned(),
            drifts => count(drifts as u64, "drift"),
        };
        format!(
            "re-derived {} of {}: {drift}",
            count(self.decisions, "decision"),
            count(self.entries, "entry").replace("entrys", "entries")
        )
    }

    /// Says what came of it.
    pub fn tell(&self, form: Form) -> Exit {
        let exit = if self.drifts.is_empty() { Exit::Clean } else { Exit::Failed };
        if form == Form::Json {
            let drifts: Vec<_> = self
                .drifts
                .iter()
                .map(|d| json!({"seq": d.seq, "recorded": d.recorded, "derived": d.derived}))
                .collect();
            output::json(&json!({
                "version": 1, "exit": exit.code(), "entries": self.entries,
                "decisions": self.decisions, "drifts": drifts,
            }));
            return exit;
        }
        output::line(self.sentence());
        for drift in &self.drifts {
            output::line(format!("entry {}", drift.seq));
            output::line(format!("- recorded {}", drift.recorded));
            output::line(format!("+ derived  {}", drift.derived));
        }
        match (&self.build, exit) {
            (_, Exit::Clean) => {}
            (Some(build), _) => output::line(format!(
                "The decisions were evensync {build}'s; this is {BUILD}: each drift is what changed \
                 between the two."
            )),
            (None, _) => output::line(
                "The same version decides otherwise: that is a defect. Please report it, with \
                 `evensync bundle --redact`.",
            ),
        }
        exit
    }
}

/// Replays records of any number of pairs, each from its beginning.
#[derive(Default)]
struct Replays {
    pairs: BTreeMap<PairId, Replay>,
}

impl Replays {
    fn feed(&mut self, record: &Record) -> Result<(), Problem> {
        let pair = record.pair.clone();
        let replay = self.pairs.entry(pair).or_insert_with_key(|pair| Replay::new(pair.clone()));
        replay.feed(record).map_err(|e| Problem::failed(format!("{e}: the journal is damaged")))
    }

    fn end(self) -> Replayed {
        let mut replayed = Replayed::default();
        self.pairs.into_values().for_each(|replay| replayed.add(replay));
        replayed
    }
}

/// Replays a bundle.
pub fn of_bundle(path: &Path) -> Result<Replayed, Problem> {
    let mut replays = Replays::default();
    let header = bundle::read(path, |record| replays.feed(&record))?;
    let build = (header.build != BUILD).then_some(header.build);
    Ok(Replayed { build, ..replays.end() })
}

/// Replays the whole journal.
pub fn of_journal(store: &SqliteStore) -> Result<Replayed, Problem> {
    let (mut replays, mut after) = (Replays::default(), Seq(0));
    loop {
        let records = store.journal(None, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(replays.end()) };
        after = last.seq;
        for record in &records {
            replays.feed(record)?;
        }
    }
}

/// Replays one run, from the state just before it.
fn of_run(store: &SqliteStore, name: &str) -> Result<Replayed, Problem> {
    let runs = super::log::runs(store)?;
    let of_name: Vec<_> = runs.iter().filter(|run| run.name == name).collect();
    if of_name.is_empty() {
        let hint = suggestion(name, runs.iter().map(|run| run.name.as_str()));
        return Err(Problem::failed(format!(
            "`{name}` is neither a run nor a bundle's file{hint} (`evensync log` lists the runs)"
        )));
    }
    let mut replayed = Replayed::default();
    for run in of_name {
        let pair = PairId(run.pair.clone());
        let mut after = Seq(run.first.0.saturating_sub(1));
        let mut replay = Replay::from_state(store.state_at(&pair, after)?);
        'run: loop {
            let records = store.journal(Some(&pair), after, PAGE)?;
            let Some(last) = records.last() else { break };
            after = last.seq;
            for record in &records {
                if record.run.as_str() != name {
                    break 'run;
                }
                let fed = replay.feed(record);
                fed.map_err(|e| Problem::failed(format!("{e}: the journal is damaged")))?;
            }
        }
        replayed.add(replay);
    }
    Ok(replayed)
}
