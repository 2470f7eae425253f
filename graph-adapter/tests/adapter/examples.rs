//! Microsoft's examples, and shapes of the production service.

use crate::judge::shared;
use crate::requests::{calendar, listing};
use crate::script::{event, scripted, text};
use bytes::Bytes;
use items::Occurrence;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use sync_core::port::{Failure, Fetched, Remote};

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn examples(folder: &str) -> Vec<PathBuf> {
    let Some(folder) = shared(&format!("examples/{folder}")) else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    paths
}

/// Every event and every series in the examples is read; occurrences are no items.
#[tokio::test]
async fn documented_events_are_read() {
    let mut events = Vec::new();
    for path in [examples("event-crud"), examples("recurrence"), examples("immutable-id")].concat()
    {
        let body = read(&path)["body"].take();
        let found = body["value"].as_array().cloned().unwrap_or_else(|| vec![body]);
        let of =
            found.into_iter().filter(|e| e["start"]["dateTime"].is_string() && e["id"].is_string());
        events.extend(of.map(|event| (path.clone(), event)));
    }
    for path in examples("corso-production-shapes") {
        if path.file_name().unwrap().to_string_lossy().starts_with("event.") {
            events.push((path.clone(), read(&path)));
        }
    }
    if events.is_empty() {
        return;
    }
    let (mut single, mut series) = (0, 0);
    for (path, event) in &events {
        let (remote, script) = scripted();
        let is_master = event["type"] == "seriesMaster";
        for _ in 0..1 + usize::from(is_master) {
            let body = event.clone();
            script.then_batch(move |_| json!({"status": 200, "body": body}));
        }
        let fetched = remote.fetch(&calendar(), &["E".into()]).await.unwrap();
        match &fetched[0] {
            Fetched::Found(item) => {
                let held = items::Event::from_canonical(&item.content).unwrap();
                assert_eq!(held.is_series(), !event["recurrence"].is_null(), "{}", path.display());
                assert_eq!(held.subject.as_deref(), Some(event["subject"].as_str().unwrap_or("")));
                *(if held.is_series() { &mut series } else { &mut single }) += 1;
            }
            Fetched::Missing => {
                assert!(["occurrence", "exception"].contains(&event["type"].as_str().unwrap()));
            }
            other @ (Fetched::Unreadable(_) | Fetched::Outside) => {
                panic!("{}: {other:?}", path.display())
            }
        }
    }
    assert!(single >= 10 && series >= 2, "{single} events and {series} series of {}", events.len());
}

/// Every recurrence in the examples, of requests and of answers, is read as one.
#[tokio::test]
async fn documented_recurrences_are_read() {
    let mut found = 0;
    for path in [examples("recurrence"), examples("event-crud")].concat() {
        let body = read(&path)["body"].take();
        let recurrence = &body["recurrence"];
        if !recurrence["pattern"].is_object() || !recurrence["range"]["startDate"].is_string() {
            continue;
        }
        found += 1;
        let mut event = event("E");
        let date = recurrence["range"]["startDate"].as_str().unwrap();
        event["type"] = json!("seriesMaster");
        event["start"]["dateTime"] = json!(format!("{date}T09:00:00"));
        event["end"]["dateTime"] = json!(format!("{date}T10:00:00"));
        event["recurrence"] = recurrence.clone();
        let (remote, script) = scripted();
        for _ in 0..2 {
            let body = event.clone();
            script.then_batch(move |_| json!({"status": 200, "body": body}));
        }
        let fetched = remote.fetch(&calendar(), &["E".into()]).await.unwrap();
        let Fetched::Found(item) = &fetched[0] else { panic!("{}: {fetched:?}", path.display()) };
        let held = items::Event::from_canonical(&item.content).unwrap();
        let rule = held.recurrence.as_ref().and_then(|recurrence| recurrence.rule()).unwrap();
        let first = held.first_date().unwrap();
        assert!(rule.dates(first).next().is_some(), "{}", path.display());
    }
    assert!(found >= 4 || shared("examples").is_none(), "only {found}");
}

/// The series seen in production has an exception and a deleted occurrence.
#[tokio::test]
async fn a_series_of_production_is_read_with_its_occurrences() {
    let name = "seriesMaster-with-exception-and-cancellation";
    let Some(path) = shared(&format!("examples/corso-production-shapes/event.{name}.json")) else {
        return;
    };
    let (remote, script) = scripted();
    for _ in 0..2 {
        let body = read(&path);
        script.then_batch(move |_| json!({"status": 200, "body": body}));
    }
    let fetched = remote.fetch(&calendar(), &["E".into()]).await.unwrap();
    let Fetched::Found(item) = &fetched[0] else { panic!("{fetched:?}") };
    let held = items::Event::from_canonical(&item.content).unwrap();
    let occurrences: Vec<(String, String)> = held
        .occurrences
        .into_iter()
        .flatten()
        .map(|(date, one)| match one {
            Occurrence::Deleted => (date.to_string(), "deleted".to_owned()),
            Occurrence::Changed(own) => (date.to_string(), own.subject.unwrap()),
        })
        .collect();
    let expected = [("2024-03-27", "moved instance"), ("2025-03-27", "deleted")];
    assert_eq!(occurrences, expected.map(|(date, what)| (date.to_owned(), what.to_owned())));
}

/// Every documented page of a delta is read, whichever of its two links it has.
#[tokio::test]
async fn documented_delta_pages_are_read() {
    for path in examples("event-delta") {
        let example = read(&path);
        let body = example["body"].clone();
        if !body["value"].is_array() {
            continue;
        }
        let is_sample = body["value"].as_array().unwrap().iter().all(|e| e["id"].is_string());
        let (remote, script) = scripted();
        let link = "https://graph.microsoft.com/v1.0/x/calendarView/delta";
        let cursor =
            json!({"v": 1, "stage": "delta", "url": link, "windowed": "no", "window": [0, 1]});
        script.then(move |_| text(200, "application/json", &body.to_string()));
        let page = remote.pull(&calendar(), Some(&cursor.to_string().into())).await;
        script.forget();
        match page {
            Ok(page) => {
                let links = example["body"].as_object().unwrap();
                assert_eq!(page.more, links.contains_key("@odata.nextLink"), "{}", path.display());
            }
            Err(failure) => {
                let complete = is_sample && example["body"].to_string().contains("Link");
                assert!(!complete, "{}: {failure}", path.display());
                assert!(matches!(failure, Failure::Transient(_)), "{}: {failure}", path.display());
            }
        }
    }
}

/// Every collected refusal has a failure that says what to do.
#[tokio::test]
async fn documented_refusals_are_understood() {
    for path in [examples("errors"), examples("throttling")].concat() {
        let example = read(&path);
        let Some(status) = example["status"].as_u64() else { continue };
        let code = example["body"]["error"]["code"].as_str().unwrap().to_owned();
        let (remote, script) = scripted();
        let (body, headers) = (example["body"].clone(), example["headers"].clone());
        script.then(move |_| {
            let mut response = http::Response::builder().status(u16::try_from(status).unwrap());
            for (name, value) in headers.as_object().unwrap() {
                response = response.header(name, value.as_str().unwrap());
            }
            Ok(response.body(Bytes::from(body.to_string())).unwrap())
        });
        let failure = remote.pull(&calendar(), Some(&listing())).await.unwrap_err();
        let expected = match (status, code.as_str()) {
            (429, _) => matches!(failure, Failure::Throttled { after_ms: Some(_), .. }),
            (410, _) => matches!(failure, Failure::CursorExpired(_)),
            (403, _) | (404, "ErrorNonExistentMailbox") => {
                matches!(failure, Failure::Unauthorized(_))
            }
            (404, _) => matches!(failure, Failure::Missing(_)),
            (412, _) => matches!(failure, Failure::Stale(_)),
            (400 | 413, _) => matches!(failure, Failure::Permanent(_)),
            _ => matches!(failure, Failure::Transient(_)),
        };
        assert!(expected, "{}: {failure:?}", path.display());
        assert_eq!(failure.trouble().code, code, "{}", path.display());
    }
}
