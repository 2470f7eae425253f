//! The two replicas of a pair, reached as the configuration says.

use crate::config::{Config, Pair, Place, Side};
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::failure;
use entra_auth::{ClientSecret, TokenSource};
use ews_adapter::EwsRemote;
use graph_adapter::GraphRemote;
use items::Digester;
use items::calendars::Calendars;
use items::hierarchy::Shelf;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store_sqlite::{LocalReplica, file};
use sync_core::ids::ReplicaId;
use sync_core::port::{Failure, Files, Folder, Remote};
use sync_driver::retry::{Limits, retry};
use wire::{Meter, Metered, Transport};

/// What every replica of a state file shares.
pub struct Installation<'a> {
    /// The clock, the dice and the network.
    pub context: &'a Context,
    /// Where secrets and files are found.
    pub config: &'a Config,
    /// The state file's id.
    pub state_id: &'a str,
    /// The state file's digester.
    pub digester: &'a Digester,
    /// Where the bytes of attachments lie.
    pub files: Arc<dyn Files>,
}

/// One side of a pair, reached.
pub struct Replica {
    /// For the engine.
    pub remote: Arc<dyn Remote>,
    /// Its calendars themselves.
    pub calendars: Arc<Calendars>,
    /// What it costs.
    pub meter: Meter,
}

/// Both sides of a pair, reached.
pub type Replicas = BTreeMap<ReplicaId, Replica>;

/// Both sides of a pair, for the engine.
pub type Remotes = BTreeMap<ReplicaId, Arc<dyn Remote>>;

/// The calendars of both sides.
pub struct Listed {
    /// Those that can be kept the same.
    pub folders: [Vec<Folder>; 2],
    /// What there is besides, in sentences.
    pub left_out: Vec<String>,
}

impl Installation<'_> {
    /// Prepares both sides of `pair`; nothing is sent yet.
    pub fn connect(&self, pair: &Pair) -> Result<Replicas, Problem> {
        let mut replicas = BTreeMap::new();
        for (id, side) in [(ReplicaId::A, &pair.a), (ReplicaId::B, &pair.b)] {
            replicas.insert(id, self.replica(pair, side)?);
        }
        Ok(replicas)
    }

    fn replica(&self, pair: &Pair, side: &Side) -> Result<Replica, Problem> {
        let meter = Meter::default();
        let digester = self.digester.clone();
        let window = match &pair.window {
            Some(window) => Some(window.bounds((self.context.clock)()).ok_or_else(|| {
                Problem::configuration(format!("pair.{}.window reaches into no year", pair.name))
            })?),
            None => None,
        };
        let (mailbox, state_id) = (side.mailbox.clone(), self.stamps_of(pair));
        let (remote, shelf): (Arc<dyn Remote>, Arc<dyn Shelf>) = match &side.place {
            Place::Ews { url, user, password, impersonate } => {
                let password = self.secret(side, "password", password)?;
                let config = ews_adapter::Config {
                    url: url.clone(),
                    auth: ews_adapter::Auth::Basic { user: user.clone(), password },
                    impersonate: impersonate.then(|| mailbox.clone()),
                    mailbox,
                    state_id,
                    window,
                };
                let ews = EwsRemote::new(config, self.transport(&meter)?, digester.clone());
                faces(ews.with_travel(pair.travel).with_files(self.files.clone()))
            }
            Place::Graph { base, authority, tenant, client, secret } => {
                let credential = ClientSecret {
                    tenant: tenant.clone(),
                    client: client.clone(),
                    secret: self.secret(side, "secret", secret)?,
                    authority: authority.clone(),
                    scope: graph_adapter::SCOPE.to_owned(),
                };
                let transport = self.transport(&meter)?;
                let wrong = |e: &dyn std::fmt::Display| {
                    Problem::configuration(format!("endpoint.{}: {e}", side.endpoint))
                };
                let tokens =
                    TokenSource::new(credential, Arc::clone(&transport)).map_err(|e| wrong(&e))?;
                let config = graph_adapter::Config {
                    base: base.clone(),
                    window,
                    now: self.context.now,
                    ..graph_adapter::Config::new(mailbox, state_id)
                };
                let graph = GraphRemote::new(config, transport, Arc::new(tokens), digester.clone());
                let graph = graph.map_err(|e| wrong(&e))?;
                faces(graph.with_travel(pair.travel).with_files(self.files.clone()))
            }
            Place::Local { path, .. } => {
                let local = LocalReplica::open(path, &side.mailbox, digester.clone(), &state_id);
                let local = local.map_err(|e| local_problem(&e))?;
                faces(local.with_files(self.files.clone()))
            }
        };
        let calendars = Arc::new(Calendars::new(shelf, digester));
        Ok(Replica { remote, calendars, meter })
    }

    /// What the stamps of `pair` are called: pairs that share a mailbox each keep their own.
    fn stamps_of(&self, pair: &Pair) -> String {
        let name = self.digester.text("pair", &pair.name).to_string();
        format!("{}-{}", self.state_id, &name[..8])
    }

    fn transport(&self, meter: &Meter) -> Result<Arc<dyn Transport>, Problem> {
        let inner = self.context.network.transport()?;
        Ok(Arc::new(Metered::new(inner, meter.clone())))
    }

    fn secret(
        &self,
        side: &Side,
        key: &str,
        reference: &crate::config::SecretRef,
    ) -> Result<SecretString, Problem> {
        reference.read(self.config.directory()).map_err(|sentence| {
            Problem::configuration(format!(
                "endpoint.{}.auth.{key}: {sentence}; nothing was done",
                side.endpoint
            ))
        })
    }
}

/// One replica as the engine's, and as the owner of its calendars.
fn faces<R: Remote + Shelf + 'static>(replica: R) -> (Arc<dyn Remote>, Arc<dyn Shelf>) {
    let replica = Arc::new(replica);
    (replica.clone(), replica)
}

/// Lists the calendars of both sides at once. A server that can't be reached isn't waited for long:
/// a person may be watching, and a scheduled run has a successor.
pub async fn calendars(pair: &Pair, replicas: &Replicas) -> Result<Listed, Problem> {
    let list = async |id: ReplicaId, side: &Side| -> Result<_, Problem> {
        let Some(replica) = replicas.get(&id) else { return Ok((vec![], vec![])) };
        let limits = Limits { attempts: 2, time: Duration::from_secs(8), seed: u64::from(id.0) };
        let listed = retry(limits, || replica.calendars.all()).await;
        let (folders, left_out) = listed.map_err(|failure| {
            let sentence = failure::sentence(id, side, &failure);
            Problem::new(exit(&failure), format!("{sentence} Nothing was written."))
        })?;
        let left_out: Vec<String> =
            left_out.into_iter().map(|sentence| format!("{id} ({side}): {sentence}")).collect();
        Ok((folders, left_out))
    };
    let (a, b) = tokio::join!(list(ReplicaId::A, &pair.a), list(ReplicaId::B, &pair.b));
    match (a, b) {
        (Ok((a, out_a)), Ok((b, out_b))) => {
            Ok(Listed { folders: [a, b], left_out: [out_a, out_b].concat() })
        }
        (Err(a), Err(b)) => {
            Err(Problem::new(a.exit.and(b.exit), format!("{}\n{}", a.sentence, b.sentence)))
        }
        (Err(problem), Ok(_)) | (Ok(_), Err(problem)) => Err(problem),
    }
}

fn exit(failure: &Failure) -> Exit {
    match failure {
        Failure::Unauthorized(_) => Exit::Unauthorized,
        Failure::Throttled { .. } => Exit::TryLater,
        Failure::Transient(_)
        | Failure::InDoubt(_)
        | Failure::CursorExpired(_)
        | Failure::Stale(_)
        | Failure::Missing(_)
        | Failure::Permanent(_) => Exit::Failed,
    }
}

/// The sentences of the local store say what to do; only how it ends is decided here.
pub fn local_problem(error: &file::Error) -> Problem {
    let exit = match error {
        file::Error::Busy(_) => Exit::TryLater,
        file::Error::Corrupt { .. }
        | file::Error::Newer { .. }
        | file::Error::Foreign { .. }
        | file::Error::Full(_)
        | file::Error::Denied { .. }
        | file::Error::Sqlite { .. } => Exit::Failed,
    };
    Problem::new(exit, error.to_string())
}
