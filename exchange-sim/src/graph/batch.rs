//! `$batch`: up to 20 requests in one.

#[cfg(feature = "server")]
use super::Load;
use super::Slots;
use super::error::{Error, JSON};
use crate::store::World;
use crate::{Reply, Request, Response, respond};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const STEPS_MAX: usize = 20;
/// Unordered steps that the service carries out at a time (docs: throttling).
const CONCURRENT_MAX: usize = 4;

/// Answers a batch; steps run in order, answers come in any order (docs: json-batching).
pub(super) fn handle(world: &mut World, request: &Request) -> Result<Response, Error> {
    if request.method() != http::Method::POST {
        return Err(Error::new(405, "BadRequest", "The batch endpoint takes POST only."));
    }
    super::authorize(world, request)?;
    let body: Value = serde_json::from_slice(request.body())
        .map_err(|error| Error::bad_request(format!("Invalid batch payload format: {error}")))?;
    let Some(steps) = body.get("requests").and_then(Value::as_array) else {
        return Err(Error::bad_request("Invalid batch payload format."));
    };
    if steps.len() > STEPS_MAX {
        return Err(Error::bad_request(
            "Number of batch request steps exceeds the maximum value of 20.",
        ));
    }
    let mut statuses: BTreeMap<String, u16> = BTreeMap::new();
    let mut responses = Vec::new();
    // Unordered steps run at a time; what the limit doesn't leave a slot for is refused.
    let slots = request.extensions().get::<Slots>().map_or(STEPS_MAX, |slots| slots.0);
    let short = slots < CONCURRENT_MAX.min(steps.len()) && !is_sequential(steps);
    for (index, step) in steps.iter().enumerate() {
        let step = Step::read(step, &statuses)?;
        let slot = (slots == 0 || (short && index >= slots)).then_some(Slots(0));
        let response =
            if step.depends_on.iter().all(|id| statuses.get(id).is_some_and(|s| *s < 400)) {
                run(world, request, &step, slot)
            } else {
                let error = json!({"error": {"code": "FailedDependency",
                "message": "The request failed because a request it depends on failed."}});
                respond(424, JSON, error.to_string())
            };
        statuses.insert(step.id.clone(), response.status().as_u16());
        responses.push(render(&step.id, &response));
    }
    if world.rng.below(2) == 1 {
        responses.reverse();
    }
    Ok(respond(200, JSON, json!({"responses": responses}).to_string()))
}

struct Step {
    id: String,
    method: http::Method,
    url: String,
    headers: Map<String, Value>,
    body: Option<Value>,
    depends_on: Vec<String>,
}

impl Step {
    fn read(step: &Value, earlier: &BTreeMap<String, u16>) -> Result<Self, Error> {
        let invalid =
            |what: &str| Error::bad_request(format!("Invalid batch payload format: {what}."));
        let text = |name: &str| step.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id").ok_or_else(|| invalid("a request has no id"))?;
        if earlier.contains_key(&id) {
            return Err(invalid("request ids must be unique"));
        }
        let method = text("method")
            .and_then(|method| method.to_ascii_uppercase().parse().ok())
            .ok_or_else(|| invalid("a request has no method"))?;
        let url = text("url").ok_or_else(|| invalid("a request has no url"))?;
        let headers = step.get("headers").and_then(Value::as_object).cloned().unwrap_or_default();
        let body = step.get("body").filter(|body| !body.is_null()).cloned();
        let typed = headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        if body.is_some() && !typed {
            return Err(Error::bad_request(format!(
                "Write request id : {id} does not contain Content-Type header or body."
            )));
        }
        let depends_on: Vec<String> = step
            .get("dependsOn")
            .and_then(Value::as_array)
            .map(|ids| ids.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default();
        if depends_on.iter().any(|id| !earlier.contains_key(id)) {
            return Err(invalid("a request depends on one that doesn't come before it"));
        }
        Ok(Self { id, method, url, headers, body, depends_on })
    }
}

/// What a batch loads its mailbox with: four steps at most, one where they wait for each other.
#[cfg(feature = "server")]
pub(super) fn load(request: &Request) -> Option<Load> {
    let body: Value = serde_json::from_slice(request.body()).ok()?;
    let steps = body.get("requests")?.as_array()?;
    let url = steps.first()?.get("url")?.as_str()?;
    let path = url.split('?').next().unwrap_or_default();
    let at_once = if is_sequential(steps) { 1 } else { steps.len().min(CONCURRENT_MAX) };
    Some(Load { mailbox: super::account_of(request, path)?, steps: at_once })
}

fn is_sequential(steps: &[Value]) -> bool {
    steps.len() > 1
        && steps[1..].iter().all(|step| step.get("dependsOn").is_some_and(|ids| !ids.is_null()))
}

fn run(world: &mut World, batch: &Request, step: &Step, slot: Option<Slots>) -> Response {
    let Some(mut request) = request_of(batch, step) else {
        return Error::bad_request("Invalid batch request url.").render(world, None);
    };
    if let Some(slot) = slot {
        request.extensions_mut().insert(slot);
    }
    let path = request.uri().path().to_owned();
    let path = path.strip_prefix("/v1.0").unwrap_or(&path);
    match super::step(world, &request, path) {
        Reply::Respond { response, .. } => response,
        // A step that gets no answer from its service in time.
        Reply::Close => {
            Error::new(504, "UnknownError", "The gateway did not receive a response in time.")
                .render(world, None)
        }
    }
}

/// The step as a request of its own, with the batch's host and authorization.
fn request_of(batch: &Request, step: &Step) -> Option<Request> {
    let url = format!("/v1.0/{}", step.url.trim_start_matches('/')).replace(' ', "%20");
    let mut parts = batch.uri().clone().into_parts();
    parts.path_and_query = Some(url.parse().ok()?);
    let uri = http::Uri::from_parts(parts).ok()?;
    let mut builder = http::Request::builder().method(step.method.clone()).uri(uri);
    for name in [http::header::HOST, http::header::AUTHORIZATION] {
        if let Some(value) = batch.headers().get(&name) {
            builder = builder.header(name, value);
        }
    }
    for (name, value) in &step.headers {
        builder = builder.header(name.as_str(), value.as_str()?);
    }
    let body = step.body.as_ref().map(Value::to_string).unwrap_or_default();
    builder.body(Bytes::from(body)).ok()
}

fn render(id: &str, response: &Response) -> Value {
    let mut headers = Map::new();
    for (name, value) in response.headers() {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.insert(canonical(name.as_str()), Value::String(value));
    }
    let mut json = json!({"id": id, "status": response.status().as_u16(), "headers": headers});
    if !response.body().is_empty() {
        json["body"] = serde_json::from_slice(response.body()).unwrap_or_else(|_| {
            Value::String(String::from_utf8_lossy(response.body()).into_owned())
        });
    }
    json
}

/// `retry-after` is `Retry-After` in the JSON of a batch.
fn canonical(name: &str) -> String {
    name.split('-')
        .map(|part| {
            let mut chars = part.chars();
            chars.next().map_or(String::new(), |first| {
                first.to_uppercase().chain(chars).collect::<String>()
            })
        })
        .collect::<Vec<_>>()
        .join("-")
}
