//! A user's password in the request, and requests of all sorts.

use crate::*;
use exchange_sim::store::rng::Rng;

fn ask(sim: &Sim, tenant: &str, user: &str, password: &str) -> Answer {
    post_to(
        sim,
        tenant,
        "token",
        &[
            ("grant_type", "password"),
            ("client_id", &client(sim)),
            ("username", user),
            ("password", password),
            ("scope", "Mail.ReadWrite"),
        ],
    )
}

#[test]
fn a_password_gives_a_users_token() {
    let sim = sim();
    let tokens = ask(&sim, "organizations", ANNA, "pw");
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    assert_eq!(graph(&sim, &tokens.json["access_token"], "/me/messages").status, 200);
    for (tenant, user, password, refusal) in [
        ("organizations", ANNA, "no", (400, "invalid_grant", 50_126)),
        ("organizations", "carl@contoso.example", "pw", (400, "invalid_grant", 50_034)),
        ("organizations", ANNA, "", (400, "invalid_request", 900_144)),
        ("common", ANNA, "pw", (400, "invalid_request", 9_001_023)),
    ] {
        assert_eq!(ask(&sim, tenant, user, password).refusal(), refusal, "{user} {password}");
    }
}

/// Forms put together from what means something to the endpoints, and bytes changed in them.
#[test]
fn odd_requests_are_refused_in_order() {
    const NAMES: [&str; 12] = [
        "grant_type",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "device_code",
        "refresh_token",
        "code",
        "redirect_uri",
        "login_hint",
        "username",
    ];
    const VALUES: [&str; 12] = [
        "client_credentials",
        "refresh_token",
        "authorization_code",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "eyJhbGciOiJQUzI1NiIsIng1dCI6IkFBIn0.eyJhdWQiOltdLCJpc3MiOiIiLCJzdWIiOiIiLCJleHAiOjFlOTl9.AA",
        "https://graph.microsoft.com/.default",
        "openid ///.default offline_access",
        "http://localhost/?a=b",
        ANNA,
        "\u{0}\u{1f600}",
        "",
    ];
    let sim = sim();
    let client = client(&sim);
    let mut rng = Rng::new(7);
    for round in 0..3_000 {
        let mut form: Vec<(&str, &str)> =
            (0..rng.below(8)).map(|_| (*rng.pick(&NAMES), *rng.pick(&VALUES))).collect();
        form.push(("client_id", &client));
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut bytes = body.clone().into_bytes();
        if round % 2 == 0 {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.below(256) as u8;
        }
        let endpoint = *rng.pick(&["token", "devicecode", "authorize"]);
        let tenant = *rng.pick(&["organizations", "common", "contoso.example", "%00"]);
        let query = if endpoint == "authorize" { body.as_str() } else { "" };
        let url = format!("http://localhost/{tenant}/oauth2/v2.0/{endpoint}?{query}");
        let request = http::Request::post(url).body(bytes.into()).expect("a request");
        let status = answer(&sim, request).status;
        assert!([200, 302, 400, 401].contains(&status), "{status}: {endpoint} {body}");
    }
}
