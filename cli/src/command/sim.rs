//! `sim`: the built-in Exchange as a server on loopback.

use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output;
use crate::signals::Signals;
use clap::ValueEnum;
use exchange_sim::server::{Certificate, Server};
use exchange_sim::store::World;
use exchange_sim::{ClockMode, Login, Profile, Seed, Sim, Throttle};
use jiff::Timestamp;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use tokio::sync::oneshot;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A mailbox to make (repeatable); without any, two are made.
    #[arg(long, value_name = "ADDRESS[:PASSWORD]")]
    mailbox: Vec<Login>,
    /// What the mailboxes hold at first: empty, demo, dir=PATH or events=N,messages=M.
    #[arg(long, default_value = "empty")]
    seed: Seed,
    /// Equal numbers give equal ids and contents; equal bytes with --start and --clock-rate 0.
    #[arg(long, value_name = "N", default_value_t = 1)]
    random_seed: u64,
    /// Which server to play.
    #[arg(long, value_enum, default_value_t = Played::ExchangeOnline)]
    profile: Played,
    /// How long each answer takes besides, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    latency: u64,
    /// Limits on requests.
    #[arg(long, value_enum, default_value_t = Limits::Off)]
    throttle: Limits,
    /// Whether every request is held against the published schema.
    #[arg(long, value_name = "BOOL", default_value_t = true, num_args = 0..=1,
          default_missing_value = "true", action = clap::ArgAction::Set)]
    strict: bool,
    /// When the virtual clock starts [default: now].
    #[arg(long, value_name = "TIME", value_parser = start_time)]
    start: Option<Timestamp>,
    /// How many times faster than real time the virtual clock goes; at 0 it stands still.
    #[arg(long, value_name = "N", default_value_t = 1)]
    clock_rate: u32,
    /// One page of changes in so many repeats an entry or is empty, as servers may; 0 for none.
    #[arg(long, value_name = "N", default_value_t = 8)]
    repeat_one_in: u64,
    /// Speak TLS, with a certificate made at the start; the line that says it is ready has it.
    #[arg(long)]
    tls: bool,
}

/// Reads a time at which the virtual clock can start.
fn start_time(text: &str) -> Result<Timestamp, String> {
    let start: Timestamp = text.parse().map_err(|_| "write 2026-11-25T08:00:00Z".to_owned())?;
    match (Timestamp::UNIX_EPOCH..World::END).contains(&start) {
        true => Ok(start),
        false => Err(format!("the clock goes from 1970 to {}", World::END)),
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Played {
    ExchangeOnline,
    #[value(name = "exchange-2019")]
    Exchange2019,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Limits {
    #[value(name = "graph-2026")]
    Graph2026,
    #[value(name = "graph-2026-fixed")]
    Graph2026Fixed,
    Off,
}

/// Serves until SIGINT or SIGTERM; a second one ends it at once.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    if !args.listen.ip().is_loopback() {
        return Err(Problem::usage(format!(
            "the built-in Exchange has no protection and listens on loopback only; {} is not; say \
             --listen 127.0.0.1:{}",
            args.listen.ip(),
            args.listen.port()
        )));
    }
    for (at, login) in args.mailbox.iter().enumerate() {
        let is_same = |other: &Login| other.address.eq_ignore_ascii_case(&login.address);
        if args.mailbox[..at].iter().any(is_same) {
            return Err(Problem::usage(format!("--mailbox {} is said twice", login.address)));
        }
    }
    let sim = Sim::new(config(args, context)?).map_err(|e| Problem::failed(e.to_string()))?;
    if let Some(report) = sim.with(|world| world.loaded.clone()) {
        output::note(format!("Seed: {report}."));
    }
    let mut server = Server::bind(sim, args.listen).await.map_err(|e| {
        Problem::failed(format!("can't listen on {} ({e}); is it in use?", args.listen))
    })?;
    if args.tls {
        let certificate = Certificate::generate().map_err(|e| Problem::failed(e.to_string()))?;
        server = server.with_certificate(certificate);
    }
    // Whoever reads that it is ready may ask it to end at once.
    let signals = Signals::listen()
        .map_err(|e| Problem::failed(format!("this machine gives no signals ({e})")))?;
    output::json(&server.ready_json());
    let done = serve(server, signals).await;
    done.map_err(|e| Problem::failed(format!("the built-in Exchange stopped ({e})")))?;
    Ok(Exit::Clean)
}

/// Serves until a signal comes and the requests under way are answered, or another one comes.
async fn serve(server: Server, mut signals: Signals) -> io::Result<()> {
    let (stop, stopping) = oneshot::channel::<()>();
    let mut served = pin!(server.serve(async {
        // It ends when the sender is dropped.
        let _dropped = stopping.await;
    }));
    tokio::select! {
        done = served.as_mut() => return done,
        () = signals.next() => drop(stop),
    }
    tokio::select! {
        done = served => done,
        () = signals.next() => Ok(()),
    }
}

fn config(args: &Args, context: &Context) -> Result<exchange_sim::Config, Problem> {
    let now = Timestamp::from_millisecond((context.clock)())
        .map_err(|e| Problem::failed(format!("this machine's clock can't be right ({e})")))?;
    Ok(exchange_sim::Config {
        profile: match args.profile {
            Played::ExchangeOnline => Profile::ExchangeOnline,
            Played::Exchange2019 => Profile::Exchange2019,
        },
        random_seed: args.random_seed,
        start: args.start.unwrap_or(now),
        clock: ClockMode::Running,
        clock_rate: args.clock_rate,
        latency_ms: args.latency,
        throttle: match args.throttle {
            Limits::Graph2026 => Throttle::Graph2026,
            Limits::Graph2026Fixed => Throttle::Graph2026Fixed,
            Limits::Off => Throttle::Off,
        },
        strict: args.strict,
        repeat_one_in: args.repeat_one_in,
        mailboxes: args.mailbox.clone(),
        seed: args.seed.clone(),
        ..exchange_sim::Config::default()
    })
}
