//! Writing occurrences while others write, and while the service has its whims.

use crate::masters::{date, instance, late, master, ok, reads};
use crate::requests::{create, stamp, update};
use crate::script::{Script, error, scripted};
use crate::series::{called, daily, day};
use crate::sim::{Recorder, World, another, held, world};
use chrono::NaiveDate;
use items::{Event, Occurrence, Reminder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync_core::ids::RemoteId;
use sync_core::port::{Failure, Remote, Write, WriteOp};

/// The text of each request that a write of occurrences makes after it has read the series, and how
/// many with that text come before it.
const REQUESTS: [(usize, &str); 5] = [
    (1, "\"DELETE\""),
    (1, "\"subject\":\"First\""),
    (1, "\"subject\":\"Second\""),
    (3, "cancelledOccurrences"),
    (1, "\"singleValueExtendedProperties\":["),
];

fn wanted() -> BTreeMap<NaiveDate, Occurrence> {
    BTreeMap::from([
        (day(0), Occurrence::Deleted),
        (day(1), called("First")),
        (day(2), called("Second")),
    ])
}

fn patch(id: &RemoteId, patch: &Event) -> WriteOp {
    WriteOp::Update { id: id.clone(), if_match: None, patch: patch.to_canonical() }
}

/// Lets somebody else change a series just before a request of ours.
fn somebody_writes(world: &World, before: (usize, &str), op: WriteOp) {
    let theirs = another(&Recorder::new(&world.sim), "theirs");
    let write = Write { folder: world.calendar.clone(), stamp: stamp("theirs"), op };
    world.transport.before(before.0, before.1, async move {
        theirs.write(&[write]).await.remove(0).unwrap();
    });
}

#[tokio::test]
async fn nobody_elses_edit_is_taken_for_ours() {
    let series = Event { reminder: Some(Reminder::Before(77)), ..Event::default() };
    let theirs = BTreeMap::from([(day(5), called("theirs"))]);
    let occurrence = Event { occurrences: Some(theirs.clone()), ..Event::default() };
    for before in REQUESTS {
        for edit in [&series, &occurrence] {
            let world = world().await;
            let id = world.created(&daily(20)).await;
            let version = world.found(&id).await.rendition.version;
            somebody_writes(&world, before, patch(&id, edit));
            let stale = world.one(world.late("k1", &id, version, &wanted())).await;
            assert!(matches!(stale, Err(Failure::Stale(_))), "{before:?} {stale:?}");
            let item = world.found(&id).await;
            assert_ne!(item.stamp, Some(stamp("k1")));
            let got = held(&item);
            let occurrences = got.occurrences.unwrap();
            if edit.reminder.is_some() {
                assert_eq!(got.reminder, edit.reminder, "{before:?}");
            } else {
                assert_eq!(occurrences[&day(5)], theirs[&day(5)], "{before:?}");
            }
        }
    }
}

#[tokio::test]
async fn an_edit_of_what_was_just_written_is_looked_at() {
    let world = world().await;
    let id = world.created(&daily(20)).await;
    let mut theirs = wanted();
    theirs.insert(day(1), called("theirs"));
    let edit = Event { occurrences: Some(theirs.clone()), ..Event::default() };
    let version = world.found(&id).await.rendition.version;
    somebody_writes(&world, REQUESTS[3], patch(&id, &edit));
    let written = world.one(world.late("k1", &id, version, &wanted())).await.unwrap();
    assert_eq!(written, (id.clone(), None), "this isn't what was written");
    assert_eq!(world.occurrences(&id).await, theirs);
    assert_eq!(world.found(&id).await.stamp, Some(stamp("k1")));
}

/// Occurrences of two days, each in a request of its own.
fn two() -> Write {
    let days = ["2026-11-26", "2026-11-27"].map(|day| (date(day), called("New")));
    late(BTreeMap::from(days))
}

/// Answers what is read before the first of them is written.
fn begins(script: &Arc<Script>) {
    reads(script, &master());
    script.then_batch(|_| {
        let days = [26, 27].map(|day| instance(day, "occurrence"));
        ok(json!({"value": days}))
    });
}

fn first_is_written(script: &Arc<Script>, version: &Value) {
    let answer = json!({"id": "O26", "@odata.etag": version});
    script.then_batch(move |_| ok(answer.clone()));
}

fn name(failure: &Failure) -> &'static str {
    match failure {
        Failure::Throttled { .. } => "throttled",
        Failure::Transient(_) => "transient",
        Failure::InDoubt(_) => "in doubt",
        Failure::CursorExpired(_) => "cursor expired",
        Failure::Unauthorized(_) => "unauthorized",
        Failure::Stale(_) => "stale",
        Failure::Missing(_) => "missing",
        Failure::Permanent(_) => "permanent",
    }
}

/// Where something happened nobody is told that nothing did.
#[tokio::test]
async fn after_the_first_request_a_failure_is_a_doubt_or_stale() {
    for (status, code, first, later) in [
        (429, "ApplicationThrottled", "throttled", "in doubt"),
        (401, "InvalidAuthenticationToken", "transient", "in doubt"),
        (403, "ErrorAccessDenied", "unauthorized", "in doubt"),
        (423, "notAllowed", "transient", "in doubt"),
        (503, "", "in doubt", "in doubt"),
        (412, "ErrorIrresolvableConflict", "stale", "stale"),
        (400, "ErrorInvalidRequest", "permanent", "stale"),
        (400, "ErrorOccurrenceCrossingBoundary", "permanent", "stale"),
    ] {
        for (is_first, expected) in [(true, first), (false, later)] {
            let (remote, script) = scripted();
            begins(&script);
            if !is_first {
                first_is_written(&script, &json!("W/\"M-2\""));
            }
            // A token that is refused is replaced once.
            for _ in 0..if status == 401 { 2 } else { 1 } {
                script.then_batch(move |_| error(status, code));
            }
            let failure = remote.write(&[two()]).await.remove(0).unwrap_err();
            assert_eq!(name(&failure), expected, "{status} {code} {is_first}");
        }
    }
}

#[tokio::test]
async fn a_series_that_cannot_be_read_again_is_a_doubt_or_stale() {
    for (status, code, expected) in [
        (429, "ApplicationThrottled", "in doubt"),
        (401, "InvalidAuthenticationToken", "in doubt"),
        (403, "ErrorAccessDenied", "in doubt"),
        (404, "ErrorItemNotFound", "stale"),
    ] {
        let (remote, script) = scripted();
        begins(&script);
        first_is_written(&script, &Value::Null);
        for _ in 0..if status == 401 { 2 } else { 1 } {
            script.then_batch(move |_| error(status, code));
        }
        let failure = remote.write(&[two()]).await.remove(0).unwrap_err();
        assert_eq!(name(&failure), expected, "{status} {code}");
    }
}

/// A version that isn't the answer to a request of ours may be that of somebody's edit.
#[tokio::test]
async fn a_version_that_was_read_is_ours_only_with_what_we_know() {
    let changed = |part: &str, value: Value| {
        let mut whole = master();
        whole["exceptionOccurrences"] = json!([instance(26, "exception")]);
        whole["@odata.etag"] = json!("W/\"M-2\"");
        whole[part] = value;
        whole
    };
    let mut other = instance(25, "exception");
    other["subject"] = json!("Theirs");
    let invited = json!([{"emailAddress": {"address": "x@y.example"}}]);
    for whole in [
        changed("subject", json!("Theirs")),
        changed("exceptionOccurrences", json!([other])),
        changed("cancelledOccurrences", json!(["OID.M.2026-11-28"])),
        changed("attendees", invited),
        changed("recurrence", Value::Null),
    ] {
        // Where an answer told no version.
        let (remote, script) = scripted();
        begins(&script);
        first_is_written(&script, &Value::Null);
        reads(&script, &whole);
        let failure = remote.write(&[two()]).await.remove(0).unwrap_err();
        assert_eq!(name(&failure), "stale", "{failure:?} {whole}");

        // Where an occurrence was deleted, which is answered without a word.
        let (remote, script) = scripted();
        reads(&script, &master());
        script.then_batch(|_| ok(json!({"value": [instance(26, "occurrence")]})));
        script.then_batch(move |step| match step["method"].as_str().unwrap() {
            "DELETE" => json!({"status": 204}),
            _ => ok(whole.clone()),
        });
        let deleted = BTreeMap::from([(date("2026-11-26"), Occurrence::Deleted)]);
        let failure = remote.write(&[late(deleted)]).await.remove(0).unwrap_err();
        assert_eq!(name(&failure), "stale", "{failure:?}");
    }

    // Nobody has changed anything: the next is written on it.
    let (remote, script) = scripted();
    begins(&script);
    first_is_written(&script, &Value::Null);
    reads(&script, &changed("categories", master()["categories"].clone()));
    script.then_batch(|step| {
        assert_eq!(step["headers"]["If-Match"], "W/\"M-2\"");
        error(412, "ErrorIrresolvableConflict")
    });
    let failure = remote.write(&[two()]).await.remove(0).unwrap_err();
    assert_eq!(name(&failure), "stale");
}

#[tokio::test]
async fn an_occurrence_that_somebody_changed_meanwhile_is_not_overwritten() {
    let (remote, script) = scripted();
    reads(&script, &master());
    script.then_batch(|_| ok(json!({"value": [instance(26, "exception")]})));
    let write = late(BTreeMap::from([(date("2026-11-26"), called("New"))]));
    let failure = remote.write(&[write]).await.remove(0).unwrap_err();
    assert_eq!(name(&failure), "stale", "{failure:?}");
}

/// A sign-in that ends while others are served is no denial of one item.
#[tokio::test]
async fn a_sign_in_that_ends_between_writes_denies_nothing() {
    let refused = || error(401, "InvalidAuthenticationToken");
    for served in [0, 1, 2] {
        let (remote, script) = scripted();
        let mut writes = vec![update("k2", "U")];
        if served > 0 {
            writes.push(late(BTreeMap::new()));
            reads(&script, &master());
            script.then_batch(|_| ok(json!({"id": "M", "@odata.etag": "W/\"M-2\""})));
        }
        if served > 1 {
            script.then_batch(|_| ok(json!({"id": "U"})));
        }
        script.then_batch(move |_| refused());
        script.then_batch(move |_| refused());
        let mut results = remote.write(&writes).await;
        let expected = if served > 0 { "transient" } else { "unauthorized" };
        assert_eq!(name(&results.remove(0).unwrap_err()), expected, "{served}");
        assert!(results.iter().all(Result::is_ok), "{results:?}");
    }

    // Before what is served.
    let (remote, script) = scripted();
    script.then_batch(move |_| refused());
    script.then_batch(move |_| refused());
    script.then_batch(|_| json!({"status": 201, "body": {"id": "N"}}));
    let mut results = remote.write(&[update("k2", "U"), create("k1")]).await;
    assert_eq!(name(&results.remove(0).unwrap_err()), "transient");
    assert!(results[0].is_ok());
}
