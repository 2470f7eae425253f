//! The list of a pair's calendars, kept the same like any items, before what they hold is.

use crate::collections::{self, Collections, Past};
use crate::config::{Config, Pair, Place};
use crate::connect::{Listed, Replicas};
use crate::contents::{head, links};
use crate::exit::Problem;
use crate::outcome::Held;
use crate::output::count;
use crate::run::{self, Leg, Part, Ran, Task};
use items::Digester;
use std::collections::BTreeMap;
use std::sync::Arc;
use store_sqlite::SqliteStore;
use sync_core::engine::{Ended, Mode, Report};
use sync_core::ids::{FolderId, PairId, ReplicaId};
use sync_core::journal::{BrakeReason, Configured, Seq};
use sync_core::policy::{Brake, Conflicts, Policy, Rule};
use sync_core::port::{Error, Folder, Query, Remote, Store};
use sync_core::state::Link;

/// What is put after a pair's name for the list of its calendars.
pub const OF_PAIR: &str = "/calendars";
/// Links read at a time.
const PAGE: usize = 500;
/// No calendar is deleted unasked: it takes all that it holds along.
const BRAKE: Brake = Brake { percent: 0, floor: 0, deletes_only: true };

/// The state that a plan is good for, and the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Planned {
    /// The journal's position.
    pub seq: Seq,
    /// A digest of what is to be kept the same, and how.
    pub configured: String,
}

/// What became of the calendars.
pub struct Kept {
    /// Those that stand on both sides; nothing where the run can't go on.
    pub collections: Option<Collections>,
    /// The number of deletes that a person agreed to and that were none of calendars.
    pub allowed: Option<u64>,
}

/// What the list of a pair's calendars is called in the journal.
pub fn id(pair: &str) -> PairId {
    PairId(format!("{pair}{OF_PAIR}"))
}

/// The pair that a journal's entries are about.
pub fn pair_of(id: &PairId) -> &str {
    id.as_str().strip_suffix(OF_PAIR).unwrap_or(id.as_str())
}

/// Keeps the list of calendars the same, as far as a pair wants them.
pub fn keep(
    task: &Task<'_>,
    pair: &Pair,
    store: &mut SqliteStore,
    digester: &Digester,
    (replicas, listed): (&Replicas, &Listed),
    ran: &mut Ran,
) -> Result<Kept, Problem> {
    let folders = &listed.folders;
    if let Some(collections) = collections::defaults(pair, folders, digester)? {
        return Ok(Kept { collections: Some(collections), allowed: task.allowed });
    }
    let before = past(store, pair)?;
    let named = collections::named(pair, folders, &before, digester)?;
    if let Some(named) = &named {
        for (replica, choice) in replicas.values().zip(&named.choices) {
            replica.calendars.choose(choice.clone());
        }
    }
    let configured = configured(pair, replicas, folders, digester);
    let digest = run::digest(&configured, pair.travel, digester);
    let mode = match (task.mode, task.calendars) {
        (Mode::Sync, _) => Mode::Sync,
        (Mode::DryRun, _) => Mode::DryRun,
        (Mode::Apply(_), Some(planned)) if planned.configured == digest => Mode::Apply(planned.seq),
        (Mode::Apply(_), Some(_) | None) => return Err(run::replan(task, pair)),
    };
    let remotes = replicas.iter().map(|(id, replica)| {
        let remote: Arc<dyn Remote> = replica.calendars.clone();
        (*id, remote)
    });
    let leg = Leg { part: Part::Calendars, configured, mode, allowed: task.allowed };
    let report = run::perform(task, pair, store, digester, (remotes.collect(), leg), ran)?;
    ran.calendars = Some(Planned { seq: report.seq, configured: digest });
    let agreed = report.tally.risky(BRAKE) > 0;
    let goes_on = match &report.ended {
        Ended::Clean | Ended::MoreToDo => true,
        // A plan has everything in it.
        Ended::Braked { .. } => mode == Mode::DryRun,
        Ended::Failed { .. } | Ended::StateMoved { .. } => false,
    };
    run::tell(task, (pair, Part::Calendars), store, report, ran)?;
    // A plan is carried out in the calendars that it was made in.
    let past = if matches!(mode, Mode::Apply(_)) { before } else { past(store, pair)? };
    let collections = || collections::of_links(&past, named.as_ref(), folders, digester);
    Ok(Kept { collections: goes_on.then(collections), allowed: task.allowed.filter(|_| !agreed) })
}

/// Why a brake holds calendars back, and what to do.
pub fn brake_sentence(
    report: &Report,
    brake: &BrakeReason,
    held: &Held,
    pair: &Pair,
    config: &Config,
) -> String {
    let number = count(held.number, "calendar");
    let sides = report.tally.replicas.iter().filter(|(_, counted)| counted.deletes > 0);
    let sides: Vec<&crate::config::Side> =
        sides.map(|(id, _)| if *id == ReplicaId::A { &pair.a } else { &pair.b }).collect();
    let places: Vec<String> = sides.iter().map(ToString::to_string).collect();
    let why = match brake {
        BrakeReason::TooMany { .. } => "no calendar is deleted unasked",
        BrakeReason::Emptied { .. } => "every calendar that was the same is gone from one side",
        BrakeReason::Reconfigured => "the pair's endpoints or mailboxes changed",
    };
    let is_graph = |side: &&crate::config::Side| matches!(side.place, Place::Graph { .. });
    let back = match sides.iter().any(is_graph) {
        true => {
            " Microsoft doesn't say whether a calendar that was deleted through Graph can be \
             brought back."
        }
        false => "",
    };
    format!(
        "A brake stopped the run: {number} gone from the other side would be deleted from {}, with \
         everything in it, and {why}.{back} Nothing was written.\nLook at them with `{}`. If they \
         are meant, run:\n  {}",
        places.join(" and "),
        config.command(&["sync", &pair.name, "--dry-run"]),
        held.command
    )
}

fn configured(
    pair: &Pair,
    replicas: &Replicas,
    folders: &[Vec<Folder>; 2],
    digester: &Digester,
) -> Configured {
    let lists = replicas.keys().zip(folders).map(|(id, folders)| (*id, list(folders)));
    let default = match pair.conflicts.default {
        // A second calendar with nothing in it would keep nothing.
        Rule::KeepBoth => Rule::Prefer(ReplicaId::A),
        rule @ (Rule::Prefer(_) | Rule::Newest | Rule::Hold) => rule,
    };
    Configured {
        collections: [(digester.collection(OF_PAIR), lists.collect())].into(),
        policy: Policy {
            replicas: replicas.iter().map(|(id, r)| (*id, r.calendars.capabilities())).collect(),
            direction: pair.direction,
            conflicts: Conflicts { default, fields: BTreeMap::new() },
            brake: BRAKE,
        },
        fingerprint: run::fingerprint(pair, digester),
    }
}

/// What a list of calendars is known by: with another default calendar it is another mailbox's, or
/// that of a mailbox made anew.
fn list(folders: &[Folder]) -> FolderId {
    let default = folders.iter().find(|folder| folder.is_default);
    default.map_or_else(|| FolderId::from("calendars"), |folder| folder.id.clone())
}

fn past(store: &SqliteStore, pair: &Pair) -> Result<Past, Error> {
    let head = head(store, &PairId(pair.name.clone()))?;
    Ok(Past { head, links: living(store, &id(&pair.name))? })
}

fn living(store: &dyn Store, pair: &PairId) -> Result<Vec<Link>, Error> {
    let (mut living, mut after) = (vec![], None);
    loop {
        let page = links(store, Query::All { pair: pair.clone(), after, limit: PAGE })?;
        let Some(last) = page.last() else { return Ok(living) };
        after = Some(last.id);
        living.extend(page.into_iter().filter(|link| !link.buried));
    }
}
