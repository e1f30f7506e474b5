//! The rules of resource requests and limits.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::quantity::Quantity;

/// The resources of a container that have no prefix, apart from huge pages.
const NATIVE: [&str; 3] = ["cpu", "ephemeral-storage", "memory"];

type List = BTreeMap<String, ApiQuantity>;

/// What is wrong with requests and limits.
pub fn validate(wanted: &ResourceRequirements, path: &FieldPath, errors: &mut FieldErrors) {
    let limits = wanted.limits.as_ref().map(|l| amounts(l, &path.child("limits"), errors)).unwrap_or_default();
    let requests = wanted.requests.as_ref().map(|l| amounts(l, &path.child("requests"), errors)).unwrap_or_default();
    for (name, request) in &requests {
        let path = path.child("requests");
        match limits.get(name) {
            Some(limit) if request > limit => {
                let detail = format!("must be less than or equal to {name} limit of {limit}");
                errors.push(FieldError::invalid(&path, request.to_string(), detail));
            }
            Some(limit) if request != limit && is_extended(name) => {
                let detail = format!("must be equal to {name} limit of {limit}");
                errors.push(FieldError::invalid(&path, request.to_string(), detail));
            }
            None if is_extended(name) => {
                errors.push(FieldError::required(&path.key(name), "a limit must be set for extended resources"));
            }
            _ => {}
        }
    }
}

/// The amounts of a list; what is wrong with them goes to the errors.
fn amounts<'a>(list: &'a List, path: &FieldPath, errors: &mut FieldErrors) -> BTreeMap<&'a str, Quantity> {
    let mut out = BTreeMap::new();
    for (name, quantity) in list {
        let path = path.key(name);
        resource_name(name, &path, errors);
        if let Some(amount) = amount(quantity, &path, errors) {
            let whole = !is_extended(name) || amount.is_whole();
            errors.require(whole, || FieldError::invalid(&path, quantity.0.as_str(), "must be an integer"));
            out.insert(name.as_str(), amount);
        }
    }
    out
}

/// A quantity that must not be below zero.
pub fn amount(quantity: &ApiQuantity, path: &FieldPath, errors: &mut FieldErrors) -> Option<Quantity> {
    match Quantity::parse(&quantity.0) {
        Ok(amount) if amount.is_negative() => {
            errors.push(FieldError::invalid(path, quantity.0.as_str(), "must be greater than or equal to 0"));
            None
        }
        Ok(amount) => Some(amount),
        Err(error) => {
            errors.push(FieldError::invalid(path, quantity.0.as_str(), error.to_string()));
            None
        }
    }
}

fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.starts_with("kubernetes.io/")
}

fn resource_name(name: &str, path: &FieldPath, errors: &mut FieldErrors) {
    if let Err(why) = names::qualified_name(name) {
        errors.push(FieldError::invalid(path, name, why));
    } else if !name.contains('/') && !NATIVE.contains(&name) && !name.starts_with("hugepages-") {
        errors.push(FieldError::invalid(path, name, "must be a standard resource for containers"));
    }
}
