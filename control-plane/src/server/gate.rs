//! The one door of the API: every request passes here, whether gRPC or REST. A short one has a deadline from here on, so that
//! who never sends the body holds no place for ever.
//!
//! ```text
//! connection (user or nobody, address) ─► somebody, or a path that is open to all? ─► below the bounds? ─┬─► gRPC services
//!                                          else 401                                else 429              └─► REST router
//! ```

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use tower::ServiceExt;
use xebec_api::{Reason, Status};

use super::in_flight::{Class, InFlight, classify, guard};
use crate::authn::User;
use crate::metrics::RequestMetrics;

/// What anybody may call.
const OPEN_PATHS: [&str; 3] = ["/livez", "/readyz", "/version"];
const OPEN_CALL: &str = "/xebec.v1.Bootstrap/Join";
/// When to come back after a 429, in seconds.
const RETRY_AFTER: u32 = 1;

/// The door.
#[derive(Clone)]
pub struct Gate {
    grpc: Router,
    rest: Router,
    in_flight: InFlight,
    metrics: RequestMetrics,
}

impl Gate {
    /// In front of these.
    pub fn new(grpc: Router, rest: Router, in_flight: InFlight, metrics: RequestMetrics) -> Self {
        Self { grpc, rest, in_flight, metrics }
    }

    /// Answers one request, which carries `Arc<User>` when its caller is somebody.
    pub async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let is_grpc = is_grpc(&request);
        let class = class(&request, is_grpc);
        let account = self.metrics.begin(&request, is_grpc, class);
        account.close(self.admit(request, is_grpc, class).await)
    }

    async fn admit(&self, request: Request<Body>, is_grpc: bool, class: Class) -> Response<Body> {
        if request.extensions().get::<Arc<User>>().is_none() && !is_open(&request, is_grpc) {
            return refuse(is_grpc, &Status::unauthorized());
        }
        if wants_to_be_another(&request) {
            return refuse(is_grpc, &Status::new(Reason::Forbidden, "nobody may act as another user here"));
        }
        let Some(permit) = self.in_flight.enter(class) else {
            return refuse(is_grpc, &Status::too_many_requests("too many requests are under way", RETRY_AFTER));
        };
        let router = if is_grpc { &self.grpc } else { &self.rest };
        match in_time(class, router.clone().oneshot(request)).await {
            Some(Ok(answer)) => guard(answer, permit),
            Some(Err(never)) => match never {},
            None => refuse(is_grpc, &Status::timeout("the request was not answered in time")),
        }
    }
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

/// A client that asks to act as somebody else must not act as itself instead: `kubectl --as` is used to be less.
fn wants_to_be_another(request: &Request<Body>) -> bool {
    request.headers().keys().any(|name| name.as_str().starts_with("impersonate-"))
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
