//! Decides what a synchronisation does. Pure: facts come in, decisions go out.
//!
//! All that the engine knows is the fold of an append-only [`journal`] of facts; all that it does
//! is a pure function of that fold. It sees digests, never content. Nothing here does I/O, reads a
//! clock or draws randomness, and it depends on nothing that does: a test reads `cargo metadata`
//! and says so.

pub mod conformance;
pub mod engine;
pub mod explain;
pub mod guard;
pub mod identify;
pub mod ids;
pub mod journal;
pub mod memory;
pub mod merge;
pub mod pace;
pub mod plan;
pub mod policy;
pub mod port;
pub mod replay;
pub mod state;
pub mod value;
