//! Items are created, changed, moved and deleted.

use crate::*;

#[test]
fn what_is_created_is_read_back() {
    let sim = sim();
    let made = create_event(
        &sim,
        r#"<t:Subject>Review ☕ &amp; &lt;more&gt;</t:Subject><t:Sensitivity>Private</t:Sensitivity><t:Body BodyType="HTML">&lt;p&gt;Grüße&lt;/p&gt;</t:Body><t:Categories><t:String>Red</t:String><t:String>Blue</t:String></t:Categories><t:Importance>High</t:Importance><t:ReminderIsSet>true</t:ReminderIsSet><t:ReminderMinutesBeforeStart>25</t:ReminderMinutesBeforeStart><t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="66F5A359-4659-4830-9070-00047EC6AC6E" PropertyName="Stamp" PropertyType="String"/><t:Value>s-1</t:Value></t:ExtendedProperty><t:UID>my-uid@example</t:UID><t:Start>2026-12-01T09:00:00</t:Start><t:End>2026-12-01T10:00:00</t:End><t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Room 1</t:Location><t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="Eastern Standard Time"/>"#,
    );
    let id = item_id(&made);
    assert!(id.contains(r#"ChangeKey="DwAA"#), "{id}");
    let item = get(
        &sim,
        &id,
        r#"<t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:TextBody"/><t:FieldURI FieldURI="calendar:StartTimeZoneId"/><t:FieldURI FieldURI="calendar:EndTimeZoneId"/><t:ExtendedFieldURI PropertySetId="66F5A359-4659-4830-9070-00047EC6AC6E" PropertyName="Stamp" PropertyType="String"/><t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="3" PropertyType="Binary"/></t:AdditionalProperties>"#,
    );
    for part in [
        "<t:Subject>Review ☕ &amp; &lt;more&gt;</t:Subject>",
        "<t:Sensitivity>Private<",
        "&lt;p&gt;Grüße&lt;/p&gt;",
        r#"<t:TextBody BodyType="Text">Grüße</t:TextBody>"#,
        "<t:Categories><t:String>Red</t:String><t:String>Blue</t:String></t:Categories>",
        "<t:Importance>High<",
        "<t:ReminderMinutesBeforeStart>25<",
        r#"PropertySetId="66f5a359-4659-4830-9070-00047ec6ac6e" PropertyName="Stamp" PropertyType="String"/><t:Value>s-1<"#,
        r#"<t:ExtendedFieldURI DistinguishedPropertySetId="Meeting" PropertyId="3" PropertyType="Binary"/><t:Value>BAAAAIIA4AB0xbcQGoLgC"#,
        "<t:UID>my-uid@example<",
        "<t:Start>2026-12-01T08:00:00Z<",
        "<t:End>2026-12-01T15:00:00Z<",
        "<t:LegacyFreeBusyStatus>OOF<",
        "<t:Location>Room 1<",
        "<t:CalendarItemType>Single<",
        "<t:Duration>PT7H<",
        "<t:EmailAddress>anna@contoso.example<",
        "<t:StartTimeZoneId>W. Europe Standard Time<",
        "<t:EndTimeZoneId>Eastern Standard Time<",
        r#"Id="W. Europe Standard Time"><t:Periods>"#,
    ] {
        assert!(item.contains(part), "{part} in {item}");
    }
}

#[test]
fn defaults_are_the_servers() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let item = get(&sim, &id, ALL);
    for part in [
        "<t:ReminderIsSet>true<",
        "<t:ReminderMinutesBeforeStart>15<",
        "<t:LegacyFreeBusyStatus>Busy<",
        "<t:TimeZone>UTC<",
        "<t:IsMeeting>false<",
        "<t:UID>040000008200E00074C5B7101A82E008",
    ] {
        assert!(item.contains(part) || part.contains("TimeZone"), "{part} in {item}");
    }
}

#[test]
fn all_day_events_are_rounded_in_their_zone() {
    let sim = sim();
    let header = r#"<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>"#;
    let made = call_with(
        &sim,
        header,
        &create_request(
            "<t:Subject>Fair</t:Subject><t:Start>2026-07-01T10:30:00</t:Start><t:End>2026-07-02T11:00:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>",
        ),
    );
    let item = get(
        &sim,
        &item_id(&made),
        &fields(&["calendar:Start", "calendar:End", "calendar:StartTimeZoneId"]),
    );
    assert!(item.contains("<t:Start>2026-06-30T22:00:00Z<"), "{item}");
    assert!(item.contains("<t:End>2026-07-02T22:00:00Z<"), "{item}");
    assert!(item.contains("W. Europe Standard Time"), "{item}");
}

#[test]
fn required_attributes_and_their_errors() {
    let sim = sim();
    let bare = call(
        &sim,
        &format!(
            "<m:CreateItem><m:Items><t:CalendarItem>{LUNCH}</t:CalendarItem></m:Items></m:CreateItem>"
        ),
    );
    assert!(bare.contains("ErrorSendMeetingInvitationsRequired"), "{bare}");
    let id = item_id(&create_event(&sim, LUNCH));
    let update = call(
        &sim,
        &format!(
            r#"<m:UpdateItem ConflictResolution="NeverOverwrite"><m:ItemChanges><t:ItemChange>{id}<t:Updates>{}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#,
            set("item:Subject", "<t:Subject>x</t:Subject>")
        ),
    );
    assert!(update.contains("ErrorSendMeetingInvitationsOrCancellationsRequired"), "{update}");
    let delete = call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="HardDelete"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    assert!(delete.contains("ErrorSendMeetingCancellationsRequired"), "{delete}");
    assert!(get(&sim, &id, ALL).contains("Lunch"));
}

#[test]
fn bad_items_fail_alone_and_in_their_place() {
    let sim = sim();
    let long = "x".repeat(256);
    let body = call(
        &sim,
        &format!(
            r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem><t:Subject>{long}</t:Subject></t:CalendarItem><t:CalendarItem>{LUNCH}</t:CalendarItem><t:CalendarItem><t:Start>2026-12-02T11:00:00Z</t:Start><t:End>2026-12-01T12:00:00Z</t:End></t:CalendarItem></m:Items></m:CreateItem>"#
        ),
    );
    let codes: Vec<&str> = body
        .split("<m:ResponseCode>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap_or_default())
        .collect();
    assert_eq!(
        codes,
        ["ErrorPropertyValidationFailure", "NoError", "ErrorCalendarEndDateIsEarlierThanStartDate"]
    );
}

#[test]
fn change_keys_guard_writes() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let subject = |text: &str| set("item:Subject", &format!("<t:Subject>{text}</t:Subject>"));
    let first = update(&sim, &id, "NeverOverwrite", &subject("One"));
    assert!(
        first.contains("<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>"),
        "{first}"
    );
    assert_ne!(item_id(&first), id);
    let stale = update(&sim, &id, "NeverOverwrite", &subject("Two"));
    assert!(stale.contains("ErrorIrresolvableConflict"), "{stale}");
    let bare = format!("<t:ItemId Id=\"{}\"/>", between(&id, "Id=\"", "\""));
    assert!(
        update(&sim, &bare, "AlwaysOverwrite", &subject("Two"))
            .contains("ErrorChangeKeyRequiredForWriteOperations")
    );
    let forged = bare.replace("/>", " ChangeKey=\"?\"/>");
    assert!(
        update(&sim, &forged, "AlwaysOverwrite", &subject("Two")).contains("ErrorInvalidChangeKey")
    );
    update(&sim, &id, "AlwaysOverwrite", &subject("Three"));
    assert!(get(&sim, &bare, ALL).contains("<t:Subject>Three<"));
}

#[test]
fn updates_set_delete_and_append() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &format!("{LUNCH}<t:Location>Here</t:Location>")));
    let stamp = r#"<t:ExtendedFieldURI PropertySetId="66f5a359-4659-4830-9070-00047ec6ac6e" PropertyName="Stamp" PropertyType="String"/>"#;
    let updates = format!(
        r#"{}<t:SetItemField>{stamp}<t:CalendarItem><t:ExtendedProperty>{stamp}<t:Value>v</t:Value></t:ExtendedProperty></t:CalendarItem></t:SetItemField><t:DeleteItemField><t:FieldURI FieldURI="calendar:Location"/></t:DeleteItemField><t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:CalendarItem><t:Body BodyType="Text">more</t:Body></t:CalendarItem></t:AppendToItemField>"#,
        set("item:Body", r#"<t:Body BodyType="Text">some </t:Body>"#)
    );
    let id = item_id(&update(&sim, &id, "NeverOverwrite", &updates));
    let item =
        get(&sim, &id, &format!("{ALL}<t:AdditionalProperties>{stamp}</t:AdditionalProperties>"));
    assert!(
        item.contains("<t:Value>v<")
            && item.contains("some more<")
            && !item.contains("<t:Location>"),
        "{item}"
    );
    for (updates, code) in [
        (
            set(
                "item:DateTimeCreated",
                "<t:DateTimeCreated>2026-01-01T00:00:00Z</t:DateTimeCreated>",
            ),
            "ErrorInvalidPropertySet",
        ),
        (set("item:Subject", "<t:Location>x</t:Location>"), "ErrorUpdatePropertyMismatch"),
        (set("item:Subject", ""), "ErrorIncorrectUpdatePropertyCount"),
        (
            r#"<t:DeleteItemField><t:FieldURI FieldURI="calendar:Start"/></t:DeleteItemField>"#
                .to_owned(),
            "ErrorInvalidPropertyDelete",
        ),
    ] {
        let body = update(&sim, &id, "NeverOverwrite", &updates);
        assert!(body.contains(code), "{code}: {body}");
    }
}

#[test]
fn a_zone_without_times_keeps_the_wall_clock() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let zone = |name: &str| {
        set(&format!("calendar:{name}"), &format!(r#"<t:{name} Id="W. Europe Standard Time"/>"#))
    };
    let id = item_id(&update(
        &sim,
        &id,
        "NeverOverwrite",
        &(zone("StartTimeZone") + &zone("EndTimeZone")),
    ));
    let item = get(&sim, &id, ALL);
    assert!(
        item.contains("<t:Start>2026-12-01T10:00:00Z<")
            && item.contains("<t:End>2026-12-01T11:00:00Z<"),
        "{item}"
    );
}

#[test]
fn a_moved_item_has_a_new_id_and_a_copy_its_properties() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let calendar = call(
        &sim,
        r#"<m:CreateFolder><m:ParentFolderId><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderId><m:Folders><t:CalendarFolder><t:DisplayName>Two</t:DisplayName></t:CalendarFolder></m:Folders></m:CreateFolder>"#,
    );
    let folder = format!("<t:FolderId {}/>", between(&calendar, "<t:FolderId ", "/>"));
    let relocate = |operation: &str, id: &str| {
        call(
            &sim,
            &format!(
                "<m:{operation}><m:ToFolderId>{folder}</m:ToFolderId><m:ItemIds>{id}</m:ItemIds></m:{operation}>"
            ),
        )
    };
    let copy = item_id(&relocate("CopyItem", &id));
    let moved = item_id(&relocate("MoveItem", &id));
    assert_ne!(between(&moved, "Id=\"", "\""), between(&id, "Id=\"", "\""));
    assert!(get(&sim, &id, ALL).contains("ErrorItemNotFound"));
    assert!(get(&sim, &moved, ALL).contains("Lunch") && get(&sim, &copy, ALL).contains("Lunch"));
}

#[test]
fn mail_is_sent_as_asked_and_only_then() {
    let sim = sim();
    let guest = |address: &str| {
        format!(
            "<t:Attendee><t:Mailbox><t:EmailAddress>{address}</t:EmailAddress></t:Mailbox></t:Attendee>"
        )
    };
    let meeting = format!("{LUNCH}<t:RequiredAttendees>{}</t:RequiredAttendees>", guest(BEN));
    let id = item_id(&create_event(&sim, &meeting));
    let attendees = set(
        "calendar:RequiredAttendees",
        &format!("<t:RequiredAttendees>{}</t:RequiredAttendees>", guest("c@d.example")),
    );
    let id = item_id(&update(&sim, &id, "NeverOverwrite", &attendees));
    assert!(get(&sim, &id, ALL).contains("<t:IsMeeting>true<"));
    assert_eq!(sim.with(|world| world.sent.len()), 0);
    call(&sim, &create_request(&meeting).replace("SendToNone", "SendToAllAndSaveCopy"));
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendOnlyToAll"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    let sent: Vec<String> = sim.with(|world| {
        world.sent.iter().map(|sent| format!("{:?} {}", sent.kind, sent.to.join(","))).collect()
    });
    assert_eq!(sent, ["Invitation ben@contoso.example", "Cancellation c@d.example"]);
}

#[test]
fn answers_state_times_in_the_zone_of_the_request() {
    let sim = sim();
    let header = r#"<t:TimeZoneContext><t:TimeZoneDefinition Id="India Standard Time"/></t:TimeZoneContext>"#;
    let id = item_id(&create_event(&sim, LUNCH));
    let item = call_with(
        &sim,
        header,
        &format!(
            "<m:GetItem><m:ItemShape>{ALL}</m:ItemShape><m:ItemIds>{id}</m:ItemIds></m:GetItem>"
        ),
    );
    assert!(item.contains("<t:Start>2026-12-01T16:30:00+05:30<"), "{item}");
    let nowhere = header.replace("India", "Atlantis");
    let (status, answer) = post(&sim, &basic(ANNA), &envelope(&nowhere, "<m:GetServerTimeZones/>"));
    assert_eq!(status, 500, "{answer}");
    let made =
        create_event(&sim, &format!(r#"{LUNCH}<t:StartTimeZone Id="Atlantis Standard Time"/>"#));
    assert!(made.contains("ErrorCalendarInvalidTimeZone"), "{made}");
}

#[test]
fn what_cannot_be_written_in_xml_leaves_as_on_real_servers() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    sim.with(|world| {
        let mailbox = world.mailbox_mut(ANNA).expect("there");
        let item = mailbox.items().next().expect("one").clone();
        let mut content = item.content;
        content.subject = "bell \u{7}".to_owned();
        mailbox.update(item.id, None, content).expect("updated");
    });
    let request = format!(
        "<m:GetItem><m:ItemShape>{ALL}</m:ItemShape><m:ItemIds>{id}</m:ItemIds></m:GetItem>"
    );
    let (_, answer) = post(&sim, &basic(ANNA), &envelope("", &request));
    assert!(answer.contains("<t:Subject>bell &#x7;<"), "{answer}");
}

#[test]
fn a_trashed_meeting_is_changed_in_silence_only() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    let found = call(
        &sim,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="deleteditems"/></m:ParentFolderIds></m:FindItem>"#,
    );
    let request = |send: &str| {
        format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{send}"><m:ItemChanges><t:ItemChange>{}<t:Updates>{}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#,
            item_id(&found),
            set("item:Subject", "<t:Subject>x</t:Subject>")
        )
    };
    assert!(call(&sim, &request("SendOnlyToAll")).contains("ErrorCalendarCannotUpdateDeletedItem"));
    assert!(call(&sim, &request("SendToNone")).contains("NoError"));
}

#[test]
fn an_update_that_can_not_be_sent_writes_nothing() {
    let sim = sim();
    let id = item_id(&call(
        &sim,
        r#"<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message><t:Subject>Draft</t:Subject></t:Message></m:Items></m:CreateItem>"#,
    ));
    let answer = call(
        &sim,
        &format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SendOnly"><m:ItemChanges><t:ItemChange>{id}<t:Updates><t:SetItemField><t:FieldURI FieldURI="item:Subject"/><t:Message><t:Subject>Changed</t:Subject></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ),
    );
    assert!(answer.contains("ErrorInvalidRecipients"), "{answer}");
    let after = get(&sim, &id, "<t:BaseShape>Default</t:BaseShape>");
    assert!(after.contains("<t:Subject>Draft<") && item_id(&after) == id, "{after}");
}
