//! `bundle`: the journal in a file that can be shared.

use crate::bundle::{self, Header};
use crate::config::Config;
use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output::{self, count};
use crate::redact::Redactor;
use crate::session;
use std::io::Write;
use std::path::{Path, PathBuf};
use store_sqlite::SqliteStore;
use sync_core::journal::Seq;
use sync_core::port::Store;

/// Records read at a time.
const PAGE: usize = 500;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Leave out all content, names, addresses and ids. A bundle is written in no other way.
    #[arg(long, required = true)]
    redact: bool,
    /// The file; `evensync-bundle-RUN.jsonl` by default, after the last run.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let store = session::open_to_read(config, context)?;
    let records = write(&store, args.output.as_deref(), context)?;
    let (path, records) = records;
    output::line(format!(
        "{} are in {}: digests, decisions and times; no content, no names, no addresses, no secret. \
         Anyone can check them with `evensync replay {}`.",
        count(records as u64, "journal record"),
        path.display(),
        path.display()
    ));
    Ok(Exit::Clean)
}

/// Writes the whole journal to `path`, redacted; says where, and how many records.
pub fn write(
    store: &SqliteStore,
    path: Option<&Path>,
    context: &Context,
) -> Result<(PathBuf, usize), Problem> {
    let mut redactor = Redactor::new(&context.dice)?;
    let (mut lines, mut after, mut last_run) = (vec![], Seq(0), None);
    loop {
        let records = store.journal(None, after, PAGE)?;
        let Some(last) = records.last() else { break };
        after = last.seq;
        last_run = Some(last.run.clone());
        for record in records {
            let line = bundle::line(&redactor.record(record));
            lines.push(
                line.map_err(|e| Problem::failed(format!("a record can't be written: {e}")))?,
            );
        }
    }
    let Some(run) = last_run else {
        return Err(Problem::failed("the journal is empty; there is nothing to bundle"));
    };
    let path = match path {
        Some(path) => path.to_owned(),
        None => PathBuf::from(format!("evensync-bundle-{run}.jsonl")),
    };
    let pairs = redactor.pairs().into_iter().cloned().collect();
    let header = Header::redacted(pairs, lines.len());
    let header = serde_json::to_string(&header).unwrap_or_default();
    let write = || -> std::io::Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        writeln!(file, "{header}")?;
        for line in &lines {
            writeln!(file, "{line}")?;
        }
        file.into_inner()?.sync_all()
    };
    write().map_err(|e| {
        Problem::failed(format!("the bundle can't be written to {} ({e})", path.display()))
    })?;
    Ok((path, lines.len()))
}
