//! MutatingAdmissionPolicy and its binding: expressions that change a request.

use super::policies::{Matching, param_kind, param_ref};
use crate::defaults::Fill;
use crate::kinds::{Kind, Scope};
use crate::table::{Column, cells};
use crate::validation::admission_policy::{self, MUTATING_BINDING_RULES, MUTATING_POLICY_RULES};

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
    strategy: &Matching { at: "matchConstraints", validate: admission_policy::mutating_policy },
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
    strategy: &Matching { at: "matchResources", validate: admission_policy::mutating_binding },
    ..Kind::BASE
};
