//! Counts what an adapter costs its server.

use crate::{Error, Request, Response, Transport};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What has gone over a transport so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// HTTP requests sent.
    pub requests: u64,
    /// Bytes of response bodies.
    pub bytes_in: u64,
    /// Bytes of request bodies.
    pub bytes_out: u64,
}

/// The counters behind a [`Metered`] transport; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Meter(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl Meter {
    /// The counts at this moment.
    pub fn usage(&self) -> Usage {
        Usage {
            requests: self.0.requests.load(Ordering::Relaxed),
            bytes_in: self.0.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.0.bytes_out.load(Ordering::Relaxed),
        }
    }
}

/// A transport that counts.
pub struct Metered<T> {
    inner: T,
    meter: Meter,
}

impl<T: Transport> Metered<T> {
    /// Counts what passes through `inner` on `meter`.
    pub fn new(inner: T, meter: Meter) -> Self {
        Self { inner, meter }
    }
}

#[async_trait]
impl<T: Transport> Transport for Metered<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let counters = &self.meter.0;
        counters.requests.fetch_add(1, Ordering::Relaxed);
        counters.bytes_out.fetch_add(request.body().len() as u64, Ordering::Relaxed);
        let response = self.inner.send(request).await?;
        counters.bytes_in.fetch_add(response.body().len() as u64, Ordering::Relaxed);
        Ok(response)
    }

    fn replace_connection(&self) {
        self.inner.replace_connection();
    }
}
