//! Charging ResourceQuotas: what a namespace's quotas count is changed in the transaction that changes the object, which holds only
//! if the quotas are as they were read. So what is used is exact at every revision, whoever writes at the same time.
//!
//! Who writes in a namespace with a quota would only make others start over, so on one master they go one after the other.

use tokio::sync::{Mutex, MutexGuard};
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

impl Registry {
    fn quotas(&self, target: &Target) -> Vec<Stored> {
        match (target.namespace.as_deref(), quota_kind()) {
            (Some(namespace), Some(kind)) => self.parts.cache.list(kind, Some(namespace)),
            _ => Vec::new(),
        }
    }

    /// The revision of the newest change of any quota.
    pub(super) fn quota_revision(&self) -> u64 {
        quota_kind().map_or(0, |kind| self.parts.cache.kind_revision(kind))
    }

    /// The right to charge the quotas of the target's namespace; nothing to wait for where there are none.
    pub(super) async fn charging(
        &self,
        cx: &RequestContext,
        target: &Target,
    ) -> Result<Option<MutexGuard<'_, ()>>, Status> {
        let counts = !self.quotas(target).is_empty();
        let Some(namespace) = target.namespace.as_deref().filter(|_| counts) else { return Ok(None) };
        let lane =
            namespace.bytes().fold(0_usize, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into())) % LANES;
        let turn = tokio::time::timeout_at(cx.deadline, self.lanes.0[lane].lock()).await;
        turn.map(Some).map_err(|_| Status::timeout("the namespace's quota was busy for too long"))
    }

    /// Charges the quotas of the target's namespace for a change, in `write`.
    pub(super) fn charge(&self, target: &Target, versions: Versions<'_>, write: &mut Write) -> Result<(), Status> {
        let (quotas, Some(kind)) = (self.quotas(target), quota_kind()) else { return Ok(()) };
        if quotas.is_empty() {
            return Ok(());
        }
        let [old, new] = [versions.old, versions.new].map(|object| object.map(Object::to_value));
        let change = Change { kind: target.kind.stored(), old: old.as_ref(), new: new.as_ref() };
        for stored in &quotas {
            let is_itself = *target.kind == *kind && stored.object.meta().name == target.name;
            let charged = quota::charge(&stored.object.to_value(), &change);
            let charged = charged.map_err(|refusal| Status::forbidden(target.kind, &target.name, refusal))?;
            if let Some(charged) = charged.filter(|_| !is_itself) {
                let key = keys::object(kind, target.namespace.as_deref(), &stored.object.meta().name);
                write.also_replace(&key, stored.revision, &Object::from_value(charged)?);
            }
        }
        Ok(())
    }

    /// Waits, but not for long, until the quotas of the target's namespace have been counted.
    pub(super) async fn await_counted(&self, target: &Target) {
        let uncounted = || self.quotas(target).iter().any(|stored| !quota::is_counted(&stored.object.to_value()));
        if !uncounted() {
            return;
        }
        let mut revisions = self.parts.cache.revisions();
        let counted = async { while uncounted() && revisions.changed().await.is_ok() {} };
        // What has not been counted by then is for the charge to refuse.
        drop(tokio::time::timeout(COUNTED_WITHIN, counted).await);
    }
}

/// A new quota must be known to everybody who creates in its namespace: what they go by is the namespace, so that changes too.
pub(super) fn announces_itself(kind: &Kind) -> bool {
    quota_kind().is_some_and(|quotas| *quotas == *kind)
}

fn quota_kind() -> Option<&'static Kind> {
    xebec_api::find("", "v1", "resourcequotas")
}
