//! What both kinds of role bindings have in common, which is all but their scope and the roles they may give.

use k8s_openapi::api::rbac::v1::{RoleRef, Subject};
use serde::Deserialize;
use serde_json::Value;

use crate::kinds::Strategy;
use crate::table::{Column, cells};
use crate::{FieldErrors, defaults, validation};

/// What a table of bindings shows.
pub(super) const COLUMNS: &[Column] = &[
    Column::NAME,
    Column::text("Role", "The role that is given.", cells::role_ref),
    Column::AGE,
    Column::text("Users", "The users it is given to.", |o, _| cells::subjects(o, "User")).wide(),
    Column::text("Groups", "The groups it is given to.", |o, _| cells::subjects(o, "Group")).wide(),
    Column::text("ServiceAccounts", "The service accounts it is given to.", |o, _| {
        cells::subjects(o, "ServiceAccount")
    })
    .wide(),
];

/// Binds one of these kinds of roles.
pub(super) struct BindingStrategy {
    pub(super) roles: &'static [&'static str],
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Binding {
    role_ref: RoleRef,
    #[serde(default)]
    subjects: Vec<Subject>,
}

impl Strategy for BindingStrategy {
    fn default(&self, binding: &mut Value) {
        defaults::rbac::binding(binding);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        validation::typed(object, |binding: &Binding, errors| {
            validation::rbac::binding(&binding.role_ref, &binding.subjects, self.roles, errors);
        })
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::rbac::role_is_immutable(new, old)
    }
}
