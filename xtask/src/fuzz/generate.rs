//! Requests that are almost right: a valid one, changed a little where a program would trip.

mod ews;
mod graph;

use super::corpus::Corpus;
use super::pool::Pool;
use super::{Protocol, hostile};
use bytes::Bytes;
use exchange_sim::store::rng::Rng;
use http::{HeaderName, HeaderValue};

/// Whose mailbox the requests are about.
pub const USER: &str = "anna.vogt@contoso.example";

/// Longest body made.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Longest text that repeating makes of an element.
const TEXT_BYTES_MAX: usize = 256 * 1024;

/// Makes requests; equal seeds and equal answers make equal requests.
pub struct Generator<'a> {
    corpus: &'a Corpus,
    protocol: Protocol,
    rng: Rng,
    pool: Pool,
    /// `Authorization` of requests to Graph.
    bearer: String,
}

impl<'a> Generator<'a> {
    /// A generator at its beginning.
    pub fn new(corpus: &'a Corpus, protocol: Protocol, seed: u64, bearer: String) -> Self {
        Self { corpus, protocol, rng: Rng::new(seed), pool: Pool::default(), bearer }
    }

    /// The next request.
    pub fn request(&mut self) -> http::Request<Bytes> {
        if self.rng.below(50) == 0 {
            let most = *self.rng.pick(&[2, 60, 5_000, 200_000]);
            let body = format!("{{\"seconds\": {}}}", self.rng.below(most));
            return build("POST", "/sim/advance", Vec::new(), body.into_bytes());
        }
        loop {
            let request = match self.protocol {
                Protocol::Ews if self.rng.below(30) == 0 => self.autodiscover(),
                Protocol::Ews => self.ews(),
                Protocol::Graph => self.graph(),
            };
            // How long the largest take is no finding.
            if request.body().len() <= BODY_BYTES_MAX {
                return request;
            }
        }
    }

    /// Signs in anew.
    pub fn sign_in(&mut self, bearer: String) {
        self.bearer = bearer;
    }

    /// Takes what an answer tells.
    pub fn learn(&mut self, body: &[u8]) {
        match self.protocol {
            Protocol::Ews => {
                self.pool.learn_xml(&String::from_utf8_lossy(body), &mut self.rng);
            }
            Protocol::Graph => {
                if let Ok(json) = serde_json::from_slice(body) {
                    self.pool.learn_json(&json, &mut self.rng);
                }
            }
        }
    }

    /// How many changes a request gets; most are few, some none.
    fn changes(&mut self) -> u64 {
        match self.rng.below(10) {
            0..=2 => 0,
            3..=7 => 1,
            8 => 2 + self.rng.below(3),
            _ => 5 + self.rng.below(12),
        }
    }

    fn broken(&mut self, mut body: Vec<u8>) -> Vec<u8> {
        if self.rng.below(12) == 0 {
            for _ in 0..=self.rng.below(4) {
                hostile::break_bytes(&mut self.rng, &mut body);
            }
        }
        body
    }
}

/// A request; headers that HTTP can't carry are left out, and so is a URL.
fn build(
    method: &str,
    url: &str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> http::Request<Bytes> {
    let mut request = http::Request::new(Bytes::from(body));
    *request.method_mut() = method.parse().unwrap_or_default();
    // A URL of more than 64 kB is none for `http`; the server would refuse it as well.
    *request.uri_mut() =
        format!("http://sim.example{url}").parse().unwrap_or_else(|_| http::Uri::from_static("/"));
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            request.headers_mut().append(
                HeaderName::from_bytes(name.as_bytes()).unwrap_or(http::header::VIA),
                value,
            );
        }
    }
    request
}
