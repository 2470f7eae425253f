//! Microsoft Graph as a replica: the calendars of one mailbox in Exchange Online.
//!
//! [`GraphRemote`] reads by enumeration and delta, writes in batches that carry a stamp, and finds
//! out by stamp what became of a write. Facts about the service are from its documentation; those
//! that only its clients report say so.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod attachments;
mod batch;
mod cursor;
mod delta;
mod failure;
mod fetch;
mod hierarchy;
mod json;
mod late;
mod links;
mod map;
mod occurrences;
mod people;
mod probe;
mod series;
mod stamp;
mod target;
mod transport;
mod upload;
mod window;
mod write;

use crate::failure::Effect;
use crate::links::Links;
use crate::stamp::Properties;
use crate::transport::Graph;
use crate::window::Window;
use async_trait::async_trait;
use entra_auth::TokenSource;
use items::field::Name;
use items::{Digester, Travel};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use sync_core::ids::{Cursor, FolderId, RemoteId};
use sync_core::port::{
    Capabilities, Failure, Fetched, Files, Folder, FolderKind, Page, Probe, Probed, Remote,
    Trouble, Write, Written,
};

/// The public cloud's address.
pub const DEFAULT_BASE: &str = "https://graph.microsoft.com/v1.0";

/// Graph's scope for application permissions.
pub const SCOPE: &str = "https://graph.microsoft.com/.default";

/// What a remote is made from.
#[derive(Debug, Clone)]
pub struct Config {
    /// The service's address with its version; [`DEFAULT_BASE`].
    pub base: String,
    /// The mailbox, by address or by id.
    pub mailbox: String,
    /// The id of the state file, which the stamp's name contains.
    pub state_id: String,
    /// What is synchronised, in seconds since 1970 UTC; everything without.
    pub window: Option<(i64, i64)>,
    /// How changes are asked for.
    pub delta: DeltaForm,
    /// The clock: asked only for where the window of a new delta lies.
    pub now: fn() -> SystemTime,
}

/// How changes of a calendar are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum DeltaForm {
    /// `calendarView/delta`, which is documented for v1.0 and looks at 1825 days at most. What
    /// changes outside them it reports as removed; such items are looked up.
    #[default]
    Windowed,
    /// `events/delta` without a window where the service has it (documented for beta only, used on
    /// v1.0 by Thunderbird), else as above.
    UnboundedIfAvailable,
}

impl Config {
    /// The usual settings for a mailbox in the public cloud.
    #[expect(clippy::disallowed_methods, reason = "named here, and read only to choose a window")]
    pub fn new(mailbox: impl Into<String>, state_id: impl Into<String>) -> Self {
        Self {
            base: DEFAULT_BASE.to_owned(),
            mailbox: mailbox.into(),
            state_id: state_id.into(),
            window: None,
            delta: DeltaForm::default(),
            now: SystemTime::now,
        }
    }
}

/// A configuration that can't be used; nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The service's address.
    #[error(
        "{0:?} is no address of Graph: it must be an https:// URL (http:// is for this machine's \
         own address only)"
    )]
    Base(String),
    /// The window.
    #[error("the window must end after it begins, within the years 1 to 9999")]
    Window,
}

/// The calendars of one mailbox.
pub struct GraphRemote {
    graph: Graph,
    properties: Properties,
    digester: Digester,
    window: Window,
    delta: DeltaForm,
    now: fn() -> SystemTime,
    mailbox: String,
    travel: Travel,
    files: Option<Arc<dyn Files>>,
}

impl GraphRemote {
    /// Opens the mailbox; nothing is sent yet.
    ///
    /// Requests at a time are counted for this remote, so there should be one per mailbox.
    pub fn new(
        config: Config,
        transport: Arc<dyn wire::Transport>,
        tokens: Arc<TokenSource>,
        digester: Digester,
    ) -> Result<Self, Error> {
        let links = Links::new(&config.base, &config.mailbox)
            .ok_or_else(|| Error::Base(config.base.clone()))?;
        Ok(Self {
            graph: Graph::new(links, transport, tokens),
            properties: Properties::new(&config.state_id),
            digester,
            window: Window::new(config.window).ok_or(Error::Window)?,
            delta: config.delta,
            now: config.now,
            mailbox: config.mailbox,
            travel: Travel::default(),
            files: None,
        })
    }

    /// Lets the people of events travel in this way.
    #[must_use]
    pub fn with_travel(self, travel: Travel) -> Self {
        Self { travel, ..self }
    }

    /// Keeps what is attached to events in `files`; without them attachments are left alone.
    #[must_use]
    pub fn with_files(self, files: Arc<dyn Files>) -> Self {
        Self { files: Some(files), ..self }
    }

    /// In seconds since 1970 UTC.
    fn now(&self) -> i64 {
        (self.now)()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0))
    }

    /// The query that reads an event whole.
    fn whole_event(&self) -> String {
        format!("$select={}&$expand={}", map::event::SELECT, self.properties.expand())
    }

    /// A link that the server gave for the next page, if it did.
    fn link(&self, answer: &Value, name: &str) -> Result<Option<String>, Failure> {
        match answer[name].as_str() {
            Some(link) if self.graph.links.is_ours(link) => Ok(Some(link.to_owned())),
            Some(_) => Err(Failure::Permanent(Trouble::new(
                "foreign-link",
                "Graph's link to the next page leads to another server; it is not followed",
            ))),
            None => Ok(None),
        }
    }
}

#[async_trait]
impl Remote for GraphRemote {
    fn capabilities(&self) -> Capabilities {
        // Another pattern or another start has other occurrences: Exchange drops what was known of
        // the old ones.
        let occurrences = BTreeSet::from([Name::Timing.field(), Name::Recurrence.field()]);
        let mut late = BTreeMap::from([(Name::Occurrences.field(), occurrences)]);
        let mut fields = items::field::all();
        if self.files.is_some() {
            late.insert(Name::Attachments.field(), BTreeSet::new());
        } else {
            fields.remove(&Name::Attachments.field());
        }
        Capabilities {
            fields,
            late,
            // A create that arrives twice with one transactionId makes one event.
            dedupes_creates: true,
            create_grace_ms: 0,
            write_grace_ms: 90_000,
        }
    }

    async fn folders(&self) -> Result<Vec<Folder>, Failure> {
        let query = "?$top=100&$select=id,name,isDefaultCalendar";
        let first = format!("{}{query}", self.graph.links.calendars());
        let mut next = Some(self.graph.links.absolute(&first));
        let mut folders = Vec::new();
        while let Some(url) = next {
            let answer = self.graph.get(&url).await.map_err(|f| f.failure(Effect::Read))?;
            folders.extend(values(&answer)?.iter().filter_map(folder));
            next = self.link(&answer, "@odata.nextLink")?.filter(|link| *link != url);
        }
        Ok(folders)
    }

    async fn pull(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        self.pull_page(folder, cursor).await
    }

    async fn fetch(&self, folder: &FolderId, ids: &[RemoteId]) -> Result<Vec<Fetched>, Failure> {
        self.fetch_events(folder, ids).await
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        self.write_events(writes).await
    }

    async fn probe(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
        self.probe_events(probes).await
    }
}

fn folder(calendar: &Value) -> Option<Folder> {
    Some(Folder {
        id: FolderId::from(calendar["id"].as_str()?),
        name: calendar["name"].as_str().unwrap_or_default().to_owned(),
        kind: FolderKind::Calendar,
        is_default: calendar["isDefaultCalendar"].as_bool() == Some(true),
    })
}

/// The entries of a collection.
fn values(answer: &Value) -> Result<&[Value], Failure> {
    let values = answer["value"].as_array().map(Vec::as_slice);
    values.ok_or_else(|| garbled("a collection without entries"))
}

/// What is to be done about a page that is none: read it again.
fn garbled(what: &str) -> Failure {
    Failure::Transient(Trouble::new("garbled-answer", what))
}
