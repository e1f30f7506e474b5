//! Watches: one JSON document a line, until the client or the time is gone.

use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use xebec_api::table::{self, IncludeObject};
use xebec_api::{Kind, Status};

use super::negotiate::{self, Form};
use super::{Call, respond};
use crate::registry::{Registry, Scope, Stored, WatchEvent};

/// Serves the changes of a collection.
pub(super) async fn serve(call: &Call, scope: &Scope) -> Result<Response, Status> {
    let form = negotiate::form(&call.headers)?;
    let options = call.query.watch(scope.kind)?;
    let include = call.query.include_object()?;
    let events = call.state.registry.watch(&call.cx, scope, &options).await?;
    let line = Line { kind: scope.kind, form, include };
    let registry: Registry = call.state.registry.clone();
    Ok(respond::json_stream(events.map(move |event| line.of(&event, registry.now()))))
}

/// How events are written.
struct Line {
    kind: &'static Kind,
    form: Form,
    include: IncludeObject,
}

impl Line {
    fn of(&self, event: &WatchEvent, now: Timestamp) -> Bytes {
        match event {
            WatchEvent::Added(stored) => self.change("ADDED", stored, now),
            WatchEvent::Modified(stored) => self.change("MODIFIED", stored, now),
            WatchEvent::Deleted(stored) => self.change("DELETED", stored, now),
            WatchEvent::Bookmark { revision, initial_events_end } => {
                write("BOOKMARK", self.bookmark(*revision, *initial_events_end).to_string().as_bytes())
            }
            WatchEvent::Error(status) => write("ERROR", status.to_json().to_string().as_bytes()),
        }
    }

    fn change(&self, change: &str, stored: &Stored, now: Timestamp) -> Bytes {
        let shown = match self.form {
            Form::Object => return write(change, &stored.to_json()),
            Form::Partial => table::partial(&stored.to_value()),
            Form::Table => self.table(&[(&stored.object, stored.revision)], stored.revision, now),
        };
        write(change, shown.to_string().as_bytes())
    }

    fn table(&self, rows: &[(&xebec_api::Object, u64)], revision: u64, now: Timestamp) -> Value {
        let mut table = table::table(self.kind, rows, self.include, now);
        table["metadata"]["resourceVersion"] = json!(revision.to_string());
        table
    }

    fn bookmark(&self, revision: u64, initial_events_end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": revision.to_string(), "creationTimestamp": null});
        if initial_events_end {
            metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let (kind, api_version) = match self.form {
            Form::Object => (self.kind.kind, self.kind.api_version()),
            Form::Partial => ("PartialObjectMetadata", "meta.k8s.io/v1".to_owned()),
            Form::Table => ("Table", "meta.k8s.io/v1".to_owned()),
        };
        let mut bookmark = json!({"kind": kind, "apiVersion": api_version, "metadata": metadata});
        if self.form == Form::Table {
            bookmark["columnDefinitions"] = json!([]);
            bookmark["rows"] = json!([]);
        }
        bookmark
    }
}

fn write(change: &str, object: &[u8]) -> Bytes {
    let mut line = BytesMut::with_capacity(object.len() + 40);
    line.extend_from_slice(b"{\"type\":\"");
    line.extend_from_slice(change.as_bytes());
    line.extend_from_slice(b"\",\"object\":");
    line.extend_from_slice(object);
    line.extend_from_slice(b"}\n");
    line.freeze()
}
