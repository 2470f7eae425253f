//! `sim`: the built-in Exchange as a server on loopback.

use crate::context::Context;
use crate::exit::{Exit, Problem};
use crate::output;
use crate::signals::Signals;
use clap::ValueEnum;
use exchange_sim::server::{Certificate, Server};
use exchange_sim::{ClockMode, DEFAULT_PASSWORD, Login, Profile, Seed, Sim, Throttle};
use std::net::SocketAddr;
use std::str::FromStr;

/// What may be said.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A mailbox to make (repeatable); without any, two are made.
    #[arg(long, value_name = "ADDRESS[:PASSWORD]")]
    mailbox: Vec<Mailbox>,
    /// What the mailboxes hold at first: empty, demo, dir=PATH or events=N,messages=M.
    #[arg(long, default_value = "empty")]
    seed: Seed,
    /// Equal numbers give equal ids, contents and faults.
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
    /// How many times faster than real time the virtual clock goes.
    #[arg(long, value_name = "N", default_value_t = 1)]
    clock_rate: u32,
    /// Speak TLS, with a certificate made at the start; the line that says it is ready has it.
    #[arg(long)]
    tls: bool,
}

/// A mailbox and its password.
#[derive(Debug, Clone)]
struct Mailbox(Login);

impl FromStr for Mailbox {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, password) = text.split_once(':').unwrap_or((text, DEFAULT_PASSWORD));
        let is_address = address.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && !domain.is_empty() && !domain.contains('@')
        });
        if !is_address || address.contains(char::is_whitespace) || password.is_empty() {
            return Err("write ADDRESS or ADDRESS:PASSWORD".to_owned());
        }
        Ok(Self(Login { address: address.to_owned(), password: password.to_owned() }))
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

/// Serves until SIGINT or SIGTERM.
pub async fn run(args: &Args, context: &Context) -> Result<Exit, Problem> {
    if !args.listen.ip().is_loopback() {
        return Err(Problem::usage(format!(
            "the built-in Exchange has no protection and listens on loopback only; {} is not; say \
             --listen 127.0.0.1:{}",
            args.listen.ip(),
            args.listen.port()
        )));
    }
    let config = exchange_sim::Config {
        profile: match args.profile {
            Played::ExchangeOnline => Profile::ExchangeOnline,
            Played::Exchange2019 => Profile::Exchange2019,
        },
        random_seed: args.random_seed,
        start: jiff::Timestamp::from_millisecond((context.clock)())
            .map_err(|e| Problem::failed(format!("this machine's clock can't be right ({e})")))?,
        clock: ClockMode::Running,
        clock_rate: args.clock_rate,
        latency_ms: args.latency,
        throttle: match args.throttle {
            Limits::Graph2026 => Throttle::Graph2026,
            Limits::Graph2026Fixed => Throttle::Graph2026Fixed,
            Limits::Off => Throttle::Off,
        },
        strict: args.strict,
        mailboxes: args.mailbox.iter().map(|mailbox| mailbox.0.clone()).collect(),
        seed: args.seed.clone(),
        ..exchange_sim::Config::default()
    };
    let sim = Sim::new(config).map_err(|e| Problem::failed(e.to_string()))?;
    let mut server = Server::bind(sim, args.listen).await.map_err(|e| {
        Problem::failed(format!("can't listen on {} ({e}); is it in use?", args.listen))
    })?;
    if args.tls {
        let certificate = Certificate::generate().map_err(|e| Problem::failed(e.to_string()))?;
        server = server.with_certificate(certificate);
    }
    // Whoever reads that it is ready may ask it to end at once.
    let mut signals = Signals::listen()
        .map_err(|e| Problem::failed(format!("this machine gives no signals ({e})")))?;
    output::json(&server.ready_json());
    let done = server.serve(async move { signals.next().await });
    done.await.map_err(|e| Problem::failed(format!("the built-in Exchange stopped ({e})")))?;
    Ok(Exit::Clean)
}
