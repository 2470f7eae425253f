//! What an answer must be like, whatever was asked.

use exchange_sim::Reply;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

/// Says what is wrong with an answer to a request for `path`.
pub fn verdict(path: &str, method: &str, reply: &Reply) -> Result<(), String> {
    let Reply::Respond { response, .. } = reply else {
        return Err("no answer".to_owned());
    };
    let (status, body) = (response.status().as_u16(), response.body());
    let kind = response
        .headers()
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let lower = path.to_ascii_lowercase();
    if lower.starts_with("/ews/") {
        return ews(status, kind, body);
    }
    // A SOAP service says it with 500.
    let soap_fault = status == 500 && lower.ends_with("/autodiscover.svc") && kind.contains("xml");
    if status >= 500 && status != 501 && !soap_fault {
        return Err(format!("status {status}"));
    }
    if kind.contains("ndjson") {
        let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        return match lines.find_map(|line| serde_json::from_slice::<Value>(line).err()) {
            Some(error) => Err(format!("a line is not JSON: {error}")),
            None => Ok(()),
        };
    }
    if kind.contains("json") {
        let json: Value = serde_json::from_slice(body).map_err(|e| format!("not JSON: {e}"))?;
        let worded = json["error"]["code"].is_string() || json["error"].is_string();
        if status >= 400 && lower.starts_with("/v1.0") && !worded {
            return Err(format!("status {status} without an error code"));
        }
        return Ok(());
    }
    if kind.contains("xml") {
        return well_formed(body);
    }
    if lower.starts_with("/v1.0") && status >= 400 && method != "HEAD" {
        return Err(format!("status {status} in {kind:?}"));
    }
    Ok(())
}

fn ews(status: u16, kind: &str, body: &[u8]) -> Result<(), String> {
    match status {
        200 | 500 if kind.contains("xml") => {
            well_formed(body)?;
            let text = String::from_utf8_lossy(body);
            if status == 500 && !text.contains("Fault>") {
                return Err("status 500 without a fault".to_owned());
            }
            if status == 200 && text.contains("ErrorInternalServerError") {
                return Err("ErrorInternalServerError".to_owned());
            }
            Ok(())
        }
        // GetStreamingEvents' first document, the service's page, refusals.
        200 | 400 | 401 | 415 => Ok(()),
        _ => Err(format!("status {status} in {kind:?}")),
    }
}

/// Whether bytes are one or more XML documents of legal characters.
fn well_formed(body: &[u8]) -> Result<(), String> {
    let text = std::str::from_utf8(body).map_err(|e| format!("not UTF-8: {e}"))?;
    let illegal = |c: &char| {
        (*c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    if let Some(c) = text.chars().find(illegal) {
        return Err(format!("illegal character {c:?}"));
    }
    let mut reader = Reader::from_str(text);
    let mut depth = 0;
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => depth += 1,
            Ok(Event::End(_)) => depth -= 1,
            Ok(Event::Eof) if depth == 0 => return Ok(()),
            Ok(Event::Eof) => return Err("an element isn't closed".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("not XML: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(path: &str, status: u16, kind: &str, body: &str) -> Result<(), String> {
        let response = http::Response::builder().status(status).header("content-type", kind);
        let response = response.body(body.to_owned().into()).expect("a response");
        verdict(path, "GET", &Reply::respond(response))
    }

    #[test]
    fn bad_answers_are_told_from_good_ones() {
        let graph = "/v1.0/me";
        assert!(judged(graph, 200, "application/json", "{}").is_ok());
        assert!(judged(graph, 400, "application/json", r#"{"error": {"code": "x"}}"#).is_ok());
        assert!(judged(graph, 400, "application/json", "{}").is_err());
        assert!(judged(graph, 500, "application/json", r#"{"error": {"code": "x"}}"#).is_err());
        assert!(judged(graph, 200, "application/json", "{").is_err());
        let ews = "/EWS/Exchange.asmx";
        assert!(judged(ews, 200, "text/xml", "<a><b/></a>").is_ok());
        assert!(judged(ews, 200, "text/xml", "<a><b></a>").is_err());
        assert!(judged(ews, 200, "text/xml", "<a>\u{1}</a>").is_err());
        assert!(judged(ews, 500, "text/xml", "<s:Fault></s:Fault>").is_ok());
        assert!(judged(ews, 500, "text/xml", "<a/>").is_err());
        assert!(judged(ews, 503, "text/plain", "").is_err());
    }
}
