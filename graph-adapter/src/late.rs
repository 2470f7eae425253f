//! Writes of what takes requests of its own: the occurrences of a series, and files. The stamp comes
//! last, so that it proves that all of it arrived.

use crate::GraphRemote;
use chrono::NaiveDate;
use items::field::Name;
use items::{Event, Occurrence};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::{FolderId, RemoteId, Version};
use sync_core::port::{Failure, Stamp, Write, WriteOp, Written};

/// Such a write.
pub(crate) struct Late<'a> {
    /// The calendar.
    pub folder: &'a FolderId,
    /// The event.
    pub id: &'a RemoteId,
    /// The version that must still stand.
    pub if_match: Option<Version>,
    /// The occurrences that are to differ from their series, or to be gone.
    occurrences: Option<BTreeMap<NaiveDate, Occurrence>>,
}

impl<'a> Late<'a> {
    /// What a write holds, if it is one of them.
    pub(crate) fn of(write: &'a Write) -> Option<Self> {
        let WriteOp::Update { id, if_match, patch } = &write.op else { return None };
        let Event { occurrences, .. } = Event::from_canonical(patch).ok().filter(is_late)?;
        Some(Self { folder: &write.folder, id, if_match: if_match.clone(), occurrences })
    }
}

fn is_late(patch: &Event) -> bool {
    let late = BTreeSet::from([Name::Occurrences.field(), Name::Attachments.field()]);
    let fields = patch.present_fields();
    !fields.is_empty() && fields.is_subset(&late)
}

impl GraphRemote {
    /// Makes occurrences and files what they are to be.
    pub(crate) async fn write_late(
        &self,
        late: &Late<'_>,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let none = BTreeMap::new();
        self.write_occurrences(late, late.occurrences.as_ref().unwrap_or(&none), stamp).await
    }
}
