//! Answers on their way to readers who may be slow.
//!
//! An answer holds what it is made of, and its place among what is under way, until it is sent. A reader that takes nothing for too long
//! loses it: what the answer holds is dropped at once, even while the connection stands still, and the answer ends with an error. A stream
//! that has nothing to say waits for as long as it likes; only what is ready and not taken counts.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::in_flight::{Class, Permit};

/// How long a reader of a short answer may take nothing.
const SHORT_PATIENCE: Duration = Duration::from_secs(60);
/// The same for streams: a terminal that somebody has stopped is left alone for longer.
const STREAM_PATIENCE: Duration = Duration::from_secs(300);
/// How often readers are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// All answers that are being read.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    start: Instant,
    next: AtomicU64,
    answers: Mutex<BTreeMap<u64, Weak<Answer>>>,
}

/// An answer that is being read.
struct Answer {
    id: u64,
    shared: Arc<Shared>,
    patience: Duration,
    /// When the reader was last given something it has not come back from, in milliseconds since the start; zero while the answer
    /// itself has nothing.
    given: AtomicU64,
    held: Mutex<Option<Held>>,
}

struct Held {
    body: Body,
    permit: Permit,
}

impl Default for Readers {
    fn default() -> Self {
        let shared = Shared { start: Instant::now(), next: AtomicU64::new(0), answers: Mutex::default() };
        Readers { shared: Arc::new(shared) }
    }
}

impl Readers {
    /// The answer, holding its permit until it is sent or dropped, or its reader was too slow.
    pub fn guard(&self, answer: Response<Body>, permit: Permit, class: Class) -> Response<Body> {
        answer.map(|body| Body::new(Reading { answer: self.enter(body, permit, class), body_ended: false }))
    }

    fn enter(&self, body: Body, permit: Permit, class: Class) -> Arc<Answer> {
        let id = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let answer = Arc::new(Answer {
            id,
            shared: self.shared.clone(),
            patience: if class == Class::Stream { STREAM_PATIENCE } else { SHORT_PATIENCE },
            given: AtomicU64::new(self.shared.now_ms()),
            held: Mutex::new(Some(Held { body, permit })),
        });
        self.shared.answers().insert(id, Arc::downgrade(&answer));
        answer
    }

    /// Takes answers from readers that do not take them, until shutdown.
    pub async fn watch(self, shutdown: CancellationToken) {
        let work = async {
            loop {
                tokio::time::sleep(LOOK).await;
                self.look(self.shared.now_ms());
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    fn look(&self, now_ms: u64) {
        let answers: Vec<Arc<Answer>> = self.shared.answers().values().filter_map(Weak::upgrade).collect();
        for answer in answers.iter().filter(|answer| answer.is_stuck(now_ms)) {
            drop(answer.held().take());
            tracing::debug!("an answer was not read in time: dropped");
        }
    }
}

impl Shared {
    /// At least 1.
    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn answers(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Answer>>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stuck(&self, now_ms: u64) -> bool {
        let given = self.given.load(Ordering::Relaxed);
        given > 0 && Duration::from_millis(now_ms.saturating_sub(given)) > self.patience
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut held = self.held();
        let Some(inner) = held.as_mut() else {
            return Poll::Ready(Some(Err(axum::Error::new("the answer was not read in time"))));
        };
        let polled = Pin::new(&mut inner.body).poll_frame(cx);
        match &polled {
            Poll::Ready(_) => self.given.store(self.shared.now_ms(), Ordering::Relaxed),
            Poll::Pending => {
                self.given.store(0, Ordering::Relaxed);
                inner.permit.stand_up();
            }
        }
        polled
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.shared.answers().remove(&self.id);
    }
}

struct Reading {
    answer: Arc<Answer>,
    body_ended: bool,
}

impl HttpBody for Reading {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.body_ended {
            return Poll::Ready(None);
        }
        let polled = std::task::ready!(self.answer.poll(cx));
        self.body_ended = !matches!(polled, Some(Ok(_)));
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body_ended || self.answer.held().as_ref().is_some_and(|held| held.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.answer.held().as_ref().map_or_else(SizeHint::default, |held| held.body.size_hint())
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::server::in_flight::InFlight;

    fn in_ms(later: Duration) -> u64 {
        u64::try_from(later.as_millis()).unwrap()
    }

    fn stream(readers: &Readers, limits: &InFlight, body: Body) -> Body {
        let permit = limits.enter(Class::Stream, "jane").unwrap();
        readers.guard(Response::new(body), permit, Class::Stream).into_body()
    }

    #[tokio::test]
    async fn a_permit_lives_as_long_as_the_body() {
        let (readers, limits) = (Readers::default(), InFlight::new(1));
        let body = stream(&readers, &limits, Body::from("x"));
        assert!(limits.enter(Class::Stream, "jane").is_none());
        drop(body);
        assert!(limits.enter(Class::Stream, "jane").is_some());
        assert!(readers.shared.answers().is_empty());
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_loses_the_answer_and_its_place() {
        let (readers, limits) = (Readers::default(), InFlight::new(1));
        let endless = futures::stream::repeat_with(|| Ok::<_, std::convert::Infallible>("more"));
        let mut body = stream(&readers, &limits, Body::from_stream(endless));
        assert!(body.frame().await.unwrap().is_ok());
        readers.look(in_ms(STREAM_PATIENCE / 2));
        assert!(body.frame().await.unwrap().is_ok());
        readers.look(in_ms(STREAM_PATIENCE + LOOK));
        assert!(limits.enter(Class::Stream, "joe").is_some());
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn a_quiet_stream_may_be_quiet() {
        let (readers, limits) = (Readers::default(), InFlight::new(1));
        let quiet = Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>());
        let mut body = stream(&readers, &limits, quiet);
        assert!(futures::poll!(body.frame()).is_pending());
        readers.look(in_ms(STREAM_PATIENCE * 10));
        assert!(limits.enter(Class::Stream, "joe").is_none());
    }
}
