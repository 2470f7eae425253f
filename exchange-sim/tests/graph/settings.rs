//! Categories, and the settings of a mailbox.

use crate::harness::*;
use serde_json::{Value, json};

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/{rest}")
}

#[test]
fn categories_have_unique_names_and_one_of_the_preset_colours() {
    let graph = Graph::new();
    let list = at("outlook/masterCategories");
    let fresh = graph.get(&list);
    assert_eq!(fresh.status, 200, "{}", fresh.json);
    let colors: Vec<&str> = fresh.json["value"]
        .as_array()
        .expect("a page")
        .iter()
        .map(|category| text(&category["color"]))
        .collect();
    assert_eq!(colors, ["preset0", "preset1", "preset3", "preset4", "preset7", "preset8"]);
    let made = graph.post(&list, json!({"displayName": "Choir", "color": "preset24"}));
    assert_eq!(made.status, 201, "{}", made.json);
    let one = format!("{list}/{}", text(&made.json["id"]));
    assert_eq!(graph.get(&one).json["displayName"], "Choir");
    assert_eq!(graph.post(&list, json!({"displayName": "choir"})).status, 409);
    assert_eq!(graph.post(&list, json!({"color": "none"})).status, 400);
    for refused in [json!({"color": "preset25"}), json!({"displayName": "Band"}), json!({"x": 1})] {
        assert_eq!(graph.patch(&one, refused).status, 400);
    }
    assert_eq!(graph.patch(&one, json!({"color": "none"})).json["color"], "none");
    assert_eq!(graph.send("DELETE", &one, &[], Value::Null).expect("an answer").status, 204);
    assert_eq!(graph.get(&one).status, 404);
}

#[test]
fn categories_need_the_role_of_settings() {
    let config = exchange_sim::Config {
        roles: vec!["MailboxSettings.Read".to_owned()],
        ..exchange_sim::Config::default()
    };
    let graph = Graph::with(config);
    let list = at("outlook/masterCategories");
    assert_eq!(graph.get(&list).status, 200);
    assert_eq!(graph.post(&list, json!({"displayName": "Choir"})).status, 403);
}

#[test]
fn settings_are_changed_all_or_none() {
    let graph = Graph::new();
    let path = at("mailboxSettings");
    let fresh = graph.get(&path);
    assert_eq!(fresh.status, 200, "{}", fresh.json);
    assert_eq!(fresh.json["timeZone"], "UTC");
    assert_eq!(fresh.json["automaticRepliesSetting"]["status"], "disabled");
    let berlin = "W. Europe Standard Time";
    let language = json!({"locale": "de-DE", "displayName": "German (Germany)"});
    let set = json!({"timeZone": berlin, "dateFormat": "dd.MM.yyyy", "language": language});
    assert_eq!(graph.patch(&path, set).json["dateFormat"], "dd.MM.yyyy");
    for (status, refused) in [
        (400, json!({"dateFormat": "yyyy", "timeZone": "Nowhere"})),
        (400, json!({"dateFormat": "yyyy", "colour": "red"})),
        (501, json!({"dateFormat": "yyyy", "workingHours": {}})),
    ] {
        assert_eq!(graph.patch(&path, refused).status, status);
    }
    assert_eq!(graph.get(&format!("{path}/timeZone")).json["value"], berlin);
    assert_eq!(graph.get(&format!("{path}/language")).json["locale"], "de-DE");
    assert_eq!(graph.get(&format!("{path}/dateFormat")).json["value"], "dd.MM.yyyy");
    assert_eq!(graph.get(&format!("{path}/archiveFolder")).status, 501);
}

#[test]
fn automatic_replies_are_a_setting() {
    let graph = Graph::new();
    let path = at("mailboxSettings");
    let time = |at: &str| json!({"dateTime": at, "timeZone": "W. Europe Standard Time"});
    let set = json!({"automaticRepliesSetting": {
        "status": "scheduled",
        "externalAudience": "contactsOnly",
        "internalReplyMessage": "Away",
        "scheduledStartDateTime": time("2026-12-01T08:00:00"),
        "scheduledEndDateTime": time("2026-12-05T18:00:00"),
    }});
    assert_eq!(graph.patch(&path, set).status, 200);
    let replies = graph.get(&format!("{path}/automaticRepliesSetting")).json;
    assert_eq!(replies["status"], "scheduled");
    assert_eq!(replies["externalAudience"], "contactsOnly");
    assert_eq!(replies["internalReplyMessage"], "Away");
    assert_eq!(replies["scheduledEndDateTime"]["dateTime"], "2026-12-05T17:00:00.0000000");
    for refused in [
        json!({"scheduledEndDateTime": time("2026-12-01T08:00:00")}),
        json!({"status": "sometimes"}),
        json!({"colour": "red"}),
    ] {
        assert_eq!(graph.patch(&path, json!({"automaticRepliesSetting": refused})).status, 400);
    }
}

#[test]
fn the_delta_of_folders_tells_new_renamed_and_removed_ones() {
    let graph = Graph::new();
    let folders = at("mailFolders");
    let (all, link) = drain(&graph, &format!("{folders}/delta?$select=displayName"), "");
    let names: Vec<&str> = all.iter().map(|folder| text(&folder["displayName"])).collect();
    assert!(names.contains(&"Inbox"), "{names:?}");
    assert!(!names.contains(&"Calendar"), "{names:?}");
    assert!(all.iter().all(|folder| folder["parentFolderId"].is_null()));
    let made = graph.post(&folders, json!({"displayName": "Choir"})).json;
    let (new, link) = drain(&graph, &link, "");
    assert_eq!((new.len(), text(&new[0]["displayName"])), (1, "Choir"));
    assert!(new[0]["parentFolderId"].is_null());
    let one = format!("{folders}/{}", text(&made["id"]));
    graph.patch(&one, json!({"displayName": "Band"}));
    let (renamed, link) = drain(&graph, &link, "");
    assert_eq!((renamed.len(), text(&renamed[0]["displayName"])), (1, "Band"));
    for _ in 0..2 {
        graph.send("DELETE", &one, &[], Value::Null).expect("an answer");
    }
    let (gone, link) = drain(&graph, &link, "");
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert_eq!(gone[0]["id"], made["id"]);
    assert_eq!(gone[0]["@removed"]["reason"], "deleted");
    assert!(drain(&graph, &link, "").0.is_empty());
}
