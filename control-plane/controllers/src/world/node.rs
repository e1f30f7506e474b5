//! A node's facts.

use ipnetwork::IpNetwork;
use k8s_openapi::api::core::v1::{Node, NodeStatus};
use xebec_api::object::{Object, ObjectError};

/// The status of condition Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The node says it can run pods.
    Ready,
    /// It says it cannot, or has said nothing yet.
    NotReady,
    /// It has fallen silent.
    Unknown,
}

/// What is asked of nodes at every change.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFacts {
    /// Whether it is ready.
    pub readiness: Readiness,
    /// Its range of pod addresses.
    pub pod_cidr: Option<IpNetwork>,
    /// Its zone.
    pub zone: Option<String>,
}

impl NodeFacts {
    pub(super) fn read(object: &Object) -> Result<Self, ObjectError> {
        let node: Node = object.decode()?;
        Ok(Self {
            readiness: node.status.as_ref().map_or(Readiness::NotReady, readiness),
            pod_cidr: node.spec.and_then(|spec| spec.pod_cidr).and_then(|cidr| cidr.parse().ok()),
            zone: object.meta().labels.get("topology.kubernetes.io/zone").cloned(),
        })
    }
}

fn readiness(status: &NodeStatus) -> Readiness {
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    match ready.map(|c| c.status.as_str()) {
        Some("True") => Readiness::Ready,
        Some("Unknown") => Readiness::Unknown,
        _ => Readiness::NotReady,
    }
}
