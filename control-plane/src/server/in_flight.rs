//! How many requests may be under way, the seam of fairness: who is above it is told to come back.
//!
//! Short requests and streams (watches, logs, exec, the sessions of nodes) are counted apart, so that a thousand watches do not
//! keep a write out. A permit is held until the answer's body has been sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, Uri};
use http_body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counts what is under way.
#[derive(Clone)]
pub struct InFlight {
    requests: Arc<Semaphore>,
    streams: Arc<Semaphore>,
}

/// What a request is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Answered and done.
    Request,
    /// Lives as long as its caller wants.
    Stream,
}

/// The right to be under way.
pub struct Permit {
    _held: OwnedSemaphorePermit,
}

impl InFlight {
    /// With these bounds.
    pub fn new(max_requests: usize, max_streams: usize) -> Self {
        Self { requests: Arc::new(Semaphore::new(max_requests)), streams: Arc::new(Semaphore::new(max_streams)) }
    }

    /// The right to be under way, unless there are too many already.
    pub fn enter(&self, class: Class) -> Option<Permit> {
        let semaphore = match class {
            Class::Request => &self.requests,
            Class::Stream => &self.streams,
        };
        semaphore.clone().try_acquire_owned().ok().map(|held| Permit { _held: held })
    }
}

/// What a request is counted as.
pub fn classify<B>(request: &Request<B>, is_grpc: bool) -> Class {
    let is_stream = if is_grpc { is_grpc_stream(request.uri()) } else { is_rest_stream(request.uri()) };
    if is_stream { Class::Stream } else { Class::Request }
}

/// The answer, holding its permit until it is sent or dropped.
pub fn guard(answer: Response<Body>, permit: Permit) -> Response<Body> {
    answer.map(|inner| Body::new(Guarded { inner, _permit: permit }))
}

fn is_grpc_stream(uri: &Uri) -> bool {
    let streams = ["Watch", "Logs", "Exec", "PortForward"];
    let of_objects = uri.path().strip_prefix("/xebec.v1.Objects/");
    of_objects.is_some_and(|method| streams.contains(&method)) || uri.path().starts_with("/xebec.v1.Nodes/")
}

fn is_rest_stream(uri: &Uri) -> bool {
    let path = uri.path();
    let endings = ["/exec", "/attach", "/portforward", "/log", "/proxy"];
    let watches = |query: &str| query.split('&').any(|pair| matches!(pair, "watch=true" | "watch=1" | "watch"));
    endings.iter().any(|ending| path.ends_with(ending)) || path.contains("/watch/") || uri.query().is_some_and(watches)
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
        check("/api/v1/watch/pods", false, Class::Stream);
        check("/api/v1/namespaces/a/pods/b/log?follow=true", false, Class::Stream);
        check("/api/v1/pods?labelSelector=watch%3Dtrue", false, Class::Request);
        check("/api/v1/pods", false, Class::Request);
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
