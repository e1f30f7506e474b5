//! Pod: containers that run together on one node.

use serde_json::{Value, json};

use crate::field::FieldErrors;
use crate::kinds::{Kind, Strategy, Subresource};
use crate::table::{Column, cells, pod as pod_cells};
use crate::value::{self, list, text};
use crate::{defaults, qos, validation};

/// Pod.
pub static POD: Kind = Kind {
    kind: "Pod",
    plural: "pods",
    singular: "pod",
    short_names: &["po"],
    categories: &["all"],
    subresources: &[
        Subresource::Status,
        Subresource::EphemeralContainers,
        Subresource::Resize,
        Subresource::Binding,
        Subresource::Eviction,
        Subresource::Log,
        Subresource::Exec,
        Subresource::Attach,
        Subresource::PortForward,
        Subresource::Proxy,
    ],
    generation: true,
    columns: &[
        Column::NAME,
        Column::text("Ready", "How many of the containers are ready.", pod_cells::ready),
        Column::text("Status", "The most telling word on the state of the pod.", pod_cells::status),
        Column::text("Restarts", "How often containers were restarted.", pod_cells::restarts),
        Column::AGE,
        Column::text("IP", "The address of the pod.", |o, _| cells::or_none(o, "/status/podIP")).wide(),
        Column::text("Node", "The node the pod is on.", |o, _| cells::or_none(o, "/spec/nodeName")).wide(),
        Column::text("Nominated Node", "The node where room is made for the pod.", |o, _| {
            cells::or_none(o, "/status/nominatedNodeName")
        })
        .wide(),
        Column::text("Readiness Gates", "How many of the readiness gates are open.", |o, _| readiness_gates(o)).wide(),
    ],
    selectable,
    strategy: &PodStrategy,
    ..Kind::BASE
};

fn selectable(pod: &Value) -> Vec<(&'static str, String)> {
    const FIELDS: [(&str, &str); 8] = [
        ("spec.nodeName", "/spec/nodeName"),
        ("spec.restartPolicy", "/spec/restartPolicy"),
        ("spec.schedulerName", "/spec/schedulerName"),
        ("spec.serviceAccountName", "/spec/serviceAccountName"),
        ("status.phase", "/status/phase"),
        ("status.podIP", "/status/podIP"),
        ("status.podIPs", "/status/podIPs/0/ip"),
        ("status.nominatedNodeName", "/status/nominatedNodeName"),
    ];
    let mut fields: Vec<(&'static str, String)> =
        FIELDS.iter().map(|(name, at)| (*name, text(pod, at).unwrap_or_default().to_owned())).collect();
    fields.push(("spec.hostNetwork", (pod["spec"]["hostNetwork"] == true).to_string()));
    fields
}

fn readiness_gates(pod: &Value) -> Value {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return json!("<none>");
    }
    let open = |gate: &&Value| text(gate, "/conditionType").is_some_and(|c| crate::conditions::is_true(pod, c));
    json!(format!("{}/{}", gates.iter().filter(open).count(), gates.len()))
}

struct PodStrategy;

impl Strategy for PodStrategy {
    fn default(&self, pod: &mut Value) {
        defaults::pod::pod(pod);
    }

    fn prepare_create(&self, pod: &mut Value) {
        pod["status"] = json!({ "phase": "Pending", "qosClass": qos::class(pod) });
    }

    fn prepare_status_update(&self, new: &mut Value, old: &Value) {
        if let (Some(status), Some(class)) = (value::child(new, "status"), old.pointer("/status/qosClass")) {
            status["qosClass"] = class.clone();
        }
    }

    fn take_part(&self, part: Subresource, pod: &mut Value, proposed: &Value) {
        match part {
            Subresource::EphemeralContainers => validation::pod_parts::take_ephemeral_containers(pod, proposed),
            Subresource::Resize => validation::pod_parts::take_resources(pod, proposed),
            _ => {}
        }
    }

    fn validate(&self, pod: &Value) -> FieldErrors {
        validation::typed(pod, validation::pod::validate)
    }

    fn validate_update(&self, new: &Value, old: &Value) -> FieldErrors {
        validation::pod_update::validate(new, old)
    }

    fn validate_part_update(&self, part: Subresource, new: &Value, old: &Value) -> FieldErrors {
        match part {
            Subresource::EphemeralContainers => validation::pod_parts::ephemeral_containers(new, old),
            Subresource::Resize => validation::pod_parts::resize(new, old),
            _ => self.validate_update(new, old),
        }
    }

    fn grace_seconds(&self, pod: &Value) -> Option<i64> {
        let unbound = text(pod, "/spec/nodeName").is_none();
        let ended = matches!(text(pod, "/status/phase"), Some("Succeeded" | "Failed"));
        if unbound || ended {
            return Some(0);
        }
        Some(value::number(pod, "/spec/terminationGracePeriodSeconds").unwrap_or(defaults::pod::GRACE_SECONDS).max(0))
    }
}
