//! What an object must be: the rules of each kind, and the rules that kinds share.
//!
//! Rules are checked on typed objects (`k8s-openapi`), after defaulting. Each check adds to the errors and goes on, so that a
//! client hears everything that is wrong at once.

pub mod admission_policy;
pub mod autoscaler;
pub mod budget;
pub mod certificate;
pub mod container;
pub mod cron_job;
pub mod data;
pub mod definition;
pub mod devices;
pub mod endpoint_slice;
pub mod env;
pub mod flow_control;
pub mod handler;
pub mod ingress;
pub mod job;
pub mod limits;
pub mod match_conditions;
pub mod metadata;
pub mod network;
pub mod node;
pub mod pod;
pub mod pod_parts;
pub mod pod_spec;
pub mod pod_update;
pub mod ports;
pub mod priority_class;
pub mod quota;
pub mod rbac;
pub mod resources;
pub mod rule;
pub mod scheduling;
pub mod security;
pub mod service;
pub mod storage;
pub mod unserved;
pub mod volume;
pub mod webhook;
pub mod webhook_client;
pub mod workload;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names::NameResult;

/// Decodes the object and checks it.
pub fn typed<T: DeserializeOwned>(object: &Value, check: impl FnOnce(&T, &mut FieldErrors)) -> FieldErrors {
    let mut errors = FieldErrors::new();
    match T::deserialize(object) {
        Ok(typed) => check(&typed, &mut errors),
        Err(error) => errors.push(FieldError::type_invalid(&FieldPath::default(), Value::Null, error.to_string())),
    }
    errors
}

/// The text must follow the rule for names.
pub fn named(errors: &mut FieldErrors, path: &FieldPath, text: &str, rule: fn(&str) -> NameResult) {
    if let Err(why) = rule(text) {
        errors.push(FieldError::invalid(path, text, why));
    }
}

/// The text must be there and follow the rule for names.
pub fn required_name(errors: &mut FieldErrors, path: &FieldPath, text: &str, rule: fn(&str) -> NameResult) {
    if required(errors, path, text) {
        named(errors, path, text, rule);
    }
}

/// The text must be there. Returns whether it is.
pub fn required(errors: &mut FieldErrors, path: &FieldPath, text: &str) -> bool {
    errors.require(!text.is_empty(), || FieldError::required(path, ""));
    !text.is_empty()
}

/// The text, if it is there, must be one of these.
pub fn one_of(errors: &mut FieldErrors, path: &FieldPath, text: Option<&str>, supported: &[&str]) {
    if let Some(text) = text.filter(|text| !supported.contains(text)) {
        errors.push(FieldError::not_supported(path, text, supported));
    }
}

/// The number, if it is there, must not be below zero.
pub fn not_negative(errors: &mut FieldErrors, path: &FieldPath, number: Option<i64>) {
    at_least(errors, path, number, 0);
}

/// The number, if it is there, must be one of a user or group. The kernel's are twice as many; with one beyond, a node would
/// fall back to what the image says, which may be root.
pub fn user_id(errors: &mut FieldErrors, path: &FieldPath, number: Option<i64>) {
    if let Some(number) = number.filter(|n| !(0..=i64::from(i32::MAX)).contains(n)) {
        errors.push(FieldError::invalid(path, number, format!("must be between 0 and {}, inclusive", i32::MAX)));
    }
}

/// The number, if it is there, must be at least `least`.
pub fn at_least(errors: &mut FieldErrors, path: &FieldPath, number: Option<i64>, least: i64) {
    if let Some(number) = number.filter(|n| *n < least) {
        errors.push(FieldError::invalid(path, number, format!("must be greater than or equal to {least}")));
    }
}

/// The number must be a port.
pub fn port(errors: &mut FieldErrors, path: &FieldPath, number: i32) {
    if let Err(why) = crate::names::port_number(number.into()) {
        errors.push(FieldError::invalid(path, number, why));
    }
}

/// A path within a volume must be relative and stay within it.
pub fn local_path(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    errors.require(!text.starts_with('/'), || FieldError::invalid(path, text, "must be a relative path"));
    no_backsteps(errors, path, text);
}

/// A path must not climb out with `..`.
pub fn no_backsteps(errors: &mut FieldErrors, path: &FieldPath, text: &str) {
    let climbs = text.split('/').any(|part| part == "..");
    errors.require(!climbs, || FieldError::invalid(path, text, "must not contain '..'"));
}

/// The texts seen so far in a list whose items must differ.
#[derive(Debug, Default)]
pub struct Unique(std::collections::BTreeSet<String>);

impl Unique {
    /// Adds a text; refuses it if it was there.
    pub fn add(&mut self, errors: &mut FieldErrors, path: &FieldPath, text: impl Into<String>) {
        let text = text.into();
        if !self.0.insert(text.clone()) {
            errors.push(FieldError::duplicate(path, text));
        }
    }

    /// Whether the text was added.
    pub fn contains(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}
