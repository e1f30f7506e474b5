//! The rules of device classes, claims and slices. Expressions are compiled by whoever evaluates them.

use serde_json::Value;

use super::rule::Rule;
use super::{Unique, one_of, required_name};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::names;
use crate::value::{list, number, text};

/// The most requests and constraints of a claim, and selectors of a request.
const MOST: usize = 32;
/// The most devices of a slice.
const MOST_DEVICES: usize = 128;

/// The rules of a class for single fields.
pub const CLASS_RULES: &[Rule] = &[
    Rule::at_most("spec.selectors", MOST),
    Rule::required("spec.selectors[].cel.expression"),
    Rule::at_most("spec.config", MOST),
    Rule::required("spec.config[].opaque.driver"),
    Rule::named("spec.config[].opaque.driver", names::dns_subdomain),
    Rule::required("spec.config[].opaque.parameters"),
    Rule::named("spec.extendedResourceName", names::qualified_name),
];

/// The rules of a claim for single fields.
pub const CLAIM_RULES: &[Rule] = &[Rule::immutable("spec")];

/// The rules of a template of claims for single fields.
pub const CLAIM_TEMPLATE_RULES: &[Rule] = &[Rule::immutable("spec")];

/// The rules of a slice for single fields.
pub const SLICE_RULES: &[Rule] = &[
    Rule::required("spec.driver"),
    Rule::named("spec.driver", names::dns_subdomain),
    Rule::required("spec.pool"),
    Rule::required("spec.pool.name"),
    Rule::at_least("spec.pool.generation", 0),
    Rule::at_least("spec.pool.resourceSliceCount", 1),
    Rule::named("spec.nodeName", names::dns_subdomain),
    Rule::at_most("spec.devices", MOST_DEVICES),
    Rule::required("spec.devices[].name"),
    Rule::named("spec.devices[].name", names::dns_label),
    Rule::immutable("spec.driver"),
    Rule::immutable("spec.pool.name"),
    Rule::immutable("spec.nodeName"),
];

/// What is wrong with what a claim asks for. `pointer` and `root` lead to its `spec`.
pub fn claim(object: &Value, pointer: &str, root: &str) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new(root).child("devices");
    let part = |field: &str| list(object, &format!("{pointer}/devices/{field}"));
    for field in ["requests", "constraints", "config"] {
        let count = part(field).len();
        errors.require(count <= MOST, || FieldError::too_many(&path.child(field), count, MOST));
    }
    let mut names = Unique::default();
    for (index, request) in part("requests").iter().enumerate() {
        let path = path.child("requests").index(index);
        let name = text(request, "/name").unwrap_or_default();
        required_name(&mut errors, &path.child("name"), name, names::dns_label);
        names.add(&mut errors, &path.child("name"), name);
        self::request(request, &path, &mut errors);
    }
    errors
}

fn request(request: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let (exactly, first) = (request.get("exactly"), list(request, "/firstAvailable"));
    errors.require(exactly.is_some() == first.is_empty(), || {
        FieldError::required(path, "exactly one of `exactly` or `firstAvailable` is required")
    });
    exactly.iter().for_each(|one| devices(one, &path.child("exactly"), errors));
    for (index, one) in first.iter().enumerate() {
        let path = path.child("firstAvailable").index(index);
        required_name(errors, &path.child("name"), text(one, "/name").unwrap_or_default(), names::dns_label);
        devices(one, &path, errors);
    }
}

fn devices(request: &Value, path: &FieldPath, errors: &mut FieldErrors) {
    let class = text(request, "/deviceClassName").unwrap_or_default();
    required_name(errors, &path.child("deviceClassName"), class, names::dns_subdomain);
    let mode = text(request, "/allocationMode");
    one_of(errors, &path.child("allocationMode"), mode, &["All", "ExactCount"]);
    match (mode, number(request, "/count").unwrap_or_default()) {
        (Some("All"), count) if count != 0 => {
            let why = "must not be specified when allocationMode is 'All'";
            errors.push(FieldError::invalid(&path.child("count"), count, why));
        }
        (Some("ExactCount"), count) if count < 1 => {
            errors.push(FieldError::invalid(&path.child("count"), count, "must be greater than zero"));
        }
        _ => {}
    }
    let selectors = list(request, "/selectors");
    errors.require(selectors.len() <= MOST, || FieldError::too_many(&path.child("selectors"), selectors.len(), MOST));
    for (index, selector) in selectors.iter().enumerate() {
        let expression = text(selector, "/cel/expression").unwrap_or_default();
        super::required(errors, &path.child("selectors").index(index).child("cel").child("expression"), expression);
    }
}

/// What is wrong with a slice, apart from [`SLICE_RULES`].
pub fn slice(slice: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let path = FieldPath::new("spec");
    let yes = |field: &str| slice.pointer(&format!("/spec/{field}")) == Some(&Value::Bool(true));
    let places = [
        text(slice, "/spec/nodeName").is_some(),
        slice.pointer("/spec/nodeSelector").is_some(),
        yes("allNodes"),
        yes("perDeviceNodeSelection"),
    ];
    // A slice of counters only is for the whole pool.
    let counters = !list(slice, "/spec/sharedCounters").is_empty();
    let count = places.iter().filter(|place| **place).count();
    errors.require(count == 1 || (counters && count == 0), || {
        let why = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
        FieldError::required(&path, why)
    });
    let mut names = Unique::default();
    for (index, device) in list(slice, "/spec/devices").iter().enumerate() {
        let path = path.child("devices").index(index).child("name");
        names.add(&mut errors, &path, text(device, "/name").unwrap_or_default());
    }
    errors
}
