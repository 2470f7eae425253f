//! What holds for every request: tokens, batches, faults, limits, control.

use crate::harness::*;
use exchange_sim::store::{Content, Zone, ZonedTime};
use exchange_sim::{Config, Reply, Seed, SimTransport};
use jiff::SignedDuration;
use serde_json::{Value, json};
use wire::Transport;

#[test]
fn batches_run_step_by_step() {
    let graph = Graph::new();
    let typed = json!({"Content-Type": "application/json"});
    let user_events = format!("/users/{ANNA}/events");
    let body = json!({"requests": [
        {"id": "1", "method": "POST", "url": user_events, "headers": typed, "body": named("in batch", 14)},
        {"id": "2", "method": "GET", "url": format!("{user_events}?$select=subject"), "dependsOn": ["1"]},
        {"id": "3", "method": "GET", "url": format!("{user_events}/none"), "dependsOn": ["2"]},
        {"id": "4", "method": "GET", "url": user_events, "dependsOn": ["3"]},
    ]});
    let answer = graph.post("/$batch", body);
    assert_eq!(answer.status, 200);
    let step = |id: &str| {
        let steps = answer.json["responses"].as_array().expect("responses").iter();
        steps.clone().find(|step| step["id"] == id).expect("the step").clone()
    };
    assert_eq!(step("1")["status"], 201);
    assert_eq!(step("2")["body"]["value"][0]["subject"], "in batch");
    assert_eq!(step("3")["status"], 404);
    assert_eq!(step("3")["body"]["error"]["code"], "ErrorItemNotFound");
    assert_eq!(step("4")["status"], 424);
    let many: Vec<Value> = (0..21)
        .map(|n| json!({"id": n.to_string(), "method": "GET", "url": user_events}))
        .collect();
    assert_eq!(graph.post("/$batch", json!({"requests": many})).status, 400);
    let untyped =
        json!({"requests": [{"id": "1", "method": "POST", "url": user_events, "body": {}}]});
    assert_eq!(graph.post("/$batch", untyped).status, 400);
}

#[test]
fn faults_hit_their_requests() {
    let graph = Graph::new();
    let fault = |action: &str, seconds: Value| {
        let fault = json!({"match": {"service": "graph", "operation": "POST /users/*/events", "mailbox": ANNA},
                           "do": action, "seconds": seconds});
        assert_eq!(graph.control("POST", "/faults", fault).status, 200);
    };
    let count = || graph.get(&events()).json["value"].as_array().map_or(0, Vec::len);
    fault("throttle", json!(2.5));
    let answer = graph.post(&events(), named("a", 1));
    assert_eq!((answer.status, code(&answer)), (429, "ApplicationThrottled"));
    assert_eq!(answer.headers["retry-after"], "2.5");
    fault("unavailable", Value::Null);
    let answer = graph.post(&events(), named("a", 1));
    assert_eq!(answer.status, 503);
    assert!(!answer.headers.contains_key("retry-after"));
    fault("html", Value::Null);
    assert_eq!(graph.post(&events(), named("a", 1)).headers["content-type"], "text/html");
    fault("drop-before", Value::Null);
    assert!(graph.send("POST", &events(), &[], named("a", 1)).is_none());
    assert_eq!(count(), 0);
    fault("drop-after", Value::Null);
    assert!(graph.send("POST", &events(), &[], named("a", 1)).is_none());
    assert_eq!(count(), 1);
    fault("delay-after", json!(30));
    assert!(graph.send("POST", &events(), &[], named("b", 1)).is_none());
    assert_eq!(count(), 1);
    assert_eq!(graph.control("POST", "/advance", json!({"seconds": 30})).status, 200);
    assert_eq!(count(), 2);
    fault("truncate", Value::Null);
    assert_eq!(graph.post(&events(), named("c", 1)).json, Value::Null);
    fault("revoke-token", Value::Null);
    let answer = graph.post(&events(), named("d", 1));
    assert_eq!((answer.status, code(&answer)), (401, "InvalidAuthenticationToken"));
    assert_eq!(graph.get(&events()).status, 401);
    assert_eq!(graph.control("POST", "/faults", json!({"do": "explode"})).status, 400);
}

#[test]
fn answers_can_be_spoiled() {
    let graph = Graph::new();
    graph.create(named("clean", 1));
    let fault = json!({"match": {"operation": "GET /users/*/events"}, "do": "control-characters"});
    graph.control("POST", "/faults", fault);
    let request = http::Request::builder()
        .uri(format!("https://graph.microsoft.com/v1.0{}", events()))
        .header("Authorization", format!("Bearer {}", graph.token))
        .body(String::new().into())
        .expect("a request");
    let Reply::Respond { response, .. } = graph.sim.handle(request) else { panic!("an answer") };
    assert!(response.body().contains(&1), "a control character stands in a JSON string");
    assert!(serde_json::from_slice::<Value>(response.body()).is_err());
    assert_eq!(graph.get(&events()).json["value"][0]["subject"], "clean");
}

#[tokio::test]
async fn a_transport_carries_requests_and_doubts() {
    let graph = Graph::new();
    let transport = SimTransport::new(graph.sim.clone());
    let request = || {
        http::Request::builder()
            .uri(format!("https://graph.microsoft.com/v1.0/users/{ANNA}/calendar"))
            .header("Authorization", format!("Bearer {}", graph.token))
            .body(String::new().into())
            .expect("a request")
    };
    let response = transport.send(request()).await.expect("an answer");
    assert_eq!(response.status(), 200);
    graph.control("POST", "/faults", json!({"do": "drop-before"}));
    assert!(matches!(transport.send(request()).await, Err(wire::Error::InDoubt(_))));
}

#[test]
fn a_lax_server_ignores_what_it_does_not_know() {
    let graph = Graph::with(Config { strict: false, ..Config::default() });
    let mut body = named("x", 1);
    body["title"] = json!("unknown");
    graph.create(body);
    assert_eq!(graph.get(&format!("{}?$search=x&$select=title", events())).status, 200);
}

#[test]
fn a_step_of_a_batch_is_hit_too() {
    let graph = Graph::new();
    let fault = json!({"match": {"operation": "GET /users/*/events", "nth": 2}, "do": "throttle", "seconds": 1});
    graph.control("POST", "/faults", fault);
    let step = |id: &str| json!({"id": id, "method": "GET", "url": events()});
    let answer = graph.post("/$batch", json!({"requests": [step("1"), step("2"), step("3")]}));
    let mut statuses: Vec<(String, i64)> = answer.json["responses"]
        .as_array()
        .expect("responses")
        .iter()
        .map(|step| (text(&step["id"]).to_owned(), step["status"].as_i64().unwrap_or(0)))
        .collect();
    statuses.sort();
    assert_eq!(statuses, [("1".into(), 200), ("2".into(), 429), ("3".into(), 200)]);
}

#[test]
fn tokens_are_checked() {
    let graph = Graph::new();
    let ready = graph.sim.ready_json("http://127.0.0.1:1");
    let (tenant, client) = (text(&ready["tenant"]), text(&ready["client"]));
    let scope = "scope=https://graph.microsoft.com/.default&grant_type=client_credentials";
    for (tenant, form, status, code) in [
        (tenant, format!("{scope}&client_id={client}&client_secret=wrong"), 401, 7_000_215),
        (tenant, format!("{scope}&client_id=other&client_secret=wrong"), 400, 700_016),
        ("elsewhere", format!("{scope}&client_id={client}&client_secret=x"), 400, 90002),
        (tenant, format!("{scope}&client_id={client}"), 401, 7_000_218),
    ] {
        let answer = token_request(&graph.sim, tenant, &form);
        assert_eq!(answer.status, status, "{}", answer.json);
        assert_eq!(answer.json["error_codes"], json!([code]));
    }
    graph.sim.advance(SignedDuration::from_secs(3599));
    let answer = graph.get(&events());
    assert_eq!((answer.status, code(&answer)), (401, "InvalidAuthenticationToken"));
    let poor = Graph::with(Config { roles: vec!["Mail.Send".to_owned()], ..Config::default() });
    let answer = poor.get(&events());
    assert_eq!((answer.status, code(&answer)), (403, "ErrorAccessDenied"));
}

#[test]
fn requests_are_recorded_and_mailboxes_added() {
    let graph = Graph::new();
    let added = graph.control("POST", "/mailboxes", json!({"address": "New@contoso.example"}));
    assert_eq!(added.status, 201);
    assert_eq!(added.json["address"], "new@contoso.example");
    graph.post("/users/new@contoso.example/events", named("first", 1));
    let lines = graph
        .sim
        .with(|world| world.requests.iter().map(|request| request.json()).collect::<Vec<_>>());
    let last = lines.last().expect("a request");
    assert_eq!(last["method"], "POST");
    assert_eq!(last["path"], "/v1.0/users/new@contoso.example/events");
    assert_eq!(last["body"]["subject"], "first");
    assert_eq!(last["status"], 201);
    assert!(lines.iter().all(|line| !text(&line["path"]).starts_with("/sim")));
}

#[test]
fn equal_seeds_give_equal_worlds() {
    let dump = |random_seed| {
        let seed = Seed::Counts { events: 20, messages: 5 };
        let graph = Graph::with(Config { random_seed, seed, ..Config::default() });
        graph.control("GET", &format!("/dump?mailbox={ANNA}"), Value::Null).json
    };
    assert_eq!(dump(3), dump(3));
    assert_ne!(dump(3), dump(4));
    let demo = Graph::with(Config { seed: Seed::Demo, ..Config::default() });
    let listed = demo.get(&format!("{}?$top=100", events())).json;
    assert!(listed["value"].as_array().expect("a page").len() > 15);
}

#[test]
fn ten_thousand_requests_in_ten_minutes_are_enough() {
    let config = Config { throttle: exchange_sim::Throttle::Graph2026, ..Config::default() };
    let graph = Graph::with(config);
    let path = format!("/users/{ANNA}/calendar?$select=id");
    for _ in 0..10_000 {
        assert_eq!(graph.get(&path).status, 200);
    }
    let answer = graph.get(&path);
    assert_eq!(answer.status, 429);
    graph.sim.advance(SignedDuration::from_mins(10));
    // The bearer token outlives ten minutes.
    assert_eq!(graph.get(&path).status, 200);
}

#[test]
fn odd_input_never_panics() {
    let graph = Graph::new();
    for path in [
        "",
        "/",
        "/users",
        "/users/",
        "/users//events",
        "/$batch",
        "/users/%FF%/events",
        "/users/é/calendars/ü/events/ß",
    ] {
        let url = format!("https://graph.microsoft.com/v1.0{path}");
        let Ok(uri) = url.parse::<http::Uri>() else { continue };
        for method in ["GET", "POST", "PATCH", "DELETE", "PUT"] {
            for body in [
                "",
                "{",
                "[]",
                "null",
                "{\"requests\": [{}]}",
                "{\"requests\": [{\"id\": \"1\", \"method\": \"GET\", \"url\": \"\"}]}",
            ] {
                let request = http::Request::builder()
                    .method(method)
                    .uri(uri.clone())
                    .header("Authorization", format!("Bearer {}", graph.token))
                    .header("Content-Type", "application/json")
                    .body(body.to_owned().into())
                    .expect("a request");
                let _ = graph.sim.handle(request);
            }
        }
    }
    for uri in ["*", "contoso.example:443", "/", "/x", "/x/oauth2/v2.0/token", "/simple"] {
        let request = http::Request::builder().uri(uri).body(String::new().into());
        let _ = graph.sim.handle(request.expect("a request"));
    }
    // Times at the ends of what can be told.
    graph.sim.with(|world| {
        let mailbox = world.mailbox_mut(ANNA).expect("the mailbox");
        let at = |second| ZonedTime {
            utc: jiff::Timestamp::from_second(second).expect("in range"),
            zone: Zone::utc(),
        };
        let folder = mailbox.role(exchange_sim::store::Role::Calendar);
        let content = Content::event("old", at(-377_705_023_201), at(-377_705_023_000));
        mailbox.create(folder, content).expect("stored");
    });
    let answer = graph.get_with(&events(), "outlook.timezone=\"Hawaiian Standard Time\"");
    assert_eq!(answer.status, 200);
}
