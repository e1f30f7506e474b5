//! Admission: what a cluster adds to objects, and what it refuses, beyond what is true of the kind itself.
//!
//! Plugins run on every write, after authorization and defaulting: all `mutate` in order, then the object is defaulted
//! and validated, then all `validate`. They read the watch cache and never wait. [`plugins`] lists those that every
//! cluster has.

mod certificate_requester;
mod default_tolerations;
mod namespace_lifecycle;
mod service_account;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use xebec_api::{Kind, Status, Subresource};

use crate::authn::User;
use crate::cache::Cache;

pub use certificate_requester::CertificateRequester;
pub use default_tolerations::DefaultTolerations;
pub use namespace_lifecycle::NamespaceLifecycle;
pub use service_account::ServiceAccountDefault;

/// What is being done to the object. A patch is an update here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object, or a call such as `pods/binding`.
    Create,
    /// A change, of the object or a subresource of it.
    Update,
    /// A removal. The object is the one that is to go.
    Delete,
}

/// A write, as plugins see it.
pub struct AdmissionRequest<'a> {
    /// Who writes.
    pub user: &'a User,
    /// What is done.
    pub operation: Operation,
    /// To which kind.
    pub kind: &'static Kind,
    /// To which part.
    pub subresource: Option<Subresource>,
    /// Absent for cluster-scoped kinds.
    pub namespace: Option<&'a str>,
    /// The object's name, generated if need be.
    pub name: &'a str,
    /// The object as it would be stored.
    pub object: &'a mut Value,
    /// The object as it is stored; absent when it is new.
    pub old: Option<&'a Value>,
}

impl AdmissionRequest<'_> {
    /// Whether this writes the core kind with that plural, itself or a subresource.
    pub fn is(&self, plural: &str) -> bool {
        self.kind.group.is_empty() && self.kind.plural == plural
    }

    /// Whether this creates an object of the core kind with that plural.
    pub fn creates(&self, plural: &str) -> bool {
        self.operation == Operation::Create && self.subresource.is_none() && self.is(plural)
    }
}

/// One plugin.
pub trait Admission: Send + Sync {
    /// Its name, for messages and logs.
    fn name(&self) -> &'static str;

    /// Changes the object before it is validated. Not asked about deletes.
    fn mutate(&self, _request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        Ok(())
    }

    /// Refuses what must not be, once the object is final.
    fn validate(&self, _request: &AdmissionRequest<'_>) -> Result<(), Status> {
        Ok(())
    }
}

/// The plugins that every cluster has. `toleration` is how long a pod stays on a node that is not ready or cannot be
/// reached.
pub fn plugins(cache: &Arc<Cache>, toleration: Duration) -> Vec<Arc<dyn Admission>> {
    vec![
        Arc::new(NamespaceLifecycle::new(cache.clone())),
        Arc::new(CertificateRequester),
        Arc::new(ServiceAccountDefault),
        Arc::new(DefaultTolerations::new(toleration)),
    ]
}

#[cfg(test)]
mod tests;
