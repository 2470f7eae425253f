//! Series: recurrences, instances, exceptions, views and deltas.

use crate::faces::ews;
use crate::harness::*;
use exchange_sim::Config;
use serde_json::{Value, json};

const ZONE: &str = "W. Europe Standard Time";
const YEAR: &str = "startDateTime=2027-01-01T00:00:00Z&endDateTime=2028-01-01T00:00:00Z";

fn at(date: &str, time: &str) -> Value {
    json!({"dateTime": format!("{date}T{time}:00"), "timeZone": ZONE})
}

fn series(pattern: Value, mut range: Value, date: &str) -> Value {
    range["startDate"] = json!(date);
    json!({
        "subject": "series",
        "start": at(date, "10:00"),
        "end": at(date, "10:30"),
        "recurrence": {"pattern": pattern, "range": range},
    })
}

/// Mondays in February 2027, `count` of them.
fn mondays(count: u32) -> Value {
    let pattern = json!({"type": "weekly", "interval": 1, "daysOfWeek": ["monday"],
                         "firstDayOfWeek": "monday"});
    series(pattern, json!({"type": "numbered", "numberOfOccurrences": count}), "2027-02-01")
}

fn path(event: &Value) -> String {
    format!("{}/{}", events(), text(&event["id"]))
}

fn instances(graph: &Graph, master: &Value) -> Vec<Value> {
    let answer = graph.get(&format!("{}/instances?{YEAR}&$top=100", path(master)));
    assert_eq!(answer.status, 200, "{}", answer.json);
    answer.json["value"].as_array().expect("a list").clone()
}

fn starts(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| &text(&event["start"]["dateTime"])[..16]).collect()
}

fn delete(graph: &Graph, event: &Value) {
    let answer = graph.send("DELETE", &path(event), &[], Value::Null).expect("an answer");
    assert_eq!(answer.status, 204, "{}", answer.json);
}

#[test]
fn a_master_shows_its_recurrence_with_unused_members_filled() {
    let graph = Graph::new();
    let master = graph.create(mondays(3));
    assert_eq!(master["type"], "seriesMaster");
    assert_eq!(master["seriesMasterId"], Value::Null);
    assert!(master.get("originalStart").is_none());
    assert_eq!(
        master["recurrence"],
        json!({
            "pattern": {"type": "weekly", "interval": 1, "month": 0, "dayOfMonth": 0,
                        "daysOfWeek": ["monday"], "firstDayOfWeek": "monday", "index": "first"},
            "range": {"type": "numbered", "startDate": "2027-02-01", "endDate": "0001-01-01",
                      "numberOfOccurrences": 3, "recurrenceTimeZone": ZONE},
        })
    );
    let listed = graph.get(&events()).json;
    assert_eq!(listed["value"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["value"][0]["id"], master["id"]);
}

#[test]
fn every_pattern_is_read_back_and_expanded() {
    let graph = Graph::new();
    let end = json!({"type": "endDate", "endDate": "2027-12-31"});
    for (pattern, dates) in [
        (json!({"type": "daily", "interval": 200}), ["2027-01-05", "2027-07-24"]),
        (
            json!({"type": "weekly", "interval": 30, "daysOfWeek": ["Tuesday"]}),
            ["2027-01-05", "2027-08-03"],
        ),
        (
            json!({"type": "absoluteMonthly", "interval": 7, "dayOfMonth": 5}),
            ["2027-01-05", "2027-08-05"],
        ),
        (
            json!({"type": "relativeMonthly", "interval": 7, "daysOfWeek": ["tuesday"]}),
            ["2027-01-05", "2027-08-03"],
        ),
    ] {
        let master = graph.create(series(pattern.clone(), end.clone(), dates[0]));
        let shown = &master["recurrence"]["pattern"];
        assert_eq!(shown["type"], pattern["type"]);
        assert_eq!(shown["interval"], pattern["interval"]);
        let found = instances(&graph, &master);
        let days: Vec<&str> = starts(&found).iter().map(|start| &start[..10]).collect();
        assert_eq!(days, dates, "{pattern}");
    }
    for pattern in [
        json!({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 5, "month": 1}),
        json!({"type": "relativeYearly", "interval": 1, "daysOfWeek": ["tuesday"], "month": 1,
               "index": "first"}),
    ] {
        let master = graph.create(series(pattern, json!({"type": "noEnd"}), "2027-01-05"));
        assert_eq!(starts(&instances(&graph, &master)), ["2027-01-05T09:00"]);
        assert_eq!(master["recurrence"]["range"]["endDate"], "0001-01-01");
    }
}

#[test]
fn a_series_keeps_its_wall_clock_over_a_change_of_the_clocks() {
    let graph = Graph::new();
    let mut body = mondays(2);
    body["start"] = at("2027-03-22", "10:00");
    body["end"] = at("2027-03-22", "10:30");
    body["recurrence"]["range"]["startDate"] = json!("2027-03-22");
    let master = graph.create(body.clone());
    assert_eq!(starts(&instances(&graph, &master)), ["2027-03-22T09:00", "2027-03-29T08:00"]);
    body["recurrence"]["range"]["recurrenceTimeZone"] = json!("UTC");
    let master = graph.create(body);
    assert_eq!(starts(&instances(&graph, &master)), ["2027-03-22T09:00", "2027-03-29T08:00"]);
}

/// Stated in UTC, a Saturday in Taipei is a Friday (microsoftgraph/microsoft-graph-docs#2202).
#[test]
fn a_pattern_counts_in_the_zone_of_the_start() {
    let graph = Graph::new();
    let utc = |text: &str| json!({"dateTime": text, "timeZone": "UTC"});
    let master = graph.create(json!({
        "start": utc("2027-03-05T22:00:00.0000000"),
        "end": utc("2027-03-06T00:00:00.0000000"),
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["saturday"]},
            "range": {"type": "endDate", "startDate": "2027-03-06", "endDate": "2027-03-20",
                      "recurrenceTimeZone": "Taipei Standard Time"},
        },
    }));
    assert_eq!(
        starts(&instances(&graph, &master)),
        ["2027-03-06T22:00", "2027-03-13T22:00", "2027-03-20T22:00"]
    );
}

#[test]
fn recurrences_that_are_none_are_refused() {
    let graph = Graph::new();
    let cases: [(&str, &str, Value, &str); 12] = [
        ("pattern", "type", json!("hourly"), "RequestBodyRead"),
        ("pattern", "type", Value::Null, "RequestBodyRead"),
        ("pattern", "interval", json!(0), "ErrorPropertyValidationFailure"),
        ("pattern", "interval", json!("1"), "RequestBodyRead"),
        ("pattern", "daysOfWeek", json!([]), "ErrorPropertyValidationFailure"),
        ("pattern", "daysOfWeek", json!(["someday"]), "RequestBodyRead"),
        ("pattern", "count", json!(1), "RequestBodyRead"),
        ("range", "type", json!("forever"), "RequestBodyRead"),
        ("range", "startDate", json!("2027-02-02"), "ErrorPropertyValidationFailure"),
        ("range", "startDate", json!("2027-02-01T00:00:00Z"), "UnableToDeserializePostBody"),
        ("range", "numberOfOccurrences", json!(-1), "ErrorPropertyValidationFailure"),
        ("range", "recurrenceTimeZone", json!(""), "TimeZoneNotSupportedException"),
    ];
    for (part, member, value, expected) in cases {
        let mut body = mondays(3);
        body["recurrence"][part][member] = value;
        let answer = graph.post(&events(), body);
        assert_eq!((answer.status, code(&answer)), (400, expected), "{part}/{member}");
    }
    for recurrence in [json!({}), json!({"pattern": null, "range": null}), json!("weekly")] {
        let mut body = mondays(3);
        body["recurrence"] = recurrence;
        assert_eq!(graph.post(&events(), body).status, 400);
    }
    assert_eq!(graph.get(&events()).json["value"], json!([]));
}

#[test]
fn instances_are_paged_and_need_a_window() {
    let graph = Graph::new();
    let calendar = graph.get(&format!("/users/{ANNA}/calendar")).json;
    let master = graph.create(mondays(13));
    let found = instances(&graph, &master);
    assert_eq!(found.len(), 13);
    let ids: std::collections::BTreeSet<&str> = found.iter().map(|one| text(&one["id"])).collect();
    let uids: std::collections::BTreeSet<&str> =
        found.iter().map(|one| text(&one["iCalUId"])).collect();
    assert_eq!((ids.len(), uids.len()), (13, 13));
    for one in &found {
        assert_eq!(one["type"], "occurrence");
        assert_eq!(one["seriesMasterId"], master["id"]);
        assert_eq!(one["recurrence"], Value::Null);
        assert_eq!(one["subject"], "series");
        assert_eq!(one["changeKey"], master["changeKey"]);
        let alone = graph.get(&path(one)).json;
        assert_eq!((&alone["id"], &alone["start"]), (&one["id"], &one["start"]));
    }
    assert_eq!(found[1]["originalStart"], "2027-02-08T09:00:00Z");
    let by_calendar = format!(
        "/users/{ANNA}/calendars/{}/events/{}/instances?{YEAR}&$select=subject",
        text(&calendar["id"]),
        text(&master["id"])
    );
    for first in [
        by_calendar.clone(),
        by_calendar.replace("calendars/", "calendars('").replace("/events/", "')/events/"),
    ] {
        let page = graph.get(&first).json;
        assert_eq!(page["value"].as_array().map(Vec::len), Some(10), "{page}");
        assert!(page["value"][0]["start"].is_null());
        let context = text(&page["@odata.context"]);
        assert!(context.ends_with("/instances(subject)"), "{context}");
        let rest = graph.get(text(&page["@odata.nextLink"])).json;
        assert_eq!(rest["value"].as_array().map(Vec::len), Some(3));
        assert!(rest["@odata.nextLink"].is_null());
    }
    let answer = graph.get(&format!("{}/instances", path(&master)));
    assert_eq!((answer.status, code(&answer)), (400, "ErrorInvalidParameter"));
    for event in [&found[0], &graph.create(named("single", 3))] {
        assert_eq!(graph.get(&format!("{}/instances?{YEAR}", path(event))).status, 400);
    }
}

#[test]
fn a_changed_occurrence_is_an_exception() {
    let graph = Graph::new();
    let master = graph.create(mondays(4));
    let second = instances(&graph, &master)[1].clone();
    let moved = json!({"subject": "moved", "start": at("2027-02-09", "12:00"),
                       "end": at("2027-02-09", "13:00")});
    let changed = graph.patch(&path(&second), moved);
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!(changed.json["type"], "exception");
    assert_eq!(changed.json["id"], second["id"]);
    assert_eq!(changed.json["iCalUId"], second["iCalUId"]);
    assert_eq!(changed.json["originalStart"], "2027-02-08T09:00:00Z");
    let prefer = format!("outlook.timezone=\"{ZONE}\"");
    let zoned = graph.get_with(&path(&second), &prefer).json;
    assert_eq!(zoned["originalStart"], "2027-02-08T10:00:00+01:00");
    let found = instances(&graph, &master);
    assert_eq!(
        starts(&found),
        ["2027-02-01T09:00", "2027-02-09T11:00", "2027-02-15T09:00", "2027-02-22T09:00"]
    );
    assert_ne!(graph.get(&path(&master)).json["changeKey"], master["changeKey"]);
    // Nobody passes a neighbour, and nothing recurs twice.
    let past = json!({"start": at("2027-02-16", "12:00"), "end": at("2027-02-16", "13:00")});
    let answer = graph.patch(&path(&second), past);
    assert_eq!((answer.status, code(&answer)), (400, "ErrorOccurrenceCrossingBoundary"));
    let answer = graph.patch(&path(&second), json!({"recurrence": mondays(2)["recurrence"]}));
    assert_eq!(answer.status, 400);
    let answer = graph.patch(&path(&second), json!({"recurrence": null, "subject": "still"}));
    assert_eq!((answer.status, text(&answer.json["type"])), (200, "exception"));
    // A change of the master keeps it; a stale version is refused for all of the series.
    let renamed = graph.patch(&path(&master), json!({"subject": "renamed"}));
    assert_eq!(renamed.json["recurrence"], master["recurrence"]);
    let subjects = |found: &[Value]| -> Vec<String> {
        found.iter().map(|one| text(&one["subject"]).to_owned()).collect()
    };
    let found = instances(&graph, &master);
    assert_eq!(subjects(&found), ["renamed", "still", "renamed", "renamed"]);
    let stale = [("If-Match", text(&master["@odata.etag"]))];
    let answer = graph.send("PATCH", &path(&second), &stale, json!({"subject": "x"}));
    assert_eq!(answer.expect("an answer").status, 412);
    // So does writing back what was read.
    graph.patch(&path(&master), json!({"recurrence": master["recurrence"]}));
    assert_eq!(instances(&graph, &master)[1]["type"], "exception");
    let mut longer = master["recurrence"].clone();
    longer["range"]["numberOfOccurrences"] = json!(5);
    graph.patch(&path(&master), json!({"recurrence": longer}));
    let found = instances(&graph, &master);
    assert_eq!((found.len(), text(&found[1]["type"])), (5, "exception"));
    // Another pattern has other occurrences.
    let mut rarer = master["recurrence"].clone();
    rarer["pattern"]["interval"] = json!(2);
    graph.patch(&path(&master), json!({"recurrence": rarer}));
    assert!(instances(&graph, &master).iter().all(|one| one["type"] == "occurrence"));
}

#[test]
fn a_master_names_its_exceptions_and_deleted_occurrences_where_asked() {
    let graph = Graph::new();
    let master = graph.create(mondays(4));
    let found = instances(&graph, &master);
    delete(&graph, &found[1]);
    graph.patch(&path(&found[2]), json!({"subject": "other"}));
    assert_eq!(graph.get(&path(&found[1])).status, 404);
    assert_eq!(instances(&graph, &master).len(), 3);
    let all =
        "$select=subject,cancelledOccurrences,exceptionOccurrences&$expand=exceptionOccurrences";
    let shown = graph.get(&format!("{}?{all}", path(&master))).json;
    let expected = format!("OID.{}.2027-02-08", text(&master["id"]));
    assert_eq!(shown["cancelledOccurrences"], json!([expected]));
    let exceptions = shown["exceptionOccurrences"].as_array().expect("a list");
    assert_eq!(exceptions.len(), 1);
    assert_eq!(exceptions[0]["subject"], "other");
    assert_eq!(exceptions[0]["type"], "exception");
    assert_eq!(exceptions[0]["id"], found[2]["id"]);
    let brief = "$select=exceptionOccurrences&$expand=exceptionOccurrences($select=subject,type)";
    let shown = graph.get(&format!("{}?{brief}", path(&master))).json;
    let members = shown["exceptionOccurrences"][0].as_object().expect("an event");
    assert_eq!(members.keys().collect::<Vec<_>>(), ["@odata.etag", "id", "subject", "type"]);
    for hidden in ["", "?$expand=exceptionOccurrences", "?$select=exceptionOccurrences"] {
        let shown = graph.get(&format!("{}{hidden}", path(&master))).json;
        for name in ["cancelledOccurrences", "exceptionOccurrences"] {
            assert!(shown.get(name).is_none(), "{hidden} {name}");
        }
    }
    let listed = graph.get(&format!("{}?{all}", events())).json;
    assert!(listed["value"][0].get("cancelledOccurrences").is_none());
}

#[test]
fn a_recurrence_is_given_and_taken_away() {
    let graph = Graph::new();
    let event = graph.create(named("single", 3));
    let recurrence = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-03", "numberOfOccurrences": 2},
    });
    let master = graph.patch(&path(&event), json!({"recurrence": recurrence})).json;
    assert_eq!((text(&master["type"]), &master["id"]), ("seriesMaster", &event["id"]));
    let single = graph.patch(&path(&event), json!({"recurrence": null})).json;
    assert_eq!(single["type"], "singleInstance");
    assert_eq!(single["recurrence"], Value::Null);
    assert_eq!(single["start"], event["start"]);
}

#[test]
fn a_start_that_the_pattern_skips_moves_to_the_first_occurrence() {
    let graph = Graph::new();
    let mut body = mondays(2);
    body["start"] = at("2027-02-03", "10:00");
    body["end"] = at("2027-02-03", "10:30");
    body["recurrence"]["range"]["startDate"] = json!("2027-02-03");
    let master = graph.create(body);
    assert_eq!(text(&master["start"]["dateTime"]), "2027-02-08T09:00:00.0000000");
    assert_eq!(master["recurrence"]["range"]["startDate"], "2027-02-08");
    assert_eq!(starts(&instances(&graph, &master)), ["2027-02-08T09:00", "2027-02-15T09:00"]);
}

#[test]
fn a_view_shows_occurrences_between_single_events() {
    let graph = Graph::new();
    let master = graph.create(mondays(3));
    graph.create(json!({"subject": "single", "start": at("2027-02-04", "10:00"),
                        "end": at("2027-02-04", "11:00")}));
    let view = format!("/users/{ANNA}/calendarView?{YEAR}");
    let found = graph.get(&view).json;
    let found = found["value"].as_array().expect("a list");
    let kinds: Vec<&str> = found.iter().map(|one| text(&one["type"])).collect();
    assert_eq!(kinds, ["occurrence", "singleInstance", "occurrence", "occurrence"]);
    let filtered = graph.get(&format!(
        "{view}&$filter=seriesMasterId eq '{}' and originalStart ge 2027-02-08T00:00:00Z\
         &$orderby=start/dateTime desc&$top=1&$count=true",
        text(&master["id"])
    ));
    assert_eq!(filtered.json["@odata.count"], 2, "{}", filtered.json);
    assert_eq!(starts(filtered.json["value"].as_array().expect("a list")), ["2027-02-15T09:00"]);
    let next = graph.get(text(&filtered.json["@odata.nextLink"])).json;
    assert_eq!(starts(next["value"].as_array().expect("a list")), ["2027-02-08T09:00"]);
}

#[test]
fn a_delta_gives_a_series_again_and_never_splits_it() {
    let graph = Graph::new();
    let master = graph.create(mondays(4));
    let single = graph.create(named("single", 20));
    let window = "startDateTime=2026-12-01T00:00:00Z&endDateTime=2027-02-20T00:00:00Z";
    let first = format!("/users/{ANNA}/calendarView/delta?{window}");
    let one = "odata.maxpagesize=1";
    let (found, link) = drain(&graph, &first, one);
    let kinds: Vec<&str> = found.iter().map(|one| text(&one["type"])).collect();
    assert_eq!(kinds, ["singleInstance", "seriesMaster", "occurrence", "occurrence", "occurrence"]);
    assert_eq!(found[0]["id"], single["id"]);
    assert_eq!(found[1]["id"], master["id"]);
    assert_eq!(found[1]["subject"], "series");
    let members: Vec<&String> = found[2].as_object().expect("an event").keys().collect();
    assert_eq!(
        members,
        ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"]
    );
    assert_eq!(found[2]["seriesMasterId"], master["id"]);
    let page = graph.get_with(&first, one).json;
    assert_eq!(page["value"].as_array().map(Vec::len), Some(1));
    let page = graph.get_with(text(&page["@odata.nextLink"]), one).json;
    assert_eq!(page["value"].as_array().map(Vec::len), Some(4));

    let occurrences = instances(&graph, &master);
    graph.patch(&path(&occurrences[1]), json!({"subject": "other"}));
    delete(&graph, &occurrences[2]);
    let (found, link) = drain(&graph, &link, one);
    let kinds: Vec<&str> = found.iter().map(|one| text(&one["type"])).collect();
    assert_eq!(kinds, ["seriesMaster", "occurrence", "exception"]);
    assert_eq!((&found[2]["subject"], &found[2]["id"]), (&json!("other"), &occurrences[1]["id"]));
    // Out of the window, and gone.
    let later = json!({"start": at("2027-05-03", "10:00"), "end": at("2027-05-03", "11:00")});
    assert_eq!(graph.patch(&path(&master), later).status, 200);
    let (found, link) = drain(&graph, &link, one);
    assert_eq!((found.len(), &found[0]["id"]), (1, &master["id"]));
    assert_eq!(found[0]["@removed"]["reason"], "deleted");
    delete(&graph, &master);
    let (found, _) = drain(&graph, &link, one);
    assert_eq!(found[0]["@removed"]["reason"], "deleted");
    assert_eq!(found.len(), 1);
}

#[test]
fn an_unbounded_delta_gives_masters_only() {
    let graph = Graph::new();
    let master = graph.create(mondays(4));
    let (found, link) = drain(&graph, &format!("/users/{ANNA}/events/delta"), "");
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["id"], text(&found[0]["type"])), (&master["id"], "seriesMaster"));
    delete(&graph, &instances(&graph, &master)[3]);
    let (found, _) = drain(&graph, &link, "");
    assert_eq!((found.len(), text(&found[0]["type"])), (1, "seriesMaster"));
}

#[test]
fn big_series_end_however_odd_the_pages_are() {
    for random_seed in 0..10 {
        let graph = Graph::with(Config { random_seed, repeat_one_in: 2, ..Config::default() });
        let daily = json!({"type": "daily", "interval": 1});
        let ids: Vec<String> = (1..=3)
            .map(|day| {
                let date = format!("2027-02-0{day}");
                let body = series(daily.clone(), json!({"type": "noEnd"}), &date);
                text(&graph.create(body)["id"]).to_owned()
            })
            .collect();
        let first = format!("/users/{ANNA}/calendarView/delta?{YEAR}");
        let (found, link) = drain(&graph, &first, "odata.maxpagesize=2");
        let masters = found.iter().filter(|one| one["type"] == "seriesMaster");
        let masters: std::collections::BTreeSet<&str> =
            masters.map(|one| text(&one["id"])).collect();
        assert_eq!(masters, ids.iter().map(String::as_str).collect());
        let (found, _) = drain(&graph, &link, "odata.maxpagesize=2");
        assert!(found.is_empty());
    }
}

#[test]
fn immutable_ids_name_occurrences_after_a_move() {
    let graph = Graph::new();
    let immutable = "IdType=\"ImmutableId\"";
    let master = graph.create(mondays(3));
    let list = format!("{}/instances?{YEAR}", path(&master));
    let before = graph.get(&list).json["value"][1].clone();
    let kept = graph.get_with(&list, immutable).json["value"][1].clone();
    assert_ne!(kept["id"], before["id"]);
    delete(&graph, &master);
    assert_eq!(graph.get(&path(&before)).status, 404);
    let found = graph.get_with(&path(&kept), immutable);
    assert_eq!((found.status, &found.json["id"]), (200, &kept["id"]));
    assert_eq!(found.json["seriesMasterId"], kept["seriesMasterId"]);
}

#[test]
fn changes_of_occurrences_are_mailed() {
    let graph = Graph::new();
    let mut body = mondays(3);
    body["attendees"] = json!([{"emailAddress": {"address": "a@fabrikam.example"}}]);
    let master = graph.create(body);
    let found = instances(&graph, &master);
    assert_eq!(found[0]["attendees"][0]["emailAddress"]["address"], "a@fabrikam.example");
    graph.patch(&path(&found[1]), json!({"subject": "other"}));
    delete(&graph, &found[2]);
    // One for the series, one for its exception.
    graph.patch(&path(&master), json!({"location": {"displayName": "Raum 5"}}));
    delete(&graph, &master);
    let sent = graph.control("GET", "/sent", Value::Null).json;
    let sent = sent.as_array().expect("a list").iter();
    let sent: Vec<(&str, &str)> =
        sent.map(|one| (text(&one["kind"]), text(&one["subject"]))).collect();
    assert_eq!(
        sent,
        [
            ("invitation", "series"),
            ("update", "other"),
            ("cancellation", "series"),
            ("update", "series"),
            ("update", "other"),
            ("cancellation", "series"),
        ]
    );
}

#[test]
fn ews_shows_what_graph_changed_of_a_series_and_the_reverse() {
    let graph = Graph::new();
    let master = graph.create(mondays(4));
    let found = instances(&graph, &master);
    graph.patch(&path(&found[1]), json!({"subject": "other"}));
    delete(&graph, &found[2]);
    let id = |event: &Value| text(&event["id"]).replace('-', "+").replace('_', "/");
    let read = ews(
        &graph,
        &format!(
            r#"<m:GetItem><m:ItemShape><t:BaseShape>AllProperties</t:BaseShape></m:ItemShape>
<m:ItemIds><t:ItemId Id="{}"/></m:ItemIds></m:GetItem>"#,
            id(&master)
        ),
    );
    for part in [
        "<t:CalendarItemType>RecurringMaster</t:CalendarItemType>",
        "<t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Monday</t:DaysOfWeek>",
        "<t:NumberOfOccurrences>4</t:NumberOfOccurrences>",
        &format!("<t:ModifiedOccurrences><t:Occurrence><t:ItemId Id=\"{}\"", id(&found[1])),
        "<t:DeletedOccurrence><t:Start>2027-02-15T09:00:00Z</t:Start>",
    ] {
        assert!(read.contains(part), "{part}: {read}");
    }
    let deleted = ews(
        &graph,
        &format!(
            r#"<m:DeleteItem DeleteType="HardDelete" SendMeetingCancellations="SendToNone">
<m:ItemIds><t:OccurrenceItemId RecurringMasterId="{}" InstanceIndex="4"/></m:ItemIds></m:DeleteItem>"#,
            id(&master)
        ),
    );
    assert!(deleted.contains("NoError"), "{deleted}");
    let subjects: Vec<Value> =
        instances(&graph, &master).iter().map(|one| one["subject"].clone()).collect();
    assert_eq!(subjects, ["series", "other"]);
}

#[test]
fn what_only_a_master_has_is_not_expanded_elsewhere() {
    let graph = Graph::new();
    let expand = "$expand=exceptionOccurrences";
    assert_eq!(graph.get(&format!("{}?{expand}", events())).status, 200);
    for path in ["messages", "mailFolders", "calendars"] {
        let answer = graph.get(&format!("/users/{ANNA}/{path}?{expand}"));
        assert_eq!((answer.status, code(&answer)), (400, "RequestBroker--ParseUri"), "{path}");
    }
}

#[test]
fn a_token_that_is_not_kept_any_more_is_gone() {
    let graph = Graph::new();
    let (_, link) = drain(&graph, &format!("/users/{ANNA}/events/delta"), "");
    let other = Graph::with(Config { random_seed: 7, ..Config::default() });
    let answer = other.get(&link);
    assert_eq!((answer.status, code(&answer)), (410, "SyncStateNotFound"));
}
