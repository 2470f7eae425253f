//! Reading: folders, changes, items.

use crate::script::*;
use sync_core::ids::Cursor;
use sync_core::port::{Failure, FolderKind, Hint, Remote};

fn sync(inside: &str) -> Reply {
    ok(response("SyncFolderItems", &success("SyncFolderItems", inside)))
}

#[tokio::test]
async fn a_page_has_changes_and_a_cursor() {
    let change = |kind: &str, id: &str| {
        format!(
            "<t:{kind}><t:CalendarItem><t:ItemId Id=\"{id}\" ChangeKey=\"k{id}\"/></t:CalendarItem></t:{kind}>"
        )
    };
    let script = Script::replies([sync(&format!(
        "<m:SyncState>H4sI=</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange>\
         <m:Changes>{}{}{}<t:Delete><t:ItemId Id=\"3\"/></t:Delete><t:ReadFlagChange>\
         <t:ItemId Id=\"4\"/><t:IsRead>true</t:IsRead></t:ReadFlagChange></m:Changes>",
        change("Create", "1"),
        change("Update", "2"),
        change("Update", "1")
    ))]);
    let page = remote(&script).pull(&folder(), None).await.unwrap();
    assert!(page.more);
    assert_eq!(page.cursor.as_str(), "H4sI=");
    let changes: Vec<_> = page
        .changes
        .iter()
        .map(|change| match &change.hint {
            Hint::Changed { version, item: None } => {
                format!("{} in {}", change.id, version.as_ref().unwrap())
            }
            other => format!("{} {other:?}", change.id),
        })
        .collect();
    assert_eq!(changes, ["1 in k1", "2 in k2", "1 in k1", "3 Gone"]);
    assert!(!script.requests()[0].contains("SyncState"));
    assert!(script.requests()[0].contains("<m:MaxChangesReturned>512</m:MaxChangesReturned>"));
}

#[tokio::test]
async fn errors_of_a_pull_say_what_to_do() {
    for (code, expected) in [
        ("ErrorInvalidSyncStateData", "CursorExpired"),
        ("ErrorSyncFolderNotFound", "Permanent"),
        ("ErrorAccessDenied", "Unauthorized"),
        ("ErrorServerBusy", "Throttled"),
        ("ErrorInternalServerError", "Transient"),
    ] {
        let empty = "<m:SyncState/><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>";
        let message = error("SyncFolderItems", code).replace("<m:Items/>", empty);
        let script = Script::replies([ok(response("SyncFolderItems", &message))]);
        let failure =
            remote(&script).pull(&folder(), Some(&Cursor::from("old"))).await.unwrap_err();
        assert!(format!("{failure:?}").starts_with(expected), "{code}: {failure:?}");
        assert!(script.requests()[0].contains("<m:SyncState>old</m:SyncState>"));
    }
}

#[tokio::test]
async fn a_page_that_lacks_its_state_or_leads_nowhere_is_no_page() {
    for inside in [
        "<m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>",
        "<m:SyncState>new</m:SyncState>",
        "<m:SyncState>old</m:SyncState><m:IncludesLastItemInRange>false</m:IncludesLastItemInRange>",
    ] {
        let script = Script::replies([sync(inside)]);
        let failure =
            remote(&script).pull(&folder(), Some(&Cursor::from("old"))).await.unwrap_err();
        assert!(matches!(failure, Failure::Transient(_)), "{inside}: {failure:?}");
    }
}

#[tokio::test]
async fn folders_are_listed_without_the_trash() {
    let listed = |element: &str, id: &str, parent: &str, class: &str, name: &str| {
        format!(
            "<t:Create><t:{element}><t:FolderId Id=\"{id}\"/><t:ParentFolderId Id=\"{parent}\"/>\
             {class}<t:DisplayName>{name}</t:DisplayName></t:{element}></t:Create>"
        )
    };
    let class = |class: &str| format!("<t:FolderClass>{class}</t:FolderClass>");
    let ids = ["cal", "trash"].map(|id| {
        let folder =
            format!("<m:Folders><t:Folder><t:FolderId Id=\"{id}\"/></t:Folder></m:Folders>");
        success("GetFolder", &folder)
    });
    let page = |folders: &[String], last: bool| {
        let inside = format!(
            "<m:SyncState>s</m:SyncState><m:IncludesLastFolderInRange>{last}\
             </m:IncludesLastFolderInRange><m:Changes>{}</m:Changes>",
            folders.concat()
        );
        ok(response("SyncFolderHierarchy", &success("SyncFolderHierarchy", &inside)))
    };
    let script = Script::replies([
        ok(response("GetFolder", &ids.concat())),
        page(
            &[
                listed("CalendarFolder", "cal", "root", &class("IPF.Appointment"), "Kalender"),
                listed("CalendarFolder", "bday", "cal", &class("IPF.Appointment.Birthday"), "B"),
                listed("CalendarFolder", "old", "sub", &class("IPF.Appointment"), "Alt"),
                listed("Folder", "trash", "root", &class("IPF.Note"), "Papierkorb"),
            ],
            false,
        ),
        page(
            &[
                listed("Folder", "sub", "trash", "", "Unter"),
                listed("Folder", "in", "root", "", "Posteingang"),
                listed("TasksFolder", "tasks", "root", &class("IPF.Task"), "Aufgaben"),
            ],
            true,
        ),
    ]);
    let folders = remote(&script).folders().await.unwrap();
    let folders: Vec<_> = folders.iter().map(|f| (f.name.as_str(), f.kind, f.is_default)).collect();
    assert_eq!(
        folders,
        [
            ("B", FolderKind::Other, false),
            ("Kalender", FolderKind::Calendar, true),
            ("Posteingang", FolderKind::Mail, false),
            ("Aufgaben", FolderKind::Other, false),
        ]
    );
    assert!(script.requests()[2].contains("<m:SyncState>s</m:SyncState>"));
}

fn whole(id: &str) -> String {
    let inside = format!(
        "<t:ParentFolderId Id=\"{FOLDER}\"/><t:Subject>{id}</t:Subject>\
         <t:Start>2026-11-25T08:00:00Z</t:Start><t:End>2026-11-25T09:00:00Z</t:End>"
    );
    success("GetItem", &item(id, "k", &inside))
}

#[tokio::test]
async fn items_come_in_the_order_asked_for() {
    let script = Script::new(|request| {
        let messages: String = item_ids(request).iter().map(|id| whole(id)).collect();
        ok(response("GetItem", &messages))
    });
    let fetched = remote(&script).fetch(&folder(), &ids(230)).await.unwrap();
    let expected: Vec<_> = (0..230).map(|i| format!("found id{i}")).collect();
    assert_eq!(words(&fetched), expected);
    let sizes: Vec<_> = script.requests().iter().map(|r| item_ids(r).len()).collect();
    assert_eq!(sizes, [50, 50, 50, 50, 30]);
    assert_eq!(script.under_way_max(), 4);
    assert!(remote(&script).fetch(&folder(), &[]).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_throttled_item_stops_the_rest() {
    let script = Script::new(|request| {
        let message = |id: &String| match id.as_str() {
            "id7" => error("GetItem", "ErrorServerBusy"),
            id => whole(id),
        };
        ok(response("GetItem", &item_ids(request).iter().map(message).collect::<String>()))
    });
    let failure = remote(&script).fetch(&folder(), &ids(1000)).await.unwrap_err();
    assert!(matches!(failure, Failure::Throttled { after_ms: None, .. }), "{failure:?}");
    assert!(script.requests().len() <= 4, "only what was under way is sent");
}

#[tokio::test]
async fn what_the_server_had_no_time_for_is_asked_again() {
    let script = Script::new(|request| {
        let message = |(n, id): (usize, &String)| match n {
            0..3 => whole(id),
            _ => error("GetItem", "ErrorBatchProcessingStopped"),
        };
        ok(response(
            "GetItem",
            &item_ids(request).iter().enumerate().map(message).collect::<String>(),
        ))
    });
    let fetched = remote(&script).fetch(&folder(), &ids(8)).await.unwrap();
    assert_eq!(words(&fetched).len(), 8);
    assert_eq!(script.requests().len(), 3);

    let script = Script::new(|_| {
        ok(response("GetItem", &error("GetItem", "ErrorBatchProcessingStopped").repeat(2)))
    });
    let failure = remote(&script).fetch(&folder(), &ids(2)).await.unwrap_err();
    assert!(matches!(failure, Failure::Transient(_)), "{failure:?}");
}

#[tokio::test]
async fn an_item_elsewhere_is_missing_and_one_outside_the_window_outside() {
    let times = "<t:Start>2026-11-25T08:00:00Z</t:Start><t:End>2026-11-25T09:00:00Z</t:End>";
    let parent =
        |id: &str| format!("<t:ParentFolderId Id=\"{id}\"/>{times}<t:Subject>x</t:Subject>");
    let messages = [
        success("GetItem", &item("id0", "k", &parent("AAMkOTHER"))),
        success("GetItem", &item("id1", "k", &parent(FOLDER))),
        success("GetItem", &item("id2", "k", &parent(FOLDER).replace("2026", "2036"))),
        success("GetItem", "<m:Items/>"),
    ];
    let script = Script::replies([ok(response("GetItem", &messages.concat()))]);
    let config = ews_adapter::Config { window: Some((0, 1_800_000_000)), ..config() };
    let remote = ews_adapter::EwsRemote::new(config, script, digester());
    let fetched = remote.fetch(&folder(), &ids(4)).await.unwrap();
    assert_eq!(words(&fetched), ["missing", "found x", "outside", "no-item"]);
}

#[tokio::test]
async fn an_answer_for_another_number_of_items_is_none() {
    let script = Script::new(|_| ok(response("GetItem", &whole("id0").repeat(3))));
    let failure = remote(&script).fetch(&folder(), &ids(2)).await.unwrap_err();
    assert!(matches!(failure, Failure::Transient(_)), "{failure:?}");
}

#[tokio::test]
async fn what_is_too_much_for_the_server_is_asked_for_in_parts() {
    let script = Script::new(|request| match item_ids(request) {
        ids if ids.len() > 10 => status(500, &[], fault("ErrorTimeoutExpired", None)),
        ids => ok(response("GetItem", &ids.iter().map(|id| whole(id)).collect::<String>())),
    });
    let fetched = remote(&script).fetch(&folder(), &ids(50)).await.unwrap();
    let expected: Vec<_> = (0..50).map(|i| format!("found id{i}")).collect();
    assert_eq!(words(&fetched), expected);
    assert!(script.requests().len() < 15);
}
