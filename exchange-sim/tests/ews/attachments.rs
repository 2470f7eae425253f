//! Attachments are added, listed, opened, copied, sent and taken off.

use crate::*;

const FILE: &str =
    "<t:FileAttachment><t:Name>a.txt</t:Name><t:Content>b25l</t:Content></t:FileAttachment>";
const SHAPE: [&str; 2] = ["item:Attachments", "item:HasAttachments"];

fn attach(sim: &Server, item: &str, attachments: &str) -> String {
    let parent = item.replace("<t:ItemId", "<m:ParentItemId");
    call(
        sim,
        &format!(
            "<m:CreateAttachment>{parent}<m:Attachments>{attachments}</m:Attachments></m:CreateAttachment>"
        ),
    )
}

fn open(sim: &Server, id: &str, shape: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:GetAttachment>{shape}<m:AttachmentIds><t:AttachmentId Id="{id}"/></m:AttachmentIds></m:GetAttachment>"#
        ),
    )
}

fn detach(sim: &Server, id: &str) -> String {
    call(
        sim,
        &format!(
            r#"<m:DeleteAttachment><m:AttachmentIds><t:AttachmentId Id="{id}"/></m:AttachmentIds></m:DeleteAttachment>"#
        ),
    )
}

fn attachment_id(text: &str) -> String {
    between(text, "<t:AttachmentId Id=\"", "\"").to_owned()
}

fn code(text: &str) -> &str {
    element(text, "m:ResponseCode")
}

fn create_draft(sim: &Server, inner: &str) -> String {
    let made = call(
        sim,
        &format!(
            r#"<m:CreateItem MessageDisposition="SaveOnly"><m:Items><t:Message>{inner}</t:Message></m:Items></m:CreateItem>"#
        ),
    );
    assert_eq!(code(&made), "NoError", "{made}");
    item_id(&made)
}

#[test]
fn a_file_comes_back_as_it_was_attached() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let made = attach(
        &sim,
        &id,
        &format!(
            "{FILE}<t:FileAttachment><t:Name>p.png</t:Name><t:ContentType>image/png</t:ContentType><t:ContentId>pic1</t:ContentId><t:IsInline>true</t:IsInline><t:Content>iVBORw==</t:Content></t:FileAttachment>"
        ),
    );
    let parts: Vec<&str> = made.split("</m:CreateAttachmentResponseMessage>").collect();
    assert_eq!(parts.len(), 3, "{made}");
    let now = get(&sim, &id, &fields(&SHAPE));
    let key = between(parts[1], "RootItemChangeKey=\"", "\"");
    assert_eq!(key, between(&now, "ChangeKey=\"", "\""), "{made}\n{now}");
    assert_ne!(key, between(&id, "ChangeKey=\"", "\""));
    assert_eq!(now.matches("<t:FileAttachment>").count(), 2, "{now}");
    assert!(now.contains("<t:HasAttachments>true<"), "{now}");
    assert!(now.contains("<t:ContentId>pic1</t:ContentId>"), "{now}");
    assert!(now.contains("<t:IsInline>true</t:IsInline>"), "{now}");
    assert!(!now.contains("<t:Content>"), "{now}");
    let first = open(&sim, &attachment_id(parts[0]), "");
    assert!(first.contains("<t:Name>a.txt</t:Name><t:Content>b25l</t:Content>"), "{first}");
    let second = open(&sim, &attachment_id(parts[1]), "");
    assert!(second.contains("<t:ContentType>image/png</t:ContentType>"), "{second}");
    let gone = detach(&sim, &attachment_id(parts[0]));
    assert_eq!(code(&gone), "NoError", "{gone}");
    let now = get(&sim, &id, &fields(&SHAPE));
    assert_eq!(between(&gone, "RootItemChangeKey=\"", "\""), between(&now, "ChangeKey=\"", "\""));
    // What is left is inline.
    assert!(now.contains("<t:HasAttachments>false<"), "{now}");
    assert_eq!(code(&open(&sim, &attachment_id(parts[0]), "")), "ErrorInvalidAttachmentId");
    assert_eq!(code(&detach(&sim, &attachment_id(parts[0]))), "ErrorInvalidAttachmentId");
}

#[test]
fn attachments_can_be_given_with_the_item() {
    let sim = sim();
    let id = item_id(&create_event(
        &sim,
        &format!("<t:Subject>s</t:Subject><t:Attachments>{FILE}{FILE}</t:Attachments>"),
    ));
    let shown = get(&sim, &id, ALL);
    assert_eq!(shown.matches("<t:FileAttachment>").count(), 2, "{shown}");
    let refused = update(
        &sim,
        &id,
        "AlwaysOverwrite",
        &set("item:Attachments", &format!("<t:Attachments>{FILE}</t:Attachments>")),
    );
    assert_eq!(code(&refused), "ErrorInvalidPropertySet", "{refused}");
}

#[test]
fn items_are_attached_to_items() {
    let sim = sim();
    let id = create_draft(&sim, "<t:Subject>outer</t:Subject>");
    let inner = format!(
        r#"<t:ItemAttachment><t:Name>inner</t:Name><t:Message><t:Subject>inner subject</t:Subject><t:Body BodyType="HTML">&lt;p&gt;hi&lt;/p&gt;</t:Body><t:Attachments>{FILE}</t:Attachments></t:Message></t:ItemAttachment><t:ItemAttachment><t:Name>event</t:Name><t:CalendarItem>{LUNCH}</t:CalendarItem></t:ItemAttachment>"#
    );
    let made = attach(&sim, &id, &inner);
    let parts: Vec<&str> = made.split("</m:CreateAttachmentResponseMessage>").collect();
    let outer = attachment_id(parts[0]);
    let text = "<m:AttachmentShape><t:BodyType>Text</t:BodyType></m:AttachmentShape>";
    let opened = open(&sim, &outer, text);
    assert!(opened.contains("<t:Subject>inner subject<"), "{opened}");
    assert!(opened.contains(r#"<t:Body BodyType="Text">hi</t:Body>"#), "{opened}");
    assert!(!opened.contains("<t:ItemId"), "{opened}");
    let within = attachment_id(element(&opened, "t:Attachments"));
    assert!(open(&sim, &within, "").contains("<t:Content>b25l<"), "{opened}");
    let event = open(&sim, &attachment_id(parts[1]), "");
    assert!(event.contains("<t:CalendarItem>") && event.contains("<t:Subject>Lunch<"), "{event}");
    let mime =
        "<m:AttachmentShape><t:IncludeMimeContent>true</t:IncludeMimeContent></m:AttachmentShape>";
    let streamed = open(&sim, &outer, mime);
    assert!(streamed.contains("<t:Message><t:MimeContent CharacterSet="), "{streamed}");
    assert_eq!(code(&detach(&sim, &within)), "NoError");
    assert_eq!(code(&open(&sim, &within, "")), "ErrorInvalidAttachmentId");
    assert_eq!(code(&open(&sim, &outer, "")), "NoError");
}

#[test]
fn what_cannot_be_attached_is_refused_as_documented() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let refused = |attachment: &str| {
        let answer = attach(&sim, &id, attachment);
        (code(&answer).to_owned(), answer)
    };
    let (nameless, answer) =
        refused("<t:FileAttachment><t:Content>b25l</t:Content></t:FileAttachment>");
    assert_eq!(nameless, "ErrorRequiredPropertyMissing", "{answer}");
    assert!(answer.contains(r#"FieldURI="attachment:Name""#), "{answer}");
    let (empty, _) = refused("<t:ItemAttachment><t:Name>n</t:Name></t:ItemAttachment>");
    assert_eq!(empty, "ErrorMissingItemForCreateItemAttachment");
    let (contact, _) = refused(
        "<t:ItemAttachment><t:Name>n</t:Name><t:Contact><t:Subject>c</t:Subject></t:Contact></t:ItemAttachment>",
    );
    assert_eq!(contact, "ErrorInvalidItemForOperationCreateItemAttachment");
    let mut nested = FILE.to_owned();
    for _ in 0..14 {
        nested = format!(
            "<t:ItemAttachment><t:Name>n</t:Name><t:Message><t:Attachments>{nested}</t:Attachments></t:Message></t:ItemAttachment>"
        );
    }
    let (deep, _) = refused(&nested);
    assert_eq!(deep, "NoError");
    assert_eq!(code(&open(&sim, "bm90aGluZw==", "")), "ErrorInvalidIdMalformed");
    let item = between(&id, "Id=\"", "\"");
    assert_eq!(code(&open(&sim, item, "")), "ErrorInvalidIdNotAnItemAttachmentId");
    sim.with(|world| {
        world.mailbox_mut(ANNA).expect("a mailbox").message_bytes_max = 3;
    });
    assert_eq!(refused(FILE).0, "ErrorMessageSizeExceeded");
}

#[test]
fn copies_have_attachments_of_their_own_and_mail_carries_them() {
    let sim = sim();
    let to = "<t:ToRecipients><t:Mailbox><t:EmailAddress>anna@contoso.example</t:EmailAddress></t:Mailbox></t:ToRecipients>";
    let id = create_draft(&sim, &format!("<t:Subject>with file</t:Subject>{to}"));
    let original = attachment_id(&attach(&sim, &id, FILE));
    let copy = item_id(&call(
        &sim,
        &format!(
            r#"<m:CopyItem><m:ToFolderId><t:DistinguishedFolderId Id="drafts"/></m:ToFolderId><m:ItemIds>{id}</m:ItemIds></m:CopyItem>"#
        ),
    ));
    let copied = attachment_id(&get(&sim, &copy, &fields(&SHAPE)));
    assert_ne!(copied, original);
    assert_eq!(code(&detach(&sim, &original)), "NoError");
    assert!(open(&sim, &copied, "").contains("<t:Content>b25l<"));
    let sent = call(
        &sim,
        &format!(
            r#"<m:SendItem SaveItemToFolder="true"><m:ItemIds>{copy}</m:ItemIds></m:SendItem>"#
        ),
    );
    assert_eq!(code(&sent), "NoError", "{sent}");
    let found = call(
        &sim,
        r#"<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="item:HasAttachments"/></t:AdditionalProperties></m:ItemShape><m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="item:HasAttachments"/><t:FieldURIOrConstant><t:Constant Value="true"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction><m:ParentFolderIds><t:DistinguishedFolderId Id="inbox"/></m:ParentFolderIds></m:FindItem>"#,
    );
    assert!(found.contains("<t:HasAttachments>true<"), "{found}");
    let arrived = get(&sim, &item_id(&found), &fields(&SHAPE));
    assert!(open(&sim, &attachment_id(&arrived), "").contains("<t:Content>b25l<"), "{arrived}");
}

#[test]
fn an_occurrence_shows_what_its_master_holds_until_it_has_its_own() {
    let sim = sim();
    let daily = "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence><t:NumberedRecurrence><t:StartDate>2026-12-01</t:StartDate><t:NumberOfOccurrences>3</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>";
    let master = item_id(&create_event(&sim, &format!("{LUNCH}{daily}")));
    attach(&sim, &master, FILE);
    let second = format!(
        r#"<t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="2"/>"#,
        between(&master, "Id=\"", "\"")
    );
    let shown = get(&sim, &second, &fields(&SHAPE));
    assert!(open(&sim, &attachment_id(&shown), "").contains("<t:Content>b25l<"), "{shown}");
    assert_eq!(code(&detach(&sim, &attachment_id(&shown))), "NoError");
    let files = |id: &str| get(&sim, id, &fields(&SHAPE)).matches("<t:FileAttachment>").count();
    assert_eq!((files(&second), files(&master)), (0, 1));
    attach(&sim, &item_id(&shown), &format!("{FILE}{FILE}"));
    assert_eq!((files(&second), files(&master)), (2, 1));
}

#[test]
fn links_are_attached() {
    let sim = sim();
    let id = item_id(&create_event(&sim, LUNCH));
    let made = attach(
        &sim,
        &id,
        "<t:ReferenceAttachment><t:Name>plan</t:Name><t:AttachLongPathName>https://contoso.example/plan.docx</t:AttachLongPathName><t:ProviderType>OneDrivePro</t:ProviderType><t:PermissionType>1</t:PermissionType><t:AttachmentIsFolder>false</t:AttachmentIsFolder></t:ReferenceAttachment>",
    );
    let opened = open(&sim, &attachment_id(&made), "");
    assert!(
        opened.contains("<t:AttachLongPathName>https://contoso.example/plan.docx<"),
        "{opened}"
    );
    assert!(get(&sim, &id, ALL).contains("<t:PermissionType>1<"));
}
