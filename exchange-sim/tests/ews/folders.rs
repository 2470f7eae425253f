//! Folders and their hierarchy.

use crate::*;

fn create(sim: &Server, parent: &str, name: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId><m:Folders><t:CalendarFolder><t:DisplayName>{name}</t:DisplayName></t:CalendarFolder></m:Folders></m:CreateFolder>"#
        ),
    )
}

fn folder_id(answer: &str) -> String {
    format!("<t:FolderId {}/>", between(answer, "<t:FolderId ", "/>"))
}

const ROOT: &str = r#"<t:DistinguishedFolderId Id="msgfolderroot"/>"#;

fn hierarchy(sim: &Server, state: &str) -> String {
    let state = if state.is_empty() {
        String::new()
    } else {
        format!("<m:SyncState>{state}</m:SyncState>")
    };
    call(
        sim,
        &format!(
            "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape><m:SyncFolderId>{ROOT}</m:SyncFolderId>{state}</m:SyncFolderHierarchy>"
        ),
    )
}

#[test]
fn folders_live_and_the_hierarchy_tells() {
    let sim = sim();
    let first = hierarchy(&sim, "");
    assert!(
        first.contains("<t:DisplayName>Inbox<") && first.contains("<t:CalendarFolder>"),
        "{first}"
    );
    let state = element(&first, "m:SyncState").to_owned();
    let made = create(&sim, ROOT, "Projects");
    let id = folder_id(&made);
    let again = create(&sim, ROOT, "Projects");
    assert!(again.contains("ErrorFolderExists") && again.contains("<m:Folders/>"), "{again}");
    let second = hierarchy(&sim, &state);
    assert!(
        second.contains("<t:Create><t:CalendarFolder>") && second.contains("Projects"),
        "{second}"
    );
    assert!(!second.contains("Inbox"), "{second}");
    let state = element(&second, "m:SyncState").to_owned();
    call(
        &sim,
        &format!(
            r#"<m:UpdateFolder><m:FolderChanges><t:FolderChange>{id}<t:Updates><t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:CalendarFolder><t:DisplayName>Plans</t:DisplayName></t:CalendarFolder></t:SetFolderField></t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"#
        ),
    );
    let third = hierarchy(&sim, &state);
    assert!(third.contains("<t:Update><t:CalendarFolder>") && third.contains("Plans"), "{third}");
    let state = element(&third, "m:SyncState").to_owned();
    call(
        &sim,
        &format!(
            r#"<m:MoveFolder><m:ToFolderId><t:DistinguishedFolderId Id="calendar"/></m:ToFolderId><m:FolderIds>{id}</m:FolderIds></m:MoveFolder>"#
        ),
    );
    let moved = hierarchy(&sim, &state);
    assert!(moved.contains("<t:Update><t:CalendarFolder>"), "{moved}");
    let state = element(&moved, "m:SyncState").to_owned();
    call(
        &sim,
        &format!(
            r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{id}</m:FolderIds></m:DeleteFolder>"#
        ),
    );
    let last = hierarchy(&sim, &state);
    assert!(last.contains("<t:Delete><t:FolderId"), "{last}");
    let gone = call(
        &sim,
        &format!(
            "<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds>{id}</m:FolderIds></m:GetFolder>"
        ),
    );
    assert!(gone.contains("ErrorItemNotFound"), "{gone}");
    let sync_gone = call(
        &sim,
        &format!(
            "<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId>{id}</m:SyncFolderId><m:MaxChangesReturned>9</m:MaxChangesReturned></m:SyncFolderItems>"
        ),
    );
    assert!(
        sync_gone.contains("ErrorSyncFolderNotFound") && sync_gone.contains("<m:SyncState/>"),
        "{sync_gone}"
    );
}

#[test]
fn folders_are_found_by_name_and_depth() {
    let sim = sim();
    let id = folder_id(&create(&sim, ROOT, "Outer"));
    create(&sim, &id, "Inner");
    let find = |traversal: &str, restriction: &str| {
        call(
            &sim,
            &format!(
                r#"<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>{restriction}<m:ParentFolderIds>{ROOT}</m:ParentFolderIds></m:FindFolder>"#
            ),
        )
    };
    assert!(!find("Shallow", "").contains("Inner"));
    assert!(find("Deep", "").contains("Inner"));
    let named = find(
        "Deep",
        r#"<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="inner"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>"#,
    );
    assert!(named.contains(r#"TotalItemsInView="1""#) && named.contains("Inner"), "{named}");
    assert!(find("SoftDeleted", "").contains(r#"TotalItemsInView="0""#));
    let last = find("Deep", r#"<m:FractionalPageFolderView Numerator="1" Denominator="1"/>"#);
    assert!(last.contains("NumeratorOffset=") && !last.contains("<t:DisplayName>"), "{last}");
}

#[test]
fn what_a_new_folder_cant_be_given_is_refused() {
    let sim = sim();
    let permissions = "<t:PermissionSet><t:CalendarPermissions><t:CalendarPermission><t:UserId><t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId><t:CalendarPermissionLevel>Reviewer</t:CalendarPermissionLevel></t:CalendarPermission></t:CalendarPermissions></t:PermissionSet>";
    for (field, inner) in [
        ("PermissionSet", format!("<t:DisplayName>Shared</t:DisplayName>{permissions}")),
        ("TotalCount", "<t:DisplayName>Full</t:DisplayName><t:TotalCount>7</t:TotalCount>".into()),
    ] {
        let body = call(
            &sim,
            &format!(
                "<m:CreateFolder><m:ParentFolderId>{ROOT}</m:ParentFolderId><m:Folders><t:CalendarFolder>{inner}</t:CalendarFolder></m:Folders></m:CreateFolder>"
            ),
        );
        let path = format!(r#"<t:FieldURI FieldURI="folder:{field}"/>"#);
        assert!(body.contains("ErrorInvalidPropertySet<") && body.contains(&path), "{body}");
    }
    let all = hierarchy(&sim, "");
    assert!(!all.contains("Shared") && !all.contains("Full"), "{all}");
}

#[test]
fn errors_are_those_of_real_servers() {
    let sim = sim();
    let get = |id: &str| {
        call(
            &sim,
            &format!(
                "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>{id}</m:FolderIds></m:GetFolder>"
            ),
        )
    };
    assert!(get(r#"<t:FolderId Id="nonsense"/>"#).contains("ErrorInvalidIdMalformed"));
    let foreign = get(&format!(
        r#"<t:DistinguishedFolderId Id="calendar"><t:Mailbox><t:EmailAddress>{BEN}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>"#
    ));
    assert!(foreign.contains("ErrorAccessDenied"), "{foreign}");
    let mixed = get(r#"<t:FolderId Id="nonsense"/><t:DistinguishedFolderId Id="inbox"/>"#);
    assert!(
        mixed.find("ErrorInvalidIdMalformed").expect("first")
            < mixed.find("Inbox").expect("second")
    );
    let delete = call(
        &sim,
        r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:DeleteFolder>"#,
    );
    assert!(delete.contains("ErrorDeleteDistinguishedFolder"), "{delete}");
}
