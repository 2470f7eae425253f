//! The built command, as people and programs run it.

mod calendars;
mod config;
mod files;
mod help;
mod kill;
mod questions;
mod scene;
mod show;
mod sync;

/// A file that nobody declares would never run.
#[test]
fn every_file_is_declared() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli");
    let declared = include_str!("main.rs");
    for entry in std::fs::read_dir(folder).expect("the tests' own folder") {
        let name = entry.expect("readable").file_name();
        let name = name.to_string_lossy().into_owned();
        let Some(module) = name.strip_suffix(".rs") else { continue };
        let line = format!("mod {module};");
        assert!(module == "main" || declared.contains(&line), "{module} is not declared");
    }
}
