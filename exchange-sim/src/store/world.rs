//! Everything the built-in Exchange holds.

use super::import::Sessions;
use super::log::Log;
use super::mailbox::Mailbox;
use super::rng::Rng;
use super::sent::Sent;
use super::subscription::Subscriptions;
use super::upload::Uploads;
use crate::Request;
use crate::config::{Config, Profile};
use crate::connection::Connections;
use crate::control::Recorded;
use crate::ews::Budgets;
use crate::fault::Faults;
use crate::graph::{Pace, Webhooks};
use crate::seed_dir::Report;
use crate::token::Tokens;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// Requests kept to be carried out later; older ones are forgotten.
const POSTPONED_MAX: usize = 1_000;

/// All mailboxes, the clock, and what tests look at.
#[derive(Debug)]
pub struct World {
    /// What it was started with.
    pub config: Config,
    /// By address in lower case.
    pub mailboxes: BTreeMap<String, Mailbox>,
    /// Everything that left a mailbox, as long as there is room.
    pub sent: Log<Sent>,
    /// Every request but those to the control API, as long as there is room.
    pub requests: Log<Recorded>,
    /// Faults that wait for their request.
    pub faults: Faults,
    /// Bearer tokens given out.
    pub tokens: Tokens,
    /// How far connections have come with signing in.
    pub connections: Connections,
    /// Who wants to hear of what happens in which mailbox over EWS.
    pub subscriptions: Subscriptions,
    /// Attachments on their way over Graph.
    pub uploads: Uploads,
    /// Who may import items by a URL of their own.
    pub imports: Sessions,
    /// Who wants to hear of what happens over Graph.
    pub(crate) webhooks: Webhooks,
    /// How often each mailbox was asked lately.
    pub(crate) pace: Pace,
    /// What users may still ask of EWS.
    pub(crate) budgets: Budgets,
    /// Randomness of the server itself: request ids and the like.
    pub rng: Rng,
    /// What a seed directory gave.
    pub loaded: Option<Report>,
    now: Timestamp,
    postponed: Vec<(Timestamp, Request)>,
}

impl World {
    /// Where the virtual clock ends: 9000-01-01. Whatever is derived from it still has a date.
    pub const END: Timestamp = Timestamp::constant(221_845_392_000, 0);

    /// An Exchange without mailboxes.
    pub fn new(config: Config) -> Self {
        Self {
            mailboxes: BTreeMap::new(),
            sent: Log::default(),
            requests: Log::default(),
            faults: Faults::default(),
            tokens: Tokens::default(),
            connections: Connections::default(),
            subscriptions: Subscriptions::default(),
            uploads: Uploads::default(),
            imports: Sessions::default(),
            webhooks: Webhooks::default(),
            pace: Pace::default(),
            budgets: Budgets::default(),
            rng: Rng::fork(config.random_seed, "server"),
            now: config.start.min(Self::END),
            loaded: None,
            postponed: Vec::new(),
            config,
        }
    }

    /// The virtual time.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Lets the virtual clock go on, to its end at most.
    pub fn advance(&mut self, by: SignedDuration) {
        self.now = self.now.checked_add(by).unwrap_or(Self::END).clamp(self.now, Self::END);
        self.refresh();
    }

    /// Brings the mailboxes up to the virtual time; called before each request.
    pub fn refresh(&mut self) {
        for mailbox in self.mailboxes.values_mut() {
            mailbox.now = self.now;
            mailbox.settle();
        }
    }

    /// Keeps a request to be carried out `delay` later.
    pub(crate) fn postpone(&mut self, delay: SignedDuration, request: Request) {
        let due = self.now.checked_add(delay).unwrap_or(self.now);
        if self.postponed.len() >= POSTPONED_MAX {
            self.postponed.remove(0);
        }
        self.postponed.push((due, request));
    }

    /// Takes the requests whose time has come.
    pub(crate) fn due(&mut self) -> Vec<Request> {
        let now = self.now;
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.postponed).into_iter().partition(|(at, _)| *at <= now);
        self.postponed = later;
        due.into_iter().map(|(_, request)| request).collect()
    }

    /// Takes what the mailboxes sent during a request, and delivers it; called after each request.
    pub fn collect_sent(&mut self) {
        let mut deliveries = Vec::new();
        for mailbox in self.mailboxes.values_mut() {
            mailbox.outbox.drain(..).for_each(|sent| self.sent.push(sent));
            deliveries.append(&mut mailbox.deliveries);
        }
        for content in deliveries {
            for mailbox in self.mailboxes.values_mut() {
                // What its author's mailbox took, others take too.
                let _ = mailbox.receive(content.clone());
            }
        }
    }

    /// Adds a mailbox, or gives an existing one another password.
    pub fn add_mailbox(&mut self, address: &str, password: &str) -> &mut Mailbox {
        let key = address.to_ascii_lowercase();
        let rng = Rng::fork(self.config.random_seed, &key);
        let now = self.now;
        let settles = self.config.profile == Profile::ExchangeOnline;
        let repeat_one_in = self.config.repeat_one_in;
        let mailbox = self.mailboxes.entry(key).or_insert_with_key(|key| {
            let mut mailbox = Mailbox::new(key, password, now, rng);
            mailbox.settles = settles;
            mailbox.repeat_one_in = repeat_one_in;
            mailbox
        });
        mailbox.password = password.to_owned();
        mailbox
    }

    /// Finds a mailbox by address, without case.
    pub fn mailbox(&self, address: &str) -> Option<&Mailbox> {
        self.mailboxes.get(&address.to_ascii_lowercase())
    }

    /// Finds a mailbox to change.
    pub fn mailbox_mut(&mut self, address: &str) -> Option<&mut Mailbox> {
        self.mailboxes.get_mut(&address.to_ascii_lowercase())
    }

    /// Finds a user's mailbox by user name or address, or by domain and account name; the account
    /// name is the address's local part. The domain is that of DNS or of NetBIOS, or empty.
    pub fn find_user(&self, domain: &str, user: &str) -> Option<&Mailbox> {
        self.mailboxes.values().find(|mailbox| {
            let (local, host) = mailbox.address.split_once('@').unwrap_or_default();
            let net_bios = host.split('.').next().unwrap_or_default();
            let here = [host, net_bios].iter().any(|name| name.eq_ignore_ascii_case(domain));
            let named = mailbox.user.eq_ignore_ascii_case(user)
                || mailbox.address.eq_ignore_ascii_case(user);
            named && (here || domain.is_empty()) || here && local.eq_ignore_ascii_case(user)
        })
    }
}
