//! How much is asked of one mailbox at a time.

use crate::requests::{calendar, listing};
use crate::script::{MAILBOX, credential, json, remote};
use async_trait::async_trait;
use entra_auth::DEFAULT_AUTHORITY;
use futures_util::future::join_all;
use graph_adapter::Config;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use sync_core::port::Remote;
use wire::{Request, Response, Transport};

/// Counts what is on its way: a batch as the four steps that the service runs at a time.
#[derive(Default)]
struct Gauge {
    now: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Transport for Gauge {
    async fn send(&self, request: Request) -> Result<Response, wire::Error> {
        if request.uri().path().ends_with("/token") {
            return json(200, json!({"token_type": "Bearer", "access_token": "t"}));
        }
        let weight = if request.uri().path().ends_with("/$batch") { 4 } else { 1 };
        let now = self.now.fetch_add(weight, Ordering::SeqCst) + weight;
        self.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        self.now.fetch_sub(weight, Ordering::SeqCst);
        json(200, json!({"value": [], "responses": []}))
    }
}

#[tokio::test(start_paused = true)]
async fn four_at_a_time_and_no_more() {
    let gauge = Arc::new(Gauge::default());
    let config = Config::new(MAILBOX, "s1");
    let remote = remote(config, gauge.clone(), credential(DEFAULT_AUTHORITY));
    let (calendar, listing, ids) = (calendar(), listing(), ["E1".into(), "E2".into()]);
    let pulls = (0..9).map(|_| remote.pull(&calendar, Some(&listing)));
    join_all(pulls).await.into_iter().for_each(|page| drop(page.unwrap()));
    assert_eq!(gauge.most.load(Ordering::SeqCst), 4);

    let pulls = join_all((0..9).map(|_| remote.pull(&calendar, Some(&listing))));
    let fetches = join_all((0..3).map(|_| remote.fetch(&calendar, &ids)));
    // The batches have no answers here; what counts is when they are sent.
    let (_, fetched) = tokio::join!(pulls, fetches);
    assert!(fetched.iter().all(Result::is_err));
    assert_eq!(gauge.most.load(Ordering::SeqCst), 4);
}
