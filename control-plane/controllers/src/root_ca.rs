//! Every namespace has a ConfigMap that holds the CA of what the API shows, so that pods know whom they talk to.

use std::collections::BTreeSet;

use serde_json::json;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Transition, World};

const NAME: &str = "kube-root-ca.crt";
const KEY: &str = "ca.crt";

pub(crate) fn interest(_: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    let namespace = match change.object.resource {
        Resource::NAMESPACES if change.after.is_some() => &change.object.name,
        Resource::CONFIG_MAPS if &*change.object.name == NAME => &change.object.namespace,
        _ => return,
    };
    keys.insert(Key::new(Controller::RootCa, ObjectRef::cluster(Resource::NAMESPACES, namespace)));
}

pub(crate) fn reconcile(world: &World, namespace: &ObjectRef) -> Outcome {
    let active = world.get(namespace).is_some_and(|entry| !entry.is_deleting());
    if !active {
        return Outcome::default();
    }
    let data = json!({KEY: world.settings().serving_ca});
    let Some(held) = world.get(&ObjectRef::new(Resource::CONFIG_MAPS, &namespace.name, NAME)) else {
        let namespace = namespace.name.to_string();
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME, "namespace": namespace}, "data": data,
        });
        return Outcome::of(vec![Action::Create { resource: Resource::CONFIG_MAPS, namespace, object }]);
    };
    if held.is_deleting() || held.object.to_value()["data"] == data {
        return Outcome::default();
    }
    Outcome::of(vec![Action::Patch { target: held.exactly(), status: false, patch: json!({"data": data}) }])
}
