//! The tests of this crate, as one program.

mod bodies;
mod clocks;
mod digests;
mod events;
mod ical;
mod imports;
mod notes;
mod people;
mod producers;
mod series;
mod shared;
mod zones;
