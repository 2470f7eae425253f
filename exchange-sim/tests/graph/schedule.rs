//! getSchedule.

use crate::harness::*;
use serde_json::{Value, json};

fn ask(graph: &Graph, schedules: Value, end: &str) -> Answer {
    let time = |at: &str| json!({"dateTime": at, "timeZone": "W. Europe Standard Time"});
    graph.post(
        &format!("/users/{ANNA}/calendar/getSchedule"),
        json!({
            "schedules": schedules,
            "startTime": time("2026-12-01T00:00:00"),
            "endTime": time(end),
            "availabilityViewInterval": 60,
        }),
    )
}

#[test]
fn schedules_tell_when_people_are_busy() {
    let graph = Graph::new();
    graph.create(named("Lunch", 1));
    let answer = ask(&graph, json!([ANNA, "nobody@contoso.example"]), "2026-12-02T00:00:00");
    assert_eq!(answer.status, 200, "{}", answer.json);
    let own = &answer.json["value"][0];
    assert_eq!(own["availabilityView"], "000000000200000000000000");
    let item = &own["scheduleItems"][0];
    assert_eq!((&item["status"], &item["subject"]), (&json!("busy"), &json!("Lunch")));
    assert_eq!(item["start"]["dateTime"], "2026-12-01T08:00:00.0000000");
    assert_eq!(own["workingHours"]["startTime"], "08:00:00.0000000");
    let nobody = &answer.json["value"][1];
    assert_eq!(nobody["error"]["responseCode"], "ErrorMailRecipientNotFound");
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let graph = Graph::new();
    assert_eq!(ask(&graph, json!([ANNA]), "2026-11-30T00:00:00").status, 400);
    assert_eq!(ask(&graph, json!([]), "2026-12-02T00:00:00").status, 400);
    assert_eq!(ask(&graph, json!("x"), "2026-12-02T00:00:00").status, 400);
    let long = ask(&graph, json!([ANNA]), "2027-03-01T00:00:00");
    assert_eq!(long.json["value"][0]["error"]["responseCode"], "ErrorTimeIntervalTooBig");
}
