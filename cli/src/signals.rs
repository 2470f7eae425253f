//! Ctrl-C and SIGTERM: once to finish what is in flight and stop, twice to stop now. A rerun goes
//! on either way.

use crate::exit::Exit;
use crate::output;
use std::io;
use sync_driver::Stopper;

/// Listens from now on. Where the system gives no signals, they do what they do by default.
pub fn listen(stopper: Stopper) {
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::spawn(async move {
        signals.next().await;
        stopper.stop();
        output::note(
            "Stopping: what is in flight is finished first. Press Ctrl-C again to stop at once; \
             the next run goes on either way.",
        );
        signals.next().await;
        std::process::exit(Exit::Partial.code().into());
    });
}

/// The signals by which a command is asked to stop.
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Catches them from now on.
    pub fn listen() -> io::Result<Self> {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Waits for one.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        #[cfg(not(unix))]
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
