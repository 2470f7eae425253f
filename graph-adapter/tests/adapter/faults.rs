//! What goes wrong, and what is said about it.

use crate::requests::{calendar, create, delete, listing, update};
use crate::script::{error, event, json, scripted, text};
use bytes::Bytes;
use serde_json::json;
use sync_core::ids::Cursor;
use sync_core::port::{Failure, Fetched, Hint, Remote};
use wire::Response;

const LINK: &str = "https://graph.microsoft.com/v1.0/users/x/calendarView/delta?$deltatoken=0";
const NEXT: &str = "https://graph.microsoft.com/v1.0/users/x/calendarView/delta?$skiptoken=";

fn with_retry_after(status: u16, value: &str) -> Result<Response, wire::Error> {
    let body = json!({"error": {"code": "ApplicationThrottled", "message": "slow down"}});
    let response = http::Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("Retry-After", value);
    Ok(response.body(Bytes::from(body.to_string())).unwrap())
}

fn at(stage: &str, url: &str) -> Cursor {
    // A window of the far future, which is not renewed.
    let window = [1_795_000_000, 1_900_000_000];
    Cursor(json!({"v": 1, "stage": stage, "url": url, "window": window}).to_string())
}

#[tokio::test]
async fn a_whole_request_is_throttled() {
    for (value, after_ms) in [("10", Some(10_000)), ("2.128", Some(2_128)), ("", None)] {
        let (remote, script) = scripted();
        script.then(move |_| with_retry_after(429, value));
        let failure = remote.pull(&calendar(), None).await.unwrap_err();
        let Failure::Throttled { after_ms: got, trouble } = failure else { panic!("{failure:?}") };
        assert_eq!((got, trouble.code.as_str()), (after_ms, "ApplicationThrottled"));
    }
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let refused = || json!({"error": {"code": "InvalidAuthenticationToken", "message": "x"}});
    let (remote, script) = scripted();
    script.then_json(401, refused()).then_json(200, json!({"value": []}));
    remote.folders().await.unwrap();
    assert_eq!(script.last_header("authorization").unwrap(), "Bearer token-2");

    let (remote, script) = scripted();
    script.then_json(401, refused()).then_json(401, refused());
    let failure = remote.folders().await.unwrap_err();
    assert!(matches!(failure, Failure::Unauthorized(_)), "{failure:?}");
}

#[tokio::test]
async fn a_token_that_ends_within_a_batch_is_renewed_for_the_rest() {
    let (remote, script) = scripted();
    script.then_batch(|step| match step["id"].as_str().unwrap() {
        "2" => error(401, "InvalidAuthenticationToken"),
        _ => json!({"status": 200, "body": event("E1")}),
    });
    script.then_batch(|_| json!({"status": 200, "body": event("E2")}));
    let fetched = remote.fetch(&calendar(), &["E1".into(), "E2".into()]).await.unwrap();
    assert!(fetched.iter().all(|fetched| matches!(fetched, Fetched::Found(_))));
    assert_eq!(script.last_header("authorization").unwrap(), "Bearer token-2");
}

#[tokio::test]
async fn a_token_that_ends_twice_within_a_batch_says_nothing_of_its_steps() {
    let (remote, script) = scripted();
    let applied = || json!({"status": 201, "body": {"id": "E1", "@odata.etag": "W/\"2\""}});
    script.then_batch(move |step| match step["id"].as_str().unwrap() {
        "2" => error(401, "InvalidAuthenticationToken"),
        _ => applied(),
    });
    script.then_batch(|_| error(401, "InvalidAuthenticationToken"));
    let results = remote.write(&[create("k1"), create("k2")]).await;
    assert!(results[0].is_ok(), "{results:?}");
    assert!(matches!(results[1], Err(Failure::Transient(_))), "{results:?}");
}

#[tokio::test]
async fn answers_that_are_none_are_transient_for_reads_and_in_doubt_for_writes() {
    type Make = fn() -> Result<Response, wire::Error>;
    let answers: [(&str, Make); 6] = [
        ("html", || text(200, "text/html", "<html>Sign in</html>")),
        ("html 502", || text(502, "text/html", "<html>Bad gateway</html>")),
        ("truncated", || text(200, "application/json", r#"{"responses":[{"id":"1","st"#)),
        ("empty", || text(200, "application/json", "")),
        ("503", || text(503, "text/plain", "")),
        ("closed", || Err(wire::Error::InDoubt("closed".into()))),
    ];
    for (name, answer) in answers {
        let (remote, script) = scripted();
        script.then(move |_| answer());
        let failure = remote.fetch(&calendar(), &["E".into()]).await.unwrap_err();
        assert!(matches!(failure, Failure::Transient(_)), "{name}: {failure:?}");

        script.then(move |_| answer());
        let results = remote.write(&[create("k1"), create("k2")]).await;
        for result in results {
            assert!(matches!(result, Err(Failure::InDoubt(_))), "{name}: {result:?}");
        }
    }
    let (remote, script) = scripted();
    script.then(|_| Err(wire::Error::NotSent("no route".into())));
    let results = remote.write(&[create("k1")]).await;
    assert!(matches!(results[0], Err(Failure::Transient(_))), "{results:?}");
}

#[tokio::test]
async fn control_characters_in_an_answer_are_tolerated() {
    let (remote, script) = scripted();
    let mut odd = event("E");
    odd["subject"] = json!("a#b");
    let body = json!({"value": [odd]}).to_string().replace('#', "\u{1}");
    script.then(move |_| text(200, "application/json", &body));
    let page = remote.pull(&calendar(), Some(&listing())).await.unwrap();
    assert!(matches!(&page.changes[0].hint, Hint::Changed { item: Some(_), .. }));
}

#[tokio::test]
async fn links_to_other_servers_are_not_followed() {
    let elsewhere = "https://graph.evil.example/v1.0/users/x/events";
    let (remote, script) = scripted();
    script.then_json(200, json!({"value": [], "@odata.nextLink": elsewhere}));
    let failure = remote.pull(&calendar(), None).await.unwrap_err();
    assert!(matches!(failure, Failure::Permanent(_)), "{failure:?}");

    for stage in ["list", "delta"] {
        let cursor = at(stage, elsewhere);
        let failure = remote.pull(&calendar(), Some(&cursor)).await.unwrap_err();
        assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_link_that_is_refused_is_dropped() {
    for (status, code, expired) in [
        (410, "SyncStateNotFound", true),
        (410, "resyncRequired", true),
        (400, "syncStateInvalid", true),
        (400, "BadRequest", true),
        (404, "ErrorItemNotFound", true),
        (404, "", true),
        (507, "ErrorQuotaExceeded", true),
        (403, "ErrorAccessDenied", false),
        (404, "MailboxNotEnabledForRESTAPI", false),
        (429, "TooManyRequests", false),
        (504, "", false),
    ] {
        for stage in ["list", "delta"] {
            let (remote, script) = scripted();
            script.then_json(status, error(status, code)["body"].clone());
            let failure = remote.pull(&calendar(), Some(&at(stage, LINK))).await.unwrap_err();
            let is_expired = matches!(failure, Failure::CursorExpired(_));
            assert_eq!(is_expired, expired, "{status} {code}: {failure:?}");
        }
    }
    let (remote, _script) = scripted();
    for text in ["", "{}", "H4sIAAA="] {
        let failure = remote.pull(&calendar(), Some(&Cursor::from(text))).await.unwrap_err();
        assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
    }
}

#[tokio::test]
async fn a_mailbox_too_full_for_a_delta_is_enumerated_every_time() {
    let (remote, script) = scripted();
    script.then_json(507, error(507, "ErrorQuotaExceeded")["body"].clone());
    let page = remote.pull(&calendar(), None).await.unwrap();
    assert!(page.changes.is_empty() && page.more);
    script.then_json(200, json!({"value": [event("A")]}));
    let page = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap();
    assert!(page.changes.len() == 1 && !page.more);
    let page = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap();
    assert!(page.changes.is_empty() && !page.more);
    let failure = remote.pull(&calendar(), Some(&page.cursor)).await.unwrap_err();
    assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
}

fn same_page(number: usize) -> serde_json::Value {
    let next = format!("{NEXT}{number}");
    json!({"value": [event("A"), event("B")], "@odata.nextLink": next})
}

#[tokio::test]
async fn a_first_round_without_end_is_begun_anew_and_then_given_up() {
    let (remote, script) = scripted();
    let mut cursor = None;
    for number in 0..3 {
        script.then_json(200, same_page(number));
        cursor = Some(remote.pull(&calendar(), cursor.as_ref()).await.unwrap().cursor);
        assert!(script.last_header("prefer").unwrap().contains("maxpagesize"));
    }
    for number in 3..5 {
        script.then_json(200, same_page(number));
        cursor = Some(remote.pull(&calendar(), cursor.as_ref()).await.unwrap().cursor);
        assert!(!script.last_header("prefer").unwrap().contains("maxpagesize"));
    }
    assert!(script.seen()[3].1.contains("startDateTime="));
    script.then_json(200, same_page(5));
    let failure = remote.pull(&calendar(), cursor.as_ref()).await.unwrap_err();
    assert_eq!(failure.trouble().code, "endless-delta");
    assert!(matches!(failure, Failure::Permanent(_)), "{failure:?}");
}

#[tokio::test]
async fn a_later_round_without_end_makes_its_bookmark_worthless() {
    let (remote, script) = scripted();
    let mut cursor = at("delta", LINK);
    for number in 0..2 {
        script.then_json(200, same_page(number));
        cursor = remote.pull(&calendar(), Some(&cursor)).await.unwrap().cursor;
    }
    script.then_json(200, same_page(2));
    let failure = remote.pull(&calendar(), Some(&cursor)).await.unwrap_err();
    assert!(matches!(failure, Failure::CursorExpired(_)), "{failure:?}");
}

#[tokio::test]
async fn empty_pages_are_no_endless_round() {
    let (remote, script) = scripted();
    let mut cursor = at("delta", LINK);
    for number in 0..20 {
        let next = format!("{NEXT}{number}");
        script.then_json(200, json!({"value": [], "@odata.nextLink": next}));
        cursor = remote.pull(&calendar(), Some(&cursor)).await.unwrap().cursor;
    }
    assert_eq!(script.seen().last().unwrap().1, "/v1.0/users/x/calendarView/delta?$skiptoken=18");
}

#[tokio::test(start_paused = true)]
async fn throttled_steps_of_a_fetch_are_read_once_more() {
    let throttled = |after: &str| {
        let mut step = error(429, "ApplicationThrottled");
        step["headers"] = json!({"Retry-After": after});
        step
    };
    let ids = ["E1".into(), "E2".into()];
    let (remote, script) = scripted();
    script.then_batch(move |step| match step["id"].as_str().unwrap() {
        "1" => throttled("2.5"),
        _ => json!({"status": 200, "body": event("E2")}),
    });
    script.then_batch(|_| json!({"status": 200, "body": event("E1")}));
    let begun = tokio::time::Instant::now();
    let fetched = remote.fetch(&calendar(), &ids).await.unwrap();
    assert!(fetched.iter().all(|fetched| matches!(fetched, Fetched::Found(_))));
    assert_eq!(begun.elapsed().as_millis(), 2_500);

    for (all, after) in [(true, "1"), (false, "60")] {
        script.then_batch(move |step| match step["id"].as_str().unwrap() {
            "1" => throttled(after),
            _ if all => throttled(after),
            _ => json!({"status": 200, "body": event("E2")}),
        });
        let failure = remote.fetch(&calendar(), &ids).await.unwrap_err();
        assert!(matches!(failure, Failure::Throttled { after_ms: Some(_), .. }), "{failure:?}");
    }
}

#[tokio::test]
async fn a_mailbox_that_is_gone_is_no_missing_item() {
    for code in ["ErrorNonExistentMailbox", "MailboxNotEnabledForRESTAPI", "ErrorInvalidUser", ""] {
        let (remote, script) = scripted();
        script.then_batch(move |_| error(404, code));
        remote.fetch(&calendar(), &["E".into()]).await.unwrap_err();
    }
}

#[tokio::test]
async fn each_write_has_its_own_result() {
    let (remote, script) = scripted();
    let writes = [
        create("k1"),
        update("k2", "U1"),
        update("k3", "GONE"),
        delete("k4", "D1"),
        create("k5"),
        create("k6"),
        create("k7"),
        create("k8"),
    ];
    script.then_batch(|step| {
        if step["url"].as_str().unwrap().contains("/GONE?") {
            error(404, "ErrorItemNotFound")
        } else {
            json!({"status": 200, "body": {"id": "x"}})
        }
    });
    script.then_batch(|step| {
        let mut throttled = error(429, "ApplicationThrottled");
        throttled["headers"] = json!({"retry-after": "3"});
        match (step["method"].as_str().unwrap(), step["body"]["transactionId"].as_str()) {
            ("POST", Some("k1")) => json!({"status": 201, "body": {"id": "N1"}}),
            ("POST", Some("k5")) => throttled,
            ("POST", Some("k6")) => error(504, "UnknownError"),
            ("POST", Some("k7")) => error(400, "ErrorInvalidRequest"),
            ("POST", _) => json!({"status": 201, "body": {}}),
            ("PATCH", _) => error(412, "ErrorIrresolvableConflict"),
            _ => json!({"status": 204, "body": null}),
        }
    });
    let results = remote.write(&writes).await;
    assert_eq!(results.len(), writes.len());
    assert!(results[0].is_ok());
    assert!(matches!(results[1], Err(Failure::Stale(_))));
    assert!(matches!(results[2], Err(Failure::Missing(_))));
    assert!(results[3].is_ok());
    assert!(matches!(results[4], Err(Failure::Throttled { after_ms: Some(3_000), .. })));
    assert!(matches!(results[5], Err(Failure::InDoubt(_))));
    assert!(matches!(results[6], Err(Failure::Permanent(_))));
    assert!(matches!(results[7], Err(Failure::InDoubt(_))));
}

#[tokio::test]
async fn a_step_without_an_answer_is_in_doubt() {
    let (remote, script) = scripted();
    script.then(|_| {
        json(200, json!({"responses": [{"id": "2", "status": 201, "body": {"id": "N"}}]}))
    });
    let results = remote.write(&[create("k1"), create("k2")]).await;
    assert!(matches!(results[0], Err(Failure::InDoubt(_))), "{results:?}");
    assert!(results[1].is_ok());
}

#[tokio::test]
async fn what_follows_a_failed_batch_was_not_tried() {
    let (remote, script) = scripted();
    script.then(|_| Err(wire::Error::InDoubt("closed".into())));
    let writes: Vec<_> = (0..25).map(|n| create(&format!("k{n}"))).collect();
    let results = remote.write(&writes).await;
    assert!(results[..20].iter().all(|r| matches!(r, Err(Failure::InDoubt(_)))));
    assert!(results[20..].iter().all(|r| matches!(r, Err(Failure::Transient(_)))));
}
