//! A node's facts.

use ipnetwork::IpNetwork;
use k8s_openapi::api::core::v1::{Node, NodeStatus, Taint};
use xebec_api::object::{Object, ObjectError};

/// The status of condition Ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// The node says it can run pods.
    Ready,
    /// It says it cannot.
    NotReady,
    /// It has said nothing yet, or nothing since it was [`Readiness::Unknown`].
    Unsaid,
    /// It has fallen silent.
    Unknown,
}

impl NodeFacts {
    /// Whether a taint with effect NoExecute is on it.
    pub fn evicts(&self) -> bool {
        self.taints.iter().any(|taint| taint.effect == "NoExecute")
    }
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
    /// Its taints.
    pub taints: Vec<Taint>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Conditions other than Ready that are True, such as `DiskPressure`.
    pub troubles: Vec<String>,
}

impl NodeFacts {
    pub(super) fn read(object: &Object) -> Result<Self, ObjectError> {
        let node: Node = object.decode()?;
        let spec = node.spec.unwrap_or_default();
        Ok(Self {
            readiness: node.status.as_ref().map_or(Readiness::Unsaid, readiness),
            troubles: node.status.as_ref().map(troubles).unwrap_or_default(),
            pod_cidr: spec.pod_cidr.and_then(|cidr| cidr.parse().ok()),
            taints: spec.taints.unwrap_or_default(),
            unschedulable: spec.unschedulable.unwrap_or(false),
            zone: object.meta().labels.get("topology.kubernetes.io/zone").cloned(),
        })
    }
}

fn readiness(status: &NodeStatus) -> Readiness {
    let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
    match ready.map(|c| c.status.as_str()) {
        Some("True") => Readiness::Ready,
        Some("Unknown") => Readiness::Unknown,
        Some(_) => Readiness::NotReady,
        None => Readiness::Unsaid,
    }
}

fn troubles(status: &NodeStatus) -> Vec<String> {
    let present = status.conditions.iter().flatten().filter(|c| c.type_ != "Ready" && c.status == "True");
    present.map(|c| c.type_.clone()).collect()
}
