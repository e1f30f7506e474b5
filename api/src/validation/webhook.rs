//! The rules of webhook configurations.

use serde_json::Value;

use super::rule::Rule;
use super::{Unique, match_conditions, named, webhook_client};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{list, text};

/// The rules for single fields.
pub const RULES: &[Rule] = &[
    Rule::required("webhooks[].name"),
    Rule::required("webhooks[].clientConfig"),
    Rule::required("webhooks[].sideEffects"),
    Rule::one_of("webhooks[].sideEffects", &["None", "NoneOnDryRun"]),
    Rule::required("webhooks[].admissionReviewVersions"),
    Rule::named("webhooks[].admissionReviewVersions[]", names::dns_1035_label),
    Rule::one_of("webhooks[].failurePolicy", &["Fail", "Ignore"]),
    Rule::one_of("webhooks[].matchPolicy", &["Equivalent", "Exact"]),
    Rule::one_of("webhooks[].reinvocationPolicy", &["IfNeeded", "Never"]),
    Rule::within("webhooks[].timeoutSeconds", 1, 30),
    Rule::selector("webhooks[].namespaceSelector"),
    Rule::selector("webhooks[].objectSelector"),
    Rule::required("webhooks[].clientConfig.service.name"),
    Rule::required("webhooks[].clientConfig.service.namespace"),
    Rule::within("webhooks[].clientConfig.service.port", 1, 65_535),
    Rule::at_most("webhooks[].matchConditions", 64),
    Rule::required("webhooks[].matchConditions[].name"),
    Rule::named("webhooks[].matchConditions[].name", names::qualified_name),
    Rule::required("webhooks[].matchConditions[].expression"),
    Rule::required("webhooks[].rules[].operations"),
    Rule::one_of("webhooks[].rules[].operations[]", &OPERATIONS),
    Rule::required("webhooks[].rules[].apiGroups"),
    Rule::required("webhooks[].rules[].apiVersions"),
    Rule::required("webhooks[].rules[].apiVersions[]"),
    Rule::required("webhooks[].rules[].resources"),
    Rule::one_of("webhooks[].rules[].scope", &SCOPES),
];

/// What may be done to objects.
pub const OPERATIONS: [&str; 5] = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
/// Which objects a rule is about.
pub const SCOPES: [&str; 3] = ["*", "Cluster", "Namespaced"];

/// What is wrong with a configuration, apart from [`RULES`].
pub fn validate(configuration: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let mut names = Unique::default();
    for (index, webhook) in list(configuration, "/webhooks").iter().enumerate() {
        let path = FieldPath::new("webhooks").index(index);
        let name = text(webhook, "/name").unwrap_or_default();
        names.add(&mut errors, &path.child("name"), name);
        full_name(&mut errors, &path.child("name"), name);
        let versions = list(webhook, "/admissionReviewVersions");
        webhook_client::versions(versions, &path.child("admissionReviewVersions"), &mut errors);
        if let Some(client) = webhook.get("clientConfig") {
            webhook_client::validate(client, &path.child("clientConfig"), &mut errors);
        }
        let conditions = list(webhook, "/matchConditions");
        match_conditions::validate(conditions, &path.child("matchConditions"), &mut errors);
        for (index, rule) in list(webhook, "/rules").iter().enumerate() {
            stars(rule, &path.child("rules").index(index), &mut errors);
        }
    }
    errors
}

fn full_name(errors: &mut FieldErrors, path: &FieldPath, name: &str) {
    if name.is_empty() {
        return;
    }
    named(errors, path, name, names::dns_subdomain);
    errors.require(name.split('.').count() > 2, || {
        FieldError::invalid(path, name, "should be a domain with at least three segments separated by dots")
    });
}

/// A star says everything already.
pub fn stars(rule: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    for field in ["operations", "apiGroups", "apiVersions"] {
        let all = list(rule, &format!("/{field}"));
        errors.require(all.len() <= 1 || all.iter().all(|item| item != "*"), || {
            FieldError::invalid(&path.child(field), all.to_vec(), "if '*' is present, must not specify other values")
        });
    }
    let resources = list(rule, "/resources");
    errors.require(resources.len() <= 1 || resources.iter().all(|item| item != "*/*"), || {
        let why = "if '*/*' is present, must not specify other resources";
        FieldError::invalid(&path.child("resources"), resources.to_vec(), why)
    });
}
