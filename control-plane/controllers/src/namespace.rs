//! Empties a namespace that is being deleted, then lets it go.
//!
//! Everything in it is deleted, whatever the order: nothing can be created in it any more. When the last object is gone
//! the finalizer that stands for this work is taken off, and with the last finalizer the namespace goes.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use xebec_api::kinds::Scope;

use crate::action::{Action, Outcome, Propagation};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Entry, Transition, World};

/// In `spec.finalizers`.
const FINALIZER: &str = "kubernetes";
/// Deletions in one look; the next follows when these show in the world.
const BATCH: usize = 500;

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let namespace = match change.object.resource {
        Resource::NAMESPACES => &change.object.name,
        _ if change.object.namespace.is_empty() => return,
        _ => &change.object.namespace,
    };
    let namespace = ObjectRef::cluster(Resource::NAMESPACES, namespace);
    if world.get(&namespace).is_some_and(Entry::is_deleting) {
        keys.insert(Key::new(Controller::Namespace, namespace));
    }
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    let Some(namespace) = world.get(object).filter(|entry| entry.is_deleting()) else { return Outcome::default() };
    let mut content = contents(world, &object.name).peekable();
    if content.peek().is_none() {
        return Outcome::of(finalize(namespace).into_iter().collect());
    }
    let remaining = content.filter(|entry| !entry.is_deleting()).take(BATCH);
    Outcome::of(remaining.map(delete).collect())
}

fn contents<'a>(world: &'a World, namespace: &'a str) -> impl Iterator<Item = &'a Entry> {
    let namespaced = world.catalogue().kept().filter(|kind| kind.scope == Scope::Namespaced);
    namespaced.flat_map(move |kind| world.in_namespace(kind.into(), namespace))
}

fn delete(entry: &Entry) -> Action {
    let target = entry.anyhow();
    Action::Delete { target, grace_seconds: None, propagation: Some(Propagation::Background) }
}

fn finalize(namespace: &Entry) -> Option<Action> {
    let value = namespace.object.to_value();
    let finalizers = value.pointer("/spec/finalizers").and_then(Value::as_array)?;
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return None;
    }
    let left: Vec<&Value> = finalizers.iter().filter(|finalizer| *finalizer != FINALIZER).collect();
    let patch = json!({"spec": {"finalizers": left}});
    Some(Action::Patch { target: namespace.exactly(), status: false, patch })
}
