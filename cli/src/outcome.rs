//! What a run did to a pair: the result object, and the same in words.

use crate::config::Pair;
use crate::exit::{Exit, Problem};
use crate::output::{self, Table, count};
use serde::Serialize;
use sync_core::engine::{Side as Counted, Step};

/// The result of one pair, as `--json` gives it.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// The pair's name.
    pub pair: String,
    /// How it ended.
    pub exit: u8,
    /// What was done to a.
    pub a: SideCounts,
    /// What was done to b.
    pub b: SideCounts,
    /// Conflicts recorded.
    pub conflicts: u64,
    /// The brake that stopped it.
    pub held: Option<Held>,
    /// Items that are left as they are, and why.
    pub skipped: Vec<Skipped>,
    /// What people are told besides.
    #[serde(skip)]
    pub sentences: Vec<String>,
    /// Why the run could not go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Items of which a conflict waits for a person.
    #[serde(skip)]
    pub disputed: usize,
    /// Whether the engine got to work.
    #[serde(skip)]
    pub began: bool,
    /// What would be done; of a dry run only.
    #[serde(skip)]
    pub steps: Vec<Step>,
}

/// What was done to one side, and what it cost.
#[derive(Debug, Clone, Default, Serialize)]
pub struct SideCounts {
    pub created: u64,
    pub updated: u64,
    pub deleted: u64,
    pub unchanged: u64,
    pub requests: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub throttled_ms: u64,
}

/// A brake.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// Which: `too-many`, `emptied` or `reconfigured`.
    pub reason: &'static str,
    /// The deletes and rewrites that the run would have sent.
    pub number: u64,
    /// How many are allowed; of `too-many` only.
    pub limit: Option<u64>,
    /// The side that lost everything; of `emptied` only.
    pub side: Option<String>,
    /// What to run to let it through.
    pub command: String,
}

/// An item that is left as it is.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// The link.
    pub link: String,
    /// The side that it concerns.
    pub side: Option<String>,
    /// The item's subject.
    pub subject: String,
    /// Why, in words.
    pub reason: String,
    /// The server's error code.
    pub error: Option<String>,
}

impl Outcome {
    /// A pair to which nothing was done yet.
    pub fn nothing(pair: &str) -> Self {
        Self {
            pair: pair.to_owned(),
            exit: Exit::Clean.code(),
            a: SideCounts::default(),
            b: SideCounts::default(),
            conflicts: 0,
            held: None,
            skipped: vec![],
            sentences: vec![],
            error: None,
            disputed: 0,
            began: false,
            steps: vec![],
        }
    }

    /// Records why it could not go on.
    pub fn fail(&mut self, problem: Problem) {
        self.exit = problem.exit.code();
        self.error = Some(problem.sentence);
    }

    /// Whether anything was done to either side.
    pub fn wrote(&self) -> bool {
        [&self.a, &self.b].iter().any(|side| side.created + side.updated + side.deleted > 0)
    }

    /// Tells people: what was done on stdout, what kept it from being done on stderr.
    pub fn print(&self, pair: &Pair, run: &str, plan: Option<&Table>) {
        if self.began {
            self.print_run(pair, run, plan);
        }
        if let Some(error) = &self.error {
            output::note(format!("evensync: {}: {error}", self.pair));
        }
    }

    fn print_run(&self, pair: &Pair, run: &str, plan: Option<&Table>) {
        let dry = plan.is_some();
        output::line(format!("{}  {} {run}", self.pair, if dry { "dry run" } else { "run" }));
        let mut table = Table::default();
        for (name, side, counts) in [("a", &pair.a, &self.a), ("b", &pair.b, &self.b)] {
            table.row([name.to_owned(), side.to_string(), counts.told(dry), counts.cost()]);
        }
        table.print("  ");
        let steps = plan.map(|plan| plan.lines("    ")).unwrap_or_default();
        if !steps.is_empty() {
            output::line(format!("  The plan, {}:", count(steps.len() as u64, "step")));
            steps.iter().for_each(output::line);
        } else if !self.wrote() {
            self.print_nothing();
        }
        for skipped in &self.skipped {
            output::line(format!(
                "  Set aside: \"{}\" (link {}): {}",
                output::short(&skipped.subject, 60),
                skipped.link,
                skipped.reason
            ));
        }
        for sentence in &self.sentences {
            output::line(format!("  {}", sentence.replace('\n', "\n  ")));
        }
    }

    /// Says what it means that nothing is to be written: rarely that both sides are the same.
    fn print_nothing(&self) {
        let done = [Exit::Clean, Exit::Waiting].contains(&Exit::from_code(self.exit));
        if !done {
            return;
        }
        let different = self.skipped.len() + self.disputed;
        if different == 0 {
            output::line("  Nothing to write: both sides are the same.");
            return;
        }
        let stay = if different == 1 { "stays as it is" } else { "stay as they are" };
        let kinds = [(self.skipped.len(), "set aside"), (self.disputed, "waiting for a decision")];
        let kinds = kinds.into_iter().filter(|(number, _)| *number > 0);
        let kinds: Vec<String> = kinds.map(|(number, kind)| format!("{number} {kind}")).collect();
        output::line(format!(
            "  Nothing to write. {} {stay}: {}.",
            count(different as u64, "item"),
            kinds.join(", ")
        ));
    }
}

impl SideCounts {
    /// Adds what the engine counted, with what it left as it was where that is to be told.
    pub fn take(&mut self, counted: &Counted, unchanged: bool) {
        self.created += counted.created;
        self.updated += counted.updated;
        self.deleted += counted.deleted;
        self.unchanged += if unchanged { counted.unchanged } else { 0 };
        self.throttled_ms += counted.throttled_ms;
    }

    fn told(&self, dry: bool) -> String {
        let Self { created, updated, deleted, unchanged, .. } = self;
        if dry {
            return format!("{} there", count(*unchanged, "item"));
        }
        format!("{created} created, {updated} updated, {deleted} deleted, {unchanged} unchanged")
    }

    fn cost(&self) -> String {
        let waited = match self.throttled_ms {
            0 => String::new(),
            ms => format!(", {} s waited", ms.div_ceil(1000)),
        };
        match self.requests {
            0 => String::new(),
            requests => format!("{}{waited}", count(requests, "request")),
        }
    }
}
