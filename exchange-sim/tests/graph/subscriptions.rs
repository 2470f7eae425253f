//! Subscriptions to change notifications.

use crate::harness::*;
use exchange_sim::Config;
use jiff::SignedDuration;
use serde_json::{Value, json};

fn subscription() -> Value {
    json!({
        "changeType": "created,updated,deleted",
        "notificationUrl": "https://webhook.example/notify",
        "resource": format!("/users/{ANNA}/events"),
        "expirationDateTime": "2026-11-27T18:23:45.9356913Z",
        "clientState": "secretClientValue",
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut body = subscription();
    body[name] = value;
    body
}

#[test]
fn a_subscription_lives_until_it_expires() {
    let mut graph = Graph::new();
    let made = graph.post("/subscriptions", subscription());
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["resource"], subscription()["resource"]);
    assert_eq!(made.json["latestSupportedTlsVersion"], "v1_2");
    let path = format!("/subscriptions/{}", text(&made.json["id"]));
    assert_eq!(graph.get(&path).json["clientState"], "secretClientValue");
    assert_eq!(graph.get("/subscriptions").json["value"].as_array().map(Vec::len), Some(1));
    let renewed = graph.patch(&path, json!({"expirationDateTime": "2026-11-30T00:00:00Z"}));
    assert_eq!(renewed.status, 200, "{}", renewed.json);
    assert_eq!(renewed.json["expirationDateTime"], "2026-11-30T00:00:00Z");
    let other = graph.patch(&path, json!({"changeType": "deleted"}));
    assert_eq!((other.status, code(&other)), (400, "InvalidRequest"));
    graph.sim.advance(SignedDuration::from_hours(24 * 6));
    graph.token = token(&graph.sim);
    let gone = graph.get(&path);
    assert_eq!((gone.status, code(&gone)), (404, "ResourceNotFound"));
}

#[test]
fn deleting_ends_it() {
    let graph = Graph::new();
    let made = graph.post("/subscriptions", subscription());
    let path = format!("/subscriptions/{}", text(&made.json["id"]));
    let again = graph.send("POST", &format!("{path}/reauthorize"), &[], Value::Null);
    assert_eq!(again.expect("an answer").status, 204);
    let delete = || graph.send("DELETE", &path, &[], Value::Null).expect("an answer").status;
    assert_eq!(delete(), 204);
    assert_eq!(delete(), 404);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let graph = Graph::new();
    for (name, value) in [
        ("changeType", json!("created,renamed")),
        ("notificationUrl", json!("http://webhook.example/notify")),
        ("notificationUrl", json!("notify")),
        ("lifecycleNotificationUrl", json!("ftp://webhook.example")),
        ("resource", json!(null)),
        ("resource", json!(format!("users/{ANNA}/mailboxSettings"))),
        ("expirationDateTime", json!("soon")),
        ("clientState", json!("x".repeat(129))),
        ("includeResourceData", json!(true)),
        ("changetype", json!("created")),
    ] {
        let answer = graph.post("/subscriptions", with(name, value.clone()));
        assert_eq!((answer.status, code(&answer)), (400, "InvalidRequest"), "{name} {value}");
    }
    let long =
        graph.post("/subscriptions", with("expirationDateTime", json!("2026-12-05T00:00:00Z")));
    assert_eq!((long.status, code(&long)), (400, "ExtensionError"));
    assert!(text(&long.json["error"]["message"]).contains("10080 minutes"), "{}", long.json);
    // What is too short is made 45 minutes long.
    let short =
        graph.post("/subscriptions", with("expirationDateTime", json!("2026-11-25T08:01:00Z")));
    assert_eq!(short.json["expirationDateTime"], "2026-11-25T08:45:00Z");
}

#[test]
fn reading_is_what_subscribing_needs() {
    let config = Config { roles: vec!["Mail.Read".to_owned()], ..Config::default() };
    let graph = Graph::with(config);
    assert_eq!(graph.post("/subscriptions", subscription()).status, 403);
    let inbox = format!("users/{ANNA}/mailFolders('Inbox')/messages");
    assert_eq!(graph.post("/subscriptions", with("resource", json!(inbox))).status, 201);
}

#[test]
fn notifications_tell_what_happened_since() {
    let graph = Graph::new();
    graph.create(named("before", 1));
    let made = graph.post("/subscriptions", subscription());
    let event = graph.create(named("x", 2));
    let path = format!("{}/{}", events(), text(&event["id"]));
    graph.patch(&path, json!({"subject": "y"}));
    graph.send("DELETE", &path, &[], Value::Null);
    let posted = graph.control("GET", "/notifications", Value::Null).json;
    let posted = posted["value"].as_array().expect("a list");
    let changes: Vec<&str> = posted.iter().map(|one| text(&one["changeType"])).collect();
    assert_eq!(changes, ["created", "updated", "deleted"]);
    for one in posted {
        assert_eq!(one["subscriptionId"], made.json["id"]);
        assert_eq!(one["clientState"], "secretClientValue");
        assert_eq!(one["resourceData"]["id"], event["id"]);
    }
}
