//! Writing: what is sent, and what becomes of each write.

use crate::script::*;
use items::{Event, Timing};
use sync_core::ids::Version;
use sync_core::port::{Failure, Remote, Write, WriteOp, Written};

fn event(subject: &str, zone: Option<&str>) -> Event {
    let timing = zone.map(|zone| Timing::Timed {
        start: 1_800_000_000,
        end: 1_800_003_600,
        start_zone: Some(zone.to_owned()),
        end_zone: None,
    });
    Event { subject: Some(subject.to_owned()), timing, ..Default::default() }
}

fn create(n: u64, event: &Event) -> Write {
    let op = WriteOp::Create { content: event.to_canonical() };
    Write { folder: folder(), stamp: stamp(n), op }
}

fn update(n: u64, id: &str, if_match: Option<&str>, patch: &Event) -> Write {
    let op = WriteOp::Update {
        id: id.into(),
        if_match: if_match.map(Version::from),
        patch: patch.to_canonical(),
    };
    Write { folder: folder(), stamp: stamp(n), op }
}

fn delete(n: u64, id: &str, if_match: Option<&str>) -> Write {
    let op = WriteOp::Delete { id: id.into(), if_match: if_match.map(Version::from) };
    Write { folder: folder(), stamp: stamp(n), op }
}

/// One word for each outcome.
fn words(outcomes: &[Result<Written, Failure>]) -> Vec<String> {
    let word = |outcome: &Result<Written, Failure>| match outcome {
        Ok(Written { id, version }) => {
            format!("{id}@{}", version.as_ref().map_or("?", |v| v.as_str()))
        }
        Err(failure) => {
            let kind = format!("{failure:?}");
            let kind = kind.split([' ', '(']).next().unwrap().to_owned();
            format!("{kind} {}", failure.trouble().code)
        }
    };
    outcomes.iter().map(word).collect()
}

fn subjects(request: &str) -> Vec<String> {
    let parts = request.split("<t:Subject>").skip(1);
    parts.map(|part| part.split('<').next().unwrap().to_owned()).collect()
}

/// A server on which everything succeeds; what it creates is named after its subject.
fn obliging(request: &str) -> Reply {
    if request.contains("<m:CreateItem ") {
        let made = |s: &String| success("CreateItem", &item(s, "new", ""));
        ok(response("CreateItem", &subjects(request).iter().map(made).collect::<String>()))
    } else if request.contains("<m:UpdateItem ") {
        let done = |id: &String| success("UpdateItem", &item(id, "next", ""));
        ok(response("UpdateItem", &item_ids(request).iter().map(done).collect::<String>()))
    } else if request.contains("<m:DeleteItem ") {
        let done = |_: &String| success("DeleteItem", "");
        ok(response("DeleteItem", &item_ids(request).iter().map(done).collect::<String>()))
    } else {
        let parent = format!("<t:ParentFolderId Id=\"{FOLDER}\"/>");
        let read = |id: &String| match id.as_str() {
            "gone" => error("GetItem", "ErrorItemNotFound"),
            "away" => success("GetItem", &item(id, "k", "<t:ParentFolderId Id=\"AAMkOTHER\"/>")),
            id => success("GetItem", &item(id, "k", &parent)),
        };
        ok(response("GetItem", &item_ids(request).iter().map(read).collect::<String>()))
    }
}

#[tokio::test]
async fn outcomes_stand_where_their_writes_stood() {
    let script = Script::new(obliging);
    let berlin = Some("Europe/Berlin");
    let outcomes = remote(&script)
        .write(&[
            delete(1, "d1", Some("k")),
            create(2, &event("c1", berlin)),
            update(3, "u1", Some("k"), &event("new", None)),
            delete(4, "gone", Some("k")),
            create(5, &event("c2", Some("Tokyo Standard Time"))),
            delete(6, "d2", Some("older")),
            update(7, "u2", None, &event("new", None)),
            create(8, &event("c3", berlin)),
            delete(9, "away", None),
            update(10, "gone", None, &event("new", None)),
        ])
        .await;
    assert_eq!(
        words(&outcomes),
        [
            "d1@?",
            "c1@new",
            "u1@next",
            "Missing ErrorItemNotFound",
            "c2@new",
            "Stale changed-since",
            "u2@next",
            "c3@new",
            "Missing moved-away",
            "Missing ErrorItemNotFound",
        ]
    );
    let requests = script.requests();
    let of = |op: &str| requests.iter().filter(|r| r.contains(op)).cloned().collect::<Vec<_>>();
    // One for each zone, because the server rounds whole days in the zone of the request.
    assert_eq!(of("<m:CreateItem ").len(), 2);
    assert_eq!(of("<m:UpdateItem ").len(), 1);
    let deletes = of("<m:DeleteItem ");
    assert_eq!(deletes.len(), 1);
    assert_eq!(item_ids(&deletes[0]), ["d1"]);
    assert!(deletes[0].contains("DeleteType=\"MoveToDeletedItems\""));
    for request in &requests {
        assert!(!request.contains("SendToAll") && !request.contains("SendOnly"));
        let writes = request.contains("<m:GetItem>") || request.contains("=\"SendToNone\"");
        assert!(writes, "{request}");
    }
}

#[tokio::test]
async fn only_what_the_patch_holds_is_sent_and_the_stamp() {
    let script = Script::new(obliging);
    let patch = Event { location: Some(" ".into()), categories: Some(vec![]), ..event("", None) };
    remote(&script).write(&[update(1, "u1", Some("k"), &patch)]).await;
    let request = &script.requests()[0];
    let fields: Vec<_> =
        request.split("FieldURI=\"").skip(1).map(|part| part.split('"').next().unwrap()).collect();
    assert_eq!(fields, ["item:Subject", "item:Categories", "calendar:Location"]);
    assert_eq!(request.matches("<t:DeleteItemField>").count(), 3);
    assert!(request.contains("<t:Value>0000000000000001 run-1</t:Value>"));
    assert!(request.contains("PropertyName=\"evensync-s1\""));
    assert!(!request.contains("TimeZoneContext"));
}

#[tokio::test]
async fn a_new_item_states_its_reminder_and_its_zones() {
    let script = Script::new(obliging);
    let event = Event { uid: Some("abc@x".into()), ..event("c", Some("Europe/Berlin")) };
    remote(&script).write(&[create(1, &event)]).await;
    let request = &script.requests()[0];
    for part in [
        "<t:ReminderIsSet>false</t:ReminderIsSet>",
        "<t:UID>abc@x</t:UID>",
        "<t:Start>2027-01-15T08:00:00Z</t:Start>",
        "<t:StartTimeZone Id=\"W. Europe Standard Time\"/>",
        "<t:EndTimeZone Id=\"W. Europe Standard Time\"/>",
        "<t:TimeZoneContext><t:TimeZoneDefinition Id=\"W. Europe Standard Time\"/>",
        "<t:Value>0000000000000001 run-1</t:Value>",
    ] {
        assert!(request.contains(part), "{part} in {request}");
    }
}

#[tokio::test]
async fn per_item_errors_concern_their_item_only() {
    let codes = [
        ("NoError", "id0@new"),
        ("ErrorCorruptData", "Permanent ErrorCorruptData"),
        ("ErrorInternalServerError", "InDoubt ErrorInternalServerError"),
        ("ErrorIrresolvableConflict", "Stale ErrorIrresolvableConflict"),
        ("ErrorBatchProcessingStopped", "Transient ErrorBatchProcessingStopped"),
        ("ErrorBatchProcessingStopped", "Transient ErrorBatchProcessingStopped"),
    ];
    let script = Script::new(move |_| {
        let message = |(n, (code, _)): (usize, &(&str, &str))| match *code {
            "NoError" => success("UpdateItem", &item(&format!("id{n}"), "new", "")),
            code => error("UpdateItem", code),
        };
        ok(response("UpdateItem", &codes.iter().enumerate().map(message).collect::<String>()))
    });
    let patch = event("x", None);
    let writes: Vec<_> = (0..6).map(|n| update(n, &format!("id{n}"), Some("k"), &patch)).collect();
    let outcomes = remote(&script).write(&writes).await;
    assert_eq!(words(&outcomes), codes.map(|(_, expected)| expected));
}

#[tokio::test]
async fn one_lost_request_leaves_only_its_own_items_in_doubt() {
    let script = Script::new(|request| match subjects(request).contains(&"c60".to_owned()) {
        true => Err(wire::Error::InDoubt("closed".into())),
        false => obliging(request),
    });
    let writes: Vec<_> = (0..120).map(|n| create(n, &event(&format!("c{n}"), None))).collect();
    let outcomes = remote(&script).write(&writes).await;
    for (n, word) in words(&outcomes).iter().enumerate() {
        let lost = (50..100).contains(&n);
        let expected = if lost { "InDoubt no-answer".into() } else { format!("c{n}@new") };
        assert_eq!(*word, expected);
    }
}

#[tokio::test]
async fn a_throttled_request_stops_the_rest_unsent() {
    let script = Script::new(|_| status(500, &[], fault("ErrorServerBusy", Some(1500))));
    let writes: Vec<_> = (0..1000).map(|n| create(n, &event("x", None))).collect();
    let outcomes = remote(&script).write(&writes).await;
    assert_eq!(outcomes.len(), 1000);
    for outcome in outcomes {
        assert!(matches!(outcome, Err(Failure::Throttled { after_ms: Some(1500), .. })));
    }
    assert!(script.requests().len() <= 4);
}

#[tokio::test]
async fn large_items_are_spread_over_requests() {
    let script = Script::new(obliging);
    let large = |n: u64| {
        let bytes = if n == 4 { 3_000_000 } else { 300_000 };
        let body = items::Body { content: "x".repeat(bytes), ..Default::default() };
        create(n, &Event { body: Some(body), ..event(&format!("c{n}"), None) })
    };
    let outcomes = remote(&script).write(&(0..10).map(large).collect::<Vec<_>>()).await;
    let expected: Vec<_> = (0..10).map(|n| format!("c{n}@new")).collect();
    assert_eq!(words(&outcomes), expected);
    let mut sizes: Vec<_> =
        script.requests().iter().map(|r| (r.len(), subjects(r).len())).collect();
    sizes.sort_unstable();
    assert!(sizes[..sizes.len() - 1].iter().all(|(bytes, _)| *bytes < 1_000_000), "{sizes:?}");
    assert_eq!(sizes.last().unwrap().1, 1, "{sizes:?}");
    assert_eq!(script.replaced(), 1, "after the one that is too large to trust the connection");
    assert_eq!(script.under_way_max(), 4);
}

#[tokio::test]
async fn an_item_that_the_server_chokes_on_does_not_hold_up_the_others() {
    let script = Script::new(|request| match subjects(request).contains(&"c13".to_owned()) {
        true => status(500, &[], fault("ErrorSchemaValidation", None)),
        false => obliging(request),
    });
    let writes: Vec<_> = (0..50).map(|n| create(n, &event(&format!("c{n}"), None))).collect();
    let outcomes = words(&remote(&script).write(&writes).await);
    for (n, word) in outcomes.iter().enumerate() {
        let expected = match n {
            13 => "Permanent ErrorSchemaValidation".to_owned(),
            n => format!("c{n}@new"),
        };
        assert_eq!(*word, expected);
    }
    assert!(script.requests().len() < 16);
}

#[tokio::test]
async fn what_exchange_cannot_hold_is_refused_before_it_is_sent() {
    let script = Script::new(obliging);
    let odd_time = Timing::Timed { start: i64::MAX, end: 0, start_zone: None, end_zone: None };
    let before =
        |minutes| Event { reminder: Some(items::Reminder::Before(minutes)), ..Default::default() };
    let mut writes = vec![
        create(1, &event(&"ä".repeat(255), None)),
        create(2, &event(&"ä".repeat(256), None)),
        create(3, &Event { timing: Some(odd_time), ..Default::default() }),
        create(4, &before(-5)),
        create(5, &before(2_629_801)),
    ];
    writes.push(Write { op: WriteOp::Create { content: b"{".to_vec() }, ..writes[0].clone() });
    let outcomes = words(&remote(&script).write(&writes).await);
    assert_eq!(
        outcomes[1..],
        [
            "Permanent subject-too-long",
            "Permanent time-out-of-range",
            "Permanent reminder-out-of-range",
            "Permanent reminder-out-of-range",
            "Permanent content-unreadable",
        ]
    );
    assert!(outcomes[0].ends_with("@new"));
    assert_eq!(script.requests().len(), 1);
    assert!(remote(&script).write(&[]).await.is_empty());
}

#[tokio::test]
async fn a_delete_whose_check_fails_is_not_sent() {
    let script = Script::replies([Err(wire::Error::InDoubt("closed".into()))]);
    let outcomes = remote(&script).write(&[delete(1, "d", Some("k"))]).await;
    assert_eq!(words(&outcomes), ["Transient no-answer"]);
    let lost = Script::new(|request| match request.contains("<m:DeleteItem ") {
        true => Err(wire::Error::InDoubt("closed".into())),
        false => obliging(request),
    });
    let outcomes = remote(&lost).write(&[delete(1, "d", Some("k")), delete(2, "gone", None)]).await;
    assert_eq!(words(&outcomes), ["InDoubt no-answer", "Missing ErrorItemNotFound"]);
}
