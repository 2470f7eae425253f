//! One clock for all: the virtual clock of the built-in Exchange.

use exchange_sim::Sim;
use std::cell::RefCell;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

thread_local! {
    /// The Exchange whose clock counts on this thread.
    static SIM: RefCell<Option<Sim>> = const { RefCell::new(None) };
}

/// From now on the clock of `sim` is the clock of this thread.
pub fn follow(sim: &Sim) {
    SIM.set(Some(sim.clone()));
}

/// Milliseconds since 1970 UTC.
pub fn now_ms() -> i64 {
    SIM.with_borrow(|sim| sim.as_ref().map_or(0, |sim| sim.with(|w| w.now().as_millisecond())))
}

/// The same, as adapters ask for it.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(now_ms().unsigned_abs())
}

/// A tokio runtime in which every timer fires as soon as nothing else is to be done. Its timers are
/// driven by a thread of its own, since the driver blocks the thread that it is called from.
pub struct Timeless {
    pub handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Timeless {
    pub fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime without sockets");
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = runtime.block_on(stopped);
        });
        Self { handle, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Timeless {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
