//! Errors with the statuses and codes with which clients met them.

use crate::harness::*;
use serde_json::{Value, json};
use std::path::Path;

/// Errors of the collection that nothing here leads to, and why.
const OTHERS: &[(&str, &str)] = &[
    ("403-ErrorAccessDenied-policy", "not modelled: access policies"),
    ("404-ErrorNonExistentMailbox", "not modelled: users without a mailbox"),
    ("410-resyncRequired", "Outlook says SyncStateNotFound"),
    ("413-ErrorMessageSizeExceeded", "held by the tests of attachments"),
    ("507-ErrorQuotaExceeded-delta", "not modelled: quotas"),
];

/// Requests that fail, by the name of the error met.
fn failures(graph: &Graph) -> Vec<(&'static str, Answer)> {
    let user = format!("/users/{ANNA}");
    let event = graph.create(lunch());
    let path = format!("{user}/events/{}", text(&event["id"]));
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: Value| {
        graph.send(method, path, headers, body).expect("an answer")
    };
    let mut answers = vec![
        ("400-transactionId-immutable", graph.patch(&path, json!({"transactionId": "another"}))),
        (
            "412-ErrorIrresolvableConflict",
            send("PATCH", &path, &[("If-Match", "W/\"DwAAABYAAAAA\"")], json!({"subject": "x"})),
        ),
    ];
    let session = json!({"AttachmentItem": {"attachmentType": "file", "name": "a", "size": 10}});
    let session = graph.post(&format!("{path}/attachments/createUploadSession"), session);
    answers.push(("400-ErrorAttachmentSizeShouldNotBeLessThanMinimumSize", session));
    send("DELETE", &path, &[], Value::Null);
    send("DELETE", &path, &[], Value::Null);
    answers.push(("404-ErrorItemNotFound", graph.get(&path)));
    let folder = json!({"displayName": "NAME"});
    graph.post(&format!("{user}/mailFolders"), folder.clone());
    answers.push(("409-ErrorFolderExists", graph.post(&format!("{user}/mailFolders"), folder)));
    answers.push(("400-ErrorOccurrenceCrossingBoundary", crossing(graph)));
    let messages = format!("{user}/mailFolders/inbox/messages/delta");
    let (_, link) = drain(graph, &messages, "");
    graph.control("POST", "/faults", json!({"do": "expire-cursor"}));
    answers.push(("410-SyncStateNotFound", graph.get(&link)));
    graph.control("POST", "/faults", json!({"do": "throttle", "seconds": 10}));
    answers.push(("429-MailboxConcurrency", graph.get(&messages)));
    answers
}

/// The answer to moving an occurrence over its neighbour.
fn crossing(graph: &Graph) -> Answer {
    let mut series = named("Standup", 14);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-14", "numberOfOccurrences": 5}
    });
    let series = graph.create(series);
    let path = format!("/users/{ANNA}/events/{}/instances", text(&series["id"]));
    let window = "startDateTime=2026-12-14T00:00:00Z&endDateTime=2026-12-20T00:00:00Z";
    let instances = graph.get(&format!("{path}?{window}")).json;
    let second = text(&instances["value"][1]["id"]).to_owned();
    let zone = "W. Europe Standard Time";
    graph.patch(
        &format!("/users/{ANNA}/events/{second}"),
        json!({
            "start": {"dateTime": "2026-12-17T09:00:00", "timeZone": zone},
            "end": {"dateTime": "2026-12-17T10:00:00", "timeZone": zone}
        }),
    )
}

#[test]
fn errors_are_those_that_clients_met() {
    let folder =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples/errors");
    if !Path::new(folder).exists() {
        assert!(std::env::var_os("CI").is_none(), "{folder} is missing");
        println!("skipped: {folder} is missing");
        return;
    }
    let graph = Graph::new();
    let answers = failures(&graph);
    let mut wrong = Vec::new();
    for (name, answer) in &answers {
        let met = std::fs::read_to_string(format!("{folder}/{name}.json")).expect("readable");
        let met: Value = serde_json::from_str(&met).expect("JSON");
        let error = &met["body"]["error"];
        let ours = &answer.json["error"];
        if met["status"] != answer.status || error["code"] != ours["code"] {
            wrong.push(format!("{name}: {} {ours}, met: {error}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let files = std::fs::read_dir(folder).expect("a directory").count();
    // Three files are templates of the documentation.
    assert_eq!(files, answers.len() + OTHERS.len() + 3, "an error is neither met nor excepted");
}
