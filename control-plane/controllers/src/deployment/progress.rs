//! Condition Progressing: does the roll-over move, has it arrived, or has it taken too long?

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rollout::Rollout;
use super::status::Counts;
use crate::time::{Moment, parse};

const AVAILABLE: &str = "NewReplicaSetAvailable";
const CREATED: &str = "NewReplicaSetCreated";
const UPDATED: &str = "ReplicaSetUpdated";
const TIMED_OUT: &str = "ProgressDeadlineExceeded";
const PAUSED: &str = "DeploymentPaused";
const RESUMED: &str = "DeploymentResumed";

/// Whether all pods wanted are there, available, of the current template, and no others.
pub(super) fn is_complete(rollout: &Rollout<'_>) -> bool {
    let counts = Counts::of(rollout);
    let wanted = rollout.replicas();
    counts.updated == wanted && counts.replicas == wanted && counts.available == wanted
}

/// What the condition should say: status, reason, message.
type Verdict = (&'static str, &'static str, String);

/// The condition as it should be, and how long until it may have to be looked at again.
pub(super) fn condition(rollout: &Rollout<'_>, moved: bool, now: Moment) -> (Option<Value>, Option<Duration>) {
    let Some(deadline) = rollout.spec.progress_deadline_seconds.map(seconds) else { return (None, None) };
    let current = find(&rollout.status);
    let reason = current.and_then(|c| c["reason"].as_str()).unwrap_or_default();
    let left = current.and_then(updated_at).and_then(|at| now.until(at, deadline));
    let verdict = if rollout.paused() { paused(reason) } else { judge(rollout, reason, moved, left.is_none()) };
    match verdict {
        None => (current.cloned(), left.filter(|_| is_underway(reason))),
        Some(verdict) => {
            let again = is_underway(verdict.1).then_some(deadline);
            (Some(build(current, verdict, now)), again)
        }
    }
}

fn paused(reason: &str) -> Option<Verdict> {
    (reason != PAUSED).then(|| ("Unknown", PAUSED, "Deployment is paused".to_owned()))
}

/// `None` leaves the condition as it is.
fn judge(rollout: &Rollout<'_>, reason: &str, moved: bool, overdue: bool) -> Option<Verdict> {
    let counts = Counts::of(rollout);
    let arrived_before = reason == AVAILABLE && counts.replicas == counts.updated && rollout.new.is_some();
    let set = rollout.new.as_ref().map_or_else(
        || format!("Deployment {:?}", &*rollout.entry.reference.name),
        |new| format!("ReplicaSet {:?}", new.name()),
    );
    if arrived_before {
        return None;
    }
    if is_complete(rollout) && rollout.new.is_some() {
        return Some(("True", AVAILABLE, format!("{set} has successfully progressed.")));
    }
    match reason {
        PAUSED => Some(("Unknown", RESUMED, "Deployment is resumed".to_owned())),
        "" if rollout.new.is_none() => None,
        "" => Some(("True", CREATED, format!("Created new replica set {:?}", set_name(rollout)))),
        _ if moved || reason == AVAILABLE => Some(("True", UPDATED, format!("{set} is progressing."))),
        TIMED_OUT => None,
        _ if overdue => Some(("False", TIMED_OUT, format!("{set} has timed out progressing."))),
        _ => None,
    }
}

fn set_name<'a>(rollout: &'a Rollout<'_>) -> &'a str {
    rollout.new.as_ref().map(|new| new.name()).unwrap_or_default()
}

/// Whether a reason says that the deadline is running.
fn is_underway(reason: &str) -> bool {
    matches!(reason, CREATED | UPDATED | RESUMED)
}

fn find(status: &Value) -> Option<&Value> {
    status.get("conditions")?.as_array()?.iter().find(|c| c["type"] == "Progressing")
}

fn updated_at(condition: &Value) -> Option<Timestamp> {
    condition["lastUpdateTime"].as_str().and_then(parse)
}

fn seconds(deadline: u32) -> Duration {
    Duration::from_secs(deadline.into())
}

fn build(current: Option<&Value>, (status, reason, message): Verdict, now: Moment) -> Value {
    let kept = current.filter(|c| c["status"] == status).map(|c| c["lastTransitionTime"].clone());
    json!({
        "type": "Progressing", "status": status, "reason": reason, "message": message,
        "lastUpdateTime": now.stamp(), "lastTransitionTime": kept.unwrap_or_else(|| json!(now.stamp())),
    })
}
