//! Lists: the stored bytes of each object, or what is shown of it, spliced into one document as it is sent.

use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use serde_json::{Value, json};
use xebec_api::table::{self, IncludeObject};
use xebec_api::{Kind, Status};

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
    let view = View { kind: scope.kind, form, include, now: call.state.registry.now() };
    Ok(stream(view, &metadata(&listing), listing.items))
}

/// The objects that a delete of many has deleted or marked.
pub(super) fn of_deleted(call: &Call, scope: &Scope, items: Vec<Stored>, revision: u64) -> Response {
    let now = call.state.registry.now();
    let view = View { kind: scope.kind, form: Form::Object, include: IncludeObject::None, now };
    stream(view, &json!({"resourceVersion": revision.to_string()}), items)
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

/// How a list and its items are written.
struct View {
    kind: &'static Kind,
    form: Form,
    include: IncludeObject,
    now: Timestamp,
}

impl View {
    /// Everything before the first item.
    fn head(&self, metadata: &Value) -> String {
        let (kind, api_version, rest) = match self.form {
            Form::Object => (self.kind.list_kind(), self.kind.api_version(), "\"items\":[".to_owned()),
            Form::Partial => {
                ("PartialObjectMetadataList".to_owned(), "meta.k8s.io/v1".to_owned(), "\"items\":[".to_owned())
            }
            Form::Table => {
                let columns = table::definitions(self.kind);
                ("Table".to_owned(), "meta.k8s.io/v1".to_owned(), format!("\"columnDefinitions\":{columns},\"rows\":["))
            }
        };
        format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata},{rest}"#)
    }

    fn item(&self, stored: &Stored) -> Bytes {
        match self.form {
            Form::Object => stored.to_json(),
            Form::Partial => table::partial(&stored.to_value()).to_string().into(),
            Form::Table => {
                let row = table::row(self.kind, (&stored.object, stored.revision), self.include, self.now);
                row.to_string().into()
            }
        }
    }

    /// Bytes that the items have at least, as far as that is known beforehand.
    fn least(&self, items: &[Stored]) -> u64 {
        match self.form {
            Form::Object => items.iter().map(|stored| stored.object.bytes().len() as u64).sum(),
            Form::Partial | Form::Table => 0,
        }
    }
}

fn stream(view: View, metadata: &Value, items: Vec<Stored>) -> Response {
    let least = view.least(&items);
    let head = std::iter::once(Bytes::from(view.head(metadata)));
    let tail = std::iter::once(Bytes::from_static(b"]}\n"));
    let chunks = head.chain(Chunks { view, items: items.into_iter(), first: true }).chain(tail);
    respond::json_of_size(futures::stream::iter(chunks), least)
}

/// The items in pieces of a good size, made as they are wanted.
struct Chunks {
    view: View,
    items: std::vec::IntoIter<Stored>,
    first: bool,
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
            chunk.extend_from_slice(&self.view.item(&stored));
        }
        (!chunk.is_empty()).then(|| chunk.freeze())
    }
}
