//! RoleBinding: gives a role to people, within a namespace.

use super::any_binding::{BindingStrategy, COLUMNS};
use crate::kinds::Kind;
use crate::names;

/// RoleBinding.
pub static ROLE_BINDING: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "RoleBinding",
    plural: "rolebindings",
    singular: "rolebinding",
    name_rule: names::path_segment,
    columns: COLUMNS,
    strategy: &BindingStrategy { roles: &["ClusterRole", "Role"] },
    ..Kind::BASE
};
