//! Against the built-in Exchange: what is written is found, once.

use crate::judge::judge;
use crate::requests::{listing, stamp, update};
use crate::script::{NOW, remote};
use async_trait::async_trait;
use entra_auth::{ClientSecret, DEFAULT_AUTHORITY};
use exchange_sim::{Sim, SimTransport};
use graph_adapter::{Config, GraphRemote, SCOPE};
use items::{Body, BodyKind, Event, Importance, Reminder, Sensitivity, ShowAs, Timing};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use sync_core::ids::{Cursor, FolderId, RemoteId, Version};
use sync_core::port::{
    Failure, Fetched, Hint, Place, Probe, Probed, Remote, Sighted, Target, Write, WriteOp,
};
use wire::{Request, Response, Transport};

pub const MAILBOX: &str = "anna.vogt@contoso.example";
pub const OTHER: &str = "ben.ott@contoso.example";

type Happening = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The built-in Exchange, and what it was asked.
pub struct Recorder {
    inner: SimTransport,
    requests: Mutex<Vec<Request>>,
    /// Whether it plays a service that doesn't know the members that tell of occurrences.
    pub is_old: AtomicBool,
    /// What happens just before the request that this many more with this text come before.
    meddling: Mutex<Option<(String, usize, Happening)>>,
    /// How many requests get an answer until one is carried out and nothing is heard any more.
    cut: Mutex<Option<usize>>,
}

impl Recorder {
    pub fn new(sim: &Sim) -> Arc<Self> {
        let inner = SimTransport::new(sim.clone());
        let (is_old, meddling) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self {
            inner,
            requests: Mutex::default(),
            is_old,
            meddling,
            cut: Mutex::default(),
        })
    }

    /// Lets the line die after so many more requests, or live.
    pub fn cut(&self, after: Option<usize>) {
        *self.cut.lock().unwrap() = after;
    }

    /// Whether the line has just died in the middle of a request.
    fn dies(&self) -> Result<bool, wire::Error> {
        match self.cut.lock().unwrap().as_mut() {
            None => Ok(false),
            Some(0) => Err(wire::Error::NotSent("the line is dead".to_owned())),
            Some(left) => {
                *left -= 1;
                Ok(*left == 0)
            }
        }
    }

    /// The requests so far that have this text in their address.
    pub fn count(&self, text: &str) -> usize {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.uri().to_string().contains(text)).count()
    }

    /// Lets something happen just before the `nth` request from now on with this text.
    pub fn before(&self, nth: usize, text: &str, what: impl Future<Output = ()> + Send + 'static) {
        *self.meddling.lock().unwrap() = Some((text.to_owned(), nth, Box::pin(what)));
    }

    /// What is to happen before this request, if anything.
    fn meddling(&self, request: &Request) -> Option<Happening> {
        let mut meddling = self.meddling.lock().unwrap();
        let (text, nth, _) = meddling.as_mut()?;
        if String::from_utf8_lossy(request.body()).contains(text.as_str()) {
            *nth -= 1;
        }
        let is_due = *nth == 0;
        meddling.take_if(|_| is_due).map(|(_, _, what)| what)
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        if !request.uri().path().ends_with("/token") {
            self.requests.lock().unwrap().push(request.clone());
        }
        if self.is_old.load(Ordering::Relaxed)
            && let Some(refusal) = unknown_members(&request)
        {
            return Ok(refusal);
        }
        let meddling = self.meddling(&request);
        if let Some(what) = meddling {
            what.await;
        }
        let is_last = self.dies()?;
        let answer = self.inner.send(request).await;
        if is_last { Err(wire::Error::InDoubt("the line died".to_owned())) } else { answer }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            judge(&self.requests.lock().unwrap());
        }
    }
}

/// What a service answers a batch that asks for members it doesn't know.
fn unknown_members(request: &Request) -> Option<Response> {
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    let steps = body["requests"].as_array()?;
    let is_refused = |step: &&Value| step["url"].as_str().unwrap().contains("exceptionOccurrences");
    let refused: Vec<Value> = steps
        .iter()
        .filter(is_refused)
        .map(|step| {
            let error = json!({"code": "BadRequest", "message": "Could not find a property"});
            json!({"id": step["id"], "status": 400, "body": {"error": error}})
        })
        .collect();
    (!refused.is_empty()).then(|| {
        assert_eq!(refused.len(), steps.len());
        crate::script::json(200, json!({"responses": refused})).unwrap()
    })
}

pub struct World {
    pub sim: Sim,
    pub remote: GraphRemote,
    pub transport: Arc<Recorder>,
    pub calendar: FolderId,
}

pub async fn world() -> World {
    let login =
        |address: &str| exchange_sim::Login { address: address.into(), password: "p".into() };
    let mailboxes = vec![login(MAILBOX), login(OTHER)];
    let config = exchange_sim::Config { mailboxes, ..Default::default() };
    let sim = Sim::new(config).unwrap();
    let transport = Recorder::new(&sim);
    let remote = another(&transport, "s1");
    let calendar = calendar_of(&remote).await;
    World { sim, remote, transport, calendar }
}

pub async fn calendar_of(remote: &GraphRemote) -> FolderId {
    let folders = remote.folders().await.unwrap();
    folders.into_iter().find(|folder| folder.is_default).unwrap().id
}

/// Another one who keeps the same mailbox.
pub fn another(transport: &Arc<Recorder>, state_id: &str) -> GraphRemote {
    keeper(MAILBOX, transport, state_id)
}

/// Somebody who keeps a mailbox.
pub fn keeper(mailbox: &str, transport: &Arc<Recorder>, state_id: &str) -> GraphRemote {
    let mut config = Config::new(mailbox, state_id);
    config.now = || SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    let defaults = exchange_sim::Config::default();
    let credential = ClientSecret {
        tenant: defaults.tenant,
        client: defaults.client,
        secret: defaults.secret.into(),
        authority: DEFAULT_AUTHORITY.into(),
        scope: SCOPE.into(),
    };
    remote(config, transport.clone(), credential)
}

impl World {
    /// How many requests were sent so far, the steps of batches counted one by one.
    pub fn steps(&self) -> usize {
        let requests = self.transport.requests.lock().unwrap();
        let steps = |request: &Request| {
            let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
            body["requests"].as_array().map_or(1, Vec::len)
        };
        requests.iter().map(steps).sum()
    }

    pub fn write(&self, key: &str, op: WriteOp) -> Write {
        Write { folder: self.calendar.clone(), stamp: stamp(key), op }
    }

    pub fn create(&self, key: &str, event: &Event) -> Write {
        self.write(key, WriteOp::Create { content: event.to_canonical() })
    }

    pub fn probe(&self, key: &str, target: Target) -> Probe {
        Probe { folder: self.calendar.clone(), stamp: stamp(key), target }
    }

    pub async fn one(&self, write: Write) -> Result<(RemoteId, Option<Version>), Failure> {
        let results = self.remote.write(&[write]).await;
        results.into_iter().next().unwrap().map(|written| (written.id, written.version))
    }

    pub async fn found(&self, id: &RemoteId) -> Sighted {
        let fetched = self.remote.fetch(&self.calendar, std::slice::from_ref(id)).await.unwrap();
        let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
        (**item).clone()
    }

    /// Pulls until nothing more waits; what was said last of each item counts.
    pub async fn drain(&self, cursor: Option<Cursor>) -> (BTreeMap<RemoteId, Hint>, Cursor) {
        let mut said = BTreeMap::new();
        let mut cursor = cursor;
        for _ in 0..200 {
            let page = self.remote.pull(&self.calendar, cursor.as_ref()).await.unwrap();
            said.extend(page.changes.into_iter().map(|change| (change.id, change.hint)));
            if !page.more {
                return (said, page.cursor);
            }
            cursor = Some(page.cursor);
        }
        panic!("the stream does not end");
    }

    pub fn fault(&self, operation: &str, what: Value) {
        let mut fault = json!({"match": {"service": "graph", "operation": operation}});
        fault.as_object_mut().unwrap().extend(what.as_object().unwrap().clone());
        let fault = serde_json::from_value(fault).unwrap();
        self.sim.with(|world| world.faults.add(fault));
    }
}

pub fn event(subject: &str, start: i64) -> Event {
    Event {
        uid: Some("uid-of-the-other-side".into()),
        subject: Some(subject.into()),
        body: Some(Body { kind: BodyKind::Text, content: "words".into() }),
        location: Some("Room 1".into()),
        timing: Some(Timing::Timed {
            start,
            end: start + 3600,
            start_zone: Some("W. Europe Standard Time".into()),
            end_zone: Some("W. Europe Standard Time".into()),
        }),
        categories: Some(vec!["Red".into(), "Blue".into()]),
        reminder: Some(Reminder::Before(30)),
        show_as: Some(ShowAs::OutOfOffice),
        sensitivity: Some(Sensitivity::Private),
        importance: Some(Importance::High),
        ..Event::default()
    }
}

pub fn now() -> i64 {
    i64::try_from(NOW).unwrap()
}

pub fn held(item: &Sighted) -> Event {
    Event::from_canonical(&item.content).unwrap()
}

#[tokio::test]
async fn an_event_lives_and_dies() {
    let world = world().await;
    let sent = event("Planning", now());
    let (id, _) = world.one(world.create("k1", &sent)).await.unwrap();

    let item = world.found(&id).await;
    let got = held(&item);
    assert_eq!(item.stamp, Some(stamp("k1")));
    assert_eq!((&got.uid, &got.subject, &got.location), (&sent.uid, &sent.subject, &sent.location));
    assert_eq!((&got.timing, &got.categories), (&sent.timing, &sent.categories));
    assert_eq!((got.reminder, got.show_as), (sent.reminder, sent.show_as));
    assert_eq!((got.sensitivity, got.importance), (sent.sensitivity, sent.importance));

    let (said, cursor) = world.drain(None).await;
    let Some(Hint::Changed { version, .. }) = said.get(&id) else { panic!("{said:?}") };
    assert_eq!(*version, item.rendition.version);

    let old = item.rendition.version.clone();
    let patch = Event { subject: Some("Changed".into()), ..Event::default() }.to_canonical();
    let op = WriteOp::Update { id: id.clone(), if_match: old.clone(), patch: patch.clone() };
    let (_, new) = world.one(world.write("k2", op)).await.unwrap();
    assert_ne!(new, old);
    let item = world.found(&id).await;
    assert_eq!(
        (item.stamp.clone(), held(&item).subject),
        (Some(stamp("k2")), Some("Changed".into()))
    );
    assert_eq!(held(&item).categories, sent.categories);

    let op = WriteOp::Update { id: id.clone(), if_match: old.clone(), patch };
    let failure = world.one(world.write("k3", op)).await.unwrap_err();
    assert!(matches!(failure, Failure::Stale(_)), "{failure:?}");

    let op = WriteOp::Delete { id: id.clone(), if_match: item.rendition.version.clone() };
    world.one(world.write("k4", op)).await.unwrap();
    let (said, _) = world.drain(Some(cursor)).await;
    assert_eq!(said.get(&id), Some(&Hint::Gone));
    let fetched = world.remote.fetch(&world.calendar, std::slice::from_ref(&id)).await.unwrap();
    assert_eq!(fetched, [Fetched::Missing]);

    let probes = [
        world.probe("k2", Target::Update(id.clone())),
        world.probe("k3", Target::Update(id.clone())),
        world.probe("k4", Target::Delete(id.clone())),
        world.probe("never", Target::Create),
    ];
    let trashed = Probed::Applied { id: id.clone(), place: Place::Trash };
    assert_eq!(
        world.remote.probe(&probes).await.unwrap(),
        [trashed.clone(), Probed::NotApplied, trashed, Probed::NotApplied]
    );
    let failure = world.one(Write { folder: world.calendar.clone(), ..update("k5", id.as_str()) });
    assert!(matches!(failure.await, Err(Failure::Missing(_))));
    world.sim.with(|sim| assert!(sim.sent.is_empty()));
}

#[tokio::test]
async fn whole_days_stay_whole_days() {
    let world = world().await;
    let (start, end) = ("2026-12-24".parse().unwrap(), "2026-12-27".parse().unwrap());
    for zone in [None, Some("W. Europe Standard Time"), Some("Pacific Standard Time")] {
        let timing = Timing::AllDay { start, end, zone: zone.map(str::to_owned) };
        let sent = Event { timing: Some(timing), ..event("Closed", now()) };
        let key = format!("k-{}", zone.unwrap_or("none"));
        let (id, _) = world.one(world.create(&key, &sent)).await.unwrap();
        let got = held(&world.found(&id).await).timing;
        let Some(Timing::AllDay { start: got_start, end: got_end, .. }) = got else {
            panic!("{got:?}")
        };
        assert_eq!((got_start, got_end), (start, end), "{zone:?}");
    }
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_and_not_doubled() {
    let world = world().await;
    world.fault("POST /users/*/calendars/*/events", json!({"do": "drop-after"}));
    let write = world.create("k1", &event("Once", now()));
    let failure = world.one(write.clone()).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt(_)), "{failure:?}");
    let probes = [world.probe("k1", Target::Create)];
    let probed = world.remote.probe(&probes).await.unwrap();
    let Probed::Applied { id, place: Place::Folder } = &probed[0] else { panic!("{probed:?}") };
    // The same key makes no second one.
    assert_eq!(world.one(write).await.unwrap().0, *id);
    let (said, _) = world.drain(None).await;
    assert_eq!(said.len(), 1);
}

#[tokio::test]
async fn a_busy_server_does_nothing_and_says_when() {
    let world = world().await;
    let create = "POST /users/*/calendars/*/events";
    world.fault(create, json!({"do": "throttle", "seconds": 2.5}));
    let failure = world.one(world.create("k1", &event("x", now()))).await.unwrap_err();
    assert!(matches!(failure, Failure::Throttled { after_ms: Some(2_500), .. }), "{failure:?}");
    let probes = [world.probe("k1", Target::Create)];
    assert_eq!(world.remote.probe(&probes).await.unwrap(), [Probed::NotApplied]);
}

#[tokio::test]
async fn changes_far_outside_the_view_are_seen() {
    let world = world().await;
    let (_, cursor) = world.drain(None).await;
    let far = now() + 3_000 * 86_400;
    let other = another(&world.transport, "s2");
    let (id, _) = {
        let write = world.create("k1", &event("Far", far));
        let written = other.write(&[write]).await.remove(0).unwrap();
        (written.id, written.version)
    };
    let (said, cursor) = world.drain(Some(cursor)).await;
    let Some(Hint::Changed { item: Some(item), .. }) = said.get(&id) else { panic!("{said:?}") };
    assert_eq!(item.stamp, None, "the stamp is another's");

    other
        .write(&[Write {
            folder: world.calendar.clone(),
            stamp: stamp("k2"),
            op: WriteOp::Delete { id: id.clone(), if_match: None },
        }])
        .await
        .remove(0)
        .unwrap();
    let (said, cursor) = world.drain(Some(cursor)).await;
    assert_eq!(said.get(&id), Some(&Hint::Gone));

    // Nothing has happened since, so nothing is said.
    let (said, _) = world.drain(Some(cursor)).await;
    assert!(said.values().all(|hint| *hint == Hint::Gone), "{said:?}");
}

#[tokio::test]
async fn an_expired_cursor_says_so() {
    let world = world().await;
    let (_, cursor) = world.drain(None).await;
    let delta = "GET /users/*/calendars/*/calendarView/delta";
    world.fault(delta, json!({"do": "expire-cursor"}));
    let failure = world.remote.pull(&world.calendar, Some(&cursor)).await.unwrap_err();
    assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
}

#[tokio::test]
async fn many_events_come_whole_and_once_each() {
    let world = world().await;
    let writes: Vec<Write> = (0..250)
        .map(|n| world.create(&format!("k{n}"), &event(&format!("E{n}"), now() + n * 3600)))
        .collect();
    for result in world.remote.write(&writes).await {
        result.unwrap();
    }
    let first = world.remote.pull(&world.calendar, Some(&listing())).await.unwrap();
    assert_eq!(first.changes.len(), 100);
    let (said, cursor) = world.drain(None).await;
    assert_eq!(said.len(), 250);
    let before = world.transport.requests.lock().unwrap().len();
    world.drain(Some(cursor)).await;
    assert_eq!(world.transport.requests.lock().unwrap().len(), before + 1);
}

#[tokio::test]
async fn spoiled_answers_do_no_harm() {
    let list = "GET /users/*/calendars/*/events";
    for (what, is_read) in [("control-characters", true), ("truncate", false), ("html", false)] {
        let world = world().await;
        world.one(world.create("k1", &event("x", now()))).await.unwrap();
        world.fault(list, json!({"do": what}));
        let page = world.remote.pull(&world.calendar, Some(&listing())).await;
        assert_eq!(page.is_ok(), is_read, "{what}: {page:?}");
    }
    let world = world().await;
    world.fault(list, json!({"do": "revoke-token"}));
    world.remote.pull(&world.calendar, Some(&listing())).await.unwrap();
}
