//! Tests that take a number of seeds, with more of them than a test run has.

use std::process::{Command, ExitCode};

/// Runs one test of `evensync-tests`, optimised and with these variables.
pub fn run(test: &str, variables: &[(&str, Option<u64>)]) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["test", "--release", "--package", "evensync-tests", test, "--", "--nocapture"]);
    for (name, value) in variables {
        command.env_remove(name);
        command.envs(value.map(|value| (*name, value.to_string())));
    }
    ended(&mut command)
}

/// Runs a script of `.ci`.
pub fn script(name: &str, arguments: &[u64]) -> ExitCode {
    let mut command = Command::new(format!(".ci/{name}"));
    ended(command.args(arguments.iter().map(u64::to_string)))
}

fn ended(command: &mut Command) -> ExitCode {
    match command.status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{}: {error}", command.get_program().display());
            ExitCode::FAILURE
        }
    }
}
