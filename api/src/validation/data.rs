//! The rules of ConfigMap and Secret: keys, sizes, and what is immutable.

use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use serde_json::Value;

use super::{named, required};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;

/// The most bytes the data of one object may have together.
const MAX_BYTES: usize = 1024 * 1024;

/// What is wrong with a ConfigMap.
pub fn config_map(map: &ConfigMap, errors: &mut FieldErrors) {
    let mut total = 0;
    for (key, value) in map.data.iter().flatten() {
        named(errors, &FieldPath::new("data").key(key), key, names::config_key);
        total += value.len();
    }
    for (key, value) in map.binary_data.iter().flatten() {
        let path = FieldPath::new("binaryData").key(key);
        named(errors, &path, key, names::config_key);
        total += value.0.len();
        if map.data.as_ref().is_some_and(|data| data.contains_key(key)) {
            errors.push(FieldError::invalid(&path, key.as_str(), "duplicate of key present in data"));
        }
    }
    errors.require(total <= MAX_BYTES, || FieldError::too_long(&FieldPath::default(), MAX_BYTES));
}

/// What is wrong with a Secret. The errors never show a value of it.
pub fn secret(secret: &Secret, errors: &mut FieldErrors) {
    let mut total = 0;
    for (key, value) in secret.data.iter().flatten() {
        named(errors, &FieldPath::new("data").key(key), key, names::config_key);
        total += value.0.len();
    }
    errors.require(total <= MAX_BYTES, || FieldError::too_long(&FieldPath::new("data"), MAX_BYTES));
    let keys: &[&str] = match secret.type_.as_deref() {
        Some("kubernetes.io/tls") => &["tls.crt", "tls.key"],
        Some("kubernetes.io/dockerconfigjson") => &[".dockerconfigjson"],
        Some("kubernetes.io/dockercfg") => &[".dockercfg"],
        Some("kubernetes.io/ssh-auth") => &["ssh-privatekey"],
        _ => &[],
    };
    for key in keys {
        let there = secret.data.as_ref().is_some_and(|data| data.contains_key(*key));
        errors.require(there, || FieldError::required(&FieldPath::new("data").key(key), ""));
    }
    if secret.type_.as_deref() == Some("kubernetes.io/service-account-token") {
        const ACCOUNT: &str = "kubernetes.io/service-account.name";
        let account = secret.metadata.annotations.as_ref().and_then(|a| a.get(ACCOUNT)).map_or("", String::as_str);
        required(errors, &FieldPath::new("metadata.annotations").key(ACCOUNT), account);
    }
}

/// What is wrong with a change: an immutable object keeps its data, and stays immutable.
pub fn immutable(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    if old["immutable"] != true {
        return errors;
    }
    errors.require(new["immutable"] == true, || {
        FieldError::forbidden(&FieldPath::new("immutable"), "field is immutable when `immutable` is set")
    });
    for key in ["data", "binaryData"] {
        errors.require(new.get(key) == old.get(key), || {
            FieldError::forbidden(&FieldPath::new(key), "field is immutable when `immutable` is set")
        });
    }
    errors
}

/// The type of a secret may not change.
pub fn secret_type(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = immutable(new, old);
    errors.require(new.get("type") == old.get("type"), || {
        FieldError::immutable(&FieldPath::new("type"), new.get("type").cloned().unwrap_or_default())
    });
    errors
}
