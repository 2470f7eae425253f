//! The Entra endpoints, driven as Microsoft documents them.

mod assertions;
mod codes;
mod devices;
mod documented;
mod mistakes;
mod passwords;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use exchange_sim::{Config, Login, Reply, Sim};
use serde_json::Value;

const ANNA: &str = "anna@contoso.example";
const BEN: &str = "ben@contoso.example";
const GRAPH: &str = "https://graph.microsoft.com/.default";

struct Answer {
    status: u16,
    json: Value,
}

impl Answer {
    /// Status, OAuth error and AADSTS number of a refusal.
    fn refusal(&self) -> (u16, &str, u64) {
        let code = self.json["error_codes"][0].as_u64().unwrap_or_default();
        let description = text(&self.json["error_description"]);
        assert!(description.starts_with(&format!("AADSTS{code}: ")), "{}", self.json);
        (self.status, text(&self.json["error"]), code)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn sim() -> Sim {
    sim_with(|_| {})
}

fn sim_with(change: impl FnOnce(&mut Config)) -> Sim {
    let login = |address: &str| Login { address: address.to_owned(), password: "pw".to_owned() };
    let mut config = Config { mailboxes: vec![login(ANNA), login(BEN)], ..Config::default() };
    change(&mut config);
    Sim::new(config).expect("nothing to load")
}

fn config<T>(sim: &Sim, look: impl FnOnce(&Config) -> T) -> T {
    sim.with(|world| look(&world.config))
}

fn client(sim: &Sim) -> String {
    config(sim, |config| config.client.clone())
}

/// Posts a form to an endpoint of a tenant.
fn post_to(sim: &Sim, tenant: &str, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = http::Request::post(format!(
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/{endpoint}"
    ))
    .header("Content-Type", "application/x-www-form-urlencoded")
    .body(body.into())
    .expect("a request");
    answer(sim, request)
}

fn post(sim: &Sim, endpoint: &str, form: &[(&str, &str)]) -> Answer {
    post_to(sim, &config(sim, |config| config.tenant.clone()), endpoint, form)
}

fn control(sim: &Sim, path: &str, body: &Value) -> Answer {
    let request = http::Request::post(format!("http://sim/sim/{path}"))
        .body(body.to_string().into())
        .expect("a request");
    answer(sim, request)
}

fn graph(sim: &Sim, token: &Value, path: &str) -> Answer {
    let request = http::Request::get(format!("https://graph.microsoft.com/v1.0{path}"))
        .header("Authorization", format!("Bearer {}", text(token)))
        .body(bytes::Bytes::new())
        .expect("a request");
    answer(sim, request)
}

fn answer(sim: &Sim, request: http::Request<bytes::Bytes>) -> Answer {
    let Reply::Respond { response, .. } = sim.handle(request) else { panic!("an answer") };
    let json = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    Answer { status: response.status().as_u16(), json }
}

/// The claims of a token.
fn claims(token: &Value) -> Value {
    let payload = text(token).split('.').nth(1).expect("a JWT");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("claims")
}
