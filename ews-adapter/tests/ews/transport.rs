//! Whatever a server makes of a request: statuses, pages that are no SOAP, silence.

use crate::script::*;
use sync_core::port::{Failure, Remote, Write, WriteOp};

fn create() -> Write {
    let event = items::Event { subject: Some("x".into()), ..Default::default() };
    Write {
        folder: folder(),
        stamp: stamp(1),
        op: WriteOp::Create { content: event.to_canonical() },
    }
}

/// What a read and a write make of the same answer: `Kind code`, and the wait asked for.
async fn check(reply: impl Fn() -> Reply + Send + Sync + 'static, read: &str, write: &str) {
    let word = |failure: &Failure| {
        let kind = format!("{failure:?}");
        let kind = kind.split([' ', '(']).next().unwrap().to_owned();
        let wait = match failure {
            Failure::Throttled { after_ms: Some(ms), .. } => format!(" {ms}"),
            _ => String::new(),
        };
        format!("{kind} {}{wait}", failure.trouble().code)
    };
    let script = Script::new(move |_| reply());
    let failure = remote(&script).pull(&folder(), None).await.unwrap_err();
    assert_eq!(word(&failure), read, "read: {failure:?}");
    let outcomes = remote(&script).write(&[create()]).await;
    let failure = outcomes[0].as_ref().unwrap_err();
    assert_eq!(word(failure), write, "write: {failure:?}");
}

#[tokio::test]
async fn statuses_say_what_to_do() {
    let html = "<html><body>Service Unavailable</body></html>";
    for (number, headers, read, write) in [
        (401, &[][..], "Unauthorized http-401", "Unauthorized http-401"),
        (403, &[], "Unauthorized http-403", "Unauthorized http-403"),
        (400, &[], "Transient http-400", "Transient http-400"),
        (404, &[], "Permanent http-404", "Permanent http-404"),
        (413, &[], "Permanent http-413", "Permanent http-413"),
        (429, &[("retry-after", "2")], "Throttled http-429 2000", "Throttled http-429 2000"),
        (503, &[("retry-after", "0.25")], "Throttled http-503 250", "Throttled http-503 250"),
        (503, &[("retry-after", "0")], "Throttled http-503", "Throttled http-503"),
        (503, &[("retry-after", "-1e999")], "Throttled http-503", "Throttled http-503"),
        (503, &[("retry-after", "NaN")], "Throttled http-503", "Throttled http-503"),
        (503, &[], "Throttled http-503", "Throttled http-503"),
        (504, &[], "Throttled http-504", "InDoubt http-504"),
        (502, &[], "Transient http-502", "InDoubt http-502"),
        (
            302,
            &[("location", "/ews/genericerrorpage.htm")],
            "Throttled http-302",
            "Throttled http-302",
        ),
        (302, &[("location", "/owa/auth/logon.aspx")], "Permanent http-302", "Permanent http-302"),
        (200, &[], "Transient not-soap", "InDoubt not-soap"),
        (500, &[], "Transient not-soap", "InDoubt not-soap"),
    ] {
        check(move || status(number, headers, html), read, write).await;
    }
}

#[tokio::test]
async fn faults_say_what_to_do() {
    let fault = |code: &'static str, wait| move || status(500, &[], fault(code, wait));
    check(
        fault("ErrorServerBusy", Some(300)),
        "Throttled ErrorServerBusy 300",
        "Throttled ErrorServerBusy 300",
    )
    .await;
    check(
        fault("ErrorServerBusy", Some(0)),
        "Throttled ErrorServerBusy",
        "Throttled ErrorServerBusy",
    )
    .await;
    check(fault("ErrorServerBusy", None), "Throttled ErrorServerBusy", "Throttled ErrorServerBusy")
        .await;
    check(
        fault("ErrorTimeoutExpired", None),
        "Transient ErrorTimeoutExpired",
        "InDoubt ErrorTimeoutExpired",
    )
    .await;
    check(
        fault("ErrorImpersonateUserDenied", None),
        "Unauthorized ErrorImpersonateUserDenied",
        "Unauthorized ErrorImpersonateUserDenied",
    )
    .await;
    check(
        fault("ErrorSchemaValidation", None),
        "Permanent ErrorSchemaValidation",
        "Permanent ErrorSchemaValidation",
    )
    .await;
}

#[tokio::test]
async fn a_fault_says_more_than_its_status() {
    let busy = || status(503, &[("retry-after", "9")], fault("ErrorServerBusy", Some(300)));
    check(busy, "Throttled ErrorServerBusy 300", "Throttled ErrorServerBusy 300").await;
    let html = || status(503, &[], "<html/>");
    check(html, "Throttled http-503", "Throttled http-503").await;
}

#[tokio::test]
async fn broken_answers_leave_writes_in_doubt() {
    let whole = response("CreateItem", &success("CreateItem", &item("1", "k", "")));
    for length in 0..whole.len() {
        let cut = whole[..length].to_owned();
        let script = Script::replies([ok(cut)]);
        let outcomes = remote(&script).write(&[create()]).await;
        assert!(matches!(outcomes[0], Err(Failure::InDoubt(_))), "{length}: {outcomes:?}");
        assert_eq!(script.replaced(), 1);
    }
    let closed = || Err(wire::Error::InDoubt("connection closed".into()));
    check(closed, "Transient no-answer", "InDoubt no-answer").await;
    let refused = || Err(wire::Error::NotSent("connection refused".into()));
    check(refused, "Transient not-sent", "Transient not-sent").await;
    check(
        || ok(response("CreateItem", &success("CreateItem", "<m:Items/>"))),
        "Transient malformed-answer",
        "InDoubt no-id",
    )
    .await;
}

#[tokio::test]
async fn a_401_after_success_is_a_sign_of_load() {
    let good =
        "<m:SyncState>s</m:SyncState><m:IncludesLastItemInRange>true</m:IncludesLastItemInRange>";
    let good = ok(response("SyncFolderItems", &success("SyncFolderItems", good)));
    let script =
        Script::replies([status(401, &[], ""), good, status(401, &[], ""), status(302, &[], "")]);
    let remote = remote(&script);
    assert!(matches!(remote.pull(&folder(), None).await, Err(Failure::Unauthorized(_))));
    assert!(remote.pull(&folder(), None).await.is_ok());
    assert!(matches!(remote.pull(&folder(), None).await, Err(Failure::Throttled { .. })));
    assert!(matches!(remote.pull(&folder(), None).await, Err(Failure::Throttled { .. })));
}

#[tokio::test]
async fn a_connection_is_replaced_once_it_may_be_out_of_step() {
    for (reply, expected) in [
        (status(400, &[], ""), 1),
        (status(503, &[], ""), 0),
        (ok(response("SyncFolderItems", &"<!-- 100 bytes of nothing -->".repeat(40_000))), 1),
        (status(500, &[], fault("ErrorServerBusy", None)), 0),
    ] {
        let script = Script::replies([reply]);
        remote(&script).pull(&folder(), None).await.unwrap_err();
        assert_eq!(script.replaced(), expected);
    }
}
