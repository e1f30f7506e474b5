//! What of a Node object comes from its agent.

use serde_json::{Map, Value, json};
use xebec_api::conditions::{self, Condition};
use xebec_controllers::node_lifecycle::SILENT;
use xebec_proto::v1::Hello;

/// The Node as its agent describes it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::nodes) struct HelloNode {
    name: String,
    labels: Map<String, Value>,
    annotations: Map<String, Value>,
    taints: Value,
    /// Capacity, allocatable, addresses, nodeInfo: all but conditions, which come with heartbeats.
    status: Map<String, Value>,
}

impl HelloNode {
    /// Reads a Hello; the error is for the agent.
    pub(in crate::nodes) fn parse(hello: &Hello) -> Result<HelloNode, String> {
        let node: Value = if hello.node_json.is_empty() {
            json!({})
        } else {
            serde_json::from_slice(&hello.node_json).map_err(|error| format!("node_json cannot be read: {error}"))?
        };
        let map = |pointer: &str| node.pointer(pointer).and_then(Value::as_object).cloned().unwrap_or_default();
        let mut status = map("/status");
        status.remove("conditions");
        Ok(HelloNode {
            name: hello.node_name.clone(),
            labels: map("/metadata/labels"),
            annotations: map("/metadata/annotations"),
            taints: node.pointer("/spec/taints").cloned().unwrap_or(Value::Null),
            status,
        })
    }

    /// The object to create. Taints count at the creation only; afterwards they belong to others.
    pub(super) fn object(&self) -> Value {
        let mut node = json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": self.name, "labels": self.labels, "annotations": self.annotations}, "spec": {}});
        if !self.taints.is_null() {
            node["spec"]["taints"] = self.taints.clone();
        }
        node
    }

    /// The object with the agent's labels and annotations, others' kept; `None` when it has them.
    pub(super) fn with_metadata(&self, node: &Value) -> Option<Value> {
        let mut updated = node.clone();
        fill(&mut updated["metadata"], "labels", &self.labels);
        fill(&mut updated["metadata"], "annotations", &self.annotations);
        (&updated != node).then_some(updated)
    }

    /// The object with the agent's status and conditions, others' kept; `None` when it has them. A condition that the
    /// leader has made Unknown is the leader's, until it takes that back: another master may hear a node that the leader
    /// does not.
    pub(super) fn with_status(&self, node: &Value, reported: &[Value], now: &str) -> Option<Value> {
        let mut updated = node.clone();
        if updated["status"].is_null() {
            updated["status"] = json!({});
        }
        for (field, value) in &self.status {
            updated["status"][field] = value.clone();
        }
        for condition in reported.iter().filter(|condition| !is_leaders(node, condition)) {
            set_condition(&mut updated, condition, now);
        }
        (updated["status"] != node["status"]).then_some(updated)
    }
}

fn is_leaders(node: &Value, reported: &Value) -> bool {
    let current = reported["type"].as_str().and_then(|condition_type| conditions::find(node, condition_type));
    current.is_some_and(|current| current["status"] == "Unknown" && current["reason"] == SILENT)
}

fn fill(metadata: &mut Value, field: &str, wanted: &Map<String, Value>) {
    if wanted.is_empty() {
        return;
    }
    if metadata[field].is_null() {
        metadata[field] = json!({});
    }
    for (key, value) in wanted {
        metadata[field][key] = value.clone();
    }
}

/// The heartbeat's time moves with the condition only: liveness itself is kept in memory.
fn set_condition(node: &mut Value, condition: &Value, now: &str) {
    let text = |field: &str| condition[field].as_str().unwrap_or_default();
    let condition_type = text("type");
    let new = Condition { condition_type, status: text("status"), reason: text("reason"), message: text("message") };
    if condition_type.is_empty() || !conditions::set(node, new, now) {
        return;
    }
    let list = node["status"]["conditions"].as_array_mut().into_iter().flatten();
    for changed in list.filter(|other| other["type"] == condition_type) {
        changed["lastHeartbeatTime"] = json!(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> HelloNode {
        let node = json!({"metadata": {"labels": {"zone": "a"}}, "spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "status": {"capacity": {"cpu": "2"}, "conditions": [{"type": "Ready", "status": "True"}]}});
        let node_json = serde_json::to_vec(&node).unwrap().into();
        HelloNode::parse(&Hello { node_name: "n1".into(), node_json, ..Default::default() }).unwrap()
    }

    #[test]
    fn labels_of_others_stay() {
        let node = json!({"metadata": {"name": "n1", "labels": {"team": "x", "zone": "b"}}});
        let updated = hello().with_metadata(&node).unwrap();
        assert_eq!(updated["metadata"]["labels"], json!({"team": "x", "zone": "a"}));
        assert_eq!(hello().with_metadata(&updated), None);
    }

    #[test]
    fn a_ready_node_is_ready_again_when_the_leader_has_taken_back_its_doubt() {
        let ready = [json!({"type": "Ready", "status": "True", "reason": "AgentReady", "message": ""})];
        let node = hello().with_status(&json!({}), &ready, "2026-01-01T00:00:00Z").unwrap();
        assert_eq!(node["status"]["capacity"]["cpu"], "2");
        assert_eq!(hello().with_status(&node, &ready, "2026-01-01T00:00:09Z"), None);
        let mut unknown = node.clone();
        unknown["status"]["conditions"][0]["status"] = json!("Unknown");
        unknown["status"]["conditions"][0]["reason"] = json!(SILENT);
        unknown["status"]["conditions"].as_array_mut().unwrap().push(json!({"type": "Other", "status": "True"}));
        assert_eq!(hello().with_status(&unknown, &ready, "2026-01-01T00:00:09Z"), None);
        unknown["status"]["conditions"].as_array_mut().unwrap().remove(0);
        let again = hello().with_status(&unknown, &ready, "2026-01-01T00:00:09Z").unwrap();
        assert_eq!(again["status"]["conditions"][0]["type"], "Other");
        assert_eq!(again["status"]["conditions"][1]["status"], "True");
        assert_eq!(again["status"]["conditions"][1]["lastTransitionTime"], "2026-01-01T00:00:09Z");
    }

    #[test]
    fn garbage_is_refused() {
        let hello = Hello { node_json: bytes::Bytes::from_static(b"{"), ..Default::default() };
        assert!(HelloNode::parse(&hello).unwrap_err().starts_with("node_json cannot be read"));
    }
}
