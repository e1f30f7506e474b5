//! What a ReplicaSet reports about its pods.

use std::time::Duration;

use serde_json::{Map, Value, json};
use xebec_api::conditions::{self, Condition};

use super::{Replica, Set};
use crate::action::{Action, Outcome};
use crate::diff::merge_diff;
use crate::time::Moment;
use crate::world::Failure;

/// Adds the status patch, if there is anything new, and the wait until a ready pod has been so for long enough.
pub(super) fn report(set: &Set<'_>, failure: Option<&Failure>, now: Moment, outcome: &mut Outcome) {
    let active = set.active();
    for pod in &active {
        outcome.look_again(until_available(set, pod, now));
    }
    let mut status = set.status.as_object().cloned().unwrap_or_default();
    count(&mut status, set, &active, now);
    let status = with_failure(Value::Object(status), failure, now);
    if let Some(patch) = merge_diff(&set.status, &status) {
        let patch = json!({"status": patch});
        outcome.actions.push(Action::Patch { target: set.entry.exactly(), status: true, patch });
    }
}

fn count(status: &mut Map<String, Value>, set: &Set<'_>, active: &[Replica<'_>], now: Moment) {
    let template_labels = set.spec.template.pointer("/metadata/labels").and_then(Value::as_object);
    let labelled = |pod: &&Replica<'_>| {
        let labels = &pod.entry.meta().labels;
        template_labels.is_none_or(|all| all.iter().all(|(k, v)| labels.get(k).map(String::as_str) == v.as_str()))
    };
    let available = |pod: &&Replica<'_>| pod.facts.ready && until_available(set, pod, now).is_none();
    let leaving = set.pods.iter().filter(|pod| pod.entry.is_deleting() && !pod.facts.phase.is_final()).count();
    status.insert("replicas".into(), json!(active.len()));
    status.insert("fullyLabeledReplicas".into(), json!(active.iter().filter(labelled).count()));
    status.insert("readyReplicas".into(), json!(active.iter().filter(|pod| pod.facts.ready).count()));
    status.insert("availableReplicas".into(), json!(active.iter().filter(available).count()));
    status.insert("terminatingReplicas".into(), json!(leaving));
    status.insert("observedGeneration".into(), json!(set.entry.meta().generation));
}

/// How long until a ready pod counts as available; `None` if it does already, or is not ready.
fn until_available(set: &Set<'_>, pod: &Replica<'_>, now: Moment) -> Option<Duration> {
    let needed = Duration::from_secs(set.spec.min_ready_seconds.into());
    if !pod.facts.ready || needed.is_zero() {
        return None;
    }
    now.until(pod.facts.ready_since?, needed)
}

/// Condition ReplicaFailure stands while pods cannot be created or deleted, and goes when they can.
fn with_failure(status: Value, failure: Option<&Failure>, now: Moment) -> Value {
    let mut object = json!({"status": status});
    match failure {
        Some(failure) => {
            let condition = Condition {
                condition_type: "ReplicaFailure",
                status: "True",
                reason: failure.reason,
                message: &failure.message,
            };
            conditions::set(&mut object, condition, &now.stamp());
        }
        None => {
            if let Some(list) = object.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
                list.retain(|condition| condition["type"] != "ReplicaFailure");
            }
        }
    }
    object["status"].take()
}
