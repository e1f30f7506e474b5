//! OpenAPI over HTTP: an index of the documents with their hashes, and each document.
//!
//! kubectl keeps documents on disk under their hash, so a hash is of the very bytes. A document is made when it is first asked
//! for, and its bytes are kept; for the index alone only hashes are.

use std::collections::BTreeMap;
use std::sync::{LazyLock, OnceLock};

use axum::response::Response;
use bytes::Bytes;
use http::header::{ETAG, IF_NONE_MATCH};
use http::{HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use xebec_api::{Reason, Status, openapi};

use super::path::Place;
use super::{Call, negotiate, respond};

/// Serves a place in OpenAPI.
pub(super) async fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "OpenAPI can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    match place {
        Place::Index => Ok(respond::json(StatusCode::OK, &index())),
        Place::Version(group, version) => document(call, group, version),
        Place::Whole => whole(call).await,
        Place::Core | Place::Groups | Place::Group(_) => Err(Status::no_such_resource()),
    }
}

/// A document, once it is made.
struct Document {
    group: &'static str,
    version: &'static str,
    hash: OnceLock<String>,
    bytes: OnceLock<Bytes>,
}

impl Document {
    fn make(&self) -> Bytes {
        let document = openapi::document(self.group, self.version).unwrap_or_default();
        Bytes::from(document.to_string())
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| {
            let bytes = self.bytes.get().cloned().unwrap_or_else(|| self.make());
            hex_digest(&bytes)
        })
    }

    fn bytes(&self) -> Bytes {
        self.bytes.get_or_init(|| self.make()).clone()
    }
}

/// By place: there are as many as groups and versions, and no more.
static DOCUMENTS: LazyLock<BTreeMap<String, Document>> = LazyLock::new(|| {
    let document = |(group, version)| {
        let document = Document { group, version, hash: OnceLock::new(), bytes: OnceLock::new() };
        (openapi::place(group, version), document)
    };
    openapi::versions().into_iter().map(document).collect()
});

fn index() -> Value {
    let entry = |(place, document): (&String, &Document)| {
        let url = format!("/openapi/v3/{place}?hash={}", document.hash());
        (place.clone(), json!({"serverRelativeURL": url}))
    };
    json!({"paths": DOCUMENTS.iter().map(entry).collect::<Map<String, Value>>()})
}

fn document(call: &Call, group: &str, version: &str) -> Result<Response, Status> {
    let document = DOCUMENTS.get(&openapi::place(group, version)).ok_or_else(Status::no_such_resource)?;
    let answer = respond::json_bytes(StatusCode::OK, document.bytes());
    Ok(tagged(call, &format!("\"{}\"", document.hash()), answer))
}

/// OpenAPI v2, once it is made: in the two forms in which clients ask for it.
struct Whole {
    json: OnceLock<Tagged>,
    protobuf: OnceLock<Tagged>,
}

/// Bytes with their entity tag.
struct Tagged {
    bytes: Bytes,
    tag: String,
}

impl Tagged {
    fn new(bytes: Vec<u8>) -> Tagged {
        Tagged { tag: format!("\"{}\"", hex_digest(&bytes)), bytes: bytes.into() }
    }
}

const JSON: &str = "application/json";

static WHOLE: Whole = Whole { json: OnceLock::new(), protobuf: OnceLock::new() };

/// A megabyte of text that few ask for. It is made by a thread of its own: meanwhile others are served.
async fn whole(call: &Call) -> Result<Response, Status> {
    let ranges = negotiate::accepted(&call.headers);
    // Whatever a client calls it, the answer has the name that its reader of media types takes.
    let protobuf = openapi::gnostic::MEDIA_TYPES[0];
    let of = |range: &negotiate::Range<'_>| {
        let is_named = openapi::gnostic::MEDIA_TYPES.contains(&range.media_type());
        is_named.then_some(protobuf).or_else(|| range.takes_json().then_some(JSON))
    };
    let content_type = if ranges.is_empty() { Some(JSON) } else { ranges.iter().find_map(of) };
    let content_type = content_type.ok_or_else(|| Status::not_acceptable(&[JSON, protobuf]))?;
    let json = content_type == JSON;
    let form = if json { &WHOLE.json } else { &WHOLE.protobuf };
    let make = move || form.get_or_init(|| Tagged::new(make_whole(json)));
    let made = tokio::task::spawn_blocking(make).await.map_err(|error| Status::internal(&error))?;
    Ok(tagged(call, &made.tag, respond::bytes_as(content_type, made.bytes.clone())))
}

fn make_whole(json: bool) -> Vec<u8> {
    let documents = openapi::versions().into_iter();
    let documents = documents.filter_map(|(group, version)| openapi::document(group, version));
    let document = openapi::v2::document(documents);
    if json { document.to_string().into_bytes() } else { openapi::gnostic::encode(&document) }
}

fn hex_digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The answer with its tag, or only that nothing has changed for a client that knows the tag.
fn tagged(call: &Call, tag: &str, answer: Response) -> Response {
    let known = call.headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut answer = if known { respond::json_bytes(StatusCode::NOT_MODIFIED, Bytes::new()) } else { answer };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}
