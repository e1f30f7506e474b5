//! The indexes of the world. Each follows every change: what an entry put in, its removal takes out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::Entry;
use super::facts::Facts;
use super::node::Readiness;
use crate::resource::{ObjectRef, Resource};

/// Objects under a key; the key goes with its last object.
type Buckets<K> = BTreeMap<K, BTreeSet<ObjectRef>>;

#[derive(Default)]
pub(super) struct Index {
    uids: BTreeMap<String, ObjectRef>,
    dependents: Buckets<String>,
    orphans: Buckets<(Resource, Arc<str>)>,
    pods_on: Buckets<Arc<str>>,
    /// Services of each namespace that select something, and what; so that a pod finds its services without a look at
    /// the others' bytes.
    services: BTreeMap<Arc<str>, BTreeMap<ObjectRef, BTreeMap<String, String>>>,
    pods_of: Buckets<ObjectRef>,
    ready_nodes: usize,
    missing: BTreeMap<Arc<str>, Duration>,
}

impl Index {
    pub(super) fn insert(&mut self, entry: &Entry, others: &BTreeMap<ObjectRef, Entry>) {
        let reference = &entry.reference;
        self.uids.insert(entry.meta().uid.clone(), reference.clone());
        for owner in &entry.meta().owner_references {
            add(&mut self.dependents, owner.uid.clone(), reference);
        }
        if is_orphan(entry) {
            add(&mut self.orphans, (reference.resource, reference.namespace.clone()), reference);
        }
        match &entry.facts {
            Facts::Pod(facts) => {
                if let Some(node) = &facts.node {
                    add(&mut self.pods_on, node.clone(), reference);
                }
                self.insert_pod(entry);
            }
            Facts::Service(selector) if !selector.is_empty() => self.insert_service(reference, selector, others),
            Facts::Node(facts) if facts.readiness == Readiness::Ready => self.ready_nodes += 1,
            _ => {}
        }
    }

    pub(super) fn remove(&mut self, entry: &Entry) {
        let reference = &entry.reference;
        self.uids.remove(&entry.meta().uid);
        for owner in &entry.meta().owner_references {
            take(&mut self.dependents, &owner.uid, reference);
        }
        if is_orphan(entry) {
            take(&mut self.orphans, &(reference.resource, reference.namespace.clone()), reference);
        }
        match &entry.facts {
            Facts::Pod(facts) => {
                if let Some(node) = &facts.node {
                    take(&mut self.pods_on, node, reference);
                }
                self.remove_pod(entry);
            }
            Facts::Service(selector) if !selector.is_empty() => self.remove_service(reference),
            Facts::Node(facts) if facts.readiness == Readiness::Ready => self.ready_nodes -= 1,
            _ => {}
        }
    }

    fn insert_pod(&mut self, entry: &Entry) {
        let (reference, labels) = (&entry.reference, &entry.meta().labels);
        for (service, selector) in self.services.get(&reference.namespace).into_iter().flatten() {
            if selects(selector, labels) {
                add(&mut self.pods_of, service.clone(), reference);
            }
        }
    }

    fn remove_pod(&mut self, entry: &Entry) {
        let (reference, labels) = (&entry.reference, &entry.meta().labels);
        for (service, selector) in self.services.get(&reference.namespace).into_iter().flatten() {
            if selects(selector, labels) {
                take(&mut self.pods_of, service, reference);
            }
        }
    }

    /// The one look through a namespace's pods: when a Service comes, or changes.
    fn insert_service(
        &mut self,
        service: &ObjectRef,
        selector: &BTreeMap<String, String>,
        others: &BTreeMap<ObjectRef, Entry>,
    ) {
        for pod in super::in_namespace(others, Resource::PODS, &service.namespace) {
            if selects(selector, &pod.meta().labels) {
                add(&mut self.pods_of, service.clone(), &pod.reference);
            }
        }
        self.services.entry(service.namespace.clone()).or_default().insert(service.clone(), selector.clone());
    }

    fn remove_service(&mut self, service: &ObjectRef) {
        self.pods_of.remove(service);
        take_inner(&mut self.services, service);
    }

    /// Notes whether a node that something refers to is there, and forgets the missing one that no pod is bound to.
    pub(super) fn note_node(&mut self, node: Arc<str>, exists: bool, now: Duration) {
        if exists || !self.pods_on.contains_key(&node) {
            self.missing.remove(&node);
        } else {
            self.missing.entry(node).or_insert(now);
        }
    }

    pub(super) fn missing_since(&self, node: &str) -> Option<Duration> {
        self.missing.get(node).copied()
    }

    pub(super) fn by_uid(&self, uid: &str) -> Option<&ObjectRef> {
        self.uids.get(uid)
    }

    pub(super) fn dependents(&self, uid: &str) -> Option<&BTreeSet<ObjectRef>> {
        self.dependents.get(uid)
    }

    pub(super) fn orphans(&self, resource: Resource, namespace: &Arc<str>) -> Option<&BTreeSet<ObjectRef>> {
        self.orphans.get(&(resource, namespace.clone()))
    }

    pub(super) fn pods_on(&self, node: &str) -> Option<&BTreeSet<ObjectRef>> {
        self.pods_on.get(node)
    }

    pub(super) fn pods_of(&self, service: &ObjectRef) -> Option<&BTreeSet<ObjectRef>> {
        self.pods_of.get(service)
    }

    pub(super) fn ready_nodes(&self) -> usize {
        self.ready_nodes
    }
}

/// Whether a controller might adopt it. Only pods and ReplicaSets are ever adopted.
fn is_orphan(entry: &Entry) -> bool {
    matches!(entry.reference.resource, Resource::PODS | Resource::REPLICA_SETS) && entry.controller_uid().is_none()
}

fn selects(selector: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    selector.iter().all(|(key, value)| labels.get(key) == Some(value))
}

fn add<K: Ord>(buckets: &mut Buckets<K>, key: K, object: &ObjectRef) {
    buckets.entry(key).or_default().insert(object.clone());
}

fn take<K: Ord>(buckets: &mut Buckets<K>, key: &K, object: &ObjectRef) {
    let Some(bucket) = buckets.get_mut(key) else { return };
    bucket.remove(object);
    if bucket.is_empty() {
        buckets.remove(key);
    }
}

fn take_inner<V>(outer: &mut BTreeMap<Arc<str>, BTreeMap<ObjectRef, V>>, object: &ObjectRef) {
    let Some(inner) = outer.get_mut(&object.namespace) else { return };
    inner.remove(object);
    if inner.is_empty() {
        outer.remove(&object.namespace);
    }
}
