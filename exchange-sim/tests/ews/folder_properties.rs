//! Folder classes, extended properties, copying and emptying.

use crate::*;

const HIDDEN: &str = r#"<t:ExtendedFieldURI PropertyTag="0x10F4" PropertyType="Boolean"/>"#;
const NOTE: &str = r#"<t:ExtendedFieldURI PropertySetId="00020329-0000-0000-c000-000000000046" PropertyName="note" PropertyType="String"/>"#;

fn make(sim: &Server, parent: &str, folders: &str) -> String {
    call(
        sim,
        &format!(
            "<m:CreateFolder><m:ParentFolderId>{parent}</m:ParentFolderId><m:Folders>{folders}</m:Folders></m:CreateFolder>"
        ),
    )
}

const TOP: &str = r#"<t:DistinguishedFolderId Id="msgfolderroot"/>"#;

fn folder_id(text: &str) -> String {
    format!("<t:FolderId {}/>", between(text, "<t:FolderId ", "/>"))
}

fn look(sim: &Server, id: &str, properties: &str) -> String {
    call(
        sim,
        &format!(
            "<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>{properties}</t:AdditionalProperties></m:FolderShape><m:FolderIds>{id}</m:FolderIds></m:GetFolder>"
        ),
    )
}

#[test]
fn folders_have_extended_properties() {
    let sim = sim();
    let made = make(
        &sim,
        TOP,
        &format!(
            "<t:Folder><t:DisplayName>x</t:DisplayName><t:ExtendedProperty>{HIDDEN}<t:Value>true</t:Value></t:ExtendedProperty></t:Folder>"
        ),
    );
    let id = folder_id(&made);
    let count = r#"<t:ExtendedFieldURI PropertyTag="0x3602" PropertyType="Integer"/>"#;
    let seen = look(&sim, &id, &format!("{HIDDEN}{NOTE}{count}"));
    assert!(seen.contains(r#"PropertyTag="0x10f4""#) && seen.contains("<t:Value>true"), "{seen}");
    assert!(seen.contains("<t:Value>0</t:Value>") && !seen.contains("note"), "{seen}");
    let state = hierarchy(&sim, "");
    let set = format!(
        "<t:SetFolderField>{NOTE}<t:Folder><t:ExtendedProperty>{NOTE}<t:Value>hello</t:Value></t:ExtendedProperty></t:Folder></t:SetFolderField>"
    );
    change(&sim, &id, &set);
    assert!(look(&sim, &id, NOTE).contains("<t:Value>hello</t:Value>"));
    let changed = hierarchy(&sim, element(&state, "m:SyncState"));
    assert!(changed.contains("<t:Update><t:Folder>"), "{changed}");
    change(&sim, &id, &format!("<t:DeleteFolderField>{NOTE}</t:DeleteFolderField>"));
    assert!(!look(&sim, &id, NOTE).contains("hello"));
    let found = call(
        &sim,
        &format!(
            r#"<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:Restriction><t:IsEqualTo>{HIDDEN}<t:FieldURIOrConstant><t:Constant Value="1"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds>{TOP}</m:ParentFolderIds></m:FindFolder>"#
        ),
    );
    assert!(found.contains(r#"TotalItemsInView="1""#), "{found}");
    for (update, code) in [
        (
            r#"<t:DeleteFolderField><t:FieldURI FieldURI="folder:DisplayName"/></t:DeleteFolderField>"#,
            "ErrorInvalidPropertyDelete",
        ),
        (
            r#"<t:AppendToFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:DisplayName>y</t:DisplayName></t:Folder></t:AppendToFolderField>"#,
            "ErrorInvalidPropertyAppend",
        ),
        (
            r#"<t:SetFolderField><t:FieldURI FieldURI="folder:TotalCount"/><t:Folder><t:TotalCount>3</t:TotalCount></t:Folder></t:SetFolderField>"#,
            "ErrorInvalidPropertySet",
        ),
        (
            r#"<t:SetFolderField><t:FieldURI FieldURI="folder:DisplayName"/><t:Folder><t:FolderClass>IPF.Note</t:FolderClass></t:Folder></t:SetFolderField>"#,
            "ErrorUpdatePropertyMismatch",
        ),
    ] {
        assert_eq!(element(&change(&sim, &id, update), "m:ResponseCode"), code);
    }
}

fn hierarchy(sim: &Server, state: &str) -> String {
    let state = match state {
        "" => String::new(),
        state => format!("<m:SyncState>{state}</m:SyncState>"),
    };
    call(
        sim,
        &format!(
            "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape>{state}</m:SyncFolderHierarchy>"
        ),
    )
}

fn change(sim: &Server, id: &str, update: &str) -> String {
    call(
        sim,
        &format!(
            "<m:UpdateFolder><m:FolderChanges><t:FolderChange>{id}<t:Updates>{update}</t:Updates></t:FolderChange></m:FolderChanges></m:UpdateFolder>"
        ),
    )
}

#[test]
fn folders_of_every_class_are_made() {
    let sim = sim();
    for (folder, class) in [
        ("CalendarFolder", "IPF.Appointment"),
        ("ContactsFolder", "IPF.Contact"),
        ("TasksFolder", "IPF.Task"),
    ] {
        let made = make(
            &sim,
            TOP,
            &format!("<t:{folder}><t:DisplayName>{folder} x</t:DisplayName></t:{folder}>"),
        );
        let seen = look(&sim, &folder_id(&made), NOTE);
        assert!(seen.contains(&format!("<t:{folder}>")), "{seen}");
        assert_eq!(element(&seen, "t:FolderClass"), class);
    }
    let plain = make(&sim, TOP, "<t:Folder><t:DisplayName>plain</t:DisplayName></t:Folder>");
    let seen = look(&sim, &folder_id(&plain), NOTE);
    assert!(seen.contains("<t:Folder>") && !seen.contains("FolderClass"), "{seen}");
    for (folder, code) in [
        (
            "<t:CalendarFolder><t:FolderClass>IPF.Note</t:FolderClass><t:DisplayName>a</t:DisplayName></t:CalendarFolder>",
            "ErrorNoFolderClassOverride",
        ),
        (
            "<t:SearchFolder><t:DisplayName>b</t:DisplayName></t:SearchFolder>",
            "ErrorInvalidOperation",
        ),
    ] {
        assert_eq!(element(&make(&sim, TOP, folder), "m:ResponseCode"), code);
    }
}

#[test]
fn folders_are_copied_and_emptied() {
    let sim = sim();
    let made = make(&sim, TOP, "<t:Folder><t:DisplayName>x</t:DisplayName></t:Folder>");
    let id = folder_id(&made);
    make(&sim, &id, "<t:Folder><t:DisplayName>inner</t:DisplayName></t:Folder>");
    call(
        &sim,
        &format!(
            r#"<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>{id}</m:SavedItemFolderId><m:Items><t:Message><t:Subject>s</t:Subject></t:Message></m:Items></m:CreateItem>"#
        ),
    );
    let copy = |id: &str, target: &str| {
        call(
            &sim,
            &format!(
                "<m:CopyFolder><m:ToFolderId>{target}</m:ToFolderId><m:FolderIds>{id}</m:FolderIds></m:CopyFolder>"
            ),
        )
    };
    let inbox = r#"<t:DistinguishedFolderId Id="inbox"/>"#;
    let copied = folder_id(&copy(&id, inbox));
    assert_ne!(copied, id);
    let counts = |id: &str| {
        let seen = look(&sim, id, NOTE);
        (element(&seen, "t:TotalCount").to_owned(), element(&seen, "t:ChildFolderCount").to_owned())
    };
    let (one, none) = ("1".to_owned(), "0".to_owned());
    assert_eq!(counts(&copied), (one.clone(), one.clone()));
    assert_eq!(element(&copy(&id, inbox), "m:ResponseCode"), "ErrorMoveCopyFailed");
    assert_eq!(element(&copy(inbox, &id), "m:ResponseCode"), "ErrorMoveCopyFailed");
    let empty = |id: &str, subfolders: bool| {
        let answer = call(
            &sim,
            &format!(
                r#"<m:EmptyFolder DeleteType="HardDelete" DeleteSubFolders="{subfolders}"><m:FolderIds>{id}</m:FolderIds></m:EmptyFolder>"#
            ),
        );
        element(&answer, "m:ResponseCode").to_owned()
    };
    assert_eq!(empty(&copied, false), "NoError");
    assert_eq!(counts(&copied), (none.clone(), one.clone()));
    assert_eq!(empty(&copied, true), "NoError");
    assert_eq!(counts(&copied), (none.clone(), none));
    assert_eq!(counts(&id), (one.clone(), one));
    let calendar = r#"<t:DistinguishedFolderId Id="calendar"/>"#;
    assert_eq!(empty(calendar, false), "ErrorCannotEmptyFolder");
}

#[test]
fn permissions_are_given_where_asked_for() {
    let sim = sim();
    let name = r#"<t:FieldURI FieldURI="folder:DisplayName"/>"#;
    let path = r#"<t:FieldURI FieldURI="folder:PermissionSet"/>"#;
    let id = |name: &str| format!(r#"<t:DistinguishedFolderId Id="{name}"/>"#);
    assert!(!look(&sim, &id("inbox"), name).contains("PermissionSet"));
    let inbox = look(&sim, &id("inbox"), path);
    assert_eq!(inbox.matches("<t:PermissionLevel>None<").count(), 2, "{inbox}");
    let calendar = look(&sim, &id("calendar"), path);
    assert!(calendar.contains("<t:CalendarPermissionLevel>FreeBusyTimeOnly<"), "{calendar}");
    assert!(look(&sim, &id("contacts"), path).contains("<t:DistinguishedUser>Anonymous<"));
    let found = call(
        &sim,
        &format!(
            r#"<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>Default</t:BaseShape><t:AdditionalProperties>{path}</t:AdditionalProperties></m:FolderShape><m:ParentFolderIds>{TOP}</m:ParentFolderIds></m:FindFolder>"#
        ),
    );
    assert!(found.contains("ErrorInvalidPropertyRequest"), "{found}");
}
