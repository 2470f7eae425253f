//! Faults on demand: a request that matches is refused, cut short, or answered by silence.

use crate::store::World;
use crate::{Reply, Request, Response};
use bytes::Bytes;
use jiff::SignedDuration;
use serde::Deserialize;

/// A fault as `POST /sim/faults` takes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which requests.
    #[serde(rename = "match", default)]
    pub matches: Match,
    /// What goes wrong.
    #[serde(rename = "do")]
    pub kind: FaultKind,
    /// How many requests it hits.
    #[serde(default = "once")]
    pub times: u64,
    /// Back-off stated or delay made; where absent, no back-off is stated.
    pub seconds: Option<f64>,
    /// Matching requests so far.
    #[serde(skip)]
    seen: u64,
}

/// Which requests a fault is for; what is absent matches everything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// Which service.
    pub service: Option<Service>,
    /// An EWS operation, or `METHOD /path` below `/v1.0` with `*` for one segment.
    pub operation: Option<String>,
    /// The mailbox acted on.
    pub mailbox: Option<String>,
    /// Begins with the so-manieth match, counted from 1.
    pub nth: Option<u64>,
}

/// A service of the built-in Exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Exchange Web Services.
    Ews,
    /// Microsoft Graph.
    Graph,
    /// The token endpoint.
    Token,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Refused for too many requests.
    Throttle,
    /// Refused by a server that says it is busy.
    Busy,
    /// 503.
    Unavailable,
    /// The connection closes, nothing was done.
    DropBefore,
    /// The work is done, the connection closes without an answer.
    DropAfter,
    /// The connection closes, the work is done some seconds later.
    DelayAfter,
    /// The answer ends in the middle.
    Truncate,
    /// An HTML page instead of an answer, nothing was done.
    Html,
    /// Every sync token of the mailbox given out so far has expired.
    ExpireCursor,
    /// Every bearer token given out so far is revoked.
    RevokeToken,
    /// The answer contains characters that are illegal in XML and JSON.
    ControlCharacters,
}

/// A fault that hits the request at hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Action {
    /// What goes wrong.
    pub kind: FaultKind,
    /// Back-off or delay.
    pub seconds: Option<f64>,
}

/// A refusal that each face words in its own way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refusal {
    /// Too many requests; back-off in seconds.
    Throttled(Option<f64>),
    /// The server is busy; back-off in seconds.
    Busy(Option<f64>),
    /// 503; back-off in seconds.
    Unavailable(Option<f64>),
    /// The credential isn't valid any more.
    Unauthorized,
}

/// Why a fault would never hit a request, or not as it says.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum Error {
    /// It would hit nothing.
    #[error("'times' must be at least 1")]
    Times,
    /// Matches are counted from 1.
    #[error("'nth' must be at least 1")]
    Nth,
    /// Before its request, or in no foreseeable time.
    #[error("'seconds' must be between 0 and {SECONDS_MAX}, not {0}")]
    Seconds(f64),
    /// No service that it may be for has such an operation.
    #[error(
        "no operation '{0}': expected an EWS operation, a method and a path of Graph such as 'GET \
         /users/*/events', or 'token' or 'devicecode'"
    )]
    Operation(String),
    /// Nobody is signed in yet.
    #[error("requests for a token are of no mailbox")]
    TokenMailbox,
}

/// Longest back-off or delay, in seconds; its milliseconds fit into EWS's `BackOffMilliseconds`.
const SECONDS_MAX: f64 = 1_000_000.0;

/// What requests to EWS are held against; its elements among the messages are the operations.
const EWS_SCHEMA: &str = include_str!("ews/schema.txt");

/// Faults that wait.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

fn once() -> u64 {
    1
}

impl Fault {
    /// Refuses what could never hit a request.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Error> {
        let Match { service, operation, mailbox, nth } = &self.matches;
        if self.times == 0 {
            return Err(Error::Times);
        }
        if *nth == Some(0) {
            return Err(Error::Nth);
        }
        if let Some(seconds) = self.seconds
            && !(0.0..=SECONDS_MAX).contains(&seconds)
        {
            return Err(Error::Seconds(seconds));
        }
        if *service == Some(Service::Token) && mailbox.is_some() {
            return Err(Error::TokenMailbox);
        }
        let services = match service {
            Some(service) => vec![*service],
            None => vec![Service::Ews, Service::Graph, Service::Token],
        };
        match operation {
            Some(operation) if !services.iter().any(|service| service.has(operation)) => {
                Err(Error::Operation(operation.clone()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Service {
    /// Whether it may have an operation that a pattern matches.
    fn has(self, pattern: &str) -> bool {
        let pattern = pattern.trim();
        match self {
            Service::Ews => {
                let elements =
                    EWS_SCHEMA.lines().filter_map(|line| line.strip_prefix("element m:"));
                let names = elements.filter_map(|element| element.split_once(" = "));
                names.map(|(name, _)| name.strip_suffix("Request").unwrap_or(name)).any(is(pattern))
            }
            Service::Graph => {
                let mut segments = pattern.split('/').map(str::trim);
                let mut next = || segments.next().unwrap_or_default();
                let (method, first) = (next(), next());
                let root = first.split('(').next().unwrap_or_default();
                ["GET", "POST", "PATCH", "PUT", "DELETE"].into_iter().any(is(method))
                    && ["users", "me", "admin", "subscriptions", "$batch"].into_iter().any(is(root))
            }
            Service::Token => ["token", "devicecode"].into_iter().any(is(pattern)),
        }
    }
}

/// Whether a segment of a pattern matches a name.
fn is(wanted: &str) -> impl Fn(&str) -> bool {
    move |name| wanted == "*" || wanted.eq_ignore_ascii_case(name)
}

impl Faults {
    /// Adds one.
    pub fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Throttles the next request to a service.
    pub fn throttle_next(&mut self, service: Service, seconds: Option<f64>) {
        let matches = Match { service: Some(service), ..Match::default() };
        let kind = FaultKind::Throttle;
        self.0.insert(0, Fault { matches, kind, times: 1, seconds, seen: 0 });
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fault for a request, if there is one; counts the request for every fault it matches.
    pub fn take(
        &mut self,
        service: Service,
        operation: &str,
        mailbox: Option<&str>,
    ) -> Option<Action> {
        let mut hit = None;
        for fault in &mut self.0 {
            if !fault.matches.meets(service, operation, mailbox) {
                continue;
            }
            fault.seen += 1;
            if hit.is_none() && fault.times > 0 && fault.seen >= fault.matches.nth.unwrap_or(1) {
                fault.times -= 1;
                hit = Some(Action { kind: fault.kind, seconds: fault.seconds });
            }
        }
        self.0.retain(|fault| fault.times > 0);
        hit
    }
}

impl Match {
    fn meets(&self, service: Service, operation: &str, mailbox: Option<&str>) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
            && self.operation.as_deref().is_none_or(|wanted| same_operation(wanted, operation))
            && self.mailbox.as_deref().is_none_or(|wanted| {
                mailbox.is_some_and(|mailbox| mailbox.eq_ignore_ascii_case(wanted))
            })
    }
}

fn same_operation(pattern: &str, operation: &str) -> bool {
    let mut pattern = pattern.split('/').map(str::trim);
    let mut operation = operation.split('/').map(str::trim);
    loop {
        match (pattern.next(), operation.next()) {
            (None, None) => return true,
            (Some(wanted), Some(given)) if is(wanted)(given) => {}
            _ => return false,
        }
    }
}

/// Does `work` under `action`, for the mailbox acted on; `refuse` words refusals as the face does.
///
/// `request` is what is done later where the fault says so.
pub fn perform(
    world: &mut World,
    action: Option<Action>,
    mailbox: Option<&str>,
    request: &Request,
    refuse: impl FnOnce(&mut World, Refusal) -> Response,
    work: impl FnOnce(&mut World) -> Response,
) -> Reply {
    let Some(Action { kind, seconds }) = action else { return Reply::respond(work(world)) };
    let response = match kind {
        FaultKind::Throttle => refuse(world, Refusal::Throttled(seconds)),
        FaultKind::Busy => refuse(world, Refusal::Busy(seconds)),
        FaultKind::Unavailable => refuse(world, Refusal::Unavailable(seconds)),
        FaultKind::RevokeToken => {
            world.tokens.revoke_all();
            refuse(world, Refusal::Unauthorized)
        }
        FaultKind::DropBefore => return Reply::Close,
        FaultKind::DropAfter => {
            let _unheard = work(world);
            return Reply::Close;
        }
        FaultKind::DelayAfter => {
            let delay = SignedDuration::from_millis((seconds.unwrap_or(1.0) * 1000.0) as i64);
            world.postpone(delay, request.clone());
            return Reply::Close;
        }
        FaultKind::Html => html_page(),
        FaultKind::ExpireCursor => {
            if let Some(mailbox) = mailbox.and_then(|address| world.mailbox_mut(address)) {
                mailbox.expire_cursors();
            }
            work(world)
        }
        FaultKind::Truncate => work(world).map(|body| body.slice(..body.len() / 2)),
        FaultKind::ControlCharacters => work(world).map(spoil),
    };
    Reply::respond(response)
}

/// What a gateway in front of the server says.
fn html_page() -> Response {
    let page = "<!DOCTYPE html>\r\n<html><head><title>502 - Web server received an invalid response \
                while acting as a gateway or proxy server.</title></head>\r\n<body><h2>502 - Web \
                server received an invalid response.</h2></body></html>\r\n";
    crate::respond(502, "text/html", page)
}

/// Puts characters that neither XML nor JSON allow into the middle of text content.
fn spoil(body: Bytes) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    let spoiled = if text.trim_start().starts_with('<') {
        // Real servers write them as character references, which XML 1.0 forbids too.
        spoil_at(&text, &["Subject>", "DisplayName>", "MessageText>"], "&#x1;&#xB;")
    } else {
        spoil_at(&text, &["\"subject\":\"", "\"displayName\":\"", "\"message\":\""], "\u{1}\u{b}")
    };
    Bytes::from(spoiled)
}

fn spoil_at(text: &str, places: &[&str], junk: &str) -> String {
    for place in places {
        if let Some(at) = text.find(place) {
            let at = at + place.len();
            return format!("{}{junk}{}", &text[..at], &text[at..]);
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_count_their_matches() {
        let mut faults = Faults::default();
        let fault = r#"{"match": {"service": "graph", "operation": "POST /users/*/events", "nth": 2},
                        "do": "drop-after", "times": 1, "seconds": 2}"#;
        faults.add(serde_json::from_str(fault).expect("a fault"));
        let operation = "POST /users/anna@contoso.example/events";
        assert_eq!(faults.take(Service::Graph, "GET /users/x/events", None), None);
        assert_eq!(faults.take(Service::Ews, operation, None), None);
        assert_eq!(faults.take(Service::Graph, operation, None), None);
        let action = faults.take(Service::Graph, operation, None).expect("the second");
        assert_eq!(action, Action { kind: FaultKind::DropAfter, seconds: Some(2.0) });
        assert!(faults.is_empty());
    }

    #[test]
    fn what_could_never_hit_is_refused() {
        let check = |fault: &str| serde_json::from_str::<Fault>(fault).expect(fault).check();
        for operation in [
            "GetItem",
            "getuseravailability",
            "POST /users/*/events",
            "PATCH /users('a')/events/*",
            "* /me",
            "PUT /*",
            "token",
            "*",
        ] {
            let fault = format!(r#"{{"match": {{"operation": "{operation}"}}, "do": "busy"}}"#);
            assert_eq!(check(&fault), Ok(()), "{operation}");
        }
        for operation in ["", "GetItems", "/users", "SEND /users", "GET /v1.0/users", "GET"] {
            let fault = format!(r#"{{"match": {{"operation": "{operation}"}}, "do": "busy"}}"#);
            assert_eq!(check(&fault), Err(Error::Operation(operation.to_owned())));
        }
        let other = r#"{"match": {"service": "graph", "operation": "GetItem"}, "do": "busy"}"#;
        assert_eq!(check(other), Err(Error::Operation("GetItem".to_owned())));
        let token = r#"{"match": {"service": "token", "mailbox": "a@b.example"}, "do": "busy"}"#;
        assert_eq!(check(token), Err(Error::TokenMailbox));
        assert_eq!(check(r#"{"do": "busy", "times": 0}"#), Err(Error::Times));
        assert_eq!(check(r#"{"match": {"nth": 0}, "do": "busy"}"#), Err(Error::Nth));
        assert_eq!(check(r#"{"do": "busy", "seconds": -1}"#), Err(Error::Seconds(-1.0)));
        assert_eq!(check(r#"{"do": "busy", "seconds": 1e300}"#), Err(Error::Seconds(1e300)));
    }
}
