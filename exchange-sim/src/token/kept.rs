//! What was given out, by its secret.

use std::collections::{BTreeMap, VecDeque};

/// Entries kept; beyond them the oldest is forgotten.
const KEPT_MAX: usize = 20_000;

/// A bounded table of what clients were given.
#[derive(Debug)]
pub(super) struct Kept<T> {
    entries: BTreeMap<String, T>,
    order: VecDeque<String>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<T> Kept<T> {
    pub(super) fn insert(&mut self, key: String, entry: T) {
        self.order.push_back(key.clone());
        self.entries.insert(key, entry);
        if self.order.len() > KEPT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&T> {
        self.entries.get(key)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut T> {
        self.entries.get_mut(key)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.values_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut kept = Kept::default();
        for number in 0..=KEPT_MAX {
            kept.insert(number.to_string(), number);
        }
        assert_eq!(kept.get("0"), None);
        assert_eq!(kept.get("1"), Some(&1));
        assert_eq!(kept.entries.len(), KEPT_MAX);
    }
}
