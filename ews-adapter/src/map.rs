//! Calendar items as events, and events as calendar items.

pub(crate) mod draft;
pub(crate) mod event;
pub(crate) mod time;
