//! The world of a simulated run: it performs effects one by one, lets people act in between, makes
//! things fail, and kills the process where the seed says.

use super::content::{Content, TAGS, digest, place};
use super::options::Options;
use super::people::Ledger;
use super::planted::Planted;
use super::replica::{GRACE_MS, Replica};
use super::rng::Rng;
use std::collections::BTreeSet;
use sync_core::engine::{Effect, Event, Stop, World, WrittenNow};
use sync_core::ids::{FolderId, PairId, RemoteId, ReplicaId, RunId};
use sync_core::journal::{Carry, Entry, Intent, Observed, Op, Plan, Sight};
use sync_core::memory::MemoryStore;
use sync_core::port::{
    Blob, Commit, Failure, Fetched, Hint, Loaded, Page, Probe, Probed, Query, Sighted, Stamp,
    Store, Target, Trouble, Write, WriteOp,
};

/// A simulated world. Replicas and store outlive a kill.
pub(crate) struct Sim {
    pub(crate) options: Options,
    pub(crate) planted: Option<Planted>,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) store: MemoryStore,
    pub(crate) ledger: Ledger,
    pub(crate) rng: Rng,
    pub(crate) now_ms: i64,
    pub(crate) run: RunId,
    /// Steps so far; a kill before or after any of them must be harmless.
    pub(crate) steps: u64,
    /// The step to be killed at, if not by chance.
    pub(crate) kill_at: Option<u64>,
    pub(crate) kills: u64,
    pub(crate) faults: u64,
    /// Whether people act and things fail.
    pub(crate) chaos: bool,
    /// Entries held back by a planted bug.
    held_back: Vec<Entry>,
    /// Copies that a stream said were gone.
    hinted: BTreeSet<RemoteId>,
}

impl Sim {
    pub(crate) fn new(
        options: Options,
        planted: Option<Planted>,
        seed: u64,
        kill_at: Option<u64>,
    ) -> Self {
        let replicas = options
            .replicas
            .iter()
            .zip(0..)
            .map(|(options, number)| Replica::new(number, options.clone()))
            .collect();
        let mut sim = Self {
            planted,
            replicas,
            store: MemoryStore::new(),
            ledger: Ledger::default(),
            rng: Rng::new(seed),
            now_ms: 1_000_000,
            run: RunId::from("run"),
            steps: 0,
            kill_at,
            kills: 0,
            faults: 0,
            chaos: true,
            held_back: vec![],
            hinted: BTreeSet::new(),
            options,
        };
        sim.ledger.furnish(&mut sim.replicas, &sim.options, &mut sim.rng);
        sim
    }

    pub(crate) fn pair() -> PairId {
        PairId::from("pair")
    }

    fn replica(&mut self, id: ReplicaId) -> &mut Replica {
        &mut self.replicas[usize::from(id.0)]
    }

    /// One more step: people may act before it, and the process may be killed at it.
    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        self.now_ms += 10;
        let now = self.now_ms;
        let planted = self.planted;
        self.replicas.iter_mut().for_each(|replica| replica.arrive(now, planted));
        if self.chaos {
            if self.rng.percent(self.options.people_percent) {
                self.people_act();
            }
            if self.rng.percent(self.options.churn_percent) {
                self.churn();
            }
        }
        let by_chance = self.chaos
            && self.kill_at.is_none()
            && self.rng.below(1_000) < self.options.kill_permille;
        if by_chance || self.kill_at == Some(self.steps) {
            self.kills += 1;
            self.held_back.clear();
            return Err(Stop::Killed);
        }
        Ok(())
    }

    pub(crate) fn people_act(&mut self) {
        if self.options.actions == 0 {
            return;
        }
        self.options.actions -= 1;
        self.ledger.act(&mut self.replicas, &self.options, self.now_ms, &mut self.rng);
    }

    fn churn(&mut self) {
        let at = self.rng.below(self.replicas.len() as u64);
        let at = ReplicaId(u8::try_from(at).unwrap_or_default());
        let live = self.replica(at).live();
        if let Some(id) = self.rng.pick(&live) {
            let now = self.now_ms;
            self.replica(at).change(id, now, |_| {});
        }
    }

    fn fails(&mut self) -> bool {
        let fails = self.chaos && self.rng.percent(self.options.fault_percent);
        self.faults += u64::from(fails);
        fails
    }

    fn one(&mut self, effect: Effect) -> Result<Event, Stop> {
        self.step()?;
        match effect {
            Effect::Commit { entries, blobs } => self.commit(entries, blobs),
            Effect::Load(query) => Ok(Event::Loaded(self.store.load(&query)?)),
            Effect::Wait { ms, .. } => {
                self.now_ms += i64::try_from(ms).unwrap_or(i64::MAX / 4);
                self.step()?;
                Ok(Event::Woke { at_ms: self.now_ms })
            }
            Effect::Pull { replica, cursor, .. } => {
                if self.fails() {
                    return Ok(Event::Pulled(Err(self.trouble())));
                }
                if self.chaos && self.rng.percent(self.options.expiry_percent) {
                    self.replica(replica).forget_cursors();
                }
                let rng = &mut self.rng;
                let mut page = self.replicas[usize::from(replica.0)].pull(cursor.as_ref(), rng);
                if let Ok(page) = &mut page {
                    self.mislead(replica, page);
                    self.overlook(page.changes.iter_mut().filter_map(
                        |change| match &mut change.hint {
                            Hint::Changed { item, .. } => item.as_deref_mut(),
                            Hint::Gone => None,
                        },
                    ));
                }
                Ok(Event::Pulled(page))
            }
            Effect::Fetch { replica, ids, .. } => {
                if self.fails() {
                    return Ok(Event::Fetched(Err(self.trouble())));
                }
                let mut fetched = self.replica(replica).fetch(&ids);
                self.overlook(fetched.iter_mut().filter_map(|fetched| match fetched {
                    Fetched::Found(sighted) => Some(&mut **sighted),
                    Fetched::Outside | Fetched::Missing | Fetched::Unreadable(_) => None,
                }));
                if self.planted == Some(Planted::HintIsGone) {
                    for (id, fetched) in ids.iter().zip(&mut fetched) {
                        if self.hinted.contains(id) {
                            *fetched = Fetched::Missing;
                        }
                    }
                }
                Ok(Event::Fetched(Ok(fetched)))
            }
            Effect::Probe { replica, probes } => {
                if self.fails() {
                    return Ok(Event::Probed(Err(self.trouble())));
                }
                Ok(Event::Probed(Ok(self.probe(replica, &probes))))
            }
            Effect::Write { replica, intents } => self.write(replica, intents),
        }
    }

    /// What a planted bug doesn't see.
    fn overlook<'a>(&self, sighted: impl Iterator<Item = &'a mut Sighted>) {
        if self.planted == Some(Planted::NothingFixed) {
            sighted.for_each(|sighted| sighted.rendition.fixed.clear());
        }
    }

    /// Now and then a stream says of an item that stands there that it is gone, as a window does.
    fn mislead(&mut self, replica: ReplicaId, page: &mut Page) {
        for change in &mut page.changes {
            let restored = self.replica(replica).items.get(&change.id).is_some_and(|i| i.restored);
            if self.chaos && self.rng.percent(3) && !restored {
                change.hint = Hint::Gone;
            }
            match change.hint {
                Hint::Gone => self.hinted.insert(change.id.clone()),
                Hint::Changed { .. } => self.hinted.remove(&change.id),
            };
        }
    }

    fn trouble(&mut self) -> Failure {
        let trouble = Trouble::new("simulated", "simulated");
        match self.rng.below(3) {
            0 => Failure::Throttled { after_ms: Some(2_000), trouble },
            1 => Failure::InDoubt(trouble),
            _ => Failure::Transient(trouble),
        }
    }

    fn commit(&mut self, entries: Vec<Entry>, blobs: Vec<Blob>) -> Result<Event, Stop> {
        let entries = self.bend(entries)?;
        let (pair, run, at_ms) = (Self::pair(), self.run.clone(), self.now_ms);
        let seq = self.store.commit(&Commit { pair, run, at_ms, entries, blobs })?;
        self.step()?;
        Ok(Event::Committed { seq, at_ms: self.now_ms })
    }

    /// What a planted bug makes of a commit.
    fn bend(&mut self, mut entries: Vec<Entry>) -> Result<Vec<Entry>, Stop> {
        match self.planted {
            Some(Planted::NoIntentLog) => {
                let intents = entries.iter().any(|e| matches!(e, Entry::Intended(_)));
                if intents {
                    self.held_back.append(&mut entries);
                } else {
                    let mut all = std::mem::take(&mut self.held_back);
                    all.append(&mut entries);
                    entries = all;
                }
            }
            Some(Planted::CursorFirst) => {
                for entry in &entries {
                    if let Entry::Observed(observed) = entry
                        && observed.advance.is_some()
                        && !observed.sightings.is_empty()
                    {
                        let first = Observed { sightings: vec![], ..observed.clone() };
                        self.store.commit(&Commit {
                            pair: Self::pair(),
                            run: self.run.clone(),
                            at_ms: self.now_ms,
                            entries: vec![Entry::Observed(first)],
                            blobs: vec![],
                        })?;
                        self.step()?;
                    }
                }
            }
            Some(Planted::NothingKept) => entries.retain(
                |entry| !matches!(entry, Entry::Conflicted(c) if c.field == Some(TAGS.into())),
            ),
            Some(Planted::FoundAsBase) => self.find_base(&mut entries)?,
            Some(
                Planted::NoProbe
                | Planted::NoGrace
                | Planted::ValueGuess
                | Planted::NoIfMatch
                | Planted::HintIsGone
                | Planted::NothingFixed,
            )
            | None => {}
        }
        Ok(entries)
    }

    /// Follows the first sight of a recovered copy with an agreement on all its fields.
    fn find_base(&mut self, entries: &mut Vec<Entry>) -> Result<(), Stop> {
        let mut agreed = vec![];
        for entry in entries.iter() {
            let Entry::Observed(observed) = entry else { continue };
            for sighting in &observed.sightings {
                let Sight::Present { rendition, .. } = &sighting.sight else { continue };
                let known = self.store.load(&Query::Links(vec![sighting.link]))?;
                let Loaded::Links(links) = known else { continue };
                let recovered = links.first().and_then(|l| l.legs.get(&observed.replica));
                let recovered = recovered.is_some_and(|leg| {
                    leg.base.is_some()
                        && leg.version.is_none()
                        && matches!(leg.seen, sync_core::state::Seen::Unread)
                });
                if recovered {
                    let fields = rendition.fields.keys().cloned().collect();
                    agreed.push(Entry::Agreed { link: sighting.link, fields });
                }
            }
        }
        entries.append(&mut agreed);
        Ok(())
    }

    fn probe(&mut self, replica: ReplicaId, probes: &[Probe]) -> Vec<Probed> {
        let planted = self.planted;
        let judge = |probe: &Probe| {
            let model = &self.replicas[usize::from(replica.0)];
            match (&probe.target, planted) {
                (Target::Update(id), Some(Planted::ValueGuess)) => {
                    let meant = self.meant(probe);
                    let holds = model.items.get(id).is_some_and(|item| {
                        let mut content = item.content.clone();
                        content.patch(&meant);
                        content == item.content
                    });
                    if holds {
                        let place = sync_core::port::Place::Folder;
                        Probed::Applied { id: id.clone(), place }
                    } else {
                        Probed::NotApplied
                    }
                }
                (_, _) => model.probe(probe, planted),
            }
        };
        probes.iter().map(judge).collect()
    }

    /// The values that a write in doubt was to bring.
    fn meant(&self, probe: &Probe) -> Content {
        let loaded = self.store.load(&Query::Links(vec![probe.stamp.link]));
        let intent = match loaded {
            Ok(Loaded::Links(links)) => links.into_iter().find_map(|l| l.open.map(|o| o.intent)),
            Ok(_) | Err(_) => None,
        };
        let composed = intent.and_then(|intent| self.compose(&intent.plan));
        composed.map_or_else(
            || Content { uid: 0, serial: 0, scalars: [].into(), tags: None },
            |(content, _)| content,
        )
    }

    fn write(
        &mut self,
        replica: ReplicaId,
        intents: Vec<(FolderId, Intent)>,
    ) -> Result<Event, Stop> {
        let mut results = vec![];
        for (folder, intent) in intents {
            let stamp = Stamp { link: intent.plan.link, key: intent.key.clone() };
            self.ledger.perhaps_forked(&self.store, &intent.plan);
            let Some((patch, after)) = self.compose(&intent.plan) else {
                results.push(Err(Failure::Permanent(Trouble::new("content", "no content"))));
                continue;
            };
            let op = match &intent.plan.op {
                Op::Create { .. } => WriteOp::Create { content: patch.encode() },
                Op::Update { id, if_match, .. } => WriteOp::Update {
                    id: id.clone(),
                    if_match: if_match.clone(),
                    patch: patch.encode(),
                },
                Op::Delete { id, if_match, .. } => {
                    WriteOp::Delete { id: id.clone(), if_match: if_match.clone() }
                }
            };
            let result = self.send(replica, &Write { folder, stamp, op });
            let deletes = matches!(intent.plan.op, Op::Delete { .. });
            let bytes = after.encode();
            let content = (!deletes).then(|| Blob { digest: digest(&bytes), bytes });
            results.push(result.map(|w| WrittenNow { id: w.id, version: w.version, content }));
            self.step()?;
        }
        Ok(Event::Written(results))
    }

    fn send(
        &mut self,
        replica: ReplicaId,
        write: &Write,
    ) -> Result<sync_core::port::Written, Failure> {
        let (now, planted) = (self.now_ms, self.planted);
        self.perhaps_emptied(replica, write);
        if !self.fails() {
            return self.replica(replica).write(write, now, planted);
        }
        let trouble = Trouble::new("simulated", "simulated");
        if let Some(sent) = self.send_in_part(replica, write) {
            return sent;
        }
        match self.rng.below(4) {
            0 => Err(Failure::Throttled { after_ms: None, trouble }),
            1 => Err(Failure::InDoubt(trouble)),
            2 => {
                let done = self.replica(replica).write(write, now, planted);
                done.and(Err(Failure::InDoubt(trouble)))
            }
            _ => {
                let span = GRACE_MS.unsigned_abs() - 1_000;
                let under_way = i64::try_from(self.rng.below(span)).unwrap_or_default();
                self.replica(replica).delay(now + under_way, write);
                Err(Failure::InDoubt(trouble))
            }
        }
    }

    /// Fails amid the requests of a write that takes several: some elements arrive, one is in doubt,
    /// and the stamp doesn't follow.
    fn send_in_part(
        &mut self,
        replica: ReplicaId,
        write: &Write,
    ) -> Option<Result<sync_core::port::Written, Failure>> {
        let mut steps = self.replica(replica).steps(write)?;
        let (now, planted) = (self.now_ms, self.planted);
        let trouble = Trouble::new("simulated", "simulated");
        let done = usize::try_from(self.rng.below(steps.len() as u64)).unwrap_or_default();
        let failing = steps.remove(done);
        for step in steps.drain(..done) {
            self.unproven(&step);
            if let Err(failure) = self.replica(replica).write(&step, now, planted) {
                return Some(Err(failure));
            }
        }
        self.unproven(&failing);
        match self.rng.below(4) {
            0 => return Some(Err(Failure::Stale(trouble))),
            1 => {}
            2 => drop(self.replica(replica).write(&failing, now, planted)),
            _ => self.replica(replica).delay(now + GRACE_MS / 2, &failing),
        }
        Some(Err(Failure::InDoubt(trouble)))
    }

    /// Nor whether a replica that may take tags away did, or somebody after it.
    fn perhaps_emptied(&mut self, replica: ReplicaId, write: &Write) {
        let WriteOp::Update { id, patch, .. } = &write.op else { return };
        let model = &self.replicas[usize::from(replica.0)];
        let writes = Content::decode(patch).is_some_and(|patch| !patch.scalars.is_empty());
        let tags = model.items.get(id).and_then(|item| item.content.tags.as_ref());
        if let Some(tags) = tags.filter(|_| writes && model.may_drop_tags()) {
            self.ledger.unproven.extend(tags.values());
        }
    }

    /// Nobody can tell whether a tag of a write without a stamp never arrived or was taken away.
    fn unproven(&mut self, step: &Write) {
        if let WriteOp::Update { patch, .. } = &step.op
            && let Some(tags) = Content::decode(patch).and_then(|patch| patch.tags)
        {
            self.ledger.unproven.extend(tags.values());
        }
    }

    /// What a plan writes, and what the copy holds after it.
    fn compose(&self, plan: &Plan) -> Option<(Content, Content)> {
        let blob = |digest| Content::decode(&self.store.blob(digest).ok()??);
        let start = match &plan.op {
            Op::Create { like } => self.ledger.item_of(plan.link, blob(like)?),
            Op::Update { onto, .. } => blob(onto)?,
            Op::Delete { .. } => {
                let nothing = Content { uid: 0, serial: 0, scalars: [].into(), tags: None };
                return Some((nothing.clone(), nothing));
            }
        };
        let mut patch = Content { scalars: [].into(), tags: None, ..start.clone() };
        let mut emptied = false;
        for (field, carry) in &plan.carries {
            match carry {
                Carry::Whole { content, .. } => {
                    let from = blob(content)?;
                    if field.as_str() == "tags" {
                        patch.tags = from.tags;
                    } else {
                        let value = from.scalars.get(field.as_str())?;
                        patch.scalars.insert(field.as_str().to_owned(), *value);
                    }
                }
                Carry::Elements { put, drop, .. } => {
                    let mut tags = start.tags.clone().unwrap_or_default();
                    for (key, element) in put {
                        let at = place(key)?;
                        tags.insert(at, *blob(&element.content)?.tags?.get(&at)?);
                    }
                    tags.retain(|at, _| !drop.iter().filter_map(place).any(|gone| gone == *at));
                    patch.tags = Some(tags);
                }
                Carry::Emptied => emptied = true,
            }
        }
        if emptied && matches!(plan.op, Op::Create { .. }) {
            patch.tags = Some([].into());
        }
        let mut after = start;
        if matches!(plan.op, Op::Create { .. }) {
            after = patch.clone();
        } else {
            after.patch(&patch);
        }
        if emptied {
            after.tags = Some([].into());
        }
        Some((patch, after))
    }
}

impl World for Sim {
    fn perform(&mut self, effects: Vec<Effect>) -> Result<Vec<Event>, Stop> {
        let mut events = vec![];
        for effect in effects {
            events.push(self.one(effect)?);
        }
        Ok(events)
    }
}
