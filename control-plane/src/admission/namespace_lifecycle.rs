//! Nothing new in a namespace that is going, and no end to the namespaces that the cluster itself lives in.

use std::sync::Arc;

use xebec_api::kinds::NAMESPACE;
use xebec_api::{Cause, Details, Kind, Scope, Status};

use super::{Admission, AdmissionRequest, Operation};
use crate::cache::Cache;

/// These are never deleted.
const IMMORTAL: [&str; 3] = ["default", "kube-system", "kube-public"];

/// See the module.
pub struct NamespaceLifecycle {
    cache: Arc<Cache>,
}

impl NamespaceLifecycle {
    /// Looks the namespaces up in `cache`.
    pub fn new(cache: Arc<Cache>) -> NamespaceLifecycle {
        NamespaceLifecycle { cache }
    }

    fn terminating(&self, namespace: &str) -> bool {
        let stored = self.cache.get(&NAMESPACE, None, namespace);
        stored.is_some_and(|stored| stored.object.meta().deletion_timestamp.is_some())
    }
}

impl Admission for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        "NamespaceLifecycle"
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        match (request.operation, request.kind.scope, request.namespace) {
            (Operation::Delete, Scope::Cluster, _) if request.is("namespaces") && IMMORTAL.contains(&request.name) => {
                Err(Status::forbidden(request.kind, request.name, "this namespace may not be deleted"))
            }
            (Operation::Create, Scope::Namespaced, Some(namespace))
                if request.subresource.is_none() && self.terminating(namespace) =>
            {
                Err(being_terminated(request.kind, request.name, namespace))
            }
            _ => Ok(()),
        }
    }
}

fn being_terminated(kind: &Kind, name: &str, namespace: &str) -> Status {
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut status = Status::forbidden(kind, name, &why);
    let cause = Cause {
        reason: "NamespaceTerminating".into(),
        message: format!("namespace {namespace} is being terminated"),
        field: "metadata.namespace".into(),
    };
    status.details.get_or_insert_with(|| Box::new(Details::default())).causes.push(cause);
    status
}
