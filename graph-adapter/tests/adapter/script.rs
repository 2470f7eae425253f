//! A Graph that answers as a test says, in the order it says.

use crate::judge::judge;
use async_trait::async_trait;
use bytes::Bytes;
use entra_auth::{ClientSecret, DEFAULT_AUTHORITY, TokenSource};
use graph_adapter::{Config, GraphRemote, SCOPE};
use items::Digester;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use wire::{Request, Response, Transport};

pub const MAILBOX: &str = "anna.vogt@contoso.example";
/// 2026-11-25 12:00 UTC.
pub const NOW: u64 = 1_795_608_000;

type Answer = Box<dyn FnOnce(&Request) -> Result<Response, wire::Error> + Send>;

/// The answers still to give, and the requests that came. Tokens are issued besides.
#[derive(Default)]
pub struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<Request>>,
    tokens: Mutex<usize>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        if request.uri().path().ends_with("/oauth2/v2.0/token") {
            let mut tokens = self.tokens.lock().unwrap();
            *tokens += 1;
            let token = format!("token-{tokens}");
            let body = json!({"token_type": "Bearer", "expires_in": 3599, "access_token": token});
            return json(200, body);
        }
        let answer = self.answers.lock().unwrap().pop_front();
        let answer = answer
            .unwrap_or_else(|| panic!("no answer for {} {}", request.method(), request.uri()));
        let response = answer(&request);
        self.requests.lock().unwrap().push(request);
        response
    }
}

impl Drop for Script {
    /// All answers were asked for, and all requests are as Microsoft describes them.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.answers.lock().unwrap().is_empty(), "not all answers were asked for");
            judge(&self.requests.lock().unwrap());
        }
    }
}

impl Script {
    /// Answers the next request.
    pub fn then(
        &self,
        answer: impl FnOnce(&Request) -> Result<Response, wire::Error> + Send + 'static,
    ) -> &Self {
        self.answers.lock().unwrap().push_back(Box::new(answer));
        self
    }

    /// Answers the next request with JSON.
    pub fn then_json(&self, status: u16, body: Value) -> &Self {
        self.then(move |_| json(status, body))
    }

    /// Answers the next batch, step by step; the answers come in the reverse order.
    pub fn then_batch(&self, answer: impl Fn(&Value) -> Value + Send + 'static) -> &Self {
        self.then(move |request| {
            let body: Value = serde_json::from_slice(request.body()).unwrap();
            let steps = body["requests"].as_array().unwrap();
            let responses: Vec<Value> = steps
                .iter()
                .rev()
                .map(|step| {
                    let mut response = answer(step);
                    response["id"] = step["id"].clone();
                    response
                })
                .collect();
            json(200, json!({"responses": responses}))
        })
    }

    /// Leaves the requests so far out of the judgement.
    pub fn forget(&self) {
        self.requests.lock().unwrap().clear();
    }

    /// The requests so far, as method, path with query, and body.
    pub fn seen(&self) -> Vec<(String, String, Value)> {
        let requests = self.requests.lock().unwrap();
        let read = |r: &Request| {
            let path = r.uri().path_and_query().unwrap().to_string();
            let body = serde_json::from_slice(r.body()).unwrap_or(Value::Null);
            (r.method().to_string(), path, body)
        };
        requests.iter().map(read).collect()
    }

    /// A header of the latest request.
    pub fn last_header(&self, name: &str) -> Option<String> {
        let requests = self.requests.lock().unwrap();
        Some(requests.last()?.headers().get(name)?.to_str().unwrap().to_owned())
    }
}

/// A remote, and the script that it talks to.
pub fn scripted() -> (GraphRemote, Arc<Script>) {
    scripted_with(|_| {})
}

pub fn scripted_with(change: impl FnOnce(&mut Config)) -> (GraphRemote, Arc<Script>) {
    let script = Arc::new(Script::default());
    let mut config = Config::new(MAILBOX, "s1");
    config.now = || SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    change(&mut config);
    (remote(config, script.clone(), credential(DEFAULT_AUTHORITY)), script)
}

pub fn remote(
    config: Config,
    transport: Arc<dyn Transport>,
    credential: ClientSecret,
) -> GraphRemote {
    let tokens = Arc::new(TokenSource::new(credential, transport.clone()).unwrap());
    GraphRemote::new(config, transport, tokens, Digester::new([7; 32])).unwrap()
}

pub fn credential(authority: &str) -> ClientSecret {
    ClientSecret {
        tenant: "contoso.example".into(),
        client: "c".into(),
        secret: "s".to_owned().into(),
        authority: authority.into(),
        scope: SCOPE.into(),
    }
}

pub fn json(status: u16, body: Value) -> Result<Response, wire::Error> {
    text(status, "application/json", &body.to_string())
}

pub fn text(status: u16, kind: &str, body: &str) -> Result<Response, wire::Error> {
    let body = Bytes::from(body.to_owned());
    Ok(http::Response::builder().status(status).header("content-type", kind).body(body).unwrap())
}

/// A refusal as Graph words it.
pub fn error(status: u16, code: &str) -> Value {
    json!({"status": status, "body": {"error": {"code": code, "message": "words"}}})
}

/// An event as Graph delivers it.
pub fn event(id: &str) -> Value {
    json!({
        "@odata.etag": format!("W/\"{id}-1\""),
        "id": id,
        "type": "singleInstance",
        "subject": format!("Subject of {id}"),
        "body": {"contentType": "text", "content": "words"},
        "location": {"displayName": "Room 1"},
        "start": {"dateTime": "2026-11-25T09:00:00.0000000", "timeZone": "UTC"},
        "end": {"dateTime": "2026-11-25T10:00:00.0000000", "timeZone": "UTC"},
        "isAllDay": false,
        "originalStartTimeZone": "W. Europe Standard Time",
        "originalEndTimeZone": "W. Europe Standard Time",
        "categories": [],
        "isReminderOn": true,
        "reminderMinutesBeforeStart": 15,
        "showAs": "busy",
        "sensitivity": "normal",
        "importance": "normal",
        "iCalUId": "040000",
        "lastModifiedDateTime": "2026-11-20T08:00:00Z"
    })
}
