//! `evensync.toml` as it is written: every key that may stand there, and no other.

use super::secret::{self, SecretRef};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The configuration of evensync: what to keep the same in which places.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct File {
    /// The state file (SQLite): the journal and all that follows from it. Relative to this file.
    #[serde(default = "default_state", deserialize_with = "secret::bare_state")]
    pub state: String,
    /// The places, by a name of your choice.
    #[serde(default)]
    pub endpoint: BTreeMap<String, Endpoint>,
    /// The pairs of mailboxes to keep the same, by a name of your choice.
    #[serde(default)]
    pub pair: BTreeMap<String, Pair>,
    /// How whole mailboxes are moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub migrate: Option<Migrate>,
}

fn default_state() -> String {
    "state.db".to_owned()
}

/// A place: a server, or a file on this machine.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Endpoint {
    /// What kind of place it is.
    pub kind: EndpointKind,
    /// ews: the address of the service; graph: the service with its version.
    #[serde(
        default,
        deserialize_with = "secret::bare_address",
        skip_serializing_if = "Option::is_none"
    )]
    pub url: Option<String>,
    /// ews: find the address by Autodiscover.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autodiscover: Option<bool>,
    /// How to sign in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Where tokens are issued; `https://login.microsoftonline.com` by default.
    #[serde(
        default,
        deserialize_with = "secret::bare_address",
        skip_serializing_if = "Option::is_none"
    )]
    pub authority: Option<String>,
    /// ews: act for each mailbox by ExchangeImpersonation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impersonate: Option<bool>,
    /// local: the SQLite file. Relative to this file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
}

/// What kind of place an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointKind {
    /// Exchange Web Services.
    Ews,
    /// Microsoft Graph.
    Graph,
    /// A file on this machine.
    Local,
}

impl EndpointKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ews => "ews",
            Self::Graph => "graph",
            Self::Local => "local",
        }
    }
}

/// How to sign in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Auth {
    /// By what.
    pub kind: AuthKind,
    /// basic, ntlm: the user name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// basic, ntlm: where the password is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<SecretRef>,
    /// client-secret, client-certificate, device-code: the Entra tenant, by id or domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// client-secret, client-certificate, device-code: the application (client) id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// client-secret: where the secret is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
}

/// By what to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuthKind {
    Basic,
    Ntlm,
    ClientSecret,
    ClientCertificate,
    DeviceCode,
}

impl AuthKind {
    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Ntlm => "ntlm",
            Self::ClientSecret => "client-secret",
            Self::ClientCertificate => "client-certificate",
            Self::DeviceCode => "device-code",
        }
    }
}

/// Two mailboxes to keep the same.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pair {
    /// The first side.
    pub a: Side,
    /// The second side.
    pub b: Side,
    /// The calendars to keep the same.
    #[serde(default)]
    pub calendars: Selection,
    /// The mail folders to keep the same.
    #[serde(default = "Selection::none")]
    pub mail: Selection,
    /// Which side is written to.
    #[serde(default)]
    pub direction: Direction,
    /// What to do where both sides changed the same field differently: one rule, or a table of
    /// rules by field with a `default`.
    #[serde(default)]
    pub conflicts: Conflicts,
    /// The stretch of time that is kept the same; everything by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// What becomes of attendees.
    #[serde(default)]
    pub attendees: Attendees,
    /// How many deletes and rewrites one run may send without being asked; of a percentage and a
    /// number the larger counts.
    #[serde(default = "default_max_delete")]
    pub max_delete: String,
    /// watch: when to run, as a cron expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// watch: how often to run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
}

fn default_max_delete() -> String {
    "10% or 10".to_owned()
}

/// One side of a pair.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Side {
    /// The endpoint, by its name.
    pub endpoint: String,
    /// The mailbox's address; a local endpoint takes any name.
    pub mailbox: String,
}

/// Which folders to keep the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a list of names, \"all\", false, or a table { \"Name in a\" = \"Name in b\" }"
)]
pub enum Selection {
    /// false: none.
    Flag(bool),
    /// "all".
    Word(String),
    /// These, under the same name on both sides.
    Names(Vec<String>),
    /// These: name in a = name in b.
    Renamed(BTreeMap<String, String>),
}

impl Selection {
    /// No folder.
    pub fn none() -> Self {
        Self::Flag(false)
    }
}

impl Default for Selection {
    /// The default calendar, under whichever name.
    fn default() -> Self {
        Self::Names(vec!["Calendar".to_owned()])
    }
}

/// Which side is written to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Both.
    #[default]
    TwoWay,
    /// b only.
    AToB,
    /// a only.
    BToA,
}

/// What to do with conflicts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a rule (\"prefer-a\", \"prefer-b\", \"newest\", \"keep-both\" or \"hold\"), or a table of rules by field with a `default`"
)]
pub enum Conflicts {
    /// One rule for all fields.
    One(String),
    /// Rules by field, and a `default`.
    Table(BTreeMap<String, String>),
}

impl Default for Conflicts {
    fn default() -> Self {
        Self::One("prefer-a".to_owned())
    }
}

/// A stretch of time around now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Window {
    /// How far back: "2y", "6mo", "4w" or "30d".
    pub past: String,
    /// How far ahead, likewise.
    pub future: String,
}

/// What becomes of attendees.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Attendees {
    /// They travel unseen where the server would mail them; nobody is mailed.
    #[default]
    Carry,
    /// Likewise, with a block in the body that people can read.
    Note,
    /// As real attendees: Graph mails them whenever a run creates or changes their meeting.
    Write,
}

/// How whole mailboxes are moved.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Migrate {
    /// The pair whose endpoints and settings are used.
    pub template: String,
}
