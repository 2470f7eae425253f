//! The schema, versions and documents that are none.

use crate::*;

#[test]
fn the_schema_and_xmllint_agree_on_every_documented_request() {
    if !has_reference("examples") || !has_xmllint() {
        return;
    }
    let sim = sim();
    let offered = [
        "GetFolder",
        "FindFolder",
        "CreateFolder",
        "UpdateFolder",
        "MoveFolder",
        "DeleteFolder",
        "SyncFolderHierarchy",
        "SyncFolderItems",
        "FindItem",
        "GetItem",
        "CreateItem",
        "UpdateItem",
        "DeleteItem",
        "MoveItem",
        "CopyItem",
        "ResolveNames",
        "GetServerTimeZones",
        "ConvertId",
    ];
    let (mut names, mut bodies) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(shared("examples")).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let operation = name.split('-').next().unwrap_or_default();
        let known = offered.iter().any(|known| operation.starts_with(known));
        let body = std::fs::read_to_string(&path).expect("a file");
        if known && name.ends_with("-request.xml") && body.contains("Envelope") {
            names.push(name);
            // The documentation prints namespaces as https:// in places.
            bodies.push(body.replace("https://schemas.", "http://schemas."));
        }
    }
    assert!(names.len() > 100, "{names:?}");
    for ((name, body), complaint) in names.iter().zip(&bodies).zip(lint(&bodies)) {
        let (status, answer) = post(&sim, &basic(ANNA), body);
        let refused = status == 500 && !answer.contains("a:ErrorImpersonateUserDenied");
        assert_eq!(complaint.is_empty(), !refused, "{name}: {complaint}\n{answer}");
    }
}

#[test]
fn the_order_of_elements_is_held() {
    let sim = sim();
    let body = fault(
        &sim,
        &create_request("<t:Start>2026-12-01T11:00:00Z</t:Start><t:Subject>x</t:Subject>"),
    );
    assert!(body.contains("a:ErrorSchemaValidation</faultcode>"), "{body}");
    let message = "The request failed schema validation: The element 'CalendarItem' in namespace \
                   'http://schemas.microsoft.com/exchange/services/2006/types' has invalid child element \
                   'Subject' in namespace 'http://schemas.microsoft.com/exchange/services/2006/types'. \
                   List of possible elements expected: 'End, OriginalStart, ";
    assert!(body.contains(message), "{body}");
    assert!(body.contains("<t:LineNumber>1</t:LineNumber>"), "{body}");
    sim.answers.borrow_mut().push(body);
}

#[test]
fn values_are_held_against_their_types() {
    let sim = sim();
    let sync = |most: &str| {
        format!(
            r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId><m:MaxChangesReturned>{most}</m:MaxChangesReturned></m:SyncFolderItems>"#
        )
    };
    for (request, reason) in [
        (sync("513"), "The MaxInclusive constraint failed."),
        (sync("many"), "The string 'many' is not a valid Int32 value."),
        (
            create_request("<t:IsAllDayEvent>yes</t:IsAllDayEvent>"),
            "The string 'yes' is not a valid Boolean value.",
        ),
        (create_request("<t:Start>noon</t:Start>"), "is not a valid AllXsd value."),
        (
            create_request("<t:Importance>urgent</t:Importance>"),
            "The Enumeration constraint failed.",
        ),
        (create_request("<t:Colour>red</t:Colour>"), "has invalid child element 'Colour'"),
        (
            "<m:GetItem><m:ItemShape/></m:GetItem>".to_owned(),
            "has incomplete content. List of possible elements expected: 'BaseShape'",
        ),
        (
            r#"<m:DeleteItem><m:ItemIds><t:ItemId Id="x"/></m:ItemIds></m:DeleteItem>"#.to_owned(),
            "The required attribute 'DeleteType' is missing.",
        ),
        (r#"<m:Nonsense/>"#.to_owned(), "messages:Nonsense' element is not declared."),
    ] {
        let body = fault(&sim, &request);
        assert!(body.contains(reason), "{reason}: {body}");
    }
    let digits = create_request(
        "<t:Subject>b</t:Subject><t:ReminderIsSet>0</t:ReminderIsSet><t:IsAllDayEvent>1</t:IsAllDayEvent>",
    );
    let id = item_id(&call(&sim, &digits));
    let item = get(&sim, &id, ALL);
    assert!(
        item.contains("<t:ReminderIsSet>false<") && item.contains("<t:IsAllDayEvent>true<"),
        "{item}"
    );
}

#[test]
fn operations_the_server_does_not_offer_are_faults() {
    let sim = sim();
    for request in [
        "<m:GetRooms><m:RoomList><t:EmailAddress>rooms@contoso.example</t:EmailAddress></m:RoomList></m:GetRooms>",
        "<m:GetInboxRules/>",
        r#"<m:GetDelegate IncludePermissions="true"><m:Mailbox/></m:GetDelegate>"#,
        "<m:FindPeople/>",
        "<m:FindConversation/>",
        "<m:GetServiceConfiguration/>",
        "<m:CreateUserConfiguration/>",
    ] {
        let body = fault(&sim, request);
        assert!(body.contains("a:ErrorInvalidRequest<"), "{body}");
    }
    let old = envelope("", "<m:FindPeople/>").replace("Exchange2013_SP1", "Exchange2010");
    let (_, answer) = post(&sim, &basic(ANNA), &old);
    assert!(answer.contains("a:ErrorIncorrectSchemaVersion<"), "{answer}");
}

#[test]
fn documents_that_are_no_xml_are_faults() {
    let sim = sim();
    for body in ["", "no xml", "<a", "<a/>", "\u{1}"] {
        let (status, answer) = post(&sim, &basic(ANNA), body);
        assert_eq!(status, 500, "{body}: {answer}");
    }
    let with_entity = envelope("", &create_request("<t:Subject>&x;</t:Subject>"));
    let (_, answer) = post(&sim, &basic(ANNA), &with_entity);
    assert!(answer.contains("<t:Violation>") && answer.contains("Line 1, position"), "{answer}");
}

#[test]
fn a_version_nobody_has_is_refused() {
    let sim = sim();
    let body = envelope("", "<m:GetServerTimeZones/>").replace("Exchange2013_SP1", "Exchange1999");
    let (status, answer) = post(&sim, &basic(ANNA), &body);
    assert_eq!(status, 500);
    assert!(answer.contains("a:ErrorInvalidServerVersion<"), "{answer}");
    let online = call(&sim, "<m:GetServerTimeZones/>");
    assert!(online.contains(r#"Version="V2018_01_08""#), "{online}");
}

#[test]
fn spoiled_requests_never_harm_the_server() {
    if !has_reference("examples") {
        return;
    }
    let sim = sim_with(|config| config.strict = false);
    for entry in std::fs::read_dir(shared("examples")).expect("a directory") {
        let path = entry.expect("an entry").path();
        if !path.to_string_lossy().ends_with("-request.xml") {
            continue;
        }
        let body = std::fs::read_to_string(&path).expect("a file");
        let body = body.replace("https://schemas.", "http://schemas.");
        // Every attribute but the namespaces once with nonsense in it, and every element renamed.
        let spots = body.match_indices("=\"").filter(|(at, _)| !body[..*at].ends_with("soap"));
        for (at, _) in spots {
            let end = body[at + 2..].find('"').map_or(body.len(), |end| at + 2 + end);
            if !body[at..end].contains("http://") {
                post(
                    &sim,
                    &basic(ANNA),
                    &format!("{}=\"9999-12-31T23:59:59{}", &body[..at], &body[end..]),
                );
            }
        }
        for (at, _) in body.match_indices("<t:") {
            post(&sim, &basic(ANNA), &format!("{}<t:X/>{}", &body[..at], &body[at..]));
        }
    }
    let late = create_request("<t:Subject>late</t:Subject><t:Start>9999-12-30T21:59:59Z</t:Start>");
    assert!(call(&sim, &late).contains("ErrorInvalidValueForProperty"));
}
