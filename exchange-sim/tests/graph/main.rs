//! The Graph face, driven with requests as Microsoft documents them.

mod clients;
mod documented;
mod events;
mod faces;
mod harness;
mod lists;
mod mail;
mod service;
mod settings;
