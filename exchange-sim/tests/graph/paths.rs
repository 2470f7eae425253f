//! Paths that are served, that Graph alone has, and that nobody has.

use crate::harness::*;
use crate::openapi;
use serde_json::{Value, json};

/// A path of the description with something for each parameter.
fn filled(path: &str) -> String {
    let mut filled = String::new();
    let mut rest = path.replace("{user-id}", ANNA);
    while let Some((before, after)) = rest.split_once('{') {
        let (_, after) = after.split_once('}').expect("a whole parameter");
        filled.push_str(before);
        filled.push_str("AAA");
        rest = after.to_owned();
    }
    filled + &rest
}

fn asked(graph: &Graph, method: &str, path: &str) -> Answer {
    let body = if matches!(method, "POST" | "PATCH") { json!({}) } else { Value::Null };
    graph.send(method, path, &[], body).expect("an answer")
}

#[test]
fn every_path_described_is_there() {
    let graph = Graph::new();
    let mut missing = Vec::new();
    for (method, path) in openapi::operations() {
        let answer = asked(&graph, &method, &filled(&path));
        let told = text(&answer.json["error"]["message"]);
        if told.starts_with("Resource not found") || answer.status == 405 {
            missing.push(format!("{method} {path}: {told}"));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn what_is_not_served_is_named_and_what_nobody_has_is_400() {
    let graph = Graph::new();
    let told = |method: &str, path: &str| {
        let answer = asked(&graph, method, &path.replace("{me}", &format!("/users/{ANNA}")));
        (answer.status, text(&answer.json["error"]["message"]).to_owned())
    };
    for (method, path, name) in [
        ("GET", "/admin/exchange", "exchange"),
        ("GET", "/admin/exchange/mailboxes", "mailboxes"),
        ("GET", "/admin/exchange/mailboxes/$count", "$count"),
        ("GET", "/groups/AAA/members", "groups"),
        ("GET", "/subscriptions/getVapidPublicKey()", "getVapidPublicKey"),
        ("GET", "/users", "users"),
        ("GET", "/users/$count", "$count"),
        ("GET", "{me}/calendar/calendarPermissions", "calendarPermissions"),
        ("GET", "{me}/calendarGroups/AAA/calendars", "calendars"),
        ("GET", "{me}/contacts", "contacts"),
        ("GET", "{me}/events/AAA/calendar", "calendar"),
        ("GET", "{me}/mailFolders/inbox/childFolders/delta()", "delta()"),
        ("GET", "{me}/mailFolders/inbox/messageRules/$count", "$count"),
        ("GET", "{me}/manager", "manager"),
        ("GET", "{me}/onlineMeetings", "onlineMeetings"),
        ("GET", "{me}/people", "people"),
        ("GET", "{me}/photo/$value", "photo"),
        ("GET", "{me}/reminderView(startDateTime='1',endDateTime='2')", "reminderView"),
        ("POST", "{me}/events/AAA/microsoft.graph.snoozeReminder", "snoozeReminder"),
        ("POST", "{me}/messages/AAA/reply", "reply"),
        ("POST", "{me}/translateExchangeIds", "translateExchangeIds"),
    ] {
        let message = format!("The built-in Exchange doesn't serve '{name}'.");
        assert_eq!(told(method, path), (501, message), "{path}");
    }
    for (method, path, segment) in [
        ("GET", "/nonsense", "nonsense"),
        ("GET", "/admin/exchange/nonsense", "nonsense"),
        ("GET", "{me}/calendars/AAA/foo", "foo"),
        ("GET", "{me}/events/AAA/$count", "$count"),
        ("GET", "{me}/mailboxSettings/foo", "foo"),
        ("GET", "{me}/messages/AAA/attachments/AAA/foo", "foo"),
        ("GET", "{me}/calendars/AAA/attachments", "attachments"),
        ("POST", "{me}/messages/AAA/foo", "foo"),
        ("POST", "{me}/move", "move"),
    ] {
        let message = format!("Resource not found for the segment '{segment}'.");
        assert_eq!(told(method, path), (400, message), "{path}");
    }
}

#[test]
fn lists_tell_how_much_they_have() {
    let graph = Graph::new();
    for day in 1..=12 {
        graph.create(named(&format!("event {day}"), day));
    }
    let user = format!("/users/{ANNA}");
    for subject in ["one", "two"] {
        let message = graph.post(&format!("{user}/messages"), json!({"subject": subject}));
        assert_eq!(message.status, 201, "{}", message.json);
    }
    graph.post(&format!("{user}/mailFolders/inbox/childFolders"), json!({"displayName": "Old"}));
    let count = |path: &str| {
        let answer = graph.get(&format!("{user}/{path}"));
        assert_eq!(answer.status, 200, "{path}: {}", answer.json);
        assert_eq!(answer.headers["content-type"], "text/plain", "{path}");
        answer.json
    };
    let folders = graph.get(&format!("{user}/mailFolders?$top=100&$count=true")).json;
    assert_eq!(count("mailFolders/$count"), folders["@odata.count"]);
    assert_eq!(
        folders["value"].as_array().map(Vec::len),
        folders["@odata.count"].as_u64().map(|n| n as usize)
    );
    for (path, number) in [
        ("events/$count", 12),
        ("calendar/events/$count", 12),
        ("events/$count?$filter=subject eq 'event 3'", 1),
        ("calendars/$count", 1),
        ("messages/$count", 2),
        ("mailFolders/drafts/messages/$count", 2),
        ("mailFolders/inbox/childFolders/$count", 1),
        ("outlook/masterCategories/$count", 6),
    ] {
        assert_eq!(count(path), number, "{path}");
    }
    assert_eq!(graph.get(&format!("{user}/events/$count?$top=1")).status, 400);
    assert_eq!(graph.post(&format!("{user}/events/$count"), json!({})).status, 405);
    assert_eq!(graph.get(&format!("{user}/calendars/AAA/events/$count")).status, 404);
    let mailbox = graph.get(&format!("{user}/settings/exchange")).json;
    let mailbox = format!("/admin/exchange/mailboxes/{}", text(&mailbox["primaryMailboxId"]));
    for (path, number) in [
        ("folders/calendar/items/$count", 12),
        ("folders/inbox/childFolders/$count", 1),
        ("folders/inbox/childFolders/calendar/items/$count", 12),
    ] {
        assert_eq!(graph.get(&format!("{mailbox}/{path}")).json, number, "{path}");
    }
    assert_eq!(graph.get(&format!("{mailbox}/exportItems/$count")).status, 400);
}

#[test]
fn folders_are_served_through_the_one_above() {
    let graph = Graph::new();
    let inbox = format!("/users/{ANNA}/mailFolders/inbox/childFolders");
    let old = graph.post(&inbox, json!({"displayName": "Old"})).json;
    let nested = format!("{inbox}/{}", text(&old["id"]));
    let messages = format!("{nested}/messages");
    let made = graph.post(&messages, json!({"subject": "one"}));
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(graph.get(&messages).json["value"][0]["id"], made.json["id"]);
    assert_eq!(graph.get(&format!("{messages}/{}", text(&made.json["id"]))).json["subject"], "one");
    let moved = graph.post(&format!("{nested}/move"), json!({"destinationId": "drafts"}));
    assert_eq!(moved.status, 201, "{}", moved.json);
}
