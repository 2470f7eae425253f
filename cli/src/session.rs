//! The state file of a configuration, opened to read or to write.

use crate::config::Config;
use crate::context::Context;
use crate::exit::Problem;
use crate::output;
use std::cell::Cell;
use std::path::Path;
use store_sqlite::{Holder, SqliteStore};
use sync_core::port::Error;

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

/// Whether a run holds the lock: one whose last entry came at `moved_ms`, and whose lease has not
/// run out at `now_ms`. Takes the lock from nobody, and keeps it from nobody: asked as of 1970, no
/// lease has run out, and one of no length has from the start.
pub fn is_locked(store: &mut SqliteStore, moved_ms: i64, now_ms: i64) -> Result<bool, Problem> {
    if now_ms.saturating_sub(moved_ms) > LEASE_MS {
        return Ok(false);
    }
    match store.acquire(0, &Holder::this_process(), 0) {
        Ok(_) => {
            store.release()?;
            Ok(false)
        }
        Err(Error::Locked(_)) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

fn open(path: &Path, context: &Context) -> Result<SqliteStore, Problem> {
    if std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0) {
        output::note(format!(
            "evensync: {} is empty; a new journal begins in it, and items on both sides are matched \
             anew",
            path.display()
        ));
    }
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
