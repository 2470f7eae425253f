//! The requests that Microsoft's documentation prints: those that agree with the published
//! description are answered as the page says, those that don't are refused.
//!
//! The ids in them are placeholders; ours stand in their places.

use crate::harness::*;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// Answers that differ from the page, or from what the checker says, and why.
struct Exception {
    /// The examples' names.
    examples: &'static [&'static str],
    status: u16,
    reason: &'static str,
}

const fn because(
    reason: &'static str,
    status: u16,
    examples: &'static [&'static str],
) -> Exception {
    Exception { examples, status, reason }
}

const EXCEPTIONS: &[Exception] = &[
    because(
        "the token is another mailbox's",
        400,
        &[
            "message-delta/delta-query-messages.04",
            "message-delta/delta-query-messages.07",
            "event-delta/delta-query-events.03",
            "event-delta/delta-query-events.05",
            "event-delta/delta-query-events.07",
            "deltaLink",
        ],
    ),
    because(
        "the example says 200, the text of the same page 201",
        201,
        &[
            "message-crud/message-copy.01",
            "mailfolder-crud/mailfolder-post-childfolders.01",
            "mailfolder-crud/mailfolder-move.01",
        ],
    ),
    because("the page itself writes a Boolean as text", 202, &["sendmail/user-sendmail.01"]),
    because(
        "a Boolean may be text, as the page of sendMail writes one",
        200,
        &["string for boolean"],
    ),
    because("each step is refused by itself", 200, &["batch/json-batching.01"]),
    because("not served: Teams", 501, &["subscriptions/webhooks-with-resource-data.01"]),
    because(
        "not served: sharing, groups of calendars",
        501,
        &[
            "event-crud/calendargroup-list-calendars.01",
            "event-crud/user-list-calendargroups.01",
            "event-crud/calendar-list-calendarpermissions.01",
            "event-crud/calendar-post-calendarpermissions.01",
        ],
    ),
    because("its MIME names no recipient", 400, &["sendMail MIME"]),
    because(
        "not served: replies and forwards",
        501,
        &[
            "message-crud/message-createreply.01",
            "message-crud/message-createreply.03",
            "message-crud/message-reply.01",
            "message-crud/message-reply.03",
            "message-crud/message-createforward.01",
            "message-crud/message-createforward.03",
        ],
    ),
    because(
        "not served: translateExchangeIds",
        501,
        &["immutable-id/outlook-immutable-id.01", "immutable-id/user-translateexchangeids.01"],
    ),
    because(
        "not served: working hours, lists of zones and languages",
        501,
        &[
            "categories-settings/user-update-mailboxsettings.03",
            "categories-settings/outlookuser-supportedtimezones.01",
            "categories-settings/outlookuser-supportedtimezones.03",
            "categories-settings/outlookuser-supportedlanguages.01",
        ],
    ),
];

/// Members that answers on the pages have and ours lack, and why.
const LACKING: &[(&str, &str)] = &[
    ("@odata.id", "only with full metadata, which the page doesn't ask for"),
    ("@odata.nextLink", "ours fits on a page"),
    ("@odata.type", "as the page itself prints it for some entities only"),
    ("delegateMeetingMessageDeliveryOptions", "not modelled: delegates"),
    ("event@odata.context", "the annotation at the top says it"),
    ("internetMessageHeaders", "not modelled: headers"),
    ("notificationContentType", "not in the description"),
    ("singleValueExtendedProperties", "ours has no such property"),
    ("multiValueExtendedProperties", "ours has no such property"),
    ("uniqueBody", "not modelled: what a message quotes"),
    ("workingHours", "nobody here has the page's address"),
    ("uniqueId", "ours is unknown to the service that names places"),
];
/// Pages whose answer is about another kind of thing: a search folder, a meeting request, an item
/// with an attachment of its own, working hours in a zone of one's own.
const OTHER_KINDS: &[&str] = &[
    "attachments/attachment-get.07",
    "mailfolder-crud/mailfolder-get.03",
    "event-crud/outlook-create-event-in-shared-delegated-calendar.09",
    "categories-settings/user-get-mailboxsettings.05",
];

const BEN: &str = "ben.carter@contoso.example";

struct Example {
    name: String,
    method: String,
    /// Path below `/v1.0`, with its query.
    path: String,
    headers: BTreeMap<String, String>,
    body: Value,
    /// What the page prints, if it does.
    status: Option<u16>,
    printed: Value,
    /// Whether the checker finds nothing wrong.
    is_good: bool,
}

fn shared(name: &str) -> Option<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph");
    let path = PathBuf::from(folder).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    println!("skipped: {} is missing", path.display());
    None
}

/// The requests of a file, judged by the checker; `None`, said in one line, where it can't run.
fn examples(file: &str) -> Option<Vec<Example>> {
    let (checker, index) = (shared("check_requests.py")?, shared("examples/index.tsv")?);
    let index = std::fs::read_to_string(index).expect("readable");
    let text = std::fs::read_to_string(shared(file)?).expect("readable");
    let lines = text.lines().map(|line| serde_json::from_str(line).expect("JSON"));
    let requests: Vec<Value> = lines.filter(|line: &Value| !is_elsewhere(line)).collect();
    let mut examples: Vec<Example> =
        requests.iter().map(|request| Example::read(request, &index)).collect();
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
        "examples-{}-{}.jsonl",
        std::process::id(),
        file.replace('/', "-")
    ));
    let whole: Vec<String> = examples.iter().map(|example| example.as_sent().to_string()).collect();
    std::fs::write(&place, whole.join("\n")).expect("written");
    let output = Command::new("python3").arg(checker).arg("--json").arg(&place).output();
    std::fs::remove_file(&place).expect("removed");
    let output = output.map(|output| output.stdout).unwrap_or_default();
    let verdicts = String::from_utf8_lossy(&output).into_owned();
    if verdicts.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "python3 with PyYAML is missing");
        println!("skipped: python3 with PyYAML is missing");
        return None;
    }
    for (example, verdict) in examples.iter_mut().zip(verdicts.lines()) {
        let verdict: Value = serde_json::from_str(verdict).expect("JSON");
        example.is_good = verdict["status"] == "ok";
    }
    Some(examples)
}

/// Requests to other services or versions.
fn is_elsewhere(request: &Value) -> bool {
    let url = text(&request["url"]);
    let other = ["outlook.office.com", "/beta/", "/groups/", "/outlook/tasks/", "/api/v1.0/"];
    other.iter().any(|part| url.contains(part))
}

impl Example {
    fn read(request: &Value, index: &str) -> Example {
        let url = text(&request["url"]).trim_start_matches("https://graph.microsoft.com");
        let path = url.trim_start_matches("/v1.0").replace("{start_datetime}", "2026-12-01");
        let name = text(&request["name"]).trim_end_matches(".request.json").to_owned();
        let mut headers = BTreeMap::new();
        for (name, value) in request["headers"].as_object().into_iter().flatten() {
            // The checker minds the case.
            let name =
                if name.eq_ignore_ascii_case("content-type") { "Content-Type" } else { name };
            headers.insert(name.to_owned(), text(value).to_owned());
        }
        Example {
            method: text(&request["method"]).to_owned(),
            path: path.replace("{end_datetime}", "2026-12-31"),
            headers,
            body: request["body"].clone(),
            status: printed_status(index, &name),
            printed: printed_body(&name),
            is_good: true,
            name,
        }
    }

    /// With the headers that the pages leave out.
    fn as_sent(&self) -> Value {
        let mut headers = self.headers.clone();
        headers.insert("Authorization".to_owned(), "Bearer token".to_owned());
        headers.entry("Content-Type".to_owned()).or_insert_with(|| "application/json".to_owned());
        json!({"method": self.method, "url": self.path, "headers": headers, "body": self.body})
    }
}

/// The status of the response that follows a request on its page.
fn printed_status(index: &str, name: &str) -> Option<u16> {
    let mut lines = index.lines().skip_while(|line| !line.starts_with(name)).skip(1);
    let mut fields = lines.next()?.split('\t');
    let page = name.rsplit_once('.')?.0;
    let same_page = fields.next()?.starts_with(&format!("{page}."));
    let (kind, status) = (fields.next()?, fields.next()?);
    if same_page && kind == "response" { status.parse().ok() } else { None }
}

/// The body of that response.
fn printed_body(name: &str) -> Value {
    let Some((page, number)) = name.rsplit_once('.') else { return Value::Null };
    let next = number.parse().unwrap_or(0) + 1;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples");
    let file = std::fs::read_to_string(format!("{folder}/{page}.{next:02}.response.json"));
    let response: Value =
        file.map_or(Value::Null, |text| serde_json::from_str(&text).expect("JSON"));
    response["body"].clone()
}

/// The members of `printed` that `ours` lacks; of lists the first entries count.
fn lacking(printed: &Value, ours: &Value, found: &mut Vec<String>) {
    match (printed, ours) {
        (Value::Object(printed), Value::Object(ours)) => {
            for (name, value) in printed {
                match ours.get(name) {
                    Some(ours) => lacking(value, ours, found),
                    None => found.push(name.clone()),
                }
            }
        }
        (Value::Array(printed), Value::Array(ours)) => {
            if let (Some(printed), Some(ours)) = (printed.first(), ours.first()) {
                lacking(printed, ours, found);
            }
        }
        (_, _) => {}
    }
}

/// Ids of ours by the segment that they follow.
fn ids(graph: &Graph) -> BTreeMap<&'static str, String> {
    let id = |answer: Answer| {
        assert_eq!(answer.status, 201, "{}", answer.json);
        text(&answer.json["id"]).to_owned()
    };
    let user = format!("/users/{ANNA}");
    let mail = json!({"subject": "Did you see last night's game?", "isRead": true,
        "toRecipients": [{"emailAddress": {"address": "ben.krause@contoso.example"}}]});
    let message = id(graph.post(&format!("{user}/messages"), mail));
    let event = text(&graph.create(lunch())["id"]).to_owned();
    let attended = |subject: &str, address: &str| {
        let mut meeting = named(subject, 16);
        meeting["attendees"] = json!([{"type": "required", "emailAddress": {"address": address}}]);
        meeting
    };
    let meeting = text(&graph.create(attended("Review", BEN))["id"]).to_owned();
    graph.post(&format!("/users/{BEN}/events"), attended("Invitation", ANNA));
    let invited = graph.get(&format!("{user}/events?$filter=subject eq 'Invitation'")).json;
    let invited = text(&invited["value"][0]["id"]).to_owned();
    let request = graph.get(&format!("{user}/messages?$filter=subject eq 'Invitation'")).json;
    let request = text(&request["value"][0]["id"]).to_owned();
    let mut series = named("Standup", 14);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-14", "numberOfOccurrences": 5}
    });
    let series = text(&graph.create(series)["id"]).to_owned();
    let file = json!({"@odata.type": "#microsoft.graph.fileAttachment", "name": "notes.txt",
        "contentType": "text/plain", "contentBytes": "SGVsbG8="});
    let item = json!({"@odata.type": "#microsoft.graph.itemAttachment", "name": "Note",
        "item": {"@odata.type": "#microsoft.graph.message", "subject": "Note"}});
    let of_message = format!("{user}/messages/{message}/attachments");
    let file_of_message = id(graph.post(&of_message, file.clone()));
    let item_of_message = id(graph.post(&of_message, item));
    let file_of_event = id(graph.post(&format!("{user}/events/{event}/attachments"), file));
    let subscription = json!({"changeType": "created", "resource": format!("{user}/events"),
        "notificationUrl": "https://client.example/notify",
        "expirationDateTime": "2026-11-26T08:00:00Z"});
    let subscription = id(graph.post("/subscriptions", subscription));
    let mailbox = graph.get(&format!("{user}/settings/exchange")).json;
    let mailbox = text(&mailbox["primaryMailboxId"]).to_owned();
    let folder = json!({"displayName": "Offers"});
    let folder = id(graph.post(&format!("{user}/mailFolders"), folder));
    let target = json!({"displayName": "Archive of offers"});
    let target = id(graph.post(&format!("{user}/mailFolders"), target));
    let calendar = json!({"name": "Club"});
    let calendar = id(graph.post(&format!("{user}/calendars"), calendar));
    let category = json!({"displayName": "Taxes", "color": "preset9"});
    let category = id(graph.post(&format!("{user}/outlook/masterCategories"), category));
    BTreeMap::from([
        ("users", ANNA.to_owned()),
        ("messages", message),
        ("events", event),
        ("series", series),
        ("meeting", meeting),
        ("invited", invited),
        ("request", request),
        ("messages/attachments", file_of_message),
        ("messages/items", item_of_message),
        ("events/attachments", file_of_event),
        ("subscriptions", subscription),
        ("mailboxes", mailbox),
        ("mailfolders", folder),
        ("destination", target),
        ("calendars", calendar),
        ("mastercategories", category),
    ])
}

/// The path with our ids in the places of the placeholders.
fn translated(path: &str, ids: &BTreeMap<&'static str, String>) -> String {
    const WELL_KNOWN: [&str; 5] = ["delta", "inbox", "deleteditems", "drafts", "sentitems"];
    let (path, query) = match path.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (path, String::new()),
    };
    let is_series = path.ends_with("/instances");
    let answers = ["/accept", "/decline", "/tentativelyAccept"];
    let is_answer = answers.iter().any(|answer| path.ends_with(answer));
    let is_item = query.to_ascii_lowercase().contains("itemattachment");
    // `events('…')` is another way to write `events/…`.
    let path = path.replace("('", "/").replace("')", "");
    let mut segments: Vec<String> = Vec::new();
    let mut collections: Vec<String> = Vec::new();
    for segment in path.trim_matches('/').split('/') {
        let collection = collections.last().cloned().unwrap_or_default();
        let key = match collection.as_str() {
            "attachments" if collections.iter().any(|name| name == "events") => {
                "events/attachments"
            }
            "attachments" if is_item => "messages/items",
            "attachments" => "messages/attachments",
            "events" if is_series => "series",
            "events" if is_answer => "invited",
            "messages" if query.contains("eventMessage") => "request",
            "events" if path.ends_with("/cancel") => "meeting",
            name => name,
        };
        let is_id = !WELL_KNOWN.contains(&segment.to_ascii_lowercase().as_str())
            && segment != "createUploadSession";
        let ours = ids.get(key).filter(|_| is_id).cloned();
        if segments.is_empty() && segment.eq_ignore_ascii_case("me") {
            segments.extend(["users".to_owned(), ANNA.to_owned()]);
            continue;
        }
        collections.push(if ours.is_some() { String::new() } else { segment.to_ascii_lowercase() });
        segments.push(ours.unwrap_or_else(|| segment.to_owned()));
    }
    format!("/{}{query}", segments.join("/"))
}

/// What the body names in our mailbox, and times that have gone by.
fn translate_body(body: &mut Value, ids: &BTreeMap<&'static str, String>) {
    for key in ["destinationId", "DestinationId"] {
        if body[key].is_string() {
            body[key] = json!(ids["destination"]);
        }
    }
    if body["itemIds"].is_array() {
        body["itemIds"] = json!([ids["messages"]]);
    }
    if body["expirationDateTime"].is_string() {
        body["expirationDateTime"] = json!("2026-11-26T08:00:00Z");
    }
    if let Some(resource) = body["resource"].as_str().map(|resource| resource.trim_matches('/')) {
        body["resource"] = json!(translated(resource, ids));
    }
}

/// The answer of a server that no other example has changed.
fn answer_to(example: &Example, (graph, ids): &World) -> Answer {
    let mut body = example.body.clone();
    if body.is_object() {
        translate_body(&mut body, ids);
    }
    let headers: Vec<(&str, &str)> =
        example.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let path = translated(&example.path, ids);
    graph.send(&example.method, &path, &headers, body).expect("an answer")
}

/// A server and our ids in it.
type World = (Graph, BTreeMap<&'static str, String>);

fn world() -> World {
    let graph = Graph::new();
    let ids = ids(&graph);
    (graph, ids)
}

/// What is wrong with the answers to the requests of some files, tables taken into account.
fn judged(examples: &[Example]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut unused: BTreeSet<&str> = LACKING.iter().map(|(member, _)| *member).collect();
    let mut unchanged = world();
    for example in examples {
        let answer = answer_to(example, &unchanged);
        if example.method != "GET" {
            unchanged = world();
        }
        let fits = match (example.is_good, example.status) {
            (true, Some(status)) => answer.status == status,
            (true, None) => answer.status < 300,
            (false, _) => (400..500).contains(&answer.status),
        };
        let name = example.name.as_str();
        if example.is_good && answer.status < 300 && !OTHER_KINDS.contains(&name) {
            let mut missing = Vec::new();
            lacking(&example.printed, &answer.json, &mut missing);
            for (member, _) in
                LACKING.iter().filter(|(known, _)| missing.iter().any(|m| m == known))
            {
                unused.remove(member);
            }
            missing.retain(|member| !LACKING.iter().any(|(known, _)| known == member));
            wrong.extend(missing.iter().map(|member| format!("{name}: {member} is missing")));
        }
        let exception = EXCEPTIONS.iter().find(|exception| exception.examples.contains(&name));
        match exception {
            Some(exception) if fits => wrong.push(format!("{name}: no more {}", exception.reason)),
            Some(exception) if exception.status == answer.status => {}
            None if fits => {}
            Some(_) | None => wrong.push(format!(
                "{name}: {} {} is good: {}, on the page: {:?}, ours: {} {}",
                example.method,
                example.path,
                example.is_good,
                example.status,
                answer.status,
                answer.json["error"]["message"]
            )),
        }
    }
    wrong.extend(unused.iter().map(|member| format!("{member} is lacking no more")));
    wrong
}

#[test]
fn documented_requests_are_answered_as_documented() {
    let files =
        ["examples/all-requests.jsonl", "checker-tests/good.jsonl", "checker-tests/bad.jsonl"];
    let Some(examples) = files.iter().map(|file| examples(file)).collect::<Option<Vec<_>>>() else {
        return;
    };
    let [documented, good, bad] = examples.as_slice() else { unreachable!("three files") };
    assert!(documented.len() > 140 && good.iter().all(|example| example.is_good));
    assert!(bad.iter().all(|example| !example.is_good));
    let examples: Vec<Example> = examples.into_iter().flatten().collect();
    let wrong = judged(&examples);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let known = |name: &&&str| examples.iter().any(|example| example.name == **name);
    let all: Vec<&str> =
        EXCEPTIONS.iter().flat_map(|exception| exception.examples).copied().collect();
    assert_eq!(all.iter().filter(known).count(), all.len(), "an exception names no example");
}
