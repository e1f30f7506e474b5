//! MutatingAdmissionPolicy and its binding: expressions that change a request.

use serde_json::Value;

use super::policies::{match_defaults, param_kind, param_ref};
use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy};
use crate::table::{Column, cells};
use crate::validation::admission_policy::{MUTATING_BINDING_RULES, MUTATING_POLICY_RULES};
use crate::value;
use crate::{FieldErrors, validation};

/// MutatingAdmissionPolicy.
pub static MUTATING_ADMISSION_POLICY: Kind = Kind {
    group: "admissionregistration.k8s.io",
    version: "v1beta1",
    kind: "MutatingAdmissionPolicy",
    plural: "mutatingadmissionpolicies",
    singular: "mutatingadmissionpolicy",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    generation: true,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::number("Mutations", "How many changes it makes.", |o, _| cells::length(o, "/spec/mutations")),
        Column::text("ParamKind", "What kind of objects parameterizes it.", |o, _| param_kind(o)),
        Column::AGE,
    ],
    defaults: &[
        Fill::text("spec.failurePolicy", "Fail"),
        Fill::text("spec.reinvocationPolicy", "Never"),
        Fill::text("spec.matchConstraints.matchPolicy", "Equivalent"),
    ],
    rules: MUTATING_POLICY_RULES,
    strategy: &PolicyStrategy,
    ..Kind::BASE
};

/// MutatingAdmissionPolicyBinding.
pub static MUTATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    group: "admissionregistration.k8s.io",
    version: "v1beta1",
    kind: "MutatingAdmissionPolicyBinding",
    plural: "mutatingadmissionpolicybindings",
    singular: "mutatingadmissionpolicybinding",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    generation: true,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::text("PolicyName", "The policy that is put into force.", |o, _| cells::plain(o, "/spec/policyName")),
        Column::text("ParamRef", "The object with its parameters.", |o, _| param_ref(o)),
        Column::AGE,
    ],
    defaults: &[Fill::text("spec.matchResources.matchPolicy", "Equivalent")],
    rules: MUTATING_BINDING_RULES,
    strategy: &BindingStrategy,
    ..Kind::BASE
};

struct PolicyStrategy;

impl Strategy for PolicyStrategy {
    fn default(&self, policy: &mut Value) {
        let matches = value::existing(policy, "spec").and_then(|spec| value::existing(spec, "matchConstraints"));
        matches.into_iter().for_each(match_defaults);
    }

    fn validate(&self, policy: &Value) -> FieldErrors {
        validation::admission_policy::mutating_policy(policy)
    }
}

struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn default(&self, binding: &mut Value) {
        let matches = value::existing(binding, "spec").and_then(|spec| value::existing(spec, "matchResources"));
        matches.into_iter().for_each(match_defaults);
    }

    fn validate(&self, binding: &Value) -> FieldErrors {
        validation::admission_policy::mutating_binding(binding)
    }
}
