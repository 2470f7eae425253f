//! Single events: create, read, change, delete.

use crate::harness::*;
use exchange_sim::{Config, Profile};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::path::Path;

#[test]
fn a_created_event_reads_as_documented() {
    let graph = Graph::new();
    let event = graph.create(lunch());
    assert_eq!(event["subject"], "Let's go for lunch");
    assert_eq!(
        event["start"],
        json!({"dateTime": "2026-12-15T20:00:00.0000000", "timeZone": "UTC"})
    );
    assert_eq!(event["originalStartTimeZone"], "Pacific Standard Time");
    assert_eq!(event["isReminderOn"], true);
    assert_eq!(event["reminderMinutesBeforeStart"], 15);
    assert_eq!(event["organizer"]["emailAddress"]["address"], ANNA);
    assert_eq!(event["body"]["contentType"], "html");
    assert!(text(&event["body"]["content"]).starts_with("<html>\r\n<head>\r\n<meta http-equiv="));
    assert_eq!(event["bodyPreview"], "Does noon work for you?");
    assert_eq!(event["@odata.etag"], format!("W/\"{}\"", text(&event["changeKey"])));
    assert!(text(&event["changeKey"]).starts_with("DwAA"));
    assert!(text(&event["id"]).ends_with('='), "ids look as Microsoft's do");
    let path = format!("{}/{}", events(), text(&event["id"]));
    let answer = graph.get_with(
        &path,
        "outlook.timezone=\"Pacific Standard Time\", outlook.body-content-type=\"text\"",
    );
    assert_eq!(answer.json["start"]["dateTime"], "2026-12-15T12:00:00.0000000");
    assert_eq!(answer.json["start"]["timeZone"], "Pacific Standard Time");
    assert_eq!(
        answer.json["body"],
        json!({"contentType": "text", "content": "Does noon work for you?"})
    );
    let applied = answer.headers["preference-applied"].to_str().expect("text");
    assert!(applied.contains("outlook.timezone=\"Pacific Standard Time\""));
}

#[test]
fn answers_have_the_members_of_the_documented_examples() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples");
    let dir = Path::new(shared);
    if !dir.exists() {
        assert!(std::env::var_os("CI").is_none(), "{shared} is needed in CI");
        println!("skipped: {shared} is not there");
        return;
    }
    let example = |name: &str| -> Value {
        let text = std::fs::read_to_string(dir.join(name)).expect(name);
        serde_json::from_str(&text).expect(name)
    };
    let graph = Graph::new();
    let request = example("event-crud/user-post-events.01.request.json");
    let mut event = graph.create(request["body"].clone());
    let documented = example("event-crud/user-post-events.02.response.json");
    assert_members(&documented["body"], &event, "");
    let calendars = graph.get(&format!("/users/{ANNA}/calendars")).json;
    let documented = example("event-crud/user-list-calendars.02.response.json");
    let mut first = documented["body"]["value"][0].clone();
    // An annotation that the service leaves out by default.
    first.as_object_mut().expect("a calendar").remove("@odata.id");
    assert_members(&first, &calendars["value"][0], "");
    // What was answered can be sent back: read-only members are ignored.
    event.as_object_mut().expect("an event").remove("transactionId");
    let answer = graph.patch(&format!("{}/{}", events(), text(&event["id"])), event.clone());
    assert_eq!(answer.status, 200, "{}", answer.json);
}

fn assert_members(documented: &Value, ours: &Value, path: &str) {
    match (documented, ours) {
        (Value::Object(documented), Value::Object(ours)) => {
            for (name, value) in documented {
                let path = format!("{path}/{name}");
                let own = ours.get(name).unwrap_or_else(|| panic!("{path} is missing"));
                assert_members(value, own, &path);
            }
        }
        (Value::Array(documented), Value::Array(ours)) => {
            for (documented, ours) in documented.iter().zip(ours) {
                assert_members(documented, ours, path);
            }
        }
        (documented, ours) => assert_eq!(
            std::mem::discriminant(documented),
            std::mem::discriminant(ours),
            "{path}: {documented} is documented, {ours} was given"
        ),
    }
}

#[test]
fn a_transaction_id_makes_a_repeated_create_harmless() {
    let graph = Graph::new();
    let first = graph.create(lunch());
    let second = graph.create(lunch());
    assert_eq!(first["id"], second["id"]);
    assert_eq!(graph.get(&events()).json["value"].as_array().map(Vec::len), Some(1));
    let path = format!("{}/{}", events(), text(&first["id"]));
    let answer = graph.patch(&path, json!({"transactionId": "x"}));
    assert_eq!((answer.status, code(&answer)), (400, "ErrorInvalidRequest"));
}

#[test]
fn what_the_schema_does_not_allow_is_refused() {
    let graph = Graph::new();
    let with = |name: &str, value: Value| {
        let mut body = named("x", 1);
        body[name] = value;
        graph.post(&events(), body)
    };
    for (name, value) in [
        ("title", json!("x")),
        ("subject", json!(1)),
        ("showAs", json!("away")),
        ("start", json!({"dateTime": "yesterday", "timeZone": "UTC"})),
        ("start", json!({"dateTime": "2026-12-01T09:00:00", "timeZone": "Mars"})),
        ("end", json!({"dateTime": "2026-11-01T09:00:00", "timeZone": "UTC"})),
        ("subject", json!("x".repeat(256))),
        ("isAllDay", json!(true)),
        ("singleValueExtendedProperties", json!([{"id": "Stamp", "value": "x"}])),
        ("attendees", json!([{"emailAddress": {"address": "nobody"}}])),
    ] {
        let answer = with(name, value.clone());
        assert_eq!(answer.status, 400, "{name}: {value}");
        assert!(answer.json["error"]["innerError"]["request-id"].is_string());
    }
    for path in ["?$top=0", "?$top=1001", "?$search=x", "?$filter=subject eq", "?$select=title"] {
        graph.create(named("there", 2));
        assert_eq!(graph.get(&format!("{}{path}", events())).status, 400, "{path}");
    }
    assert_eq!(graph.get("/users/nobody@contoso.example/events").status, 404);
    assert_eq!(graph.get("/me/events").status, 400);
    assert_eq!(graph.get(&format!("/users/{ANNA}/things")).status, 400);
}

#[test]
fn extended_properties_are_written_expanded_and_found() {
    let graph = Graph::new();
    let mut body = named("stamped", 3);
    body["singleValueExtendedProperties"] = json!([{"id": STAMP, "value": "it's 42"}]);
    let event = graph.create(body);
    graph.create(named("other", 3));
    let goid = "Binary {6ED8DA90-450B-101B-98DA-00AA003F1305} Id 0x23";
    let expand =
        format!("$expand=singleValueExtendedProperties($filter=id eq '{STAMP}' or id eq '{goid}')");
    let answer = graph.get(&format!("{}/{}?{expand}", events(), text(&event["id"])));
    let properties = answer.json["singleValueExtendedProperties"].as_array().expect("expanded");
    assert_eq!(properties.len(), 2);
    assert_eq!(properties[0], json!({"id": STAMP, "value": "it's 42"}));
    assert_eq!(properties[1]["id"], "Binary {6ed8da90-450b-101b-98da-00aa003f1305} Id 0x23");
    let filter = format!(
        "$filter=singleValueExtendedProperties/Any(ep: ep/id eq '{STAMP}' and ep/value eq 'it''s 42')"
    );
    let found = graph.get(&format!("{}?{filter}", events())).json;
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["value"][0]["id"], event["id"]);
    let filter = format!("$filter=iCalUId eq '{}'", text(&event["iCalUId"]));
    assert_eq!(graph.get(&format!("{}?{filter}", events())).json["value"][0]["id"], event["id"]);
    // A PATCH of one property leaves the others.
    let path = format!("{}/{}", events(), text(&event["id"]));
    let other = STAMP.replace("Stamp", "Other");
    graph.patch(&path, json!({"singleValueExtendedProperties": [{"id": other, "value": "1"}]}));
    assert_eq!(
        graph.get(&format!("{}?{}", events(), filter)).json["value"].as_array().map(Vec::len),
        Some(1)
    );
}

#[test]
fn versions_are_honoured() {
    let graph = Graph::new();
    let event = graph.create(named("v", 4));
    let path = format!("{}/{}", events(), text(&event["id"]));
    let changed = graph.patch(&path, json!({"subject": "w"}));
    assert_eq!(changed.status, 200);
    assert_ne!(changed.json["changeKey"], event["changeKey"]);
    let stale = [("If-Match", text(&event["@odata.etag"]))];
    for (method, body) in [("PATCH", json!({"subject": "z"})), ("DELETE", Value::Null)] {
        let answer = graph.send(method, &path, &stale, body).expect("an answer");
        assert_eq!((answer.status, code(&answer)), (412, "ErrorIrresolvableConflict"));
    }
    let fresh = [("If-Match", text(&changed.json["@odata.etag"]))];
    let answer = graph.send("PATCH", &path, &fresh, json!({"subject": "z"})).expect("an answer");
    assert_eq!(answer.json["subject"], "z");
}

#[test]
fn the_version_moves_by_itself_after_a_create_in_the_cloud() {
    for (profile, moves) in [(Profile::ExchangeOnline, true), (Profile::Exchange2019, false)] {
        let graph = Graph::with(Config { profile, repeat_one_in: 0, ..Config::default() });
        let event = graph.create(named("settles", 5));
        let path = format!("{}/{}", events(), text(&event["id"]));
        assert_eq!(graph.get(&path).json["changeKey"], event["changeKey"]);
        graph.sim.advance(SignedDuration::from_secs(1));
        let later = graph.get(&path).json;
        assert_eq!(later["changeKey"] != event["changeKey"], moves);
        assert_eq!(later["subject"], event["subject"]);
    }
}

#[test]
fn a_deleted_event_lies_in_the_trash() {
    let graph = Graph::new();
    let immutable = "IdType=\"ImmutableId\"";
    let event = graph.create(named("gone", 6));
    let calendar = graph.get(&format!("/users/{ANNA}/calendar")).json;
    let in_calendar = format!("/users/{ANNA}/calendars/{}/events", text(&calendar["id"]));
    let mutable = text(&event["id"]).to_owned();
    let kept = graph.get_with(&format!("{}/{mutable}", events()), immutable).json;
    let kept = text(&kept["id"]);
    assert_ne!(mutable, kept);
    let answer = graph.send("DELETE", &format!("{}/{mutable}", events()), &[], Value::Null);
    assert_eq!(answer.expect("an answer").status, 204);
    assert_eq!(graph.get(&format!("{}/{mutable}", events())).status, 404);
    assert_eq!(graph.get_with(&format!("{}/{kept}", events()), immutable).status, 200);
    let answer = graph.get_with(&format!("{in_calendar}/{kept}"), immutable);
    assert_eq!((answer.status, code(&answer)), (404, "ErrorItemNotFound"));
    assert_eq!(graph.get(&events()).json["value"], json!([]));
    let dump = graph.control("GET", &format!("/dump?mailbox={ANNA}"), Value::Null).json;
    let trash = dump["folders"].as_array().expect("folders").iter();
    let trash = trash.clone().find(|f| f["role"] == "deleteditems").expect("a trash");
    assert_eq!(trash["items"][0]["subject"], "gone");
    let folder = graph.get(&format!("/users/{ANNA}/mailFolders/deleteditems")).json;
    assert_eq!(folder["totalItemCount"], 1);
}

#[test]
fn attendees_are_mailed_whatever_one_wishes() {
    let graph = Graph::new();
    let guest =
        |name: &str| json!({"emailAddress": {"address": format!("{name}@fabrikam.example")}});
    let mut body = named("meeting", 7);
    body["attendees"] = json!([guest("a"), guest("b")]);
    let event = graph.create(body);
    let path = format!("{}/{}", events(), text(&event["id"]));
    graph.patch(&path, json!({"attendees": [guest("b"), guest("c")]}));
    graph.patch(&path, json!({"isReminderOn": false}));
    graph.send("DELETE", &path, &[], Value::Null);
    let sent = graph.control("GET", "/sent", Value::Null).json;
    let sent: Vec<(String, Value)> = sent
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (text(&one["kind"]).to_owned(), one["to"].clone()))
        .collect();
    let at = |names: &[&str]| {
        json!(names.iter().map(|name| format!("{name}@fabrikam.example")).collect::<Vec<_>>())
    };
    assert_eq!(
        sent,
        [
            ("invitation".to_owned(), at(&["a", "b"])),
            ("invitation".to_owned(), at(&["c"])),
            ("cancellation".to_owned(), at(&["a"])),
            ("update".to_owned(), at(&["b", "c"])),
            ("cancellation".to_owned(), at(&["b", "c"])),
        ]
    );
}

#[test]
fn ids_that_differ_in_case_only_are_told_apart() {
    let graph = Graph::new();
    let ids: Vec<String> =
        (1..=6).map(|day| text(&graph.create(named("x", day))["id"]).to_owned()).collect();
    let lower: std::collections::BTreeSet<String> =
        ids.iter().map(|id| id.to_ascii_lowercase()).collect();
    assert!(lower.len() < ids.len());
    for id in &ids {
        let found = graph.get(&format!("{}/{id}", events()));
        assert_eq!((found.status, text(&found.json["id"])), (200, id.as_str()));
    }
}

/// As in the example of user-post-events: one line stands for all locations.
#[test]
fn several_locations_are_one_line() {
    let graph = Graph::new();
    let mut body = named("picnic", 1);
    body["locations"] = json!([{"displayName": "Conf Room 3"}, {"displayName": "Home Office"}]);
    let made = graph.create(body);
    assert_eq!(made["location"]["displayName"], "Conf Room 3; Home Office");
    assert_eq!(made["location"]["uniqueId"], "Conf Room 3; Home Office");
    assert_eq!(made["locations"][1]["displayName"], "Home Office");
}
