//! Creates, updates and deletes, each stamped in the same request.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::late::Late;
use crate::map::time;
use crate::map::{event, location};
use crate::stamp::Own;
use crate::target::{Target, id};
use items::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp, Written};

impl GraphRemote {
    /// Performs writes; one result per write.
    pub(crate) async fn write_events(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        let mut results: BTreeMap<usize, Result<Written, Failure>> = BTreeMap::new();
        for (at, write) in writes.iter().enumerate() {
            if let Some(late) = Late::of(write) {
                results.insert(at, self.write_late(&late, &write.stamp).await);
            }
        }
        let open: Vec<usize> = (0..writes.len()).filter(|at| !results.contains_key(at)).collect();
        let mut targets = self.targets(writes, &open).await;
        let (mut steps, mut sent, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for at in open {
            let target = match targets.remove(&at).transpose() {
                Ok(target) => target,
                Err(fault) => {
                    unread.push((at, fault));
                    continue;
                }
            };
            if let Some(outcome) = target.as_ref().and_then(|t| self.unsent(&writes[at], t)) {
                results.insert(at, outcome);
                continue;
            }
            let step = self.step(&writes[at], target.as_ref());
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

    /// What became of an update of which Graph would take nothing; `None` for all others.
    fn unsent(&self, write: &Write, target: &Target) -> Option<Result<Written, Failure>> {
        let WriteOp::Update { id, if_match, patch } = &write.op else { return None };
        if !self.is_moot(&unseal(patch).ok()?, target) {
            return None;
        }
        let version = target.version.clone();
        Some(match if_match.is_none() || *if_match == version {
            true => Ok(Written { id: id.clone(), version }),
            false => {
                let detail = "the event was changed since it was read";
                Err(Failure::Stale(Trouble::new("changed-since", detail)))
            }
        })
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
                let mut body = self.body(write, event, None)?;
                body["transactionId"] = json!(write.stamp.key.as_str());
                Ok(Step::post(links.events(folder), body))
            }
            WriteOp::Update { id, if_match, patch } => {
                let patch = unseal(patch)?;
                if let Some(target) = target {
                    self.check_change(target, &patch)?;
                }
                let body = self.body(write, complete(patch, target)?, target)?;
                Ok(Step::patch(links.event(folder, id.as_str()), body, condition(if_match)))
            }
            WriteOp::Delete { id, if_match } => {
                if let Some(target) = target {
                    self.check_mail(target.native)?;
                }
                Ok(Step::delete(links.event(folder, id.as_str()), condition(if_match)))
            }
        }
    }

    /// The body that says what `event` holds, with the stamp of `write`.
    fn body(
        &self,
        write: &Write,
        mut event: Event,
        target: Option<&Target>,
    ) -> Result<Value, Failure> {
        let mut with_people = serde_json::Map::new();
        let people = self.put_people(&mut event, target, &mut with_people);
        let mut members = event::write(&event).map_err(Failure::Permanent)?;
        members.extend(with_people);
        match target {
            Some(target) => location::keep(&mut members, &target.locations),
            None => members.retain(|_, value| !value.is_null()),
        }
        let uid = event.uid.as_deref().filter(|_| target.is_none());
        let own = Own { uid, people: people.as_deref() };
        let mut body = Value::Object(members);
        body["singleValueExtendedProperties"] = self.properties.write(&write.stamp, &own);
        Ok(body)
    }
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
    match id(write) {
        Some(id) => Ok(Written { id: id.clone(), version }),
        None => match body["id"].as_str() {
            Some(id) => Ok(Written { id: RemoteId::from(id), version }),
            None => Err(Fault::Garbled("a new event without an id".to_owned()).failure(effect)),
        },
    }
}
