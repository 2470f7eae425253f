//! What Entra says to mistakes in a request for an application's token.

use crate::*;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use serde_json::json;

/// A good request with one parameter changed; empty leaves it out.
fn with(sim: &Sim, tenant: &str, change: (&str, &str)) -> Answer {
    let (client, secret) = config(sim, |config| (config.client.clone(), config.secret.clone()));
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &client),
        ("client_secret", &secret),
        ("scope", GRAPH),
    ];
    form.retain(|(name, _)| *name != change.0);
    if !change.1.is_empty() {
        form.push(change);
    }
    post_to(sim, tenant, "token", &form)
}

#[test]
fn each_mistake_has_its_code() {
    let sim = sim();
    let own = config(&sim, |config| config.tenant.clone());
    let nobody = "00000000-0000-0000-0000-000000000000";
    let bare = "https://graph.microsoft.com";
    let other = "https://other.example/.default";
    for (tenant, change, refusal) in [
        (nobody, ("x", ""), (400, "invalid_request", 90_002)),
        ("fabrikam.example", ("x", ""), (400, "invalid_request", 90_002)),
        ("common", ("x", ""), (400, "invalid_request", 50_059)),
        (&own, ("grant_type", ""), (400, "invalid_request", 900_144)),
        (&own, ("grant_type", "implicit"), (400, "unsupported_grant_type", 70_003)),
        (&own, ("client_id", ""), (400, "invalid_request", 900_144)),
        (&own, ("client_id", nobody), (400, "unauthorized_client", 700_016)),
        (&own, ("client_secret", ""), (401, "invalid_client", 7_000_218)),
        (&own, ("client_secret", nobody), (401, "invalid_client", 7_000_215)),
        (&own, ("scope", ""), (400, "invalid_request", 90_014)),
        (&own, ("scope", bare), (400, "invalid_scope", 1_002_012)),
        (&own, ("scope", other), (400, "invalid_resource", 500_011)),
    ] {
        let answer = with(&sim, tenant, change);
        assert_eq!(answer.refusal(), refusal, "{tenant} {change:?}");
        assert_eq!(
            answer.json["error_uri"],
            format!("https://login.microsoftonline.com/error?code={}", refusal.2)
        );
    }
    assert_eq!(with(&sim, &own, ("x", "")).status, 200);
    assert_eq!(with(&sim, "contoso.example", ("x", "")).status, 200);
}

#[test]
fn a_secret_has_an_end() {
    let sim = sim();
    sim.with(|world| {
        let end = world.now() + SignedDuration::from_secs(60);
        world.config.secret_expires = Some(end);
    });
    assert_eq!(with(&sim, "contoso.example", ("x", "")).status, 200);
    sim.advance(SignedDuration::from_secs(60));
    let late = with(&sim, "contoso.example", ("x", ""));
    assert_eq!(late.refusal(), (401, "invalid_client", 7_000_222));
    let wrong = with(&sim, "contoso.example", ("client_secret", "x"));
    assert_eq!(wrong.refusal(), (401, "invalid_client", 7_000_215));
}

#[test]
fn id_and_secret_may_come_as_basic_credentials() {
    let sim = sim();
    let ask = |secret: &str| {
        let credentials = STANDARD.encode(format!("{}:{secret}", client(&sim)));
        let request = http::Request::post(
            "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token",
        )
        .header("Authorization", format!("Basic {credentials}"))
        .body(format!("grant_type=client_credentials&scope={GRAPH}").into())
        .expect("a request");
        answer(&sim, request)
    };
    assert_eq!(ask(&config(&sim, |config| config.secret.replace('~', "%7E"))).status, 200);
    assert_eq!(ask("wrong").refusal(), (401, "invalid_client", 7_000_215));
}

#[test]
fn endpoints_take_posts() {
    let sim = sim();
    for (method, endpoint, status) in [
        ("GET", "token", 405),
        ("GET", "devicecode", 405),
        ("POST", "nothing", 404),
        ("POST", "token/x", 404),
    ] {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("http://localhost/contoso.example/oauth2/v2.0/{endpoint}"))
            .body(bytes::Bytes::new())
            .expect("a request");
        assert_eq!(answer(&sim, request).status, status, "{method} {endpoint}");
    }
}

#[test]
fn what_an_administrator_sets_counts_at_once() {
    let sim = sim();
    let token = |sim: &Sim| with(sim, "contoso.example", ("x", "")).json["access_token"].clone();
    let get = |token: &Value| graph(&sim, token, &format!("/users/{ANNA}/messages")).status;
    let before = token(&sim);
    let set = control(&sim, "sign-in", &json!({"roles": ["Calendars.Read"], "secret": "new"}));
    assert_eq!((set.status, &set.json["public_client"]), (200, &json!(true)));
    // Tokens given out keep what they say.
    assert_eq!((get(&before), get(&token(&sim))), (200, 403));
    assert_eq!(control(&sim, "sign-in", &json!({"roles": []})).status, 200);
    assert_eq!(claims(&token(&sim))["roles"], Value::Null);
    for wrong in [
        json!({"role": []}),
        json!({"impersonators": ["nobody"], "secret": "other"}),
        json!({"extended_protection": "yes"}),
        json!({"secret": "other", "secret_expires": "soon"}),
    ] {
        assert_eq!(control(&sim, "sign-in", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(config(&sim, |config| config.secret.clone()), "new");
    assert_eq!(control(&sim, "devicecode", &json!({"user_code": "X"})).status, 404);
}
