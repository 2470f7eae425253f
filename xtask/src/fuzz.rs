//! Almost valid requests by the thousand: no panic, no hang, no unsound answer.

mod corpus;
mod generate;
mod hostile;
mod judge;
mod pool;
mod tree;

use crate::exchange::{self, bearer};
use bytes::Bytes;
use corpus::Corpus;
use exchange_sim::store::rng::Rng;
use exchange_sim::{Config, DEFAULT_PASSWORD, Profile, Reply, Seed, Sim, Throttle};
use generate::{Generator, USER};
use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Requests to one server before it starts anew, so that a round can be repeated.
const ROUND: u64 = 500;
/// Longest that one request may take.
const SLOW: Duration = Duration::from_secs(1);
/// Findings after which it is enough.
const FINDINGS_MAX: usize = 40;
/// Characters of a request that are shown.
const SHOWN: usize = 3_000;

/// Where the last panic happened; the hook writes it, the round reads it.
static PANIC: Mutex<String> = Mutex::new(String::new());

/// Which services are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// EWS and Autodiscover.
    Ews,
    /// Graph and the token endpoint.
    Graph,
}

impl Protocol {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ews => "ews",
            Self::Graph => "graph",
        }
    }
}

/// Something wrong.
#[derive(Debug)]
pub struct Finding {
    round: u64,
    what: String,
    request: String,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Report {
    /// Requests sent.
    pub requests: u64,
    /// How many were answered with which status.
    pub statuses: BTreeMap<u16, u64>,
    /// The longest that one took, and which.
    pub slowest: (Duration, String),
    /// What went wrong, each kind once.
    pub findings: Vec<Finding>,
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "round {}: {}\n{}\n", finding.round, finding.what, finding.request)?;
        }
        let statuses: Vec<String> =
            self.statuses.iter().map(|(s, n)| format!("{s}: {n}")).collect();
        let line = self.slowest.1.lines().next().unwrap_or_default();
        write!(
            f,
            "{} requests, {} findings; {}; slowest {} ms: {line}",
            self.requests,
            self.findings.len(),
            statuses.join(", "),
            self.slowest.0.as_millis(),
        )
    }
}

/// Sends about `requests` requests, or only those of round `only`.
pub fn run(protocol: Protocol, requests: u64, seed: u64, only: Option<u64>) -> Report {
    std::panic::set_hook(Box::new(|info| {
        if let Ok(mut panic) = PANIC.lock() {
            *panic = info.to_string();
        }
    }));
    let corpus = Corpus::load();
    let mut report = Report::default();
    let rounds = match only {
        Some(round) => round..round + 1,
        None => 0..requests.div_ceil(ROUND),
    };
    for round in rounds {
        let left = requests.saturating_sub(report.requests).clamp(1, ROUND);
        let count = if only.is_some() { ROUND } else { left };
        run_round(&corpus, protocol, (seed, round), count, &mut report);
        if report.findings.len() >= FINDINGS_MAX {
            break;
        }
    }
    let _ours = std::panic::take_hook();
    report
}

fn run_round(
    corpus: &Corpus,
    protocol: Protocol,
    (seed, round): (u64, u64),
    count: u64,
    report: &mut Report,
) {
    let (sim, mut generator) = beginning(corpus, protocol, seed, round);
    for _ in 0..count {
        let request = generator.request();
        let advances = request.uri().path() == "/sim/advance";
        if let Some(body) = ask(&sim, request, round, report) {
            generator.learn(&body);
        }
        if advances {
            generator.sign_in(bearer(&sim));
        }
    }
    for request in look_around(&bearer(&sim)) {
        ask(&sim, request, round, report);
    }
}

/// Sends a request and judges the answer; the body of the answer.
fn ask(sim: &Sim, request: http::Request<Bytes>, round: u64, report: &mut Report) -> Option<Bytes> {
    report.requests += 1;
    let (reply, took) = timed(|| catch_unwind(AssertUnwindSafe(|| sim.handle(request.clone()))));
    if took > report.slowest.0 {
        report.slowest = (took, shown(&request));
    }
    let verdict = match &reply {
        Err(_) => Err(PANIC.lock().map(|panic| panic.clone()).unwrap_or_default()),
        Ok(_) if took > SLOW => Err(format!("slow: {}", request.uri().path())),
        Ok(reply) => judge::verdict(request.uri().path(), request.method().as_str(), reply),
    };
    if let Err(what) = verdict
        && !report.findings.iter().any(|known| known.what == what)
    {
        report.findings.push(Finding { round, what, request: shown(&request) });
    }
    let Ok(Reply::Respond { response, .. }) = reply else { return None };
    *report.statuses.entry(response.status().as_u16()).or_default() += 1;
    Some(response.into_body())
}

/// Requests for all that is there, over both faces: what one of them took, the other has to show.
fn look_around(bearer: &str) -> Vec<http::Request<Bytes>> {
    let user = format!("/v1.0/users/{USER}");
    let window = "startDateTime=2025-01-01T00:00:00Z&endDateTime=2029-12-31T00:00:00Z";
    let paths = [
        format!("{user}/events?$top=500"),
        format!("{user}/messages?$top=500"),
        format!("{user}/mailFolders?$top=500&includeHiddenFolders=true"),
        format!("{user}/calendars?$top=500"),
        format!("{user}/calendarView?{window}&$top=500"),
        format!("{user}/calendarView/delta?{window}"),
        format!("{user}/mailFolders/inbox/messages/delta"),
        format!("{user}/mailboxSettings"),
        format!("{user}/outlook/masterCategories"),
        format!("/sim/dump?mailbox={USER}"),
        "/sim/sent".to_owned(),
        "/sim/requests".to_owned(),
    ];
    let shape = "<t:BaseShape>AllProperties</t:BaseShape>";
    let find = |folder: &str, view: &str| {
        format!(
            "<m:FindItem Traversal=\"Shallow\"><m:ItemShape>{shape}</m:ItemShape>{view}\
             <m:ParentFolderIds><t:DistinguishedFolderId Id=\"{folder}\"/></m:ParentFolderIds>\
             </m:FindItem>"
        )
    };
    let view = "<m:CalendarView StartDate=\"2026-06-01T00:00:00Z\" \
                EndDate=\"2028-05-01T00:00:00Z\"/>";
    let operations = [
        find("calendar", ""),
        find("calendar", view),
        find("inbox", ""),
        find("drafts", ""),
        find("sentitems", ""),
        find("deleteditems", ""),
        format!(
            "<m:FindFolder Traversal=\"Deep\"><m:FolderShape>{shape}</m:FolderShape>\
             <m:ParentFolderIds><t:DistinguishedFolderId Id=\"msgfolderroot\"/>\
             </m:ParentFolderIds></m:FindFolder>"
        ),
    ];
    let gets = paths.iter().map(|path| exchange::get(bearer, path));
    let login = (USER, DEFAULT_PASSWORD);
    gets.chain(operations.iter().map(|operation| exchange::ews(login, operation))).collect()
}

/// A server and the requests for it, both of the same round.
fn beginning<'a>(
    corpus: &'a Corpus,
    protocol: Protocol,
    seed: u64,
    round: u64,
) -> (Sim, Generator<'a>) {
    let seed = Rng::fork(seed, &format!("{} {round}", protocol.name())).next_u64();
    let config = Config {
        random_seed: seed,
        seed: Seed::Counts { events: 15, messages: 15 },
        strict: round.is_multiple_of(2),
        profile: if round % 3 == 2 { Profile::Exchange2019 } else { Profile::ExchangeOnline },
        throttle: if round % 5 == 4 { Throttle::Graph2026 } else { Throttle::Off },
        ..Config::default()
    };
    let sim = Sim::new(config).expect("a seed of counts loads");
    let bearer = bearer(&sim);
    let generator = Generator::new(corpus, protocol, seed, bearer);
    (sim, generator)
}

#[expect(clippy::disallowed_methods, reason = "it times what it runs")]
fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

fn shown(request: &http::Request<Bytes>) -> String {
    let body = String::from_utf8_lossy(request.body());
    let prefer = request.headers().get("prefer").map(|p| format!("Prefer: {p:?}\n"));
    let text =
        format!("{} {}\n{}{body}", request.method(), request.uri(), prefer.unwrap_or_default());
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_thousand_requests_to_each_face_do_no_harm() {
        for protocol in [Protocol::Ews, Protocol::Graph] {
            let report = run(protocol, 5_000, 1, None);
            assert!(report.findings.is_empty(), "{report}");
            assert!(report.requests >= 5_000);
            // Most of it gets past the first check.
            let served: u64 =
                [200, 201, 202, 204].iter().filter_map(|s| report.statuses.get(s)).sum();
            assert!(served > 1_000, "{report}");
        }
    }

    #[test]
    fn equal_seeds_and_requests_give_equal_bytes() {
        let corpus = Corpus::load();
        for round in 0..4 {
            let (one, ews) = beginning(&corpus, Protocol::Ews, 7, round);
            let (other, _) = beginning(&corpus, Protocol::Ews, 7, round);
            let graph = Generator::new(&corpus, Protocol::Graph, round, bearer(&one));
            bearer(&other);
            let mut faces = [ews, graph];
            for step in 0..400 {
                let face = &mut faces[step % 2];
                let request = face.request();
                let answers = [&one, &other].map(|sim| match sim.handle(request.clone()) {
                    Reply::Respond { response, .. } => Some(response),
                    Reply::Close => None,
                });
                let bytes = answers.each_ref().map(|answer| format!("{answer:?}"));
                assert_eq!(bytes[0], bytes[1], "{}", shown(&request));
                if let [Some(response), _] = answers {
                    face.learn(response.body());
                }
            }
        }
    }
}
