//! What the tests share.

use exchange_sim::{Config, Reply, Sim};
use serde_json::{Value, json};

pub const ANNA: &str = "anna.vogt@contoso.example";
pub const STAMP: &str = "String {3c8f7a52-1d6b-4e0a-9b57-c2d94f10e683} Name Stamp";
pub const TENANT_PATH: &str = "oauth2/v2.0/token";

pub struct Graph {
    pub sim: Sim,
    pub token: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub json: Value,
}

impl Graph {
    pub fn new() -> Self {
        Self::with(Config { repeat_one_in: 0, ..Config::default() })
    }

    pub fn with(config: Config) -> Self {
        let sim = Sim::new(config).expect("a simulator");
        let token = token(&sim);
        Self { sim, token }
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
        let mut request = http::Request::builder()
            .method(method)
            .uri(url)
            .header("Authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            String::new()
        } else {
            request = request.header("Content-Type", "application/json");
            body.to_string()
        };
        answer(self.sim.handle(request.body(body.into()).expect("a request")))
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
        Reply::Respond { response, .. } => Some(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            json: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        }),
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
