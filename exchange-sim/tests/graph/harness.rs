//! What the tests share.

use crate::openapi::{self, Exchange};
use exchange_sim::{Config, Reply, Sim};
use serde_json::{Value, json};
use std::cell::RefCell;

pub const ANNA: &str = "anna.vogt@contoso.example";
pub const STAMP: &str = "String {3c8f7a52-1d6b-4e0a-9b57-c2d94f10e683} Name Stamp";
pub const TENANT_PATH: &str = "oauth2/v2.0/token";

/// A server that holds its own answers against Microsoft's description when a test is over.
pub struct Graph {
    pub sim: Sim,
    pub token: String,
    exchanges: RefCell<Vec<Exchange>>,
}

impl Drop for Graph {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            openapi::judge(&self.exchanges.take());
        }
    }
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub json: Value,
    /// Whether the body is nothing or JSON.
    pub is_whole: bool,
}

impl Graph {
    pub fn new() -> Self {
        Self::with(Config { repeat_one_in: 0, ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        let sim = Sim::new(config).expect("a simulator");
        let token = token(&sim);
        Self { sim, token, exchanges: RefCell::default() }
    }

    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> Option<Answer> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("https://graph.microsoft.com/v1.0{path}").replace(' ', "%20")
        };
        let below = url.split_once("/v1.0").map(|(_, path)| path.to_owned());
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let content = if body.is_null() {
            String::new()
        } else if let Some(mime) = body.as_str() {
            mime.to_owned()
        } else {
            request = request.header("Content-Type", "application/json");
            body.to_string()
        };
        let answer = answer(self.sim.handle(request.body(content.into()).expect("a request")));
        // What a fault has spoiled is no JSON.
        let answered = answer.as_ref().filter(|answer| answer.is_whole);
        if let (Some(path), Some(answer)) = (below, answered) {
            let (method, json) = (method.to_owned(), answer.json.clone());
            let exchange =
                Exchange { method, path, request: body, status: answer.status, body: json };
            self.exchanges.borrow_mut().push(exchange);
        }
        answer
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], Value::Null).expect("an answer")
    }

    pub fn get_with(&self, path: &str, prefer: &str) -> Answer {
        self.send("GET", path, &[("Prefer", prefer)], Value::Null).expect("an answer")
    }

    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send("POST", path, &[], body).expect("an answer")
    }

    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.send("PATCH", path, &[], body).expect("an answer")
    }

    pub fn create(&self, body: Value) -> Value {
        let answer = self.post(&events(), body);
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json
    }

    pub fn control(&self, method: &str, path: &str, body: Value) -> Answer {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://sim/sim{path}"))
            .body(body.to_string().into())
            .expect("a request");
        answer(self.sim.handle(request)).expect("an answer")
    }
}

pub fn answer(reply: Reply) -> Option<Answer> {
    match reply {
        Reply::Respond { response, .. } => {
            let json = serde_json::from_slice(response.body());
            Some(Answer {
                status: response.status().as_u16(),
                headers: response.headers().clone(),
                is_whole: json.is_ok() || response.body().is_empty(),
                json: json.unwrap_or(Value::Null),
            })
        }
        Reply::Close => None,
    }
}

pub fn token_request(sim: &Sim, tenant: &str, form: &str) -> Answer {
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("https://login.microsoftonline.com/{tenant}/{TENANT_PATH}"))
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.to_owned().into())
        .expect("a request");
    answer(sim.handle(request)).expect("an answer")
}

pub fn token(sim: &Sim) -> String {
    let ready = sim.ready_json("http://127.0.0.1:1");
    let text = |name: &str| ready[name].as_str().expect(name).to_owned();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default",
        text("client"),
        text("secret")
    );
    let answer = token_request(sim, &text("tenant"), &form);
    assert_eq!(answer.status, 200, "{}", answer.json);
    assert_eq!(answer.json["expires_in"], 3599);
    answer.json["access_token"].as_str().expect("a token").to_owned()
}

pub fn events() -> String {
    format!("/users/{ANNA}/events")
}

pub fn lunch() -> Value {
    json!({
        "subject": "Let's go for lunch  ",
        "body": {"contentType": "HTML", "content": "Does noon work for you?"},
        "start": {"dateTime": "2026-12-15T12:00:00", "timeZone": "Pacific Standard Time"},
        "end": {"dateTime": "2026-12-15T14:00:00", "timeZone": "Pacific Standard Time"},
        "location": {"displayName": "Harry's Bar"},
        "allowNewTimeProposals": true,
        "transactionId": "7E163156-7762-4BEB-A1C6-729EA81755A7"
    })
}

pub fn named(subject: &str, day: u32) -> Value {
    json!({
        "subject": subject,
        "start": {"dateTime": format!("2026-12-{day:02}T09:00:00"), "timeZone": "W. Europe Standard Time"},
        "end": {"dateTime": format!("2026-12-{day:02}T10:00:00"), "timeZone": "W. Europe Standard Time"},
    })
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn code(answer: &Answer) -> &str {
    text(&answer.json["error"]["code"])
}

/// Follows nextLinks to the deltaLink; gives the entries and the deltaLink.
pub fn drain(graph: &Graph, first: &str, prefer: &str) -> (Vec<Value>, String) {
    let mut entries = Vec::new();
    let mut link = first.to_owned();
    for _ in 0..100 {
        let answer = graph.get_with(&link, prefer);
        assert_eq!(answer.status, 200, "{}", answer.json);
        entries.extend(answer.json["value"].as_array().expect("a page").iter().cloned());
        match answer.json["@odata.nextLink"].as_str() {
            Some(next) => link = next.to_owned(),
            None => return (entries, text(&answer.json["@odata.deltaLink"]).to_owned()),
        }
    }
    panic!("the round doesn't end");
}
