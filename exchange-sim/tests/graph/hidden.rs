//! Hidden and copied mail folders.

use crate::harness::*;
use serde_json::{Value, json};

#[test]
fn hidden_folders_are_listed_when_asked_for() {
    let graph = Graph::new();
    let folders = format!("/users/{ANNA}/mailFolders");
    let made = graph.post(&folders, json!({"displayName": "Clutter", "isHidden": true}));
    assert_eq!((made.status, &made.json["isHidden"]), (201, &json!(true)), "{}", made.json);
    let names = |path: &str| -> Vec<String> {
        let mut names = Vec::new();
        let mut link = path.to_owned();
        loop {
            let page = graph.get(&link);
            assert_eq!(page.status, 200, "{}", page.json);
            let value = page.json["value"].as_array().expect("a page");
            names
                .extend(value.iter().map(|folder: &Value| text(&folder["displayName"]).to_owned()));
            match page.json["@odata.nextLink"].as_str() {
                Some(next) => link = next.to_owned(),
                None => return names,
            }
        }
    };
    let hidden = "Clutter".to_owned();
    assert!(!names(&folders).contains(&hidden));
    // The next pages keep what was asked for.
    let all = names(&format!("{folders}?includeHiddenFolders=true&$top=2&$select=displayName"));
    assert!(all.contains(&hidden) && all.contains(&"Inbox".to_owned()), "{all:?}");
    let filtered = names(&format!("{folders}?includeHiddenFolders=true&$filter=isHidden eq true"));
    assert_eq!(filtered, [hidden]);
}

#[test]
fn folders_are_copied_with_what_they_hold() {
    let graph = Graph::new();
    let folders = format!("/users/{ANNA}/mailFolders");
    let made = graph.post(&folders, json!({"displayName": "Choir"}));
    let path = format!("{folders}/{}", text(&made.json["id"]));
    graph.post(&format!("{path}/childFolders"), json!({"displayName": "Songs"}));
    graph.post(&format!("{path}/messages"), json!({"subject": "x"}));
    let copy = graph.post(&format!("{path}/copy"), json!({"destinationId": "archive"}));
    assert_eq!(copy.status, 200, "{}", copy.json);
    assert_ne!(copy.json["id"], made.json["id"]);
    assert_eq!(copy.json["childFolderCount"], 1);
    assert_eq!(copy.json["totalItemCount"], 1);
    let again = graph.post(&format!("{path}/copy"), json!({"destinationId": "archive"}));
    assert_eq!((again.status, code(&again)), (409, "ErrorFolderExists"));
}
