//! The answers of Exchange Online, recorded in 2020 without their requests: ours to the requests
//! that belong to them have the same elements and kinds of values.

use crate::tree::Node;
use crate::*;
use std::collections::BTreeSet;

/// An answer of ours and the recorded one that it is held against.
struct Pair {
    recorded: &'static str,
    ours: String,
}

/// Where ours differs: the recorded answer, parts of paths that only it has, parts of paths that
/// only ours has, and why.
type Difference = (&'static str, &'static [&'static str], &'static [&'static str], &'static str);

const DIFFERENCES: &[Difference] = &[
    (
        "CalendarTest.testRecurringEventSupport/05-other",
        &[],
        &["types:WeeklyRecurrence/types:FirstDayOfWeek"],
        "the recorded client asks as Exchange2010, which has no such element",
    ),
    (
        "CalendarTest.testRecurringEventSupport/06-other",
        &["types:AllowNewTimeProposal", "types:Location"],
        &[],
        "another client made one of the events, which has an empty location",
    ),
];

/// Does what the recorded tests did, as Anna.
fn answers(sim: &Server) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut keep = |recorded: &'static str, ours: &str| {
        pairs.push(Pair { recorded, ours: ours.to_owned() });
    };
    let calendar = r#"<t:DistinguishedFolderId Id="calendar"/>"#;
    keep(
        "APITest.testGetFolderByDistinguishedId/01-GetFolder",
        &call(
            sim,
            &format!(
                "<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds>{calendar}</m:FolderIds></m:GetFolder>"
            ),
        ),
    );
    let folder = call(
        sim,
        &format!(
            "<m:CreateFolder><m:ParentFolderId>{calendar}</m:ParentFolderId><m:Folders><t:Folder><t:FolderClass>IPF.Appointment</t:FolderClass><t:DisplayName>Test</t:DisplayName></t:Folder></m:Folders></m:CreateFolder>"
        ),
    );
    keep("APITest.testCreateCalendars/03-CreateFolder", &folder);
    let folder_id = format!("<t:FolderId {}/>", between(&folder, "<t:FolderId ", "/>"));
    keep(
        "CalendarTest.testGetCalendarItem/06-FindFolder",
        &call(
            sim,
            &format!(
                r#"<m:FindFolder Traversal="Shallow"><m:FolderShape>{ALL}</m:FolderShape><m:ParentFolderIds>{calendar}</m:ParentFolderIds></m:FindFolder>"#
            ),
        ),
    );
    keep(
        "APITest.testCreateCalendars/05-DeleteFolder",
        &call(
            sim,
            &format!(
                r#"<m:DeleteFolder DeleteType="HardDelete"><m:FolderIds>{folder_id}</m:FolderIds></m:DeleteFolder>"#
            ),
        ),
    );
    pairs.extend(calendar_answers(sim));
    pairs.extend(mail_answers(sim));
    pairs
}

fn calendar_answers(sim: &Server) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut keep = |recorded: &'static str, ours: &str| {
        pairs.push(Pair { recorded, ours: ours.to_owned() });
    };
    let event = |subject: &str| {
        format!(
            "<t:Subject>{subject}</t:Subject><t:Start>2015-07-01T08:00:00Z</t:Start><t:End>2015-07-01T09:00:00Z</t:End>"
        )
    };
    let created = create_event(sim, &event("Test Get Item 2"));
    keep("APITest.testCreateItems/01-CreateItem", &created);
    let id = item_id(&created);
    keep("CalendarTest.testGetCalendarItem/05-GetItem", &get(sim, &id, ALL));
    let find = |start: &str, end: &str| {
        call(
            sim,
            &format!(
                r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{ALL}</m:ItemShape><m:CalendarView StartDate="{start}" EndDate="{end}"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
            ),
        )
    };
    keep(
        "CalendarTest.testGetCalendarItem/07-FindItem",
        &find("2015-07-01T00:00:00Z", "2015-07-02T00:00:00Z"),
    );
    keep(
        "CalendarTest.testGetCalendarItem/02-FindItem",
        &find("2014-07-01T00:00:00Z", "2014-07-02T00:00:00Z"),
    );
    let series = create_event(
        sim,
        "<t:Subject>Weekly Team Meeting</t:Subject><t:Start>2025-07-02T10:00:00Z</t:Start><t:End>2025-07-02T11:00:00Z</t:End><t:Location>Office</t:Location><t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Wednesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2025-07-02</t:StartDate><t:NumberOfOccurrences>5</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>",
    );
    keep("CalendarTest.testRecurringEventSupport/05-other", &get(sim, &item_id(&series), ALL));
    create_event(
        sim,
        "<t:Subject>Caf\u{e9}</t:Subject><t:Start>2025-07-01T16:00:00Z</t:Start><t:End>2025-07-01T17:00:00Z</t:End><t:Location>Office</t:Location>",
    );
    keep(
        "CalendarTest.testRecurringEventSupport/06-other",
        &find("2025-07-01T00:00:00Z", "2025-08-31T00:00:00Z"),
    );
    let subject = set("item:Subject", "<t:Subject>Test Updated Calendar Item</t:Subject>");
    keep(
        "CalendarTest.testUpdateCalendarItem/05-UpdateItem",
        &update(sim, &id, "AlwaysOverwrite", &subject),
    );
    let delete = format!(
        r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
    );
    keep("APITest.testDeleteItemsFail/02-DeleteItem", &call(sim, &delete));
    keep("APITest.testDeleteItemsFail/03-DeleteItem", &call(sim, &delete));
    keep(
        "APITest.testGetServerTimezones/01-GetServerTimeZones",
        &call(sim, r#"<m:GetServerTimeZones ReturnFullTimeZoneData="false"/>"#),
    );
    // The recorded answer breaks the schema as ours does: the zones have no periods.
    sim.answers.borrow_mut().pop();
    pairs
}

fn mail_answers(sim: &Server) -> Vec<Pair> {
    let mut pairs = Vec::new();
    let mut keep = |recorded: &'static str, ours: &str| {
        pairs.push(Pair { recorded, ours: ours.to_owned() });
    };
    let created = call(
        sim,
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>Test</t:Subject><t:IsRead>false</t:IsRead></t:Message></m:Items></m:CreateItem>"#,
    );
    keep("MailAPITest.testGetUnreadMailItems/06-CreateItem", &created);
    let moved = call(
        sim,
        &format!(
            r#"<m:MoveItem><m:ToFolderId><t:DistinguishedFolderId Id="inbox"/></m:ToFolderId><m:ItemIds>{}</m:ItemIds></m:MoveItem>"#,
            item_id(&created)
        ),
    );
    keep("MailAPITest.testGetUnreadMailItems/09-MoveItem", &moved);
    keep(
        "MailAPITest.testGetUnreadMailItems/16-FindItem",
        &call(
            sim,
            &format!(
                r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{ALL}</m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#
            ),
        ),
    );
    pairs
}

#[test]
fn answers_have_the_shape_of_those_of_exchange_online() {
    let recordings = shared("recordings/exchange-online-2020-2025");
    if !has_reference("recordings") {
        return;
    }
    let sim = sim();
    let mut wrong = Vec::new();
    for pair in answers(&sim) {
        let path = recordings.join(format!("{}-response.xml", pair.recorded));
        let theirs = Node::parse(&std::fs::read_to_string(path).expect("a recording")).shape();
        let ours = Node::parse(&pair.ours).shape();
        let side = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
            one.difference(other).cloned().collect()
        };
        let (missing, added) = (side(&theirs, &ours), side(&ours, &theirs));
        let allowed = DIFFERENCES.iter().find(|(recorded, ..)| *recorded == pair.recorded);
        let (theirs, ours) = allowed.map_or((&[][..], &[][..]), |(_, a, b, _)| (*a, *b));
        let covered = |paths: &[String], parts: &[&str]| {
            paths.iter().all(|path| parts.iter().any(|part| path.contains(part)))
                && parts.iter().all(|part| paths.iter().any(|path| path.contains(part)))
        };
        if !covered(&missing, theirs) || !covered(&added, ours) {
            wrong.push((pair.recorded, missing, added));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
