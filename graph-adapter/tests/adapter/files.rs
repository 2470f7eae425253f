//! What is attached to events.

use crate::masters::ok;
use crate::requests::{calendar, listing, stamp, write};
use crate::script::{Script, error, event as raw, json as answer, scripted, text};
use crate::series::{called, daily, day};
use crate::sim::{MAILBOX, Recorder, World, event, held, keeper, now, world};
use graph_adapter::GraphRemote;
use items::attachment::Data;
use items::field::Name;
use items::{Attachment, Body, BodyKind, Digester, Event, Occurrence};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::ids::RemoteId;
use sync_core::port::{
    Failure, Fetched, Files, Hint, MemoryFiles, Place, Probed, Remote, Sighted, Target, Write,
    WriteOp,
};

/// Puts bytes on a shelf, as a file that is attached somewhere.
fn file(files: &MemoryFiles, name: &str, bytes: &[u8]) -> Attachment {
    let mut digest = Digester::new([7; 32]).file();
    digest.update(bytes);
    let (digest, size) = (digest.finish(), bytes.len() as u64);
    let mut intake = files.begin().unwrap();
    intake.write(bytes).unwrap();
    intake.finish(&digest).unwrap();
    let data = Data::Bytes { digest, size };
    Attachment { name: name.into(), media_type: None, content_id: None, inline: false, data }
}

fn picture(files: &MemoryFiles) -> Attachment {
    let content_id = Some("p1".to_owned());
    Attachment { inline: true, content_id, ..file(files, "p.png", b"\x89PNG") }
}

fn large(files: &MemoryFiles, bytes: usize) -> Attachment {
    let bytes: Vec<u8> = (0..bytes).map(|n| (n % 251) as u8).collect();
    file(files, "large.bin", &bytes)
}

fn keys(attachments: &[Attachment]) -> Vec<String> {
    let mut keys: Vec<String> = attachments.iter().map(Attachment::key).collect();
    keys.sort();
    keys
}

fn patch(id: &RemoteId, attachments: &[Attachment]) -> WriteOp {
    let patch = Event { attachments: Some(attachments.to_vec()), ..Event::default() };
    WriteOp::Update { id: id.clone(), if_match: None, patch: patch.to_canonical() }
}

/// A mailbox with a shelf beside it, and an event in it whose body shows a picture.
async fn shelved() -> (World, MemoryFiles, RemoteId) {
    let files = MemoryFiles::default();
    let mut world = world().await;
    world.remote = keeper(MAILBOX, &world.transport, "s1").with_files(Arc::new(files.clone()));
    let content = "<html><body><img src=\"cid:p1\"></body></html>".to_owned();
    let body = Some(Body { kind: BodyKind::Html, content });
    let (id, _) =
        world.one(world.create("k0", &Event { body, ..event("Files", now()) })).await.unwrap();
    (world, files, id)
}

impl World {
    async fn attached(&self, id: &RemoteId) -> Vec<Attachment> {
        held(&self.found(id).await).attachments.unwrap()
    }
}

#[tokio::test]
async fn files_come_and_go() {
    let (world, files, id) = shelved().await;
    assert_eq!(world.attached(&id).await, []);
    let wanted = [
        file(&files, "a.txt", b"words"),
        file(&files, "a.txt", b"words"),
        picture(&files),
        large(&files, 3_400_001),
    ];
    let before = world.found(&id).await.rendition.version;
    let (_, version) = world.one(world.write("k1", patch(&id, &wanted))).await.unwrap();
    let found = world.found(&id).await;
    assert_eq!(
        (version, found.stamp.clone()),
        (found.rendition.version.clone(), Some(stamp("k1")))
    );
    assert_ne!(found.rendition.version, before);
    assert_eq!(keys(&world.attached(&id).await), keys(&wanted));
    assert_eq!(world.transport.count("/$value"), 0, "what was written is known");
    let shown = world.attached(&id).await.into_iter().find(|one| one.inline).unwrap();
    assert_eq!(shown.content_id.as_deref(), Some("p1"));

    // Whoever has another shelf reads the same.
    let shelf = MemoryFiles::default();
    let other = keeper(MAILBOX, &world.transport, "s2").with_files(Arc::new(shelf.clone()));
    for _ in 0..2 {
        let fetched = other.fetch(&world.calendar, std::slice::from_ref(&id)).await.unwrap();
        let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
        assert_eq!(keys(&held(item).attachments.unwrap()), keys(&wanted));
        assert!(item.rendition.fixed.is_empty());
        assert_eq!(world.transport.count("/$value"), 4, "each is read once");
    }
    let Data::Bytes { digest, size } = &wanted[3].data else { panic!("bytes") };
    assert_eq!(shelf.size(digest).unwrap(), Some(*size));

    let wanted = [wanted[0].clone(), file(&files, "b.txt", b"words")];
    world.one(world.write("k2", patch(&id, &wanted))).await.unwrap();
    assert_eq!(keys(&world.attached(&id).await), keys(&wanted));
    let steps = world.steps();
    world.one(world.write("k3", patch(&id, &wanted))).await.unwrap();
    assert_eq!(world.steps() - steps, 3, "what is there already is read and stamped");
    world.one(world.write("k4", patch(&id, &[]))).await.unwrap();
    assert_eq!(world.attached(&id).await, []);
    world.sim.with(|sim| assert!(sim.sent.is_empty()));
}

#[tokio::test]
async fn an_enumeration_asks_for_a_look_at_what_is_attached() {
    let (world, files, id) = shelved().await;
    let (plain, _) = world.one(world.create("k1", &event("Plain", now()))).await.unwrap();
    world.one(world.write("k2", patch(&id, &[file(&files, "a", b"a")]))).await.unwrap();
    let page = world.remote.pull(&world.calendar, Some(&listing())).await.unwrap();
    for change in page.changes {
        let Hint::Changed { item, .. } = change.hint else { panic!("{:?}", change.hint) };
        assert_eq!(item.is_some(), change.id == plain);
        let none = item.map(|item| held(&item).attachments);
        assert!(none.is_none_or(|attachments| attachments == Some(vec![])));
    }
    let without = crate::sim::world().await;
    assert!(!without.remote.capabilities().fields.contains(&Name::Attachments.field()));
    let with = world.remote.capabilities();
    assert!(with.fields.contains(&Name::Attachments.field()));
    assert!(with.late[&Name::Attachments.field()].is_empty());
}

/// Killed after any request, a write is found not to have happened, and is done once more.
#[tokio::test]
async fn a_write_that_is_cut_anywhere_doubles_nothing() {
    for after in 1.. {
        let (world, files, id) = shelved().await;
        let old = [file(&files, "old.txt", b"old"), file(&files, "stays.txt", b"stays")];
        world.one(world.write("k1", patch(&id, &old))).await.unwrap();
        let wanted = [old[1].clone(), file(&files, "new.txt", b"new"), large(&files, 3_400_000)];
        let write = world.write("k2", patch(&id, &wanted));
        world.transport.cut(Some(after));
        let outcome = world.one(write.clone()).await;
        world.transport.cut(None);
        let probes = [world.probe("k2", Target::Update(id.clone()))];
        let probed = world.remote.probe(&probes).await.unwrap().remove(0);
        match (&outcome, &probed) {
            (Ok(_), Probed::Applied { .. }) => {
                assert!(after > 10, "{after}");
                break;
            }
            (Err(Failure::InDoubt(_)), Probed::Applied { place: Place::Folder, .. }) => {}
            // What failed before anything happened may say so.
            (Err(Failure::InDoubt(_) | Failure::Transient(_)), Probed::NotApplied) => {
                world.one(write).await.unwrap();
            }
            other => panic!("{after}: {other:?}"),
        }
        assert_eq!(keys(&world.attached(&id).await), keys(&wanted), "{after}");
        assert_eq!(world.found(&id).await.stamp, Some(stamp("k2")));
        world.sim.with(|sim| assert!(sim.sent.is_empty()));
    }
}

#[tokio::test]
async fn files_and_occurrences_are_stamped_together() {
    let files = MemoryFiles::default();
    let mut world = world().await;
    world.remote = keeper(MAILBOX, &world.transport, "s1").with_files(Arc::new(files.clone()));
    let id = world.created(&daily(10)).await;
    let wanted = [file(&files, "a.txt", b"a")];
    let occurrences = BTreeMap::from([(day(2), called("Third")), (day(4), Occurrence::Deleted)]);
    let both = Event {
        attachments: Some(wanted.to_vec()),
        occurrences: Some(occurrences.clone()),
        ..Event::default()
    };
    let version = world.found(&id).await.rendition.version;
    let op =
        WriteOp::Update { id: id.clone(), if_match: version.clone(), patch: both.to_canonical() };
    let (_, written) = world.one(world.write("k1", op.clone())).await.unwrap();
    let found = world.found(&id).await;
    assert_eq!((&found.stamp, &found.rendition.version), (&Some(stamp("k1")), &written));
    assert_eq!(held(&found).occurrences, Some(occurrences));
    assert_eq!(keys(&held(&found).attachments.unwrap()), keys(&wanted));
    let stale = world.one(world.write("k2", op)).await;
    assert!(matches!(stale, Err(Failure::Stale(_))), "{stale:?}");
}

/// Others may do what they like meanwhile: it isn't overwritten, and isn't taken for ours.
#[tokio::test]
async fn what_others_do_meanwhile_is_looked_at() {
    let subject = Event { subject: Some("Theirs".into()), ..Event::default() };
    for text in ["contentBytes", "singleValueExtendedProperties\":["] {
        for attaches in [true, false] {
            let (world, files, id) = shelved().await;
            let theirs = Arc::new(files.clone());
            let other = keeper(MAILBOX, &Recorder::new(&world.sim), "s2").with_files(theirs);
            let added = [file(&files, "theirs.txt", b"theirs")];
            let op = match attaches {
                true => patch(&id, &added),
                false => WriteOp::Update {
                    id: id.clone(),
                    if_match: None,
                    patch: subject.to_canonical(),
                },
            };
            let theirs = Write { folder: world.calendar.clone(), stamp: stamp("t"), op };
            world.transport.before(1, text, async move {
                other.write(&[theirs]).await.remove(0).unwrap();
            });
            let ours = [file(&files, "ours.txt", b"ours")];
            let outcome = world.one(world.write("k1", patch(&id, &ours))).await;
            assert!(matches!(outcome, Err(Failure::Stale(_))), "{text}: {outcome:?}");
            let found = world.found(&id).await;
            assert_ne!(found.stamp, Some(stamp("k1")));
            let found = held(&found);
            match attaches {
                true => assert!(keys(&found.attachments.unwrap()).contains(&added[0].key())),
                false => assert_eq!(found.subject, subject.subject),
            }
        }
    }
}

fn with_files(shelf: &MemoryFiles) -> (GraphRemote, Arc<Script>) {
    let (remote, script) = scripted();
    (remote.with_files(Arc::new(shelf.clone())), script)
}

fn with_attachments() -> Value {
    let mut event = raw("E");
    event["hasAttachments"] = json!(true);
    event
}

fn entry(id: &str, kind: &str, name: &str) -> Value {
    json!({"@odata.type": format!("#microsoft.graph.{kind}"), "id": id, "name": name,
           "contentType": null, "size": 10, "isInline": false})
}

async fn fetched(remote: &GraphRemote) -> Sighted {
    let fetched = remote.fetch(&calendar(), &["E".into()]).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    (**item).clone()
}

/// Items become files, and what can't be read keeps the rest from being changed.
#[tokio::test]
async fn items_are_files_and_what_cannot_be_read_is_left_alone() {
    let shelf = MemoryFiles::default();
    let list = |entries: Value| move |_: &Value| ok(json!({"value": entries}));
    let (remote, script) = with_files(&shelf);
    script.then_batch(|_| ok(with_attachments()));
    let items = json!([
        entry("I1", "itemAttachment", "Lunch"),
        entry("I2", "itemAttachment", "Letter"),
        entry("F1", "fileAttachment", "C:\\x\\a\u{7}.txt")
    ]);
    script.then_batch(list(items));
    script.then(|request| {
        assert!(request.headers().contains_key("authorization"));
        assert!(request.uri().path().ends_with("/events/E/attachments/I1/$value"));
        text(200, "text/plain", "BEGIN:VCALENDAR\r\n")
    });
    script.then(|_| text(200, "text/plain", "Subject: x\r\n"));
    script.then(|_| text(200, "text/plain", "words"));
    let item = fetched(&remote).await;
    let read = held(&item).attachments.unwrap();
    let names: Vec<&str> = read.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["Lunch.ics", "Letter.eml", "a.txt"]);
    assert_eq!(read[1].media_type.as_deref(), Some("message/rfc822"));
    assert!(item.rendition.fixed.is_empty());

    let (remote, script) = with_files(&shelf);
    script.then_batch(|_| ok(with_attachments()));
    let broken = json!([
        entry("I1", "itemAttachment", "Lunch"),
        entry("L1", "referenceAttachment", "link"),
        entry("O1", "fileAttachment", "ole")
    ]);
    script.then_batch(list(broken));
    script.then_json(400, error(400, "ErrorCannotOpenFileAttachment")["body"].clone());
    let item = fetched(&remote).await;
    assert_eq!(held(&item).attachments.unwrap(), [read[0].clone()]);
    assert_eq!(item.rendition.fixed, [Name::Attachments.field()].into());

    // Nothing listed is not the same as a list of nothing.
    for (status, code, expected) in [
        (400, "ErrorTooManyObjectsOpened", "unreadable"),
        (500, "ErrorCorruptData", "unreadable"),
        (404, "ErrorItemNotFound", "missing"),
        (503, "", "failed"),
    ] {
        let (remote, script) = with_files(&shelf);
        script.then_batch(|_| ok(with_attachments()));
        script.then_batch(move |_| error(status, code));
        let fetched = remote.fetch(&calendar(), &["E".into()]).await;
        let got = match fetched.as_deref() {
            Ok([Fetched::Unreadable(_)]) => "unreadable",
            Ok([Fetched::Missing]) => "missing",
            Ok(_) => "found",
            Err(_) => "failed",
        };
        assert_eq!(got, expected, "{status} {code}");
    }

    // A moment's trouble is no trait of the file.
    for status in [429, 503, 401] {
        let (remote, script) = with_files(&MemoryFiles::default());
        script.then_batch(|_| ok(with_attachments()));
        script.then_batch(list(json!([entry("F1", "fileAttachment", "a")])));
        for _ in 0..if status == 401 { 2 } else { 1 } {
            script.then(move |_| answer(status, error(status, "x")["body"].clone()));
        }
        assert!(remote.fetch(&calendar(), &["E".into()]).await.is_err(), "{status}");
    }
}

#[tokio::test]
async fn what_cannot_be_attached_is_refused_before_anything_is_sent() {
    let shelf = MemoryFiles::default();
    let small = file(&shelf, "a.txt", b"a");
    let Data::Bytes { digest, .. } = small.data else { panic!("bytes") };
    let of = |data: Data| Attachment { data, ..small.clone() };
    for (data, code) in [
        (Data::Link("https://contoso.example/x".into()), "attachment-link"),
        (Data::Bytes { digest, size: 157_286_401 }, "attachment-too-large"),
        (Data::Bytes { digest, size: 7 }, "attachment-not-kept"),
    ] {
        let (remote, script) = with_files(&shelf);
        script.then_batch(|_| ok(raw("E")));
        let wanted = [small.clone(), of(data)];
        let result = remote.write(&[write("k", patch(&"E".into(), &wanted))]).await.remove(0);
        let Err(Failure::Permanent(trouble)) = result else { panic!("{result:?}") };
        assert_eq!(trouble.code, code);
    }
    let (remote, _script) = scripted();
    let result = remote.write(&[write("k", patch(&"E".into(), &[small]))]).await.remove(0);
    assert_eq!(result.unwrap_err().trouble().code, "attachments-unsupported");
}

/// The documents name another host for uploads; our token doesn't go there.
#[tokio::test]
async fn uploads_go_where_they_are_sent_without_the_token() {
    const UPLOAD: &str =
        "https://outlook.office.com/api/v2.0/Users('x')/AttachmentSessions('y')?authtoken=z";
    let shelf = MemoryFiles::default();
    let large = large(&shelf, 4_000_000);
    let run = |url: &'static str| {
        let (remote, script) = with_files(&shelf);
        script.then_batch(|_| ok(raw("E")));
        script.then(move |request| {
            assert!(request.uri().path().ends_with("/events/E/attachments/createUploadSession"));
            answer(201, json!({"uploadUrl": url, "nextExpectedRanges": ["0-"]}))
        });
        let write = write("k", patch(&"E".into(), std::slice::from_ref(&large)));
        (remote, script, write)
    };
    for url in ["http://outlook.office.com/x", "https://a:b@outlook.office.com/x", "/x"] {
        let (remote, _script, write) = run(url);
        let result = remote.write(&[write]).await.remove(0);
        assert!(matches!(result, Err(Failure::Transient(_))), "{result:?}");
    }
    let (remote, script, write) = run(UPLOAD);
    for (range, status) in
        [("bytes 0-3276799/4000000", 200), ("bytes 3276800-3999999/4000000", 201)]
    {
        script.then(move |request| {
            assert_eq!(
                (request.method(), &*request.uri().to_string()),
                (&http::Method::PUT, UPLOAD)
            );
            assert!(!request.headers().contains_key("authorization"));
            assert_eq!(request.headers()["content-range"], range);
            let mut answer = answer(status, json!({"nextExpectedRanges": ["3276800"]}))?;
            let location = "https://outlook.office.com/x/Attachments('A1=')".parse().unwrap();
            answer.headers_mut().insert("location", location);
            Ok(answer)
        });
    }
    script.then_batch(|_| ok(with_attachments()));
    script.then_batch(|_| ok(json!({"value": [entry("A1=", "fileAttachment", "large.bin")]})));
    script.then_batch(|_| ok(json!({"id": "E", "@odata.etag": "W/\"9\""})));
    let written = remote.write(&[write]).await.remove(0).unwrap();
    assert_eq!(written.version, Some("W/\"9\"".into()));
}

/// What a server says to the first request is what it says to the write; later, it is a doubt.
#[tokio::test]
async fn a_refusal_is_told_by_what_came_before() {
    let shelf = MemoryFiles::default();
    let wanted = [file(&shelf, "a.txt", b"a"), file(&shelf, "b.txt", b"b")];
    for (status, code, first, later) in [
        (413, "ErrorMessageSizeExceeded", "refused", "stale"),
        (429, "ApplicationThrottled", "throttled", "in doubt"),
        (404, "ErrorItemNotFound", "missing", "stale"),
        (503, "", "in doubt", "in doubt"),
    ] {
        for (before, expected) in [(0, first), (1, later)] {
            let (remote, script) = with_files(&shelf);
            script.then_batch(|_| ok(raw("E")));
            for _ in 0..before {
                script.then_json(201, json!({"id": "A1"}));
            }
            script.then(move |_| answer(status, error(status, code)["body"].clone()));
            let write = write("k", patch(&"E".into(), &wanted));
            let failure = remote.write(&[write]).await.remove(0).unwrap_err();
            assert!(failure.to_string().starts_with(expected), "{status}: {failure}");
        }
    }
    // A session that has ended is begun anew.
    let large = large(&shelf, 4_000_000);
    let (remote, script) = with_files(&shelf);
    script.then_batch(|_| ok(raw("E")));
    script.then_json(201, json!({"uploadUrl": "https://outlook.office.com/x?authtoken=z"}));
    script.then(|_| answer(401, json!({})));
    let failure = remote.write(&[write("k", patch(&"E".into(), &[large]))]).await.remove(0);
    let failure = failure.unwrap_err();
    assert!(matches!(failure, Failure::Transient(_)), "{failure}");
}
