//! Which calendar of one side belongs to which of the other.

use crate::config::{Calendars, Pair, Side};
use crate::connect::{Replica, Replicas};
use crate::exit::Problem;
use items::Digester;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{CollectionId, FolderId, ReplicaId};
use sync_core::port::{Folder, FolderKind};

/// The name under which every mailbox's default calendar is known here, whatever its own.
const DEFAULT: &str = "Calendar";

/// What is kept the same.
#[derive(Debug, Default)]
pub struct Collections {
    /// The folders, by collection and replica.
    pub folders: BTreeMap<CollectionId, BTreeMap<ReplicaId, FolderId>>,
    /// What there is and is left out, in sentences.
    pub left_out: Vec<String>,
}

/// Matches the calendars of both sides. A calendar that only a local store lacks is made there.
pub fn matched(
    pair: &Pair,
    replicas: &Replicas,
    folders: [Vec<Folder>; 2],
    digester: &Digester,
) -> Result<Collections, Problem> {
    let [a, b] = folders.map(|folders| {
        folders.into_iter().filter(|f| f.kind == FolderKind::Calendar).collect::<Vec<_>>()
    });
    let (a, b) =
        (Shelf::new(pair, replicas, ReplicaId::A, a), Shelf::new(pair, replicas, ReplicaId::B, b));
    let mut collections = Collections::default();
    let wanted = match &pair.calendars {
        Calendars::Named(names) => names.clone(),
        Calendars::All => all(&a, &b, &mut collections.left_out),
    };
    let mut used: BTreeSet<FolderId> = BTreeSet::new();
    for (name_a, name_b) in wanted {
        let (default_a, default_b) = (a.means_default(&name_a), b.means_default(&name_b));
        let by_either = name_a == name_b && (default_a || default_b);
        let folder_a = a.folder(&name_a, default_a || by_either)?;
        let folder_b = b.folder(&name_b, default_b || by_either)?;
        let both_default = a.is_default(&folder_a) && b.is_default(&folder_b);
        let name = if both_default { DEFAULT } else { &name_a };
        if !used.insert(folder_a.clone()) || !used.insert(folder_b.clone()) {
            return Err(Problem::configuration(format!(
                "pair.{}.calendars: {name_a} = {name_b} is a calendar that another entry names \
                 already; nothing was done",
                pair.name
            )));
        }
        let folders = BTreeMap::from([(ReplicaId::A, folder_a), (ReplicaId::B, folder_b)]);
        collections.folders.insert(digester.collection(name), folders);
    }
    Ok(collections)
}

/// The calendars of one side.
struct Shelf<'a> {
    pair: &'a Pair,
    id: ReplicaId,
    side: &'a Side,
    replica: Option<&'a Replica>,
    folders: Vec<Folder>,
}

impl<'a> Shelf<'a> {
    fn new(pair: &'a Pair, replicas: &'a Replicas, id: ReplicaId, folders: Vec<Folder>) -> Self {
        let side = if id == ReplicaId::A { &pair.a } else { &pair.b };
        Self { pair, id, side, replica: replicas.get(&id), folders }
    }

    fn find(&self, name: &str) -> Option<&Folder> {
        let same = |folder: &&Folder| folder.name.eq_ignore_ascii_case(name);
        self.folders
            .iter()
            .find(|folder| folder.name == name)
            .or_else(|| self.folders.iter().find(same))
    }

    /// Whether `name` means this mailbox's default calendar, which every mailbox calls differently.
    fn means_default(&self, name: &str) -> bool {
        self.find(name).map_or(name.eq_ignore_ascii_case(DEFAULT), |folder| folder.is_default)
    }

    fn is_default(&self, id: &FolderId) -> bool {
        self.folders.iter().any(|folder| folder.id == *id && folder.is_default)
    }

    fn is_local(&self) -> bool {
        self.replica.is_some_and(|replica| replica.local.is_some())
    }

    /// The calendar called `name`; the default one, where that is meant.
    fn folder(&self, name: &str, default: bool) -> Result<FolderId, Problem> {
        let of_all = self.folders.iter().find(|folder| default && folder.is_default);
        let found = of_all.or_else(|| self.find(name));
        if let Some(folder) = found {
            return Ok(folder.id.clone());
        }
        if let Some(local) = self.replica.and_then(|replica| replica.local.as_ref()) {
            return local.create_folder(name, FolderKind::Calendar).map_err(|failure| {
                Problem::failed(crate::failure::sentence(self.id, self.side, &failure))
            });
        }
        let names: Vec<String> = self.folders.iter().map(|f| format!("\"{}\"", f.name)).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Err(Problem::configuration(format!(
            "pair.{}.calendars: {} ({}) has no calendar \"{name}\" (it has {names}); make it there, \
             or name another. Nothing was written.",
            self.pair.name, self.id, self.side
        )))
    }
}

/// Every calendar that both sides have, or that one has and the other can be given.
fn all(a: &Shelf<'_>, b: &Shelf<'_>, left_out: &mut Vec<String>) -> Vec<(String, String)> {
    let mut wanted: Vec<(String, String)> = vec![];
    for (own, other) in [(a, b), (b, a)] {
        for folder in &own.folders {
            let there = if folder.is_default {
                other.folders.iter().find(|f| f.is_default)
            } else {
                other.find(&folder.name).filter(|f| !f.is_default)
            };
            let name = folder.name.clone();
            let counterpart = there.map_or_else(|| name.clone(), |folder| folder.name.clone());
            if there.is_none() && !other.is_local() {
                left_out.push(format!(
                    "the calendar \"{name}\" of {} ({}) is left out: {} ({}) has none of that name",
                    own.id, own.side, other.id, other.side
                ));
                continue;
            }
            let entry =
                if own.id == ReplicaId::A { (name, counterpart) } else { (counterpart, name) };
            if !wanted.contains(&entry) {
                wanted.push(entry);
            }
        }
    }
    wanted
}
