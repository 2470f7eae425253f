//! How an entry changes the state. Total: it never panics, and an entry that doesn't fit what came
//! before it is an error, since then the journal is not the one that was written.

use super::{Base, Conflict, Dispute, Leg, Link, OpenIntent, Seen, State, Track, Twin};
use crate::ids::{CollectionId, ElementKey, Field, IntentKey, LinkId, RemoteId, ReplicaId};
use crate::journal::{
    Applied, Carry, Configured, Conflicted, Entry, Intent, NotApplied, Observed, Op, Outcome,
    Proof, Reason, Record, Removal, Seq, Sight, Sighting,
};
use crate::plan;
use crate::policy::Policy;
use crate::port::Stamp;
use crate::value::{Fields, Rendition, Value};
use std::collections::{BTreeMap, BTreeSet};

/// An entry that doesn't fit the entries before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("journal entry {seq} ({kind}) doesn't fit the entries before it: {detail}")]
pub struct Error {
    /// The entry's position.
    pub seq: u64,
    /// Its kind.
    pub kind: &'static str,
    /// What is wrong.
    pub detail: String,
}

impl State {
    /// Folds in one record.
    pub fn apply(&mut self, record: &Record) -> Result<(), Error> {
        self.head.seq = record.seq;
        let touched = record.entry.touches();
        let disputed = self.disputed(&touched);
        self.change(record).map_err(|detail| Error {
            seq: record.seq.0,
            kind: record.entry.kind(),
            detail,
        })?;
        // A conflict that events have overtaken waits for nobody.
        let left = self.disputed(&touched);
        for seq in disputed.difference(&left) {
            if let Some(conflict) = self.conflicts.get_mut(seq) {
                conflict.open = false;
            }
        }
        for id in touched {
            self.look(id);
        }
        Ok(())
    }

    fn disputed(&self, links: &[LinkId]) -> BTreeSet<Seq> {
        let links = links.iter().filter_map(|id| self.links.get(id));
        links.flat_map(|link| &link.disputes).map(|dispute| dispute.conflict).collect()
    }

    /// Looks at every link again, as after a change of the rules. A store that holds links
    /// elsewhere does the same to each of them.
    fn reconsider_all(&mut self) {
        for link in self.links.values_mut() {
            link.reconsider(self.head.policy.as_ref());
        }
    }

    fn look(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            let gone = |leg: &Leg| matches!(leg.seen, Seen::Gone);
            link.buried =
                link.open.is_none() && !link.legs.is_empty() && link.legs.values().all(gone);
            link.attention = plan::wants_attention(link, self.head.policy.as_ref());
        }
    }

    fn link(&mut self, id: LinkId) -> Result<&mut Link, String> {
        self.links.get_mut(&id).ok_or_else(|| format!("no link {id}"))
    }

    fn change(&mut self, record: &Record) -> Result<(), String> {
        match &record.entry {
            Entry::Opened { .. } => self.head.run = Some(record.run.clone()),
            Entry::Configured(configured) => self.configure(configured),
            Entry::Observed(observed) => self.observe(observed),
            Entry::CursorLost { collection, replica } => {
                let track = self.track(collection, *replica);
                track.cursor = None;
            }
            Entry::Matched { link, absorbed, .. } => return self.join(*link, *absorbed),
            Entry::Agreed { link, fields } => self.link(*link)?.agree(fields),
            Entry::Intended(intent) => return self.open(intent, record.at_ms),
            Entry::Settled { link, key, outcome } => return self.settle(*link, key, outcome),
            Entry::Conflicted(conflicted) => return self.dispute(record, conflicted),
            Entry::Resolved { link, field, winner } => {
                return self.resolve(*link, field.as_ref(), *winner);
            }
            Entry::Forked { link, from, origin } => {
                let collection = self.link(*from)?.collection.clone();
                let fork = self.links.entry(*link).or_insert_with(|| Link::new(*link, collection));
                fork.origin = Some((**origin).clone());
            }
            Entry::Twinned { link, replica, original } => {
                self.link(*original)?.held = Some(Reason::Twin { of: *link });
                self.link(*link)?.twin = Some(Twin { replica: *replica, original: *original });
            }
            Entry::Held { link, reason } => self.link(*link)?.held = Some(reason.clone()),
            Entry::Released { link } => self.link(*link)?.held = None,
            Entry::Accepted { fingerprint } => self.head.accepted = Some(fingerprint.clone()),
            Entry::Braked { .. } | Entry::Closed { .. } => {}
        }
        Ok(())
    }

    fn configure(&mut self, configured: &Configured) {
        let Configured { collections, policy, fingerprint } = configured;
        for (id, folders) in collections {
            for (replica, folder) in folders {
                let known = self.head.collections.get(id).and_then(|f| f.get(replica));
                if known.is_some_and(|known| known != folder) {
                    // Another folder: its stream has nothing to do with the old cursor.
                    self.track(id, *replica).cursor = None;
                }
            }
        }
        self.head.collections.clone_from(collections);
        self.head.fingerprint.clone_from(fingerprint);
        self.head.policy = Some(policy.clone());
        self.reconsider_all();
    }

    fn track(&mut self, collection: &CollectionId, replica: ReplicaId) -> &mut Track {
        self.head.tracks.entry(collection.clone()).or_default().entry(replica).or_default()
    }

    fn observe(&mut self, observed: &Observed) {
        let Observed { collection, replica, epoch, sightings, advance } = observed;
        for sighting in sightings {
            self.links
                .entry(sighting.link)
                .or_insert_with(|| Link::new(sighting.link, collection.clone()))
                .sight(*replica, *epoch, sighting);
        }
        if let Some(advance) = advance {
            let track = self.track(collection, *replica);
            track.cursor = Some(advance.cursor.clone());
            track.stage = advance.stage;
            track.epoch = *epoch;
        }
    }

    fn join(&mut self, id: LinkId, absorbed: LinkId) -> Result<(), String> {
        let taken = self.links.remove(&absorbed).ok_or_else(|| format!("no link {absorbed}"))?;
        let link = self.link(id)?;
        if !link.met {
            // Neither has agreed with the other on anything yet.
            link.legs.values_mut().for_each(|leg| leg.base = None);
        }
        for (replica, mut leg) in taken.legs {
            match link.legs.get(&replica) {
                // What it agreed on elsewhere says nothing here.
                None => leg.base = None,
                // The copy that was gone is back under another id; its past is the same.
                Some(old) if matches!(old.seen, Seen::Gone) => {
                    leg.base.clone_from(&old.base);
                    leg.ours = old.ours;
                }
                Some(_) => {
                    return Err(format!("{id} and {absorbed} both have a copy in {replica}"));
                }
            }
            link.legs.insert(replica, leg);
        }
        link.held = None;
        link.twin = link.twin.filter(|twin| twin.original != absorbed).or(taken.twin);
        Ok(())
    }

    fn open(&mut self, intent: &Intent, at_ms: i64) -> Result<(), String> {
        let link = self.link(intent.plan.link)?;
        if let Some(open) = &link.open {
            return Err(format!("intent {} is still open", open.intent.key));
        }
        link.open = Some(OpenIntent { intent: intent.clone(), at_ms });
        link.held = None;
        Ok(())
    }

    fn settle(&mut self, id: LinkId, key: &IntentKey, outcome: &Outcome) -> Result<(), String> {
        let link = self.link(id)?;
        let open = link.open.take().filter(|open| open.intent.key == *key);
        let intent = open.ok_or_else(|| format!("no open intent {key}"))?.intent;
        let collection = link.collection.clone();
        let epoch = self.head.track(&collection, intent.plan.replica).epoch;
        self.link(id)?.settle(&intent, outcome, epoch);
        Ok(())
    }

    fn dispute(&mut self, record: &Record, what: &Conflicted) -> Result<(), String> {
        let link = self.link(what.link)?;
        link.disputes.retain(|d| d.field != what.field);
        link.disputes.push(Dispute {
            conflict: record.seq,
            field: what.field.clone(),
            sides: what
                .sides
                .iter()
                .map(|(r, side)| (*r, side.as_ref().and_then(|s| s.value.clone())))
                .collect(),
            winner: what.winner,
        });
        self.conflicts.insert(
            record.seq,
            Conflict {
                seq: record.seq,
                at_ms: record.at_ms,
                pair: record.pair.clone(),
                what: what.clone(),
                open: what.winner.is_none(),
            },
        );
        Ok(())
    }

    fn resolve(
        &mut self,
        link: LinkId,
        field: Option<&Field>,
        winner: ReplicaId,
    ) -> Result<(), String> {
        let dispute = self
            .link(link)?
            .disputes
            .iter_mut()
            .find(|d| d.field.as_ref() == field)
            .ok_or_else(|| format!("{link} has no such conflict"))?;
        dispute.winner = Some(winner);
        let seq = dispute.conflict;
        if let Some(conflict) = self.conflicts.get_mut(&seq) {
            conflict.open = false;
            conflict.what.winner = Some(winner);
        }
        Ok(())
    }
}

impl Link {
    /// Looks at the link again under changed rules: what was refused or left alone may go now.
    pub fn reconsider(&mut self, policy: Option<&Policy>) {
        if !matches!(self.held, Some(Reason::Unreadable { .. })) {
            self.held = None;
        }
        self.attention = plan::wants_attention(self, policy);
    }

    fn sight(&mut self, replica: ReplicaId, epoch: u64, sighting: &Sighting) {
        match &sighting.sight {
            Sight::Present { rendition, stamped } => {
                self.rise();
                let changed = match self.legs.get_mut(&replica) {
                    Some(leg) => leg.read(&sighting.id, rendition),
                    None => {
                        self.legs
                            .insert(replica, Leg::found(&sighting.id, rendition, stamped.clone()));
                        true
                    }
                };
                if changed {
                    self.held = None;
                }
            }
            Sight::Still => {}
            Sight::Gone => {
                if let Some(leg) = self.legs.get_mut(&replica) {
                    leg.seen = Seen::Gone;
                    self.held = None;
                }
            }
            Sight::Outside => {
                if let Some(leg) = self.legs.get_mut(&replica) {
                    leg.seen = Seen::Outside;
                }
            }
            Sight::Unreadable { code } => {
                let leg = self.legs.entry(replica).or_insert_with(|| Leg::unread(&sighting.id));
                leg.seen = Seen::Unreadable { code: code.clone() };
                self.held = Some(Reason::Unreadable { replica, code: code.clone() });
            }
        }
        if let Some(leg) = self.legs.get_mut(&replica) {
            leg.epoch = epoch;
        }
    }

    /// A copy of a buried item is there again: someone restored it, so it is new to all others.
    fn rise(&mut self) {
        if self.buried {
            self.buried = false;
            self.met = false;
            self.disputes.clear();
            self.legs.clear();
        }
    }

    fn agree(&mut self, fields: &BTreeSet<Field>) {
        let present = self.legs.values().filter(|leg| leg.rendition().is_some()).count();
        for leg in self.legs.values_mut() {
            let Seen::Present(rendition) = &leg.seen else { continue };
            let base = leg.base.get_or_insert_with(Base::default);
            for field in fields {
                match rendition.fields.get(field) {
                    Some(value) => base.fields.insert(field.clone(), value.clone()),
                    None => base.fields.remove(field),
                };
            }
            base.content = rendition.content.or(base.content);
        }
        self.met |= present > 1;
        self.disputes.retain(|d| d.field.as_ref().is_none_or(|f| !fields.contains(f)));
    }

    fn settle(&mut self, intent: &Intent, outcome: &Outcome, epoch: u64) {
        let replica = intent.plan.replica;
        match outcome {
            Outcome::Applied(applied) => self.applied(intent, applied, epoch),
            Outcome::NotApplied(NotApplied::Refused { code }) => {
                self.held = Some(Reason::Refused { replica, code: code.clone() });
            }
            Outcome::NotApplied(NotApplied::Stale | NotApplied::Missing) => {
                if let Some(leg) = self.legs.get_mut(&replica) {
                    leg.seen = Seen::Unread;
                }
            }
            Outcome::NotApplied(NotApplied::Lost) => {}
        }
    }

    fn applied(&mut self, intent: &Intent, applied: &Applied, epoch: u64) {
        let replica = intent.plan.replica;
        match &intent.plan.op {
            Op::Create { .. } => {
                let identity = self.shared_identity();
                let normaliser = self.normaliser();
                let mut leg = Leg::unread(&applied.id);
                leg.ours = true;
                leg.epoch = epoch;
                leg.base = Some(Base::default());
                leg.seen = Seen::Present(Rendition {
                    version: None,
                    normaliser,
                    fields: Fields::new(),
                    content: None,
                    identity,
                    edited_ms: None,
                });
                self.legs.insert(replica, leg);
                self.carried(intent, applied);
            }
            Op::Update { .. } => self.carried(intent, applied),
            Op::Delete { why: Removal::Deleted, .. } => {
                if let Some(leg) = self.legs.get_mut(&replica) {
                    leg.seen = Seen::Gone;
                }
            }
            Op::Delete { why: Removal::Yields, .. } => {
                self.legs.remove(&replica);
                self.twin = None;
                self.met = false;
            }
        }
    }

    /// The base of everyone who took part becomes what was written, never what is found.
    fn carried(&mut self, intent: &Intent, applied: &Applied) {
        let target = intent.plan.replica;
        if let Some(leg) = self.legs.get_mut(&target) {
            for (field, carry) in &intent.plan.carries {
                leg.written(field, carry);
            }
            // The first is the one that made it.
            leg.keys.truncate(1);
            leg.keys.push(intent.key.clone());
        }
        for (field, carry) in &intent.plan.carries {
            match carry {
                Carry::Whole { from: Some(from), value, .. } => {
                    self.rebase_source(field, *from, value);
                }
                Carry::Whole { from: None, .. } => {}
                Carry::Elements { put, drop, .. } => {
                    let keys = put.keys().chain(drop);
                    self.carrying.remove(field);
                    keys.for_each(|key| self.rebase_element(field, key, target));
                }
            }
        }
        if let Some(leg) = self.legs.get_mut(&target) {
            leg.proven(applied);
        }
        let created = matches!(intent.plan.op, Op::Create { .. });
        self.disputes.retain(|d| match &d.field {
            // The winner's value may have more copies to go to.
            Some(field) => {
                !intent.plan.carries.contains_key(field) || self.carrying.contains_key(field)
            }
            None => !created,
        });
        self.met |= self.legs.len() > 1;
    }

    /// The copy that a field came from agrees once every other copy has it. Until then it counts
    /// as changed, so that the rest is still written to.
    fn rebase_source(&mut self, field: &Field, source: ReplicaId, value: &Value) {
        let everywhere =
            self.legs.iter().filter(|(replica, _)| **replica != source).all(|(_, leg)| {
                match leg.rendition().and_then(|r| r.fields.get(field)) {
                    Some(held) => held.same_meaning(value),
                    None => true,
                }
            });
        if !everywhere {
            self.carrying.insert(field.clone(), source);
            return;
        }
        self.carrying.remove(field);
        if let Some(leg) = self.legs.get_mut(&source) {
            let content = leg.rendition().and_then(|r| r.content);
            let base = leg.base.get_or_insert_with(Base::default);
            base.fields.insert(field.clone(), value.clone());
            base.content = content.or(base.content);
        }
    }

    /// The same for one element of a set.
    fn rebase_element(&mut self, field: &Field, key: &ElementKey, target: ReplicaId) {
        let held: Vec<Option<crate::ids::Digest>> = self
            .legs
            .values()
            .filter_map(|leg| match leg.rendition()?.fields.get(field)? {
                Value::Set(elements) => Some(elements.get(key).map(|print| print.meaning)),
                Value::Scalar(_) => None,
            })
            .collect();
        if held.windows(2).any(|pair| pair[0] != pair[1]) {
            let source = self.legs.keys().find(|replica| **replica != target);
            if let Some(source) = source.filter(|_| self.legs.len() > 2) {
                self.carrying.insert(field.clone(), *source);
            }
            return;
        }
        self.legs.values_mut().for_each(|leg| leg.rebase_element(field, key));
    }

    fn shared_identity(&self) -> Vec<crate::value::IdentityKey> {
        self.identity().into_iter().cloned().collect()
    }

    fn normaliser(&self) -> u16 {
        let seen = self.legs.values().filter_map(Leg::rendition);
        seen.chain(&self.origin).map(|r| r.normaliser).max().unwrap_or_default()
    }
}

impl Leg {
    fn unread(id: &RemoteId) -> Self {
        Self {
            id: id.clone(),
            version: None,
            wrote: None,
            base: None,
            seen: Seen::Unread,
            epoch: 0,
            ours: false,
            stamped: None,
            keys: vec![],
        }
    }

    fn found(id: &RemoteId, rendition: &Rendition, stamped: Option<Stamp>) -> Self {
        let mut leg = Self::unread(id);
        leg.version.clone_from(&rendition.version);
        leg.seen = Seen::Present(rendition.clone());
        leg.stamped = stamped;
        leg
    }

    /// Takes in what was read; says whether that differs from what was known.
    fn read(&mut self, id: &RemoteId, now: &Rendition) -> bool {
        let before = std::mem::replace(&mut self.seen, Seen::Present(now.clone()));
        let then = match &before {
            Seen::Present(then) => Some(then),
            Seen::Gone | Seen::Outside | Seen::Unreadable { .. } | Seen::Unread => None,
        };
        // Proof that nobody wrote in between: the version that our write made, or the version that
        // was read before by another normaliser.
        let same_version = now.version.is_some()
            && (now.version == self.wrote || then.is_some_and(|t| t.version == now.version));
        if let Some(base) = &mut self.base {
            for (field, value) in &now.fields {
                let seen = then.and_then(|t| t.fields.get(field));
                let Some(old) = base.fields.get(field) else {
                    // The server's own addition to what we wrote is no edit.
                    if seen.is_none() && now.version.is_some() && now.version == self.wrote {
                        base.fields.insert(field.clone(), value.clone());
                    }
                    continue;
                };
                let settled = same_version && seen.is_some_and(|seen| old.unchanged(seen));
                if settled {
                    base.fields.insert(field.clone(), value.clone());
                } else if let Some(adopted) = adopt(old, value) {
                    base.fields.insert(field.clone(), adopted);
                }
            }
        }
        let changed = self.id != *id || then.is_none_or(|t| t.fields != now.fields);
        self.id = id.clone();
        self.version.clone_from(&now.version);
        self.wrote = None;
        changed
    }

    fn rebase_element(&mut self, field: &Field, key: &ElementKey) {
        let Seen::Present(rendition) = &self.seen else { return };
        let Some(Value::Set(seen)) = rendition.fields.get(field) else { return };
        // Without a base for the set there is none for its elements: a part of it would say that the
        // rest was absent.
        let Some(base) = &mut self.base else { return };
        let Some(Value::Set(elements)) = base.fields.get_mut(field) else { return };
        match seen.get(key) {
            Some(print) => elements.insert(key.clone(), *print),
            None => elements.remove(key),
        };
        base.content = rendition.content.or(base.content);
    }

    /// Takes in what was written to this copy.
    fn written(&mut self, field: &Field, carry: &Carry) {
        let base = self.base.get_or_insert_with(Base::default);
        // A part of a set makes no base where there was none.
        if matches!(carry, Carry::Whole { .. }) || base.fields.contains_key(field) {
            write_value(&mut base.fields, field, carry);
        }
        if let Seen::Present(rendition) = &mut self.seen {
            write_value(&mut rendition.fields, field, carry);
        }
    }

    fn proven(&mut self, applied: &Applied) {
        match &applied.proof {
            Proof::Answered { version, content } => {
                self.version.clone_from(version);
                self.wrote.clone_from(version);
                if let Seen::Present(rendition) = &mut self.seen {
                    rendition.version.clone_from(version);
                    rendition.content = *content;
                    rendition.edited_ms = None;
                }
                if let (Some(base), Some(content)) = (&mut self.base, content) {
                    base.content = Some(*content);
                }
            }
            Proof::Stamp => {
                self.version = None;
                self.wrote = None;
                self.seen = Seen::Unread;
            }
            Proof::StampInTrash => self.seen = Seen::Gone,
        }
        self.id = applied.id.clone();
    }
}

fn write_value(fields: &mut Fields, field: &Field, carry: &Carry) {
    match carry {
        Carry::Whole { value, .. } => {
            fields.insert(field.clone(), value.elsewhere());
        }
        Carry::Elements { put, drop } => {
            let entry = fields.entry(field.clone()).or_insert(Value::Set(BTreeMap::new()));
            let Value::Set(elements) = entry else { return };
            for (key, element) in put {
                elements.insert(key.clone(), element.print.elsewhere());
            }
            elements.retain(|key, _| !drop.contains(key));
        }
    }
}

/// The base with what `now` tells about content that we wrote and had not read back: where the
/// meaning is what we wrote, the copy's own form of it is now known.
fn adopt(base: &Value, now: &Value) -> Option<Value> {
    match (base, now) {
        (Value::Scalar(then), Value::Scalar(now)) => {
            (then.own.is_none() && then.meaning == now.meaning).then_some(Value::Scalar(*now))
        }
        (Value::Set(then), Value::Set(now)) => {
            let mut adopted = then.clone();
            for (key, print) in &mut adopted {
                if let Some(current) = now.get(key)
                    && print.own.is_none()
                    && print.meaning == current.meaning
                {
                    *print = *current;
                }
            }
            (adopted != *then).then_some(Value::Set(adopted))
        }
        (Value::Scalar(_), Value::Set(_)) | (Value::Set(_), Value::Scalar(_)) => None,
    }
}
