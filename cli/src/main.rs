//! The evensync command.

mod account;
mod args;
mod bundle;
mod calendars;
mod collections;
mod command;
mod config;
mod connect;
mod contents;
mod context;
mod exit;
mod failure;
mod history;
mod item;
mod outcome;
mod output;
mod progress;
mod redact;
mod run;
mod session;
mod signals;
mod steps;

use args::Cli;
use clap::Parser;
use clap::error::ErrorKind;
use context::Context;
use exit::{Exit, Problem};
use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::var_os("RUST_LOG").is_some() {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .with_writer(std::io::stderr)
            .init();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(command::run(&cli, &Context::machine())),
        Err(e) => Err(Problem::failed(format!("this machine starts no threads ({e})"))),
    };
    let exit = done.unwrap_or_else(|problem| {
        output::note(format!("evensync: {}", problem.sentence));
        problem.exit
    });
    end(exit)
}

/// Ends with `exit`, unless nobody could read what was said.
fn end(exit: Exit) -> ExitCode {
    match output::trouble() {
        None => exit.into(),
        Some(sentence) => {
            output::note(format!("evensync: {sentence}"));
            exit.and(Exit::Failed).into()
        }
    }
}

/// Help is no error; everything else that clap says is a wrong command line.
fn refuse(error: &clap::Error) -> ExitCode {
    output::written(error.print());
    let asked = [ErrorKind::DisplayHelp, ErrorKind::DisplayVersion].contains(&error.kind());
    end(if asked { Exit::Clean } else { Exit::Usage })
}
