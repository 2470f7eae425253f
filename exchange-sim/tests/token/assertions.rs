//! Certificates in place of secrets.

use crate::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use base64::engine::general_purpose::STANDARD;
use exchange_sim::token::certificate::{Certificate, Error};
use serde_json::json;

const KEY: &str = include_str!("fixtures/key.pem");
const CERTIFICATE: &str = include_str!("fixtures/certificate.pem");
const EXPIRED: &str = include_str!("fixtures/expired.pem");
const ELLIPTIC: &str = include_str!("fixtures/elliptic.pem");

fn certificate() -> Certificate {
    CERTIFICATE.parse().expect("a certificate")
}

fn registered() -> Sim {
    sim_with(|config| config.certificates = vec![certificate()])
}

fn der(pem: &str) -> Vec<u8> {
    let lines: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(lines).expect("base64")
}

fn sign(header: &Value, claims: &Value) -> String {
    match text(&header["alg"]) {
        "RS256" => sign_by(&RSA_PKCS1_SHA256, header, claims),
        _ => sign_by(&RSA_PSS_SHA256, header, claims),
    }
}

fn sign_by(encoding: &'static dyn RsaEncoding, header: &Value, claims: &Value) -> String {
    let key = RsaKeyPair::from_pkcs8(&der(KEY)).expect("a key");
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(header), part(claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature)
        .expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn header() -> Value {
    json!({"alg": "PS256", "typ": "JWT", "x5t#S256": URL_SAFE_NO_PAD.encode(certificate().sha256)})
}

fn assertion_claims(sim: &Sim, jti: &str) -> Value {
    let now = sim.with(|world| world.now().as_second());
    let (client, tenant) = config(sim, |config| (config.client.clone(), config.tenant.clone()));
    json!({
        "aud": format!("https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"),
        "iss": client, "sub": client, "jti": jti, "nbf": now, "iat": now, "exp": now + 600,
    })
}

fn ask(sim: &Sim, assertion: &str) -> Answer {
    post(
        sim,
        "token",
        &[
            ("grant_type", "client_credentials"),
            ("client_id", &client(sim)),
            ("scope", GRAPH),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion),
        ],
    )
}

#[test]
fn both_algorithms_and_thumbprints_are_taken() {
    let sim = registered();
    let sha1 = URL_SAFE_NO_PAD.encode(certificate().sha1);
    let headers = [
        header(),
        json!({"alg": "PS256", "typ": "JWT", "x5t": sha1}),
        json!({"alg": "RS256", "typ": "JWT", "x5t": sha1}),
    ];
    for (number, header) in headers.iter().enumerate() {
        let answer = ask(&sim, &sign(header, &assertion_claims(&sim, &format!("jti {number}"))));
        assert_eq!(answer.status, 200, "{header}: {}", answer.json);
        assert_eq!(claims(&answer.json["access_token"])["roles"][0], "Calendars.ReadWrite");
    }
}

#[test]
fn an_assertion_is_good_once() {
    let sim = registered();
    let assertion = sign(&header(), &assertion_claims(&sim, "once"));
    assert_eq!(ask(&sim, &assertion).status, 200);
    assert_eq!(ask(&sim, &assertion).refusal(), (401, "invalid_client", 50_013));
    assert_eq!(ask(&sim, &sign(&header(), &assertion_claims(&sim, "twice"))).status, 200);
}

#[test]
fn an_assertion_has_its_time() {
    let sim = registered();
    let refused = (401, "invalid_client", 700_024);
    let with = |from: i64, until: i64| {
        let mut claims = assertion_claims(&sim, &format!("{from}"));
        let now = claims["nbf"].as_i64().expect("seconds");
        claims["nbf"] = json!(now + from);
        claims["exp"] = json!(now + until);
        ask(&sim, &sign(&header(), &claims))
    };
    assert_eq!(with(-3600, -301).refusal(), refused);
    assert_eq!(with(301, 600).refusal(), refused);
    assert_eq!(with(-3601, -299).status, 200);
    assert_eq!(with(299, 600).status, 200);
}

#[test]
fn what_an_assertion_says_must_fit() {
    let sim = registered();
    let tenant = config(&sim, |config| config.tenant.clone());
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims(&sim, &format!("{name} {value}"));
        claims[name] = value;
        ask(&sim, &sign(&header(), &claims))
    };
    let audience = (401, "invalid_client", 700_023);
    for other in [
        "https://login.microsoftonline.com/other/oauth2/v2.0/token".to_owned(),
        format!("https://evil.example/{tenant}/oauth2/v2.0/token"),
        format!("https://login.microsoftonline.com/{tenant}/elsewhere"),
        "api://app".to_owned(),
        String::new(),
    ] {
        assert_eq!(with("aud", json!(other)).refusal(), audience, "{other}");
    }
    for own in [
        format!("https://login.microsoftonline.com/{tenant}/v2.0"),
        format!("https://login.microsoftonline.com/{}/oauth2/token", tenant.to_uppercase()),
    ] {
        assert_eq!(with("aud", json!(own)).status, 200, "{own}");
    }
    assert_eq!(with("iss", json!("other")).refusal(), (401, "invalid_client", 700_021));
    assert_eq!(with("sub", json!("other")).refusal(), (401, "invalid_client", 700_021));
    assert_eq!(with("exp", Value::Null).refusal(), (401, "invalid_client", 50_027));
}

#[test]
fn the_certificate_must_be_registered_and_good() {
    let unknown = (401, "invalid_client", 700_027);
    let sim = sim();
    let answer = ask(&sim, &sign(&header(), &assertion_claims(&sim, "none")));
    assert_eq!(answer.refusal(), unknown);
    assert!(text(&answer.json["error_description"]).contains("The key was not found."));

    assert_eq!(control(&sim, "sign-in", &json!({"certificates": [CERTIFICATE]})).status, 200);
    assert_eq!(ask(&sim, &sign(&header(), &assertion_claims(&sim, "now"))).status, 200);

    let good = sign(&header(), &assertion_claims(&sim, "forged"));
    let (message, signature) = good.rsplit_once('.').expect("a signature");
    let forged = format!("{message}.{}AA", &signature[..signature.len() - 2]);
    assert_eq!(ask(&sim, &forged).refusal(), unknown);
    let mixed = sign_by(&RSA_PKCS1_SHA256, &header(), &assertion_claims(&sim, "mixed"));
    assert_eq!(ask(&sim, &mixed).refusal(), unknown);

    let expired: Certificate = EXPIRED.parse().expect("a certificate");
    let header = json!({"alg": "PS256", "x5t#S256": URL_SAFE_NO_PAD.encode(&expired.sha256)});
    let sim = sim_with(|config| config.certificates = vec![expired]);
    let answer = ask(&sim, &sign(&header, &assertion_claims(&sim, "late")));
    assert_eq!(answer.refusal(), unknown);
    assert!(text(&answer.json["error_description"]).contains("The key used is expired."));
}

#[test]
fn what_is_no_assertion_is_refused() {
    let sim = registered();
    let malformed = (401, "invalid_client", 50_027);
    let none = json!({"alg": "none", "x5t#S256": header()["x5t#S256"]});
    for assertion in [
        "x".to_owned(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        "e30.e30.e30".to_owned(),
        sign(&json!({"alg": "PS256"}), &assertion_claims(&sim, "no thumbprint")),
        sign(&none, &assertion_claims(&sim, "none")),
    ] {
        assert_eq!(ask(&sim, &assertion).refusal(), malformed, "{assertion}");
    }
    let id = client(&sim);
    let mut form = vec![
        ("grant_type", "client_credentials"),
        ("client_id", &id),
        ("scope", GRAPH),
        ("client_assertion", "x"),
    ];
    assert_eq!(post(&sim, "token", &form).refusal(), (400, "invalid_request", 900_144));
    form.push(("client_assertion_type", "urn:other"));
    assert_eq!(post(&sim, "token", &form).refusal(), (400, "invalid_request", 9_002_313));
}

#[test]
fn certificates_are_read() {
    assert_eq!(Certificate::read(&der(CERTIFICATE)), Ok(certificate()));
    assert_eq!(certificate().thumbprint().len(), 40);
    assert_eq!(ELLIPTIC.parse::<Certificate>(), Err(Error::NotRsa));
    let cut = CERTIFICATE[..200].to_owned();
    for text in ["", "-----BEGIN CERTIFICATE-----", KEY, &cut] {
        assert_eq!(text.parse::<Certificate>(), Err(Error::Malformed), "{text}");
    }
    let answer = control(&sim(), "sign-in", &json!({"certificates": ["x"]}));
    assert_eq!((answer.status, text(&answer.json["error"])), (400, "not an X.509 certificate"));
}
