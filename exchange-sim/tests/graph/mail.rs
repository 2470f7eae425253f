//! Messages and mail folders.

use crate::harness::*;
use exchange_sim::{Config, Login};
use serde_json::{Value, json};

const BEN: &str = "ben.ott@contoso.example";

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/{rest}")
}

fn recipient(address: &str) -> Value {
    json!({"emailAddress": {"address": address}})
}

fn letter(subject: &str) -> Value {
    json!({
        "subject": subject,
        "importance": "low",
        "body": {"contentType": "html", "content": "They were <b>awesome</b>!"},
        "toRecipients": [recipient(BEN)],
        "bccRecipients": [recipient("cleo@fabrikam.example")],
    })
}

fn make(graph: &Graph, path: &str, body: Value) -> Value {
    let answer = graph.post(&at(path), body);
    assert_eq!(answer.status, 201, "{}", answer.json);
    answer.json
}

fn get(graph: &Graph, path: &str) -> Value {
    let answer = graph.get(&at(path));
    assert_eq!(answer.status, 200, "{path}: {}", answer.json);
    answer.json
}

fn with_ben() -> Graph {
    let login =
        |address: &str| Login { address: address.to_owned(), password: "secret".to_owned() };
    Graph::with(Config { mailboxes: vec![login(ANNA), login(BEN)], ..Config::default() })
}

#[test]
fn a_posted_message_is_a_draft() {
    let graph = Graph::new();
    let mut body = letter("Did you see last night's game?");
    body["isDraft"] = json!(false);
    body["flag"] = json!({"flagStatus": "flagged"});
    let draft = make(&graph, "messages", body);
    assert_eq!(draft["isDraft"], true);
    assert_eq!(draft["importance"], "low");
    assert_eq!(draft["bodyPreview"], "They were awesome!");
    assert_eq!(draft["flag"], json!({"flagStatus": "flagged"}));
    assert_eq!(draft["toRecipients"][0]["emailAddress"]["address"], BEN);
    assert_eq!(draft["@odata.etag"], format!("W/\"{}\"", text(&draft["changeKey"])));
    assert_eq!(draft["parentFolderId"], get(&graph, "mailFolders/drafts")["id"]);
    let path = format!("messages/{}", text(&draft["id"]));
    let changed = graph.patch(&at(&path), json!({"subject": "Other", "isRead": false}));
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(changed.json["subject"], "Other");
    assert_eq!(changed.json["isRead"], false);
    assert_ne!(changed.json["changeKey"], draft["changeKey"]);
    assert_eq!(get(&graph, "mailFolders/drafts")["unreadItemCount"], 1);
    let stale = graph
        .send("PATCH", &at(&path), &[("If-Match", text(&draft["@odata.etag"]))], json!({}))
        .expect("an answer");
    assert_eq!(stale.status, 412);
}

#[test]
fn extended_properties_import_a_message_as_it_was() {
    let graph = Graph::new();
    let mut body = letter("Old");
    body["from"] = recipient("far@fabrikam.example");
    body["singleValueExtendedProperties"] = json!([
        {"id": "Integer 0x0E07", "value": "4"},
        {"id": "SystemTime 0x0E06", "value": "2020-02-03T04:05:06Z"},
        {"id": "SystemTime 0x0039", "value": "2020-02-03T04:05:00Z"},
    ]);
    let old = make(&graph, "mailFolders/inbox/messages", body);
    assert_eq!(old["isDraft"], false);
    assert_eq!(old["isRead"], false);
    assert_eq!(old["receivedDateTime"], "2020-02-03T04:05:06Z");
    assert_eq!(old["sentDateTime"], "2020-02-03T04:05:00Z");
    assert_eq!(old["from"]["emailAddress"]["address"], "far@fabrikam.example");
    let path = at(&format!("messages/{}", text(&old["id"])));
    let refused = graph.patch(&path, json!({"subject": "New"}));
    assert_eq!((refused.status, code(&refused)), (400, "ErrorInvalidPropertySet"));
    let late = json!({"isRead": true, "categories": ["Red"],
                      "singleValueExtendedProperties": [{"id": "Integer 0x0E07", "value": "8"}]});
    let changed = graph.patch(&path, late).json;
    assert_eq!((&changed["isRead"], &changed["isDraft"]), (&json!(true), &json!(false)));
    assert_eq!(changed["categories"], json!(["Red"]));
    let bad = json!({"singleValueExtendedProperties":
                     [{"id": "SystemTime 0x0E06", "value": "yesterday"}]});
    assert_eq!(graph.post(&at("messages"), bad).status, 400);
}

#[test]
fn lists_filter_sort_and_page() {
    let graph = Graph::new();
    for number in 0..12 {
        let mut body = letter(&format!("Number {number:02}"));
        body["isRead"] = json!(number % 2 == 0);
        make(&graph, "mailFolders/inbox/messages", body);
    }
    make(&graph, "messages", letter("In Drafts"));
    let all = get(&graph, "messages?$count=true&$top=3");
    assert_eq!(all["@odata.count"], 13);
    assert_eq!(all["value"].as_array().map(Vec::len), Some(3));
    let next = graph.get(text(&all["@odata.nextLink"])).json;
    assert_eq!(next["value"].as_array().map(Vec::len), Some(3));
    let inbox = "mailFolders/inbox/messages";
    let unread = get(
        &graph,
        &format!("{inbox}?$filter=isRead%20eq%20false&$orderby=subject%20desc&$select=subject"),
    );
    let subjects: Vec<&str> =
        unread["value"].as_array().expect("a page").iter().map(|m| text(&m["subject"])).collect();
    assert_eq!(subjects.len(), 6);
    assert_eq!((subjects[0], subjects[5]), ("Number 11", "Number 01"));
    assert!(unread["value"][0].get("body").is_none());
    assert!(unread["value"][0].get("id").is_some());
    let ours = get(&graph, &format!("{inbox}?$filter=from/emailAddress/address%20eq%20'{ANNA}'"));
    assert_eq!(ours["value"], json!([]), "drafts have no author yet");
    assert_eq!(graph.get(&at("mailFolders?$select=subject")).status, 400);
    for wrong in ["$filter=nothing%20eq%201", "$select=attendees", "$orderby=nothing"] {
        assert_eq!(graph.get(&at(&format!("{inbox}?{wrong}"))).status, 400, "{wrong}");
    }
    let mut unknown = letter("Unknown");
    unknown["attendees"] = json!([]);
    assert_eq!(code(&graph.post(&at("messages"), unknown)), "RequestBodyRead");
}

#[test]
fn messages_are_moved_copied_and_deleted() {
    let graph = Graph::new();
    let message = make(&graph, "messages", letter("On tour"));
    let path = |message: &Value| format!("messages/{}", text(&message["id"]));
    let to = |name: &str, folder: &str| json!({name: folder});
    let copy = make(&graph, &format!("{}/copy", path(&message)), to("destinationId", "inbox"));
    assert_ne!(copy["id"], message["id"]);
    let moved = make(&graph, &format!("{}/move", path(&message)), to("DestinationId", "junkemail"));
    assert_eq!(moved["parentFolderId"], get(&graph, "mailFolders/junkemail")["id"]);
    assert_eq!(graph.get(&at(&path(&message))).status, 404, "the id has changed");
    let delete = |path: &str| graph.send("DELETE", &at(path), &[], Value::Null).expect("an answer");
    assert_eq!(delete(&path(&moved)).status, 204);
    let trash = get(&graph, "mailFolders/deleteditems/messages");
    assert_eq!(trash["value"][0]["subject"], "On tour");
    let gone = graph.post(&at(&format!("{}/permanentDelete", path(&copy))), Value::Null);
    assert_eq!(gone.status, 204);
    assert_eq!(get(&graph, "mailFolders/inbox")["totalItemCount"], 0);
    let nowhere = graph.post(&at(&format!("{}/move", path(&trash["value"][0]))), json!({}));
    assert_eq!(nowhere.status, 400);
}

#[test]
fn mail_is_sent_saved_and_delivered() {
    let graph = with_ben();
    let body = json!({"Message": letter("Sent at once"), "SaveToSentItems": false});
    let answer = graph.post(&at("sendMail"), body);
    assert_eq!((answer.status, answer.json), (202, Value::Null));
    assert_eq!(get(&graph, "mailFolders/sentitems")["totalItemCount"], 0);
    assert_eq!(graph.post(&at("sendMail"), json!({"message": letter("Saved")})).status, 202);
    let prefer = "IdType=\"ImmutableId\"";
    let draft = graph
        .send("POST", &at("messages"), &[("Prefer", prefer)], letter("A draft"))
        .expect("an answer")
        .json;
    let path = at(&format!("messages/{}", text(&draft["id"])));
    let sent = graph.post(&format!("{path}/send"), Value::Null);
    assert_eq!(sent.status, 202, "{}", sent.json);
    let sent = graph.get_with(&path, prefer).json;
    assert_eq!((&sent["isDraft"], &sent["subject"]), (&json!(false), &json!("A draft")));
    assert_eq!(sent["parentFolderId"], get(&graph, "mailFolders/sentitems")["id"]);
    assert_eq!(sent["from"]["emailAddress"]["address"], ANNA);
    assert_eq!(graph.post(&format!("{path}/send"), Value::Null).status, 400);
    assert_eq!(get(&graph, "mailFolders/sentitems")["totalItemCount"], 2);
    assert_eq!(get(&graph, "mailFolders/drafts")["totalItemCount"], 0);
    let inbox = graph.get(&format!("/users/{BEN}/mailFolders/inbox/messages")).json;
    let got = inbox["value"].as_array().expect("a page");
    assert_eq!(got.len(), 3);
    for message in got {
        assert_eq!(message["isRead"], false);
        assert_eq!(message["isDraft"], false);
        assert_eq!(message["bccRecipients"], json!([]));
        assert_eq!(message["from"]["emailAddress"]["address"], ANNA);
    }
    let nobody = graph.post(&at("sendMail"), json!({"message": {"subject": "To nobody"}}));
    assert_eq!((nobody.status, code(&nobody)), (400, "ErrorInvalidRecipients"));
}

#[test]
fn folders_are_made_renamed_moved_and_deleted() {
    let graph = Graph::new();
    let made = make(&graph, "mailFolders", json!({"displayName": "Clutter"}));
    let inner = format!("mailFolders/{}/childFolders", text(&made["id"]));
    let child = make(&graph, &inner, json!({"displayName": "Inner"}));
    assert_eq!(child["parentFolderId"], made["id"]);
    let found = get(&graph, "mailFolders?$filter=displayName%20eq%20'clutter'");
    assert_eq!(found["value"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(get(&graph, &inner)["value"][0]["displayName"], "Inner");
    let path = at(&format!("mailFolders/{}", text(&child["id"])));
    let renamed = graph.patch(&path, json!({"displayName": "Outer"}));
    assert_eq!(renamed.json["displayName"], "Outer");
    let moved = graph.post(&format!("{path}/move"), json!({"DestinationId": "inbox"}));
    assert_eq!(moved.status, 201, "{}", moved.json);
    assert_eq!(get(&graph, "mailFolders/inbox/childFolders")["value"][0]["id"], child["id"]);
    let taken = graph.post(&at("mailFolders"), json!({"displayName": "CLUTTER"}));
    assert_eq!((taken.status, code(&taken)), (409, "ErrorFolderExists"));
    assert_eq!(graph.post(&at("mailFolders"), json!({"displayName": " "})).status, 400);
    let delete = |path: &str| graph.send("DELETE", path, &[], Value::Null).expect("an answer");
    assert_eq!(delete(&path).status, 204);
    assert_eq!(
        graph.get(&path).json["parentFolderId"],
        get(&graph, "mailFolders/deleteditems")["id"]
    );
    assert_eq!(delete(&path).status, 204);
    assert_eq!(graph.get(&path).status, 404);
    assert_eq!(delete(&at("mailFolders/inbox")).status, 400);
}

#[test]
fn deltas_of_messages_keep_what_was_selected() {
    let graph = Graph::new();
    for number in 0..5 {
        make(&graph, "mailFolders/inbox/messages", letter(&format!("Number {number}")));
    }
    let first = at("mailFolders/inbox/messages/delta?$select=subject,isRead");
    let (entries, link) = drain(&graph, &first, "odata.maxpagesize=2");
    assert_eq!(entries.len(), 5);
    for entry in &entries {
        assert_eq!(entry["@odata.type"], "#microsoft.graph.message");
        assert!(entry.get("subject").is_some() && entry.get("body").is_none());
    }
    let path = |entry: &Value| at(&format!("messages/{}", text(&entry["id"])));
    assert_eq!(graph.patch(&path(&entries[0]), json!({"isRead": false})).status, 200);
    graph.send("DELETE", &path(&entries[1]), &[], Value::Null).expect("an answer");
    let (changes, _) = drain(&graph, &link, "");
    assert_eq!(changes.len(), 2, "{changes:?}");
    let of = |entry: &Value| changes.iter().find(|change| change["id"] == entry["id"]).cloned();
    let read = of(&entries[0]).expect("the change");
    assert_eq!((&read["isRead"], read.get("body")), (&json!(false), None));
    assert_eq!(of(&entries[1]).expect("the removal")["@removed"]["reason"], "deleted");
    let token = link.split_once('?').expect("a token").1;
    let foreign = graph.get(&at(&format!("mailFolders/drafts/messages/delta?{token}")));
    assert_eq!((foreign.status, code(&foreign)), (400, "SyncStateInvalid"));
}

#[test]
fn each_permission_opens_its_part() {
    let with =
        |role: &str| Graph::with(Config { roles: vec![role.to_owned()], ..Config::default() });
    let send = json!({"message": letter("Hello")});
    let graph = with("Mail.Read");
    assert_eq!(graph.get(&at("messages")).status, 200);
    assert_eq!(graph.post(&at("messages"), letter("Hello")).status, 403);
    assert_eq!(graph.post(&at("mailFolders"), json!({"displayName": "New"})).status, 403);
    assert_eq!(graph.post(&at("sendMail"), send.clone()).status, 403);
    let graph = with("Mail.Send");
    assert_eq!(graph.post(&at("sendMail"), send.clone()).status, 202);
    assert_eq!(graph.get(&at("messages")).status, 403);
    let graph = with("Mail.ReadWrite");
    assert_eq!(graph.post(&at("messages"), letter("Hello")).status, 201);
    assert_eq!(graph.post(&at("sendMail"), send).status, 403);
}
