//! Authorization codes, and what clients read before they sign in.

use crate::*;
use aws_lc_rs::digest::{SHA256, digest};
use jiff::SignedDuration;
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;

const REDIRECT: &str = "http://localhost:53682/";
const VERIFIER: &str = "a-verifier-of-enough-letters-to-be-taken-for-one";

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()))
}

/// Goes to the page with one parameter changed: status, and the query that the client is sent to.
fn authorize(sim: &Sim, change: (&str, &str)) -> (u16, BTreeMap<String, String>) {
    let (client, challenge) = (client(sim), challenge());
    let mut query = vec![
        ("client_id", client.as_str()),
        ("response_type", "code"),
        ("redirect_uri", REDIRECT),
        ("scope", "Calendars.ReadWrite offline_access openid"),
        ("nonce", "a nonce"),
        ("state", "a state"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("login_hint", ANNA),
    ];
    query.retain(|(name, _)| *name != change.0);
    query.push(change);
    let page = "https://login.microsoftonline.com/organizations/oauth2/v2.0/authorize";
    let url = Url::parse_with_params(page, query).expect("a URL");
    let request = http::Request::get(url.as_str()).body(bytes::Bytes::new()).expect("a request");
    let Reply::Respond { response, .. } = sim.handle(request) else { panic!("an answer") };
    let target = response.headers().get("location");
    let target = target.map(|value| Url::parse(value.to_str().expect("text")).expect("a URL"));
    if let Some(target) = &target {
        assert!(target.as_str().starts_with(REDIRECT), "{target}");
    }
    let query = target.iter().flat_map(|target| target.query_pairs().into_owned()).collect();
    (response.status().as_u16(), query)
}

fn redeem(sim: &Sim, code: &str, change: (&str, &str)) -> Answer {
    let client = client(sim);
    let mut form = vec![
        ("grant_type", "authorization_code"),
        ("client_id", client.as_str()),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ];
    form.retain(|(name, _)| *name != change.0);
    form.push(change);
    post_to(sim, "organizations", "token", &form)
}

#[test]
fn a_code_gives_tokens_once() {
    let sim = sim();
    let (status, query) = authorize(&sim, ("x", ""));
    assert_eq!((status, query["state"].as_str()), (302, "a state"));
    let tokens = redeem(&sim, &query["code"], ("x", ""));
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    assert_ne!(tokens.json["refresh_token"], Value::Null);
    assert_eq!(claims(&tokens.json["id_token"])["nonce"], "a nonce");
    assert_eq!(graph(&sim, &tokens.json["access_token"], "/me").json["mail"], ANNA);
    let again = redeem(&sim, &query["code"], ("x", ""));
    assert_eq!(again.refusal(), (400, "invalid_grant", 54_005));
}

#[test]
fn only_who_asked_redeems() {
    let sim = sim();
    let code = authorize(&sim, ("x", "")).1["code"].clone();
    let refusal = |change| {
        let answer = redeem(&sim, &code, change);
        let (status, error, number) = answer.refusal();
        (status, error.to_owned(), number)
    };
    let grant = "invalid_grant".to_owned();
    assert_eq!(refusal(("code_verifier", "other")), (400, grant.clone(), 501_481));
    assert_eq!(refusal(("code_verifier", "")).2, 900_144);
    assert_eq!(refusal(("redirect_uri", "http://localhost/")).2, 500_112);
    assert_eq!(refusal(("code", "x")), (400, grant.clone(), 9_002_313));
    sim.advance(SignedDuration::from_secs(600));
    assert_eq!(refusal(("x", "")), (400, grant, 70_008));
}

#[test]
fn mistakes_go_back_to_the_client_where_it_is_known() {
    let sim = sim();
    for (change, error) in [
        (("login_hint", "nobody@contoso.example"), "login_required"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_mode", "form_post"), "unsupported_response_mode"),
        (("scope", "Tasks.Read"), "invalid_grant"),
        (("code_challenge_method", "S512"), "invalid_request"),
    ] {
        let (status, query) = authorize(&sim, change);
        assert_eq!((status, query["error"].as_str()), (302, error), "{change:?}");
        assert_eq!(query.get("code"), None);
    }
    for change in [
        ("client_id", "other"),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", "http://localhost.evil.example/"),
        ("redirect_uri", ""),
    ] {
        assert_eq!(authorize(&sim, change), (400, BTreeMap::new()), "{change:?}");
    }
}

#[test]
fn endpoints_are_found() {
    let sim = sim();
    let get = |tenant: &str| {
        let url = format!("http://localhost:1/{tenant}/v2.0/.well-known/openid-configuration");
        answer(&sim, http::Request::get(url).body(bytes::Bytes::new()).expect("a request"))
    };
    let tenant = config(&sim, |config| config.tenant.clone());
    let found = get("contoso.example");
    let token = format!("http://localhost:1/{tenant}/oauth2/v2.0/token");
    assert_eq!((found.status, &found.json["token_endpoint"]), (200, &json!(token)));
    let any = get("organizations").json["token_endpoint"].clone();
    assert_eq!(any, "http://localhost:1/organizations/oauth2/v2.0/token");
    assert_eq!(get("nowhere.example").refusal(), (400, "invalid_request", 90_002));
}
