//! `explain`: why each thing was done to an item.

use crate::config::Config;
use crate::contents::Contents;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::history::Moment;
use crate::output::{self, Form};
use crate::{history, item, session};
use serde_json::{Value, json};
use store_sqlite::SqliteStore;
use sync_core::ids::LinkId;
use sync_core::journal::Entry;
use sync_core::port::Error;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A link id (or its beginning), or words of the subject.
    item: String,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Shows it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let store = session::open_to_read(config, context)?;
    let link = item::find(&store, config, &args.item)?;
    of_item(&store, link, Form::asked(args.json))?;
    Ok(Exit::Clean)
}

/// Shows every decision about an item: how each side stood, what followed, and by which rule.
pub fn of_item(store: &SqliteStore, link: LinkId, form: Form) -> Result<(), Problem> {
    let contents = Contents::new(store);
    let subject = contents.subject(link)?;
    let moments = history::of(store, link)?;
    let told = moments.iter().filter(|m| m.is_decision() || is_result(m));
    if form == Form::Json {
        let decisions: Vec<Value> = told
            .filter(|moment| moment.is_decision())
            .map(|moment| {
                Ok(json!({
                    "seq": moment.record.seq,
                    "at": output::rfc3339(moment.record.at_ms),
                    "run": moment.record.run,
                    "kind": moment.record.entry.kind(),
                    "standings": moment.standings(),
                    "decided": moment.sentence(),
                    "values": moment.values(contents)?,
                }))
            })
            .collect::<Result<_, Error>>()?;
        output::json(&json!({
            "version": 1, "link": link, "subject": subject, "decisions": decisions,
        }));
        return Ok(());
    }
    output::line(format!("“{subject}”  link {link}"));
    for moment in told {
        if moment.is_decision() {
            print_decision(contents, moment)?;
        } else {
            output::line(format!("    {:>5}  {}", moment.record.seq.0, moment.sentence()));
        }
    }
    output::line(format!(
        "How it can be checked: `evensync replay` derives each of these decisions again from the \
         state just before it; `evensync log {link}` shows what was seen in between."
    ));
    Ok(())
}

fn is_result(moment: &Moment) -> bool {
    matches!(moment.record.entry, Entry::Settled { .. })
}

fn print_decision(contents: Contents<'_>, moment: &Moment) -> Result<(), Error> {
    output::line("");
    output::line(format!(
        "  {:>5}  {}  run {}",
        moment.record.seq.0,
        output::when(moment.record.at_ms),
        moment.record.run
    ));
    for standing in moment.standings() {
        output::line(format!("           {standing}"));
    }
    output::line(format!("         ⇒ {}", moment.sentence()));
    for value in moment.values(contents)? {
        output::line(format!("           {value}"));
    }
    Ok(())
}
