//! Answers: objects, statuses, streams of bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use http_body::{Frame, SizeHint};
use serde_json::Value;
use xebec_api::{Details, Kind, Status};

use crate::registry::Deleted;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache, private");

fn with_body(code: StatusCode, content_type: HeaderValue, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response.headers_mut().insert(CACHE_CONTROL, NO_CACHE);
    response
}

/// JSON that is encoded already.
pub(super) fn json_bytes(code: StatusCode, json: impl Into<Bytes>) -> Response {
    with_body(code, JSON, Body::from(json.into()))
}

/// A value as JSON.
pub(super) fn json(code: StatusCode, value: &Value) -> Response {
    json_bytes(code, value.to_string())
}

/// A value as JSON of a content type that says more.
pub(super) fn json_as(content_type: &'static str, value: &Value) -> Response {
    with_body(StatusCode::OK, HeaderValue::from_static(content_type), Body::from(value.to_string()))
}

/// Bytes of some other content type.
pub(super) fn bytes_as(content_type: &'static str, bytes: Bytes) -> Response {
    with_body(StatusCode::OK, HeaderValue::from_static(content_type), Body::from(bytes))
}

/// Plain text.
pub(super) fn text(code: StatusCode, text: &'static str) -> Response {
    with_body(code, HeaderValue::from_static("text/plain; charset=utf-8"), Body::from(text))
}

/// JSON that comes piece by piece.
pub(super) fn json_stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    with_body(StatusCode::OK, JSON, stream_body(stream))
}

/// The same, of at least `least` bytes.
pub(super) fn json_of_size(stream: impl Stream<Item = Bytes> + Send + 'static, least: u64) -> Response {
    with_body(StatusCode::OK, JSON, Body::new(AtLeast { inner: stream_body(stream), least }))
}

/// A body that knows how long it will be at least.
struct AtLeast {
    inner: Body,
    least: u64,
}

impl http_body::Body for AtLeast {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx));
        let sent = frame.as_ref().and_then(|frame| frame.as_ref().ok()).and_then(Frame::data_ref);
        self.least = self.least.saturating_sub(sent.map_or(0, |data| data.len() as u64));
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = SizeHint::new();
        hint.set_lower(self.least);
        hint
    }
}

/// Text that comes piece by piece.
pub(super) fn text_stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    with_body(StatusCode::OK, HeaderValue::from_static("text/plain"), stream_body(stream))
}

fn stream_body(stream: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    use futures::StreamExt;
    Body::from_stream(stream.map(Ok::<Bytes, std::convert::Infallible>))
}

/// A refusal.
pub(super) fn status(status: &Status) -> Response {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(code, &status.to_json());
    let seconds = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    if seconds > 0 {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What a delete did: the object while it ends, a success once it is gone.
pub(super) fn deleted(deleted: &Deleted, kind: &Kind) -> Response {
    match deleted {
        Deleted::Terminating(stored) => json_bytes(StatusCode::OK, stored.to_json()),
        Deleted::Removed(stored) => json(StatusCode::OK, &stored.success(kind)),
    }
}

/// What a delete of more objects than are shown did.
pub(super) fn deleted_many(kind: &Kind) -> Value {
    let details = Details { group: kind.group.to_owned(), kind: kind.plural.to_owned(), ..Details::default() };
    xebec_api::status::success(&details)
}

/// Tells the client about fields that were dropped.
pub(super) fn warn(response: &mut Response, warnings: &[String]) {
    for warning in warnings {
        let text = warning.replace(['"', '\\', '\r', '\n'], "'");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
}
