//! One HTTP exchange: the seam between an adapter and a socket or the built-in Exchange.
//!
//! Adapters build an [`http::Request`] and read an [`http::Response`]; who carries it is a
//! [`Transport`]. Production uses [`client::Client`] over reqwest, tests hand the same bytes to the
//! built-in Exchange without a socket, and faults are injected between the two.

#[cfg(feature = "client")]
pub mod client;
mod meter;

use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;

pub use meter::{Meter, Metered, Usage};

/// A whole request: the body is in memory, its length bounded by the caller.
pub type Request = http::Request<Bytes>;
/// A whole response.
pub type Response = http::Response<Bytes>;

/// Why an exchange gave no response, named by what is known about the server's side.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The request never reached a server: nothing happened there.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have been carried out; no complete response came back.
    #[error("no answer: {0}")]
    InDoubt(String),
}

/// A response whose body is still coming in.
pub type Incoming = http::Response<Box<dyn Pieces>>;

/// The body of a response, piece by piece.
#[async_trait]
pub trait Pieces: Send {
    /// The next piece; `None` after the last.
    async fn next(&mut self) -> Result<Option<Bytes>, Error>;
}

/// A body that is there already is a single piece.
#[async_trait]
impl Pieces for Option<Bytes> {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        Ok(self.take().filter(|body| !body.is_empty()))
    }
}

/// Carries one request to a server and its response back.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`; a response of any status is `Ok`.
    async fn send(&self, request: Request) -> Result<Response, Error>;

    /// Sends `request`, whose answer may be too large for memory; its body comes piece by piece.
    ///
    /// Who has whole responses only gives the body as one piece.
    async fn receive(&self, request: Request) -> Result<Incoming, Error> {
        let response = self.send(request).await?;
        Ok(response.map(|body| Box::new(Some(body)) as Box<dyn Pieces>))
    }

    /// Gives up pooled connections, so that the next request opens a new one.
    ///
    /// A real Exchange was seen to answer 400 to whatever followed a large body on a connection.
    fn replace_connection(&self) {}
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        (**self).send(request).await
    }

    async fn receive(&self, request: Request) -> Result<Incoming, Error> {
        (**self).receive(request).await
    }

    fn replace_connection(&self) {
        (**self).replace_connection();
    }
}
