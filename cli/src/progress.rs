//! What those who wait see of a run: one line on a terminal, or one JSON object an event.

use crate::context::instant;
use crate::output;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};
use sync_core::engine::Waiting;
use sync_core::ids::ReplicaId;
use sync_core::journal::Entry;
use sync_driver::Watcher;

/// Shortest time between two updates of the line.
const PAUSE: Duration = Duration::from_millis(100);

/// How a run is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched {
    /// A line on stderr, if that is a terminal.
    Terminal,
    /// NDJSON on stdout.
    Events,
}

/// Watches one pair.
pub struct Progress {
    pair: String,
    mode: Watched,
    terminal: bool,
    read: BTreeMap<ReplicaId, usize>,
    written: BTreeMap<ReplicaId, usize>,
    began: Instant,
    shown: Option<Instant>,
}

impl Progress {
    /// Watches `pair`.
    pub fn new(pair: &str, mode: Watched) -> Self {
        let terminal = mode == Watched::Terminal && std::io::stderr().is_terminal();
        Self {
            pair: pair.to_owned(),
            mode,
            terminal,
            read: BTreeMap::new(),
            written: BTreeMap::new(),
            began: instant(),
            shown: None,
        }
    }

    /// Takes the line away.
    pub fn finish(&mut self) {
        if self.terminal && self.shown.take().is_some() {
            let _ = write!(anstream::stderr(), "\r\u{1b}[K");
        }
    }

    fn event(&self, mut event: Value) {
        if self.mode == Watched::Events {
            event["pair"] = json!(self.pair);
            output::json(&event);
        }
    }

    fn show(&mut self, more: &str) {
        if !self.terminal || more.is_empty() && self.shown.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        self.shown = Some(instant());
        let sum = |counts: &BTreeMap<ReplicaId, usize>| counts.values().sum::<usize>();
        let (read, written) = (sum(&self.read), sum(&self.written));
        let rate = (read + written) as f64 / self.began.elapsed().as_secs_f64().max(0.1);
        let line = format!(
            "{}: {read} changes read, {written} items written, {rate:.0}/s{more}",
            self.pair
        );
        let _ = write!(anstream::stderr(), "\r\u{1b}[K{line}");
    }
}

impl Watcher for Progress {
    fn pulled(&mut self, replica: ReplicaId, changes: usize) {
        *self.read.entry(replica).or_default() += changes;
        self.event(json!({"event": "pulled", "side": replica, "changes": changes}));
        self.show("");
    }

    fn wrote(&mut self, replica: ReplicaId, writes: usize, succeeded: usize) {
        *self.written.entry(replica).or_default() += succeeded;
        self.event(json!({
            "event": "wrote", "side": replica, "writes": writes, "succeeded": succeeded,
        }));
        self.show("");
    }

    fn waits(&mut self, ms: u64, why: Waiting) {
        let (side, reason, words) = match why {
            Waiting::Pace(side) => (side, "pace", "asks us to wait"),
            Waiting::Grace(side) => (side, "grace", "may still receive a request of a killed run"),
        };
        self.event(json!({"event": "waiting", "side": side, "ms": ms, "why": reason}));
        self.show(&format!("; {side} {words}, {} s", ms.div_ceil(1000)));
    }

    fn committed(&mut self, _: &[Entry]) {}
}
