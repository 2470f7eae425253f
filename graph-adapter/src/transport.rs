//! Single requests: headers, token, and how many are on their way at a time.

use crate::failure::{Fault, Refusal};
use crate::json;
use crate::links::Links;
use bytes::Bytes;
use entra_auth::TokenSource;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Requests that Exchange Online takes at a time, per application and mailbox.
pub(crate) const CONCURRENT_MAX: u32 = 4;

/// Ids that survive moves. Valid only for the request that it is sent with, so it goes with every
/// one: links from the server and steps of batches included (MS docs: immutable identifiers).
pub(crate) const IMMUTABLE_IDS: &str = r#"IdType="ImmutableId""#;

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

impl<'a> Call<'a> {
    /// Reads from `url`.
    pub(crate) fn get(url: &'a str) -> Self {
        Self { url, body: None, page_size: None }
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
        .header(ACCEPT, "application/json")
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
