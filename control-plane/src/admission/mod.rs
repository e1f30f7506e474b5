//! Admission: what a cluster adds to objects, and what it refuses, beyond what is true of the kind itself.
//!
//! Plugins run on every write, after authorization and defaulting: all `mutate` in order, then the object is defaulted
//! and validated, then all `validate`. They read the watch cache and never wait. [`plugins`] lists those that every
//! cluster has.

mod certificate_requester;
mod certificate_signers;
mod default_class;
mod default_tolerations;
pub mod facts;
mod limit_ranger;
pub mod matching;
mod namespace_lifecycle;
mod pod_security;
pub mod policies;
mod priority;
mod runtime_class;
mod service_account;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use xebec_api::{Kind, Status, Subresource};

use crate::audit::Annotations;
use crate::authn::User;
use crate::cache::Cache;
use crate::registry::{Environment, Target, Warnings, generate_name};

pub use certificate_requester::CertificateRequester;
pub(crate) use certificate_requester::requested_subject;
pub use certificate_signers::CertificateSigners;
pub use default_class::DefaultClass;
pub use default_tolerations::DefaultTolerations;
pub use limit_ranger::LimitRanger;
pub use namespace_lifecycle::NamespaceLifecycle;
pub use pod_security::PodSecurity;
pub use priority::Priority;
pub use runtime_class::RuntimeClass;
pub use service_account::ServiceAccount;

/// What is being done to the object. A patch is an update here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new object, or a call such as `pods/binding`.
    Create,
    /// A change, of the object or a subresource of it.
    Update,
    /// A removal. The object is the one that is to go.
    Delete,
    /// A stream to what the object stands for, such as `pods/exec`. The object is the options.
    Connect,
}

impl Operation {
    /// The word in rules and reviews.
    pub fn as_str(self) -> &'static str {
        match self {
            Operation::Create => "CREATE",
            Operation::Update => "UPDATE",
            Operation::Delete => "DELETE",
            Operation::Connect => "CONNECT",
        }
    }
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
    /// Where what the caller should know is said.
    pub warnings: &'a Warnings,
    /// Where what the request's record should say is noted.
    pub annotations: &'a Annotations,
    /// Time and chance.
    pub environment: &'a dyn Environment,
}

impl AdmissionRequest<'_> {
    /// Whether this writes the core kind with that plural, itself or a subresource.
    pub fn is(&self, plural: &str) -> bool {
        self.kind.group.is_empty() && self.kind.plural == plural
    }

    /// A name made of `base` and five characters of chance.
    pub fn generate_name(&self, base: &str) -> String {
        generate_name(self.environment, base)
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

    /// An object that the plugin wants to see before it decides, and that may be about to come. The registry waits for it, but
    /// not for long.
    fn awaits(&self, _request: &AdmissionRequest<'_>) -> Option<Target> {
        None
    }

    /// Changes the object before it is validated. Not asked about deletes.
    fn mutate(&self, _request: &mut AdmissionRequest<'_>) -> Result<(), Status> {
        Ok(())
    }

    /// Refuses what must not be, once the object is final.
    fn validate(&self, _request: &AdmissionRequest<'_>) -> Result<(), Status> {
        Ok(())
    }
}

/// The plugins that every cluster has, in Kubernetes' order. `toleration` is how long a pod stays on a node that is not ready or
/// cannot be reached.
pub fn plugins(cache: &Arc<Cache>, toleration: Duration) -> Vec<Arc<dyn Admission>> {
    vec![
        Arc::new(NamespaceLifecycle::new(cache.clone())),
        Arc::new(LimitRanger::new(cache.clone())),
        Arc::new(ServiceAccount::new(cache.clone())),
        Arc::new(PodSecurity::new(cache.clone())),
        Arc::new(Priority::new(cache.clone())),
        Arc::new(DefaultTolerations::new(toleration)),
        Arc::new(DefaultClass::storage(cache.clone())),
        Arc::new(RuntimeClass::new(cache.clone())),
        Arc::new(CertificateRequester),
        Arc::new(DefaultClass::ingress(cache.clone())),
    ]
}

/// Whether the write is about a certificate request.
pub(crate) fn is_certificate_request(request: &AdmissionRequest<'_>) -> bool {
    *request.kind == xebec_api::kinds::CERTIFICATE_SIGNING_REQUEST
}

#[cfg(test)]
mod matching_tests;
#[cfg(test)]
mod tests;
