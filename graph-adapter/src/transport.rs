//! Single requests: headers, token, and how many are on their way at a time.

use crate::failure::{Fault, Refusal};
use crate::json;
use crate::links::Links;
use bytes::Bytes;
use entra_auth::TokenSource;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_RANGE, CONTENT_TYPE, HeaderValue, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// Requests that Exchange Online takes at a time, per application and mailbox.
pub(crate) const CONCURRENT_MAX: u32 = 4;

/// Ids that survive moves. Valid only for the request that it is sent with, so it goes with every
/// one: links from the server and steps of batches included (MS docs: immutable identifiers).
pub(crate) const IMMUTABLE_IDS: &str = r#"IdType="ImmutableId""#;

/// As much as is read of a refusal whose body comes in pieces.
const REFUSAL_BYTES_MAX: usize = 65_536;

/// One mailbox on Graph.
pub(crate) struct Graph {
    /// Its addresses.
    pub links: Links,
    transport: Arc<dyn wire::Transport>,
    tokens: Arc<TokenSource>,
    permits: Semaphore,
}

/// A request to send.
pub(crate) struct Call<'a> {
    /// The whole address.
    pub url: &'a str,
    /// What to POST; a GET without.
    pub body: Option<&'a Value>,
    /// How many items a page may hold; the server's choice without.
    pub page_size: Option<u32>,
}

/// Where the bytes that are sent stand in a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    /// The first of them.
    pub first: u64,
    /// How many the file has.
    pub total: u64,
}

/// A body that is still coming in; until it is dropped, its request counts as under way.
pub(crate) struct Incoming<'a> {
    body: Box<dyn wire::Pieces>,
    _permit: SemaphorePermit<'a>,
}

impl Incoming<'_> {
    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Fault> {
        Ok(self.body.next().await?)
    }
}

/// What an upload session says to a range.
#[derive(Debug, Clone, Default)]
pub(crate) struct Uploaded {
    /// Where the next range is to begin, if it says so.
    pub next: Option<u64>,
    /// The address of the file, after the last range.
    pub location: Option<String>,
}

impl<'a> Call<'a> {
    /// Reads from `url`.
    pub(crate) fn get(url: &'a str) -> Self {
        Self { url, body: None, page_size: None }
    }

    /// What is understood: bytes come as they are.
    fn accept(&self) -> &'static str {
        if self.url.ends_with("/$value") { "*/*" } else { "application/json" }
    }

    /// Sends `body` to `url`.
    pub(crate) fn post(url: &'a str, body: &'a Value) -> Self {
        Self { url, body: Some(body), page_size: None }
    }
}

impl Graph {
    pub(crate) fn new(
        links: Links,
        transport: Arc<dyn wire::Transport>,
        tokens: Arc<TokenSource>,
    ) -> Self {
        let permits = Semaphore::new(CONCURRENT_MAX as usize);
        Self { links, transport, tokens, permits }
    }

    /// Sends a request that takes `permits` of [`CONCURRENT_MAX`], and gives the body of a 2xx.
    ///
    /// A 401 is answered once with a new token: the old one may have ended early.
    pub(crate) async fn send(&self, call: &Call<'_>, permits: u32) -> Result<Value, Fault> {
        let _permit =
            self.permits.acquire_many(permits).await.expect("the semaphore is never closed");
        let token = self.token().await?;
        let response = self.transport.send(request(call, &token)?).await?;
        if response.status().as_u16() != 401 {
            return answer(&response);
        }
        self.tokens.invalidate(&token).await;
        let token = self.token().await?;
        answer(&self.transport.send(request(call, &token)?).await?)
    }

    /// Reads from a whole address.
    pub(crate) async fn get(&self, url: &str) -> Result<Value, Fault> {
        self.send(&Call::get(url), 1).await
    }

    /// Reads bytes of any kind from a whole address, piece by piece.
    pub(crate) async fn receive(&self, url: &str) -> Result<Incoming<'_>, Fault> {
        let permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let call = Call::get(url);
        let token = self.token().await?;
        let mut response = self.transport.receive(request(&call, &token)?).await?;
        if response.status().as_u16() == 401 {
            self.tokens.invalidate(&token).await;
            let token = self.token().await?;
            response = self.transport.receive(request(&call, &token)?).await?;
        }
        if response.status().is_success() {
            return Ok(Incoming { body: response.into_body(), _permit: permit });
        }
        let (parts, mut body) = response.into_parts();
        let mut words = Vec::new();
        while let Some(piece) = body.next().await?.filter(|_| words.len() < REFUSAL_BYTES_MAX) {
            words.extend_from_slice(&piece);
        }
        Err(Fault::Refused(Refusal::of(parts.status.as_u16(), &parts.headers, &words)))
    }

    /// Sends a range of a file to the address of an upload session, which is used as it is and
    /// without our token (MS docs: outlook-large-attachments).
    pub(crate) async fn upload(
        &self,
        url: &str,
        range: Range,
        bytes: Vec<u8>,
    ) -> Result<Uploaded, Fault> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let last = range.first + (bytes.len() as u64).saturating_sub(1);
        let request = http::Request::put(url)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_RANGE, format!("bytes {}-{last}/{}", range.first, range.total))
            .body(Bytes::from(bytes))
            .map_err(|e| Fault::NotSent(format!("the request is malformed: {e}")))?;
        let response = self.transport.send(request).await?;
        let (status, headers) = (response.status(), response.headers());
        if !status.is_success() {
            let refusal = Refusal::of(status.as_u16(), headers, response.body());
            return Err(Fault::Refused(refusal));
        }
        let location = headers.get(LOCATION).and_then(|value| value.to_str().ok());
        // The last answer has no body.
        let session = json::parse(response.body()).unwrap_or_default();
        let next = session["nextExpectedRanges"][0].as_str();
        let next = next.and_then(|next| next.split('-').next()?.parse().ok());
        Ok(Uploaded { next, location: location.map(str::to_owned) })
    }

    /// Forgets the current token.
    pub(crate) async fn renew_token(&self) {
        if let Ok(token) = self.token().await {
            self.tokens.invalidate(&token).await;
        }
    }

    async fn token(&self) -> Result<SecretString, Fault> {
        self.tokens.token(Instant::now()).await.map_err(Fault::Token)
    }
}

fn request(call: &Call<'_>, token: &SecretString) -> Result<wire::Request, Fault> {
    let not_sent = |e: http::Error| Fault::NotSent(format!("the request is malformed: {e}"));
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
        .map_err(|e| not_sent(e.into()))?;
    bearer.set_sensitive(true);
    let mut prefer = IMMUTABLE_IDS.to_owned();
    if let Some(size) = call.page_size {
        prefer.push_str(&format!(", odata.maxpagesize={size}"));
    }
    let builder = http::Request::builder()
        .uri(call.url)
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, call.accept())
        .header("Prefer", prefer);
    match call.body {
        Some(body) => builder
            .method("POST")
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body.to_string())),
        None => builder.method("GET").body(Bytes::new()),
    }
    .map_err(not_sent)
}

fn answer(response: &wire::Response) -> Result<Value, Fault> {
    let status = response.status();
    if !status.is_success() {
        let refusal = Refusal::of(status.as_u16(), response.headers(), response.body());
        return Err(Fault::Refused(refusal));
    }
    if response.body().is_empty() {
        return Err(Fault::Garbled(format!("an empty answer ({status})")));
    }
    json::parse(response.body()).map_err(|e| {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        Fault::Garbled(format!("an answer ({}) that is no JSON: {e}", kind.unwrap_or("no type")))
    })
}
