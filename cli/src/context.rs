//! Where a command runs: the clock, the dice and the network, real or built in.

use crate::exit::Problem;
use exchange_sim::{Sim, SimTransport};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use sync_driver::Stopper;
use wire::Transport;

/// The version of evensync, as the journal keeps it.
pub const BUILD: &str = env!("CARGO_PKG_VERSION");

/// What a command has around it.
pub struct Context {
    /// The time, in milliseconds since 1970 UTC.
    pub clock: fn() -> i64,
    /// The same, as the adapters ask for it.
    pub now: fn() -> SystemTime,
    /// The dice.
    pub dice: Dice,
    /// Who carries requests.
    pub network: Network,
    /// How runs are asked to stop.
    pub stopper: Stopper,
}

impl Context {
    /// This machine.
    pub fn machine() -> Self {
        Self {
            clock: now_ms,
            now: system_time,
            dice: Dice::System,
            network: Network::Real,
            stopper: Stopper::default(),
        }
    }

    /// A name for a run: when it began, and something that tells it from others of that second.
    pub fn run_name(&self) -> Result<String, Problem> {
        let at = chrono::DateTime::from_timestamp_millis((self.clock)()).unwrap_or_default();
        let bytes = self.dice.bytes()?;
        Ok(format!(
            "{}-{:02x}{:02x}{:02x}",
            at.format("%Y%m%dT%H%M%S"),
            bytes[0],
            bytes[1],
            bytes[2]
        ))
    }
}

/// Where random numbers come from.
pub enum Dice {
    /// The operating system.
    System,
    /// A sequence that is the same every time, for shows only.
    Loaded(AtomicU64),
}

impl Dice {
    /// 32 random bytes.
    pub fn bytes(&self) -> Result<[u8; 32], Problem> {
        let mut bytes = [0; 32];
        match self {
            Self::System => getrandom::fill(&mut bytes).map_err(|e| {
                Problem::failed(format!(
                    "this machine gives no random numbers ({e}); nothing was done"
                ))
            })?,
            Self::Loaded(sequence) => {
                let number = sequence.fetch_add(1, Ordering::Relaxed);
                let mixed = items::Digester::new([7; 32]).text("dice", &number.to_string());
                bytes[..16].copy_from_slice(mixed.as_bytes());
                bytes[16..].copy_from_slice(mixed.as_bytes());
            }
        }
        Ok(bytes)
    }

    /// 64 random bits.
    pub fn number(&self) -> Result<u64, Problem> {
        let bytes = self.bytes()?;
        Ok(bytes[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}

/// Who carries requests.
pub enum Network {
    /// The network.
    Real,
    /// A built-in Exchange in this process, whatever host is asked.
    BuiltIn(Sim),
}

impl Network {
    /// A transport of its own, for one mailbox.
    pub fn transport(&self) -> Result<Arc<dyn Transport>, Problem> {
        Ok(match self {
            Self::Real => {
                Arc::new(wire::client::Client::new().map_err(|e| Problem::failed(e.to_string()))?)
            }
            Self::BuiltIn(sim) => Arc::new(SimTransport::new(sim.clone())),
        })
    }
}

/// A moment to measure from, for people who wait: no decision depends on it.
#[allow(clippy::disallowed_methods, reason = "the command is where time comes in")]
pub fn instant() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "the command is where time comes in")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

fn now_ms() -> i64 {
    let since = system_time().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
