//! The adapter against scripted answers, Microsoft's examples and the built-in Exchange.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod calendars;
mod examples;
mod faults;
mod files;
mod judge;
mod late;
mod masters;
mod odd;
mod pace;
mod people;
mod random;
mod requests;
mod script;
mod series;
mod sim;
