//! The rules of admission policies and of what puts them into force. [`crate::cel::policy`] has those of expressions.

use serde_json::Value;

use super::rule::Rule;
use super::webhook::{OPERATIONS, SCOPES, stars};
use super::{Unique, named};
use crate::cel::policy::check;
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{list, text};

/// The rules of a policy for single fields.
pub const POLICY_RULES: &[Rule] = &[
    Rule::required("spec"),
    Rule::one_of("spec.failurePolicy", &["Fail", "Ignore"]),
    Rule::required("spec.paramKind.apiVersion"),
    Rule::required("spec.paramKind.kind"),
    Rule::required("spec.matchConstraints"),
    Rule::required("spec.matchConstraints.resourceRules"),
    Rule::one_of("spec.matchConstraints.matchPolicy", &["Equivalent", "Exact"]),
    Rule::selector("spec.matchConstraints.namespaceSelector"),
    Rule::selector("spec.matchConstraints.objectSelector"),
    Rule::required("spec.matchConstraints.resourceRules[].operations"),
    Rule::one_of("spec.matchConstraints.resourceRules[].operations[]", &OPERATIONS),
    Rule::required("spec.matchConstraints.resourceRules[].apiGroups"),
    Rule::required("spec.matchConstraints.resourceRules[].apiVersions"),
    Rule::required("spec.matchConstraints.resourceRules[].resources"),
    Rule::one_of("spec.matchConstraints.resourceRules[].scope", &SCOPES),
    Rule::at_most("spec.matchConditions", 64),
    Rule::required("spec.matchConditions[].name"),
    Rule::named("spec.matchConditions[].name", names::qualified_name),
    Rule::required("spec.matchConditions[].expression"),
    Rule::required("spec.validations[].expression"),
    Rule::one_of("spec.validations[].reason", &["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]),
    Rule::required("spec.variables[].name"),
    Rule::required("spec.variables[].expression"),
    Rule::at_most("spec.auditAnnotations", 20),
    Rule::required("spec.auditAnnotations[].key"),
    Rule::required("spec.auditAnnotations[].valueExpression"),
];

/// The rules of a binding for single fields.
pub const BINDING_RULES: &[Rule] = &[
    Rule::required("spec.policyName"),
    Rule::named("spec.policyName", names::dns_subdomain),
    Rule::required("spec.validationActions"),
    Rule::one_of("spec.validationActions[]", &["Audit", "Deny", "Warn"]),
    Rule::one_of("spec.paramRef.parameterNotFoundAction", &["Allow", "Deny"]),
    Rule::required("spec.paramRef.parameterNotFoundAction"),
    Rule::selector("spec.paramRef.selector"),
    Rule::one_of("spec.matchResources.matchPolicy", &["Equivalent", "Exact"]),
    Rule::selector("spec.matchResources.namespaceSelector"),
    Rule::selector("spec.matchResources.objectSelector"),
];

/// The rules of a policy that changes objects, for single fields.
pub const MUTATING_POLICY_RULES: &[Rule] = &[
    Rule::required("spec"),
    Rule::one_of("spec.failurePolicy", &["Fail", "Ignore"]),
    Rule::one_of("spec.reinvocationPolicy", &["IfNeeded", "Never"]),
    Rule::required("spec.paramKind.apiVersion"),
    Rule::required("spec.paramKind.kind"),
    Rule::required("spec.matchConstraints"),
    Rule::required("spec.matchConstraints.resourceRules"),
    Rule::one_of("spec.matchConstraints.matchPolicy", &["Equivalent", "Exact"]),
    Rule::selector("spec.matchConstraints.namespaceSelector"),
    Rule::selector("spec.matchConstraints.objectSelector"),
    Rule::required("spec.matchConstraints.resourceRules[].operations"),
    Rule::one_of("spec.matchConstraints.resourceRules[].operations[]", &["*", "CREATE", "UPDATE"]),
    Rule::required("spec.matchConstraints.resourceRules[].apiGroups"),
    Rule::required("spec.matchConstraints.resourceRules[].apiVersions"),
    Rule::required("spec.matchConstraints.resourceRules[].resources"),
    Rule::one_of("spec.matchConstraints.resourceRules[].scope", &SCOPES),
    Rule::at_most("spec.matchConditions", 64),
    Rule::required("spec.matchConditions[].name"),
    Rule::named("spec.matchConditions[].name", names::qualified_name),
    Rule::required("spec.matchConditions[].expression"),
    Rule::required("spec.variables[].name"),
    Rule::required("spec.variables[].expression"),
    Rule::required("spec.mutations"),
    Rule::required("spec.mutations[].patchType"),
    Rule::one_of("spec.mutations[].patchType", &["ApplyConfiguration", "JSONPatch"]),
];

/// The rules of a binding of such a policy, for single fields.
pub const MUTATING_BINDING_RULES: &[Rule] = &[
    Rule::required("spec.policyName"),
    Rule::named("spec.policyName", names::dns_subdomain),
    Rule::one_of("spec.paramRef.parameterNotFoundAction", &["Allow", "Deny"]),
    Rule::required("spec.paramRef.parameterNotFoundAction"),
    Rule::selector("spec.paramRef.selector"),
    Rule::one_of("spec.matchResources.matchPolicy", &["Equivalent", "Exact"]),
    Rule::selector("spec.matchResources.namespaceSelector"),
    Rule::selector("spec.matchResources.objectSelector"),
];

/// What is wrong with a policy, apart from [`POLICY_RULES`].
pub fn policy(policy: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let empty = |field: &str| list(policy, &format!("/spec/{field}")).is_empty();
    errors.require(!empty("validations") || !empty("auditAnnotations"), || {
        FieldError::required(
            &path.child("validations"),
            "validations or auditAnnotations must contain at least one item",
        )
    });
    shared(policy, &path, &mut errors);
    errors
}

/// What is wrong with a policy that changes objects, apart from [`MUTATING_POLICY_RULES`].
pub fn mutating_policy(policy: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    shared(policy, &FieldPath::new("spec"), &mut errors);
    errors
}

fn shared(policy: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    for (field, key) in [("matchConditions", "name"), ("variables", "name"), ("auditAnnotations", "key")] {
        let mut seen = Unique::default();
        for (index, item) in list(policy, &format!("/spec/{field}")).iter().enumerate() {
            let path = path.child(field).index(index).child(key);
            seen.add(errors, &path, text(item, &format!("/{key}")).unwrap_or_default());
        }
    }
    let matches = path.child("matchConstraints").child("resourceRules");
    for (index, rule) in list(policy, "/spec/matchConstraints/resourceRules").iter().enumerate() {
        stars(rule, &matches.index(index), errors);
    }
    errors.extend(check(policy));
}

/// What is wrong with a binding, apart from [`BINDING_RULES`].
pub fn binding(binding: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let actions = list(binding, "/spec/validationActions");
    let has = |action: &str| actions.iter().any(|found| found == action);
    errors.require(!(has("Deny") && has("Warn")), || {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        FieldError::invalid(&path.child("validationActions"), actions.to_vec(), why)
    });
    errors.extend(mutating_binding(binding));
    errors
}

/// What is wrong with a binding of a policy that changes objects, apart from [`MUTATING_BINDING_RULES`].
pub fn mutating_binding(binding: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let Some(reference) = binding.pointer("/spec/paramRef") else { return errors };
    let path = FieldPath::new("spec.paramRef");
    let name = text(reference, "/name");
    errors.require(name.is_some() != reference.get("selector").is_some(), || {
        FieldError::forbidden(&path.child("name"), "exactly one of name and selector must be specified")
    });
    if let Some(name) = name {
        named(&mut errors, &path.child("name"), name, names::path_segment);
    }
    errors
}
