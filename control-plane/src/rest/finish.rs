//! What is done to an answer at the end, when the client wants it: compressed, or indented for people.

use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame};
use http_body_util::{BodyExt, Limited};
use serde_json::Value;

/// An answer of fewer bytes is sent as it is: compressing it would cost more than it saves.
const WORTH_COMPRESSING: u64 = 128 * 1024;
/// The fastest level: most of the gain for the least time.
const LEVEL: Compression = Compression::new(1);
/// The most that is indented; what is larger is for programs.
const PRETTY_LIMIT: usize = 4 << 20;

/// Whether the client takes gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, parameter) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = parameter.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0_f32));
        matches!(name.trim(), "gzip" | "*") && !refused
    })
}

/// The answer, compressed if it is known to be large.
pub(super) fn compressed(response: Response) -> Response {
    let is_large = response.body().size_hint().lower() >= WORTH_COMPRESSING;
    if !is_large || response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let mut response = response.map(|body| Body::new(Compressed::new(body)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    headers.remove(CONTENT_LENGTH);
    response
}

/// The answer with its JSON indented, unless it is none or too large for that.
pub(super) async fn indented(response: Response) -> Response {
    let is_json =
        response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json || response.headers().contains_key(ETAG) || response.body().size_hint().lower() > PRETTY_LIMIT as u64 {
        return response;
    }
    let (parts, body) = response.into_parts();
    // Nothing was sent yet, so an answer that turns out to be too long can still become an error.
    let collected = Limited::new(body, PRETTY_LIMIT * 4).collect().await;
    let Ok(bytes) = collected.map(http_body_util::Collected::to_bytes) else {
        return super::respond::status(&xebec_api::Status::too_large(PRETTY_LIMIT * 4));
    };
    let pretty = serde_json::from_slice::<Value>(&bytes).and_then(|value| serde_json::to_vec_pretty(&value));
    Response::from_parts(parts, Body::from(pretty.map_or(bytes, Bytes::from)))
}

/// A body that is compressed as it is sent.
struct Compressed {
    inner: Body,
    /// Absent once the last bytes were given out.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl Compressed {
    fn new(inner: Body) -> Compressed {
        Compressed { inner, encoder: Some(GzEncoder::new(Vec::new(), LEVEL)) }
    }

    /// What the encoder has ready after this piece; empty while it is still gathering.
    fn take_in(&mut self, piece: &[u8]) -> std::io::Result<Bytes> {
        let Some(encoder) = &mut self.encoder else { return Ok(Bytes::new()) };
        encoder.write_all(piece)?;
        Ok(std::mem::take(encoder.get_mut()).into())
    }
}

impl HttpBody for Compressed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            if self.encoder.is_none() {
                return Poll::Ready(None);
            }
            let ready = match std::task::ready!(Pin::new(&mut self.inner).poll_frame(cx)) {
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.take_in(&piece).map_err(axum::Error::new)?,
                    Err(_) => continue,
                },
                None => {
                    let last = self.encoder.take().map(GzEncoder::finish).transpose().map_err(axum::Error::new)?;
                    Bytes::from(last.unwrap_or_default())
                }
            };
            if !ready.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(ready))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_those_who_take_it() {
        let cases = [("gzip", true), ("deflate, gzip;q=0.5", true), ("*", true), ("gzip;q=0", false), ("br", false)];
        for (value, expect) in cases {
            let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(value))]);
            assert_eq!(takes_gzip(&headers), expect, "{value}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn large_answers_come_out_as_they_went_in() {
        let pieces: Vec<Bytes> =
            (0..5_000_u32).map(|i| Bytes::from(format!("{i} and forty bytes more or less; "))).collect();
        let whole: Vec<u8> = pieces.concat();
        let stream = futures::stream::iter(pieces);
        let response = compressed(super::super::respond::json_of_size(stream, whole.len() as u64));
        assert_eq!(response.headers()[CONTENT_ENCODING], "gzip");
        let packed = response.into_body().collect().await.unwrap().to_bytes();
        assert!(packed.len() < whole.len() / 2);
        let mut unpacked = Vec::new();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&packed[..]), &mut unpacked).unwrap();
        assert_eq!(unpacked, whole);
    }

    #[tokio::test]
    async fn small_answers_stay_as_they_are() {
        let response = compressed(Response::new(Body::from("{}")));
        assert!(!response.headers().contains_key(CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn json_is_indented_and_nothing_else() {
        let json = super::super::respond::json_bytes(http::StatusCode::OK, r#"{"a":1}"#);
        let bytes = indented(json).await.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(bytes, "{\n  \"a\": 1\n}");
        let text = super::super::respond::text(http::StatusCode::OK, "ok");
        assert_eq!(indented(text).await.into_body().collect().await.unwrap().to_bytes(), "ok");
    }
}
