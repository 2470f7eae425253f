//! The real network, over reqwest.

use crate::{Error, Incoming, Pieces, Request, Response, Transport};
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
/// Longest time for a body that comes in piece by piece: 150 MB over a slow line.
const BODY_SECONDS_MAX: u64 = 3_600;

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

    /// Sends a request that may take `timeout` with its whole answer, and gives the answer's head.
    async fn ask(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<http::Response<Body>, Error> {
        let mut request = reqwest::Request::try_from(request)
            .map_err(|e| Error::NotSent(format!("the request is malformed: {e}")))?;
        *request.timeout_mut() = Some(timeout);
        let response = self.current().execute(request).await.map_err(|e| {
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
        let body = Body { response, bytes: 0, timeout: self.timeout };
        answer.body(body).map_err(|e| Error::InDoubt(format!("unreadable answer: {e}")))
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
        let (parts, mut body) = self.ask(request, self.timeout).await?.into_parts();
        let mut whole = BytesMut::new();
        while let Some(piece) = body.next().await? {
            whole.extend_from_slice(&piece);
        }
        Ok(http::Response::from_parts(parts, whole.freeze()))
    }

    async fn receive(&self, request: Request) -> Result<Incoming, Error> {
        let answer = self.ask(request, Duration::from_secs(BODY_SECONDS_MAX));
        let answer = tokio::time::timeout(self.timeout, answer).await;
        let answer = answer.unwrap_or_else(|_| Err(silence()))?;
        Ok(answer.map(|body| Box::new(body) as Box<dyn Pieces>))
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

/// A body on its way.
struct Body {
    response: reqwest::Response,
    bytes: usize,
    /// How long the next piece may take.
    timeout: Duration,
}

#[async_trait]
impl Pieces for Body {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = tokio::time::timeout(self.timeout, self.response.chunk()).await;
        let piece = piece.map_err(|_| silence())?.map_err(|e| {
            let e = e.without_url();
            Error::InDoubt(chain(&e))
        })?;
        self.bytes += piece.as_ref().map_or(0, Bytes::len);
        if self.bytes > BODY_BYTES_MAX {
            return Err(Error::InDoubt(format!("an answer longer than {BODY_BYTES_MAX} bytes")));
        }
        Ok(piece)
    }
}

fn silence() -> Error {
    Error::InDoubt("the server has fallen silent".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// Answers one request with `head`, then with each piece when a word is said.
    fn server(
        head: &'static str,
        pieces: &'static [&'static str],
    ) -> (String, std::sync::mpsc::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/x", listener.local_addr().expect("an address"));
        let (word, words) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]).expect("a request");
            stream.write_all(head.as_bytes()).expect("an open line");
            for piece in pieces {
                words.recv().expect("a word");
                stream.write_all(piece.as_bytes()).expect("an open line");
            }
        });
        (url, word)
    }

    fn get(url: &str) -> Request {
        http::Request::get(url).body(Bytes::new()).expect("a request")
    }

    #[tokio::test]
    async fn a_body_is_there_piece_by_piece() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n";
        let (url, word) = server(head, &["one", "two"]);
        let client = Client::new().expect("a client");
        let answer = client.receive(get(&url)).await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let mut body = answer.into_body();
        for piece in ["one", "two"] {
            word.send(()).expect("a server");
            assert_eq!(body.next().await, Ok(Some(Bytes::from_static(piece.as_bytes()))));
        }
        assert_eq!(body.next().await, Ok(None));
    }

    #[tokio::test]
    async fn a_body_that_is_cut_short_or_falls_silent_is_in_doubt() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
        let (url, word) = server(head, &["one"]);
        word.send(()).expect("a server");
        let client = Client::with_timeout(Duration::from_millis(300)).expect("a client");
        let failed = client.send(get(&url)).await;
        assert!(matches!(failed, Err(Error::InDoubt(_))), "{failed:?}");
        let (url, _word) = server(head, &["one"]);
        let mut body = client.receive(get(&url)).await.expect("an answer").into_body();
        assert!(matches!(body.next().await, Err(Error::InDoubt(_))));
    }
}
