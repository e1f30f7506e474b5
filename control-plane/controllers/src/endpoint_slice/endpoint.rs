//! The endpoints a Service should have, by the family of their addresses and their ports.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ServiceSpec;
use serde_json::{Value, json};

use super::ports::{self, Ports};
use crate::resource::ObjectRef;
use crate::world::{Entry, PodFacts, World};

/// Endpoints that may share slices.
#[derive(Default)]
pub(super) struct Group {
    /// Their ports.
    pub(super) ports: Ports,
    /// By the uid of their pod.
    pub(super) endpoints: BTreeMap<String, Value>,
}

/// Groups by address family (`IPv4`, `IPv6`) and ports.
pub(super) type Groups = BTreeMap<(&'static str, Vec<String>), Group>;

pub(super) fn wanted(world: &World, service: &ObjectRef, spec: &ServiceSpec) -> Groups {
    let mut groups = Groups::new();
    for pod in world.pods_of(service) {
        let Some(facts) = pod.facts.pod().filter(|facts| !facts.phase.is_final()) else { continue };
        for family in ["IPv4", "IPv6"] {
            let Some(endpoint) = endpoint(world, service, spec, (pod, facts), family) else { continue };
            let ports = ports::resolve(spec, facts);
            let group = groups.entry((family, ports::fingerprint(&ports))).or_default();
            group.ports = ports;
            group.endpoints.insert(pod.meta().uid.clone(), endpoint);
        }
    }
    groups
}

/// A pod's endpoint in a family, if it has an address there.
fn endpoint(
    world: &World,
    service: &ObjectRef,
    spec: &ServiceSpec,
    (pod, facts): (&Entry, &PodFacts),
    family: &str,
) -> Option<Value> {
    let is_of_family = |address: &&String| address.contains(':') == (family == "IPv6");
    let address = facts.addresses.iter().find(is_of_family)?;
    let terminating = pod.is_deleting();
    let ready = facts.ready && !terminating || spec.publish_not_ready_addresses == Some(true);
    let mut endpoint = json!({
        "addresses": [address],
        "conditions": {"ready": ready, "serving": facts.ready, "terminating": terminating},
        "targetRef": {
            "kind": "Pod", "namespace": &*pod.reference.namespace, "name": &*pod.reference.name, "uid": pod.meta().uid,
        },
    });
    if let Some(node) = &facts.node {
        endpoint["nodeName"] = json!(&**node);
        if let Some(zone) = world.node(node).and_then(|node| node.zone.as_ref()) {
            endpoint["zone"] = json!(zone);
        }
    }
    if let Some(hostname) = facts.hostname.as_ref().filter(|_| facts.subdomain.as_deref() == Some(&service.name)) {
        endpoint["hostname"] = json!(hostname);
    }
    Some(endpoint)
}
