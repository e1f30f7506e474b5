//! Writes events, one after the other. An event is a hint: one that cannot be written soon is dropped.

use tokio::sync::mpsc;
use xebec_api::Status;
use xebec_proto::v1::NodeEvent;

use super::event::{Occasion, Recent, Write};
use super::{FIELD_MANAGER, Reporter, kind};
use crate::registry::{Patch, PatchKind, Target, WriteOptions};

pub(super) async fn run(reporter: Reporter, mut events: mpsc::Receiver<NodeEvent>) {
    let mut recent = Recent::default();
    while let Some(event) = events.recv().await {
        let now = reporter.now();
        let unique = uuid::Uuid::new_v4().as_u64_pair().0;
        let occasion = Occasion { node: &reporter.node, now: &now, unique };
        let Some(write) = recent.take(&event, &occasion) else { continue };
        let name = match &write {
            Write::Create { name, .. } | Write::Count { name, .. } => name.clone(),
        };
        if let Err(status) = apply(&reporter, write).await {
            tracing::debug!(%status, name, "an event was not written");
            recent.forget(&name);
        }
    }
}

async fn apply(reporter: &Reporter, write: Write) -> Result<(), Status> {
    let (registry, options) = (&reporter.shared.registry, WriteOptions::by(FIELD_MANAGER));
    let target = |namespace: &str, name: &str| Target::new(kind("Event"), Some(namespace), name);
    match write {
        Write::Create { namespace, name, object } => {
            registry.create(&reporter.context(), &target(&namespace, &name), object, &options).await.map(drop)
        }
        Write::Count { namespace, name, patch } => {
            let patch = Patch { kind: PatchKind::Merge, body: patch };
            registry.patch(&reporter.context(), &target(&namespace, &name), &patch, &options).await.map(drop)
        }
    }
}
