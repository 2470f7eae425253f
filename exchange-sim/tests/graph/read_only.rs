//! What the service sets may be sent, of its type, and changes nothing.

use crate::harness::*;
use serde_json::{Value, json};

/// Sends a body with one more member: the status, and the member in the answer.
fn with(graph: &Graph, path: &str, mut body: Value, member: &str, value: Value) -> (u16, Value) {
    body[member] = value;
    let answer = graph.post(&format!("/users/{ANNA}/{path}"), body);
    (answer.status, answer.json[member].clone())
}

#[test]
fn values_of_their_type_are_ignored_and_others_refused() {
    let graph = Graph::new();
    let long_ago = json!("2001-02-03T04:05:06Z");
    let mut number = 0;
    for (path, member, good, bad) in [
        ("messages", "receivedDateTime", long_ago.clone(), json!("2001-02-03T04:05:06")),
        ("messages", "hasAttachments", json!(true), json!(1)),
        ("messages", "conversationIndex", json!("AQ=="), json!("?")),
        ("messages", "bodyPreview", json!("Other"), json!(["Other"])),
        ("messages", "changeKey", json!(null), json!({})),
        ("events", "createdDateTime", long_ago, json!("datetime-value")),
        ("events", "type", json!("seriesMaster"), json!("series")),
        ("events", "responseStatus", json!({"response": "accepted"}), json!({"response": ""})),
        ("events", "organizer", json!({"emailAddress": {"name": "Ben"}}), json!("Ben")),
        ("calendars", "canEdit", json!(false), json!("no")),
        ("mailFolders", "totalItemCount", json!(7), json!("7")),
    ] {
        number += 1;
        let body = match path {
            "messages" => json!({"subject": "Plan"}),
            "events" => named("Lunch", 16),
            "calendars" => json!({"name": format!("Number {number}")}),
            _ => json!({"displayName": format!("Number {number}")}),
        };
        let (status, shown) = with(&graph, path, body.clone(), member, good.clone());
        assert_eq!(status, 201, "{path} {member}");
        assert_ne!(shown, good, "{path} {member}");
        assert_eq!(with(&graph, path, body, member, bad).0, 400, "{path} {member}");
    }
    let nothing = json!({"contentType": "", "content": "x"});
    assert_eq!(with(&graph, "messages", json!({"subject": "Plan"}), "body", nothing).0, 400);
}
