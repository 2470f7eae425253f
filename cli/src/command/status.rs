//! `status`: how each pair stands.

use super::log::{Run, runs_now};
use crate::calendars;
use crate::config::{Config, Pair};
use crate::contents::{head, links};
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, Table, count};
use crate::session;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use store_sqlite::SqliteStore;
use sync_core::ids::{CollectionId, PairId, ReplicaId};
use sync_core::journal::{Entry, Seq, Stage};
use sync_core::port::{Counts, Loaded, Query, Store};

/// Records read at a time.
const PAGE: usize = 500;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Shows it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let mut store = session::open_to_read(config, context)?;
    let runs = runs_now(&mut store, (context.clock)())?;
    let mut shown: Vec<Value> = vec![];
    for name in config.file.pair.keys() {
        let standing = Standing::of(&store, name, &runs)?;
        match Form::asked(args.json) {
            Form::Json => shown.push(standing.json()),
            Form::Text => standing.print(config, (context.clock)()),
        }
    }
    if args.json {
        output::json(&json!({"version": 1, "pairs": shown}));
    }
    Ok(Exit::Clean)
}

/// How a pair stands.
struct Standing<'r> {
    pair: String,
    last: Option<&'r Run>,
    counts: Counts,
    held: usize,
    undecided: usize,
    conflicts: usize,
    cursors: Vec<Bookmark>,
}

/// Where a stream of changes stands.
struct Bookmark {
    collection: CollectionId,
    replica: ReplicaId,
    stage: Stage,
    at_ms: Option<i64>,
}

impl<'r> Standing<'r> {
    fn of(store: &SqliteStore, name: &str, runs: &'r [Run]) -> Result<Self, Problem> {
        let pair = PairId(name.to_owned());
        let counts = match store.load(&Query::Counts(pair.clone()))? {
            Loaded::Counts(counts) => counts,
            Loaded::Head(_) | Loaded::Links(_) | Loaded::Conflicts(_) => Counts::default(),
        };
        let (mut held, mut undecided, mut conflicts) = (0, 0, 0);
        for part in [pair.clone(), calendars::id(name)] {
            held += links(store, Query::Held(part.clone()))?.len();
            undecided += links(store, Query::Open(part.clone()))?.len();
            conflicts += match store.load(&Query::Conflicts(Some(part)))? {
                Loaded::Conflicts(conflicts) => conflicts.iter().filter(|c| c.open).count(),
                Loaded::Head(_) | Loaded::Links(_) | Loaded::Counts(_) => 0,
            };
        }
        Ok(Self {
            pair: name.to_owned(),
            last: runs.iter().rev().find(|run| run.pair == name),
            counts,
            held,
            undecided,
            conflicts,
            cursors: bookmarks(store, &pair)?,
        })
    }

    fn json(&self) -> Value {
        let last = self.last.map(|run| {
            json!({
                "run": run.name, "purpose": run.purpose, "at": output::rfc3339(run.at_ms),
                "exit": run.exit, "running": run.running,
            })
        });
        let cursors: Vec<Value> = self
            .cursors
            .iter()
            .map(|c| {
                json!({
                    "collection": c.collection, "side": c.replica, "stage": c.stage,
                    "moved": c.at_ms.map(output::rfc3339),
                })
            })
            .collect();
        json!({
            "pair": self.pair, "last_run": last, "links": self.counts.links,
            "in_step": self.counts.met, "set_aside": self.held, "undecided": self.undecided,
            "open_conflicts": self.conflicts, "cursors": cursors,
        })
    }

    fn print(&self, config: &Config, now_ms: i64) {
        output::line(&self.pair);
        if let Ok(pair) = Pair::of(config, &self.pair) {
            output::line(format!("  a  {}", pair.a));
            output::line(format!("  b  {}", pair.b));
        }
        match self.last {
            None => {
                output::line(format!("  never run; `{}`", config.command(&["sync", &self.pair])))
            }
            Some(run) if run.running => output::line(format!(
                "  run {} ({}), running since {}",
                run.name,
                run.purpose(),
                output::when(run.at_ms)
            )),
            Some(run) => output::line(format!(
                "  last run {} ({}), {}, exit {}",
                run.name,
                run.purpose(),
                ago(now_ms, run.at_ms),
                run.ending()
            )),
        }
        let links = count(self.counts.links, "item");
        output::line(format!("  {links}, {} of them on both sides", self.counts.met));
        let waiting = [
            (self.held, "set aside: `evensync sync` lists them"),
            (self.undecided, "without an answer: the next run finds out"),
            (self.conflicts, "in conflict: `evensync conflicts list`"),
        ];
        for (number, what) in waiting.into_iter().filter(|(number, _)| *number > 0) {
            output::line(format!("  {number} {what}"));
        }
        let mut table = Table::default();
        for bookmark in &self.cursors {
            let collection =
                &bookmark.collection.as_str()[..8.min(bookmark.collection.as_str().len())];
            table.row([
                format!("cursor of {} in calendar {collection}", bookmark.replica),
                bookmark.stage().to_owned(),
                bookmark.at_ms.map_or_else(String::new, |at| format!("moved {}", ago(now_ms, at))),
            ]);
        }
        table.print("  ");
    }
}

impl Bookmark {
    fn stage(&self) -> &'static str {
        match self.stage {
            Stage::Enumerating => "listing everything",
            Stage::Reconciling => "looking for what is gone",
            Stage::Following => "following changes",
        }
    }
}

/// The streams of a pair, and when each last moved on.
fn bookmarks(store: &SqliteStore, pair: &PairId) -> Result<Vec<Bookmark>, Problem> {
    let mut moved: BTreeMap<(CollectionId, ReplicaId), i64> = BTreeMap::new();
    let mut after = Seq(0);
    loop {
        let records = store.journal(Some(pair), after, PAGE)?;
        let Some(last) = records.last() else { break };
        after = last.seq;
        for record in records {
            if let Entry::Observed(observed) = record.entry
                && observed.advance.is_some()
            {
                moved.insert((observed.collection, observed.replica), record.at_ms);
            }
        }
    }
    let mut bookmarks = vec![];
    for (collection, tracks) in head(store, pair)?.tracks {
        for (replica, track) in tracks {
            let at_ms = moved.get(&(collection.clone(), replica)).copied();
            bookmarks.push(Bookmark {
                collection: collection.clone(),
                replica,
                stage: track.stage,
                at_ms,
            });
        }
    }
    Ok(bookmarks)
}

/// "3 hours ago", with the time itself.
fn ago(now_ms: i64, at_ms: i64) -> String {
    let seconds = u64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(0) / 1000;
    let (number, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..172_800 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{} ago ({})", count(number, unit), output::when(at_ms))
}
