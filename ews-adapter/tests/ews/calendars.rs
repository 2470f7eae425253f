//! The list of calendars: what is asked for, and how it is written.

use crate::script::*;
use items::calendars::Calendars;
use items::hierarchy::{Shelf, TAKEN};
use items::{Content, Folder};
use std::sync::Arc;
use sync_core::ids::{RemoteId, Version};
use sync_core::port::{
    Failure, Place, Probe, Probed, Remote, Stamp, Target, Write, WriteOp, Written,
};

const PROPERTY: &str = "<t:ExtendedProperty><t:ExtendedFieldURI \
    PropertySetId=\"e0b26d46-6b7c-4c5a-9f0e-5d1c2b7a9e31\" PropertyName=\"NAME\" \
    PropertyType=\"String\"/><t:Value>VALUE</t:Value></t:ExtendedProperty>";

/// A server with a default calendar, one called "Team", and one in Deleted Items, that answers a
/// change as `changed` says.
fn server(changed: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Arc<Script> {
    Script::new(move |request| {
        if request.contains("<m:GetFolder>") {
            let folder = |id: &str| {
                let folder = format!("<t:Folder><t:FolderId Id=\"{id}\"/></t:Folder>");
                success("GetFolder", &format!("<m:Folders>{folder}</m:Folders>"))
            };
            return ok(response("GetFolder", &(folder("default") + &folder("trash"))));
        }
        if request.contains("<m:SyncFolderHierarchy>") {
            let name = request.split("PropertyName=\"").nth(1).unwrap().split('"').next().unwrap();
            let property =
                |n| PROPERTY.replace("NAME", name).replace("VALUE", &stamp(n).to_string());
            let all = [
                folder("default", "root", "Kalender", ""),
                folder("team", "default", "Team", &property(1)),
                folder("gone", "trash", "Gone", &property(2)),
            ];
            let page = format!(
                "<m:SyncState>s</m:SyncState><m:IncludesLastFolderInRange>true\
                 </m:IncludesLastFolderInRange><m:Changes>{}</m:Changes>",
                all.concat()
            );
            return ok(response("SyncFolderHierarchy", &success("SyncFolderHierarchy", &page)));
        }
        changed(request)
    })
}

fn folder(id: &str, parent: &str, name: &str, property: &str) -> String {
    format!(
        "<t:Create><t:CalendarFolder><t:FolderId Id=\"{id}\" ChangeKey=\"k\"/>\
         <t:ParentFolderId Id=\"{parent}\"/><t:FolderClass>IPF.Appointment</t:FolderClass>\
         <t:DisplayName>{name}</t:DisplayName>{property}</t:CalendarFolder></t:Create>"
    )
}

fn done(operation: &'static str, id: &str) -> Reply {
    let folder = format!("<t:CalendarFolder><t:FolderId Id=\"{id}\" ChangeKey=\"k2\"/>");
    let folders = format!("<m:Folders>{folder}</t:CalendarFolder></m:Folders>");
    ok(response(operation, &success(operation, &folders)))
}

async fn write(script: &Arc<Script>, op: WriteOp) -> Result<Written, Failure> {
    let calendars = Calendars::new(Arc::new(remote(script)), digester());
    let write = Write { folder: "list".into(), stamp: stamp(9), op };
    calendars.write(&[write]).await.pop().unwrap()
}

fn named(name: &str) -> Vec<u8> {
    Content::Folder(Folder::named(name)).to_canonical()
}

fn rename(id: &str, version: &str) -> WriteOp {
    let if_match = Some(Version::from(version));
    WriteOp::Update { id: id.into(), if_match, patch: named("<Elbe> & Co") }
}

fn delete(id: &str) -> WriteOp {
    WriteOp::Delete { id: id.into(), if_match: Some("k".into()) }
}

#[tokio::test]
async fn calendars_are_told_from_what_lies_in_the_trash() {
    let script = server(|_| panic!("nothing is changed"));
    let list = remote(&script).list().await.unwrap();
    let of = |all: &[items::hierarchy::Standing]| -> Vec<(String, bool, Option<Stamp>)> {
        all.iter().map(|one| (one.name.clone(), one.is_default, one.stamp.clone())).collect()
    };
    assert_eq!(
        of(&list.standing),
        [("Kalender".to_owned(), true, None), ("Team".to_owned(), false, Some(stamp(1)))]
    );
    assert_eq!(of(&list.trashed), [("Gone".to_owned(), false, Some(stamp(2)))]);
    let calendars = Calendars::new(Arc::new(remote(&script)), digester());
    let probe = |n, target| Probe { folder: "list".into(), stamp: stamp(n), target };
    let probes = [
        probe(1, Target::Create),
        probe(2, Target::Create),
        probe(3, Target::Delete("team".into())),
    ];
    let at = |id: &str, place| Probed::Applied { id: RemoteId::from(id), place };
    let expected = [at("team", Place::Folder), at("gone", Place::Trash), Probed::NotApplied];
    assert_eq!(calendars.probe(&probes).await.unwrap(), expected);
    validate(&script.requests());
}

#[tokio::test]
async fn every_change_is_valid_stamped_and_conditional() {
    let script = server(|request| match request {
        r if r.contains("<m:CreateFolder>") => done("CreateFolder", "new"),
        r if r.contains("<m:UpdateFolder>") => done("UpdateFolder", "team"),
        _ => ok(response("DeleteFolder", &success("DeleteFolder", ""))),
    });
    let made = write(&script, WriteOp::Create { content: named("<Elbe> & Co") }).await.unwrap();
    assert_eq!((made.id.as_str(), made.version), ("new", Some(Version::from("k2"))));
    write(&script, rename("team", "k")).await.unwrap();
    write(&script, delete("team")).await.unwrap();
    let requests = script.requests();
    let sent = |tag: &str| requests.iter().find(|r| r.contains(tag)).expect("it was sent");
    assert!(
        sent("<m:CreateFolder>").contains("&lt;Elbe> &amp; Co")
            || sent("<m:CreateFolder>").contains("&lt;Elbe&gt; &amp; Co")
    );
    for tag in ["<m:CreateFolder>", "<m:UpdateFolder>"] {
        assert!(sent(tag).contains(&stamp(9).to_string()), "{tag}");
    }
    assert!(sent("<m:UpdateFolder>").contains("Id=\"team\" ChangeKey=\"k\""));
    assert!(sent("<m:DeleteFolder").contains("DeleteType=\"MoveToDeletedItems\""));
    validate(&requests);
}

#[tokio::test]
async fn what_stands_otherwise_is_left_alone() {
    let script = server(|_| panic!("nothing is changed"));
    for (op, expected) in [
        (rename("team", "old"), "changed-since"),
        (rename("gone", "k"), "calendar-gone"),
        (delete("default"), "default-calendar"),
    ] {
        let failure = write(&script, op).await.unwrap_err();
        assert_eq!(failure.trouble().code, expected);
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    for (code, expected) in [
        ("ErrorFolderExists", "refused"),
        ("ErrorStaleObject", "stale"),
        ("ErrorFolderNotFound", "missing"),
        ("ErrorInternalServerError", "in doubt"),
    ] {
        let script = server(move |_| ok(response("UpdateFolder", &error("UpdateFolder", code))));
        let failure = write(&script, rename("team", "k")).await.unwrap_err();
        assert!(failure.to_string().starts_with(expected), "{code}: {failure}");
        assert_eq!(failure.trouble().code, code);
        if code == TAKEN {
            assert!(failure.trouble().detail.contains("rename one of them"), "{failure}");
        }
    }
}
