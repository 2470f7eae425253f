//! How much a mailbox or a user may have under way at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts by name what is under way.
#[derive(Debug, Default)]
pub(crate) struct Slots(Mutex<BTreeMap<String, usize>>);

impl Slots {
    /// Takes up to `wanted` of the slots that `max` leaves to `name`.
    pub(crate) fn take(self: &Arc<Self>, name: String, wanted: usize, max: usize) -> Taken {
        let mut under_way = lock(&self.0);
        let taken = under_way.entry(name.clone()).or_default();
        let count = wanted.min(max.saturating_sub(*taken));
        *taken += count;
        Taken { slots: Arc::clone(self), name, count }
    }
}

/// Slots, given back when dropped.
#[derive(Debug)]
pub(crate) struct Taken {
    slots: Arc<Slots>,
    name: String,
    /// How many.
    pub(crate) count: usize,
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut under_way = lock(&self.slots.0);
        if let Some(taken) = under_way.get_mut(&self.name) {
            *taken = taken.saturating_sub(self.count);
            if *taken == 0 {
                under_way.remove(&self.name);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
