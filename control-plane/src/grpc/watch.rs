//! Watches, an event a message.

use bytes::Bytes;
use futures::StreamExt;
use jiff::Timestamp;
use xebec_api::{Kind, Status};
use xebec_proto::v1::watch_event::Type;
use xebec_proto::v1::{Object, Representation, WatchEvent, WatchRequest};

use super::list::rows;
use super::{Answers, ObjectsService, convert};
use crate::registry::{self, RequestContext, Stored};

impl ObjectsService {
    pub(super) async fn watch_events(
        &self,
        cx: &RequestContext,
        request: &WatchRequest,
    ) -> Result<Answers<WatchEvent>, Status> {
        let scope = convert::scope(&self.kinds_now(), request.target.as_ref())?;
        let options = convert::watch(scope.kind, request)?;
        let table = request.representation() == Representation::Table;
        let (registry, kind) = (self.registry.clone(), scope.kind);
        let events = self.registry.watch(cx, &scope, &options).await?;
        Ok(Box::pin(events.map(move |event| Ok(message(kind, &event, table.then(|| registry.now()))))))
    }
}

fn message(kind: &Kind, event: &registry::WatchEvent, table: Option<Timestamp>) -> WatchEvent {
    let show = |stored: &Stored| match table {
        None => convert::object(stored),
        Some(now) => Object { revision: stored.revision, json: rows(kind, std::slice::from_ref(stored), now) },
    };
    let (change, object) = match event {
        registry::WatchEvent::Added(stored) => (Type::Added, show(stored)),
        registry::WatchEvent::Modified(stored) => (Type::Modified, show(stored)),
        registry::WatchEvent::Deleted(stored) => (Type::Deleted, show(stored)),
        registry::WatchEvent::Bookmark { revision, initial_events_end } => {
            (Type::Bookmark, bookmark(kind, *revision, *initial_events_end))
        }
        registry::WatchEvent::Error(status) => {
            (Type::Error, Object { revision: 0, json: Bytes::from(status.to_json().to_string()) })
        }
    };
    WatchEvent { r#type: change.into(), object: Some(object) }
}

fn bookmark(kind: &Kind, revision: u64, initial_events_end: bool) -> Object {
    let mut json = serde_json::json!({"kind": kind.kind, "apiVersion": kind.api_version(), "metadata": {}});
    json["metadata"]["resourceVersion"] = revision.to_string().into();
    if initial_events_end {
        json["metadata"]["annotations"] = serde_json::json!({"k8s.io/initial-events-end": "true"});
    }
    Object { revision, json: Bytes::from(json.to_string()) }
}
