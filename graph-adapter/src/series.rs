//! Reading series: a master with its exceptions and deleted occurrences.

use crate::GraphRemote;
use crate::batch::{Reply, Step};
use crate::failure::Fault;
use crate::map::event::{self, EXPAND_MASTER, Kind, SELECT, SELECT_MASTER};
use crate::map::series::original_date;
use crate::window::rfc3339;
use chrono::NaiveDate;
use items::{Event, Timing};
use serde_json::Value;
use std::collections::BTreeSet;
use sync_core::ids::{FolderId, RemoteId};

/// Pages of instances that are read at most: more than a calendar view of 1825 days can fill.
const PAGES_MAX: usize = 20;
/// Instances asked for at a time.
const PAGE_SIZE: usize = 200;
const DAY_SECONDS: i64 = 86_400;

impl GraphRemote {
    /// Reads masters whole, in one request each.
    ///
    /// Where the service refuses the members that tell of occurrences, which came to v1.0 late, they
    /// are put together from the instances of the series.
    pub(crate) async fn read_masters(&self, folder: &FolderId, ids: &[RemoteId]) -> Vec<Reply> {
        let steps: Vec<Step> = ids.iter().map(|id| self.whole_master(folder, id)).collect();
        let mut replies = self.read_steps(&steps).await;
        for (id, reply) in ids.iter().zip(&mut replies) {
            if reply.as_ref().is_err_and(is_refused) {
                *reply = self.by_instances(folder, id).await;
            }
        }
        replies
    }

    fn whole_master(&self, folder: &FolderId, id: &RemoteId) -> Step {
        let event = self.graph.links.event(folder.as_str(), id.as_str());
        let expand = self.properties.expand();
        Step::get(format!(
            "{event}?$select={SELECT},{SELECT_MASTER}&$expand={EXPAND_MASTER},{expand}"
        ))
    }

    /// A master, completed with what its instances within the window say.
    async fn by_instances(&self, folder: &FolderId, id: &RemoteId) -> Reply {
        let event = self.graph.links.event(folder.as_str(), id.as_str());
        let expand = self.properties.expand();
        let plain = Step::get(format!("{event}?$select={SELECT},attendees&$expand={expand}"));
        let mut master = one(self.read_steps(&[plain]).await)?;
        let Ok(series) = event::read(&master, &self.properties).map(|read| read.event) else {
            // What can't be read says so once more.
            return Ok(master);
        };
        let view = self.window.view(self.now());
        let instances = self.instances(&event, view).await?;
        let exceptions = instances.iter().filter(|one| one["type"] == "exception");
        let exceptions: Vec<Step> = exceptions
            .filter_map(|one| {
                let event = self.graph.links.event(folder.as_str(), one["id"].as_str()?);
                Some(Step::get(format!("{event}?$select={SELECT},originalStart,attendees")))
            })
            .collect();
        let exceptions = self.read_steps(&exceptions).await;
        master[EXPAND_MASTER] = exceptions.into_iter().collect::<Result<_, _>>()?;
        let found = instances.iter().filter_map(|one| original_date(&series, one)).collect();
        let missing = missing(&series, view, &found);
        let missing = missing.iter().map(|date| format!("OID.{id}.{date}"));
        master["cancelledOccurrences"] = missing.collect();
        Ok(master)
    }

    /// The instances of a series within a stretch of time, in short.
    async fn instances(&self, event: &str, view: (i64, i64)) -> Result<Vec<Value>, Fault> {
        let garbled = |what: &str| Fault::Garbled(what.to_owned());
        let (start, end) = rfc3339(view.0).zip(rfc3339(view.1)).ok_or_else(|| garbled("window"))?;
        let mut next = self.graph.links.absolute(&format!(
            "{event}/instances?startDateTime={start}&endDateTime={end}\
             &$select=id,type,originalStart,start,end,isAllDay,originalStartTimeZone\
             &$top={PAGE_SIZE}"
        ));
        let mut found = Vec::new();
        for _ in 0..PAGES_MAX {
            let mut page = self.graph.get(&next).await?;
            let Value::Array(instances) = page["value"].take() else {
                return Err(garbled("a collection without entries"));
            };
            found.extend(instances);
            match page["@odata.nextLink"].as_str() {
                None => return Ok(found),
                Some(link) if self.graph.links.is_ours(link) => next = link.to_owned(),
                Some(_) => return Err(garbled("a link that leads to another server")),
            }
        }
        Err(garbled("instances without end"))
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

/// The dates of a series that lie well within a stretch of time and were not found there.
fn missing(series: &Event, view: (i64, i64), found: &BTreeSet<NaiveDate>) -> Vec<NaiveDate> {
    let rule = series.recurrence.as_ref().and_then(|recurrence| recurrence.rule());
    let Some((rule, first)) = rule.zip(series.first_date()) else { return Vec::new() };
    let start_of = |date| match series.timing_on(date)? {
        Timing::Timed { start, .. } => Some(start),
        Timing::AllDay { start, .. } => {
            Some(start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp())
        }
    };
    let dated = rule.dates(first).filter_map(|date| Some((date, start_of(date)?)));
    dated
        .take_while(|(_, start)| *start < view.1 - DAY_SECONDS)
        .filter(|(date, start)| *start > view.0 + DAY_SECONDS && !found.contains(date))
        .map(|(date, _)| date)
        .collect()
}
