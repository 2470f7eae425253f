//! The state file of a configuration, opened to read or to write.

use crate::config::Config;
use crate::context::Context;
use crate::exit::Problem;
use std::cell::Cell;
use std::path::Path;
use store_sqlite::{Holder, SqliteStore};

/// How long a lock outlives a holder of whom nobody can tell whether it lives, in milliseconds.
/// Longer than the longest wait within a run, so that no run loses its lock by waiting; a holder
/// that died on this machine is recognised at once.
const LEASE_MS: i64 = 20 * 60 * 1000;

/// Opens the state file to read what is there; without a file there is nothing to read.
pub fn open_to_read(config: &Config, context: &Context) -> Result<SqliteStore, Problem> {
    let path = config.state()?;
    if !path.exists() {
        return Err(Problem::failed(format!(
            "there is no state file {} yet; the first `evensync sync` makes it",
            path.display()
        )));
    }
    open(&path, context)
}

/// Opens the state file, makes it if there is none, and takes its lock.
pub fn open_to_write(config: &Config, context: &Context) -> Result<SqliteStore, Problem> {
    let mut store = open(&config.state()?, context)?;
    store.acquire((context.clock)(), &Holder::this_process(), LEASE_MS)?;
    Ok(store)
}

fn open(path: &Path, context: &Context) -> Result<SqliteStore, Problem> {
    // Drawn before, since the store can't be told that there are none.
    let draws = [context.dice.bytes()?, context.dice.bytes()?];
    let next = Cell::new(0_usize);
    let draw = || {
        let drawn = draws[next.get() % draws.len()];
        next.set(next.get() + 1);
        drawn
    };
    Ok(SqliteStore::create_or_open(path, &draw)?)
}
