//! `config`: the configuration, checked, shown or described.

use crate::config::{Config, raw};
use crate::exit::{Exit, Problem};
use crate::output::{self, count};
use serde_json::json;

/// What to do with it.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Say all that is wrong with it, or that this version can't do; nothing is contacted.
    Check {
        /// Print one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Print it with everything that was left out; secrets stay references.
    Show {
        /// Print it as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print its JSON schema.
    Schema,
}

impl Action {
    /// Whether an object was asked for.
    pub fn json(&self) -> bool {
        match self {
            Self::Check { json } | Self::Show { json } => *json,
            Self::Schema => false,
        }
    }
}

/// Does it.
pub fn run(action: &Action, load: &dyn Fn() -> Result<Config, Problem>) -> Result<Exit, Problem> {
    match action {
        Action::Check { json } => return check(&load()?, *json),
        Action::Show { json: true } => {
            let file = load()?.file;
            output::json(&json!(file));
        }
        Action::Show { json: false } => {
            let text = toml::to_string_pretty(&load()?.file)
                .map_err(|e| Problem::failed(format!("the configuration can't be shown ({e})")))?;
            output::line(text.trim_end());
        }
        Action::Schema => {
            let schema = schemars::schema_for!(raw::File);
            let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
            output::line(text);
        }
    }
    Ok(Exit::Clean)
}

fn check(config: &Config, json: bool) -> Result<Exit, Problem> {
    let problems = config.problems();
    let exit = if problems.is_empty() { Exit::Clean } else { Exit::Configuration };
    if json {
        output::json(&json!({"version": 1, "exit": exit.code(), "problems": problems}));
        return Ok(exit);
    }
    for problem in &problems {
        output::line(format!("{}: {problem}", config.path.display()));
    }
    if problems.is_empty() {
        let (endpoints, pairs) = (config.file.endpoint.len() as u64, config.file.pair.len() as u64);
        output::line(format!(
            "{} is in order: {}, {}.",
            config.path.display(),
            count(endpoints, "endpoint"),
            count(pairs, "pair")
        ));
    }
    Ok(exit)
}
