//! Calendar items as events, and events as calendar items.

pub(crate) mod attachment;
pub(crate) mod draft;
pub(crate) mod event;
pub(crate) mod people;
pub(crate) mod recurrence;
pub(crate) mod series;
pub(crate) mod time;
pub(crate) mod zone;
