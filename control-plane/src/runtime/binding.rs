//! Carries out what the scheduler decides: binds pods, and tells those that found no node why.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use xebec_api::conditions::{self, Condition};
use xebec_api::patch::PatchKind;
use xebec_api::{Reason, Status, Subresource};
use xebec_controllers::{EventType, ObjectEvent, ObjectRef};

use super::events::Recorder;
use crate::authn::User;
use crate::registry::{Patch, Registry, RequestContext, Stored, Target, WriteOptions, rfc3339};

/// The name that pods ask for us by, and that our events come from.
pub(super) const COMPONENT: &str = "default-scheduler";
/// Who owns what is written here, as Kubernetes names it.
const FIELD_MANAGER: &str = "kube-scheduler";
const PATIENCE: Duration = Duration::from_secs(5);

/// A pod, as the scheduler knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PodId {
    pub(super) object: ObjectRef,
    pub(super) uid: Arc<str>,
}

/// Who writes for the scheduler, and where.
#[derive(Clone)]
pub(super) struct Binder {
    registry: Registry,
    user: Arc<User>,
    recorder: Recorder,
}

impl Binder {
    pub(super) fn new(registry: Registry, recorder: Recorder) -> Self {
        Self { registry, user: Arc::new(User::scheduler()), recorder }
    }

    /// Binds a pod. Whether it was: what was refused is decided anew.
    pub(super) async fn bind(&self, pod: &PodId, node: &str) -> bool {
        let Some(target) = target(pod) else { return false };
        let body = json!({
            "apiVersion": "v1", "kind": "Binding",
            "metadata": {"name": &*pod.object.name, "namespace": &*pod.object.namespace, "uid": &*pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        });
        let target = target.subresource(Subresource::Binding);
        match self.registry.create(&self.context(), &target, body, &WriteOptions::by(FIELD_MANAGER)).await {
            Ok(_) => {
                let message = format!("Successfully assigned {}/{} to {node}", pod.object.namespace, pod.object.name);
                self.tell(pod, EventType::Normal, "Scheduled", message);
                true
            }
            Err(status) => {
                tracing::debug!(pod = %pod.object, node, %status, "not bound");
                false
            }
        }
    }

    /// Notes in the pod's status why no node fits, and tells people.
    pub(super) async fn explain(&self, pod: &PodId, why: String) {
        if let Err(status) = self.note(pod, &why).await {
            tracing::debug!(pod = %pod.object, %status, "the reason why it is not scheduled is not noted");
        }
        self.tell(pod, EventType::Warning, "FailedScheduling", why);
    }

    async fn note(&self, pod: &PodId, why: &str) -> Result<(), Status> {
        let Some(target) = target(pod) else { return Ok(()) };
        let Some(current) = self.unbound(pod, &target) else { return Ok(()) };
        let mut value = current.object.to_value();
        let condition =
            Condition { condition_type: "PodScheduled", status: "False", reason: "Unschedulable", message: why };
        if !conditions::set(&mut value, condition, &rfc3339(self.registry.now())) {
            return Ok(());
        }
        let body = json!({
            "metadata": {"uid": &*pod.uid, "resourceVersion": current.revision.to_string()},
            "status": {"conditions": value["status"]["conditions"]},
        });
        let patch = Patch { kind: PatchKind::Merge, body };
        let target = target.subresource(Subresource::Status);
        match self.registry.patch(&self.context(), &target, &patch, &WriteOptions::by(FIELD_MANAGER)).await {
            // It has changed, so it is looked at again anyway.
            Err(status) if matches!(status.reason, Reason::Conflict | Reason::NotFound) => Ok(()),
            other => other.map(drop),
        }
    }

    fn unbound(&self, pod: &PodId, target: &Target) -> Option<Stored> {
        let stored = self.registry.cache().get(target.kind, target.namespace.as_deref(), &target.name)?;
        (stored.object.meta().uid == *pod.uid).then_some(stored)
    }

    fn context(&self) -> RequestContext {
        RequestContext::new(self.user.clone(), Instant::now() + PATIENCE)
    }

    fn tell(&self, pod: &PodId, kind: EventType, reason: &'static str, message: String) {
        let (regarding, uid) = (pod.object.clone(), pod.uid.to_string());
        self.recorder.record(ObjectEvent { regarding, uid, kind, reason, message, component: COMPONENT });
    }
}

fn target(pod: &PodId) -> Option<Target> {
    let kind = pod.object.resource.kind()?;
    Some(Target::new(kind, Some(&pod.object.namespace), &pod.object.name))
}
