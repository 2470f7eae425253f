//! Requests to a built-in Exchange in this process.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use exchange_sim::{Reply, Sim};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Builder;
use serde_json::Value;

/// Signs in to Graph as an application; what `Authorization` says then.
pub fn bearer(sim: &Sim) -> String {
    let ready = sim.ready_json("http://sim.example");
    let text = |name: &str| ready[name].as_str().unwrap_or_default().to_owned();
    let form: String = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &text("client"))
        .append_pair("client_secret", &text("secret"))
        .append_pair("scope", "https://graph.microsoft.com/.default")
        .finish();
    let path = format!("/{}/oauth2/v2.0/token", text("tenant"));
    let request = build(Request::post(format!("http://sim.example{path}")), form);
    let token: Value = serde_json::from_str(&answer(sim, request)).unwrap_or_default();
    format!("Bearer {}", token["access_token"].as_str().unwrap_or_default())
}

/// A GET to Graph, of 512 a page.
pub fn get(bearer: &str, path: &str) -> Request<Bytes> {
    let builder = Request::get(format!("http://sim.example{path}"))
        .header(AUTHORIZATION, bearer)
        .header("Prefer", "odata.maxpagesize=512");
    build(builder, String::new())
}

/// An operation of EWS.
pub fn ews((user, password): (&str, &str), operation: &str) -> Request<Bytes> {
    let basic = STANDARD.encode(format!("{user}:{password}"));
    let builder = Request::post("http://sim.example/EWS/Exchange.asmx")
        .header(CONTENT_TYPE, "text/xml; charset=utf-8")
        .header(AUTHORIZATION, format!("Basic {basic}"));
    let envelope = format!(
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" \
         xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">\
         <s:Body>{operation}</s:Body></s:Envelope>"
    );
    build(builder, envelope)
}

/// The body of an answer.
pub fn answer(sim: &Sim, request: Request<Bytes>) -> String {
    match sim.handle(request) {
        Reply::Respond { response, .. } => String::from_utf8_lossy(response.body()).into_owned(),
        Reply::Close => String::new(),
    }
}

fn build(builder: Builder, body: String) -> Request<Bytes> {
    builder.body(Bytes::from(body)).unwrap_or_default()
}
