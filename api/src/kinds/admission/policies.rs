//! ValidatingAdmissionPolicy and its binding: expressions that a request must satisfy.

use serde_json::{Value, json};

use crate::FieldErrors;
use crate::defaults::Fill;
use crate::kinds::{Kind, Scope, Strategy, Subresource};
use crate::table::{Column, cells};
use crate::validation::admission_policy::{self, BINDING_RULES, POLICY_RULES};
use crate::value::{self, text};

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
    strategy: &Matching { at: "matchConstraints", validate: admission_policy::policy },
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
    strategy: &Matching { at: "matchResources", validate: admission_policy::binding },
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

/// What all four kinds share: they say somewhere which requests they are about.
pub(super) struct Matching {
    /// The field of the spec that says so.
    pub(super) at: &'static str,
    pub(super) validate: fn(&Value) -> FieldErrors,
}

impl Strategy for Matching {
    fn default(&self, object: &mut Value) {
        let matches = value::existing(object, "spec").and_then(|spec| value::existing(spec, self.at));
        matches.into_iter().for_each(match_defaults);
    }

    fn validate(&self, object: &Value) -> FieldErrors {
        (self.validate)(object)
    }
}

fn match_defaults(matches: &mut Value) {
    value::fill(matches, "namespaceSelector", json!({}));
    value::fill(matches, "objectSelector", json!({}));
    for rules in ["resourceRules", "excludeResourceRules"] {
        value::items(matches, rules).for_each(|rule| value::fill(rule, "scope", "*"));
    }
}
