//! Request bodies: read within a limit and a deadline, decoded by what they say they are.

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use tokio::time::Instant;
use xebec_api::decode::{Lenient, MAX_BYTES};
use xebec_api::{Reason, Status, decode, protobuf};

const SUPPORTED: &[&str] = &["application/json", "application/yaml", protobuf::MEDIA_TYPE];

/// The whole body, which may be empty.
pub(super) async fn read(body: Body, deadline: Instant) -> Result<Bytes, Status> {
    let limited = Limited::new(body, MAX_BYTES).collect();
    let collected = tokio::time::timeout_at(deadline, limited).await;
    match collected.map_err(|_| Status::timeout("the body of the request did not come in time"))? {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Status::too_large(MAX_BYTES)),
        Err(error) => Err(Status::new(Reason::BadRequest, format!("the body of the request cannot be read: {error}"))),
    }
}

/// The media type of the body, without parameters; empty when the client does not say.
pub(super) fn media_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim()
}

/// The body of a write of an object: fields that come twice are for the caller to judge.
pub(super) fn lenient(headers: &HeaderMap, bytes: &Bytes) -> Result<Lenient, Status> {
    match media_type(headers) {
        "application/json" => decode::lenient_json(bytes),
        _ => decode(headers, bytes).map(|value| Lenient { value, duplicates: Vec::new() }),
    }
}

/// The body of a write. Without a content type it is JSON or YAML, whichever it looks like.
pub(super) fn decode(headers: &HeaderMap, bytes: &Bytes) -> Result<Value, Status> {
    match media_type(headers) {
        "application/json" => decode::json(bytes),
        "application/yaml" => decode::yaml(bytes),
        protobuf::MEDIA_TYPE => protobuf::decode(bytes),
        "" => decode::json_or_yaml(bytes),
        other => Err(Status::unsupported_media_type(other, SUPPORTED)),
    }
}
