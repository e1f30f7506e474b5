//! The Node object: labels, taints, capacity, addresses, and what runs here.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node as NodeObject, NodeAddress, NodeSpec, NodeStatus, NodeSystemInfo, Taint};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use xebec_node_plan::resources::NodeSize;

use super::system::{disk, line, os_image};
use crate::config::AgentConfig;

/// Kept for the node itself: pods are promised what is left.
const RESERVED_CPU_MILLI: i64 = 100;
const RESERVED_MEMORY: i64 = 256 << 20;

/// The node as it presents itself; `runtime` is the runtime's name and version.
pub fn node_object(config: &AgentConfig, size: NodeSize, runtime: &str) -> NodeObject {
    NodeObject {
        metadata: ObjectMeta {
            name: Some(config.node_name.clone()),
            labels: Some(labels(config)),
            ..ObjectMeta::default()
        },
        spec: Some(NodeSpec { taints: taints(config), ..NodeSpec::default() }),
        status: Some(NodeStatus {
            capacity: Some(resources(config, size)),
            allocatable: Some(resources(config, left(size))),
            addresses: Some(addresses(config)),
            node_info: Some(node_info(runtime)),
            ..NodeStatus::default()
        }),
    }
}

fn labels(config: &AgentConfig) -> BTreeMap<String, String> {
    let own = [
        ("kubernetes.io/hostname", config.node_name.as_str()),
        ("kubernetes.io/os", "linux"),
        ("kubernetes.io/arch", architecture()),
    ];
    let own = own.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()));
    own.chain(config.labels.clone()).collect()
}

/// `key=value:Effect` or `key:Effect`; others are left out, for the command line has refused them.
fn taints(config: &AgentConfig) -> Option<Vec<Taint>> {
    let taint = |text: &String| {
        let (name, effect) = text.rsplit_once(':')?;
        let (key, value) = name.split_once('=').unwrap_or((name, ""));
        let value = (!value.is_empty()).then(|| value.to_owned());
        Some(Taint { key: key.to_owned(), value, effect: effect.to_owned(), ..Taint::default() })
    };
    let taints: Vec<Taint> = config.taints.iter().filter_map(taint).collect();
    (!taints.is_empty()).then_some(taints)
}

fn left(size: NodeSize) -> NodeSize {
    NodeSize {
        cpu_milli: (size.cpu_milli - RESERVED_CPU_MILLI).max(0),
        memory_bytes: (size.memory_bytes - RESERVED_MEMORY).max(0),
    }
}

fn resources(config: &AgentConfig, size: NodeSize) -> BTreeMap<String, Quantity> {
    let storage = disk(&config.data_dir).map_or(0, |(all, _)| all);
    let cpu = size.cpu_milli;
    let cpu = if cpu % 1000 == 0 { (cpu / 1000).to_string() } else { format!("{cpu}m") };
    let memory = size.memory_bytes / 1024;
    [
        ("cpu", cpu),
        ("memory", format!("{memory}Ki")),
        ("pods", config.max_pods.to_string()),
        ("ephemeral-storage", format!("{}Ki", storage / 1024)),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Quantity(value)))
    .collect()
}

fn addresses(config: &AgentConfig) -> Vec<NodeAddress> {
    [("InternalIP", config.node_address.to_string()), ("Hostname", config.node_name.clone())]
        .into_iter()
        .map(|(type_, address)| NodeAddress { type_: type_.to_owned(), address })
        .collect()
}

fn node_info(runtime: &str) -> NodeSystemInfo {
    NodeSystemInfo {
        architecture: architecture().to_owned(),
        boot_id: line("/proc/sys/kernel/random/boot_id"),
        container_runtime_version: runtime.to_owned(),
        kernel_version: line("/proc/sys/kernel/osrelease"),
        kubelet_version: format!("v1.35.0+xebec-{}", env!("CARGO_PKG_VERSION")),
        machine_id: line("/etc/machine-id"),
        operating_system: "linux".to_owned(),
        os_image: os_image(),
        system_uuid: line("/sys/class/dmi/id/product_uuid"),
        ..NodeSystemInfo::default()
    }
}

/// As Go and Kubernetes name it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
