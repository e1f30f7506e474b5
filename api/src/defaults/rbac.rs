//! Defaults of bindings: people and roles belong to the RBAC group, service accounts to the core group.

use serde_json::Value;

use crate::validation::rbac::GROUP;
use crate::value::{existing, fill, items, text};

/// The defaults of a RoleBinding or ClusterRoleBinding.
pub fn binding(binding: &mut Value) {
    if let Some(role) = existing(binding, "roleRef") {
        fill(role, "apiGroup", GROUP);
    }
    for subject in items(binding, "subjects") {
        if matches!(text(subject, "/kind"), Some("User" | "Group")) {
            fill(subject, "apiGroup", GROUP);
        }
    }
}
