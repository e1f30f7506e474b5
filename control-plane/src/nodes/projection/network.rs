//! Nodes, services and their endpoints, as the nodes' rules need them.
//!
//! A service's state is composed of the Service and its EndpointSlices; it is told only when the composition has changed.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Service};
use k8s_openapi::api::discovery::v1::{Endpoint as SliceEndpoint, EndpointSlice};
use serde::de::DeserializeOwned;
use xebec_proto::v1::network_change::Change as Item;
use xebec_proto::v1::{Endpoint, NetworkNode, NetworkPort, NetworkService, ServiceName};

use super::{At, Change};

const SERVICE_NAME: &str = "kubernetes.io/service-name";
/// What Kubernetes takes when ClientIP affinity names no time.
const AFFINITY_SECONDS: u32 = 10_800;

/// Namespace and name.
type Key = (String, String);

/// A slice's service, its endpoints by port, and the pods behind them.
#[derive(Default, Clone, PartialEq)]
struct Slice {
    service: Option<Key>,
    ports: Vec<SlicePort>,
    pods: BTreeSet<Key>,
}

#[derive(Clone, PartialEq)]
struct SlicePort {
    name: String,
    protocol: String,
    port: u32,
    addresses: Vec<String>,
}

#[derive(Default)]
struct Composed {
    /// The Service's part: everything but endpoints. Absent when there is none, or one without an address of ours.
    service: Option<NetworkService>,
    slices: BTreeSet<Key>,
    told: Option<NetworkService>,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Network {
    nodes: BTreeMap<String, NetworkNode>,
    services: BTreeMap<Key, Composed>,
    slices: BTreeMap<Key, Slice>,
    /// In how many slices a pod is an endpoint that gets traffic.
    serving: BTreeMap<Key, usize>,
}

impl Network {
    /// Whether the pod gets traffic through any service.
    pub(super) fn serves(&self, namespace: &str, pod: &str) -> bool {
        self.serving.contains_key(&(namespace.to_owned(), pod.to_owned()))
    }

    #[cfg(test)]
    pub(super) fn services_is_empty(&self) -> bool {
        self.services.is_empty() && self.slices.is_empty() && self.serving.is_empty()
    }

    /// The whole state.
    pub(super) fn all(&self) -> Vec<Item> {
        let nodes = self.nodes.values().cloned().map(Item::Node);
        let services = self.services.values().filter_map(|service| service.told.clone()).map(Item::Service);
        nodes.chain(services).collect()
    }

    pub(super) fn node(&mut self, change: &Change) -> Option<Item> {
        let Some(node) = change.current.as_ref().and_then(decode::<Node>) else {
            return self.nodes.remove(&change.name).map(|node| Item::NodeRemoved(node.name));
        };
        let node = network_node(&change.name, &node);
        let known = self.nodes.insert(node.name.clone(), node.clone());
        (known.as_ref() != Some(&node)).then_some(Item::Node(node))
    }

    pub(super) fn service(&mut self, change: &Change) -> Option<Item> {
        let key = (change.namespace.clone(), change.name.clone());
        let service = change.current.as_ref().and_then(decode::<Service>);
        let service = service.and_then(|service| network_service(&key, &service));
        self.services.entry(key.clone()).or_default().service = service;
        self.compose(&key)
    }

    /// At most two services change: the one that the slice belonged to, and the one that it belongs to.
    pub(super) fn slice(&mut self, change: &Change) -> Vec<Item> {
        let key = (change.namespace.clone(), change.name.clone());
        let after = change.current.as_ref().and_then(read_slice).unwrap_or_default();
        let before = self.slices.remove(&key).unwrap_or_default();
        self.count_serving(&before, &after);
        if let Some(service) = &before.service {
            self.services.entry(service.clone()).or_default().slices.remove(&key);
        }
        if let Some(service) = &after.service {
            self.services.entry(service.clone()).or_default().slices.insert(key.clone());
        }
        let services: BTreeSet<Key> = before.service.iter().chain(&after.service).cloned().collect();
        if change.current.is_some() {
            self.slices.insert(key, after);
        }
        services.iter().filter_map(|service| self.compose(service)).collect()
    }

    fn count_serving(&mut self, before: &Slice, after: &Slice) {
        for pod in &after.pods {
            *self.serving.entry(pod.clone()).or_default() += 1;
        }
        for pod in &before.pods {
            let last = self.serving.get_mut(pod).is_some_and(|slices| {
                *slices -= 1;
                *slices == 0
            });
            if last {
                self.serving.remove(pod);
            }
        }
    }

    /// Puts the service together again; says so if that changed anything.
    fn compose(&mut self, key: &Key) -> Option<Item> {
        let composed = self.services.get_mut(key)?;
        let slices = composed.slices.iter().filter_map(|slice| self.slices.get(slice));
        let slices: Vec<&Slice> = slices.collect();
        let service = composed.service.clone().map(|service| with_endpoints(service, &slices));
        let before = std::mem::replace(&mut composed.told, service.clone());
        if composed.service.is_none() && composed.slices.is_empty() {
            self.services.remove(key);
        }
        match (before, service) {
            (before, Some(service)) => (before.as_ref() != Some(&service)).then_some(Item::Service(service)),
            (Some(before), None) => before.name.map(Item::ServiceRemoved),
            (None, None) => None,
        }
    }
}

fn decode<T: DeserializeOwned>(at: &At) -> Option<T> {
    let meta = at.object.meta();
    let report =
        |error: &_| tracing::error!(kind = meta.kind, name = meta.name, %error, "a stored object cannot be decoded");
    at.object.decode().inspect_err(report).ok()
}

fn network_node(name: &str, node: &Node) -> NetworkNode {
    let addresses = node.status.as_ref().and_then(|status| status.addresses.as_ref());
    let internal = addresses.and_then(|all| all.iter().find(|address| address.type_ == "InternalIP"));
    let pod_cidr = node.spec.as_ref().and_then(|spec| spec.pod_cidr.clone());
    NetworkNode {
        name: name.to_owned(),
        address: internal.map(|address| address.address.clone()).unwrap_or_default(),
        pod_cidr: pod_cidr.unwrap_or_default(),
    }
}

/// A Service that is only a name elsewhere is none for the nodes.
fn network_service((namespace, name): &Key, service: &Service) -> Option<NetworkService> {
    let spec = service.spec.as_ref()?;
    if spec.type_.as_deref() == Some("ExternalName") {
        return None;
    }
    let port = |port: &k8s_openapi::api::core::v1::ServicePort| NetworkPort {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        port: number(Some(port.port)),
        node_port: number(port.node_port),
        endpoints: Vec::new(),
    };
    Some(NetworkService {
        name: Some(ServiceName { namespace: namespace.clone(), name: name.clone() }),
        cluster_ip: spec.cluster_ip.clone().filter(|address| address != "None").unwrap_or_default(),
        ports: spec.ports.iter().flatten().map(port).collect(),
        affinity_seconds: affinity_seconds(spec),
    })
}

fn affinity_seconds(spec: &k8s_openapi::api::core::v1::ServiceSpec) -> u32 {
    if spec.session_affinity.as_deref() != Some("ClientIP") {
        return 0;
    }
    let client_ip = spec.session_affinity_config.as_ref().and_then(|config| config.client_ip.as_ref());
    client_ip.and_then(|config| config.timeout_seconds).map_or(AFFINITY_SECONDS, |seconds| number(Some(seconds)))
}

fn with_endpoints(mut service: NetworkService, slices: &[&Slice]) -> NetworkService {
    for port in &mut service.ports {
        let matching = |other: &&SlicePort| other.name == port.name && other.protocol == port.protocol;
        let ports = slices.iter().flat_map(|slice| slice.ports.iter()).filter(matching);
        let endpoint = |(address, port): (&String, u32)| Endpoint { address: address.clone(), port };
        let all = ports.flat_map(|other| other.addresses.iter().map(move |address| endpoint((address, other.port))));
        port.endpoints = all.collect();
        port.endpoints.sort_by(|a, b| (&a.address, a.port).cmp(&(&b.address, b.port)));
        port.endpoints.dedup();
    }
    service
}

fn read_slice(at: &At) -> Option<Slice> {
    let meta = at.object.meta();
    let slice: EndpointSlice = decode(at)?;
    let namespace = meta.namespace.clone().unwrap_or_default();
    let service = meta.labels.get(SERVICE_NAME).map(|name| (namespace.clone(), name.clone()));
    if service.is_none() || slice.address_type != "IPv4" {
        return None;
    }
    let ready: Vec<&SliceEndpoint> = slice.endpoints.iter().filter(|endpoint| is_ready(endpoint)).collect();
    let addresses: Vec<String> = ready.iter().filter_map(|endpoint| endpoint.addresses.first().cloned()).collect();
    let port = |port: &k8s_openapi::api::discovery::v1::EndpointPort| SlicePort {
        name: port.name.clone().unwrap_or_default(),
        protocol: port.protocol.clone().unwrap_or_else(|| "TCP".to_owned()),
        port: number(port.port),
        addresses: addresses.clone(),
    };
    let ports = slice.ports.iter().flatten().map(port).collect();
    let pods = ready.iter().filter_map(|endpoint| pod_behind(endpoint, &namespace)).collect();
    Some(Slice { service, ports, pods })
}

/// What is not said counts as ready.
fn is_ready(endpoint: &SliceEndpoint) -> bool {
    endpoint.conditions.as_ref().and_then(|conditions| conditions.ready).unwrap_or(true)
}

fn pod_behind(endpoint: &SliceEndpoint, namespace: &str) -> Option<Key> {
    let target = endpoint.target_ref.as_ref().filter(|target| target.kind.as_deref() == Some("Pod"))?;
    let namespace = target.namespace.clone().unwrap_or_else(|| namespace.to_owned());
    Some((namespace, target.name.clone()?))
}

fn number(value: Option<i32>) -> u32 {
    value.and_then(|value| u32::try_from(value).ok()).unwrap_or(0)
}
