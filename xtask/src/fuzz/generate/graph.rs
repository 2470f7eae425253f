//! Requests to Graph and to the token endpoint.

use super::{Generator, USER, build};
use crate::fuzz::corpus::{Body, Sample};
use crate::fuzz::hostile;
use bytes::Bytes;
use exchange_sim::store::rng::Rng;
use serde_json::Value;

impl Generator<'_> {
    pub(super) fn graph(&mut self) -> http::Request<Bytes> {
        let Sample { method, url, headers, mut body } = self.corpus.request(&mut self.rng).clone();
        let url = self.filled(&url);
        if let Some(Body::Json(json)) = &mut body {
            self.fill_json(json);
        }
        let mut changes = self.changes();
        let mut url = url;
        if changes > 0 && (body.is_none() || self.rng.below(4) == 0) {
            url = self.changed_url(&url);
            changes -= 1;
        }
        let bytes = match body {
            None if self.rng.below(30) == 0 => hostile::value(&mut self.rng).into_bytes(),
            None => Vec::new(),
            Some(Body::Text(text)) if changes > 0 => self.changed_text(&text).into_bytes(),
            Some(Body::Text(text)) => text.into_bytes(),
            Some(Body::Json(mut json)) => {
                for _ in 0..changes {
                    self.change_json(&mut json);
                }
                json.to_string().into_bytes()
            }
        };
        let bytes = self.broken(bytes);
        let method = match self.rng.below(40) {
            0 => *self.rng.pick(&["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"]),
            _ => method.as_str(),
        };
        build(method, &encoded(&url), self.graph_headers(&headers), bytes)
    }

    fn graph_headers(&mut self, given: &[(String, String)]) -> Vec<(&'static str, String)> {
        let mut headers = vec![("Authorization", self.bearer.clone())];
        if self.rng.below(60) == 0 {
            headers[0].1 = format!("Bearer {}", hostile::value(&mut self.rng));
        }
        headers.push(("Content-Type", "application/json".to_owned()));
        for (name, value) in given {
            let value = match (name.to_ascii_lowercase().as_str(), self.rng.below(4)) {
                (_, 0) => hostile::value(&mut self.rng),
                ("if-match", _) => self.pool.pick("etag", &mut self.rng).unwrap_or_default(),
                (_, _) => value.clone(),
            };
            match name.to_ascii_lowercase().as_str() {
                "content-type" => headers[1].1 = value,
                "prefer" => headers.push(("Prefer", value)),
                "if-match" => headers.push(("If-Match", value)),
                "consistencylevel" => headers.push(("ConsistencyLevel", value)),
                _ => {}
            }
        }
        if self.rng.below(30) == 0 {
            let name = *self.rng.pick(&["IdType", "odata.maxpagesize", "outlook.timezone", "x"]);
            headers.push(("Prefer", format!("{name}={}", hostile::value(&mut self.rng))));
        }
        headers
    }

    /// A text with `{event}` and the like replaced by ids that the server knows.
    fn filled(&mut self, text: &str) -> String {
        let mut out = text.replace("{user}", USER).replace("{id}", "{event}");
        for kind in ["event", "message", "folder", "calendar", "category", "attachment", "link"] {
            let place = format!("{{{kind}}}");
            while out.contains(&place) {
                let known = self.pool.pick(kind, &mut self.rng);
                let known = known.unwrap_or_else(|| match kind {
                    "link" => "/v1.0/users/x/events/delta?$deltatoken=x".to_owned(),
                    _ => "AAMk".to_owned(),
                });
                out = out.replacen(&place, &known, 1);
            }
        }
        out
    }

    fn fill_json(&mut self, json: &mut Value) {
        match json {
            Value::String(text) if text.contains('{') => *text = self.filled(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.fill_json(value)),
            Value::Object(members) => {
                members.values_mut().for_each(|value| self.fill_json(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn changed_url(&mut self, url: &str) -> String {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut segments: Vec<String> = path.split('/').map(str::to_owned).collect();
        let mut options: Vec<String> =
            query.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let rng = &mut self.rng;
        let at = rng.below(options.len() as u64) as usize;
        match rng.below(8) {
            0 if segments.len() > 3 => {
                let at = 2 + rng.below(segments.len() as u64 - 2) as usize;
                segments[at] = hostile::value(rng);
            }
            1 if segments.len() > 3 => drop(segments.pop()),
            2 => segments.push((*rng.pick(&["delta", "$value", "$count", "$ref", "x", ""])).into()),
            3 if !options.is_empty() => drop(options.remove(at)),
            4 if !options.is_empty() => options.push(options[at].clone()),
            5 if !options.is_empty() => {
                let name = options[at].split('=').next().unwrap_or_default();
                options[at] = format!("{name}={}", hostile::value(rng));
            }
            _ => {
                let name = *rng.pick(&[
                    "$filter",
                    "$filter",
                    "$orderby",
                    "$select",
                    "$expand",
                    "$top",
                    "$skip",
                    "$count",
                    "$search",
                    "$skiptoken",
                    "$deltatoken",
                    "startDateTime",
                    "endDateTime",
                    "x",
                ]);
                let value =
                    if rng.below(2) == 0 { hostile::query(rng) } else { hostile::value(rng) };
                options.push(format!("{name}={value}"));
            }
        }
        format!("{}?{}", segments.join("/"), options.join("&"))
    }

    fn changed_text(&mut self, text: &str) -> String {
        if text.contains('=') && text.contains('&') {
            let changed = self.changed_url(&format!("/a/b?{text}"));
            return changed.split_once('?').map(|(_, form)| form.to_owned()).unwrap_or_default();
        }
        hostile::mime(&mut self.rng)
    }

    fn change_json(&mut self, json: &mut Value) {
        let rng = &mut self.rng;
        match json {
            Value::Object(members) if !members.is_empty() && rng.below(6) > 0 => {
                let at = rng.below(members.len() as u64) as usize;
                let Some(name) = members.keys().nth(at).cloned() else { return };
                match rng.below(8) {
                    0 => drop(members.remove(&name)),
                    1 => drop(members.insert(hostile::value(rng), Value::Null)),
                    2 => {
                        let sample = rng.pick(&self.corpus.requests);
                        if let Some(Body::Json(Value::Object(other))) = &sample.body {
                            members.extend(other.clone());
                        }
                    }
                    _ => {
                        if let Some(value) = members.get_mut(&name) {
                            self.change_json(value);
                        }
                    }
                }
            }
            Value::Array(values) if !values.is_empty() && rng.below(6) > 0 => {
                let at = rng.below(values.len() as u64) as usize;
                match rng.below(6) {
                    0 => drop(values.remove(at)),
                    1 => {
                        let again = values[at].clone();
                        values.extend((0..rng.below(50)).map(|_| again.clone()));
                    }
                    _ => self.change_json(&mut values[at]),
                }
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => *json = hostile_json(rng),
        }
    }
}

fn hostile_json(rng: &mut Rng) -> Value {
    match rng.below(12) {
        0 => Value::Null,
        1 => Value::Bool(rng.below(2) == 0),
        2 => Value::from(rng.next_u64() as i64),
        3 => Value::from(rng.below(3)),
        4 => Value::from(-1),
        5 => Value::from(1e300),
        6 => Value::Array(Vec::new()),
        7 => Value::Object(serde_json::Map::new()),
        8 => (0..rng.below(100)).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
        9 => Value::String(hostile::mime(rng)),
        _ => Value::String(hostile::value(rng)),
    }
}

/// A path with query whose odd characters are percent-encoded, as clients do.
fn encoded(url: &str) -> String {
    let mut out = String::new();
    for byte in url.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => out.push(byte.into()),
            b'-' | b'_' | b'.' | b'~' | b'/' | b'?' | b'&' | b'=' | b'$' | b'%' | b'+' | b'('
            | b')' | b'\'' | b',' | b':' | b'@' | b'!' | b'*' | b';' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
