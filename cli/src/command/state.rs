//! `state`: what was known at some point, and whether what is known is what the journal says.

use crate::config::Config;
use crate::contents::Contents;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, Table, count, short};
use crate::session;
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use sync_core::explain;
use sync_core::ids::PairId;
use sync_core::journal::Seq;
use sync_core::port::{Error, Store};
use sync_core::state::{Leg, Link, Seen, State};

/// Records read at a time.
const PAGE: usize = 500;

/// What may be said.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Args {
    /// Show the state right after this journal entry.
    #[arg(long, value_name = "SEQ", required = true)]
    at: Option<u64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// What else to do.
    #[command(subcommand)]
    action: Option<Action>,
}

/// What else can be done with the state.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Fold the whole journal anew and compare the result with what is kept.
    Verify {
        /// Where they differ, put what the journal says in place of what is kept.
        #[arg(long)]
        rebuild: bool,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    /// Whether an object was asked for.
    pub fn json(&self) -> bool {
        match &self.action {
            Some(Action::Verify { json, .. }) => *json,
            None => self.json,
        }
    }
}

/// Shows it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    match (&args.action, args.at) {
        (Some(Action::Verify { rebuild, json }), _) => {
            // Looking needs no lock; changing does.
            let store = session::open_to_read(config, context)?;
            if !*rebuild {
                return verify(&store, config, Form::asked(*json));
            }
            drop(store);
            let mut store = session::open_to_write(config, context)?;
            store.rebuild((context.clock)())?;
            verify(&store, config, Form::asked(*json))
        }
        (None, Some(seq)) => {
            let store = session::open_to_read(config, context)?;
            at(&store, config, Seq(seq), Form::asked(args.json))
        }
        (None, None) => Err(Problem::usage("say --at SEQ, or `verify`")),
    }
}

fn verify(store: &SqliteStore, config: &Config, form: Form) -> Result<Exit, Problem> {
    let differences = store.verify()?;
    let exit = if differences.is_empty() { Exit::Clean } else { Exit::Failed };
    if form == Form::Json {
        let listed: Vec<String> = differences.iter().map(ToString::to_string).collect();
        output::json(&json!({"version": 1, "exit": exit.code(), "differences": listed}));
        return Ok(exit);
    }
    if differences.is_empty() {
        output::line("The journal was folded anew: what is kept is exactly what it says.");
        return Ok(exit);
    }
    for difference in &differences {
        output::line(format!("  {difference}"));
    }
    output::line(format!(
        "{} from what the journal says. Nothing was changed. The journal is the truth: put what it \
         says in place of the rest with `{}`.",
        count(differences.len() as u64, "row differs").replace("row differss", "rows differ"),
        config.command(&["state", "verify", "--rebuild"])
    ));
    Ok(exit)
}

/// Shows every link as it was known right after an entry.
pub fn at(store: &SqliteStore, config: &Config, seq: Seq, form: Form) -> Result<Exit, Problem> {
    let last = last(store)?;
    if seq > last {
        return Err(Problem::usage(format!(
            "the journal has no entry {seq} yet; its last is {last}"
        )));
    }
    let contents = Contents::new(store);
    let mut shown: Vec<Value> = vec![];
    for pair in config.file.pair.keys() {
        let state = store.state_at(&PairId(pair.clone()), seq)?;
        match form {
            Form::Json => shown.push(json(contents, pair, &state)?),
            Form::Text => print(contents, pair, &state)?,
        }
    }
    if form == Form::Json {
        output::json(&json!({"version": 1, "seq": seq, "pairs": shown}));
    }
    Ok(Exit::Clean)
}

/// The journal's last entry.
fn last(store: &SqliteStore) -> Result<Seq, Error> {
    let mut last = Seq(0);
    while let Some(record) = store.journal(None, last, PAGE)?.last() {
        last = record.seq;
    }
    Ok(last)
}

fn json(contents: Contents<'_>, pair: &str, state: &State) -> Result<Value, Error> {
    let links: Vec<Value> = state
        .links
        .values()
        .map(|link| {
            let copies: serde_json::Map<String, Value> = link
                .legs
                .iter()
                .map(|(replica, leg)| {
                    let copy = json!({"id": leg.id, "version": leg.version, "seen": seen(leg)});
                    (replica.to_string(), copy)
                })
                .collect();
            Ok(json!({
                "link": link.id,
                "collection": link.collection,
                "subject": contents.content(link.content())?.map(|item| item.title()),
                "standing": standing(link),
                "copies": copies,
            }))
        })
        .collect::<Result<_, Error>>()?;
    let open = state.conflicts.values().filter(|c| c.open).count();
    Ok(json!({
        "pair": pair, "seq": state.head.seq, "run": state.head.run, "open_conflicts": open,
        "links": links,
    }))
}

fn print(contents: Contents<'_>, pair: &str, state: &State) -> Result<(), Error> {
    let run = state.head.run.as_ref().map_or("none yet".to_owned(), ToString::to_string);
    output::line(format!("{pair}  at entry {}, run {run}", state.head.seq));
    let mut table = Table::titled(&["link", "subject", "a", "b", "standing"]);
    for link in state.links.values() {
        let copy = |name: &str| {
            let found = link.legs.iter().find(|(replica, _)| replica.to_string() == name);
            found.map_or("–", |(_, leg)| seen(leg)).to_owned()
        };
        table.row([
            link.id.to_string(),
            short(&contents.title(link.content())?, 48),
            copy("a"),
            copy("b"),
            standing(link),
        ]);
    }
    table.print("  ");
    output::line(format!("  {}", count(state.links.len() as u64, "link")));
    Ok(())
}

fn seen(leg: &Leg) -> &'static str {
    match leg.seen {
        Seen::Present(_) => "there",
        Seen::Gone => "gone",
        Seen::Outside => "outside",
        Seen::Unreadable { .. } => "unreadable",
        Seen::Unread => "to be read",
    }
}

fn standing(link: &Link) -> String {
    if link.buried {
        return "deleted".to_owned();
    }
    if let Some(reason) = &link.held {
        return format!("set aside: {}", explain::held(reason));
    }
    if link.open.is_some() {
        return "a write is on its way".to_owned();
    }
    if link.attention { "to be decided".to_owned() } else { "in step".to_owned() }
}
