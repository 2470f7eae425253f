//! What is asked afterwards: status, log, explain, conflicts, state, replay, bundle.

use crate::scene::{ANNA, BEN, Scene, evensync};
use serde_json::json;

/// Both sides gave one event another place, under `settings`.
fn disputed(settings: &str) -> Scene {
    let scene = Scene::new(settings);
    scene.create(ANNA, "Budget meeting");
    scene.create(ANNA, "Budget review");
    scene.run(&["sync"]).ends(0);
    scene.place(ANNA, "Budget meeting", "Room 1");
    scene.place(BEN, "Budget meeting", "Room 2");
    scene
}

fn places(scene: &Scene) -> [Vec<String>; 2] {
    [ANNA, BEN].map(|address| {
        let events = scene.events(address).into_iter();
        events.filter(|(subject, _)| subject == "Budget meeting").map(|(_, place)| place).collect()
    })
}

#[test]
fn a_held_conflict_waits_for_a_person_and_is_carried_out() {
    let scene = disputed("conflicts = 'hold'");
    scene.run(&["sync"]).ends(2);
    assert_eq!(places(&scene), [["Room 1"], ["Room 2"]]);
    let list = scene.run(&["conflicts", "list", "--json"]).ends(0).json();
    let conflict = &list["conflicts"][0];
    assert_eq!(conflict["state"], "open");
    assert_eq!((&conflict["a"], &conflict["b"]), (&json!("Room 1"), &json!("Room 2")));
    assert_eq!((&conflict["kind"], &conflict["field"]), (&json!("edit"), &json!("location")));
    let id = conflict["id"].as_str().expect("an id");
    let shown = scene.run(&["conflicts", "show", id]).ends(0).out;
    assert!(shown.contains("--- a\nRoom 1\n--- b\nRoom 2\n"), "{shown}");
    let told = scene.run(&["conflicts", "resolve", id, "--prefer", "b"]).ends(0).out;
    assert!(told.contains("`evensync sync one` carries it out"), "{told}");
    assert_eq!(places(&scene), [["Room 1"], ["Room 2"]]);
    scene.run(&["sync"]).ends(0);
    assert_eq!(places(&scene), [["Room 2"], ["Room 2"]]);
    scene.run(&["conflicts", "resolve", id, "--prefer", "a"]).ends(1);
    scene.run(&["conflicts", "resolve", "c9999", "--prefer", "a"]).ends(1);
    scene.run(&["replay"]).ends(0);
}

#[test]
fn both_sides_of_a_conflict_can_live_on() {
    let scene = disputed("conflicts = 'hold'");
    scene.run(&["sync"]).ends(2);
    let list = scene.run(&["conflicts", "list", "--json"]).ends(0).json();
    let id = list["conflicts"][0]["id"].as_str().expect("an id").to_owned();
    scene.run(&["conflicts", "resolve", &id, "--prefer", "both"]).ends(0);
    scene.run(&["sync"]).ends(0);
    assert_eq!(places(&scene), [["Room 1", "Room 2"], ["Room 1", "Room 2"]]);
    scene.run(&["sync"]).ends(0);
    scene.run(&["replay"]).ends(0);
}

#[test]
fn the_newest_edit_can_win() {
    let scene = disputed("conflicts = 'hold'");
    scene.run(&["sync"]).ends(2);
    let list = scene.run(&["conflicts", "list", "--json"]).ends(0).json();
    let id = list["conflicts"][0]["id"].as_str().expect("an id").to_owned();
    scene.run(&["conflicts", "resolve", &id, "--prefer", "newest"]).ends(0);
    scene.run(&["sync"]).ends(0);
    assert_eq!(places(&scene), [["Room 2"], ["Room 2"]]);
}

#[test]
fn an_item_s_past_can_be_asked_for_by_its_subject_or_its_link() {
    let scene = disputed("");
    scene.run(&["sync"]).ends(0);
    let log = scene.run(&["log", "budget meeting"]).ends(0).out;
    assert!(log.contains("decided to create it in b from a"), "{log}");
    let explained = scene.run(&["explain", "budget meeting", "--json"]).ends(0).json();
    let link = explained["link"].as_str().expect("a link").to_owned();
    let decisions = explained["decisions"].as_array().expect("a list");
    let conflict = decisions.iter().find(|d| d["kind"] == "conflicted").expect("a conflict");
    assert_eq!(
        conflict["standings"],
        json!(["a: changed since: location", "b: changed since: location"])
    );
    assert_eq!(conflict["values"][0], "a held “Room 1”");
    scene.run(&["log", &link]).ends(0);
    let several = scene.run(&["log", "budget"]).ends(64);
    assert!(several.err.contains("`budget` matches 2 items"), "{}", several.err);
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    let whole = scene.run(&["log", "BUDGET"]).ends(0).out;
    assert!(whole.starts_with("“Budget”"), "{whole}");
    scene.run(&["log", "nothing like this"]).ends(1);
    let runs = scene.run(&["log", "--json"]).ends(0).json();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(3));
}

#[test]
fn status_says_how_a_pair_stands() {
    let scene = Scene::new("");
    scene.run(&["status"]).ends(1);
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    let status = scene.run(&["status", "--json"]).ends(0).json();
    let pair = &status["pairs"][0];
    assert_eq!((&pair["links"], &pair["in_step"]), (&json!(1), &json!(1)));
    assert_eq!(pair["last_run"]["exit"], 0);
    assert_eq!(pair["cursors"].as_array().map(Vec::len), Some(2));
    let text = scene.run(&["status"]).ends(0).out;
    assert!(text.contains("1 item, 1 of them on both sides"), "{text}");
}

#[test]
fn the_state_can_be_seen_as_it_was_and_held_against_the_journal() {
    let scene = Scene::new("");
    scene.create(ANNA, "Budget");
    scene.run(&["sync"]).ends(0);
    let before = scene.run(&["state", "--at", "1", "--json"]).ends(0).json();
    assert_eq!(before["pairs"][0]["links"], json!([]));
    let beyond = scene.run(&["state", "--at", "999", "--json"]).ends(64);
    assert!(beyond.err.contains("no entry 999 yet; its last is "), "{}", beyond.err);
    let last = beyond.err.trim().rsplit(' ').next().expect("a number").to_owned();
    let now = scene.run(&["state", "--at", &last, "--json"]).ends(0).json();
    assert_eq!(now["pairs"][0]["links"][0]["subject"], "Budget");
    assert_eq!(now["pairs"][0]["links"][0]["standing"], "in step");
    scene.run(&["state", "--at", &last]).ends(0);
    scene.run(&["state", "verify"]).ends(0);
    scene.run(&["state", "verify", "--rebuild"]).ends(0);
}

#[test]
fn a_bundle_names_nothing_and_replays_in_an_empty_folder() {
    let scene = disputed("");
    scene.run(&["sync"]).ends(0);
    scene.run(&["bundle", "--redact", "-o", "shared.jsonl"]).ends(0);
    let text = std::fs::read_to_string(scene.path("shared.jsonl")).expect("written");
    for word in ["Budget", "Room", "contoso", "anna", "\"one\"", "DwAA"] {
        assert!(!text.contains(word), "the bundle holds {word}");
    }
    let elsewhere = tempfile::tempdir().expect("a temporary folder");
    std::fs::copy(scene.path("shared.jsonl"), elsewhere.path().join("b.jsonl")).expect("copied");
    let replay = evensync(elsewhere.path(), &["replay", "b.jsonl", "--json"]).ends(0).json();
    let here = scene.run(&["replay", "--json"]).ends(0).json();
    assert_eq!(replay, here);
    assert!(replay["decisions"].as_u64() > Some(4), "{replay}");

    let piped = scene.run(&["bundle", "--redact", "-o", "-"]).ends(0);
    assert_eq!(piped.out.lines().count(), text.lines().count());
    assert!(piped.out.starts_with("{\"evensync-bundle\":1,"), "{}", piped.out);
    assert!(piped.err.contains("no content, no names"), "{}", piped.err);

    let cut: String = text.lines().take(9).flat_map(|line| [line, "\n"]).collect();
    std::fs::write(elsewhere.path().join("cut.jsonl"), cut).expect("writable");
    let ran = evensync(elsewhere.path(), &["replay", "cut.jsonl"]).ends(1);
    assert!(ran.err.contains("cut short"), "{}", ran.err);
}

#[test]
fn a_replay_shows_a_decision_that_comes_out_differently() {
    let scene = disputed("");
    scene.run(&["sync"]).ends(0);
    scene.run(&["bundle", "--redact", "-o", "b.jsonl"]).ends(0);
    let text = std::fs::read_to_string(scene.path("b.jsonl")).expect("written");
    let changed = text.replace("\"rule\":{\"prefer\":\"a\"}", "\"rule\":\"newest\"");
    assert_ne!(text, changed);
    std::fs::write(scene.path("b.jsonl"), changed).expect("writable");
    let ran = scene.run(&["replay", "b.jsonl"]).ends(1);
    assert!(ran.out.contains("- recorded conflicted"), "{}", ran.out);
    assert!(ran.out.contains("+ derived"), "{}", ran.out);
}

#[test]
fn one_run_can_be_replayed() {
    let scene = disputed("");
    scene.run(&["sync"]).ends(0);
    let runs = scene.run(&["log", "--json"]).ends(0).json();
    let last = runs["runs"][1]["run"].as_str().expect("a name").to_owned();
    let replay = scene.run(&["replay", &last, "--json"]).ends(0).json();
    assert!(replay["decisions"].as_u64() >= Some(2), "{replay}");
    scene.run(&["replay", "no-such-run"]).ends(1);
}
