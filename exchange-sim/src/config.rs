//! What the built-in Exchange is started with.

use crate::seed::Seed;
use crate::token::Certificate;
use jiff::Timestamp;
use std::str::FromStr;

/// Settings; `Config::default()` is what a test needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which server it plays.
    pub profile: Profile,
    /// Equal seeds and equal requests at equal times give equal answers.
    pub random_seed: u64,
    /// Where the virtual clock starts.
    pub start: Timestamp,
    /// Whether the clock goes on by itself when served over HTTP.
    pub clock: ClockMode,
    /// How many times faster than real time a running clock goes; at 0 it stands still.
    pub clock_rate: u32,
    /// Added to every answer when served over HTTP, in milliseconds.
    pub latency_ms: u64,
    /// Limits on the number of requests.
    pub throttle: Throttle,
    /// EWS's limits on a user, where there are limits.
    pub ews_policy: EwsPolicy,
    /// Whether requests are held against the published schema.
    pub strict: bool,
    /// The Entra tenant's id.
    pub tenant: String,
    /// The application's client id.
    pub client: String,
    /// The application's secret.
    pub secret: String,
    /// When the secret stops to work; `None` for never.
    pub secret_expires: Option<Timestamp>,
    /// Certificates under which the application may sign assertions in place of the secret.
    pub certificates: Vec<Certificate>,
    /// Application permissions, as they appear in the token's `roles`.
    pub roles: Vec<String>,
    /// Delegated permissions that users consent to.
    pub scopes: Vec<String>,
    /// Whether the application may act for users without a secret or certificate.
    pub public_client: bool,
    /// Whether NTLM over TLS must be bound to the channel.
    pub extended_protection: ExtendedProtection,
    /// Address and password; without any, two are made.
    pub mailboxes: Vec<Login>,
    /// What the mailboxes hold at first.
    pub seed: Seed,
    /// One sync page in so many repeats an entry of the page before; 0 for never.
    pub repeat_one_in: u64,
    /// Whether `calendars/{id}/events/delta` without a window answers (undocumented in v1.0).
    pub unbounded_delta: bool,
    /// Users who may act for any mailbox over EWS, by user name or address in lower case.
    pub impersonators: Vec<String>,
}

/// Which server is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Exchange Online.
    ExchangeOnline,
    /// Exchange Server 2019 on premises.
    Exchange2019,
}

/// Whether virtual time passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockMode {
    /// Only `POST /sim/advance` moves it.
    Frozen,
    /// It goes with real time from `Config::start`, `Config::clock_rate` times as fast.
    Running,
}

/// Binding of NTLM to the TLS channel, as `ExtendedProtectionTokenChecking` of EWS has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExtendedProtection {
    /// Not looked at.
    Off,
    /// A binding must fit where the client gives one.
    Allow,
    /// A client without a binding isn't let in.
    Require,
}

/// Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// None.
    Off,
    /// Graph: per mailbox 4 requests at a time, 10,000 in any ten minutes, 150 MB of upload in any
    /// five. EWS: what `Config::ews_policy` says.
    Graph2026,
    /// The same, but Graph's windows are fixed: they begin with the first request and end whole.
    Graph2026Fixed,
}

/// What EWS lets a user do to a mailbox (MS docs: EWS throttling; Set-ThrottlingPolicy).
///
/// The kinds of limits are documented. So are the numbers of concurrency; those of the balance are
/// the ones that `Get-ThrottlingPolicy` shows on premises, those of cost are this server's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EwsPolicy {
    /// EwsMaxConcurrency: requests at a time.
    pub concurrency: usize,
    /// ConcurrentSyncCalls: SyncFolderItems and SyncFolderHierarchy at a time.
    pub sync_calls: usize,
    /// EwsMaxBurst: the highest balance, in milliseconds of work.
    pub burst_ms: u32,
    /// EwsRechargeRate: what the balance gains in an hour, in milliseconds of work.
    pub recharge_ms: u32,
    /// EwsCutoffBalance: how far below zero a user is refused, in milliseconds of work.
    pub cutoff_ms: u32,
    /// What a request costs, in milliseconds of work.
    pub request_ms: u32,
    /// What each part of a request costs besides.
    pub part_ms: u32,
}

impl Default for EwsPolicy {
    fn default() -> Self {
        Self {
            concurrency: 27,
            sync_calls: 5,
            burst_ms: 300_000,
            recharge_ms: 900_000,
            cutoff_ms: 3_000_000,
            request_ms: 20,
            part_ms: 5,
        }
    }
}

/// A mailbox to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// SMTP address.
    pub address: String,
    /// Password.
    pub password: String,
}

/// Why a mailbox can't be made.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not of the form `local@domain`, or with a space in it.
    #[error("'{0}' is no mail address")]
    Address(String),
    /// Nobody could sign in.
    #[error("the password of '{0}' is empty")]
    Password(String),
}

impl Login {
    /// A mailbox to make.
    ///
    /// # Errors
    /// [`Error`] where there is no such address, or no password.
    pub fn new(address: &str, password: &str) -> Result<Self, Error> {
        let is_address = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        let is_odd = |c: char| c.is_whitespace() || c.is_control();
        if !is_address || address.contains(is_odd) {
            return Err(Error::Address(address.to_owned()));
        }
        if password.is_empty() {
            return Err(Error::Password(address.to_owned()));
        }
        Ok(Self { address: address.to_owned(), password: password.to_owned() })
    }
}

impl FromStr for Login {
    type Err = Error;

    /// Reads `ADDRESS[:PASSWORD]`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, password) = text.split_once(':').unwrap_or((text, crate::DEFAULT_PASSWORD));
        Self::new(address, password)
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: Profile::ExchangeOnline,
            random_seed: 1,
            start: Timestamp::constant(1_795_593_600, 0),
            clock: ClockMode::Frozen,
            clock_rate: 1,
            latency_ms: 0,
            throttle: Throttle::Off,
            ews_policy: EwsPolicy::default(),
            strict: true,
            tenant: "4d3f6a1e-8b52-4c0f-9a57-2f1c0c5e7b10".to_owned(),
            client: "7c1d9e42-5a36-4f8b-b0d2-91e6a8c3f754".to_owned(),
            secret: "sim~Secret.of-the.built-in_Exchange".to_owned(),
            secret_expires: None,
            certificates: Vec::new(),
            roles: [
                "Calendars.ReadWrite",
                "Mail.ReadWrite",
                "Mail.Send",
                "MailboxSettings.ReadWrite",
                "MailboxFolder.Read.All",
                "MailboxItem.ImportExport.All",
                "MailboxItem.Read.All",
                "User.Read.All",
                "full_access_as_app",
            ]
            .map(str::to_owned)
            .to_vec(),
            scopes: [
                "Calendars.ReadWrite",
                "Mail.ReadWrite",
                "Mail.Send",
                "MailboxSettings.ReadWrite",
                "User.Read",
                "EWS.AccessAsUser.All",
            ]
            .map(str::to_owned)
            .to_vec(),
            public_client: true,
            extended_protection: ExtendedProtection::Allow,
            mailboxes: Vec::new(),
            seed: Seed::Empty,
            repeat_one_in: 8,
            unbounded_delta: true,
            impersonators: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read() {
        let login: Login = "a@b.example:pass:word".parse().expect("a login");
        assert_eq!((login.address.as_str(), login.password.as_str()), ("a@b.example", "pass:word"));
        for bad in ["", "a", "@", "@b.example", "a@", "a b@c.example", "a@b@c", "a@b\n"] {
            assert_eq!(bad.parse::<Login>(), Err(Error::Address(bad.to_owned())));
        }
        assert_eq!("a@b.example:".parse::<Login>(), Err(Error::Password("a@b.example".to_owned())));
    }
}
