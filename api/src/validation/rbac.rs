//! The rules of roles and of what gives them to people.

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use serde_json::Value;

use super::{named, one_of, required};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// The API group of roles.
pub const GROUP: &str = "rbac.authorization.k8s.io";

/// What is wrong with the rules of a role. `cluster`: whether the role may speak of paths that are no resources.
pub fn rules(rules: &[PolicyRule], cluster: bool, errors: &mut FieldErrors) {
    for (index, rule) in rules.iter().enumerate() {
        let path = FieldPath::new("rules").index(index);
        errors.require(!rule.verbs.is_empty(), || FieldError::required(&path.child("verbs"), "a rule needs a verb"));
        let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|l| !l.is_empty());
        let resources = has(&rule.resources) || has(&rule.api_groups) || has(&rule.resource_names);
        if has(&rule.non_resource_urls) {
            let path = path.child("nonResourceURLs");
            errors.require(cluster, || {
                FieldError::invalid(
                    &path,
                    rule.non_resource_urls.clone().unwrap_or_default(),
                    "a role within a namespace cannot speak of paths outside of it",
                )
            });
            errors.require(!resources, || {
                FieldError::invalid(
                    &path,
                    rule.non_resource_urls.clone().unwrap_or_default(),
                    "a rule is either for resources or for paths that are none",
                )
            });
            continue;
        }
        errors.require(has(&rule.api_groups), || {
            FieldError::required(&path.child("apiGroups"), "a rule for resources needs an API group")
        });
        errors.require(has(&rule.resources), || {
            FieldError::required(&path.child("resources"), "a rule for resources needs a resource")
        });
    }
}

/// What is wrong with a binding. `roles`: the kinds of role it may refer to.
pub fn binding(role: &RoleRef, subjects: &[Subject], roles: &[&str], errors: &mut FieldErrors) {
    let path = FieldPath::new("roleRef");
    one_of(errors, &path.child("apiGroup"), Some(&role.api_group), &[GROUP]);
    one_of(errors, &path.child("kind"), Some(&role.kind), roles);
    if required(errors, &path.child("name"), &role.name) {
        named(errors, &path.child("name"), &role.name, names::path_segment);
    }
    for (index, one) in subjects.iter().enumerate() {
        subject(one, &FieldPath::new("subjects").index(index), errors);
    }
}

fn subject(one: &Subject, path: &FieldPath, errors: &mut FieldErrors) {
    required(errors, &path.child("name"), &one.name);
    let group = one.api_group.as_deref().unwrap_or_default();
    match one.kind.as_str() {
        "ServiceAccount" => {
            one_of(errors, &path.child("apiGroup"), Some(group), &[""]);
            required(errors, &path.child("namespace"), one.namespace.as_deref().unwrap_or_default());
            if !one.name.is_empty() {
                named(errors, &path.child("name"), &one.name, names::dns_subdomain);
            }
        }
        "User" | "Group" => one_of(errors, &path.child("apiGroup"), Some(group), &[GROUP]),
        other => {
            let kinds = ["Group", "ServiceAccount", "User"];
            errors.push(FieldError::not_supported(&path.child("kind"), other, &kinds));
        }
    }
}

/// A binding keeps its role: whoever may change its subjects may not thereby give another role.
pub fn role_is_immutable(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    errors.require(new.get("roleRef") == old.get("roleRef"), || {
        let value = new.get("roleRef").cloned().unwrap_or_default();
        FieldError::invalid(&FieldPath::new("roleRef"), value, "cannot change roleRef")
    });
    errors
}
