//! The rules of environment variables.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, EnvVarSource};

use super::{named, one_of, required, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// The fields of a pod that a variable may show, besides single labels and annotations.
const FIELDS: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// What is wrong with the variables.
pub fn validate(list: &[EnvVar], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, one) in list.iter().enumerate() {
        let path = path.index(index);
        required_name(errors, &path.child("name"), &one.name, names::env_name);
        let Some(source) = &one.value_from else { continue };
        let path = path.child("valueFrom");
        if one.value.as_deref().is_some_and(|value| !value.is_empty()) {
            errors.push(FieldError::invalid(&path, "", "may not be specified when `value` is not empty"));
        }
        value_from(source, &path, errors);
    }
}

fn value_from(source: &EnvVarSource, path: &FieldPath, errors: &mut FieldErrors) {
    let mut count = 0;
    if let Some(field) = &source.field_ref {
        count += 1;
        field_path(&field.field_path, &path.child("fieldRef").child("fieldPath"), errors);
    }
    if let Some(resource) = &source.resource_field_ref {
        count += 1;
        let path = path.child("resourceFieldRef").child("resource");
        if required(errors, &path, &resource.resource) && !resource.resource.contains("hugepages-") {
            one_of(errors, &path, Some(&resource.resource), &RESOURCES);
        }
    }
    let keys = [
        ("configMapKeyRef", source.config_map_key_ref.as_ref().map(|r| (&r.name, &r.key))),
        ("secretKeyRef", source.secret_key_ref.as_ref().map(|r| (&r.name, &r.key))),
    ];
    for (field, reference) in keys {
        let Some((name, key)) = reference else { continue };
        count += 1;
        required(errors, &path.child(field).child("name"), name);
        required_name(errors, &path.child(field).child("key"), key, names::config_key);
    }
    count += usize::from(source.file_key_ref.is_some());
    match count {
        0 => errors.push(FieldError::invalid(path, "", "must specify one of its sources")),
        1 => {}
        _ => errors.push(FieldError::invalid(path, "", "may have only one source")),
    }
}

fn field_path(text: &str, path: &FieldPath, errors: &mut FieldErrors) {
    if !required(errors, path, text) {
        return;
    }
    let subscript = text.strip_prefix("metadata.labels['").or_else(|| text.strip_prefix("metadata.annotations['"));
    let known = FIELDS.contains(&text)
        || subscript.and_then(|rest| rest.strip_suffix("']")).is_some_and(|key| names::qualified_name(key).is_ok());
    errors.require(known, || FieldError::not_supported(path, text, &FIELDS));
}

/// What is wrong with the sources of many variables.
pub fn validate_from(list: &[EnvFromSource], path: &FieldPath, errors: &mut FieldErrors) {
    for (index, one) in list.iter().enumerate() {
        let path = path.index(index);
        if let Some(prefix) = one.prefix.as_deref().filter(|p| !p.is_empty()) {
            named(errors, &path.child("prefix"), prefix, names::env_name);
        }
        if let Some(source) = &one.config_map_ref {
            required(errors, &path.child("configMapRef").child("name"), &source.name);
        }
        if let Some(source) = &one.secret_ref {
            required(errors, &path.child("secretRef").child("name"), &source.name);
        }
        match (&one.config_map_ref, &one.secret_ref) {
            (None, None) => {
                errors.push(FieldError::invalid(&path, "", "must specify one of: `configMapRef` or `secretRef`"))
            }
            (Some(_), Some(_)) => {
                errors.push(FieldError::invalid(&path, "", "may have only one source"));
            }
            _ => {}
        }
    }
}
