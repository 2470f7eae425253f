//! Items go out as opaque streams and come in again, in full fidelity.

use crate::*;

const UPDATE: &str = r#"CreateAction="Update""#;
const NEW: &str = r#"CreateAction="CreateNew""#;
const EITHER: &str = r#"CreateAction="UpdateOrCreate""#;
/// Every Monday for four weeks.
const SERIES: &str = "<t:Subject>Series</t:Subject><t:Start>2027-02-01T08:00:00Z</t:Start><t:End>2027-02-01T09:00:00Z</t:End><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2027-02-01</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>";

fn export(sim: &Server, ids: &str) -> String {
    call(sim, &format!("<m:ExportItems><m:ItemIds>{ids}</m:ItemIds></m:ExportItems>"))
}

/// Uploads to a folder, given as the attributes of its id; `id` is an `ItemId` or nothing.
fn upload(sim: &Server, action: &str, folder: &str, id: &str, data: &str) -> String {
    call(
        sim,
        &format!(
            "<m:UploadItems><m:Items><t:Item {action}><t:ParentFolderId {folder}/>{id}<t:Data>{data}</t:Data></t:Item></m:Items></m:UploadItems>"
        ),
    )
}

fn code(text: &str) -> &str {
    element(text, "m:ResponseCode")
}

/// The `ItemId` of an export or upload, as a request has it.
fn named(text: &str) -> String {
    format!("<t:ItemId {}/>", between(text, "<m:ItemId ", "/>"))
}

/// The attributes of a distinguished folder's id.
fn folder(sim: &Server, name: &str) -> String {
    let found = call(
        sim,
        &format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="{name}"/></m:FolderIds></m:GetFolder>"#
        ),
    );
    between(&found, "<t:FolderId ", "/>").to_owned()
}

fn new_calendar(sim: &Server) -> String {
    let made = call(
        sim,
        r#"<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderId><m:Folders><t:CalendarFolder><t:DisplayName>other</t:DisplayName></t:CalendarFolder></m:Folders></m:CreateFolder>"#,
    );
    between(&made, "<t:FolderId ", "/>").to_owned()
}

#[test]
fn a_series_comes_back_with_its_exceptions() {
    let sim = sim();
    let id = item_id(&create_event(&sim, SERIES));
    let master = between(&id, "Id=\"", "\"").to_owned();
    let occurrence = |index: usize| {
        format!(r#"<t:OccurrenceItemId RecurringMasterId="{master}" InstanceIndex="{index}"/>"#)
    };
    let second = item_id(&get(&sim, &occurrence(2), ALL));
    update(
        &sim,
        &second,
        "AlwaysOverwrite",
        &set("item:Subject", "<t:Subject>changed</t:Subject>"),
    );
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{}</m:ItemIds></m:DeleteItem>"#,
            occurrence(3)
        ),
    );
    let exported = export(&sim, &id);
    assert_eq!(code(&exported), "NoError", "{exported}");
    let data = element(&exported, "m:Data");
    assert!(data.starts_with("AQAAAAgAAAAAAAAA"), "{data}");
    let other = new_calendar(&sim);
    let made = upload(&sim, NEW, &other, "", data);
    assert_eq!(code(&made), "NoError", "{made}");
    assert_ne!(named(&made), named(&exported));
    let view = call(
        &sim,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{}</m:ItemShape><m:CalendarView StartDate="2027-01-01T00:00:00Z" EndDate="2027-06-01T00:00:00Z"/><m:ParentFolderIds><t:FolderId {other}/></m:ParentFolderIds></m:FindItem>"#,
            fields(&["item:Subject"])
        ),
    );
    let subjects: Vec<&str> = view
        .split("<t:Subject>")
        .skip(1)
        .filter_map(|rest| rest.split_once('<').map(|(subject, _)| subject))
        .collect();
    assert_eq!(subjects, ["Series", "changed", "Series"]);
    let refused = export(&sim, &second);
    assert_eq!(code(&refused), "ErrorCalendarCannotMoveOrCopyOccurrence");
}

#[test]
fn an_older_version_is_put_back_where_the_change_key_is_current() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let exported = export(&sim, &id);
    let data = element(&exported, "m:Data").to_owned();
    let old = named(&exported);
    let changed = update(
        &sim,
        &old,
        "AlwaysOverwrite",
        &set("item:Subject", "<t:Subject>Supper</t:Subject>"),
    );
    let current = item_id(&changed);
    let calendar = folder(&sim, "calendar");
    let stale = upload(&sim, UPDATE, &calendar, &old, &data);
    assert_eq!(code(&stale), "ErrorIrresolvableConflict");
    let back = upload(&sim, UPDATE, &calendar, &current, &data);
    assert_eq!(code(&back), "NoError", "{back}");
    assert_eq!(between(&named(&back), "Id=\"", "\""), between(&old, "Id=\"", "\""));
    assert_ne!(named(&back), current);
    assert!(get(&sim, &id, ALL).contains("<t:Subject>Lunch<"));
}

#[test]
fn what_is_not_in_the_folder_is_made_or_refused() {
    let sim = sim();
    let exported = export(&sim, &item_id(&create_event(&sim, LUNCH)));
    let (id, data) = (named(&exported), element(&exported, "m:Data").to_owned());
    let (calendar, other) = (folder(&sim, "calendar"), new_calendar(&sim));
    assert_eq!(code(&upload(&sim, UPDATE, &other, &id, &data)), "ErrorItemNotFound");
    let copy = upload(&sim, EITHER, &other, &id, &data);
    assert_eq!(code(&copy), "NoError", "{copy}");
    assert_ne!(between(&named(&copy), "Id=\"", "\""), between(&id, "Id=\"", "\""));
    let same = upload(&sim, EITHER, &calendar, &id, &data);
    assert_eq!(between(&named(&same), "Id=\"", "\""), between(&id, "Id=\"", "\""));
    assert_eq!(code(&upload(&sim, UPDATE, &calendar, "", &data)), "ErrorInvalidIdEmpty");
    assert_eq!(code(&upload(&sim, NEW, &calendar, &id, &data)), "ErrorInvalidRequest");
    let associated = format!(r#"{NEW} IsAssociated="true""#);
    assert_eq!(code(&upload(&sim, &associated, &calendar, "", &data)), "ErrorInvalidRequest");
    let inbox = folder(&sim, "inbox");
    let misplaced = upload(&sim, NEW, &inbox, "", &data);
    assert_eq!(code(&misplaced), "ErrorCannotCreateCalendarItemInNonCalendarFolder");
}

#[test]
fn errors_are_those_of_one_item() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let bad_key = format!(r#"<t:ItemId Id="{}" ChangeKey="?"/>"#, between(&id, "Id=\"", "\""));
    let malformed = r#"<t:ItemId Id="AAMk"/>"#;
    let exported = export(&sim, &format!("{bad_key}{id}{malformed}"));
    let codes: Vec<&str> = exported
        .split("<m:ResponseCode>")
        .skip(1)
        .filter_map(|rest| rest.split_once('<').map(|(code, _)| code))
        .collect();
    assert_eq!(codes, ["ErrorInvalidChangeKey", "NoError", "ErrorInvalidIdMalformed"]);
    let calendar = folder(&sim, "calendar");
    let foreign = "AQAAAAgAAAAAAQAAAAADABZADQASDkANABMO";
    assert_eq!(code(&upload(&sim, NEW, &calendar, "", foreign)), "ErrorCorruptData");
    let deleted = call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    assert!(deleted.contains("NoError"), "{deleted}");
    assert_eq!(code(&export(&sim, &id)), "ErrorItemNotFound");
}
