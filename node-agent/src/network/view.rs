//! The network as the masters describe it, and what of it has changed since it was last programmed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnetwork::Ipv4Network;
use xebec_node_plan::nft::{Endpoint, Port, Protocol, Service, ServiceName};
use xebec_node_plan::routes::Peer;
use xebec_proto::v1::network_change::Change;
use xebec_proto::v1::{self, NetworkChange, NetworkNode, NetworkPort, NetworkService};

use crate::link::NetworkUpdate;

/// A node, as far as it is usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    address: Option<Ipv4Addr>,
    subnet: Option<Ipv4Network>,
}

#[derive(Default)]
struct Mentioned {
    nodes: BTreeSet<String>,
    services: BTreeSet<ServiceName>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct View {
    nodes: BTreeMap<String, Node>,
    services: BTreeMap<ServiceName, Service>,
    /// What the running snapshot has mentioned; absent when none runs.
    snapshot: Option<Mentioned>,
    /// Whether a whole snapshot has ever come.
    complete: bool,
    nodes_changed: bool,
    changed: BTreeSet<ServiceName>,
    generation: u64,
}

/// What is to be programmed.
pub(super) struct Due {
    pub(super) nodes: bool,
    pub(super) services: BTreeSet<ServiceName>,
    pub(super) generation: u64,
}

impl View {
    pub(super) fn take(&mut self, update: NetworkUpdate) {
        match update {
            NetworkUpdate::Resync => self.snapshot = Some(Mentioned::default()),
            NetworkUpdate::Change(change) => self.change(*change),
        }
    }

    pub(super) fn services(&self) -> &BTreeMap<ServiceName, Service> {
        &self.services
    }

    /// The subnet of the node's own pods.
    pub(super) fn subnet(&self, node: &str) -> Option<Ipv4Network> {
        self.nodes.get(node)?.subnet
    }

    /// All other nodes that can be reached.
    pub(super) fn peers(&self, node: &str) -> Vec<Peer> {
        let others = self.nodes.iter().filter(|(name, _)| name.as_str() != node);
        others.filter_map(|(_, other)| Some(Peer { underlay: other.address?, subnet: other.subnet? })).collect()
    }

    /// What has changed; nothing while a snapshot is under way, since half of one is nobody's state.
    pub(super) fn take_due(&mut self) -> Option<Due> {
        if !self.complete || self.snapshot.is_some() {
            return None;
        }
        let nodes = std::mem::take(&mut self.nodes_changed);
        Some(Due { nodes, services: std::mem::take(&mut self.changed), generation: self.generation })
    }

    fn change(&mut self, change: NetworkChange) {
        self.generation = self.generation.max(change.generation);
        match change.change {
            Some(Change::Node(node)) => self.set_node(node),
            Some(Change::NodeRemoved(name)) => self.remove_node(&name),
            Some(Change::Service(service)) => self.set_service(service),
            Some(Change::ServiceRemoved(name)) => self.remove_service(&service_name(Some(name))),
            Some(Change::SnapshotComplete(_)) => self.complete_snapshot(),
            None => {}
        }
    }

    fn set_node(&mut self, node: NetworkNode) {
        if let Some(mentioned) = &mut self.snapshot {
            mentioned.nodes.insert(node.name.clone());
        }
        let subnet = node.pod_cidr.parse::<Ipv4Network>().ok();
        let new = Node { address: node.address.parse().ok(), subnet };
        self.nodes_changed |= self.nodes.insert(node.name, new) != Some(new);
    }

    fn remove_node(&mut self, name: &str) {
        self.nodes_changed |= self.nodes.remove(name).is_some();
    }

    fn set_service(&mut self, service: NetworkService) {
        let name = service_name(service.name.clone());
        if let Some(mentioned) = &mut self.snapshot {
            mentioned.services.insert(name.clone());
        }
        let new = read_service(service);
        if self.services.get(&name) != Some(&new) {
            self.services.insert(name.clone(), new);
            self.changed.insert(name);
        }
    }

    fn remove_service(&mut self, name: &ServiceName) {
        if self.services.remove(name).is_some() {
            self.changed.insert(name.clone());
        }
    }

    fn complete_snapshot(&mut self) {
        let Some(mentioned) = self.snapshot.take() else { return };
        self.complete = true;
        let nodes: Vec<String> = self.nodes.keys().filter(|name| !mentioned.nodes.contains(*name)).cloned().collect();
        nodes.iter().for_each(|name| self.remove_node(name));
        let gone = self.services.keys().filter(|name| !mentioned.services.contains(name));
        let gone: Vec<ServiceName> = gone.cloned().collect();
        gone.iter().for_each(|name| self.remove_service(name));
    }
}

fn service_name(name: Option<v1::ServiceName>) -> ServiceName {
    let name = name.unwrap_or_default();
    ServiceName { namespace: name.namespace, name: name.name }
}

fn read_service(service: NetworkService) -> Service {
    Service {
        cluster_ip: service.cluster_ip.parse().ok(),
        affinity_seconds: service.affinity_seconds,
        ports: service.ports.into_iter().filter_map(read_port).collect(),
    }
}

/// A port of an unknown protocol or an impossible number is left out.
fn read_port(port: NetworkPort) -> Option<Port> {
    let endpoint = |endpoint: &v1::Endpoint| {
        Some(Endpoint { address: endpoint.address.parse().ok()?, port: number(endpoint.port)? })
    };
    Some(Port {
        name: port.name,
        protocol: Protocol::parse(&port.protocol)?,
        port: number(port.port)?,
        node_port: u16::try_from(port.node_port).ok()?,
        endpoints: port.endpoints.iter().filter_map(endpoint).collect(),
    })
}

fn number(port: u32) -> Option<u16> {
    u16::try_from(port).ok().filter(|port| *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(generation: u64, change: Change) -> NetworkUpdate {
        NetworkUpdate::Change(Box::new(NetworkChange { generation, change: Some(change) }))
    }

    fn node(name: &str, address: &str, pod_cidr: &str) -> Change {
        Change::Node(NetworkNode { name: name.into(), address: address.into(), pod_cidr: pod_cidr.into() })
    }

    fn service(name: &str) -> Change {
        let name = v1::ServiceName { namespace: "default".into(), name: name.into() };
        Change::Service(NetworkService { name: Some(name), cluster_ip: "10.43.0.9".into(), ..Default::default() })
    }

    #[test]
    fn half_a_snapshot_is_not_programmed_and_a_whole_one_removes_the_unmentioned() {
        let mut view = View::default();
        assert!(view.take_due().is_none());
        view.take(NetworkUpdate::Resync);
        view.take(change(5, node("n1", "192.0.2.1", "10.42.1.0/24")));
        view.take(change(5, node("n2", "192.0.2.2", "")));
        view.take(change(5, service("web")));
        assert!(view.take_due().is_none());
        view.take(change(5, Change::SnapshotComplete(true)));
        let due = view.take_due().unwrap();
        assert_eq!((due.nodes, due.services.len(), due.generation), (true, 1, 5));
        assert_eq!(view.peers("n1"), [], "n2 has no subnet yet");

        view.take(NetworkUpdate::Resync);
        view.take(change(9, node("n1", "192.0.2.1", "10.42.1.0/24")));
        view.take(change(9, Change::SnapshotComplete(true)));
        let due = view.take_due().unwrap();
        assert_eq!((due.nodes, due.services.len(), due.generation), (true, 1, 9));
        assert!(view.services().is_empty());
    }

    #[test]
    fn an_unchanged_item_is_not_due() {
        let mut view = View::default();
        for generation in 1..3 {
            view.take(NetworkUpdate::Resync);
            view.take(change(generation, node("n2", "192.0.2.2", "10.42.2.0/24")));
            view.take(change(generation, service("web")));
            view.take(change(generation, Change::SnapshotComplete(true)));
            let due = view.take_due().unwrap();
            assert_eq!(
                (due.nodes, due.services.is_empty(), due.generation),
                (generation == 1, generation == 2, generation)
            );
        }
        assert_eq!(view.peers("n1").len(), 1);
    }

    #[test]
    fn nonsense_is_left_out() {
        let port = NetworkPort { port: 70_000, ..Default::default() };
        assert_eq!(read_port(port), None);
        let port = NetworkPort { port: 80, protocol: "SPX".into(), ..Default::default() };
        assert_eq!(read_port(port), None);
    }
}
