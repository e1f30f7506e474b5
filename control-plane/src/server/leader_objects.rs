//! Objects that every cluster has, kept by the leader: default roles, default namespaces, the `kubernetes` Service and where it
//! leads. (The service accounts of namespaces are a controller's.)
//!
//! What is there is left as it is, but for what default roles and bindings lack, the Service's endpoints, which follow the
//! masters, and the ConfigMap by which servers of aggregated APIs know us. Level, not edge: each turn looks at
//! everything, at the start of a leadership, when the masters change, and from time to time.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xebec_api::kinds::{self, ENDPOINT_SLICE};
use xebec_api::{Reason, Status};
use xebec_store::Leadership;

use super::default_objects;
use crate::authn::User;
use crate::authz::defaults::reconcile::reconciled;
use crate::authz::rbac;
use crate::registry::{DeleteOptions, Registry, RequestContext, Target, WriteOptions};

/// Who owns what is written here, as Kubernetes names it.
const FIELD_MANAGER: &str = "kube-apiserver";
const DEADLINE: Duration = Duration::from_secs(5);
const RETRY: Duration = Duration::from_millis(200);
const REVIEW: Duration = Duration::from_secs(10);

/// Keeps these objects whenever this master leads.
pub(super) struct LeaderObjects {
    pub(super) registry: Registry,
    pub(super) leadership: watch::Receiver<Leadership>,
    pub(super) masters: watch::Receiver<Vec<String>>,
    pub(super) kubernetes_address: String,
    pub(super) service_cidr: String,
    /// What servers of aggregated APIs believe.
    pub(super) authentication: Value,
}

impl LeaderObjects {
    /// Until shutdown.
    pub(super) async fn run(mut self, shutdown: CancellationToken) {
        let work = async {
            while self.leadership.wait_for(|now| now.is_leader).await.is_ok() {
                let pause = self.turn().await;
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    changed = self.masters.changed() => if changed.is_err() { return },
                }
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    /// Makes everything so. How long to wait before looking again.
    async fn turn(&mut self) -> Duration {
        let masters = self.masters.borrow_and_update().clone();
        match self.ensure(&masters).await {
            Ok(()) => REVIEW,
            Err(status) => {
                tracing::debug!(%status, "cannot keep the default objects");
                RETRY
            }
        }
    }

    async fn ensure(&self, masters: &[String]) -> Result<(), Status> {
        for object in default_objects::all(&self.kubernetes_address, &self.service_cidr) {
            self.ensure_one(object).await?;
        }
        self.put(self.authentication.clone()).await?;
        let slices = default_objects::kubernetes_slices(masters);
        for slice in &slices {
            self.put(slice.clone()).await?;
        }
        self.remove_other_slices(&slices).await
    }

    async fn ensure_one(&self, object: Value) -> Result<(), Status> {
        let target = target_of(&object)?;
        let Some(present) = self.registry.cache().get(target.kind, target.namespace.as_deref(), &target.name) else {
            return self.create(&target, object).await;
        };
        if target.kind.group != rbac::GROUP {
            return Ok(());
        }
        let Some(mended) = reconciled(&present.to_value(), &object) else { return Ok(()) };
        tracing::info!(name = target.name, "a default role or binding gets back what it lacks");
        match self.registry.update(&context(), &target, mended, &WriteOptions::by(FIELD_MANAGER)).await {
            // Somebody changes it at the same time; the next turn looks again.
            Err(status) if status.reason != Reason::Conflict => Err(status),
            _ => Ok(()),
        }
    }

    async fn create(&self, target: &Target, object: Value) -> Result<(), Status> {
        match self.registry.create(&context(), target, object, &WriteOptions::by(FIELD_MANAGER)).await {
            Err(status) if status.reason != Reason::AlreadyExists => Err(status),
            _ => Ok(()),
        }
    }

    async fn put(&self, object: Value) -> Result<(), Status> {
        let target = target_of(&object)?;
        let Some(present) = self.registry.cache().get(target.kind, target.namespace.as_deref(), &target.name) else {
            return self.create(&target, object).await;
        };
        let present = present.to_value();
        if ["endpoints", "ports", "addressType", "data"].iter().all(|field| present[field] == object[field]) {
            return Ok(());
        }
        self.registry.update(&context(), &target, object, &WriteOptions::by(FIELD_MANAGER)).await.map(|_| ())
    }

    async fn remove_other_slices(&self, wanted: &[Value]) -> Result<(), Status> {
        let is_wanted = |name: &str| wanted.iter().any(|slice| slice["metadata"]["name"] == name);
        for stored in self.registry.cache().list(&ENDPOINT_SLICE, Some("default")) {
            let meta = stored.object.meta();
            let is_ours = meta.labels.get(default_objects::MANAGED_BY).is_some_and(|by| by == default_objects::MANAGER);
            if !is_ours || is_wanted(&meta.name) {
                continue;
            }
            let target = Target::new(&ENDPOINT_SLICE, Some("default"), &meta.name);
            match self.registry.delete(&context(), &target, &DeleteOptions::default()).await {
                Err(status) if status.reason != Reason::NotFound => return Err(status),
                _ => {}
            }
        }
        Ok(())
    }
}

fn target_of(object: &Value) -> Result<Target, Status> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
    let kind = kinds::find_api_version(text("/apiVersion").unwrap_or_default(), text("/kind").unwrap_or_default());
    let kind = kind.ok_or_else(|| Status::internal("a default object is of an unknown kind"))?;
    Ok(Target::new(kind, text("/metadata/namespace"), text("/metadata/name").unwrap_or_default()))
}

fn context() -> RequestContext {
    RequestContext::new(Arc::new(User::api_server()), Instant::now() + DEADLINE)
}
