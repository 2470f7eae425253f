//! `evensync.toml`: read, checked, and turned into what a run needs.

mod nearest;
mod pair;
mod parse;
mod place;
pub mod raw;
mod rules;
mod secret;

use crate::exit::Problem;
use std::path::{Path, PathBuf};

pub use nearest::suggestion;
pub use pair::{Calendars, Pair, Side};
pub use place::Place;
pub use rules::Window;
pub use secret::SecretRef;

/// The file's name where none is given.
pub const DEFAULT_NAME: &str = "evensync.toml";

const NO_PAIR: &str = "configures no pair, so there is nothing to do; add a [pair.NAME]";

/// A configuration that could be read. Whether a pair in it can be run is asked pair by pair, so
/// that a half-written one doesn't stop the others, or keep anyone from reading the journal.
pub struct Config {
    /// Where it was read from.
    pub path: PathBuf,
    /// As it is written, with what was left out.
    pub file: raw::File,
}

impl Config {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<Self, Problem> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let shown = path.display();
            Problem::configuration(if e.kind() == std::io::ErrorKind::NotFound {
                format!(
                    "there is no configuration {shown}; write one (`evensync config schema` \
                     describes it), name another with --config FILE, or see `evensync demo`, which \
                     needs none"
                )
            } else {
                format!("{shown} can't be read ({e})")
            })
        })?;
        Self::from_text(&text, path)
    }

    /// Reads `text`, which stands at `path`.
    pub fn from_text(text: &str, path: &Path) -> Result<Self, Problem> {
        let file = parse::parse(text, path)
            .map_err(|sentence| Problem::configuration(format!("{sentence}; nothing was done")))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where relative paths start.
    pub fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            Some(_) | None => Path::new("."),
        }
    }

    /// The state file.
    pub fn state(&self) -> Result<PathBuf, Problem> {
        match self.state_problem() {
            Some(sentence) => Err(Problem::configuration(self.told(&[sentence]))),
            None => Ok(self.directory().join(&self.file.state)),
        }
    }

    /// The pairs of these names, or all; every problem of any of them is told at once.
    pub fn pairs(&self, names: &[String]) -> Result<Vec<Pair>, Problem> {
        let known = || self.file.pair.keys().map(String::as_str);
        if let Some(name) = names.iter().find(|name| !self.file.pair.contains_key(*name)) {
            let pairs: Vec<&str> = known().collect();
            return Err(Problem::usage(format!(
                "{} has no pair `{name}`{} (pairs: {})",
                self.path.display(),
                suggestion(name, known()),
                if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") },
            )));
        }
        let mut names: Vec<String> =
            if names.is_empty() { known().map(str::to_owned).collect() } else { names.to_vec() };
        let mut seen = std::collections::BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() {
            return Err(Problem::configuration(format!("{}: {NO_PAIR}", self.path.display())));
        }
        let (mut pairs, mut problems) = (vec![], vec![]);
        for name in names {
            match Pair::of(self, &name) {
                Ok(pair) => pairs.push(pair),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() {
            Ok(pairs)
        } else {
            Err(Problem::configuration(format!("{}\nNothing was done.", self.told(&problems))))
        }
    }

    /// Everything that is wrong with it, or can't be done by this version.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.state_problem().into_iter().collect();
        for (name, endpoint) in &self.file.endpoint {
            if let Err(found) = Place::of(self, name, endpoint) {
                problems.extend(found);
            }
        }
        for (name, pair) in &self.file.pair {
            let found = Pair::of(self, name).err().unwrap_or_default();
            problems.extend(
                found
                    .into_iter()
                    .filter(|sentence| !problems.contains(sentence))
                    .collect::<Vec<_>>(),
            );
            for (key, set) in [("schedule", &pair.schedule), ("every", &pair.every)] {
                if set.is_some() {
                    problems.push(format!(
                        "pair.{name}.{key}: this version has no `watch`; let cron or a systemd \
                         timer start `evensync sync {name}`, and remove the key"
                    ));
                }
            }
        }
        if self.file.pair.is_empty() {
            problems.push(NO_PAIR.to_owned());
        }
        if let Some(migrate) = &self.file.migrate {
            problems.push(format!(
                "migrate: this version has no `migrate`; remove the table (its template is {})",
                migrate.template
            ));
        }
        problems
    }

    /// The command line that does this with this configuration, to be copied by people.
    pub fn command(&self, words: &[&str]) -> String {
        let mut line = vec!["evensync".to_owned()];
        line.extend(words.iter().map(|word| quoted(word)));
        if self.path != Path::new(DEFAULT_NAME) {
            line.extend(["--config".to_owned(), quoted(&self.path.display().to_string())]);
        }
        line.join(" ")
    }

    /// Problems as one text, a line each.
    fn told(&self, problems: &[String]) -> String {
        let lines: Vec<String> =
            problems.iter().map(|problem| format!("{}: {problem}", self.path.display())).collect();
        lines.join("\n")
    }

    fn state_problem(&self) -> Option<String> {
        let state = &self.file.state;
        if state.contains("://") {
            return Some(
                "state: this version keeps its state in a SQLite file only; write a path"
                    .to_owned(),
            );
        }
        state.trim().is_empty().then(|| "state: write the path of the state file".to_owned())
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@:+,=%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
