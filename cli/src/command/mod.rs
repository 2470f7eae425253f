//! The commands, one file each.

pub mod apply;
pub mod bundle;
pub mod config;
pub mod conflicts;
pub mod demo;
pub mod explain;
pub mod export;
pub mod import;
pub mod log;
pub mod replay;
pub mod sim;
pub mod state;
pub mod status;
pub mod sync;

use crate::args::{Cli, Command};
use crate::config::Config;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::{output, signals};
use serde_json::json;

/// Carries out a command. A program that asked for an object gets one wherever it ends.
pub async fn run(cli: &Cli, context: &Context) -> Result<Exit, Problem> {
    let done = carry_out(cli, context).await;
    if let Err(problem) = &done {
        match &cli.command {
            Command::Sync(args) => args.failed(problem),
            Command::Apply(args) => args.failed(problem),
            Command::Status(status::Args { json, .. })
            | Command::Log(log::Args { json, .. })
            | Command::Explain(explain::Args { json, .. })
            | Command::Import(import::Args { json, .. })
            | Command::Export(export::Args { json, .. })
            | Command::Replay(replay::Args { json, .. }) => failed(*json, problem),
            Command::State(args) => failed(args.json(), problem),
            Command::Conflicts(action) => failed(action.json(), problem),
            Command::Config(action) => failed(action.json(), problem),
            Command::Demo | Command::Sim(_) | Command::Bundle(_) => {}
        }
    }
    done
}

/// The object of a command that could not be carried out, where one was asked for.
fn failed(json: bool, problem: &Problem) {
    if json {
        let (exit, error) = (problem.exit.code(), &problem.sentence);
        output::json(&json!({"version": 1, "exit": exit, "error": error}));
    }
}

async fn carry_out(cli: &Cli, context: &Context) -> Result<Exit, Problem> {
    let load = || Config::load(&cli.config);
    match &cli.command {
        Command::Sync(_) | Command::Apply(_) => signals::listen(context.stopper.clone()),
        Command::Demo
        | Command::Sim(_)
        | Command::Status(_)
        | Command::Log(_)
        | Command::Explain(_)
        | Command::State(_)
        | Command::Replay(_)
        | Command::Bundle(_)
        | Command::Import(_)
        | Command::Export(_)
        | Command::Conflicts(_)
        | Command::Config(_) => {}
    }
    match &cli.command {
        Command::Demo => demo::run().await,
        Command::Sim(args) => sim::run(args, context).await,
        Command::Sync(args) => sync::run(args, &load()?, context).await,
        Command::Apply(args) => apply::run(args, &load()?, context).await,
        Command::Status(args) => status::run(args, &load()?, context),
        Command::Log(args) => log::run(args, &load()?, context),
        Command::Explain(args) => explain::run(args, &load()?, context),
        Command::State(args) => state::run(args, &load()?, context),
        Command::Replay(args) => replay::run(args, &load, context),
        Command::Bundle(args) => bundle::run(args, &load()?, context),
        Command::Import(args) => import::run(args, &load()?, context),
        Command::Export(args) => export::run(args, &load()?),
        Command::Conflicts(action) => conflicts::run(action, &load()?, context),
        Command::Config(action) => config::run(action, &load),
    }
}
