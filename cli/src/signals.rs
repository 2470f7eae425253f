//! Ctrl-C and SIGTERM: once to finish what is in flight and stop, twice to stop now. A rerun goes
//! on either way.

use crate::exit::Exit;
use crate::output;
use sync_driver::Stopper;

/// Listens from now on.
pub fn listen(stopper: Stopper) {
    tokio::spawn(async move {
        if asked().await {
            stopper.stop();
            output::note(
                "Stopping: what is in flight is finished first. Press Ctrl-C again to stop at once; \
                 the next run goes on either way.",
            );
            asked().await;
            std::process::exit(Exit::Partial.code().into());
        }
    });
}

/// Waits until someone asks; `false` if nobody ever can.
pub async fn asked() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return tokio::signal::ctrl_c().await.is_ok();
        };
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted.is_ok(),
            terminated = terminate.recv() => terminated.is_some(),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.is_ok()
}
