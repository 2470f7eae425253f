//! Every request that the tests produce is held against Microsoft's description of Graph.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};

/// What is said of a request that is to invite; whether it is, tests see from who is mailed.
const INVITES: &str = "Exchange sends meeting requests to them";

/// The folder of facts about Graph; `None`, said in one line, where it is absent.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path =
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange/graph")).join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", path.display());
    println!("skipped: {} is missing", path.display());
    None
}

/// Fails where a request contradicts the description, or looks wrong.
pub fn judge(requests: &[wire::Request]) {
    /// Requests that have passed: the same ones come again and again.
    static PASSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

    let lines: BTreeSet<String> = requests.iter().map(|r| line(r).to_string()).collect();
    let lines: Vec<String> = lines.difference(&PASSED.lock().unwrap()).cloned().collect();
    if lines.is_empty() {
        return;
    }
    let Some(checker) = shared("check_requests.py") else { return };
    if !has_yaml() {
        assert!(std::env::var_os("CI").is_none(), "python3 with PyYAML is missing");
        println!("skipped: python3 with PyYAML is missing");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("requests.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let output = Command::new("python3").arg(checker).arg("--strict").arg(&file).output().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    let is_complaint = |line: &&str| line.starts_with("    ") && !line.ends_with(INVITES);
    let is_fine = output.status.success() || words.contains(INVITES);
    assert!(is_fine && !words.lines().any(|line| is_complaint(&line)), "{words}");
    PASSED.lock().unwrap().extend(lines);
}

fn has_yaml() -> bool {
    static HAS_YAML: LazyLock<bool> = LazyLock::new(|| {
        let import = Command::new("python3").args(["-c", "import yaml"]).output();
        import.is_ok_and(|output| output.status.success())
    });
    *HAS_YAML
}

fn line(request: &wire::Request) -> Value {
    let headers: serde_json::Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
        .collect();
    let body = serde_json::from_slice(request.body()).unwrap_or(Value::Null);
    json!({
        // The address of an upload session is the service's own.
        "external": request.method() == http::Method::PUT,
        "method": request.method().as_str(),
        "url": request.uri().to_string(),
        "headers": headers,
        "body": body
    })
}
