//! What evensync keeps on this machine: the state file (journal, projections, blobs, lock) behind
//! [`sync_core::port::Store`] and [`sync_core::port::Files`], and the local replica behind [`sync_core::port::Remote`]; each is one
//! SQLite file.

pub mod file;
mod files;
pub mod replica;
pub mod state;

pub use files::SqliteFiles;
pub use replica::{LocalEvent, LocalReplica, Put};
pub use state::{Generation, Holder, SqliteStore};
