//! Messages are written, read, sent and received.

use crate::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// CreateItem of one message.
fn create(disposition: &str, inner: &str) -> String {
    format!(
        r#"<m:CreateItem {disposition}><m:Items><t:Message>{inner}</t:Message></m:Items></m:CreateItem>"#
    )
}

fn count(sim: &Server, folder: &str) -> String {
    let found = call(
        sim,
        &format!(
            r#"<m:GetFolder><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape><m:FolderIds><t:DistinguishedFolderId Id="{folder}"/></m:FolderIds></m:GetFolder>"#
        ),
    );
    let (total, unread) = (element(&found, "t:TotalCount"), element(&found, "t:UnreadCount"));
    format!("{total}/{unread}")
}

const SAVE: &str = r#"MessageDisposition="SaveOnly""#;
const TO_ANNA: &str = "<t:ToRecipients><t:Mailbox><t:EmailAddress>anna@contoso.example</t:EmailAddress></t:Mailbox></t:ToRecipients>";

#[test]
fn a_draft_is_written_changed_and_sent() {
    let sim = sim();
    let made = call(&sim, &create(SAVE, &format!("<t:Subject>Hello</t:Subject>{TO_ANNA}")));
    let id = item_id(&made);
    assert!(get(&sim, &id, ALL).contains("<t:IsDraft>true<"));
    let (status, answer) = post(
        &sim,
        &basic(ANNA),
        &envelope(
            "",
            &format!(
                r#"<m:UpdateItem ConflictResolution="AlwaysOverwrite" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange>{id}<t:Updates><t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>false</t:IsRead></t:Message></t:SetItemField></t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>"#
            ),
        ),
    );
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("<m:ResponseCode>NoError<"), "{answer}");
    let id = item_id(&answer);
    let sent = call(
        &sim,
        &format!(r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds>{id}</m:ItemIds></m:SendItem>"#),
    );
    assert!(sent.contains("<m:ResponseCode>NoError<"), "{sent}");
    assert_eq!(count(&sim, "drafts"), "0/0");
    assert_eq!(count(&sim, "sentitems"), "1/0");
    assert_eq!(count(&sim, "inbox"), "1/1");
    let all = r#"<m:MarkAllItemsAsRead><m:ReadFlag>true</m:ReadFlag><m:SuppressReadReceipts>true</m:SuppressReadReceipts><m:FolderIds><t:DistinguishedFolderId Id="inbox"/></m:FolderIds></m:MarkAllItemsAsRead>"#;
    assert!(call(&sim, all).contains("NoError"));
    assert_eq!(count(&sim, "inbox"), "1/0");
}

#[test]
fn what_is_sent_at_once_is_kept_only_on_demand() {
    let sim = sim();
    for (disposition, kept) in [("SendOnly", "0/0"), ("SendAndSaveCopy", "1/0")] {
        let request = create(&format!(r#"MessageDisposition="{disposition}""#), TO_ANNA);
        assert!(call(&sim, &request).contains("<m:ResponseCode>NoError<"));
        assert_eq!(count(&sim, "sentitems"), kept, "{disposition}");
    }
    assert_eq!(count(&sim, "inbox"), "2/2");
    let nobody =
        call(&sim, &create(r#"MessageDisposition="SendOnly""#, "<t:Subject>x</t:Subject>"));
    assert!(nobody.contains("ErrorInvalidRecipients"), "{nobody}");
    let unsaid = call(&sim, &create("", TO_ANNA));
    assert!(unsaid.contains("ErrorMessageDispositionRequired"), "{unsaid}");
}

#[test]
fn mime_becomes_a_received_message_with_its_flags_and_dates() {
    let sim = sim();
    let mime = "From: Ben <ben@contoso.example>\r\nTo: anna@contoso.example\r\n\
        Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m-1@contoso.example>\r\n\
        In-Reply-To: <a@b.example>\r\nReferences: <r@b.example> <a@b.example>\r\n\
        Date: Tue, 3 Nov 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n";
    let property = |tag: &str, kind: &str, value: &str| {
        format!(
            r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
        )
    };
    let inner = format!(
        "<t:MimeContent>{}</t:MimeContent>{}{}",
        STANDARD.encode(mime),
        property("0x0E07", "Integer", "0"),
        property("0x0E06", "SystemTime", "2026-11-03T09:00:05Z"),
    );
    let id = item_id(&call(&sim, &create(SAVE, &inner)));
    let shape = format!(
        r#"{ALL}<t:AdditionalProperties><t:FieldURI FieldURI="message:References"/></t:AdditionalProperties>"#
    );
    let item = get(&sim, &id, &shape);
    for part in [
        "<t:Subject>Grüße<",
        "<t:IsDraft>false<",
        "<t:IsRead>false<",
        "<t:InternetMessageId>&lt;m-1@contoso.example&gt;<",
        "<t:InReplyTo>&lt;a@b.example&gt;<",
        "<t:References>&lt;r@b.example&gt; &lt;a@b.example&gt;<",
        "<t:DateTimeSent>2026-11-03T09:00:00Z<",
        "<t:DateTimeReceived>2026-11-03T09:00:05Z<",
        "<t:EmailAddress>ben@contoso.example<",
    ] {
        assert!(item.contains(part), "{part} in {item}");
    }
    let broken = call(&sim, &create(SAVE, "<t:MimeContent>!</t:MimeContent>"));
    assert!(broken.contains("ErrorMimeContentInvalid"), "{broken}");
}

#[test]
fn a_property_that_makes_no_sense_is_refused() {
    let sim = sim();
    for (tag, kind, value) in [("0x0E07", "Integer", "many"), ("0x0E06", "SystemTime", "yesterday")]
    {
        let inner = format!(
            r#"<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="{tag}" PropertyType="{kind}"/><t:Value>{value}</t:Value></t:ExtendedProperty>"#
        );
        let answer = call(&sim, &create(SAVE, &inner));
        assert!(answer.contains("ErrorInvalidExtendedPropertyValue"), "{answer}");
    }
    assert_eq!(count(&sim, "drafts"), "0/0");
}
