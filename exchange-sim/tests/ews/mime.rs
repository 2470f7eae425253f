//! Items as streams: MIME and iCalendar, read and written, and header fields.

use crate::*;

const SAVE: &str = r#"MessageDisposition="SaveOnly""#;
const WITH_STREAM: &str =
    "<t:BaseShape>IdOnly</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>";

fn stream(text: &str) -> String {
    format!("<t:MimeContent CharacterSet=\"UTF-8\">{}</t:MimeContent>", STANDARD.encode(text))
}

fn create_message(sim: &Server, inner: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:CreateItem {SAVE}><m:Items><t:Message>{inner}</t:Message></m:Items></m:CreateItem>"#
        ),
    )
}

/// The stream of an item, as text.
fn stream_of(sim: &Server, id: &str) -> String {
    let answer = get(sim, id, WITH_STREAM);
    let packed = between(&answer, r#"<t:MimeContent CharacterSet="UTF-8">"#, "</t:MimeContent>");
    String::from_utf8(STANDARD.decode(packed).expect("base64")).expect("UTF-8")
}

fn update_message(sim: &Server, id: &str, uri: &str, property: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" {SAVE}><m:ItemChanges><t:ItemChange>{id}<t:Updates><t:SetItemField><t:FieldURI FieldURI="{uri}"/><t:Message>{property}</t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
        ),
    )
}

const LETTER: &str = "From: Ben <ben@contoso.example>\r\nTo: anna@contoso.example\r\n\
    Subject: Files\r\nMessage-ID: <f-1@contoso.example>\r\nX-Own: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n\
    Thread-Topic: Files\r\nMIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nHello\r\n\
    --b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: attachment; filename=\"a.pdf\"\r\n\r\nAAEC\r\n\
    --b\r\nContent-Type: message/rfc822\r\n\r\nSubject: Within\r\n\r\nDeep\r\n--b--\r\n";

#[test]
fn a_message_with_attachments_is_taken_in_and_given_out() {
    let sim = sim();
    let id = item_id(&create_message(&sim, &stream(LETTER)));
    let item = get(&sim, &id, ALL);
    for part in [
        "<t:Name>a.pdf</t:Name><t:ContentType>application/pdf<",
        "<t:Name>Within</t:Name>",
        "<t:HasAttachments>true<",
        "<t:IsDraft>true<",
    ] {
        assert!(item.contains(part), "{part} in {item}");
    }
    let text = stream_of(&sim, &id);
    for part in ["Subject: Files\r\n", "filename=\"a.pdf\"", "Subject: Within\r\n", "X-Own: "] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert_eq!(stream_of(&sim, &id), text);
}

#[test]
fn header_fields_are_shown_all_or_by_name() {
    let sim = sim();
    let id = item_id(&create_message(&sim, &stream(LETTER)));
    let all = get(&sim, &id, &fields(&["item:InternetMessageHeaders"]));
    assert!(all.contains(r#"HeaderName="Message-ID">&lt;f-1@contoso.example&gt;<"#), "{all}");
    assert!(all.contains(r#"HeaderName="X-Own">grüße<"#), "{all}");
    let some = |names: &[&str]| -> String {
        let path = |name| {
            format!(
                r#"<t:IndexedFieldURI FieldURI="item:InternetMessageHeader" FieldIndex="{name}"/>"#
            )
        };
        let paths: String = names.iter().map(path).collect();
        let shape = format!(
            "<t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>{paths}</t:AdditionalProperties>"
        );
        get(&sim, &id, &shape)
    };
    let two = some(&["x-own", "Subject"]);
    assert_eq!(two.matches("<t:InternetMessageHeader ").count(), 2, "{two}");
    assert!(!some(&["X-None"]).contains("InternetMessageHeaders"));
}

#[test]
fn messages_of_a_thread_share_their_conversation() {
    let sim = sim();
    let shape = fields(&["item:ConversationId", "message:ConversationIndex"]);
    let conversation = |stream: &str| {
        let id = item_id(&create_message(&sim, stream));
        between(&get(&sim, &id, &shape), "<t:ConversationId ", "/>").to_owned()
    };
    let first = conversation(&stream("Message-ID: <1@x.example>\r\nSubject: a\r\n\r\nx"));
    let reply = conversation(&stream("In-Reply-To: <1@x.example>\r\nSubject: RE: a\r\n\r\nx"));
    let other = conversation(&stream("Message-ID: <2@x.example>\r\nSubject: a\r\n\r\nx"));
    assert_eq!(first, reply);
    assert_ne!(first, other);
}

#[test]
fn the_stream_of_a_draft_can_be_replaced_and_no_other() {
    let sim = sim();
    let id = item_id(&create_message(&sim, &stream(LETTER)));
    let other = stream("Subject: Other\r\n\r\nBody\r\n");
    let id = item_id(&update_message(&sim, &id, "item:MimeContent", &other));
    let item = get(&sim, &id, ALL);
    assert!(item.contains("<t:Subject>Other<"), "{item}");
    assert!(item.contains("<t:HasAttachments>false<"), "{item}");
    let flags = r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>1</t:Value></t:ExtendedProperty>"#;
    let id = item_id(&create_message(&sim, &format!("{other}{flags}")));
    let refused = update_message(&sim, &id, "item:MimeContent", &other);
    assert!(refused.contains("ErrorInvalidPropertySet"), "{refused}");
    let event = item_id(&create_event(&sim, LUNCH));
    let refused = update(&sim, &event, "AlwaysOverwrite", &set("item:MimeContent", &other));
    assert!(refused.contains("ErrorInvalidPropertySet"), "{refused}");
}

#[test]
fn what_is_no_stream_is_refused() {
    let sim = sim();
    for (inner, code) in [
        ("<t:MimeContent>!</t:MimeContent>".to_owned(), "ErrorMimeContentInvalidBase64String"),
        (stream("nothing"), "ErrorMimeContentInvalid<"),
    ] {
        let answer = create_message(&sim, &inner);
        assert!(answer.contains(code), "{answer}");
    }
    let rule = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:20270202T090000Z\r\n\
        RRULE:FREQ=MONTHLY;BYMONTHDAY=1,15\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    for (text, code) in [
        ("Subject: x\r\n\r\nno calendar", "ErrorMimeContentInvalid<"),
        (rule, "ErrorMimeContentConversionFailed"),
    ] {
        let answer = create_event(&sim, &stream(text));
        assert!(answer.contains(code), "{answer}");
    }
}

#[test]
fn a_series_is_taken_in_and_given_out() {
    let sim = sim();
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:u-1\r\nSUMMARY:Weekly\r\n\
        DTSTART;TZID=W. Europe Standard Time:20270111T090000\r\n\
        DTEND;TZID=W. Europe Standard Time:20270111T100000\r\nLOCATION:Room 1\r\n\
        RRULE:FREQ=WEEKLY;COUNT=4\r\nEXDATE;TZID=W. Europe Standard Time:20270118T090000\r\n\
        END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u-1\r\nSUMMARY:Moved\r\n\
        RECURRENCE-ID;TZID=W. Europe Standard Time:20270125T090000\r\n\
        DTSTART;TZID=W. Europe Standard Time:20270126T090000\r\n\
        DTEND;TZID=W. Europe Standard Time:20270126T100000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let id = item_id(&create_event(&sim, &stream(text)));
    let item = get(&sim, &id, ALL);
    for part in [
        "<t:UID>u-1<",
        "<t:Location>Room 1<",
        "<t:CalendarItemType>RecurringMaster<",
        "<t:NumberOfOccurrences>4<",
        "<t:DeletedOccurrence><t:Start>2027-01-18T08:00:00Z<",
        "<t:Start>2027-01-26T08:00:00Z<",
        "<t:ReminderIsSet>false<",
    ] {
        assert!(item.contains(part), "{part} in {item}");
    }
    let given = stream_of(&sim, &id);
    for line in [
        "SUMMARY;LANGUAGE=en-US:Moved",
        "RECURRENCE-ID;TZID=W. Europe Standard Time:20270125T090000",
        "EXDATE;TZID=W. Europe Standard Time:20270118T090000",
        "END:VCALENDAR",
    ] {
        assert!(given.contains(line), "{line} in {given}");
    }
    let copy = item_id(&create_event(&sim, &stream(&given)));
    let again = get(&sim, &copy, ALL);
    assert_eq!(element(&again, "t:Recurrence"), element(&item, "t:Recurrence"));
    assert_eq!(element(&again, "t:DeletedOccurrences"), element(&item, "t:DeletedOccurrences"));
}

#[test]
fn what_the_request_states_wins_over_the_stream() {
    let sim = sim();
    let text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Stream\r\nDTSTART;VALUE=DATE:20270202\r\n\
        END:VEVENT\r\nEND:VCALENDAR\r\n";
    let stated = format!("{}<t:Subject>Stated</t:Subject>", stream(text));
    let item = get(&sim, &item_id(&create_event(&sim, &stated)), ALL);
    for part in [
        "<t:Subject>Stated<",
        "<t:IsAllDayEvent>true<",
        "<t:Start>2027-02-02T00:00:00Z<",
        "<t:End>2027-02-03T00:00:00Z<",
    ] {
        assert!(item.contains(part), "{part} in {item}");
    }
}

#[test]
fn what_is_delivered_arrives_with_header_fields() {
    let sim = sim();
    let to = LETTER.replace("Files", "Delivered").replace("To: ", "Bcc: x@x.example\r\nTo: ");
    let request = format!(
        r#"<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message>{}</t:Message></m:Items></m:CreateItem>"#,
        stream(&to)
    );
    assert!(call(&sim, &request).contains("<m:ResponseCode>NoError<"));
    let found = call(
        &sim,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#,
    );
    let headers = get(&sim, &item_id(&found), &fields(&["item:InternetMessageHeaders"]));
    for name in ["Received", "From", "To", "Subject", "Message-ID", "Date", "X-Own"] {
        assert!(headers.contains(&format!(r#"HeaderName="{name}""#)), "{name} in {headers}");
    }
    assert!(!headers.contains("Bcc"), "{headers}");
}

#[test]
fn the_options_of_the_web_client_name_the_time_zone() {
    let sim = sim();
    let request = |name: &str, folder: &str| {
        format!(
            r#"<m:GetUserConfiguration><m:UserConfigurationName Name="{name}"><t:DistinguishedFolderId Id="{folder}"/></m:UserConfigurationName><m:UserConfigurationProperties>All</m:UserConfigurationProperties></m:GetUserConfiguration>"#
        )
    };
    let options = call(&sim, &request("OWA.UserOptions", "root"));
    assert!(options.contains("<t:Value>timezone</t:Value>"), "{options}");
    for (name, folder) in [("Other", "root"), ("OWA.UserOptions", "inbox")] {
        let none = call(&sim, &request(name, folder));
        assert!(none.contains("ErrorItemNotFound"), "{none}");
    }
}
