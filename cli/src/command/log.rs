//! `log`: the runs, or one item's past.

use crate::config::Config;
use crate::contents::Contents;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, Table, count};
use crate::{history, item, session};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use sync_core::ids::LinkId;
use sync_core::journal::{Entry, Purpose, Seq};
use sync_core::port::Store;

/// Records read at a time.
const PAGE: usize = 500;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A link id (or its beginning), or words of the subject; without it, the runs are listed.
    item: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Shows it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let mut store = session::open_to_read(config, context)?;
    let form = Form::asked(args.json);
    match &args.item {
        Some(text) => of_item(&store, item::find(&store, config, text)?, form)?,
        None => of_runs(&mut store, (context.clock)(), form)?,
    }
    Ok(Exit::Clean)
}

/// Shows an item's past, a line for each record.
pub fn of_item(store: &SqliteStore, link: LinkId, form: Form) -> Result<(), Problem> {
    let contents = Contents::new(store);
    let moments = history::of(store, link)?;
    let subject = contents.subject(link)?;
    if form == Form::Json {
        let records: Vec<Value> = moments
            .iter()
            .map(|moment| {
                Ok(json!({
                    "seq": moment.record.seq,
                    "at": output::rfc3339(moment.record.at_ms),
                    "run": moment.record.run,
                    "kind": moment.record.entry.kind(),
                    "sentence": moment.sentence(),
                    "values": moment.values(contents)?,
                }))
            })
            .collect::<Result<_, sync_core::port::Error>>()?;
        output::json(&json!({
            "version": 1, "link": link, "subject": subject, "records": records,
        }));
        return Ok(());
    }
    output::line(format!("“{subject}”  link {link}"));
    for moment in &moments {
        let at = output::when(moment.record.at_ms);
        output::line(format!(
            "  {:>5}  {at}  {}  {}",
            moment.record.seq.0,
            moment.record.run,
            moment.sentence()
        ));
        for value in moment.values(contents)? {
            output::line(format!("           {value}"));
        }
    }
    Ok(())
}

/// A run, as the journal knows it.
pub struct Run {
    /// Its name.
    pub name: String,
    /// The pair.
    pub pair: String,
    /// What it was for.
    pub purpose: Purpose,
    /// Its first entry.
    pub first: Seq,
    /// When it began, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Writes that it decided on.
    pub writes: u64,
    /// Its last entry so far, in milliseconds since 1970 UTC.
    pub moved_ms: i64,
    /// How it ended; none if it was interrupted, or runs now.
    pub exit: Option<u8>,
    /// Whether it runs now, as far as was asked.
    pub running: bool,
}

impl Run {
    /// What it was for, in a word.
    pub fn purpose(&self) -> &'static str {
        match self.purpose {
            Purpose::Sync => "sync",
            Purpose::DryRun => "dry run",
            Purpose::Apply => "apply",
            Purpose::Resolve => "resolve",
        }
    }

    /// How it ended, in words.
    pub fn ending(&self) -> String {
        match (self.exit, self.purpose) {
            (Some(code), _) => code.to_string(),
            (None, Purpose::Resolve) => "–".to_owned(),
            (None, _) if self.running => "running".to_owned(),
            (None, Purpose::Sync | Purpose::DryRun | Purpose::Apply) => "interrupted".to_owned(),
        }
    }
}

/// All runs of all pairs, oldest first.
pub fn runs(store: &SqliteStore) -> Result<Vec<Run>, Problem> {
    let (mut runs, mut after): (Vec<Run>, Seq) = (vec![], Seq(0));
    loop {
        let records = store.journal(None, after, PAGE)?;
        let Some(last) = records.last() else { return Ok(runs) };
        after = last.seq;
        for record in &records {
            if let Entry::Opened { purpose, .. } = &record.entry {
                runs.push(Run {
                    name: record.run.to_string(),
                    pair: record.pair.to_string(),
                    purpose: *purpose,
                    first: record.seq,
                    at_ms: record.at_ms,
                    writes: 0,
                    moved_ms: record.at_ms,
                    exit: None,
                    running: false,
                });
                continue;
            }
            let is_it = |run: &&mut Run| {
                run.name == record.run.as_str() && run.pair == record.pair.as_str()
            };
            let Some(run) = runs.iter_mut().rev().find(is_it) else { continue };
            run.moved_ms = record.at_ms;
            if let Entry::Closed { exit } = &record.entry {
                run.exit = Some(*exit);
            } else if let Entry::Intended(_) = &record.entry {
                run.writes += 1;
            }
        }
    }
}

/// All runs of all pairs, and which of them runs now: the last, if it has not ended and someone
/// holds the lock.
pub fn runs_now(store: &mut SqliteStore, now_ms: i64) -> Result<Vec<Run>, Problem> {
    let mut runs = runs(store)?;
    if let Some(last) = runs.last_mut()
        && last.exit.is_none()
        && last.purpose != Purpose::Resolve
    {
        last.running = session::is_locked(store, last.moved_ms, now_ms)?;
    }
    Ok(runs)
}

fn of_runs(store: &mut SqliteStore, now_ms: i64, form: Form) -> Result<(), Problem> {
    let runs = runs_now(store, now_ms)?;
    if form == Form::Json {
        let runs: Vec<Value> = runs
            .iter()
            .map(|run| {
                json!({
                    "run": run.name, "pair": run.pair, "purpose": run.purpose,
                    "seq": run.first, "at": output::rfc3339(run.at_ms),
                    "writes": run.writes, "exit": run.exit, "running": run.running,
                })
            })
            .collect();
        output::json(&json!({"version": 1, "runs": runs}));
        return Ok(());
    }
    let mut table = Table::titled(&["seq", "began", "run", "pair", "what", "writes", "exit"]);
    for run in &runs {
        table.row([
            run.first.to_string(),
            output::when(run.at_ms),
            run.name.clone(),
            run.pair.clone(),
            run.purpose().to_owned(),
            run.writes.to_string(),
            run.ending(),
        ]);
    }
    table.print("");
    output::line(format!(
        "{}; `evensync log ITEM` shows an item's past.",
        count(runs.len() as u64, "run")
    ));
    Ok(())
}
