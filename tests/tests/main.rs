//! What holds for the workspace as a whole: its laws, its shape and its simulation.

mod e2e;
mod laws;
mod purity;
mod simulation;
mod style;
mod table;

use std::fs;
use std::path::{Path, PathBuf};

/// Where this test binary's files lie.
const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// The directory of the workspace.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace")
}

/// The files below `directory` for which `wanted` holds, in the order of their names. Build output
/// and hidden directories are left out.
fn files_below(directory: &Path, wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut waiting = vec![directory.to_owned()];
    while let Some(directory) = waiting.pop() {
        let entries = fs::read_dir(&directory).expect("the workspace is readable");
        for path in entries.map(|entry| entry.expect("the workspace is readable").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let skipped = name.starts_with('.') || name == "target";
            if path.is_dir() && !skipped {
                waiting.push(path);
            } else if path.is_file() && wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn no_file_is_forgotten() {
    let tests = Path::new(TESTS);
    let forgotten: Vec<PathBuf> = files_below(tests, &is_rust)
        .into_iter()
        .filter(|path| {
            let parent = path.parent().expect("a file lies in a directory");
            let declaring =
                if parent == tests { tests.join("main.rs") } else { parent.with_extension("rs") };
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let declaration = format!("mod {name};");
            *path != tests.join("main.rs")
                && !read(&declaring).lines().any(|line| line.trim() == declaration)
        })
        .collect();
    assert!(forgotten.is_empty(), "no `mod` line names these files: {forgotten:#?}");
}
