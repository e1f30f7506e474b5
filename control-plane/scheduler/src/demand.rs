//! What a pod asks of a node. Pods with equal demands are interchangeable to the scheduler.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Container, NodeSelectorRequirement, NodeSelectorTerm, Pod, PodSpec, ResourceRequirements, Toleration,
};

use crate::resources::Resources;

/// A label that differs between the revisions of one workload, and so must not keep them apart when spreading.
const TEMPLATE_HASH_LABEL: &str = "pod-template-hash";

/// Everything that decides where a pod may and should run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// What it will take of a node, one pod included.
    pub requests: Resources,
    /// The only node it may run on, if it names one.
    pub node_name: Option<String>,
    /// Labels the node must have.
    pub node_selector: BTreeMap<String, String>,
    /// Required node affinity: one of these terms must match. `None`: no such rule; empty: nothing matches.
    pub affinity: Option<Vec<SelectorTerm>>,
    /// Taints it accepts: (key, operator, value, effect), empty for any.
    pub tolerations: Vec<Tolerated>,
    /// Ports it takes on the node's own addresses.
    pub host_ports: Vec<HostPort>,
    /// Pods to keep apart: namespace and labels, digested. Pods of one owner, and of one service, share their labels.
    pub group: u64,
}

/// One toleration, reduced to what filtering asks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tolerated {
    key: String,
    exists: bool,
    value: String,
    effect: String,
}

impl Tolerated {
    fn new(toleration: &Toleration) -> Self {
        Self {
            key: toleration.key.clone().unwrap_or_default(),
            exists: toleration.operator.as_deref() == Some("Exists"),
            value: toleration.value.clone().unwrap_or_default(),
            effect: toleration.effect.clone().unwrap_or_default(),
        }
    }

    /// Whether it accepts a taint.
    pub fn accepts(&self, key: &str, value: &str, effect: &str) -> bool {
        let effect_matches = self.effect.is_empty() || self.effect == effect;
        let key_matches = if self.key.is_empty() { self.exists } else { self.key == key };
        effect_matches && key_matches && (self.exists || self.value == value)
    }
}

/// A port taken on the node itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// The address it is bound to; empty stands for all.
    pub address: String,
    /// The port.
    pub port: i32,
}

impl HostPort {
    /// Whether both cannot be open on one node.
    pub fn conflicts(&self, other: &Self) -> bool {
        let same_address = self.address.is_empty() || other.address.is_empty() || self.address == other.address;
        same_address && self.port == other.port && self.protocol == other.protocol
    }
}

/// One term of a node selector: all its requirements must hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SelectorTerm {
    /// On the node's labels.
    pub labels: Vec<Requirement>,
    /// On the node's fields; only `metadata.name` exists.
    pub fields: Vec<Requirement>,
}

/// One requirement of a term.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// Label or field.
    pub key: String,
    /// How its value is compared.
    pub operator: RequirementOperator,
    /// With what.
    pub values: Vec<String>,
}

/// The operators of node selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RequirementOperator {
    /// The value is one of the list.
    In,
    /// There is no value, or it is not in the list.
    NotIn,
    /// There is a value.
    Exists,
    /// There is none.
    DoesNotExist,
    /// It is a whole number larger than the one given.
    Gt,
    /// It is a whole number smaller than the one given.
    Lt,
    /// Not an operator we know: matches nothing.
    Unknown,
}

impl Demand {
    /// Reads a pod.
    pub fn from_pod(pod: &Pod) -> Self {
        let group = group(pod);
        let Some(spec) = &pod.spec else { return Self { group, ..Self::default() } };
        Self {
            requests: requests(spec),
            node_name: spec.node_name.clone().filter(|name| !name.is_empty()),
            node_selector: spec.node_selector.clone().unwrap_or_default(),
            affinity: required_affinity(spec),
            tolerations: spec.tolerations.iter().flatten().map(Tolerated::new).collect(),
            host_ports: host_ports(spec),
            group,
        }
    }

    /// Whether it accepts a taint.
    pub fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        self.tolerations.iter().any(|t| t.accepts(key, value, effect))
    }
}

/// The pod's requests: all its containers together, or its largest init container beside the sidecars started before
/// it, whichever is more; plus overhead and the pod itself.
fn requests(spec: &PodSpec) -> Resources {
    let mut running = Resources::default();
    for container in &spec.containers {
        running.add(&container_requests(container));
    }
    let mut sidecars = Resources::default();
    let mut starting = Resources::default();
    for container in spec.init_containers.iter().flatten() {
        let mut now = sidecars.clone();
        now.add(&container_requests(container));
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = now.clone();
        }
        starting.raise_to(&now);
    }
    running.add(&sidecars);
    running.raise_to(&starting);
    pod_level(&mut running, spec);
    running.pods = 1;
    running
}

/// Requests of the pod as a whole stand in for its containers'; overhead comes on top.
fn pod_level(requests: &mut Resources, spec: &PodSpec) {
    let whole = spec.resources.as_ref().map(effective).unwrap_or_default();
    if whole.milli_cpu > 0 {
        requests.milli_cpu = whole.milli_cpu;
    }
    if whole.memory > 0 {
        requests.memory = whole.memory;
    }
    if let Some(overhead) = &spec.overhead {
        requests.add(&Resources::from_list(overhead));
    }
}

fn container_requests(container: &Container) -> Resources {
    container.resources.as_ref().map(effective).unwrap_or_default()
}

/// Requests, with limits standing in where a request is not given.
fn effective(requirements: &ResourceRequirements) -> Resources {
    let mut list = requirements.limits.clone().unwrap_or_default();
    list.extend(requirements.requests.clone().unwrap_or_default());
    Resources::from_list(&list)
}

fn host_ports(spec: &PodSpec) -> Vec<HostPort> {
    let containers = spec.containers.iter().chain(spec.init_containers.iter().flatten());
    let ports = containers.flat_map(|c| c.ports.iter().flatten());
    let mut taken: Vec<HostPort> = ports
        .filter_map(|p| {
            let port = p.host_port.filter(|port| *port > 0)?;
            let address = p.host_ip.clone().filter(|ip| ip != "0.0.0.0" && ip != "::").unwrap_or_default();
            Some(HostPort { protocol: p.protocol.clone().unwrap_or_else(|| "TCP".into()), address, port })
        })
        .collect();
    taken.sort();
    taken
}

fn required_affinity(spec: &PodSpec) -> Option<Vec<SelectorTerm>> {
    let node = spec.affinity.as_ref()?.node_affinity.as_ref()?;
    let required = node.required_during_scheduling_ignored_during_execution.as_ref()?;
    Some(required.node_selector_terms.iter().map(selector_term).collect())
}

fn selector_term(term: &NodeSelectorTerm) -> SelectorTerm {
    SelectorTerm {
        labels: term.match_expressions.iter().flatten().map(requirement).collect(),
        fields: term.match_fields.iter().flatten().map(requirement).collect(),
    }
}

fn requirement(from: &NodeSelectorRequirement) -> Requirement {
    use RequirementOperator::{DoesNotExist, Exists, Gt, In, Lt, NotIn, Unknown};
    let operator = match from.operator.as_str() {
        "In" => In,
        "NotIn" => NotIn,
        "Exists" => Exists,
        "DoesNotExist" => DoesNotExist,
        "Gt" => Gt,
        "Lt" => Lt,
        _ => Unknown,
    };
    Requirement { key: from.key.clone(), operator, values: from.values.clone().unwrap_or_default() }
}

/// FNV-1a over namespace and labels. A collision only costs a little spreading.
fn group(pod: &Pod) -> u64 {
    let mut digest = Fnv::new();
    digest.word(pod.metadata.namespace.as_deref().unwrap_or_default());
    for (key, value) in pod.metadata.labels.iter().flatten() {
        if key != TEMPLATE_HASH_LABEL {
            digest.word(key);
            digest.word(value);
        }
    }
    digest.0
}

struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn word(&mut self, word: &str) {
        for byte in word.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}
