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
use sync_core::ids::RunId;
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
    /// The file, or `-` for stdout; `evensync-bundle-RUN.jsonl` by default, after the last run.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Writes it.
pub fn run(args: &Args, config: &Config, context: &Context) -> Result<Exit, Problem> {
    let store = session::open_to_read(config, context)?;
    if args.output.as_deref() == Some(Path::new("-")) {
        let bundle = Bundle::of(&store, context)?;
        bundle.lines().for_each(output::line);
        output::note(format!("{}.", told(bundle.records.len())));
        return Ok(Exit::Clean);
    }
    let (path, records) = write(&store, args.output.as_deref(), context)?;
    let path = path.display();
    output::line(format!(
        "{} in {path}. Anyone can check them with `evensync replay {path}`.",
        told(records)
    ));
    Ok(Exit::Clean)
}

fn told(records: usize) -> String {
    format!(
        "{}: digests, decisions and times; no content, no names, no addresses, no secret",
        count(records as u64, "journal record")
    )
}

/// Writes the whole journal to `path`, redacted; says where, and how many records.
pub fn write(
    store: &SqliteStore,
    path: Option<&Path>,
    context: &Context,
) -> Result<(PathBuf, usize), Problem> {
    let bundle = Bundle::of(store, context)?;
    let path = match path {
        Some(path) => path.to_owned(),
        None => PathBuf::from(format!("evensync-bundle-{}.jsonl", bundle.run)),
    };
    let write = || -> std::io::Result<()> {
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        for line in bundle.lines() {
            writeln!(file, "{line}")?;
        }
        file.into_inner()?.sync_all()
    };
    write().map_err(|e| {
        Problem::failed(format!("the bundle can't be written to {} ({e})", path.display()))
    })?;
    Ok((path, bundle.records.len()))
}

/// A whole journal, redacted, as lines of text.
struct Bundle {
    run: RunId,
    header: String,
    records: Vec<String>,
}

impl Bundle {
    fn of(store: &SqliteStore, context: &Context) -> Result<Self, Problem> {
        let unwritable =
            |e: serde_json::Error| Problem::failed(format!("a record can't be written: {e}"));
        let mut redactor = Redactor::new(&context.dice)?;
        let (mut lines, mut after, mut last_run) = (vec![], Seq(0), None);
        loop {
            let records = store.journal(None, after, PAGE)?;
            let Some(last) = records.last() else { break };
            after = last.seq;
            last_run = Some(last.run.clone());
            for record in records {
                lines.push(bundle::line(&redactor.record(record)).map_err(unwritable)?);
            }
        }
        let run = last_run
            .ok_or_else(|| Problem::failed("the journal is empty; there is nothing to bundle"))?;
        let pairs = redactor.pairs().into_iter().cloned().collect();
        let header = Header::redacted(pairs, lines.len());
        let header = serde_json::to_string(&header).map_err(unwritable)?;
        Ok(Self { run, header, records: lines })
    }

    fn lines(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.header).chain(&self.records)
    }
}
