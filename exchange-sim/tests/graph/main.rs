//! The Graph face, driven with requests as Microsoft documents them.

mod attachments;
mod clients;
mod control;
mod documented;
mod errors;
mod events;
mod export;
mod faces;
mod folders;
mod harness;
mod hidden;
mod lists;
mod mail;
mod meetings;
mod message_delta;
mod mime;
mod openapi;
mod paths;
mod read_only;
mod schedule;
mod series;
mod service;
mod settings;
mod subscriptions;
