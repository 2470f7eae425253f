//! The built-in Exchange over HTTP, on loopback.

use crate::config::{ClockMode, Throttle};
use crate::graph::{self, Slots};
use crate::{Reply, Request, Sim, respond};
use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use jiff::SignedDuration;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// Longest request body taken, in bytes: what Exchange on premises takes by default.
const BODY_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Requests of one mailbox that Graph carries out at a time (docs: throttling-limits).
const CONCURRENT_MAX: usize = 4;

/// A server that listens.
pub struct Server {
    sim: Sim,
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    /// Listens on `address`, which must be a loopback address; port 0 takes a free one.
    pub async fn bind(sim: Sim, address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let reason = "the built-in Exchange listens on loopback addresses only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { sim, listener, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The line to print when it is ready.
    pub fn ready_json(&self) -> Value {
        self.sim.ready_json(&format!("http://{}", self.address))
    }

    /// Serves until `shutdown` completes and the requests under way are answered.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let (running, throttle) = self
            .sim
            .with(|world| (world.config.clock == ClockMode::Running, world.config.throttle));
        let shared = Arc::new(Shared {
            sim: self.sim,
            clock: running.then(|| Mutex::new(Instant::now())),
            throttle,
            under_way: Mutex::new(BTreeMap::new()),
        });
        let app = Router::new()
            .fallback(answer)
            .with_state(shared)
            .into_make_service_with_connect_info::<Peer>();
        axum::serve(Droppables(self.listener), app).with_graceful_shutdown(shutdown).await
    }
}

/// What requests share.
struct Shared {
    sim: Sim,
    /// When the virtual clock was last moved; `None` where it is frozen.
    clock: Option<Mutex<Instant>>,
    throttle: Throttle,
    /// Requests under way by mailbox.
    under_way: Mutex<BTreeMap<String, usize>>,
}

impl Shared {
    /// Moves the virtual clock by the real time that went by.
    fn tick(&self) {
        let Some(clock) = &self.clock else { return };
        let mut last = lock(clock);
        let now = Instant::now();
        let elapsed = now.duration_since(*last);
        *last = now;
        if let Ok(elapsed) = SignedDuration::try_from(elapsed) {
            self.sim.advance(elapsed);
        }
    }

    /// Takes slots of the mailbox for a request, and tells the request how many it got.
    fn enter(self: &Arc<Self>, request: &mut Request) -> Option<Guard> {
        match self.throttle {
            Throttle::Off => return None,
            Throttle::Graph2026 => {}
        }
        let load = graph::load(request)?;
        let mut under_way = lock(&self.under_way);
        let taken = under_way.entry(load.mailbox.clone()).or_default();
        let slots = load.steps.min(CONCURRENT_MAX.saturating_sub(*taken));
        *taken += slots;
        request.extensions_mut().insert(Slots(slots));
        Some(Guard { shared: Arc::clone(self), mailbox: load.mailbox, slots })
    }
}

/// Slots of a mailbox, given back when dropped.
struct Guard {
    shared: Arc<Shared>,
    mailbox: String,
    slots: usize,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(taken) = lock(&self.shared.under_way).get_mut(&self.mailbox) {
            *taken = taken.saturating_sub(self.slots);
        }
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: axum::extract::Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, BODY_BYTES_MAX).await else {
        return respond(413, "text/plain", "Request Entity Too Large").map(Body::from);
    };
    let mut request = http::Request::from_parts(parts, body);
    shared.tick();
    let _slots = shared.enter(&mut request);
    match shared.sim.handle(request) {
        Reply::Respond { response, delay_ms } => {
            if delay_ms > 0 {
                tokio::time::sleep(Duration::from_millis(delay_ms)).await;
            }
            response.map(Body::from)
        }
        Reply::Close => {
            peer.0.store(true, Ordering::Relaxed);
            // Never reaches the client: the connection refuses to write from now on.
            http::StatusCode::NO_CONTENT.into_response()
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection's switch: once set, nothing is written any more.
#[derive(Clone)]
struct Peer(Arc<AtomicBool>);

impl Connected<IncomingStream<'_, Droppables>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Droppables>) -> Self {
        stream.io().dropped.clone()
    }
}

/// Accepts connections that can be dropped.
struct Droppables(TcpListener);

impl Listener for Droppables {
    type Io = Droppable;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Droppable, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        (Droppable { stream, dropped: Peer(Arc::new(AtomicBool::new(false))) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that can be made to break off before an answer is written.
struct Droppable {
    stream: TcpStream,
    dropped: Peer,
}

impl Droppable {
    fn check(&self) -> io::Result<()> {
        if self.dropped.0.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for Droppable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Droppable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
