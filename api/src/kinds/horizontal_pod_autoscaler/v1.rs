//! Version 1 of an autoscaler. What it has no field for travels in annotations, so that nothing is lost on the way back.

use serde_json::{Map, Value, json};

use crate::value::{self, existing};

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT_METRICS: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// From version 2.
pub(super) fn read(object: &mut Value) {
    let mut notes = Vec::new();
    if let Some(spec) = existing(object, "spec") {
        let (cpu, others) = split(take(spec, "metrics"), &["target", "averageUtilization"]);
        set(spec, "targetCPUUtilizationPercentage", cpu);
        notes.push((METRICS, others));
        notes.push((BEHAVIOR, take(spec, "behavior")));
    }
    if let Some(status) = existing(object, "status") {
        let (cpu, others) = split(take(status, "currentMetrics"), &["current", "averageUtilization"]);
        set(status, "currentCPUUtilizationPercentage", cpu);
        notes.push((CURRENT_METRICS, others));
        notes.push((CONDITIONS, take(status, "conditions")));
    }
    for (key, value) in notes {
        annotate(object, key, value);
    }
}

/// To version 2.
pub(super) fn write(object: &mut Value) {
    let [metrics, current, conditions, behavior] =
        [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR].map(|key| unannotate(object, key));
    if let Some(spec) = existing(object, "spec") {
        let cpu = take(spec, "targetCPUUtilizationPercentage").map(|percent| {
            let target = json!({ "type": "Utilization", "averageUtilization": percent });
            json!({ "type": "Resource", "resource": { "name": "cpu", "target": target } })
        });
        set(spec, "metrics", join(cpu, metrics));
        set(spec, "behavior", behavior);
    }
    if let Some(status) = existing(object, "status") {
        let cpu = take(status, "currentCPUUtilizationPercentage").map(|percent| {
            json!({ "type": "Resource", "resource": { "name": "cpu", "current": { "averageUtilization": percent, "averageValue": "0" } } })
        });
        set(status, "currentMetrics", join(cpu, current));
        set(status, "conditions", conditions);
    }
}

/// The share of the CPU that a list of metrics speaks of first, and the other metrics.
fn split(metrics: Option<Value>, path: &[&str]) -> (Option<Value>, Option<Value>) {
    let Some(Value::Array(mut metrics)) = metrics else { return (None, None) };
    let share = |metric: &Value| {
        let cpu = metric["type"] == "Resource" && metric["resource"]["name"] == "cpu";
        let share = path.iter().fold(&metric["resource"], |value, key| &value[*key]);
        Some(share.clone()).filter(|share| cpu && share.is_number())
    };
    let found = metrics.iter().enumerate().find_map(|(index, metric)| share(metric).map(|share| (index, share)));
    let cpu = found.map(|(index, share)| {
        metrics.remove(index);
        share
    });
    (cpu, Some(Value::Array(metrics)).filter(|list| list.as_array().is_some_and(|list| !list.is_empty())))
}

fn join(first: Option<Value>, others: Option<Value>) -> Option<Value> {
    let others = match others {
        Some(Value::Array(others)) => others,
        _ => Vec::new(),
    };
    let all: Vec<Value> = first.into_iter().chain(others).collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

fn take(object: &mut Value, key: &str) -> Option<Value> {
    object.as_object_mut()?.remove(key)
}

fn set(object: &mut Value, key: &str, value: Option<Value>) {
    if let (Some(map), Some(value)) = (object.as_object_mut(), value) {
        map.insert(key.to_owned(), value);
    }
}

fn annotate(object: &mut Value, key: &str, value: Option<Value>) {
    let Some(value) = value else { return };
    let annotations = value::child(object, "metadata").and_then(|metadata| value::child(metadata, "annotations"));
    if let Some(annotations) = annotations {
        annotations[key] = json!(value.to_string());
    }
}

/// Takes an annotation away, and reads it. What is no JSON was not written by us, and is dropped with it.
fn unannotate(object: &mut Value, key: &str) -> Option<Value> {
    let annotations = existing(object, "metadata").and_then(|metadata| existing(metadata, "annotations"))?;
    let text = take(annotations, key)?;
    if annotations.as_object().is_some_and(Map::is_empty) {
        existing(object, "metadata").and_then(|metadata| take(metadata, "annotations"));
    }
    serde_json::from_str(text.as_str()?).ok()
}
