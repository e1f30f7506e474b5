//! Merges a pod's reported status into the object's.

use serde_json::{Map, Value, json};

/// What the node agent owns in a pod's status. What it does not report of these is not so; the rest it leaves alone.
const OWNED: [&str; 12] = [
    "containerStatuses",
    "ephemeralContainerStatuses",
    "hostIP",
    "hostIPs",
    "initContainerStatuses",
    "message",
    "observedGeneration",
    "phase",
    "podIP",
    "podIPs",
    "reason",
    "startTime",
];

/// The pod with the reported status, or `None` when that says nothing new. A pod that has ended stays as it ended.
pub(super) fn merged(pod: &Value, reported: &Value) -> Option<Value> {
    let empty = Map::new();
    let before = pod.get("status").and_then(Value::as_object).unwrap_or(&empty);
    let reported = reported.as_object()?;
    if has_ended(before) && !has_ended(reported) {
        return None;
    }
    let mut after = before.clone();
    after.retain(|field, _| !OWNED.contains(&field.as_str()));
    after.extend(reported.iter().map(|(field, value)| (field.clone(), value.clone())));
    let conditions = merged_conditions(list(before), list(reported));
    if !conditions.is_empty() {
        after.insert("conditions".to_owned(), Value::Array(conditions));
    }
    if &after == before {
        return None;
    }
    let mut pod = pod.clone();
    pod["status"] = json!(after);
    Some(pod)
}

fn has_ended(status: &Map<String, Value>) -> bool {
    matches!(status.get("phase").and_then(Value::as_str), Some("Succeeded" | "Failed"))
}

fn list(status: &Map<String, Value>) -> &[Value] {
    status.get("conditions").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Reported conditions take the place of those of their type; the others are somebody else's.
fn merged_conditions(before: &[Value], reported: &[Value]) -> Vec<Value> {
    let reported_of = |condition: &Value| reported.iter().find(|other| other["type"] == condition["type"]);
    let kept = before.iter().map(|condition| reported_of(condition).unwrap_or(condition).clone());
    let is_new = |condition: &&Value| !before.iter().any(|other| other["type"] == condition["type"]);
    kept.chain(reported.iter().filter(is_new).cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_of_others_and_their_fields_stay() {
        let pod = json!({"status": {"phase": "Pending", "message": "old", "qosClass": "Burstable",
            "conditions": [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]}});
        let reported = json!({"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True"}, {"type": "Initialized", "status": "True"}]});
        let merged = merged(&pod, &reported).unwrap();
        assert_eq!(
            merged["status"],
            json!({"phase": "Running", "qosClass": "Burstable", "conditions": [
                {"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"},
                {"type": "Initialized", "status": "True"}]})
        );
    }

    #[test]
    fn what_is_known_is_not_written() {
        let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
        assert_eq!(merged(&json!({"status": status.clone()}), &status), None);
    }

    #[test]
    fn what_has_ended_stays_so() {
        let pod = json!({"status": {"phase": "Failed"}});
        assert_eq!(merged(&pod, &json!({"phase": "Running"})), None);
        assert!(merged(&pod, &json!({"phase": "Failed", "reason": "Evicted"})).is_some());
    }
}
