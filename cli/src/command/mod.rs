//! The commands, one file each.

pub mod apply;
pub mod bundle;
pub mod config;
pub mod conflicts;
pub mod demo;
pub mod explain;
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
use crate::signals;

/// Carries out a command.
pub async fn run(cli: &Cli, context: &Context) -> Result<Exit, Problem> {
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
        | Command::Conflicts(_)
        | Command::Config(_) => {}
    }
    match &cli.command {
        Command::Demo => demo::run().await,
        Command::Sim(args) => sim::run(args).await,
        Command::Sync(args) => sync::run(args, &load()?, context).await,
        Command::Apply(args) => apply::run(args, &load()?, context).await,
        Command::Status(args) => status::run(args, &load()?, context),
        Command::Log(args) => log::run(args, &load()?, context),
        Command::Explain(args) => explain::run(args, &load()?, context),
        Command::State(args) => state::run(args, &load()?, context),
        Command::Replay(args) => replay::run(args, &load, context),
        Command::Bundle(args) => bundle::run(args, &load()?, context),
        Command::Conflicts(action) => conflicts::run(action, &load()?, context),
        Command::Config(action) => config::run(action, &load),
    }
}
