//! Tokens against a scripted authority.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use async_trait::async_trait;
use bytes::Bytes;
use entra_auth::{ClientSecret, DEFAULT_AUTHORITY, Error, TokenSource};
use secrecy::ExposeSecret;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;
use wire::{Request, Response, Transport};

type IsExpected = fn(&Error) -> bool;
type Script = Box<dyn Fn(usize) -> Result<Response, wire::Error> + Send + Sync>;

struct Authority {
    requests: Mutex<Vec<Request>>,
    answer: Script,
}

#[async_trait]
impl Transport for Authority {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        // Others get a chance to run while this one is on its way.
        tokio::task::yield_now().await;
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request);
            requests.len()
        };
        (self.answer)(number)
    }
}

fn answer(status: u16, kind: &str, body: &str) -> Result<Response, wire::Error> {
    Ok(http::Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(Bytes::from(body.to_owned()))
        .unwrap())
}

fn source(
    answer: impl Fn(usize) -> Result<Response, wire::Error> + Send + Sync + 'static,
) -> (TokenSource, Arc<Authority>) {
    let authority = Arc::new(Authority { requests: Mutex::default(), answer: Box::new(answer) });
    let credential = ClientSecret {
        tenant: "contoso.example".into(),
        client: "11111111-2222".into(),
        secret: "s3 cret&+".to_owned().into(),
        authority: DEFAULT_AUTHORITY.into(),
        scope: "https://graph.microsoft.com/.default".into(),
    };
    (TokenSource::new(credential, authority.clone()).unwrap(), authority)
}

fn issue(number: usize) -> Result<Response, wire::Error> {
    answer(
        200,
        "application/json; charset=utf-8",
        &format!(
            r#"{{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,
                "access_token":"token-{number}"}}"#
        ),
    )
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_and_renewed_five_minutes_before_its_end() {
    let (source, authority) = source(issue);
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(source.token(start).await.unwrap().expose_secret(), "token-1");
    assert_eq!(source.token(at(3298)).await.unwrap().expose_secret(), "token-1");
    assert_eq!(source.token(at(3299)).await.unwrap().expose_secret(), "token-2");
    assert_eq!(authority.requests.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn the_request_is_the_documented_form() {
    let (source, authority) = source(issue);
    source.token(Instant::now()).await.unwrap();
    let requests = authority.requests.lock().unwrap();
    let request = &requests[0];
    assert_eq!(request.method(), "POST");
    assert_eq!(
        request.uri(),
        "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
    );
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    assert!(!request.headers().contains_key("authorization"));
    let form: Vec<_> = url::form_urlencoded::parse(request.body()).into_owned().collect();
    let expected = [
        ("grant_type", "client_credentials"),
        ("scope", "https://graph.microsoft.com/.default"),
        ("client_id", "11111111-2222"),
        ("client_secret", "s3 cret&+"),
    ];
    assert_eq!(form.len(), expected.len());
    for (name, value) in expected {
        assert!(form.contains(&(name.to_owned(), value.to_owned())), "{name}");
    }
}

#[tokio::test]
async fn one_request_at_a_time_serves_all() {
    let (source, authority) = source(issue);
    let now = Instant::now();
    let (a, b, c) = tokio::join!(source.token(now), source.token(now), source.token(now));
    for token in [a, b, c] {
        assert_eq!(token.unwrap().expose_secret(), "token-1");
    }
    assert_eq!(authority.requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_token_is_dropped_once() {
    let (source, _authority) = source(issue);
    let now = Instant::now();
    let first = source.token(now).await.unwrap();
    source.invalidate(&first).await;
    assert_eq!(source.token(now).await.unwrap().expose_secret(), "token-2");
    source.invalidate(&first).await;
    assert_eq!(source.token(now).await.unwrap().expose_secret(), "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_short_token_is_used_for_half_its_life() {
    let (source, _authority) = source(|n| {
        let body = format!(r#"{{"token_type":"Bearer","expires_in":60,"access_token":"{n}"}}"#);
        answer(200, "application/json", &body)
    });
    let start = Instant::now();
    source.token(start).await.unwrap();
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(source.token(at(29)).await.unwrap().expose_secret(), "1");
    assert_eq!(source.token(at(30)).await.unwrap().expose_secret(), "2");
}

#[tokio::test]
async fn refusals_of_entra_become_sentences() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples/auth");
    if !Path::new(shared).exists() {
        assert!(std::env::var_os("CI").is_none(), "{shared} is missing");
        println!("skipped: {shared} is missing");
        return;
    }
    let mut seen = 0;
    for entry in std::fs::read_dir(shared).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("token-error-") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let example: serde_json::Value = serde_json::from_str(&text).unwrap();
        let status = u16::try_from(example["status"].as_u64().unwrap()).unwrap();
        let body = example["body"].to_string();
        let (source, _authority) = source(move |_| answer(status, "application/json", &body));
        let error = source.token(Instant::now()).await.unwrap_err();
        let Error::BadCredentials { code, sentence } = &error else { panic!("{name}: {error:?}") };
        let expected = example["body"]["error_codes"][0].as_u64().unwrap();
        assert_eq!(*code, format!("AADSTS{expected}"), "{name}");
        assert!(!sentence.starts_with("Entra refuses"), "{name} has no sentence of its own");
        assert!(!error.to_string().contains("s3 cret"), "{name}");
        seen += 1;
    }
    assert!(seen >= 8, "only {seen} examples");
}

#[tokio::test]
async fn what_is_no_answer_is_told_from_a_refusal() {
    let html = "<html>busy</html>";
    let kinds: Vec<(Script, IsExpected)> = vec![
        (Box::new(|_| Err(wire::Error::NotSent("no route".into()))), |e| {
            matches!(e, Error::Unreachable(_))
        }),
        (Box::new(|_| Err(wire::Error::InDoubt("closed".into()))), |e| {
            matches!(e, Error::Unreachable(_))
        }),
        (Box::new(move |_| answer(503, "text/html", html)), |e| matches!(e, Error::Unreachable(_))),
        (Box::new(move |_| answer(429, "text/html", html)), |e| matches!(e, Error::Unreachable(_))),
        (Box::new(move |_| answer(404, "text/html", html)), |e| matches!(e, Error::Malformed(_))),
        (Box::new(move |_| answer(200, "text/html", html)), |e| matches!(e, Error::Malformed(_))),
        (Box::new(|_| answer(200, "application/json", r#"{"access_token":"half"#)), |e| {
            matches!(e, Error::Malformed(_)) && !e.to_string().contains("half")
        }),
        (Box::new(|_| answer(400, "application/json", "")), |e| matches!(e, Error::Malformed(_))),
    ];
    for (number, (script, is_expected)) in kinds.into_iter().enumerate() {
        let (source, _authority) = source(script);
        let error = source.token(Instant::now()).await.unwrap_err();
        assert!(is_expected(&error), "{number}: {error:?}");
    }
}
