//! What people and programs read: sentences and tables, or JSON.

mod table;
mod time;

use serde::Serialize;
use std::io::{self, Write};
use std::sync::OnceLock;

pub use table::Table;
pub use time::{rfc3339, when};

/// Whether a program reads the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// People: sentences and tables.
    Text,
    /// A program: one JSON object.
    Json,
}

impl Form {
    /// JSON where `json` was asked for.
    pub fn asked(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// The first thing that kept a line from stdout, for the end of the command: what was done is done
/// all the same, and is not to be cut short by a full disk.
static TROUBLE: OnceLock<io::Error> = OnceLock::new();

/// Writes a line to stdout.
pub fn line(text: impl AsRef<str>) {
    written(writeln!(anstream::stdout(), "{}", text.as_ref()));
}

/// Remembers why something can't be written. Who closed the pipe wants no more: that is no trouble.
pub fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        // Only the first counts.
        let _ = TROUBLE.set(error);
    }
}

/// Writes out what is held back, and says why the output is not whole, if it is not.
pub fn trouble() -> Option<String> {
    written(io::stdout().flush());
    let error = TROUBLE.get()?;
    Some(format!(
        "the output can't be written ({error}), so what there is of it is cut short; what a run did \
         is recorded all the same: see `evensync log`"
    ))
}

/// Writes a line to stderr, where nothing that a program reads is.
pub fn note(text: impl AsRef<str>) {
    let _ = writeln!(anstream::stderr(), "{}", text.as_ref());
}

/// Writes an object in one line.
pub fn json(value: &impl Serialize) {
    line(serde_json::to_string(value).expect("what we print has text keys only"));
}

/// The first line of `text`, cut to `width` characters.
pub fn short(text: &str, width: usize) -> String {
    let first = text.trim().lines().next().unwrap_or_default().trim_end();
    let whole = first.len() == text.trim().len();
    if whole && first.chars().count() <= width {
        return first.to_owned();
    }
    let kept: String = first.chars().take(width.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `text` without control characters: what stands in files from elsewhere moves no cursor.
pub fn plain(text: impl std::fmt::Display) -> String {
    let mark = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.to_string().chars().map(mark).collect()
}

/// "1 link", "2 links".
pub fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_not_shown() {
        assert_eq!(plain("a\u{1b}[31mä\n"), "a\u{fffd}[31mä\u{fffd}");
    }

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(short("abc", 3), "abc");
        assert_eq!(short("abcd", 3), "ab…");
        assert_eq!(short("ab\ncd", 9), "ab…");
        assert_eq!(short(" äöü ", 3), "äöü");
    }
}
