//! The process is killed, again and again, and nothing comes of it: a server in one process,
//! `sync` in others.

use crate::scene::{ANNA, BEN, PASSWORD, SECRET, command, evensync};
use exchange_sim::store::{Body, BodyKind};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const EVENTS: usize = 400;
/// Enough that a run takes some seconds, and every kill finds it at another place.
const LATENCY_MS: &str = "40";
/// How many events have arrived when each run is killed; some are killed while they still read.
const KILLS: [usize; 10] = [0, 0, 0, 1, 21, 70, 130, 200, 270, 390];

/// A server in a process of its own, which ends with it.
struct Server {
    process: Child,
    ready: Value,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mailbox = format!("{ANNA}:{PASSWORD}");
        let seed = format!("events={EVENTS},messages=0");
        let arguments = ["sim", "--mailbox", &mailbox, "--seed", &seed, "--latency", LATENCY_MS];
        let mut process = command(folder, &arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        let mut line = String::new();
        let out = process.stdout.take().expect("it is piped");
        BufReader::new(out).read_line(&mut line).expect("the server says that it is ready");
        let ready = serde_json::from_str(&line).expect("one JSON line");
        Self { process, ready }
    }

    /// Asks the control API.
    fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let address = self.ready["control"].as_str().expect("an address");
        let host = address.trim_start_matches("http://").trim_end_matches("/sim");
        let mut stream = TcpStream::connect(host).expect("it listens");
        let request = format!(
            "{method} /sim{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: \
             {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
        assert!(head.starts_with("HTTP/1.1 2"), "{head}");
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {head}"))
    }

    /// What people see of the default calendar's events, each in one line.
    fn calendar(&self, address: &str) -> Vec<String> {
        let dump = self.control("GET", &format!("/dump?mailbox={address}"), "");
        let folders = dump["folders"].as_array().expect("folders");
        let calendar = folders.iter().find(|folder| folder["role"] == "calendar");
        let items = calendar.expect("a calendar")["items"].as_array().expect("items");
        let mut lines: Vec<String> = items.iter().map(look).collect();
        lines.sort();
        lines
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn look(item: &Value) -> String {
    let content = item["body"]["content"].as_str().unwrap_or_default().to_owned();
    let kind = if item["body"]["contentType"] == "html" { BodyKind::Html } else { BodyKind::Text };
    let text = Body { kind, content }.as_text();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let categories: BTreeSet<&str> =
        item["categories"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    // The minutes of a reminder that is off mean nothing.
    let reminder = &item["reminder"];
    let reminder = if reminder["set"] == true { reminder["minutes"].clone() } else { "off".into() };
    let rest = ["subject", "location", "start", "end", "all_day", "show_as", "sensitivity"]
        .map(|name| item[name].to_string());
    let importance = &item["importance"];
    format!("{} {importance} {reminder} {categories:?} {text}", rest.join(" "))
}

fn configuration(ready: &Value) -> String {
    let text = |key: &str| ready[key].as_str().expect("in the ready line").to_owned();
    format!(
        r#"
[endpoint.office]
kind = "ews"
url = "{}"
auth = {{ kind = "basic", user = "{ANNA}", password = {{ env = "ANNA_PASSWORD" }} }}

[endpoint.cloud]
kind = "graph"
url = "{}"
authority = "{}"
auth = {{ kind = "client-secret", tenant = "{}", client = "{}", secret = {{ env = "CLOUD_SECRET" }} }}

[pair.one]
a = {{ endpoint = "office", mailbox = "{ANNA}" }}
b = {{ endpoint = "cloud", mailbox = "{BEN}" }}
"#,
        text("ews"),
        text("graph"),
        text("authority"),
        text("tenant"),
        text("client"),
    )
}

/// Runs until so many events have arrived, and kills it as `kill -9` does; whether it was killed.
fn killed_at(server: &Server, folder: &Path, arrived: usize, pause: Duration) -> bool {
    let mut run = command(folder, &["sync"]);
    let mut process =
        run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command runs");
    std::thread::sleep(pause);
    while server.calendar(BEN).len() < arrived && process.try_wait().expect("it is ours").is_none()
    {
        std::thread::sleep(Duration::from_millis(10));
    }
    let ended = process.try_wait().expect("it is ours").is_some();
    process.kill().expect("it is ours");
    process.wait().expect("it is ours");
    !ended
}

#[test]
fn a_run_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(folder.path());
    server.control("POST", "/mailboxes", &format!(r#"{{"address": "{BEN}"}}"#));
    assert_eq!(server.ready["secret"], SECRET);
    let path = folder.path().join("evensync.toml");
    std::fs::write(path, configuration(&server.ready)).expect("writable");
    let before = server.calendar(ANNA);
    assert_eq!(before.len(), EVENTS);

    let mut written = vec![];
    for (n, arrived) in (1..).zip(KILLS) {
        // The kills lie apart, not only between two writes.
        let pause = Duration::from_millis(n * 37);
        assert!(killed_at(&server, folder.path(), arrived, pause), "{n}: it ended before");
        written.push(server.calendar(BEN).len());
    }

    evensync(folder.path(), &["sync"]).ends(0);
    assert_eq!(server.calendar(ANNA), before, "nothing is written to the source");
    assert_eq!(server.calendar(BEN), before, "events written after each kill: {written:?}");
    let again = evensync(folder.path(), &["sync", "--json"]).ends(0).json();
    for side in ["a", "b"] {
        for written in ["created", "updated", "deleted"] {
            assert_eq!(again["pairs"][0][side][written], 0, "{again}");
        }
    }
    assert_eq!(again["pairs"][0]["conflicts"], 0);
    assert_eq!(server.control("GET", "/sent", "").as_array().map(Vec::len), Some(0));
    evensync(folder.path(), &["state", "verify"]).ends(0);
    evensync(folder.path(), &["replay"]).ends(0);
    println!("killed {} times; events written by then: {written:?}", KILLS.len());
}
