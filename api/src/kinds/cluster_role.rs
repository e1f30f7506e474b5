//! ClusterRole: permissions in the whole cluster.

use k8s_openapi::api::rbac::v1::ClusterRole;

use super::{Kind, Scope};
use crate::table::Column;
use crate::{names, schema};

/// ClusterRole.
pub static CLUSTER_ROLE: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "ClusterRole",
    plural: "clusterroles",
    singular: "clusterrole",
    scope: Scope::Cluster,
    name_rule: names::path_segment,
    columns: &[Column::NAME, Column::CREATED_AT],
    schema: schema::check::<ClusterRole>,
    ..Kind::BASE
};
