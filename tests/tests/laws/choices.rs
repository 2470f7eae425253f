//! Random choices that shrink: a list of numbers, of which each choice takes the next.

use proptest::prelude::*;

/// Numbers to choose by. When they run out, every choice is the first.
#[derive(Debug, Clone)]
pub(crate) struct Choices {
    numbers: Vec<u32>,
    next: usize,
}

impl Choices {
    /// At most `length` choices.
    pub(crate) fn strategy(length: usize) -> impl Strategy<Value = Self> {
        proptest::collection::vec(any::<u32>(), 0..length)
            .prop_map(|numbers| Self { numbers, next: 0 })
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let number = self.numbers.get(self.next).copied().unwrap_or_default();
        self.next += 1;
        number % limit
    }

    /// One of `all`.
    pub(crate) fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        let limit = u32::try_from(all.len()).expect("few to choose from");
        all[usize::try_from(self.below(limit)).expect("below the length")].clone()
    }

    /// Yes or no; no, when the choices have run out.
    pub(crate) fn yes(&mut self) -> bool {
        self.below(2) == 1
    }

    /// What `make` makes, or nothing.
    pub(crate) fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.yes().then(|| make(self))
    }

    /// As many as `most` of what `make` makes.
    pub(crate) fn some<T>(&mut self, most: u32, mut make: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    /// Whether all numbers have been used.
    pub(crate) fn are_over(&self) -> bool {
        self.next >= self.numbers.len()
    }
}
