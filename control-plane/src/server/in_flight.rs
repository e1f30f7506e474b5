//! What is under way, counted: who is above a bound is told to come back.
//!
//! Short requests go through fair queuing ([`crate::fairness`]). Streams (watches, logs, exec, the sessions of nodes) are counted apart, so
//! that a thousand watches do not keep a write out, and by user, so that nobody has them all. Joiners, who have no name yet, are counted
//! apart too, so that strangers keep nobody out but each other; probes are not counted, because a master that is busy is not broken. A
//! permit is held until the answer's body has been sent.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::{Request, Uri};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::fairness::Seat;
use crate::rest;

/// Joiners at once: more than ever start together, and no load for anybody.
const MAX_JOINERS: usize = 64;
/// One user's part of the streams.
const USERS_PART: usize = 4;
/// The longest a request may take, its body included. The faces have shorter deadlines of their own from when they have it;
/// adding a member, which waits until that has caught up, has the longest.
const REQUEST_PATIENCE: Duration = Duration::from_secs(75);
const JOIN_PATIENCE: Duration = Duration::from_secs(10);

/// Counts what is under way.
#[derive(Clone)]
pub struct InFlight {
    streams: Arc<Semaphore>,
    joiners: Arc<Semaphore>,
    by_user: Arc<ByUser>,
}

/// Streams by user.
struct ByUser {
    most: usize,
    open: Mutex<BTreeMap<String, usize>>,
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
#[derive(Default)]
pub struct Permit {
    _held: Option<OwnedSemaphorePermit>,
    _of_user: Option<UsersPart>,
    seat: Option<Seat>,
}

impl Permit {
    /// The same, with a seat.
    #[must_use]
    pub fn with_seat(self, seat: Seat) -> Permit {
        Permit { seat: Some(seat), ..self }
    }

    /// Gives the seat back: a stream needs it until it has sent what there is.
    pub(super) fn stand_up(&mut self) {
        self.seat = None;
    }
}

/// One of a user's streams.
struct UsersPart {
    by_user: Arc<ByUser>,
    user: String,
}

impl ByUser {
    fn enter(self: &Arc<Self>, user: &str) -> Option<UsersPart> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(user.to_owned()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(UsersPart { by_user: self.clone(), user: user.to_owned() })
    }
}

impl Drop for UsersPart {
    fn drop(&mut self) {
        let mut open = self.by_user.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.user) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                open.remove(&self.user);
            }
        }
    }
}

impl InFlight {
    /// With so many streams at most, of which one user may have a quarter.
    pub fn new(max_streams: usize) -> Self {
        let [streams, joiners] = [max_streams, MAX_JOINERS].map(|bound| Arc::new(Semaphore::new(bound)));
        let by_user = Arc::new(ByUser { most: max_streams.div_ceil(USERS_PART), open: Mutex::default() });
        Self { streams, joiners, by_user }
    }

    /// The right of this user to be under way, unless there are too many already. A request needs a seat beside it.
    pub fn enter(&self, class: Class, user: &str) -> Option<Permit> {
        let semaphore = match class {
            Class::Request | Class::Probe => return Some(Permit::default()),
            Class::Stream => &self.streams,
            Class::Join => &self.joiners,
        };
        let of_user = match class {
            Class::Stream => Some(self.by_user.enter(user)?),
            _ => None,
        };
        let held = semaphore.clone().try_acquire_owned().ok()?;
        Some(Permit { _held: Some(held), _of_user: of_user, seat: None })
    }
}

/// What a request of somebody is counted as.
pub fn classify<B>(request: &Request<B>, is_grpc: bool) -> Class {
    let is_stream = match is_grpc {
        true => is_grpc_stream(request.uri()),
        false => rest::is_stream(request.method(), request.uri()),
    };
    if is_stream { Class::Stream } else { Class::Request }
}

fn is_grpc_stream(uri: &Uri) -> bool {
    let streams = ["Watch", "Logs", "Exec", "PortForward"];
    let of_objects = uri.path().strip_prefix("/xebec.v1.Objects/");
    of_objects.is_some_and(|method| streams.contains(&method))
        || uri.path() == "/xebec.v1.Cluster/Snapshot"
        || uri.path().starts_with("/xebec.v1.Nodes/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, is_grpc: bool, expect: Class) {
        let request = Request::builder().uri(uri).body(()).unwrap();
        assert_eq!(classify(&request, is_grpc), expect, "{uri}");
    }

    fn check_method(method: &str, uri: &str, expect: Class) {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        assert_eq!(classify(&request, false), expect, "{method} {uri}");
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
        check("/api/v1/namespaces/a/pods/b?watch=true", false, Class::Request);
        check("/api/v1/pods?labelSelector=watch%3Dtrue", false, Class::Request);
        check("/api/v1/pods", false, Class::Request);
    }

    #[test]
    fn what_is_asked_of_a_write_makes_it_no_stream() {
        for method in ["POST", "DELETE", "HEAD"] {
            check_method(method, "/api/v1/namespaces/a/pods?watch=1", Class::Request);
        }
        check_method("PUT", "/api/v1/namespaces/a/pods/b/log", Class::Request);
        check_method("DELETE", "/api/v1/namespaces/a/pods/b/exec", Class::Request);
        check_method("POST", "/api/v1/namespaces/a/pods/b/exec", Class::Stream);
    }

    #[test]
    fn only_streams_may_take_for_ever() {
        assert!([Class::Request, Class::Join, Class::Probe].iter().all(|class| class.patience().is_some()));
        assert_eq!(Class::Stream.patience(), None);
    }

    #[test]
    fn nobody_has_all_the_streams() {
        let limits = InFlight::new(8);
        let mut janes: Vec<Permit> = std::iter::from_fn(|| limits.enter(Class::Stream, "jane")).collect();
        assert_eq!(janes.len(), 2);
        assert!(limits.enter(Class::Stream, "joe").is_some());
        janes.pop();
        assert!(limits.enter(Class::Stream, "jane").is_some());
        let others: Vec<Permit> = (0..20).filter_map(|i| limits.enter(Class::Stream, &format!("u{i}"))).collect();
        assert_eq!(others.len() + janes.len(), 8, "and there are no more than all");
    }
}
