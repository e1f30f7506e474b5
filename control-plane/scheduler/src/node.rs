//! One node as the scheduler sees it: what it offers, and what its pods have taken.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, NodeStatus};

use crate::demand::{Demand, HostPort};
use crate::resources::Resources;

/// A taint that keeps pods away. `PreferNoSchedule` taints do not, and are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// The taint's key.
    pub key: String,
    /// Its value, empty if none.
    pub value: String,
    /// `NoSchedule` or `NoExecute`.
    pub effect: String,
}

/// What a Node object says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    /// What pods may take in total.
    pub allocatable: Resources,
    /// The node's labels.
    pub labels: BTreeMap<String, String>,
    /// Taints that keep pods away.
    pub taints: Vec<Taint>,
    /// Whether condition Ready is True.
    pub ready: bool,
    /// Whether it is cordoned.
    pub unschedulable: bool,
}

impl Offer {
    /// Reads a Node object.
    pub fn from_node(node: &Node) -> Self {
        let spec = node.spec.clone().unwrap_or_default();
        let taints = spec.taints.unwrap_or_default().into_iter().filter(|t| t.effect != "PreferNoSchedule");
        Self {
            allocatable: node.status.as_ref().map(allocatable).unwrap_or_default(),
            labels: node.metadata.labels.clone().unwrap_or_default(),
            taints: taints
                .map(|t| Taint { key: t.key, value: t.value.unwrap_or_default(), effect: t.effect })
                .collect(),
            ready: node.status.as_ref().is_some_and(is_ready),
            unschedulable: spec.unschedulable.unwrap_or(false),
        }
    }
}

fn allocatable(status: &NodeStatus) -> Resources {
    let list = status.allocatable.as_ref().or(status.capacity.as_ref());
    list.map(Resources::from_list).unwrap_or_default()
}

fn is_ready(status: &NodeStatus) -> bool {
    status.conditions.iter().flatten().any(|c| c.type_ == "Ready" && c.status == "True")
}

/// What one placed pod takes of its node.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    requests: Resources,
    assumed: (i64, i64),
    host_ports: Box<[HostPort]>,
    group: u64,
}

impl Usage {
    pub(crate) fn of(demand: &Demand) -> Self {
        let assumed = demand.requests.assumed();
        Self {
            requests: demand.requests.clone(),
            assumed: (assumed.milli_cpu, assumed.memory),
            host_ports: demand.host_ports.clone().into(),
            group: demand.group,
        }
    }
}

/// A node and what is taken of it.
#[derive(Clone, Debug)]
pub struct NodeState {
    /// The node's name.
    pub name: Arc<str>,
    /// What it offers; `None` while pods are bound to it but no Node object exists.
    pub offer: Option<Offer>,
    /// What its pods have requested.
    pub requested: Resources,
    /// Milli cpu and bytes of memory requested, with assumed amounts for pods that request none: for scoring.
    pub assumed: (i64, i64),
    /// Host ports taken.
    pub host_ports: Vec<HostPort>,
    /// Pods of each spreading group.
    pub groups: BTreeMap<u64, u32>,
}

impl NodeState {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self {
            name,
            offer: None,
            requested: Resources::default(),
            assumed: (0, 0),
            host_ports: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, usage: &Usage) {
        self.requested.add(&usage.requests);
        self.assumed = (self.assumed.0 + usage.assumed.0, self.assumed.1.saturating_add(usage.assumed.1));
        self.host_ports.extend(usage.host_ports.iter().cloned());
        *self.groups.entry(usage.group).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, usage: &Usage) {
        self.requested.subtract(&usage.requests);
        self.assumed = (self.assumed.0 - usage.assumed.0, self.assumed.1.saturating_sub(usage.assumed.1));
        for port in &usage.host_ports {
            if let Some(at) = self.host_ports.iter().position(|taken| taken == port) {
                self.host_ports.swap_remove(at);
            }
        }
        let left = self.groups.get(&usage.group).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            self.groups.remove(&usage.group);
        } else {
            self.groups.insert(usage.group, left);
        }
    }

    /// Whether no pod is bound to it.
    pub(crate) fn is_empty(&self) -> bool {
        self.requested.pods == 0
    }

    /// Pods of a spreading group on this node.
    pub fn in_group(&self, group: u64) -> u32 {
        self.groups.get(&group).copied().unwrap_or(0)
    }
}
