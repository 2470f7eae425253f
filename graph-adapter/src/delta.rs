//! The stream of a calendar's changes: an enumeration first, then rounds of delta pages.
//!
//! A delta tells only of what changed since its own first round, and that round can't tell what left
//! while it went on. So the first round is read before the enumeration, for its bookmark alone: what
//! is enumerated and leaves afterwards is a change since the bookmark.

use crate::cursor::{Bookmark, Size, Stage, Windowed};
use crate::failure::{Effect, Fault};
use crate::map::event::{self, Kind};
use crate::transport::Call;
use crate::window::rfc3339;
use crate::{DeltaForm, GraphRemote, garbled, values};
use serde_json::Value;
use std::collections::BTreeSet;
use sync_core::ids::{Cursor, FolderId, RemoteId};
use sync_core::port::{Change, Failure, Fetched, Hint, Page, Trouble};

/// Events asked for at a time, in an enumeration and in a delta.
const LIST_PAGE_SIZE: u32 = 100;
const DELTA_PAGE_SIZE: u32 = 200;
/// How many times in a row the same page may come; pages without entries are normal, so longer.
const SAME_PAGES_MAX: u32 = 3;
const EMPTY_PAGES_MAX: u32 = 100;

impl GraphRemote {
    pub(crate) async fn pull_page(
        &self,
        folder: &FolderId,
        cursor: Option<&Cursor>,
    ) -> Result<Page, Failure> {
        let Some(cursor) = cursor else {
            let bookmark = Bookmark::new(Stage::Prime, self.window.view(self.now()));
            return self.begin_delta(folder, bookmark).await;
        };
        let bookmark = Bookmark::read(cursor)
            .ok_or_else(|| expired("foreign-cursor", "it is none of ours"))?;
        match (bookmark.stage, bookmark.url.clone()) {
            (Stage::Prime, None) => self.begin_delta(folder, bookmark).await,
            (Stage::Prime, Some(url)) => {
                let answer = self.follow(&url, page_size(&bookmark)).await?;
                self.primed(bookmark, &answer)
            }
            (Stage::List, None) => {
                let events = self.graph.links.events(folder.as_str());
                let query = format!("{events}?$top={LIST_PAGE_SIZE}&{}", self.whole_event());
                let answer = self.graph.get(&self.graph.links.absolute(&query)).await;
                let answer = answer.map_err(|f| f.failure(Effect::Read))?;
                self.listed(folder, bookmark, &answer).await
            }
            (Stage::List, Some(url)) => {
                let answer = self.follow(&url, None).await?;
                self.listed(folder, bookmark, &answer).await
            }
            (Stage::Delta, Some(url)) => {
                let is_new_round = bookmark.pages.last.is_none();
                if is_new_round
                    && bookmark.windowed == Windowed::Yes
                    && self.window.is_outdated(bookmark.window, self.now())
                {
                    return Err(expired("outdated-window", "its window has to be moved on"));
                }
                let answer = self.follow(&url, page_size(&bookmark)).await?;
                self.changed(folder, bookmark, &answer).await
            }
            (Stage::Delta, None) => Err(expired("foreign-cursor", "it leads nowhere")),
            // Who has enumerated asks once more, for what changed meanwhile.
            (Stage::ListOnly, _) if bookmark.pages.times == 0 => {
                let mut spent = bookmark;
                spent.pages.times = 1;
                Ok(Page { changes: Vec::new(), cursor: spent.write(), more: false })
            }
            (Stage::ListOnly, _) => {
                Err(expired("delta-over-quota", "the mailbox is too full for Graph to keep one"))
            }
        }
    }

    /// Reads from a link that was kept. Any refusal of the link itself means that it is worth
    /// nothing any more: links were seen that stay broken for ever.
    async fn follow(&self, url: &str, page_size: Option<u32>) -> Result<Value, Failure> {
        if !self.graph.links.is_ours(url) {
            return Err(expired("foreign-link", "it leads to another server"));
        }
        let answer = self.graph.send(&Call { url, body: None, page_size }, 1).await;
        answer.map_err(|fault| {
            let is_of_link = fault.refusal().is_some_and(|refusal| {
                (400..500).contains(&refusal.status)
                    && ![401, 403, 408, 429].contains(&refusal.status)
            });
            let is_worthless = is_of_link || is_quota(&fault);
            let failure = fault.failure(Effect::Read);
            if is_worthless && !matches!(failure, Failure::Unauthorized(_)) {
                return Failure::CursorExpired(failure.trouble().clone());
            }
            failure
        })
    }

    /// A page of the enumeration, its items whole.
    async fn listed(
        &self,
        folder: &FolderId,
        bookmark: Bookmark,
        answer: &Value,
    ) -> Result<Page, Failure> {
        let (mut changes, mut masters) = (Vec::new(), BTreeSet::new());
        for value in values(answer)? {
            let id = id_of(value)?;
            if event::kind(value) == Kind::Master {
                masters.insert(id);
                continue;
            }
            match event::read(value, &self.properties) {
                Ok(read) if self.window.excludes(&read.event) => {}
                // What is attached is read with the item.
                Ok(read) if read.has_files && self.files.is_some() => {
                    changes.push(Change { id, hint: look() });
                }
                Ok(read) => {
                    let version = read.version.clone();
                    let held = self.files.is_some().then(Vec::new);
                    let item = Some(Box::new(self.sighted(read, held)));
                    changes.push(Change { id, hint: Hint::Changed { version, item } });
                }
                // The fetch that this asks for says why.
                Err(_) => changes.push(Change { id, hint: look() }),
            }
        }
        let masters = self.look_at_masters(folder, masters).await?.into_iter();
        let inside = masters.filter(|(_, found)| *found != Fetched::Outside);
        changes.extend(inside.map(|(id, found)| Change { id, hint: seen(found) }));
        let next = self.link(answer, "@odata.nextLink")?;
        let more = next.is_some();
        let bookmark = match next {
            Some(next) => bookmark.at(next),
            None => bookmark.followed(),
        };
        Ok(Page { changes, cursor: bookmark.write(), more })
    }

    /// The first page of the first round.
    async fn begin_delta(&self, folder: &FolderId, mut mark: Bookmark) -> Result<Page, Failure> {
        let links = &self.graph.links;
        if self.delta == DeltaForm::UnboundedIfAvailable {
            let url = links.absolute(&links.events_delta(folder.as_str()));
            match self.first_page(&url, &mark).await {
                Ok(answer) => {
                    mark.windowed = Windowed::No;
                    return self.primed(mark, &answer);
                }
                Err(fault) if is_unsupported(&fault) => {}
                Err(fault) => return over_quota(mark, fault),
            }
        }
        let (start, end) = mark.window;
        let (Some(start), Some(end)) = (rfc3339(start), rfc3339(end)) else {
            return Err(expired("foreign-cursor", "its window lies in no year"));
        };
        let url = links.absolute(&links.view_delta(folder.as_str(), &start, &end));
        match self.first_page(&url, &mark).await {
            Ok(answer) => self.primed(mark, &answer),
            Err(fault) => over_quota(mark, fault),
        }
    }

    /// A page of the first round. What it names, the enumeration will show.
    fn primed(&self, mut mark: Bookmark, answer: &Value) -> Result<Page, Failure> {
        let entries = values(answer)?;
        let mark = match self.link(answer, "@odata.nextLink")? {
            Some(_) if self.is_endless(&mut mark, entries) => {
                if mark.pages.size == Size::Servers {
                    return Err(endless());
                }
                let mut again = Bookmark::new(Stage::Prime, mark.window);
                again.pages.size = Size::Servers;
                again
            }
            Some(next) => mark.at(next),
            None => {
                let link = self.link(answer, "@odata.deltaLink")?;
                mark.listing(link.ok_or_else(|| garbled("a page of changes without a link"))?)
            }
        };
        Ok(Page { changes: Vec::new(), cursor: mark.write(), more: true })
    }

    async fn first_page(&self, url: &str, bookmark: &Bookmark) -> Result<Value, Fault> {
        self.graph.send(&Call { url, body: None, page_size: page_size(bookmark) }, 1).await
    }

    /// A page of changes. Its entries are sparse: they name what is to be read.
    async fn changed(
        &self,
        folder: &FolderId,
        mut mark: Bookmark,
        answer: &Value,
    ) -> Result<Page, Failure> {
        let entries = values(answer)?;
        let mut changes = entries.iter().filter_map(change).collect::<Result<Vec<_>, _>>()?;
        let masters = entries.iter().filter_map(master_of).collect();
        let masters = self.look_at_masters(folder, masters).await?.into_iter();
        changes.extend(masters.map(|(id, found)| Change { id, hint: seen(found) }));
        if mark.windowed == Windowed::Yes && self.window.exceeds(mark.window) {
            self.look_up_removed(folder, &mut changes).await?;
        }
        if let Some(next) = self.link(answer, "@odata.nextLink")? {
            if self.is_endless(&mut mark, entries) {
                return Err(expired("endless-delta", "it leads to the same page again and again"));
            }
            return Ok(Page { changes, cursor: mark.at(next).write(), more: true });
        }
        let link = self.link(answer, "@odata.deltaLink")?;
        let link = link.ok_or_else(|| garbled("a page of changes without a link"))?;
        (mark.pages.last, mark.pages.times) = (None, 0);
        Ok(Page { changes, cursor: mark.at(link).write(), more: false })
    }

    /// Reads the masters that a page names or whose occurrences it names: no page tells all of them.
    async fn look_at_masters(
        &self,
        folder: &FolderId,
        ids: BTreeSet<RemoteId>,
    ) -> Result<Vec<(RemoteId, Fetched)>, Failure> {
        let ids: Vec<RemoteId> = ids.into_iter().collect();
        let found = self.fetch_masters(folder, &ids).await?;
        Ok(ids.into_iter().zip(found).collect())
    }

    /// A delta with a window says "removed" of whatever is created, edited or moved outside it: so
    /// that is read (MS docs: event: delta).
    async fn look_up_removed(
        &self,
        folder: &FolderId,
        changes: &mut [Change],
    ) -> Result<(), Failure> {
        let removed: Vec<&mut Change> =
            changes.iter_mut().filter(|change| change.hint == Hint::Gone).collect();
        let ids: Vec<RemoteId> = removed.iter().map(|change| change.id.clone()).collect();
        let found = self.fetch_events(folder, &ids).await?;
        for (change, found) in removed.into_iter().zip(found) {
            match found {
                Fetched::Found(_) | Fetched::Unreadable(_) => change.hint = seen(found),
                Fetched::Missing | Fetched::Outside => {}
            }
        }
        Ok(())
    }

    /// Counts how often this very page has come in a row; whether that is too often.
    fn is_endless(&self, bookmark: &mut Bookmark, entries: &[Value]) -> bool {
        let text: String = entries
            .iter()
            .map(|entry| format!("{} {}\n", entry["id"], entry["@odata.etag"]))
            .collect();
        let digest = Some(self.digester.text("graph page", &text).to_string());
        let pages = &mut bookmark.pages;
        pages.times = if pages.last == digest { pages.times + 1 } else { 1 };
        pages.last = digest;
        pages.times >= if entries.is_empty() { EMPTY_PAGES_MAX } else { SAME_PAGES_MAX }
    }
}

fn page_size(bookmark: &Bookmark) -> Option<u32> {
    match bookmark.pages.size {
        Size::Ours => Some(DELTA_PAGE_SIZE),
        Size::Servers => None,
    }
}

/// The master of the series that an entry is of.
fn master_of(entry: &Value) -> Option<RemoteId> {
    let name = match event::kind(entry) {
        _ if !entry["@removed"].is_null() => return None,
        Kind::Single => return None,
        Kind::Master => "id",
        Kind::Part => "seriesMasterId",
    };
    entry[name].as_str().map(RemoteId::from)
}

/// What an entry of a delta says by itself; nothing for a series, which is read whole.
fn change(entry: &Value) -> Option<Result<Change, Failure>> {
    let id = match id_of(entry) {
        Ok(id) => id,
        Err(failure) => return Some(Err(failure)),
    };
    // The reason of a removal means nothing: services and samples disagree on it.
    let hint = match event::kind(entry) {
        _ if !entry["@removed"].is_null() => Hint::Gone,
        Kind::Part | Kind::Master => return None,
        Kind::Single => Hint::Changed { version: event::version(entry), item: None },
    };
    Some(Ok(Change { id, hint }))
}

fn id_of(value: &Value) -> Result<RemoteId, Failure> {
    value["id"].as_str().map(RemoteId::from).ok_or_else(|| garbled("an entry without an id"))
}

/// What a reading says; where it gave nothing, the fetch that is asked for says why.
fn seen(found: Fetched) -> Hint {
    match found {
        Fetched::Found(item) => {
            Hint::Changed { version: item.rendition.version.clone(), item: Some(item) }
        }
        Fetched::Unreadable(_) | Fetched::Missing | Fetched::Outside => look(),
    }
}

/// Says that an item is there, and nothing more.
fn look() -> Hint {
    Hint::Changed { version: None, item: None }
}

fn expired(code: &str, why: &str) -> Failure {
    Failure::CursorExpired(Trouble::new(code, format!("the bookmark can't be used: {why}")))
}

fn endless() -> Failure {
    Failure::Permanent(Trouble::new(
        "endless-delta",
        "Graph delivers the same page of changes again and again; a smaller window of time may help",
    ))
}

fn is_unsupported(fault: &Fault) -> bool {
    fault.refusal().is_some_and(|refusal| [400, 404, 405, 501].contains(&refusal.status))
}

fn is_quota(fault: &Fault) -> bool {
    fault.refusal().is_some_and(|refusal| refusal.is_any(&["ErrorQuotaExceeded"]))
}

/// A delta keeps its state in the mailbox; where that is full, every run enumerates instead.
fn over_quota(bookmark: Bookmark, fault: Fault) -> Result<Page, Failure> {
    if !is_quota(&fault) {
        return Err(fault.failure(Effect::Read));
    }
    // Without a bookmark to follow, the enumeration is all there is.
    let cursor = Bookmark::new(Stage::List, bookmark.window).write();
    Ok(Page { changes: Vec::new(), cursor, more: true })
}
