//! The rules of webhook configurations.

use serde_json::Value;

use super::rule::Rule;
use super::{Unique, named};
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
        errors.require(versions.is_empty() || versions.iter().any(|v| v == "v1" || v == "v1beta1"), || {
            let why = "must include at least one of v1, v1beta1";
            FieldError::invalid(&path.child("admissionReviewVersions"), versions.to_vec(), why)
        });
        client(webhook, &path.child("clientConfig"), &mut errors);
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

/// Where the server is: a service of the cluster, or a URL.
fn client(webhook: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(client) = webhook.get("clientConfig") else { return };
    let url = text(client, "/url");
    errors.require(url.is_some() != client.get("service").is_some(), || {
        FieldError::required(path, "exactly one of url or service is required")
    });
    let Some(url) = url else { return };
    let path = path.child("url");
    errors.require(url.starts_with("https://") && url.len() > "https://".len(), || {
        FieldError::invalid(&path, url, "'https' is the only allowed URL scheme")
    });
    let tricks = [
        ('@', "user information is not permitted in the URL"),
        ('?', "query parameters are not permitted in the URL"),
        ('#', "fragments are not permitted in the URL"),
    ];
    for (sign, why) in tricks {
        errors.require(!url.contains(sign), || FieldError::invalid(&path, url, why));
    }
    if let Some(start) = text(client, "/service/path") {
        errors.require(start.starts_with('/'), || FieldError::invalid(&path, start, "must start with a '/'"));
    }
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
