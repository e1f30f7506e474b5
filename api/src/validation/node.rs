//! The rules of a Node.

use k8s_openapi::api::core::v1::Node;
use serde_json::Value;

use super::{Unique, named, one_of, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::text;

/// What is wrong with the node.
pub fn validate(node: &Node, errors: &mut FieldErrors) {
    let Some(spec) = &node.spec else { return };
    let path = FieldPath::new("spec");
    let mut taints = Unique::default();
    for (index, taint) in spec.taints.iter().flatten().enumerate() {
        let path = path.child("taints").index(index);
        required_name(errors, &path.child("key"), &taint.key, names::qualified_name);
        named(errors, &path.child("value"), taint.value.as_deref().unwrap_or_default(), names::label_value);
        one_of(errors, &path.child("effect"), Some(&taint.effect), &["NoExecute", "NoSchedule", "PreferNoSchedule"]);
        taints.add(errors, &path, format!("{}:{}", taint.key, taint.effect));
    }
    for (index, cidr) in spec.pod_cidrs.iter().flatten().enumerate() {
        let well_formed = cidr.contains('/') && cidr.parse::<ipnetwork::IpNetwork>().is_ok();
        errors.require(well_formed, || {
            FieldError::invalid(&path.child("podCIDRs").index(index), cidr.as_str(), "must be a valid CIDR value")
        });
    }
}

/// What is wrong with the change: a node's pod subnet and provider id stay once they are set.
pub fn validate_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for key in ["podCIDR", "providerID"] {
        let pointer = format!("/spec/{key}");
        let (before, after) = (text(old, &pointer), text(new, &pointer));
        errors.require(before.is_none() || before == after, || {
            let path = FieldPath::new("spec").child(key);
            FieldError::forbidden(&path, "may be set once and not be changed")
        });
    }
    errors
}
