//! How many requests may be under way, the seam of fairness: who is above it is told to come back.
//!
//! Short requests and streams (watches, logs, exec, the sessions of nodes) are counted apart, so that a thousand watches do not
//! keep a write out. Joiners, who have no name yet, are counted apart too, so that strangers keep nobody out but each other;
//! probes are not counted, because a master that is busy is not broken. A permit is held until the answer's body has been sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, Uri};
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::rest;

/// Joiners at once: more than ever start together, and no load for anybody.
const MAX_JOINERS: usize = 64;
/// The longest a request may take, its body included. The faces have shorter deadlines of their own from when they have it;
/// adding a member, which waits until that has caught up, has the longest.
const REQUEST_PATIENCE: Duration = Duration::from_secs(75);
const JOIN_PATIENCE: Duration = Duration::from_secs(10);

/// Counts what is under way.
#[derive(Clone)]
pub struct InFlight {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    joiners: Arc<Semaphore>,
}

/// What a request is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Answered and done.
    Request,
    /// Lives as long as its caller wants.
    Stream,
    /// Somebody without a name wants to join.
    Join,
    /// Health or version: answered at once, to anybody.
    Probe,
}

impl Class {
    /// How long the head of the answer is waited for.
    pub fn patience(self) -> Option<Duration> {
        match self {
            Class::Request | Class::Probe => Some(REQUEST_PATIENCE),
            Class::Join => Some(JOIN_PATIENCE),
            Class::Stream => None,
        }
    }
}

/// The right to be under way.
pub struct Permit {
    _held: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    /// With these bounds.
    pub fn new(max_requests: usize, max_streams: usize) -> Self {
        let [requests, streams, joiners] =
            [max_requests, max_streams, MAX_JOINERS].map(|bound| Arc::new(Semaphore::new(bound)));
        Self { requests, streams, joiners }
    }

    /// The right to be under way, unless there are too many already.
    pub fn enter(&self, class: Class) -> Option<Permit> {
        let semaphore = match class {
            Class::Request => &self.requests,
            Class::Stream => &self.streams,
            Class::Join => &self.joiners,
            Class::Probe => return Some(Permit { _held: None }),
        };
        semaphore.clone().try_acquire_owned().ok().map(|held| Permit { _held: Some(held) })
    }
}

/// What a request of somebody is counted as.
pub fn classify<B>(request: &Request<B>, is_grpc: bool) -> Class {
    let is_stream = if is_grpc { is_grpc_stream(request.uri()) } else { rest::is_stream(request.uri()) };
    if is_stream { Class::Stream } else { Class::Request }
}

/// The answer, holding its permit until it is sent or dropped.
pub fn guard(answer: Response<Body>, permit: Permit) -> Response<Body> {
    answer.map(|inner| Body::new(Guarded { inner, _permit: permit }))
}

fn is_grpc_stream(uri: &Uri) -> bool {
    let streams = ["Watch", "Logs", "Exec", "PortForward"];
    let of_objects = uri.path().strip_prefix("/xebec.v1.Objects/");
    of_objects.is_some_and(|method| streams.contains(&method))
        || uri.path() == "/xebec.v1.Cluster/Snapshot"
        || uri.path().starts_with("/xebec.v1.Nodes/")
}

struct Guarded {
    inner: Body,
    _permit: Permit,
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, is_grpc: bool, expect: Class) {
        let request = Request::builder().uri(uri).body(()).unwrap();
        assert_eq!(classify(&request, is_grpc), expect, "{uri}");
    }

    #[test]
    fn streams_are_counted_apart() {
        check("/xebec.v1.Objects/Watch", true, Class::Stream);
        check("/xebec.v1.Nodes/Session", true, Class::Stream);
        check("/xebec.v1.Objects/List", true, Class::Request);
        check("/api/v1/pods?watch=true&resourceVersion=5", false, Class::Stream);
        check("/api/v1/pods?w%61tch=yes", false, Class::Stream);
        check("/api/v1/pods?watch=false", false, Class::Request);
        check("/api/v1/namespaces/a/pods/b/log?follow=true", false, Class::Stream);
        check("/api/v1/namespaces/a/pods/b/l%6fg/", false, Class::Stream);
        check("/api/v1/pods?labelSelector=watch%3Dtrue", false, Class::Request);
        check("/api/v1/pods", false, Class::Request);
    }

    #[test]
    fn only_streams_may_take_for_ever() {
        assert!([Class::Request, Class::Join, Class::Probe].iter().all(|class| class.patience().is_some()));
        assert_eq!(Class::Stream.patience(), None);
    }

    #[test]
    fn a_permit_lives_as_long_as_the_body() {
        let limits = InFlight::new(1, 0);
        assert!(limits.enter(Class::Stream).is_none());
        let permit = limits.enter(Class::Request).unwrap();
        let answer = guard(Response::new(Body::from("x")), permit);
        assert!(limits.enter(Class::Request).is_none());
        drop(answer);
        assert!(limits.enter(Class::Request).is_some());
    }
}
