//! What mailboxes hold at first.

mod demo;
mod varied;

use crate::config::Login;
use crate::seed_dir::Report;
use crate::store::rng::Rng;
use crate::store::{Mailbox, World};
use std::path::PathBuf;
use std::str::FromStr;

/// Mailboxes made where none is named.
pub const DEFAULT_MAILBOXES: [&str; 2] =
    ["anna.vogt@contoso.example", "ben.carter@contoso.example"];

/// Most items that a seed makes of one kind: far beyond what one process is meant to hold.
const COUNT_MAX: usize = 1_000_000;

/// Where the first items come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// No items.
    Empty,
    /// Some forty business events around now, German in the first mailbox, English in the second.
    Demo,
    /// So many varied items in each mailbox.
    Counts {
        /// Events in the default calendar.
        events: usize,
        /// Messages in the inbox.
        messages: usize,
    },
    /// Captured EWS responses found below a directory, loaded into the first mailbox.
    Directory(PathBuf),
}

/// Why a seed can't be loaded.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// Not of a form that is known.
    #[error("unknown seed '{0}': expected empty, demo, dir=PATH or events=N,messages=M")]
    Unknown(String),
    /// The directory can't be read, or no event is in it.
    #[error("can't load the seed directory {path}: {reason}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl FromStr for Seed {
    type Err = Error;

    /// Reads `empty`, `demo`, `dir=PATH`, or `events=N,messages=M` in any order.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "empty" => return Ok(Self::Empty),
            "demo" => return Ok(Self::Demo),
            _ => {}
        }
        if let Some(path) = text.strip_prefix("dir=") {
            return Ok(Self::Directory(PathBuf::from(path)));
        }
        let unknown = || Error::Unknown(text.to_owned());
        let (mut events, mut messages) = (0, 0);
        for part in text.split(',') {
            let (name, count) = part.split_once('=').ok_or_else(unknown)?;
            let count = count.parse().ok().filter(|count| *count <= COUNT_MAX);
            let count = count.ok_or_else(unknown)?;
            match name.trim() {
                "events" => events = count,
                "messages" => messages = count,
                _ => return Err(unknown()),
            }
        }
        Ok(Self::Counts { events, messages })
    }
}

/// Makes the mailboxes of the configuration and fills them.
pub fn fill(world: &mut World) -> Result<(), Error> {
    let mut logins = world.config.mailboxes.clone();
    if logins.is_empty() {
        logins = DEFAULT_MAILBOXES
            .map(|address| Login {
                address: address.to_owned(),
                password: crate::DEFAULT_PASSWORD.to_owned(),
            })
            .to_vec();
    }
    let (seed, random_seed) = (world.config.seed.clone(), world.config.random_seed);
    for (index, login) in logins.iter().enumerate() {
        let mailbox = world.add_mailbox(&login.address, &login.password);
        let rng = Rng::fork(random_seed, &format!("seed {}", mailbox.address));
        let (now, settles) = (mailbox.now, mailbox.settles);
        // What was there before the start has long settled.
        mailbox.settles = false;
        let loaded = fill_one(mailbox, index, &seed, rng)?;
        mailbox.now = now;
        mailbox.settles = settles;
        world.loaded = world.loaded.take().or(loaded);
    }
    Ok(())
}

/// Fills a mailbox; what a directory gave.
fn fill_one(
    mailbox: &mut Mailbox,
    index: usize,
    seed: &Seed,
    rng: Rng,
) -> Result<Option<Report>, Error> {
    match seed {
        Seed::Empty => {}
        Seed::Demo => demo::fill(mailbox, index, rng),
        Seed::Counts { events, messages } => varied::fill(mailbox, *events, *messages, rng),
        Seed::Directory(path) if index == 0 => {
            let report = crate::seed_dir::load(mailbox, path)?;
            if report.loaded == 0 {
                return Err(Error::Directory { path: path.clone(), reason: report.to_string() });
            }
            return Ok(Some(report));
        }
        Seed::Directory(_) => {}
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_read() {
        assert_eq!("demo".parse(), Ok(Seed::Demo));
        assert_eq!("events=5,messages=7".parse(), Ok(Seed::Counts { events: 5, messages: 7 }));
        assert_eq!("messages=7".parse(), Ok(Seed::Counts { events: 0, messages: 7 }));
        assert_eq!("dir=a/b".parse(), Ok(Seed::Directory("a/b".into())));
        for bad in ["", "events", "events=x", "things=3", "events=99999999999"] {
            assert!(bad.parse::<Seed>().is_err(), "{bad}");
        }
    }
}
