//! RoleBinding: gives a role to people, within a namespace.

use k8s_openapi::api::rbac::v1::RoleBinding;
use serde_json::Value;

use super::{Kind, Strategy};
use crate::table::Column;
use crate::table::cells;
use crate::{FieldErrors, defaults, names, validation};

/// RoleBinding.
pub static ROLE_BINDING: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",

    name_rule: names::path_segment,
    columns: &[
        Column::NAME,
        Column::text("Role", "The role that is given.", cells::role_ref),
        Column::AGE,
        Column::text("Users", "The users it is given to.", |o, _| cells::subjects(o, "User")).wide(),
        Column::text("Groups", "The groups it is given to.", |o, _| cells::subjects(o, "Group")).wide(),
        Column::text("ServiceAccounts", "The service accounts it is given to.", |o, _| {
            cells::subjects(o, "ServiceAccount")
        })
        .wide(),
    ],
    strategy: &RoleBindingStrategy,
    ..Kind::BASE
};

struct RoleBindingStrategy;

impl Strategy for RoleBindingStrategy {
    fn default(&self, binding: &mut Value) {
        defaults::rbac::binding(binding);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, |binding: &RoleBinding, errors| {
            let subjects = binding.subjects.as_deref().unwrap_or_default();
            validation::rbac::binding(&binding.role_ref, subjects, &["ClusterRole", "Role"], errors);
        })
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::rbac::role_is_immutable(new, old)
    }
}
