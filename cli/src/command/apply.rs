//! `apply`: carries out a plan, if nothing has changed since.

use super::sync::{self, RunResult};
use crate::calendars::Planned;
use crate::config::Config;
use crate::context::{Context, instant};
use crate::exit::{Exit, Problem};
use crate::output::{self, Form};
use crate::progress::Watched;
use crate::run::{self, Task};
use crate::session;
use serde::Deserialize;
use std::path::PathBuf;
use sync_core::engine::Mode;
use sync_core::journal::Seq;

/// The form of plan files that this version writes and reads.
pub const PLAN_VERSION: u32 = 1;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file that `evensync sync --plan-out` wrote.
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    /// Print one result object.
    #[arg(long)]
    json: bool,
    /// Let through this exact number of deletes and rewrites, which a brake has printed.
    #[arg(long, value_name = "N")]
    force_delete: Option<u64>,
}

/// What of a plan file counts: the journal says the rest. What it is good for is the state that it
/// was made in, under the very rules and folders that it was made with.
#[derive(Deserialize)]
struct Plan {
    version: u32,
    pair: String,
    seq: Seq,
    configured: String,
    /// The same for the list of calendars, where that is kept the same.
    #[serde(default)]
    calendars: Option<Planned>,
}

impl Args {
    /// Gives the result of a run that did not begin, to a program.
    pub fn failed(&self, problem: &Problem) {
        if self.json {
            // The journal's position plays no part in a result.
            output::json(&RunResult::failed(Mode::Apply(Seq(0)), problem));
        }
    }
}

/// Carries out the plan.
pub async fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let plan = read(&args.plan)?;
    let pairs = config.pairs(std::slice::from_ref(&plan.pair))?;
    let mut store = session::open_to_write(config, context)?;
    let (name, began) = (context.run_name()?, instant());
    let mode = Mode::Apply(plan.seq);
    let mut outcomes = vec![];
    for pair in &pairs {
        // This run moves the state, so what repeats it is a run of its own.
        let repeat = config.command(&["sync", &pair.name]);
        let task = Task {
            context,
            config,
            run: &name,
            mode,
            allowed: args.force_delete,
            watched: Watched::Terminal,
            repeat: &repeat,
            planned_for: Some(&plan.configured),
            calendars: plan.calendars.as_ref(),
        };
        let ran = run::run(&task, pair, &mut store).await;
        if !args.json {
            ran.outcome.print(pair, &name, None);
        }
        outcomes.push(ran.outcome);
    }
    Ok(sync::finish(&name, mode, began, &outcomes, Form::asked(args.json)))
}

fn read(path: &PathBuf) -> Result<Plan, Problem> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| Problem::failed(format!("the plan {shown} can't be read ({e})")))?;
    let plan: Plan = serde_json::from_str(&text).map_err(|e| {
        Problem::failed(format!("{shown} is no plan of `evensync sync --plan-out` ({e})"))
    })?;
    if plan.version != PLAN_VERSION {
        return Err(Problem::failed(format!(
            "{shown} is a plan of version {}, and this evensync knows version {PLAN_VERSION}; make a \
             new plan",
            plan.version
        )));
    }
    Ok(plan)
}
