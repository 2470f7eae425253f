//! What a developer runs by hand.

mod bench;
mod exchange;
mod fuzz;
mod memory;

use evensync_tests::simulation::{simulate, sweep};
use fuzz::Protocol;
use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "usage:
  cargo xtask soak [--seeds N] [--from SEED] [--sweeps N]   many simulated runs, and crash sweeps
  cargo xtask soak --seed SEED [--crash STEP] [--journal]   one of them again
  cargo xtask fuzz [--requests N] [--protocol ews|graph] [--seed S] [--round R]
                                                            almost valid requests to the built-in Exchange
  cargo xtask sim-bench [--events N] [--messages N]         the built-in Exchange with a large mailbox
  cargo xtask ci                                            what decides whether a change lands";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Option<u64> {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1)?.parse().ok()
    };
    match arguments.first().map(String::as_str) {
        Some("soak") => match number("--seed") {
            Some(seed) => {
                let journal = arguments.iter().any(|a| a == "--journal");
                again(seed, number("--crash"), journal)
            }
            None => soak(
                number("--from").unwrap_or_default(),
                number("--seeds").unwrap_or(500_000),
                number("--sweeps").unwrap_or(2_000),
            ),
        },
        Some("fuzz") => {
            let at = arguments.iter().position(|a| a == "--protocol");
            let protocols = match at.map(|at| arguments.get(at + 1).map(String::as_str)) {
                None => vec![Protocol::Ews, Protocol::Graph],
                Some(Some("ews")) => vec![Protocol::Ews],
                Some(Some("graph")) => vec![Protocol::Graph],
                Some(_) => return usage(),
            };
            let requests = number("--requests").unwrap_or(100_000);
            fuzz(&protocols, requests, number("--seed").unwrap_or(1), number("--round"))
        }
        Some("sim-bench") => {
            let count = |name: &str, usual| number(name).map_or(usual, |n| n as usize);
            let report = bench::run(count("--events", 10_000), count("--messages", 50_000));
            print!("{report}");
            if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Some("ci") => ci(),
        Some(_) | None => usage(),
    }
}

fn usage() -> ExitCode {
    eprintln!("{HELP}");
    ExitCode::from(64)
}

#[expect(clippy::disallowed_methods, reason = "it times what it runs")]
fn fuzz(protocols: &[Protocol], requests: u64, seed: u64, round: Option<u64>) -> ExitCode {
    let mut clean = true;
    for protocol in protocols {
        let began = Instant::now();
        let report = fuzz::run(*protocol, requests, seed, round);
        println!("{}: {report}", protocol.name());
        println!(
            "  {:.1} s, {} MB at most; again: cargo xtask fuzz --protocol {} --seed {seed} --round R",
            began.elapsed().as_secs_f64(),
            memory::peak_megabytes().map_or("?".to_owned(), |peak| peak.to_string()),
            protocol.name(),
        );
        clean &= report.findings.is_empty();
    }
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn again(seed: u64, crash: Option<u64>, journal: bool) -> ExitCode {
    match simulate(seed, None, crash) {
        Ok(outcome) => {
            if journal {
                println!("{}", outcome.journal);
            }
            println!("seed {seed}: {} steps, {} kills, fine", outcome.steps, outcome.kills);
            ExitCode::SUCCESS
        }
        Err(failed) => {
            if journal {
                println!("{}", failed.journal);
            }
            println!("{failed}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "it times what it runs")]
fn soak(from: u64, seeds: u64, sweeps: u64) -> ExitCode {
    let began = Instant::now();
    let (mut steps, mut kills, mut faults, mut failures) = (0, 0, 0, 0);
    for seed in from..from.saturating_add(seeds) {
        match simulate(seed, None, None) {
            Ok(outcome) => {
                steps += outcome.steps;
                kills += outcome.kills;
                faults += outcome.faults;
            }
            Err(failed) => {
                failures += 1;
                println!("{failed}");
            }
        }
        if failures >= 25 {
            break;
        }
    }
    println!(
        "{seeds} seeds from {from}: {steps} steps, {kills} kills, {faults} faults, \
         {failures} failures, {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let began = Instant::now();
    let mut points = 0;
    for seed in from..from.saturating_add(sweeps) {
        match sweep(seed) {
            Ok(steps) => points += steps,
            Err(failed) => {
                failures += 1;
                println!("{failed}");
            }
        }
        if failures >= 10 {
            break;
        }
    }
    println!(
        "{sweeps} scenarios swept: {points} crash points, {failures} failures, {:.0} s",
        began.elapsed().as_secs_f64()
    );
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn ci() -> ExitCode {
    match std::process::Command::new(".ci/run").status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}
