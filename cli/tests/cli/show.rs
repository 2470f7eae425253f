//! `demo` and `sim`.

use crate::scene::{command, evensync};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

#[test]
fn the_demo_shows_everything_the_same_every_time() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let demo = evensync(folder.path(), &["demo"]).ends(0);
    for line in [
        "conflict     Kundentermin Tailspin Toys",
        "  Nothing to write: both sides are the same.",
        "by the rule prefer-a a wins",
        "last the same: “Hamburg, Großer Burstah 12”",
        "Everything went as it should.",
    ] {
        assert!(demo.out.contains(line), "{line} is not in:\n{}", demo.out);
    }
    assert_eq!(demo.out.matches(": no drift\n").count(), 2, "{}", demo.out);
    assert_eq!(std::fs::read_dir(folder.path()).expect("ours").count(), 0);
    let again = evensync(folder.path(), &["demo"]).ends(0).out;
    let steady = |out: &str| -> Vec<String> {
        out.lines().filter(|line| !line.contains("evensync-demo-")).map(str::to_owned).collect()
    };
    assert_eq!(steady(&again), steady(&demo.out));
}

#[cfg(unix)]
#[test]
#[allow(clippy::disallowed_methods, reason = "the simulator looks at the real clock")]
fn the_simulator_says_when_it_is_ready_and_ends_when_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = command(folder.path(), &["sim", "--mailbox", "a@contoso.example:pw"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let keys: Vec<&String> = ready.as_object().expect("an object").keys().collect();
    let expected =
        ["authority", "client", "control", "ews", "graph", "mailboxes", "secret", "tenant"];
    assert_eq!(keys, expected);
    assert_eq!(ready["mailboxes"][0]["password"], "pw");
    let answer = post(&ready, "/advance", "{\"seconds\": 3600}");
    let then = answer["now"].as_str().expect("a time").parse::<DateTime<Utc>>().expect("RFC 3339");
    let ahead = then - Utc::now();
    assert!(
        (58..=60).contains(&ahead.num_minutes()),
        "the clock starts with this machine's: {then}"
    );
    let kill = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[cfg(unix)]
#[test]
fn a_clock_that_stands_still_gives_equal_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dump = || {
        let options = ["--start", "2026-11-25T08:00:00Z", "--clock-rate", "0", "--seed", "demo"];
        let mut child = command(folder.path(), &[&["sim"], &options[..]].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("JSON");
        let now = post(&ready, "/advance", "{\"seconds\": 60}");
        assert_eq!(now["now"], "2026-11-25T08:01:00Z");
        let mailbox = ready["mailboxes"][0]["address"].as_str().expect("an address").to_owned();
        let dump = ask(&ready, "GET", &format!("/dump?mailbox={mailbox}"), "");
        let kill = std::process::Command::new("kill").arg(child.id().to_string()).status();
        assert!(kill.expect("kill runs").success());
        assert_eq!(child.wait().expect("it ends").code(), Some(0));
        dump
    };
    assert_eq!(dump(), dump());
}

#[cfg(unix)]
#[test]
fn a_seed_directory_says_what_it_gave() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = evensync(folder.path(), &["sim", "--seed", "dir=."]).ends(1);
    assert!(run.err.contains("0 events loaded"), "{}", run.err);
}

/// Asks the control API of the simulator.
fn post(ready: &Value, path: &str, body: &str) -> Value {
    ask(ready, "POST", path, body)
}

fn ask(ready: &Value, method: &str, path: &str, body: &str) -> Value {
    let control = ready["control"].as_str().expect("an address");
    let host = control.trim_start_matches("http://").trim_end_matches("/sim");
    let mut stream = TcpStream::connect(host).expect("it listens");
    let length = body.len();
    let request = format!(
        "{method} /sim{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: \
         {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (_, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    serde_json::from_str(body).expect("JSON")
}
