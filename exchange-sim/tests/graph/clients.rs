//! What widespread clients send and rely on.

use super::harness::{ANNA, Graph, events, named, text};
use serde_json::json;

#[test]
fn a_calendar_is_found_by_its_name_until_it_is_deleted() {
    let graph = Graph::new();
    let calendars = format!("/users/{ANNA}/calendars");
    let made = graph.post(&calendars, json!({"name": "Projects"}));
    let id = text(&made.json["id"]).to_owned();
    let found = graph.get(&format!("{calendars}?$filter=name%20eq%20'Projects'"));
    assert_eq!(found.json["value"].as_array().expect("a list").len(), 1);
    assert_eq!(text(&found.json["value"][0]["id"]), id);
    let path = format!("{calendars}/{id}");
    let gone = graph.send("DELETE", &path, &[], json!(null)).expect("an answer");
    assert_eq!(gone.status, 204);
    assert_eq!(graph.get(&path).status, 404);
    let found = graph.get(&format!("{calendars}?$filter=name%20eq%20'Projects'"));
    assert_eq!(found.json["value"], json!([]));
}

#[test]
fn a_boolean_may_be_written_as_text() {
    let graph = Graph::new();
    let mut body = named("kept", 1);
    // As the O365 library writes every new event.
    body["isOnlineMeeting"] = json!("false");
    body["transactionId"] = json!(null);
    let made = graph.create(body);
    assert_eq!(made["isOnlineMeeting"], json!(false));
    let mut body = named("refused", 2);
    body["isOnlineMeeting"] = json!("perhaps");
    let refused = graph.post(&events(), body);
    assert_eq!(refused.status, 400);
}

#[test]
fn a_batch_is_never_throttled_as_a_whole() {
    let graph = Graph::new();
    graph.control(
        "POST",
        "/faults",
        json!({"match": {"service": "graph"}, "do": "throttle", "seconds": 2}),
    );
    let step = json!({"id": "1", "method": "GET", "url": events()});
    let answer = graph.post("/$batch", json!({"requests": [step]}));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["responses"][0]["status"], json!(429));
    let again = graph.post("/$batch", json!({"requests": [step]}));
    assert_eq!(again.json["responses"][0]["status"], json!(200));
}
