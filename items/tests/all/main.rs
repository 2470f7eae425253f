//! The tests of this crate, as one program.

mod bodies;
mod digests;
mod events;
mod ical;
mod shared;
mod zones;
