//! Graph's resources, and what they are to us.

pub(crate) mod event;
pub(crate) mod location;
pub(crate) mod people;
pub(crate) mod recurrence;
pub(crate) mod series;
pub(crate) mod time;
