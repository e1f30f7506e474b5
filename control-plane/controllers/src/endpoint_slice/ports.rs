//! The ports a pod answers on for a Service.

use k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde_json::{Value, json};

use crate::world::PodFacts;

/// The ports of a slice, as they stand in it.
pub(super) type Ports = Vec<Value>;

/// What the Service's ports are at this pod. One that names a port the pod does not have is left out.
pub(super) fn resolve(spec: &ServiceSpec, pod: &PodFacts) -> Ports {
    spec.ports.iter().flatten().filter_map(|port| slice_port(port, number(port, pod)?)).collect()
}

fn number(port: &ServicePort, pod: &PodFacts) -> Option<i32> {
    match &port.target_port {
        None => Some(port.port),
        Some(IntOrString::Int(0)) => Some(port.port),
        Some(IntOrString::Int(number)) => Some(*number),
        Some(IntOrString::String(name)) => {
            let protocol = protocol(port);
            pod.ports.iter().find(|p| p.name == *name && p.protocol == protocol).map(|p| p.port)
        }
    }
}

fn protocol(port: &ServicePort) -> &str {
    port.protocol.as_deref().unwrap_or("TCP")
}

fn slice_port(port: &ServicePort, number: i32) -> Option<Value> {
    let name = port.name.clone().unwrap_or_default();
    let mut value = json!({"name": name, "port": number, "protocol": protocol(port)});
    if let Some(application) = &port.app_protocol {
        value["appProtocol"] = json!(application);
    }
    Some(value)
}

/// Ports in one order, to tell whether two slices have the same.
pub(super) fn fingerprint(ports: &[Value]) -> Vec<String> {
    let mut lines: Vec<String> = ports.iter().map(Value::to_string).collect();
    lines.sort();
    lines
}
