//! One SOAP request and its answer, whatever the server makes of it.
//!
//! Exchange has no single way to say "not now": it uses faults, response messages, plain HTTP
//! statuses, redirects to an error page, HTML, and closed connections (exchangelib protocol.py).

use crate::failure::{self, Effect};
use crate::soap::{self, Element, Header};
use crate::{Auth, Config, sanitize};
use base64::Engine;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use sync_core::port::{Failure, Trouble};

/// After a body larger than this, in bytes, a connection isn't trusted any more.
const TRUSTED_BODY_BYTES_MAX: usize = 1024 * 1024;
/// Longest wait taken from a Retry-After, in seconds.
const RETRY_AFTER_SECONDS_MAX: f64 = 24.0 * 3600.0;

/// An operation to ask for.
pub(crate) struct Call<'a> {
    /// Its name, for traces.
    pub(crate) operation: &'static str,
    /// Whether it changes something.
    pub(crate) effect: Effect,
    /// The zone that it is to be understood in, if any: a Windows id.
    pub(crate) zone: Option<&'a str>,
    /// The operation's element.
    pub(crate) body: &'a str,
}

/// Sends requests for one mailbox.
pub(crate) struct Caller {
    transport: Arc<dyn wire::Transport>,
    url: String,
    authorization: HeaderValue,
    anchor: HeaderValue,
    impersonate: Option<String>,
    /// Whether these credentials were accepted before; a 401 is then a sign of load.
    accepted: AtomicBool,
}

impl Caller {
    /// A caller for the mailbox of `config`.
    pub(crate) fn new(config: &Config, transport: Arc<dyn wire::Transport>) -> Self {
        let mut authorization = match &config.auth {
            Auth::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                let pair = base64::engine::general_purpose::STANDARD.encode(pair);
                HeaderValue::from_str(&format!("Basic {pair}")).expect("base64 is plain ASCII")
            }
        };
        authorization.set_sensitive(true);
        // A mailbox that no header can carry isn't one; the server will say so.
        let anchor = HeaderValue::from_str(&config.mailbox).unwrap_or(HeaderValue::from_static(""));
        Self {
            transport,
            url: config.url.to_string(),
            authorization,
            anchor,
            impersonate: config.impersonate.clone(),
            accepted: AtomicBool::new(false),
        }
    }

    /// Sends the request and returns the operation's response element.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Element, Failure> {
        let header = Header { impersonate: self.impersonate.as_deref(), zone: call.zone };
        let body = soap::envelope(header, call.body);
        let bytes_out = body.len();
        let answer = self.transport.send(self.request(body)?).await;
        let answer = answer.map_err(|e| match e {
            wire::Error::NotSent(why) => Failure::Transient(Trouble::new("not-sent", why)),
            wire::Error::InDoubt(why) => call.effect.doubt(Trouble::new("no-answer", why)),
        })?;
        let (parts, body) = answer.into_parts();
        tracing::debug!(
            operation = call.operation,
            status = parts.status.as_u16(),
            bytes_out,
            bytes_in = body.len(),
            "EWS"
        );
        if bytes_out.max(body.len()) > TRUSTED_BODY_BYTES_MAX
            || parts.status == StatusCode::BAD_REQUEST
        {
            self.transport.replace_connection();
        }
        self.judge(parts.status, &parts.headers, &body, call.effect)
    }

    fn request(&self, body: String) -> Result<wire::Request, Failure> {
        http::Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(CONTENT_TYPE, "text/xml; charset=utf-8")
            .header(AUTHORIZATION, &self.authorization)
            .header("X-AnchorMailbox", &self.anchor)
            .body(Bytes::from(body))
            .map_err(|e| Failure::Permanent(Trouble::new("bad-request", e.to_string())))
    }

    /// Decides from body and status: a fault says more than the status that it came with.
    fn judge(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &Bytes,
        effect: Effect,
    ) -> Result<Element, Failure> {
        let plain = matches!(status, StatusCode::OK | StatusCode::INTERNAL_SERVER_ERROR);
        let payload = read(body);
        if let Some(complaint) = payload.as_ref().ok().and_then(soap::fault) {
            self.accepted.store(true, Ordering::Relaxed);
            return Err(failure::of(complaint, effect));
        }
        match payload {
            _ if !plain => Err(self.refusal(status, headers, effect)),
            Ok(payload) => {
                self.accepted.store(true, Ordering::Relaxed);
                Ok(payload)
            }
            Err(error) => {
                self.transport.replace_connection();
                let html = matches!(error, soap::Error::NotSoap) || looks_like_html(body);
                let code = if html { "not-soap" } else { "malformed-answer" };
                let detail = format!("HTTP {}: {error}", status.as_u16());
                Err(effect.doubt(Trouble::new(code, detail)))
            }
        }
    }

    fn refusal(&self, status: StatusCode, headers: &HeaderMap, effect: Effect) -> Failure {
        let number = status.as_u16();
        let trouble = |detail: &str| Trouble::new(format!("http-{number}"), detail);
        let busy = |detail: &str| Failure::Throttled {
            after_ms: retry_after_ms(headers),
            trouble: trouble(detail),
        };
        let accepted = self.accepted.load(Ordering::Relaxed);
        match number {
            401 if accepted => busy(
                "the server asks again for credentials that it accepted before, as it does under load",
            ),
            401 => Failure::Unauthorized(trouble(
                "the server refuses user name or password, or Basic authentication is switched off",
            )),
            403 => Failure::Unauthorized(trouble("this account may not use Exchange Web Services")),
            400 => Failure::Transient(trouble("the server could not read the request")),
            408 => effect.doubt(trouble("the server or a gateway stopped waiting")),
            413 => Failure::Permanent(trouble("the request is too large for the server")),
            429 | 503 => busy("the server asks for a pause"),
            // A gateway gave up waiting for Exchange, which may have done its work.
            504 if effect == Effect::Read => busy("a gateway gave up waiting for Exchange"),
            300..=399 if accepted || leads_to_error_page(headers) => {
                busy("the server is overloaded")
            }
            300..=399 => Failure::Permanent(trouble(&format!(
                "the server sends us elsewhere{}; correct the URL of this endpoint",
                location(headers).map(|l| format!(", to {l}")).unwrap_or_default()
            ))),
            404 | 405 => Failure::Permanent(trouble("there is no EWS at this URL")),
            402..=499 => Failure::Permanent(trouble("the server refuses the request")),
            _ => effect.doubt(trouble("the server or a gateway before it failed")),
        }
    }
}

fn read(body: &Bytes) -> Result<Element, soap::Error> {
    soap::payload(Element::parse(&sanitize::clean(body))?)
}

fn looks_like_html(body: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&body[..body.len().min(512)]).to_ascii_lowercase();
    head.contains("<!doctype html") || head.contains("<html")
}

fn location(headers: &HeaderMap) -> Option<&str> {
    headers.get(LOCATION)?.to_str().ok()
}

/// Exchange redirects to this page when it has no room (exchangelib protocol.py).
fn leads_to_error_page(headers: &HeaderMap) -> bool {
    location(headers).is_some_and(|l| l.to_ascii_lowercase().contains("genericerrorpage"))
}

/// Retry-After in milliseconds; it may be fractional, missing, or a date, which is not read.
fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    // In range, so the conversion keeps the value up to its fraction.
    (seconds > 0.0).then(|| (seconds.min(RETRY_AFTER_SECONDS_MAX) * 1000.0).ceil() as u64)
}
