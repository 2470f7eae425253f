//! `sync`: one incremental run.

use crate::config::Config;
use crate::contents::Contents;
use crate::context::{Context, instant};
use crate::exit::{Exit, Problem};
use crate::outcome::Outcome;
use crate::output::{self, Form};
use crate::progress::Watched;
use crate::run::{self, Ran, Task};
use crate::{session, steps};
use serde::Serialize;
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;
use sync_core::engine::Mode;

/// What may be said.
#[derive(Debug, Default, clap::Args)]
pub struct Args {
    /// The pairs to run; all of them, if none is named.
    #[arg(value_name = "PAIR")]
    pub pairs: Vec<String>,
    /// Read and plan; write nothing, and show the plan.
    #[arg(long)]
    pub dry_run: bool,
    /// Write the plan to a file for `evensync apply`; nothing else is written.
    #[arg(long, value_name = "FILE")]
    pub plan_out: Option<PathBuf>,
    /// Print one result object.
    #[arg(long)]
    pub json: bool,
    /// Print one JSON object for each thing that happens, as it goes.
    #[arg(long)]
    pub events: bool,
    /// Let through this exact number of deletes and rewrites, which a brake has printed.
    #[arg(long, value_name = "N")]
    pub force_delete: Option<u64>,
}

impl Args {
    fn mode(&self) -> Mode {
        if self.dry_run || self.plan_out.is_some() { Mode::DryRun } else { Mode::Sync }
    }

    fn form(&self) -> Form {
        Form::asked(self.json || self.events)
    }

    /// Gives the result of a run that did not begin, to a program.
    pub fn failed(&self, problem: &Problem) {
        if self.form() == Form::Json {
            output::json(&RunResult::failed(self.mode(), problem));
        }
    }
}

/// Runs the pairs, one after the other.
pub async fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let pairs = config.pairs(&args.pairs)?;
    if pairs.len() != 1 && (args.force_delete.is_some() || args.plan_out.is_some()) {
        let option = if args.plan_out.is_some() { "--plan-out" } else { "--force-delete" };
        return Err(Problem::usage(format!(
            "{option} is about one pair; name it, as in `evensync sync {} {option} …`",
            pairs.first().map_or("PAIR", |pair| &pair.name)
        )));
    }
    let mut store = session::open_to_write(config, context)?;
    let mode = args.mode();
    let (name, began) = (context.run_name()?, instant());
    let mut outcomes = vec![];
    for pair in &pairs {
        let repeat = match &args.plan_out {
            Some(plan) => config.command(&["apply", &plan.display().to_string()]),
            None => config.command(&["sync", &pair.name]),
        };
        let task = Task {
            context,
            config,
            run: &name,
            mode,
            allowed: args.force_delete,
            watched: if args.events { Watched::Events } else { Watched::Terminal },
            repeat: &repeat,
            planned_for: None,
            calendars: None,
        };
        let mut ran = run::run(&task, pair, &mut store).await;
        let contents = Contents::new(&store);
        if let Some(path) = &args.plan_out
            && let Err(problem) = write_plan(path, contents, &name, &ran, config)
        {
            ran.outcome.fail(problem);
        }
        if args.form() == Form::Text {
            let plan = match mode {
                Mode::DryRun => Some(steps::table(contents, &ran.outcome.steps)?),
                Mode::Sync | Mode::Apply(_) => None,
            };
            ran.outcome.print(pair, &name, plan.as_ref());
        }
        outcomes.push(ran.outcome);
        if context.stopper.is_stopped() {
            break;
        }
    }
    Ok(finish(&name, mode, began, &outcomes, args.form()))
}

/// Says how it all ended.
pub fn finish(run: &str, mode: Mode, began: Instant, outcomes: &[Outcome], form: Form) -> Exit {
    let exits = outcomes.iter().map(|outcome| Exit::from_code(outcome.exit));
    let exit = exits.reduce(Exit::and).unwrap_or(Exit::Clean);
    if form == Form::Json {
        for outcome in outcomes {
            for sentence in outcome.sentences.iter().chain(&outcome.error) {
                output::note(format!("evensync: {}: {sentence}", outcome.pair));
            }
        }
        let elapsed_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        output::json(&RunResult::of(run, exit, mode, elapsed_ms, outcomes));
    }
    exit
}

/// The result of a run, as `--json` gives it.
#[derive(Serialize)]
pub struct RunResult<'a> {
    version: u32,
    run: &'a str,
    exit: u8,
    dry_run: bool,
    elapsed_ms: u64,
    pairs: &'a [Outcome],
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> RunResult<'a> {
    fn of(run: &'a str, exit: Exit, mode: Mode, elapsed_ms: u64, pairs: &'a [Outcome]) -> Self {
        let (version, exit, dry_run) = (1, exit.code(), mode == Mode::DryRun);
        Self { version, run, exit, dry_run, elapsed_ms, pairs, error: None }
    }

    /// The result of a run that did not begin.
    pub fn failed(mode: Mode, problem: &'a Problem) -> Self {
        let error = Some(problem.sentence.as_str());
        Self { error, ..Self::of("", problem.exit, mode, 0, &[]) }
    }
}

fn write_plan(
    path: &PathBuf,
    contents: Contents<'_>,
    run: &str,
    ran: &Ran,
    config: &Config,
) -> Result<(), Problem> {
    // What failed on its way has said why, and knows only a part of what there is.
    if ran.outcome.error.is_some() {
        return Ok(());
    }
    let mut plan = json!({
        "version": super::apply::PLAN_VERSION,
        "pair": ran.outcome.pair,
        "seq": ran.seq,
        "run": run,
        "configured": ran.configured,
        "steps": steps::json(contents, &ran.outcome.steps)?,
    });
    if let Some(calendars) = &ran.calendars {
        plan["calendars"] = json!(calendars);
    }
    let text = serde_json::to_string_pretty(&plan).unwrap_or_default();
    std::fs::write(path, text + "\n").map_err(|e| {
        Problem::failed(format!(
            "the plan can't be written to {} ({e}); nothing was sent",
            path.display()
        ))
    })?;
    output::note(format!(
        "The plan is in {}; carry it out with `{}`.",
        path.display(),
        config.command(&["apply", &path.display().to_string()])
    ));
    Ok(())
}
