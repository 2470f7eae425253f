//! Lists, views, deltas and calendars.

use crate::harness::*;
use exchange_sim::{Config, Seed};
use serde_json::{Value, json};

#[test]
fn lists_are_paged() {
    let graph = Graph::new();
    for day in 1..=23 {
        graph.create(named(&format!("event {day:02}"), day));
    }
    let mut link = format!("{}?$select=subject&$orderby=subject desc", events());
    let mut subjects = Vec::new();
    loop {
        let page = graph.get(&link).json;
        for event in page["value"].as_array().expect("a page") {
            assert!(event["start"].is_null(), "only what is selected");
            subjects.push(text(&event["subject"]).to_owned());
        }
        match page["@odata.nextLink"].as_str() {
            Some(next) => link = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(subjects.len(), 23);
    assert_eq!(subjects[0], "event 23");
    let view = format!(
        "/users/{ANNA}/calendarView?startDateTime=2026-12-05T00:00:00Z&endDateTime=2026-12-08T00:00:00Z&$count=true"
    );
    let view = graph.get(&view).json;
    assert_eq!(view["@odata.count"], 3);
    assert_eq!(view["value"][0]["subject"], "event 05");
    assert_eq!(graph.get(&format!("/users/{ANNA}/calendarView")).status, 400);
}

#[test]
fn a_windowed_delta_reports_what_leaves_the_window_as_removed() {
    let graph = Graph::new();
    let inside = graph.create(named("inside", 10));
    let outside = graph.create(named("outside", 28));
    let window = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-20T00:00:00Z";
    let first = format!("/users/{ANNA}/calendarView/delta?{window}");
    let (entries, link) = drain(&graph, &first, "odata.maxpagesize=1");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["id"], inside["id"]);
    assert_eq!(entries[0]["subject"], "inside");
    let (entries, link) = drain(&graph, &link, "odata.maxpagesize=1");
    assert!(entries.is_empty());
    let path = |event: &Value| format!("{}/{}", events(), text(&event["id"]));
    graph.patch(
        &path(&inside),
        json!({"start": named("", 24)["start"], "end": named("", 24)["end"]}),
    );
    graph.patch(&path(&outside), json!({"subject": "still outside"}));
    let (entries, _) = drain(&graph, &link, "odata.maxpagesize=1");
    assert_eq!(entries.len(), 2);
    for entry in &entries {
        assert_eq!(entry["@removed"]["reason"], "deleted", "{entry}");
    }
    for bad in ["&$select=subject", "&$filter=subject eq 'x'", "&$top=3"] {
        assert_eq!(graph.get(&format!("{first}{bad}")).status, 400, "{bad}");
    }
    let long = format!(
        "/users/{ANNA}/calendarView/delta?startDateTime=2020-01-01T00:00:00Z&endDateTime=2026-01-01T00:00:00Z"
    );
    let answer = graph.get(&long);
    assert_eq!((answer.status, code(&answer)), (400, "ErrorInvalidRequest"));
}

#[test]
fn an_unbounded_delta_gives_only_ids_and_times() {
    let graph = Graph::new();
    let event = graph.create(named("sparse", 11));
    let calendar = graph.get(&format!("/users/{ANNA}/calendar")).json;
    let path = format!("/users/{ANNA}/calendars/{}/events/delta", text(&calendar["id"]));
    let (entries, link) = drain(&graph, &path, "IdType=\"ImmutableId\"");
    let names: Vec<&String> = entries[0].as_object().expect("an event").keys().collect();
    assert_eq!(names, ["@odata.etag", "@odata.type", "end", "id", "start", "type"]);
    graph.send("DELETE", &format!("{}/{}", events(), text(&event["id"])), &[], Value::Null);
    let (removed, _) = drain(&graph, &link, "IdType=\"ImmutableId\"");
    assert_eq!(removed.len(), 1);
    assert_eq!(removed[0]["id"], entries[0]["id"]);
    assert_eq!(removed[0]["@removed"]["reason"], "deleted");
    let closed = Graph::with(Config { unbounded_delta: false, ..Config::default() });
    assert_eq!(closed.get(&format!("/users/{ANNA}/events/delta")).status, 400);
}

#[test]
fn a_delta_is_complete_however_odd_its_pages_are() {
    for random_seed in 0..20 {
        let seed = Seed::Counts { events: 30, messages: 0 };
        let graph =
            Graph::with(Config { random_seed, seed, repeat_one_in: 2, ..Config::default() });
        let path = format!("/users/{ANNA}/events/delta");
        let (entries, link) = drain(&graph, &path, "odata.maxpagesize=7");
        let ids: std::collections::BTreeSet<&str> =
            entries.iter().map(|e| text(&e["id"])).collect();
        assert_eq!(ids.len(), 30);
        let (entries, _) = drain(&graph, &link, "odata.maxpagesize=7");
        assert!(entries.is_empty());
    }
}

#[test]
fn lost_tokens_say_so() {
    let graph = Graph::new();
    graph.create(named("x", 12));
    let (_, link) = drain(&graph, &format!("/users/{ANNA}/events/delta"), "");
    let fault = json!({"match": {"service": "graph", "operation": "GET /users/*/events/delta"}, "do": "expire-cursor"});
    assert_eq!(graph.control("POST", "/faults", fault).status, 200);
    let answer = graph.get(&link);
    assert_eq!((answer.status, code(&answer)), (410, "SyncStateNotFound"));
    assert!(answer.headers.contains_key("location"));
    assert_eq!(graph.get(&format!("/users/{ANNA}/events/delta?$deltatoken=made-up")).status, 400);
}

#[test]
fn calendars_are_made_renamed_and_deleted() {
    let graph = Graph::new();
    let path = format!("/users/{ANNA}/calendars");
    let made = graph.post(&path, json!({"name": "Projekt Elbe", "color": "lightBlue"}));
    assert_eq!(made.status, 201);
    let own = format!("{path}/{}", text(&made.json["id"]));
    let event = graph.post(&format!("{own}/events"), named("in project", 13));
    assert_eq!(event.status, 201);
    assert_eq!(graph.get(&format!("{own}/events")).json["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(graph.post(&path, json!({"name": "projekt elbe"})).status, 409);
    assert_eq!(graph.patch(&own, json!({"name": "Elbe"})).json["name"], "Elbe");
    assert_eq!(graph.send("DELETE", &own, &[], Value::Null).expect("an answer").status, 204);
    assert_eq!(graph.get(&path).json["value"].as_array().map(Vec::len), Some(1));
    let property = "String {66f5a359-4659-4830-9070-00047ec6ac6e} Name Color";
    let with = |value| json!([{"id": property, "value": value}]);
    let marked = json!({"name": "Alster", "singleValueExtendedProperties": with("green")});
    let own = format!("{path}/{}", text(&graph.post(&path, marked).json["id"]));
    let expand = format!("?$expand=singleValueExtendedProperties($filter=id eq '{property}')");
    let expand = expand.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
    let listed = graph.get(&format!("{path}{expand}&$select=name")).json;
    assert_eq!(listed["value"][1]["singleValueExtendedProperties"], with("green"));
    let changed = json!({"singleValueExtendedProperties": with("blue")});
    assert_eq!(graph.patch(&own, changed).status, 200);
    let read = graph.get(&format!("{own}{expand}")).json;
    assert_eq!(read["singleValueExtendedProperties"], with("blue"));
    assert!(graph.get(&own).json.get("singleValueExtendedProperties").is_none());
    let default = format!("/users/{ANNA}/calendar");
    assert_eq!(graph.send("DELETE", &default, &[], Value::Null).expect("an answer").status, 400);
}
