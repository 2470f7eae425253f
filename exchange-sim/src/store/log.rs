//! What is kept for tests to look at, within bounds.

use serde::{Serialize, Serializer};
use std::collections::{VecDeque, vec_deque};
use std::ops::Deref;

/// Lines kept; older ones are dropped.
const LINES_MAX: usize = 200_000;
/// Bytes kept, about; older lines are dropped.
const BYTES_MAX: usize = 256 * 1024 * 1024;

/// How much memory a line takes.
pub trait Weight {
    /// Bytes, about.
    fn weight(&self) -> usize;
}

/// The newest lines, oldest first.
#[derive(Debug)]
pub struct Log<T> {
    lines: VecDeque<T>,
    bytes: usize,
}

impl<T: Weight> Log<T> {
    /// Appends a line; the oldest go where there is no room for it.
    pub fn push(&mut self, line: T) {
        self.bytes += line.weight();
        self.lines.push_back(line);
        while self.lines.len() > LINES_MAX || (self.bytes > BYTES_MAX && self.lines.len() > 1) {
            let dropped = self.lines.pop_front();
            self.bytes -= dropped.map_or(0, |line| line.weight());
        }
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { lines: VecDeque::new(), bytes: 0 }
    }
}

impl<T> Deref for Log<T> {
    type Target = VecDeque<T>;

    fn deref(&self) -> &VecDeque<T> {
        &self.lines
    }
}

impl<T> IntoIterator for Log<T> {
    type Item = T;
    type IntoIter = vec_deque::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.lines.into_iter()
    }
}

impl<T: Serialize> Serialize for Log<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.lines.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Line(usize);

    impl Weight for Line {
        fn weight(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn the_oldest_go_first() {
        let mut log = Log::default();
        (0..LINES_MAX + 5).for_each(|_| log.push(Line(1)));
        assert_eq!((log.len(), log.bytes), (LINES_MAX, LINES_MAX));
        log.push(Line(BYTES_MAX - 10));
        assert_eq!((log.len(), log.bytes), (11, BYTES_MAX));
        // What is larger than all is kept alone.
        log.push(Line(BYTES_MAX + 1));
        assert_eq!(log.len(), 1);
    }
}
