//! The real engine on a simulated world: model replicas that rewrite, delay and forget, people who
//! act between any two steps, and a process that is killed wherever the seed says.
//!
//! One seed is one run, and the same seed gives the same journal, byte for byte.

mod check;
mod content;
mod options;
mod people;
mod planted;
mod replica;
mod rng;
mod run;
mod world;

pub use options::Options;
pub use planted::Planted;
pub use run::{Failed, Journal, Outcome, simulate, sweep};
