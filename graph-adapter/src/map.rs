//! Graph's resources, and what they are to us.

pub(crate) mod event;
pub(crate) mod time;
