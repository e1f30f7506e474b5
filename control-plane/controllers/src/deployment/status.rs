//! What a Deployment reports: counts over its sets, and its conditions.

use serde_json::{Value, json};

use super::progress;
use super::rollout::Rollout;
use crate::action::{Action, Outcome};
use crate::diff::merge_diff;
use crate::time::Moment;

/// Counts over all sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) replicas: i64,
    pub(super) updated: i64,
    pub(super) ready: i64,
    pub(super) available: i64,
    terminating: i64,
}

impl Counts {
    pub(super) fn of(rollout: &Rollout<'_>) -> Self {
        let sum = |count: fn(&super::rollout::SetStatus) -> i64| rollout.sets().map(|set| count(&set.status)).sum();
        Self {
            replicas: sum(|status| status.replicas),
            updated: rollout.new.as_ref().map_or(0, |new| new.status.replicas),
            ready: sum(|status| status.ready_replicas),
            available: sum(|status| status.available_replicas),
            terminating: sum(|status| status.terminating_replicas),
        }
    }

    /// Whether these are nearer the goal than what was last reported.
    fn beyond(&self, reported: &Value) -> bool {
        let was = |field: &str| reported.get(field).and_then(Value::as_i64).unwrap_or(0);
        let old_pods = |replicas: i64, updated: i64| replicas - updated;
        self.updated > was("updatedReplicas")
            || old_pods(self.replicas, self.updated) < old_pods(was("replicas"), was("updatedReplicas"))
            || self.ready > was("readyReplicas")
            || self.available > was("availableReplicas")
    }
}

/// Adds the status patch, if there is anything new.
pub(super) fn report(rollout: &Rollout<'_>, now: Moment, outcome: &mut Outcome) {
    let counts = Counts::of(rollout);
    let (progressing, again) = progress::condition(rollout, counts.beyond(&rollout.status), now);
    outcome.look_again(again);
    let mut status = rollout.status.as_object().cloned().unwrap_or_default();
    let fields = json!({
        "observedGeneration": rollout.entry.meta().generation, "replicas": counts.replicas,
        "updatedReplicas": counts.updated, "readyReplicas": counts.ready, "availableReplicas": counts.available,
        "unavailableReplicas": (rollout.total() - counts.available).max(0),
        "terminatingReplicas": counts.terminating,
        "conditions": conditions(rollout, counts, progressing, now),
    });
    status.extend(fields.as_object().cloned().unwrap_or_default());
    if let Some(patch) = merge_diff(&rollout.status, &Value::Object(status)) {
        let patch = json!({"status": patch});
        outcome.actions.push(Action::Patch { target: rollout.entry.exactly(), status: true, patch });
    }
}

fn conditions(rollout: &Rollout<'_>, counts: Counts, progressing: Option<Value>, now: Moment) -> Vec<Value> {
    let current = rollout.status.get("conditions").and_then(Value::as_array);
    let find = |name: &str| current.and_then(|list| list.iter().find(|c| c["type"] == name));
    let available = availability(rollout, counts, find("Available"), now);
    let failure = rollout.sets().flat_map(|set| &set.status.conditions).find(|c| c["type"] == "ReplicaFailure");
    let failure = failure.map(|failure| with_update_time(failure, find("ReplicaFailure"), now));
    [Some(available), progressing, failure].into_iter().flatten().collect()
}

fn availability(rollout: &Rollout<'_>, counts: Counts, current: Option<&Value>, now: Moment) -> Value {
    let enough = counts.available >= rollout.replicas() - rollout.max_unavailable();
    let (status, reason, message) = if enough {
        ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    } else {
        ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
    };
    match current {
        Some(current) if current["status"] == status => current.clone(),
        _ => json!({
            "type": "Available", "status": status, "reason": reason, "message": message,
            "lastUpdateTime": now.stamp(), "lastTransitionTime": now.stamp(),
        }),
    }
}

/// A set's condition as a Deployment's, which also says when it was last updated.
fn with_update_time(condition: &Value, current: Option<&Value>, now: Moment) -> Value {
    let same = |current: &&Value| current["message"] == condition["message"];
    current.filter(same).cloned().unwrap_or_else(|| {
        let mut condition = condition.clone();
        condition["lastUpdateTime"] = json!(now.stamp());
        condition
    })
}
