//! The built-in Exchange over HTTP or HTTPS, on loopback.

mod body;
mod patient;
mod service;
mod stream;
mod tls;

pub use tls::{Certificate, TlsError};

use crate::{Connection, Sim};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use patient::Patient;
use serde_json::Value;
use service::Service;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Longest request head, in bytes; what is longer is answered 431.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// How long after the wish to stop the requests under way may take.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait where the system has no socket left.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// What bounds a client's use of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// How long a connection may be idle, and a request head may take.
    pub head: Duration,
    /// How long a body or the reader of an answer may pause, and how long before a body's average
    /// rate counts.
    pub pause: Duration,
    /// Lowest average rate of a body, in bytes a second.
    pub rate: u64,
    /// Bytes of bodies held at a time, over all connections.
    pub bodies: usize,
}

impl Default for Limits {
    /// Times and rate are those of IIS, on which Exchange runs (IIS: connectionTimeout,
    /// minBytesPerSecond); the rest keeps one process within its means.
    fn default() -> Self {
        Self {
            connections: 1_000,
            head: Duration::from_secs(120),
            pause: Duration::from_secs(120),
            rate: 240,
            bodies: 512 * 1024 * 1024,
        }
    }
}

/// A server that listens.
pub struct Server {
    sim: Sim,
    listener: TcpListener,
    address: SocketAddr,
    limits: Limits,
    certificate: Option<Certificate>,
}

impl Server {
    /// Listens on `address`, which must be a loopback address; port 0 takes a free one.
    ///
    /// # Errors
    /// An address that isn't loopback, or that can't be had.
    pub async fn bind(sim: Sim, address: SocketAddr) -> io::Result<Self> {
        if !address.ip().is_loopback() {
            let reason = "the built-in Exchange listens on loopback addresses only";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { sim, listener, address, limits: Limits::default(), certificate: None })
    }

    /// Speaks TLS with `certificate` instead of plain HTTP.
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Sets other limits than those of `Limits::default`.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The line to print when it is ready; over TLS `certificate` is what clients have to trust.
    pub fn ready_json(&self) -> Value {
        let Some(certificate) = &self.certificate else {
            return self.sim.ready_json(&format!("http://{}", self.address));
        };
        let mut ready = self.sim.ready_json(&format!("https://{}", self.address));
        ready["certificate"] = Value::String(certificate.pem().to_owned());
        ready
    }

    /// Serves until `shutdown` completes and the requests under way are answered; requests that are
    /// still coming in aren't waited for.
    ///
    /// # Errors
    /// None that a client can cause: the listener itself is broken.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> io::Result<()> {
        let Self { sim, listener, limits, certificate, .. } = self;
        let door = Door {
            service: Arc::new(Service::new(sim, limits)),
            limits,
            certificate: certificate.map(Arc::new),
        };
        let (stop, stopping) = watch::channel(());
        let places = Arc::new(Semaphore::new(limits.connections));
        let mut open = JoinSet::new();
        let mut shutdown = std::pin::pin!(shutdown);
        let mut id = 0;
        loop {
            // A connection takes its place before it is accepted.
            let accept = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            };
            let (place, accepted) = tokio::select! {
                () = &mut shutdown => break,
                Some(_closed) = open.join_next() => continue,
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    id += 1;
                    let connection = door.clone().receive(stream, id, stopping.clone());
                    open.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                // The client is gone again, or sockets are short for a moment.
                Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
            }
        }
        drop((listener, stop));
        let _late =
            tokio::time::timeout(GRACE, async { while open.join_next().await.is_some() {} }).await;
        Ok(())
    }
}

/// What every connection comes through.
#[derive(Clone)]
struct Door {
    service: Arc<Service>,
    limits: Limits,
    certificate: Option<Arc<Certificate>>,
}

impl Door {
    /// Serves one connection until it closes, or until `stopping` ends and its request is answered.
    async fn receive(self, stream: TcpStream, id: u64, mut stopping: watch::Receiver<()>) {
        let _as_it_is = stream.set_nodelay(true);
        match self.certificate.clone() {
            None => {
                let peer = Connection { id, tls_endpoint: None };
                self.converse(stream, peer, stopping).await;
            }
            Some(certificate) => {
                let peer = Connection { id, tls_endpoint: Some(certificate.endpoint()) };
                let handshake = certificate.acceptor().accept(stream);
                let greeted = tokio::select! {
                    greeted = tokio::time::timeout(self.limits.head, handshake) => greeted,
                    _ = stopping.changed() => return,
                };
                if let Ok(Ok(stream)) = greeted {
                    self.converse(stream, peer, stopping).await;
                }
            }
        }
    }

    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: Connection,
        mut stopping: watch::Receiver<()>,
    ) {
        let stop = stopping.clone();
        let asked = Arc::new(AtomicBool::new(false));
        let asks = Arc::clone(&asked);
        let service = service_fn(move |request| {
            asks.store(true, Ordering::Relaxed);
            Arc::clone(&self.service).answer(peer, request, stop.clone())
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.head)
            .max_buf_size(HEAD_BYTES_MAX);
        let stream = TokioIo::new(Patient::new(stream, self.limits.pause));
        let mut connection = std::pin::pin!(builder.serve_connection(stream, service));
        let _closed = tokio::select! {
            closed = connection.as_mut() => closed,
            // Ends when the sender is dropped.
            _ = stopping.changed() => {
                // hyper would wait for the rest of a first head.
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
    }
}
