//! Mail folders are deleted into Deleted Items, and for good.

use crate::harness::*;
use serde_json::{Value, json};

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/mailFolders{rest}")
}

#[test]
fn a_deleted_folder_lies_in_deleted_items_and_a_purged_one_nowhere() {
    let graph = Graph::new();
    let (_, link) = drain(&graph, &at("/delta"), "");
    let offers = graph.post(&at(""), json!({"displayName": "Offers"})).json;
    let id = text(&offers["id"]).to_owned();
    let child = graph.post(&at(&format!("/{id}/childFolders")), json!({"displayName": "Old"}));
    let child = at(&format!("/{id}/childFolders/{}", text(&child.json["id"])));
    assert_eq!(graph.get(&child).json["displayName"], "Old");
    let (_, link) = drain(&graph, &link, "");
    let deleted = graph.send("DELETE", &at(&format!("/{id}")), &[], Value::Null);
    assert_eq!(deleted.expect("an answer").status, 204);
    let trash = graph.get(&at("/deleteditems")).json["id"].clone();
    assert_eq!(graph.get(&at(&format!("/{id}"))).json["parentFolderId"], trash);
    let (moved, link) = drain(&graph, &link, "");
    let moved = moved.iter().find(|one| one["id"] == offers["id"]).expect("told");
    assert_eq!(moved["parentFolderId"], trash);
    let purged = graph.send("POST", &format!("{child}/permanentDelete"), &[], Value::Null);
    assert_eq!(purged.expect("an answer").status, 204);
    assert_eq!(graph.get(&child).status, 404);
    let purge = at(&format!("/{id}/permanentDelete"));
    assert_eq!(graph.send("POST", &purge, &[], Value::Null).expect("an answer").status, 204);
    assert_eq!(graph.get(&at(&format!("/{id}"))).status, 404);
    let (gone, _) = drain(&graph, &link, "");
    let removed = gone.iter().find(|one| one["id"] == offers["id"]).expect("told");
    assert_eq!(removed["@removed"]["reason"], "deleted");
    let inbox = graph.send("POST", &at("/inbox/permanentDelete"), &[], Value::Null);
    assert_eq!(inbox.expect("an answer").status, 400);
}

#[test]
fn a_search_folder_is_not_made_an_ordinary_one() {
    let graph = Graph::new();
    let search = json!({
        "@odata.type": "microsoft.graph.mailSearchFolder",
        "displayName": "Weekly digests",
        "includeNestedFolders": true,
        "sourceFolderIds": ["AAA"],
        "filterQuery": "contains(subject, 'weekly digest')",
    });
    for parent in ["", "/inbox/childFolders"] {
        let refused = graph.post(&at(parent), search.clone());
        assert_eq!((refused.status, code(&refused)), (501, "NotImplemented"), "{}", refused.json);
        let folders = graph.get(&at(&format!("{parent}?$top=100"))).json;
        let folders = folders["value"].as_array().expect("a page");
        assert!(folders.iter().all(|folder| folder["displayName"] != "Weekly digests"));
    }
}
