//! The Pod Security Standards: how much of the node a pod may have, by the labels of its namespace
//! (`pod-security.kubernetes.io/{enforce,audit,warn}` and `…-version`).
//!
//! `enforce` refuses pods; `warn` tells whoever makes a pod, or something that has a template of pods, what the level would not
//! allow, and `audit` notes it on the request's record, refused or not. A namespace without labels is `privileged`: everything
//! goes.
//!
//! [`policy`] reads labels, [`checks`] are the rules, one family a file; each is a plain function of a pod's spec.

mod checks;
mod policy;
mod subject;

use std::sync::Arc;

use xebec_api::kinds::{NAMESPACE, POD};
use xebec_api::{FieldErrors, Status, Subresource};

use self::policy::{Policies, Policy};
use self::subject::{Subject, place};
use super::{Admission, AdmissionRequest, Operation};
use crate::cache::Cache;

/// Pods that are looked at when a namespace becomes stricter.
const MOST_PODS: usize = 3_000;

/// What a request's record says of the level that is asked for, and of what it does not allow.
const ENFORCE_POLICY: &str = "pod-security.kubernetes.io/enforce-policy";
const AUDIT_VIOLATIONS: &str = "pod-security.kubernetes.io/audit-violations";

/// See the module.
pub struct PodSecurity {
    cache: Arc<Cache>,
}

impl PodSecurity {
    /// Looks namespaces up in `cache`.
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    fn policies(&self, namespace: &str) -> Policies {
        let stored = self.cache.get(&NAMESPACE, None, namespace);
        stored.map(|stored| Policies::read(&stored.object.meta().labels).0).unwrap_or_default()
    }

    /// Labels must say a level; and whoever makes a namespace stricter learns which pods would not come in again.
    fn namespace(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        let (policies, errors) = Policies::read(&labels(request.object));
        let before = request.old.map(|old| Policies::read(&labels(old)));
        // What was wrong before must not keep the rest from changing: such a namespace could not even go.
        let is_known = before.as_ref().is_some_and(|(_, known)| *known == errors);
        if !errors.is_empty() && !is_known {
            return Err(Status::invalid(request.kind, request.name, &FieldErrors::from_iter(errors)));
        }
        if before.is_some_and(|(before, _)| before.enforce != policies.enforce) {
            self.look_at_pods(request, &policies.enforce);
        }
        Ok(())
    }

    fn look_at_pods(&self, request: &AdmissionRequest<'_>, enforced: &Policy) {
        let pods = self.cache.list(&POD, Some(request.name));
        let complaints = pods.iter().take(MOST_PODS).filter_map(|stored| {
            let subject = Subject::of_pod(&stored.object.to_value())?;
            Some((stored.object.meta().name.clone(), checks::complaint(enforced, &subject)?))
        });
        let mut complaints: Vec<(String, String)> = complaints.collect();
        if complaints.is_empty() {
            return;
        }
        complaints.sort();
        let level = quoted(enforced);
        let namespace = request.name;
        request.warnings.add(format!(
            "existing pods in namespace \"{namespace}\" violate the new PodSecurity enforce level {level}"
        ));
        complaints.iter().for_each(|(pod, complaint)| request.warnings.add(format!("{pod}: {complaint}")));
    }
}

impl Admission for PodSecurity {
    fn name(&self) -> &'static str {
        "PodSecurity"
    }

    fn validate(&self, request: &AdmissionRequest<'_>) -> Result<(), Status> {
        let writes = request.operation != Operation::Delete
            && matches!(request.subresource.map(Subresource::as_str), None | Some("ephemeralcontainers"));
        if !writes {
            return Ok(());
        }
        if *request.kind == NAMESPACE {
            return self.namespace(request);
        }
        let Some(place) = place(request.kind) else { return Ok(()) };
        let policies = self.policies(request.namespace.unwrap_or_default());
        if policies.allow_everything() {
            return Ok(());
        }
        match subject_of_change(request, place) {
            Some(subject) => judge(request, &subject, &policies),
            None => Ok(()),
        }
    }
}

fn judge(request: &AdmissionRequest<'_>, subject: &Subject, policies: &Policies) -> Result<(), Status> {
    let would_violate = |policy: &Policy| {
        let complaint = checks::complaint(policy, subject)?;
        Some(format!("would violate PodSecurity {}: {complaint}", quoted(policy)))
    };
    if let Some(violation) = would_violate(&policies.audit) {
        request.annotations.add(AUDIT_VIOLATIONS, &violation);
    }
    if subject.is_pod {
        request.annotations.add(ENFORCE_POLICY, &policies.enforce.to_string());
        if let Some(complaint) = checks::complaint(&policies.enforce, subject) {
            let why = format!("violates PodSecurity {}: {complaint}", quoted(&policies.enforce));
            return Err(Status::forbidden(request.kind, request.name, why));
        }
    }
    if let Some(violation) = would_violate(&policies.warn) {
        request.warnings.add(violation);
    }
    Ok(())
}

/// The pod, or the pods that the object will make, unless the change leaves them as they were.
fn subject_of_change(request: &AdmissionRequest<'_>, place: &str) -> Option<Subject> {
    let subject = Subject::of(request.object, place)?;
    let before = request.old.and_then(|old| Subject::of(old, place));
    (before.as_ref() != Some(&subject)).then_some(subject)
}

fn labels(namespace: &serde_json::Value) -> std::collections::BTreeMap<String, String> {
    let labels = namespace.pointer("/metadata/labels").cloned().unwrap_or_default();
    serde_json::from_value(labels).unwrap_or_default()
}

fn quoted(policy: &Policy) -> String {
    format!("\"{policy}\"")
}

#[cfg(test)]
mod tests;
