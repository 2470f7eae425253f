//! `$batch`: up to twenty requests in one, answered in any order.

use crate::failure::{Fault, Refusal, retry_after_ms};
use crate::json::parse;
use crate::transport::{CONCURRENT_MAX, Call, Graph, IMMUTABLE_IDS};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Steps that one batch may hold (MS docs: JSON batching).
const STEPS_MAX: usize = 20;
/// Bytes of one batch: Graph takes 4 MB, and our count leaves out some of the frame.
const BYTES_MAX: usize = 3_500_000;

/// One request of a batch.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    method: &'static str,
    url: String,
    if_match: Option<String>,
    body: Option<Value>,
    order: Order,
}

/// When a step is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// At any time.
    Any,
    /// After the step before it has been done.
    AfterTheLast,
}

/// The answer to a step: the body of a 2xx (`Null` where it has none).
pub(crate) type Reply = Result<Value, Fault>;

impl Step {
    /// Reads from an address relative to the service root.
    pub(crate) fn get(url: String) -> Self {
        Self { method: "GET", url, if_match: None, body: None, order: Order::Any }
    }

    /// Makes an item.
    pub(crate) fn post(url: String, body: Value) -> Self {
        Self { method: "POST", url, if_match: None, body: Some(body), order: Order::Any }
    }

    /// Changes an item that must still be in the version `if_match`.
    pub(crate) fn patch(url: String, body: Value, if_match: Option<String>) -> Self {
        Self { method: "PATCH", url, if_match, body: Some(body), order: Order::Any }
    }

    /// Moves an item that must still be in the version `if_match` to the trash.
    pub(crate) fn delete(url: String, if_match: Option<String>) -> Self {
        Self { method: "DELETE", url, if_match, body: None, order: Order::Any }
    }

    /// This step, to be run only when the one before it has been done. Both must fit into one batch.
    pub(crate) fn after_the_last(self) -> Self {
        Self { order: Order::AfterTheLast, ..self }
    }

    fn json(&self, id: usize) -> Value {
        let mut headers = Map::new();
        headers.insert("Prefer".to_owned(), json!(IMMUTABLE_IDS));
        if let Some(version) = &self.if_match {
            headers.insert("If-Match".to_owned(), json!(version));
        }
        let mut step = json!({"id": id.to_string(), "method": self.method, "url": self.url});
        if let Some(body) = &self.body {
            headers.insert("Content-Type".to_owned(), json!("application/json"));
            step["body"] = body.clone();
        }
        if self.order == Order::AfterTheLast {
            step["dependsOn"] = json!([]);
        }
        step["headers"] = Value::Object(headers);
        step
    }
}

impl Graph {
    /// Sends the steps, in as many batches as they need, one batch after the other: the service
    /// runs four steps of a batch at a time, which is all that a mailbox may have.
    ///
    /// The answers stand at the positions of their steps. What was not sent because an earlier
    /// batch failed says so.
    pub(crate) async fn batch(&self, steps: &[Step]) -> Vec<Reply> {
        let mut replies: Vec<Reply> = Vec::with_capacity(steps.len());
        let mut waiting: Vec<Value> = steps.iter().map(|step| step.json(0)).collect();
        waiting.reverse();
        while !waiting.is_empty() {
            let requests = next_batch(&mut waiting);
            let count = requests.len();
            match self.run(requests).await {
                Ok(answers) => replies.extend(answers),
                Err(fault) => {
                    let later = if fault.refusal().is_some_and(Refusal::is_throttle) {
                        fault.clone()
                    } else {
                        Fault::NotSent(format!("not tried after: {fault}"))
                    };
                    replies.extend(std::iter::repeat_n(Err(fault), count));
                    replies.extend(std::iter::repeat_n(Err(later), waiting.len()));
                    return replies;
                }
            }
        }
        replies
    }

    /// One batch; steps that found the token ended in the middle of it are sent once more.
    async fn run(&self, requests: Vec<Value>) -> Result<Vec<Reply>, Fault> {
        let mut replies = self.post(&requests).await?;
        let refused: Vec<usize> =
            (0..replies.len()).filter(|&at| is_status(&replies[at], 401)).collect();
        if !refused.is_empty() {
            self.renew_token().await;
            let again: Vec<Value> = refused.iter().map(|&at| requests[at].clone()).collect();
            // Where that fails as a whole, the steps stay refused: they did nothing.
            if let Ok(answers) = self.post(&again).await {
                for (at, answer) in refused.into_iter().zip(answers) {
                    replies[at] = answer;
                }
            }
        }
        let ended: Vec<usize> =
            (0..replies.len()).filter(|&at| is_status(&replies[at], 401)).collect();
        // Others were served with the same token: it ended again, and means nothing for the step.
        if ended.len() < replies.len() {
            for at in ended {
                let reason = "the token ended in the middle of the batch".to_owned();
                replies[at] = Err(Fault::NotSent(reason));
            }
        }
        Ok(replies)
    }

    async fn post(&self, requests: &[Value]) -> Result<Vec<Reply>, Fault> {
        let body = json!({"requests": requests});
        let url = self.links.absolute("/$batch");
        let call = Call { url: &url, body: Some(&body), page_size: None };
        let mut answer = self.send(&call, CONCURRENT_MAX).await?;
        let Value::Array(responses) = answer["responses"].take() else {
            return Err(Fault::Garbled("a batch without responses".to_owned()));
        };
        let mut by_id: BTreeMap<String, Value> = responses
            .into_iter()
            .filter_map(|response| Some((response["id"].as_str()?.to_owned(), response)))
            .collect();
        let reply = |request: &Value| {
            let id = request["id"].as_str().unwrap_or_default();
            by_id.remove(id).map_or_else(
                || Err(Fault::Garbled("a batch without an answer to this step".to_owned())),
                read,
            )
        };
        Ok(requests.iter().map(reply).collect())
    }
}

/// Takes as many steps as one batch holds from the end of `waiting`, and numbers them.
fn next_batch(waiting: &mut Vec<Value>) -> Vec<Value> {
    let mut batch: Vec<Value> = Vec::new();
    let mut bytes = 0;
    while let Some(mut step) = waiting.pop() {
        bytes += step.to_string().len();
        if !batch.is_empty() && (batch.len() == STEPS_MAX || bytes > BYTES_MAX) {
            waiting.push(step);
            break;
        }
        step["id"] = json!((batch.len() + 1).to_string());
        if step.get("dependsOn").is_some() {
            step["dependsOn"] = json!([batch.len().to_string()]);
        }
        batch.push(step);
    }
    batch
}

fn is_status(reply: &Reply, status: u16) -> bool {
    reply.as_ref().is_err_and(|fault| fault.refusal().is_some_and(|r| r.status == status))
}

fn read(mut response: Value) -> Reply {
    let Some(status) = response["status"].as_u64().and_then(|s| u16::try_from(s).ok()) else {
        return Err(Fault::Garbled("a step without a status".to_owned()));
    };
    let body = match response["body"].take() {
        // A body that the batch couldn't take for JSON is handed on as text.
        Value::String(text) => parse(text.as_bytes()).ok().filter(Value::is_object),
        body @ (Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::Array(_)
        | Value::Object(_)) => Some(body),
    };
    if (200..300).contains(&status) {
        return body.ok_or_else(|| Fault::Garbled("a step whose body is no JSON".to_owned()));
    }
    let body = body.unwrap_or_default();
    let after = header(&response["headers"], "retry-after");
    let date = header(&response["headers"], "date");
    let after_ms = retry_after_ms(after.as_deref(), date.as_deref());
    Err(Fault::Refused(Refusal::with_body(status, after_ms, &body)))
}

fn header(headers: &Value, name: &str) -> Option<String> {
    let (_, value) = headers.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bounded_in_steps_and_bytes() {
        let small = Step::get("/users/m/events/x".to_owned());
        let large = Step::post("/x".to_owned(), json!("a".repeat(2_000_000)));
        let mut waiting: Vec<Value> = [vec![small.clone(); 45], vec![large; 3]]
            .concat()
            .iter()
            .map(|step| step.json(0))
            .rev()
            .collect();
        let mut sizes = Vec::new();
        while !waiting.is_empty() {
            let batch = next_batch(&mut waiting);
            assert_eq!(batch.last().unwrap()["id"], json!(batch.len().to_string()));
            sizes.push(batch.len());
        }
        assert_eq!(sizes, [20, 20, 6, 1, 1]);
    }

    #[test]
    fn a_step_carries_its_own_headers() {
        let step = Step::patch("/e".to_owned(), json!({}), Some("W/\"x\"".to_owned())).json(7);
        assert_eq!(
            step,
            json!({
                "id": "7", "method": "PATCH", "url": "/e", "body": {},
                "headers": {
                    "Prefer": "IdType=\"ImmutableId\"",
                    "If-Match": "W/\"x\"",
                    "Content-Type": "application/json"
                }
            })
        );
    }

    #[test]
    fn a_throttled_step_keeps_its_wait() {
        let response = json!({
            "id": "1", "status": 429, "headers": {"Retry-After": 2.5},
            "body": {"error": {"code": "ApplicationThrottled", "message": "x"}}
        });
        let refusal = read(response).unwrap_err().refusal().unwrap().clone();
        assert_eq!((refusal.status, refusal.after_ms), (429, Some(2_500)));
    }

    #[test]
    fn a_step_handed_on_as_text_is_read_or_doubted() {
        let step = |body: &str| read(json!({"id": "1", "status": 200, "body": body}));
        assert_eq!(step("{\"id\":\"a\u{1}b\"}").unwrap(), json!({"id": "ab"}));
        assert!(matches!(step("{\"id\":"), Err(Fault::Garbled(_))));
        assert_eq!(read(json!({"id": "1", "status": 204})).unwrap(), Value::Null);
    }
}
