//! The Graph face, driven with requests as Microsoft documents them.

mod attachments;
mod clients;
mod documented;
mod errors;
mod events;
mod export;
mod faces;
mod harness;
mod hidden;
mod lists;
mod mail;
mod meetings;
mod mime;
mod openapi;
mod schedule;
mod series;
mod service;
mod settings;
mod subscriptions;
