//! What is asked and sent of series, against scripted answers.

use crate::requests::{calendar, delete, id_in, update, write};
use crate::script::{Script, error, event, scripted};
use chrono::NaiveDate;
use items::{Event, Occurrence};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::ids::Version;
use sync_core::port::{Failure, Fetched, Remote, Write, WriteOp};

const BAD: &str = "Could not find a property named 'exceptionOccurrences'";

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Daily at ten in Berlin from 25 November 2026 on, four times.
pub fn master() -> Value {
    let mut master = event("M");
    master["type"] = json!("seriesMaster");
    master["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1, "month": 0, "dayOfMonth": 0,
                    "firstDayOfWeek": "sunday", "index": "first"},
        "range": {"type": "numbered", "startDate": "2026-11-25", "endDate": "0001-01-01",
                  "numberOfOccurrences": 4, "recurrenceTimeZone": "W. Europe Standard Time"}
    });
    master["attendees"] = json!([]);
    master
}

/// The instance of a day in November.
pub fn instance(day: u32, kind: &str) -> Value {
    let mut instance = event(&format!("O{day}"));
    instance["@odata.etag"] = json!("W/\"M-1\"");
    instance["type"] = json!(kind);
    instance["subject"] = json!("Subject of M");
    instance["attendees"] = json!([]);
    instance["originalStart"] = json!(format!("2026-11-{day}T09:00:00Z"));
    for (name, hour) in [("start", 9), ("end", 10)] {
        let time = format!("2026-11-{day}T{hour:02}:00:00.0000000");
        instance[name] = json!({"dateTime": time, "timeZone": "UTC"});
    }
    instance
}

pub fn ok(body: Value) -> Value {
    json!({"status": 200, "body": body})
}

fn called(subject: &str) -> Occurrence {
    Occurrence::Changed(Box::new(Event { subject: Some(subject.into()), ..Event::default() }))
}

pub fn late(wanted: BTreeMap<NaiveDate, Occurrence>) -> Write {
    let patch = Event { occurrences: Some(wanted), ..Event::default() }.to_canonical();
    let if_match = Some(Version::from("W/\"M-1\""));
    write("k1", WriteOp::Update { id: "M".into(), if_match, patch })
}

/// Answers the readings of the series that have the master answer with `body`.
pub fn reads(script: &Arc<Script>, body: &Value) {
    let body = body.clone();
    script.then_batch(move |step| {
        let url = step["url"].as_str().unwrap();
        assert!(url.contains(",cancelledOccurrences,exceptionOccurrences&$expand=exception"));
        ok(body.clone())
    });
}

#[tokio::test]
async fn masters_are_read_once_more_and_singles_are_not() {
    let (remote, script) = scripted();
    script.then_batch(|step| match id_in(step).as_str() {
        "M" => ok(master()),
        "O" => ok(instance(26, "exception")),
        id => ok(event(id)),
    });
    let mut whole = master();
    let mut changed = instance(26, "exception");
    changed["subject"] = json!("Other");
    whole["exceptionOccurrences"] = json!([changed]);
    whole["cancelledOccurrences"] = json!(["OID.M.2026-11-27"]);
    reads(&script, &whole);
    let ids = ["A".into(), "M".into(), "O".into()];
    let fetched = remote.fetch(&calendar(), &ids).await.unwrap();
    assert!(matches!(fetched[0], Fetched::Found(_)));
    assert_eq!(fetched[2], Fetched::Missing, "an occurrence is no item");
    let Fetched::Found(item) = &fetched[1] else { panic!("{fetched:?}") };
    let held = Event::from_canonical(&item.content).unwrap();
    let expected = BTreeMap::from([
        (date("2026-11-26"), called("Other")),
        (date("2026-11-27"), Occurrence::Deleted),
    ]);
    assert_eq!(held.occurrences, Some(expected));
    assert_eq!(script.seen()[1].2["requests"].as_array().unwrap().len(), 1);
}

/// A collection that is expanded may be cut, with a link to the rest.
#[tokio::test]
async fn exceptions_are_read_to_the_last() {
    let (remote, script) = scripted();
    script.then_batch(|_| ok(master()));
    let link = "https://graph.microsoft.com/v1.0/users/x/events/M/exceptionOccurrences?$skiptoken=";
    let changed = |day| {
        let mut changed = instance(day, "exception");
        changed["subject"] = json!("Other");
        changed
    };
    let mut whole = master();
    whole["exceptionOccurrences"] = json!([changed(25)]);
    whole["exceptionOccurrences@odata.nextLink"] = json!(format!("{link}1"));
    reads(&script, &whole);
    let page = json!({"value": [changed(26)], "@odata.nextLink": format!("{link}2")});
    script.then_json(200, page);
    script.then_json(200, json!({"value": [changed(27)]}));
    let fetched = remote.fetch(&calendar(), &["M".into()]).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    let held = Event::from_canonical(&item.content).unwrap();
    assert_eq!(held.occurrences.unwrap().len(), 3);
    // The links are the service's own.
    script.forget();
}

/// Services that don't know the members are asked for the instances.
#[tokio::test]
async fn a_series_is_put_together_where_it_is_not_told() {
    let (remote, script) = scripted();
    script.then_batch(|_| ok(master()));
    script.then_batch(
        |_| json!({"status": 400, "body": {"error": {"code": "BadRequest", "message": BAD}}}),
    );
    script.then_batch(|_| ok(master()));
    let next = "https://graph.microsoft.com/v1.0/users/x/events/M/instances?$skiptoken=1";
    let first = json!([instance(25, "occurrence")]);
    script.then_json(200, json!({"value": first, "@odata.nextLink": next}));
    let rest = json!([instance(26, "exception"), instance(28, "occurrence")]);
    script.then_json(200, json!({"value": rest}));
    script.then_batch(|step| {
        assert_eq!(id_in(step), "O26");
        let mut changed = instance(26, "exception");
        changed["location"]["displayName"] = json!("Elsewhere");
        ok(changed)
    });
    let fetched = remote.fetch(&calendar(), &["M".into()]).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    let held = Event::from_canonical(&item.content).unwrap();
    let moved = Event { location: Some("Elsewhere".into()), ..Event::default() };
    let expected = BTreeMap::from([
        (date("2026-11-26"), Occurrence::Changed(Box::new(moved))),
        (date("2026-11-27"), Occurrence::Deleted),
    ]);
    assert_eq!(held.occurrences, Some(expected));
    let window = "startDateTime=2025-11-24T00:00:00Z&endDateTime=2027-11-29T00:00:00Z";
    assert!(script.seen()[3].1.contains(window), "{}", script.seen()[3].1);
}

#[tokio::test]
async fn instances_without_end_are_given_up() {
    let (remote, script) = scripted();
    script.then_batch(|_| ok(master()));
    script.then_batch(|_| error(400, "BadRequest"));
    script.then_batch(|_| ok(master()));
    let next = "https://graph.microsoft.com/v1.0/users/x/events/M/instances?$skiptoken=1";
    for _ in 0..20 {
        let page = json!({"value": [instance(25, "occurrence")], "@odata.nextLink": next});
        script.then_json(200, page);
    }
    let failure = remote.fetch(&calendar(), &["M".into()]).await.unwrap_err();
    assert!(matches!(failure, Failure::Transient(_)), "{failure:?}");
}

/// Of a part nobody could tell what was taken back and what only left it.
#[tokio::test]
async fn a_series_without_end_is_not_put_together() {
    let endless = || {
        let mut endless = master();
        endless["recurrence"]["range"]["type"] = json!("noEnd");
        ok(endless)
    };
    let (remote, script) = scripted();
    script.then_batch(move |_| endless());
    script.then_batch(|_| error(400, "BadRequest"));
    script.then_batch(move |_| endless());
    let fetched = remote.fetch(&calendar(), &["M".into()]).await.unwrap();
    let Fetched::Unreadable(trouble) = &fetched[0] else { panic!("{fetched:?}") };
    assert_eq!(trouble.code, "series-without-end");
}

#[tokio::test]
async fn each_request_for_an_occurrence_is_conditional_and_the_stamp_comes_last() {
    let (remote, script) = scripted();
    let mut whole = master();
    let mut own = instance(25, "exception");
    own["subject"] = json!("Own");
    own["importance"] = json!("high");
    whole["exceptionOccurrences"] = json!([own]);
    whole["cancelledOccurrences"] = json!([]);
    reads(&script, &whole);
    whole["cancelledOccurrences"] = json!(["OID.M.2026-11-27"]);
    whole["@odata.etag"] = json!("W/\"M-2\"");
    let deleted = whole.clone();
    // Of the exception the id is known, the others are looked for on their days.
    script.then_batch(|step| {
        let url = step["url"].as_str().unwrap();
        let day = if url.contains("startDateTime=2026-11-26T21:00:00Z") { 27 } else { 26 };
        ok(json!({"value": [instance(day - 1, "occurrence"), instance(day, "occurrence")]}))
    });
    script.then_batch(move |step| match step["method"].as_str().unwrap() {
        "DELETE" => json!({"status": 204}),
        _ => ok(deleted.clone()),
    });
    script.then_batch(|_| ok(json!({"id": "O25", "@odata.etag": "W/\"M-3\""})));
    script.then_batch(|_| ok(json!({"id": "O26", "@odata.etag": "W/\"M-4\""})));
    let [mut wanted, mut new] = [25, 26].map(|day| instance(day, "exception"));
    wanted["subject"] = json!("Wanted");
    new["subject"] = json!("New");
    whole["exceptionOccurrences"] = json!([wanted, new]);
    whole["@odata.etag"] = json!("W/\"M-4\"");
    reads(&script, &whole);
    script.then_batch(|_| ok(json!({"id": "M", "@odata.etag": "W/\"M-5\""})));
    let wanted = BTreeMap::from([
        (date("2026-11-25"), called("Wanted")),
        (date("2026-11-26"), called("New")),
        (date("2026-11-27"), Occurrence::Deleted),
    ]);
    let written = remote.write(&[late(wanted)]).await.remove(0).unwrap();
    assert_eq!((written.id.as_str(), written.version), ("M", Some("W/\"M-5\"".into())));

    let batches: Vec<Value> = script.seen().iter().map(|seen| seen.2["requests"].clone()).collect();
    let said = |step: &Value| {
        let condition = step["headers"]["If-Match"].as_str().unwrap_or_default().to_owned();
        (step["method"].as_str().unwrap().to_owned(), id_in(step), condition)
    };
    let expected = [
        (2, "DELETE", "O27", "W/\"M-1\""),
        (3, "PATCH", "O25", "W/\"M-2\""),
        (4, "PATCH", "O26", "W/\"M-3\""),
        (6, "PATCH", "M", "W/\"M-4\""),
    ];
    for (at, method, id, condition) in expected {
        let got = said(&batches[at][0]);
        assert_eq!((got.0.as_str(), got.1.as_str(), got.2.as_str()), (method, id, condition));
    }
    assert_eq!(batches[2][1]["dependsOn"], json!(["1"]));
    // What was the exception's own is its series' again.
    assert_eq!(batches[3][0]["body"], json!({"subject": "Wanted", "importance": "normal"}));
    assert_eq!(batches[4][0]["body"], json!({"subject": "New"}));
    let members: Vec<&String> = batches[6][0]["body"].as_object().unwrap().keys().collect();
    assert_eq!(members, ["singleValueExtendedProperties"]);
}

#[tokio::test]
async fn what_is_gone_is_left_out_and_what_changed_is_not_overwritten() {
    let wanted = || {
        BTreeMap::from([
            (date("2026-11-26"), called("New")),
            (date("2026-11-27"), Occurrence::Deleted),
        ])
    };
    let days = |step: &Value| {
        let url = step["url"].as_str().unwrap();
        match url.contains("startDateTime=2026-11-26T21:00:00Z") {
            true => ok(json!({"value": []})),
            false => ok(json!({"value": [instance(26, "occurrence")]})),
        }
    };
    let (remote, script) = scripted();
    reads(&script, &master());
    script.then_batch(days);
    script.then_batch(|_| error(404, "ErrorItemNotFound"));
    script.then_batch(|_| ok(json!({"id": "M", "@odata.etag": "W/\"M-2\""})));
    let written = remote.write(&[late(wanted())]).await.remove(0).unwrap();
    assert_eq!(written.version, None, "what was to be written isn't what stands there");

    let (remote, script) = scripted();
    reads(&script, &master());
    script.then_batch(days);
    script.then_batch(|_| error(412, "ErrorIrresolvableConflict"));
    let failure = remote.write(&[late(wanted())]).await.remove(0).unwrap_err();
    assert!(matches!(failure, Failure::Stale(_)), "{failure:?}");
}

#[tokio::test]
async fn meetings_are_left_alone_with_all_their_occurrences() {
    let invited = json!([{"emailAddress": {"address": "x@y.example"}}]);
    let wanted = || BTreeMap::from([(date("2026-11-26"), Occurrence::Deleted)]);
    let mut meeting = master();
    meeting["attendees"] = invited.clone();
    let mut with_exception = master();
    let mut exception = instance(26, "exception");
    exception["attendees"] = invited.clone();
    with_exception["exceptionOccurrences"] = json!([exception.clone()]);

    // The attendees of an exception are told of any change of the series.
    let (remote, script) = scripted();
    script.then_batch(|_| ok(master()));
    reads(&script, &with_exception);
    let mut results = remote.write(&[update("k1", "M"), delete("k2", "M")]).await;
    for whole in [meeting, with_exception] {
        for wanted in [wanted(), BTreeMap::from([(date("2026-11-27"), called("x"))])] {
            reads(&script, &whole);
            results.extend(remote.write(&[late(wanted)]).await);
        }
    }
    reads(&script, &master());
    script.then_batch(move |_| ok(json!({"value": [exception]})));
    results.extend(remote.write(&[late(wanted())]).await);
    for result in results {
        let Err(Failure::Permanent(trouble)) = result else { panic!("{result:?}") };
        assert_eq!(trouble.code, "meeting-protected");
    }
}
