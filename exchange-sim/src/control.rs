//! The control API for tests: `/sim/…`.

mod sign_in;

use crate::fault::Fault;
use crate::store::World;
use crate::store::log::Weight;
use crate::{Request, Response, respond, respond_json};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Longest body kept of one request, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// A request that came in.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The method.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Headers by lower-case name.
    pub headers: Map<String, Value>,
    /// The body: a JSON value if it is JSON, else text.
    pub body: Value,
    /// The answer's status; `None` where none was given.
    pub status: Option<u16>,
}

impl Recorded {
    /// Keeps what tests look at.
    pub fn new(request: &Request, status: Option<u16>) -> Self {
        let mut headers = Map::new();
        for (name, value) in request.headers() {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            headers.insert(name.as_str().to_owned(), Value::String(value));
        }
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        Self {
            method: request.method().to_string(),
            path: path.to_owned(),
            headers,
            body: body_value(request.body()),
            status,
        }
    }

    /// One line of `GET /sim/requests`.
    pub fn json(&self) -> Value {
        json!({"method": self.method, "path": self.path, "headers": self.headers,
               "body": self.body, "status": self.status})
    }
}

impl Weight for Recorded {
    fn weight(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(n, v)| n.len() + weight_of(v)).sum();
        size_of::<Self>() + self.path.len() + headers + weight_of(&self.body)
    }
}

fn weight_of(value: &Value) -> usize {
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(weight_of).sum(),
        // The name's own String as well.
        Value::Object(members) => {
            members.iter().map(|(n, v)| size_of::<String>() + n.len() + weight_of(v)).sum()
        }
    };
    size_of::<Value>() + inner
}

fn body_value(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let kept = &body[..body.len().min(BODY_BYTES_MAX)];
    serde_json::from_slice(kept)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(kept).into_owned()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMailbox {
    address: String,
    password: Option<String>,
    name: Option<String>,
    /// The EWS version of an older server on which the mailbox lies.
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    Many(Vec<T>),
    One(T),
}

/// Answers a request whose path below `/sim` is `path`.
pub(crate) fn handle(world: &mut World, request: &Request, path: &str) -> Response {
    match (request.method().as_str(), path) {
        ("GET", "/dump") => dump(world, request),
        ("GET", "/notifications") => respond_json(200, &crate::graph::notifications(world)),
        ("GET", "/sent") => respond_json(200, &json!(world.sent)),
        ("GET", "/requests") => {
            let lines: String =
                world.requests.iter().map(|request| format!("{}\n", request.json())).collect();
            respond(200, "application/x-ndjson", lines)
        }
        ("POST", "/faults") => match serde_json::from_slice::<OneOrMany<Fault>>(request.body()) {
            Ok(OneOrMany::One(fault)) => add_faults(world, vec![fault]),
            Ok(OneOrMany::Many(faults)) => add_faults(world, faults),
            // An untagged enum hides why: say what is wrong with a single fault.
            Err(_) => refuse(serde_json::from_slice::<Fault>(request.body()).err()),
        },
        ("DELETE", "/faults") => {
            world.faults.clear();
            respond_json(200, &json!({"faults": 0}))
        }
        ("POST", "/advance") => match serde_json::from_slice::<Advance>(request.body()) {
            Ok(advance) if advance.seconds >= 0.0 && advance.seconds < 1e12 => {
                world.advance(SignedDuration::from_millis((advance.seconds * 1000.0) as i64));
                respond_json(200, &json!({"now": world.now().to_string()}))
            }
            Ok(_) => respond_json(400, &json!({"error": "seconds must not be negative"})),
            Err(error) => refuse(Some(error)),
        },
        ("POST", "/mailboxes") => match serde_json::from_slice::<NewMailbox>(request.body()) {
            Ok(new) => add_mailbox(world, new),
            Err(error) => refuse(Some(error)),
        },
        ("POST", "/sign-in") => sign_in::set(world, request),
        ("POST", "/devicecode") => sign_in::device(world, request),
        _ => respond_json(404, &json!({"error": format!("no control at /sim{path}")})),
    }
}

fn dump(world: &World, request: &Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let address = url::form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "mailbox")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    match world.mailbox(&address) {
        Some(mailbox) => respond_json(200, &mailbox.dump()),
        None => respond_json(404, &json!({"error": format!("no mailbox '{address}'")})),
    }
}

fn add_faults(world: &mut World, faults: Vec<Fault>) -> Response {
    for fault in faults {
        world.faults.add(fault);
    }
    respond_json(200, &json!({"faults": world.faults.len()}))
}

fn add_mailbox(world: &mut World, new: NewMailbox) -> Response {
    if !new.address.contains('@') {
        return respond_json(400, &json!({"error": "address must be a mail address"}));
    }
    if let Some(version) = new.version.as_deref().filter(|version| !crate::ews::has(version)) {
        return respond_json(400, &json!({"error": format!("no EWS version '{version}'")}));
    }
    let password = new.password.unwrap_or_else(|| crate::DEFAULT_PASSWORD.to_owned());
    let mailbox = world.add_mailbox(&new.address, &password);
    if let Some(name) = new.name {
        mailbox.name = name;
    }
    mailbox.settings.ews_version = new.version;
    respond_json(201, &crate::login_json(mailbox))
}

fn refuse(error: Option<serde_json::Error>) -> Response {
    let error = error.map_or_else(|| "not understood".to_owned(), |error| error.to_string());
    respond_json(400, &json!({"error": error}))
}
