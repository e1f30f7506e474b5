//! ClusterRoleBinding: gives a role to people, in the whole cluster.

use super::any_binding::{BindingStrategy, COLUMNS};
use crate::kinds::{Kind, Scope};
use crate::names;

/// ClusterRoleBinding.
pub static CLUSTER_ROLE_BINDING: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "ClusterRoleBinding",
    plural: "clusterrolebindings",
    singular: "clusterrolebinding",
    scope: Scope::Cluster,
    name_rule: names::path_segment,
    columns: COLUMNS,
    strategy: &BindingStrategy { roles: &["ClusterRole"] },
    ..Kind::BASE
};
