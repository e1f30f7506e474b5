//! What a lost node, and the pods on it, are reported as.

use serde_json::{Value, json};
use xebec_api::conditions::{self, Condition};

use super::{COMPONENT, Watched};
use crate::action::{Action, EventType, ObjectEvent};
use crate::time::Moment;
use crate::world::Entry;

/// The reason of conditions that are Unknown because their node is silent.
pub const SILENT: &str = "NodeStatusUnknown";

const CONDITIONS: [&str; 4] = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/// Makes a silent node's conditions Unknown.
pub(super) fn lose(node: &Watched<'_>, now: Moment) -> Vec<Action> {
    let mut value = node.entry.object.to_value();
    for condition_type in CONDITIONS {
        let condition = Condition {
            condition_type,
            status: "Unknown",
            reason: SILENT,
            message: "Kubelet stopped posting node status.",
        };
        if condition_type == "Ready" || conditions::find(&value, condition_type).is_some() {
            conditions::set(&mut value, condition, &now.stamp());
        }
    }
    let name = &node.entry.reference.name;
    let event = Action::Emit(ObjectEvent {
        regarding: node.entry.reference.clone(),
        uid: node.entry.meta().uid.clone(),
        kind: EventType::Normal,
        reason: "NodeNotReady",
        message: format!("Node {name} status is now: NodeNotReady"),
        component: COMPONENT,
    });
    vec![patch_conditions(node.entry, &value), event]
}

/// Takes back what [`lose`] said. What the node says instead is for its session to write.
pub(super) fn find(node: &Watched<'_>) -> Action {
    let mut value = node.entry.object.to_value();
    if let Some(conditions) = value.pointer_mut("/status/conditions").and_then(Value::as_array_mut) {
        conditions.retain(|condition| condition["status"] != "Unknown" || condition["reason"] != SILENT);
    }
    patch_conditions(node.entry, &value)
}

/// Makes a pod not Ready, if it is, because its node is not.
pub(super) fn unready(pod: &Entry, now: Moment) -> Option<Action> {
    let facts = pod.facts.pod()?;
    if !facts.ready || facts.phase.is_final() {
        return None;
    }
    let mut value = pod.object.to_value();
    let message = "the node is not ready";
    let condition = Condition { condition_type: "Ready", status: "False", reason: "NodeNotReady", message };
    conditions::set(&mut value, condition, &now.stamp());
    Some(patch_conditions(pod, &value))
}

fn patch_conditions(entry: &Entry, value: &Value) -> Action {
    let patch = json!({"status": {"conditions": value["status"]["conditions"]}});
    Action::Patch { target: entry.exactly(), status: true, patch }
}
