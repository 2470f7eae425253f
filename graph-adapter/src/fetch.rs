//! Reading events whole, in batches.

use crate::GraphRemote;
use crate::attachments::Held;
use crate::batch::{Reply, Step};
use crate::failure::{Effect, Fault};
use crate::map::event::{self, Kind};
use crate::series;
use items::field::Name;
use std::time::Duration;
use sync_core::ids::{FolderId, RemoteId};
use sync_core::port::{Failure, Fetched, Sighted, Trouble};

/// Longest wait before steps are read once more within a call, in milliseconds; longer waits are
/// the caller's to plan.
const WAIT_MS_MAX: u64 = 10_000;
/// The wait where the service names none, in milliseconds.
const WAIT_MS_DEFAULT: u64 = 1_000;

impl GraphRemote {
    /// Reads events as they stand in the calendar: one in the trash is missing.
    pub(crate) async fn fetch_events(
        &self,
        folder: &FolderId,
        ids: &[RemoteId],
    ) -> Result<Vec<Fetched>, Failure> {
        let query = self.whole_event();
        let step = |id: &RemoteId| {
            let event = self.graph.links.event(folder.as_str(), id.as_str());
            Step::get(format!("{event}?{query}"))
        };
        let steps: Vec<Step> = ids.iter().map(step).collect();
        let mut replies = self.read_steps(&steps).await;
        let (positions, masters) = series::masters(ids, &replies);
        for (at, reply) in positions.into_iter().zip(self.read_masters(folder, &masters).await) {
            replies[at] = reply;
        }
        self.all_fetched(folder, ids, replies).await
    }

    /// What was read, with its digests. Where something is attached that can't be read, what is
    /// attached is fixed: the rest of the item goes on, and nothing is taken off or put on here.
    pub(crate) fn sighted(&self, mut read: event::Read, held: Option<Vec<Held>>) -> Sighted {
        let mut fixed = self.fixed(read.native, read.is_online);
        let is_whole = |held: &Vec<Held>| held.iter().all(|one| one.file.is_some());
        fixed
            .extend(held.as_ref().is_some_and(|h| !is_whole(h)).then(|| Name::Attachments.field()));
        let files = held.map(|held| held.into_iter().filter_map(|one| one.file).collect());
        read.event.attachments = files;
        let sighted = self.digester.sighted(&read.event, read.version, read.edited_ms, read.stamp);
        Sighted { rendition: sighted.rendition.fixing(fixed), ..sighted }
    }

    /// Runs steps that read; those that the service had no time for are read once more, if others
    /// were served and the wait is short.
    pub(crate) async fn read_steps(&self, steps: &[Step]) -> Vec<Reply> {
        let mut replies = self.graph.batch(steps).await;
        let unserved: Vec<usize> =
            (0..replies.len()).filter(|&at| is_unserved(&replies[at])).collect();
        let wait_ms = unserved
            .iter()
            .filter_map(|&at| replies[at].as_ref().err()?.refusal()?.after_ms)
            .max()
            .unwrap_or(WAIT_MS_DEFAULT);
        if unserved.is_empty() || unserved.len() == steps.len() || wait_ms > WAIT_MS_MAX {
            return replies;
        }
        tokio::time::sleep(Duration::from_millis(wait_ms)).await;
        let again: Vec<Step> = unserved.iter().map(|&at| steps[at].clone()).collect();
        for (at, reply) in unserved.into_iter().zip(self.graph.batch(&again).await) {
            replies[at] = reply;
        }
        replies
    }

    /// Reads masters of series whole.
    pub(crate) async fn fetch_masters(
        &self,
        folder: &FolderId,
        ids: &[RemoteId],
    ) -> Result<Vec<Fetched>, Failure> {
        let replies = self.read_masters(folder, ids).await;
        self.all_fetched(folder, ids, replies).await
    }

    async fn all_fetched(
        &self,
        folder: &FolderId,
        ids: &[RemoteId],
        replies: Vec<Reply>,
    ) -> Result<Vec<Fetched>, Failure> {
        let some_were_read = replies.iter().any(is_said);
        let mut all = Vec::with_capacity(ids.len());
        for (id, reply) in ids.iter().zip(replies) {
            all.push(self.fetched(folder, id, reply, some_were_read).await?);
        }
        Ok(all)
    }

    async fn fetched(
        &self,
        folder: &FolderId,
        id: &RemoteId,
        reply: Reply,
        some_were_read: bool,
    ) -> Result<Fetched, Failure> {
        let fault = match reply {
            // It stands in the calendar as a part of its master only.
            Ok(value) if event::kind(&value) == Kind::Part => return Ok(Fetched::Missing),
            Ok(value) => {
                let read = match event::read(&value, &self.properties) {
                    Ok(read) if self.window.excludes(&read.event) => return Ok(Fetched::Outside),
                    Ok(read) => read,
                    Err(trouble) => return Ok(Fetched::Unreadable(trouble)),
                };
                return match self.held(folder, id, &read).await {
                    Ok(held) => Ok(Fetched::Found(Box::new(self.sighted(read, held)))),
                    Err(Failure::Missing(_)) => Ok(Fetched::Missing),
                    Err(Failure::Permanent(trouble)) => Ok(Fetched::Unreadable(trouble)),
                    Err(failure) => Err(failure),
                };
            }
            Err(fault) => fault,
        };
        let is_of_item = is_of_item(&fault, some_were_read);
        let failure = fault.failure(Effect::Read);
        if matches!(failure, Failure::Missing(_)) {
            Ok(Fetched::Missing)
        } else if is_of_item {
            let Trouble { code, detail } = failure.trouble();
            let detail = format!("Graph has the event and can't deliver it: {detail}");
            Ok(Fetched::Unreadable(Trouble::new(code, detail)))
        } else {
            Err(failure)
        }
    }
}

/// Whether the service said anything about the item itself.
fn is_said(reply: &Reply) -> bool {
    match reply {
        Ok(_) => true,
        Err(fault) => fault.refusal().is_some_and(|r| r.is_not_found()),
    }
}

fn is_unserved(reply: &Reply) -> bool {
    reply
        .as_ref()
        .is_err_and(|fault| fault.refusal().is_some_and(|r| r.status == 429 || r.status >= 500))
}

/// Whether a refusal speaks of this item and not of the service: corrupt items are refused with
/// 4xx, or with 500 again and again while others are served. 502 to 504 are a gateway's words.
fn is_of_item(fault: &Fault, some_were_read: bool) -> bool {
    fault.refusal().is_some_and(|refusal| match refusal.status {
        _ if refusal.is_throttle() => false,
        401 | 403 | 404 | 408 | 423 => false,
        400..500 => true,
        500 if some_were_read => true,
        500.. => refusal.is_any(&["ErrorCorruptData", "ErrorInvalidRecipients"]),
        _ => false,
    })
}
