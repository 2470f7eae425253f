//! Sorts writes into requests.

use crate::batch::ITEMS_MAX;
use crate::map::draft::{self, Draft, Setting};
use crate::map::event::Known;
use crate::ops::ItemId;
use chrono::NaiveDate;
use items::attachment::Attachment;
use items::field::Name;
use items::{Event, Occurrence};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{Field, FolderId, Version};
use sync_core::port::{Failure, Stamp, Trouble, Write, WriteOp, Written};

/// Most bytes of items in one request, if it has more than one: larger bodies are what servers and
/// proxies before them stumble over.
const BYTES_MAX: usize = 900 * 1024;

/// A request to send.
#[derive(Debug)]
pub(super) struct Request {
    /// The operation.
    pub(super) kind: Kind,
    /// The zone of all its times, a Windows id: the server rounds whole days in it.
    pub(super) zone: Option<&'static str>,
    /// Its items.
    pub(super) steps: Vec<Step>,
}

/// An operation, with what all its items have in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// CreateItem in this folder.
    Create(FolderId),
    /// UpdateItem.
    Update,
    /// DeleteItem.
    Delete,
}

/// One write in a request.
#[derive(Debug)]
pub(super) struct Step {
    /// The position of the write among all.
    pub(super) index: usize,
    /// The item to change.
    pub(super) target: Target,
    /// The fields of an update.
    pub(super) fields: BTreeSet<Field>,
    /// The XML of its item or updates; empty for a delete.
    pub(super) xml: String,
}

/// The item that a write is about; without id for a create.
#[derive(Debug)]
pub(super) struct Target {
    /// Where it must lie.
    pub(super) folder: FolderId,
    /// Its id, and the version that must still stand.
    pub(super) item: ItemId,
}

/// What differs from the series, or doesn't take place, by date.
pub(super) type Wanted = BTreeMap<NaiveDate, Occurrence>;

/// Sets that an item is to have, each of whose elements takes a request of its own.
#[derive(Debug)]
pub(super) struct Late {
    /// The position of the write among all.
    pub(super) index: usize,
    /// The item.
    pub(super) target: Target,
    /// All occurrences of a series that are to be of their own, if those are written.
    pub(super) occurrences: Option<Wanted>,
    /// All that is to be attached, if that is written.
    pub(super) attachments: Option<Vec<Attachment>>,
    /// What the item is to be stamped with when they all have arrived.
    pub(super) stamp: Stamp,
}

impl Late {
    /// The fields that it writes.
    pub(super) fn fields(&self) -> BTreeSet<Field> {
        let occurrences = self.occurrences.as_ref().map(|_| Name::Occurrences.field());
        let attachments = self.attachments.as_ref().map(|_| Name::Attachments.field());
        occurrences.into_iter().chain(attachments).collect()
    }
}

/// What to send for writes.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The requests.
    pub(super) requests: Vec<Request>,
    /// The writes of many requests.
    pub(super) late: Vec<Late>,
    /// The writes that are refused without asking the server, by position.
    pub(super) outcomes: Vec<Option<Result<Written, Failure>>>,
}

/// Plans `writes`; `contents` are what each holds, and `known` what the items of some of them are
/// now, by position.
pub(super) fn plan(
    setting: Setting<'_>,
    writes: &[Write],
    contents: Vec<Result<Event, Trouble>>,
    mut known: BTreeMap<usize, Result<Known, Failure>>,
) -> Plan {
    let mut groups: BTreeMap<(Kind, Option<&'static str>), Vec<Step>> = BTreeMap::new();
    let mut plan = Plan::default();
    for (index, (write, content)) in writes.iter().zip(contents).enumerate() {
        let fields = content.as_ref().map(Event::present_fields).unwrap_or_default();
        let known = known.remove(&index).unwrap_or_else(|| Ok(Known::default()));
        let prepared = known.and_then(|known| {
            let prepared = content.and_then(|event| prepare(setting, write, event, &known));
            prepared.map_err(Failure::Permanent)
        });
        let outcome = match prepared {
            Ok(Prepared::Step(kind, item, draft)) => {
                let target = Target { folder: write.folder.clone(), item };
                let step = Step { index, target, fields, xml: draft.xml };
                groups.entry((kind, draft.zone)).or_default().push(step);
                None
            }
            Ok(Prepared::Late { item, occurrences, attachments }) => {
                let target = Target { folder: write.folder.clone(), item };
                let stamp = write.stamp.clone();
                plan.late.push(Late { index, target, occurrences, attachments, stamp });
                None
            }
            Err(failure) => Some(Err(failure)),
        };
        plan.outcomes.push(outcome);
    }
    let requests = groups.into_iter().flat_map(|((kind, zone), steps)| {
        let request = move |steps| Request { kind: kind.clone(), zone, steps };
        chunks(steps).into_iter().map(request)
    });
    plan.requests = requests.collect();
    plan
}

/// The event that a write holds; an empty one for a delete.
pub(super) fn content(write: &Write) -> Result<Event, Trouble> {
    match &write.op {
        WriteOp::Create { content } | WriteOp::Update { patch: content, .. } => {
            let event = Event::from_canonical(content);
            event.map_err(|e| Trouble::new("content-unreadable", e.to_string()))
        }
        WriteOp::Delete { .. } => Ok(Event::default()),
    }
}

enum Prepared {
    Step(Kind, ItemId, Draft),
    Late { item: ItemId, occurrences: Option<Wanted>, attachments: Option<Vec<Attachment>> },
}

fn prepare(
    setting: Setting<'_>,
    write: &Write,
    mut event: Event,
    known: &Known,
) -> Result<Prepared, Trouble> {
    let item = |id: &str, version: &Option<Version>| ItemId {
        id: id.to_owned(),
        change_key: version.as_ref().map(|v| v.as_str().to_owned()),
    };
    match &write.op {
        WriteOp::Create { .. } => {
            let draft = draft::create(&event, setting, &write.stamp)?;
            Ok(Prepared::Step(Kind::Create(write.folder.clone()), item("", &None), draft))
        }
        WriteOp::Update { id, if_match, .. } => {
            let mut item = item(id.as_str(), if_match);
            if item.change_key.is_none() {
                item.change_key.clone_from(&known.change_key);
            }
            // Beside other fields they are sets that those leave empty.
            let (occurrences, attachments) = (event.occurrences.take(), event.attachments.take());
            let is_late = occurrences.is_some() || attachments.is_some();
            if is_late && event.present_fields().is_empty() {
                return Ok(Prepared::Late { item, occurrences, attachments });
            }
            let draft = draft::update(&event, known, setting, &write.stamp)?;
            Ok(Prepared::Step(Kind::Update, item, draft))
        }
        WriteOp::Delete { id, if_match } => {
            let draft = Draft { xml: String::new(), zone: None };
            Ok(Prepared::Step(Kind::Delete, item(id.as_str(), if_match), draft))
        }
    }
}

/// Cuts a group where the next item would be one too many, or too large.
fn chunks(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let mut chunks: Vec<Vec<Step>> = Vec::new();
    let mut bytes = 0;
    for step in steps {
        bytes += step.xml.len();
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < ITEMS_MAX && bytes <= BYTES_MAX => chunk.push(step),
            Some(_) | None => {
                bytes = step.xml.len();
                chunks.push(vec![step]);
            }
        }
    }
    chunks
}
