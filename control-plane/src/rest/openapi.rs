//! OpenAPI over HTTP: an index of the documents with their hashes, and each document.
//!
//! kubectl keeps documents on disk under their hash, so a hash is of the very bytes. A document is made when it is first asked
//! for, and its bytes are kept; for the index alone only hashes are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};

use axum::response::Response;
use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Map, Value, json};
use xebec_api::{Catalogue, Kind, Reason, Status, openapi};

use super::path::Place;
use super::{Call, etag, negotiate, respond};
use crate::aggregation::Remote;

/// Serves a place in OpenAPI.
pub(super) async fn serve(call: &Call, path: &str, place: &Place) -> Result<Response, Status> {
    if call.method != Method::GET {
        return Err(Status::new(Reason::MethodNotAllowed, "OpenAPI can only be read"));
    }
    call.state.registry.authorize_path(&call.cx, "get", path)?;
    let kinds = call.state.registry.cache().catalogue();
    match place {
        Place::Index => Ok(respond::json(StatusCode::OK, &index(&kinds, &call.state.aggregator.remotes()))),
        Place::Version(group, version) => document(call, &kinds, (group, version)),
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
            etag::digest(&bytes)
        })
    }

    fn bytes(&self) -> Bytes {
        self.bytes.get_or_init(|| self.make()).clone()
    }
}

/// Those of built-in kinds, by place: there are as many as groups and versions, and no more.
static DOCUMENTS: LazyLock<BTreeMap<String, Document>> = LazyLock::new(|| {
    let document = |(group, version)| {
        let document = Document { group, version, hash: OnceLock::new(), bytes: OnceLock::new() };
        (openapi::place(group, version), document)
    };
    openapi::versions().into_iter().map(document).collect()
});

/// A document of kinds that definitions added, and which kinds these were.
struct CustomDocument {
    kinds: Vec<&'static Kind>,
    document: Arc<Tagged>,
}

/// The newest documents of kinds that definitions added, by place. There are no more than such groups and versions.
static CUSTOM: Mutex<BTreeMap<String, CustomDocument>> = Mutex::new(BTreeMap::new());

/// The document of kinds that definitions added, made anew when they are others than last time.
fn custom_document(kinds: &Catalogue, group: &str, version: &str) -> Option<Arc<Tagged>> {
    let kinds: Vec<_> = kinds.custom().filter(|kind| kind.group == group && kind.version == version).collect();
    let place = openapi::place(group, version);
    let mut documents = CUSTOM.lock().unwrap_or_else(PoisonError::into_inner);
    // Rows are interned, so the same row is the same definition.
    let same =
        |known: &&CustomDocument| known.kinds.iter().map(|k| &raw const **k).eq(kinds.iter().map(|k| &raw const **k));
    if let Some(known) = documents.get(&place).filter(same) {
        return Some(known.document.clone());
    }
    let document = openapi::document_of(kinds.iter().copied())?;
    let document = Arc::new(Tagged::new(document.to_string().into_bytes()));
    documents.insert(place, CustomDocument { kinds, document: document.clone() });
    Some(document)
}

fn custom_entries(kinds: &Catalogue) -> impl Iterator<Item = (String, Value)> {
    let versions: BTreeSet<(&str, &str)> = kinds.custom().map(|kind| (kind.group, kind.version)).collect();
    versions.into_iter().filter_map(|(group, version)| {
        let document = custom_document(kinds, group, version)?;
        Some(entry(&openapi::place(group, version), document.tag.trim_matches('"')))
    })
}

fn entry(place: &str, hash: &str) -> (String, Value) {
    (place.to_owned(), json!({"serverRelativeURL": format!("/openapi/v3/{place}?hash={hash}")}))
}

/// The documents of servers in the cluster, where they say that theirs are.
fn remote_entries(remotes: &[Arc<Remote>]) -> impl Iterator<Item = (String, Value)> {
    remotes.iter().filter_map(|remote| {
        let place = openapi::place(&remote.group, &remote.version);
        Some((place, json!({"serverRelativeURL": remote.served().open_api.as_ref()?})))
    })
}

fn index(kinds: &Catalogue, remotes: &[Arc<Remote>]) -> Value {
    let builtin = DOCUMENTS.iter().map(|(place, document)| entry(place, document.hash()));
    json!({"paths": builtin.chain(custom_entries(kinds)).chain(remote_entries(remotes)).collect::<Map<String, Value>>()})
}

fn document(call: &Call, kinds: &Catalogue, (group, version): (&str, &str)) -> Result<Response, Status> {
    let Some(document) = DOCUMENTS.get(&openapi::place(group, version)) else {
        let document = custom_document(kinds, group, version).ok_or_else(Status::no_such_resource)?;
        return Ok(etag::tagged(
            &call.headers,
            &document.tag,
            respond::json_bytes(StatusCode::OK, document.bytes.clone()),
        ));
    };
    let answer = respond::json_bytes(StatusCode::OK, document.bytes());
    Ok(etag::tagged(&call.headers, &format!("\"{}\"", document.hash()), answer))
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
        Tagged { tag: etag::of(&bytes), bytes: bytes.into() }
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
    Ok(etag::tagged(&call.headers, &made.tag, respond::bytes_as(content_type, made.bytes.clone())))
}

fn make_whole(json: bool) -> Vec<u8> {
    let documents = openapi::versions().into_iter();
    let documents = documents.filter_map(|(group, version)| openapi::document(group, version));
    let document = openapi::v2::document(documents);
    if json { document.to_string().into_bytes() } else { openapi::gnostic::encode(&document) }
}
