//! The rules of a HorizontalPodAutoscaler.

use k8s_openapi::api::autoscaling::v2::{
    HPAScalingRules, HorizontalPodAutoscaler, HorizontalPodAutoscalerSpec, MetricSpec, MetricTarget,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as ApiQuantity;

use super::{one_of, required, resources, scheduling};
use crate::field::{FieldError, FieldErrors, FieldPath};

/// What is wrong with an autoscaler, apart from its row's rules.
pub fn validate(autoscaler: &HorizontalPodAutoscaler, errors: &mut FieldErrors) {
    let path = FieldPath::new("spec");
    let Some(spec) = &autoscaler.spec else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    errors.require(spec.max_replicas >= spec.min_replicas.unwrap_or(1), || {
        FieldError::invalid(
            &path.child("maxReplicas"),
            spec.max_replicas,
            "must be greater than or equal to `minReplicas`",
        )
    });
    for (index, one) in spec.metrics.iter().flatten().enumerate() {
        metric(one, &path.child("metrics").index(index), errors);
    }
    behavior(spec, &path.child("behavior"), errors);
}

/// What a metric may be about.
pub const KNOWN: [&str; 5] = ["ContainerResource", "External", "Object", "Pods", "Resource"];

/// A metric, its target, and the name that it must have.
type Source<'a> = (&'static str, &'a str, &'a MetricTarget);

fn source(metric: &MetricSpec) -> Vec<Source<'_>> {
    let resource = metric.resource.iter().map(|s| ("resource", s.name.as_str(), &s.target));
    let container = metric.container_resource.iter().map(|s| ("containerResource", s.name.as_str(), &s.target));
    let pods = metric.pods.iter().map(|s| ("pods", s.metric.name.as_str(), &s.target));
    let object = metric.object.iter().map(|s| ("object", s.metric.name.as_str(), &s.target));
    let external = metric.external.iter().map(|s| ("external", s.metric.name.as_str(), &s.target));
    resource.chain(container).chain(pods).chain(object).chain(external).collect()
}

fn metric(metric: &MetricSpec, path: &FieldPath, errors: &mut FieldErrors) {
    if !super::required(errors, &path.child("type"), &metric.type_) {
        return;
    }
    if !KNOWN.contains(&metric.type_.as_str()) {
        return;
    }
    let expected = metric.type_[..1].to_ascii_lowercase() + &metric.type_[1..];
    let sources = source(metric);
    errors.require(sources.iter().any(|(field, ..)| *field == expected), || {
        FieldError::required(&path.child(&expected), "must populate information for the given metric source")
    });
    for (field, name, target) in sources {
        if field != expected {
            let why = "must populate the given metric source only";
            errors.push(FieldError::forbidden(&path.child(field), why));
            continue;
        }
        let path = path.child(field);
        let own_name = if field.ends_with("esource") { path.child("name") } else { path.child("metric").child("name") };
        required(errors, &own_name, name);
        self::target(field, target, &path.child("target"), errors);
    }
    let selector = metric.pods.as_ref().and_then(|pods| pods.metric.selector.as_ref());
    if let Some(selector) = selector {
        scheduling::label_selector(selector, &path.child("pods").child("metric").child("selector"), errors);
    }
}

fn target(source: &str, target: &MetricTarget, path: &FieldPath, errors: &mut FieldErrors) {
    if required(errors, &path.child("type"), &target.type_) {
        one_of(errors, &path.child("type"), Some(&target.type_), &["AverageValue", "Utilization", "Value"]);
    }
    positive(target.value.as_ref(), &path.child("value"), errors);
    positive(target.average_value.as_ref(), &path.child("averageValue"), errors);
    if let Some(percent) = target.average_utilization.filter(|percent| *percent < 1) {
        errors.push(FieldError::invalid(&path.child("averageUtilization"), percent, "must be greater than 0"));
    }
    let (value, average) = (target.value.is_some(), target.average_value.is_some());
    let utilization = target.average_utilization.is_some();
    let (fits, field, why) = match source {
        "pods" => (average, "averageValue", "must specify a positive target averageValue"),
        "object" | "external" => (value || average, "averageValue", "must set either a target value or averageValue"),
        _ => {
            (utilization != average, "averageUtilization", "must set either a target raw value or a target utilization")
        }
    };
    errors.require(fits, || FieldError::required(&path.child(field), why));
}

fn positive(quantity: Option<&ApiQuantity>, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(quantity) = quantity else { return };
    if resources::amount(quantity, path, errors).is_some_and(|amount| amount.is_zero()) {
        errors.push(FieldError::invalid(path, quantity.0.as_str(), "must be positive"));
    }
}

fn behavior(spec: &HorizontalPodAutoscalerSpec, path: &FieldPath, errors: &mut FieldErrors) {
    let Some(behavior) = &spec.behavior else { return };
    for (field, rules) in [("scaleUp", &behavior.scale_up), ("scaleDown", &behavior.scale_down)] {
        if let Some(rules) = rules {
            scaling(rules, &path.child(field), errors);
        }
    }
}

fn scaling(rules: &HPAScalingRules, path: &FieldPath, errors: &mut FieldErrors) {
    const HOUR: i32 = 3600;
    const HALF_AN_HOUR: i32 = 1800;
    let mut within = |path: FieldPath, number: i32, least: i32, most: i32| {
        errors.require((least..=most).contains(&number), || {
            FieldError::invalid(&path, number, format!("must be between {least} and {most}, inclusive"))
        });
    };
    if let Some(seconds) = rules.stabilization_window_seconds {
        within(path.child("stabilizationWindowSeconds"), seconds, 0, HOUR);
    }
    for (index, policy) in rules.policies.iter().flatten().enumerate() {
        let path = path.child("policies").index(index);
        within(path.child("value"), policy.value, 1, i32::MAX);
        within(path.child("periodSeconds"), policy.period_seconds, 1, HALF_AN_HOUR);
    }
    one_of(errors, &path.child("selectPolicy"), rules.select_policy.as_deref(), &["Disabled", "Max", "Min"]);
    let policies = rules.policies.as_deref().unwrap_or_default();
    errors.require(!policies.is_empty(), || {
        FieldError::required(&path.child("policies"), "must specify at least one Policy")
    });
    for (index, policy) in policies.iter().enumerate() {
        let path = path.child("policies").index(index).child("type");
        one_of(errors, &path, Some(&policy.type_), &["Percent", "Pods"]);
    }
}
