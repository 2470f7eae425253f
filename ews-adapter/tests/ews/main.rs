//! The adapter against scripted answers, captured traffic, hostile input and the published schema.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test names what it expects")]

mod adversarial;
mod attachments;
mod calendars;
mod capture;
mod exceptions;
mod late;
mod limits;
mod people;
mod probe;
mod pull;
mod request;
mod script;
mod series;
mod sim;
mod transport;
mod write;

#[test]
fn every_file_here_is_a_module() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ews");
    let main = std::fs::read_to_string(dir.join("main.rs")).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(module == "main" || main.contains(&format!("mod {module};")), "{name}");
    }
}
