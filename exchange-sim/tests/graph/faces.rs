//! One store, two faces: what one writes, the other shows.

use crate::harness::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use exchange_sim::{DEFAULT_PASSWORD, Reply};
use serde_json::{Value, json};

const SET: &str = "3c8f7a52-1d6b-4e0a-9b57-c2d94f10e683";

pub fn ews(graph: &Graph, body: &str) -> String {
    let envelope = format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"
 xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
<soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/></soap:Header>
<soap:Body>{body}</soap:Body></soap:Envelope>"#
    );
    let request = http::Request::builder()
        .method("POST")
        .uri("https://mail.contoso.example/EWS/Exchange.asmx")
        .header(
            "Authorization",
            format!("Basic {}", STANDARD.encode(format!("{ANNA}:{DEFAULT_PASSWORD}"))),
        )
        .header("Content-Type", "text/xml; charset=utf-8")
        .body(envelope.into())
        .expect("a request");
    let Reply::Respond { response, .. } = graph.sim.handle(request) else { panic!("an answer") };
    String::from_utf8(response.body().to_vec()).expect("text")
}

#[test]
fn what_ews_writes_graph_shows() {
    let graph = Graph::new();
    let answer = ews(
        &graph,
        &format!(
            r#"<m:CreateItem SendMeetingInvitations="SendToNone"><m:Items><t:CalendarItem>
<t:Subject>Über EWS</t:Subject><t:Body BodyType="Text">Guten Tag</t:Body>
<t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="{SET}" PropertyName="Stamp" PropertyType="String"/>
<t:Value>k1</t:Value></t:ExtendedProperty>
<t:Start>2026-12-01T09:00:00Z</t:Start><t:End>2026-12-01T10:00:00Z</t:End>
<t:LegacyFreeBusyStatus>OOF</t:LegacyFreeBusyStatus><t:Location>Elbe</t:Location>
<t:StartTimeZone Id="W. Europe Standard Time"/><t:EndTimeZone Id="W. Europe Standard Time"/>
</t:CalendarItem></m:Items></m:CreateItem>"#
        ),
    );
    assert!(answer.contains("NoError"), "{answer}");
    let filter = format!(
        "$filter=singleValueExtendedProperties/any(ep: ep/id eq '{STAMP}' and ep/value eq 'k1')"
    );
    let found = graph.get(&format!("{}?{filter}", events())).json;
    let event = &found["value"][0];
    assert_eq!(event["subject"], "Über EWS");
    assert_eq!(event["showAs"], "oof");
    assert_eq!(event["location"]["displayName"], "Elbe");
    assert_eq!(event["originalStartTimeZone"], "W. Europe Standard Time");
    assert_eq!(event["start"]["dateTime"], "2026-12-01T09:00:00.0000000");
    assert_eq!(event["bodyPreview"], "Guten Tag");
    assert_eq!(graph.control("GET", "/sent", Value::Null).json, json!([]));
}

#[test]
fn what_graph_writes_and_deletes_ews_syncs() {
    let graph = Graph::new();
    let event = graph.create(named("Über Graph", 2));
    let sync = |state: &str| {
        ews(
            &graph,
            &format!(
                r#"<m:SyncFolderItems><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>
<m:SyncFolderId><t:DistinguishedFolderId Id="calendar"/></m:SyncFolderId>{state}
<m:MaxChangesReturned>100</m:MaxChangesReturned></m:SyncFolderItems>"#
            ),
        )
    };
    let first = sync("");
    assert!(first.contains("Über Graph"), "{first}");
    assert!(first.contains(&format!("ChangeKey=\"{}\"", text(&event["changeKey"]))), "{first}");
    let (_, state) = first.split_once("SyncState>").expect("a state");
    let (state, _) = state.split_once('<').expect("its end");
    graph.send("DELETE", &format!("{}/{}", events(), text(&event["id"])), &[], Value::Null);
    let second = sync(&format!("<m:SyncState>{state}</m:SyncState>"));
    assert!(second.contains("<t:Delete>"), "{second}");
}
