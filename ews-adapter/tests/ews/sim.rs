//! The adapter against the built-in Exchange, in-process.

use crate::script::{digester, event_of, stamp};
use async_trait::async_trait;
use base64::Engine;
use bytes::Bytes;
use chrono::NaiveDate;
use ews_adapter::{Auth, Config, EwsRemote};
use exchange_sim::{DEFAULT_PASSWORD, Reply, Seed, Sim, SimTransport};
use items::people::Meeting;
use items::{Body, BodyKind, Event, Importance, Recurrence, Reminder, Sensitivity, ShowAs, Timing};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use sync_core::ids::{Cursor, FolderId, RemoteId, Version};
use sync_core::port::{
    Failure, Fetched, FolderKind, Hint, Place, Probe, Probed, Remote, Sighted, Target, Write,
    WriteOp, Written,
};
use wire::Transport;

const ANNA: &str = "anna@contoso.example";

/// A mailbox on a built-in Exchange, and its default calendar.
pub struct World {
    pub sim: Sim,
    pub remote: EwsRemote,
    pub calendar: FolderId,
    pub wire: Arc<Recorder>,
}

/// Keeps the requests that it passes on.
pub struct Recorder {
    inner: SimTransport,
    requests: Mutex<Vec<String>>,
    interference: Mutex<Option<(String, Interference)>>,
    rewriting: Mutex<Option<Rewriting>>,
}

type Rewriting = Box<dyn Fn(&str, String) -> String + Send>;

type Interference = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Recorder {
    /// The requests since this was asked last.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Lets answers be what this makes of a request and its answer.
    pub fn rewrite(&self, rewriting: impl Fn(&str, String) -> String + Send + 'static) {
        *self.rewriting.lock().unwrap() = Some(Box::new(rewriting));
    }

    /// Lets something happen just before the next request that contains `text`.
    pub fn before(&self, text: &str, happens: impl Future<Output = ()> + Send + 'static) {
        *self.interference.lock().unwrap() = Some((text.to_owned(), Box::pin(happens)));
    }
}

#[async_trait]
impl Transport for Recorder {
    async fn send(&self, request: wire::Request) -> Result<wire::Response, wire::Error> {
        let body = String::from_utf8(request.body().to_vec()).unwrap();
        let interference =
            self.interference.lock().unwrap().take_if(|(text, _)| body.contains(&*text));
        if let Some((_, happens)) = interference {
            happens.await;
        }
        self.requests.lock().unwrap().push(body.clone());
        let answer = self.inner.send(request).await?;
        Ok(match &*self.rewriting.lock().unwrap() {
            Some(rewrite) => answer
                .map(|answer| rewrite(&body, String::from_utf8(answer.to_vec()).unwrap()).into()),
            None => answer,
        })
    }
}

impl World {
    pub async fn new(seed: Seed) -> Self {
        Self::with(seed, &[ANNA]).await
    }

    /// The first of these mailboxes, on an Exchange that has them all.
    pub async fn with(seed: Seed, addresses: &[&str]) -> Self {
        let login = |address: &&str| exchange_sim::config::Login {
            address: (*address).to_owned(),
            password: DEFAULT_PASSWORD.to_owned(),
        };
        let mailboxes = addresses.iter().map(login).collect();
        let config = exchange_sim::Config { mailboxes, seed, ..Default::default() };
        let sim = Sim::new(config).unwrap();
        let wire = Arc::new(Recorder {
            inner: SimTransport::new(sim.clone()),
            requests: Mutex::default(),
            interference: Mutex::default(),
            rewriting: Mutex::default(),
        });
        let remote = EwsRemote::new(config_of(DEFAULT_PASSWORD), wire.clone(), digester());
        let folders = remote.folders().await.unwrap();
        let calendar = folders.iter().find(|f| f.is_default).unwrap();
        assert_eq!(calendar.kind, FolderKind::Calendar);
        let calendar = calendar.id.clone();
        Self { sim, remote, calendar, wire }
    }

    /// Has the remote built in another way.
    pub fn change_remote(&mut self, change: impl FnOnce(EwsRemote) -> EwsRemote) {
        self.remote =
            change(EwsRemote::new(config_of(DEFAULT_PASSWORD), self.wire.clone(), digester()));
    }

    /// What the server answers when somebody asks for an operation by hand.
    pub async fn soap(&self, user: &str, operation: &str) -> String {
        let pair = format!("{user}:{DEFAULT_PASSWORD}");
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        let body = format!(
            "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
             xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
             <soap:Header><t:RequestServerVersion Version=\"Exchange2013_SP1\"/></soap:Header>\
             <soap:Body>{operation}</soap:Body></soap:Envelope>"
        );
        let request = http::Request::builder()
            .method("POST")
            .uri("http://sim/EWS/Exchange.asmx")
            .header("Content-Type", "text/xml; charset=utf-8")
            .header("Authorization", format!("Basic {pair}"))
            .body(Bytes::from(body))
            .unwrap();
        let answer = self.wire.inner.send(request).await.unwrap();
        let answer = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(answer.contains("NoError"), "{answer}");
        answer
    }

    pub fn control(&self, method: &str, path: &str, body: &str) -> String {
        let request = http::Request::builder().method(method).uri(format!("http://sim/sim{path}"));
        let request = request.body(Bytes::from(body.to_owned())).unwrap();
        match self.sim.handle(request) {
            Reply::Respond { response, .. } => {
                assert_eq!(response.status(), 200);
                String::from_utf8(response.into_body().to_vec()).unwrap()
            }
            Reply::Close => panic!("the control API closed the connection"),
        }
    }

    /// Makes the next call of an operation go wrong.
    pub fn fault(&self, operation: &str, what: &str) {
        let rule = serde_json::json!({
            "match": {"service": "ews", "operation": operation}, "do": what, "times": 1, "seconds": 2
        });
        self.control("POST", "/faults", &rule.to_string());
    }

    /// The ids in the calendar with their versions, by its whole stream of changes.
    pub async fn pull(
        &self,
        cursor: Option<Cursor>,
    ) -> (BTreeMap<RemoteId, Option<Version>>, Cursor, usize) {
        let (mut there, mut cursor, mut pages) = (BTreeMap::new(), cursor, 0);
        loop {
            let page = self.remote.pull(&self.calendar, cursor.as_ref()).await.unwrap();
            pages += 1;
            for change in page.changes {
                match change.hint {
                    Hint::Changed { version, .. } => there.insert(change.id, version),
                    Hint::Gone => there.remove(&change.id),
                };
            }
            if !page.more {
                return (there, page.cursor, pages);
            }
            cursor = Some(page.cursor);
        }
    }

    pub async fn fetch(&self, id: &RemoteId) -> Fetched {
        self.remote.fetch(&self.calendar, std::slice::from_ref(id)).await.unwrap().remove(0)
    }

    pub async fn found(&self, id: &RemoteId) -> Box<Sighted> {
        match self.fetch(id).await {
            Fetched::Found(sighted) => sighted,
            other => panic!("{other:?}"),
        }
    }

    pub async fn write(&self, n: u64, op: WriteOp) -> Result<Written, Failure> {
        let write = Write { folder: self.calendar.clone(), stamp: stamp(n), op };
        self.remote.write(&[write]).await.remove(0)
    }

    pub async fn create(&self, n: u64, event: &Event) -> Result<Written, Failure> {
        self.write(n, WriteOp::Create { content: event.to_canonical() }).await
    }

    pub async fn probe(&self, n: u64, target: Target) -> Probed {
        let probe = Probe { folder: self.calendar.clone(), stamp: stamp(n), target };
        self.remote.probe(&[probe]).await.unwrap().remove(0)
    }

    pub fn nobody_was_mailed(&self) {
        assert_eq!(self.control("GET", "/sent", ""), "[]");
    }
}

fn remote(sim: &Sim, password: &str) -> EwsRemote {
    EwsRemote::new(config_of(password), Arc::new(SimTransport::new(sim.clone())), digester())
}

pub fn config_of(password: &str) -> Config {
    Config {
        url: "http://sim/EWS/Exchange.asmx".parse().unwrap(),
        auth: Auth::Basic { user: ANNA.into(), password: password.to_owned().into() },
        impersonate: None,
        mailbox: ANNA.into(),
        state_id: "s1".into(),
        window: None,
    }
}

pub fn timed() -> Event {
    Event {
        uid: Some("abc-123@elsewhere.example".into()),
        subject: Some("Besprechung <mit> & \"Zeichen\"".into()),
        body: Some(Body { kind: BodyKind::Html, content: "<p>Hallo <b>Welt</b></p>".into() }),
        location: Some("Raum 1".into()),
        timing: Some(Timing::Timed {
            start: 1_800_000_000,
            end: 1_800_003_600,
            start_zone: Some("Europe/Berlin".into()),
            end_zone: Some("Asia/Tokyo".into()),
        }),
        recurrence: Some(Recurrence::Once),
        occurrences: Some(BTreeMap::new()),
        categories: Some(vec!["Rot".into(), "Blau & Grün".into()]),
        reminder: Some(Reminder::Before(30)),
        show_as: Some(ShowAs::OutOfOffice),
        sensitivity: Some(Sensitivity::Private),
        importance: Some(Importance::High),
        meeting: Some(Meeting::default()),
        attendees: Some(vec![]),
        attachments: None,
    }
}

fn all_day(zone: &str) -> Event {
    let day = |d| NaiveDate::from_ymd_opt(2026, 11, d).unwrap();
    let timing = Timing::AllDay { start: day(25), end: day(27), zone: Some(zone.into()) };
    let body = Body { kind: BodyKind::Text, content: "Zeile 1\r\nZeile 2".into() };
    Event {
        subject: Some("Messe".into()),
        body: Some(body),
        timing: Some(timing),
        reminder: Some(Reminder::Off),
        show_as: Some(ShowAs::Free),
        ..timed()
    }
}

pub fn meaning(event: &Event) -> sync_core::value::Fields {
    let fields = digester().rendition(event, None, None).fields;
    fields.into_iter().map(|(name, value)| (name, value.elsewhere())).collect()
}

#[tokio::test]
async fn events_come_back_as_they_were_written() {
    let world = World::new(Seed::Empty).await;
    let events = [
        timed(),
        all_day("Europe/Berlin"),
        all_day("Pacific/Auckland"),
        all_day("UTC"),
        all_day("America/New_York"),
    ];
    let writes: Vec<_> = (1..)
        .zip(&events)
        .map(|(n, event)| Write {
            folder: world.calendar.clone(),
            stamp: stamp(n),
            op: WriteOp::Create {
                content: Event { uid: Some(format!("u{n}@x")), ..event.clone() }.to_canonical(),
            },
        })
        .collect();
    let written = world.remote.write(&writes).await;
    let (there, _, _) = world.pull(None).await;
    assert_eq!(there.len(), events.len());
    for ((n, event), written) in (1..).zip(&events).zip(written) {
        let written = written.unwrap();
        let sighted = world.found(&written.id).await;
        let read = event_of(&sighted);
        assert_eq!(meaning(&read), meaning(event), "{read:#?}");
        assert_eq!(sighted.stamp, Some(stamp(n)));
        assert_eq!(items::uid::normal(read.uid.as_deref().unwrap()), format!("u{n}@x"));
        assert_eq!(sighted.rendition.version, written.version);
    }
    world.nobody_was_mailed();
}

#[tokio::test]
async fn a_life_from_create_to_delete() {
    let world = World::new(Seed::Empty).await;
    let (_, cursor, _) = world.pull(None).await;
    let written = world.create(1, &timed()).await.unwrap();
    let id = written.id.clone();
    assert_eq!(
        world.probe(1, Target::Create).await,
        Probed::Applied { id: id.clone(), place: Place::Folder }
    );
    assert_eq!(world.probe(2, Target::Create).await, Probed::NotApplied);

    let patch = Event {
        subject: Some("Neu".into()),
        location: Some(String::new()),
        categories: Some(vec![]),
        ..Event::default()
    };
    let update = |if_match: Option<Version>| WriteOp::Update {
        id: id.clone(),
        if_match,
        patch: patch.to_canonical(),
    };
    assert_eq!(world.probe(2, Target::Update(id.clone())).await, Probed::NotApplied);
    let updated = world.write(2, update(written.version.clone())).await.unwrap();
    assert_ne!(updated.version, written.version);
    assert_eq!(
        world.probe(2, Target::Update(id.clone())).await,
        Probed::Applied { id: id.clone(), place: Place::Folder }
    );
    let stale = world.write(3, update(written.version.clone())).await;
    assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
    let unconditional = world.write(4, update(None)).await.unwrap();

    let sighted = world.found(&id).await;
    let expected = Event {
        subject: patch.subject.clone(),
        location: Some(String::new()),
        categories: Some(vec![]),
        ..timed()
    };
    assert_eq!(meaning(&event_of(&sighted)), meaning(&expected));
    assert_eq!(sighted.stamp, Some(stamp(4)));
    let (changed, cursor, _) = world.pull(Some(cursor)).await;
    assert_eq!(changed.get(&id), Some(&unconditional.version));

    let delete = |if_match| WriteOp::Delete { id: id.clone(), if_match };
    let stale = world.write(5, delete(written.version)).await;
    assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
    assert_eq!(world.probe(5, Target::Delete(id.clone())).await, Probed::NotApplied);
    world.write(6, delete(unconditional.version)).await.unwrap();
    assert_eq!(
        world.probe(6, Target::Delete(id.clone())).await,
        Probed::Applied { id: id.clone(), place: Place::Trash }
    );
    assert_eq!(world.fetch(&id).await, Fetched::Missing);
    let again = world.write(7, delete(None)).await;
    assert!(matches!(again, Err(Failure::Missing(_))), "{again:?}");
    // The update's stamp is found on the copy in the trash, under its new id.
    let trashed = world.probe(4, Target::Update(id.clone())).await;
    assert!(matches!(&trashed, Probed::Applied { id: new, place: Place::Trash } if *new != id));
    let page = world.remote.pull(&world.calendar, Some(&cursor)).await.unwrap();
    assert!(page.changes.iter().any(|c| c.id == id && c.hint == Hint::Gone), "{page:?}");
    world.nobody_was_mailed();
}

#[tokio::test]
async fn a_lost_answer_is_cleared_up_by_a_probe() {
    for (what, happened) in [("drop-before", false), ("drop-after", true), ("truncate", true)] {
        let world = World::new(Seed::Empty).await;
        world.fault("CreateItem", what);
        let lost = world.create(1, &timed()).await;
        assert!(matches!(lost, Err(Failure::InDoubt(_))), "{what}: {lost:?}");
        let probed = world.probe(1, Target::Create).await;
        assert_eq!(
            matches!(probed, Probed::Applied { place: Place::Folder, .. }),
            happened,
            "{what}"
        );

        let written = world.create(2, &Event { uid: None, ..timed() }).await.unwrap();
        let (id, if_match) = (written.id, written.version);
        world.fault("UpdateItem", what);
        let patch = Event { subject: Some("Neu".into()), ..Event::default() }.to_canonical();
        let lost = world.write(3, WriteOp::Update { id: id.clone(), if_match, patch }).await;
        assert!(matches!(lost, Err(Failure::InDoubt(_))), "{what}: {lost:?}");
        let probed = world.probe(3, Target::Update(id.clone())).await;
        assert_eq!(
            matches!(probed, Probed::Applied { place: Place::Folder, .. }),
            happened,
            "{what}"
        );

        world.fault("DeleteItem", what);
        let lost = world.write(4, WriteOp::Delete { id: id.clone(), if_match: None }).await;
        assert!(matches!(lost, Err(Failure::InDoubt(_))), "{what}: {lost:?}");
        let probed = world.probe(4, Target::Delete(id)).await;
        assert_eq!(
            matches!(probed, Probed::Applied { place: Place::Trash, .. }),
            happened,
            "{what}"
        );
        world.nobody_was_mailed();
    }
}

#[tokio::test]
async fn throttling_in_every_form_happens_before_the_work() {
    for what in ["throttle", "busy", "unavailable"] {
        let world = World::new(Seed::Empty).await;
        world.fault("CreateItem", what);
        let refused = world.create(1, &timed()).await;
        let Err(Failure::Throttled { after_ms, .. }) = refused else {
            panic!("{what}: {refused:?}")
        };
        assert_eq!(after_ms, Some(2000), "{what}");
        assert_eq!(world.probe(1, Target::Create).await, Probed::NotApplied, "{what}");
        world.create(1, &timed()).await.unwrap();
        for operation in ["SyncFolderItems", "GetItem", "FindItem"] {
            world.fault(operation, what);
        }
        let pulled = world.remote.pull(&world.calendar, None).await;
        assert!(matches!(pulled, Err(Failure::Throttled { .. })), "{what}: {pulled:?}");
        let fetched = world.remote.fetch(&world.calendar, &["x".into()]).await;
        assert!(matches!(fetched, Err(Failure::Throttled { .. })), "{what}: {fetched:?}");
        let probe =
            Probe { folder: world.calendar.clone(), stamp: stamp(9), target: Target::Create };
        let probed = world.remote.probe(&[probe]).await;
        assert!(matches!(probed, Err(Failure::Throttled { .. })), "{what}: {probed:?}");
    }
}

#[tokio::test]
async fn other_faults_say_what_to_do() {
    let world = World::new(Seed::Demo).await;
    let (there, cursor, _) = world.pull(None).await;
    world.fault("SyncFolderItems", "expire-cursor");
    let expired = world.remote.pull(&world.calendar, Some(&cursor)).await;
    assert!(matches!(expired, Err(Failure::CursorExpired(_))), "{expired:?}");
    let garbled = world.remote.pull(&world.calendar, Some(&Cursor::from("nonsense"))).await;
    assert!(matches!(garbled, Err(Failure::CursorExpired(_))), "{garbled:?}");
    let ids: Vec<_> = there.into_keys().collect();
    world.fault("GetItem", "control-characters");
    let fetched = world.remote.fetch(&world.calendar, &ids).await.unwrap();
    assert!(fetched.iter().all(|f| matches!(f, Fetched::Found(_))), "{fetched:?}");
    world.fault("GetItem", "html");
    let html = world.remote.fetch(&world.calendar, &ids).await;
    assert!(matches!(html, Err(Failure::Transient(_) | Failure::Throttled { .. })), "{html:?}");
    let wrong = remote(&world.sim, "wrong").folders().await;
    assert!(matches!(wrong, Err(Failure::Unauthorized(_))), "{wrong:?}");
    let gone = world.remote.pull(&FolderId::from("AAMkGONE"), None).await;
    assert!(matches!(gone, Err(Failure::Permanent(_))), "{gone:?}");
}

#[tokio::test]
async fn a_whole_calendar_moves_to_another_mailbox() {
    let source = World::new(Seed::Demo).await;
    let target = World::new(Seed::Empty).await;
    let (there, _, _) = source.pull(None).await;
    let ids: Vec<_> = there.into_keys().collect();
    assert!(ids.len() > 5);
    let fetched = source.remote.fetch(&source.calendar, &ids).await.unwrap();
    let contents = fetched.into_iter().map(|fetched| match fetched {
        Fetched::Found(sighted) => sighted.content,
        other => panic!("{other:?}"),
    });
    let writes: Vec<_> = (1..)
        .zip(contents)
        .map(|(n, content)| Write {
            folder: target.calendar.clone(),
            stamp: stamp(n),
            op: WriteOp::Create { content },
        })
        .collect();
    let written = target.remote.write(&writes).await;
    let ids: Vec<_> = written.into_iter().map(|w| w.unwrap().id).collect();
    let fetched = target.remote.fetch(&target.calendar, &ids).await.unwrap();
    for (write, fetched) in writes.iter().zip(fetched) {
        let WriteOp::Create { content } = &write.op else { panic!() };
        let Fetched::Found(sighted) = fetched else { panic!("{fetched:?}") };
        let (sent, read) = (Event::from_canonical(content).unwrap(), event_of(&sighted));
        assert_eq!(meaning(&read), meaning(&sent), "{read:#?} {sent:#?}");
        let identity = |event: &Event| digester().rendition(event, None, None).identity;
        assert_eq!(identity(&read), identity(&sent));
    }
    target.nobody_was_mailed();
}

#[tokio::test]
async fn a_large_calendar_comes_in_pages() {
    let world = World::new(Seed::Counts { events: 1200, messages: 0 }).await;
    let (there, cursor, pages) = world.pull(None).await;
    assert_eq!((there.len(), pages), (1200, 3));
    let ids: Vec<_> = there.into_keys().collect();
    let fetched = world.remote.fetch(&world.calendar, &ids).await.unwrap();
    assert!(fetched.iter().all(|f| matches!(f, Fetched::Found(_))));
    let (changed, _, pages) = world.pull(Some(cursor)).await;
    assert_eq!((changed.len(), pages), (0, 1));
}
