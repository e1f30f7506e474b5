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
pub(super) fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "OpenAPI can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    match place {
        Place::Index => Ok(respond::json(StatusCode::OK, &index())),
        Place::Version(group, version) => document(call, group, version),
        Place::Whole => Ok(whole(call)),
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
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02X}")).collect()
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
    let bytes = document.bytes();
    let tag = format!("\"{}\"", document.hash());
    let known = call.headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
    let mut response = match known {
        true => respond::json_bytes(StatusCode::NOT_MODIFIED, Bytes::new()),
        false => respond::json_bytes(StatusCode::OK, bytes),
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    Ok(response)
}

const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// OpenAPI v2 with nothing in it: clients ask for it, in protobuf, when v3 does not know a kind, and then say so
/// themselves.
fn whole(call: &Call) -> Response {
    let ranges = negotiate::accepted(&call.headers);
    if ranges.iter().any(negotiate::Range::takes_json) {
        return respond::json(
            StatusCode::OK,
            &json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.35.0"}, "paths": {}}),
        );
    }
    // Document { swagger = 1: "2.0", info = 2: { title = 1: "Kubernetes", version = 2: "v1.35.0" } }
    const DOCUMENT: &[u8] = b"\x0a\x032.0\x12\x15\x0a\x0aKubernetes\x12\x07v1.35.0";
    respond::bytes_as(V2_PROTOBUF, DOCUMENT)
}
