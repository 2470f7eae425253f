//! What a developer runs by hand.

mod bench;
mod exchange;
mod fuzz;
mod memory;
mod options;
mod suite;

use evensync_tests::simulation::{simulate, sweep};
use fuzz::Protocol;
use options::Options;
use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "usage:
  cargo xtask soak [--seeds N] [--from SEED] [--sweeps N]   many simulated runs, and crash sweeps
  cargo xtask soak --seed SEED [--crash STEP] [--journal]   one of them again
  cargo xtask series [--seeds N]                            people edit series on both sides, the whole stack
  cargo xtask series --seed SEED                            one of these seeds again
  cargo xtask roundtrip [--events N] [--seed S]             from EWS to Graph and back, field by field
  cargo xtask occurrences [--series N] [--seed S]           series against python-dateutil, ten years long
  cargo xtask fuzz [--requests N] [--protocol ews|graph] [--seed S] [--round R]
                                                            almost valid requests to the built-in Exchange
  cargo xtask sim-bench [--events N] [--messages N]         the built-in Exchange with a large mailbox
  cargo xtask ci                                            what decides whether a change lands";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    run(&arguments).unwrap_or_else(|wrong| {
        eprintln!("{wrong}\n{HELP}");
        ExitCode::from(64)
    })
}

/// Does what the command line says, or tells what is wrong with it.
fn run(arguments: &[String]) -> Result<ExitCode, String> {
    let (command, rest) = arguments.split_first().ok_or("what is to be done?")?;
    match command.as_str() {
        "soak" if rest.iter().any(|argument| argument == "--seed") => {
            let options = Options::read(rest, &["--seed", "--crash"], &["--journal"])?;
            let seed = options.number("--seed")?.unwrap_or_default();
            let crash = options.number("--crash")?;
            Ok(again(seed, crash, options.has("--journal")))
        }
        "soak" => {
            let options = Options::read(rest, &["--from", "--seeds", "--sweeps"], &[])?;
            Ok(soak(
                options.number("--from")?.unwrap_or_default(),
                options.number("--seeds")?.unwrap_or(500_000),
                options.number("--sweeps")?.unwrap_or(2_000),
            ))
        }
        "series" => {
            let options = Options::read(rest, &["--seeds", "--seed"], &[])?;
            let seed = options.number("--seed")?;
            let seeds = options.number("--seeds")?.unwrap_or(5_000);
            let variables =
                [("EVENSYNC_SERIES_SEED", seed), ("EVENSYNC_SERIES_SEEDS", Some(seeds))];
            Ok(suite::run("no_seed_of_series_breaks_a_promise", &variables))
        }
        "roundtrip" => {
            let options = Options::read(rest, &["--events", "--seed"], &[])?;
            let events = options.number("--events")?.unwrap_or(10_000);
            let variables = [
                ("EVENSYNC_ROUNDTRIP_EVENTS", Some(events)),
                ("EVENSYNC_ROUNDTRIP_SEED", options.number("--seed")?),
            ];
            Ok(suite::run("what_goes_a_long_way_round_arrives_as_it_was", &variables))
        }
        "occurrences" => {
            let options = Options::read(rest, &["--series", "--seed"], &[])?;
            let series = options.number("--series")?.unwrap_or(2_000);
            let seed = options.number("--seed")?.unwrap_or_default();
            Ok(suite::script("occurrences", &[series, seed]))
        }
        "fuzz" => {
            let known = ["--requests", "--protocol", "--seed", "--round"];
            let options = Options::read(rest, &known, &[])?;
            let protocols = match options.text("--protocol") {
                None => vec![Protocol::Ews, Protocol::Graph],
                Some("ews") => vec![Protocol::Ews],
                Some("graph") => vec![Protocol::Graph],
                Some(other) => return Err(format!("no protocol '{other}'")),
            };
            let requests = options.number("--requests")?.unwrap_or(100_000);
            let seed = options.number("--seed")?.unwrap_or(1);
            Ok(fuzz(&protocols, requests, seed, options.number("--round")?))
        }
        "sim-bench" => {
            let options = Options::read(rest, &["--events", "--messages"], &[])?;
            let count = |name: &str, usual| {
                options.number(name).map(|number| number.map_or(usual, |n| n as usize))
            };
            let report = bench::run(count("--events", 10_000)?, count("--messages", 50_000)?);
            print!("{report}");
            Ok(if report.passes() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        "ci" => Options::read(rest, &[], &[]).map(|_none| suite::script("run", &[])),
        other => Err(format!("no command '{other}'")),
    }
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
