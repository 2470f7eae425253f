//! How fast the built-in Exchange is with a large mailbox, and how much memory it takes.

use crate::{exchange, memory};
use exchange_sim::{Config, Login, Seed, Sim};
use serde_json::Value;
use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

const USER: &str = "anna@contoso.example";
const PASSWORD: &str = "secret";
/// Pages timed of each kind.
const PAGES: usize = 15;
/// Slowest start that is good enough, and the most CPU that a page may take.
const START_MAX: Duration = Duration::from_secs(5);
const PAGE_MAX: Duration = Duration::from_millis(20);

/// What was measured.
pub struct Report {
    items: usize,
    start: Duration,
    bytes_per_item: Option<u64>,
    pages: Vec<(&'static str, Duration, Duration)>,
}

impl Report {
    /// Whether it is good enough.
    pub fn passes(&self) -> bool {
        self.start < START_MAX && self.pages.iter().all(|(_, _, usual)| *usual < PAGE_MAX)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.bytes_per_item.map_or("?".to_owned(), |bytes| bytes.to_string());
        let start = self.start.as_secs_f64();
        writeln!(f, "{} items: start {start:.2} s, {bytes} bytes an item", self.items)?;
        for (name, first, usual) in &self.pages {
            let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
            writeln!(f, "{name}: first {:.1} ms, then {:.1} ms of CPU", ms(first), ms(usual))?;
        }
        Ok(())
    }
}

/// Fills a mailbox and turns its pages.
pub fn run(events: usize, messages: usize) -> Report {
    let before = memory::kilobytes();
    let (sim, start) = timed(|| {
        let login = Login { address: USER.to_owned(), password: PASSWORD.to_owned() };
        let seed = Seed::Counts { events, messages };
        let config = Config { mailboxes: vec![login], seed, ..Config::default() };
        Sim::new(config).expect("a seed of counts loads")
    });
    let items = events + messages;
    let grown = memory::kilobytes().zip(before).map(|(after, before)| after.saturating_sub(before));
    let bytes_per_item = grown.map(|kilobytes| kilobytes * 1024 / items.max(1) as u64);
    let bearer = exchange::bearer(&sim);
    let base = format!("/v1.0/users/{USER}");
    let graph = |name, first: String| (name, turn(first, |link| graph_page(&sim, &bearer, link)));
    let turned = [
        ("SyncFolderItems, 512 ids", turn(String::new(), |state| ews_page(&sim, state))),
        graph("message delta, 512 a page", format!("{base}/mailFolders/inbox/messages/delta")),
        graph("event delta, 512 a page", format!("{base}/calendar/events/delta")),
        graph(
            "calendarView delta, 512 a page",
            format!(
                "{base}/calendarView/delta?startDateTime=2026-01-01T00:00:00Z&\
                 endDateTime=2027-12-31T00:00:00Z"
            ),
        ),
        graph("messages, 50 by date", format!("{base}/messages?$top=50")),
    ];
    let pages = turned.into_iter().map(|(name, (first, usual))| (name, first, usual)).collect();
    Report { items, start, bytes_per_item, pages }
}

/// Turns pages from `first` on; the time of the first, and the mean of the others.
fn turn(first: String, mut page: impl FnMut(&str) -> Option<String>) -> (Duration, Duration) {
    let mut times = Vec::new();
    let mut next = Some(first);
    while let Some(link) = next.take().filter(|_| times.len() < PAGES) {
        let (following, time) = on_cpu(|| page(&link));
        times.push(time);
        next = following;
    }
    let first = times.remove(0);
    let mean = times.iter().sum::<Duration>().checked_div(times.len() as u32);
    (first, mean.unwrap_or(first))
}

fn ews_page(sim: &Sim, state: &str) -> Option<String> {
    let state = match state {
        "" => String::new(),
        state => format!("<m:SyncState>{state}</m:SyncState>"),
    };
    let request = exchange::ews(
        (USER, PASSWORD),
        &format!(
            "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>\
             <m:SyncFolderId><t:DistinguishedFolderId Id=\"inbox\"/></m:SyncFolderId>{state}\
             <m:MaxChangesReturned>512</m:MaxChangesReturned></m:SyncFolderItems>"
        ),
    );
    let answer = exchange::answer(sim, request);
    assert!(answer.contains("NoError"), "{answer}");
    let (_, state) = answer.split_once("SyncState>")?;
    Some(state.split('<').next()?.to_owned())
}

fn graph_page(sim: &Sim, bearer: &str, link: &str) -> Option<String> {
    let answer: Value = serde_json::from_str(&exchange::answer(sim, exchange::get(bearer, link)))
        .unwrap_or_default();
    assert!(answer["value"].is_array(), "{answer}");
    let next = answer["@odata.nextLink"].as_str()?;
    Some(next[next.find("/v1.0")?..].to_owned())
}

#[expect(clippy::disallowed_methods, reason = "it times what it runs")]
fn timed<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let began = Instant::now();
    let result = work();
    (result, began.elapsed())
}

/// The CPU time of this thread where the system tells, else the time that went by.
fn on_cpu<R>(work: impl FnOnce() -> R) -> (R, Duration) {
    let before = memory::cpu();
    let (result, elapsed) = timed(work);
    let used = memory::cpu().zip(before).map(|(after, before)| after.saturating_sub(before));
    (result, used.unwrap_or(elapsed))
}
