//! `demo` and `sim`.

use crate::scene::{command, evensync};
use std::io::{BufRead, BufReader};
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
fn the_simulator_says_when_it_is_ready_and_ends_when_asked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut child = command(folder.path(), &["sim", "--mailbox", "a@contoso.example:pw"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let mut line = String::new();
    let out = child.stdout.take().expect("piped");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let keys: Vec<&String> = ready.as_object().expect("an object").keys().collect();
    let expected =
        ["authority", "client", "control", "ews", "graph", "mailboxes", "secret", "tenant"];
    assert_eq!(keys, expected);
    assert_eq!(ready["mailboxes"][0]["password"], "pw");
    let kill = std::process::Command::new("kill").arg(child.id().to_string()).status();
    assert!(kill.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}
