//! A pod's facts.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodStatus, Toleration};
use xebec_api::object::{Object, ObjectError};

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// `status.phase`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not all containers have been started.
    Pending,
    /// Nobody knows.
    Unknown,
    /// At least one container runs or is being restarted.
    Running,
    /// All containers ended well, for good.
    Succeeded,
    /// All containers ended, at least one badly, for good.
    Failed,
}

impl Phase {
    fn read(text: Option<&str>) -> Self {
        match text {
            Some("Running") => Self::Running,
            Some("Succeeded") => Self::Succeeded,
            Some("Failed") => Self::Failed,
            Some("Unknown") => Self::Unknown,
            _ => Self::Pending,
        }
    }

    /// Whether it is the last.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A container port with a name, which a Service may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPort {
    /// The name.
    pub name: String,
    /// The port.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// What is asked of pods at every change.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFacts {
    /// The node it is bound to.
    pub node: Option<Arc<str>>,
    /// Its phase.
    pub phase: Phase,
    /// Whether condition Ready is True.
    pub ready: bool,
    /// Since when condition Ready is what it is.
    pub ready_since: Option<Timestamp>,
    /// The most restarts of any of its containers.
    pub restarts: i32,
    /// Its annotation for the order of deletion; lower goes first.
    pub deletion_cost: i32,
    /// Tolerations of taints with effect NoExecute.
    pub tolerations: Vec<Toleration>,
    /// Its addresses.
    pub addresses: Vec<String>,
    /// Its container ports with names.
    pub ports: Vec<NamedPort>,
    /// `spec.hostname`.
    pub hostname: Option<String>,
    /// `spec.subdomain`.
    pub subdomain: Option<String>,
}

impl PodFacts {
    pub(super) fn read(object: &Object) -> Result<Self, ObjectError> {
        let pod: Pod = object.decode()?;
        let spec = pod.spec.unwrap_or_default();
        let status = pod.status.unwrap_or_default();
        let ready = status.conditions.iter().flatten().find(|c| c.type_ == "Ready");
        let cost = object.meta().annotations.get(DELETION_COST);
        Ok(Self {
            phase: Phase::read(status.phase.as_deref()),
            ready: ready.is_some_and(|c| c.status == "True"),
            ready_since: ready.and_then(|c| c.last_transition_time.as_ref()).map(|time| time.0),
            restarts: restarts(&status),
            deletion_cost: cost.and_then(|text| text.parse().ok()).unwrap_or(0),
            addresses: addresses(&status),
            ports: named_ports(&spec),
            tolerations: no_execute(spec.tolerations),
            node: spec.node_name.filter(|name| !name.is_empty()).map(Into::into),
            hostname: spec.hostname,
            subdomain: spec.subdomain,
        })
    }
}

fn restarts(status: &PodStatus) -> i32 {
    status.container_statuses.iter().flatten().map(|c| c.restart_count).max().unwrap_or(0)
}

fn addresses(status: &PodStatus) -> Vec<String> {
    let listed: Vec<String> = status.pod_ips.iter().flatten().map(|address| address.ip.clone()).collect();
    if listed.is_empty() { status.pod_ip.clone().into_iter().collect() } else { listed }
}

fn named_ports(spec: &PodSpec) -> Vec<NamedPort> {
    let ports = spec.containers.iter().flat_map(|container| container.ports.iter().flatten());
    ports
        .filter_map(|port| {
            let protocol = port.protocol.clone().unwrap_or_else(|| "TCP".into());
            Some(NamedPort { name: port.name.clone()?, port: port.container_port, protocol })
        })
        .collect()
}

fn no_execute(tolerations: Option<Vec<Toleration>>) -> Vec<Toleration> {
    let concerns = |t: &Toleration| matches!(t.effect.as_deref(), None | Some("" | "NoExecute"));
    tolerations.into_iter().flatten().filter(concerns).collect()
}
