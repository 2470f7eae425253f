//! Creates, updates and deletes, each stamped in the same request.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::map::event;
use items::Event;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp, Written};

impl GraphRemote {
    /// Performs writes; one result per write.
    pub(crate) async fn write_events(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        let mut results: BTreeMap<usize, Result<Written, Failure>> = BTreeMap::new();
        let versions = self.versions(writes, &mut results).await;
        let mut steps = Vec::new();
        let mut sent = Vec::new();
        for (at, write) in writes.iter().enumerate() {
            if results.contains_key(&at) {
                continue;
            }
            match self.step(write, versions.get(&at)) {
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
        results
            .extend(sent.iter().copied().zip(replies).map(|(at, r)| (at, written(&writes[at], r))));
        results.into_values().collect()
    }

    /// Looks at what is to be changed or deleted, and gives the versions found by position.
    ///
    /// Graph mails the attendees of a meeting on any change of it, and has no switch for that: so
    /// meetings are left alone. What can't be written has its result in `results`.
    async fn versions(
        &self,
        writes: &[Write],
        results: &mut BTreeMap<usize, Result<Written, Failure>>,
    ) -> BTreeMap<usize, String> {
        let (positions, steps): (Vec<usize>, Vec<Step>) = writes
            .iter()
            .enumerate()
            .filter_map(|(at, write)| {
                let event = self.graph.links.event(write.folder.as_str(), target(write)?.as_str());
                Some((at, Step::get(format!("{event}?$select=id,attendees"))))
            })
            .unzip();
        let mut versions = BTreeMap::new();
        for (at, reply) in positions.into_iter().zip(self.read_steps(&steps).await) {
            match reply {
                Ok(value) if has_attendees(&value) => {
                    results.insert(at, Err(protected()));
                }
                Ok(value) => versions.extend(event::version(&value).map(|v| (at, v.0))),
                Err(fault) => {
                    results.insert(at, Err(fault.failure(Effect::Read)));
                }
            }
        }
        versions
    }

    /// The request for a write. It is always conditional: on the version that the caller expects,
    /// or else on the one just looked at.
    fn step(&self, write: &Write, seen: Option<&String>) -> Result<Step, Failure> {
        let links = &self.graph.links;
        let folder = write.folder.as_str();
        let condition =
            |expected: &Option<Version>| expected.as_ref().map(|v| v.0.clone()).or(seen.cloned());
        match &write.op {
            WriteOp::Create { content } => {
                let event = unseal(content)?;
                if event.timing.is_none() {
                    let detail = "an event without start and end can't be made";
                    return Err(Failure::Permanent(Trouble::new("no-timing", detail)));
                }
                let mut body = Value::Object(event::write(&event));
                body["transactionId"] = json!(write.stamp.key.as_str());
                body["singleValueExtendedProperties"] =
                    self.properties.write(&write.stamp, event.uid.as_deref());
                Ok(Step::post(links.events(folder), body))
            }
            WriteOp::Update { id, if_match, patch } => {
                let mut body = Value::Object(event::write(&unseal(patch)?));
                body["singleValueExtendedProperties"] = self.properties.write(&write.stamp, None);
                Ok(Step::patch(links.event(folder, id.as_str()), body, condition(if_match)))
            }
            WriteOp::Delete { id, if_match } => {
                Ok(Step::delete(links.event(folder, id.as_str()), condition(if_match)))
            }
        }
    }
}

/// The item that is to be changed or deleted.
fn target(write: &Write) -> Option<&RemoteId> {
    match &write.op {
        WriteOp::Create { .. } => None,
        WriteOp::Update { id, .. } | WriteOp::Delete { id, .. } => Some(id),
    }
}

fn has_attendees(event: &Value) -> bool {
    event["attendees"].as_array().is_some_and(|attendees| !attendees.is_empty())
}

fn protected() -> Failure {
    Failure::Permanent(Trouble::new(
        "meeting-protected",
        "the event is a meeting, and Graph would mail its attendees: it is left as it is",
    ))
}

fn unseal(content: &[u8]) -> Result<Event, Failure> {
    Event::from_canonical(content)
        .map_err(|e| Failure::Permanent(Trouble::new("malformed-content", e.to_string())))
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
