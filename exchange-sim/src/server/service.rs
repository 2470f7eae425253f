//! What becomes of a request that came over a connection.

use super::Limits;
use super::body::{self, Refused};
use super::stream::{self, Answer};
use crate::config::{ClockMode, Throttle};
use crate::ews::UnderWay;
use crate::graph;
use crate::slots::{Slots, Taken};
use crate::{Connection, Held, Next, Reply, Request, Response, Sim, respond};
use hyper::body::Incoming;
use jiff::SignedDuration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

/// Longest body that EWS takes (IIS: maxAllowedContentLength as Exchange sets it).
const EWS_BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Longest body that Graph takes (docs: outlook-large-attachments).
const GRAPH_BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest body that the rest takes: forms and settings.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Requests of one mailbox that Graph carries out at a time (docs: throttling-limits).
const CONCURRENT_MAX: usize = 4;

/// The connection closes without an answer.
#[derive(Debug, thiserror::Error)]
#[error("closed on purpose")]
pub(super) struct Closed;

/// What connections share.
pub(super) struct Service {
    sim: Sim,
    limits: Limits,
    /// When the virtual clock was last moved; `None` where it is frozen.
    clock: Option<Mutex<Instant>>,
    clock_rate: u32,
    throttle: Throttle,
    /// Bytes of bodies that may still be held.
    memory: Semaphore,
    /// Graph requests under way by mailbox.
    under_way: Arc<Slots>,
}

impl Service {
    pub(super) fn new(sim: Sim, limits: Limits) -> Self {
        let config = sim.with(|world| world.config.clone());
        Self {
            sim,
            limits,
            clock: (config.clock == ClockMode::Running).then(|| Mutex::new(Instant::now())),
            clock_rate: config.clock_rate,
            throttle: config.throttle,
            memory: Semaphore::new(limits.bodies),
            under_way: Arc::new(Slots::default()),
        }
    }

    /// Answers a request, or closes its connection.
    pub(super) async fn answer(
        self: Arc<Self>,
        peer: Connection,
        request: http::Request<Incoming>,
        mut stopping: watch::Receiver<()>,
    ) -> Result<http::Response<Answer>, Closed> {
        let (parts, body) = request.into_parts();
        let max = body_bytes_max(parts.uri.path());
        let read = tokio::select! {
            // What is there already counts, also where the server stops.
            biased;
            read = body::read(body, max, &self.limits, &self.memory) => read,
            _ = stopping.changed() => return Err(Closed),
        };
        let (body, held) = match read {
            Ok(read) => read,
            Err(Refused::Gone) => return Err(Closed),
            Err(refused) => {
                return Ok(stream::answer(&self, refuse(refused, parts.uri.path()), stopping));
            }
        };
        let mut request = http::Request::from_parts(parts, body);
        prepare(&mut request, peer);
        self.tick();
        let _slots = self.enter(&mut request);
        let reply = self.sim.handle(request);
        drop(held);
        match reply {
            Reply::Respond { mut response, delay_ms } => {
                // Counts against the user's budget until the answer is sent.
                let _under_way = response.extensions_mut().remove::<UnderWay>();
                if delay_ms > 0 {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                }
                Ok(stream::answer(&self, response, stopping))
            }
            Reply::Close => Err(Closed),
        }
    }

    /// What comes next over a connection that stays.
    pub(super) fn go_on(&self, held: &mut Held, waited: SignedDuration) -> Next {
        self.tick();
        self.sim.go_on(held, waited)
    }

    /// Moves the virtual clock by the real time that went by.
    fn tick(&self) {
        let Some(clock) = &self.clock else { return };
        let mut last = lock(clock);
        let now = Instant::now();
        let elapsed = now.duration_since(*last);
        *last = now;
        let elapsed = elapsed.saturating_mul(self.clock_rate);
        if let Ok(elapsed) = SignedDuration::try_from(elapsed) {
            self.sim.advance(elapsed);
        }
    }

    /// Takes slots of the mailbox for a request, and tells the request how many it got.
    fn enter(&self, request: &mut Request) -> Option<Taken> {
        match self.throttle {
            Throttle::Off => return None,
            Throttle::Graph2026 | Throttle::Graph2026Fixed => {}
        }
        let load = graph::load(request)?;
        let taken = self.under_way.take(load.mailbox, load.steps, CONCURRENT_MAX);
        request.extensions_mut().insert(graph::Slots(taken.count));
        Some(taken)
    }
}

/// Says over which connection a request came; over TLS its URI says so too, for links in answers.
fn prepare(request: &mut Request, peer: Connection) {
    request.extensions_mut().insert(peer);
    let host = request.headers().get(http::header::HOST).cloned();
    if peer.tls_endpoint.is_none() || request.uri().scheme().is_some() {
        return;
    }
    let mut parts = request.uri().clone().into_parts();
    parts.scheme = Some(http::uri::Scheme::HTTPS);
    parts.authority = host.and_then(|host| host.to_str().ok()?.parse().ok());
    if let Ok(uri) = http::Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

fn body_bytes_max(path: &str) -> usize {
    // What EWS takes and exports can be imported over Graph.
    if is_below(path, "/ews/") || path.ends_with("/importItem") {
        EWS_BODY_BYTES_MAX
    } else if is_below(path, "/v1.0/") {
        GRAPH_BODY_BYTES_MAX
    } else {
        BODY_BYTES_MAX
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.get(..directory.len()).is_some_and(|start| start.eq_ignore_ascii_case(directory))
}

/// The answer to a body that isn't taken; the connection is of no use any more.
fn refuse(refused: Refused, path: &str) -> Response {
    let mut response = match refused {
        // Clients have seen these words (microsoft-graph-docs#11806).
        Refused::TooLong if is_below(path, "/v1.0/") => crate::respond_json(
            413,
            &serde_json::json!({"error": {
                "code": "BadRequest",
                "message": "The maximum request length supported is 4MB.",
            }}),
        ),
        Refused::TooLong => respond(413, "text/plain", "Request Entity Too Large"),
        Refused::TooSlow | Refused::Gone => respond(408, "text/plain", "Request Timeout"),
        Refused::Full => respond(503, "text/plain", "Service Unavailable"),
    };
    let close = http::HeaderValue::from_static("close");
    response.headers_mut().insert(http::header::CONNECTION, close);
    response
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
