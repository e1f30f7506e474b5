//! The rules of a PodDisruptionBudget.

use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::workload::share;
use crate::field::{FieldError, FieldErrors, FieldPath};

/// What is wrong with a budget, apart from its row's rules.
pub fn validate(budget: &PodDisruptionBudget, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &budget.spec else { return };
    errors.require(spec.min_available.is_none() || spec.max_unavailable.is_none(), || {
        let value = serde_json::to_value(spec).unwrap_or_default();
        FieldError::invalid(&path, value, "minAvailable and maxUnavailable cannot be both set")
    });
    amount(spec.min_available.as_ref(), &path.child("minAvailable"), errors);
    amount(spec.max_unavailable.as_ref(), &path.child("maxUnavailable"), errors);
}

/// A number of pods, or a percentage of at most a hundred.
fn amount(value: Option<&IntOrString>, path: &FieldPath, errors: &mut FieldErrors) {
    let percent = share(value, path, errors);
    if let (Some(IntOrString::String(text)), Some(101..)) = (value, percent) {
        errors.push(FieldError::invalid(path, text.as_str(), "must not be greater than 100%"));
    }
}
