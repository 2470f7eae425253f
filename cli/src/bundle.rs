//! Bundles: a journal in a file, one record a line, to be replayed anywhere.

use crate::context::BUILD;
use crate::exit::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use sync_core::ids::{PairId, RunId};
use sync_core::journal::{Entry, Record, Seq};

/// The form of bundles that this version writes and reads.
const VERSION: u32 = 1;

/// A bundle's first line.
#[derive(Debug, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    #[serde(rename = "evensync-bundle")]
    pub version: u32,
    /// The evensync that wrote it.
    pub build: String,
    /// Whether names were replaced.
    pub redacted: bool,
    /// The pairs in it.
    pub pairs: Vec<PairId>,
    /// How many records follow.
    pub records: usize,
}

impl Header {
    /// The header of a redacted bundle.
    pub fn redacted(pairs: Vec<PairId>, records: usize) -> Self {
        Self { version: VERSION, build: BUILD.to_owned(), redacted: true, pairs, records }
    }
}

/// A record as it stands in a bundle: like a row of the journal, so that a newer kind of entry is
/// recognised as such.
#[derive(Serialize, Deserialize)]
struct Line {
    seq: Seq,
    at_ms: i64,
    pair: PairId,
    run: RunId,
    kind: String,
    version: u16,
    payload: Value,
}

/// The record's line.
pub fn line(record: &Record) -> Result<String, serde_json::Error> {
    serde_json::to_string(&Line {
        seq: record.seq,
        at_ms: record.at_ms,
        pair: record.pair.clone(),
        run: record.run.clone(),
        kind: record.entry.kind().to_owned(),
        version: record.entry.version(),
        payload: serde_json::from_str(&record.entry.encode())?,
    })
}

/// Reads the bundle at `path` and hands each record to `take`.
pub fn read(
    path: &Path,
    mut take: impl FnMut(Record) -> Result<(), Problem>,
) -> Result<Header, Problem> {
    let shown = path.display();
    let unreadable = |e: std::io::Error| Problem::failed(format!("{shown} can't be read ({e})"));
    let mut lines = BufReader::new(File::open(path).map_err(unreadable)?).lines();
    let first = lines.next().transpose().map_err(unreadable)?.unwrap_or_default();
    let header: Header = serde_json::from_str(&first)
        .map_err(|_| Problem::failed(format!("{shown} is no bundle of evensync")))?;
    if header.version > VERSION {
        return Err(Problem::failed(format!(
            "{shown} was written by a newer evensync ({}); replay it with that version",
            header.build
        )));
    }
    let mut records = 0;
    for (number, text) in lines.enumerate() {
        let text = text.map_err(unreadable)?;
        if text.trim().is_empty() {
            continue;
        }
        let place = format!("{shown}, line {}", number + 2);
        let damaged = |e: &dyn std::fmt::Display| Problem::failed(format!("{place}: {e}"));
        let line: Line = serde_json::from_str(&text).map_err(|e| damaged(&e))?;
        let entry = Entry::decode(&line.kind, line.version, &line.payload.to_string())
            .map_err(|e| damaged(&e))?;
        let Line { seq, at_ms, pair, run, .. } = line;
        take(Record { seq, at_ms, pair, run, entry })?;
        records += 1;
    }
    if records != header.records {
        return Err(Problem::failed(format!(
            "{shown} is cut short: it has {records} of {} records",
            header.records
        )));
    }
    Ok(header)
}
