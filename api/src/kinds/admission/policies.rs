//! ValidatingAdmissionPolicy and its binding: expressions that a request must satisfy.

use serde_json::{Value, json};

use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::admission_policy::{BINDING_RULES, POLICY_RULES};
use crate::value::{self, text};
use crate::{FieldErrors, validation};

/// ValidatingAdmissionPolicy.
pub static VALIDATING_ADMISSION_POLICY: Kind = Kind {
    group: "admissionregistration.k8s.io",
    kind: "ValidatingAdmissionPolicy",
    plural: "validatingadmissionpolicies",
    singular: "validatingadmissionpolicy",
    categories: &["api-extensions"],
    scope: Scope::Cluster,
    subresources: &[Subresource::Status],
    generation: true,
    needs_version: true,
    columns: &[
        Column::NAME,
        Column::number("Validations", "How many expressions must be true.", |o, _| {
            cells::length(o, "/spec/validations")
        }),
        Column::text("ParamKind", "What kind of objects parameterizes it.", |o, _| param_kind(o)),
        Column::AGE,
    ],
    defaults: &[
        Fill::text("spec.failurePolicy", "Fail"),
        Fill::text("spec.matchConstraints.matchPolicy", "Equivalent"),
    ],
    rules: POLICY_RULES,
    strategy: &PolicyStrategy,
    ..Kind::BASE
};

/// ValidatingAdmissionPolicyBinding.
pub static VALIDATING_ADMISSION_POLICY_BINDING: Kind = Kind {
    group: "admissionregistration.k8s.io",
    kind: "ValidatingAdmissionPolicyBinding",
    plural: "validatingadmissionpolicybindings",
    singular: "validatingadmissionpolicybinding",
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
    rules: BINDING_RULES,
    strategy: &BindingStrategy,
    ..Kind::BASE
};

pub(super) fn param_kind(policy: &Value) -> Value {
    let Some(kind) = policy.pointer("/spec/paramKind") else { return json!("<unset>") };
    json!(format!("{}/{}", text(kind, "/apiVersion").unwrap_or_default(), text(kind, "/kind").unwrap_or_default()))
}

pub(super) fn param_ref(binding: &Value) -> Value {
    let Some(reference) = binding.pointer("/spec/paramRef") else { return json!("<unset>") };
    let namespace = text(reference, "/namespace").map(|namespace| format!("{namespace}/")).unwrap_or_default();
    match text(reference, "/name") {
        Some(name) => json!(format!("{namespace}{name}")),
        None => {
            json!(format!("{namespace}{}", cells::selector_at(reference, "/selector").as_str().unwrap_or_default()))
        }
    }
}

struct PolicyStrategy;

impl Strategy for PolicyStrategy {
    fn default(&self, policy: &mut Value) {
        let matches = value::existing(policy, "spec").and_then(|spec| value::existing(spec, "matchConstraints"));
        matches.into_iter().for_each(match_defaults);
    }

    fn validate(&self, policy: &Value) -> FieldErrors {
        validation::admission_policy::policy(policy)
    }
}

struct BindingStrategy;

impl Strategy for BindingStrategy {
    fn default(&self, binding: &mut Value) {
        let matches = value::existing(binding, "spec").and_then(|spec| value::existing(spec, "matchResources"));
        matches.into_iter().for_each(match_defaults);
    }

    fn validate(&self, binding: &Value) -> FieldErrors {
        validation::admission_policy::binding(binding)
    }
}

pub(super) fn match_defaults(matches: &mut Value) {
    value::fill(matches, "namespaceSelector", json!({}));
    value::fill(matches, "objectSelector", json!({}));
    for rules in ["resourceRules", "excludeResourceRules"] {
        value::items(matches, rules).for_each(|rule| value::fill(rule, "scope", "*"));
    }
}
