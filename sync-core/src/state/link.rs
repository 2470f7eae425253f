//! How facts and decisions change one link.

use super::leg::is_unproven;
use super::{Base, Head, Leg, Link, Seen};
use crate::ids::{Digest, ElementKey, Field, ReplicaId};
use crate::journal::{
    Applied, Carry, Intent, NotApplied, Op, Outcome, Reason, Removal, Sight, Sighting,
};
use crate::plan;
use crate::value::{Fields, IdentityKey, Rendition, Value};
use std::collections::BTreeSet;

impl Link {
    /// Looks at the link again after a change of the configuration: what was refused or left alone
    /// may go now, and copies in folders that are no longer meant are no longer its copies. A store
    /// that holds links elsewhere does this to each of them.
    pub fn reconsider(&mut self, before: &Head, after: &Head) {
        if !matches!(self.held, Some(Reason::Unreadable { .. })) {
            self.held = None;
        }
        let legs = self.legs.len();
        let moved = |replica: ReplicaId| {
            let then = before.track(&self.collection, replica).folder;
            then.is_some() && then != after.track(&self.collection, replica).folder
        };
        if self.open.as_ref().is_some_and(|open| moved(open.intent.plan.replica)) {
            self.open = None;
        }
        self.legs.retain(|replica, _| !moved(*replica));
        if self.legs.len() < legs {
            // The rest meets whatever stands in the other folder for the first time.
            self.met = false;
            self.part();
            self.legs.values_mut().for_each(|leg| leg.base = None);
        }
        self.look(after);
    }

    /// Derives what follows from the rest of the link.
    pub(super) fn look(&mut self, head: &Head) {
        let gone = self.legs.values().all(|leg| matches!(leg.seen, Seen::Gone));
        let begins = self.legs.is_empty() && self.origin.is_some();
        self.buried = gone && self.open.is_none() && !begins;
        // What is no longer configured rests.
        let configured = head.policy.is_none() || head.collections.contains_key(&self.collection);
        self.attention = configured && plan::wants_attention(self, head.policy.as_ref());
    }

    /// Forgets what was between its copies.
    fn part(&mut self) {
        self.disputes.clear();
        self.carrying.clear();
        self.twin = None;
    }

    pub(super) fn sight(&mut self, replica: ReplicaId, epoch: u64, sighting: &Sighting) {
        match &sighting.sight {
            Sight::Present { rendition, stamped } => {
                self.rise();
                self.adopt_part(replica, rendition);
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
            self.origin = None;
            self.part();
            self.held = None;
            self.legs.clear();
        }
    }

    /// Elements that a write left behind which came to nothing as a whole are what all had when it
    /// was sent.
    fn adopt_part(&mut self, replica: ReplicaId, now: &Rendition) {
        let Some(leg) = self.legs.get_mut(&replica) else { return };
        for (field, elements) in leg.arrived(now) {
            self.legs.values_mut().for_each(|leg| leg.rebase_elements(&field, &elements));
        }
    }

    pub(super) fn agree(&mut self, fields: &BTreeSet<Field>) {
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

    pub(super) fn settle(&mut self, intent: &Intent, outcome: &Outcome, epoch: u64) {
        let replica = intent.plan.replica;
        if let (Some(leg), Outcome::NotApplied(_)) = (self.legs.get_mut(&replica), outcome) {
            for (field, carry) in &intent.plan.carries {
                leg.may_hold(field, carry);
            }
        }
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
            Outcome::NotApplied(NotApplied::Lost) => {
                // A part of it may have arrived.
                let is_late = |carry: &Carry| matches!(carry, Carry::Elements { late: true, .. });
                if let Some(leg) = self.legs.get_mut(&replica)
                    && intent.plan.carries.values().any(is_late)
                {
                    leg.seen = Seen::Unread;
                }
            }
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
                    fixed: BTreeSet::new(),
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
        for (field, carry) in &intent.plan.carries {
            if *carry == Carry::Emptied {
                self.empty(field, target);
            }
        }
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
                Carry::Whole { from: None, .. } | Carry::Emptied => {}
                Carry::Elements { put, drop, .. } => {
                    let keys = put.keys().chain(drop);
                    self.carrying.remove(field);
                    keys.for_each(|key| self.rebase_element(field, key, target));
                    self.rebase_set(field);
                }
            }
        }
        if let Some(leg) = self.legs.get_mut(&target) {
            leg.proven(applied);
            leg.doubt(intent, applied);
        }
        let created = matches!(intent.plan.op, Op::Create { .. });
        self.disputes.retain(|d| match &d.field {
            // The winner's value may have more copies to go to.
            Some(field) => {
                let carry = intent.plan.carries.get(field);
                // Nor is it over where the winner's may not have been taken.
                let is_over = |carry: &Carry| d.concerns(carry) && !is_unproven(carry, applied);
                !carry.is_some_and(is_over) || self.carrying.contains_key(field)
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
                    // What can't hold the field lacks nothing; what is gone is to come back with it.
                    None => !matches!(leg.seen, Seen::Gone),
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
        let held: Vec<Option<Digest>> = self
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

    /// The copy holds nothing of a set any more, and all that the others hold of it is to come. What a
    /// fork is to hold stands in its origin alone, until it has a past.
    fn empty(&mut self, field: &Field, target: ReplicaId) {
        let is_known = self.origin.is_none() || self.legs.values().any(|leg| leg.has_base(field));
        self.carrying.remove(field);
        for (replica, leg) in &mut self.legs {
            leg.restart_set(field, is_known, *replica == target);
        }
    }

    /// A set that is the same everywhere now has its past from here on: were it agreed on only at the
    /// next look, what somebody takes away until then would come back.
    fn rebase_set(&mut self, field: &Field) {
        let holds = |leg: &Leg| leg.rendition()?.fields.get(field).cloned();
        let held: Vec<Value> = self.legs.values().filter_map(holds).collect();
        if !held.windows(2).all(|pair| pair[0].same_meaning(&pair[1])) {
            return;
        }
        for leg in self.legs.values_mut() {
            let Some(value) = holds(leg) else { continue };
            let base = leg.base.get_or_insert_with(Base::default);
            let then = base.fields.get(field);
            if !then.is_some_and(|then| then.same_meaning(&value)) {
                base.fields.insert(field.clone(), value);
            }
        }
    }

    fn shared_identity(&self) -> Vec<IdentityKey> {
        self.identity().into_iter().cloned().collect()
    }

    fn normaliser(&self) -> u16 {
        let seen = self.legs.values().filter_map(Leg::rendition);
        seen.chain(&self.origin).map(|r| r.normaliser).max().unwrap_or_default()
    }
}
