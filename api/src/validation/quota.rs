//! The rules of a ResourceQuota.

use k8s_openapi::api::core::v1::{ResourceQuota, ScopedResourceSelectorRequirement};

use super::named;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// Which objects a quota may be about.
pub const SCOPES: [&str; 7] = [
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];
/// The resources that have no prefix and no group.
const STANDARD: [&str; 13] = [
    "configmaps",
    "cpu",
    "ephemeral-storage",
    "memory",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
    "storage",
];

/// What is wrong with a quota, apart from its row's rules.
pub fn validate(quota: &ResourceQuota, errors: &mut FieldErrors) {
    let Some(spec) = &quota.spec else { return };
    let path = FieldPath::new("spec");
    for (name, quantity) in spec.hard.iter().flatten() {
        let path = path.child("hard").key(name);
        resource(name, &path, errors);
        let whole = crate::Quantity::parse(&quantity.0).is_ok_and(|amount| amount.is_whole());
        errors.require(whole || is_measured(name), || {
            FieldError::invalid(&path, quantity.0.as_str(), "must be an integer")
        });
    }
    let scopes = spec.scopes.as_deref().unwrap_or_default();
    for (one, other) in [("Terminating", "NotTerminating"), ("BestEffort", "NotBestEffort")] {
        let has = |scope: &str| scopes.iter().any(|found| found == scope);
        errors.require(!(has(one) && has(other)), || {
            FieldError::invalid(&path.child("scopes"), scopes.to_vec(), "conflicting scopes")
        });
    }
    let selector = spec.scope_selector.as_ref().and_then(|selector| selector.match_expressions.as_deref());
    for (index, one) in selector.unwrap_or_default().iter().enumerate() {
        let path = path.child("scopeSelector").child("matchExpressions").index(index);
        expression(one, &path, errors);
    }
}

fn expression(one: &ScopedResourceSelectorRequirement, path: &FieldPath, errors: &mut FieldErrors) {
    let count = one.values.as_ref().map_or(0, Vec::len);
    let only_exists = !matches!(one.scope_name.as_str(), "PriorityClass" | "VolumeAttributesClass");
    errors.require(!only_exists || one.operator == "Exists", || {
        let why = "must be 'Exist' when scope is any of Terminating, NotTerminating, BestEffort and NotBestEffort";
        FieldError::invalid(&path.child("operator"), one.operator.as_str(), why)
    });
    match one.operator.as_str() {
        "In" | "NotIn" if count == 0 => {
            let why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            errors.push(FieldError::required(&path.child("values"), why));
        }
        "Exists" | "DoesNotExist" if count > 0 => {
            let why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            errors.push(FieldError::invalid(&path.child("values"), one.values.clone().unwrap_or_default(), why));
        }
        _ => {}
    }
}

/// A resource that a quota can count: one of the standard ones, a request or limit, or objects of a kind.
fn resource(name: &str, path: &FieldPath, errors: &mut FieldErrors) {
    let plain = ["requests.", "limits."].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    named(errors, path, plain, names::qualified_name);
    let known = plain.contains('/') || STANDARD.contains(&plain) || plain.starts_with("hugepages-");
    errors.require(known, || FieldError::invalid(path, name, "must be a standard resource type or fully qualified"));
}

/// Amounts of these may have fractions.
fn is_measured(name: &str) -> bool {
    ["cpu", "memory", "storage"].iter().any(|word| name.contains(word))
}
