//! Role: permissions within a namespace.

use k8s_openapi::api::rbac::v1::Role;
use serde_json::Value;

use crate::kinds::{Kind, Strategy};
use crate::table::Column;
use crate::{FieldErrors, names, validation};

/// Role.
pub static ROLE: Kind = Kind {
    group: "rbac.authorization.k8s.io",
    kind: "Role",
    plural: "roles",
    singular: "role",

    name_rule: names::path_segment,
    columns: &[Column::NAME, Column::CREATED_AT],
    strategy: &RoleStrategy,
    ..Kind::BASE
};

struct RoleStrategy;

impl Strategy for RoleStrategy {
    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, |role: &Role, errors| {
            validation::rbac::rules(role.rules.as_deref().unwrap_or_default(), false, errors);
        })
    }
}
