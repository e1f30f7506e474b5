//! Gives each node its range of pod addresses: the lowest of the cluster's that no node has.
//!
//! One key serves all nodes, so that two of them are never given ranges from the same look at the world.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnetwork::{IpNetwork, Ipv4Network, Ipv6Network};
use serde_json::json;

use crate::action::{Action, EventType, ObjectEvent, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Entry, Transition, World};

/// 254 pods a node.
const NODE_PREFIX_V4: u8 = 24;
/// What one link has in IPv6.
const NODE_PREFIX_V6: u8 = 64;
/// Nodes served in one look; the next follows at once.
const BATCH: usize = 500;

pub(crate) fn interest(_: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let lacks = |node: &Entry| node.facts.node().is_some_and(|facts| facts.pod_cidr.is_none());
    if change.object.resource == Resource::NODES && change.after.is_none_or(lacks) {
        keys.insert(Key::new(Controller::NodeIpam, ObjectRef::cluster(Resource::NODES, "")));
    }
}

pub(crate) fn reconcile(world: &World) -> Outcome {
    let nodes = || world.all(Resource::NODES).filter_map(|entry| Some((entry, entry.facts.node()?)));
    let taken: Vec<IpNetwork> = nodes().filter_map(|(_, facts)| facts.pod_cidr).collect();
    let starts: BTreeSet<IpAddr> = taken.iter().map(|range| range.network()).collect();
    let mut free = ranges(world.settings().cluster_cidr).filter(|range| !starts.contains(&range.network()));
    let waiting = nodes().filter(|(_, facts)| facts.pod_cidr.is_none()).take(BATCH);
    Outcome::of(
        waiting.map(|(node, _)| free.next().map_or_else(|| exhausted(node), |range| give(node, range))).collect(),
    )
}

fn give(node: &Entry, range: IpNetwork) -> Action {
    let range = range.to_string();
    let patch = json!({"spec": {"podCIDR": range, "podCIDRs": [range]}});
    Action::Patch { target: node.exactly(), status: false, patch }
}

fn exhausted(node: &Entry) -> Action {
    Action::Emit(ObjectEvent {
        regarding: node.reference.clone(),
        uid: node.meta().uid.clone(),
        kind: EventType::Warning,
        reason: "CIDRNotAvailable",
        message: format!("Node {} has no pod address range: the cluster's are all given", node.reference.name),
        component: "node-ipam-controller",
    })
}

/// The cluster's ranges, lowest first.
fn ranges(cluster: IpNetwork) -> Box<dyn Iterator<Item = IpNetwork>> {
    match cluster {
        IpNetwork::V4(cluster) => {
            let first = u32::from(cluster.network());
            let count = 1_u32.checked_shl(u32::from(NODE_PREFIX_V4.saturating_sub(cluster.prefix())));
            let count = if cluster.prefix() > NODE_PREFIX_V4 { 0 } else { count.unwrap_or(u32::MAX) };
            Box::new((0..count).filter_map(move |n| {
                let address = first.checked_add(n << (32 - NODE_PREFIX_V4))?;
                Ipv4Network::new(address.into(), NODE_PREFIX_V4).ok().map(IpNetwork::V4)
            }))
        }
        IpNetwork::V6(cluster) => {
            let first = u128::from(cluster.network());
            let count = 1_u64.checked_shl(u32::from(NODE_PREFIX_V6.saturating_sub(cluster.prefix())));
            let count = if cluster.prefix() > NODE_PREFIX_V6 { 0 } else { count.unwrap_or(u64::MAX) };
            Box::new((0..count).filter_map(move |n| {
                let address = first.checked_add(u128::from(n) << (128 - NODE_PREFIX_V6))?;
                Ipv6Network::new(address.into(), NODE_PREFIX_V6).ok().map(IpNetwork::V6)
            }))
        }
    }
}
