//! Reading series: a master with its exceptions and deleted occurrences.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::{Fault, Refusal};
use crate::map::event::{self, EXPAND_MASTER, Kind, SELECT, SELECT_MASTER};
use crate::map::series::original_date;
use crate::window::{VIEW_SECONDS_MAX, rfc3339};
use chrono::{Days, NaiveDate, NaiveTime};
use items::Event;
use items::recurrence::End;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use sync_core::ids::{FolderId, RemoteId};

/// Pages of instances that are read at most: more than a calendar view of 1825 days can fill.
const PAGES_MAX: usize = 20;
/// Instances asked for at a time.
const PAGE_SIZE: usize = 200;
/// How long a series may be to be gone through, in years.
const YEARS_MAX: u64 = 10;
/// How far an occurrence at an end of its series may have been moved away, in seconds: a year.
const MOVED_SECONDS: i64 = 366 * 86_400;

impl GraphRemote {
    /// Reads masters whole, in one request each.
    ///
    /// Where the service refuses the members that tell of occurrences, which came to v1.0 late, they
    /// are put together from the instances of the series.
    pub(crate) async fn read_masters(&self, folder: &FolderId, ids: &[RemoteId]) -> Vec<Reply> {
        let steps: Vec<Step> = ids.iter().map(|id| self.whole_master(folder, id)).collect();
        let mut masters = Vec::with_capacity(ids.len());
        for (id, reply) in ids.iter().zip(self.read_steps(&steps).await) {
            masters.push(self.made_whole(folder, id, reply).await);
        }
        masters
    }

    /// What the reply to [`Self::whole_master`] leaves to be read.
    pub(crate) async fn made_whole(&self, folder: &FolderId, id: &RemoteId, reply: Reply) -> Reply {
        match reply {
            Ok(mut master) => self.complete(&mut master).await.map(|()| master),
            Err(fault) if is_refused(&fault) => self.by_instances(folder, id).await,
            Err(fault) => Err(fault),
        }
    }

    /// Reads on where not all exceptions came with their master.
    async fn complete(&self, master: &mut Value) -> Result<(), Fault> {
        let link = master["exceptionOccurrences@odata.nextLink"].as_str().map(str::to_owned);
        let (Some(link), Value::Array(exceptions)) = (link, &mut master[EXPAND_MASTER]) else {
            return Ok(());
        };
        exceptions.extend(self.pages(link).await?);
        Ok(())
    }

    /// Reads a master with all that tells of its occurrences.
    pub(crate) fn whole_master(&self, folder: &FolderId, id: &RemoteId) -> Step {
        let event = self.graph.links.event(folder.as_str(), id.as_str());
        let expand = self.properties.expand();
        Step::get(format!(
            "{event}?$select={SELECT},{SELECT_MASTER}&$expand={EXPAND_MASTER},{expand}"
        ))
    }

    /// A master, completed with what all of its instances say.
    async fn by_instances(&self, folder: &FolderId, id: &RemoteId) -> Reply {
        let event = self.graph.links.event(folder.as_str(), id.as_str());
        let expand = self.properties.expand();
        let plain = Step::get(format!("{event}?$select={SELECT}&$expand={expand}"));
        let mut master = one(self.read_steps(&[plain]).await)?;
        let read = event::read(&master, &self.properties).map(|read| read.event);
        // What can't be read says so once more.
        let Some(series) = read.ok().filter(Event::is_series) else { return Ok(master) };
        let views = views(&series).ok_or_else(without_end)?;
        let mut instances = Vec::new();
        for view in views {
            instances.extend(self.instances(&event, view).await?);
        }
        let exceptions = instances.iter().filter(|one| one["type"] == "exception");
        let exceptions: Vec<Step> = exceptions
            .filter_map(|one| {
                let event = self.graph.links.event(folder.as_str(), one["id"].as_str()?);
                Some(Step::get(format!("{event}?$select={SELECT},originalStart")))
            })
            .collect();
        let exceptions = self.read_steps(&exceptions).await;
        master[EXPAND_MASTER] = exceptions.into_iter().collect::<Result<_, _>>()?;
        let found: BTreeSet<NaiveDate> =
            instances.iter().filter_map(|one| original_date(&series, one)).collect();
        let missing = dates(&series).filter(|date| !found.contains(date));
        let missing = missing.map(|date| format!("OID.{id}.{date}"));
        master["cancelledOccurrences"] = missing.collect();
        Ok(master)
    }

    /// The instances of a series within a stretch of time, in short.
    async fn instances(&self, event: &str, view: (i64, i64)) -> Result<Vec<Value>, Fault> {
        let view = rfc3339(view.0).zip(rfc3339(view.1));
        let (start, end) = view.ok_or_else(|| Fault::Garbled("no window".to_owned()))?;
        let first = self.graph.links.absolute(&format!(
            "{event}/instances?startDateTime={start}&endDateTime={end}\
             &$select=id,type,originalStart,start,end,isAllDay,originalStartTimeZone\
             &$top={PAGE_SIZE}"
        ));
        self.pages(first).await
    }

    /// The entries of a collection over all of its pages.
    pub(crate) async fn pages(&self, first: String) -> Result<Vec<Value>, Fault> {
        let garbled = |what: &str| Err(Fault::Garbled(what.to_owned()));
        let (mut next, mut found) = (first, Vec::new());
        for _ in 0..PAGES_MAX {
            if !self.graph.links.is_ours(&next) {
                return garbled("a link that leads to another server");
            }
            let mut page = self.graph.get(&next).await?;
            let Value::Array(entries) = page["value"].take() else {
                return garbled("a collection without entries");
            };
            found.extend(entries);
            match page["@odata.nextLink"].as_str() {
                None => return Ok(found),
                Some(link) => next = link.to_owned(),
            }
        }
        garbled("a collection without end")
    }
}

/// The masters among what was read, by position and id.
pub(crate) fn masters(ids: &[RemoteId], replies: &[Reply]) -> (Vec<usize>, Vec<RemoteId>) {
    let is_master = |reply: &Reply| reply.as_ref().is_ok_and(|v| event::kind(v) == Kind::Master);
    let found = ids.iter().zip(replies).enumerate().filter(|(_, (_, reply))| is_master(reply));
    found.map(|(at, (id, _))| (at, id.clone())).unzip()
}

/// The one reply of a batch of one.
pub(crate) fn one(replies: Vec<Reply>) -> Reply {
    let none = || Err(Fault::Garbled("a batch without an answer".to_owned()));
    replies.into_iter().next().unwrap_or_else(none)
}

fn is_refused(fault: &Fault) -> bool {
    fault.refusal().is_some_and(|refusal| [400, 501].contains(&refusal.status))
}

/// The stretches of time in which all instances of a series lie, however those at its ends were
/// moved; nothing for a series that is too long to be gone through.
///
/// A part of it would not do: what leaves the part that is looked at would seem to be taken back.
fn views(series: &Event) -> Option<Vec<(i64, i64)>> {
    let (first, end) = (series.first_date()?, series.recurrence.as_ref()?.rule()?.end);
    let longest = first.checked_add_days(Days::new(YEARS_MAX * 366))?;
    let last = match end {
        End::Never => return None,
        End::On(_) | End::Count(_) => dates(series).take_while(|date| *date <= longest).last()?,
    };
    if dates(series).any(|date| date > longest) {
        return None;
    }
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN).and_utc().timestamp();
    let (mut from, to) = (midnight(first) - MOVED_SECONDS, midnight(last) + MOVED_SECONDS);
    let mut views = Vec::new();
    while from < to {
        let next = to.min(from + VIEW_SECONDS_MAX);
        views.push((from, next));
        from = next;
    }
    Some(views)
}

fn dates(series: &Event) -> impl Iterator<Item = NaiveDate> + use<> {
    let rule = series.recurrence.as_ref().and_then(|recurrence| recurrence.rule());
    let dates = rule.zip(series.first_date()).map(|(rule, first)| rule.dates(first));
    dates.into_iter().flatten()
}

/// Says that a series can't be read from its instances.
fn without_end() -> Fault {
    let body = json!({"error": {
        "code": "series-without-end",
        "message": "this service doesn't tell which occurrences of a series were changed, and the \
                    series is too long to look at all of them"
    }});
    Fault::Refused(Refusal::with_body(400, None, &body))
}
