//! Evicts pods from a node with NoExecute taints: at once, or when the time they tolerate the taint is over.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Taint, Toleration};

use super::taints::UNREACHABLE;
use super::{COMPONENT, Watched};
use crate::action::{Action, EventType, ObjectEvent, Outcome};
use crate::time::Moment;
use crate::world::{Entry, PodFacts, World};

/// How much longer a pod may stay.
enum Stay {
    Forever,
    For(Duration),
    Over,
}

/// Adds the evictions that are due, and the wait for the next.
pub(super) fn evict(world: &World, node: &Watched<'_>, now: Moment, outcome: &mut Outcome) {
    let hold = !world.any_node_ready();
    let held = |taint: &&Taint| !(hold && taint.key == UNREACHABLE);
    let taints: Vec<&Taint> = node.facts.taints.iter().filter(|t| t.effect == "NoExecute").filter(held).collect();
    for pod in world.pods_on(&node.entry.reference.name) {
        let Some(facts) = pod.facts.pod().filter(|_| !pod.is_deleting()) else { continue };
        match stay(facts, &taints, now) {
            Stay::Forever => {}
            Stay::For(time) => outcome.look_again(Some(time)),
            Stay::Over => {
                // Its conditions need no change any more.
                outcome.actions.retain(|action| !changes(action, pod));
                outcome.actions.extend(delete(pod));
            }
        }
    }
}

fn stay(pod: &PodFacts, taints: &[&Taint], now: Moment) -> Stay {
    let mut least = None;
    for taint in taints {
        let Some(toleration) = pod.tolerations.iter().find(|t| tolerates(t, taint)) else { return Stay::Over };
        let Some(seconds) = toleration.toleration_seconds else { continue };
        let tolerated = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        let since = taint.time_added.as_ref().map_or(now.wall, |time| time.0);
        let Some(left) = now.until(since, tolerated) else { return Stay::Over };
        least = Some(least.map_or(left, |least: Duration| least.min(left)));
    }
    least.map_or(Stay::Forever, Stay::For)
}

fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let exists = toleration.operator.as_deref() == Some("Exists");
    let key = match toleration.key.as_deref() {
        None | Some("") => exists,
        Some(key) => key == taint.key,
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_default();
    key && (exists || value(&toleration.value) == value(&taint.value))
}

fn changes(action: &Action, pod: &Entry) -> bool {
    matches!(action, Action::Patch { target, .. } if target.object == pod.reference)
}

fn delete(pod: &Entry) -> [Action; 2] {
    let event = ObjectEvent {
        regarding: pod.reference.clone(),
        uid: pod.meta().uid.clone(),
        kind: EventType::Normal,
        reason: "TaintManagerEviction",
        message: format!("Marking for deletion Pod {}/{}", pod.reference.namespace, pod.reference.name),
        component: COMPONENT,
    };
    [Action::Delete { target: pod.anyhow(), grace_seconds: None, propagation: None }, Action::Emit(event)]
}
