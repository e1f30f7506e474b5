//! The rules of ReplicaSet and Deployment: replicas of a pod template.

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec, ReplicaSet, RollingUpdateDeployment};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1 as metav1;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::Value;

use super::{not_negative, one_of, pod_spec, scheduling};
use crate::field::{FieldError, FieldErrors, FieldPath};
use crate::selectors::LabelSelector;

/// What is wrong with a ReplicaSet.
pub fn replica_set(set: &ReplicaSet, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &set.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    not_negative(errors, &path.child("replicas"), spec.replicas.map(i64::from));
    not_negative(errors, &path.child("minReadySeconds"), spec.min_ready_seconds.map(i64::from));
    selector_and_template(&spec.selector, spec.template.as_ref(), &path, errors);
}

/// What is wrong with a Deployment.
pub fn deployment(deployment: &Deployment, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &deployment.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    not_negative(errors, &path.child("replicas"), spec.replicas.map(i64::from));
    not_negative(errors, &path.child("minReadySeconds"), spec.min_ready_seconds.map(i64::from));
    not_negative(errors, &path.child("revisionHistoryLimit"), spec.revision_history_limit.map(i64::from));
    selector_and_template(&spec.selector, Some(&spec.template), &path, errors);
    strategy(spec, &path.child("strategy"), errors);
    progress_deadline(spec, &path.child("progressDeadlineSeconds"), errors);
}

/// The selector of a workload may not change: its pods would be orphaned.
pub fn selector_is_immutable(new: &Value, old: &Value) -> FieldErrors {
    let mut errors = FieldErrors::new();
    let at = |object: &Value| object.pointer("/spec/selector").cloned().unwrap_or_default();
    errors.require(at(new) == at(old), || FieldError::immutable(&FieldPath::new("spec.selector"), at(new)));
    errors
}

fn progress_deadline(spec: &DeploymentSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(deadline) = spec.progress_deadline_seconds else { return };
    not_negative(errors, path, Some(deadline.into()));
    errors.require(deadline > spec.min_ready_seconds.unwrap_or(0), || {
        FieldError::invalid(path, deadline, "must be greater than minReadySeconds")
    });
}

fn selector_and_template(
    selector: &metav1::LabelSelector,
    template: Option<&PodTemplateSpec>,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let selector_path = path.child("selector");
    let is_empty = selector.match_labels.as_ref().is_none_or(|l| l.is_empty())
        && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
    if is_empty {
        errors.push(FieldError::required(&selector_path, "a selector that is empty would select every pod"));
    }
    scheduling::label_selector(selector, &selector_path, errors);
    let path = path.child("template");
    let Some(template) = template else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    template_labels(selector, template, &path.child("metadata").child("labels"), errors);
    template_spec(template, &path.child("spec"), errors);
}

fn template_labels(
    selector: &metav1::LabelSelector,
    template: &PodTemplateSpec,
    path: &FieldPath,
    errors: &mut FieldErrors,
) {
    let labels = template.metadata.as_ref().and_then(|m| m.labels.clone()).unwrap_or_default();
    for (key, value) in &labels {
        super::named(errors, path, key, crate::names::qualified_name);
        super::named(errors, path, value, crate::names::label_value);
    }
    if LabelSelector::from_typed(selector).is_ok_and(|s| !s.is_everything() && !s.matches(&labels)) {
        let value = serde_json::to_value(&labels).unwrap_or_default();
        errors.push(FieldError::invalid(path, value, "`selector` does not match template `labels`"));
    }
}

fn template_spec(template: &PodTemplateSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(spec) = &template.spec else {
        errors.push(FieldError::required(&path.child("containers"), ""));
        return;
    };
    pod_spec::validate(spec, path, errors);
    one_of(errors, &path.child("restartPolicy"), spec.restart_policy.as_deref(), &["Always"]);
    errors.require(spec.active_deadline_seconds.is_none(), || {
        FieldError::forbidden(
            &path.child("activeDeadlineSeconds"),
            "pods of a workload that restarts them have no deadline",
        )
    });
}

fn strategy(spec: &DeploymentSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(strategy) = &spec.strategy else { return };
    let types = ["Recreate", "RollingUpdate"];
    one_of(errors, &path.child("type"), strategy.type_.as_deref(), &types);
    let path = path.child("rollingUpdate");
    match (strategy.type_.as_deref(), &strategy.rolling_update) {
        (Some("Recreate"), Some(_)) => {
            errors.push(FieldError::forbidden(&path, "may not be specified when strategy `type` is 'Recreate'"));
        }
        (Some("RollingUpdate"), None) => {
            errors.push(FieldError::required(&path, "must be set when strategy `type` is 'RollingUpdate'"))
        }
        (_, Some(rolling)) => rolling_update(rolling, &path, errors),
        _ => {}
    }
}

fn rolling_update(rolling: &RollingUpdateDeployment, path: &FieldPath, errors: &mut FieldErrors) {
    let unavailable = share(rolling.max_unavailable.as_ref(), &path.child("maxUnavailable"), errors);
    let surge = share(rolling.max_surge.as_ref(), &path.child("maxSurge"), errors);
    if unavailable == Some(0) && surge == Some(0) {
        let detail = "may not be 0 when `maxSurge` is 0";
        errors.push(FieldError::invalid(&path.child("maxUnavailable"), 0, detail));
    }
    if let Some(IntOrString::String(text)) = &rolling.max_unavailable {
        errors.require(unavailable.is_none_or(|percent| percent <= 100), || {
            FieldError::invalid(&path.child("maxUnavailable"), text.as_str(), "must not be greater than 100%")
        });
    }
}

/// A number or a percentage that must not be below zero; either way, the number.
fn share(value: Option<&IntOrString>, path: &FieldPath, errors: &mut FieldErrors) -> Option<i64> {
    match value? {
        IntOrString::Int(number) => {
            not_negative(errors, path, Some((*number).into()));
            Some((*number).into())
        }
        IntOrString::String(text) => {
            let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
            let percent = digits.and_then(|digits| digits.parse().ok());
            errors.require(percent.is_some(), || {
                FieldError::invalid(path, text.as_str(), "must be a non-negative integer or a percentage such as '25%'")
            });
            percent
        }
    }
}
