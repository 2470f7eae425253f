//! What evensync keeps on this machine: the state file (journal, projections, blobs, lock) behind
//! [`sync_core::port::Store`], and the local replica behind [`sync_core::port::Remote`]; each is one
//! SQLite file.

pub mod file;
pub mod replica;
pub mod state;

pub use replica::{LocalEvent, LocalReplica, Put};
pub use state::{Generation, Holder, SqliteStore};
