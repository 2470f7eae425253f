//! The built-in Exchange: EWS, Graph, the Entra token endpoint and a control API over one store.
//!
//! The core is synchronous and pure: [`Sim::handle`] takes a request and gives a reply; there is no
//! socket and no clock in it. [`SimTransport`] hands requests to it in-process, `server` (with the
//! feature of that name) serves it over HTTP.
//!
//! Behaviour follows Microsoft's published schemas, documentation and recordings, never what a
//! client would like.

mod autodiscover;
pub mod config;
pub mod connection;
pub mod control;
mod ews;
pub mod fault;
mod graph;
mod mime;
mod ntlm;
pub mod seed;
pub mod seed_dir;
#[cfg(feature = "server")]
pub mod server;
mod slots;
pub mod store;
pub mod token;

pub use config::{ClockMode, Config, EwsPolicy, ExtendedProtection, Login, Profile, Throttle};
pub use connection::Connection;
pub use ews::notify::{Held, Next};
pub use seed::Seed;

use async_trait::async_trait;
use bytes::Bytes;
use control::Recorded;
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use store::{Mailbox, World};
pub(crate) use wire::{Request, Response};

/// Password of mailboxes for which none is given.
pub const DEFAULT_PASSWORD: &str = "Built-in1";

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// An answer, after a delay in milliseconds.
    Respond {
        /// The answer.
        response: Response,
        /// How long it takes, by the real clock.
        delay_ms: u64,
    },
    /// The connection closes without an answer.
    Close,
}

impl Reply {
    /// Answers at once.
    pub fn respond(response: Response) -> Self {
        Self::Respond { response, delay_ms: 0 }
    }

    /// The answer's status, if there is one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Reply::Respond { response, .. } => Some(response.status().as_u16()),
            Reply::Close => None,
        }
    }
}

/// A built-in Exchange; clones share it.
#[derive(Debug, Clone)]
pub struct Sim(Arc<Mutex<World>>);

impl Sim {
    /// Starts one, with its mailboxes filled as the configuration says.
    pub fn new(config: Config) -> Result<Self, seed::Error> {
        let mut world = World::new(config);
        seed::fill(&mut world)?;
        Ok(Self(Arc::new(Mutex::new(world))))
    }

    /// Handles one request to any of the services.
    pub fn handle(&self, request: Request) -> Reply {
        let mut world = self.world();
        world.refresh();
        for late in world.due() {
            // What was delayed is done under no further fault.
            let faults = std::mem::take(&mut world.faults);
            let _unheard = dispatch(&mut world, &late);
            world.faults = faults;
        }
        let reply = dispatch(&mut world, &request);
        world.collect_sent();
        if !is_control(&request) {
            world.requests.push(Recorded::new(&request, reply.status()));
        }
        match reply {
            Reply::Respond { response, delay_ms } => Reply::Respond {
                response,
                delay_ms: delay_ms.saturating_add(world.config.latency_ms),
            },
            Reply::Close => Reply::Close,
        }
    }

    /// What comes next over a connection that stays, `waited` after its first answer by the real
    /// clock; the virtual clock counts as well.
    pub fn go_on(&self, held: &mut Held, waited: SignedDuration) -> Next {
        held.go_on(&mut self.world(), waited)
    }

    /// Looks at or changes what the server holds, for tests.
    pub fn with<R>(&self, look: impl FnOnce(&mut World) -> R) -> R {
        let mut world = self.world();
        let result = look(&mut world);
        world.collect_sent();
        result
    }

    /// Lets the virtual clock go on.
    pub fn advance(&self, by: SignedDuration) {
        self.world().advance(by);
    }

    /// The line that says the server is ready, for a server reached at `base_url`.
    pub fn ready_json(&self, base_url: &str) -> Value {
        let world = self.world();
        let base = base_url.trim_end_matches('/');
        json!({
            "ews": format!("{base}/EWS/Exchange.asmx"),
            "graph": format!("{base}/v1.0"),
            "authority": base,
            "control": format!("{base}/sim"),
            "tenant": world.config.tenant,
            "client": world.config.client,
            "secret": world.config.secret,
            "mailboxes": world.mailboxes.values().map(login_json).collect::<Vec<_>>(),
        })
    }

    /// An answer with all that follows now, where the connection would stay.
    fn to_the_end(&self, mut response: Response) -> Response {
        let Some(mut held) = response.extensions_mut().remove::<Held>() else { return response };
        let mut body = response.body().to_vec();
        let to_the_end = held.timeout();
        loop {
            match self.go_on(&mut held, to_the_end) {
                Next::Document(document) => body.extend_from_slice(document.as_bytes()),
                Next::Last(document) => {
                    body.extend_from_slice(document.as_bytes());
                    return response.map(|_| body.into());
                }
                Next::Nothing => return response.map(|_| body.into()),
            }
        }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hands requests to a [`Sim`] without a socket.
#[derive(Debug, Clone)]
pub struct SimTransport(Sim);

impl SimTransport {
    /// A transport to `sim`, whatever host the requests name.
    pub fn new(sim: Sim) -> Self {
        Self(sim)
    }
}

#[async_trait]
impl wire::Transport for SimTransport {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        match self.0.handle(request) {
            Reply::Respond { response, .. } => Ok(self.0.to_the_end(response)),
            Reply::Close => Err(wire::Error::InDoubt("connection closed".to_owned())),
        }
    }
}

fn dispatch(world: &mut World, request: &Request) -> Reply {
    let path = request.uri().path().to_owned();
    if path.eq_ignore_ascii_case("/ews/exchange.asmx") {
        return ews::handle(world, request);
    }
    let (directory, rest) = path.split_at_checked("/autodiscover/".len()).unwrap_or_default();
    if directory.eq_ignore_ascii_case("/autodiscover/") {
        return Reply::respond(autodiscover::handle(world, request, rest));
    }
    if let Some(rest) = path.strip_prefix(graph::upload::ROOT) {
        return graph::upload::handle(world, request, rest);
    }
    if let Some(rest) = path.strip_prefix("/v1.0") {
        return graph::handle(world, request, rest);
    }
    if let Some(rest) = path.strip_prefix("/sim") {
        return Reply::respond(control::handle(world, request, rest));
    }
    let segments = path.strip_prefix('/').and_then(|path| path.split_once('/'));
    if let Some((tenant, rest)) = segments
        && let Some(endpoint) = rest.strip_prefix("oauth2/v2.0/")
    {
        return token::handle(world, request, tenant, endpoint);
    }
    if let Some((tenant, "v2.0/.well-known/openid-configuration")) = segments {
        return Reply::respond(token::discovery::handle(world, request, tenant));
    }
    Reply::respond(respond(404, "text/plain", "Not Found"))
}

fn is_control(request: &Request) -> bool {
    request.uri().path().starts_with("/sim/")
}

pub(crate) fn login_json(mailbox: &Mailbox) -> Value {
    json!({"address": mailbox.address, "user": mailbox.user, "password": mailbox.password})
}

/// Builds a response; `content_type` is one of ours and always valid.
pub(crate) fn respond(status: u16, content_type: &str, body: impl Into<Bytes>) -> Response {
    let mut response = http::Response::new(body.into());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = http::HeaderValue::from_str(content_type) {
        response.headers_mut().insert(http::header::CONTENT_TYPE, value);
    }
    response
}

/// Builds a JSON response.
pub(crate) fn respond_json(status: u16, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

/// States a back-off in seconds, which may have a fraction; none where `seconds` is absent.
pub(crate) fn with_retry_after(mut response: Response, seconds: Option<f64>) -> Response {
    if let Some(value) = seconds.and_then(|s| http::HeaderValue::from_str(&s.to_string()).ok()) {
        response.headers_mut().insert(http::header::RETRY_AFTER, value);
    }
    response
}
