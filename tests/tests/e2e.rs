//! The whole stack in one process: real adapters on the built-in Exchange, the real driver, and a
//! real state file. Time is the server's virtual clock; nothing sleeps.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test may care about one variant only")]

mod attachments;
mod bad;
mod calendars;
mod chaos;
mod clock;
mod elements;
mod judge;
mod ledger;
mod look;
mod meetings;
mod occurrences;
mod people;
mod place;
mod random;
mod roundtrip;
mod scenarios;
mod series;
mod stage;
mod sweep;
