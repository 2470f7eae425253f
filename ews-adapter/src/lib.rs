//! Exchange Web Services as a replica: SOAP over HTTP against Exchange 2013 and later.
//!
//! [`EwsRemote`] is one mailbox. What the server may do to people is fixed here: nobody is mailed
//! an invitation, an update, a cancellation or a receipt by any request, deletions go to Deleted
//! Items, and nothing is overwritten that was not seen.
//!
//! Of a series, people and attachments are those of the whole: what an occurrence has of its own in
//! these is not read and not touched.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test may panic"))]

mod attached;
mod batch;
mod entry_id;
mod failure;
mod fetch;
mod folders;
mod hierarchy;
mod map;
mod ops;
mod probe;
mod pull;
mod sanitize;
mod soap;
mod stamp;
mod standing;
mod transport;
mod write;

use async_trait::async_trait;
use items::Digester;
use items::field::Name;
use items::people::Travel;
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use sync_core::ids::{Cursor, FolderId, RemoteId};
use sync_core::port::{
    Capabilities, Failure, Fetched, Files, Folder, Page, Probe, Probed, Remote, Write, Written,
};
use transport::Caller;
use url::Url;

/// How long a copy of a request may still be under way, in milliseconds: Exchange ends a request
/// after one minute at most, and proxies add to it.
const GRACE_MS: i64 = 90_000;

/// Where a mailbox is, and who reads it.
#[derive(Debug, Clone)]
pub struct Config {
    /// The address of the service, as `https://mail.example/EWS/Exchange.asmx`.
    pub url: Url,
    /// How to sign in.
    pub auth: Auth,
    /// The address of the mailbox to act for by ExchangeImpersonation; without it the account acts
    /// in its own name.
    pub impersonate: Option<String>,
    /// The address of the mailbox to synchronise.
    pub mailbox: String,
    /// The id of the state file; part of the name of the property that items are stamped with.
    pub state_id: String,
    /// The instants, in seconds since 1970 UTC, from and until which events are synchronised.
    pub window: Option<(i64, i64)>,
}

/// How to sign in.
#[derive(Debug, Clone)]
pub enum Auth {
    /// Basic authentication.
    Basic {
        /// A user name, `DOMAIN\user`, or a user principal name.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// A mailbox behind Exchange Web Services.
pub struct EwsRemote {
    caller: Caller,
    /// Whose folders the distinguished names mean, where they aren't those of the account.
    owner: Option<String>,
    mailbox: String,
    travel: Travel,
    files: Option<Arc<dyn Files>>,
    property: stamp::Property,
    window: Option<(i64, i64)>,
    digester: Digester,
}

impl EwsRemote {
    /// The mailbox of `config`, reached over `transport`; `digester` makes digests of its items.
    pub fn new(config: Config, transport: Arc<dyn wire::Transport>, digester: Digester) -> Self {
        let Auth::Basic { user, .. } = &config.auth;
        let own = config.impersonate.is_some() || user.eq_ignore_ascii_case(&config.mailbox);
        Self {
            caller: Caller::new(&config, transport),
            owner: (!own).then(|| config.mailbox.clone()),
            property: stamp::Property::new(&config.state_id),
            window: config.window,
            digester,
            mailbox: config.mailbox,
            travel: Travel::Carry,
            files: None,
        }
    }

    /// Synchronises attachments, whose bytes lie in `files`; without, there are none.
    #[must_use]
    pub fn with_files(mut self, files: Arc<dyn Files>) -> Self {
        self.files = Some(files);
        self
    }

    /// Lets the people of an event travel so where the server doesn't know them; by default in a
    /// property of ours alone. Nobody is mailed either way.
    #[must_use]
    pub fn with_travel(mut self, travel: Travel) -> Self {
        self.travel = travel;
        self
    }

    /// Reads what lies in `folder`.
    fn reading<'a>(&'a self, folder: &'a str) -> map::event::Reading<'a> {
        let (property, mailbox) = (&self.property, self.mailbox.as_str());
        map::event::Reading { folder, window: self.window, property, mailbox }
    }

    fn setting(&self) -> map::draft::Setting<'_> {
        let (property, mailbox) = (&self.property, self.mailbox.as_str());
        map::draft::Setting { property, mailbox, travel: self.travel }
    }
}

#[async_trait]
impl Remote for EwsRemote {
    fn capabilities(&self) -> Capabilities {
        let emptied_by = [Name::Timing, Name::Recurrence].into_iter().map(Name::field).collect();
        let mut fields = items::field::all();
        let mut late = BTreeMap::from([(Name::Occurrences.field(), emptied_by)]);
        if self.files.is_some() {
            late.insert(Name::Attachments.field(), BTreeSet::new());
        } else {
            fields.remove(&Name::Attachments.field());
        }
        Capabilities {
            fields,
            late,
            dedupes_creates: false,
            create_grace_ms: GRACE_MS,
            write_grace_ms: GRACE_MS,
        }
    }

    async fn folders(&self) -> Result<Vec<Folder>, Failure> {
        folders::list(self).await
    }

    async fn pull(&self, folder: &FolderId, cursor: Option<&Cursor>) -> Result<Page, Failure> {
        pull::page(self, folder, cursor).await
    }

    async fn fetch(&self, folder: &FolderId, ids: &[RemoteId]) -> Result<Vec<Fetched>, Failure> {
        fetch::items(self, folder, ids).await
    }

    async fn write(&self, writes: &[Write]) -> Vec<Result<Written, Failure>> {
        write::all(self, writes).await
    }

    async fn probe(&self, probes: &[Probe]) -> Result<Vec<Probed>, Failure> {
        probe::all(self, probes).await
    }
}
