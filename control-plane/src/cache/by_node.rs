//! Which pods are bound to which node: the index that the node authorizer and the sessions with the nodes ask for.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

use super::{CacheEvent, Entry};
use crate::registry::Stored;

/// Pods by the name of their node, then by key.
#[derive(Default)]
pub(super) struct PodsByNode {
    nodes: BTreeMap<String, BTreeMap<Bytes, Stored>>,
}

impl PodsByNode {
    pub(super) fn on(&self, node: &str) -> Vec<Stored> {
        self.nodes.get(node).map(|pods| pods.values().cloned().collect()).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    pub(super) fn record(&mut self, event: &CacheEvent) {
        if let Some(previous) = &event.previous {
            self.remove(&event.key, previous);
        }
        if let Some(current) = &event.current {
            self.add(&event.key, current);
        }
    }

    pub(super) fn add(&mut self, key: &Bytes, entry: &Entry) {
        if let Some(node) = node_of(entry) {
            self.nodes.entry(node).or_default().insert(key.clone(), entry.stored().clone());
        }
    }

    fn remove(&mut self, key: &Bytes, entry: &Entry) {
        let Some(node) = node_of(entry) else { return };
        let Some(pods) = self.nodes.get_mut(&node) else { return };
        pods.remove(key);
        if pods.is_empty() {
            self.nodes.remove(&node);
        }
    }
}

#[derive(Deserialize)]
struct Bound {
    spec: BoundSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BoundSpec {
    #[serde(default)]
    node_name: String,
}

fn node_of(entry: &Entry) -> Option<String> {
    let pod: Bound = serde_json::from_slice(entry.stored().object.bytes()).ok()?;
    Some(pod.spec.node_name).filter(|node| !node.is_empty())
}
