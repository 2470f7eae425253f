//! What a decision takes away although nobody gave it up: it goes on record as a conflict.

use super::lane::{Holder, Lane};
use crate::ids::{ElementKey, ReplicaId};
use crate::journal::{Carry, ConflictKind, Conflicted};
use crate::policy::Rule;
use crate::state::Leg;
use crate::value::{Print, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Elements that the copy in `loser` gives up with `carry` since another copy didn't keep them when
/// they were put there: a new pattern has no such date, or the occurrence was deleted meanwhile. What
/// `recorded` keeps already isn't told again.
pub(super) fn untaken(
    lane: &Lane<'_>,
    loser: ReplicaId,
    carry: &Carry,
    recorded: &[Conflicted],
) -> Option<Conflicted> {
    let Carry::Elements { put, drop, .. } = carry else { return None };
    let held = elements(lane, loser)?;
    let kept = kept(lane, loser, recorded);
    let mut keys = BTreeSet::new();
    let mut winner = None;
    for key in put.keys().chain(drop) {
        let Some(print) = held.get(key) else { continue };
        let refuses = |(replica, leg, _, now): &&Holder<'_>| {
            let put = based(lane, leg, key).filter(|put| put.own.is_none());
            *replica != loser
                && lane.policy.is_late(*replica, lane.field)
                && same(put, print)
                && !same(now.element(key), print)
        };
        let refusing = lane.holders.iter().find(refuses).map(|(replica, ..)| *replica);
        if refusing.is_some() && !is_in(&kept, key, print) {
            winner = refusing;
            keys.insert(key.clone());
        }
    }
    record(lane, winner?, &keys)
}

/// Elements that a write to `loser` takes away with the rest of their set, that somebody changed
/// there, and that no other copy has. What `recorded` keeps already isn't told again.
pub(super) fn emptied(
    lane: &Lane<'_>,
    loser: ReplicaId,
    recorded: &[Conflicted],
) -> Option<Conflicted> {
    let (_, leg, ..) = lane.holders.iter().find(|(holder, ..)| *holder == loser)?;
    let held = elements(lane, loser)?;
    let kept = kept(lane, loser, recorded);
    let mut elsewhere: Vec<&Value> =
        lane.holders.iter().filter(|(holder, ..)| *holder != loser).map(|h| h.3).collect();
    let origin = lane.link.origin.as_ref();
    elsewhere.extend(origin.and_then(|origin| origin.fields.get(lane.field)));
    let is_lost = |(key, print): &(&ElementKey, &Print)| {
        !same(based(lane, leg, key), print)
            && !is_in(&elsewhere, key, print)
            && !is_in(&kept, key, print)
    };
    let keys = held.iter().filter(is_lost).map(|(key, _)| key.clone()).collect();
    let mut present = lane.link.legs.iter().filter(|(_, leg)| leg.rendition().is_some());
    let winner = present.find(|(other, _)| **other != loser)?.0;
    record(lane, *winner, &keys)
}

/// What conflicts keep of the copy in `loser`.
fn kept<'a>(lane: &Lane<'a>, loser: ReplicaId, recorded: &'a [Conflicted]) -> Vec<&'a Value> {
    let recorded = recorded.iter().filter(|conflict| conflict.field.as_ref() == Some(lane.field));
    let recorded = recorded.filter_map(|c| c.sides.get(&loser)?.as_ref()?.value.as_ref());
    recorded.chain(lane.disputes().filter_map(|d| d.sides.get(&loser)?.as_ref())).collect()
}

fn is_in(values: &[&Value], key: &ElementKey, print: &Print) -> bool {
    values.iter().any(|value| same(value.element(key), print))
}

fn same(element: Option<&Print>, print: &Print) -> bool {
    element.is_some_and(|element| element.meaning == print.meaning)
}

/// A conflict about `keys` that `winner` has won, unless it is about nothing.
fn record(lane: &Lane<'_>, winner: ReplicaId, keys: &BTreeSet<ElementKey>) -> Option<Conflicted> {
    let mut sides = lane.sides(|_| true, Some(keys));
    let winning = lane.link.legs.get(&winner).and_then(Leg::rendition);
    sides.entry(winner).or_insert_with(|| lane.side(winning?, &Value::Set(BTreeMap::new()), None));
    (!keys.is_empty()).then(|| Conflicted {
        kind: ConflictKind::Edit,
        ..lane.conflict(sides, Some(winner), Rule::Prefer(winner))
    })
}

fn elements<'a>(lane: &Lane<'a>, replica: ReplicaId) -> Option<&'a BTreeMap<ElementKey, Print>> {
    match lane.holders.iter().find(|(holder, ..)| *holder == replica)?.3 {
        Value::Set(elements) => Some(elements),
        Value::Scalar(_) => None,
    }
}

/// The element as it was when all were the same.
fn based<'a>(lane: &Lane<'a>, leg: &'a Leg, key: &ElementKey) -> Option<&'a Print> {
    leg.base.as_ref()?.fields.get(lane.field)?.element(key)
}
