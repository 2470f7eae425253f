//! Meetings between two mailboxes: invitations, updates, cancellations, answers.

use super::*;

const MEETING: &str = "<t:Subject>Plan</t:Subject><t:Body BodyType=\"Text\">Agenda</t:Body><t:Start>2026-12-01T11:00:00Z</t:Start><t:End>2026-12-01T12:00:00Z</t:End><t:Location>Room 1</t:Location>";

fn attendees(list: &[&str]) -> String {
    let one = |address: &&str| {
        format!(
            "<t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee>"
        )
    };
    let list: String = list.iter().map(one).collect();
    format!("<t:RequiredAttendees>{list}</t:RequiredAttendees>")
}

fn call_as(sim: &Server, user: &str, operation: &str) -> String {
    let (status, body) = post(sim, &basic(user), &envelope("", operation));
    assert_eq!(status, 200, "{body}");
    sim.answers.borrow_mut().push(body.clone());
    body
}

fn invite(sim: &Server, inner: &str, send: &str) -> String {
    let body = call(
        sim,
        &format!(
            r#"<m:CreateItem SendMeetingInvitations="{send}"><m:Items><t:CalendarItem>{inner}</t:CalendarItem></m:Items></m:CreateItem>"#
        ),
    );
    assert!(body.contains("NoError"), "{body}");
    item_id(&body)
}

/// All items of a folder with all their properties.
fn all(sim: &Server, user: &str, folder: &str) -> Vec<String> {
    let found = call_as(
        sim,
        user,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>"#
        ),
    );
    let ids = found.split("<t:ItemId ").skip(1).filter_map(|rest| rest.split("/>").next());
    ids.map(|id| {
        call_as(
            sim,
            user,
            &format!(
                "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds><t:ItemId {id}/></m:ItemIds></m:GetItem>"
            ),
        )
    })
    .collect()
}

fn one(sim: &Server, user: &str, folder: &str) -> String {
    let mut items = all(sim, user, folder);
    assert_eq!(items.len(), 1, "{user} {folder}");
    items.remove(0)
}

fn sent(sim: &Server) -> Vec<String> {
    sim.with(|world| {
        world.sent.iter().map(|sent| format!("{:?} {}", sent.kind, sent.to.join(","))).collect()
    })
}

fn change(sim: &Server, user: &str, id: &str, send: &str, updates: &str) -> String {
    let body = call_as(
        sim,
        user,
        &format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{send}"><m:ItemChanges><t:ItemChange>{id}<t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ),
    );
    assert!(body.contains("NoError"), "{body}");
    body
}

fn respond(sim: &Server, user: &str, disposition: &str, object: &str, id: &str) -> String {
    let reference = id.replace("t:ItemId", "t:ReferenceItemId");
    call_as(
        sim,
        user,
        &format!(
            r#"<m:CreateItem MessageDisposition="{disposition}"><m:Items><t:{object}>{reference}</t:{object}></m:Items></m:CreateItem>"#
        ),
    )
}

fn has(text: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
}

#[test]
fn an_invitation_arrives_and_its_answer_comes_back() {
    let sim = sim();
    let guests = attendees(&[BEN, ANNA, "far@fabrikam.example"]);
    invite(&sim, &format!("{MEETING}{guests}"), "SendToAllAndSaveCopy");
    let own = one(&sim, ANNA, "calendar");
    has(
        &own,
        &[
            "<t:MeetingRequestWasSent>true<",
            "<t:MyResponseType>Organizer<",
            "<t:AppointmentState>1<",
            "<t:CancelCalendarItem/>",
        ],
    );
    let request = one(&sim, BEN, "inbox");
    has(
        &request,
        &[
            "<t:MeetingRequest>",
            "<t:ItemClass>IPM.Schedule.Meeting.Request</t:ItemClass>",
            "<t:MeetingRequestType>NewMeetingRequest<",
            "<t:Start>2026-12-01T11:00:00Z</t:Start>",
            "<t:Location>Room 1</t:Location>",
            "<t:HasBeenProcessed>true<",
            "<t:ProposeNewTime/>",
            "<t:IntendedFreeBusyStatus>Busy<",
        ],
    );
    let copy = one(&sim, BEN, "calendar");
    has(
        &copy,
        &[
            "<t:MyResponseType>NoResponseReceived<",
            "<t:LegacyFreeBusyStatus>Tentative<",
            "<t:AppointmentState>3<",
            "<t:IsMeeting>true<",
        ],
    );
    assert_eq!(element(&copy, "t:UID"), element(&own, "t:UID"));
    let named = between(&request, "<t:AssociatedCalendarItemId ", "/>");
    assert_eq!(item_id(&copy), format!("<t:ItemId {named}/>"));
    let stream = call_as(
        &sim,
        BEN,
        &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:ItemShape><m:ItemIds>{}</m:ItemIds></m:GetItem>",
            item_id(&request)
        ),
    );
    let stream = between(&stream, "<t:MimeContent CharacterSet=\"UTF-8\">", "</");
    let stream = String::from_utf8(STANDARD.decode(stream).expect("base64")).expect("text");
    has(&stream, &["multipart/alternative", "method=\"REQUEST\"", "METHOD:REQUEST", "Agenda"]);
    // A copy is kept, and nothing is sent to oneself.
    has(&one(&sim, ANNA, "sentitems"), &["<t:MeetingRequest>"]);
    assert_eq!(sent(&sim), [format!("Invitation {BEN},far@fabrikam.example")]);

    let answer = respond(&sim, BEN, "SendAndSaveCopy", "AcceptItem", &item_id(&request));
    has(&answer, &["NoError", "<t:CalendarItem>", "<t:MeetingRequest>"]);
    let copy = one(&sim, BEN, "calendar");
    has(
        &copy,
        &["<t:MyResponseType>Accept<", "<t:LegacyFreeBusyStatus>Busy<", "<t:AppointmentReplyTime>"],
    );
    assert!(all(&sim, BEN, "inbox").is_empty());
    has(&one(&sim, BEN, "deleteditems"), &["<t:MeetingRequest>"]);
    has(&one(&sim, BEN, "sentitems"), &["<t:MeetingResponse>"]);
    let response = one(&sim, ANNA, "inbox");
    has(
        &response,
        &[
            "<t:MeetingResponse>",
            "IPM.Schedule.Meeting.Resp.Pos",
            "<t:Subject>Accepted: Plan<",
            "<t:ResponseType>Accept<",
        ],
    );
    let own = one(&sim, ANNA, "calendar");
    has(&own, &["<t:ResponseType>Accept</t:ResponseType><t:LastResponseTime>"]);
    assert_eq!(sent(&sim)[1], format!("Response {ANNA}"));
}

#[test]
fn updates_reach_the_copy_and_ask_again_only_for_another_time() {
    let sim = sim();
    let id = invite(&sim, &format!("{MEETING}{}", attendees(&[BEN])), "SendOnlyToAll");
    assert!(all(&sim, ANNA, "sentitems").is_empty());
    let copy = item_id(&one(&sim, BEN, "calendar"));
    respond(&sim, BEN, "SendOnly", "AcceptItem", &copy);
    // What is one's own stays, and is nobody else's business.
    let own = set("item:Categories", "<t:Categories><t:String>Mine</t:String></t:Categories>");
    let copy = item_id(&one(&sim, BEN, "calendar"));
    change(&sim, BEN, &copy, "SendToAllAndSaveCopy", &own);
    assert_eq!(sent(&sim).len(), 2);
    let place = set("calendar:Location", "<t:Location>Room 2</t:Location>");
    change(&sim, ANNA, &id, "SendToAllAndSaveCopy", &place);
    let copy = one(&sim, BEN, "calendar");
    has(
        &copy,
        &[
            "Room 2",
            "<t:MyResponseType>Accept<",
            "<t:String>Mine<",
            "<t:AppointmentSequenceNumber>1<",
        ],
    );
    let time = set("calendar:Start", "<t:Start>2026-12-01T10:00:00Z</t:Start>");
    change(&sim, ANNA, &id, "SendOnlyToAll", &time);
    let copy = one(&sim, BEN, "calendar");
    has(
        &copy,
        &[
            "2026-12-01T10:00:00Z",
            "<t:MyResponseType>NoResponseReceived<",
            "<t:LegacyFreeBusyStatus>Tentative<",
            "<t:AppointmentSequenceNumber>2<",
        ],
    );
    has(&one(&sim, ANNA, "calendar"), &["<t:ResponseType>Unknown<"]);
    let inbox = all(&sim, BEN, "inbox");
    assert_eq!(inbox.len(), 2);
    let text = inbox.concat();
    has(
        &text,
        &["InformationalUpdate", "FullUpdate", "<t:IsOutOfDate>true<", "<t:IsOutOfDate>false<"],
    );
    let old = inbox.iter().find(|one| one.contains("InformationalUpdate")).expect("the update");
    let refused = respond(&sim, BEN, "SendOnly", "AcceptItem", &item_id(old));
    has(&refused, &["ErrorCalendarMeetingRequestIsOutOfDate"]);
    // Changes that are told to nobody, or to those who come only.
    let subject = set("item:Subject", "<t:Subject>Quiet</t:Subject>");
    change(&sim, ANNA, &id, "SendToNone", &subject);
    has(&one(&sim, BEN, "calendar"), &["<t:Subject>Plan<"]);
    let all_guests = set("calendar:RequiredAttendees", &attendees(&[BEN, "far@fabrikam.example"]));
    change(&sim, ANNA, &id, "SendToChangedAndSaveCopy", &all_guests);
    assert_eq!(sent(&sim).last().expect("one"), "Invitation far@fabrikam.example");
    // Who is stated once more has answered all the same.
    let request = all(&sim, BEN, "inbox").into_iter().find(|one| one.contains("FullUpdate"));
    respond(&sim, BEN, "SendOnly", "AcceptItem", &item_id(&request.expect("the update")));
    change(&sim, ANNA, &id, "SendToNone", &set("calendar:RequiredAttendees", &attendees(&[BEN])));
    has(&one(&sim, ANNA, "calendar"), &["<t:ResponseType>Accept<"]);
}

#[test]
fn a_cancelled_meeting_stays_until_it_is_removed() {
    let sim = sim();
    let guests = attendees(&[BEN]);
    let id = invite(&sim, &format!("{MEETING}{guests}"), "SendOnlyToAll");
    let copy = item_id(&one(&sim, BEN, "calendar"));
    has(
        &respond(&sim, BEN, "SendOnly", "CancelCalendarItem", &copy),
        &["ErrorCalendarIsNotOrganizer"],
    );
    has(
        &respond(&sim, ANNA, "SendOnly", "AcceptItem", &id),
        &["ErrorCalendarIsOrganizerForAccept"],
    );
    has(&respond(&sim, ANNA, "SendAndSaveCopy", "CancelCalendarItem", &id), &["NoError"]);
    assert!(all(&sim, ANNA, "calendar").is_empty());
    has(&one(&sim, ANNA, "sentitems"), &["<t:MeetingCancellation>"]);
    let copy = one(&sim, BEN, "calendar");
    has(
        &copy,
        &[
            "<t:Subject>Canceled: Plan<",
            "<t:IsCancelled>true<",
            "<t:AppointmentState>7<",
            "<t:LegacyFreeBusyStatus>Free<",
            "<t:RemoveItem/>",
        ],
    );
    has(
        &respond(&sim, BEN, "SendOnly", "AcceptItem", &item_id(&copy)),
        &["ErrorCalendarIsCancelledForAccept"],
    );
    let inbox = all(&sim, BEN, "inbox");
    let message =
        inbox.iter().find(|one| one.contains("<t:MeetingCancellation>")).expect("it came");
    has(message, &["IPM.Schedule.Meeting.Canceled", "<t:RemoveItem/>"]);
    has(&respond(&sim, BEN, "SendOnly", "RemoveItem", &item_id(message)), &["NoError"]);
    assert!(all(&sim, BEN, "calendar").is_empty());
    assert_eq!(all(&sim, BEN, "inbox").len(), 1);
    // Deleting is another way to cancel.
    let id = invite(&sim, &format!("{MEETING}{guests}"), "SendOnlyToAll");
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToAllAndSaveCopy"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    has(&one(&sim, BEN, "calendar"), &["<t:Subject>Canceled: Plan<"]);
    assert_eq!(all(&sim, ANNA, "sentitems").len(), 2);
}

#[test]
fn declining_removes_the_copy_with_or_without_a_word() {
    let sim = sim();
    let guests = attendees(&[BEN]);
    invite(&sim, &format!("{MEETING}{guests}"), "SendOnlyToAll");
    let request = item_id(&one(&sim, BEN, "inbox"));
    let without = format!(
        "<m:CreateItem><m:Items><t:DeclineItem>{}</t:DeclineItem></m:Items></m:CreateItem>",
        request.replace("t:ItemId", "t:ReferenceItemId")
    );
    has(&call_as(&sim, BEN, &without), &["ErrorMessageDispositionRequired"]);
    has(&respond(&sim, BEN, "SaveOnly", "DeclineItem", &request), &["NoError"]);
    assert!(all(&sim, BEN, "calendar").is_empty());
    assert_eq!(sent(&sim).len(), 1);
    has(&one(&sim, ANNA, "calendar"), &["<t:ResponseType>Unknown<"]);
    // The request in Deleted Items can still be answered otherwise.
    let trash = all(&sim, BEN, "deleteditems");
    let request = trash.iter().find(|one| one.contains("<t:MeetingRequest>")).expect("it");
    has(&respond(&sim, BEN, "SendOnly", "TentativelyAcceptItem", &item_id(request)), &["NoError"]);
    has(&one(&sim, BEN, "calendar"), &["<t:MyResponseType>Tentative<"]);
    has(&one(&sim, ANNA, "inbox"), &["IPM.Schedule.Meeting.Resp.Tent"]);
    has(&one(&sim, ANNA, "calendar"), &["<t:ResponseType>Tentative<"]);
}

fn tuesdays() -> String {
    let pattern = "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday</t:DaysOfWeek></t:WeeklyRecurrence><t:NumberedRecurrence><t:StartDate>2026-12-01</t:StartDate><t:NumberOfOccurrences>4</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>";
    format!("{MEETING}{}{pattern}", attendees(&[BEN]))
}

/// The subjects and answers of what a calendar shows, by start.
fn view(sim: &Server, user: &str) -> Vec<String> {
    let found = call_as(
        sim,
        user,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:Subject"/><t:FieldURI FieldURI="calendar:Start"/><t:FieldURI FieldURI="calendar:MyResponseType"/></t:AdditionalProperties></m:ItemShape><m:CalendarView StartDate="2026-11-01T00:00:00Z" EndDate="2027-02-01T00:00:00Z"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    let items = found.split("<t:CalendarItem>").skip(1);
    items
        .map(|item| {
            let start = &element(item, "t:Start")[5..10];
            format!("{start} {} {}", element(item, "t:Subject"), element(item, "t:MyResponseType"))
        })
        .collect()
}

/// The id of an occurrence, by its number among those that a calendar shows.
fn shown(sim: &Server, user: &str, number: usize) -> String {
    let found = call_as(
        sim,
        user,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:CalendarView StartDate="2026-11-01T00:00:00Z" EndDate="2027-02-01T00:00:00Z"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    let rest = found.split("<t:CalendarItem>").nth(number).expect("an occurrence");
    item_id(rest)
}

#[test]
fn occurrences_are_changed_cancelled_and_answered_one_by_one() {
    let sim = sim();
    invite(&sim, &tuesdays(), "SendOnlyToAll");
    let plain = |day: &str, answer: &str| format!("{day} Plan {answer}");
    let dates = ["12-01", "12-08", "12-15", "12-22"];
    assert_eq!(view(&sim, BEN), dates.map(|day| plain(day, "NoResponseReceived")));
    let series = item_id(&one(&sim, BEN, "inbox"));
    respond(&sim, BEN, "SendOnly", "AcceptItem", &series);
    assert_eq!(view(&sim, BEN), dates.map(|day| plain(day, "Accept")));
    // Another subject of the second is for information, the third takes place another day.
    let subject = set("item:Subject", "<t:Subject>Other</t:Subject>");
    change(&sim, ANNA, &shown(&sim, ANNA, 2), "SendOnlyToAll", &subject);
    let later = format!(
        "{}{}",
        set("calendar:Start", "<t:Start>2026-12-16T11:00:00Z</t:Start>"),
        set("calendar:End", "<t:End>2026-12-16T12:00:00Z</t:End>")
    );
    change(&sim, ANNA, &shown(&sim, ANNA, 3), "SendOnlyToAll", &later);
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendOnlyToAll"><m:ItemIds>{}</m:ItemIds></m:DeleteItem>"#,
            shown(&sim, ANNA, 4)
        ),
    );
    let now = [
        "12-01 Plan Accept",
        "12-08 Other Accept",
        "12-16 Plan NoResponseReceived",
        "12-22 Canceled: Plan Accept",
    ];
    assert_eq!(view(&sim, BEN), now);
    // The requests name the occurrence, by its original start.
    let inbox = all(&sim, BEN, "inbox").concat();
    has(&inbox, &["<t:RecurrenceId>2026-12-15T11:00:00Z<", "<t:CalendarItemType>Exception<"]);
    let first = shown(&sim, BEN, 1);
    has(&respond(&sim, BEN, "SendOnly", "DeclineItem", &first), &["NoError"]);
    assert_eq!(view(&sim, BEN).len(), 3);
    let own = call(
        &sim,
        &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>{}</m:ItemIds></m:GetItem>",
            shown(&sim, ANNA, 1)
        ),
    );
    has(&own, &["<t:ResponseType>Decline<", "<t:CalendarItemType>Exception<"]);
    // An update of the series brings back nothing, and takes what was cancelled away.
    let place = set("calendar:Location", "<t:Location>Room 9</t:Location>");
    let master = call(
        &sim,
        &format!(
            r#"<m:GetItem><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ItemIds><t:RecurringMasterItemId {}</m:ItemIds></m:GetItem>"#,
            shown(&sim, ANNA, 1).replace("<t:ItemId Id=", "OccurrenceId=")
        ),
    );
    change(&sim, ANNA, &item_id(&master), "SendOnlyToAll", &place);
    assert_eq!(view(&sim, BEN), &now[1..3]);
}

#[test]
fn who_is_invited_to_one_occurrence_gets_only_that() {
    let sim = sim();
    let whole = tuesdays().replace(&attendees(&[BEN]), "");
    invite(&sim, &whole, "SendOnlyToAll");
    assert!(sent(&sim).is_empty());
    let guests = set("calendar:RequiredAttendees", &attendees(&[BEN]));
    change(&sim, ANNA, &shown(&sim, ANNA, 2), "SendOnlyToChanged", &guests);
    assert_eq!(view(&sim, BEN), ["12-08 Plan NoResponseReceived"]);
    respond(&sim, BEN, "SendOnly", "AcceptItem", &shown(&sim, BEN, 1));
    assert!(all(&sim, BEN, "inbox").is_empty());
    let own = call(
        &sim,
        &format!(
            "<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape><m:ItemIds>{}</m:ItemIds></m:GetItem>",
            shown(&sim, ANNA, 2)
        ),
    );
    has(&own, &["<t:ResponseType>Accept<"]);
    let subject = set("item:Subject", "<t:Subject>Other</t:Subject>");
    change(&sim, ANNA, &shown(&sim, ANNA, 2), "SendOnlyToAll", &subject);
    assert_eq!(view(&sim, BEN), ["12-08 Other Accept"]);
}

#[test]
fn items_are_replied_to_and_forwarded() {
    let sim = sim();
    let to = |list: &[&str]| -> String {
        list.iter()
            .map(|address| {
                format!("<t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox>")
            })
            .collect()
    };
    let letter = format!(
        r#"<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>Hello</t:Subject><t:Body BodyType="Text">First</t:Body><t:Attachments><t:FileAttachment><t:Name>a.txt</t:Name><t:Content>QQ==</t:Content></t:FileAttachment></t:Attachments><t:ToRecipients>{}</t:ToRecipients></t:Message></m:Items></m:CreateItem>"#,
        to(&[BEN, "far@fabrikam.example"])
    );
    has(&call(&sim, &letter), &["NoError"]);
    let first = one(&sim, BEN, "inbox");
    let answer = |object: &str, inner: &str, after: &str| {
        let reference = item_id(&first).replace("t:ItemId", "t:ReferenceItemId");
        let body = call_as(
            &sim,
            BEN,
            &format!(
                r#"<m:CreateItem MessageDisposition="SendAndSaveCopy"><m:Items><t:{object}>{inner}{reference}{after}</t:{object}></m:Items></m:CreateItem>"#
            ),
        );
        has(&body, &["NoError"]);
    };
    let new = r#"<t:NewBodyContent BodyType="Text">Second</t:NewBodyContent>"#;
    answer("ReplyAllToItem", "", new);
    let reply = one(&sim, ANNA, "inbox");
    has(&reply, &["<t:Subject>RE: Hello<", "Second", "First", "far@fabrikam.example"]);
    assert_eq!(element(&reply, "t:InReplyTo"), element(&first, "t:InternetMessageId"));
    assert!(reply.contains("<t:HasAttachments>false<"));
    let forward = format!("<t:ToRecipients>{}</t:ToRecipients>", to(&[ANNA]));
    answer("ForwardItem", &forward, new);
    let inbox = all(&sim, ANNA, "inbox").concat();
    has(&inbox, &["<t:Subject>FW: Hello<", "<t:HasAttachments>true<"]);
    assert_eq!(sent(&sim)[1], format!("Mail {ANNA},far@fabrikam.example"));
}
