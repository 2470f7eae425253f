//! Bugs that are planted on purpose, each at the engine's boundary: a simulation that doesn't catch
//! them proves nothing.

use std::fmt;

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// Writes are sent before their intents are durable.
    NoIntentLog,
    /// Writes in doubt are taken for lost.
    NoProbe,
    /// Nobody waits for requests that are still under way.
    NoGrace,
    /// Writes in doubt are judged by what the copy holds.
    ValueGuess,
    /// After recovery the merge base is what was found.
    FoundAsBase,
    /// The cursor is saved before its page.
    CursorFirst,
    /// Writes don't depend on the version.
    NoIfMatch,
    /// A stream's word is taken for a deletion, without a read.
    HintIsGone,
    /// What is fixed in a copy is written all the same.
    NothingFixed,
    /// What a set loses isn't recorded.
    NothingKept,
}

impl Planted {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::NoIntentLog,
        Self::NoProbe,
        Self::NoGrace,
        Self::ValueGuess,
        Self::FoundAsBase,
        Self::CursorFirst,
        Self::NoIfMatch,
        Self::HintIsGone,
        Self::NothingFixed,
        Self::NothingKept,
    ];
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
