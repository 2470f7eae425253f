//! `conflicts`: what both sides changed, who won, and what waits for a person.

use crate::calendars;
use crate::config::Config;
use crate::contents::Contents;
use crate::context::{BUILD, Context};
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, Table, count, short};
use crate::session;
use clap::ValueEnum;
use serde_json::{Value, json};
use std::cmp::Reverse;
use store_sqlite::SqliteStore;
use sync_core::explain;
use sync_core::ids::{Digest, LinkId, ReplicaId, RunId};
use sync_core::journal::{ConflictKind, Entry, Purpose};
use sync_core::port::{Commit, Error, Loaded, Query, Store};
use sync_core::state::{Conflict, Leg, Link};

/// What to do with them.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// List all conflicts: those that wait for you, and those that a rule settled.
    List {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Show both texts of a conflict, whole.
    Show {
        /// The conflict, as `c12`.
        id: String,
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Decide a conflict; the next run carries it out.
    Resolve {
        /// The conflict, as `c12`.
        id: String,
        /// Whose value wins; with `both`, a's wins and b's copy lives on as an item of its own.
        #[arg(long, value_enum)]
        prefer: Preference,
    },
}

impl Action {
    /// Whether an object was asked for.
    pub fn json(&self) -> bool {
        match self {
            Self::List { json } | Self::Show { json, .. } => *json,
            Self::Resolve { .. } => false,
        }
    }
}

/// Whose value wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Preference {
    /// The first side's.
    A,
    /// The second side's.
    B,
    /// That of the copy edited last.
    Newest,
    /// Both: the second side's copy becomes an item of its own.
    Both,
}

/// Does it.
pub fn run(action: &Action, config: &Config, context: &Context) -> Result<Exit, Problem> {
    match action {
        Action::List { json } => {
            let store = session::open_to_read(config, context)?;
            list(&store, Form::asked(*json))?;
        }
        Action::Show { id, json } => {
            let store = session::open_to_read(config, context)?;
            show_one(&store, &find(&store, id)?, Form::asked(*json))?;
        }
        Action::Resolve { id, prefer } => {
            let mut store = session::open_to_write(config, context)?;
            let conflict = find(&store, id)?;
            resolve(&mut store, &conflict, *prefer, config, context)?;
        }
    }
    Ok(Exit::Clean)
}

/// The name of a conflict: the entry that recorded it.
pub fn name(conflict: &Conflict) -> String {
    format!("c{}", conflict.seq)
}

fn all(store: &SqliteStore) -> Result<Vec<Conflict>, Problem> {
    match store.load(&Query::Conflicts(None))? {
        Loaded::Conflicts(conflicts) => Ok(conflicts),
        Loaded::Head(_) | Loaded::Links(_) | Loaded::Counts(_) => Ok(vec![]),
    }
}

fn find(store: &SqliteStore, id: &str) -> Result<Conflict, Problem> {
    let wanted = id.trim().trim_start_matches(['c', 'C', '#']);
    let found = all(store)?.into_iter().find(|conflict| conflict.seq.to_string() == wanted);
    found.ok_or_else(|| {
        Problem::failed(format!(
            "there is no conflict `{id}`; `evensync conflicts list` lists them"
        ))
    })
}

fn list(store: &SqliteStore, form: Form) -> Result<(), Problem> {
    let contents = Contents::new(store);
    let conflicts = all(store)?;
    if form == Form::Json {
        let listed: Vec<Value> =
            conflicts.iter().map(|c| json_of(contents, c)).collect::<Result<_, _>>()?;
        output::json(&json!({"version": 1, "conflicts": listed}));
        return Ok(());
    }
    let mut table = Table::titled(&["id", "state", "pair", "item", "field", "a", "b", "winner"]);
    for conflict in &conflicts {
        let side = |replica| value(contents, conflict, replica).map(|text| cell(text.as_deref()));
        table.row([
            name(conflict),
            state(conflict).to_owned(),
            conflict.pair.to_string(),
            short(&contents.subject(conflict.what.link)?, 32),
            conflict.what.field.as_ref().map_or("(deleted)".to_owned(), ToString::to_string),
            side(ReplicaId::A)?,
            side(ReplicaId::B)?,
            winner(conflict),
        ]);
    }
    let open = conflicts.iter().filter(|conflict| conflict.open).count() as u64;
    if !conflicts.is_empty() {
        table.print("");
    }
    output::line(match (conflicts.len(), open) {
        (0, _) => "No conflicts.".to_owned(),
        (all, 0) => {
            format!("{}, all settled; the losing values are kept.", count(all as u64, "conflict"))
        }
        (all, open) => format!(
            "{}, {open} open: `evensync conflicts resolve ID --prefer a|b|newest|both` decides one.",
            count(all as u64, "conflict")
        ),
    });
    Ok(())
}

fn cell(text: Option<&str>) -> String {
    match text {
        None => "deleted".to_owned(),
        Some(text) if text.trim().is_empty() => "(empty)".to_owned(),
        Some(text) => short(text, 28),
    }
}

fn state(conflict: &Conflict) -> &'static str {
    if conflict.open { "open" } else { "settled" }
}

fn winner(conflict: &Conflict) -> String {
    match conflict.what.winner {
        Some(winner) => format!("{winner} ({})", rule(conflict)),
        None => String::new(),
    }
}

/// What decided, in words: where an edit met a delete, no rule was asked.
fn rule(conflict: &Conflict) -> String {
    match conflict.what.kind {
        ConflictKind::EditDelete => "an edit beats a delete".to_owned(),
        ConflictKind::Edit | ConflictKind::FirstContact => explain::rule(conflict.what.rule),
    }
}

fn json_of(contents: Contents<'_>, conflict: &Conflict) -> Result<Value, Error> {
    let what = &conflict.what;
    let kind = match what.kind {
        ConflictKind::Edit => "edit",
        ConflictKind::FirstContact => "first-contact",
        ConflictKind::EditDelete => "edit-delete",
    };
    Ok(json!({
        "id": name(conflict),
        "pair": conflict.pair,
        "link": what.link,
        "subject": contents.subject(what.link)?,
        "kind": kind,
        "field": what.field,
        "a": value(contents, conflict, ReplicaId::A)?,
        "b": value(contents, conflict, ReplicaId::B)?,
        "base": text(contents, conflict, what.base)?,
        "winner": what.winner,
        "rule": explain::rule(what.rule),
        "at": output::rfc3339(conflict.at_ms),
        "state": state(conflict),
    }))
}

/// What a side held; `None` where it was deleted.
fn value(
    contents: Contents<'_>,
    conflict: &Conflict,
    replica: ReplicaId,
) -> Result<Option<String>, Error> {
    let side = conflict.what.sides.get(&replica).and_then(Option::as_ref);
    text(contents, conflict, side.map(|side| side.content))
}

/// The disputed field in some content; the subject, where an edit met a delete.
fn text(
    contents: Contents<'_>,
    conflict: &Conflict,
    content: Option<Digest>,
) -> Result<Option<String>, Error> {
    if content.is_none() {
        return Ok(None);
    }
    let Some(item) = contents.content(content)? else {
        return Ok(Some(crate::contents::UNKNOWN.to_owned()));
    };
    Ok(match &conflict.what.field {
        Some(field) => Some(item.field_text(field).unwrap_or_default()),
        None => Some(item.title()),
    })
}

fn show_one(store: &SqliteStore, conflict: &Conflict, form: Form) -> Result<(), Problem> {
    let contents = Contents::new(store);
    if form == Form::Json {
        let mut object = json_of(contents, conflict)?;
        object["version"] = json!(1);
        output::json(&object);
        return Ok(());
    }
    let field = conflict.what.field.as_ref().map_or("edited or deleted", |f| f.as_str());
    output::line(format!(
        "{}  “{}”  {field}  {}",
        name(conflict),
        contents.subject(conflict.what.link)?,
        state(conflict)
    ));
    output::line(format!(
        "  link {} of pair {}, recorded {}",
        conflict.what.link,
        conflict.pair,
        output::when(conflict.at_ms)
    ));
    for replica in [ReplicaId::A, ReplicaId::B] {
        whole(&replica.to_string(), value(contents, conflict, replica)?, "(deleted)");
    }
    if conflict.what.base.is_some() {
        let base = text(contents, conflict, conflict.what.base)?;
        whole("last the same", base, "(never the same)");
    }
    output::line(match conflict.what.winner {
        Some(winner) => {
            format!("{winner} wins ({}); what lost is kept here.", rule(conflict))
        }
        None => format!(
            "Nobody has won yet: `evensync conflicts resolve {} --prefer a|b|newest|both` decides.",
            name(conflict)
        ),
    });
    Ok(())
}

fn whole(title: &str, text: Option<String>, none: &str) {
    output::line(format!("--- {title}"));
    output::line(text.unwrap_or_else(|| none.to_owned()));
}

/// Records what a person decided; nothing is sent.
fn resolve(
    store: &mut SqliteStore,
    conflict: &Conflict,
    prefer: Preference,
    config: &Config,
    context: &Context,
) -> Result<(), Problem> {
    let id = name(conflict);
    let links = Contents::new(store).links(&[conflict.what.link])?;
    let dispute = links.first().and_then(|link| {
        let dispute = link.dispute(conflict.what.field.as_ref())?;
        (dispute.conflict == conflict.seq && conflict.open).then_some(link)
    });
    let Some(link) = dispute else {
        return Err(Problem::failed(format!(
            "{id} is settled already ({}); nothing was changed. `evensync conflicts show {id}` has \
             both texts: put the one that you want into the item, and the next run carries it over.",
            winner(conflict)
        )));
    };
    let winner = winning(link, prefer, &id)?;
    let mut entries = vec![Entry::Opened {
        nonce: context.dice.number()?,
        build: BUILD.to_owned(),
        purpose: Purpose::Resolve,
        allowed: None,
    }];
    if prefer == Preference::Both {
        entries.push(forked(link, winner, context, &id)?);
    }
    entries.push(Entry::Resolved { link: link.id, field: conflict.what.field.clone(), winner });
    let run = RunId(format!("resolve-{}", context.run_name()?));
    let at_ms = (context.clock)();
    store.commit(&Commit { pair: conflict.pair.clone(), run, at_ms, entries, blobs: vec![] })?;
    let both = if prefer == Preference::Both {
        ", and the other copy lives on as an item of its own"
    } else {
        ""
    };
    output::line(format!(
        "{id} is decided: {winner} wins{both}. Nothing was sent yet; `{}` carries it out.",
        config.command(&["sync", calendars::pair_of(&conflict.pair)])
    ));
    Ok(())
}

/// The replica that a preference means.
fn winning(link: &Link, prefer: Preference, id: &str) -> Result<ReplicaId, Problem> {
    match prefer {
        Preference::A | Preference::Both => Ok(ReplicaId::A),
        Preference::B => Ok(ReplicaId::B),
        Preference::Newest => {
            let edited: Option<Vec<(i64, ReplicaId)>> = link
                .legs
                .iter()
                .map(|(replica, leg)| Some((leg.rendition()?.edited_ms?, *replica)))
                .collect();
            // On a tie the first replica, as everywhere.
            let newest = edited.and_then(|edited| {
                edited.into_iter().max_by_key(|(at, replica)| (*at, Reverse(*replica)))
            });
            newest.map(|(_, replica)| replica).ok_or_else(|| {
                Problem::failed(format!(
                    "the servers don't say which copy of {id} was edited last; say --prefer a or \
                     --prefer b. Nothing was changed."
                ))
            })
        }
    }
}

/// The losing copy as an item of its own.
fn forked(link: &Link, winner: ReplicaId, context: &Context, id: &str) -> Result<Entry, Problem> {
    let loser = link.legs.iter().find(|(replica, _)| **replica != winner);
    let origin = loser.and_then(|(_, leg)| Leg::rendition(leg)).ok_or_else(|| {
        Problem::failed(format!(
            "the losing copy of {id} isn't there any more, so it can't live on; say --prefer a or \
             --prefer b. Nothing was changed."
        ))
    })?;
    Ok(Entry::Forked {
        link: LinkId(context.dice.number()?),
        from: link.id,
        origin: Box::new(origin.clone()),
    })
}
