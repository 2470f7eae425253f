//! Attachments of events and messages, in one request and by upload session.

use crate::harness::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sim::{Config, Login, Reply};
use jiff::SignedDuration;
use serde_json::{Value, json};

const BEN: &str = "ben.ott@contoso.example";
const MIB: usize = 1024 * 1024;

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/{rest}")
}

fn file(name: &str, content: &[u8]) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.fileAttachment",
        "name": name,
        "contentBytes": STANDARD.encode(content),
    })
}

fn draft(graph: &Graph, body: Value) -> String {
    let answer = graph.post(&at("messages"), body);
    assert_eq!(answer.status, 201, "{}", answer.json);
    text(&answer.json["id"]).to_owned()
}

fn add(graph: &Graph, item: &str, body: Value) -> Value {
    let answer = graph.post(&at(&format!("{item}/attachments")), body);
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.json
}

fn get(graph: &Graph, path: &str) -> Value {
    let answer = graph.get(&at(path));
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    answer.json
}

/// The bytes that `$value` gives, with their type.
fn raw(graph: &Graph, path: &str) -> (u16, String, Vec<u8>) {
    let request = http::Request::get(format!("https://graph.microsoft.com/v1.0{}", at(path)))
        .header("Authorization", format!("Bearer {}", graph.token))
        .body(Vec::new().into())
        .expect("a request");
    let Reply::Respond { response, .. } = graph.sim.handle(request) else { panic!("no answer") };
    let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
    (response.status().as_u16(), kind, response.body().to_vec())
}

#[test]
fn a_small_file_is_attached_read_and_taken_off() {
    let graph = Graph::new();
    let event = text(&graph.create(named("meeting", 3))["id"]).to_owned();
    let item = format!("events/{event}");
    let made = add(&graph, &item, file("menü.txt", b"mac and cheese today"));
    assert_eq!(made["@odata.type"], "#microsoft.graph.fileAttachment");
    assert_eq!(made["contentType"], "text/plain");
    assert_eq!(made["isInline"], false);
    let id = text(&made["id"]);
    for path in [item.clone(), format!("calendar/{item}"), format!("events('{event}')")] {
        let listed = get(&graph, &format!("{path}/attachments"));
        assert_eq!(listed["value"][0]["id"], made["id"], "{listed}");
        assert_eq!(listed["value"][0]["contentBytes"], made["contentBytes"]);
    }
    let one = get(&graph, &format!("{item}/attachments/{id}?$select=name,size"));
    assert_eq!(one["name"], "menü.txt");
    assert!(one.get("contentBytes").is_none() && one["@odata.type"].is_string(), "{one}");
    let bytes = "microsoft.graph.fileAttachment/contentBytes";
    let one = get(&graph, &format!("{item}/attachments/{id}?$select=id,{bytes}"));
    assert_eq!(one["contentBytes"], made["contentBytes"]);
    let refused = graph.get(&at(&format!("{item}/attachments?$select=contentBytes")));
    assert_eq!(refused.status, 400, "{}", refused.json);
    assert_eq!(
        raw(&graph, &format!("{item}/attachments/{id}/$value")),
        (200, "text/plain".to_owned(), b"mac and cheese today".to_vec())
    );
    assert_eq!(raw(&graph, &format!("{item}/attachments/$count")).2, b"1");
    let event = get(&graph, &format!("{item}?$expand=attachments($select=name)&$select=subject"));
    assert_eq!(event["attachments"][0]["name"], "menü.txt");
    assert!(event["attachments"][0].get("size").is_none(), "{event}");
    assert_eq!(get(&graph, &item)["hasAttachments"], true);
    let path = at(&format!("{item}/attachments/{id}"));
    assert_eq!(graph.send("DELETE", &path, &[], Value::Null).expect("an answer").status, 204);
    assert_eq!(get(&graph, &item)["hasAttachments"], false);
    assert_eq!(graph.get(&path).status, 404);
}

#[test]
fn an_inline_file_does_not_count() {
    let graph = Graph::new();
    let id = draft(&graph, json!({"subject": "s"}));
    let mut picture = file("p.png", b"\x89PNG");
    picture["isInline"] = json!(true);
    picture["contentId"] = json!("p1");
    picture["contentType"] = json!("image/x-own");
    add(&graph, &format!("mailFolders/drafts/messages/{id}"), picture);
    let message = get(&graph, &format!("messages/{id}?$expand=attachments"));
    assert_eq!(message["hasAttachments"], false);
    let attached = &message["attachments"][0];
    assert_eq!((&attached["isInline"], &attached["contentId"]), (&json!(true), &json!("p1")));
    assert_eq!(attached["contentType"], "image/x-own");
}

#[test]
fn what_cannot_be_attached_is_refused() {
    let graph = Graph::new();
    let id = draft(&graph, json!({"subject": "s"}));
    let refused = |body: Value| {
        let answer = graph.post(&at(&format!("messages/{id}/attachments")), body);
        (answer.status, code(&answer).to_owned())
    };
    let mut untyped = file("a", b"x");
    untyped.as_object_mut().expect("an object").remove("@odata.type");
    assert_eq!(refused(untyped), (400, "RequestBodyRead".to_owned()));
    let mut nameless = file("a", b"x");
    nameless.as_object_mut().expect("an object").remove("name");
    assert_eq!(refused(nameless), (400, "ErrorRequiredPropertyMissing".to_owned()));
    let mut odd = file("a", b"x");
    odd["contentBytes"] = json!("no base64!");
    assert_eq!(refused(odd.clone()), (400, "RequestBodyRead".to_owned()));
    odd["contentBytes"] = json!("eHh4eA");
    odd["sourceUrl"] = json!("https://contoso.example");
    assert_eq!(refused(odd.clone()), (400, "RequestBodyRead".to_owned()));
    assert_eq!(refused(file("big", &vec![0; 4 * MIB])), (413, "BadRequest".to_owned()));
    let patched =
        graph.patch(&at(&format!("messages/{id}")), json!({"attachments": [file("a", b"x")]}));
    assert_eq!((patched.status, code(&patched)), (400, "ErrorInvalidPropertySet"));
    let other = draft(&graph, json!({"subject": "o", "attachments": [file("a", b"x")]}));
    let theirs = get(&graph, &format!("messages/{other}/attachments"))["value"][0]["id"].clone();
    let answer = graph.get(&at(&format!("messages/{id}/attachments/{}", text(&theirs))));
    assert_eq!((answer.status, code(&answer)), (404, "ErrorItemNotFound"));
    let answer = graph.get(&at(&format!("messages/{id}/attachments/{id}")));
    assert_eq!((answer.status, code(&answer)), (400, "ErrorInvalidAttachmentId"));
    let put = graph.send("PUT", &at(&format!("messages/{id}/attachments")), &[], json!({}));
    assert_eq!(put.expect("an answer").status, 405);
}

#[test]
fn items_are_attached_and_expanded() {
    let graph = Graph::new();
    let id = draft(&graph, json!({"subject": "outer"}));
    let mut event = named("Discuss gifts", 2);
    event["@odata.type"] = json!("microsoft.graph.event");
    let item = json!({"@odata.type": "#microsoft.graph.itemAttachment", "name": "Holiday event", "item": event});
    let made = add(&graph, &format!("messages/{id}"), item);
    assert_eq!((&made["contentType"], made.get("item")), (&Value::Null, None));
    let inner = json!({
        "@odata.type": "#microsoft.graph.itemAttachment",
        "name": "letter",
        "item": {
            "@odata.type": "#microsoft.graph.message",
            "subject": "inner",
            "attachments": [file("a.txt", b"deep")],
        },
    });
    let letter = add(&graph, &format!("messages/{id}"), inner);
    let path = |made: &Value| format!("messages/{id}/attachments/{}", text(&made["id"]));
    let shown =
        get(&graph, &format!("{}?$expand=microsoft.graph.itemattachment/item", path(&made)));
    assert_eq!(shown["item"]["subject"], "Discuss gifts");
    assert_eq!(shown["item"]["@odata.type"], "#microsoft.graph.event");
    assert_eq!(shown["item"]["id"], "");
    let deep = "microsoft.graph.itemattachment/item($expand=microsoft.graph.message/attachments)";
    let shown = get(&graph, &format!("{}?$expand={deep}", path(&letter)));
    assert_eq!(shown["item"]["hasAttachments"], true);
    assert_eq!(shown["item"]["attachments"][0]["contentBytes"], STANDARD.encode("deep"));
    let (_, _, event) = raw(&graph, &format!("{}/$value", path(&made)));
    assert!(event.starts_with(b"BEGIN:VCALENDAR"), "{}", String::from_utf8_lossy(&event));
    let (_, _, letter) = raw(&graph, &format!("{}/$value", path(&letter)));
    assert!(String::from_utf8_lossy(&letter).contains("Subject: inner"));
}

#[test]
fn mail_carries_its_attachments() {
    let login =
        |address: &str| Login { address: address.to_owned(), password: "secret".to_owned() };
    let graph =
        Graph::with(Config { mailboxes: vec![login(ANNA), login(BEN)], ..Config::default() });
    let letter = json!({
        "subject": "with file",
        "toRecipients": [{"emailAddress": {"address": BEN}}],
        "attachments": [file("attachment.txt", b"Hello World!")],
    });
    let sent = graph.post(&at("sendMail"), json!({"message": letter}));
    assert_eq!(sent.status, 202, "{}", sent.json);
    let id = draft(&graph, letter);
    add(&graph, &format!("messages/{id}"), file("second", b"2"));
    assert_eq!(graph.post(&at(&format!("messages/{id}/send")), Value::Null).status, 202);
    let inbox = format!("/users/{BEN}/mailFolders/inbox/messages?$expand=attachments");
    let found = graph.get(&inbox).json;
    let names = |message: &Value| -> Vec<String> {
        let list = message["attachments"].as_array().cloned().unwrap_or_default();
        list.iter().map(|one| text(&one["name"]).to_owned()).collect()
    };
    let mut all: Vec<_> = found["value"].as_array().expect("a list").iter().map(names).collect();
    all.sort();
    assert_eq!(all, [vec!["attachment.txt"], vec!["attachment.txt", "second"]], "{found}");
}

fn session(graph: &Graph, item: &str, size: usize) -> Answer {
    let body = json!({"AttachmentItem": {
        "attachmentType": "file", "name": "flower", "size": size,
        "isInline": true, "contentId": "c1", "contentType": "image/jpeg",
    }});
    graph.post(&at(&format!("{item}/attachments/createUploadSession")), body)
}

fn put(graph: &Graph, url: &str, range: &str, body: &[u8]) -> Answer {
    let request = http::Request::put(url)
        .header("Content-Type", "application/octet-stream")
        .header("Content-Range", range)
        .body(body.to_vec().into())
        .expect("a request");
    answer(graph.sim.handle(request)).expect("an answer")
}

#[test]
fn a_large_file_is_sent_in_ranges() {
    let graph = Graph::new();
    let id = draft(&graph, json!({"subject": "s"}));
    let item = format!("messages/{id}");
    let opened = session(&graph, &item, 4 * MIB);
    assert_eq!(opened.status, 201, "{}", opened.json);
    assert_eq!(opened.json["nextExpectedRanges"], json!(["0-"]));
    assert!(opened.json["expirationDateTime"].is_string());
    let url = text(&opened.json["uploadUrl"]);
    assert!(url.starts_with("https://graph.microsoft.com/api/gv1.0/users("), "{url}");
    let data: Vec<u8> = (0..4 * MIB).map(|number| (number % 251) as u8).collect();
    let total = data.len();
    let half = total / 2;
    let (first, second) =
        (format!("bytes 0-{}/{total}", half - 1), format!("bytes {half}-{}/{total}", total - 1));
    let early = put(&graph, url, &second, &data[half..]);
    assert_eq!(early.status, 416, "{}", early.json);
    assert_eq!(put(&graph, url, &first, &data[1..half]).status, 400);
    assert_eq!(put(&graph, url, "bytes 0-0/7", &data[..1]).status, 400);
    assert_eq!(put(&graph, url, "0-0", &data[..1]).status, 400);
    let taken = put(&graph, url, &first, &data[..half]);
    assert_eq!(taken.status, 200, "{}", taken.json);
    assert_eq!(taken.json["nextExpectedRanges"], json!([half.to_string()]));
    let status = graph.send("GET", url, &[], Value::Null).expect("an answer");
    assert_eq!((status.status, code(&status)), (401, "InvalidAuthenticationToken"));
    let last = put(&graph, url, &second, &data[half..]);
    assert_eq!(last.status, 201, "{}", last.json);
    let location = last.headers["location"].to_str().expect("text");
    let listed = get(&graph, &format!("{item}/attachments?$select=id,name,isInline,contentType"));
    let attached = &listed["value"][0];
    assert!(location.contains(text(&attached["id"])), "{location} {attached}");
    assert_eq!(attached["name"], "flower");
    assert_eq!(attached["isInline"], true);
    let (_, kind, bytes) =
        raw(&graph, &format!("{item}/attachments/{}/$value", text(&attached["id"])));
    assert!(kind == "image/jpeg" && bytes == data);
    assert_eq!(put(&graph, url, &first, &data[..half]).status, 404);
}

#[test]
fn sessions_have_bounds() {
    let graph = Graph::new();
    let event = text(&graph.create(named("meeting", 3))["id"]).to_owned();
    let item = format!("events/{event}");
    let small = session(&graph, &item, 1000);
    assert_eq!(small.status, 400);
    assert_eq!(code(&small), "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize");
    assert_eq!(code(&session(&graph, &item, 151 * MIB)), "ErrorAttachmentSizeLimitExceeded");
    let huge = session(&graph, &item, 40 * MIB).json;
    let url = text(&huge["uploadUrl"]);
    graph.sim.with(|world| {
        world.mailbox_mut(ANNA).expect("a mailbox").message_bytes_max = MIB;
    });
    let range = format!("bytes 0-{}/{}", 2 * MIB - 1, 40 * MIB);
    let refused = put(&graph, url, &range, &vec![0; 2 * MIB]);
    assert_eq!((refused.status, code(&refused)), (413, "ErrorMessageSizeExceeded"));
    let request = http::Request::delete(url).body(Vec::new().into()).expect("a request");
    assert_eq!(answer(graph.sim.handle(request)).expect("an answer").status, 204);
    assert_eq!(put(&graph, url, "bytes 0-0/41943040", b"x").status, 404);
    let late = session(&graph, &item, 4 * MIB).json;
    graph.sim.advance(SignedDuration::from_hours(3));
    assert_eq!(put(&graph, text(&late["uploadUrl"]), "bytes 0-0/4194304", b"x").status, 401);
}

/// Where ids are placeholders, the answer is "not found", never "not understood"; the two examples
/// whose base64 is none are refused.
#[test]
fn documented_requests_are_understood() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples");
    let Ok(dir) = std::fs::read_dir(format!("{shared}/attachments")) else {
        assert!(std::env::var_os("CI").is_none(), "{shared} is needed in CI");
        println!("skipped: {shared} is not there");
        return;
    };
    let graph = Graph::new();
    let (mut understood, mut refused) = (0, 0);
    for entry in dir.map(|entry| entry.expect("an entry").path()) {
        let example: Value =
            serde_json::from_slice(&std::fs::read(&entry).expect("readable")).expect("JSON");
        let url = example["url"].as_str().unwrap_or_default();
        let Some(rest) = url.split("graph.microsoft.com/v1.0/me/").nth(1) else { continue };
        let method = example["method"].as_str().expect("a method");
        let answer = graph.send(method, &at(rest), &[], example["body"].clone());
        match code(&answer.expect("an answer")) {
            "ErrorItemNotFound" => understood += 1,
            "RequestBodyRead" => refused += 1,
            other => panic!("{}: {other}", entry.display()),
        }
    }
    assert_eq!((understood > 15, refused), (true, 2));
}

#[test]
fn an_occurrence_shows_what_its_master_holds() {
    let graph = Graph::new();
    let mut series = named("series", 1);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 3},
    });
    let master = text(&graph.create(series)["id"]).to_owned();
    let held = add(&graph, &format!("events/{master}"), file("a.txt", b"x"));
    let instances = get(
        &graph,
        &format!(
            "events/{master}/instances?startDateTime=2026-12-01T00:00:00Z&endDateTime=2026-12-09T00:00:00Z"
        ),
    );
    let second = text(&instances["value"][1]["id"]).to_owned();
    let listed = get(&graph, &format!("events/{second}/attachments"));
    assert_eq!(listed["value"][0]["name"], "a.txt");
    assert_ne!(listed["value"][0]["id"], held["id"]);
    add(&graph, &format!("events/{second}"), file("b.txt", b"y"));
    let count = |id: &str| {
        let listed = get(&graph, &format!("events/{id}/attachments"));
        listed["value"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((count(&second), count(&master)), (2, 1));
}
