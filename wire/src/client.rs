//! The real network, over reqwest.

use crate::{Error, Request, Response, Transport};
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use std::sync::RwLock;
use std::time::Duration;

/// Longest response body taken, in bytes: EWS servers stop at 64 MB a message by default.
const BODY_BYTES_MAX: usize = 160 * 1024 * 1024;
/// A host that answers at all answers within one lost packet or two; whoever waits is told soon.
const CONNECT_SECONDS_MAX: u64 = 6;
/// Exchange ends a request after one minute at most; anything longer is a dead connection.
const ANSWER_SECONDS_MAX: u64 = 100;

/// An HTTP client that never follows a redirect and never keeps a cookie.
pub struct Client {
    inner: RwLock<reqwest::Client>,
    timeout: Duration,
}

impl Client {
    /// Opens a client; fails on a machine without usable CA certificates.
    pub fn new() -> Result<Self, Error> {
        Self::with_timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
    }

    /// Opens a client that waits at most `timeout` for a whole answer.
    pub fn with_timeout(timeout: Duration) -> Result<Self, Error> {
        Ok(Self { inner: RwLock::new(open(timeout)?), timeout })
    }

    fn current(&self) -> reqwest::Client {
        match self.inner.read() {
            Ok(guard) => guard.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }
}

fn open(timeout: Duration) -> Result<reqwest::Client, Error> {
    reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .timeout(timeout)
        // A redirect may lead a credential to another host: adapters judge each one themselves.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("evensync/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| {
            Error::NotSent(format!(
                "the HTTP client can't start ({}); does this machine have CA certificates \
                 installed (package ca-certificates)?",
                chain(&e)
            ))
        })
}

/// An error with all its causes in one line, without the URL's query.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[async_trait]
impl Transport for Client {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let request = reqwest::Request::try_from(request)
            .map_err(|e| Error::NotSent(format!("the request is malformed: {e}")))?;
        let mut response = self.current().execute(request).await.map_err(|e| {
            let e = e.without_url();
            if e.is_connect() || e.is_builder() {
                Error::NotSent(chain(&e))
            } else {
                Error::InDoubt(chain(&e))
            }
        })?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = read_body(&mut response).await?;
        answer.body(body).map_err(|e| Error::InDoubt(format!("unreadable answer: {e}")))
    }

    fn replace_connection(&self) {
        if let Ok(fresh) = open(self.timeout) {
            match self.inner.write() {
                Ok(mut guard) => *guard = fresh,
                Err(poisoned) => *poisoned.into_inner() = fresh,
            }
        }
    }
}

async fn read_body(response: &mut reqwest::Response) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() > BODY_BYTES_MAX => {
                return Err(Error::InDoubt(format!(
                    "an answer longer than {BODY_BYTES_MAX} bytes"
                )));
            }
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => return Ok(body.freeze()),
            Err(e) => return Err(Error::InDoubt(chain(&e.without_url()))),
        }
    }
}
