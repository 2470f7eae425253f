//! Sorts writes into requests.

use crate::batch::ITEMS_MAX;
use crate::map::draft::{self, Draft};
use crate::ops::ItemId;
use crate::stamp::Property;
use items::Event;
use std::collections::BTreeMap;
use sync_core::ids::{FolderId, Version};
use sync_core::port::{Failure, Trouble, Write, WriteOp, Written};

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

/// The requests to send, and the writes that are refused without asking the server, by position.
pub(super) fn plan(
    property: &Property,
    writes: &[Write],
) -> (Vec<Request>, Vec<Option<Result<Written, Failure>>>) {
    let mut groups: BTreeMap<(Kind, Option<&'static str>), Vec<Step>> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(writes.len());
    for (index, write) in writes.iter().enumerate() {
        match prepare(property, write) {
            Ok((kind, item, draft)) => {
                let target = Target { folder: write.folder.clone(), item };
                let step = Step { index, target, xml: draft.xml };
                groups.entry((kind, draft.zone)).or_default().push(step);
                outcomes.push(None);
            }
            Err(trouble) => outcomes.push(Some(Err(Failure::Permanent(trouble)))),
        }
    }
    let requests = groups.into_iter().flat_map(|((kind, zone), steps)| {
        let request = move |steps| Request { kind: kind.clone(), zone, steps };
        chunks(steps).into_iter().map(request)
    });
    (requests.collect(), outcomes)
}

fn prepare(property: &Property, write: &Write) -> Result<(Kind, ItemId, Draft), Trouble> {
    let item = |id: &str, version: &Option<Version>| ItemId {
        id: id.to_owned(),
        change_key: version.as_ref().map(|v| v.as_str().to_owned()),
    };
    match &write.op {
        WriteOp::Create { content } => {
            let draft = draft::create(&read(content)?, property, &write.stamp)?;
            Ok((Kind::Create(write.folder.clone()), item("", &None), draft))
        }
        WriteOp::Update { id, if_match, patch } => {
            let draft = draft::update(&read(patch)?, property, &write.stamp)?;
            Ok((Kind::Update, item(id.as_str(), if_match), draft))
        }
        WriteOp::Delete { id, if_match } => {
            let draft = Draft { xml: String::new(), zone: None };
            Ok((Kind::Delete, item(id.as_str(), if_match), draft))
        }
    }
}

fn read(content: &[u8]) -> Result<Event, Trouble> {
    Event::from_canonical(content).map_err(|e| Trouble::new("content-unreadable", e.to_string()))
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
