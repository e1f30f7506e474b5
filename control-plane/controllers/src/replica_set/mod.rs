//! Keeps as many pods as a ReplicaSet asks for.
//!
//! It adopts and releases pods by controller reference, creates what is missing, deletes what is too much (`order.rs`
//! says which first) and reports (`status.rs`). Pods that are being deleted or have finished count as gone: their
//! replacements do not wait for them.
//!
//! # Why no pod is created twice
//! There are no expectations. A key is not looked at again before the world shows what it wrote; and whoever counts
//! from the same pods arrives at the same names (`names.rs`), so a deposed leader's late create fails with "already
//! exists" instead of adding a pod. Deletions carry uid and revision.

mod order;
mod status;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::action::{Action, EventType, ObjectEvent, Outcome};
use crate::claim::{claim, owner_reference};
use crate::controller::{Controller, Key};
use crate::names::ChildNames;
use crate::resource::{ObjectRef, Resource};
use crate::time::Moment;
use crate::world::{Entry, PodFacts, Transition, World};

/// Pods created or deleted at once. The rest follows when these show in the world.
const BURST: usize = 500;
const COMPONENT: &str = "replicaset-controller";

/// Of a ReplicaSet, what is needed here.
#[derive(Deserialize)]
struct Shape {
    spec: Spec,
    #[serde(default)]
    status: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    replicas: Option<usize>,
    #[serde(default)]
    min_ready_seconds: u32,
    #[serde(default)]
    template: Value,
}

/// A ReplicaSet with the pods that are its own.
struct Set<'a> {
    entry: &'a Entry,
    spec: Spec,
    status: Value,
    pods: Vec<Replica<'a>>,
}

/// A pod of the set.
#[derive(Clone, Copy)]
struct Replica<'a> {
    entry: &'a Entry,
    facts: &'a PodFacts,
}

impl Replica<'_> {
    /// Neither finished nor on its way out.
    fn is_active(&self) -> bool {
        !self.facts.phase.is_final() && !self.entry.is_deleting()
    }
}

impl<'a> Set<'a> {
    fn wanted(&self) -> usize {
        self.spec.replicas.unwrap_or(1)
    }

    fn active(&self) -> Vec<Replica<'a>> {
        self.pods.iter().copied().filter(Replica::is_active).collect()
    }
}

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    match change.object.resource {
        Resource::REPLICA_SETS if change.after.is_some() => {
            keys.insert(Key::new(Controller::ReplicaSet, change.object.clone()));
        }
        Resource::PODS => change.sides().for_each(|pod| sets_of_pod(world, pod, keys)),
        _ => {}
    }
}

/// The set that controls the pod, or those that may want to adopt it.
fn sets_of_pod(world: &World, pod: &Entry, keys: &mut BTreeSet<Key>) {
    let mut add = |set: &Entry| keys.insert(Key::new(Controller::ReplicaSet, set.reference.clone()));
    if let Some(uid) = pod.controller_uid() {
        world.by_uid(uid).filter(|owner| owner.reference.resource == Resource::REPLICA_SETS).map(add);
        return;
    }
    for set in world.in_namespace(Resource::REPLICA_SETS, &pod.reference.namespace) {
        if set.facts.selector().is_some_and(|selector| selector.matches(&pod.meta().labels)) {
            add(set);
        }
    }
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef, now: Moment) -> Outcome {
    let Some(entry) = world.get(object) else { return Outcome::default() };
    let (Some(selector), Ok(shape)) = (entry.facts.selector(), entry.object.decode::<Shape>()) else {
        return Outcome::default();
    };
    let claimed = claim(world, entry, selector, Resource::PODS);
    let pods = claimed.owned.iter().filter_map(|entry| Some(Replica { entry, facts: entry.facts.pod()? })).collect();
    let set = Set { entry, spec: shape.spec, status: shape.status, pods };
    let mut outcome = Outcome::of(claimed.actions);
    if !entry.is_deleting() {
        outcome.actions.extend(scale(world, &set, &adopted(&outcome.actions)));
    }
    let failure = world.failure(&Key::new(Controller::ReplicaSet, object.clone()));
    status::report(&set, failure, now, &mut outcome);
    outcome
}

/// Pods that an action changes already, which therefore none must delete in the same outcome.
fn adopted(actions: &[Action]) -> BTreeSet<ObjectRef> {
    let target = |action: &Action| match action {
        Action::Patch { target, .. } => Some(target.object.clone()),
        _ => None,
    };
    actions.iter().filter_map(target).collect()
}

fn scale(world: &World, set: &Set<'_>, busy: &BTreeSet<ObjectRef>) -> Vec<Action> {
    let active = set.active();
    let missing = set.wanted().saturating_sub(active.len());
    if missing > 0 {
        return create(world, set, missing.min(BURST));
    }
    let surplus = active.len() - set.wanted();
    let doomed = order::first_to_go(active, surplus.min(BURST));
    doomed.iter().filter(|pod| !busy.contains(&pod.entry.reference)).flat_map(|pod| delete(set, pod)).collect()
}

fn create(world: &World, set: &Set<'_>, count: usize) -> Vec<Action> {
    let owner = &set.entry.reference;
    let taken = |name: &str| world.get(&owner.sibling(Resource::PODS, name)).is_some();
    let existing = set.pods.iter().map(|pod| &*pod.entry.reference.name);
    let names = ChildNames::after(&owner.name, &set.entry.meta().uid, existing).take(count, &taken);
    names.into_iter().flat_map(|name| create_one(set, &name)).collect()
}

fn create_one(set: &Set<'_>, name: &str) -> [Action; 2] {
    let namespace = &*set.entry.reference.namespace;
    let mut metadata = json!({
        "name": name, "namespace": namespace, "ownerReferences": [owner_reference(set.entry)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        if let Some(value) = set.spec.template.pointer(&format!("/metadata/{field}")) {
            metadata[field] = value.clone();
        }
    }
    let spec = set.spec.template.get("spec").cloned().unwrap_or_else(|| json!({}));
    let object = json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec});
    let create = Action::Create { resource: Resource::PODS, namespace: namespace.to_owned(), object };
    [create, tell(set, "SuccessfulCreate", format!("Created pod: {name}"))]
}

fn delete(set: &Set<'_>, pod: &Replica<'_>) -> [Action; 2] {
    let delete = Action::Delete { target: pod.entry.exactly(), grace_seconds: None, propagation: None };
    [delete, tell(set, "SuccessfulDelete", format!("Deleted pod: {}", pod.entry.reference.name))]
}

fn tell(set: &Set<'_>, reason: &'static str, message: String) -> Action {
    Action::Emit(ObjectEvent {
        regarding: set.entry.reference.clone(),
        uid: set.entry.meta().uid.clone(),
        kind: EventType::Normal,
        reason,
        message,
        component: COMPONENT,
    })
}
