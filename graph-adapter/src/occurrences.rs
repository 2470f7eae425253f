//! Writing the occurrences of a series: what differs from it and what was deleted, each in a request
//! of its own. The stamp on the master comes last, so that it proves that all of them arrived.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::late::Late;
use crate::map::event;
use crate::map::people::Native;
use crate::map::series::{self, Instance};
use crate::map::time::instant;
use crate::series::one;
use crate::stamp::Own;
use crate::target::online;
use crate::window::rfc3339;
use crate::write::permanent;
use chrono::NaiveDate;
use items::field::Name;
use items::{Event, Occurrence, Recurrence, Timing, meaning};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use sync_core::ids::Version;
use sync_core::port::{Failure, Stamp, Trouble, Written};

/// How far around the start of an occurrence it is looked for, in seconds: zones may have changed.
const AROUND_SECONDS: i64 = 43_200;
/// How many of a series may overlap there.
const OVERLAPPING_MAX: usize = 50;

/// A series as it stands.
struct Standing {
    event: Event,
    version: Option<Version>,
    native: Native,
    is_online: bool,
    exceptions: BTreeMap<NaiveDate, Instance>,
    cancelled: BTreeSet<NaiveDate>,
}

/// What is to be done with an occurrence.
enum Change {
    /// Give it these fields.
    Patch(Box<Event>),
    /// Delete it.
    Delete,
}

impl Change {
    fn has_body(&self) -> bool {
        match self {
            Self::Patch(patch) => patch.body.is_some(),
            Self::Delete => false,
        }
    }
}

/// A series while it is written.
struct Progress<'a> {
    /// The occurrences as they are to be.
    wanted: &'a BTreeMap<NaiveDate, Occurrence>,
    /// The series as it was last read.
    standing: Standing,
    /// Its version before the first request.
    begun: Option<Version>,
    /// Its version now; `None` where only reading it can tell.
    now: Option<Version>,
    /// The dates of the occurrences that were written.
    written: BTreeSet<NaiveDate>,
}

impl GraphRemote {
    /// Makes the occurrences of a series what they are to be. What can't be applied any more is left
    /// out: occurrences deleted already, dates that the recurrence doesn't have, all of an event that
    /// is no series. The version isn't told then, so that what stands is looked at.
    ///
    /// Each request is conditional on a version in which nobody else has changed the series since it
    /// was first read.
    pub(crate) async fn write_occurrences(
        &self,
        write: &Late<'_>,
        wanted: &BTreeMap<NaiveDate, Occurrence>,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let standing = self.standing(write).await?;
        if write.if_match.is_some() && standing.version != write.if_match {
            return Err(changed());
        }
        self.check_late(standing.native)?;
        let changes = standing.changes(wanted);
        if standing.is_online && changes.iter().any(|(_, change)| change.has_body()) {
            return Err(online());
        }
        let found = self.instances_of(write, &standing, &changes).await?;
        found.values().try_for_each(|instance| self.check_late(instance.native))?;
        let mut progress = Progress::new(standing, wanted);
        let outcome = self.write_all(write, stamp, &changes, &found, &mut progress).await;
        outcome.map_err(|failure| match progress.written.is_empty() {
            true => failure,
            false => failure.after_the_first(),
        })
    }

    async fn write_all(
        &self,
        write: &Late<'_>,
        stamp: &Stamp,
        changes: &[(NaiveDate, Change)],
        found: &BTreeMap<NaiveDate, Instance>,
        progress: &mut Progress<'_>,
    ) -> Result<Written, Failure> {
        for (date, change) in changes {
            if let Some(instance) = found.get(date) {
                self.apply(write, *date, instance, change, progress).await?;
            }
        }
        self.stamp_series(write, stamp, progress).await
    }

    async fn standing(&self, write: &Late<'_>) -> Result<Standing, Failure> {
        let master = one(self.read_masters(write.folder, std::slice::from_ref(write.id)).await);
        self.standing_of(master)
    }

    fn standing_of(&self, master: Reply) -> Result<Standing, Failure> {
        let master = master.map_err(|fault| late(fault, Effect::Read))?;
        let read = event::read(&master, &self.properties).map_err(Failure::Permanent)?;
        let exceptions = series::exceptions(&read.event, &master).map_err(Failure::Permanent)?;
        Ok(Standing {
            event: read.event,
            version: read.version,
            native: read.native,
            is_online: read.is_online,
            exceptions,
            cancelled: series::cancelled(&master),
        })
    }

    /// The instances that are to be written: of exceptions the ids are known, others are looked for
    /// on their days. Those that are there no more are missing.
    async fn instances_of(
        &self,
        write: &Late<'_>,
        standing: &Standing,
        changes: &[(NaiveDate, Change)],
    ) -> Result<BTreeMap<NaiveDate, Instance>, Failure> {
        let (mut found, mut dates, mut steps) = (BTreeMap::new(), Vec::new(), Vec::new());
        for (date, _) in changes {
            match standing.exceptions.get(date) {
                Some(exception) if exception.id.is_some() => {
                    found.insert(*date, exception.clone());
                }
                _ => {
                    if let Some(step) = self.day(write, &standing.event, *date) {
                        dates.push(*date);
                        steps.push(step);
                    }
                }
            }
        }
        for (date, reply) in dates.into_iter().zip(self.read_steps(&steps).await) {
            let day = reply.map_err(|fault| late(fault, Effect::Read))?;
            let mut instances = day["value"].as_array().into_iter().flatten();
            let is_it = |one: &&Value| series::original_date(&standing.event, one) == Some(date);
            let Some(instance) = instances.find(is_it) else { continue };
            let is_exception = instance["type"] == "exception";
            let instance = series::instance(instance);
            // It was none when the series was read.
            if is_exception
                && !standing.exceptions.contains_key(&date)
                && self.check_late(instance.native).is_ok()
            {
                return Err(changed());
            }
            found.insert(date, instance);
        }
        Ok(found)
    }

    /// Reads what a series has about the time when it has the occurrence of `date`.
    fn day(&self, write: &Late<'_>, series: &Event, date: NaiveDate) -> Option<Step> {
        let timing = series.timing_on(date)?;
        // Around noon of a whole day, wherever that is.
        let noon = i64::from(matches!(timing, Timing::AllDay { .. })) * AROUND_SECONDS;
        let middle = instant(&timing).checked_add(noon)?;
        let from = rfc3339(middle.checked_sub(AROUND_SECONDS)?)?;
        let to = rfc3339(middle.checked_add(AROUND_SECONDS)?)?;
        let event = self.graph.links.event(write.folder.as_str(), write.id.as_str());
        Some(Step::get(format!(
            "{event}/instances?startDateTime={from}&endDateTime={to}\
             &$select=id,type,originalStart,start,end,isAllDay,originalStartTimeZone,attendees,\
             organizer,isOrganizer\
             &$top={OVERLAPPING_MAX}"
        )))
    }

    /// Writes one occurrence; one that is gone needs nothing.
    async fn apply(
        &self,
        write: &Late<'_>,
        date: NaiveDate,
        instance: &Instance,
        change: &Change,
        progress: &mut Progress<'_>,
    ) -> Result<(), Failure> {
        let Some(id) = &instance.id else { return Ok(()) };
        let url = self.graph.links.event(write.folder.as_str(), id.as_str());
        // Instances have the version of their series, which changes with each of them.
        let is_shared = instance.version == progress.begun;
        if is_shared && progress.now.is_none() {
            progress.verify(self.standing(write).await?)?;
        }
        let version = if is_shared { &progress.now } else { &instance.version };
        let condition = version.clone().map(|version| version.0);
        let steps = match change {
            Change::Patch(patch) => {
                let body = event::write(patch).map_err(Failure::Permanent)?;
                vec![Step::patch(url, Value::Object(body), condition)]
            }
            // Its answer is empty, so the series is read in the same breath.
            Change::Delete => {
                let read = self.whole_master(write.folder, write.id);
                vec![Step::delete(url, condition), read.after_the_last()]
            }
        };
        let mut replies = self.graph.batch(&steps).await.into_iter();
        let answer = match replies.next().unwrap_or(Ok(Value::Null)) {
            Ok(answer) => answer,
            Err(fault) if fault.refusal().is_some_and(|r| r.is_not_found()) => return Ok(()),
            Err(fault) => return Err(refused(fault)),
        };
        progress.written.insert(date);
        progress.now = event::version(&answer).filter(|_| is_shared);
        // What can't be read now is read before the next request.
        if let Some(Ok(master)) = replies.next() {
            let master = self.made_whole(write.folder, write.id, Ok(master)).await;
            progress.verify(self.standing_of(master)?)?;
        }
        Ok(())
    }

    /// Says on the master that all is written.
    async fn stamp_series(
        &self,
        write: &Late<'_>,
        stamp: &Stamp,
        progress: &mut Progress<'_>,
    ) -> Result<Written, Failure> {
        if !progress.written.is_empty() {
            progress.verify(self.standing(write).await?)?;
        }
        let url = self.graph.links.event(write.folder.as_str(), write.id.as_str());
        let body =
            json!({"singleValueExtendedProperties": self.properties.write(stamp, &Own::default())});
        let step = Step::patch(url, body, progress.now.clone().map(|version| version.0));
        let answer = one(self.graph.batch(&[step]).await);
        let answer = answer.map_err(|fault| late(fault, Effect::Change))?;
        let version = event::version(&answer).filter(|_| progress.standing.holds(progress.wanted));
        Ok(Written { id: write.id.clone(), version })
    }
}

impl<'a> Progress<'a> {
    fn new(standing: Standing, wanted: &'a BTreeMap<NaiveDate, Occurrence>) -> Self {
        let begun = standing.version.clone();
        Self { wanted, standing, begun: begun.clone(), now: begun, written: BTreeSet::new() }
    }

    /// Takes over the series as it was read anew, in which nobody may have changed anything besides.
    fn verify(&mut self, read: Standing) -> Result<(), Failure> {
        let is_same = self.standing.without(&self.written) == read.without(&self.written);
        if !is_same || read.native != self.standing.native {
            return Err(changed());
        }
        self.now.clone_from(&read.version);
        self.standing = read;
        Ok(())
    }
}

impl Standing {
    /// What is to be done for the occurrences to be as `wanted`, in an order in which none gets in the
    /// way of its neighbours: first what goes, then what moves later, from the last one on, then the
    /// rest.
    fn changes(&self, wanted: &BTreeMap<NaiveDate, Occurrence>) -> Vec<(NaiveDate, Change)> {
        if !self.event.is_series() {
            return Vec::new();
        }
        let none = Occurrence::Changed(Box::default());
        let dates: BTreeSet<NaiveDate> =
            wanted.keys().chain(self.exceptions.keys()).copied().collect();
        let living = dates.into_iter().filter(|date| !self.cancelled.contains(date));
        let (mut changes, mut later, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        for date in living {
            match wanted.get(&date).unwrap_or(&none) {
                Occurrence::Deleted => changes.push((date, Change::Delete)),
                Occurrence::Changed(own) => {
                    let Some(patch) = self.patch(date, own) else { continue };
                    let is_later = patch.timing.as_ref().map(instant) > self.start(date);
                    let list = if is_later { &mut later } else { &mut rest };
                    list.push((date, Change::Patch(patch)));
                }
            }
        }
        changes.extend(later.into_iter().rev());
        changes.extend(rest);
        changes
    }

    /// Whether all occurrences are as `wanted`.
    fn holds(&self, wanted: &BTreeMap<NaiveDate, Occurrence>) -> bool {
        let none = Occurrence::Changed(Box::default());
        let mut dates = wanted.keys().chain(self.exceptions.keys()).chain(&self.cancelled);
        dates.all(|date| {
            let is_deleted = self.cancelled.contains(date);
            match wanted.get(date).unwrap_or(&none) {
                Occurrence::Deleted => is_deleted,
                Occurrence::Changed(own) => {
                    !is_deleted && self.has(*date) && self.patch(*date, own).is_none()
                }
            }
        })
    }

    /// Whether the recurrence has an occurrence on `date`.
    fn has(&self, date: NaiveDate) -> bool {
        let rule = self.event.recurrence.as_ref().and_then(Recurrence::rule);
        let index =
            rule.zip(self.event.first_date()).map(|(rule, first)| rule.index_of(first, date));
        index.flatten().is_some()
    }

    /// What it means, apart from the occurrences of these dates. One that differs in nothing is none.
    fn without(&self, dates: &BTreeSet<NaiveDate>) -> Event {
        let none = Occurrence::Changed(Box::default());
        let mut event = meaning::of(&self.event);
        let occurrences = event.occurrences.get_or_insert_default();
        occurrences.retain(|date, occurrence| !dates.contains(date) && *occurrence != none);
        event
    }

    /// When an occurrence starts as it stands, in seconds.
    fn start(&self, date: NaiveDate) -> Option<i64> {
        let own = self.exceptions.get(&date).and_then(|exception| exception.own.timing.clone());
        own.or_else(|| self.event.timing_on(date)).as_ref().map(instant)
    }

    /// The fields in which an occurrence that is to differ in `own` from its series isn't as wanted:
    /// those that differ no more are its series' again.
    fn patch(&self, date: NaiveDate, own: &Event) -> Option<Box<Event>> {
        let standing = self.exceptions.get(&date).map(|exception| exception.own.clone());
        let standing = self.event.changed_on(date, &standing.unwrap_or_default())?;
        let wanted = self.event.changed_on(date, own)?;
        let (is, should) = (meaning::of(&standing), meaning::of(&wanted));
        let differs = |name: &Name| {
            let field = BTreeSet::from([name.field()]);
            should.has(*name) && is.only(&field) != should.only(&field)
        };
        let fields: BTreeSet<_> = Name::ALL.into_iter().filter(differs).map(Name::field).collect();
        let patch = wanted.only(&fields);
        (!fields.is_empty()).then(|| Box::new(patch))
    }
}

/// Why an occurrence wasn't written.
fn refused(fault: Fault) -> Failure {
    if fault.refusal().is_some_and(|r| r.is_any(&["ErrorOccurrenceCrossingBoundary"])) {
        return permanent(
            "occurrence-crosses-neighbour",
            "an occurrence of the series would take place on the day of its neighbour or beyond \
             it, which Exchange refuses",
        );
    }
    late(fault, Effect::Change)
}

/// What a fault comes to. A sign-in that ends says nothing of the series, which was read or made a
/// moment before: the next look at it tells whether that stays so.
pub(crate) fn late(fault: Fault, effect: Effect) -> Failure {
    fault.where_others_are_served(true).failure(effect)
}

pub(crate) fn changed() -> Failure {
    Failure::Stale(Trouble::new("changed-series", "the series has changed since it was read"))
}
