//! Requests, held against Microsoft's own description of both services.

use exchange_sim::Sim;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// Requests judged at most of one kind: there are few kinds, and each tool starts but once.
const OF_A_KIND_MAX: usize = 150;

/// Collects requests.
#[derive(Default)]
pub struct Judge {
    ews: Mutex<BTreeMap<String, BTreeSet<String>>>,
    graph: Mutex<BTreeMap<String, BTreeSet<String>>>,
}

impl Judge {
    /// Takes all that `sim` was asked.
    pub fn take(&self, sim: &Sim) {
        let requests = sim.with(|world| std::mem::take(&mut world.requests));
        for request in requests {
            if request.path.starts_with("/v1.0") {
                let line = json!({
                    "method": request.method,
                    "url": request.path,
                    "headers": request.headers,
                    "body": request.body,
                });
                let kind = format!("{} {}", request.method, shape(&request.path));
                keep(&self.graph, kind, line.to_string());
            } else if let Value::String(xml) = request.body
                && request.path.to_ascii_lowercase().starts_with("/ews/")
            {
                let kind = xml.split("<m:").nth(1).unwrap_or_default();
                let kind = kind.split(['>', ' ']).next().unwrap_or_default().to_owned();
                keep(&self.ews, kind, xml);
            }
        }
    }

    /// Fails where a request contradicts the description, or looks wrong.
    pub fn verdict(&self) {
        self.graph_verdict();
        self.ews_verdict();
    }

    fn graph_verdict(&self) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let graph = self.graph.lock().expect("no panic");
        if let Some(checker) = shared("graph/check_requests.py")
            && is_there("python3", &["-c", "import yaml"])
        {
            let lines: Vec<&str> = graph.values().flatten().map(String::as_str).collect();
            let file = folder.path().join("requests.jsonl");
            std::fs::write(&file, lines.join("\n")).expect("writable");
            passes(Command::new("python3").arg(checker).arg("--strict").arg(&file));
        }
        println!("judged, Graph: {:?}", counted(&graph));
    }

    fn ews_verdict(&self) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let ews = self.ews.lock().expect("no panic");
        if let Some(checker) = shared("ews/validate.sh")
            && is_there("xmllint", &["--version"])
        {
            let mut command = Command::new("sh");
            command.arg(checker);
            for (n, xml) in ews.values().flatten().enumerate() {
                let file = folder.path().join(format!("{n}.xml"));
                std::fs::write(&file, xml).expect("writable");
                command.arg(file);
            }
            passes(&mut command);
        }
        println!("judged, EWS: {:?}", counted(&ews));
    }
}

fn counted(of: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    of.iter().map(|(kind, all)| format!("{} {kind}", all.len())).collect()
}

fn keep(of: &Mutex<BTreeMap<String, BTreeSet<String>>>, kind: String, request: String) {
    let mut of = of.lock().expect("no panic");
    let kept = of.entry(kind).or_default();
    if kept.len() < OF_A_KIND_MAX {
        kept.insert(request);
    }
}

/// A path without what is different in every request.
fn shape(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let names: Vec<&str> =
        query.split('&').map(|pair| pair.split('=').next().unwrap_or_default()).collect();
    let segments: Vec<&str> =
        path.split('/').map(|part| if part.len() > 24 { "{id}" } else { part }).collect();
    format!("{}?{}", segments.join("/"), names.join("&"))
}

fn passes(command: &mut Command) {
    let output = command.output().expect("the checker runs");
    let (out, err) = (&output.stdout, &output.stderr);
    let told = format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err));
    let told: Vec<&str> =
        told.lines().filter(|line| !line.ends_with(" validates")).take(40).collect();
    assert!(output.status.success(), "{}", told.join("\n"));
}

/// A file of the servers' facts; `None`, said in one line, where it is absent.
pub fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange")).join(name);
    present(path.exists(), &path.display().to_string()).then_some(path)
}

fn is_there(tool: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(tool).args(arguments).output();
    present(ran.is_ok_and(|output| output.status.success()), tool)
}

fn present(is_there: bool, what: &str) -> bool {
    assert!(is_there || std::env::var_os("CI").is_none(), "{what} is missing");
    if !is_there {
        println!("skipped: {what} is missing");
    }
    is_there
}
