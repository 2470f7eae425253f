//! Writing the occurrences of a series: what differs from it and what was deleted, each in a request
//! of its own. The stamp on the master comes last, so that it proves that all of them arrived.

use crate::GraphRemote;
use crate::batch::Step;
use crate::failure::{Effect, Fault};
use crate::map::event::{self, has_attendees};
use crate::map::series::{self, Instance};
use crate::series::one;
use crate::window::rfc3339;
use crate::write::{Occurrences, permanent, protected};
use chrono::{NaiveDate, NaiveTime};
use items::field::Name;
use items::{Event, Occurrence, Timing, meaning};
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
    is_meeting: bool,
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

/// The version that the series has while it is written.
struct Progress {
    /// Before the first request.
    begun: Option<Version>,
    /// Now; `None` where the last answer didn't tell, so that no condition can be made.
    now: Option<Version>,
    has_written: bool,
}

impl GraphRemote {
    /// Makes the occurrences of a series what they are to be. What can't be applied any more is left
    /// out: occurrences deleted already, dates that the recurrence doesn't have.
    ///
    /// Each request is conditional on what was read before the first, or on the answer to the last.
    pub(crate) async fn write_occurrences(
        &self,
        write: &Occurrences<'_>,
        stamp: &Stamp,
    ) -> Result<Written, Failure> {
        let standing = self.standing(write).await?;
        if write.if_match.is_some_and(|expected| standing.version.as_ref() != Some(expected)) {
            let detail = "the series has changed since it was read";
            return Err(Failure::Stale(Trouble::new("changed-series", detail)));
        }
        if !standing.event.is_series() {
            let detail = "the event is no series any more";
            return Err(Failure::Stale(Trouble::new("no-series", detail)));
        }
        if standing.is_meeting {
            return Err(protected());
        }
        let changes = standing.changes(&write.wanted);
        let found = self.instances_of(write, &standing, &changes).await?;
        if found.values().any(|instance| instance.is_meeting) {
            return Err(protected());
        }
        let begun = standing.version.clone();
        let mut progress = Progress { begun: begun.clone(), now: begun, has_written: false };
        for (date, change) in &changes {
            if let Some(instance) = found.get(date) {
                self.apply(write, instance, change, &mut progress).await?;
            }
        }
        self.stamp_series(write, stamp, progress).await
    }

    async fn standing(&self, write: &Occurrences<'_>) -> Result<Standing, Failure> {
        let master = one(self.read_masters(write.folder, std::slice::from_ref(write.id)).await);
        let master = master.map_err(|fault| fault.failure(Effect::Read))?;
        let read = event::read(&master, &self.properties).map_err(Failure::Permanent)?;
        let exceptions = series::exceptions(&read.event, &master).map_err(Failure::Permanent)?;
        Ok(Standing {
            event: read.event,
            version: read.version,
            is_meeting: has_attendees(&master),
            exceptions,
            cancelled: series::cancelled(&master),
        })
    }

    /// The instances that are to be written: of exceptions the ids are known, others are looked for
    /// on their days. Those that are there no more are missing.
    async fn instances_of(
        &self,
        write: &Occurrences<'_>,
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
            let day = reply.map_err(|fault| fault.failure(Effect::Read))?;
            let instances = day["value"].as_array().into_iter().flatten();
            let is_it = |one: &&Value| series::original_date(&standing.event, one) == Some(date);
            found.extend(instances.filter(is_it).map(|one| (date, series::instance(one))));
        }
        Ok(found)
    }

    /// Reads what a series has about the time when it has the occurrence of `date`.
    fn day(&self, write: &Occurrences<'_>, series: &Event, date: NaiveDate) -> Option<Step> {
        let timing = series.timing_on(date)?;
        // Around noon of a whole day, wherever that is.
        let noon = i64::from(matches!(timing, Timing::AllDay { .. })) * AROUND_SECONDS;
        let middle = instant(&timing).checked_add(noon)?;
        let from = rfc3339(middle.checked_sub(AROUND_SECONDS)?)?;
        let to = rfc3339(middle.checked_add(AROUND_SECONDS)?)?;
        let event = self.graph.links.event(write.folder.as_str(), write.id.as_str());
        Some(Step::get(format!(
            "{event}/instances?startDateTime={from}&endDateTime={to}\
             &$select=id,type,originalStart,start,end,isAllDay,originalStartTimeZone,attendees\
             &$top={OVERLAPPING_MAX}"
        )))
    }

    /// Writes one occurrence; one that is gone needs nothing.
    async fn apply(
        &self,
        write: &Occurrences<'_>,
        instance: &Instance,
        change: &Change,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Some(id) = &instance.id else { return Ok(()) };
        let url = self.graph.links.event(write.folder.as_str(), id.as_str());
        // Instances have the version of their series, which changes with each of them.
        let is_shared = instance.version == progress.begun;
        let version = if is_shared { progress.now.clone() } else { instance.version.clone() };
        let condition = version.map(|version| version.0);
        let steps = match change {
            Change::Patch(patch) => {
                let body = event::write(patch).map_err(Failure::Permanent)?;
                vec![Step::patch(url, Value::Object(body), condition)]
            }
            // Its answer is empty, so the version is read in the same breath.
            Change::Delete => {
                vec![Step::delete(url, condition), self.version_of(write).after_the_last()]
            }
        };
        let mut replies = self.graph.batch(&steps).await.into_iter();
        match replies.next().unwrap_or(Ok(Value::Null)) {
            Ok(answer) => {
                progress.has_written = true;
                if is_shared {
                    let last = replies.next().unwrap_or(Ok(answer));
                    progress.now = last.ok().as_ref().and_then(event::version);
                }
                Ok(())
            }
            Err(fault) if fault.refusal().is_some_and(|r| r.is_not_found()) => Ok(()),
            Err(fault) => Err(refused(fault)),
        }
    }

    fn version_of(&self, write: &Occurrences<'_>) -> Step {
        let event = self.graph.links.event(write.folder.as_str(), write.id.as_str());
        Step::get(format!("{event}?$select=id"))
    }

    /// Says on the master that all is written.
    async fn stamp_series(
        &self,
        write: &Occurrences<'_>,
        stamp: &Stamp,
        progress: Progress,
    ) -> Result<Written, Failure> {
        let version = match progress.has_written {
            true => {
                let now = one(self.read_steps(&[self.version_of(write)]).await);
                event::version(&now.map_err(|fault| fault.failure(Effect::Read))?)
            }
            false => progress.begun,
        };
        let url = self.graph.links.event(write.folder.as_str(), write.id.as_str());
        let body = json!({"singleValueExtendedProperties": self.properties.write(stamp, None)});
        let step = Step::patch(url, body, version.map(|version| version.0));
        let answer = one(self.graph.batch(&[step]).await);
        let answer = answer.map_err(|fault| fault.failure(Effect::Change))?;
        Ok(Written { id: write.id.clone(), version: event::version(&answer) })
    }
}

impl Standing {
    /// What is to be done for the occurrences to be as `wanted`, in an order in which none gets in the
    /// way of its neighbours: first what goes, then what moves later, from the last one on, then the
    /// rest.
    fn changes(&self, wanted: &BTreeMap<NaiveDate, Occurrence>) -> Vec<(NaiveDate, Change)> {
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

/// When something starts, in seconds; of whole days the midnight in UTC.
fn instant(timing: &Timing) -> i64 {
    match timing {
        Timing::Timed { start, .. } => *start,
        Timing::AllDay { start, .. } => start.and_time(NaiveTime::MIN).and_utc().timestamp(),
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
    fault.failure(Effect::Change)
}
