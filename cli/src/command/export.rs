//! `export`: a calendar of the local store as iCalendar files.

mod name;
mod whole;

use crate::account::{Account, Named, Shelf};
use crate::config::Config;
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, count, plain};
use items::ical::Joiner;
use serde::Serialize;
use std::collections::BTreeSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use store_sqlite::LocalEvent;
use tempfile::NamedTempFile;

/// Events read at a time.
const PAGE: usize = 200;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    named: Named,
    /// A folder, which gets one file for each event or series; or one file that ends in .ics.
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Exports it.
pub fn run(args: &Args, config: &Config) -> Result<Exit, Problem> {
    let account = Account::of(&args.named, config)?;
    let path = &args.path;
    let one = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("ics"));
    match std::fs::metadata(path) {
        Ok(found) if one && !found.is_file() => {
            return Err(unusable(path, "ends in .ics and is no file"));
        }
        Ok(found) if !one && !found.is_dir() => return Err(unusable(path, "is no folder")),
        Ok(_) | Err(_) => {}
    }
    let shelf = account.open_to_read()?;
    let mut report = Report {
        version: 1,
        exit: 0,
        account: account.name.clone(),
        mailbox: account.mailbox.clone(),
        calendar: shelf.name.clone(),
        path: plain(path.display()),
        events: 0,
        files: Files::default(),
        others: 0,
        failed: vec![],
    };
    if one {
        to_file(&account, &shelf, path, &mut report)?;
    } else {
        to_folder(&account, &shelf, path, &mut report)?;
    }
    let exit = if report.failed.is_empty() { Exit::Clean } else { Exit::Partial };
    report.exit = exit.code();
    match Form::asked(args.json) {
        Form::Json => output::json(&report),
        Form::Text => report.print(),
    }
    Ok(exit)
}

/// What an export did, as `--json` gives it.
#[derive(Debug, Serialize)]
struct Report {
    version: u8,
    exit: u8,
    account: String,
    mailbox: String,
    calendar: String,
    path: String,
    /// Events and series that were exported.
    events: u64,
    files: Files,
    /// Files in the folder that belong to none of the events; they stay.
    others: u64,
    /// Files that can't be written.
    failed: Vec<Failed>,
}

/// What became of the files.
#[derive(Debug, Default, Serialize)]
struct Files {
    new: u64,
    updated: u64,
    unchanged: u64,
}

/// A file that can't be written.
#[derive(Debug, Serialize)]
struct Failed {
    file: String,
    reason: String,
}

impl Report {
    fn print(&self) {
        for Failed { file, reason } in &self.failed {
            output::line(format!("{file} can't be written ({reason}); the rest goes on"));
        }
        let Files { new, updated, unchanged } = self.files;
        output::line(format!(
            "{} of {}, calendar \"{}\": {} in {}; {} new, {updated} updated, {unchanged} unchanged.",
            plain(&self.mailbox),
            self.account,
            plain(&self.calendar),
            count(self.events, "event"),
            self.path,
            count(new, "file")
        ));
        if self.others > 0 {
            output::line(format!(
                "{} there of other events, or of events that are no more; nothing is deleted.",
                count(self.others, "file")
            ));
        }
    }
}

/// One file for each event.
fn to_folder(
    account: &Account,
    shelf: &Shelf,
    path: &Path,
    report: &mut Report,
) -> Result<(), Problem> {
    if !path.is_dir() {
        std::fs::create_dir(path).map_err(|e| {
            Problem::failed(format!("the folder {} can't be made ({e})", path.display()))
        })?;
    }
    let mut taken = BTreeSet::new();
    each(account, shelf, |event| {
        let name = name::of(&event, &mut taken);
        report.events += 1;
        match put(&path.join(&name), |file| whole::write(&shelf.replica, &event.ics, file)) {
            Ok(put) => report.files.count(put),
            Err(e) => report.failed.push(Failed { file: name, reason: e.to_string() }),
        }
        Ok(())
    })?;
    report.others = others(path, &taken).map_err(|e| {
        Problem::failed(format!("the folder {} can't be read ({e})", path.display()))
    })?;
    Ok(())
}

/// All events in one file. They are put aside until the zones that they need are known.
fn to_file(
    account: &Account,
    shelf: &Shelf,
    path: &Path,
    report: &mut Report,
) -> Result<(), Problem> {
    let unwritable =
        |e: io::Error| Problem::failed(format!("{} can't be written ({e})", path.display()));
    let mut joiner = Joiner::default();
    let mut events =
        io::BufWriter::new(tempfile::tempfile_in(folder_of(path)).map_err(unwritable)?);
    each(account, shelf, |event| {
        report.events += 1;
        let lines = joiner.add(&event.ics, event.event.as_ref());
        whole::write(&shelf.replica, &lines, &mut events).map_err(unwritable)
    })?;
    let mut events = events.into_inner().map_err(|e| unwritable(e.into_error()))?;
    io::Seek::rewind(&mut events).map_err(unwritable)?;
    let (head, tail) = (joiner.head(), joiner.tail());
    let put = put(path, |file| {
        file.write_all(head.as_bytes())?;
        io::copy(&mut events, file)?;
        whole::write(&shelf.replica, &tail, file)
    });
    let put = put.map_err(unwritable)?;
    report.files.count(put);
    Ok(())
}

/// Goes through the events, page by page.
fn each(
    account: &Account,
    shelf: &Shelf,
    mut take: impl FnMut(LocalEvent) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut after = None;
    loop {
        let page = shelf.replica.list_events(&shelf.folder, after.as_ref(), PAGE);
        let page = page.map_err(|failure| account.problem(&failure))?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.id.clone());
        page.into_iter().try_for_each(&mut take)?;
    }
}

/// What became of a file.
enum Put {
    New,
    Updated,
    Unchanged,
}

impl Files {
    fn count(&mut self, put: Put) {
        match put {
            Put::New => self.new += 1,
            Put::Updated => self.updated += 1,
            Put::Unchanged => self.unchanged += 1,
        }
    }
}

/// Has a file written beside `path` and puts it in its place, unless the same stands there already. Who
/// reads it meanwhile sees the old one, or the new one; its rights stay.
fn put(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Put> {
    let mut new = NamedTempFile::new_in(folder_of(path))?;
    let mut file = io::BufWriter::new(&mut new);
    write(&mut file)?;
    file.flush()?;
    drop(file);
    let standing = match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_file() => Some(found),
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => None,
        Err(e) if e.kind() == io::ErrorKind::NotFound => None,
        Err(e) => return Err(e),
    };
    if let Some(found) = &standing {
        if same(path, new.path())? {
            return Ok(Put::Unchanged);
        }
        new.as_file().set_permissions(found.permissions())?;
    }
    new.persist(path)?;
    Ok(if standing.is_some() { Put::Updated } else { Put::New })
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> io::Result<bool> {
    let (one, other) = (std::fs::File::open(one)?, std::fs::File::open(other)?);
    if one.metadata()?.len() != other.metadata()?.len() {
        return Ok(false);
    }
    let mut other = io::BufReader::new(other).bytes();
    for byte in io::BufReader::new(one).bytes() {
        if other.next().transpose()? != Some(byte?) {
            return Ok(false);
        }
    }
    Ok(other.next().is_none())
}

/// How many files of a folder end in .ics and are none of `ours`.
fn others(folder: &Path, ours: &BTreeSet<String>) -> io::Result<u64> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().to_lowercase();
        if name.ends_with(".ics") && !name.starts_with('.') && !ours.contains(&name) {
            count += 1;
        }
    }
    Ok(count)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

fn unusable(path: &Path, why: &str) -> Problem {
    Problem::usage(format!(
        "{} {why}: name a folder, which gets one file for each event, or a file that ends in .ics; \
         nothing was written",
        path.display()
    ))
}
