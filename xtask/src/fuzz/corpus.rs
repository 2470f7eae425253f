//! Valid requests to begin with: our own, and the documentation's examples where they are there.

use super::tree::Element;
use exchange_sim::store::rng::Rng;
use serde_json::Value;
use std::path::{Path, PathBuf};

const EWS: &str = include_str!("../../corpus/ews.xml");
const GRAPH: &str = include_str!("../../corpus/graph.txt");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange");

/// A request to Graph or to the token endpoint.
#[derive(Debug, Clone)]
pub struct Sample {
    /// The method.
    pub method: String,
    /// Path with query; `{event}` and the like stand for ids.
    pub url: String,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body, if there is one.
    pub body: Option<Body>,
}

/// A body.
#[derive(Debug, Clone)]
pub enum Body {
    /// JSON.
    Json(Value),
    /// Anything else.
    Text(String),
}

/// All samples.
#[derive(Debug, Default)]
pub struct Corpus {
    /// Operations: what stands in a SOAP body.
    pub operations: Vec<Element>,
    /// Requests to Graph.
    pub requests: Vec<Sample>,
    /// How many operations and requests are our own; they come first.
    own: (usize, usize),
}

impl Corpus {
    /// Reads all there is.
    pub fn load() -> Self {
        let mut corpus = Self::own();
        for path in files(Path::new(EXAMPLES)) {
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with("request.xml") {
                corpus.operations.extend(Element::parse(&text).and_then(operation));
            } else if name.ends_with("request.json") {
                corpus.requests.extend(example(&text));
            }
        }
        corpus
    }

    /// What is always there.
    pub fn own() -> Self {
        let operations = Element::parse(EWS).unwrap_or_default();
        let operations: Vec<Element> = operations.elements().cloned().collect();
        let requests: Vec<Sample> = GRAPH.split("\n\n").filter_map(sample).collect();
        Self { own: (operations.len(), requests.len()), operations, requests }
    }

    /// An operation; every other time one of our own, which are served more often.
    pub fn operation(&self, rng: &mut Rng) -> &Element {
        let all = self.operations.len();
        let count = if rng.below(2) == 0 { self.own.0 } else { all };
        rng.pick(&self.operations[..count])
    }

    /// A request to Graph, chosen likewise.
    pub fn request(&self, rng: &mut Rng) -> &Sample {
        let all = self.requests.len();
        let count = if rng.below(2) == 0 { self.own.1 } else { all };
        rng.pick(&self.requests[..count])
    }
}

fn sample(block: &str) -> Option<Sample> {
    let mut lines = block.trim().lines();
    let (method, url) = lines.next()?.split_once(' ')?;
    let mut sample =
        Sample { method: method.to_owned(), url: url.to_owned(), headers: Vec::new(), body: None };
    for line in lines {
        match line.split_once(": ") {
            Some((name, value)) if !line.starts_with('{') => {
                sample.headers.push((name.to_owned(), value.to_owned()));
            }
            Some(_) | None => {
                sample.body = Some(match serde_json::from_str(line) {
                    Ok(json) => Body::Json(json),
                    Err(_) => Body::Text(line.to_owned()),
                });
            }
        }
    }
    Some(sample)
}

/// The operation of an envelope, with the namespaces that it needs.
fn operation(envelope: Element) -> Option<Element> {
    let body = envelope.elements().find(|child| child.name.ends_with("Body"))?;
    let mut operation = body.elements().next()?.clone();
    for (name, value) in &envelope.attributes {
        if name.starts_with("xmlns") && !operation.attributes.iter().any(|(n, _)| n == name) {
            operation.attributes.push((name.clone(), value.clone()));
        }
    }
    Some(operation)
}

/// An example of the documentation; its user becomes ours.
fn example(text: &str) -> Option<Sample> {
    let example: Value = serde_json::from_str(text).ok()?;
    let url = example["url"].as_str()?.strip_prefix("https://graph.microsoft.com")?;
    let url = url.replacen("/me", "/users/{user}", 1);
    let headers = example["headers"].as_object()?;
    Some(Sample {
        method: example["method"].as_str()?.to_owned(),
        url,
        headers: headers
            .iter()
            .filter(|(name, _)| !name.eq_ignore_ascii_case("authorization"))
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect(),
        body: match &example["body"] {
            Value::Null => None,
            Value::String(text) => Some(Body::Text(text.clone())),
            json @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(Body::Json(json.clone()))
            }
        },
    })
}

/// The files anywhere below, by name.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries
        .into_iter()
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_samples_are_read() {
        let corpus = Corpus::own();
        assert!(corpus.operations.len() > 40 && corpus.requests.len() > 60);
        assert!(corpus.operations.iter().all(|operation| operation.name.starts_with("m:")));
        let posts = corpus.requests.iter().filter(|sample| sample.url.ends_with("/events"));
        assert!(posts.clone().count() > 3);
        assert!(posts.flat_map(|post| &post.body).all(|body| matches!(body, Body::Json(_))));
    }

    #[test]
    fn the_documentations_examples_are_read() {
        if !Path::new(EXAMPLES).exists() {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "examples missing");
            println!("skipped: no examples of the documentation here");
            return;
        }
        let (own, all) = (Corpus::own(), Corpus::load());
        assert!(all.operations.len() > own.operations.len() + 100);
        assert!(all.requests.len() > own.requests.len() + 50);
    }
}
