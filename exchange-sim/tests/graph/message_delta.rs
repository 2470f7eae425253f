//! What a delta of messages may be asked for.

use crate::harness::*;
use exchange_sim::Config;
use serde_json::{Value, json};

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/{rest}")
}

/// A message in the Inbox that was received on a day of March 2026.
fn received(graph: &Graph, subject: &str, day: u8) -> Value {
    let answer = graph.post(
        &at("mailFolders/inbox/messages"),
        json!({"subject": subject, "isRead": false, "singleValueExtendedProperties": [
            {"id": "Integer 0x0E07", "value": "4"},
            {"id": "SystemTime 0x0E06", "value": format!("2026-03-{day:02}T09:00:00Z")},
            {"id": STAMP, "value": subject},
        ]}),
    );
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.json
}

fn path(message: &Value) -> String {
    at(&format!("messages/{}", text(&message["id"])))
}

fn delta(options: &str) -> String {
    at(&format!("mailFolders/inbox/messages/delta?{options}"))
}

fn delete(graph: &Graph, message: &Value) {
    let answer = graph.send("DELETE", &path(message), &[], Value::Null).expect("an answer");
    assert_eq!(answer.status, 204);
}

fn subjects(entries: &[Value]) -> Vec<&str> {
    entries.iter().filter_map(|entry| entry["subject"].as_str()).collect()
}

#[test]
fn a_change_type_counts_after_the_first_round() {
    let graph = Graph::new();
    let old: Vec<Value> = (1..=4).map(|day| received(&graph, "Old", day)).collect();
    let begun = ["created", "updated", "deleted"].map(|change_type| {
        let first = delta(&format!("changeType={change_type}&$select=subject,isRead"));
        let (entries, link) = drain(&graph, &first, "odata.maxpagesize=2");
        assert_eq!(entries.len(), 4, "the first round gives all messages");
        link
    });
    received(&graph, "New", 5);
    received(&graph, "Newer", 6);
    delete(&graph, &old[0]);
    assert_eq!(graph.patch(&path(&old[1]), json!({"isRead": true})).status, 200);
    let [created, updated, deleted] = begun.map(|link| drain(&graph, &link, "").0);
    assert_eq!(subjects(&created), ["Newer", "New"]);
    assert!(created[0].get("body").is_none());
    assert_eq!(updated.len(), 1, "{updated:?}");
    assert_eq!((&updated[0]["id"], &updated[0]["isRead"]), (&old[1]["id"], &json!(true)));
    assert_eq!(deleted.len(), 1, "{deleted:?}");
    assert_eq!((&deleted[0]["id"], deleted[0].get("@removed").is_some()), (&old[0]["id"], true));
    assert_eq!(graph.get(&delta("changeType=moved")).status, 400);
}

#[test]
fn the_filter_and_the_order_stay_with_the_token() {
    let graph = Graph::new();
    let messages: Vec<Value> = [("Third", 3), ("First", 1), ("Second", 2)]
        .into_iter()
        .map(|(subject, day)| received(&graph, subject, day))
        .collect();
    let of = |op: &str| {
        let filter = format!("$filter=receivedDateTime+{op}+2026-03-02T09:00:00Z");
        delta(&format!("{filter}&$orderby=receivedDateTime+desc&$select=subject"))
    };
    assert_eq!(subjects(&drain(&graph, &of("gt"), "").0), ["Third"]);
    let (entries, link) = drain(&graph, &of("ge"), "odata.maxpagesize=1");
    assert_eq!(subjects(&entries), ["Third", "Second"]);
    received(&graph, "Before", 1);
    received(&graph, "After", 4);
    graph.patch(&path(&messages[1]), json!({"importance": "high"}));
    delete(&graph, &messages[2]);
    let (changes, _) = drain(&graph, &link, "");
    assert_eq!(subjects(&changes), ["After"]);
    assert_eq!(changes.len(), 2, "the removal comes, too: {changes:?}");
    for other in [
        "$filter=receivedDateTime lt 2026-03-02T09:00:00Z",
        "$filter=isRead eq true",
        "$filter=receivedDateTime ge 2026-03-02T09:00:00Z and isRead eq true",
        "$orderby=receivedDateTime",
        "$orderby=subject desc",
        "$search=new",
        "$skip=1",
    ] {
        assert_eq!(graph.get(&delta(other)).status, 400, "{other}");
    }
}

#[test]
fn what_is_expanded_stays_and_a_round_has_a_top() {
    let graph = Graph::new();
    for day in 1..=4 {
        received(&graph, &format!("Number {day}"), day);
    }
    let expand = format!("$expand=singleValueExtendedProperties($filter=id eq '{STAMP}')");
    let first = delta(&format!("$select=subject&{expand}&$top=3"));
    let (entries, link) = drain(&graph, &first, "odata.maxpagesize=2");
    assert_eq!(subjects(&entries), ["Number 4", "Number 3", "Number 2"]);
    received(&graph, "Number 5", 5);
    for entry in [&entries[2], &drain(&graph, &link, "").0[0]] {
        assert_eq!(entry["singleValueExtendedProperties"][0]["value"], entry["subject"]);
    }
}

#[test]
fn a_filtered_round_is_complete_however_odd_its_pages_are() {
    let graph = Graph::with(Config { repeat_one_in: 2, ..Config::default() });
    for day in 1..=9 {
        received(&graph, &format!("Number {day}"), day);
    }
    let first = "$filter=receivedDateTime ge 2026-03-04T00:00:00Z&$orderby=receivedDateTime desc";
    for _ in 0..10 {
        let (entries, _) = drain(&graph, &delta(first), "odata.maxpagesize=2");
        let mut found = subjects(&entries);
        found.dedup();
        let newest: Vec<String> = (4..=9).rev().map(|day| format!("Number {day}")).collect();
        assert_eq!(found, newest);
    }
}
