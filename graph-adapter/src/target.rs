//! What is to be changed or deleted, as it stands, and whether that would be mailed.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::Fault;
use crate::map::event::{self, Kind};
use crate::map::people::{self, Native};
use crate::write::permanent;
use items::field::Name;
use items::{Attendee, Event, Travel};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Field, FolderId, RemoteId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp};

/// An event that is to be changed or deleted.
pub(crate) struct Target {
    /// Its version.
    pub version: Option<Version>,
    /// What it is to the mailbox.
    pub native: Native,
    /// The attendees that Graph knows, where it is a meeting.
    pub invited: Option<Vec<Attendee>>,
    /// Where it takes place, in Graph's words.
    pub locations: Value,
    /// What it holds; or why it can't be read.
    pub event: Result<Event, Trouble>,
    /// Whether it is held online.
    pub is_online: bool,
}

impl GraphRemote {
    /// Reads what is to be changed or deleted by the writes at `positions`.
    pub(crate) async fn targets(
        &self,
        writes: &[Write],
        positions: &[usize],
    ) -> BTreeMap<usize, Result<Target, Fault>> {
        let mut replies = self.read_targets(writes, positions).await;
        // The attendees of an exception are mailed, too (MS docs: event-update).
        let mut masters: BTreeMap<&FolderId, (Vec<usize>, Vec<RemoteId>)> = BTreeMap::new();
        for (at, reply) in &replies {
            let is_master = reply.as_ref().is_ok_and(|v| event::kind(v) == Kind::Master);
            if let Some(id) = id(&writes[*at]).filter(|_| is_master) {
                let (positions, ids) = masters.entry(&writes[*at].folder).or_default();
                positions.push(*at);
                ids.push(id.clone());
            }
        }
        for (folder, (positions, ids)) in masters {
            replies.extend(positions.into_iter().zip(self.read_masters(folder, &ids).await));
        }
        let target = |reply: Reply| reply.map(|value| self.target(&value));
        replies.into_iter().map(|(at, reply)| (at, target(reply))).collect()
    }

    async fn read_targets(&self, writes: &[Write], positions: &[usize]) -> BTreeMap<usize, Reply> {
        let query = self.whole_event();
        let step = |at: &usize| {
            let write = &writes[*at];
            let event = self.graph.links.event(write.folder.as_str(), id(write)?.as_str());
            Some((*at, Step::get(format!("{event}?{query}"))))
        };
        let (positions, steps): (Vec<usize>, Vec<Step>) = positions.iter().filter_map(step).unzip();
        positions.into_iter().zip(self.read_steps(&steps).await).collect()
    }

    fn target(&self, value: &Value) -> Target {
        let read = event::read(value, &self.properties);
        Target {
            version: event::version(value),
            native: people::native(value),
            invited: read.as_ref().ok().and_then(|read| read.invited.clone()),
            locations: value["locations"].clone(),
            event: read.map(|read| read.event),
            is_online: event::is_online(value),
        }
    }

    /// The fields that can't be written to an event: those whose writing would mail its attendees,
    /// those of a meeting that are its organizer's, and the body of a meeting that is held online.
    /// Such a body holds what joins the meeting, and the meeting would be turned off where a body
    /// without that is written (MS docs: event-update).
    pub(crate) fn fixed(&self, native: Native, is_online: bool) -> BTreeSet<Field> {
        let mut fixed = people::fixed(native, self.travel);
        fixed.extend(is_online.then(|| Name::Body.field()));
        fixed
    }

    /// Refuses a change of `target` that it doesn't take.
    pub(crate) fn check_change(&self, target: &Target, patch: &Event) -> Result<(), Failure> {
        let fields = patch.present_fields();
        self.check_mail(target.native)?;
        if !people::fixed(target.native, self.travel).is_disjoint(&fields) {
            return Err(protected());
        }
        if target.is_online && patch.body.is_some() {
            return Err(online());
        }
        Ok(())
    }

    /// Refuses what Graph would mail unasked: any change of a meeting of this mailbox, and its end.
    /// Of a copy at an attendee nobody is told (MS docs: event-update, event-delete).
    pub(crate) fn check_mail(&self, native: Native) -> Result<(), Failure> {
        match (native, self.travel) {
            (Native::Organised, Travel::Carry | Travel::Note) => Err(protected()),
            (Native::Organised, Travel::Write) | (Native::Appointment | Native::Invited, _) => {
                Ok(())
            }
        }
    }

    /// Refuses to change what belongs to a series or to its files where that isn't ours to change.
    pub(crate) fn check_late(&self, native: Native) -> Result<(), Failure> {
        match native {
            Native::Invited => Err(protected()),
            Native::Appointment | Native::Organised => self.check_mail(native),
        }
    }
}

/// The item that is to be changed or deleted.
pub(crate) fn id(write: &Write) -> Option<&RemoteId> {
    match &write.op {
        WriteOp::Create { .. } => None,
        WriteOp::Update { id, .. } | WriteOp::Delete { id, .. } => Some(id),
    }
}

fn protected() -> Failure {
    permanent(
        "meeting-protected",
        "the event is a meeting: Graph would mail its attendees, or it is its organizer's to change; \
         it is left as it is",
    )
}

/// Why a body isn't written.
pub(crate) fn online() -> Failure {
    permanent(
        "online-meeting",
        "the event is held online, and its body holds what joins it: another body would turn that \
         off, so it is left as it is",
    )
}
