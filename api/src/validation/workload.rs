//! The rules of workloads: replicas of a pod template.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    DaemonSet, Deployment, DeploymentSpec, ReplicaSet, RollingUpdateDaemonSet, RollingUpdateDeployment, StatefulSet,
};
use k8s_openapi::api::core::v1::{PodTemplate, PodTemplateSpec, ReplicationController};
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

/// What is wrong with a DaemonSet, apart from its row's rules.
pub fn daemon_set(set: &DaemonSet, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &set.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    selector_and_template(&spec.selector, Some(&spec.template), &path, errors);
    let rolling = spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    if let Some(rolling) = rolling {
        daemon_update(rolling, &path.child("updateStrategy").child("rollingUpdate"), errors);
    }
}

fn daemon_update(rolling: &RollingUpdateDaemonSet, path: &FieldPath, errors: &mut FieldErrors) {
    let unavailable = share(rolling.max_unavailable.as_ref(), &path.child("maxUnavailable"), errors);
    let surge = share(rolling.max_surge.as_ref(), &path.child("maxSurge"), errors);
    match (unavailable, surge) {
        (Some(0), Some(0)) => {
            let why = "may not be 0 when `maxSurge` is 0";
            errors.push(FieldError::invalid(&path.child("maxUnavailable"), 0, why));
        }
        (Some(1..), Some(1..)) => {
            let why = "may not be set when `maxUnavailable` is not 0";
            let value = serde_json::to_value(&rolling.max_surge).unwrap_or_default();
            errors.push(FieldError::invalid(&path.child("maxSurge"), value, why));
        }
        _ => {}
    }
}

/// What is wrong with a StatefulSet, apart from its row's rules.
pub fn stateful_set(set: &StatefulSet, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &set.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    selector_and_template(&spec.selector, Some(&spec.template), &path, errors);
    let rolling = spec.update_strategy.as_ref().and_then(|strategy| strategy.rolling_update.as_ref());
    if let Some(rolling) = rolling {
        let path = path.child("updateStrategy").child("rollingUpdate").child("maxUnavailable");
        let unavailable = share(rolling.max_unavailable.as_ref(), &path, errors);
        errors.require(unavailable != Some(0), || FieldError::invalid(&path, 0, "must be greater than 0"));
    }
    for (index, claim) in spec.volume_claim_templates.iter().flatten().enumerate() {
        let claim = serde_json::to_value(claim).unwrap_or_default();
        super::storage::claim_at(&claim, &path.child("volumeClaimTemplates").index(index), errors);
    }
}

/// Of a StatefulSet only what does not belong to its pods' identity may change.
pub fn stateful_set_update(new: &Value, old: &Value) -> FieldErrors {
    const MAY_CHANGE: [&str; 7] = [
        "minReadySeconds",
        "ordinals",
        "persistentVolumeClaimRetentionPolicy",
        "replicas",
        "revisionHistoryLimit",
        "template",
        "updateStrategy",
    ];
    let fixed = |set: &Value| -> BTreeMap<String, Value> {
        let fields = crate::value::entries(set, "/spec").filter(|(key, _)| !MAY_CHANGE.contains(&key.as_str()));
        fields.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let mut errors = FieldErrors::new();
    errors.require(fixed(new) == fixed(old), || {
        let words: Vec<String> = MAY_CHANGE.iter().map(|field| format!("'{field}'")).collect();
        let why = format!("updates to statefulset spec for fields other than {} are forbidden", words.join(", "));
        FieldError::forbidden(&FieldPath::new("spec"), why)
    });
    errors
}

/// What is wrong with a ReplicationController, apart from its row's rules.
pub fn replication_controller(controller: &ReplicationController, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &controller.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    let selector = metav1::LabelSelector { match_labels: spec.selector.clone(), ..Default::default() };
    selector_and_template(&selector, spec.template.as_ref(), &path, errors);
}

/// What is wrong with a PodTemplate.
pub fn pod_template(template: &PodTemplate, errors: &mut FieldErrors) {
    let path = FieldPath::new("template");
    let Some(template) = &template.template else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    if let Some(spec) = &template.spec {
        pod_spec::validate(spec, &path.child("spec"), errors);
    }
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

/// The labels of a template must be well formed, and be selected by the selector.
pub(super) fn template_labels(
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
pub(super) fn share(value: Option<&IntOrString>, path: &FieldPath, errors: &mut FieldErrors) -> Option<i64> {
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
