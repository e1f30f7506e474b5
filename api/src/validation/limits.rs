//! The rules of a LimitRange.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{LimitRange, LimitRangeItem};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::{Unique, resources};
use crate::Quantity;
use crate::field::{FieldError, FieldErrors, FieldPath};

type List = Option<BTreeMap<String, ApiQuantity>>;

/// What is wrong with a limit range, apart from its row's rules.
pub fn validate(range: &LimitRange, errors: &mut FieldErrors) {
    let Some(spec) = &range.spec else { return };
    let mut types = Unique::default();
    for (index, item) in spec.limits.iter().enumerate() {
        let path = FieldPath::new("spec.limits").index(index);
        types.add(errors, &path.child("type"), item.type_.as_str());
        one(item, &path, errors);
    }
}

fn one(item: &LimitRangeItem, path: &FieldPath, errors: &mut FieldErrors) {
    let max = amounts(&item.max, &path.child("max"), errors);
    let min = amounts(&item.min, &path.child("min"), errors);
    let default = amounts(&item.default, &path.child("default"), errors);
    let request = amounts(&item.default_request, &path.child("defaultRequest"), errors);
    let ratio = amounts(&item.max_limit_request_ratio, &path.child("maxLimitRequestRatio"), errors);
    if item.type_ == "Pod" {
        for (field, list) in [("default", &default), ("defaultRequest", &request)] {
            let why = "may not be specified when `type` is 'Pod'";
            errors.require(list.is_empty(), || FieldError::forbidden(&path.child(field), why));
        }
    }
    let claims = item.type_ == "PersistentVolumeClaim";
    errors.require(!claims || min.contains_key("storage") || max.contains_key("storage"), || {
        FieldError::required(path, "either minimum or maximum storage value is required, but neither was provided")
    });
    let ordered = [
        ("min", &min, "max", &max),
        ("min", &min, "default", &default),
        ("min", &min, "defaultRequest", &request),
        ("defaultRequest", &request, "default", &default),
        ("defaultRequest", &request, "max", &max),
        ("default", &default, "max", &max),
    ];
    for (low, small, high, large) in ordered {
        for (name, amount) in small.iter() {
            let Some(other) = large.get(name).filter(|other| amount > *other) else { continue };
            let why = format!("{low} value {amount} is greater than {high} value {other}");
            errors.push(FieldError::invalid(&path.child(low).key(name), amount.to_string(), why));
        }
    }
    for (name, ratio) in &ratio {
        errors.require(*ratio >= Quantity::whole(1), || {
            let why = format!("ratio {ratio} is less than 1");
            FieldError::invalid(&path.child("maxLimitRequestRatio").key(name), ratio.to_string(), why)
        });
    }
}

fn amounts<'a>(list: &'a List, path: &FieldPath, errors: &mut FieldErrors) -> BTreeMap<&'a str, Quantity> {
    let amount = |(name, quantity): (&'a String, &'a ApiQuantity)| {
        resources::amount(quantity, &path.key(name), errors).map(|amount| (name.as_str(), amount))
    };
    list.iter().flatten().filter_map(amount).collect()
}
