//! Lists: the stored bytes of each object, spliced into one document as it is sent.

use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use serde_json::{Value, json};
use xebec_api::{Kind, Status, table};

use super::negotiate::{self, Form};
use super::{Call, respond};
use crate::registry::{Listing, Scope, Stored};

/// Bytes sent at a time, about.
const CHUNK: usize = 32 * 1024;

/// Serves a page of a collection.
pub(super) async fn serve(call: &Call, scope: &Scope) -> Result<Response, Status> {
    let form = negotiate::form(&call.headers)?;
    let options = call.query.list(scope.kind)?;
    let include = call.query.include_object()?;
    let listing = call.state.registry.list(&call.cx, scope, &options).await?;
    let metadata = metadata(&listing);
    Ok(match form {
        Form::Object => stream(scope.kind, &metadata, listing.items),
        Form::Table => {
            let rows: Vec<_> = listing.items.iter().map(|stored| (&stored.object, stored.revision)).collect();
            let mut rows = table::table(scope.kind, &rows, include, call.state.registry.now());
            rows["metadata"] = metadata;
            respond::json(http::StatusCode::OK, &rows)
        }
        Form::Partial => {
            let items: Vec<Value> = listing.items.iter().map(|stored| table::partial(&stored.to_value())).collect();
            let mut list = json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"});
            list["metadata"] = metadata;
            list["items"] = items.into();
            respond::json(http::StatusCode::OK, &list)
        }
    })
}

/// The objects that a delete of many has deleted or marked.
pub(super) fn of_deleted(scope: &Scope, items: Vec<Stored>, revision: u64) -> Response {
    stream(scope.kind, &json!({"resourceVersion": revision.to_string()}), items)
}

fn metadata(listing: &Listing) -> Value {
    let mut metadata = json!({"resourceVersion": listing.revision.to_string()});
    if let Some(token) = &listing.continue_token {
        metadata["continue"] = json!(token);
    }
    if let Some(remaining) = listing.remaining {
        metadata["remainingItemCount"] = json!(remaining);
    }
    metadata
}

fn stream(kind: &Kind, metadata: &Value, items: Vec<Stored>) -> Response {
    let head = format!(
        r#"{{"kind":"{}","apiVersion":"{}","metadata":{metadata},"items":["#,
        kind.list_kind(),
        kind.api_version()
    );
    let head = std::iter::once(Bytes::from(head));
    let tail = std::iter::once(Bytes::from_static(b"]}\n"));
    respond::json_stream(futures::stream::iter(head.chain(Chunks::new(items)).chain(tail)))
}

/// The items in pieces of a good size, made as they are wanted.
struct Chunks {
    items: std::vec::IntoIter<Stored>,
    first: bool,
}

impl Chunks {
    fn new(items: Vec<Stored>) -> Chunks {
        Chunks { items: items.into_iter(), first: true }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let mut chunk = BytesMut::new();
        while chunk.len() < CHUNK {
            let Some(stored) = self.items.next() else { break };
            if !std::mem::take(&mut self.first) {
                chunk.put_u8(b',');
            }
            chunk.extend_from_slice(&stored.to_json());
        }
        (!chunk.is_empty()).then(|| chunk.freeze())
    }
}
