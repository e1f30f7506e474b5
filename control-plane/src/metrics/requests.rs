//! Requests, counted and timed at the gate, whatever became of them.
//!
//! REST is counted as the API server does it: by verb, resource and code. gRPC is counted as gRPC servers do it: by
//! service, method and code, which comes at the end of the answer. Labels come from the kind table and from what is served,
//! never from what somebody typed, so that there are only so many.
//!
//! The duration is until the answer begins, which for everything but streams is when it is worked out. One that took long
//! is logged, with who asked what.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use http_body::{Frame, SizeHint};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use xebec_store::SlowLog;

use crate::authn::User;
use crate::rest::Classified;
use crate::server::in_flight::Class;

/// From when on a request is logged as slow.
const SLOW: Duration = Duration::from_secs(1);
const GRPC_UNIMPLEMENTED: &str = "12";
const GRPC_STATUS: &str = "grpc-status";

/// The API server's buckets, in seconds.
const BUCKETS: [f64; 23] = [
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0,
    45.0, 60.0,
];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    verb: &'static str,
    group: String,
    version: String,
    resource: String,
    subresource: String,
    scope: &'static str,
    component: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    #[prometheus(flatten)]
    kind: Kind,
    code: u16,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    grpc_service: String,
    grpc_method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodOutcome {
    #[prometheus(flatten)]
    method: Method,
    grpc_code: String,
}

/// Counts and durations of requests. Clones share them.
#[derive(Clone)]
pub struct RequestMetrics {
    total: Family<Outcome, Counter>,
    durations: Family<Kind, Histogram>,
    streams: Family<Kind, Gauge>,
    grpc_total: Family<MethodOutcome, Counter>,
    grpc_durations: Family<Method, Histogram>,
    grpc_streams: Family<Method, Gauge>,
    slow: Arc<SlowLog>,
}

impl Default for RequestMetrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        Self {
            total: Family::default(),
            durations: Family::new_with_constructor(histogram),
            streams: Family::default(),
            grpc_total: Family::default(),
            grpc_durations: Family::new_with_constructor(histogram),
            grpc_streams: Family::default(),
            slow: Arc::new(SlowLog::new("request", SLOW)),
        }
    }
}

impl RequestMetrics {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("apiserver_request", "REST requests answered", self.total.clone());
        let help = "How long REST requests took, streams apart";
        registry.register("apiserver_request_duration_seconds", help, self.durations.clone());
        registry.register("apiserver_longrunning_requests", "Watches and other streams open now", self.streams.clone());
        registry.register("grpc_server_handled", "gRPC calls answered", self.grpc_total.clone());
        let help = "How long gRPC calls took, streams apart";
        registry.register("grpc_server_handling_seconds", help, self.grpc_durations.clone());
        registry.register("xebec_grpc_streams", "gRPC streams open now", self.grpc_streams.clone());
    }

    /// Begins the account of a request.
    pub fn begin(&self, request: &Request<Body>, is_grpc: bool, class: Class) -> Account {
        let user = request.extensions().get::<Arc<User>>().map(|user| user.name.clone());
        let subject = if is_grpc {
            Subject::Grpc(method(request.uri().path()))
        } else {
            Subject::Rest(kind(&Classified::of(request.method(), request.uri(), class == Class::Stream)))
        };
        Account {
            metrics: self.clone(),
            subject,
            class,
            what: format!("{} {}", request.method(), request.uri().path()),
            user: user.unwrap_or_default(),
            start: Instant::now(),
        }
    }
}

enum Subject {
    Rest(Kind),
    Grpc(Method),
}

/// The account of one request.
pub struct Account {
    metrics: RequestMetrics,
    subject: Subject,
    class: Class,
    what: String,
    user: String,
    start: Instant,
}

impl Account {
    /// Closes the account when the answer is there, or, of a stream, when it has ended.
    pub fn close(self, answer: Response<Body>) -> Response<Body> {
        let took = self.start.elapsed();
        if self.class != Class::Stream {
            self.metrics.slow.note(took, || format!("{} by {}: {}", self.what, self.user, answer.status()));
        }
        match self.subject {
            Subject::Rest(kind) => close_rest(&self.metrics, kind, self.class, took, answer),
            Subject::Grpc(method) => close_grpc(self.metrics, method, self.class, took, answer),
        }
    }
}

fn close_rest(
    metrics: &RequestMetrics,
    kind: Kind,
    class: Class,
    took: Duration,
    answer: Response<Body>,
) -> Response<Body> {
    let outcome = Outcome { kind: kind.clone(), code: answer.status().as_u16() };
    metrics.total.get_or_create(&outcome).inc();
    if class != Class::Stream {
        metrics.durations.get_or_create(&kind).observe(took.as_secs_f64());
        return answer;
    }
    let open = Open::new(metrics.streams.get_or_create_owned(&kind));
    answer.map(|inner| Body::new(Observed { inner, code: None, open: Some(open), report: None }))
}

fn close_grpc(
    metrics: RequestMetrics,
    method: Method,
    class: Class,
    took: Duration,
    answer: Response<Body>,
) -> Response<Body> {
    let code = answer.headers().get(GRPC_STATUS).and_then(|code| code.to_str().ok()).map(str::to_owned);
    let is_served = code.as_deref() != Some(GRPC_UNIMPLEMENTED);
    let method = if is_served { method } else { Method::default() };
    if class != Class::Stream {
        metrics.grpc_durations.get_or_create(&method).observe(took.as_secs_f64());
    }
    let open = (class == Class::Stream).then(|| Open::new(metrics.grpc_streams.get_or_create_owned(&method)));
    let report = Some((metrics.grpc_total, method));
    answer.map(|inner| Body::new(Observed { inner, code, open, report }))
}

fn kind(classified: &Classified) -> Kind {
    Kind {
        verb: classified.verb,
        group: classified.group.clone(),
        version: classified.version.clone(),
        resource: classified.resource.clone(),
        subresource: classified.subresource.clone(),
        scope: classified.scope,
        component: "apiserver",
    }
}

fn method(path: &str) -> Method {
    let (service, method) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    Method { grpc_service: service.to_owned(), grpc_method: method.to_owned() }
}

/// A stream that is open, counted until it is dropped.
struct Open(Gauge);

impl Open {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// An answer's body that notices how it ends.
struct Observed {
    inner: Body,
    /// gRPC's code, once it is known.
    code: Option<String>,
    open: Option<Open>,
    report: Option<(Family<MethodOutcome, Counter>, Method)>,
}

impl http_body::Body for Observed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(code) = frame.trailers_ref().and_then(|trailers| trailers.get(GRPC_STATUS)?.to_str().ok())
        {
            self.code = Some(code.to_owned());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Observed {
    fn drop(&mut self) {
        self.open = None;
        let Some((total, method)) = self.report.take() else { return };
        // Without a code the caller went away first.
        let code =
            self.code.take().and_then(|code| code.parse().ok()).map_or(tonic::Code::Cancelled, tonic::Code::from_i32);
        let outcome = MethodOutcome { method, grpc_code: format!("{code:?}") };
        total.get_or_create(&outcome).inc();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(metrics: &RequestMetrics) -> String {
        let (mut registry, mut text) = (Registry::default(), String::new());
        metrics.register(&mut registry);
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    fn account(metrics: &RequestMetrics, uri: &str, is_grpc: bool, class: Class) -> Account {
        metrics.begin(&Request::builder().uri(uri).body(Body::empty()).unwrap(), is_grpc, class)
    }

    #[test]
    fn requests_are_counted_by_verb_resource_and_code() {
        let metrics = RequestMetrics::default();
        let uri = "/apis/apps/v1/namespaces/shop/deployments/till/scale";
        drop(account(&metrics, uri, false, Class::Request).close(Response::new(Body::empty())));
        let text = text(&metrics);
        let labels = "verb=\"GET\",group=\"apps\",version=\"v1\",resource=\"deployments\",subresource=\"scale\",\
                      scope=\"resource\",component=\"apiserver\"";
        assert!(text.contains(&format!("apiserver_request_total{{{labels},code=\"200\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("apiserver_request_duration_seconds_count{{{labels}}} 1\n")), "{text}");
    }

    #[test]
    fn what_somebody_typed_is_no_label() {
        let metrics = RequestMetrics::default();
        drop(account(&metrics, "/apis/nonsense/v1/things", false, Class::Request).close(Response::new(Body::empty())));
        let unimplemented = Response::builder().header(GRPC_STATUS, "12").body(Body::empty()).unwrap();
        drop(account(&metrics, "/no.Such/Method", true, Class::Request).close(unimplemented));
        let text = text(&metrics);
        assert!(!text.contains("nonsense") && !text.contains("no.Such"), "{text}");
        assert!(text.contains("grpc_code=\"Unimplemented\"} 1"), "{text}");
    }

    #[test]
    fn a_stream_is_counted_while_it_is_open() {
        let metrics = RequestMetrics::default();
        let answer = account(&metrics, "/api/v1/pods?watch=true", false, Class::Stream).close(Response::default());
        let open = |count: i32| {
            format!("resource=\"pods\",subresource=\"\",scope=\"cluster\",component=\"apiserver\"}} {count}\n")
        };
        assert!(text(&metrics).contains(&open(1)), "{}", text(&metrics));
        drop(answer);
        assert!(text(&metrics).contains(&open(0)), "{}", text(&metrics));
    }
}
