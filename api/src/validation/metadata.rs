//! The rules for `metadata`, alike for all kinds.

use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::kinds::{Kind, Scope};
use crate::names;
use crate::value::{entries, list, text};

/// The most bytes all annotations of an object may have together.
const MAX_ANNOTATIONS: usize = 256 * 1024;

/// What is wrong with the metadata.
pub fn validate(kind: &Kind, object: &Value) -> FieldErrors {
    let path = FieldPath::new("metadata");
    let mut errors = FieldErrors::new();
    name(kind, object, &path, &mut errors);
    namespace(kind, object, &path, &mut errors);
    labels(object, "/metadata/labels", &path.child("labels"), &mut errors);
    annotations(object, &path.child("annotations"), &mut errors);
    finalizers(object, &path.child("finalizers"), &mut errors);
    owners(object, &path.child("ownerReferences"), &mut errors);
    errors
}

/// What is wrong with a change of the metadata.
pub fn validate_update(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for key in ["name", "namespace", "uid", "creationTimestamp"] {
        let pointer = format!("/metadata/{key}");
        if text(new, &pointer) != text(old, &pointer) {
            let value = new.pointer(&pointer).cloned().unwrap_or(Value::Null);
            errors.push(FieldError::immutable(&FieldPath::new(format!("metadata.{key}")), value));
        }
    }
    no_new_finalizers(new, old, &mut errors);
    errors
}

/// Once deletion has begun, finalizers may only go.
fn no_new_finalizers(new: &Value, old: &Value, errors: &mut FieldErrors) {
    if text(old, "/metadata/deletionTimestamp").is_none() {
        return;
    }
    let before = list(old, "/metadata/finalizers");
    let added: Vec<&Value> = list(new, "/metadata/finalizers").iter().filter(|f| !before.contains(f)).collect();
    if !added.is_empty() {
        let added: Vec<&str> = added.into_iter().filter_map(Value::as_str).collect();
        let detail = format!("finalizers may only go once deletion has begun, but these are new: {added:?}");
        errors.push(FieldError::forbidden(&FieldPath::new("metadata.finalizers"), detail));
    }
}

fn name(kind: &Kind, object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("name");
    match text(object, "/metadata/name") {
        None => errors.push(FieldError::required(&path, "name or generateName is required")),
        Some(name) => {
            if let Err(why) = (kind.name_rule)(name) {
                errors.push(FieldError::invalid(&path, name, why));
            }
        }
    }
}

fn namespace(kind: &Kind, object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let path = path.child("namespace");
    match (kind.scope, text(object, "/metadata/namespace")) {
        (Scope::Namespaced, None) => errors.push(FieldError::required(&path, "")),
        (Scope::Namespaced, Some(namespace)) => {
            if let Err(why) = names::dns_label(namespace) {
                errors.push(FieldError::invalid(&path, namespace, why));
            }
        }
        (Scope::Cluster, Some(_)) => errors.push(FieldError::forbidden(&path, "not allowed on this type")),
        (Scope::Cluster, None) => {}
    }
}

/// What is wrong with the labels at a pointer.
pub fn labels(object: &Value, pointer: &str, path: &FieldPath, errors: &mut FieldErrors) {
    for (key, value) in entries(object, pointer) {
        if let Err(why) = names::qualified_name(key) {
            errors.push(FieldError::invalid(path, key.as_str(), why));
        }
        if let Err(why) = names::label_value(value.as_str().unwrap_or_default()) {
            errors.push(FieldError::invalid(path, value.clone(), why));
        }
    }
}

fn annotations(object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let mut total = 0;
    for (key, value) in entries(object, "/metadata/annotations") {
        total += key.len() + value.as_str().map_or(0, str::len);
        if let Err(why) = names::qualified_name(&key.to_ascii_lowercase()) {
            errors.push(FieldError::invalid(path, key.as_str(), why));
        }
    }
    errors.require(total <= MAX_ANNOTATIONS, || FieldError::too_long(path, MAX_ANNOTATIONS));
}

fn finalizers(object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let finalizers = list(object, "/metadata/finalizers");
    for (index, finalizer) in finalizers.iter().filter_map(Value::as_str).enumerate() {
        if let Err(why) = names::qualified_name(finalizer) {
            errors.push(FieldError::invalid(&path.index(index), finalizer, why));
        }
    }
    let both = ["orphan", "foregroundDeletion"].iter().all(|f| finalizers.iter().any(|have| have == f));
    errors.require(!both, || {
        FieldError::invalid(path, finalizers.to_vec(), "orphan and foregroundDeletion exclude each other")
    });
}

fn owners(object: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let owners = list(object, "/metadata/ownerReferences");
    for (index, owner) in owners.iter().enumerate() {
        let path = path.index(index);
        for key in ["apiVersion", "kind", "name", "uid"] {
            let missing = text(owner, &format!("/{key}")).is_none();
            errors.require(!missing, || FieldError::required(&path.child(key), "must not be empty"));
        }
    }
    let controllers = owners.iter().filter(|owner| owner["controller"] == true).count();
    errors.require(controllers <= 1, || {
        FieldError::invalid(path, owners.to_vec(), "at most one owner may be the controller")
    });
}
