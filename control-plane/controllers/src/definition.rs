//! Deletes the objects of a kind whose definition is being deleted, then lets the definition go. Has the registry look again at
//! definitions whose names were taken when another definition changes.

use std::collections::BTreeSet;

use serde_json::json;
use xebec_api::custom::CLEANUP;

use crate::action::{Action, Outcome, Propagation};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Entry, Transition, World};

/// Deletions in one look; the next follows when these show in the world.
const BATCH: usize = 500;

pub(crate) fn interest(world: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let definition = match change.object.resource {
        Resource::DEFINITIONS => {
            let others = world.all(Resource::DEFINITIONS).filter(|other| other.reference != *change.object);
            let waiting = others.filter(|other| other.facts.names_are_taken());
            keys.extend(waiting.map(|other| Key::new(Controller::Definition, other.reference.clone())));
            change.object.clone()
        }
        of => match world.catalogue().resource(of.group, of.plural).filter(|kind| kind.custom.is_some()) {
            Some(kind) => ObjectRef::cluster(Resource::DEFINITIONS, &kind.resource()),
            None => return,
        },
    };
    if world.get(&definition).is_some_and(Entry::is_deleting) {
        keys.insert(Key::new(Controller::Definition, definition));
    }
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    if let Some(taken) = world.get(object).filter(|entry| !entry.is_deleting() && entry.facts.names_are_taken()) {
        // The registry writes the status of a definition with every write of it, and nothing where that is what it was.
        return Outcome::of(vec![Action::Patch { target: taken.exactly(), status: false, patch: json!({}) }]);
    }
    let waits = |entry: &&Entry| entry.is_deleting() && entry.meta().finalizers.iter().any(|name| name == CLEANUP);
    let Some(definition) = world.get(object).filter(waits) else { return Outcome::default() };
    let kind = world.catalogue().defined_by(&object.name);
    let mut objects = kind.into_iter().flat_map(|kind| world.all(kind.into())).peekable();
    if objects.peek().is_none() {
        return Outcome::of(vec![release(definition)]);
    }
    Outcome::of(objects.filter(|entry| !entry.is_deleting()).take(BATCH).map(delete).collect())
}

fn delete(entry: &Entry) -> Action {
    let propagation = Some(Propagation::Background);
    Action::Delete { target: entry.anyhow(), grace_seconds: None, propagation }
}

fn release(definition: &Entry) -> Action {
    let left: Vec<&String> = definition.meta().finalizers.iter().filter(|name| *name != CLEANUP).collect();
    let patch = json!({"metadata": {"finalizers": left}});
    Action::Patch { target: definition.exactly(), status: false, patch }
}
