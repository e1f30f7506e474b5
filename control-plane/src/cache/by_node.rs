//! Which pods are bound to which node, and what those refer to: the index that the node authorizer and the sessions with the nodes
//! ask for.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{CacheEvent, Entry};
use crate::registry::Stored;

/// Pods by the name of their node, then by key.
#[derive(Default)]
pub(super) struct PodsByNode {
    nodes: BTreeMap<String, OnNode>,
}

#[derive(Default)]
struct OnNode {
    pods: BTreeMap<Bytes, Stored>,
    /// How many of the pods refer to an object: (plural, namespace, name).
    references: BTreeMap<(&'static str, String, String), usize>,
}

impl PodsByNode {
    pub(super) fn on(&self, node: &str) -> Vec<Stored> {
        self.nodes.get(node).map(|on| on.pods.values().cloned().collect()).unwrap_or_default()
    }

    /// Whether a pod that is bound to the node refers to the object.
    pub(super) fn refers(&self, node: &str, plural: &'static str, namespace: &str, name: &str) -> bool {
        let wanted = (plural, namespace.to_owned(), name.to_owned());
        self.nodes.get(node).is_some_and(|on| on.references.contains_key(&wanted))
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
        let Some(node) = &entry.bound().node else { return };
        let on = self.nodes.entry(node.clone()).or_default();
        on.pods.insert(key.clone(), entry.stored().clone());
        for reference in references(entry) {
            *on.references.entry(reference).or_default() += 1;
        }
    }

    fn remove(&mut self, key: &Bytes, entry: &Entry) {
        let Some(node) = &entry.bound().node else { return };
        let Some(on) = self.nodes.get_mut(node) else { return };
        on.pods.remove(key);
        for reference in references(entry) {
            let left = on.references.get(&reference).copied().unwrap_or_default();
            match left {
                0 | 1 => on.references.remove(&reference),
                more => on.references.insert(reference, more - 1),
            };
        }
        if on.pods.is_empty() {
            self.nodes.remove(node);
        }
    }
}

fn references(entry: &Entry) -> impl Iterator<Item = (&'static str, String, String)> + '_ {
    let namespace = entry.stored().object.meta().namespace.clone().unwrap_or_default();
    entry.bound().references.iter().map(move |(plural, name)| (*plural, namespace.clone(), name.clone()))
}
