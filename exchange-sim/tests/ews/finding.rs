//! Restrictions, pages, views, names and zones.

use crate::*;

fn find(sim: &Server, rest: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>{rest}<m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#
        ),
    )
}

#[test]
fn by_restriction_on_stamps_and_fields() {
    let sim = sim();
    let stamp = r#"<t:ExtendedFieldURI PropertySetId="66f5a359-4659-4830-9070-00047ec6ac6e" PropertyName="Stamp" PropertyType="String"/>"#;
    for n in 0..3 {
        create_event(
            &sim,
            &format!(
                "<t:Subject>Event {n}</t:Subject><t:ExtendedProperty>{stamp}<t:Value>s{n}</t:Value></t:ExtendedProperty>"
            ),
        );
    }
    create_event(&sim, LUNCH);
    let equals = |path: &str, value: &str| {
        format!(
            r#"<t:IsEqualTo>{path}<t:FieldURIOrConstant><t:Constant Value="{value}"/></t:FieldURIOrConstant></t:IsEqualTo>"#
        )
    };
    let restrict =
        |expression: &str| find(&sim, &format!("<m:Restriction>{expression}</m:Restriction>"));
    let count = |body: &str| body.matches("<t:CalendarItem>").count();
    assert_eq!(count(&restrict(&equals(stamp, "s1"))), 1);
    assert_eq!(count(&restrict(&format!("<t:Exists>{stamp}</t:Exists>"))), 3);
    assert_eq!(
        count(&restrict(&format!(
            "<t:Or>{}{}</t:Or>",
            equals(stamp, "s1"),
            equals(r#"<t:FieldURI FieldURI="item:Subject"/>"#, "lunch")
        ))),
        2
    );
    assert_eq!(
        count(&restrict(&format!(
            "<t:And><t:Exists>{stamp}</t:Exists><t:Not>{}</t:Not></t:And>",
            equals(stamp, "s2")
        ))),
        2
    );
    let after = r#"<t:IsGreaterThan><t:FieldURI FieldURI="calendar:Start"/><t:FieldURIOrConstant><t:Constant Value="2026-12-01T12:00:00+01:30"/></t:FieldURIOrConstant></t:IsGreaterThan>"#;
    assert_eq!(count(&restrict(after)), 1);
}

#[test]
fn in_pages_and_views() {
    let sim = sim();
    for day in 1..=5 {
        create_event(
            &sim,
            &format!(
                "<t:Subject>Day {day}</t:Subject><t:Start>2026-12-0{day}T11:00:00Z</t:Start><t:End>2026-12-0{day}T12:00:00Z</t:End>"
            ),
        );
    }
    let page = |offset: usize| {
        find(
            &sim,
            &format!(
                r#"<m:IndexedPageItemView MaxEntriesReturned="2" Offset="{offset}" BasePoint="Beginning"/>"#
            ),
        )
    };
    assert!(
        page(0).contains(
            r#"IndexedPagingOffset="2" TotalItemsInView="5" IncludesLastItemInRange="false""#
        ),
        "{}",
        page(0)
    );
    assert!(page(4).contains(r#"IncludesLastItemInRange="true""#));
    let view = |start: &str, end: &str| {
        find(&sim, &format!(r#"<m:CalendarView StartDate="{start}" EndDate="{end}"/>"#))
    };
    let seen = view("2026-12-02T11:30:00Z", "2026-12-04T11:00:00Z");
    assert!(
        seen.find("Day 2").expect("day 2") < seen.find("Day 3").expect("day 3")
            && !seen.contains("Day 4"),
        "{seen}"
    );
    assert!(seen.contains("<t:RoutingType>EX<"), "{seen}");
    assert!(
        view("2026-01-01T00:00:00Z", "2029-01-01T00:00:00Z")
            .contains("ErrorCalendarViewRangeTooBig")
    );
    let body = call(
        &sim,
        &format!(
            r#"<m:FindItem Traversal="Shallow"><m:ItemShape>{}</m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds></m:FindItem>"#,
            fields(&["item:Body"])
        ),
    );
    assert!(body.contains("ErrorInvalidPropertyRequest"), "{body}");
}

#[test]
fn a_fraction_says_where_a_page_begins() {
    let sim = sim();
    for number in 1..=9 {
        create_event(&sim, &format!("<t:Subject>Event {number}</t:Subject>"));
    }
    let page = |numerator: i64, denominator: i64, most: &str| {
        let order = r#"<m:SortOrder><t:FieldOrder Order="Ascending"><t:FieldURI FieldURI="item:Subject"/></t:FieldOrder></m:SortOrder>"#;
        find(
            &sim,
            &format!(
                r#"<m:FractionalPageItemView {most} Numerator="{numerator}" Denominator="{denominator}"/>{order}"#
            ),
        )
    };
    // The documentation's example.
    let last = page(2, 3, r#"MaxEntriesReturned="12""#);
    assert_eq!(last.matches("<t:Subject>").count(), 3, "{last}");
    assert_eq!(element(&last, "t:Subject"), "Event 7");
    let paging = r#"NumeratorOffset="9" AbsoluteDenominator="9" TotalItemsInView="9" IncludesLastItemInRange="true""#;
    assert!(last.contains(paging), "{last}");
    let first = page(0, 3, r#"MaxEntriesReturned="2""#);
    assert!(first.contains(r#"NumeratorOffset="2""#) && first.contains("Event 2"), "{first}");
    assert!(!first.contains("Event 3"), "{first}");
    assert!(!page(1, 1, "").contains("<t:Subject>"));
    for (numerator, denominator) in [(-1, 3), (4, 3), (0, 0), (-2, -1)] {
        let body = page(numerator, denominator, "");
        assert!(body.contains("ErrorInvalidFractionalPagingParameters"), "{body}");
    }
}

#[test]
fn views_that_cant_be_are_refused() {
    let sim = sim();
    create_event(&sim, LUNCH);
    let view =
        r#"<m:CalendarView StartDate="2026-12-01T00:00:00Z" EndDate="2026-12-02T00:00:00Z"/>"#;
    let subject = r#"<t:FieldURI FieldURI="item:Subject"/>"#;
    let restriction = format!("<m:Restriction><t:Exists>{subject}</t:Exists></m:Restriction>");
    let order = format!(
        r#"<m:SortOrder><t:FieldOrder Order="Ascending">{subject}</t:FieldOrder></m:SortOrder>"#
    );
    let group = format!(
        r#"<m:GroupBy Order="Ascending">{subject}<t:AggregateOn Aggregate="Maximum">{subject}</t:AggregateOn></m:GroupBy>"#
    );
    for rest in [format!("{view}{restriction}"), format!("{view}{order}")] {
        let body = find(&sim, &rest);
        let text = "Restrictions and sort order may not be specified for a CalendarView.";
        assert!(body.contains(text) && body.contains("ErrorInvalidOperation<"), "{body}");
    }
    let indexed = |rest: &str| format!(r#"<m:IndexedPageItemView {rest} BasePoint="Beginning"/>"#);
    let seek = format!(
        r#"<m:SeekToConditionPageItemView BasePoint="Beginning"><t:Condition><t:Exists>{subject}</t:Exists></t:Condition></m:SeekToConditionPageItemView>"#
    );
    let thread = r#"<m:DistinguishedGroupBy Order="Ascending"><t:StandardGroupBy>ConversationTopic</t:StandardGroupBy></m:DistinguishedGroupBy>"#;
    for (rest, code) in [
        (group, "ErrorInvalidOperation"),
        (thread.to_owned(), "ErrorInvalidOperation"),
        (seek, "ErrorInvalidOperation"),
        ("<m:ContactsView/>".to_owned(), "ErrorInvalidOperation"),
        (indexed(r#"Offset="-1""#), "ErrorInvalidIndexedPagingParameters"),
        (indexed(r#"MaxEntriesReturned="0" Offset="0""#), "ErrorInvalidPagingMaxRows"),
        (
            view.replace("EndDate", r#"MaxEntriesReturned="-1" EndDate"#),
            "ErrorInvalidPagingMaxRows",
        ),
    ] {
        let body = find(&sim, &rest);
        assert!(body.contains(&format!(">{code}<")), "{rest}: {body}");
    }
    let asked = |traversal: &str, rest: &str, query: &str| {
        call(
            &sim,
            &format!(
                r#"<m:FindItem Traversal="{traversal}"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>{rest}<m:ParentFolderIds><t:DistinguishedFolderId Id="calendar"/></m:ParentFolderIds>{query}</m:FindItem>"#
            ),
        )
    };
    assert!(asked("Associated", view, "").contains("ErrorInvalidOperation<"));
    assert!(asked("Associated", "", "").contains(r#"TotalItemsInView="0""#));
    let query = asked("Shallow", "", "<m:QueryString>subject:lunch</m:QueryString>");
    assert!(query.contains("ErrorContentIndexingNotEnabled<"), "{query}");
}

#[test]
fn names_and_zones() {
    let sim = sim();
    let resolve = |name: &str| {
        call(
            &sim,
            &format!(
                r#"<m:ResolveNames ReturnFullContactData="false"><m:UnresolvedEntry>{name}</m:UnresolvedEntry></m:ResolveNames>"#
            ),
        )
    };
    assert!(resolve("anna").contains("anna@contoso.example"));
    assert!(resolve("nobody").contains("ErrorNameResolutionNoResults"));
    for (scope, found) in [("Contacts", false), ("ContactsActiveDirectory", true)] {
        let body = call(
            &sim,
            &format!(
                r#"<m:ResolveNames ReturnFullContactData="false" SearchScope="{scope}"><m:UnresolvedEntry>anna</m:UnresolvedEntry></m:ResolveNames>"#
            ),
        );
        assert_eq!(!body.contains("ErrorNameResolutionNoResults"), found, "{scope}: {body}");
    }
    let zones = call(
        &sim,
        r#"<m:GetServerTimeZones ReturnFullTimeZoneData="true"><m:Ids><t:Id>W. Europe Standard Time</t:Id><t:Id>India Standard Time</t:Id></m:Ids></m:GetServerTimeZones>"#,
    );
    assert_eq!(zones.matches("<t:TimeZoneDefinition ").count(), 2, "{zones}");
    call(&sim, r#"<m:GetServerTimeZones ReturnFullTimeZoneData="true"/>"#);
}

#[test]
fn ids_are_converted_and_the_mailbox_is_the_true_one() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let id = between(&id, "Id=\"", "\"");
    let convert = |from: &str, id: &str, to: &str| {
        let answer = call(
            &sim,
            &format!(
                r#"<m:ConvertId DestinationFormat="{to}"><m:SourceIds><t:AlternateId Format="{from}" Id="{id}" Mailbox="blah@blah.com"/></m:SourceIds></m:ConvertId>"#
            ),
        );
        assert!(answer.contains(&format!(r#"Mailbox="{ANNA}""#)), "{answer}");
        between(&answer, " Id=\"", "\"").to_owned()
    };
    for format in ["HexEntryId", "OwaId", "EntryId"] {
        assert_eq!(convert(format, &convert("EwsId", id, format), "EwsId"), id);
    }
    let bad = call(
        &sim,
        r#"<m:ConvertId DestinationFormat="OwaId"><m:SourceIds><t:AlternateId Format="HexEntryId" Id="0é" Mailbox="a@b.example"/></m:SourceIds></m:ConvertId>"#,
    );
    assert!(bad.contains("ErrorInvalidIdMalformed"), "{bad}");
}
