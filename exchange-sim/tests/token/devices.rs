//! Device codes, and tokens that act for a user.

use crate::*;
use jiff::SignedDuration;
use serde_json::json;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

struct Device {
    sim: Sim,
    client: String,
    codes: Value,
}

impl Device {
    fn begin(sim: Sim, scope: &str) -> Self {
        let client = client(&sim);
        let answer = post(&sim, "devicecode", &[("client_id", &client), ("scope", scope)]);
        assert_eq!(answer.status, 200, "{}", answer.json);
        Self { sim, client, codes: answer.json }
    }

    fn poll(&self) -> Answer {
        let code = text(&self.codes["device_code"]);
        let form = [("grant_type", GRANT), ("client_id", &self.client), ("device_code", code)];
        post(&self.sim, "token", &form)
    }

    fn complete(&self, user: &str, approve: bool) -> u16 {
        let body = json!({"user_code": self.codes["user_code"], "user": user, "approve": approve});
        control(&self.sim, "devicecode", &body).status
    }

    fn wait(&self, seconds: i64) {
        self.sim.advance(SignedDuration::from_secs(seconds));
    }

    fn signed_in(sim: Sim, scope: &str) -> (Self, Answer) {
        let device = Self::begin(sim, scope);
        assert_eq!(device.complete(ANNA, true), 200);
        let tokens = device.poll();
        (device, tokens)
    }
}

#[test]
fn a_device_waits_for_its_user() {
    let device = Device::begin(sim(), "Calendars.ReadWrite offline_access openid");
    let codes = &device.codes;
    assert_eq!((&codes["expires_in"], &codes["interval"]), (&json!(900), &json!(5)));
    assert!(text(&codes["message"]).contains(text(&codes["user_code"])), "{codes}");
    assert_eq!(device.poll().refusal(), (400, "authorization_pending", 70_016));
    device.wait(5);
    assert_eq!(device.poll().refusal(), (400, "authorization_pending", 70_016));
    device.wait(2);
    assert_eq!(device.poll().refusal(), (400, "slow_down", 70_016));
    device.wait(5);
    assert_eq!(device.poll().refusal().1, "slow_down");
    device.wait(15);
    assert_eq!(device.poll().refusal().1, "authorization_pending");

    assert_eq!(device.complete("nobody@contoso.example", true), 404);
    assert_eq!(device.complete(ANNA, true), 200);
    let tokens = device.poll();
    assert_eq!(tokens.status, 200, "{}", tokens.json);
    assert_eq!(tokens.json["scope"], "Calendars.ReadWrite openid profile email");
    let access = claims(&tokens.json["access_token"]);
    assert_eq!((text(&access["scp"]), text(&access["upn"])), ("Calendars.ReadWrite", ANNA));
    assert_eq!(access["roles"], Value::Null);
    assert_eq!(claims(&tokens.json["id_token"])["preferred_username"], ANNA);
    assert_eq!(device.poll().refusal(), (400, "invalid_grant", 54_005));
    assert_eq!(device.complete(ANNA, true), 404);
}

#[test]
fn a_device_can_be_turned_away() {
    let declined = Device::begin(sim(), "Mail.Send");
    assert_eq!(declined.complete("", false), 200);
    assert_eq!(declined.poll().refusal(), (400, "authorization_declined", 65_004));
    let late = Device::begin(sim(), "Mail.Send");
    late.wait(900);
    assert_eq!(late.poll().refusal(), (400, "expired_token", 70_020));
    assert_eq!(late.complete(ANNA, true), 404);
    let form = [("grant_type", GRANT), ("client_id", &late.client), ("device_code", "x")];
    let unknown = post(&late.sim, "token", &form);
    assert_eq!(unknown.refusal(), (400, "bad_verification_code", 70_018));
    let missing = post(&late.sim, "token", &form[..2]);
    assert_eq!(missing.refusal(), (400, "invalid_request", 900_144));
}

#[test]
fn a_user_reaches_what_is_the_users() {
    let (device, tokens) = Device::signed_in(sim(), "Calendars.ReadWrite User.Read");
    let get = |path: &str| graph(&device.sim, &tokens.json["access_token"], path);
    assert_eq!(get("/me").json["userPrincipalName"], ANNA);
    assert_eq!(get("/me/events").status, 200);
    assert_eq!(get(&format!("/users/{ANNA}/events")).status, 200);
    for path in [format!("/users/{BEN}/events"), "/me/messages".to_owned()] {
        let answer = get(&path);
        let code = text(&answer.json["error"]["code"]);
        assert_eq!((answer.status, code), (403, "ErrorAccessDenied"), "{path}");
    }
    assert_eq!(tokens.json["refresh_token"], Value::Null);
    assert_eq!(tokens.json["id_token"], Value::Null);
}

#[test]
fn a_step_of_a_batch_acts_for_the_user() {
    let (device, tokens) = Device::signed_in(sim(), "Calendars.ReadWrite");
    let steps = json!({"requests": [
        {"id": "1", "method": "GET", "url": "/me/events"},
        {"id": "2", "method": "GET", "url": format!("/users/{BEN}/events")},
    ]});
    let request = http::Request::post("https://graph.microsoft.com/v1.0/$batch")
        .header("Authorization", format!("Bearer {}", text(&tokens.json["access_token"])))
        .header("Content-Type", "application/json")
        .body(steps.to_string().into())
        .expect("a request");
    let answers = answer(&device.sim, request).json["responses"].clone();
    let mut statuses: Vec<(&str, u64)> = answers
        .as_array()
        .expect("answers")
        .iter()
        .map(|step| (text(&step["id"]), step["status"].as_u64().expect("a status")))
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [("1", 200), ("2", 403)]);
}

#[test]
fn faults_meet_a_user_by_mailbox() {
    let (device, tokens) = Device::signed_in(sim(), "Calendars.Read Calendars.ReadWrite");
    assert_eq!(tokens.refusal(), (400, "invalid_grant", 65_001));
    let (device, tokens) = Device::signed_in(device.sim, "Calendars.ReadWrite");
    let fault = json!({"match": {"service": "graph", "mailbox": ANNA}, "do": "throttle"});
    assert_eq!(control(&device.sim, "faults", &fault).status, 200);
    let get = || graph(&device.sim, &tokens.json["access_token"], "/me/events").status;
    assert_eq!((get(), get()), (429, 200));
}

#[test]
fn refresh_tokens_give_new_ones() {
    let (device, tokens) = Device::signed_in(sim(), "Mail.ReadWrite offline_access");
    let refresh = |token: &Value, scope: &str| {
        let mut form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", &device.client),
            ("refresh_token", text(token)),
        ];
        if !scope.is_empty() {
            form.push(("scope", scope));
        }
        post(&device.sim, "token", &form)
    };
    device.wait(3600);
    let get = |token: &Value| graph(&device.sim, token, "/me/messages").status;
    assert_eq!(get(&tokens.json["access_token"]), 401);
    let again = refresh(&tokens.json["refresh_token"], "");
    assert_eq!(get(&again.json["access_token"]), 200, "{}", again.json);
    assert_ne!(again.json["refresh_token"], tokens.json["refresh_token"]);
    let ews =
        refresh(&again.json["refresh_token"], "https://outlook.office365.com/EWS.AccessAsUser.All");
    assert_eq!(claims(&ews.json["access_token"])["aud"], "https://outlook.office365.com");
    let more = refresh(&tokens.json["refresh_token"], "Tasks.Read");
    assert_eq!(more.refusal(), (400, "invalid_grant", 65_001));
    assert_eq!(refresh(&json!("x"), "").refusal(), (400, "invalid_grant", 9_002_313));
    device.wait(90 * 24 * 3600);
    let late = refresh(&tokens.json["refresh_token"], "");
    assert_eq!(late.refusal(), (400, "invalid_grant", 700_082));
}

#[test]
fn where_public_clients_are_off_a_credential_is_needed() {
    let device = Device::begin(sim_with(|config| config.public_client = false), "Mail.Send");
    assert_eq!(device.complete(ANNA, true), 200);
    assert_eq!(device.poll().refusal(), (401, "invalid_client", 7_000_218));
    let secret = config(&device.sim, |config| config.secret.clone());
    let code = text(&device.codes["device_code"]);
    let form = [
        ("grant_type", GRANT),
        ("client_id", device.client.as_str()),
        ("client_secret", &secret),
        ("device_code", code),
    ];
    assert_eq!(post(&device.sim, "token", &form).status, 200);
}

#[test]
fn scopes_are_those_of_one_resource() {
    let sim = sim();
    let begin = |tenant: &str, scope: &str| {
        post_to(&sim, tenant, "devicecode", &[("client_id", &client(&sim)), ("scope", scope)])
    };
    let two = "Mail.Read https://outlook.office365.com/EWS.AccessAsUser.All";
    for (tenant, scope, status, code) in [
        ("organizations", "openid", 200, 0),
        ("contoso.example", ".default", 200, 0),
        ("common", "openid", 200, 0),
        ("organizations", two, 400, 28_000),
        ("organizations", "offline_access", 400, 70_011),
        ("organizations", "https://graph.microsoft.com/.default Mail.Read", 400, 70_011),
        ("organizations", "https://other.example/Read", 400, 500_011),
        ("organizations", "", 400, 900_144),
    ] {
        let answer = begin(tenant, scope);
        assert_eq!(answer.status, status, "{scope}: {}", answer.json);
        assert_eq!(answer.json["error_codes"][0].as_u64().unwrap_or_default(), code, "{scope}");
    }
    let of_graph = |config: &Config| -> Vec<String> {
        config.scopes.iter().filter(|scope| !scope.starts_with("EWS.")).cloned().collect()
    };
    let all = config(&sim, of_graph).join(" ");
    let (_, tokens) = Device::signed_in(sim, "https://graph.microsoft.com/.default");
    assert_eq!(claims(&tokens.json["access_token"])["scp"], all);
}
