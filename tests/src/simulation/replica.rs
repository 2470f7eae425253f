//! A model replica: bytes and rules that a server could have, and faults that servers do have.

use super::content::{BODY, Content, SUBJECT, TAGS};
use super::options::ReplicaOptions;
use super::planted::Planted;
use super::rng::Rng;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Cursor, Field, IntentKey, RemoteId, Version};
use sync_core::port::{
    Capabilities, Change, Failure, Fetched, Hint, Page, Place, Probe, Probed, Sighted, Stamp,
    Target, Trouble, Write, WriteOp, Written,
};

/// How long a copy of a request may be under way, in milliseconds.
pub(crate) const GRACE_MS: i64 = 90_000;

/// The fields whose new values may take late tags away.
const DROPPING: [&str; 2] = [SUBJECT, BODY];

/// One copy of an item.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) content: Content,
    pub(crate) version: u64,
    pub(crate) stamp: Option<Stamp>,
    pub(crate) place: Place,
    /// Whether it was in the trash once.
    pub(crate) restored: bool,
    /// Fields that only people may write here.
    pub(crate) fixed: BTreeSet<Field>,
    edited_ms: i64,
}

/// A model replica.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) options: ReplicaOptions,
    number: u64,
    pub(crate) items: BTreeMap<RemoteId, Item>,
    /// What changed, in order; a cursor is a position in it.
    log: Vec<RemoteId>,
    /// Cursors of earlier generations are forgotten.
    generation: u64,
    made: u64,
    created: BTreeMap<IntentKey, RemoteId>,
    /// Requests under way whose sender has given up, and when they arrive.
    delayed: Vec<(i64, Write)>,
    /// Writes that the engine made here.
    pub(crate) writes: u64,
    /// Writes of the engine to what is fixed, as those that mail a meeting's attendees.
    pub(crate) mailed: u64,
}

impl Replica {
    pub(crate) fn new(number: u64, options: ReplicaOptions) -> Self {
        Self {
            options,
            number,
            items: BTreeMap::new(),
            log: vec![],
            generation: 0,
            made: 0,
            created: BTreeMap::new(),
            delayed: vec![],
            writes: 0,
            mailed: 0,
        }
    }

    pub(crate) fn capabilities(&self, planted: Option<Planted>) -> Capabilities {
        let mut fields: BTreeSet<Field> = ["subject", "body"].map(Field::from).into();
        if self.options.holds_tags {
            fields.insert("tags".into());
        }
        let grace = if planted == Some(Planted::NoGrace) { 0 } else { GRACE_MS };
        let emptying = if self.may_drop_tags() { &DROPPING[..] } else { &[] };
        let emptying = emptying.iter().map(|field| Field::from(*field)).collect();
        let late = (self.options.holds_tags && self.options.late_tags)
            .then(|| (Field::from(TAGS), emptying));
        Capabilities {
            fields,
            late: late.into_iter().collect(),
            dedupes_creates: self.options.dedupes,
            create_grace_ms: if self.options.dedupes { 0 } else { grace },
            write_grace_ms: grace,
        }
    }

    /// Whether it says that a new value of some fields takes the tags away.
    pub(crate) fn may_drop_tags(&self) -> bool {
        self.options.late_tags && self.options.drops_tags
    }

    /// Whether a new value of `field` takes the tags away.
    pub(crate) fn drops_tags_on(&self, field: &str) -> bool {
        let dropping = DROPPING.iter().zip(self.options.drops_on);
        let drops = dropping.into_iter().any(|(name, drops)| drops && *name == field);
        self.may_drop_tags() && drops
    }

    /// Whether a tag has its place under the item's subject.
    pub(crate) fn has_place(&self, content: &Content, place: u64) -> bool {
        let subject = content.scalars.get(SUBJECT).copied().unwrap_or_default();
        !(self.is_strict() && (subject + place).is_multiple_of(3))
    }

    /// Whether some tags have no place under some subjects.
    pub(crate) fn is_strict(&self) -> bool {
        self.options.strict && self.drops_tags_on(SUBJECT)
    }

    // What people do.

    pub(crate) fn live(&self) -> Vec<RemoteId> {
        let live = self.items.iter().filter(|(_, item)| item.place == Place::Folder);
        live.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn trashed(&self) -> Vec<RemoteId> {
        let gone = self.items.iter().filter(|(_, item)| item.place == Place::Trash);
        gone.map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn put(&mut self, content: &Content, stamp: Option<Stamp>, now: i64) -> RemoteId {
        self.made += 1;
        let id = RemoteId(format!("{}-{:04}", self.number, self.made));
        let content = content.within(&self.capabilities(None).fields);
        let place = Place::Folder;
        let (restored, fixed) = (false, BTreeSet::new());
        let item = Item { content, version: 1, stamp, place, restored, fixed, edited_ms: now };
        self.items.insert(id.clone(), item);
        self.log.push(id.clone());
        id
    }

    /// Makes a copy one that takes no write to `fields`, and any to others.
    pub(crate) fn fix(&mut self, id: &RemoteId, fields: BTreeSet<Field>, now: i64) {
        self.change(id, now, |_| {});
        if let Some(item) = self.items.get_mut(id) {
            item.fixed = fields;
        }
    }

    /// Whether a copy takes a write to `field`: that is not fixed, nor tags that it may take away.
    pub(crate) fn takes(&self, item: &Item, field: &str) -> bool {
        let may_drop = self.may_drop_tags() && DROPPING.contains(&field);
        let is_fixed = |field: &str| item.fixed.contains(&Field::from(field));
        !is_fixed(field) && (!may_drop || !is_fixed(TAGS))
    }

    pub(crate) fn change(&mut self, id: &RemoteId, now: i64, change: impl FnOnce(&mut Content)) {
        if let Some(item) = self.items.get_mut(id) {
            change(&mut item.content);
            item.version += 1;
            item.edited_ms = now;
            self.log.push(id.clone());
        }
    }

    /// Moves an item between its folder and the trash.
    pub(crate) fn shift(&mut self, id: &RemoteId, place: Place) {
        let Some(mut item) = self.items.remove(id) else { return };
        item.place = place;
        item.restored = true;
        item.version += 1;
        let new = if self.options.renames {
            self.made += 1;
            RemoteId(format!("{}-{:04}", self.number, self.made))
        } else {
            id.clone()
        };
        self.items.insert(new.clone(), item);
        self.log.push(id.clone());
        if new != *id {
            self.log.push(new);
        }
    }

    // What the adapter does.

    pub(crate) fn forget_cursors(&mut self) {
        self.generation += 1;
    }

    pub(crate) fn pull(&self, cursor: Option<&Cursor>, rng: &mut Rng) -> Result<Page, Failure> {
        let (position, after) = match cursor {
            None => (self.log.len(), Some(String::new())),
            Some(cursor) => self.parse(cursor)?,
        };
        let size = usize::try_from(self.options.page).unwrap_or(1);
        let Some(after) = after else { return Ok(self.follow(position, size, rng)) };
        let mut changes = vec![];
        for id in self.live().into_iter().filter(|id| id.0 > after).take(size) {
            changes.push(self.hint(&id));
        }
        let next = changes.last().map(|change| change.id.0.clone());
        let full = changes.len() == size;
        let after = if full { next } else { None };
        Ok(Page { changes, cursor: self.cursor(position, after), more: full })
    }

    fn follow(&self, position: usize, size: usize, rng: &mut Rng) -> Page {
        let end = (position + size).min(self.log.len());
        let mut changes: Vec<Change> =
            self.log[position..end].iter().map(|id| self.hint(id)).collect();
        // At least once: now and then an old entry comes again.
        if rng.percent(10) && position > 0 {
            let old = usize::try_from(rng.below(position as u64)).unwrap_or_default();
            changes.insert(0, self.hint(&self.log[old]));
        }
        Page { changes, cursor: self.cursor(end, None), more: end < self.log.len() }
    }

    fn cursor(&self, position: usize, after: Option<String>) -> Cursor {
        let after = after.map_or("-".to_owned(), |after| format!("+{after}"));
        Cursor(format!("{} {position} {after}", self.generation))
    }

    fn parse(&self, cursor: &Cursor) -> Result<(usize, Option<String>), Failure> {
        let lost = || Failure::CursorExpired(Trouble::new("lost", "no such cursor"));
        let mut parts = cursor.as_str().split(' ');
        let generation: u64 = parts.next().and_then(|p| p.parse().ok()).ok_or_else(lost)?;
        let position = parts.next().and_then(|p| p.parse().ok()).ok_or_else(lost)?;
        let after = parts.next().ok_or_else(lost)?;
        if generation != self.generation {
            return Err(lost());
        }
        Ok((position, after.strip_prefix('+').map(ToOwned::to_owned)))
    }

    fn hint(&self, id: &RemoteId) -> Change {
        let hint = match self.items.get(id) {
            Some(item) if item.place == Place::Folder => Hint::Changed {
                version: Some(version(item)),
                item: self.options.whole.then(|| Box::new(self.sighted(item))),
            },
            Some(_) | None => Hint::Gone,
        };
        Change { id: id.clone(), hint }
    }

    fn sighted(&self, item: &Item) -> Sighted {
        let rewrites = self.options.rewrites.then_some(self.number + 1);
        Sighted {
            rendition: item
                .content
                .rendition(item.version, rewrites, item.edited_ms)
                .fixing(item.fixed.clone()),
            content: item.content.encode(),
            stamp: item.stamp.clone(),
        }
    }

    pub(crate) fn fetch(&self, ids: &[RemoteId]) -> Vec<Fetched> {
        let read = |id| match self.items.get(id) {
            Some(item) if item.place == Place::Folder => {
                Fetched::Found(Box::new(self.sighted(item)))
            }
            Some(_) | None => Fetched::Missing,
        };
        ids.iter().map(read).collect()
    }

    pub(crate) fn delay(&mut self, due_ms: i64, write: &Write) {
        self.delayed.push((due_ms, write.clone()));
    }

    /// Lets requests under way arrive.
    pub(crate) fn arrive(&mut self, now: i64, planted: Option<Planted>) {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.delayed).into_iter().partition(|(at, _)| *at <= now);
        self.delayed = later;
        for (_, write) in due {
            // Its sender is gone, and so is the answer.
            let _ = self.write(&write, now, planted);
        }
    }

    pub(crate) fn write(
        &mut self,
        write: &Write,
        now: i64,
        planted: Option<Planted>,
    ) -> Result<Written, Failure> {
        match &write.op {
            WriteOp::Create { content } => self.create(write, content, now),
            WriteOp::Update { id, if_match, patch } => {
                self.check(id, if_match.as_ref(), planted)?;
                let mut patch = Content::decode(patch).ok_or_else(unusable)?;
                let is_whole = self.leave_out(id, &mut patch);
                let drops = patch.scalars.keys().any(|field| self.drops_tags_on(field));
                let mails = |item: &Item| {
                    patch.scalars.keys().any(|field| !self.takes(item, field))
                        || (patch.tags.is_some() && !self.takes(item, TAGS))
                };
                self.mailed += u64::from(self.items.get(id).is_some_and(mails));
                self.change(id, now, |content| {
                    content.patch(&patch);
                    if drops {
                        content.tags = content.tags.take().map(|_| BTreeMap::new());
                    }
                });
                // Who put less than was wanted doesn't know its version to be what was wanted.
                let written = self.written(id, write)?;
                Ok(Written { version: written.version.filter(|_| is_whole), ..written })
            }
            WriteOp::Delete { id, if_match } => {
                self.check(id, if_match.as_ref(), planted)?;
                self.writes += 1;
                self.shift(id, Place::Trash);
                Ok(Written { id: id.clone(), version: None })
            }
        }
    }

    /// Leaves out the tags of a write that have no place; whether there were none.
    fn leave_out(&self, id: &RemoteId, patch: &mut Content) -> bool {
        let (Some(item), Some(tags)) = (self.items.get(id), patch.tags.clone()) else {
            return true;
        };
        let held = item.content.tags.as_ref();
        let fits = |place: &u64, value: &u64| {
            self.has_place(&item.content, *place)
                || held.and_then(|held| held.get(place)) == Some(value)
        };
        let (all, fitting): (usize, BTreeMap<u64, u64>) =
            (tags.len(), tags.into_iter().filter(|(place, value)| fits(place, value)).collect());
        let is_whole = fitting.len() == all;
        patch.tags = Some(fitting);
        is_whole
    }

    /// The requests of a write that takes several, the last with the stamp; `None` where one does.
    pub(crate) fn steps(&self, write: &Write) -> Option<Vec<Write>> {
        let WriteOp::Update { id, if_match, patch } = &write.op else { return None };
        let mut patch = Content::decode(patch)?;
        self.leave_out(id, &mut patch);
        let item = self.items.get(id)?;
        let wanted = patch.tags.as_ref().filter(|_| self.options.late_tags)?;
        let mut tags = item.content.tags.clone()?;
        let step = |tags: BTreeMap<u64, u64>, if_match: Option<Version>| {
            let patch = Content { tags: Some(tags), ..patch.clone() }.encode();
            let stamp = item.stamp.clone().unwrap_or_else(|| write.stamp.clone());
            let op = WriteOp::Update { id: id.clone(), if_match, patch };
            Write { stamp, op, ..write.clone() }
        };
        let mut steps = vec![];
        let places: BTreeSet<u64> = tags.keys().chain(wanted.keys()).copied().collect();
        for place in places {
            if tags.get(&place) == wanted.get(&place) {
                continue;
            }
            match wanted.get(&place) {
                Some(value) => drop(tags.insert(place, *value)),
                None => drop(tags.remove(&place)),
            }
            // Each goes onto what the one before it left.
            let expected = match steps.len() as u64 {
                0 => if_match.clone(),
                before => Some(Version((item.version + before).to_string())),
            };
            steps.push(step(tags.clone(), expected));
        }
        item.stamp.as_ref()?;
        (!steps.is_empty()).then_some(steps)
    }

    fn create(&mut self, write: &Write, content: &[u8], now: i64) -> Result<Written, Failure> {
        let known = self.created.get(&write.stamp.key).filter(|_| self.options.dedupes).cloned();
        let id = match known {
            Some(id) => id,
            None => {
                let content = Content::decode(content).ok_or_else(unusable)?;
                self.writes += 1;
                self.put(&content, Some(write.stamp.clone()), now)
            }
        };
        self.created.insert(write.stamp.key.clone(), id.clone());
        let version = self.items.get(&id).map(version);
        Ok(Written { id, version })
    }

    fn written(&mut self, id: &RemoteId, write: &Write) -> Result<Written, Failure> {
        self.writes += 1;
        let item = self.items.get_mut(id).ok_or_else(missing)?;
        item.stamp = Some(write.stamp.clone());
        Ok(Written { id: id.clone(), version: Some(version(item)) })
    }

    fn check(
        &self,
        id: &RemoteId,
        if_match: Option<&Version>,
        planted: Option<Planted>,
    ) -> Result<(), Failure> {
        let item = self.items.get(id).filter(|item| item.place == Place::Folder);
        let item = item.ok_or_else(missing)?;
        let stale = if_match.is_some_and(|expected| *expected != version(item));
        if stale && planted != Some(Planted::NoIfMatch) {
            return Err(Failure::Stale(Trouble::new("stale", "changed in the meantime")));
        }
        Ok(())
    }

    pub(crate) fn probe(&self, probe: &Probe, planted: Option<Planted>) -> Probed {
        if planted == Some(Planted::NoProbe) {
            return Probed::NotApplied;
        }
        let here = |id: &RemoteId| self.items.get(id).filter(|item| item.place == Place::Folder);
        let stamped = |place: Place| {
            let mut found = self.items.iter().filter(|(_, item)| {
                item.place == place && item.stamp.as_ref() == Some(&probe.stamp)
            });
            found.next().map(|(id, _)| Probed::Applied { id: id.clone(), place })
        };
        match &probe.target {
            Target::Create => stamped(Place::Folder)
                .or_else(|| stamped(Place::Trash))
                .unwrap_or(Probed::NotApplied),
            Target::Update(id) => match here(id) {
                Some(item) if item.stamp.as_ref() == Some(&probe.stamp) => {
                    Probed::Applied { id: id.clone(), place: Place::Folder }
                }
                Some(_) => Probed::NotApplied,
                None => stamped(Place::Trash).unwrap_or(Probed::NotApplied),
            },
            Target::Delete(id) => match here(id) {
                Some(_) => Probed::NotApplied,
                None => Probed::Applied { id: id.clone(), place: Place::Trash },
            },
        }
    }
}

fn version(item: &Item) -> Version {
    Version(item.version.to_string())
}

fn missing() -> Failure {
    Failure::Missing(Trouble::new("missing", "not in the folder"))
}

fn unusable() -> Failure {
    Failure::Permanent(Trouble::new("unusable", "no content"))
}
