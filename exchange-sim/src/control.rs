//! The control API for tests: `/sim/…`.

mod sign_in;

use crate::config::Login;
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
        ("POST", "/faults") => match read_faults(world, request.body()) {
            Ok(faults) => add_faults(world, faults),
            Err(error) => respond_json(400, &json!({"error": error})),
        },
        ("DELETE", "/faults") => {
            world.faults.clear();
            respond_json(200, &json!({"faults": 0}))
        }
        ("POST", "/advance") => match serde_json::from_slice::<Advance>(request.body()) {
            Ok(advance) => match advanced(world, advance.seconds) {
                Ok(()) => respond_json(200, &json!({"now": world.now().to_string()})),
                Err(error) => respond_json(400, &json!({"error": error})),
            },
            Err(error) => refuse(error),
        },
        ("POST", "/mailboxes") => match serde_json::from_slice::<NewMailbox>(request.body()) {
            Ok(new) => add_mailbox(world, new),
            Err(error) => refuse(error),
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

/// One fault or a list of them; all are good, or the first bad one says why it isn't.
fn read_faults(world: &World, body: &[u8]) -> Result<Vec<Fault>, String> {
    let read = |value: Value| {
        let fault: Fault = serde_json::from_value(value).map_err(|error| error.to_string())?;
        fault.check().map_err(|error| error.to_string())?;
        match fault.matches.mailbox.as_deref().filter(|name| world.mailbox(name).is_none()) {
            Some(unknown) => Err(format!("no mailbox '{unknown}'")),
            None => Ok(fault),
        }
    };
    match serde_json::from_slice(body).map_err(|error| error.to_string())? {
        Value::Array(values) => {
            let numbered = values.into_iter().enumerate();
            numbered.map(|(at, v)| read(v).map_err(|e| format!("fault {}: {e}", at + 1))).collect()
        }
        value @ (Value::Object(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)) => Ok(vec![read(value)?]),
    }
}

fn add_faults(world: &mut World, faults: Vec<Fault>) -> Response {
    for fault in faults {
        world.faults.add(fault);
    }
    respond_json(200, &json!({"faults": world.faults.len()}))
}

/// Moves the clock by so many seconds, or says why it can't.
fn advanced(world: &mut World, seconds: f64) -> Result<(), String> {
    if seconds < 0.0 {
        return Err("seconds must not be negative".to_owned());
    }
    let by = SignedDuration::try_from_secs_f64(seconds).ok();
    match by.filter(|by| world.now().checked_add(*by).is_ok_and(|then| then <= World::END)) {
        Some(by) => {
            world.advance(by);
            Ok(())
        }
        None => Err(format!("the clock goes no further than {}", World::END)),
    }
}

fn add_mailbox(world: &mut World, new: NewMailbox) -> Response {
    let password = new.password.as_deref().unwrap_or(crate::DEFAULT_PASSWORD);
    let login = match Login::new(&new.address, password) {
        Ok(login) => login,
        Err(error) => return respond_json(400, &json!({"error": error.to_string()})),
    };
    if let Some(version) = new.version.as_deref().filter(|version| !crate::ews::has(version)) {
        return respond_json(400, &json!({"error": format!("no EWS version '{version}'")}));
    }
    if world.mailbox(&login.address).is_some() {
        let error = format!("there is a mailbox '{}' already", login.address);
        return respond_json(409, &json!({"error": error}));
    }
    let mailbox = world.add_mailbox(&login.address, &login.password);
    if let Some(name) = new.name {
        mailbox.name = name;
    }
    mailbox.settings.ews_version = new.version;
    respond_json(201, &crate::login_json(mailbox))
}

fn refuse(error: serde_json::Error) -> Response {
    respond_json(400, &json!({"error": error.to_string()}))
}
