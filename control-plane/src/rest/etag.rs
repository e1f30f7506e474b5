//! Entity tags: a client that has what it would get is told only that nothing has changed.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use super::negotiate::words;

/// The tag of these bytes, quoted.
pub(super) fn of(bytes: &[u8]) -> String {
    format!("\"{}\"", digest(bytes))
}

/// What is in the quotes.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The answer with its tag, or only that nothing has changed for a client that knows the tag. That says nothing of the content's type:
/// a cache would take it for the type of what it has.
pub(super) fn tagged(headers: &HeaderMap, tag: &str, mut answer: Response) -> Response {
    if knows(headers, tag) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
        answer.headers_mut().remove(CONTENT_TYPE);
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// A client may name several tags, and calls one weak when it has unpacked what it got.
fn knows(headers: &HeaderMap, tag: &str) -> bool {
    words(headers, IF_NONE_MATCH).any(|own| own.strip_prefix("W/").unwrap_or(own) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_among_others_and_when_weak() {
        let tag = of(b"x");
        let check = |named: &str, expected: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(IF_NONE_MATCH, named.parse().unwrap());
            assert_eq!(knows(&headers, &tag), expected, "{named}");
        };
        check(&tag, true);
        check(&format!("W/{tag}"), true);
        check(&format!("\"other\", {tag}"), true);
        check("\"other\"", false);
        check(tag.trim_matches('"'), false);
    }
}
