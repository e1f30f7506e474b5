//! Role: permissions within a namespace.

use k8s_openapi::api::rbac::v1::Role;

use super::Kind;
use crate::table::Column;
use crate::{names, schema};

/// Role.
pub static ROLE: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "Role",
    plural: "roles",
    singular: "role",

    name_rule: names::path_segment,
    columns: &[Column::NAME, Column::CREATED_AT],
    schema: schema::check::<Role>,
    ..Kind::BASE
};
