//! Finding out by stamp what became of writes.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::stamp::Property;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use sync_core::ids::RemoteId;
use sync_core::port::{Failure, Place, Probe, Probed, Stamp, Target};

impl GraphRemote {
    /// Answers probes: first where the item should be, then in the trash for those not found.
    pub(crate) async fn probe_events(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
        let steps: Vec<Step> = probes.iter().map(|probe| self.in_folder(probe)).collect();
        let mut answers: BTreeMap<usize, Probed> = BTreeMap::new();
        let (mut open, mut searches) = (Vec::new(), Vec::new());
        for (at, reply) in self.read_steps(&steps).await.into_iter().enumerate() {
            match self.answer(&probes[at], reply, Place::Folder)? {
                Some(answer) => {
                    answers.insert(at, answer);
                }
                None => {
                    open.push(at);
                    searches.push(self.in_trash(&probes[at]));
                }
            }
        }
        for (at, reply) in open.into_iter().zip(self.read_steps(&searches).await) {
            let answer = self.answer(&probes[at], reply, Place::Trash)?;
            answers.insert(at, answer.unwrap_or(Probed::NotApplied));
        }
        Ok(answers.into_values().collect())
    }

    fn in_folder(&self, probe: &Probe) -> Step {
        let links = &self.graph.links;
        let folder = probe.folder.as_str();
        Step::get(match &probe.target {
            Target::Create => self.search(&links.events(folder), &probe.stamp),
            Target::Update(id) => self.stamped(&links.event(folder, id.as_str())),
            Target::Delete(id) => format!("{}?$select=id", links.event(folder, id.as_str())),
        })
    }

    /// Only creates and updates have a second look: an event that is not in its folder is deleted.
    fn in_trash(&self, probe: &Probe) -> Step {
        let links = &self.graph.links;
        Step::get(match &probe.target {
            Target::Create => self.search(&links.trash(), &probe.stamp),
            Target::Update(id) | Target::Delete(id) => {
                self.stamped(&links.event_anywhere(id.as_str()))
            }
        })
    }

    fn search(&self, collection: &str, stamp: &Stamp) -> String {
        format!("{collection}?$filter={}&$select=id", self.properties.filter(stamp))
    }

    fn stamped(&self, event: &str) -> String {
        format!("{event}?$select=id&$expand={}", self.properties.expand())
    }

    /// What a reply says; nothing where the item was not found at that place.
    fn answer(&self, probe: &Probe, reply: Reply, place: Place) -> Result<Option<Probed>, Failure> {
        let value = match reply {
            Ok(value) => value,
            Err(fault) => return not_found(probe, fault, place),
        };
        Ok(match &probe.target {
            Target::Create => {
                let found = value["value"].as_array().and_then(|found| found.first());
                let id = found.and_then(|found| found["id"].as_str()).map(RemoteId::from);
                id.map(|id| Probed::Applied { id, place })
            }
            Target::Update(id) => Some(if self.stamp_of(&value).as_ref() == Some(&probe.stamp) {
                Probed::Applied { id: id.clone(), place }
            } else {
                Probed::NotApplied
            }),
            Target::Delete(_) => Some(Probed::NotApplied),
        })
    }

    fn stamp_of(&self, event: &Value) -> Option<Stamp> {
        let properties = &event["singleValueExtendedProperties"];
        self.properties.stamp(&Vec::<Property>::deserialize(properties).ok()?)
    }
}

fn not_found(probe: &Probe, fault: Fault, place: Place) -> Result<Option<Probed>, Failure> {
    // Reading the trash may need a permission for mail, which nobody has to grant; and no document
    // promises that a service searches events there.
    let is_refused = fault
        .refusal()
        .is_some_and(|refusal| matches!(refusal.status, 400..=499 | 501) && !refusal.is_throttle());
    match (fault.failure(Effect::Read), place, &probe.target) {
        (Failure::Missing(_), Place::Folder, Target::Delete(id)) => {
            Ok(Some(Probed::Applied { id: id.clone(), place: Place::Trash }))
        }
        (Failure::Missing(_), _, _) => Ok(None),
        (_, Place::Trash, Target::Create) if is_refused => Ok(None),
        (failure, _, _) => Err(failure),
    }
}
