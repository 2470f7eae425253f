//! Messages in MIME, header fields, conversations.

use crate::harness::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const LETTER: &str = "From: Ben <ben.ott@contoso.example>\r\nTo: ben.ott@contoso.example\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <m-1@contoso.example>\r\nX-Own: 1\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n";

fn at(rest: &str) -> String {
    format!("/users/{ANNA}/{rest}")
}

fn post_mime(graph: &Graph, path: &str, body: &str) -> Answer {
    let plain = [("Content-Type", "text/plain")];
    graph.send("POST", &at(path), &plain, Value::String(body.to_owned())).expect("an answer")
}

/// The bytes of an answer that is no JSON.
fn bytes(graph: &Graph, path: &str) -> (u16, String, Vec<u8>) {
    let request = http::Request::get(format!("https://graph.microsoft.com/v1.0{}", at(path)))
        .header("Authorization", format!("Bearer {}", token(&graph.sim)))
        .body(bytes::Bytes::new())
        .expect("a request");
    match graph.sim.handle(request) {
        exchange_sim::Reply::Respond { response, .. } => {
            let kind = response.headers()["content-type"].to_str().expect("text").to_owned();
            (response.status().as_u16(), kind, response.body().to_vec())
        }
        exchange_sim::Reply::Close => panic!("closed"),
    }
}

#[test]
fn a_draft_is_made_of_mime_and_given_out_as_mime() {
    let graph = Graph::new();
    let made = post_mime(&graph, "messages", &STANDARD.encode(LETTER));
    assert_eq!(made.status, 201, "{}", made.json);
    assert_eq!(made.json["subject"], "Grüße");
    assert_eq!(made.json["isDraft"], true);
    assert_eq!(made.json["internetMessageId"], "<m-1@contoso.example>");
    assert!(made.json.get("internetMessageHeaders").is_none(), "{}", made.json);
    let path = format!("messages/{}", text(&made.json["id"]));
    let (status, kind, stream) = bytes(&graph, &format!("{path}/$value"));
    assert_eq!((status, kind.as_str()), (200, "text/plain"));
    let stream = String::from_utf8(stream).expect("ASCII");
    assert!(stream.contains("Message-ID: <m-1@contoso.example>\r\n"), "{stream}");
    let shown = graph.get(&at(&format!("{path}?$select=internetMessageHeaders")));
    let headers = shown.json["internetMessageHeaders"].as_array().expect("a list").clone();
    assert!(headers.contains(&json!({"name": "X-Own", "value": "1"})), "{headers:?}");
    assert!(headers.contains(&json!({"name": "Subject", "value": "Grüße"})), "{headers:?}");
    assert_eq!(bytes(&graph, "messages/none/$value").0, 404);
}

#[test]
fn what_is_no_mime_is_refused() {
    let graph = Graph::new();
    for path in ["messages", "mailFolders/inbox/messages", "sendMail"] {
        for (body, wanted) in [
            ("not base64 !", "ErrorMimeContentInvalidBase64String"),
            ("", "ErrorMimeContentInvalidBase64String"),
            ("bm90aGluZw==", "ErrorMimeContentInvalid"),
        ] {
            let answer = post_mime(&graph, path, body);
            assert_eq!((answer.status, code(&answer)), (400, wanted), "{path} {body}");
        }
    }
}

#[test]
fn mime_is_sent_to_the_recipients_that_it_names() {
    let graph = Graph::new();
    assert_eq!(post_mime(&graph, "sendMail", &STANDARD.encode(LETTER)).status, 202);
    let sent = graph.get(&at("mailFolders/sentitems/messages"));
    assert_eq!(sent.json["value"][0]["subject"], "Grüße");
    let nobody = post_mime(&graph, "sendMail", &STANDARD.encode("Subject: a\r\n\r\nb"));
    assert_eq!(code(&nobody), "ErrorInvalidRecipients");
}

#[test]
fn header_fields_of_ones_own_start_with_x() {
    let graph = Graph::new();
    let message = |fields: Vec<Value>| json!({"subject": "a", "internetMessageHeaders": fields});
    let field = |name: &str| json!({"name": name, "value": "größer"});
    let made = graph.post(&at("messages"), message(vec![field("x-one"), field("X-Two")]));
    assert_eq!(made.status, 201, "{}", made.json);
    let path = format!("messages/{}?$select=internetMessageHeaders", text(&made.json["id"]));
    let shown = graph.get(&at(&path));
    assert_eq!(shown.json["internetMessageHeaders"], json!([field("X-Two"), field("x-one")]));
    for (fields, wanted) in [
        (vec![field("In-Reply-To")], "InvalidInternetMessageHeader"),
        (vec![field("x-a b")], "InvalidInternetMessageHeader"),
        (vec![field("x-1"); 6], "InvalidInternetMessageHeaderCollection"),
    ] {
        let answer = graph.post(&at("messages"), message(fields));
        assert_eq!((answer.status, code(&answer)), (400, wanted));
    }
}

#[test]
fn messages_belong_to_conversations() {
    let graph = Graph::new();
    let made = |stream: &str| post_mime(&graph, "messages", &STANDARD.encode(stream)).json;
    let first = made("Message-ID: <1@x.example>\r\nSubject: a\r\n\r\nx");
    let reply = made("References: <1@x.example>\r\nSubject: RE: a\r\n\r\nx");
    let fresh = graph.post(&at("messages"), json!({"subject": "a"})).json;
    assert_eq!(first["conversationId"], reply["conversationId"]);
    assert_ne!(first["conversationId"], fresh["conversationId"]);
    let length = |message: &Value| {
        STANDARD.decode(text(&message["conversationIndex"])).expect("base64").len()
    };
    assert_eq!((length(&first), length(&reply), length(&fresh)), (22, 27, 22));
    let filter = format!("messages?$filter=conversationId eq '{}'", text(&first["conversationId"]));
    let found = graph.get(&at(&filter.replace(' ', "%20")));
    assert_eq!(found.json["value"].as_array().map(Vec::len), Some(2), "{}", found.json);
}
