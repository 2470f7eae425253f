//! Meetings: event messages, and what attendees and organisers do with events.

use crate::harness::*;
use exchange_sim::{Config, DEFAULT_PASSWORD, Login};
use serde_json::{Value, json};

const BEN: &str = "ben@contoso.example";
const CLEO: &str = "cleo@contoso.example";
const NONE: [&str; 0] = [];

fn server() -> Graph {
    let login = |address: &str| Login {
        address: address.to_owned(),
        password: DEFAULT_PASSWORD.to_owned(),
    };
    let mailboxes = [ANNA, BEN, CLEO].map(login).to_vec();
    Graph::with(Config { mailboxes, repeat_one_in: 0, ..Config::default() })
}

fn plan(attendees: &[&str]) -> Value {
    let mut body = named("plan", 1);
    let one = |address: &&str| json!({"emailAddress": {"address": address}, "type": "required"});
    body["attendees"] = attendees.iter().map(one).collect();
    body["location"] = json!({"displayName": "Elbe"});
    body
}

fn list(graph: &Graph, path: &str) -> Vec<Value> {
    let answer = graph.get(path);
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["value"].as_array().expect("a list").clone()
}

fn calendar(graph: &Graph, user: &str) -> Vec<Value> {
    list(graph, &format!("/users/{user}/calendar/events"))
}

fn inbox(graph: &Graph, user: &str) -> Vec<Value> {
    list(graph, &format!("/users/{user}/mailFolders/inbox/messages"))
}

fn at(user: &str, event: &Value, action: &str) -> String {
    format!("/users/{user}/events/{}{action}", text(&event["id"]))
}

fn sent(graph: &Graph) -> Vec<String> {
    let sent = graph.control("GET", "/sent", Value::Null).json;
    let sent = sent.as_array().expect("a list").iter();
    sent.map(|one| format!("{} {}", text(&one["kind"]), text(&one["to"][0]))).collect()
}

#[test]
fn an_invitation_is_an_event_message_with_its_event() {
    let graph = server();
    let own = graph.create(plan(&[BEN]));
    let messages = inbox(&graph, BEN);
    let [request] = messages.as_slice() else { panic!("one message") };
    assert_eq!(request["@odata.type"], "#microsoft.graph.eventMessageRequest");
    assert_eq!(request["meetingMessageType"], "meetingRequest");
    assert_eq!(request["meetingRequestType"], "newMeetingRequest");
    assert_eq!(request["startDateTime"]["dateTime"], "2026-12-01T08:00:00.0000000");
    assert_eq!(request["location"]["displayName"], "Elbe");
    let events = calendar(&graph, BEN);
    let [copy] = events.as_slice() else { panic!("one event") };
    assert_eq!((&copy["iCalUId"], &copy["isOrganizer"]), (&own["iCalUId"], &json!(false)));
    assert_eq!(copy["responseStatus"]["response"], "notResponded");
    assert_eq!(
        (text(&copy["showAs"]), text(&copy["organizer"]["emailAddress"]["address"])),
        ("tentative", ANNA)
    );
    let path = format!("/users/{BEN}/messages/{}", text(&request["id"]));
    let expanded = graph.get(&format!("{path}?$expand=microsoft.graph.eventMessage/event")).json;
    assert_eq!(expanded["event"]["id"], copy["id"]);
    let selected = graph
        .get(&format!("{path}?$select=subject,microsoft.graph.eventMessage/meetingMessageType"))
        .json;
    assert_eq!(
        (text(&selected["meetingMessageType"]), text(&selected["subject"])),
        ("meetingRequest", "plan")
    );
    assert_eq!(selected["isRead"], Value::Null);
}

#[test]
fn answers_reach_the_organiser_if_they_are_sent() {
    let graph = server();
    let own = graph.create(plan(&[BEN, CLEO]));
    let organised = graph.post(&at(ANNA, &own, "/accept"), json!({"comment": "me"}));
    assert_eq!((organised.status, code(&organised)), (400, "ErrorInvalidRequest"));
    let copy = calendar(&graph, BEN).remove(0);
    assert_eq!(graph.post(&at(BEN, &copy, "/accept"), json!({"Comment": "Fine"})).status, 202);
    let copy = calendar(&graph, BEN).remove(0);
    assert_eq!(
        (text(&copy["responseStatus"]["response"]), text(&copy["showAs"])),
        ("accepted", "busy")
    );
    assert_ne!(copy["responseStatus"]["time"], "0001-01-01T00:00:00Z");
    let message = inbox(&graph, ANNA).remove(0);
    assert_eq!(message["@odata.type"], "#microsoft.graph.eventMessageResponse");
    assert_eq!(
        (text(&message["responseType"]), text(&message["subject"])),
        ("accepted", "Accepted: plan")
    );
    assert_eq!(message["bodyPreview"], "Fine");
    let status = |number: usize| {
        let own = graph.get(&at(ANNA, &own, "")).json;
        text(&own["attendees"][number]["status"]["response"]).to_owned()
    };
    assert_eq!(status(0), "accepted");
    // Another time may be proposed, where the organiser hears of it.
    let copy = calendar(&graph, CLEO).remove(0);
    let other = json!({"start": named("", 2)["start"], "end": named("", 2)["end"]});
    let unheard = json!({"sendResponse": false, "proposedNewTime": other});
    assert_eq!(graph.post(&at(CLEO, &copy, "/tentativelyAccept"), unheard).status, 400);
    let told = json!({"sendResponse": true, "proposedNewTime": other});
    assert_eq!(graph.post(&at(CLEO, &copy, "/tentativelyAccept"), told).status, 202);
    let message = inbox(&graph, ANNA).remove(0);
    assert_eq!(message["meetingMessageType"], "meetingTenativelyAccepted");
    assert_eq!(message["proposedNewTime"]["start"]["dateTime"], "2026-12-02T08:00:00.0000000");
    assert_eq!(status(1), "tentativelyAccepted");
    let before = sent(&graph).len();
    assert_eq!(
        graph.post(&at(CLEO, &copy, "/decline"), json!({"sendResponse": false})).status,
        202
    );
    assert_eq!((calendar(&graph, CLEO).len(), sent(&graph).len()), (0, before));
    let unknown = graph.post(&at(BEN, &copy, "/accept"), json!({"remark": "x"}));
    assert_eq!(unknown.status, 400);
}

#[test]
fn only_the_organiser_cancels_and_what_attendees_change_is_their_own() {
    let graph = server();
    let own = graph.create(plan(&[BEN]));
    let copy = calendar(&graph, BEN).remove(0);
    let refused = graph.post(&at(BEN, &copy, "/cancel"), json!({"comment": "no"}));
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.json["error"]["message"],
        "Your request can't be completed. You need to be an organizer to cancel a meeting."
    );
    graph.patch(&at(BEN, &copy, ""), json!({"categories": ["mine"]}));
    graph.patch(&at(ANNA, &own, ""), json!({"location": {"displayName": "Weser"}}));
    let copy = calendar(&graph, BEN).remove(0);
    assert_eq!(
        (&copy["categories"], &copy["location"]["displayName"]),
        (&json!(["mine"]), &json!("Weser"))
    );
    let update = inbox(&graph, BEN).remove(0);
    assert_eq!(update["meetingRequestType"], "informationalUpdate");
    assert_eq!(update["previousLocation"]["displayName"], "Elbe");
    assert_eq!(update["previousStartDateTime"], Value::Null);
    assert_eq!(graph.post(&at(ANNA, &own, "/cancel"), json!({"Comment": "Off"})).status, 202);
    assert_eq!(calendar(&graph, ANNA).len(), 0);
    let copy = calendar(&graph, BEN).remove(0);
    assert_eq!((text(&copy["subject"]), &copy["isCancelled"]), ("Canceled: plan", &json!(true)));
    let message = inbox(&graph, BEN).remove(0);
    assert_eq!(message["meetingMessageType"], "meetingCancelled");
    assert_eq!(message["bodyPreview"], "Off");
    // Removing what is cancelled tells nobody.
    graph.send("DELETE", &at(BEN, &copy, ""), &[], Value::Null);
    let kinds = sent(&graph);
    assert_eq!(kinds, ["invitation", "update", "cancellation"].map(|kind| format!("{kind} {BEN}")));
}

#[test]
fn a_forwarded_meeting_invites_in_the_organisers_name() {
    let graph = server();
    let own = graph.create(plan(&[BEN]));
    let copy = calendar(&graph, BEN).remove(0);
    let nobody = graph.post(&at(BEN, &copy, "/forward"), json!({"ToRecipients": NONE}));
    assert_eq!(nobody.status, 400);
    let to = json!({"comment": "See", "toRecipients": [{"emailAddress": {"address": CLEO}}]});
    assert_eq!(graph.post(&at(BEN, &copy, "/forward"), to).status, 202);
    let message = inbox(&graph, CLEO).remove(0);
    assert_eq!(message["subject"], "FW: plan");
    let copy = calendar(&graph, CLEO).remove(0);
    assert_eq!(copy["organizer"]["emailAddress"]["address"], ANNA);
    // A body with nothing in it may be left out.
    let accepted = graph.send("POST", &at(CLEO, &copy, "/accept"), &[], Value::Null);
    assert_eq!(accepted.expect("an answer").status, 202);
    let guests = graph.get(&at(ANNA, &own, "")).json["attendees"].clone();
    assert_eq!(
        (text(&guests[1]["type"]), text(&guests[1]["status"]["response"])),
        ("optional", "accepted")
    );
}

#[test]
fn a_series_is_invited_to_and_its_exceptions_follow() {
    let graph = server();
    let mut body = plan(&[BEN]);
    body["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 3},
    });
    let own = graph.create(body);
    let window = "startDateTime=2026-11-01T00:00:00Z&endDateTime=2027-02-01T00:00:00Z";
    let view = |user: &str| list(&graph, &format!("/users/{user}/calendarView?{window}"));
    assert_eq!(view(BEN).len(), 3);
    let request = inbox(&graph, BEN).remove(0);
    assert_eq!(request["type"], "seriesMaster");
    assert_eq!(request["recurrence"]["pattern"]["type"], "daily");
    let second = view(ANNA).remove(1);
    graph.patch(&at(ANNA, &second, ""), json!({"subject": "other"}));
    let third = view(ANNA).remove(2);
    assert_eq!(graph.post(&at(ANNA, &third, "/cancel"), json!({})).status, 202);
    let shown: Vec<String> =
        view(BEN).iter().map(|event| text(&event["subject"]).to_owned()).collect();
    assert_eq!(shown, ["plan", "other", "Canceled: plan"]);
    let first = view(BEN).remove(0);
    assert_eq!(graph.post(&at(BEN, &first, "/accept"), json!({})).status, 202);
    assert_eq!(view(BEN)[0]["responseStatus"]["response"], "accepted");
    assert_eq!(view(BEN)[1]["responseStatus"]["response"], "notResponded");
    assert_eq!(view(ANNA)[0]["attendees"][0]["status"]["response"], "accepted");
    let master = graph.get(&at(ANNA, &own, "")).json;
    assert_eq!(master["attendees"][0]["status"]["response"], "none");
}
