//! `sync` and `apply` against a server, and how each thing that can go wrong ends.

use crate::scene::{ANNA, BEN, Scene, command, evensync};
use std::process::Stdio;
use std::time::{Duration, Instant};
use store_sqlite::{Holder, SqliteStore};

#[test]
fn both_sides_become_the_same_and_stay_so() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    scene.create(BEN, "Review");
    let first = scene.run(&["sync", "--json"]).ends(0).json();
    assert_eq!(first["pairs"][0]["a"]["created"], 1);
    assert_eq!(first["pairs"][0]["b"]["created"], 1);
    assert_eq!(scene.events(ANNA), scene.events(BEN));
    let again = scene.run(&["sync", "one"]).ends(0);
    assert!(again.out.contains("Nothing to write: both sides are the same."), "{}", again.out);
    assert!(scene.sim.with(|world| world.sent.is_empty()));
}

#[test]
fn the_result_has_the_promised_shape() {
    let scene = Scene::new("");
    let result = scene.run(&["sync", "--json"]).ends(0).json();
    let keys = |value: &serde_json::Value| -> Vec<String> {
        value.as_object().expect("an object").keys().cloned().collect()
    };
    assert_eq!(keys(&result), ["dry_run", "elapsed_ms", "exit", "pairs", "run", "version"]);
    let pair = &result["pairs"][0];
    assert_eq!(keys(pair), ["a", "b", "conflicts", "exit", "held", "pair", "skipped"]);
    let side = [
        "bytes_in",
        "bytes_out",
        "created",
        "deleted",
        "requests",
        "throttled_ms",
        "unchanged",
        "updated",
    ];
    assert_eq!(keys(&pair["a"]), side);
    assert_eq!(keys(&pair["b"]), side);
    assert_eq!((&result["version"], &result["dry_run"]), (&1.into(), &false.into()));
}

#[test]
fn events_are_told_as_they_happen() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    let ran = scene.run(&["sync", "--events"]).ends(0);
    let lines: Vec<serde_json::Value> =
        ran.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(lines.iter().any(|l| l["event"] == "pulled" && l["side"] == "a" && l["pair"] == "one"));
    assert!(lines.iter().any(|l| l["event"] == "wrote" && l["side"] == "b"));
    assert_eq!(lines.last().expect("the result")["version"], 1);
}

#[test]
fn a_dry_run_writes_nothing_and_shows_the_plan() {
    let scene = Scene::new("");
    scene.create(ANNA, "Quarterly review");
    let ran = scene.run(&["sync", "--dry-run"]).ends(0);
    let line = "create in b  Quarterly review  2026-11-26 08:00–09:00 UTC";
    assert!(ran.out.contains(line), "{}", ran.out);
    assert_eq!(scene.events(BEN), []);
}

#[test]
fn a_plan_is_carried_out_unless_something_came_between() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    scene.run(&["sync", "--plan-out", "plan.json"]).ends(0);
    scene.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(scene.events(BEN).len(), 1);
    let late = scene.run(&["apply", "plan.json", "--json"]).ends(1);
    assert!(late.err.contains("Nothing was written"), "{}", late.err);
    assert_eq!(late.json()["exit"], 1);
    scene.run_with(&["sync", "--plan-out", "bad.json"], &[("CLOUD_SECRET", "wrong")]).ends(77);
    assert!(!scene.path("bad.json").exists());
    let ran = scene.run(&["sync", "--plan-out", "none/plan.json", "--json"]).ends(1);
    assert!(ran.json()["pairs"][0]["error"].is_string(), "{}", ran.out);
    std::fs::write(scene.path("no.json"), "{}").expect("writable");
    scene.run(&["apply", "no.json"]).ends(1);
    scene.run(&["apply", "none.json"]).ends(1);
}

#[test]
fn a_plan_holds_for_its_rules_only() {
    let scene = Scene::new("conflicts = 'prefer-a'");
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    scene.place(ANNA, "Budget", "Room 1");
    scene.place(BEN, "Budget", "Room 2");
    scene.run(&["sync", "--plan-out", "plan.json"]).ends(0);
    scene.reconfigure("'prefer-a'", "'prefer-b'");
    let ran = scene.run(&["apply", "plan.json", "--json"]).ends(1);
    assert!(ran.err.contains("made for another configuration"), "{}", ran.err);
    let error = ran.json()["pairs"][0]["error"].as_str().map(str::to_owned);
    assert!(error.is_some_and(|error| error.contains("nothing was written")), "{}", ran.out);
    let places = [ANNA, BEN].map(|address| scene.events(address)[0].1.clone());
    assert_eq!(places, ["Room 1", "Room 2"]);
    scene.reconfigure("'prefer-b'", "'prefer-a'");
    scene.run(&["apply", "plan.json"]).ends(0);
    assert_eq!(scene.events(BEN)[0].1, "Room 1");
}

#[test]
fn a_plan_sends_nothing_that_is_not_in_it() {
    let scene = Scene::new("");
    ["Budget", "Review", "Standup"].iter().for_each(|subject| scene.create(ANNA, subject));
    scene.run(&["sync"]).ends(0);
    scene.place(ANNA, "Budget", "Room 1");
    scene.run(&["sync", "--plan-out", "plan.json"]).ends(0);
    scene.delete(ANNA, "Review");
    let result = scene.run(&["apply", "plan.json", "--json"]).ends(0).json();
    let b = &result["pairs"][0]["b"];
    assert_eq!((&b["updated"], &b["deleted"]), (&1.into(), &0.into()), "{result}");
    assert_eq!(scene.events(BEN).len(), 3);
    let after = scene.run(&["sync", "--json"]).ends(0).json();
    assert_eq!(after["pairs"][0]["b"]["deleted"], 1);
}

#[test]
fn pairs_that_share_a_mailbox_keep_their_own_stamps() {
    let two = "[pair.two]\na = { endpoint = 'office', mailbox = 'anna@contoso.example' }\nb = { endpoint = 'cloud', mailbox = 'ben@contoso.example' }";
    let scene = Scene::new(two);
    scene.create(ANNA, "Budget");
    scene.run(&["sync", "one"]).ends(0);
    scene.place(ANNA, "Budget", "Room 1");
    scene.run(&["sync", "two"]).ends(0);
    let stamps = scene.sim.with(|world| {
        let mailbox = world.mailbox(BEN).expect("a mailbox of the scene");
        let names = mailbox.items().flat_map(|item| item.content.properties.keys());
        let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
        let stamp = |name: &String| name.contains("evensync-") && !name.contains("evensync-uid");
        names.into_iter().filter(stamp).collect::<Vec<_>>()
    });
    assert_eq!(stamps.len(), 2, "{stamps:?}");
}

#[test]
fn what_stays_different_is_not_called_the_same() {
    let scene = Scene::new("conflicts = 'hold'");
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    scene.place(ANNA, "Budget", "Room 1");
    scene.place(BEN, "Budget", "Room 2");
    for arguments in [&["sync"][..], &["sync"], &["sync", "--dry-run"]] {
        let ran = scene.run(arguments).ends(2);
        let sentence = "Nothing to write. 1 item stays as it is: 1 waiting for a decision.";
        assert!(ran.out.contains(sentence), "{}", ran.out);
        assert!(!ran.out.contains("are the same"), "{}", ran.out);
    }
    let scene = Scene::new("direction = 'a-to-b'");
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    scene.delete(BEN, "Budget");
    let ran = scene.run(&["sync"]).ends(0);
    let sentence = "Nothing to write. 1 item stays as it is: 1 set aside.";
    assert!(ran.out.contains(sentence), "{}", ran.out);
}

#[test]
fn a_program_gets_one_object_wherever_it_ends() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = |arguments: &[&str]| evensync(folder.path(), arguments);
    for arguments in [
        &["sync", "--json"][..],
        &["sync", "--events"],
        &["apply", "plan.json", "--json"],
        &["status", "--json"],
        &["conflicts", "list", "--json"],
        &["state", "verify", "--json"],
        &["config", "check", "--json"],
    ] {
        let result = run(arguments).ends(78).json();
        assert_eq!((&result["version"], &result["exit"]), (&1.into(), &78.into()), "{result}");
        let error = result["error"].as_str().unwrap_or_default();
        assert!(error.contains("there is no configuration"), "{result}");
    }
    std::fs::write(folder.path().join("evensync.toml"), "state = 3").expect("writable");
    let result = run(&["sync", "--dry-run", "--json"]).ends(78).json();
    assert_eq!((&result["dry_run"], &result["pairs"]), (&true.into(), &serde_json::json!([])));
    assert!(result["error"].is_string(), "{result}");
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_can_t_be_written_is_a_failure() {
    let scene = Scene::new("");
    for arguments in [&["sync", "--json"][..], &["status"], &["--help"], &["config", "schema"]] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = command(scene.folder.path(), arguments).stdout(full).output().expect("runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("the output can't be written (No space left"), "{err}");
    }
    scene.run(&["log"]).ends(0);
}

#[test]
fn an_emptied_state_file_is_said_to_be_empty() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    std::fs::write(scene.path("state.db"), "").expect("writable");
    for leftover in ["state.db-wal", "state.db-shm"] {
        let _ = std::fs::remove_file(scene.path(leftover));
    }
    let ran = scene.run(&["sync"]).ends(0);
    assert!(ran.err.contains("state.db is empty; a new journal begins in it"), "{}", ran.err);
    assert_eq!(scene.events(BEN).len(), 1);
    assert_eq!(scene.run(&["sync"]).ends(0).err, "");
}

#[test]
fn an_emptied_side_stops_the_run_until_someone_agrees() {
    let scene = Scene::new("");
    (0..12).for_each(|n| scene.create(ANNA, &format!("Event {n}")));
    scene.run(&["sync"]).ends(0);
    scene.empty(ANNA);
    let held = scene.run(&["sync", "--json"]).ends(3).json();
    assert_eq!(held["pairs"][0]["held"]["command"], "evensync sync one --force-delete 12");
    assert_eq!(held["pairs"][0]["held"]["reason"], "emptied");
    assert_eq!(scene.events(BEN).len(), 12);
    let told = scene.run(&["sync", "--force-delete", "11"]).ends(3);
    assert!(told.out.contains("\n    evensync sync one --force-delete 12\n"), "{}", told.out);
    assert!(told.out.contains("`evensync sync one --dry-run`"), "{}", told.out);
    std::fs::copy(scene.path("evensync.toml"), scene.path("other.toml")).expect("writable");
    let told = scene.run(&["sync", "--config", "other.toml"]).ends(3);
    assert!(told.out.contains("`evensync sync one --dry-run --config other.toml`"), "{}", told.out);
    scene.run(&["sync", "one", "--force-delete", "12"]).ends(0);
    assert_eq!(scene.events(BEN), []);
}

#[test]
fn another_mailbox_is_not_taken_for_a_deletion() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    scene.create(ANNA, "Review");
    scene.run(&["sync"]).ends(0);
    let other = "b = { endpoint = \"here\", mailbox = \"someone\" }";
    let ben = format!("b = {{ endpoint = \"cloud\", mailbox = \"{BEN}\" }}");
    scene.reconfigure(&ben, other);
    let met = scene.run(&["sync", "--json"]).ends(0).json();
    assert_eq!(met["pairs"][0]["b"]["created"], 2);
    assert_eq!((scene.events(ANNA).len(), scene.events(BEN).len()), (2, 2));
}

#[test]
fn a_local_store_is_a_side_like_any_other() {
    let scene = Scene::new(
        "[pair.local]\na = { endpoint = 'office', mailbox = 'anna@contoso.example' }\nb = { endpoint = 'here', mailbox = 'anna' }\ncalendars = 'all'",
    );
    scene.create(ANNA, "Budget");
    let result = scene.run(&["sync", "local", "--json"]).ends(0).json();
    assert_eq!(result["pairs"][0]["b"]["created"], 1);
    assert_eq!(result["pairs"][0]["b"]["requests"], 0);
    scene.run(&["sync"]).ends(0);
}

#[test]
fn wrong_credentials_end_with_77_and_name_the_fix() {
    let scene = Scene::new("");
    let ran = scene.run_with(&["sync"], &[("ANNA_PASSWORD", "wrong")]).ends(77);
    assert!(ran.err.contains("[endpoint.office]") && ran.err.contains("Nothing was written"));
    let ran = scene.run_with(&["sync", "--json"], &[("CLOUD_SECRET", "wrong")]).ends(77);
    assert!(ran.err.contains("AADSTS7000215"), "{}", ran.err);
    assert_eq!(ran.json()["pairs"][0]["exit"], 77);
    assert!(!ran.err.contains("wrong\""), "{}", ran.err);
}

#[test]
fn a_calendar_that_is_not_there_is_named_with_those_that_are() {
    let scene = Scene::new("calendars = ['Team']");
    let ran = scene.run(&["sync"]).ends(78);
    assert!(ran.err.contains("has no calendar \"Team\" (it has \"Calendar\")"), "{}", ran.err);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "how long a person waits is measured")]
fn an_unreachable_host_is_not_waited_for_long() {
    let scene = Scene::new("");
    let path = scene.path("evensync.toml");
    let text = std::fs::read_to_string(&path).expect("our file");
    // Port 1 answers nobody.
    let text: String = text
        .lines()
        .map(|line| match line.find("127.0.0.1:") {
            Some(at) => {
                let rest = &line[at + "127.0.0.1:".len()..];
                let tail = rest.find(['/', '"']).map_or("", |end| &rest[end..]);
                format!("{}127.0.0.1:1{tail}\n", &line[..at])
            }
            None => format!("{line}\n"),
        })
        .collect();
    std::fs::write(&path, text).expect("writable");
    let began = Instant::now();
    let ran = scene.run(&["sync"]).ends(1);
    assert!(began.elapsed() < Duration::from_secs(15));
    assert!(ran.err.contains("can't be reached") && ran.err.contains("Nothing was written"));
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the command looks at the real clock")]
fn a_second_run_waits_its_turn() {
    let scene = Scene::new("");
    scene.run(&["sync"]).ends(0);
    let mut store =
        SqliteStore::create_or_open(&scene.path("state.db"), &|| [1; 32]).expect("ours");
    let now = i64::try_from(
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .expect("after 1970")
            .as_millis(),
    );
    store.acquire(now.expect("in range"), &Holder::this_process(), 60_000).expect("free");
    let ran = scene.run(&["sync"]).ends(75);
    assert!(ran.err.contains("is in use by process"), "{}", ran.err);
    let locked = scene.run(&["sync", "--json"]).ends(75).json();
    assert_eq!((&locked["exit"], &locked["pairs"]), (&75.into(), &serde_json::json!([])));
    assert!(locked["error"].as_str().is_some_and(|e| e.contains("is in use by process")));
    scene.run(&["status"]).ends(0);
    drop(store);
    scene.run(&["sync"]).ends(0);
}

#[test]
fn a_state_file_that_is_none_is_left_alone() {
    let scene = Scene::new("");
    std::fs::write(scene.path("state.db"), [7; 5000]).expect("writable");
    let ran = scene.run(&["sync"]).ends(1);
    assert!(ran.err.contains("nothing was changed"), "{}", ran.err);
    assert_eq!(std::fs::read(scene.path("state.db")).expect("there"), [7; 5000]);
}

#[test]
fn a_state_file_of_a_newer_version_is_left_alone() {
    let scene = Scene::new("");
    scene.run(&["sync"]).ends(0);
    let mut bytes = std::fs::read(scene.path("state.db")).expect("there");
    // The `user_version` of SQLite's header.
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    std::fs::write(scene.path("state.db"), &bytes).expect("writable");
    let ran = scene.run(&["sync"]).ends(1);
    assert!(ran.err.contains("newer version"), "{}", ran.err);
    scene.run(&["status"]).ends(1);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_asked_to_stop_ends_with_4_and_the_next_goes_on() {
    let scene = Scene::new("");
    (0..300).for_each(|n| scene.create(ANNA, &format!("Event {n}")));
    scene.sim.with(|world| world.config.latency_ms = 150);
    let child = command(scene.folder.path(), &["sync", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command runs");
    std::thread::sleep(Duration::from_millis(700));
    let status = scene.run(&["status"]).ends(0).out;
    assert!(status.contains("(sync), running since 20"), "{status}");
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-INT", &pid]).status();
    assert!(kill.expect("kill runs").success());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    scene.sim.with(|world| world.config.latency_ms = 0);
    let status = scene.run(&["status"]).ends(0).out;
    assert!(!status.contains("running"), "{status}");
    scene.run(&["sync"]).ends(0);
    assert_eq!(scene.events(ANNA), scene.events(BEN));
}

/// Whom a run may mail is said before it writes anything, and no plan that mails nobody is carried
/// out by a configuration that would.
#[test]
fn whoever_may_be_mailed_is_said_on_every_run() {
    let scene = Scene::new("attendees = 'carry'");
    scene.create(ANNA, "Budget");
    let quiet = scene.run(&["sync", "one", "--plan-out", "plan.json"]).ends(0);
    assert!(!quiet.err.contains("mails"), "{}", quiet.err);
    let text = std::fs::read_to_string(scene.path("evensync.toml")).expect("readable");
    std::fs::write(scene.path("evensync.toml"), text.replace("'carry'", "'write'"))
        .expect("writable");
    let refused = scene.run(&["apply", "plan.json"]).ends(1);
    assert!(refused.err.contains("another configuration of this pair"), "{}", refused.err);
    assert!(scene.events(BEN).is_empty());
    for _ in 0..2 {
        let ran = scene.run(&["sync", "--json"]).ends(0);
        let warning = "Graph mails the attendees of every meeting that a run creates, changes or \
                       deletes in b (ben@contoso.example in cloud (graph))";
        assert!(ran.err.contains(warning), "{}", ran.err);
    }
    assert!(scene.sim.with(|world| world.sent.is_empty()));
    let note = Scene::new("attendees = 'note'");
    assert!(!note.run(&["sync", "one"]).ends(0).err.contains("mails"));
}
