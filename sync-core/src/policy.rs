//! What the people who run a pair decided beforehand.

use crate::ids::{Field, ReplicaId};
use crate::journal::Op;
use crate::port::Capabilities;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How a pair is kept the same. Part of the journal, since decisions follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The replicas and what each can hold and promise. Two in the product; the laws hold for more.
    pub replicas: BTreeMap<ReplicaId, Capabilities>,
    /// Which replicas are written to.
    pub direction: Direction,
    /// What to do where two replicas changed the same field differently.
    pub conflicts: Conflicts,
    /// How many deletes and rewrites one run may send without being asked.
    pub brake: Brake,
}

/// Which replicas are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// All of them.
    TwoWay,
    /// All but this one. Edits elsewhere stay until this one changes the same field.
    From(ReplicaId),
}

/// What to do with conflicts, by field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// For fields that are not named.
    pub default: Rule,
    /// For the named fields.
    pub fields: BTreeMap<Field, Rule>,
}

/// What to do with a conflict. The losing value is always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// This replica's value wins.
    Prefer(ReplicaId),
    /// The value of the copy edited last wins, by the servers' clocks; `a` where they say nothing.
    Newest,
    /// The first replica's value wins, and the other copy lives on as an item of its own.
    KeepBoth,
    /// Nobody wins until a person decides; other fields go on.
    Hold,
}

/// The larger of a share and a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// Percent of the pair's links.
    pub percent: u32,
    /// Items.
    pub floor: u32,
    /// Whether deletes alone count, as where an item is much and its rewrite little: a folder.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletes_only: bool,
}

impl Brake {
    /// How many deletes and rewrites may go out for a pair of `links` links.
    pub fn limit(self, links: u64) -> u64 {
        u64::from(self.floor).max(links.saturating_mul(u64::from(self.percent)) / 100)
    }

    /// Whether `op` counts: it takes something away.
    pub fn counts(self, op: &Op) -> bool {
        match op {
            Op::Create { .. } => false,
            Op::Update { .. } => !self.deletes_only,
            Op::Delete { .. } => true,
        }
    }

    /// How many of these count.
    pub fn risky(self, updates: u64, deletes: u64) -> u64 {
        if self.deletes_only { deletes } else { updates.saturating_add(deletes) }
    }
}

impl Policy {
    /// Whether `replica` may be written to.
    pub fn writes_to(&self, replica: ReplicaId) -> bool {
        match self.direction {
            Direction::TwoWay => true,
            Direction::From(source) => replica != source,
        }
    }

    /// Whether `replica` can hold `field`.
    pub fn can_hold(&self, replica: ReplicaId, field: &Field) -> bool {
        self.replicas.get(&replica).is_some_and(|c| c.fields.contains(field))
    }

    /// Whether `replica` takes requests of their own for the elements of `field`.
    pub fn is_late(&self, replica: ReplicaId, field: &Field) -> bool {
        self.late(replica).any(|(late, _)| late == field)
    }

    /// The sets that writing any of `fields` to `replica` leaves empty.
    pub fn emptied_by<'a>(
        &'a self,
        replica: ReplicaId,
        fields: impl Fn(&Field) -> bool + 'a,
    ) -> impl Iterator<Item = &'a Field> {
        let emptied = move |by: &BTreeSet<Field>| by.iter().any(&fields);
        self.late(replica).filter(move |(_, by)| emptied(by)).map(|(late, _)| late)
    }

    fn late(&self, replica: ReplicaId) -> impl Iterator<Item = (&Field, &BTreeSet<Field>)> {
        self.replicas.get(&replica).into_iter().flat_map(|c| &c.late)
    }

    /// The rule for conflicts on `field`.
    pub fn rule(&self, field: &Field) -> Rule {
        self.conflicts.fields.get(field).copied().unwrap_or(self.conflicts.default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_brake_may_count_deletes_alone() {
        let all = Brake { percent: 0, floor: 1, deletes_only: false };
        let deletes = Brake { deletes_only: true, ..all };
        assert_eq!((all.risky(3, 2), deletes.risky(3, 2)), (5, 2));
        assert_eq!(serde_json::to_string(&all).ok().as_deref(), Some(r#"{"percent":0,"floor":1}"#));
        let text = r#"{"percent":0,"floor":1,"deletes_only":true}"#;
        assert_eq!(serde_json::from_str::<Brake>(text).ok(), Some(deletes));
    }
}
