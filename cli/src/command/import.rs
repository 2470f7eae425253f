//! `import`: iCalendar files into the local store.

use crate::account::{Account, Named, Shelf};
use crate::config::Config;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output::{self, Form, count, plain};
use items::ical::{self, Item, Split, Warning};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use store_sqlite::Put;

/// The largest file that is read. A file is held in memory several times over while it is read.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Events that are written at a time.
const BATCH: usize = 100;
/// How many things that weren't understood are told of one file.
const REMARKS_MAX: usize = 50;
/// Characters of a remark: it may quote a line of any length.
const REMARK_WIDTH: usize = 200;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    named: Named,
    /// iCalendar files of any name, and folders: of those, the files that end in .ics.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Imports them.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let account = Account::of(&args.named, config)?;
    let mut import = Import::new(&account, (context.clock)() / 1000);
    for path in &args.paths {
        import.path(path)?;
    }
    let report = import.report();
    let exit = report.exit();
    match Form::asked(args.json) {
        Form::Json => output::json(&report),
        Form::Text => report.print(),
    }
    Ok(exit)
}

/// What an import did, as `--json` gives it.
#[derive(Debug, Serialize)]
struct Report {
    version: u8,
    exit: u8,
    account: String,
    mailbox: String,
    calendar: String,
    /// Whether the calendar was made.
    made: bool,
    /// Files that were read.
    files: u64,
    new: u64,
    updated: u64,
    unchanged: u64,
    /// Components that are not in the store.
    set_aside: Vec<Remark>,
    /// What was taken as well as it could be.
    not_understood: Vec<Remark>,
    /// How many more things were not understood.
    more_not_understood: u64,
    /// Files and folders that were left out.
    unreadable: Vec<Unreadable>,
    /// Folders without files to import.
    empty: Vec<String>,
}

/// Something in a file.
#[derive(Debug, Serialize)]
struct Remark {
    file: String,
    line: usize,
    reason: String,
}

/// A file, or folder, of which nothing was imported.
#[derive(Debug, Serialize)]
struct Unreadable {
    path: String,
    reason: String,
}

/// An import under way.
struct Import<'a> {
    account: &'a Account,
    now: i64,
    shelf: Option<Shelf>,
    /// Where each UID stood first.
    seen: BTreeMap<String, String>,
    report: Report,
}

impl<'a> Import<'a> {
    /// `now` is in seconds since 1970 UTC.
    fn new(account: &'a Account, now: i64) -> Self {
        let report = Report {
            version: 1,
            exit: 0,
            account: account.name.clone(),
            mailbox: account.mailbox.clone(),
            calendar: account.calendar.clone(),
            made: false,
            files: 0,
            new: 0,
            updated: 0,
            unchanged: 0,
            set_aside: vec![],
            not_understood: vec![],
            more_not_understood: 0,
            unreadable: vec![],
            empty: vec![],
        };
        Self { account, now, shelf: None, seen: BTreeMap::new(), report }
    }

    /// Imports a file or a folder. Only what is wrong with the store ends it.
    fn path(&mut self, path: &Path) -> Result<(), Problem> {
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => self.folder(path),
            Ok(_) => self.file(path),
            Err(e) => {
                self.leave_out(path, format!("can't be read ({e})"));
                Ok(())
            }
        }
    }

    /// The files of a folder in the order of their names, as a vdir has them; files in the making
    /// begin with a dot.
    fn folder(&mut self, path: &Path) -> Result<(), Problem> {
        let mut files = match files_of(path) {
            Ok(files) => files,
            Err(e) => {
                self.leave_out(path, format!("can't be read ({e})"));
                return Ok(());
            }
        };
        files.sort();
        if files.is_empty() {
            self.report.empty.push(plain(path.display()));
        }
        files.iter().try_for_each(|file| self.file(file))
    }

    fn file(&mut self, path: &Path) -> Result<(), Problem> {
        let split = match read(path) {
            Ok(bytes) => ical::split(&bytes, self.now),
            Err(reason) => {
                self.leave_out(path, reason);
                return Ok(());
            }
        };
        if !split.is_calendar {
            self.leave_out(path, "is no iCalendar".to_owned());
            return Ok(());
        }
        self.report.files += 1;
        let file = plain(path.display());
        let Split { items, set_aside, warnings, .. } = split;
        let aside = set_aside.iter().map(|warning| remark(&file, warning));
        self.report.set_aside.extend(aside);
        let shown = warnings.iter().take(REMARKS_MAX).map(|warning| remark(&file, warning));
        self.report.not_understood.extend(shown);
        self.report.more_not_understood += warnings.len().saturating_sub(REMARKS_MAX) as u64;
        let fresh: Vec<&Item> = items.iter().filter(|item| self.is_first(&file, item)).collect();
        fresh.chunks(BATCH).try_for_each(|batch| self.put(batch))
    }

    /// Whether this UID stood nowhere before: of two events that claim to be one, neither can be
    /// told to be the newer one.
    fn is_first(&mut self, file: &str, item: &Item) -> bool {
        if let Some(first) = self.seen.get(&item.uid) {
            let reason = format!("the event of {first} again, by its UID");
            self.report.set_aside.push(remark(file, &Warning { line: item.line, text: reason }));
            return false;
        }
        self.seen.insert(item.uid.clone(), format!("{file}:{}", item.line));
        true
    }

    fn put(&mut self, items: &[&Item]) -> Result<(), Problem> {
        if self.shelf.is_none() {
            let shelf = self.account.open_to_write()?;
            self.report.calendar.clone_from(&shelf.name);
            self.report.made = shelf.made;
            self.shelf = Some(shelf);
        }
        let Some(shelf) = &self.shelf else { return Ok(()) };
        let done = shelf.replica.put_items(&shelf.folder, items).map_err(|failure| {
            let Problem { exit, sentence } = self.account.problem(&failure);
            let written = self.report.new + self.report.updated;
            let written = match written {
                0 => "Nothing was written".to_owned(),
                _ => format!("{} written until then", count(written, "event")),
            };
            Problem::new(exit, format!("{sentence}. {written}; the same import again goes on."))
        })?;
        for put in done {
            match put {
                Put::New => self.report.new += 1,
                Put::Updated => self.report.updated += 1,
                Put::Unchanged => self.report.unchanged += 1,
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &Path, reason: String) {
        self.report.unreadable.push(Unreadable { path: plain(path.display()), reason });
    }

    fn report(mut self) -> Report {
        self.report.exit = self.report.exit().code();
        self.report
    }
}

impl Report {
    fn exit(&self) -> Exit {
        let unread = match (self.unreadable.is_empty(), self.files) {
            (true, _) => Exit::Clean,
            (false, 0) => Exit::Failed,
            (false, _) => Exit::Partial,
        };
        let aside = if self.set_aside.is_empty() { Exit::Clean } else { Exit::Waiting };
        unread.and(aside)
    }

    fn print(&self) {
        for Remark { file, line, reason } in &self.not_understood {
            output::line(format!("{file}:{line}: {reason}"));
        }
        if self.more_not_understood > 0 {
            output::line(format!(
                "{} that {} not understood",
                count(self.more_not_understood, "more line"),
                if self.more_not_understood == 1 { "was" } else { "were" }
            ));
        }
        for Remark { file, line, reason } in &self.set_aside {
            output::line(format!("{file}:{line}: set aside: {reason}"));
        }
        for Unreadable { path, reason } in &self.unreadable {
            output::line(format!("{path} {reason}; it was left out"));
        }
        for path in &self.empty {
            output::line(format!(
                "{path} holds no file that ends in .ics; folders inside it must be named themselves"
            ));
        }
        let made = if self.made { "the new calendar" } else { "calendar" };
        output::line(format!(
            "{} of {}, {made} \"{}\": {} new, {} updated, {} unchanged, {} set aside.",
            plain(&self.mailbox),
            self.account,
            plain(&self.calendar),
            self.new,
            self.updated,
            self.unchanged,
            self.set_aside.len()
        ));
    }
}

fn remark(file: &str, warning: &Warning) -> Remark {
    let reason = plain(output::short(&warning.text, REMARK_WIDTH));
    Remark { file: file.to_owned(), line: warning.line, reason }
}

/// The files of a folder that end in .ics, without those in folders inside it.
fn files_of(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let ics = path.extension().is_some_and(|ext| ext.eq_ignore_ascii_case("ics"));
        if ics && !hidden && !path.is_dir() {
            files.push(path);
        }
    }
    Ok(files)
}

/// The bytes of a file, or why it is left out.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |e: std::io::Error| format!("can't be read ({e})");
    // Opening a pipe would wait for whoever writes to it.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err("is neither a file nor a folder".to_owned());
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        let limit = FILE_BYTES_MAX / (1024 * 1024);
        return Err(format!(
            "is larger than {limit} MiB, the most that is read of one file: split it"
        ));
    }
    Ok(bytes)
}
