//! The store on real files.

mod calendars;
mod conformance;
mod files;
mod import;
mod replica;
mod state;

use std::path::PathBuf;
use tempfile::TempDir;

/// A file in a folder of its own, which goes when the test ends.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("the system has room for temporary files") }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("file.db")
    }
}
