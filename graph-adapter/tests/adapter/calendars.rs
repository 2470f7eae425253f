//! The list of calendars: what is asked for, what is left out, and how it is written.

use crate::script::{Script, error, scripted};
use items::calendars::Calendars;
use items::hierarchy::{List, Shelf, Standing, TAKEN};
use items::{Content, Digester, Folder};
use serde_json::{Value, json};
use std::sync::Arc;
use sync_core::ids::{FolderId, IntentKey, LinkId, RemoteId, Version};
use sync_core::port::{
    Failure, Place, Probe, Probed, Remote, Stamp, Target, Write, WriteOp, Written,
};

const PROPERTY: &str = "String {e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31} Name evensync-s1";
const ANNA: &str = "anna.vogt@contoso.example";

fn calendar(id: &str, key: &str) -> Value {
    json!({"id": id, "name": format!("Name of {id}"), "isDefaultCalendar": id == "DEFAULT",
           "changeKey": key, "canEdit": true, "owner": {"name": "Anna", "address": ANNA}})
}

fn stamp() -> Stamp {
    Stamp { link: LinkId(7), key: IntentKey::from("run-1") }
}

fn calendars() -> (Calendars, Arc<Script>) {
    let (remote, script) = scripted();
    (Calendars::new(Arc::new(remote), Digester::new([7; 32])), script)
}

async fn write(calendars: &Calendars, op: WriteOp) -> Result<Written, Failure> {
    let write = Write { folder: FolderId::from("list"), stamp: stamp(), op };
    calendars.write(&[write]).await.pop().unwrap()
}

fn named(name: &str) -> Vec<u8> {
    Content::Folder(Folder::named(name)).to_canonical()
}

fn rename(version: &str) -> WriteOp {
    let if_match = Some(Version::from(version));
    WriteOp::Update { id: "A".into(), if_match, patch: named("Elbe") }
}

fn code(result: Result<Written, Failure>) -> String {
    result.unwrap_err().trouble().code.clone()
}

#[tokio::test]
async fn calendars_of_others_and_those_nobody_may_change_are_left_out() {
    let (remote, script) = scripted();
    let mut shared = calendar("S", "1");
    shared["owner"]["address"] = json!("ben@contoso.example");
    let mut birthdays = calendar("B", "1");
    birthdays["canEdit"] = json!(false);
    let mut ours = calendar("A", "2");
    ours["singleValueExtendedProperties"] = json!([{"id": PROPERTY, "value": stamp().to_string()}]);
    let next = "https://graph.microsoft.com/v1.0/users/x/calendars?$skip=2";
    script
        .then_json(
            200,
            json!({"value": [shared, calendar("DEFAULT", "1")],
                               "@odata.nextLink": next}),
        )
        .then_json(200, json!({"value": [birthdays, ours]}));
    let List { standing, trashed, left_out } = remote.list().await.unwrap();
    let expected = |id: &str, version: &str, is_default, stamp| Standing {
        id: RemoteId::from(id),
        version: Some(Version::from(version)),
        name: format!("Name of {id}"),
        is_default,
        role: None,
        stamp,
    };
    assert_eq!(
        standing,
        [expected("DEFAULT", "1", true, None), expected("A", "2", false, Some(stamp()))]
    );
    assert!(trashed.is_empty());
    assert_eq!(left_out.len(), 2);
    assert!(left_out[0].contains("\"Name of S\"") && left_out[0].contains("somebody else"));
    assert!(left_out[1].contains("\"Name of B\"") && left_out[1].contains("nobody may change it"));
}

#[tokio::test]
async fn a_calendar_is_made_and_renamed_with_its_stamp() {
    let (calendars, script) = calendars();
    let body = json!({"name": "Elbe",
        "singleValueExtendedProperties": [{"id": PROPERTY, "value": stamp().to_string()}]});
    script
        .then_json(200, json!({"value": []}))
        .then_batch(|_| json!({"status": 201, "body": {"id": "NEW", "changeKey": "1"}}));
    let made = write(&calendars, WriteOp::Create { content: named("Elbe") }).await.unwrap();
    assert_eq!((made.id.as_str(), made.version), ("NEW", Some(Version::from("1"))));
    let sent = &script.seen()[1].2["requests"][0];
    assert_eq!((&sent["method"], &sent["body"]), (&json!("POST"), &body));
    script
        .then_json(200, json!({"value": [calendar("A", "1")]}))
        .then_batch(|_| json!({"status": 200, "body": {"id": "A", "changeKey": "2"}}));
    let renamed = write(&calendars, rename("1")).await.unwrap();
    assert_eq!(renamed.version, Some(Version::from("2")));
    let sent = &script.seen()[3].2["requests"][0];
    assert_eq!((&sent["method"], &sent["body"]), (&json!("PATCH"), &body));
}

#[tokio::test]
async fn what_was_changed_since_is_neither_renamed_nor_deleted() {
    let (calendars, script) = calendars();
    let delete = |id: &str| WriteOp::Delete { id: id.into(), if_match: Some("1".into()) };
    for (op, expected) in [
        (rename("1"), "changed-since"),
        (delete("A"), "changed-since"),
        (delete("GONE"), "calendar-gone"),
        (delete("DEFAULT"), "default-calendar"),
    ] {
        // A look at the list, and no more.
        let standing = json!({"value": [calendar("DEFAULT", "1"), calendar("A", "2")]});
        script.then_json(200, standing);
        assert_eq!(code(write(&calendars, op).await), expected);
    }
    script.then_json(200, json!({"value": [calendar("A", "1")]}));
    script.then_batch(|_| json!({"status": 204}));
    write(&calendars, delete("A")).await.unwrap();
    let seen = script.seen();
    assert_eq!(seen.last().unwrap().2["requests"][0]["method"], "DELETE");
}

#[tokio::test]
async fn a_refused_calendar_says_why_and_a_lost_answer_is_a_doubt() {
    let (calendars, script) = calendars();
    let create = || WriteOp::Create { content: named("Elbe") };
    let list = || json!({"value": []});
    script.then_json(200, list()).then_batch(|_| error(409, "ErrorFolderExists"));
    let refused = write(&calendars, create()).await;
    assert!(matches!(&refused, Err(Failure::Permanent(t)) if t.detail.contains("\"Elbe\"")));
    assert_eq!(code(refused), TAKEN);
    script.then_json(200, list()).then(|_| Err(wire::Error::InDoubt("cut".into())));
    assert!(matches!(write(&calendars, create()).await, Err(Failure::InDoubt(_))));
    script.then_json(200, list());
    let nameless = write(&calendars, WriteOp::Create { content: named(" ") }).await;
    assert_eq!(code(nameless), "no-name");
    let mut found = calendar("NEW", "1");
    found["singleValueExtendedProperties"] =
        json!([{"id": PROPERTY, "value": stamp().to_string()}]);
    script.then_json(200, json!({"value": [found]}));
    let probe = Probe { folder: "list".into(), stamp: stamp(), target: Target::Create };
    let probed = calendars.probe(&[probe]).await.unwrap();
    assert_eq!(probed, [Probed::Applied { id: "NEW".into(), place: Place::Folder }]);
}
