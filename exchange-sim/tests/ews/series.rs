//! Series: created, expanded, changed one by one, and shown as recorded servers do.

use crate::tree::Node;
use crate::*;
use exchange_sim::store::Response;

const BERLIN: &str = r#"<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>"#;

fn weekly(days: &str, range: &str) -> String {
    format!(
        "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>{days}</t:DaysOfWeek></t:WeeklyRecurrence>{range}</t:Recurrence>"
    )
}

fn numbered(start: &str, count: u32) -> String {
    format!(
        "<t:NumberedRecurrence><t:StartDate>{start}</t:StartDate><t:NumberOfOccurrences>{count}</t:NumberOfOccurrences></t:NumberedRecurrence>"
    )
}

/// Mondays at 10:00 in Berlin, from 1 February 2027 on.
fn mondays(count: u32) -> String {
    let recurrence = weekly("Monday", &numbered("2027-02-01", count));
    format!(
        "<t:Subject>Standup</t:Subject><t:Start>2027-02-01T10:00:00</t:Start><t:End>2027-02-01T10:30:00</t:End>{recurrence}{BERLIN}"
    )
}

fn attribute<'a>(text: &'a str, name: &str) -> &'a str {
    between(text, &format!("{name}=\""), "\"")
}

fn nth(master: &str, index: usize) -> String {
    format!(
        r#"<t:OccurrenceItemId RecurringMasterId="{}" ChangeKey="{}" InstanceIndex="{index}"/>"#,
        attribute(master, "Id"),
        attribute(master, "ChangeKey")
    )
}

/// The current id of a series by an outdated one.
fn current(sim: &Server, id: &str) -> String {
    item_id(&get(sim, id, "<t:BaseShape>IdOnly</t:BaseShape>"))
}

fn view(sim: &Server, start: &str, end: &str, shape: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{shape}</m:ItemShape><m:CalendarView StartDate="{start}" EndDate="{end}"/><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
        ),
    )
}

fn texts<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()).collect()
}

fn starts(sim: &Server) -> Vec<String> {
    let found =
        view(sim, "2027-01-01T00:00:00Z", "2027-06-01T00:00:00Z", &fields(&["calendar:Start"]));
    texts(&found, "t:Start").into_iter().map(str::to_owned).collect()
}

fn delete(sim: &Server, ids: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>{ids}</m:ItemIds></m:DeleteItem>"#
        ),
    )
}

fn code(text: &str) -> &str {
    element(text, "m:ResponseCode")
}

fn child<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    node.children.iter().find(|child| child.name == name)
}

/// The first element of that name below.
fn below<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    child(node, name).or_else(|| node.children.iter().find_map(|child| below(child, name)))
}

fn find<'a>(node: &'a Node, name: &str) -> &'a Node {
    below(node, name).unwrap_or_else(|| panic!("no {name} in {node:#?}"))
}

#[test]
fn a_series_is_expanded_in_a_view_and_one_item_elsewhere() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(4)));
    assert_eq!(
        starts(&sim),
        [
            "2027-02-01T09:00:00Z",
            "2027-02-08T09:00:00Z",
            "2027-02-15T09:00:00Z",
            "2027-02-22T09:00:00Z"
        ]
    );
    let found = call(
        &sim,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="calendar:CalendarItemType"/></t:AdditionalProperties></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert_eq!(texts(&found, "t:CalendarItemType"), ["RecurringMaster"]);
    assert_eq!(item_id(&found), id);
}

#[test]
fn a_series_keeps_its_wall_clock_over_summer_time() {
    let sim = sim();
    let recurrence = weekly("Monday", &numbered("2027-03-22", 3));
    create_event(
        &sim,
        &format!(
            "<t:Start>2027-03-22T10:00:00</t:Start><t:End>2027-03-22T10:30:00</t:End>{recurrence}{BERLIN}"
        ),
    );
    assert_eq!(
        starts(&sim),
        ["2027-03-22T09:00:00Z", "2027-03-29T08:00:00Z", "2027-04-05T08:00:00Z"]
    );
}

#[test]
fn a_master_tells_of_its_occurrences() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(5)));
    let moved = format!(
        "{}{}",
        set("calendar:Start", "<t:Start>2027-02-09T12:00:00Z</t:Start>"),
        set("calendar:End", "<t:End>2027-02-09T13:00:00Z</t:End>")
    );
    let changed = update(&sim, &nth(&id, 2), "NeverOverwrite", &moved);
    assert_eq!(code(&changed), "NoError");
    assert_eq!(code(&delete(&sim, &nth(&id, 1))), "NoError");
    assert_eq!(code(&delete(&sim, &nth(&id, 5))), "NoError");
    let master = get(&sim, &id, ALL);
    assert_eq!(element(&master, "t:StartDate"), "2027-02-01+01:00");
    assert!(element(&master, "t:FirstOccurrence").contains("<t:Start>2027-02-09T12:00:00Z<"));
    assert!(element(&master, "t:LastOccurrence").contains("<t:Start>2027-02-22T09:00:00Z<"));
    let modified = element(&master, "t:ModifiedOccurrences");
    assert_eq!(texts(modified, "t:Start"), ["2027-02-09T12:00:00Z"]);
    assert_eq!(texts(modified, "t:End"), ["2027-02-09T13:00:00Z"]);
    assert_eq!(texts(modified, "t:OriginalStart"), ["2027-02-08T09:00:00Z"]);
    let deleted = element(&master, "t:DeletedOccurrences");
    assert_eq!(texts(deleted, "t:Start"), ["2027-02-01T09:00:00Z", "2027-03-01T09:00:00Z"]);
    // The id in the list leads to the exception, and back to the master.
    let exception = get(&sim, &item_id(modified), ALL);
    assert_eq!(element(&exception, "t:CalendarItemType"), "Exception");
    assert_eq!(element(&exception, "t:OriginalStart"), "2027-02-08T09:00:00Z");
    assert_eq!(element(&exception, "t:RecurrenceId"), "2027-02-08T09:00:00Z");
    assert_eq!(element(&exception, "t:IsRecurring"), "true");
    let back = format!(
        r#"<t:RecurringMasterItemId OccurrenceId="{}"/>"#,
        attribute(&item_id(modified), "Id")
    );
    assert_eq!(item_id(&get(&sim, &back, ALL)), item_id(&master));
}

#[test]
fn occurrences_are_addressed_by_index_and_errors_say_what_is_wrong() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(3)));
    assert_eq!(code(&delete(&sim, &nth(&id, 2))), "NoError");
    let third = get(&sim, &nth(&id, 3), &fields(&["calendar:Start", "calendar:CalendarItemType"]));
    assert_eq!(element(&third, "t:Start"), "2027-02-15T09:00:00Z");
    assert_eq!(element(&third, "t:CalendarItemType"), "Occurrence");
    let single = item_id(&create_event(&sim, LUNCH));
    let of_single =
        format!(r#"<t:RecurringMasterItemId OccurrenceId="{}"/>"#, attribute(&single, "Id"));
    for (id, wanted) in [
        (nth(&id, 2), "ErrorCalendarOccurrenceIsDeletedFromRecurrence"),
        (nth(&id, 4), "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
        (nth(&id, 0), "ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"),
        (nth(&single, 1), "ErrorCalendarCannotUseIdForRecurringMasterId"),
        (nth(&item_id(&third), 1), "ErrorCalendarCannotUseIdForRecurringMasterId"),
        (of_single, "ErrorCalendarCannotUseIdForOccurrenceId"),
    ] {
        assert_eq!(code(&get(&sim, &id, ALL)), wanted, "{id}");
    }
}

#[test]
fn ranges_name_the_occurrences_of_a_series() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(5)));
    let named = format!(
        r#"<t:RecurringMasterItemIdRanges Id="{}"><t:Ranges><t:Range Start="2027-02-08T00:00:00Z" Count="2"/></t:Ranges></t:RecurringMasterItemIdRanges>"#,
        attribute(&id, "Id")
    );
    let found = get(&sim, &named, &fields(&["calendar:Start"]));
    assert_eq!(
        texts(&found, "t:Start"),
        ["2027-02-01T09:00:00Z", "2027-02-08T09:00:00Z", "2027-02-15T09:00:00Z"]
    );
    assert_eq!(code(&delete(&sim, &named)), "ErrorInvalidRequest");
}

#[test]
fn an_occurrence_stays_in_its_series_and_between_its_neighbours() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(3)));
    let second = item_id(&get(&sim, &nth(&id, 2), ALL));
    for operation in ["MoveItem", "CopyItem"] {
        let answer = call(
            &sim,
            &format!(
                r#"<m:{operation}><m:ToFolderId><t:DistinguishedFolderId Id="deleteditems"/></m:ToFolderId><m:ItemIds>{second}</m:ItemIds></m:{operation}>"#
            ),
        );
        assert_eq!(code(&answer), "ErrorCalendarCannotMoveOrCopyOccurrence");
    }
    let span = |start: &str, end: &str| {
        format!(
            "{}{}",
            set("calendar:Start", &format!("<t:Start>{start}</t:Start>")),
            set("calendar:End", &format!("<t:End>{end}</t:End>"))
        )
    };
    for (start, end) in [
        ("2027-02-16T12:00:00Z", "2027-02-16T13:00:00Z"),
        ("2027-02-14T12:00:00Z", "2027-02-15T09:30:00Z"),
    ] {
        let answer = update(&sim, &second, "NeverOverwrite", &span(start, end));
        assert_eq!(code(&answer), "ErrorOccurrenceCrossingBoundary", "{start}");
    }
    let recurrence = set("calendar:Recurrence", &weekly("Monday", &numbered("2027-02-01", 9)));
    assert_eq!(
        code(&update(&sim, &second, "NeverOverwrite", &recurrence)),
        "ErrorInvalidPropertySet"
    );
}

#[test]
fn sync_tells_of_the_master_only() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(3)));
    let state = element(&sync(&sim, "", 512), "m:SyncState").to_owned();
    update(
        &sim,
        &nth(&id, 2),
        "NeverOverwrite",
        &set("item:Subject", "<t:Subject>Other</t:Subject>"),
    );
    delete(&sim, &nth(&id, 3));
    let page = sync(&sim, &state, 512);
    let changes = element(&page, "m:Changes");
    assert_eq!(changes.matches("<t:ItemId ").count(), 1, "{changes}");
    assert!(changes.contains("<t:Update>"), "{changes}");
    assert_eq!(attribute(&item_id(changes), "Id"), attribute(&id, "Id"));
    assert_ne!(item_id(changes), id);
}

#[test]
fn exceptions_last_until_pattern_or_start_change() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(3)));
    update(
        &sim,
        &nth(&id, 2),
        "NeverOverwrite",
        &set("item:Subject", "<t:Subject>Other</t:Subject>"),
    );
    delete(&sim, &nth(&id, 3));
    let subjects = |sim: &Server| {
        let found =
            view(sim, "2027-01-01T00:00:00Z", "2027-06-01T00:00:00Z", &fields(&["item:Subject"]));
        texts(&found, "t:Subject").join(" ")
    };
    let keep = format!(
        "{}{}",
        set("calendar:Location", "<t:Location>Room 2</t:Location>"),
        set("calendar:Recurrence", &weekly("Monday", &numbered("2027-02-01-08:00", 3)))
    );
    update(&sim, &current(&sim, &id), "NeverOverwrite", &keep);
    assert_eq!(subjects(&sim), "Standup Other");
    let longer = set("calendar:Recurrence", &weekly("Monday", &numbered("2027-02-01", 4)));
    update(&sim, &current(&sim, &id), "NeverOverwrite", &longer);
    assert_eq!(subjects(&sim), "Standup Other Standup");
    let other = set("calendar:Recurrence", &weekly("Monday Tuesday", &numbered("2027-02-01", 4)));
    update(&sim, &current(&sim, &id), "NeverOverwrite", &other);
    assert_eq!(subjects(&sim), "Standup Standup Standup Standup");
    delete(&sim, &nth(&current(&sim, &id), 1));
    let none = set("calendar:Recurrence", &weekly("Monday Tuesday", &numbered("2027-02-01", 1)));
    let answer = update(&sim, &current(&sim, &id), "NeverOverwrite", &none);
    assert_eq!(code(&answer), "ErrorRecurrenceHasNoOccurrence");
    let remove =
        r#"<t:DeleteItemField><t:FieldURI FieldURI="calendar:Recurrence"/></t:DeleteItemField>"#;
    update(&sim, &current(&sim, &id), "NeverOverwrite", remove);
    assert_eq!(subjects(&sim), "Standup");
    let single = get(&sim, &id, ALL);
    assert_eq!(element(&single, "t:CalendarItemType"), "Single");
}

#[test]
fn recurrences_that_make_no_sense_are_refused_by_their_codes() {
    let sim = sim();
    let end = |end: &str| {
        format!(
            "<t:EndDateRecurrence><t:StartDate>2027-02-01</t:StartDate><t:EndDate>{end}</t:EndDate></t:EndDateRecurrence>"
        )
    };
    let daily = |interval: &str, range: &str| {
        format!(
            "<t:Recurrence><t:DailyRecurrence><t:Interval>{interval}</t:Interval></t:DailyRecurrence>{range}</t:Recurrence>"
        )
    };
    let two_days = "<t:Start>2027-02-01T10:00:00Z</t:Start><t:End>2027-02-03T10:00:00Z</t:End>";
    let short = "<t:Start>2027-02-01T10:00:00Z</t:Start><t:End>2027-02-01T11:00:00Z</t:End>";
    for (times, recurrence, wanted) in [
        (short, daily("0", &end("2027-03-01")), "ErrorCalendarOutOfRange"),
        (short, daily("1", &end("2027-01-01")), "ErrorCalendarEndDateIsEarlierThanStartDate"),
        (short, daily("1", &end("4500-12-01")), "ErrorRecurrenceEndDateTooBig"),
        (short, daily("1", &numbered("2027-02-01", 1000)), "ErrorCalendarOutOfRange"),
        (short, weekly("Sunday", &end("2027-02-03")), "ErrorRecurrenceHasNoOccurrence"),
        (
            short,
            weekly("Weekday", &end("2027-03-01")),
            "ErrorCalendarInvalidDayForWeeklyRecurrence",
        ),
        (two_days, daily("1", &end("2027-03-01")), "ErrorOccurrenceTimeSpanTooBig"),
        (two_days, daily("2", &end("2027-03-01")), "NoError"),
    ] {
        let answer = create_event(&sim, &format!("{times}{recurrence}"));
        assert_eq!(code(&answer), wanted, "{recurrence}");
    }
}

#[test]
fn a_view_may_span_two_years_exactly() {
    let sim = sim();
    let shape = "<t:BaseShape>IdOnly</t:BaseShape>";
    let two_years = view(&sim, "2027-03-01T00:00:00Z", "2029-03-01T00:00:00Z", shape);
    assert_eq!(code(&two_years), "NoError");
    let more = view(&sim, "2027-03-01T00:00:00Z", "2029-03-01T00:00:01Z", shape);
    assert_eq!(code(&more), "ErrorCalendarViewRangeTooBig");
}

#[test]
fn an_all_day_series_keeps_its_days() {
    let sim = sim();
    let header = r#"<t:TimeZoneContext><t:TimeZoneDefinition Id="W. Europe Standard Time"/></t:TimeZoneContext>"#;
    let recurrence = "<t:Recurrence><t:AbsoluteYearlyRecurrence><t:DayOfMonth>10</t:DayOfMonth><t:Month>June</t:Month></t:AbsoluteYearlyRecurrence><t:NoEndRecurrence><t:StartDate>2027-06-10</t:StartDate></t:NoEndRecurrence></t:Recurrence>";
    call_with(
        &sim,
        header,
        &create_request(&format!(
            "<t:Start>2027-06-10T00:00:00</t:Start><t:End>2027-06-11T00:00:00</t:End><t:IsAllDayEvent>true</t:IsAllDayEvent>{recurrence}"
        )),
    );
    let shape = fields(&["calendar:Start", "calendar:End"]);
    let found = view(&sim, "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z", &shape);
    assert_eq!(texts(&found, "t:Start"), ["2028-06-09T22:00:00Z"]);
    assert_eq!(texts(&found, "t:End"), ["2028-06-10T22:00:00Z"]);
}

#[test]
fn the_zone_of_exchange_2007_counts_and_yields_to_the_newer_one() {
    let sim = sim();
    let recurrence = weekly("Tuesday", &numbered("2027-03-09-08:00", 2));
    let id = item_id(&create_event(
        &sim,
        &format!(
            r#"<t:Start>2027-03-09T13:13:40.333-08:00</t:Start><t:End>2027-03-09T14:13:40.333-08:00</t:End>{recurrence}<t:MeetingTimeZone TimeZoneName="Pacific Standard Time"/>"#
        ),
    ));
    assert_eq!(starts(&sim), ["2027-03-09T21:13:40Z", "2027-03-16T20:13:40Z"]);
    let master = get(&sim, &id, ALL);
    assert_eq!(element(&master, "t:StartDate"), "2027-03-09-08:00");
}

#[test]
fn a_series_has_the_elements_of_the_recorded_ones() {
    let recording = "recordings/exchange-online-2020-2025/CalendarTest.testRecurringEventSupport";
    if !has_reference(recording) {
        return;
    }
    let recorded = |name: &str| {
        let path = shared(recording).join(name);
        Node::parse(&std::fs::read_to_string(path).expect("a recording"))
    };
    let sim = sim();
    let recurrence = weekly("Wednesday", &numbered("2025-07-02", 4));
    let id = item_id(&create_event(
        &sim,
        &format!(
            "<t:Subject>Weekly Team Meeting</t:Subject><t:Start>2025-07-02T10:00:00Z</t:Start><t:End>2025-07-02T11:00:00Z</t:End><t:Location>Conference Room A</t:Location>{recurrence}"
        ),
    ));
    let compare = |theirs: &Node, ours: &Node| {
        let names = |item: &Node| -> Vec<String> {
            item.children.iter().map(|child| child.name.clone()).collect()
        };
        assert_eq!(names(theirs), names(ours));
        for name in
            ["ItemClass", "CalendarItemType", "IsRecurring", "TimeZone", "RecurrenceId", "Duration"]
        {
            let text = |item: &Node| child(item, name).map(|child| child.text.clone());
            assert_eq!(text(theirs), text(ours), "{name}");
        }
    };
    let theirs = recorded("05-other-response.xml");
    let ours = Node::parse(&get(&sim, &id, ALL));
    compare(find(&theirs, "CalendarItem"), find(&ours, "CalendarItem"));
    for name in ["Start", "End", "OriginalStart"] {
        let text = |item: &Node| find(find(item, "LastOccurrence"), name).text.clone();
        assert_eq!(text(&theirs), text(&ours));
    }
    let ids = |item: &Node| find(find(item, "LastOccurrence"), "ItemId").attributes[0].1.len();
    assert_eq!(ids(&theirs), ids(&ours));
    let occurrence = |document: &Node| {
        let items = &find(document, "Items").children;
        let found = items.iter().find(|item| find(item, "CalendarItemType").text == "Occurrence");
        found.expect("an occurrence").clone()
    };
    let found = view(&sim, "2025-07-01T00:00:00Z", "2025-08-01T00:00:00Z", ALL);
    compare(&occurrence(&recorded("06-other-response.xml")), &occurrence(&Node::parse(&found)));
}

#[test]
fn the_guests_of_one_occurrence_are_mailed_as_asked() {
    let sim = sim();
    let guests = format!(
        "<t:RequiredAttendees><t:Attendee><t:Mailbox><t:EmailAddress>{BEN}</t:EmailAddress></t:Mailbox></t:Attendee></t:RequiredAttendees>"
    );
    let meeting = mondays(2).replace("<t:Recurrence>", &format!("{guests}<t:Recurrence>"));
    let id = item_id(&create_event(&sim, &meeting));
    let change = |flag: &str| {
        let id = nth(&current(&sim, &id), 1);
        let subject = set("item:Subject", &format!("<t:Subject>{flag}</t:Subject>"));
        let answer = call(
            &sim,
            &format!(
                r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" SendMeetingInvitationsOrCancellations="{flag}"><m:ItemChanges><t:ItemChange>{id}<t:Updates>{subject}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
            ),
        );
        assert_eq!(code(&answer), "NoError");
    };
    for flag in ["SendToNone", "SendOnlyToChanged", "SendToAllAndSaveCopy"] {
        change(flag);
    }
    let cancel = |index| {
        let id = nth(&current(&sim, &id), index);
        call(
            &sim,
            &format!(
                r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendOnlyToAll"><m:ItemIds>{id}</m:ItemIds></m:DeleteItem>"#
            ),
        )
    };
    assert_eq!(code(&cancel(1)), "NoError");
    // The last one of a series can't go, and nobody is told that it did.
    assert_eq!(code(&cancel(2)), "ErrorRecurrenceHasNoOccurrence");
    let sent: Vec<String> = sim.with(|world| {
        world.sent.iter().map(|sent| format!("{:?} {}", sent.kind, sent.subject)).collect()
    });
    assert_eq!(sent, ["Update SendToAllAndSaveCopy", "Cancellation SendToAllAndSaveCopy"]);
}

#[test]
fn an_occurrence_tells_what_takes_place_at_its_time() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(2)));
    let event = |start: &str, end: &str, status: &str| {
        create_event(
            &sim,
            &format!(
                "<t:Subject>{status}</t:Subject><t:Start>2027-02-08T{start}:00Z</t:Start><t:End>2027-02-08T{end}:00Z</t:End><t:LegacyFreeBusyStatus>{status}</t:LegacyFreeBusyStatus>"
            ),
        );
    };
    event("08:00", "09:00", "Busy");
    event("09:15", "10:00", "Tentative");
    event("09:00", "09:30", "Free");
    let shape = fields(&[
        "calendar:ConflictingMeetingCount",
        "calendar:AdjacentMeetingCount",
        "calendar:ConflictingMeetings",
        "calendar:AdjacentMeetings",
    ]);
    let occurrence = get(&sim, &nth(&id, 2), &shape);
    assert_eq!(element(&occurrence, "t:ConflictingMeetingCount"), "1");
    assert_eq!(element(&occurrence, "t:AdjacentMeetingCount"), "1");
    assert!(element(&occurrence, "t:ConflictingMeetings").contains("<t:Subject>Tentative<"));
    assert!(element(&occurrence, "t:AdjacentMeetings").contains("<t:Subject>Busy<"));
    let alone = get(&sim, &nth(&id, 1), &shape);
    assert_eq!(element(&alone, "t:ConflictingMeetingCount"), "0");
    assert!(!alone.contains("t:ConflictingMeetings>"), "{alone}");
    assert!(!get(&sim, &id, &shape).contains("MeetingCount"));
}

#[test]
fn only_a_guests_master_says_that_it_recurs() {
    let sim = sim();
    let id = item_id(&create_event(&sim, &mondays(2)));
    let shape = fields(&["calendar:IsRecurring"]);
    assert_eq!(element(&get(&sim, &id, &shape), "t:IsRecurring"), "false");
    sim.with(|world| {
        let mailbox = world.mailbox_mut(ANNA).expect("there");
        let item = mailbox.find_item(attribute(&id, "Id")).expect("there").into_owned();
        let mut content = item.content.clone();
        content.as_event_mut().expect("an event").my_response = Response::Accepted;
        mailbox.update(item.id, None, content).expect("updated");
    });
    assert_eq!(element(&get(&sim, &id, &shape), "t:IsRecurring"), "true");
    assert_eq!(element(&get(&sim, &nth(&id, 1), &shape), "t:IsRecurring"), "true");
}
