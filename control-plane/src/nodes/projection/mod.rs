//! What the nodes are to be told: a pure function of the cluster's changes.
//!
//! [`Projection`] takes each change once and answers with messages for the nodes concerned; asked for a node's whole state, it
//! lists it. It knows neither sessions nor clock. The cost of a change does not depend on how many pods there are.

mod hold;
mod network;
mod pods;
mod references;

use bytes::Bytes;
use xebec_api::Object;
use xebec_proto::v1::network_change::Change as NetworkItem;
use xebec_proto::v1::node_down::Message;
use xebec_proto::v1::{NetworkChange, PodAssigned, PodRemoved, Reference, ReferenceChanged, SyncComplete};

use hold::Holds;
use network::Network;
use pods::{Pods, Told};

pub(super) use hold::Millis;
pub(super) use references::{RefKey, RefKind};

/// An object and the revision that last changed it.
#[derive(Clone)]
pub(super) struct At {
    pub(super) object: Object,
    pub(super) revision: u64,
}

/// One change of one object.
pub(super) struct Change {
    pub(super) kind: &'static str,
    pub(super) namespace: String,
    pub(super) name: String,
    /// Absent when the object is gone.
    pub(super) current: Option<At>,
    pub(super) revision: u64,
}

/// Who is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    One(String),
    All,
}

/// A message and who gets it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outgoing {
    pub(super) to: To,
    pub(super) message: Message,
}

/// Where the content of ConfigMaps and Secrets is found: revision and JSON.
pub(super) trait Lookup {
    fn reference(&self, key: &RefKey) -> Option<(u64, Bytes)>;
}

/// Which generations the nodes have programmed.
pub(super) trait Acknowledged {
    /// Whether all nodes that are heard have programmed this generation.
    fn by_all(&self, generation: u64) -> bool;
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Projection {
    pods: Pods,
    network: Network,
    holds: Holds,
    revision: u64,
}

impl Projection {
    /// Takes in a change.
    pub(super) fn apply(&mut self, change: &Change, now: Millis, lookup: &dyn Lookup) -> Vec<Outgoing> {
        self.revision = self.revision.max(change.revision);
        match change.kind {
            "Pod" => self.pod(change, now, lookup),
            "ConfigMap" => self.reference(RefKind::ConfigMap, change),
            "Secret" => self.reference(RefKind::Secret, change),
            "Node" => to_all(change.revision, self.network.node(change)),
            "Service" => to_all(change.revision, self.network.service(change)),
            "EndpointSlice" => self.slice(change),
            _ => Vec::new(),
        }
    }

    /// Everything up to this revision has been taken in, though the newest of it may have been of no concern.
    pub(super) fn advance(&mut self, revision: u64) {
        self.revision = self.revision.max(revision);
    }

    /// The node's whole state, in the order in which it is sent.
    pub(super) fn sync(&mut self, node: &str, lookup: &dyn Lookup) -> Vec<Message> {
        self.holds.forget_node(node);
        let mut messages: Vec<Message> = self.pods.on(node).map(|told| assigned(told, lookup)).collect();
        let generation = self.revision;
        let items = self.network.all().into_iter().chain([NetworkItem::SnapshotComplete(true)]);
        messages.extend(items.map(|item| network_change(generation, item)));
        messages.push(Message::SyncComplete(SyncComplete { revision: self.revision }));
        messages
    }

    /// The terminating pods whose nodes may be told now.
    pub(super) fn release(
        &mut self,
        now: Millis,
        acknowledged: &dyn Acknowledged,
        lookup: &dyn Lookup,
    ) -> Vec<Outgoing> {
        let network = &self.network;
        let released = self.holds.release(now, acknowledged, |namespace, name| network.serves(namespace, name));
        let told = released.iter().filter_map(|pod| self.pods.get(pod));
        told.map(|told| Outgoing { to: To::One(told.node.clone()), message: assigned(told, lookup) }).collect()
    }

    /// When [`Projection::release`] has something to do even if nothing happens.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        self.holds.next_deadline()
    }

    fn pod(&mut self, change: &Change, now: Millis, lookup: &dyn Lookup) -> Vec<Outgoing> {
        let key = (change.namespace.clone(), change.name.clone());
        let update = self.pods.update(&key, change.current.as_ref());
        let mut outgoing = Vec::new();
        if let Some((node, uid)) = update.removed {
            self.holds.forget(&key);
            let (revision, namespace, name) = (change.revision, change.namespace.clone(), change.name.clone());
            let message = Message::PodRemoved(PodRemoved { revision, uid, namespace, name });
            outgoing.push(Outgoing { to: To::One(node), message });
        }
        let Some(told) = self.pods.get(&key) else { return outgoing };
        if update.began_terminating && self.network.serves(&key.0, &key.1) {
            self.holds.hold(key.clone(), told.node.clone(), now);
        }
        if update.worth_telling && !self.holds.holds(&key) {
            outgoing.push(Outgoing { to: To::One(told.node.clone()), message: assigned(told, lookup) });
        }
        outgoing
    }

    fn slice(&mut self, change: &Change) -> Vec<Outgoing> {
        let items = self.network.slice(change);
        let network = &self.network;
        self.holds.network_changed(change.revision, |namespace, name| network.serves(namespace, name));
        to_all(change.revision, items)
    }

    fn reference(&mut self, kind: RefKind, change: &Change) -> Vec<Outgoing> {
        let key = RefKey { kind, namespace: change.namespace.clone(), name: change.name.clone() };
        let content = change.current.as_ref().map(|at| (at.revision, at.object.with_revision(at.revision)));
        let reference = reference(&key, content.unwrap_or((change.revision, Bytes::new())));
        let message = |node: &String| Outgoing {
            to: To::One(node.clone()),
            message: Message::ReferenceChanged(ReferenceChanged {
                revision: change.revision,
                reference: Some(reference.clone()),
            }),
        };
        self.pods.users_of(&key).map(message).collect()
    }
}

fn assigned(told: &Told, lookup: &dyn Lookup) -> Message {
    let found = told.references.iter().filter_map(|key| Some(reference(key, lookup.reference(key)?)));
    Message::PodAssigned(PodAssigned {
        revision: told.at.revision,
        pod_json: told.at.object.with_revision(told.at.revision),
        references: found.collect(),
    })
}

fn reference(key: &RefKey, (revision, json): (u64, Bytes)) -> Reference {
    let RefKey { kind, namespace, name } = key.clone();
    Reference { kind: kind.as_str().to_owned(), namespace, name, revision, json }
}

fn to_all(generation: u64, items: impl IntoIterator<Item = NetworkItem>) -> Vec<Outgoing> {
    let outgoing = |item| Outgoing { to: To::All, message: network_change(generation, item) };
    items.into_iter().map(outgoing).collect()
}

fn network_change(generation: u64, item: NetworkItem) -> Message {
    Message::NetworkChange(NetworkChange { generation, change: Some(item) })
}

#[cfg(test)]
mod tests;
