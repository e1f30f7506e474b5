//! The cluster as the scheduler sees it, kept true change by change.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::demand::Demand;
use crate::node::{NodeState, Offer, Usage};

/// Position of a node in the snapshot. Positions are used again after a node has gone.
pub(crate) type NodeId = usize;

/// What a change means for pods that found no node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A pod that found no node still finds none.
    None,
    /// There may be room now: waiting pods are worth another try.
    MayFit,
}

struct Placed {
    node: NodeId,
    usage: Usage,
}

/// Nodes, and the pods bound or about to be bound to them.
#[derive(Default)]
pub struct Snapshot {
    nodes: Vec<Option<NodeState>>,
    free: Vec<NodeId>,
    ids: BTreeMap<Arc<str>, NodeId>,
    pods: BTreeMap<Arc<str>, Placed>,
}

impl Snapshot {
    /// An empty cluster.
    pub fn new() -> Self {
        Self::default()
    }

    /// A Node object was created or changed.
    pub fn apply_node(&mut self, name: &str, node: &Node) -> Effect {
        let id = self.id_for(name);
        let offer = Some(Offer::from_node(node));
        let state = self.node_mut(id);
        if state.offer == offer {
            return Effect::None;
        }
        state.offer = offer;
        Effect::MayFit
    }

    /// A Node object was deleted. Its pods stay counted until they are deleted themselves.
    pub fn remove_node(&mut self, name: &str) -> Effect {
        if let Some(&id) = self.ids.get(name) {
            self.node_mut(id).offer = None;
            self.drop_if_unused(id);
        }
        Effect::None
    }

    /// A Pod object was created or changed. Unbound pods take nothing (one that [`Snapshot::place`] has placed stays
    /// counted until it is bound, forgotten or removed); finished ones give back what they took.
    pub fn apply_pod(&mut self, uid: &str, pod: &Pod) -> Effect {
        let node = pod.spec.as_ref().and_then(|s| s.node_name.as_deref()).filter(|name| !name.is_empty());
        let Some(node) = node else { return Effect::None };
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        if matches!(phase, Some("Succeeded" | "Failed")) {
            return self.remove_pod(uid);
        }
        if self.pods.get(uid).is_some_and(|placed| &*self.node(placed.node).name == node) {
            return Effect::None;
        }
        let effect = self.remove_pod(uid);
        let id = self.id_for(node);
        self.assume(uid, id, &Demand::from_pod(pod));
        effect
    }

    /// A pod is gone, or its binding failed.
    pub fn remove_pod(&mut self, uid: &str) -> Effect {
        let Some(placed) = self.pods.remove(uid) else { return Effect::None };
        self.node_mut(placed.node).remove(&placed.usage);
        self.drop_if_unused(placed.node);
        Effect::MayFit
    }

    /// The nodes that have a Node object.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeState> {
        self.candidates().map(|(_, node)| node)
    }

    pub(crate) fn candidates(&self) -> impl Iterator<Item = (NodeId, &NodeState)> {
        let known =
            |(id, slot): (NodeId, &'_ Option<NodeState>)| slot.as_ref().filter(|node| node.offer.is_some()).map(|_| id);
        self.nodes.iter().enumerate().filter_map(known).map(|id| (id, self.node(id)))
    }

    pub(crate) fn node(&self, id: NodeId) -> &NodeState {
        self.nodes[id].as_ref().expect("ids are kept only while their node is")
    }

    pub(crate) fn assume(&mut self, uid: &str, node: NodeId, demand: &Demand) {
        let usage = Usage::of(demand);
        self.node_mut(node).add(&usage);
        self.pods.insert(uid.into(), Placed { node, usage });
    }

    fn node_mut(&mut self, id: NodeId) -> &mut NodeState {
        self.nodes[id].as_mut().expect("ids are kept only while their node is")
    }

    fn id_for(&mut self, name: &str) -> NodeId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        let name: Arc<str> = name.into();
        let state = Some(NodeState::new(name.clone()));
        let id = match self.free.pop() {
            Some(id) => {
                self.nodes[id] = state;
                id
            }
            None => {
                self.nodes.push(state);
                self.nodes.len() - 1
            }
        };
        self.ids.insert(name, id);
        id
    }

    fn drop_if_unused(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.offer.is_none() && node.is_empty() {
            let name = node.name.clone();
            self.ids.remove(&name);
            self.nodes[id] = None;
            self.free.push(id);
        }
    }
}
