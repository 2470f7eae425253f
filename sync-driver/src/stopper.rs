//! How a run is asked to stop: what is in flight is finished and recorded first.

use std::sync::Arc;
use tokio::sync::watch;

/// Asks runs to stop. Clones ask the same runs.
#[derive(Debug, Clone)]
pub struct Stopper(Arc<watch::Sender<bool>>);

impl Default for Stopper {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Stopper {
    /// Asks.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Whether someone asked.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until someone asks.
    pub async fn stopped(&self) {
        let mut receiver = self.0.subscribe();
        // The sender lives as long as `self`, so this ends only when someone asked.
        let _ = receiver.wait_for(|stopped| *stopped).await;
    }
}
