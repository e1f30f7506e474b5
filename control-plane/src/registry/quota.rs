//! Charging ResourceQuotas: what a namespace's quotas count is changed in the transaction that changes the object, which holds only
//! if the quotas are as they were read. So what is used is exact at every revision, whoever writes at the same time.
//!
//! Who changes what a quota counts would only make others start over, so on one master they go one after the other.

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard};
use xebec_api::kinds::RESOURCE_QUOTA;
use xebec_api::quota::{self, Change};
use xebec_api::{Kind, Object, Status};

use super::commit::Write;
use super::{Registry, RequestContext, Stored, Target, keys};

/// Namespaces share these by hash: a bound on memory that costs a little waiting.
const LANES: usize = 64;
/// How long a write waits for a new quota to be counted.
const COUNTED_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

/// Who may charge now.
pub(super) struct Lanes([Mutex<()>; LANES]);

impl Default for Lanes {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

/// An object before and after a change.
#[derive(Clone, Copy)]
pub(super) struct Versions<'a> {
    pub(super) old: Option<&'a Object>,
    pub(super) new: Option<&'a Object>,
}

/// The right to charge the quotas of a namespace, until what was charged is committed.
pub(super) type Turn<'a> = MutexGuard<'a, ()>;

/// A quota as it is to be: its key, the revision that it was read at, and itself.
type Charge = (Bytes, u64, Object);

impl Registry {
    fn quotas(&self, target: &Target) -> Vec<Stored> {
        let namespace = target.namespace.as_deref();
        namespace.map(|name| self.parts.cache.list(&RESOURCE_QUOTA, Some(name))).unwrap_or_default()
    }

    /// Charges the quotas of the target's namespace for a change, in `write`. The turn, which only a change that concerns a quota
    /// takes, is to be kept until that is committed. A refusal is by the newest state.
    pub(super) async fn charge(
        &self,
        cx: &RequestContext,
        target: &Target,
        versions: Versions<'_>,
        write: &mut Write,
    ) -> Result<Option<Turn<'_>>, Status> {
        if self.charges(target, versions).is_ok_and(|charges| charges.is_empty()) {
            return Ok(None);
        }
        let turn = self.turn(cx, target.namespace.as_deref().unwrap_or_default()).await?;
        let charges = match self.charges(target, versions) {
            Ok(charges) => charges,
            Err(_) => {
                self.read_barrier(cx.deadline).await?;
                self.charges(target, versions)?
            }
        };
        for (key, revision, charged) in &charges {
            write.also_replace(key, *revision, charged);
        }
        Ok(Some(turn))
    }

    async fn turn(&self, cx: &RequestContext, namespace: &str) -> Result<Turn<'_>, Status> {
        let hash = |hash: usize, byte: u8| hash.wrapping_mul(31).wrapping_add(byte.into());
        let lane = &self.lanes.0[namespace.bytes().fold(0, hash) % LANES];
        let turn = tokio::time::timeout_at(cx.deadline, lane.lock()).await;
        turn.map_err(|_| Status::timeout("the namespace's quota was busy for too long"))
    }

    /// What becomes of the quotas that the change concerns, by what the cache has.
    fn charges(&self, target: &Target, versions: Versions<'_>) -> Result<Vec<Charge>, Status> {
        let quotas = self.quotas(target);
        if quotas.is_empty() {
            return Ok(Vec::new());
        }
        let [old, new] = [versions.old, versions.new].map(|object| object.map(Object::to_value));
        let change = Change::new(target.kind.stored(), old.as_ref(), new.as_ref());
        let mut charges = Vec::new();
        for stored in &quotas {
            let name = &stored.object.meta().name;
            let is_itself = *target.kind == RESOURCE_QUOTA && *name == target.name;
            let charged = quota::charge(&stored.object.to_value(), &change);
            let charged = charged.map_err(|refusal| Status::forbidden(target.kind, &target.name, refusal))?;
            if let Some(charged) = charged.filter(|_| !is_itself) {
                let key = keys::object(&RESOURCE_QUOTA, target.namespace.as_deref(), name);
                charges.push((key, stored.revision, Object::from_value(charged)?));
            }
        }
        Ok(charges)
    }

    /// Waits, but not for long, until the quotas of the target's namespace have been counted.
    pub(super) async fn await_counted(&self, target: &Target) {
        let uncounted = || self.quotas(target).iter().any(|stored| !quota::is_counted(&stored.object.to_value()));
        if !uncounted() {
            return;
        }
        let counted = self.parts.cache.wait_until(|| !uncounted());
        // What has not been counted by then is for the charge to refuse.
        drop(tokio::time::timeout(COUNTED_WITHIN, counted).await);
    }
}

/// A new quota must be known to everybody who creates in its namespace: what they go by is the namespace, so that changes too.
pub(super) fn announces_itself(kind: &Kind) -> bool {
    *kind == RESOURCE_QUOTA
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::cache::{Cache, Limits};
    use crate::registry::testing::{Behind, Fixture, cx, target};
    use crate::registry::{DeleteOptions, Patch, PatchKind, WriteOptions};

    /// A quota of which so much is used.
    async fn counted(f: &Fixture, hard: Value, used: Value) {
        let quota = target("resourcequotas", Some("default"), "q");
        f.create(&quota, json!({"spec": {"hard": hard}})).await.unwrap();
        let body = json!({"status": {"hard": hard, "used": used}});
        let status = quota.subresource(xebec_api::Subresource::Status);
        let patch = Patch { kind: PatchKind::Merge, body };
        f.registry.patch(&cx(), &status, &patch, &WriteOptions::default()).await.unwrap();
    }

    fn service(kind: &str) -> Value {
        json!({"spec": {"type": kind, "ports": [{"port": 80}]}})
    }

    /// On a master that is behind, what another gave back is there all the same.
    #[tokio::test]
    async fn what_is_refused_is_refused_by_the_newest_state() {
        let cache = Cache::new(Limits::default());
        let behind = Behind::new(cache.clone());
        let f = Fixture::observed(cache, behind.clone()).await;
        counted(&f, json!({"services.loadbalancers": "1"}), json!({"services.loadbalancers": "0"})).await;
        let [first, second] = ["first", "second"].map(|name| target("services", Some("default"), name));
        f.create(&first, service("LoadBalancer")).await.unwrap();
        f.create(&second, service("ClusterIP")).await.unwrap();
        let widen = Patch { kind: PatchKind::Merge, body: json!({"spec": {"type": "LoadBalancer"}}) };
        let (context, options) = (cx(), WriteOptions::default());
        let widened = async || f.registry.patch(&context, &second, &widen, &options).await;
        assert_eq!(widened().await.unwrap_err().code, 403);
        behind.hold();
        f.registry.delete(&cx(), &first, &DeleteOptions::default()).await.unwrap();
        let (answer, ()) = tokio::join!(widened(), async { behind.catch_up() });
        assert_eq!(answer.unwrap().to_value()["spec"]["type"], "LoadBalancer");
        assert_eq!(f.create(&first, service("LoadBalancer")).await.unwrap_err().code, 403);
    }

    #[tokio::test]
    async fn what_no_quota_counts_waits_for_nobody() {
        let f = Fixture::new().await;
        counted(&f, json!({"pods": "1"}), json!({"pods": "0"})).await;
        let (context, options) = (cx(), WriteOptions::default());
        let turn = f.registry.turn(&context, "default").await.unwrap();
        f.config_map("a", "one").await.unwrap();
        f.update(&target("configmaps", Some("default"), "a"), json!({"data": {"text": "two"}})).await.unwrap();
        let pod = target("pods", Some("default"), "p");
        let body = json!({"spec": {"containers": [{"name": "app", "image": "shop:1"}]}});
        let mut waiting = Box::pin(f.registry.create(&context, &pod, body, &options));
        assert!(futures::poll!(&mut waiting).is_pending(), "it is not its turn");
        drop(turn);
        waiting.await.unwrap();
    }
}
