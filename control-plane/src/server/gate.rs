//! The one door of the API: every request passes here, whether gRPC or REST. A short one has a deadline from here on, so that
//! who never sends the body holds no place for ever.
//!
//! ```text
//! connection (certificate, address) ─► authenticated? ─► somebody, or a path that is open to all? ─► a fair turn, below the bounds? ─┬─► gRPC services
//!                                      else 401          else 401                                   else 429                           └─► REST router
//! ```

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tower::ServiceExt;
use xebec_api::Status;

use super::in_flight::{Class, InFlight, Permit, classify};
use super::listener::Acquainted;
use super::reading::Readers;
use crate::audit::Auditor;
use crate::authn::{Authenticator, User};
use crate::fairness::{Classification, Fairness};
use crate::metrics::RequestMetrics;
use crate::request_info::RequestInfo;
use crate::rest;

/// What anybody may call.
const OPEN_PATHS: [&str; 3] = ["/livez", "/readyz", "/version"];
const OPEN_CALL: &str = "/xebec.v1.Bootstrap/Join";
const FLOW_SCHEMA: header::HeaderName = header::HeaderName::from_static("x-kubernetes-pf-flowschema-uid");
const PRIORITY_LEVEL: header::HeaderName = header::HeaderName::from_static("x-kubernetes-pf-prioritylevel-uid");
/// When to come back after a 429, in seconds.
const RETRY_AFTER: u32 = 1;

/// The door.
#[derive(Clone)]
pub struct Gate {
    grpc: Router,
    rest: Router,
    doors: Doors,
    observers: Observers,
    authenticator: Arc<Authenticator>,
}

/// Who hears of every request.
#[derive(Clone)]
pub struct Observers {
    /// In numbers.
    pub metrics: RequestMetrics,
    /// One by one.
    pub audit: Auditor,
}

/// What decides how much is under way.
#[derive(Clone)]
pub struct Doors {
    /// How many streams and joiners.
    pub in_flight: InFlight,
    /// Whose request is next.
    pub fairness: Fairness,
    /// How long answers wait to be read.
    pub readers: Readers,
    /// How many objects there are of what a request lists.
    pub objects: Arc<dyn Fn(&RequestInfo) -> u64 + Send + Sync>,
}

/// Objects of a list that are as much work as a request about one.
const OBJECTS_A_SEAT: u64 = 2_000;
/// The most seats that a list takes.
const MOST_SEATS: u64 = 10;

/// A right to be under way, and which objects decided about it.
struct Entry {
    permit: Permit,
    by: Classification,
}

impl Doors {
    /// Waits for the request's turn, or says that there are too many.
    async fn enter(
        &self,
        class: Class,
        user: Option<&User>,
        info: &RequestInfo,
    ) -> Result<Entry, (Status, Classification)> {
        let name = user.map_or("", |user| user.name.as_str());
        let too_many = || Status::too_many_requests("too many requests are under way", RETRY_AFTER);
        let Some(permit) = self.in_flight.enter(class, name) else {
            return Err((too_many(), Classification::default()));
        };
        let takes_turns = class == Class::Request || info.verb == "watch";
        let Some(user) = user.filter(|_| takes_turns) else {
            return Ok(Entry { permit, by: Classification::default() });
        };
        match self.fairness.enter(user, info, self.seats(info)).await {
            Ok(admitted) => Ok(Entry { permit: permit.with_seat(admitted.seat), by: admitted.by }),
            Err(refused) => Err((too_many(), refused.by)),
        }
    }

    /// The more objects a list reads, the more seats it takes.
    fn seats(&self, info: &RequestInfo) -> u32 {
        if info.verb != "list" {
            return 1;
        }
        let objects = (self.objects)(info);
        let read = if info.limit == 0 { objects } else { objects.min(info.limit) };
        u32::try_from((read / OBJECTS_A_SEAT + 1).min(MOST_SEATS)).unwrap_or(1)
    }
}

impl Gate {
    /// In front of these, for whom the authenticator knows.
    pub fn new(
        grpc: Router,
        rest: Router,
        doors: Doors,
        observers: Observers,
        authenticator: Arc<Authenticator>,
    ) -> Self {
        Self { grpc, rest, doors, observers, authenticator }
    }

    /// Answers one request, which carries its caller's certificate when there is one.
    pub async fn answer(&self, mut request: Request<Body>) -> Response<Body> {
        let is_grpc = is_grpc(&request);
        let introduced = self.introduce(&mut request).await;
        let class = class(&request, is_grpc);
        let info = match is_grpc {
            true => RequestInfo::of_grpc(request.uri().path()),
            false => rest::info(request.method(), request.uri()),
        };
        let account = self.observers.metrics.begin(&request, is_grpc, class);
        let record = self.observers.audit.begin(&mut request, &info, class);
        record.close(account.close(match introduced {
            Ok(()) => self.admit(request, is_grpc, class, &info).await,
            Err(status) => refuse(is_grpc, &status),
        }))
    }

    /// Finds out who asks. From here on the request carries `Arc<User>` when its caller is somebody.
    async fn introduce(&self, request: &mut Request<Body>) -> Result<(), Status> {
        let headers = std::mem::take(request.headers_mut());
        let introduced = self.authenticator.introduce(request.extensions_mut(), &headers).await;
        *request.headers_mut() = headers;
        introduced?;
        if let (Some(_), Some(acquainted)) =
            (request.extensions().get::<Arc<User>>(), request.extensions().get::<Acquainted>())
        {
            acquainted.set();
        }
        Ok(())
    }

    async fn admit(&self, request: Request<Body>, is_grpc: bool, class: Class, info: &RequestInfo) -> Response<Body> {
        if request.extensions().get::<Arc<User>>().is_none() && !is_open(&request, is_grpc) {
            return refuse(is_grpc, &Status::unauthorized());
        }
        let user = request.extensions().get::<Arc<User>>().cloned();
        let entry = match self.doors.enter(class, user.as_deref(), info).await {
            Ok(entry) => entry,
            Err((status, by)) => return classified(refuse(is_grpc, &status), &by),
        };
        let router = if is_grpc { &self.grpc } else { &self.rest };
        match in_time(class, router.clone().oneshot(request)).await {
            Some(Ok(answer)) => classified(self.doors.readers.guard(answer, entry.permit, class), &entry.by),
            Some(Err(never)) => match never {},
            None => refuse(is_grpc, &Status::timeout("the request was not answered in time")),
        }
    }
}

/// The answer, saying which FlowSchema and priority level its request went by.
fn classified(mut answer: Response<Body>, by: &Classification) -> Response<Body> {
    let names = [(FLOW_SCHEMA, &by.flow_schema), (PRIORITY_LEVEL, &by.priority_level)];
    for (name, uid) in names.into_iter().filter(|(_, uid)| !uid.is_empty()) {
        if let Ok(uid) = HeaderValue::from_str(uid) {
            answer.headers_mut().insert(name, uid);
        }
    }
    answer
}

async fn in_time<T>(class: Class, answer: impl Future<Output = T>) -> Option<T> {
    match class.patience() {
        Some(patience) => tokio::time::timeout(patience, answer).await.ok(),
        None => Some(answer.await),
    }
}

fn class(request: &Request<Body>, is_grpc: bool) -> Class {
    let is_somebody = request.extensions().get::<Arc<User>>().is_some();
    match (is_grpc, is_open(request, is_grpc)) {
        (true, true) if !is_somebody => Class::Join,
        (false, true) => Class::Probe,
        _ => classify(request, is_grpc),
    }
}

fn is_grpc(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}

fn is_open(request: &Request<Body>, is_grpc: bool) -> bool {
    let path = request.uri().path();
    if is_grpc {
        return path == OPEN_CALL;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    reads && OPEN_PATHS.contains(&path)
}

fn refuse(is_grpc: bool, status: &Status) -> Response<Body> {
    let json = status.to_json().to_string();
    if is_grpc {
        return xebec_proto::status::to_tonic(status.code, json.into(), status.message.clone()).into_http();
    }
    let mut answer = Response::new(Body::from(json));
    *answer.status_mut() = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.status() == StatusCode::TOO_MANY_REQUESTS {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER));
    }
    answer
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
