//! Which calendar of one side belongs to which of the other.

use crate::config::{Calendars, Pair, Side};
use crate::exit::Problem;
use items::Digester;
use items::calendars::Choice;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{CollectionId, FolderId, RemoteId, ReplicaId};
use sync_core::policy::Direction;
use sync_core::port::Folder;
use sync_core::state::{Head, Leg, Link};

/// The name under which every mailbox's default calendar is known here, whatever its own.
const DEFAULT: &str = "Calendar";
const SIDES: [ReplicaId; 2] = [ReplicaId::A, ReplicaId::B];

/// What is kept the same: the folders, by collection and replica.
pub type Collections = BTreeMap<CollectionId, BTreeMap<ReplicaId, FolderId>>;

/// What the journal knows of a pair's calendars.
pub struct Past {
    /// The pair's events.
    pub head: Head,
    /// The living links of its calendars.
    pub links: Vec<Link>,
}

/// The calendars that a configuration names.
#[derive(Debug, Default)]
pub struct Named {
    /// Which of each side are meant.
    pub choices: [Choice; 2],
    /// To each entry its collection, and the calendars of each side that can be meant.
    entries: Vec<(CollectionId, [BTreeSet<RemoteId>; 2])>,
}

/// The default calendars, where a pair names nothing else: those are neither made nor renamed nor
/// deleted, so that there is nothing to be decided about them.
pub fn defaults(
    pair: &Pair,
    folders: &[Vec<Folder>; 2],
    digester: &Digester,
) -> Result<Option<Collections>, Problem> {
    let Calendars::Named(names) = &pair.calendars else { return Ok(None) };
    let [(name_a, name_b)] = names.as_slice() else { return Ok(None) };
    let [a, b] = shelves(pair, folders);
    if !(a.means_default(name_a) && b.means_default(name_b)) {
        return Ok(None);
    }
    let found = [a.find(name_a, true), b.find(name_b, true)];
    let [Some(folder_a), Some(folder_b)] = found else {
        let missing = if found[0].is_none() { a.has_none(name_a) } else { b.has_none(name_b) };
        return Err(missing);
    };
    let both = [(ReplicaId::A, folder_a.id.clone()), (ReplicaId::B, folder_b.id.clone())];
    Ok(Some([(digester.collection(DEFAULT), both.into())].into()))
}

/// Finds the calendars that a configuration names, if it names some. One that was found once is
/// known by its id, so that it may be renamed; one that a side lacks can be made there.
pub fn named(
    pair: &Pair,
    folders: &[Vec<Folder>; 2],
    past: &Past,
    digester: &Digester,
) -> Result<Option<Named>, Problem> {
    let Calendars::Named(names) = &pair.calendars else { return Ok(None) };
    let shelves = shelves(pair, folders);
    let [a, b] = &shelves;
    let mut named = Named::default();
    let mut used: BTreeSet<RemoteId> = BTreeSet::new();
    for (name_a, name_b) in names {
        let default = [a.means_default(name_a), b.means_default(name_b)];
        let by_either = name_a == name_b && default.contains(&true);
        let default = default.map(|default| default || by_either);
        let both_default = default == [true, true];
        let collection = digester.collection(if both_default { DEFAULT } else { name_a });
        let is_plain = default == [false, false] && name_a.eq_ignore_ascii_case(name_b);
        // Where the names are to differ, they are no field of the calendar.
        let role = (!is_plain && !both_default).then(|| format!("{name_a} = {name_b}"));
        let mut ids = [BTreeSet::new(), BTreeSet::new()];
        for (at, (shelf, name)) in shelves.iter().zip([name_a, name_b]).enumerate() {
            let known = is_plain.then(|| past.renamed(&collection, shelf)).flatten();
            let found = known.or_else(|| shelf.find(name, default[at]));
            ids[at].extend(found.map(|folder| RemoteId(folder.id.0.clone())));
            named.choices[at].shown.extend(ids[at].iter().map(|id| (id.clone(), role.clone())));
            named.choices[at].names.extend(role.clone().map(|role| (role, name.clone())));
        }
        let can_be_made = |at: usize| pair.direction != Direction::From(SIDES[at]);
        for (at, (shelf, name)) in shelves.iter().zip([name_a, name_b]).enumerate() {
            if ids[at].is_empty() && (ids[1 - at].is_empty() || !can_be_made(at)) {
                return Err(shelf.has_none(name));
            }
        }
        if !ids.iter().flatten().all(|id| used.insert(id.clone())) {
            return Err(Problem::configuration(format!(
                "pair.{}.calendars: {name_a} = {name_b} is a calendar that another entry names \
                 already; nothing was done",
                pair.name
            )));
        }
        named.entries.push((collection, ids));
    }
    Ok(Some(named))
}

/// The collections of the calendars that stand on both sides. What was known as one stays it,
/// whatever its name is by now.
pub fn of_links(
    past: &Past,
    named: Option<&Named>,
    folders: &[Vec<Folder>; 2],
    digester: &Digester,
) -> Collections {
    let mut collections = Collections::new();
    let mut unknown = vec![];
    for link in &past.links {
        let legs = SIDES.map(|side| link.legs.get(&side).filter(|leg| leg.is_taken_for_present()));
        let [Some(a), Some(b)] = legs else { continue };
        let collection = match named {
            Some(named) => match named.collection(&a.id, &b.id) {
                Some(collection) => Some(collection.clone()),
                None => continue,
            },
            None => past.collection(&a.id, &b.id).filter(|id| !collections.contains_key(id)),
        };
        let both = BTreeMap::from([
            (ReplicaId::A, FolderId(a.id.0.clone())),
            (ReplicaId::B, FolderId(b.id.0.clone())),
        ]);
        match collection {
            Some(collection) => drop(collections.insert(collection, both)),
            None => unknown.push((link.id, both)),
        }
    }
    for (link, both) in unknown {
        let is_default =
            |folder: &Folder| folder.is_default && both.values().any(|id| *id == folder.id);
        let default = digester.collection(DEFAULT);
        let is_free = !collections.contains_key(&default);
        let is_default = is_free && folders.iter().flatten().any(is_default);
        let of_link = || CollectionId(digester.text("calendar", &link.to_string()).to_string());
        collections.insert(if is_default { default } else { of_link() }, both);
    }
    collections
}

impl Past {
    /// The calendar that a collection was last kept in on a side, if it stands and is known by its
    /// name, whatever that is by now.
    fn renamed<'s>(&self, collection: &CollectionId, shelf: &Shelf<'s>) -> Option<&'s Folder> {
        let track = self.head.tracks.get(collection)?.get(&shelf.id)?;
        let folder =
            shelf.folders.iter().find(|folder| Some(&folder.id) == track.folder.as_ref())?;
        let is_it = |leg: &Leg| {
            leg.id.as_str() == folder.id.as_str()
                && leg.rendition().is_some_and(|rendition| !rendition.fields.is_empty())
        };
        self.links.iter().filter_map(|link| link.legs.get(&shelf.id)).any(is_it).then_some(folder)
    }

    /// The collection that was last kept in both of these calendars, or else in one of them.
    fn collection(&self, a: &RemoteId, b: &RemoteId) -> Option<CollectionId> {
        let ids = [(ReplicaId::A, a), (ReplicaId::B, b)];
        let agreeing = |tracks: &BTreeMap<ReplicaId, sync_core::state::Track>| {
            let is_it = |(side, id): &(ReplicaId, &RemoteId)| {
                let folder = tracks.get(side).and_then(|track| track.folder.as_ref());
                folder.is_some_and(|folder| folder.as_str() == id.as_str())
            };
            ids.iter().filter(|side| is_it(side)).count()
        };
        let known = self.head.tracks.iter().map(|(id, tracks)| (agreeing(tracks), id));
        let best =
            known.filter(|(agreeing, _)| *agreeing > 0).max_by_key(|(agreeing, _)| *agreeing);
        best.map(|(_, id)| id.clone())
    }
}

impl Named {
    fn collection(&self, a: &RemoteId, b: &RemoteId) -> Option<&CollectionId> {
        let is_it = |ids: &[BTreeSet<RemoteId>; 2]| ids[0].contains(a) || ids[1].contains(b);
        self.entries.iter().find(|(_, ids)| is_it(ids)).map(|(collection, _)| collection)
    }
}

/// The calendars of one side.
struct Shelf<'a> {
    pair: &'a Pair,
    id: ReplicaId,
    side: &'a Side,
    folders: &'a [Folder],
}

fn shelves<'a>(pair: &'a Pair, folders: &'a [Vec<Folder>; 2]) -> [Shelf<'a>; 2] {
    let [a, b] = folders;
    [
        Shelf { pair, id: ReplicaId::A, side: &pair.a, folders: a },
        Shelf { pair, id: ReplicaId::B, side: &pair.b, folders: b },
    ]
}

impl<'a> Shelf<'a> {
    fn called(&self, name: &str) -> Option<&'a Folder> {
        let same = |folder: &&Folder| folder.name.to_lowercase() == name.to_lowercase();
        let exact = self.folders.iter().find(|folder| folder.name == name);
        exact.or_else(|| self.folders.iter().find(same))
    }

    /// Whether `name` means this mailbox's default calendar, which every mailbox calls differently.
    fn means_default(&self, name: &str) -> bool {
        self.called(name).map_or(name.eq_ignore_ascii_case(DEFAULT), |folder| folder.is_default)
    }

    /// The calendar called `name`; the default one, where that is meant.
    fn find(&self, name: &str, default: bool) -> Option<&'a Folder> {
        let of_all = self.folders.iter().find(|folder| default && folder.is_default);
        of_all.or_else(|| self.called(name))
    }

    fn has_none(&self, name: &str) -> Problem {
        let names: Vec<String> = self.folders.iter().map(|f| format!("\"{}\"", f.name)).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Problem::configuration(format!(
            "pair.{}.calendars: {} ({}) has no calendar \"{name}\" (it has {names}); make it there, \
             or name another. Nothing was written.",
            self.pair.name, self.id, self.side
        ))
    }
}
