//! Every object of the cluster as of one revision, with what controllers look up by.
//!
//! Objects share their bytes with the watch cache. Beside them stand the few facts that are asked for often, parsed
//! once when the object changes. Indexes follow each change; none is ever rebuilt.

mod facts;
mod index;
mod node;
mod pod;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use ipnetwork::IpNetwork;
use xebec_api::{Catalogue, Meta, Object, ObjectError};

use crate::action::{Precondition, Target};
use crate::controller::{Controller, INTERESTS, Key};
use crate::resource::{ObjectRef, Resource};
use crate::time::Moment;

pub use facts::Facts;
use index::Index;
pub use node::{NodeFacts, Readiness};
pub use pod::{NamedPort, Phase, PodFacts};

/// What the operator of the cluster chose.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where nodes' pod ranges are cut from.
    pub cluster_cidr: IpNetwork,
    /// How long a node may be silent before it counts as lost.
    pub node_monitor_grace: Duration,
    /// The certificate (PEM) of the authority that signs what the API shows.
    pub serving_ca: String,
}

/// An object was created, changed or deleted.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which.
    pub object: ObjectRef,
    /// As it is now; `None` if it is gone.
    pub current: Option<Object>,
    /// The cluster's revision with this change.
    pub revision: u64,
}

/// What a change led to.
#[derive(Debug, Default)]
pub struct Applied {
    /// What must be reconciled.
    pub keys: BTreeSet<Key>,
    /// The object could not be read as its kind. It is in the world all the same, without facts.
    pub unreadable: Option<ObjectError>,
}

/// An object in the world.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub reference: ObjectRef,
    /// The object.
    pub object: Object,
    /// The revision of its last change.
    pub revision: u64,
    /// What was parsed beside its metadata.
    pub facts: Facts,
}

impl Entry {
    /// Its metadata.
    pub fn meta(&self) -> &Meta {
        self.object.meta()
    }

    /// Whether it is being deleted.
    pub fn is_deleting(&self) -> bool {
        self.meta().deletion_timestamp.is_some()
    }

    /// The uid of the owner that controls it.
    pub fn controller_uid(&self) -> Option<&str> {
        self.meta().owner_references.iter().find(|owner| owner.controller).map(|owner| owner.uid.as_str())
    }

    /// It, provided that nothing about it has changed.
    pub fn exactly(&self) -> Target {
        self.target(Precondition::Revision(self.revision))
    }

    /// It, whatever has changed about it meanwhile.
    pub fn anyhow(&self) -> Target {
        self.target(Precondition::Uid)
    }

    fn target(&self, precondition: Precondition) -> Target {
        Target { object: self.reference.clone(), uid: self.meta().uid.clone(), precondition }
    }
}

/// A change as controllers see it when they say what concerns them.
pub struct Transition<'a> {
    /// Which object.
    pub object: &'a ObjectRef,
    /// As it was.
    pub before: Option<&'a Entry>,
    /// As it is.
    pub after: Option<&'a Entry>,
}

impl Transition<'_> {
    /// Before and after, as far as they exist.
    pub fn sides(&self) -> impl Iterator<Item = &Entry> {
        [self.before, self.after].into_iter().flatten()
    }
}

/// What went wrong when a key's actions were last carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What could not be done, in one CamelCase word: `FailedCreate`, `FailedDelete`, `FailedUpdate`.
    pub reason: &'static str,
    /// Why.
    pub message: String,
}

/// The cluster as of one revision.
pub struct World {
    settings: Settings,
    catalogue: Catalogue,
    objects: BTreeMap<ObjectRef, Entry>,
    index: Index,
    revision: u64,
    heard: BTreeMap<Arc<str>, Duration>,
    failures: BTreeMap<Key, Failure>,
}

impl World {
    /// An empty world.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            catalogue: Catalogue::default(),
            objects: BTreeMap::new(),
            index: Index::default(),
            revision: 0,
            heard: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    /// Takes in one change and says which keys it concerns. Changes come in the order of their revisions.
    pub fn apply(&mut self, change: Change, now: Moment) -> Applied {
        let mut applied = Applied::default();
        let before = self.objects.remove(&change.object);
        if let Some(before) = &before {
            self.index.remove(before);
        }
        if let Some(object) = change.current {
            let (facts, unreadable) = Facts::read(change.object.resource, &object);
            applied.unreadable = unreadable;
            let entry = Entry { reference: change.object.clone(), object, revision: change.revision, facts };
            self.index.insert(&entry, &self.objects);
            self.objects.insert(change.object.clone(), entry);
        }
        self.note_definition(&change.object);
        self.revision = self.revision.max(change.revision);
        self.note_nodes(&change.object, before.as_ref(), now);
        let after = self.objects.get(&change.object);
        let transition = Transition { object: &change.object, before: before.as_ref(), after };
        for interest in INTERESTS {
            interest(self, &transition, &mut applied.keys);
        }
        applied
    }

    /// Keeps the catalogue true. A definition that the process has no room for is not served, so it has no objects either.
    fn note_definition(&mut self, changed: &ObjectRef) {
        if changed.resource != Resource::DEFINITIONS {
            return;
        }
        match self.objects.get(changed) {
            Some(entry) => drop(self.catalogue.define(&entry.object.to_value())),
            None => self.catalogue.forget(&changed.name),
        }
    }

    /// Remembers since when nodes that pods are bound to are missing.
    fn note_nodes(&mut self, changed: &ObjectRef, before: Option<&Entry>, now: Moment) {
        let node = match changed.resource {
            Resource::NODES => Some(changed.name.clone()),
            Resource::PODS => {
                let entry = self.objects.get(changed).or(before);
                entry.and_then(|entry| entry.facts.pod()?.node.clone())
            }
            _ => None,
        };
        let Some(node) = node else { return };
        let exists = self.node(&node).is_some();
        self.index.note_node(node, exists, now.uptime);
    }

    /// A node was last heard at this point of the leader's uptime; zero: before. Names the key to look at if it had been
    /// silent for too long, or was not heard at all.
    pub fn heard(&mut self, node: &str, at: Duration) -> Option<Key> {
        let before = self.heard.insert(node.into(), at).unwrap_or_default();
        let silent = at.saturating_sub(before) >= self.settings.node_monitor_grace;
        let first = before.is_zero() && !at.is_zero();
        (silent || first).then(|| Key::new(Controller::NodeLifecycle, ObjectRef::cluster(Resource::NODES, node)))
    }

    /// When a node was last heard, in the leader's uptime. One that has not been heard yet counts from the beginning.
    pub fn last_heard(&self, node: &str) -> Duration {
        self.heard.get(node).copied().unwrap_or_default()
    }

    /// Whether a node has been heard by this leader.
    pub fn has_heard(&self, node: &str) -> bool {
        !self.last_heard(node).is_zero()
    }

    /// Records how carrying out a key's actions went.
    pub fn record(&mut self, key: &Key, failure: Option<Failure>) {
        match failure {
            Some(failure) => self.failures.insert(key.clone(), failure),
            None => self.failures.remove(key),
        };
    }

    /// What went wrong with a key last time, if something did.
    pub fn failure(&self, key: &Key) -> Option<&Failure> {
        self.failures.get(key)
    }

    /// The kinds that there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// What the operator chose.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The revision of the last change taken in.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// An object by name.
    pub fn get(&self, object: &ObjectRef) -> Option<&Entry> {
        self.objects.get(object)
    }

    /// An object by uid.
    pub fn by_uid(&self, uid: &str) -> Option<&Entry> {
        self.index.by_uid(uid).and_then(|object| self.objects.get(object))
    }

    /// All objects of a resource, by namespace and name.
    pub fn all(&self, resource: Resource) -> impl Iterator<Item = &Entry> {
        let first = ObjectRef::cluster(resource, "");
        let from = self.objects.range((Bound::Included(first), Bound::Unbounded));
        from.take_while(move |(object, _)| object.resource == resource).map(|(_, entry)| entry)
    }

    /// The objects of a resource in a namespace, by name.
    pub fn in_namespace<'a>(&'a self, resource: Resource, namespace: &'a str) -> impl Iterator<Item = &'a Entry> {
        in_namespace(&self.objects, resource, namespace)
    }

    /// The objects that name this uid as an owner.
    pub fn dependents<'a>(&'a self, uid: &str) -> impl Iterator<Item = &'a Entry> {
        self.look_up(self.index.dependents(uid))
    }

    /// The objects of a resource in a namespace that nothing controls.
    pub fn orphans<'a>(&'a self, resource: Resource, namespace: &Arc<str>) -> impl Iterator<Item = &'a Entry> {
        self.look_up(self.index.orphans(resource, namespace))
    }

    /// The pods bound to a node.
    pub fn pods_on<'a>(&'a self, node: &str) -> impl Iterator<Item = &'a Entry> {
        self.look_up(self.index.pods_on(node))
    }

    /// The pods a Service selects.
    pub fn pods_of<'a>(&'a self, service: &ObjectRef) -> impl Iterator<Item = &'a Entry> {
        self.look_up(self.index.pods_of(service))
    }

    /// A node and its facts.
    pub fn node(&self, name: &str) -> Option<&NodeFacts> {
        self.get(&ObjectRef::cluster(Resource::NODES, name))?.facts.node()
    }

    /// Since when a node that pods are bound to has been missing.
    pub fn missing_since(&self, node: &str) -> Option<Duration> {
        self.index.missing_since(node)
    }

    /// Whether at least one node is ready.
    pub fn any_node_ready(&self) -> bool {
        self.index.ready_nodes() > 0
    }

    /// Whether by this change a node is ready while none was before.
    pub(crate) fn is_first_ready_node(&self, change: &Transition<'_>) -> bool {
        let ready = |entry: Option<&Entry>| {
            entry.and_then(|e| e.facts.node()).is_some_and(|node| node.readiness == Readiness::Ready)
        };
        self.index.ready_nodes() == 1 && ready(change.after) && !ready(change.before)
    }

    fn look_up<'a>(&'a self, objects: Option<&'a BTreeSet<ObjectRef>>) -> impl Iterator<Item = &'a Entry> {
        objects.into_iter().flatten().filter_map(|object| self.objects.get(object))
    }
}

fn in_namespace<'a>(
    objects: &'a BTreeMap<ObjectRef, Entry>,
    resource: Resource,
    namespace: &'a str,
) -> impl Iterator<Item = &'a Entry> {
    let first = ObjectRef::new(resource, namespace, "");
    let from = objects.range((Bound::Included(first), Bound::Unbounded));
    from.take_while(move |(object, _)| object.resource == resource && &*object.namespace == namespace)
        .map(|(_, entry)| entry)
}
