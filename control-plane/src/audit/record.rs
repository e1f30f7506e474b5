//! A request on its way through, until it can be recorded.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use jiff::Timestamp;

use super::event::{self, Facts, Stage};
use super::{Annotations, Auditor};
use crate::authn::{Impersonator, User};
use crate::bootstrap::service::RemoteAddress;
use crate::request_info::RequestInfo;
use crate::server::in_flight::Class;

const GRPC_STATUS: &str = "grpc-status";

/// What a gRPC call turns out to be about, once its message is read: set by the service, read by the record.
#[derive(Clone, Default)]
pub struct Subject(Arc<OnceLock<RequestInfo>>);

impl Subject {
    /// The call is about this. The first word counts.
    pub fn set(&self, info: RequestInfo) {
        self.0.get_or_init(|| info);
    }
}

/// A request that will be recorded.
pub struct Record {
    auditor: Auditor,
    facts: Option<Facts>,
    subject: Subject,
    class: Class,
}

impl Auditor {
    /// Notes what a request is, and lets whoever understands it better add to that.
    pub fn begin(&self, request: &mut Request<Body>, info: &RequestInfo, class: Class) -> Record {
        let subject = Subject::default();
        let is_recorded = self.is_on() && class != Class::Probe && info.path != "/metrics";
        let facts = is_recorded.then(|| facts(request, info));
        if let Some(facts) = &facts {
            request.extensions_mut().insert(subject.clone());
            request.extensions_mut().insert(facts.annotations.clone());
        }
        Record { auditor: self.clone(), facts, subject, class }
    }
}

fn facts(request: &Request<Body>, info: &RequestInfo) -> Facts {
    let acting = request.extensions().get::<Arc<User>>().map(|user| user.as_ref().clone());
    let (user, impersonated) = match request.extensions().get::<Impersonator>() {
        Some(Impersonator(caller)) => (Some(caller.as_ref().clone()), acting),
        None => (acting, None),
    };
    let source = request.extensions().get::<RemoteAddress>().map(|from| from.0.ip().to_string());
    let user_agent = request.headers().get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Facts {
        id: uuid::Uuid::new_v4().to_string(),
        received: Timestamp::now(),
        uri: request.uri().path_and_query().map_or("", |uri| uri.as_str()).to_owned(),
        user: user.unwrap_or_else(nobody),
        impersonated,
        source: source.unwrap_or_default(),
        user_agent: event::shortened(user_agent).to_owned(),
        info: info.clone(),
        annotations: Annotations::default(),
    }
}

fn nobody() -> User {
    User {
        name: "system:anonymous".into(),
        uid: None,
        groups: vec!["system:unauthenticated".into()],
        extra: Default::default(),
    }
}

impl Record {
    /// Records the answer; that of a stream twice, now and when it has ended.
    pub fn close(mut self, answer: Response<Body>) -> Response<Body> {
        let Some(mut facts) = self.facts.take() else { return answer };
        if let Some(info) = self.subject.0.get() {
            facts.info = RequestInfo { path: std::mem::take(&mut facts.info.path), ..info.clone() };
        }
        let code = code(&answer);
        if self.class != Class::Stream || code >= 400 {
            self.auditor.send(event::line(&facts, Stage::ResponseComplete, code, Timestamp::now()));
            return answer;
        }
        self.auditor.send(event::line(&facts, Stage::ResponseStarted, code, Timestamp::now()));
        let end = End { auditor: self.auditor, facts, code };
        answer.map(|inner| Body::new(Recorded { inner, end }))
    }
}

/// The code in HTTP's terms, whichever face the answer is of.
fn code(answer: &Response<Body>) -> u16 {
    let grpc = grpc_code(answer.headers());
    grpc.map_or(answer.status().as_u16(), xebec_proto::status::http_code)
}

fn grpc_code(headers: &HeaderMap) -> Option<tonic::Code> {
    headers.get(GRPC_STATUS)?.to_str().ok()?.parse().ok().map(tonic::Code::from_i32)
}

/// Records the end of a stream when it is dropped.
struct End {
    auditor: Auditor,
    facts: Facts,
    code: u16,
}

impl Drop for End {
    fn drop(&mut self) {
        self.auditor.send(event::line(&self.facts, Stage::ResponseComplete, self.code, Timestamp::now()));
    }
}

struct Recorded {
    inner: Body,
    end: End,
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(code) = frame.trailers_ref().and_then(grpc_code)
        {
            self.end.code = xebec_proto::status::http_code(code);
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
