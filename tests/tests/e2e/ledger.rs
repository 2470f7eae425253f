//! What must come of what people did: the oracle of the stack's simulation.
//!
//! Every text that a person writes is written once, so that it can be told where it went. It must
//! end on both sides, unless someone replaced it who had seen it, or the journal keeps it as the
//! loser of a conflict.

use super::look::{self, Look};
use std::collections::{BTreeMap, BTreeSet};

/// Fields of which every value is written once.
const TRACKED: [&str; 6] = ["subject", "body", "location", "timing", "recurs", "reminder"];

/// What people did, by the number in the subject. A side is 0 or 1.
#[derive(Debug, Default)]
pub struct Ledger {
    items: BTreeMap<u64, Fate>,
}

#[derive(Debug, Default)]
struct Fate {
    /// What a side's people wrote and the other side hasn't been seen to hold.
    pending: BTreeMap<(String, usize), String>,
    /// Sides on which something else changed.
    touched: BTreeSet<usize>,
    /// Sides on which it was deleted.
    deleted: BTreeSet<usize>,
    /// Sides on which its pattern or its time was changed: the occurrences that the other side
    /// changed meanwhile may no longer exist.
    repeated: BTreeSet<usize>,
}

impl Ledger {
    /// A person made an event.
    pub fn created(&mut self, side: usize, look: &Look) {
        self.changed(side, &Look::new(), look);
    }

    /// An event that both sides have had since before the first run.
    pub fn shared(&mut self, look: &Look) {
        self.items.entry(numbered(look)).or_default();
    }

    /// A person changed an event; the fields that differ are what was written.
    pub fn changed(&mut self, side: usize, before: &Look, after: &Look) {
        let fate = self.items.entry(numbered(after)).or_default();
        for (field, value) in after {
            if before.get(field) == Some(value) || field == "categories" {
                continue;
            }
            if !is_tracked(field) {
                fate.touched.insert(side);
                continue;
            }
            fate.forget_seen(side, field, before);
            fate.pending.insert((field.clone(), side), value.clone());
        }
        for field in before.keys().filter(|field| !after.contains_key(*field)) {
            fate.forget_seen(side, field, before);
            fate.pending.remove(&(field.clone(), side));
            fate.touched.insert(side);
        }
        let differs = |field| before.get(field) != after.get(field);
        if before.get("recurs").is_some_and(|recurs| recurs != "once")
            && (differs("recurs") || differs("timing"))
        {
            fate.repeated.insert(side);
        }
    }

    /// A person deleted an event that looked like this.
    pub fn deleted(&mut self, side: usize, before: &Look) {
        let fate = self.items.entry(numbered(before)).or_default();
        for field in before.keys() {
            fate.forget_seen(side, field, before);
        }
        // An edit made to an item that its own author then deletes dies with it.
        fate.pending.retain(|(_, of), _| *of != side);
        fate.touched.remove(&side);
        fate.deleted.insert(side);
    }

    /// A run ended: what both sides hold has arrived.
    pub fn settle(&mut self, looks: &[Vec<Look>; 2]) {
        let [a, b] = looks.each_ref().map(|looks| by_number(looks));
        for (number, fate) in &mut self.items {
            let (Some(a), Some(b)) = (a.get(number), b.get(number)) else { continue };
            fate.pending.retain(|(field, _), value| {
                !(a.get(field) == Some(value) && b.get(field) == Some(value))
            });
            if a == b {
                let repeated = std::mem::take(&mut fate.repeated);
                fate.pending.retain(|(field, of), _| !is_excused(&repeated, field, *of));
                fate.touched.clear();
                fate.deleted.clear();
            }
        }
    }

    /// What is wrong now that everything is at rest.
    pub fn complaints(&self, looks: &[Vec<Look>; 2], kept: &BTreeSet<Look>) -> Vec<String> {
        let mut complaints = vec![];
        for (side, looks) in looks.iter().enumerate() {
            let mut seen = BTreeSet::new();
            for look in looks {
                match look::number(look) {
                    Some(number) if !self.items.contains_key(&number) => {
                        complaints.push(format!("nobody wrote #{number}"));
                    }
                    Some(number) if !seen.insert(number) => {
                        complaints.push(format!("#{number} stands twice on side {side}"));
                    }
                    Some(_) => {}
                    None => complaints.push(format!("nobody wrote {look:?}")),
                }
            }
        }
        if looks[0] != looks[1] {
            complaints.push(format!("the sides differ:\n{}", difference(looks)));
        }
        let there = by_number(&looks[0]);
        for (number, fate) in &self.items {
            let look = there.get(number).copied();
            complaints.extend(fate.complaints(*number, look, kept));
        }
        complaints
    }
}

impl Fate {
    /// What the other side's people wrote is no longer pending where this side had it in view.
    fn forget_seen(&mut self, side: usize, field: &str, before: &Look) {
        let other = (field.to_owned(), 1 - side);
        if self.pending.get(&other).is_some_and(|value| before.get(field) == Some(value)) {
            self.pending.remove(&other);
        }
    }

    fn complaints(&self, number: u64, look: Option<&Look>, kept: &BTreeSet<Look>) -> Vec<String> {
        let mut complaints = vec![];
        for ((field, side), value) in &self.pending {
            let stands = look.is_some_and(|look| look.get(field) == Some(value));
            let is_kept = kept
                .iter()
                .any(|kept| look::number(kept) == Some(number) && kept.get(field) == Some(value));
            if !stands && !is_kept && !is_excused(&self.repeated, field, *side) {
                complaints.push(format!("#{number}: {field} = {value:?} of side {side} is lost"));
            }
        }
        let edited_elsewhere = |side: &usize| {
            self.touched.contains(&(1 - side)) || self.pending.keys().any(|(_, of)| *of != *side)
        };
        if look.is_some() && !self.deleted.is_empty() && !self.deleted.iter().any(edited_elsewhere)
        {
            complaints.push(format!("#{number}: deleted on {:?} and still there", self.deleted));
        }
        if look.is_none() && self.deleted.is_empty() {
            complaints.push(format!("#{number}: gone, and nobody deleted it"));
        }
        complaints
    }
}

/// Where two sides differ, in lines.
pub fn difference(looks: &[Vec<Look>; 2]) -> String {
    let of = |side: usize| looks[side].iter().collect::<BTreeSet<_>>();
    let (a, b) = (of(0), of(1));
    let only = |name: &str, mine: &BTreeSet<&Look>, other: &BTreeSet<&Look>| {
        mine.difference(other).map(|look| format!("  only {name}: {look:?}\n")).collect::<String>()
    };
    only("a", &a, &b) + &only("b", &b, &a)
}

fn numbered(look: &Look) -> u64 {
    look::number(look).expect("every subject of these tests has a number")
}

/// Whether a side's change of an occurrence may have gone with the occurrence.
fn is_excused(repeated: &BTreeSet<usize>, field: &str, side: usize) -> bool {
    field.starts_with("on ") && repeated.contains(&(1 - side))
}

fn is_tracked(field: &str) -> bool {
    TRACKED.contains(&field) || field.starts_with("category ") || field.starts_with("on ")
}

fn by_number(looks: &[Look]) -> BTreeMap<u64, &Look> {
    looks.iter().filter_map(|look| Some((look::number(look)?, look))).collect()
}
