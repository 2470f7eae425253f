//! Writes the occurrences of a series and what is attached to an item, one request after the other.
//!
//! Deletions go first: they look at no version, and give room to what is moved. Then each change is
//! made on the version that the one before left behind, and the stamp, on the master, is the last
//! of them: it proves that all arrived.

mod attachments;

use super::plan::{Late, Wanted};
use super::{Outcome, changed_since};
use crate::batch::{Brake, ITEMS_MAX};
use crate::failure::Effect;
use crate::map::draft::{self, Draft};
use crate::map::event::{Reading, Standing};
use crate::ops::{Address, ItemId, delete_item, update_item};
use crate::soap::{Complaint, Message};
use crate::transport::Call;
use crate::{EwsRemote, batch, failure, ops, standing};
use attachments::Attached;
use chrono::NaiveDate;
use items::field::Name;
use items::{Event, Occurrence, Recurrence, meaning};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use sync_core::ids::{Field, RemoteId, Version};
use sync_core::port::{Failure, Fetched, Trouble, Written};

/// How often to look whether a version that isn't the one expected holds the same after all.
const LOOKS_MAX: usize = 2;
/// An occurrence that would reach beyond the one before or after it.
const CROSSES: &str = "ErrorOccurrenceCrossingBoundary";
/// An occurrence that was deleted before.
const DELETED: &str = "ErrorCalendarOccurrenceIsDeletedFromRecurrence";
/// An occurrence that the recurrence doesn't have.
const OUT_OF_RANGE: &str = "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange";

/// Gives an item the attachments that it is to have, and the occurrences, as far as Exchange can:
/// what was deleted, or what its recurrence doesn't have, stays away.
pub(super) async fn write(remote: &EwsRemote, late: &Late, brake: &Brake) -> Outcome {
    let (outcome, has_begun) = match Work::start(remote, late, brake).await {
        Ok(mut work) => (work.finish().await, work.has_begun),
        Err(failure) => (Err(failure), false),
    };
    outcome.map_err(|failure| {
        brake.note(&failure);
        if has_begun { failure.after_the_first() } else { failure }
    })
}

/// An item while its occurrences and attachments are written.
struct Work<'a> {
    remote: &'a EwsRemote,
    late: &'a Late,
    brake: &'a Brake,
    /// The master, in the version that our last request left behind; without one where that isn't
    /// known.
    item: ItemId,
    /// What it holds in that version, without attachments.
    series: Event,
    attached: Attached,
    /// Whether one of our requests has changed it, or may have.
    has_begun: bool,
}

/// What became of one occurrence.
enum Done {
    /// It is as it was to be.
    Written,
    /// It can't take place any more.
    Deleted,
    /// The recurrence doesn't have it.
    NotThere,
}

impl<'a> Work<'a> {
    /// Reads the series, which must still stand in the version expected.
    async fn start(
        remote: &'a EwsRemote,
        late: &'a Late,
        brake: &'a Brake,
    ) -> Result<Self, Failure> {
        let expected = &late.target.item;
        let standing = read(remote, late, brake).await?;
        if expected.change_key.is_some() && expected.change_key != standing.change_key {
            return Err(changed_since());
        }
        standing.kind.check(&late.fields()).map_err(Failure::Permanent)?;
        let item = ItemId { id: expected.id.clone(), change_key: standing.change_key };
        let attached = Attached::plan(remote, late, &standing.attached, brake).await?;
        Ok(Self { remote, late, brake, item, series: standing.event, attached, has_begun: false })
    }

    async fn finish(&mut self) -> Outcome {
        if let Some(wanted) = &self.late.occurrences {
            self.delete(wanted).await?;
            self.change(wanted).await?;
        }
        self.attach().await?;
        self.stamp().await
    }

    /// Deletes what is not to take place.
    async fn delete(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let wanted = wanted.iter().filter(|(_, occurrence)| **occurrence == Occurrence::Deleted);
        let waiting = wanted.filter(|(date, _)| !self.is_deleted(**date));
        let waiting: Vec<(NaiveDate, usize)> =
            waiting.filter_map(|(date, _)| Some((*date, self.index_of(*date)?))).collect();
        for chunk in waiting.chunks(ITEMS_MAX) {
            let master = ItemId { change_key: None, ..self.item.clone() };
            let addresses = chunk.iter().map(|(_, index)| Address::Occurrence(&master, *index));
            let body = delete_item::request(addresses);
            let results = self.send("DeleteItem", None, &body, chunk.len(), settled).await?;
            let may_be =
                |result: &_| matches!(result, Ok(Done::Written) | Err(Failure::InDoubt(_)));
            self.has_begun |= results.iter().any(may_be);
            for ((date, _), result) in chunk.iter().zip(results) {
                match result? {
                    Done::Written | Done::Deleted => self.set(*date, Occurrence::Deleted),
                    Done::NotThere => {}
                }
            }
            self.item.change_key = None;
        }
        Ok(())
    }

    /// Changes what is to differ, and changes back what isn't to any more. An occurrence that its
    /// neighbours are in the way of is tried again when they were moved.
    async fn change(&mut self, wanted: &Wanted) -> Result<(), Failure> {
        let changed = |(date, occurrence): (&NaiveDate, &Occurrence)| {
            matches!(occurrence, Occurrence::Changed(_)).then_some(*date)
        };
        let standing = self.series.occurrences.iter().flatten().filter_map(changed);
        let dates = wanted.iter().filter_map(changed).chain(standing);
        let dates: BTreeSet<NaiveDate> = dates.collect();
        let mut waiting: VecDeque<NaiveDate> = dates.into_iter().collect();
        let mut crossing = 0;
        while let Some(date) = waiting.pop_front() {
            match self.change_on(wanted, date).await {
                Ok(()) => crossing = 0,
                Err(Failure::Permanent(trouble)) if trouble.code == CROSSES => {
                    waiting.push_back(date);
                    crossing += 1;
                    if crossing >= waiting.len() {
                        return Err(crosses(&waiting));
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn change_on(&mut self, wanted: &Wanted, date: NaiveDate) -> Result<(), Failure> {
        let Some((index, target, patch)) = self.patch(wanted, date) else { return Ok(()) };
        let draft = draft::occurrence(&patch).map_err(Failure::Permanent)?;
        let (done, _) = self.update(&draft, Some(index)).await?;
        match done {
            Done::Written => {
                if let Some(occurrence) = self.series.difference(date, &target) {
                    self.set(date, occurrence);
                }
            }
            Done::Deleted => self.set(date, Occurrence::Deleted),
            Done::NotThere => {}
        }
        Ok(())
    }

    /// As which occurrence the series has `date`, what is to take place then, and the fields in
    /// which that isn't what takes place now; `None` where nothing can or need be done.
    fn patch(&self, wanted: &Wanted, date: NaiveDate) -> Option<(usize, Event, Event)> {
        let regular = Event::default();
        let own = |occurrence: Option<&'_ Occurrence>| match occurrence {
            Some(Occurrence::Changed(own)) => Some((**own).clone()),
            Some(Occurrence::Deleted) => None,
            None => Some(regular.clone()),
        };
        let target = own(wanted.get(&date))?;
        let now = own(self.series.occurrences.as_ref()?.get(&date))?;
        let index = self.index_of(date)?;
        let target = self.series.changed_on(date, &target)?;
        let now = self.series.changed_on(date, &now)?;
        let (there, here) = (meaning::of(&target), meaning::of(&now));
        let differs = |field: &Field| {
            let field = BTreeSet::from([field.clone()]);
            there.only(&field) != here.only(&field)
        };
        let fields: BTreeSet<Field> =
            Name::ALL.into_iter().map(Name::field).filter(differs).collect();
        let patch = target.only(&fields);
        (!patch.present_fields().is_empty()).then_some((index, target, patch))
    }

    /// Stamps the master. Where not everything could be applied the version isn't told: what was
    /// written isn't what stands in it, and is to be looked at.
    async fn stamp(&mut self) -> Outcome {
        let xml = draft::stamped(&self.remote.property, &self.late.stamp);
        let (_, version) = self.update(&Draft { xml, zone: None }, None).await?;
        let all = self.late.occurrences.as_ref().is_none_or(|wanted| {
            let standing = self.series.occurrences.iter().flat_map(BTreeMap::keys);
            wanted.keys().chain(standing).all(|date| self.is_as_wanted(wanted, *date))
        });
        let version = version.filter(|_| all);
        Ok(Written { id: RemoteId(self.item.id.clone()), version })
    }

    fn is_as_wanted(&self, wanted: &Wanted, date: NaiveDate) -> bool {
        let is_wanted = wanted.get(&date) != Some(&Occurrence::Deleted);
        match (is_wanted, self.is_deleted(date)) {
            (true, true) | (false, false) => false,
            (false, true) => true,
            (true, false) => self.index_of(date).is_some() && self.patch(wanted, date).is_none(),
        }
    }

    /// Updates the master, or the occurrence with this index, on the version that our last request
    /// left behind; where it isn't known, or isn't the current one, on that which turns out to hold
    /// the same.
    async fn update(
        &mut self,
        draft: &Draft,
        index: Option<usize>,
    ) -> Result<(Done, Option<Version>), Failure> {
        let mut trusted = self.item.change_key.is_some();
        let mut looks = 0;
        loop {
            if !trusted {
                self.verify().await?;
                looks += 1;
            }
            let address = match index {
                Some(index) => Address::Occurrence(&self.item, index),
                None => Address::Item(&self.item),
            };
            let body = update_item::request(std::iter::once((address, draft.xml.as_str())));
            let read = |message: Message<'_>| {
                let item = ops::item(message.element).and_then(ItemId::of);
                let change_key = item.and_then(|item| item.change_key);
                settled(message).map(|done| (done, change_key))
            };
            let mut results = self.send("UpdateItem", draft.zone, &body, 1, read).await?;
            match results.pop().expect("one answer to one update") {
                Ok((done, change_key)) => {
                    if matches!(done, Done::Written) {
                        self.has_begun = true;
                        self.item.change_key.clone_from(&change_key);
                    }
                    return Ok((done, change_key.map(Version)));
                }
                // The server changes items by itself now and then (ews-managed-api#249).
                Err(Failure::Stale(_)) if trusted || looks < LOOKS_MAX => trusted = false,
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Reads the item anew: nobody may have changed it besides.
    async fn verify(&mut self) -> Result<(), Failure> {
        let standing = read(self.remote, self.late, self.brake).await?;
        if comparable(&standing.event) != comparable(&self.series) {
            return Err(changed_since());
        }
        self.verify_attachments(&standing.attached)?;
        self.item.change_key = standing.change_key;
        self.series = standing.event;
        Ok(())
    }

    async fn send<T>(
        &self,
        operation: &'static str,
        zone: Option<&str>,
        body: &str,
        count: usize,
        read: impl Fn(Message<'_>) -> Result<T, Failure> + Send,
    ) -> Result<Vec<Result<T, Failure>>, Failure> {
        if let Some(failure) = self.brake.pulled() {
            return Err(failure);
        }
        let call = Call { operation, effect: Effect::Write, zone, body };
        let read_all = |messages: Vec<Message<'_>>| messages.into_iter().map(read).collect();
        batch::exchange(&self.remote.caller, call, count, read_all).await
    }

    fn set(&mut self, date: NaiveDate, occurrence: Occurrence) {
        self.series.occurrences.get_or_insert_default().insert(date, occurrence);
    }

    fn is_deleted(&self, date: NaiveDate) -> bool {
        let standing = self.series.occurrences.as_ref().and_then(|all| all.get(&date));
        standing == Some(&Occurrence::Deleted)
    }

    fn index_of(&self, date: NaiveDate) -> Option<usize> {
        let rule = self.series.recurrence.as_ref().and_then(Recurrence::rule)?;
        rule.index_of(self.series.first_date()?, date)
    }
}

async fn read(remote: &EwsRemote, late: &Late, brake: &Brake) -> Result<Standing, Failure> {
    let folder = late.target.folder.as_str();
    let reading = Reading { window: None, ..remote.reading(folder) };
    let ids = [late.target.item.id.as_str()];
    let mut read = standing::read(remote, reading, &ids, brake).await?;
    match read.pop().expect("one result for one id") {
        Ok(standing) => Ok(standing),
        // Its next read tells whether it stays so.
        Err(Fetched::Unreadable(trouble)) => Err(Failure::Stale(trouble)),
        Err(Fetched::Missing | Fetched::Outside | Fetched::Found(_)) => Err(super::moved_away()),
    }
}

/// What became of one occurrence; what can't be applied any more is no failure.
fn settled(message: Message<'_>) -> Result<Done, Failure> {
    match message.complaint {
        None => Ok(Done::Written),
        Some(Complaint { code, .. }) if code == DELETED => Ok(Done::Deleted),
        Some(Complaint { code, .. }) if code == OUT_OF_RANGE => Ok(Done::NotThere),
        Some(complaint) => Err(failure::of(complaint, Effect::Write)),
    }
}

/// A series so that equal ones are equal: an occurrence that differs in nothing is none.
fn comparable(series: &Event) -> Event {
    let nothing = Occurrence::Changed(Box::default());
    let mut series = meaning::of(series);
    let occurrences: &mut BTreeMap<_, _> = series.occurrences.get_or_insert_default();
    occurrences.retain(|_, occurrence| *occurrence != nothing);
    series
}

fn crosses(dates: &VecDeque<NaiveDate>) -> Failure {
    let dates: Vec<String> = dates.iter().map(NaiveDate::to_string).collect();
    let detail = format!(
        "Exchange keeps the occurrences of a series in their order and apart from each other, and \
         there is another in the way of that of {}; move it less far, or the other one first",
        dates.join(", ")
    );
    Failure::Permanent(Trouble::new("occurrence-crosses-neighbour", detail))
}
