//! The tests of this crate, as one program.

mod bodies;
mod digests;
mod events;
mod ical;
mod imports;
mod notes;
mod producers;
mod series;
mod shared;
mod zones;
