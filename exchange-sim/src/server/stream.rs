//! Answers that go on: the connection stays, and documents follow as things happen.

use super::service::Service;
use crate::{Held, Next, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Frame, SizeHint};
use jiff::SignedDuration;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How often to look for something to send.
const PERIOD: Duration = Duration::from_millis(100);
/// Documents that wait for a client that doesn't read.
const WAITING_MAX: usize = 8;

/// The body of an answer.
pub(super) enum Answer {
    /// All of it.
    Whole(Full<Bytes>),
    /// What is there, and what comes later.
    Held(mpsc::Receiver<Bytes>),
}

/// Gives a response its body; one that goes on does so until `stopping` ends.
pub(super) fn answer(
    service: &Arc<Service>,
    mut response: Response,
    stopping: watch::Receiver<()>,
) -> http::Response<Answer> {
    let Some(held) = response.extensions_mut().remove::<Held>() else {
        return response.map(|body| Answer::Whole(Full::new(body)));
    };
    let (sender, documents) = mpsc::channel(WAITING_MAX);
    let (parts, first) = response.into_parts();
    tokio::spawn(go_on(Arc::clone(service), held, first, sender, stopping));
    http::Response::from_parts(parts, Answer::Held(documents))
}

async fn go_on(
    service: Arc<Service>,
    mut held: Held,
    first: Bytes,
    documents: mpsc::Sender<Bytes>,
    mut stopping: watch::Receiver<()>,
) {
    let began = Instant::now();
    if documents.send(first).await.is_err() {
        return;
    }
    loop {
        tokio::select! {
            () = tokio::time::sleep(PERIOD) => {}
            () = documents.closed() => return,
            _ = stopping.changed() => return,
        }
        let waited = SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX);
        let (document, last) = match service.go_on(&mut held, waited) {
            Next::Nothing => continue,
            Next::Document(document) => (document, false),
            Next::Last(document) => (document, true),
        };
        if documents.send(document.into()).await.is_err() || last {
            return;
        }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Answer::Whole(body) => Pin::new(body).poll_frame(context),
            Answer::Held(documents) => {
                documents.poll_recv(context).map(|document| document.map(|d| Ok(Frame::data(d))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Answer::Whole(body) => body.is_end_stream(),
            Answer::Held(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Answer::Whole(body) => body.size_hint(),
            Answer::Held(_) => SizeHint::default(),
        }
    }
}
