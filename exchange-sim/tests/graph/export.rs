//! Mailboxes are found, their items exported and imported, in full fidelity.

use crate::harness::*;
use exchange_sim::Config;
use jiff::SignedDuration;
use serde_json::{Value, json};

const BEN: &str = "ben.carter@contoso.example";

/// The path of a user's mailbox.
fn mailbox(graph: &Graph, user: &str) -> String {
    let settings = graph.get(&format!("/users/{user}/settings/exchange"));
    assert_eq!(settings.status, 200, "{}", settings.json);
    format!("/admin/exchange/mailboxes/{}", text(&settings.json["primaryMailboxId"]))
}

fn export(graph: &Graph, mailbox: &str, ids: &[&str]) -> Answer {
    graph.post(&format!("{mailbox}/exportItems"), json!({"itemIds": ids}))
}

/// A POST to a session's URL, which is its own authorization.
fn import(graph: &Graph, url: &str, body: Value) -> Answer {
    let request = http::Request::post(url).body(body.to_string().into()).expect("a request");
    answer(graph.sim.handle(request)).expect("an answer")
}

fn session(graph: &Graph, mailbox: &str) -> String {
    let session = graph.send("POST", &format!("{mailbox}/createImportSession"), &[], Value::Null);
    let session = session.expect("an answer");
    assert_eq!(session.status, 200, "{}", session.json);
    text(&session.json["importUrl"]).to_owned()
}

#[test]
fn folders_and_items_are_listed() {
    let graph = Graph::new();
    let event = graph.create(named("Choir", 3));
    let mailbox = mailbox(&graph, ANNA);
    let folders = graph.get(&format!("{mailbox}/folders?$filter=type eq 'IPF.Appointment'"));
    assert_eq!(folders.status, 200, "{}", folders.json);
    let calendar = &folders.json["value"][0];
    assert_eq!(
        (&calendar["displayName"], &calendar["totalItemCount"]),
        (&json!("Calendar"), &json!(1))
    );
    let folder = format!("{mailbox}/folders/{}", text(&calendar["id"]));
    assert_eq!(graph.get(&folder).json["type"], "IPF.Appointment");
    let subject = "String 0x0037";
    let items = graph.get(&format!(
        "{folder}/items?$count=true&$expand=singleValueExtendedProperties($filter=id eq '{subject}')"
    ));
    assert_eq!(items.status, 200, "{}", items.json);
    assert_eq!(items.json["@odata.count"], 1);
    let item = &items.json["value"][0];
    assert_eq!((&item["id"], &item["changeKey"]), (&event["id"], &event["changeKey"]));
    assert_eq!(item["type"], "IPM.Appointment");
    assert_eq!(item["singleValueExtendedProperties"][0]["value"], "Choir");
    let one = graph.get(&format!("{folder}/items/{}?$select=size", text(&item["id"])));
    assert_eq!(one.status, 200, "{}", one.json);
    assert_eq!((&one.json["size"], &one.json["type"]), (&item["size"], &Value::Null));
    assert_eq!(
        graph.get(&format!("{mailbox}/folders/inbox/items/{}", text(&item["id"]))).status,
        404
    );
    assert_eq!(graph.get(&format!("{mailbox}/folders?$top=2&$select=subject")).status, 400);
    let page = graph.get(&format!("{mailbox}/folders?$top=2"));
    let next = text(&page.json["@odata.nextLink"]).to_owned();
    assert_ne!(graph.get(&next).json["value"][0], page.json["value"][0]);
}

#[test]
fn changes_of_folders_and_items_are_told() {
    let graph = Graph::new();
    let mailbox = mailbox(&graph, ANNA);
    let (folders, folders_link) = drain(&graph, &format!("{mailbox}/folders/delta"), "");
    let calendar = folders.iter().find(|one| one["type"] == "IPF.Appointment").expect("one");
    let items = format!("{mailbox}/folders/{}/items/delta?$select=type", text(&calendar["id"]));
    let (nothing, items_link) = drain(&graph, &items, "");
    assert_eq!(nothing, [Value::Null; 0]);
    let event = graph.create(named("Choir", 3));
    let (made, items_link) = drain(&graph, &items_link, "");
    assert_eq!((&made[0]["id"], &made[0]["type"]), (&event["id"], &json!("IPM.Appointment")));
    assert_eq!(made[0].get("size"), None);
    let path = format!("/users/{ANNA}/events/{}", text(&event["id"]));
    graph.send("DELETE", &path, &[], Value::Null).expect("an answer");
    let (gone, _) = drain(&graph, &items_link, "");
    assert_eq!((&gone[0]["id"], &gone[0]["@removed"]["reason"]), (&event["id"], &json!("deleted")));
    let offers =
        graph.post(&format!("/users/{ANNA}/mailFolders"), json!({"displayName": "Offers"}));
    let (changed, _) = drain(&graph, &folders_link, "");
    assert!(changed.iter().any(|one| one["id"] == offers.json["id"]), "{changed:?}");
    let foreign = items_link.replace("/items/delta", "/childFolders/delta");
    assert_eq!(code(&graph.get(&foreign)), "SyncStateInvalid");
}

#[test]
fn an_item_goes_to_another_mailbox() {
    let graph = Graph::new();
    let event = graph.create(named("Choir", 3));
    let (from, to) = (mailbox(&graph, ANNA), mailbox(&graph, BEN));
    let ids = [text(&event["id"]), "AAMkMissing"];
    let exported = export(&graph, &from, &ids);
    assert_eq!(exported.status, 200, "{}", exported.json);
    let (whole, gone) = (&exported.json["value"][0], &exported.json["value"][1]);
    assert_eq!((&whole["itemId"], &whole["changeKey"]), (&event["id"], &event["changeKey"]));
    assert_eq!(
        (text(&gone["error"]["code"]), text(&gone["itemId"])),
        ("ErrorItemNotFound", ids[1])
    );
    let body = json!({"FolderId": "calendar", "Mode": "create", "Data": whole["data"]});
    let url = session(&graph, &to);
    let made = import(&graph, &url, body.clone());
    assert_eq!(made.status, 200, "{}", made.json);
    let path = format!("/users/{BEN}/events/{}", text(&made.json["itemId"]));
    let copy = graph.get(&path).json;
    for name in ["subject", "start", "end", "iCalUId", "createdDateTime", "organizer"] {
        assert_eq!(copy[name], event[name], "{name}");
    }
    assert_eq!(made.json["changeKey"], copy["changeKey"]);
    // The other mailbox has no such item.
    assert_eq!(
        export(&graph, &to, &ids[..1]).json["value"][0]["error"]["code"],
        "ErrorItemNotFound"
    );
    graph.sim.advance(SignedDuration::from_hours(1));
    assert_eq!(import(&graph, &url, body).status, 401);
}

#[test]
fn an_update_needs_the_current_version_in_its_folder() {
    let graph = Graph::new();
    let event = graph.create(named("Choir", 3));
    let mailbox = mailbox(&graph, ANNA);
    let data = export(&graph, &mailbox, &[text(&event["id"])]).json["value"][0]["data"].clone();
    let path = format!("/users/{ANNA}/events/{}", text(&event["id"]));
    let changed = graph.patch(&path, json!({"subject": "Band"})).json;
    let url = session(&graph, &mailbox);
    let with = |folder: &str, key: &Value| {
        let body = json!({
            "FolderId": folder,
            "Mode": "update",
            "ItemId": event["id"],
            "ChangeKey": key,
            "Data": data,
        });
        import(&graph, &url, body)
    };
    assert_eq!(with("calendar", &event["changeKey"]).status, 412);
    assert_eq!(with("inbox", &changed["changeKey"]).status, 404);
    assert_eq!(with("calendar", &Value::Null).status, 400);
    let back = with("calendar", &changed["changeKey"]);
    assert_eq!(back.status, 200, "{}", back.json);
    assert_eq!(back.json["itemId"], event["id"]);
    assert_eq!(graph.get(&path).json["subject"], "Choir");
    let create = |more: Value| {
        let mut body = json!({"FolderId": "calendar", "Mode": "create", "Data": data});
        body.as_object_mut()
            .expect("members")
            .extend(more.as_object().cloned().unwrap_or_default());
        import(&graph, &url, body)
    };
    assert_eq!(create(json!({"ItemId": event["id"]})).status, 400);
    assert_eq!(create(json!({"Mode": "append"})).status, 400);
    assert_eq!(code(&create(json!({"Data": "AQAAAAgAAAA="}))), "ErrorCorruptData");
    assert_eq!(create(json!({"Surprise": 1})).status, 400);
    assert_eq!(import(&graph, &format!("{url}x"), json!({})).status, 401);
}

#[test]
fn exports_are_bounded_and_need_their_roles() {
    let graph = Graph::new();
    let mailbox = mailbox(&graph, ANNA);
    assert_eq!(export(&graph, &mailbox, &["a"; 21]).status, 400);
    assert_eq!(export(&graph, &mailbox, &[]).status, 400);
    assert_eq!(graph.get("/admin/exchange/mailboxes/MBX:0@0/folders").status, 404);
    assert_eq!(graph.get(&format!("{mailbox}/nothing")).status, 400);
    let roles = ["User.Read.All", "MailboxItem.Export.All"].map(str::to_owned).to_vec();
    let graph = Graph::with(Config { roles, ..Config::default() });
    assert_eq!(export(&graph, &mailbox, &["a"]).status, 200);
    assert_eq!(graph.get(&format!("{mailbox}/folders")).status, 403);
    let session = graph.post(&format!("{mailbox}/createImportSession"), json!({}));
    assert_eq!(session.status, 403);
}
