//! The requests that the pages of the identity platform print (MicrosoftDocs/entra-docs:
//! v2-oauth2-client-creds-grant-flow, v2-oauth2-device-code, v2-oauth2-auth-code-flow), with our
//! names in the places of theirs, and the members of the answers printed there.

use crate::*;
use serde_json::json;
use std::collections::BTreeSet;

/// Posts a form as a page prints it; line breaks are for legibility only.
fn post_printed(sim: &Sim, endpoint: &str, form: &str) -> Answer {
    let (client, tenant, secret) =
        config(sim, |config| (config.client.clone(), config.tenant.clone(), config.secret.clone()));
    let secret: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let form = form.replace('\n', "").replace("CLIENT", &client).replace("SECRET", &secret);
    let request = http::Request::post(format!("/{tenant}/oauth2/v2.0/{endpoint}"))
        .header("Host", "login.microsoftonline.com:443")
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(form.into())
        .expect("a request");
    answer(sim, request)
}

fn members(json: &Value) -> BTreeSet<&str> {
    json.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn assert_has(answer: &Answer, names: &[&str]) {
    assert_eq!(answer.status, 200, "{}", answer.json);
    let lacking: Vec<_> = names.iter().filter(|name| answer.json.get(name).is_none()).collect();
    assert!(lacking.is_empty(), "{lacking:?} missing in {}", answer.json);
}

#[test]
fn an_application_gets_a_token_for_its_secret() {
    let answer = post_printed(
        &sim(),
        "token",
        "client_id=CLIENT
&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default
&client_secret=SECRET
&grant_type=client_credentials",
    );
    assert_has(&answer, &["token_type", "expires_in", "access_token"]);
    assert_eq!(
        (&answer.json["token_type"], &answer.json["expires_in"]),
        (&json!("Bearer"), &json!(3599))
    );
    assert!(answer.json.get("refresh_token").is_none(), "never with this flow");
}

#[test]
fn a_device_gets_tokens_and_renews_them() {
    let sim = sim();
    let codes = post_printed(
        &sim,
        "devicecode",
        "client_id=CLIENT
&scope=user.read%20openid%20profile%20offline_access",
    );
    let printed =
        ["device_code", "user_code", "verification_uri", "expires_in", "interval", "message"];
    assert_has(&codes, &printed);
    let poll = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=CLIENT&device_code={}",
        text(&codes.json["device_code"])
    );
    assert_eq!(post_printed(&sim, "token", &poll).refusal().1, "authorization_pending");
    let person = json!({"user_code": codes.json["user_code"], "user": ANNA, "approve": true});
    assert_eq!(control(&sim, "devicecode", &person).status, 200);
    let tokens = post_printed(&sim, "token", &poll);
    let printed =
        ["token_type", "scope", "expires_in", "access_token", "refresh_token", "id_token"];
    assert_has(&tokens, &printed);
    let names: BTreeSet<&str> = text(&tokens.json["scope"]).split(' ').collect();
    assert_eq!(names, BTreeSet::from(["User.Read", "profile", "openid", "email"]));
    let renewal = format!(
        "client_id=CLIENT
&scope=https%3A%2F%2Fgraph.microsoft.com%2Fuser.read
&refresh_token={}
&grant_type=refresh_token",
        text(&tokens.json["refresh_token"])
    );
    let renewed = post_printed(&sim, "token", &renewal);
    assert_has(&renewed, &["access_token", "token_type", "expires_in", "scope", "refresh_token"]);
}

#[test]
fn refusals_have_the_members_of_the_printed_ones() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph/examples/auth");
    if !std::path::Path::new(folder).exists() {
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{folder} is missing");
        println!("skipped: {folder} is missing");
        return;
    }
    let sim = sim();
    let ask = |client: &str, secret: &str| {
        let form = format!("client_id={client}&scope={GRAPH}&client_secret={secret}");
        post_printed(&sim, "token", &format!("{form}&grant_type=client_credentials"))
    };
    for (name, answer) in [
        ("app-not-in-tenant", ask("00001111-aaaa-2222-bbbb-3333cccc4444", "SECRET")),
        ("secret-wrong", ask("CLIENT", "sampleCredentials")),
    ] {
        let file = format!("{folder}/token-error-{name}.json");
        let printed = std::fs::read_to_string(file).expect("a file");
        let printed: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(json!(answer.status), printed["status"], "{name}");
        let printed = &printed["body"];
        for member in ["error", "error_codes", "error_uri"] {
            assert_eq!(answer.json[member], printed[member], "{name}");
        }
        assert_eq!(members(&answer.json), members(printed), "{name}");
    }
}
