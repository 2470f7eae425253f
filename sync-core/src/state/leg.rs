//! How facts and decisions change one copy.

use super::{Base, Elements, Leg, Seen};
use crate::ids::{ElementKey, Field, RemoteId};
use crate::journal::{Applied, Carry, Intent, Proof};
use crate::port::Stamp;
use crate::value::{Fields, Rendition, Value};
use std::collections::{BTreeMap, BTreeSet};

impl Leg {
    pub(super) fn unread(id: &RemoteId) -> Self {
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
            partly: BTreeMap::new(),
            owed: BTreeMap::new(),
            unproven: BTreeSet::new(),
        }
    }

    pub(super) fn found(id: &RemoteId, rendition: &Rendition, stamped: Option<Stamp>) -> Self {
        let mut leg = Self::unread(id);
        leg.version.clone_from(&rendition.version);
        leg.seen = Seen::Present(rendition.clone());
        leg.stamped = stamped;
        leg
    }

    /// Takes in what was read; says whether that differs from what was known.
    pub(super) fn read(&mut self, id: &RemoteId, now: &Rendition) -> bool {
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
                    if then.is_some()
                        && seen.is_none()
                        && now.version.is_some()
                        && now.version == self.wrote
                    {
                        base.fields.insert(field.clone(), value.clone());
                    }
                    continue;
                };
                let settled = same_version
                    && !self.unproven.contains(field)
                    && seen.is_some_and(|seen| old.unchanged(seen));
                if settled {
                    base.fields.insert(field.clone(), value.clone());
                } else if let Some(adopted) = adopt(old, value) {
                    base.fields.insert(field.clone(), adopted);
                }
            }
        }
        let differs = |t: &Rendition| t.fields != now.fields || t.fixed != now.fixed;
        let changed = self.id != *id || then.is_none_or(differs);
        self.id = id.clone();
        self.version.clone_from(&now.version);
        self.wrote = None;
        self.unproven.clear();
        changed
    }

    /// Remembers the elements of a write that may have come to a part.
    pub(super) fn may_hold(&mut self, field: &Field, carry: &Carry) {
        let Carry::Elements { put, drop, .. } = carry else { return };
        let elements = self.partly.entry(field.clone()).or_default();
        elements.extend(drop.iter().map(|key| (key.clone(), None)));
        let put = put.iter().map(|(key, element)| (key.clone(), Some(element.print.elsewhere())));
        elements.extend(put);
    }

    /// What of such writes is found in `now`: those elements are ours.
    pub(super) fn arrived(&mut self, now: &Rendition) -> BTreeMap<Field, Elements> {
        let mut partly = std::mem::take(&mut self.partly);
        for (field, elements) in &mut partly {
            let Some(Value::Set(now)) = now.fields.get(field) else {
                elements.clear();
                continue;
            };
            elements.retain(|key, sent| match (sent, now.get(key)) {
                (Some(sent), Some(found)) => sent.meaning == found.meaning,
                (sent, found) => sent.is_none() && found.is_none(),
            });
        }
        partly
    }

    /// Puts elements into the past of a set that has one.
    pub(super) fn rebase_elements(&mut self, field: &Field, elements: &Elements) {
        let base = self.base.as_mut().and_then(|base| base.fields.get_mut(field));
        let Some(Value::Set(base)) = base else { return };
        for (key, print) in elements {
            match print {
                Some(print) => drop(base.insert(key.clone(), *print)),
                None => drop(base.remove(key)),
            }
        }
    }

    pub(super) fn rebase_element(&mut self, field: &Field, key: &ElementKey) {
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

    /// Begins the past of a set anew: as empty, or as unknown. What the copy held may still be there
    /// where it was to be emptied; what it holds is owed to the one that was.
    pub(super) fn restart_set(&mut self, field: &Field, is_known: bool, is_emptied: bool) {
        let held = match self.rendition().and_then(|rendition| rendition.fields.get(field)) {
            Some(Value::Set(held)) => held.clone(),
            Some(Value::Scalar(_)) | None => BTreeMap::new(),
        };
        self.partly.remove(field);
        self.owed.remove(field);
        if is_emptied {
            let left = held.into_iter().map(|(key, print)| (key, Some(print.elsewhere())));
            self.partly.insert(field.clone(), left.collect());
        } else {
            self.owed.insert(field.clone(), held);
        }
        let base = self.base.get_or_insert_with(Base::default);
        match is_known {
            true => drop(base.fields.insert(field.clone(), Value::Set(BTreeMap::new()))),
            false => drop(base.fields.remove(field)),
        }
    }

    /// Takes in what was written to this copy.
    pub(super) fn written(&mut self, field: &Field, carry: &Carry) {
        self.forget_part(field, carry);
        let base = self.base.get_or_insert_with(Base::default);
        match carry {
            // The link says what is known of it from here on.
            Carry::Emptied => {}
            // A part of a set makes no base where there was none, but for what may not have been
            // taken: that isn't put again.
            Carry::Elements { late: false, .. } if !base.fields.contains_key(field) => {}
            Carry::Whole { .. } | Carry::Elements { .. } => {
                write_value(&mut base.fields, field, carry);
            }
        }
        if let Seen::Present(rendition) = &mut self.seen {
            write_value(&mut rendition.fields, field, carry);
        }
    }

    /// What a whole write brought or took away is proven by it.
    fn forget_part(&mut self, field: &Field, carry: &Carry) {
        match carry {
            Carry::Elements { put, drop, late } => {
                if let Some(elements) = self.partly.get_mut(field) {
                    elements.retain(|key, _| !put.contains_key(key) && !drop.contains(key));
                }
                if *late {
                    self.unproven.insert(field.clone());
                }
            }
            Carry::Whole { .. } => drop(self.partly.remove(field)),
            Carry::Emptied => {}
        }
    }

    pub(super) fn proven(&mut self, applied: &Applied) {
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

    /// Nothing follows from what may not have been taken before it is read.
    pub(super) fn doubt(&mut self, intent: &Intent, applied: &Applied) {
        if intent.plan.carries.values().any(|carry| is_unproven(carry, applied)) {
            self.seen = Seen::Unread;
        }
    }
}

/// Whether the copy may hold less than was put: its late set was written, and no version tells.
pub(super) fn is_unproven(carry: &Carry, applied: &Applied) -> bool {
    let is_late = matches!(carry, Carry::Elements { late: true, .. });
    let has_version = match &applied.proof {
        Proof::Answered { version, .. } => version.is_some(),
        Proof::Stamp => false,
        Proof::StampInTrash => true,
    };
    is_late && !has_version
}

fn write_value(fields: &mut Fields, field: &Field, carry: &Carry) {
    match carry {
        Carry::Whole { value, .. } => {
            fields.insert(field.clone(), value.elsewhere());
        }
        Carry::Emptied => {
            fields.insert(field.clone(), Value::Set(BTreeMap::new()));
        }
        Carry::Elements { put, drop, .. } => {
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
