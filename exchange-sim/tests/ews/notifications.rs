//! Subscribe, Unsubscribe, GetEvents and GetStreamingEvents.

use crate::*;
use exchange_sim::Held;
use exchange_sim::Next;
use jiff::SignedDuration;

fn subscribe(sim: &Server, kind: &str, folders: &str, rest: &str) -> String {
    let types: String = [
        "CopiedEvent",
        "CreatedEvent",
        "DeletedEvent",
        "ModifiedEvent",
        "MovedEvent",
        "NewMailEvent",
        "FreeBusyChangedEvent",
    ]
    .map(|name| format!("<t:EventType>{name}</t:EventType>"))
    .concat();
    call(
        sim,
        &format!(
            r#"<m:Subscribe><m:{kind}SubscriptionRequest{folders}<t:EventTypes>{types}</t:EventTypes>{rest}</m:{kind}SubscriptionRequest></m:Subscribe>"#
        ),
    )
}

const CALENDAR: &str = r#"><t:FolderIds><t:DistinguishedFolderId Id="calendar"/></t:FolderIds>"#;
const ALL_FOLDERS: &str = r#" SubscribeToAllFolders="true">"#;
const FIVE_MINUTES: &str = "<t:Timeout>5</t:Timeout>";

fn events(sim: &Server, id: &str, watermark: &str) -> String {
    call(
        sim,
        &format!(
            "<m:GetEvents><m:SubscriptionId>{id}</m:SubscriptionId><m:Watermark>{watermark}</m:Watermark></m:GetEvents>"
        ),
    )
}

fn subscribe_as(sim: &Server, user: &str) -> String {
    let operation = format!(
        "<m:Subscribe><m:PullSubscriptionRequest{CALENDAR}<t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes>{FIVE_MINUTES}</m:PullSubscriptionRequest></m:Subscribe>"
    );
    post(sim, &basic(user), &envelope("", &operation)).1
}

fn unsubscribe(sim: &Server, id: &str) -> String {
    call(sim, &format!("<m:Unsubscribe><m:SubscriptionId>{id}</m:SubscriptionId></m:Unsubscribe>"))
}

fn code(answer: &str) -> &str {
    element(answer, "m:ResponseCode")
}

fn last_watermark(answer: &str) -> String {
    let at = answer.rfind("<t:Watermark>").expect("a watermark");
    element(&answer[at..], "t:Watermark").to_owned()
}

#[test]
fn pulled_events_follow_the_watermark() {
    let sim = sim();
    let made = subscribe(&sim, "Pull", CALENDAR, FIVE_MINUTES);
    let id = element(&made, "m:SubscriptionId");
    let start = element(&made, "m:Watermark");
    let quiet = events(&sim, id, start);
    assert!(quiet.contains("<t:StatusEvent><t:Watermark>"), "{quiet}");
    let event = item_id(&create_event(&sim, LUNCH));
    let item = between(&event, "Id=\"", "\"");
    let first = events(&sim, id, start);
    assert_eq!(element(&first, "t:PreviousWatermark"), start);
    assert_eq!(element(&first, "t:MoreEvents"), "false");
    let created = between(&first, "<t:CreatedEvent>", "</t:CreatedEvent>");
    assert_eq!(between(created, "<t:ItemId Id=\"", "\""), item);
    assert!(created.contains("ChangeKey=\"DwAAAA==\""), "{created}");
    assert!(first.contains("<t:FreeBusyChangedEvent>"), "{first}");
    // The folder's counts changed, too.
    assert!(between(&first, "<t:ModifiedEvent>", "</t:ModifiedEvent>").contains("<t:FolderId"));
    // A watermark may be used again.
    assert_eq!(events(&sim, id, start), first);
    let next = last_watermark(&first);
    assert!(events(&sim, id, &next).contains("<t:StatusEvent>"));
    call(
        &sim,
        &format!(
            r#"<m:DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="SendToNone"><m:ItemIds>{event}</m:ItemIds></m:DeleteItem>"#
        ),
    );
    let second = events(&sim, id, &next);
    let moved = between(&second, "<t:MovedEvent>", "</t:MovedEvent>");
    assert_eq!(between(moved, "<t:OldItemId Id=\"", "\""), item);
    assert!(!second.contains("<t:CreatedEvent>") && !second.contains("<t:DeletedEvent>"));
}

#[test]
fn mail_that_arrives_is_new_mail() {
    let sim = sim();
    let made = subscribe(&sim, "Pull", ALL_FOLDERS, FIVE_MINUTES);
    let (id, start) = (element(&made, "m:SubscriptionId"), element(&made, "m:Watermark"));
    call(
        &sim,
        &format!(
            r#"<m:CreateItem MessageDisposition="SendOnly"><m:Items><t:Message><t:Subject>x</t:Subject><t:ToRecipients><t:Mailbox><t:EmailAddress>{ANNA}</t:EmailAddress></t:Mailbox></t:ToRecipients></t:Message></m:Items></m:CreateItem>"#
        ),
    );
    let told = events(&sim, id, start);
    assert!(told.contains("<t:CreatedEvent>") && told.contains("<t:NewMailEvent>"), "{told}");
    assert!(told.contains("<t:UnreadCount>1</t:UnreadCount>"), "{told}");
}

#[test]
fn subscriptions_end_by_request_by_time_and_by_number() {
    let sim = sim();
    let made = subscribe(&sim, "Pull", CALENDAR, FIVE_MINUTES);
    let (id, start) = (element(&made, "m:SubscriptionId"), element(&made, "m:Watermark"));
    sim.advance(SignedDuration::from_mins(5));
    assert_eq!(code(&events(&sim, id, start)), "NoError");
    assert_eq!(code(&events(&sim, id, "AAAA")), "ErrorInvalidWatermark");
    let foreign = subscribe_as(&sim, BEN);
    assert_eq!(code(&events(&sim, id, element(&foreign, "m:Watermark"))), "ErrorInvalidWatermark");
    assert_eq!(code(&events(&sim, id, "AAAAAP///////wAAAQ==")), "ErrorInvalidWatermark");
    sim.advance(SignedDuration::from_secs(301));
    assert_eq!(code(&events(&sim, id, start)), "ErrorSubscriptionNotFound");
    let made = subscribe(&sim, "Pull", CALENDAR, FIVE_MINUTES);
    let id = element(&made, "m:SubscriptionId");
    assert_eq!(code(&unsubscribe(&sim, id)), "NoError");
    assert_eq!(code(&unsubscribe(&sim, id)), "ErrorSubscriptionNotFound");
    assert_eq!(code(&unsubscribe(&sim, "made-up")), "ErrorInvalidSubscription");
    for _ in 0..20 {
        assert_eq!(code(&subscribe(&sim, "Streaming", ALL_FOLDERS, "")), "NoError");
    }
    let refused = subscribe(&sim, "Streaming", ALL_FOLDERS, "");
    assert_eq!(code(&refused), "ErrorExceededSubscriptionCount");
}

#[test]
fn subscriptions_belong_to_a_mailbox_and_a_way() {
    let sim = sim();
    let pull = subscribe(&sim, "Pull", CALENDAR, FIVE_MINUTES);
    let id = element(&pull, "m:SubscriptionId");
    let request = envelope(
        "",
        &format!("<m:Unsubscribe><m:SubscriptionId>{id}</m:SubscriptionId></m:Unsubscribe>"),
    );
    let (_, foreign) = post(&sim, &basic(BEN), &request);
    assert_eq!(code(&foreign), "ErrorSubscriptionAccessDenied");
    let (text, _) = open(&sim, id);
    assert_eq!(code(&text), "ErrorInvalidSubscription");
    assert!(text.contains("<m:ConnectionStatus>Closed</m:ConnectionStatus>"), "{text}");
    let stream = subscribe(&sim, "Streaming", CALENDAR, "");
    let refused = events(&sim, element(&stream, "m:SubscriptionId"), "AAAAAAcAAAAAAAAAAQ==");
    assert_eq!(code(&refused), "ErrorInvalidPullSubscriptionId");
    let nothing = subscribe(&sim, "Streaming", ">", "");
    assert_eq!(code(&nothing), "ErrorInvalidSubscriptionRequest");
}

#[test]
fn push_needs_a_url() {
    let sim = sim();
    let rest = |url: &str| format!("<t:StatusFrequency>1</t:StatusFrequency><t:URL>{url}</t:URL>");
    let made = subscribe(&sim, "Push", CALENDAR, &rest("https://client.example/listen"));
    assert!(made.contains("<m:Watermark>"), "{made}");
    let refused = subscribe(&sim, "Push", CALENDAR, &rest("nowhere"));
    assert_eq!(code(&refused), "ErrorInvalidPushSubscriptionUrl");
}

/// Opens a streaming connection of two minutes.
fn open(sim: &Server, id: &str) -> (String, Option<Held>) {
    let body = envelope(
        "",
        &format!(
            "<m:GetStreamingEvents><m:SubscriptionIds><t:SubscriptionId>{id}</t:SubscriptionId></m:SubscriptionIds><m:ConnectionTimeout>2</m:ConnectionTimeout></m:GetStreamingEvents>"
        ),
    );
    let request = Request::post("http://sim.example/ews/exchange.asmx")
        .header("Content-Type", "text/xml; charset=utf-8")
        .header("Authorization", basic(ANNA))
        .body(body.into())
        .expect("a request");
    let Reply::Respond { mut response, .. } = sim.handle(request) else { panic!("no answer") };
    let held = response.extensions_mut().remove::<Held>();
    let text = String::from_utf8(response.into_body().to_vec()).expect("UTF-8");
    sim.answers.borrow_mut().push(text.clone());
    (text, held)
}

#[test]
fn a_stream_goes_on_until_its_time_is_over() {
    let sim = sim();
    let made = subscribe(&sim, "Streaming", CALENDAR, "");
    assert!(!made.contains("Watermark"), "{made}");
    let id = element(&made, "m:SubscriptionId");
    let (first, held) = open(&sim, id);
    assert!(first.contains("<m:ConnectionStatus>OK</m:ConnectionStatus>"), "{first}");
    let mut held = held.expect("the connection stays");
    let now = SignedDuration::ZERO;
    assert_eq!(sim.go_on(&mut held, now), Next::Nothing);
    let event = item_id(&create_event(&sim, LUNCH));
    let Next::Document(told) = sim.go_on(&mut held, now) else { panic!("nothing") };
    assert_eq!(element(&told, "t:SubscriptionId"), id);
    let created = between(&told, "<t:CreatedEvent>", "</t:CreatedEvent>");
    assert_eq!(between(created, "<t:ItemId Id=\"", "\""), between(&event, "Id=\"", "\""));
    assert!(!told.contains("Watermark"), "{told}");
    assert_eq!(sim.go_on(&mut held, now), Next::Nothing);
    sim.advance(SignedDuration::from_secs(45));
    let Next::Document(told) = sim.go_on(&mut held, now) else { panic!("nothing") };
    // Exchange Online touches what is new a second time.
    assert!(told.contains("<t:ModifiedEvent>"), "{told}");
    sim.advance(SignedDuration::from_secs(45));
    let Next::Document(alive) = sim.go_on(&mut held, now) else { panic!("nothing") };
    assert!(alive.contains("<m:ConnectionStatus>OK</m:ConnectionStatus>"), "{alive}");
    let Next::Last(end) = sim.go_on(&mut held, SignedDuration::from_mins(2)) else { panic!("on") };
    assert!(end.contains("<m:ConnectionStatus>Closed</m:ConnectionStatus>"), "{end}");
}

#[test]
fn a_stream_ends_with_its_subscription() {
    let sim = sim();
    let made = subscribe(&sim, "Streaming", CALENDAR, "");
    let id = element(&made, "m:SubscriptionId");
    let (_, held) = open(&sim, id);
    let mut held = held.expect("the connection stays");
    unsubscribe(&sim, id);
    let Next::Last(end) = sim.go_on(&mut held, SignedDuration::ZERO) else { panic!("it goes on") };
    assert_eq!(code(&end), "ErrorSubscriptionNotFound");
    assert_eq!(element(&end, "t:SubscriptionId"), id);
    assert!(open(&sim, id).1.is_none());
}

#[test]
fn ten_connections_may_be_open() {
    let sim = sim();
    let made = subscribe(&sim, "Streaming", CALENDAR, "");
    let id = element(&made, "m:SubscriptionId");
    let mut open_ones: Vec<Held> = (0..10).filter_map(|_| open(&sim, id).1).collect();
    assert_eq!(open_ones.len(), 10);
    assert_eq!(code(&open(&sim, id).0), "ErrorExceededConnectionCount");
    open_ones.pop();
    assert!(open(&sim, id).1.is_some());
}
