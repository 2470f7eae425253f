//! Many seeds of the whole stack: people, faults and kills, and then rest.

use super::chaos::{Kill, Meddler};
use super::clock::Timeless;
use super::judge::Judge;
use super::look::Look;
use super::people::People;
use super::stage::{Going, Kind, Setup, Stage};
use exchange_sim::store::rng::Rng;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use sync_core::engine::{Ended, Report, Stop};
use sync_core::ids::ReplicaId;
use sync_core::policy::Rule;

/// Seeds of one test run.
const SEEDS: u64 = 300;
/// The same with series among the events.
const SERIES_SEEDS: u64 = 200;
const THREADS: usize = 2;
/// Runs after the last fault until nothing is left to do.
const RUNS_TO_REST_MAX: usize = 5;

const PAIRS: [[Kind; 2]; 6] = [
    [Kind::Ews, Kind::Graph],
    [Kind::Ews, Kind::Graph],
    [Kind::Graph, Kind::Ews],
    [Kind::Ews, Kind::Local],
    [Kind::Graph, Kind::Local],
    [Kind::Ews, Kind::Ews],
];

const FAULTS: [&str; 12] = [
    "drop-before",
    "drop-after",
    "drop-after",
    "delay-after",
    "throttle",
    "busy",
    "unavailable",
    "truncate",
    "html",
    "expire-cursor",
    "control-characters",
    "revoke-token",
];

/// What a seed stands for.
#[derive(Debug)]
struct Options {
    kinds: [Kind; 2],
    rule: Rule,
    items: [u64; 3],
    runs: u64,
    faults_max: u64,
    kill_percent: u64,
    /// How often someone acts between two requests.
    meddle_percent: u64,
}

impl Options {
    fn of(rng: &mut Rng) -> Self {
        let quiet = rng.below(6) == 0;
        Self {
            kinds: *rng.pick(&PAIRS),
            rule: *rng.pick(&[
                Rule::Prefer(ReplicaId::A),
                Rule::Prefer(ReplicaId::B),
                Rule::Newest,
            ]),
            items: [rng.below(5), rng.below(5), rng.below(3)],
            runs: 1 + rng.below(4),
            faults_max: if quiet { 0 } else { rng.below(5) },
            kill_percent: if quiet { 0 } else { rng.below(70) },
            meddle_percent: [0, 0, 4, 12][rng.below(4) as usize],
        }
    }
}

#[test]
fn no_seed_of_the_whole_stack_breaks_a_promise() {
    many("EVENSYNC_STACK_SEED", "no_seed_of_the_whole_stack", SEEDS, 0);
}

#[test]
fn no_seed_of_series_breaks_a_promise() {
    many("EVENSYNC_SERIES_SEED", "no_seed_of_series", SERIES_SEEDS, 70);
}

/// As many seeds as the variable says whose name is `variable` and an S, or the one that `variable`
/// tells, of the test called `test`.
fn many(variable: &str, test: &str, seeds: u64, series_percent: u64) {
    let given = |name: &str| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
    };
    if let Some(seed) = given(variable) {
        let timeless = Arc::new(Timeless::new());
        let done = attempt(seed, series_percent, &timeless, &Judge::default());
        return done.unwrap_or_else(|what| panic!("{what}"));
    }
    let seeds = given(&format!("{variable}S")).unwrap_or(seeds);
    let (next, failures, judge) = (AtomicU64::new(0), Mutex::new(vec![]), Judge::default());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let timeless = Arc::new(Timeless::new());
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    if let Err(what) = attempt(seed, series_percent, &timeless, &judge) {
                        let again =
                            format!("{variable}={seed} cargo test -p evensync-tests {test}");
                        let what = format!("{what}\n{again}");
                        failures.lock().expect("no panic").push((seed, what));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic");
    let told: Vec<&str> = failures.iter().take(3).map(|(_, what)| what.as_str()).collect();
    let failed: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    assert!(
        failed.is_empty(),
        "{} of {seeds} failed: {failed:?}\n{}",
        failed.len(),
        told.join("\n")
    );
    judge.verdict();
}

fn attempt(
    seed: u64,
    series_percent: u64,
    timeless: &Arc<Timeless>,
    judge: &Judge,
) -> Result<(), String> {
    let log = Mutex::new(String::new());
    let simulated = || simulate(seed, series_percent, timeless, judge, &log);
    let done = catch_unwind(AssertUnwindSafe(simulated));
    let what = match done {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(what)) => what,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
                .unwrap_or_default()
        }
    };
    let log = log.into_inner().unwrap_or_else(|log| log.into_inner());
    Err(format!("SEED={seed}: {what}\n{log}"))
}

fn simulate(
    seed: u64,
    series_percent: u64,
    timeless: &Arc<Timeless>,
    judge: &Judge,
    log: &Mutex<String>,
) -> Result<(), String> {
    let rng = &mut Rng::new(seed);
    let options = Options::of(rng);
    let note = |line: String| log.lock().expect("no panic").push_str(&(line + "\n"));
    note(format!("{options:?}"));
    let [a, b] = options.kinds;
    let setup = Setup { random_seed: seed, rule: options.rule, ..Setup::of(a, b) };
    let mut stage = Stage::new(setup, timeless);
    let people = People::new(stage.places.clone(), Rng::fork(seed, "people"), series_percent);
    let people = Arc::new(Mutex::new(people));
    let told = |people: &Mutex<People>| {
        for line in std::mem::take(&mut people.lock().expect("no panic").log) {
            note(format!("    {line}"));
        }
    };
    {
        let mut people = people.lock().expect("no panic");
        (0..options.items[0]).for_each(|_| people.create(0));
        (0..options.items[1]).for_each(|_| people.create(1));
        (0..options.items[2]).for_each(|_| people.share());
    }
    for _ in 0..options.runs {
        for _ in 0..rng.below(5) {
            people.lock().expect("no panic").act();
        }
        stage.pass(1 + rng.below(900));
        for _ in 0..rng.below(options.faults_max + 1) {
            note(plant_fault(&stage, rng));
        }
        let kill = (rng.below(100) < options.kill_percent).then(|| a_kill(rng));
        let meddler = meddler(&people, options.meddle_percent, rng);
        told(&people);
        let ended = stage.run_as(Going { kill, meddler, ..Going::default() });
        told(&people);
        note(format!("run {kill:?}: {}", briefly(&ended)));
        if let Ok(Report { ended: Ended::Braked { number, .. }, .. }) = ended {
            let again = Going { allowed: Some(number), ..Going::default() };
            note(format!("agreed: {}", briefly(&stage.run_as(again))));
        }
        people.lock().expect("no panic").ledger.settle(&stage.looks());
    }
    stage.sim.with(|world| world.faults.clear());
    stage.pass(1 + rng.below(200));
    rest(&mut stage, &note)?;
    let mut people = people.lock().expect("no panic");
    let looks: [Vec<Look>; 2] = stage.looks();
    people.ledger.settle(&looks);
    let mut kept = stage.kept();
    if options.meddle_percent > 0 {
        // EWS deletes whatever was edited since the check before it: the edit lies in the trash.
        let ews = stage.places.iter().zip(options.kinds).filter(|(_, kind)| *kind == Kind::Ews);
        kept.extend(ews.flat_map(|(place, _)| place.trashed()));
    }
    let mut complaints = people.ledger.complaints(&looks, &kept);
    complaints.extend(stage.complaints());
    judge.take(&stage.sim);
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

/// Runs until nothing is left to do, and once more.
fn rest(stage: &mut Stage, note: &dyn Fn(String)) -> Result<(), String> {
    let mut allowed = None;
    for _ in 0..RUNS_TO_REST_MAX {
        let ended = stage.run_as(Going { allowed: allowed.take(), ..Going::default() });
        note(format!("at rest: {}", briefly(&ended)));
        let report = ended.map_err(|stop| format!("a run without faults stops: {stop}"))?;
        if let Ended::Braked { number, .. } = report.ended {
            allowed = Some(number);
            continue;
        }
        if report.ended == Ended::Clean && report.undecided == 0 && report.writes() == 0 {
            return if report.exit() == 0 {
                Ok(())
            } else {
                Err(format!("exit {} at rest: {report:?}", report.exit()))
            };
        }
        stage.pass(60);
    }
    Err(format!("not at rest after {RUNS_TO_REST_MAX} runs"))
}

fn plant_fault(stage: &Stage, rng: &mut Rng) -> String {
    let kind = *rng.pick::<&str>(&FAULTS);
    let service = *rng.pick::<&str>(&["ews", "graph"]);
    let fault = serde_json::json!({
        "match": {"service": service, "nth": 1 + rng.below(12)},
        "do": kind,
        "times": 1 + rng.below(2),
        "seconds": 1 + rng.below(60),
    });
    let told = fault.to_string();
    stage.sim.with(|world| {
        world.faults.add(serde_json::from_value(fault).expect("a fault as it is documented"));
    });
    told
}

fn a_kill(rng: &mut Rng) -> Kill {
    let n = 1 + rng.below(25);
    match rng.below(4) {
        0 => Kill::BeforeRequest(n),
        1 => Kill::AfterRequest(n),
        2 => Kill::BeforeCommit(n),
        _ => Kill::AfterCommit(n),
    }
}

fn meddler(people: &Arc<Mutex<People>>, percent: u64, rng: &mut Rng) -> Option<Meddler> {
    if percent == 0 {
        return None;
    }
    let people = people.clone();
    let mut rng = Rng::new(rng.next_u64());
    let mut left = 6;
    Some(Box::new(move || {
        if left > 0 && rng.below(100) < percent {
            left -= 1;
            people.lock().expect("no panic").act();
        }
    }))
}

fn briefly(ended: &Result<Report, Stop>) -> String {
    match ended {
        Err(stop) => format!("stopped: {stop}"),
        Ok(report) => format!(
            "{:?}, {} writes, {} in doubt, {} recovered, {} undecided, {} conflicts, refused {:?}",
            report.ended,
            report.writes(),
            report.doubts,
            report.recovered,
            report.undecided,
            report.conflicts,
            report.refused,
        ),
    }
}
