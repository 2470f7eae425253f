//! What is sent, and what is made of the answers.

use crate::script::{NOW, error, event, scripted, scripted_with};
use graph_adapter::DeltaForm;
use items::{Event, Reminder, Timing};
use serde_json::{Value, json};
use sync_core::ids::{Cursor, FolderId, IntentKey, LinkId, RemoteId, Version};
use sync_core::port::{
    Failure, Fetched, FolderKind, Hint, Page, Place, Probe, Probed, Remote, Stamp, Target, Write,
    WriteOp,
};

const STAMP_ID: &str = "String {e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31} Name evensync-s1";
const UID_ID: &str = "String {e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31} Name evensync-uid";
const LINK: &str = "https://graph.microsoft.com/v1.0/users/x/calendarView/delta";

pub fn calendar() -> FolderId {
    FolderId::from("CAL=")
}

/// A bookmark after a first round and an enumeration.
fn following() -> Cursor {
    let window = [1_732_492_800, 1_890_172_800];
    let url = format!("{LINK}?$deltatoken=1");
    Cursor(json!({"v": 1, "stage": "delta", "url": url, "window": window}).to_string())
}

/// A bookmark after a first round, where the enumeration begins.
pub fn listing() -> Cursor {
    let window = [1_732_492_800, 1_890_172_800];
    Cursor(json!({"v": 1, "stage": "list", "then": LINK, "window": window}).to_string())
}

pub fn stamp(key: &str) -> Stamp {
    Stamp { link: LinkId(1), key: IntentKey::from(key) }
}

pub fn write(key: &str, op: WriteOp) -> Write {
    Write { folder: calendar(), stamp: stamp(key), op }
}

pub fn create(key: &str) -> Write {
    let event = Event {
        uid: Some("uid@example".into()),
        subject: Some("New".into()),
        timing: Some(Timing::Timed {
            start: i64::try_from(NOW).unwrap(),
            end: i64::try_from(NOW).unwrap() + 3600,
            start_zone: Some("Europe/Berlin".into()),
            end_zone: None,
        }),
        reminder: Some(Reminder::Off),
        ..Event::default()
    };
    write(key, WriteOp::Create { content: event.to_canonical() })
}

pub fn update(key: &str, id: &str) -> Write {
    let patch = Event { subject: Some("Changed".into()), ..Event::default() }.to_canonical();
    let if_match = Some(Version(format!("W/\"{id}-1\"")));
    write(key, WriteOp::Update { id: id.into(), if_match, patch })
}

pub fn delete(key: &str, id: &str) -> Write {
    write(key, WriteOp::Delete { id: id.into(), if_match: None })
}

/// The id that a step's path ends in.
pub fn id_in(step: &Value) -> String {
    let path = step["url"].as_str().unwrap().split('?').next().unwrap();
    path.rsplit('/').next().unwrap().to_owned()
}

fn names(page: &Page) -> Vec<(String, &'static str)> {
    let name = |hint: &Hint| match hint {
        Hint::Changed { item: Some(_), .. } => "whole",
        Hint::Changed { version: Some(_), item: None } => "version",
        Hint::Changed { version: None, item: None } => "look",
        Hint::Gone => "gone",
    };
    page.changes.iter().map(|c| (c.id.to_string(), name(&c.hint))).collect()
}

fn named(expected: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    expected.iter().map(|(id, name)| ((*id).to_owned(), *name)).collect()
}

#[tokio::test]
async fn calendars_are_listed_over_pages() {
    let (remote, script) = scripted();
    let next = "https://graph.microsoft.com/v1.0/users/x/calendars?$skip=1";
    script
        .then_json(
            200,
            json!({"value": [{"id": "A", "name": "Kalender", "isDefaultCalendar": true}],
                   "@odata.nextLink": next}),
        )
        .then_json(200, json!({"value": [{"id": "B", "name": "Birthdays"}]}));
    let folders = remote.folders().await.unwrap();
    assert_eq!(folders.len(), 2);
    assert_eq!((folders[0].name.as_str(), folders[0].is_default), ("Kalender", true));
    assert_eq!((folders[1].kind, folders[1].is_default), (FolderKind::Calendar, false));
    assert_eq!(script.last_header("prefer").unwrap(), "IdType=\"ImmutableId\"");
    assert_eq!(script.last_header("authorization").unwrap(), "Bearer token-1");
}

#[tokio::test]
async fn a_calendar_is_enumerated_and_then_followed() {
    let (remote, script) = scripted();
    script.then_json(
        200,
        json!({"value": [event("A"), event("GONE")], "@odata.nextLink": format!("{LINK}?$skiptoken=1")}),
    );
    let page = remote.pull(&calendar(), None).await.unwrap();
    assert_eq!(
        script.seen()[0].1,
        "/v1.0/users/anna.vogt@contoso.example/calendars/CAL%3D/calendarView/delta\
         ?startDateTime=2024-11-25T00:00:00Z&endDateTime=2029-11-24T00:00:00Z"
    );
    assert_eq!(
        script.last_header("prefer").unwrap(),
        "IdType=\"ImmutableId\", odata.maxpagesize=200"
    );
    script
        .then_json(200, json!({"value": [], "@odata.deltaLink": format!("{LINK}?$deltatoken=1")}));
    let primed = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap();
    // What leaves between two of its pages would never be told of again.
    assert!(page.changes.is_empty() && primed.changes.is_empty() && page.more && primed.more);

    let next = "https://graph.microsoft.com/v1.0/users/x/events?$skiptoken=a%2Bb";
    let mut series = event("S");
    series["type"] = json!("seriesMaster");
    let stamped = json!([{"id": STAMP_ID, "value": stamp("k1").to_string()},
                         {"id": UID_ID, "value": "their-uid"}]);
    let mut ours = event("B");
    ours["singleValueExtendedProperties"] = stamped;
    let mut broken = event("T");
    broken["type"] = json!("seriesMaster");
    let rule = json!({"pattern": {"type": "daily", "interval": 1},
                      "range": {"type": "noEnd", "startDate": "2026-11-25"}});
    series["recurrence"] = rule;
    let page = json!({"value": [event("A"), series, broken], "@odata.nextLink": next});
    script.then_json(200, page);
    script.then_batch(move |step| match id_in(step).as_str() {
        "S" => json!({"status": 200, "body": series}),
        _ => json!({"status": 200, "body": broken}),
    });
    let page = remote.pull(&calendar(), Some(&primed.cursor)).await.unwrap();
    assert_eq!(names(&page), named(&[("A", "whole"), ("S", "whole"), ("T", "look")]));
    assert!(page.more);

    script.then_json(200, json!({"value": [ours]}));
    let page = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap();
    assert_eq!(script.seen().last().unwrap().1, "/v1.0/users/x/events?$skiptoken=a%2Bb");
    let Hint::Changed { item: Some(item), version } = &page.changes[0].hint else { panic!() };
    assert_eq!(item.stamp, Some(stamp("k1")));
    assert_eq!(version, &Some(Version::from("W/\"B-1\"")));
    assert_eq!(Event::from_canonical(&item.content).unwrap().uid.as_deref(), Some("their-uid"));
    assert!(!page.more);

    script.then_json(
        200,
        json!({"value": [event("A"), {"id": "B", "@removed": {"reason": "deleted"}}],
               "@odata.deltaLink": format!("{LINK}?$deltatoken=2")}),
    );
    script.then_batch(|step| {
        assert!(step["url"].as_str().unwrap().contains("/calendars/CAL%3D/events/B?"));
        error(404, "ErrorItemNotFound")
    });
    let page = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap();
    assert_eq!(names(&page), named(&[("A", "version"), ("B", "gone")]));
    assert_eq!(script.seen()[5].1, "/v1.0/users/x/calendarView/delta?$deltatoken=1");
    assert!(!page.more);
}

#[tokio::test]
async fn a_quiet_run_costs_one_request() {
    let (remote, script) = scripted();
    script
        .then_json(200, json!({"value": [], "@odata.deltaLink": format!("{LINK}?$deltatoken=3")}));
    let page = remote.pull(&calendar(), Some(&following())).await.unwrap();
    assert_eq!(script.seen().last().unwrap().1, "/v1.0/users/x/calendarView/delta?$deltatoken=1");
    assert!(page.changes.is_empty() && !page.more);
}

#[tokio::test]
async fn entries_of_a_delta_are_hints() {
    let (remote, script) = scripted_with(|config| config.window = Some((0, 100_000_000)));
    let window = json!([0, 100_000_000]);
    let url = format!("{LINK}?$deltatoken=1");
    let cursor = json!({"v": 1, "stage": "delta", "url": url, "window": window}).to_string();
    script.then_json(
        200,
        json!({
            "value": [
                {"id": "O", "type": "occurrence", "seriesMasterId": "M"},
                {"id": "X", "type": "exception", "seriesMasterId": "L"},
                {"id": "Y", "type": "exception", "seriesMasterId": "M"},
                {"id": "M", "type": "seriesMaster", "@odata.etag": "W/\"1\""},
                {"id": "N", "type": "singleInstance"},
                {"id": "K", "changeKey": "kk"},
                {"id": "R", "@removed": {"reason": "changed"}}
            ],
            "@odata.deltaLink": LINK
        }),
    );
    // Each series is looked at once, whatever of it is told.
    script.then_batch(|step| match id_in(step).as_str() {
        "L" | "M" => error(404, "ErrorItemNotFound"),
        id => panic!("{id}"),
    });
    let page = remote.pull(&calendar(), Some(&Cursor(cursor))).await.unwrap();
    // The window is looked at whole, so what is removed needs no second look here.
    let expected = [("N", "look"), ("K", "version"), ("R", "gone"), ("L", "look"), ("M", "look")];
    assert_eq!(names(&page), named(&expected));
}

#[tokio::test]
async fn what_lies_outside_the_window_is_not_reported() {
    let now = i64::try_from(NOW).unwrap();
    let (remote, script) = scripted_with(|config| config.window = Some((now, now + 86_400)));
    let mut inside = event("IN");
    inside["end"]["dateTime"] = json!("2026-11-25T12:00:01.0000000");
    script.then_json(200, json!({"value": [event("OUT"), inside]}));
    let page = remote.pull(&calendar(), Some(&listing())).await.unwrap();
    assert_eq!(names(&page), named(&[("IN", "whole")]));

    script.then_batch(|_| json!({"status": 200, "body": event("OUT")}));
    let fetched = remote.fetch(&calendar(), &["OUT".into()]).await.unwrap();
    assert_eq!(fetched, [Fetched::Outside]);
}

#[tokio::test]
async fn a_removal_outside_the_view_is_looked_up() {
    let (remote, script) = scripted();
    let removed = |id: &str| json!({"id": id, "@removed": {"reason": "deleted"}});
    script.then_json(
        200,
        json!({"value": [removed("FAR"), removed("GONE")], "@odata.deltaLink": LINK}),
    );
    script.then_batch(|step| {
        if step["url"].as_str().unwrap().contains("/FAR?") {
            json!({"status": 200, "body": event("FAR")})
        } else {
            error(404, "ErrorItemNotFound")
        }
    });
    let page = remote.pull(&calendar(), Some(&following())).await.unwrap();
    assert_eq!(names(&page), named(&[("FAR", "whole"), ("GONE", "gone")]));
}

#[tokio::test]
async fn an_aging_view_ends_at_the_start_of_a_round() {
    let (remote, script) = scripted();
    let old =
        json!({"v": 1, "stage": "delta", "url": LINK, "window": [1_600_000_000, 1_757_680_000]});
    // A new one knows nothing of what left since the old one was asked last.
    let failure = remote.pull(&calendar(), Some(&Cursor(old.to_string()))).await.unwrap_err();
    assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
    assert!(script.seen().is_empty());
}

#[tokio::test]
async fn events_are_fetched_in_batches_at_their_positions() {
    let (remote, script) = scripted();
    let answer = |step: &Value| {
        assert_eq!(step["headers"]["Prefer"], "IdType=\"ImmutableId\"");
        match id_in(step).as_str() {
            "GONE" => error(404, "ErrorItemNotFound"),
            "BAD" => error(500, "ErrorCorruptData"),
            "NO" => error(400, "ErrorInvalidRecipients"),
            id => json!({"status": 200, "body": event(id)}),
        }
    };
    let mut ids: Vec<RemoteId> = (0..22).map(|n| RemoteId(format!("E{n}"))).collect();
    ids.extend(["GONE", "BAD", "NO"].map(RemoteId::from));
    // The second batch holds BAD: a refusal with 5xx is worth a second try.
    script.then_batch(answer).then_batch(answer).then_batch(answer);
    tokio::time::pause();
    let fetched = remote.fetch(&calendar(), &ids).await.unwrap();
    for (at, fetched) in fetched[..22].iter().enumerate() {
        let Fetched::Found(item) = fetched else { panic!("{at}: {fetched:?}") };
        let event = Event::from_canonical(&item.content).unwrap();
        assert_eq!(event.subject, Some(format!("Subject of E{at}")));
    }
    assert_eq!(fetched[22], Fetched::Missing);
    for (fetched, code) in fetched[23..].iter().zip(["ErrorCorruptData", "ErrorInvalidRecipients"])
    {
        let Fetched::Unreadable(trouble) = fetched else { panic!("{fetched:?}") };
        assert_eq!(trouble.code, code);
    }
    let sizes: Vec<usize> =
        script.seen().iter().map(|seen| seen.2["requests"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [20, 5, 1]);
}

#[tokio::test]
async fn writes_carry_stamp_key_and_condition() {
    let (remote, script) = scripted();
    script.then_batch(|step| {
        assert!(step["url"].as_str().unwrap().contains("?$select=id,subject,"));
        json!({"status": 200, "body": {"@odata.etag": "W/\"seen\"", "attendees": []}})
    });
    script.then_batch(|step| match step["method"].as_str().unwrap() {
        "POST" => json!({"status": 201, "body": {"id": "N1", "@odata.etag": "W/\"n\""}}),
        "PATCH" => json!({"status": 200, "body": {"id": "U1", "@odata.etag": "W/\"u\""}}),
        _ => json!({"status": 204}),
    });
    let writes = [create("k1"), update("k2", "U1"), delete("k3", "D1")];
    let results = remote.write(&writes).await;
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!((results[0].id.as_str(), &results[0].version), ("N1", &Some("W/\"n\"".into())));
    assert_eq!((results[1].id.as_str(), &results[1].version), ("U1", &Some("W/\"u\"".into())));
    assert_eq!((results[2].id.as_str(), &results[2].version), ("D1", &None));

    let steps = script.seen()[1].2["requests"].clone();
    let body = &steps[0]["body"];
    assert_eq!(body["transactionId"], "k1");
    assert_eq!(
        body["start"],
        json!({"dateTime": "2026-11-25T13:00:00", "timeZone": "W. Europe Standard Time"})
    );
    assert_eq!(
        body["singleValueExtendedProperties"],
        json!([{"id": STAMP_ID, "value": stamp("k1").to_string()},
               {"id": UID_ID, "value": "uid@example"}])
    );
    assert!(body.get("attendees").is_none() && body.get("iCalUId").is_none());
    assert_eq!(
        steps[1]["body"],
        json!({"subject": "Changed", "singleValueExtendedProperties":
               [{"id": STAMP_ID, "value": stamp("k2").to_string()}]})
    );
    assert_eq!(steps[1]["headers"]["If-Match"], "W/\"U1-1\"");
    assert_eq!(steps[2]["headers"]["If-Match"], "W/\"seen\"");
    assert_eq!(steps[2]["url"], "/users/anna.vogt@contoso.example/calendars/CAL%3D/events/D1");
}

#[tokio::test]
async fn meetings_are_left_alone() {
    let (remote, script) = scripted();
    script.then_batch(
        |_| json!({"status": 200, "body": {"attendees": [{"emailAddress": {"address": "x@y"}}]}}),
    );
    for result in remote.write(&[update("k1", "M1"), delete("k2", "M2")]).await {
        let Err(Failure::Permanent(trouble)) = result else { panic!("{result:?}") };
        assert_eq!(trouble.code, "meeting-protected");
    }
}

#[tokio::test]
async fn content_that_is_none_is_refused_unsent() {
    let (remote, _script) = scripted();
    let timeless = Event { subject: Some("x".into()), ..Event::default() }.to_canonical();
    for (content, code) in [(timeless, "no-timing"), (b"{".to_vec(), "malformed-content")] {
        let results = remote.write(&[write("k", WriteOp::Create { content })]).await;
        let Err(Failure::Permanent(trouble)) = &results[0] else { panic!("{results:?}") };
        assert_eq!(trouble.code, code);
    }
    assert!(remote.write(&[]).await.is_empty());
}

#[tokio::test]
async fn probes_look_in_the_folder_and_then_in_the_trash() {
    let (remote, script) = scripted();
    let probe = |key: &str, target| Probe { folder: calendar(), stamp: stamp(key), target };
    let probes = [
        probe("made", Target::Create),
        probe("trashed", Target::Create),
        probe("never", Target::Create),
        probe("k1", Target::Update("U1".into())),
        probe("k2", Target::Update("U2".into())),
        probe("k3", Target::Update("U3".into())),
        probe("k4", Target::Delete("D1".into())),
        probe("k5", Target::Delete("D2".into())),
    ];
    let stamped = |key: &str| {
        json!({"status": 200, "body": {"id": "U", "singleValueExtendedProperties":
               [{"id": STAMP_ID, "value": stamp(key).to_string()}]}})
    };
    let found = |ids: &[&str]| {
        let values: Vec<Value> = ids.iter().map(|id| json!({"id": id})).collect();
        json!({"status": 200, "body": {"value": values}})
    };
    let last = |step: &Value| {
        let url = step["url"].as_str().unwrap().to_owned();
        let path = url.split('?').next().unwrap().to_owned();
        let key = url.split("%20").last().unwrap().split('\'').next().unwrap().to_owned();
        (path.rsplit('/').next().unwrap().to_owned(), key)
    };
    script.then_batch(move |step| match last(step) {
        (name, key) if name == "events" && key == "made" => found(&["N1"]),
        (name, _) if name == "events" => found(&[]),
        (name, _) if name == "U1" => stamped("k1"),
        (name, _) if name == "U2" => stamped("other"),
        (name, _) if name == "D2" => json!({"status": 200, "body": {"id": "D2"}}),
        _ => error(404, "ErrorItemNotFound"),
    });
    script.then_batch(move |step| match last(step) {
        (name, key) if name == "messages" && key == "trashed" => found(&["T1"]),
        (name, _) if name == "messages" => error(403, "ErrorAccessDenied"),
        (name, _) if name == "U3" => stamped("k3"),
        other => panic!("{other:?}"),
    });
    let applied = |id: &str, place| Probed::Applied { id: id.into(), place };
    assert_eq!(
        remote.probe(&probes).await.unwrap(),
        [
            applied("N1", Place::Folder),
            applied("T1", Place::Trash),
            Probed::NotApplied,
            applied("U1", Place::Folder),
            Probed::NotApplied,
            applied("U3", Place::Trash),
            applied("D1", Place::Trash),
            Probed::NotApplied,
        ]
    );
}

#[tokio::test]
async fn a_delta_without_a_window_is_used_where_it_exists() {
    // Not in the description of v1.0, so these requests are not held against it.
    let start = |status: u16| async move {
        let (remote, script) =
            scripted_with(|config| config.delta = DeltaForm::UnboundedIfAvailable);
        script.then_json(status, json!({"value": [event("A")], "@odata.deltaLink": LINK}));
        if status != 200 {
            script.then_json(200, json!({"value": [], "@odata.deltaLink": LINK}));
        }
        remote.pull(&calendar(), None).await.unwrap();
        let seen = script.seen();
        script.forget();
        seen
    };
    let seen = start(200).await;
    assert!(seen[0].1.ends_with("/calendars/CAL%3D/events/delta"), "{}", seen[0].1);
    let seen = start(400).await;
    assert!(seen[1].1.contains("/calendarView/delta?startDateTime="), "{}", seen[1].1);
}
