//! The command line.

use crate::command;
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Keeps calendars the same in two places, and can prove it.
#[derive(Debug, Parser)]
#[command(name = "evensync", version, max_term_width = 100)]
pub struct Cli {
    /// The configuration.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "EVENSYNC_CONFIG",
        default_value = crate::config::DEFAULT_NAME
    )]
    pub config: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show it: two built-in mailboxes, edits, deletes and a conflict; needs no account or network.
    Demo,
    /// Run the built-in Exchange on loopback, for your own tests.
    Sim(command::sim::Args),
    /// Run pairs once; all of them, if none is named.
    Sync(command::sync::Args),
    /// Carry out a plan that `sync --plan-out` wrote.
    Apply(command::apply::Args),
    /// Show how each pair stands.
    Status(command::status::Args),
    /// List the runs, or what happened to an item.
    Log(command::log::Args),
    /// Show why each thing was done to an item.
    Explain(command::explain::Args),
    /// Show what was known at some point, or hold what is known against the journal.
    State(command::state::Args),
    /// Derive every recorded decision again, and show where this version decides otherwise.
    Replay(command::replay::Args),
    /// Write the journal to a file that can be shared: no content, no names, no secret.
    Bundle(command::bundle::Args),
    /// Put iCalendar files, or folders of them, into the local store.
    Import(command::import::Args),
    /// Write a calendar of the local store as a folder of iCalendar files, or as one file.
    Export(command::export::Args),
    /// List, show and settle conflicts.
    #[command(subcommand)]
    Conflicts(command::conflicts::Action),
    /// Check, show or describe the configuration.
    #[command(subcommand)]
    Config(command::config::Action),
}
