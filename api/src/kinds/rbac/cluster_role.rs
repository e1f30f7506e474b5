//! ClusterRole: permissions in the whole cluster.

use k8s_openapi::api::rbac::v1::ClusterRole;
use serde_json::Value;

use crate::kinds::{Kind, Scope, Strategy};
use crate::table::Column;
use crate::{FieldErrors, names, validation};

/// ClusterRole.
pub static CLUSTER_ROLE: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    scope: Scope::Cluster,
    name_rule: names::path_segment,
    columns: &[Column::NAME, Column::CREATED_AT],
    strategy: &ClusterRoleStrategy,
    ..Kind::BASE
};

struct ClusterRoleStrategy;

impl Strategy for ClusterRoleStrategy {
    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, |role: &ClusterRole, errors| {
            validation::rbac::rules(role.rules.as_deref().unwrap_or_default(), true, errors);
        })
    }
}
