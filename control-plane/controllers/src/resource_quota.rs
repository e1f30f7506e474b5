//! Counts what a new or changed quota is about. From then on whoever writes keeps the count; until then nothing that it bounds can
//! grow. Should the quota change meanwhile, because something went, the count is refused and made again.

use std::collections::BTreeSet;

use serde_json::json;
use xebec_api::kinds::Scope;
use xebec_api::quota;

use crate::action::{Action, Outcome};
use crate::controller::{Controller, Key};
use crate::resource::{ObjectRef, Resource};
use crate::world::{Transition, World};

pub(crate) fn interest(_: &World, change: &Transition<'_>, keys: &mut BTreeSet<Key>) {
    if change.object.resource == Resource::RESOURCE_QUOTAS && change.after.is_some() {
        keys.insert(Key::new(Controller::ResourceQuota, change.object.clone()));
    }
}

pub(crate) fn reconcile(world: &World, object: &ObjectRef) -> Outcome {
    let Some(entry) = world.get(object).filter(|entry| !entry.is_deleting()) else { return Outcome::default() };
    let quota = entry.object.to_value();
    if quota::is_counted(&quota) {
        return Outcome::default();
    }
    let namespaced = world.catalogue().kept().filter(|kind| kind.scope == Scope::Namespaced);
    let objects = namespaced.flat_map(|kind| {
        world.in_namespace(kind.into(), &object.namespace).map(move |entry| (kind, entry.object.to_value()))
    });
    let mut status = quota::count(&quota, objects);
    for gone in ["hard", "used"] {
        let names = quota["status"][gone].as_object().into_iter().flatten().map(|(name, _)| name);
        let names: Vec<&String> = names.filter(|name| status[gone].get(name.as_str()).is_none()).collect();
        names.into_iter().for_each(|name| status[gone][name] = serde_json::Value::Null);
    }
    Outcome::of(vec![Action::Patch { target: entry.exactly(), status: true, patch: json!({ "status": status }) }])
}
