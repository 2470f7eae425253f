//! What the built-in Exchange is started with.

use crate::seed::Seed;
use jiff::Timestamp;
use std::str::FromStr;

/// Settings; `Config::default()` is what a test needs.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which server it plays.
    pub profile: Profile,
    /// Equal seeds and equal requests give equal answers.
    pub random_seed: u64,
    /// Where the virtual clock starts.
    pub start: Timestamp,
    /// Whether the clock goes on by itself when served over HTTP.
    pub clock: ClockMode,
    /// Added to every answer when served over HTTP, in milliseconds.
    pub latency_ms: u64,
    /// Limits on the number of requests.
    pub throttle: Throttle,
    /// Whether requests are held against the published schema.
    pub strict: bool,
    /// The Entra tenant's id.
    pub tenant: String,
    /// The application's client id.
    pub client: String,
    /// The application's secret.
    pub secret: String,
    /// Application permissions, as they appear in the token's `roles`.
    pub roles: Vec<String>,
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
    /// It goes with real time from `Config::start`.
    Running,
}

/// Limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// None.
    Off,
    /// Per mailbox 4 requests at a time and 10,000 in ten minutes.
    Graph2026,
}

/// A mailbox to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// SMTP address.
    pub address: String,
    /// Password.
    pub password: String,
}

/// Why a setting can't be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("unknown {what} '{given}': expected {expected}")]
pub struct Error {
    what: &'static str,
    given: String,
    expected: &'static str,
}

impl FromStr for Profile {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "exchange-online" => Ok(Self::ExchangeOnline),
            "exchange-2019" => Ok(Self::Exchange2019),
            _ => Err(Error {
                what: "profile",
                given: text.to_owned(),
                expected: "exchange-online or exchange-2019",
            }),
        }
    }
}

impl FromStr for Throttle {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "off" => Ok(Self::Off),
            "graph-2026" => Ok(Self::Graph2026),
            _ => Err(Error {
                what: "throttle",
                given: text.to_owned(),
                expected: "graph-2026 or off",
            }),
        }
    }
}

impl FromStr for Login {
    type Err = Error;

    /// Reads `ADDRESS[:PASSWORD]`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let (address, password) = text.split_once(':').unwrap_or((text, crate::DEFAULT_PASSWORD));
        match address.split_once('@') {
            Some((local, host)) if !local.is_empty() && !host.is_empty() => {
                Ok(Self { address: address.to_owned(), password: password.to_owned() })
            }
            _ => Err(Error {
                what: "mailbox",
                given: text.to_owned(),
                expected: "ADDRESS or ADDRESS:PASSWORD",
            }),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            profile: Profile::ExchangeOnline,
            random_seed: 1,
            start: Timestamp::constant(1_795_593_600, 0),
            clock: ClockMode::Frozen,
            latency_ms: 0,
            throttle: Throttle::Off,
            strict: true,
            tenant: "4d3f6a1e-8b52-4c0f-9a57-2f1c0c5e7b10".to_owned(),
            client: "7c1d9e42-5a36-4f8b-b0d2-91e6a8c3f754".to_owned(),
            secret: "sim~Secret.of-the.built-in_Exchange".to_owned(),
            roles: [
                "Calendars.ReadWrite",
                "Mail.ReadWrite",
                "Mail.Send",
                "MailboxSettings.ReadWrite",
                "full_access_as_app",
            ]
            .map(str::to_owned)
            .to_vec(),
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
    fn settings_are_read() {
        assert_eq!("exchange-2019".parse(), Ok(Profile::Exchange2019));
        assert_eq!("graph-2026".parse(), Ok(Throttle::Graph2026));
        let login: Login = "a@b.example:pass:word".parse().expect("a login");
        assert_eq!((login.address.as_str(), login.password.as_str()), ("a@b.example", "pass:word"));
        assert!("a".parse::<Login>().is_err());
        assert_eq!(
            "on".parse::<Throttle>().expect_err("unknown").to_string(),
            "unknown throttle 'on': expected graph-2026 or off"
        );
    }
}
