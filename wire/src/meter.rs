//! Counts what an adapter costs its server.

use crate::{Error, Incoming, Pieces, Request, Response, Transport};
use async_trait::async_trait;
use bytes::Bytes;
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

impl Counters {
    fn count(&self, request: &Request) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.bytes_out.fetch_add(request.body().len() as u64, Ordering::Relaxed);
    }
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
        self.meter.0.count(&request);
        let response = self.inner.send(request).await?;
        self.meter.0.bytes_in.fetch_add(response.body().len() as u64, Ordering::Relaxed);
        Ok(response)
    }

    async fn receive(&self, request: Request) -> Result<Incoming, Error> {
        self.meter.0.count(&request);
        let response = self.inner.receive(request).await?;
        let meter = self.meter.clone();
        Ok(response.map(|inner| Box::new(Counted { inner, meter }) as Box<dyn Pieces>))
    }

    fn replace_connection(&self) {
        self.inner.replace_connection();
    }
}

/// A body that is counted as it comes in.
struct Counted {
    inner: Box<dyn Pieces>,
    meter: Meter,
}

#[async_trait]
impl Pieces for Counted {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = self.inner.next().await?;
        let bytes = piece.as_ref().map_or(0, Bytes::len) as u64;
        self.meter.0.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        Ok(piece)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers everything with the same body.
    struct Echo;

    #[async_trait]
    impl Transport for Echo {
        async fn send(&self, request: Request) -> Result<Response, Error> {
            Ok(http::Response::new(request.into_body()))
        }
    }

    #[tokio::test]
    async fn a_body_is_counted_whole_or_in_pieces() {
        let meter = Meter::default();
        let transport = Arc::new(Metered::new(Echo, meter.clone()));
        let request = || http::Request::new(Bytes::from_static(b"words"));
        assert_eq!(
            transport.send(request()).await.map(|r| r.into_body()).as_deref(),
            Ok(&b"words"[..])
        );
        let mut body = transport.receive(request()).await.expect("an answer").into_body();
        assert_eq!(body.next().await, Ok(Some(Bytes::from_static(b"words"))));
        assert_eq!(body.next().await, Ok(None));
        assert_eq!(meter.usage(), Usage { requests: 2, bytes_in: 10, bytes_out: 10 });
    }
}
