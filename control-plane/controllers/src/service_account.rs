//! Every namespace has a ServiceAccount `default`.

use std::collections::BTreeSet;

use serde_json::json;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Transition, World};

const NAME: &str = "default";

pub(crate) fn interest(_: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let namespace = match change.object.resource {
        Resource::NAMESPACES if change.after.is_some() => change.object.name.clone(),
        Resource::SERVICE_ACCOUNTS if change.after.is_none() => change.object.namespace.clone(),
        _ => return,
    };
    keys.insert(Key::new(Controller::ServiceAccount, ObjectRef::cluster(Resource::NAMESPACES, &namespace)));
}

pub(crate) fn reconcile(world: &World, namespace: &ObjectRef) -> Outcome {
    let account = ObjectRef::new(Resource::SERVICE_ACCOUNTS, &namespace.name, NAME);
    let active = world.get(namespace).is_some_and(|entry| !entry.is_deleting());
    if !active || world.get(&account).is_some() {
        return Outcome::default();
    }
    let namespace = namespace.name.to_string();
    let object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": namespace},
    });
    Outcome::of(vec![Action::Create { resource: Resource::SERVICE_ACCOUNTS, namespace, object }])
}
