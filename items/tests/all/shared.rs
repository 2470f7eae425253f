//! Captured server data, which lies outside of this repository.

use std::path::PathBuf;

/// A file or directory of the captured data. Where it is absent, a test that needs it says so and
/// does nothing; with `CI=true` it fails.
pub fn path(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/exchange"));
    let path = path.join(name);
    if path.exists() {
        return Some(path);
    }
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no {}", path.display());
    println!("skipped: no {}", path.display());
    None
}
