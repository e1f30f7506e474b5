//! The rules of CustomResourceDefinition and APIService. What a schema must be stands in [`crate::custom`].

use serde_json::{Value, json};

use super::{Unique, named, webhook_client};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::value::{list, text};
use crate::{custom, names};

/// What is wrong with a definition, apart from its row's rules.
pub fn validate(definition: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let part = |pointer| text(definition, pointer).unwrap_or_default();
    let expected = format!("{}.{}", part("/spec/names/plural"), part("/spec/group"));
    let name = part("/metadata/name");
    errors.require(name == expected, || {
        let why = format!("must be spec.names.plural+\".\"+spec.group: \"{expected}\"");
        FieldError::invalid(&FieldPath::new("metadata.name"), name, why)
    });
    let group = part("/spec/group");
    errors.require(group.is_empty() || group.contains('.'), || {
        FieldError::invalid(&FieldPath::new("spec.group"), group, "should be a domain with at least one dot")
    });
    kinds(definition, &mut errors);
    versions(definition, &mut errors);
    conversion(definition, &mut errors);
    errors.extend(custom::check(definition));
    errors
}

fn kinds(definition: &Value, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec.names");
    let (kind, list_kind) = ("/spec/names/kind", "/spec/names/listKind");
    for (field, pointer) in [("kind", kind), ("listKind", list_kind)] {
        if let Some(text) = text(definition, pointer) {
            named(errors, &path.child(field), &text.to_ascii_lowercase(), names::dns_1035_label);
        }
    }
    if let Some(kind) = text(definition, kind).filter(|kind| text(definition, list_kind) == Some(kind)) {
        let why = "kind and listKind may not be the same";
        errors.push(FieldError::invalid(&path.child("listKind"), kind, why));
    }
}

fn versions(definition: &Value, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec.versions");
    let all = list(definition, "/spec/versions");
    let mut names = Unique::default();
    for (index, version) in all.iter().enumerate() {
        let path = path.index(index);
        names.add(errors, &path.child("name"), text(version, "/name").unwrap_or_default());
        errors.require(version.pointer("/schema/openAPIV3Schema").is_some(), || {
            FieldError::required(&path.child("schema").child("openAPIV3Schema"), "schemas are required")
        });
    }
    let stored = all.iter().filter(|version| version["storage"] == true).count();
    errors.require(all.is_empty() || stored == 1, || {
        FieldError::invalid(&path, json!(stored), "must have exactly one version marked as storage version")
    });
}

/// Who converts objects between versions.
fn conversion(definition: &Value, errors: &mut FieldErrors) {
    let is_webhook = text(definition, "/spec/conversion/strategy") == Some("Webhook");
    let path = FieldPath::new("spec.conversion.webhook");
    let webhook = definition.pointer("/spec/conversion/webhook");
    if !is_webhook {
        errors.require(webhook.is_none(), || {
            FieldError::forbidden(&path, "should not be set when strategy is not set to Webhook")
        });
        return;
    }
    let why = "required when strategy is set to Webhook";
    match webhook.and_then(|webhook| webhook.get("clientConfig")) {
        Some(client) => webhook_client::validate(client, &path.child("clientConfig"), errors),
        None => errors.push(FieldError::required(&path.child("clientConfig"), why)),
    }
    let versions = list(definition, "/spec/conversion/webhook/conversionReviewVersions");
    let path = path.child("conversionReviewVersions");
    errors.require(!versions.is_empty(), || FieldError::required(&path, why));
    webhook_client::versions(versions, &path, errors);
}

/// What is wrong with an APIService, apart from its row's rules.
pub fn api_service(object: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let part = |pointer| text(object, pointer).unwrap_or_default();
    let expected = format!("{}.{}", part("/spec/version"), part("/spec/group"));
    let name = part("/metadata/name");
    errors.require(name == expected, || {
        let why = format!("must be `spec.version+\".\"+spec.group`: \"{expected}\"");
        FieldError::invalid(&FieldPath::new("metadata.name"), name, why)
    });
    let path = FieldPath::new("spec");
    let (insecure, bundle) = (object.pointer("/spec/insecureSkipTLSVerify"), text(object, "/spec/caBundle"));
    let insecure = insecure == Some(&Value::Bool(true));
    errors.require(!insecure || bundle.is_none(), || {
        let why = "may not be true if caBundle is present";
        FieldError::invalid(&path.child("insecureSkipTLSVerify"), true, why)
    });
    let remote = object.pointer("/spec/service").is_some();
    for (field, set) in [("caBundle", bundle.is_some()), ("insecureSkipTLSVerify", insecure)] {
        errors.require(remote || !set, || {
            FieldError::invalid(&path.child(field), set, "local APIServices may not have it")
        });
    }
    errors
}
