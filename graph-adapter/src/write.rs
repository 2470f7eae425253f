//! Creates, updates and deletes, each stamped in the same request.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::map::event::{self, Kind, has_attendees};
use crate::map::time;
use chrono::NaiveDate;
use items::field::Name;
use items::{Event, Occurrence};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp, Written};

/// What is asked for of an event that is to be changed: whom that would mail, and what it must keep
/// together.
const SELECT_TARGET: &str = "id,type,attendees,start,end,isAllDay,originalStartTimeZone,\
    originalEndTimeZone,recurrence";

/// A write of what differs in the occurrences of a series, which takes requests of its own.
pub(crate) struct Occurrences<'a> {
    /// The calendar.
    pub folder: &'a FolderId,
    /// The master.
    pub id: &'a RemoteId,
    /// The version that must still stand.
    pub if_match: Option<&'a Version>,
    /// What is to stand.
    pub wanted: BTreeMap<NaiveDate, Occurrence>,
}

/// What is to be changed or deleted, as it stands.
struct Target {
    version: Option<Version>,
    /// Its timing and recurrence, which are valid only together; or why they can't be read.
    event: Result<Event, Trouble>,
}

impl GraphRemote {
    /// Performs writes; one result per write.
    pub(crate) async fn write_events(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        let mut results: BTreeMap<usize, Result<Written, Failure>> = BTreeMap::new();
        for (at, write) in writes.iter().enumerate() {
            if let Some(occurrences) = occurrences(write) {
                results.insert(at, self.write_occurrences(&occurrences, &write.stamp).await);
            }
        }
        let mut targets = self.targets(writes, &mut results).await;
        let (mut steps, mut sent, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for (at, write) in writes.iter().enumerate() {
            if results.contains_key(&at) {
                continue;
            }
            let step = match targets.remove(&at).transpose() {
                Ok(target) => self.step(write, target.as_ref()),
                Err(fault) => {
                    unread.push((at, fault));
                    continue;
                }
            };
            match step {
                Ok(step) => {
                    steps.push(step);
                    sent.push(at);
                }
                Err(failure) => {
                    results.insert(at, Err(failure));
                }
            }
        }
        let replies = self.graph.batch(&steps).await;
        let others_are = results.values().any(Result::is_ok) || replies.iter().any(Result::is_ok);
        for (at, fault) in unread {
            let fault = fault.where_others_are_served(others_are);
            results.insert(at, Err(fault.failure(Effect::Read)));
        }
        for (at, reply) in sent.into_iter().zip(replies) {
            let reply = reply.map_err(|fault| fault.where_others_are_served(others_are));
            results.insert(at, written(&writes[at], reply));
        }
        results.into_values().collect()
    }

    /// Looks at what is to be changed or deleted, by position.
    ///
    /// Graph mails the attendees of a meeting on any change of it, and has no switch for that: so
    /// meetings are left alone, which `results` then say.
    async fn targets(
        &self,
        writes: &[Write],
        results: &mut BTreeMap<usize, Result<Written, Failure>>,
    ) -> BTreeMap<usize, Result<Target, Fault>> {
        let mut replies = self.read_targets(writes, results).await;
        // The attendees of an exception are mailed, too (MS docs: event-update).
        let mut masters: BTreeMap<&FolderId, (Vec<usize>, Vec<RemoteId>)> = BTreeMap::new();
        for (at, reply) in &replies {
            let is_master = reply.as_ref().is_ok_and(|v| event::kind(v) == Kind::Master);
            if let Some(id) = target(&writes[*at]).filter(|_| is_master) {
                let (positions, ids) = masters.entry(&writes[*at].folder).or_default();
                positions.push(*at);
                ids.push(id.clone());
            }
        }
        for (folder, (positions, ids)) in masters {
            replies.extend(positions.into_iter().zip(self.read_masters(folder, &ids).await));
        }
        let mut targets = BTreeMap::new();
        for (at, reply) in replies {
            match reply {
                Ok(value) if is_meeting(&value) => {
                    results.insert(at, Err(protected()));
                }
                Ok(value) => {
                    let event = event::read(&value, &self.properties).map(|read| read.event);
                    targets.insert(at, Ok(Target { version: event::version(&value), event }));
                }
                Err(fault) => {
                    targets.insert(at, Err(fault));
                }
            }
        }
        targets
    }

    async fn read_targets(
        &self,
        writes: &[Write],
        results: &BTreeMap<usize, Result<Written, Failure>>,
    ) -> BTreeMap<usize, Reply> {
        let open = writes.iter().enumerate().filter(|(at, _)| !results.contains_key(at));
        let (positions, steps): (Vec<usize>, Vec<Step>) = open
            .filter_map(|(at, write)| {
                let event = self.graph.links.event(write.folder.as_str(), target(write)?.as_str());
                Some((at, Step::get(format!("{event}?$select={SELECT_TARGET}"))))
            })
            .unzip();
        positions.into_iter().zip(self.read_steps(&steps).await).collect()
    }

    /// The request for a write. It is always conditional: on the version that the caller expects,
    /// or else on the one just looked at.
    fn step(&self, write: &Write, target: Option<&Target>) -> Result<Step, Failure> {
        let links = &self.graph.links;
        let folder = write.folder.as_str();
        let condition = |expected: &Option<Version>| {
            let seen = || target?.version.clone();
            expected.clone().or_else(seen).map(|version| version.0)
        };
        match &write.op {
            WriteOp::Create { content } => {
                let event = unseal(content)?;
                if event.timing.is_none() {
                    return Err(Failure::Permanent(time::no_timing()));
                }
                let mut members = event::write(&event).map_err(Failure::Permanent)?;
                members.retain(|_, value| !value.is_null());
                let mut body = Value::Object(members);
                body["transactionId"] = json!(write.stamp.key.as_str());
                body["singleValueExtendedProperties"] =
                    self.properties.write(&write.stamp, event.uid.as_deref());
                Ok(Step::post(links.events(folder), body))
            }
            WriteOp::Update { id, if_match, patch } => {
                let patch = complete(unseal(patch)?, target)?;
                let mut body = Value::Object(event::write(&patch).map_err(Failure::Permanent)?);
                body["singleValueExtendedProperties"] = self.properties.write(&write.stamp, None);
                Ok(Step::patch(links.event(folder, id.as_str()), body, condition(if_match)))
            }
            WriteOp::Delete { id, if_match } => {
                Ok(Step::delete(links.event(folder, id.as_str()), condition(if_match)))
            }
        }
    }
}

/// The occurrences that a write holds, if it is one of them.
fn occurrences(write: &Write) -> Option<Occurrences<'_>> {
    let WriteOp::Update { id, if_match, patch } = &write.op else { return None };
    let patch = Event::from_canonical(patch).ok()?;
    let is_alone = patch.present_fields() == BTreeSet::from([Name::Occurrences.field()]);
    let wanted = patch.occurrences.filter(|_| is_alone)?;
    Some(Occurrences { folder: &write.folder, id, if_match: if_match.as_ref(), wanted })
}

/// Adds to a patch of the timing or the recurrence of a series the other one: the first date of the
/// range is the date of the start (MS docs: recurrenceRange).
fn complete(mut patch: Event, target: Option<&Target>) -> Result<Event, Failure> {
    let Some(target) = target.filter(|_| patch.timing.is_some() || patch.recurrence.is_some())
    else {
        return Ok(patch);
    };
    match &target.event {
        Ok(standing) => {
            let stays_single = patch.recurrence.is_none() && !standing.is_series();
            if patch.timing.is_none() && patch.is_series() {
                patch.timing.clone_from(&standing.timing);
            }
            if !stays_single {
                patch.recurrence = patch.recurrence.or_else(|| standing.recurrence.clone());
            }
            Ok(patch)
        }
        Err(_) if patch.timing.is_some() && patch.recurrence.is_some() => Ok(patch),
        Err(trouble) => Err(Failure::Permanent(trouble.clone())),
    }
}

/// The item that is to be changed or deleted.
fn target(write: &Write) -> Option<&RemoteId> {
    match &write.op {
        WriteOp::Create { .. } => None,
        WriteOp::Update { id, .. } | WriteOp::Delete { id, .. } => Some(id),
    }
}

/// Whether a change of an event would be mailed: to its attendees, or to those of an exception.
pub(crate) fn is_meeting(event: &Value) -> bool {
    let exceptions = event[event::EXPAND_MASTER].as_array();
    has_attendees(event) || exceptions.into_iter().flatten().any(has_attendees)
}

pub(crate) fn protected() -> Failure {
    permanent(
        "meeting-protected",
        "the event is a meeting, and Graph would mail its attendees: it is left as it is",
    )
}

pub(crate) fn permanent(code: &str, detail: &str) -> Failure {
    Failure::Permanent(Trouble::new(code, detail))
}

fn unseal(content: &[u8]) -> Result<Event, Failure> {
    Event::from_canonical(content)
        .map_err(|error| permanent("malformed-content", &error.to_string()))
}

fn written(write: &Write, reply: Reply) -> Result<Written, Failure> {
    let effect = match &write.op {
        WriteOp::Create { .. } => Effect::Create,
        WriteOp::Update { .. } | WriteOp::Delete { .. } => Effect::Change,
    };
    let body = reply.map_err(|fault| fault.failure(effect))?;
    let version = event::version(&body);
    match target(write) {
        Some(id) => Ok(Written { id: id.clone(), version }),
        None => match body["id"].as_str() {
            Some(id) => Ok(Written { id: RemoteId::from(id), version }),
            None => Err(Fault::Garbled("a new event without an id".to_owned()).failure(effect)),
        },
    }
}
