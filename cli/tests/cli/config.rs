//! What is wrong with a configuration, one sentence each.

use crate::scene::{Scene, evensync};

const HEAD: &str = r#"
[endpoint.office]
kind = "ews"
url = "https://mail.contoso.example/EWS/Exchange.asmx"
auth = { kind = "basic", user = 'CONTOSO\sync', password = { env = "NOT_SET" } }
[endpoint.here]
kind = "local"
path = "here.db"
[pair.one]
a = { endpoint = "office", mailbox = "anna@contoso.example" }
b = { endpoint = "here", mailbox = "anna" }
"#;

/// Runs `sync` with a changed or extended configuration; nothing may be left behind.
fn refused(toml: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("evensync.toml"), toml).expect("writable");
    let ran = evensync(folder.path(), &["sync"]).ends(78);
    assert_eq!(ran.out, "");
    ran.err
}

#[test]
fn each_slip_has_its_sentence() {
    let with = |line: &str| format!("{HEAD}{line}\n");
    let instead = |old: &str, new: &str| {
        assert!(HEAD.contains(old), "{old}");
        HEAD.replace(old, new)
    };
    for (toml, sentence) in [
        (with("calender = []"), "unknown key `calender` in [pair.one]; did you mean `calendars`?"),
        (with("calendars = true"), "pair.one.calendars: write \"all\" for all calendars"),
        (with("calendars = false"), "nothing is kept the same"),
        (with("calendars = 'every'"), "neither \"all\" nor a list"),
        (
            with("mail = ['Inbox']"),
            "pair.one.mail: this version keeps calendars the same, not yet mail",
        ),
        (with("attendees = 'wrote'"), "did you mean `write`?"),
        (with("direction = 'a-to-c'"), "did you mean `a-to-b`?"),
        (with("conflicts = 'prefer-c'"), "pair.one.conflicts: there is no rule `prefer-c`"),
        (
            with("conflicts = { bodi = 'hold' }"),
            "no event has a field `bodi`; did you mean `body`?",
        ),
        (with("window = { past = '2 years', future = '1y' }"), "pair.one.window.past"),
        (with("max-delete = 'many'"), "pair.one.max-delete"),
        (
            instead("\"basic\"", "\"ntlm\""),
            "signs in to EWS with \"basic\" only, not yet with \"ntlm\"",
        ),
        (instead("{ env = \"NOT_SET\" }", "\"hunter2\""), "a secret is given only by reference"),
        (instead("https://mail", "http://mail"), "would send secrets and calendars in the clear"),
        (instead("url =", "autodiscover = true #"), "can't find the address by itself"),
        (instead("\"office\", mailbox", "\"offise\", mailbox"), "did you mean `office`?"),
        (instead("path = \"here.db\"", ""), "endpoint.here.path: is missing"),
        (
            instead("path = \"here.db\"", "path = \"here.db\"\nurl = \"x\""),
            "means nothing for kind",
        ),
        (instead("https://mail", "https://sync:hunter2@mail"), "holds no user and no password"),
        (
            instead("path = \"here.db\"", "authority = \"https://hunter2@login.example\""),
            "endpoint.here.authority: an address holds no user",
        ),
        ("state = 'postgres://sync:hunter2@db/x'".to_owned() + HEAD, "state: an address holds no"),
        ("state = 'postgres://x'".to_owned() + HEAD, "a SQLite file only"),
        ("state = ".to_owned(), "line 1"),
        (String::new(), "configures no pair"),
        (HEAD.to_owned(), "the environment variable NOT_SET is not set"),
    ] {
        let said = refused(&toml);
        assert!(said.contains(sentence), "expected {sentence:?} in:\n{said}");
        assert!(!said.contains("hunter2"), "a secret was repeated:\n{said}");
    }
}

#[test]
fn several_problems_are_told_at_once() {
    let said = refused(&format!("{HEAD}mail = 'all'\nmax-delete = 'x'\n"));
    assert!(said.contains("pair.one.mail") && said.contains("pair.one.max-delete"), "{said}");
}

#[test]
fn a_missing_configuration_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ran = evensync(folder.path(), &["status"]).ends(78);
    assert!(ran.err.contains("there is no configuration evensync.toml"), "{}", ran.err);
    let result = evensync(folder.path(), &["--config", "x.toml", "config", "check"]).ends(78);
    assert!(result.err.contains("x.toml"), "{}", result.err);
}

#[test]
fn check_knows_what_only_other_commands_would_use() {
    let scene = Scene::new("every = '5m'");
    let ran = scene.run(&["config", "check"]).ends(78);
    assert!(ran.out.contains("pair.one.every: this version has no `watch`"), "{}", ran.out);
    let scene = Scene::new("window = { past = '2y', future = '5y' }");
    let ran = scene.run(&["config", "check"]).ends(0);
    assert_eq!(ran.out, "evensync.toml is in order: 3 endpoints, 1 pair.\n");
    assert_eq!(
        scene.run(&["config", "check", "--json"]).ends(0).json()["problems"],
        serde_json::json!([])
    );
}

#[test]
fn a_configuration_without_pairs_is_not_in_order() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("evensync.toml"), "").expect("writable");
    let ran = evensync(folder.path(), &["config", "check"]).ends(78);
    assert!(ran.out.contains("configures no pair, so there is nothing to do"), "{}", ran.out);
}

#[test]
fn an_address_with_a_password_is_not_shown() {
    let scene = Scene::new("");
    scene.reconfigure("url = \"http://", "url = \"http://anna:hunter2@");
    for arguments in [&["config", "show"][..], &["config", "show", "--json"], &["config", "check"]]
    {
        let ran = scene.run(arguments).ends(78);
        assert!(ran.err.contains("endpoint.cloud.url: an address holds no user"), "{}", ran.err);
        assert!(!ran.out.contains("hunter2") && !ran.err.contains("hunter2"), "{ran:?}");
    }
}

#[test]
fn show_fills_in_and_can_be_read_again() {
    let scene = Scene::new("");
    let shown = scene.run(&["config", "show"]).ends(0).out;
    for line in ["max-delete = \"10% or 10\"", "direction = \"two-way\"", "mail = false"] {
        assert!(shown.contains(line), "{line} is not in:\n{shown}");
    }
    std::fs::write(scene.path("again.toml"), &shown).expect("writable");
    let again = scene.run(&["--config", "again.toml", "config", "show"]).ends(0).out;
    assert_eq!(again, shown);
}

#[test]
fn the_schema_describes_every_key() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let schema = evensync(folder.path(), &["config", "schema"]).ends(0).json();
    let text = schema.to_string();
    for key in [
        "state",
        "endpoint",
        "pair",
        "migrate",
        "kind",
        "url",
        "autodiscover",
        "auth",
        "authority",
        "impersonate",
        "path",
        "calendars",
        "mail",
        "direction",
        "conflicts",
        "window",
        "attendees",
        "max-delete",
        "schedule",
        "every",
        "systemd-credential",
        "keyring",
        "template",
    ] {
        assert!(text.contains(&format!("\"{key}\"")), "{key} is not in the schema");
    }
}
