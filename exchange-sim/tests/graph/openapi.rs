//! Every answer that a test gets is held against Microsoft's description of Graph: paths,
//! properties and their types, enumerations, formats and what may be null.

use crate::harness::{Graph, text};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Properties that Graph sends and its description lacks, with the source.
const UNDESCRIBED: &[(&str, &str)] =
    &[("sizeInBytes", "of a mailFolder: microsoftgraph/microsoft-graph-docs-contrib#9463")];
/// Answers that Graph gives and its description lacks: end of the path, status, source.
const UNDESCRIBED_STATUS: &[(&str, u16, &str)] = &[
    ("/sendMail", 202, "MS docs: user: sendMail; the description says 204"),
    ("/send", 202, "MS docs: message: send; the description says 204"),
    ("/accept", 202, "MS docs: event: accept; the description says 204"),
    ("/tentativelyAccept", 202, "MS docs: event: tentativelyAccept; the description says 204"),
    ("/decline", 202, "MS docs: event: decline; the description says 204"),
    ("/cancel", 202, "MS docs: event: cancel; the description says 204"),
    ("/forward", 202, "MS docs: event: forward; the description says 204"),
];

/// Annotations that any object may carry (OData JSON Format 4.01; MS docs: delta query overview).
const ANNOTATIONS: [&str; 9] = [
    "@odata.context",
    "@odata.count",
    "@odata.deltaLink",
    "@odata.etag",
    "@odata.id",
    "@odata.mediaContentType",
    "@odata.nextLink",
    "@odata.type",
    "@removed",
];
/// Annotations of one property.
const PROPERTY_ANNOTATIONS: [&str; 4] =
    ["@odata.associationLink", "@odata.context", "@odata.navigationLink", "@odata.type"];

/// What an answer came to.
pub struct Exchange {
    pub method: String,
    /// Path below `/v1.0`, with its query.
    pub path: String,
    pub request: Value,
    pub status: u16,
    pub body: Value,
}

/// Fails where an answer contradicts the description.
pub fn judge(exchanges: &[Exchange]) {
    let Some(description) = DESCRIPTION.as_ref() else { return };
    let mut complaints = Vec::new();
    for exchange in exchanges {
        description.exchange(exchange, &mut complaints);
    }
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// Methods and paths described, with their parameters in braces; none where the description is
/// missing.
pub fn operations() -> Vec<(String, String)> {
    let methods = ["get", "post", "patch", "put", "delete"];
    let of_path = |(path, item): (&String, &Value)| -> Vec<(String, String)> {
        let described = methods.into_iter().filter(|method| item.get(*method).is_some());
        described.map(|method| (method.to_uppercase(), path.clone())).collect()
    };
    DESCRIPTION.iter().flat_map(|whole| &whole.paths).flat_map(of_path).collect()
}

static DESCRIPTION: LazyLock<Option<Description>> = LazyLock::new(Description::load);

struct Description {
    paths: Map<String, Value>,
    schemas: BTreeMap<String, Schema>,
    responses: Map<String, Value>,
}

/// An object's properties, its base types' included.
struct Schema {
    properties: BTreeMap<String, Value>,
    required: Vec<String>,
    /// Whether any property is allowed.
    is_map: bool,
    /// What is no object: enumerations.
    plain: Option<Value>,
}

impl Description {
    fn load() -> Option<Description> {
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph"));
        let path = path.join("openapi-subset.yaml");
        let script = "import json, sys, yaml; \
                      loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader); \
                      json.dump(yaml.load(open(sys.argv[1]), loader), sys.stdout, default=str)";
        let output = Command::new("python3").args(["-c", script]).arg(&path).output();
        let output = output.ok().filter(|output| output.status.success());
        let Some(output) = output else {
            assert!(std::env::var_os("CI").is_none(), "{} or PyYAML is missing", path.display());
            println!("skipped: {} or python3 with PyYAML is missing", path.display());
            return None;
        };
        let whole: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let map = |value: &Value| value.as_object().expect("an object").clone();
        let components = &whole["components"];
        let raw = map(&components["schemas"]);
        let schemas = raw.keys().map(|name| (name.clone(), Schema::read(&raw, name))).collect();
        Some(Description {
            paths: map(&whole["paths"]),
            schemas,
            responses: map(&components["responses"]),
        })
    }

    fn exchange(&self, exchange: &Exchange, complaints: &mut Vec<String>) {
        let Exchange { method, path, request, status, body } = exchange;
        let at = format!("{method} {path} {status}");
        let mut complain = |what: String| complaints.push(format!("{at}: {what}"));
        let route = path.split('?').next().unwrap_or_default();
        let Some(operation) = self.operation(method, route) else {
            // What the description lacks may be refused, in the words of any error.
            if *status < 400 {
                complain("not described".to_owned());
            }
            return;
        };
        let known = |(end, code, _): &(&str, u16, &str)| route.ends_with(end) && status == code;
        if UNDESCRIBED_STATUS.iter().any(known) {
            return;
        }
        let class = format!("{}XX", status / 100);
        let responses = &operation["responses"];
        let response = responses.get(status.to_string()).or_else(|| responses.get(&class));
        let Some(response) = response.map(|response| self.response(response)) else {
            complain(format!("no such status among {responses}"));
            return;
        };
        match response.pointer("/content/application~1json/schema") {
            Some(schema) => self.value(schema, body, "", &mut complain),
            None if !body.is_null() => complain(format!("a body where none is described: {body}")),
            None => {}
        }
        if route == "/$batch" && *status == 200 {
            self.steps(request, body, complaints);
        }
    }

    /// Each step of a batch is an exchange of its own.
    fn steps(&self, request: &Value, body: &Value, complaints: &mut Vec<String>) {
        for answer in body["responses"].as_array().into_iter().flatten() {
            let steps = request["requests"].as_array().into_iter().flatten();
            let Some(step) = steps.into_iter().find(|step| step["id"] == answer["id"]) else {
                complaints.push(format!("$batch: no step has the id {}", answer["id"]));
                continue;
            };
            let exchange = Exchange {
                method: text(&step["method"]).to_owned(),
                path: format!("/{}", text(&step["url"]).trim_start_matches('/')),
                request: step["body"].clone(),
                status: u16::try_from(answer["status"].as_u64().unwrap_or_default()).unwrap_or(0),
                body: answer["body"].clone(),
            };
            self.exchange(&exchange, complaints);
        }
    }

    fn response<'a>(&'a self, response: &'a Value) -> &'a Value {
        let name = response["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        name.and_then(|name| self.responses.get(name)).unwrap_or(response)
    }

    /// The operation of the best-fitting path.
    fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let segments = segments(path);
        let fit = |template: &str| {
            let parts: Vec<&str> = template.split('/').filter(|part| !part.is_empty()).collect();
            let same = |part: &str, segment: &str| {
                part.trim_end_matches("()").eq_ignore_ascii_case(segment.trim_end_matches("()"))
            };
            let fits = |(part, segment): (&&str, &String)| {
                part.starts_with('{') || same(part, segment) || {
                    let called = part.split_once("='{").map(|(name, _)| name.split('(').next());
                    called.is_some() && called.flatten() == segment.split('(').next()
                }
            };
            let pairs = || parts.iter().zip(&segments);
            (parts.len() == segments.len() && pairs().all(fits))
                .then(|| pairs().filter(|(part, _)| !part.starts_with('{')).count())
        };
        let fitting = self.paths.iter().filter_map(|(path, item)| Some((fit(path)?, item)));
        let (_, item) = fitting.max_by_key(|(literals, _)| *literals)?;
        item.get(method.to_ascii_lowercase())
    }

    fn value(&self, schema: &Value, value: &Value, at: &str, complain: &mut dyn FnMut(String)) {
        if value.is_null() {
            let free = schema.as_object().is_none_or(Map::is_empty);
            let may =
                ["nullable", "x-ms-navigationProperty"].iter().any(|key| schema[*key] == true);
            if !free && !may {
                complain(format!("{at}: null where none may be"));
            }
            return;
        }
        if let Some(name) = name_of(schema) {
            return self.named(name, value, at, complain);
        }
        match schema["type"].as_str() {
            Some("array") => match value.as_array() {
                Some(entries) => {
                    for (index, entry) in entries.iter().enumerate() {
                        self.value(&schema["items"], entry, &format!("{at}[{index}]"), complain);
                    }
                }
                None => complain(format!("{at}: no array: {value}")),
            },
            Some("object") => self.object(&Schema::of(schema), value, at, complain),
            Some(_) => plain(schema, value, at, complain),
            None => {}
        }
    }

    fn named(&self, name: &str, value: &Value, at: &str, complain: &mut dyn FnMut(String)) {
        let declared = text(&value["@odata.type"]).trim_start_matches('#');
        let name = if self.schemas.contains_key(declared) { declared } else { name };
        let Some(schema) = self.schemas.get(name) else {
            return complain(format!("{at}: {name} is not described"));
        };
        match &schema.plain {
            Some(schema) => plain(schema, value, at, complain),
            None => self.object(schema, value, at, complain),
        }
    }

    fn object(&self, schema: &Schema, value: &Value, at: &str, complain: &mut dyn FnMut(String)) {
        let Some(members) = value.as_object() else {
            return complain(format!("{at}: no object: {value}"));
        };
        for name in &schema.required {
            if !members.contains_key(name) {
                complain(format!("{at}: {name} is missing"));
            }
        }
        for (name, member) in members {
            let at = format!("{at}/{name}");
            match schema.properties.get(name) {
                Some(property) => self.value(property, member, &at, complain),
                None if schema.is_map || is_annotation(name, &schema.properties) => {}
                None if UNDESCRIBED.iter().any(|(known, _)| known == name) => {}
                None => complain(format!("{at}: no such property")),
            }
        }
    }
}

impl Schema {
    fn read(all: &Map<String, Value>, name: &str) -> Schema {
        let mut schema = Schema::of(&all[name]);
        let parts = all[name]["allOf"].as_array().into_iter().flatten();
        for part in parts {
            let part = match name_of(part) {
                Some(base) => Schema::read(all, base),
                None => Schema::of(part),
            };
            schema.properties.extend(part.properties);
            schema.required.extend(part.required);
            schema.is_map |= part.is_map;
        }
        schema
    }

    fn of(schema: &Value) -> Schema {
        let properties = schema["properties"].as_object().into_iter().flatten();
        let required = schema["required"].as_array().into_iter().flatten();
        let is_object = schema["type"] == "object" || schema["allOf"].is_array();
        Schema {
            properties: properties.map(|(name, kind)| (name.clone(), kind.clone())).collect(),
            required: required.map(|name| text(name).to_owned()).collect(),
            is_map: !schema["additionalProperties"].is_null(),
            plain: (!is_object).then(|| schema.clone()),
        }
    }
}

/// The schema that a reference names, alone or wrapped to add that it may be null.
fn name_of(schema: &Value) -> Option<&str> {
    let wrapped = schema["allOf"].as_array().filter(|parts| parts.len() == 1);
    let reference = wrapped.map_or(schema, |parts| &parts[0]);
    reference["$ref"].as_str()?.rsplit('/').next()
}

fn is_annotation(name: &str, properties: &BTreeMap<String, Value>) -> bool {
    let of_property = || {
        let (property, annotation) = name.split_at(name.find('@').unwrap_or_default());
        properties.contains_key(property) && PROPERTY_ANNOTATIONS.contains(&annotation)
    };
    ANNOTATIONS.contains(&name) || of_property()
}

fn plain(schema: &Value, value: &Value, at: &str, complain: &mut dyn FnMut(String)) {
    let fits = match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("boolean"), _) => value.is_boolean(),
        (Some("integer"), Some("int32")) => {
            value.as_i64().is_some_and(|n| i32::try_from(n).is_ok())
        }
        (Some("integer"), _) => value.is_i64(),
        (Some("number"), _) => value.is_number(),
        (Some("string"), format) => value.as_str().is_some_and(|text| has_format(text, format)),
        (_, _) => true,
    };
    let number = value.as_f64();
    let within = schema["minimum"].as_f64().is_none_or(|least| number >= Some(least))
        && schema["maximum"].as_f64().is_none_or(|most| number <= Some(most));
    let listed = schema["enum"].as_array().is_none_or(|values| values.contains(value));
    if !fits || !within || !listed {
        let kind = [&schema["type"], &schema["format"], &schema["enum"]];
        complain(format!("{at}: {value} is no {kind:?}"));
    }
}

fn has_format(text: &str, format: Option<&str>) -> bool {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    match format {
        Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
        Some("date") => text.parse::<jiff::civil::Date>().is_ok() && text.len() == 10,
        Some("time") => text.parse::<jiff::civil::Time>().is_ok(),
        // Graph writes bytes in the common alphabet, whatever the description calls it.
        Some("base64url") => STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).is_ok(),
        Some("uuid") => text.len() == 36 && text.split('-').count() == 5,
        Some(_) | None => true,
    }
}

/// The segments of a path as the description has them: `/me` is a user, and folders may nest.
fn segments(path: &str) -> Vec<String> {
    let mut segments: Vec<String> = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = segment.strip_prefix("microsoft.graph.").unwrap_or(segment);
        match segment.strip_suffix("')").and_then(|segment| segment.split_once("('")) {
            Some((name, key)) => segments.extend([name.to_owned(), key.to_owned()]),
            None => segments.push(segment.to_owned()),
        }
    }
    if segments.first().is_some_and(|first| first.eq_ignore_ascii_case("me")) {
        segments.splice(0..1, ["users".to_owned(), "me".to_owned()]);
    }
    while let [first, second] = *positions(&segments, "childFolders")
        && second == first + 2
    {
        segments.drain(first..second);
    }
    segments
}

/// The first two places of a segment, if it is there twice.
fn positions(segments: &[String], name: &str) -> Vec<usize> {
    let found = segments.iter().enumerate().filter(|(_, segment)| *segment == name);
    let found: Vec<usize> = found.map(|(at, _)| at).take(2).collect();
    if found.len() == 2 { found } else { Vec::new() }
}

#[test]
fn a_wrong_answer_is_found_out() {
    let Some(description) = DESCRIPTION.as_ref() else { return };
    let check = |method: &str, path: &str, status: u16, body: Value| {
        let (method, path) = (method.to_owned(), path.to_owned());
        let mut complaints = Vec::new();
        let exchange = Exchange { method, path, request: Value::Null, status, body };
        description.exchange(&exchange, &mut complaints);
        complaints.len()
    };
    let event = |body: &str| {
        check("GET", "/users/a/events/b", 200, serde_json::from_str(body).expect("JSON"))
    };
    assert_eq!(event(r#"{"id": "b", "@odata.etag": "W/x", "isAllDay": false}"#), 0);
    assert_eq!(event(r#"{"id": null}"#), 1);
    assert_eq!(event(r#"{"id": "b", "isAllDay": "false"}"#), 1);
    assert_eq!(event(r#"{"id": "b", "colour": "red"}"#), 1);
    assert_eq!(event(r#"{"id": "b", "showAs": "Busy"}"#), 1);
    assert_eq!(event(r#"{"id": "b", "createdDateTime": "2026-12-01"}"#), 1);
    assert_eq!(event(r#"{"id": "b", "attendees": [{"type": "required", "name": "x"}]}"#), 1);
    assert_eq!(check("GET", "/users/a/events/b", 404, Value::Null), 1);
    assert_eq!(check("GET", "/users/a/nonsense", 200, Value::Null), 1);
    assert_eq!(check("DELETE", "/users/a/events/b", 204, Value::Null), 0);
    drop(Graph::new());
}
